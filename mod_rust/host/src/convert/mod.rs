//! From the engine's words to the wire's: names instead of table places, call references instead of numbers.

mod blacklist;
mod command;
mod event;
mod recording;
mod view;

pub(crate) use blacklist::{entry_asked, entry_fact, entry_told};
pub(crate) use command::{Asked, asked, no_such_agent, no_such_call, outcome, presence, standing};

use std::collections::BTreeMap;

use hotline_engine::config::{Exit, Prompt};
use hotline_engine::event::{AgentView, Estimate, QueueView, SupervisorView};
use hotline_engine::ids::{AgentId, CallId, QueueId, SupervisorId, TierId};
use hotline_engine::input::{Follow, MonitorMode, TalkState};
use hotline_wire::event as words;

/// How calls are called outside of this boot: `NODE-BOOT-NUMBER`.
#[derive(Clone, Debug)]
pub(crate) struct References {
    node: String,
    boot: String,
}

impl References {
    pub(crate) fn new(node: &str, boot: &str) -> References {
        References {
            node: node.to_owned(),
            boot: boot.to_owned(),
        }
    }

    /// How the world refers to a call, or to a callback that came from it.
    pub(crate) fn of(&self, call: CallId) -> String {
        format!("{}-{}-{}", self.node, self.boot, call.0)
    }

    /// Which call is meant; `None` if it is none of this boot of this node.
    pub(crate) fn call(&self, reference: &str) -> Option<CallId> {
        let number = reference
            .strip_prefix(&self.node)?
            .strip_prefix('-')?
            .strip_prefix(&self.boot)?
            .strip_prefix('-')?;
        let plain = number.bytes().all(|byte| byte.is_ascii_digit());
        number.parse().ok().filter(|_| plain).map(CallId)
    }
}

/// What ids are called. Names of removed queues and agents stay: their last calls still have events to come.
#[derive(Debug)]
pub(crate) struct Vocabulary {
    references: References,
    queues: BTreeMap<QueueId, String>,
    agents: BTreeMap<AgentId, String>,
    tiers: Vec<String>,
    /// Number and name.
    supervisors: BTreeMap<SupervisorId, (String, String)>,
}

impl Vocabulary {
    pub(crate) fn new(references: References) -> Vocabulary {
        Vocabulary {
            references,
            queues: BTreeMap::new(),
            agents: BTreeMap::new(),
            tiers: Vec::new(),
            supervisors: BTreeMap::new(),
        }
    }

    fn call(&self, call: CallId) -> String {
        self.references.of(call)
    }

    fn queue(&self, queue: QueueId) -> String {
        self.queues
            .get(&queue)
            .cloned()
            .unwrap_or_else(|| format!("#{}", queue.0))
    }

    fn agent(&self, agent: AgentId) -> String {
        self.agents
            .get(&agent)
            .cloned()
            .unwrap_or_else(|| format!("#{}", agent.0))
    }

    fn tier(&self, tier: TierId) -> String {
        self.tiers
            .get(usize::from(tier.0))
            .cloned()
            .unwrap_or_else(|| format!("#{}", tier.0))
    }

    /// A supervisor's number and name.
    fn supervisor(&self, supervisor: SupervisorId) -> (String, String) {
        let unknown = || (format!("#{}", supervisor.0), String::new());
        self.supervisors.get(&supervisor).cloned().unwrap_or_else(unknown)
    }

    /// How a supervisor is called among people.
    fn called(&self, supervisor: SupervisorId) -> String {
        match self.supervisor(supervisor) {
            (number, name) if name.is_empty() => number,
            (_, name) => name,
        }
    }

    fn learn_supervisors(&mut self, supervisors: &[SupervisorView]) {
        for known in supervisors {
            let names = (known.number.to_string(), known.name.to_string());
            self.supervisors.insert(known.supervisor, names);
        }
    }

    fn learn(&mut self, queues: &[QueueView], agents: &[AgentView], tiers: &[String]) {
        for queue in queues {
            self.queues.insert(queue.queue, queue.name.clone());
        }
        for agent in agents {
            self.agents.insert(agent.agent, agent.card.number.to_string());
        }
        self.tiers = tiers.to_vec();
    }
}

fn estimate(estimate: Estimate) -> words::Estimate {
    words::Estimate {
        p50: estimate.p50.0,
        p90: estimate.p90.0,
    }
}

fn talk_state(state: TalkState) -> words::TalkState {
    match state {
        TalkState::Talking => words::TalkState::Talking,
        TalkState::OnHold => words::TalkState::OnHold,
        TalkState::Consulting => words::TalkState::Consulting,
        TalkState::Conferencing => words::TalkState::Conferencing,
        TalkState::Away => words::TalkState::Away,
    }
}

fn mode(mode: MonitorMode) -> words::MonitorMode {
    match mode {
        MonitorMode::Listen => words::MonitorMode::Listen,
        MonitorMode::Whisper => words::MonitorMode::Whisper,
        MonitorMode::Barge => words::MonitorMode::Barge,
        MonitorMode::TakeOver => words::MonitorMode::TakeOver,
    }
}

fn follow(follow: Follow) -> words::Follow {
    match follow {
        Follow::Agent => words::Follow::Agent,
        Follow::Call => words::Follow::Call,
    }
}

fn exit(exit: Exit) -> words::Exit {
    match exit {
        Exit::Onward => words::Exit::Onward,
        Exit::Place(place) => words::Exit::Place(place),
        Exit::Queue(queue) => words::Exit::Queue(queue),
        Exit::Busy => words::Exit::Busy,
        Exit::Callback => words::Exit::Callback,
    }
}

/// As the settings write it.
fn prompt(prompt: Prompt) -> String {
    match prompt {
        Prompt::File(file) => file,
        Prompt::Position => "position".to_owned(),
        Prompt::Wait => "wait".to_owned(),
        Prompt::RetryIn => "retry-in".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_of_this_node_and_boot_or_of_none() {
        let references = References::new("pbx-1", "6a-ff");
        let reference = references.of(CallId(17));
        assert_eq!(reference, "pbx-1-6a-ff-17");
        assert_eq!(references.call(&reference), Some(CallId(17)));
        for other in [
            "pbx-1-6a-fe-17",
            "pbx-2-6a-ff-17",
            "pbx-1-6a-ff-",
            "pbx-1-6a-ff-+17",
            "pbx-1-6a-ff-99999999999999999999",
            "17",
            "",
        ] {
            assert_eq!(references.call(other), None, "{other}");
        }
    }
}
