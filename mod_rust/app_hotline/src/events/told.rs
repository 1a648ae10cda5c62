//! How manager events are put together.

use std::fmt::Display;

use asterisk::manager::Category;
use hotline_wire::blacklist::ListEntry;
use hotline_wire::command::{Command, Outcome};
use hotline_wire::event::{Estimate, Exit, Limit, Operation};
use hotline_wire::snapshot::{AgentInfo, AgentState, MonitorInfo};

/// A manager event.
pub(super) struct Told {
    pub(super) category: Category,
    pub(super) name: &'static str,
    pub(super) fields: Vec<(&'static str, String)>,
}

impl Told {
    /// One for those who may read of calls.
    pub(super) fn call(name: &'static str) -> Told {
        Told {
            category: Category::Call,
            name,
            fields: Vec::new(),
        }
    }

    /// One for those who may read of agents.
    pub(super) fn agent(name: &'static str) -> Told {
        Told {
            category: Category::Agent,
            name,
            fields: Vec::new(),
        }
    }

    /// One about the recording of a call, of an agent, in a queue.
    pub(super) fn recording(name: &'static str, recording: u64, of: [&str; 3]) -> Told {
        let [call, agent, queue] = of;
        Told::call(name)
            .with("Recording", recording)
            .with("Call", call)
            .with("Agent", agent)
            .with("Queue", queue)
    }

    pub(super) fn with(mut self, key: &'static str, value: impl Display) -> Told {
        self.fields.push((key, value.to_string()));
        self
    }

    /// A duration given in microseconds.
    pub(super) fn lasting(self, key: &'static str, microseconds: u64) -> Told {
        self.with(key, microseconds / 1000)
    }

    /// A wait to expect; nothing if none is known.
    pub(super) fn expecting(self, estimate: Option<Estimate>) -> Told {
        match estimate {
            Some(estimate) => self
                .lasting("ExpectedWait", estimate.p50)
                .lasting("ExpectedWaitP90", estimate.p90),
            None => self,
        }
    }

    /// Where a caller went.
    pub(super) fn to(self, exit: &Exit) -> Told {
        let told = self.with("To", exit.label());
        match exit {
            Exit::Place(place) => told.with("Place", place),
            Exit::Queue(queue) => told.with("ToQueue", queue),
            Exit::Onward | Exit::Busy | Exit::Callback => told,
        }
    }

    /// What somebody asked for.
    pub(super) fn asked(self, command: &Command) -> Told {
        let (name, about) = described(command);
        let mut told = self.with("Command", name);
        for (key, value) in about {
            told = told.with(key, value);
        }
        told
    }

    /// How that went.
    pub(super) fn answered(self, outcome: &Outcome) -> Told {
        let (outcome, reason) = match outcome {
            Outcome::Done => ("done", ""),
            Outcome::Pending => ("pending", ""),
            Outcome::Told { .. } | Outcome::Listed { .. } => ("told", ""),
            Outcome::Refused { message, .. } => ("refused", message.as_str()),
        };
        self.with("Outcome", outcome).with("Reason", reason)
    }

    /// What a limit is on.
    pub(super) fn limit(self, limit: &Limit) -> Told {
        let told = self.with("Limit", limit.label());
        match limit {
            Limit::Wait { call, queue } => told.with("Call", call).with("Queue", queue),
            Limit::Ring { agent, call } | Limit::Talk { call, agent } | Limit::Hold { call, agent } => {
                told.with("Agent", agent).with("Call", call)
            }
            Limit::WrapUp { agent } | Limit::NotReady { agent } => told.with("Agent", agent),
        }
    }

    /// What a rule did.
    pub(super) fn operation(self, operation: &Operation) -> Told {
        let (name, value) = match operation {
            Operation::AcceptLevel(level) => ("accept_level", level.to_string()),
            Operation::DropSkill(skill) => ("drop_skill", skill.clone()),
            Operation::AddQueue(queue) => ("add_queue", queue.clone()),
            Operation::Raise(span) => ("raise", (span / 1000).to_string()),
            Operation::Say(prompts) => ("say", prompts.join(",")),
            Operation::Menu(menu) => ("menu", menu.clone()),
            Operation::Divert(exit) => ("divert", exit.label().to_owned()),
        };
        self.with("Operation", name).with("Value", value)
    }

    /// An entry of the blacklist before and after a change.
    pub(super) fn entries(self, before: Option<&ListEntry>, after: Option<&ListEntry>) -> Told {
        let action = |entry: Option<&ListEntry>| entry.map_or_else(String::new, |entry| entry.action.clone());
        let entry = after.or(before);
        self.with("Number", entry.map_or("", |entry| entry.number.as_str()))
            .with("EntryReason", entry.map_or("", |entry| entry.reason.as_str()))
            .with("Before", action(before))
            .with("After", action(after))
    }

    /// Who listens to whom, and how.
    pub(super) fn monitor(self, monitor: &MonitorInfo) -> Told {
        self.with("Monitor", monitor.monitor)
            .with("Supervisor", &monitor.supervisor)
            .with("SupervisorName", &monitor.name)
            .with("Agent", &monitor.agent)
            .with("Call", monitor.call.as_deref().unwrap_or_default())
            .with("Mode", monitor.mode.label())
            .with("Follow", monitor.follow.label())
    }

    /// An agent as it is now.
    pub(super) fn state_of(self, agent: &AgentInfo) -> Told {
        let queues: Vec<&str> = agent.queues.iter().map(|member| member.queue.as_str()).collect();
        let levels: Vec<String> = agent
            .queues
            .iter()
            .map(|member| member.level.to_string())
            .collect();
        self.with("Agent", &agent.number)
            .with("AgentName", &agent.name)
            .with("State", agent.state.label())
            .with("Reason", &agent.reason)
            .with("Next", agent.next.map(AgentState::label).unwrap_or_default())
            .with("Forced", if agent.forced.is_some() { "yes" } else { "no" })
            .with("Phone", &agent.phone)
            .with("PhoneState", agent.phone_state.label())
            .with("Queues", queues.join(","))
            .with("Levels", levels.join(","))
            .with("Skills", agent.skills.join(","))
            .with("Call", agent.call.as_deref().unwrap_or_default())
    }
}

type About<'a> = Vec<(&'static str, &'a str)>;

/// A command's name, and what it is about.
fn described(command: &Command) -> (&'static str, About<'_>) {
    fn of(agent: &str) -> About<'_> {
        vec![("Agent", agent)]
    }
    match command {
        Command::SignIn { agent, .. } => ("sign_in", of(agent)),
        Command::SignOut { agent } => ("sign_out", of(agent)),
        Command::SetReady { agent } => ("set_ready", of(agent)),
        Command::SetNotReady { agent, .. } => ("set_not_ready", of(agent)),
        Command::ForceBusy { agent, .. } => ("force_busy", of(agent)),
        Command::ForceIdle { agent } => ("force_idle", of(agent)),
        Command::ForceSignOut { agent, .. } => ("force_sign_out", of(agent)),
        Command::ExtendWrapUp { agent, .. } => ("extend_wrap_up", of(agent)),
        Command::Dispose { agent, code, .. } => ("dispose", vec![("Agent", agent), ("Code", code)]),
        Command::SetMembership { agent, queue, .. } => {
            ("set_membership", vec![("Agent", agent), ("Queue", queue)])
        }
        Command::SetSkill { agent, skill, .. } => ("set_skill", vec![("Agent", agent), ("Skill", skill)]),
        Command::SetDoor { queue, door } => ("set_door", vec![("Queue", queue), ("Door", door.label())]),
        Command::Reprioritise { call, .. } => ("reprioritise", vec![("Call", call)]),
        Command::MoveCall { call, queue } => ("move_call", vec![("Call", call), ("Queue", queue)]),
        Command::Withdraw { call, .. } => ("withdraw", vec![("Call", call)]),
        Command::SignInSupervisor { supervisor, phone } => (
            "sign_in_supervisor",
            vec![("Supervisor", supervisor), ("Phone", phone)],
        ),
        Command::SignOutSupervisor { supervisor } => {
            ("sign_out_supervisor", vec![("Supervisor", supervisor)])
        }
        Command::Monitor {
            supervisor,
            from,
            agent,
            mode,
            follow,
        } => {
            let about = vec![
                ("Supervisor", supervisor.as_str()),
                ("Phone", from),
                ("Agent", agent),
                ("Mode", mode.label()),
                ("Follow", follow.label()),
            ];
            ("monitor", about)
        }
        Command::StopMonitor { supervisor } => ("stop_monitor", vec![("Supervisor", supervisor)]),
        Command::Disconnect { agent, whom, from } => {
            let about = vec![("Agent", agent.as_str()), ("Whom", whom.label()), ("Phone", from)];
            ("disconnect", about)
        }
        Command::Hold { agent } => ("hold", of(agent)),
        Command::Retrieve { agent } => ("retrieve", of(agent)),
        Command::Mute { agent } => ("mute", of(agent)),
        Command::Unmute { agent } => ("unmute", of(agent)),
        Command::Record { agent, order } => (
            "record",
            vec![("Agent", agent.as_str()), ("Order", order.label())],
        ),
        Command::Transfer { agent, to, .. } => {
            let (to, target) = to.parts();
            ("transfer", vec![("Agent", agent), ("To", to), ("Target", target)])
        }
        Command::Ivr { agent, to, .. } => ("ivr", vec![("Agent", agent.as_str()), ("Ivr", to.text())]),
        Command::Survey { agent } => ("survey", of(agent)),
        Command::Consult { agent, to } => {
            let (to, target) = to.parts();
            ("consult", vec![("Agent", agent), ("To", to), ("Target", target)])
        }
        Command::Consultation { agent, step, .. } => (step.label(), of(agent)),
        Command::CancelCallback { callback } => ("cancel_callback", vec![("Callback", callback)]),
        Command::WhyCall { call } => ("why_call", vec![("Call", call)]),
        Command::WhyNot { agent } => ("why_not", of(agent)),
        Command::Fairness => ("fairness", Vec::new()),
        Command::ConfigDiff => ("config_diff", Vec::new()),
        Command::ConfigSave { .. } => ("config_save", Vec::new()),
        Command::ConfigForget { about } => ("config_forget", vec![("About", about)]),
        Command::Reload => ("reload", Vec::new()),
        Command::Blacklist(_) => ("blacklist", Vec::new()),
    }
}
