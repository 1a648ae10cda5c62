//! Who may do what, to whom: the one place that HTTP and D-Bus ask before anything is read or done.
//!
//! [`policy::TABLE`] is the policy. An [`Actor`] has a role and teams; what a command does to whom is a [`Deed`] on some
//! [`Target`]s. All targets must be within the actor's reach, or nothing is done. Commands reach a node only through
//! [`Shared::ask`](crate::shared::Shared::ask), which asks here first.

pub mod policy;

use std::sync::Arc;

use hotline_wire::Command;
use hotline_wire::command::{Destination, ToIvr};
use hotline_wire::event::MonitorMode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::alarms::Alarm;
use crate::settings::{PhonePattern, TeamSettings, UnixSettings};
use crate::state::Node;
pub use policy::{Deed, Reach};

/// What stands for all teams, also those that no settings name.
pub const ALL_TEAMS: &str = "*";

/// What somebody is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Looks at its teams: a wallboard.
    Viewer,
    /// Works as one agent.
    Agent,
    /// Listens to its teams' conversations.
    Inspector,
    /// Acts on its teams.
    Supervisor,
    /// May do everything.
    Administrator,
}

impl Role {
    /// All of them, in the order of the policy's columns.
    pub const ALL: [Role; 5] = [
        Role::Viewer,
        Role::Agent,
        Role::Inspector,
        Role::Supervisor,
        Role::Administrator,
    ];

    /// As settings name it.
    pub fn label(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Agent => "agent",
            Role::Inspector => "inspector",
            Role::Supervisor => "supervisor",
            Role::Administrator => "administrator",
        }
    }
}

impl std::str::FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Role, String> {
        let known = Role::ALL.into_iter().find(|role| role.label() == text);
        known.ok_or_else(|| {
            let all = Role::ALL.map(Role::label).join(", ");
            format!("{text:?} is no role; give one of {all}")
        })
    }
}

/// Somebody who asks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Actor {
    /// As events and the audit record name who it was: `http:anna`, `token:wallboard`, `dbus:anna`; an agent at work, however
    /// it asks, is `agent:1001`.
    pub author: Arc<str>,
    /// What it is.
    pub role: Role,
    /// Its teams; [`ALL_TEAMS`] is all.
    pub teams: Vec<String>,
    /// The agent that it is, if any.
    pub agent: Option<String>,
    /// The supervisor number under which it listens, if any.
    pub supervisor: Option<String>,
}

impl Actor {
    /// May do everything.
    pub fn administrator(author: &str) -> Actor {
        Actor {
            author: author.into(),
            role: Role::Administrator,
            teams: vec![ALL_TEAMS.to_owned()],
            agent: None,
            supervisor: None,
        }
    }
}

/// What a deed is done to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target<'a> {
    /// A whole node.
    Node,
    /// Agent number.
    Agent(&'a str),
    /// Queue name.
    Queue(&'a str),
    /// Reference of a call or callback.
    Call(&'a str),
    /// Supervisor number.
    Supervisor(&'a str),
}

impl std::fmt::Display for Target<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Whoever asks may write anything, and it goes into the log.
        match self {
            Target::Node => f.write_str("a whole node"),
            Target::Agent(number) => write!(f, "agent {}", number.escape_debug()),
            Target::Queue(name) => write!(f, "queue {}", name.escape_debug()),
            Target::Call(call) => write!(f, "call {}", call.escape_debug()),
            Target::Supervisor(number) => write!(f, "supervisor {}", number.escape_debug()),
        }
    }
}

/// Why something may not be done, for people.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Denied(pub String);

/// Teams, and what members of the system's groups are.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Authority {
    teams: Vec<TeamSettings>,
    unix: Vec<UnixSettings>,
    /// Phones on which any agent may be signed in.
    agent_phones: Vec<PhonePattern>,
}

impl Authority {
    /// By settings.
    pub fn new(teams: &[TeamSettings], unix: &[UnixSettings]) -> Authority {
        Authority {
            teams: teams.to_vec(),
            unix: unix.to_vec(),
            agent_phones: Vec::new(),
        }
    }

    /// With phones on which any agent may be signed in, beside its own.
    pub fn with_agent_phones(mut self, phones: &[PhonePattern]) -> Authority {
        self.agent_phones = phones.to_vec();
        self
    }

    /// Whether users of this machine differ in what they may do, and see: no one of them is then told what another may not see.
    pub fn tells_users_apart(&self) -> bool {
        !self.unix.is_empty()
    }

    /// Who a user of this machine is: by the first `[[unix]]` that names the user, or a group it is in. Without any, whoever the
    /// bus lets through may do everything.
    ///
    /// # Errors
    /// None names the user.
    pub fn unix_user(&self, user: &str, groups: &[String]) -> Result<Actor, Denied> {
        let author = format!("dbus:{user}");
        if self.unix.is_empty() {
            return Ok(Actor::administrator(&author));
        }
        let meant = |grant: &&UnixSettings| {
            grant.user.as_deref() == Some(user)
                || grant.group.as_ref().is_some_and(|group| groups.contains(group))
        };
        let grant = self.unix.iter().find(meant).ok_or_else(|| {
            Denied(format!(
                "no [[unix]] of supervisord.toml names user {user} or one of its groups"
            ))
        })?;
        Ok(Actor {
            author: author.into(),
            role: grant.role,
            teams: grant.teams.clone(),
            agent: None,
            supervisor: grant.supervisor.clone(),
        })
    }

    /// Whether a command may be carried out.
    ///
    /// # Errors
    /// Why not.
    pub fn command(&self, actor: &Actor, node: Option<&Node>, command: &Command) -> Result<(), Denied> {
        let (deed, targets) = deed_of(command);
        targets
            .into_iter()
            .try_for_each(|target| self.deed(actor, node, deed, target))?;
        match command {
            Command::SignIn { agent, phone } => self.phone(actor, agent, phone),
            _ => Ok(()),
        }
    }

    /// Whether an agent may be signed in on a phone: who chooses it freely has the PBX call whomever it likes.
    fn phone(&self, actor: &Actor, agent: &str, phone: &str) -> Result<(), Denied> {
        let of_team = self.teams.iter().filter(|team| team.has_agent(agent));
        let mut patterns = of_team
            .flat_map(|team| &team.agent_phones)
            .chain(&self.agent_phones);
        // An empty one is the agent's own, by the settings of its node.
        if phone.is_empty()
            || actor.role == Role::Administrator
            || patterns.any(|pattern| pattern.matches(phone))
        {
            return Ok(());
        }
        let (author, role, phone) = (&actor.author, actor.role.label(), phone.escape_debug());
        Err(Denied(format!(
            "{author} is {role}, who may sign agent {} in on its own phone (give none) and on those that agent_phones in [authority] \
             or [[team]] of supervisord.toml names, and {phone} is not one; an administrator may",
            agent.escape_debug()
        )))
    }

    /// Whether a deed may be done to a target.
    ///
    /// # Errors
    /// Why not.
    pub fn deed(
        &self,
        actor: &Actor,
        node: Option<&Node>,
        deed: Deed,
        target: Target<'_>,
    ) -> Result<(), Denied> {
        let reach = policy::reach(deed, actor.role);
        if self.reaches(actor, node, reach, target) {
            return Ok(());
        }
        let (author, role, what) = (&actor.author, actor.role.label(), deed.label());
        Err(Denied(match reach {
            Reach::Never => format!("{author} is {role}, who may not {what}"),
            Reach::Own => format!("{author} is {role}, who may {what} as itself only, not as {target}"),
            Reach::Teams | Reach::Any => match target {
                Target::Supervisor(number) => format!(
                    "{author} may {what} under its own supervisor number only, not as {}; an administrator can change it",
                    number.escape_debug()
                ),
                _ => format!(
                    "{author} is {role}, who may {what} in its own teams ({}) only, and {target} is not there; an administrator \
                     can change [[team]]",
                    if actor.teams.is_empty() {
                        "none".to_owned()
                    } else {
                        actor.teams.join(", ")
                    }
                ),
            },
        }))
    }

    fn reaches(&self, actor: &Actor, node: Option<&Node>, reach: Reach, target: Target<'_>) -> bool {
        match (reach, target) {
            (Reach::Never, _) => false,
            (Reach::Any, _) => true,
            (Reach::Own, Target::Agent(number)) => actor.agent.as_deref() == Some(number),
            (Reach::Own | Reach::Teams, Target::Supervisor(number)) => {
                actor.supervisor.as_deref() == Some(number)
            }
            (Reach::Own, Target::Call(call)) => {
                let call = node.and_then(|node| node.calls.get(call));
                call.is_some_and(|call| call.agent.is_some() && call.agent == actor.agent)
            }
            (Reach::Own, Target::Node | Target::Queue(_)) => false,
            (Reach::Teams, Target::Node) => actor.teams.iter().any(|team| team == ALL_TEAMS),
            (Reach::Teams, Target::Agent(number)) => self.has_agent(actor, number),
            (Reach::Teams, Target::Queue(name)) => self.has_queue(actor, name),
            (Reach::Teams, Target::Call(call)) => {
                let queue = node.and_then(|node| {
                    let call_queue = node.calls.get(call).map(|info| &info.queue);
                    call_queue.or_else(|| node.callbacks.get(call).map(|info| &info.queue))
                });
                match queue {
                    Some(queue) => self.has_queue(actor, queue),
                    // Nobody knows any more whose it was.
                    None => actor.teams.iter().any(|team| team == ALL_TEAMS),
                }
            }
        }
    }

    /// Whether the actor sees a queue and what waits there.
    pub fn sees_queue(&self, actor: &Actor, name: &str) -> bool {
        match policy::reach(Deed::Look, actor.role) {
            Reach::Never => false,
            Reach::Any => true,
            // An agent sees how its teams' queues are.
            Reach::Own | Reach::Teams => self.has_queue(actor, name),
        }
    }

    /// Whether the actor sees an alarm: of a queue that it sees, or of a node or the daemon.
    pub fn sees_alarm(&self, actor: &Actor, alarm: &Alarm) -> bool {
        alarm
            .queue
            .as_ref()
            .is_none_or(|queue| self.sees_queue(actor, queue))
    }

    /// Whether the actor sees an agent.
    pub fn sees_agent(&self, actor: &Actor, number: &str) -> bool {
        self.reaches(
            actor,
            None,
            policy::reach(Deed::Look, actor.role),
            Target::Agent(number),
        )
    }

    /// Whether the actor sees a call in that queue, with that agent if it is connected.
    pub fn sees_call(&self, actor: &Actor, queue: &str, agent: Option<&str>) -> bool {
        self.in_call(actor, policy::reach(Deed::Look, actor.role), queue, agent)
    }

    /// Whether the actor sees the caller's whole number.
    pub fn sees_number(&self, actor: &Actor, queue: &str, agent: Option<&str>) -> bool {
        self.in_call(actor, policy::reach(Deed::SeeNumbers, actor.role), queue, agent)
    }

    fn in_call(&self, actor: &Actor, reach: Reach, queue: &str, agent: Option<&str>) -> bool {
        match reach {
            Reach::Never => false,
            Reach::Any => true,
            Reach::Own => agent.is_some() && actor.agent.as_deref() == agent,
            Reach::Teams => self.has_queue(actor, queue),
        }
    }

    /// Whether the phone of the agent that the actor is rings for a call, which it may see then as if it had it already.
    pub fn is_rung(&self, actor: &Actor, node: &Node, call: &str) -> bool {
        let agent = actor.agent.as_ref().and_then(|agent| node.agents.get(agent));
        let reach = policy::reach(Deed::Look, actor.role);
        reach == Reach::Own && agent.is_some_and(|agent| agent.info.call.as_deref() == Some(call))
    }

    /// A team that the actor is of: for filters.
    pub fn team<'a>(&'a self, actor: &'a Actor, name: &str) -> Option<&'a TeamSettings> {
        self.teams_of(actor).find(|team| team.name == name)
    }

    /// Whether the actor sees a call or callback, or may ask about one of which nothing is known any more.
    pub fn knows_of(&self, actor: &Actor, node: Option<&Node>, reference: &str) -> bool {
        let call = node.and_then(|node| node.calls.get(reference));
        let callback = node.and_then(|node| node.callbacks.get(reference));
        match (call, callback) {
            (Some(call), _) => self.sees_call(actor, &call.queue, call.agent.as_deref()),
            (None, Some(callback)) => self.sees_call(actor, &callback.queue, None),
            (None, None) => self.reaches(
                actor,
                node,
                policy::reach(Deed::Look, actor.role),
                Target::Call(reference),
            ),
        }
    }

    /// All teams that the actor is of.
    pub fn teams_of<'a>(&'a self, actor: &'a Actor) -> impl Iterator<Item = &'a TeamSettings> {
        let all = matches!(policy::reach(Deed::Look, actor.role), Reach::Any) || is_of_all(actor);
        let own = move |team: &&TeamSettings| all || actor.teams.contains(&team.name);
        self.teams.iter().filter(own)
    }

    fn has_agent(&self, actor: &Actor, number: &str) -> bool {
        is_of_all(actor) || self.teams_of(actor).any(|team| team.has_agent(number))
    }

    fn has_queue(&self, actor: &Actor, name: &str) -> bool {
        is_of_all(actor) || self.teams_of(actor).any(|team| team.has_queue(name))
    }
}

fn is_of_all(actor: &Actor) -> bool {
    actor.teams.iter().any(|team| team == ALL_TEAMS)
}

/// What a command does, and to whom.
pub fn deed_of(command: &Command) -> (Deed, Vec<Target<'_>>) {
    use hotline_wire::blacklist::ListOrder as Order;
    match command {
        Command::SignIn { agent, .. }
        | Command::SignOut { agent }
        | Command::SetReady { agent }
        | Command::SetNotReady { agent, .. }
        | Command::ExtendWrapUp { agent, .. }
        | Command::Dispose { agent, .. }
        | Command::Hold { agent }
        | Command::Retrieve { agent }
        | Command::Mute { agent }
        | Command::Unmute { agent }
        | Command::Survey { agent }
        | Command::Record { agent, .. }
        | Command::Consult { agent, .. }
        | Command::Consultation { agent, .. } => (Deed::Work, vec![Target::Agent(agent)]),
        Command::Ivr { agent, to, .. } => {
            let deed = match to {
                ToIvr::Named { .. } => Deed::Work,
                // Any place of the dialplan, as for a transfer.
                ToIvr::Place { .. } => Deed::Steer,
            };
            (deed, vec![Target::Agent(agent)])
        }
        Command::Transfer { agent, to, .. } => {
            let deed = match to {
                // To make a call worth more is no agent's, whatever the way.
                Destination::Queue { tier, priority, .. } if !tier.is_empty() || priority.is_some() => {
                    Deed::Steer
                }
                Destination::Queue { .. } | Destination::Agent { .. } | Destination::Number { .. } => {
                    Deed::Work
                }
                // Any place of the dialplan, and so any number that can be called from there.
                Destination::Place { .. } => Deed::Steer,
            };
            (deed, vec![Target::Agent(agent)])
        }
        Command::ForceBusy { agent, .. }
        | Command::ForceIdle { agent }
        | Command::ForceSignOut { agent, .. } => (Deed::Force, vec![Target::Agent(agent)]),
        Command::SetMembership { agent, queue, .. } => {
            (Deed::Staff, vec![Target::Agent(agent), Target::Queue(queue)])
        }
        Command::SetSkill { agent, .. } => (Deed::Staff, vec![Target::Agent(agent)]),
        Command::SetDoor { queue, .. } => (Deed::Door, vec![Target::Queue(queue)]),
        Command::Reprioritise { call, .. } | Command::Withdraw { call, .. } => {
            (Deed::Steer, vec![Target::Call(call)])
        }
        Command::MoveCall { call, queue } => (Deed::Steer, vec![Target::Call(call), Target::Queue(queue)]),
        Command::CancelCallback { callback } => (Deed::Steer, vec![Target::Call(callback)]),
        Command::Monitor {
            supervisor,
            agent,
            mode,
            ..
        } => {
            let deed = match mode {
                MonitorMode::Listen => Deed::Listen,
                MonitorMode::Whisper | MonitorMode::Barge | MonitorMode::TakeOver => Deed::Intervene,
            };
            (deed, vec![Target::Agent(agent), Target::Supervisor(supervisor)])
        }
        Command::StopMonitor { supervisor }
        | Command::SignInSupervisor { supervisor, .. }
        | Command::SignOutSupervisor { supervisor } => (Deed::Listen, vec![Target::Supervisor(supervisor)]),
        Command::Disconnect { agent, .. } => (Deed::Intervene, vec![Target::Agent(agent)]),
        Command::WhyCall { call } => (Deed::Explain, vec![Target::Call(call)]),
        Command::WhyNot { agent } => (Deed::Explain, vec![Target::Agent(agent)]),
        Command::Fairness | Command::ConfigDiff => (Deed::ReadSettings, vec![Target::Node]),
        Command::ConfigSave { .. } | Command::ConfigForget { .. } | Command::Reload => {
            (Deed::ChangeSettings, vec![Target::Node])
        }
        Command::Blacklist(Order::Check { .. } | Order::List { .. }) => {
            (Deed::ReadBlacklist, vec![Target::Node])
        }
        Command::Blacklist(Order::Add { .. } | Order::Remove { .. } | Order::Keep { .. }) => {
            (Deed::ChangeBlacklist, vec![Target::Node])
        }
        Command::Blacklist(Order::Import { .. } | Order::Export { .. } | Order::Load) => {
            (Deed::BlacklistFiles, vec![Target::Node])
        }
    }
}

#[cfg(test)]
mod tests;
