//! From the engine's words to the wire's: names instead of table places, call references instead of numbers.

use std::collections::BTreeMap;

use hotline_engine::action::CommandOutcome;
use hotline_engine::config::Strategy;
use hotline_engine::event::{
    AgentState, AgentView, CallOutcome, Event, NextState, OfferResult, QueueView, RefusedCall,
};
use hotline_engine::ids::{AgentId, CallId, QueueId, TierId};
use hotline_engine::input::{Command, OfferFailure, Party, PhoneState};
use hotline_engine::{Time, View, action};
use hotline_wire as wire;
use hotline_wire::snapshot as info;

/// What ids are called. Names of removed queues and agents stay: their last calls still have events to come.
#[derive(Debug)]
pub(crate) struct Vocabulary {
    prefix: String,
    queues: BTreeMap<QueueId, String>,
    agents: BTreeMap<AgentId, String>,
    tiers: Vec<String>,
}

impl Vocabulary {
    /// `node` and `boot` are part of every call reference.
    pub(crate) fn new(node: &str, boot: &str) -> Vocabulary {
        Vocabulary {
            prefix: format!("{node}-{boot}"),
            queues: BTreeMap::new(),
            agents: BTreeMap::new(),
            tiers: Vec::new(),
        }
    }

    /// How the world refers to a call.
    pub(crate) fn call(&self, call: CallId) -> String {
        format!("{}-{}", self.prefix, call.0)
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

    fn learn(&mut self, queues: &[QueueView], agents: &[AgentView], tiers: &[String]) {
        for queue in queues {
            self.queues.insert(queue.queue, queue.name.clone());
        }
        for agent in agents {
            self.agents.insert(agent.agent, agent.number.clone());
        }
        self.tiers = tiers.to_vec();
    }

    /// The event as the wire has it. Learns new names on the way, so events must come in order.
    pub(crate) fn event(&mut self, event: Event) -> wire::Event {
        match event {
            Event::CallJoined {
                call,
                queue,
                tier,
                number,
                waiting,
            } => wire::Event::CallJoined {
                call: self.call(call),
                queue: self.queue(queue),
                tier: self.tier(tier),
                number,
                waiting,
            },
            Event::CallRefused { call, queue, reason } => wire::Event::CallRefused {
                call: self.call(call),
                queue,
                reason: match reason {
                    RefusedCall::UnknownQueue => wire::event::RefusedCall::UnknownQueue,
                    RefusedCall::AtLimit => wire::event::RefusedCall::AtLimit,
                },
            },
            Event::OfferMade {
                offer,
                call,
                agent,
                queue,
                dispatch,
            } => wire::Event::OfferMade {
                offer: offer.0,
                call: self.call(call),
                agent: self.agent(agent),
                queue: self.queue(queue),
                dispatch: dispatch.0,
            },
            Event::OfferRinging { offer } => wire::Event::OfferRinging { offer: offer.0 },
            Event::OfferEnded {
                offer,
                call,
                agent,
                queue,
                result,
                ring,
            } => wire::Event::OfferEnded {
                offer: offer.0,
                call: self.call(call),
                agent: self.agent(agent),
                queue: self.queue(queue),
                result: offer_result(result),
                ring: ring.0,
            },
            Event::CallConnected {
                call,
                agent,
                queue,
                tier,
                wait,
            } => wire::Event::CallConnected {
                call: self.call(call),
                agent: self.agent(agent),
                queue: self.queue(queue),
                tier: self.tier(tier),
                wait: wait.0,
            },
            Event::CallFinished {
                call,
                queue,
                tier,
                outcome,
                agent,
                wait,
                talk,
                by,
            } => wire::Event::CallFinished {
                call: self.call(call),
                queue: self.queue(queue),
                tier: self.tier(tier),
                outcome: call_outcome(outcome),
                agent: agent.map(|agent| self.agent(agent)),
                wait: wait.0,
                talk: talk.0,
                by: match by {
                    Party::Caller => wire::event::Party::Caller,
                    Party::Agent => wire::event::Party::Agent,
                    Party::System => wire::event::Party::System,
                },
            },
            Event::AgentChanged { from, to, .. } => wire::Event::AgentChanged {
                from: state(from),
                agent: self.agent_info(to),
            },
            Event::CommandAnswered {
                author,
                command,
                outcome: answer,
            } => wire::Event::CommandAnswered {
                author,
                command: command_out(command),
                outcome: outcome(answer),
            },
            Event::Fault { what } => wire::Event::Fault { what },
            Event::ConfigApplied {
                author,
                queues,
                agents,
                tiers,
            } => {
                self.learn(&queues, &agents, &tiers);
                wire::Event::ConfigApplied {
                    author,
                    queues: queues.into_iter().map(queue_info).collect(),
                    agents: agents.into_iter().map(|agent| self.agent_info(agent)).collect(),
                    tiers,
                }
            }
        }
    }

    /// The live state as the wire has it.
    pub(crate) fn snapshot(&self, seq: u64, at: Time, view: View) -> wire::Snapshot {
        wire::Snapshot {
            seq,
            at: at.0,
            tiers: view.tiers,
            queues: view.queues.into_iter().map(queue_info).collect(),
            agents: view
                .agents
                .into_iter()
                .map(|agent| self.agent_info(agent))
                .collect(),
            calls: view
                .calls
                .into_iter()
                .map(|call| info::CallInfo {
                    call: self.call(call.call),
                    queue: self.queue(call.queue),
                    tier: self.tier(call.tier),
                    number: call.number,
                    joined: call.joined.0,
                    connected: call.connected.map(|at| at.0),
                    agent: call.agent.map(|agent| self.agent(agent)),
                })
                .collect(),
        }
    }

    fn agent_info(&self, view: AgentView) -> info::AgentInfo {
        info::AgentInfo {
            number: view.number,
            name: view.name,
            phone: view.phone,
            queues: view.queues.into_iter().map(|queue| self.queue(queue)).collect(),
            state: state(view.state),
            since: view.since.0,
            reason: view.reason,
            forced: view.forced.map(|forced| info::ForcedInfo {
                reason: forced.reason,
                until: forced.until.map(|until| until.0),
                author: forced.author,
            }),
            next: view.next.map(|next| match next {
                NextState::NotReady { .. } => info::AgentState::NotReady,
                NextState::SignedOut { .. } => info::AgentState::SignedOut,
                NextState::Ready => info::AgentState::Ready,
            }),
            phone_state: match view.phone_state {
                PhoneState::Available => info::PhoneState::Available,
                PhoneState::Busy => info::PhoneState::Busy,
                PhoneState::Unreachable => info::PhoneState::Unreachable,
            },
            call: view.call.map(|call| self.call(call)),
        }
    }
}

fn queue_info(view: QueueView) -> info::QueueInfo {
    info::QueueInfo {
        name: view.name,
        strategy: match view.strategy {
            Strategy::LongestIdle => "longest-idle",
            Strategy::RingAll => "ring-all",
        }
        .to_owned(),
        service_target: view.service_target.0,
        max_waiting: view.max_waiting,
    }
}

fn state(state: AgentState) -> info::AgentState {
    match state {
        AgentState::SignedOut => info::AgentState::SignedOut,
        AgentState::Ready => info::AgentState::Ready,
        AgentState::NotReady => info::AgentState::NotReady,
        AgentState::ForcedBusy => info::AgentState::ForcedBusy,
        AgentState::Unavailable => info::AgentState::Unavailable,
        AgentState::Offered => info::AgentState::Offered,
        AgentState::OnCall => info::AgentState::OnCall,
        AgentState::WrapUp => info::AgentState::WrapUp,
    }
}

fn offer_result(result: OfferResult) -> wire::event::OfferResult {
    use wire::event::OfferResult as Out;
    match result {
        OfferResult::Answered => Out::Answered,
        OfferResult::NoAnswer | OfferResult::Failed(OfferFailure::NoAnswer) => Out::NoAnswer,
        OfferResult::Failed(OfferFailure::Rejected) => Out::Rejected,
        OfferResult::Failed(OfferFailure::Busy) => Out::Busy,
        OfferResult::Failed(OfferFailure::Unreachable) => Out::Unreachable,
        OfferResult::Cancelled => Out::Cancelled,
    }
}

fn call_outcome(outcome: CallOutcome) -> wire::event::CallOutcome {
    use wire::event::CallOutcome as Out;
    match outcome {
        CallOutcome::Answered => Out::Answered,
        CallOutcome::Abandoned => Out::Abandoned,
        CallOutcome::Withdrawn => Out::Withdrawn,
        CallOutcome::Timeout => Out::Timeout,
        CallOutcome::Full => Out::Full,
        CallOutcome::NoAgents => Out::NoAgents,
        CallOutcome::Removed => Out::Removed,
        CallOutcome::Error => Out::Error,
    }
}

/// What a wire command is to the engine; `None` for a reload, which the host does itself.
pub(crate) fn command_in(command: wire::Command) -> Option<Command> {
    Some(match command {
        wire::Command::SignIn { agent, phone } => Command::SignIn {
            agent,
            phone,
            from_there: false,
        },
        wire::Command::SignOut { agent } => Command::SignOut { agent },
        wire::Command::SetReady { agent } => Command::SetReady { agent },
        wire::Command::SetNotReady { agent, reason } => Command::SetNotReady { agent, reason },
        wire::Command::ForceBusy {
            agent,
            reason,
            seconds,
        } => Command::ForceBusy {
            agent,
            reason,
            lasting: (seconds > 0).then(|| hotline_engine::Span::seconds(seconds)),
        },
        wire::Command::ForceIdle { agent } => Command::ForceIdle { agent },
        wire::Command::ForceSignOut { agent, reason } => Command::ForceSignOut { agent, reason },
        wire::Command::Reload => return None,
    })
}

fn command_out(command: Command) -> wire::Command {
    match command {
        Command::SignIn {
            agent,
            phone,
            from_there: _,
        } => wire::Command::SignIn { agent, phone },
        Command::SignOut { agent } => wire::Command::SignOut { agent },
        Command::SetReady { agent } => wire::Command::SetReady { agent },
        Command::SetNotReady { agent, reason } => wire::Command::SetNotReady { agent, reason },
        Command::ForceBusy {
            agent,
            reason,
            lasting,
        } => wire::Command::ForceBusy {
            agent,
            reason,
            seconds: lasting.map_or(0, |span| span.0 / 1_000_000),
        },
        Command::ForceIdle { agent } => wire::Command::ForceIdle { agent },
        Command::ForceSignOut { agent, reason } => wire::Command::ForceSignOut { agent, reason },
    }
}

/// The answer as the wire has it, with a sentence for people.
pub(crate) fn outcome(outcome: CommandOutcome) -> wire::Outcome {
    use action::Refusal;
    let (reason, message) = match outcome {
        CommandOutcome::Done => return wire::Outcome::Done,
        CommandOutcome::Pending => return wire::Outcome::Pending,
        CommandOutcome::Refused(refusal) => match refusal {
            Refusal::UnknownAgent => (wire::Refusal::UnknownAgent, "there is no agent of that number"),
            Refusal::NotSignedIn => (wire::Refusal::NotSignedIn, "the agent is not signed in"),
            Refusal::ForcedBusy => (
                wire::Refusal::ForcedBusy,
                "a supervisor has locked the agent; force it idle first",
            ),
            Refusal::InCall => (
                wire::Refusal::InCall,
                "the agent is in a call; try again after it",
            ),
            Refusal::PhoneTaken => (
                wire::Refusal::PhoneTaken,
                "another agent is signed in on that phone; sign that one out first",
            ),
            Refusal::NoPhone => (
                wire::Refusal::NoPhone,
                "no phone is known for the agent; name one, or sign in from a phone",
            ),
            Refusal::NothingToDo => (wire::Refusal::NothingToDo, "there is nothing to lift"),
            Refusal::Overtaken => (
                wire::Refusal::Overtaken,
                "a later command, or its own expiry, came first",
            ),
            Refusal::BadConfig => (
                wire::Refusal::BadConfig,
                "the settings are wrong; the running ones stay",
            ),
        },
    };
    wire::Outcome::Refused {
        reason,
        message: message.to_owned(),
    }
}
