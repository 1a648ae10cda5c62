//! Events.

use hotline_engine::config::Operation;
use hotline_engine::event::{
    CallOutcome, CallbackOutcome, ConsultEnd, ConsultState, Cut, Event, IvrOutcome, Limit, MonitorOutcome,
    OfferResult, RefusedCall, RetrieveFailure, RetrieveResult,
};
use hotline_engine::ids::CallId;
use hotline_engine::input::{Act, Deed, OfferFailure, Party, Whom};
use hotline_wire as wire;
use hotline_wire::event as words;

use super::{Vocabulary, estimate, exit, mode, outcome, prompt, talk_state, view};

impl Vocabulary {
    /// The event as the wire has it. Learns new names on the way, so events must come in order.
    pub(crate) fn event(&mut self, event: Event) -> wire::Event {
        match event {
            Event::CallJoined {
                call,
                queue,
                tier,
                number,
                waiting,
                position,
                predicted,
                flag,
                attached,
                callback,
            } => wire::Event::CallJoined {
                call: self.call(call),
                queue: self.queue(queue),
                tier: self.tier(tier),
                number,
                waiting,
                position,
                predicted: predicted.map(estimate),
                flag,
                attached: view::attached(attached),
                callback: callback.map(|callback| self.call(callback)),
            },
            Event::RuleApplied {
                call,
                queue,
                rule,
                operation,
            } => wire::Event::RuleApplied {
                call: self.call(call),
                queue: self.queue(queue),
                rule,
                operation: self::operation(operation),
            },
            Event::KeyPressed { call, queue, key } => wire::Event::KeyPressed {
                call: self.call(call),
                queue: self.queue(queue),
                key,
            },
            Event::CallReprioritised {
                call,
                queue,
                priority,
                before,
                position,
            } => wire::Event::CallReprioritised {
                call: self.call(call),
                queue: self.queue(queue),
                priority,
                before: Some(before),
                position,
            },
            Event::CallRefused { call, queue, reason } => wire::Event::CallRefused {
                call: self.call(call),
                queue,
                reason: match reason {
                    RefusedCall::UnknownQueue => words::RefusedCall::UnknownQueue,
                    RefusedCall::AtLimit => words::RefusedCall::AtLimit,
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
            Event::TalkChanged {
                call,
                agent,
                queue,
                from,
                to,
                lasted,
            } => wire::Event::TalkChanged {
                call: self.call(call),
                agent: self.agent(agent),
                queue: self.queue(queue),
                from: talk_state(from),
                to: talk_state(to),
                lasted: lasted.0,
            },
            Event::MuteChanged {
                call,
                agent,
                queue,
                muted,
            } => wire::Event::MuteChanged {
                call: self.call(call),
                agent: self.agent(agent),
                queue: self.queue(queue),
                muted,
            },
            Event::ConsultChanged {
                call,
                agent,
                queue,
                with,
                colleague,
                to,
            } => {
                let (state, end) = consult(to);
                wire::Event::ConsultChanged {
                    call: self.call(call),
                    agent: self.agent(agent),
                    queue: self.queue(queue),
                    to: super::command::sent_to(with),
                    colleague: colleague.map_or_else(String::new, |colleague| self.agent(colleague)),
                    state,
                    end,
                }
            }
            Event::Recording {
                recording,
                call,
                agent,
                queue,
                step,
            } => self.recording(recording, call, agent, queue, step),
            Event::CallTransferred {
                call,
                agent,
                queue,
                to,
                reason,
                author,
            } => wire::Event::CallTransferred {
                call: self.call(call),
                agent: self.agent(agent),
                queue: self.queue(queue),
                to: super::command::sent_to(to),
                reason,
                author,
            },
            Event::IvrStarted {
                call,
                agent,
                queue,
                ivr,
                author,
            } => wire::Event::IvrStarted {
                call: self.call(call),
                agent: self.agent(agent),
                queue: self.queue(queue),
                ivr,
                author,
            },
            Event::IvrEnded {
                call,
                agent,
                queue,
                ivr,
                outcome,
                result,
                lasted,
            } => wire::Event::IvrEnded {
                call: self.call(call),
                agent: self.agent(agent),
                queue: self.queue(queue),
                ivr,
                outcome: match outcome {
                    IvrOutcome::Returned => words::IvrOutcome::Returned,
                    IvrOutcome::RanOut => words::IvrOutcome::RanOut,
                    IvrOutcome::TimedOut => words::IvrOutcome::TimedOut,
                    IvrOutcome::HungUp => words::IvrOutcome::HungUp,
                    IvrOutcome::AgentGone => words::IvrOutcome::AgentGone,
                },
                result,
                lasted: lasted.0,
            },
            Event::SurveyOffered {
                call,
                agent,
                queue,
                author,
            } => wire::Event::SurveyOffered {
                call: self.call(call),
                agent: self.agent(agent),
                queue: self.queue(queue),
                author,
            },
            Event::SurveyAnswered {
                call,
                agent,
                queue,
                score,
                highest,
            } => wire::Event::SurveyAnswered {
                call: self.call(call),
                agent: self.agent(agent),
                queue: self.queue(queue),
                score,
                highest,
            },
            Event::SurveyUnanswered { call, agent, queue } => wire::Event::SurveyUnanswered {
                call: self.call(call),
                agent: self.agent(agent),
                queue: self.queue(queue),
            },
            Event::CallFinished {
                call,
                queue,
                tier,
                outcome,
                agent,
                wait,
                talk,
                hold,
                by,
                to,
            } => wire::Event::CallFinished {
                call: self.call(call),
                queue: self.queue(queue),
                tier: self.tier(tier),
                outcome: call_outcome(outcome),
                agent: agent.map(|agent| self.agent(agent)),
                wait: wait.0,
                talk: talk.0,
                hold: hold.0,
                by: match by {
                    Party::Caller => words::Party::Caller,
                    Party::Agent => words::Party::Agent,
                    Party::System => words::Party::System,
                    Party::Supervisor => words::Party::Supervisor,
                },
                to: exit(to),
            },
            Event::DispositionSet {
                call,
                agent,
                queue,
                code,
                complaint,
                resolved,
                follow_up,
                note,
                before,
                author,
            } => wire::Event::DispositionSet {
                call: self.call(call),
                agent: self.agent(agent),
                queue: self.queue(queue),
                code,
                complaint,
                resolved,
                follow_up,
                note,
                before,
                author,
            },
            Event::CallbackPlaced {
                callback,
                queue,
                tier,
                number,
                position,
            } => wire::Event::CallbackPlaced {
                callback: self.call(callback),
                queue: self.queue(queue),
                tier: self.tier(tier),
                number,
                position,
            },
            Event::CallbackRestored {
                callback,
                before,
                queue,
                tier,
                number,
                position,
                placed,
                attempts,
            } => wire::Event::CallbackRestored {
                callback: self.call(callback),
                before,
                queue: self.queue(queue),
                tier: self.tier(tier),
                number,
                position,
                placed: placed.0,
                attempts,
            },
            Event::CallbackDialled {
                callback,
                queue,
                attempt,
            } => wire::Event::CallbackDialled {
                callback: self.call(callback),
                queue: self.queue(queue),
                attempt,
            },
            Event::CallbackMissed {
                callback,
                queue,
                attempt,
            } => wire::Event::CallbackMissed {
                callback: self.call(callback),
                queue: self.queue(queue),
                attempt,
            },
            Event::CallbackEnded {
                callback,
                queue,
                tier,
                outcome,
                after,
            } => {
                let (outcome, call) = callback_outcome(outcome);
                wire::Event::CallbackEnded {
                    callback: self.call(callback),
                    queue: self.queue(queue),
                    tier: self.tier(tier),
                    outcome,
                    call: call.map(|call| self.call(call)),
                    after: after.0,
                }
            }
            Event::LimitReached { limit, level, lasted } => wire::Event::LimitReached {
                limit: self.limit(limit),
                level,
                lasted: lasted.0,
            },
            Event::LimitCleared { limit, level, lasted } => wire::Event::LimitCleared {
                limit: self.limit(limit),
                level,
                lasted: lasted.0,
            },
            Event::Retrieve {
                call,
                agent,
                queue,
                result,
            } => {
                let (result, reason) = retrieve(result);
                wire::Event::Retrieve {
                    call: self.call(call),
                    agent: self.agent(agent),
                    queue: self.queue(queue),
                    result,
                    reason,
                }
            }
            Event::SupervisorChanged { supervisor } => wire::Event::SupervisorChanged {
                supervisor: view::supervisor_info(supervisor),
            },
            Event::MonitorStarted { monitor, author } => wire::Event::MonitorStarted {
                monitor: self.monitor_info(monitor),
                author,
            },
            Event::MonitorChanged {
                monitor,
                from,
                author,
            } => wire::Event::MonitorChanged {
                monitor: self.monitor_info(monitor),
                from: mode(from),
                author,
            },
            Event::MonitorEnded {
                monitor,
                outcome,
                lasted,
                author,
            } => wire::Event::MonitorEnded {
                monitor: self.monitor_info(monitor),
                outcome: monitor_outcome(outcome),
                lasted: lasted.0,
                author,
            },
            Event::TalkCut {
                call,
                agent,
                queue,
                how,
                author,
            } => wire::Event::TalkCut {
                call: self.call(call),
                agent: self.agent(agent),
                queue: self.queue(queue),
                how: cut(how),
                author,
            },
            Event::QueueChanged { queue } => wire::Event::QueueChanged {
                queue: view::queue_info(queue),
            },
            Event::AgentChanged { from, to, .. } => wire::Event::AgentChanged {
                from: view::state(from),
                agent: self.agent_info(to).into(),
            },
            Event::CommandAnswered {
                author,
                command,
                outcome: answer,
            } => wire::Event::CommandAnswered {
                author,
                command: self.command(command),
                outcome: outcome(answer, |supervisor| self.called(supervisor)),
            },
            Event::DeedAnswered { deed } => deed_answered(*deed),
            Event::CallScreened { call, screening } => {
                super::blacklist::screened(self.call(call), *screening)
            }
            Event::ListChanged { change } => super::blacklist::changed(*change),
            Event::Fault { what } => wire::Event::Fault { what },
            Event::ConfigApplied {
                author,
                queues,
                agents,
                tiers,
                dispositions,
                supervisors,
            } => {
                self.learn_supervisors(&supervisors);
                self.learn(&queues, &agents, &tiers);
                wire::Event::ConfigApplied {
                    author,
                    queues: queues.into_iter().map(view::queue_info).collect(),
                    agents: agents.into_iter().map(|agent| self.agent_info(agent)).collect(),
                    tiers,
                    dispositions: dispositions.iter().map(view::disposition).collect(),
                }
            }
        }
    }

    fn limit(&self, limit: Limit) -> words::Limit {
        match limit {
            Limit::Wait { call, queue } => words::Limit::Wait {
                call: self.call(call),
                queue: self.queue(queue),
            },
            Limit::Ring { agent, call } => words::Limit::Ring {
                agent: self.agent(agent),
                call: self.call(call),
            },
            Limit::Talk { call, agent } => words::Limit::Talk {
                call: self.call(call),
                agent: self.agent(agent),
            },
            Limit::Hold { call, agent } => words::Limit::Hold {
                call: self.call(call),
                agent: self.agent(agent),
            },
            Limit::WrapUp { agent } => words::Limit::WrapUp {
                agent: self.agent(agent),
            },
            Limit::NotReady { agent } => words::Limit::NotReady {
                agent: self.agent(agent),
            },
        }
    }
}

fn retrieve(result: RetrieveResult) -> (words::RetrieveResult, Option<words::RetrieveFailure>) {
    use words::RetrieveFailure as Why;
    let why = match result {
        RetrieveResult::Asked => return (words::RetrieveResult::Asked, None),
        RetrieveResult::Retrieved => return (words::RetrieveResult::Retrieved, None),
        RetrieveResult::Failed(RetrieveFailure::Ignored) => Why::Ignored,
        RetrieveResult::Failed(RetrieveFailure::NoSipPhone) => Why::NoSipPhone,
        RetrieveResult::Failed(RetrieveFailure::NotSent) => Why::NotSent,
        RetrieveResult::Failed(RetrieveFailure::Consulting) => Why::Consulting,
        RetrieveResult::Failed(RetrieveFailure::NotAnnounced) => Why::NotAnnounced,
    };
    (words::RetrieveResult::Failed, Some(why))
}

fn monitor_outcome(outcome: MonitorOutcome) -> words::MonitorOutcome {
    use words::MonitorOutcome as Out;
    match outcome {
        MonitorOutcome::Stopped => Out::Stopped,
        MonitorOutcome::HungUp => Out::HungUp,
        MonitorOutcome::CallOver => Out::CallOver,
        MonitorOutcome::TookOver => Out::TookOver,
        MonitorOutcome::AgentSignedOut => Out::AgentSignedOut,
        MonitorOutcome::SignedOut => Out::SignedOut,
    }
}

fn cut(how: Cut) -> words::Cut {
    match how {
        Cut::TakenOver => words::Cut::TakenOver,
        Cut::Disconnected(Whom::Caller) => words::Cut::CallerDisconnected,
        Cut::Disconnected(Whom::Agent) => words::Cut::AgentDisconnected,
        Cut::Disconnected(Whom::Both) => words::Cut::BothDisconnected,
    }
}

fn operation(operation: Operation) -> words::Operation {
    match operation {
        Operation::AcceptLevel(level) => words::Operation::AcceptLevel(level),
        Operation::DropSkill(skill) => words::Operation::DropSkill(skill),
        Operation::AddQueue(queue) => words::Operation::AddQueue(queue),
        Operation::Raise(by) => words::Operation::Raise(by.0),
        Operation::Say(say) => words::Operation::Say(say.into_iter().map(prompt).collect()),
        Operation::Menu(menu) => words::Operation::Menu(menu),
        Operation::Divert(way) => words::Operation::Divert(exit(way.to)),
    }
}

fn offer_result(result: OfferResult) -> words::OfferResult {
    use words::OfferResult as Out;
    match result {
        OfferResult::Answered => Out::Answered,
        OfferResult::NoAnswer | OfferResult::Failed(OfferFailure::NoAnswer) => Out::NoAnswer,
        OfferResult::Failed(OfferFailure::Rejected) => Out::Rejected,
        OfferResult::Failed(OfferFailure::Busy) => Out::Busy,
        OfferResult::Failed(OfferFailure::Unreachable) => Out::Unreachable,
        OfferResult::Cancelled => Out::Cancelled,
    }
}

fn call_outcome(outcome: CallOutcome) -> words::CallOutcome {
    use words::CallOutcome as Out;
    match outcome {
        CallOutcome::Answered => Out::Answered,
        CallOutcome::Abandoned => Out::Abandoned,
        CallOutcome::Withdrawn => Out::Withdrawn,
        CallOutcome::Timeout => Out::Timeout,
        CallOutcome::Full => Out::Full,
        CallOutcome::NoAgents => Out::NoAgents,
        CallOutcome::Removed => Out::Removed,
        CallOutcome::Closed => Out::Closed,
        CallOutcome::Emergency => Out::Emergency,
        CallOutcome::Diverted => Out::Diverted,
        CallOutcome::Left => Out::Left,
        CallOutcome::Callback => Out::Callback,
        CallOutcome::Overflowed => Out::Overflowed,
        CallOutcome::Moved => Out::Moved,
        CallOutcome::Error => Out::Error,
    }
}

/// The outcome, and the call that the callback became.
fn callback_outcome(outcome: CallbackOutcome) -> (words::CallbackOutcome, Option<CallId>) {
    use words::CallbackOutcome as Out;
    match outcome {
        CallbackOutcome::Resumed(call) => (Out::Resumed, Some(call)),
        CallbackOutcome::Redialled(call) => (Out::Redialled, Some(call)),
        CallbackOutcome::Failed => (Out::Failed, None),
        CallbackOutcome::Expired => (Out::Expired, None),
        CallbackOutcome::Cancelled => (Out::Cancelled, None),
        CallbackOutcome::Removed => (Out::Removed, None),
    }
}

/// What the host did by itself is told like any command.
fn deed_answered(deed: Deed) -> wire::Event {
    let Deed {
        author,
        what,
        refused,
    } = deed;
    let (command, reason) = match what {
        Act::Reload => (wire::Command::Reload, wire::Refusal::BadConfig),
        Act::SaveConfig { file } => (wire::Command::ConfigSave { name: file }, wire::Refusal::BadFile),
        Act::ForgetStanding { about } => (wire::Command::ConfigForget { about }, wire::Refusal::NothingToDo),
    };
    let outcome = if refused.is_empty() {
        wire::Outcome::Done
    } else {
        let message = refused;
        wire::Outcome::Refused { reason, message }
    };
    wire::Event::CommandAnswered {
        author,
        command,
        outcome,
    }
}

fn consult(state: ConsultState) -> (words::ConsultState, Option<words::ConsultEnd>) {
    use words::{ConsultEnd as End, ConsultState as State};
    match state {
        ConsultState::Begun => (State::Begun, None),
        ConsultState::Apart => (State::Apart, None),
        ConsultState::WithCaller => (State::WithCaller, None),
        ConsultState::Together => (State::Together, None),
        ConsultState::Over(end) => (
            State::Over,
            Some(match end {
                ConsultEnd::HandedOver => End::HandedOver,
                ConsultEnd::Dropped => End::Dropped,
                ConsultEnd::HungUp => End::HungUp,
                ConsultEnd::Busy => End::Busy,
                ConsultEnd::Rejected => End::Rejected,
                ConsultEnd::NoAnswer => End::NoAnswer,
                ConsultEnd::Unreachable => End::Unreachable,
                ConsultEnd::Away => End::Away,
                ConsultEnd::CallOver => End::CallOver,
            }),
        ),
    }
}
