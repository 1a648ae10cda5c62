//! What an action changed: the side of its target that it is about, before and after, in JSON.

use std::collections::BTreeMap;

use hotline_wire::Command;
use hotline_wire::snapshot::{
    AgentInfo, AgentState, CallInfo, CallbackInfo, Door, ForcedInfo, MemberInfo, QueueInfo,
};
use serde::Serialize;

use crate::state::Node;

/// Agents or queues that differ between settings, named one by one; of more, their number is told.
const MOST_NAMED: usize = 200;

/// Before and after; empty for what is not there, or not known.
pub(super) type Change = (String, String);

/// What a command did to its target, or would have: a refused one changed nothing.
///
/// # Errors
/// It cannot be written as JSON.
pub(super) fn of_command(command: &Command, node: &Node) -> serde_json::Result<Change> {
    match command {
        Command::SignIn { agent, .. }
        | Command::SignOut { agent }
        | Command::SetReady { agent }
        | Command::SetNotReady { agent, .. }
        | Command::ForceBusy { agent, .. }
        | Command::ForceIdle { agent }
        | Command::ForceSignOut { agent, .. }
        | Command::ExtendWrapUp { agent, .. }
        | Command::Dispose { agent, .. }
        | Command::Hold { agent }
        | Command::Retrieve { agent }
        | Command::Transfer { agent, .. }
        | Command::Ivr { agent, .. }
        | Command::Survey { agent }
        | Command::Consult { agent, .. }
        | Command::Consultation { agent, .. }
        | Command::Disconnect { agent, .. } => both(node.agent_then_and_now(agent), Standing::of),
        Command::Mute { agent } | Command::Unmute { agent } => {
            let [_, now] = node.agent_then_and_now(agent);
            let call = now.and_then(|info| info.call.as_deref());
            let talk = call.map_or([None; 2], |call| node.call_then_and_now(call));
            both(talk, |info| MutedOf { muted: info.muted })
        }
        Command::Record { agent, .. } => {
            let [_, now] = node.agent_then_and_now(agent);
            let call = now.and_then(|info| info.call.as_deref());
            let talk = call.map_or([None; 2], |call| node.call_then_and_now(call));
            both(talk, |info| RecordedOf {
                recording: info.recording.is_some(),
                paused: info.recording.is_some_and(|recording| recording.paused),
            })
        }
        Command::SetMembership { agent, queue, .. } => {
            both(node.agent_then_and_now(agent), |info| Membership::of(info, queue))
        }
        Command::SetSkill { agent, .. } => both(node.agent_then_and_now(agent), |info| Skills {
            skills: &info.skills,
        }),
        Command::SetDoor { queue, .. } => {
            both(node.queue_then_and_now(queue), |info| DoorOf { door: info.door })
        }
        Command::Reprioritise { call, .. } => {
            let [then, now] = node.call_then_and_now(call);
            let [worth_then, worth_now] = node.worth_then_and_now(call);
            Ok((
                written(then.map(|info| Waiting::of(info, worth_then)))?,
                written(now.map(|info| Waiting::of(info, worth_now)))?,
            ))
        }
        Command::MoveCall { call, .. } | Command::Withdraw { call, .. } => {
            both(node.call_then_and_now(call), |info| Waiting::of(info, None))
        }
        Command::CancelCallback { callback } => both(node.callback_then_and_now(callback), Owed::of),
        // Supervisors and what they listen to are no part of the read model; what becomes of the blacklist and of the settings has
        // rows of its own; the others change nothing.
        Command::SignInSupervisor { .. }
        | Command::SignOutSupervisor { .. }
        | Command::Monitor { .. }
        | Command::StopMonitor { .. }
        | Command::Blacklist(_)
        | Command::Reload
        | Command::ConfigSave { .. }
        | Command::ConfigForget { .. }
        | Command::WhyCall { .. }
        | Command::WhyNot { .. }
        | Command::Fairness
        | Command::ConfigDiff => Ok(Change::default()),
    }
}

/// What settings that were applied changed: how many there are of each, and whatever differs. The first of a boot replace nothing.
///
/// # Errors
/// It cannot be written as JSON.
pub(super) fn of_settings(
    node: &Node,
    queues: &[QueueInfo],
    agents: &[AgentInfo],
    tiers: &[String],
) -> serde_json::Result<Change> {
    let was = Settings::of(
        node.queues.values().map(|queue| &queue.info),
        node.agents.values().map(|agent| &*agent.info),
        &node.tiers,
    );
    let is = Settings::of(queues.iter(), agents.iter(), tiers);
    let first = was.queues.is_empty() && was.agents.is_empty() && was.tiers.is_empty();
    if first {
        return Ok((String::new(), written(Some(is.besides(&is)))?));
    }
    Ok((written(Some(was.besides(&is)))?, written(Some(is.besides(&was)))?))
}

fn both<'n, T, S: Serialize>(
    [then, now]: [Option<&'n T>; 2],
    side: impl Fn(&'n T) -> S,
) -> serde_json::Result<Change> {
    Ok((written(then.map(&side))?, written(now.map(&side))?))
}

/// In JSON; nothing is an empty text.
pub(super) fn written<T: Serialize>(side: Option<T>) -> serde_json::Result<String> {
    side.map_or(Ok(String::new()), |side| serde_json::to_string(&side))
}

/// An agent's state, and what holds it there.
#[derive(Serialize)]
struct Standing<'a> {
    state: AgentState,
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    forced: Option<&'a ForcedInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<AgentState>,
    #[serde(skip_serializing_if = "str::is_empty")]
    phone: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    call: Option<&'a str>,
}

impl<'a> Standing<'a> {
    fn of(info: &'a AgentInfo) -> Standing<'a> {
        Standing {
            state: info.state,
            reason: &info.reason,
            forced: info.forced.as_ref(),
            next: info.next,
            phone: &info.phone,
            call: info.call.as_deref(),
        }
    }
}

/// Whether the caller hears nothing of the agent.
#[derive(Serialize)]
struct MutedOf {
    muted: bool,
}

/// Whether the conversation is recorded.
#[derive(Serialize)]
struct RecordedOf {
    recording: bool,
    paused: bool,
}

/// An agent's place in a queue; no level is none.
#[derive(Serialize)]
struct Membership<'a> {
    queue: &'a str,
    level: Option<u8>,
}

impl<'a> Membership<'a> {
    fn of(info: &AgentInfo, queue: &'a str) -> Membership<'a> {
        let member = info.queues.iter().find(|member| member.queue == queue);
        Membership {
            queue,
            level: member.map(|member| member.level),
        }
    }
}

#[derive(Serialize)]
struct Skills<'a> {
    skills: &'a [String],
}

#[derive(Serialize)]
struct DoorOf {
    door: Door,
}

/// A call, without the caller's number: whose it is stands in the records of calls, which are not kept for ever.
#[derive(Serialize)]
struct Waiting<'a> {
    queue: &'a str,
    tier: &'a str,
    joined: u64,
    /// Seconds on top of its tier.
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<&'a str>,
}

impl<'a> Waiting<'a> {
    fn of(info: &'a CallInfo, priority: Option<u32>) -> Waiting<'a> {
        Waiting {
            queue: &info.queue,
            tier: &info.tier,
            joined: info.joined,
            priority,
            agent: info.agent.as_deref(),
        }
    }
}

/// A callback, without the caller's number.
#[derive(Serialize)]
struct Owed<'a> {
    queue: &'a str,
    tier: &'a str,
    placed: u64,
    attempts: u32,
}

impl<'a> Owed<'a> {
    fn of(info: &'a CallbackInfo) -> Owed<'a> {
        Owed {
            queue: &info.queue,
            tier: &info.tier,
            placed: info.placed,
            attempts: info.attempts,
        }
    }
}

/// Of settings, what the daemon is told of them.
struct Settings<'a> {
    queues: BTreeMap<&'a str, &'a QueueInfo>,
    agents: BTreeMap<&'a str, AgentSettings<'a>>,
    tiers: &'a [String],
}

#[derive(Clone, Copy, PartialEq, Serialize)]
struct AgentSettings<'a> {
    name: &'a str,
    queues: &'a [MemberInfo],
    skills: &'a [String],
}

/// One side of a change of settings.
#[derive(Serialize)]
struct Side<'a> {
    agents: usize,
    queues: usize,
    tiers: &'a [String],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    changed_agents: BTreeMap<&'a str, AgentSettings<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    changed_queues: BTreeMap<&'a str, &'a QueueInfo>,
    /// Others that changed as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<usize>,
}

impl<'a> Settings<'a> {
    fn of(
        queues: impl Iterator<Item = &'a QueueInfo>,
        agents: impl Iterator<Item = &'a AgentInfo>,
        tiers: &'a [String],
    ) -> Settings<'a> {
        let agent = |info: &'a AgentInfo| {
            let settings = AgentSettings {
                name: &info.name,
                queues: &info.queues,
                skills: &info.skills,
            };
            (info.number.as_str(), settings)
        };
        Settings {
            queues: queues.map(|info| (info.name.as_str(), info)).collect(),
            agents: agents.map(agent).collect(),
            tiers,
        }
    }

    /// With whatever the others have not, or otherwise.
    fn besides(&self, others: &Settings<'_>) -> Side<'a> {
        let agents = self
            .agents
            .iter()
            .filter(|(key, one)| others.agents.get(*key) != Some(one));
        let mut changed_agents: BTreeMap<_, _> = agents.map(|(key, one)| (*key, *one)).collect();
        let queues = self
            .queues
            .iter()
            .filter(|(key, one)| others.queues.get(*key) != Some(one));
        let mut changed_queues: BTreeMap<_, _> = queues.map(|(key, one)| (*key, *one)).collect();
        let mut left_out = 0;
        while changed_agents.len() > MOST_NAMED {
            changed_agents.pop_last();
            left_out += 1;
        }
        while changed_queues.len() > MOST_NAMED {
            changed_queues.pop_last();
            left_out += 1;
        }
        Side {
            agents: self.agents.len(),
            queues: self.queues.len(),
            tiers: self.tiers,
            changed_agents,
            changed_queues,
            left_out: (left_out > 0).then_some(left_out),
        }
    }
}
