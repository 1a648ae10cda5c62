//! Nodes, queues, agents, calls and callbacks as they are shown: plain values, the same over HTTP, in streams and on the bus.
//! Times are microseconds since the Unix epoch, lengths microseconds.

use std::collections::BTreeMap;

use hotline_wire::mask::masked;
use hotline_wire::snapshot::{AgentInfo, AgentState, CallInfo, CallbackInfo, DispositionInfo};
use serde::Serialize;
use utoipa::ToSchema;

use crate::shared::LinkStatus;
use crate::state::{Node, State};

/// A PBX node.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct NodeView {
    /// Its name.
    pub node: String,
    /// Whether the daemon is connected with it. If not, all that is shown of it is as it was last.
    pub connected: bool,
    /// Version of its module; empty before the first connection.
    pub version: String,
    /// The PBX, for people.
    pub pbx: String,
    /// Its control socket.
    pub socket: String,
    /// Tier names.
    pub tiers: Vec<String>,
    /// Entries of its blacklist; 0 without one.
    pub blacklist_entries: u64,
}

/// How a node's events fare on their way to the store, as the node said within the last seconds; while it is not connected, as it
/// said last.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct PipeView {
    /// Events since the node's start.
    pub events: u64,
    /// Of those, how many the node still has for the daemon: they are not stored yet.
    pub waiting: u64,
    /// How old the last stored event is, while others wait; microseconds, 0 while none waits.
    pub lag: u64,
    /// When the last stored event happened; null if there is none.
    pub last_stored: Option<u64>,
    /// Events in the node's memory.
    pub in_memory: u64,
    /// Its spool; null without one.
    pub spool: Option<SpoolView>,
    /// Events that the node dropped since its start before they were stored, by reason.
    pub dropped: BTreeMap<&'static str, u64>,
    /// Gaps in the stored events, ever, by reason.
    pub gaps: BTreeMap<String, u64>,
    /// Events known to be lost in them.
    pub lost: u64,
    /// Bytes of its journal of inputs; 0 without one.
    pub journal_bytes: u64,
}

/// Where a node keeps events that are not stored yet.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct SpoolView {
    /// Bytes of its files.
    pub bytes: u64,
    /// Bytes that they may have; the oldest events go then.
    pub max_bytes: u64,
    /// Starts before the present one of which it still has events.
    pub earlier_starts: u64,
    /// Events since the node's start that are in it, or were.
    pub written: u64,
    /// Of those, how many a power cut would spare.
    pub synced: u64,
    /// Why it cannot be written at present; empty if it can.
    pub trouble: String,
}

/// A queue.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct QueueView {
    /// The node it is on.
    pub node: String,
    /// Its name.
    pub queue: String,
    /// How it chooses agents.
    pub strategy: String,
    /// Target of the service level; microseconds.
    pub service_target: u64,
    /// Most callers that may wait.
    pub max_waiting: u32,
    /// `open`, `closed` or `emergency`.
    pub door: &'static str,
    /// Callers waiting.
    pub waiting: u32,
    /// When the longest waiting caller joined.
    pub oldest_wait_start: Option<u64>,
    /// Its agents who are signed in, whatever they do.
    pub agents_signed_in: u32,
    /// Its agents who are ready.
    pub agents_ready: u32,
    /// Its agents in a call, of this queue or another.
    pub agents_on_call: u32,
    /// Its callers who talk with an agent.
    pub calls_talking: u32,
    /// The median wait predicted to the last caller who joined; microseconds.
    pub estimated_wait: Option<u64>,
    /// Callers who are owed a call.
    pub callbacks_owed: u32,
}

/// An agent.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct AgentView {
    /// The node the agent is on.
    pub node: String,
    /// Agent number.
    pub agent: String,
    /// Display name.
    pub name: String,
    /// Dial string in use; empty while none is bound.
    pub phone: String,
    /// The phone apart from our calls: `available`, `busy` or `unreachable`.
    pub phone_state: &'static str,
    /// `signed_out`, `ready`, `not_ready`, `forced_busy`, `unavailable`, `offered`, `on_call`, `on_hold`, `consulting`,
    /// `conferencing`, `reserved` or `wrap_up`.
    pub state: &'static str,
    /// When that state began.
    pub since: u64,
    /// Why not ready, unavailable or forced; empty otherwise.
    pub reason: String,
    /// A supervisor's lock, also while a call goes on beneath it.
    pub forced: Option<LockView>,
    /// The state that comes after the present call, or after the disposition that is owed.
    pub next_state: Option<&'static str>,
    /// Whether after-call work goes on until the agent has said what the call was about.
    pub owes_disposition: bool,
    /// Reference of the call offered or talked.
    pub call: Option<String>,
    /// The queues served.
    pub queues: Vec<PlaceView>,
    /// Skills.
    pub skills: Vec<String>,
}

/// What a call can have been about.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct DispositionView {
    /// What agents give, and reports count by.
    pub code: String,
    /// What it is called in Chinese; may be empty.
    pub zh: String,
    /// What it is called in English; may be empty.
    pub en: String,
    /// The caller complained.
    pub complaint: bool,
    /// What the caller called for is done.
    pub resolved: bool,
    /// The caller is to be called again.
    pub follow_up: bool,
}

/// A supervisor's lock.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct LockView {
    /// Why.
    pub reason: String,
    /// Until when; absent until lifted.
    pub until: Option<u64>,
    /// By whom.
    pub author: String,
}

/// An agent's place in a queue.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct PlaceView {
    /// Queue name.
    pub queue: String,
    /// Skill level, 1 (best) to 255.
    pub level: u8,
}

/// A call in progress.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct CallView {
    /// The node it is on.
    pub node: String,
    /// Its reference.
    pub call: String,
    /// Queue name.
    pub queue: String,
    /// Tier name.
    pub tier: String,
    /// Caller number; masked but for the last four digits for who may not see it, empty if withheld.
    pub number: String,
    /// Why the caller is suspicious; empty if not.
    pub flag: String,
    /// Menus that the caller has passed, and what was keyed in there: `main:2`.
    pub path: Vec<String>,
    /// Data that the dialplan attached; none for who may not see the whole number.
    pub data: BTreeMap<String, String>,
    /// When it joined this queue.
    pub joined: u64,
    /// When it was connected.
    pub connected: Option<u64>,
    /// Agent number, once connected.
    pub agent: Option<String>,
    /// `waiting`, `talking`, `on_hold`, `consulting`, `conferencing` or `away`.
    pub state: &'static str,
    /// Whether the caller hears nothing of the agent, by command.
    pub muted: bool,
    /// Whether the conversation is recorded at this moment: `no`, `yes` or `paused`.
    pub recorded: &'static str,
}

/// A caller who is owed a call.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct CallbackView {
    /// The node that owes it.
    pub node: String,
    /// Its reference.
    pub callback: String,
    /// Queue name.
    pub queue: String,
    /// Tier name.
    pub tier: String,
    /// Caller number, as in calls.
    pub number: String,
    /// When it was placed.
    pub placed: u64,
    /// Attempts made.
    pub attempts: u32,
    /// Whether the caller is being called now.
    pub dialling: bool,
    /// Whether it was owed before the node began.
    pub restored: bool,
}

/// States of an agent in a call.
const ON_CALL: [AgentState; 5] = [
    AgentState::OnCall,
    AgentState::OnHold,
    AgentState::Consulting,
    AgentState::Conferencing,
    AgentState::Reserved,
];

impl PipeView {
    /// What a link was told, and what is stored of its node. `now` is in microseconds since the Unix epoch.
    pub fn of(link: &LinkStatus, node: Option<&Node>, now: u64) -> PipeView {
        let pipe = &link.pipe;
        let waiting = pipe.newest.saturating_sub(pipe.acknowledged);
        let last_stored = node.map(|node| node.at).filter(|at| *at > 0);
        let spool = pipe.spool.as_ref().map(|spool| SpoolView {
            bytes: spool.bytes,
            max_bytes: spool.max_bytes,
            earlier_starts: spool.earlier,
            written: spool.written,
            synced: spool.synced,
            trouble: spool.trouble.clone(),
        });
        let dropped = pipe.lost.iter().map(|(reason, lost)| (reason.label(), *lost));
        PipeView {
            events: pipe.newest,
            waiting,
            lag: last_stored
                .filter(|_| waiting > 0)
                .map_or(0, |at| now.saturating_sub(at)),
            last_stored,
            in_memory: pipe.memory,
            spool,
            dropped: dropped.collect(),
            gaps: node.map_or_else(BTreeMap::new, |node| node.counts.gaps.clone()),
            lost: node.map_or(0, |node| node.counts.lost),
            journal_bytes: pipe.journal_bytes,
        }
    }
}

impl NodeView {
    /// A link and what is known of its node.
    pub fn of(link: &LinkStatus, node: Option<&Node>) -> NodeView {
        NodeView {
            node: link.node.clone(),
            connected: link.commands.is_some(),
            version: link.version.clone(),
            pbx: link.pbx.clone(),
            socket: link.socket.clone(),
            tiers: node.map_or_else(Vec::new, |node| node.tiers.clone()),
            blacklist_entries: node.map_or(0, |node| node.listed),
        }
    }
}

impl QueueView {
    /// A queue as it is now.
    pub fn of(state: &State, node: &str, name: &str) -> Option<QueueView> {
        let queue = state.nodes.get(node)?.queues.get(name)?;
        let all: u32 = AgentState::ALL.iter().map(|state| queue.agents(*state)).sum();
        Some(QueueView {
            node: node.to_owned(),
            queue: name.to_owned(),
            strategy: queue.info.strategy.clone(),
            service_target: queue.info.service_target,
            max_waiting: queue.info.max_waiting,
            door: queue.info.door.label(),
            waiting: u32::try_from(queue.waiting.len()).unwrap_or(u32::MAX),
            oldest_wait_start: queue.waiting.first().map(|(joined, _)| *joined),
            agents_signed_in: all - queue.agents(AgentState::SignedOut),
            agents_ready: queue.agents(AgentState::Ready),
            agents_on_call: ON_CALL.iter().map(|state| queue.agents(*state)).sum(),
            calls_talking: queue.talking,
            estimated_wait: queue.predicted.map(|estimate| estimate.p50),
            callbacks_owed: queue.owed,
        })
    }
}

impl AgentView {
    /// An agent as it is now.
    pub fn of(node: &str, agent: &AgentInfo) -> AgentView {
        AgentView {
            node: node.to_owned(),
            agent: agent.number.clone(),
            name: agent.name.clone(),
            phone: agent.phone.clone(),
            phone_state: agent.phone_state.label(),
            state: agent.state.label(),
            since: agent.since,
            reason: agent.reason.clone(),
            forced: agent.forced.as_ref().map(|forced| LockView {
                reason: forced.reason.clone(),
                until: forced.until,
                author: forced.author.clone(),
            }),
            next_state: agent.next.map(AgentState::label),
            owes_disposition: agent.owes_disposition,
            call: agent.call.clone(),
            queues: agent
                .queues
                .iter()
                .map(|member| PlaceView {
                    queue: member.queue.clone(),
                    level: member.level,
                })
                .collect(),
            skills: agent.skills.clone(),
        }
    }
}

impl DispositionView {
    /// As the node has it.
    pub fn of(known: &DispositionInfo) -> DispositionView {
        DispositionView {
            code: known.code.clone(),
            zh: known.zh.clone(),
            en: known.en.clone(),
            complaint: known.complaint,
            resolved: known.resolved,
            follow_up: known.follow_up,
        }
    }
}

impl CallView {
    /// A call as it is now.
    pub fn of(node: &str, call: &CallInfo, whole_number: bool) -> CallView {
        CallView {
            node: node.to_owned(),
            call: call.call.clone(),
            queue: call.queue.clone(),
            tier: call.tier.clone(),
            number: shown(&call.number, whole_number),
            flag: call.flag.clone(),
            path: call.attached.path.clone(),
            data: match whole_number {
                true => call.attached.data.clone(),
                false => BTreeMap::new(),
            },
            joined: call.joined,
            connected: call.connected,
            agent: call.agent.clone(),
            state: call_state(call),
            muted: call.muted,
            recorded: match call.recording {
                None => "no",
                Some(recording) if recording.paused => "paused",
                Some(_) => "yes",
            },
        }
    }
}

impl CallbackView {
    /// A callback as it is now.
    pub fn of(node: &str, callback: &CallbackInfo, whole_number: bool) -> CallbackView {
        CallbackView {
            node: node.to_owned(),
            callback: callback.callback.clone(),
            queue: callback.queue.clone(),
            tier: callback.tier.clone(),
            number: shown(&callback.number, whole_number),
            placed: callback.placed,
            attempts: callback.attempts,
            dialling: callback.dialling,
            restored: callback.restored,
        }
    }
}

fn shown(number: &str, whole: bool) -> String {
    if whole { number.to_owned() } else { masked(number) }
}

/// How a call is: waiting, or how its conversation goes.
pub fn call_state(call: &CallInfo) -> &'static str {
    match call.connected {
        None => "waiting",
        Some(_) => call.talk.label(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use hotline_wire::frame::{GapReason, PipeInfo, SpoolInfo};

    use super::*;

    #[test]
    fn a_pipe_is_behind_only_while_something_waits() {
        let pipe = PipeInfo {
            spool: Some(SpoolInfo {
                bytes: 5,
                max_bytes: 10,
                ..SpoolInfo::default()
            }),
            newest: 100,
            acknowledged: 40,
            memory: 7,
            lost: BTreeMap::from([(GapReason::SpoolFull, 3)]),
            journal_bytes: 9,
        };
        let mut link = LinkStatus {
            node: "pbx1".into(),
            socket: String::new(),
            version: String::new(),
            pbx: String::new(),
            pipe,
            commands: None,
        };
        let mut node = Node::default();
        node.at = 1_000;
        let view = PipeView::of(&link, Some(&node), 1_500);
        assert_eq!((view.events, view.waiting, view.lag), (100, 60, 500));
        assert_eq!(view.dropped, BTreeMap::from([("spool_full", 3)]));
        assert_eq!(view.spool.map(|spool| spool.max_bytes), Some(10));
        link.pipe.acknowledged = 100;
        let view = PipeView::of(&link, Some(&node), 1_500);
        assert_eq!((view.waiting, view.lag, view.last_stored), (0, 0, Some(1_000)));
        assert_eq!(PipeView::of(&link, None, 1_500).last_stored, None);
    }
}
