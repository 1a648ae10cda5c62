//! Commands and their answers.

use hotline_engine::action::{CommandOutcome, Refusal};
use hotline_engine::config::Door;
use hotline_engine::ids::{CallId, MonitorId, SupervisorId};
use hotline_engine::input::{ConsultStep, Destination, Follow, MonitorMode, ToIvr, Whom};
use hotline_engine::is_dialable;
use hotline_engine::{Command, Span};
use hotline_wire as wire;
use hotline_wire::event as words;
use hotline_wire::mask::masked;
use hotline_wire::snapshot as info;

use super::recording::{order_asked, order_told};
use super::{References, Vocabulary, view};

/// What somebody asks of a node, and who in it answers.
pub(crate) enum Asked {
    /// The engine, in the order of its inputs.
    Order(Command),
    /// The host: the settings file is read again.
    Reload,
    /// The engine: why this call is where it is.
    WhyCall(CallId),
    /// The engine: why this agent is offered no call.
    WhyNot(String),
    /// The settings: how long callers can be overtaken.
    Fairness,
    /// The host: what lies over the settings.
    ConfigDiff,
    /// The host: a copy of the settings with that in it, under that name.
    ConfigSave(String),
    /// The engine's thread: what the settings have no place for is forgotten, of that agent or queue.
    ConfigForget(String),
    /// The blacklist.
    Blacklist(wire::blacklist::ListOrder),
}

/// What a wire command asks for. `place_of` tells where callers go who are sent to a
/// number, `new_monitor` gives the next number for a supervisor who is to listen.
///
/// # Errors
/// The answer, if it is out of bounds, names a call that is none of this boot of this node, a number that the PBX has no place for,
/// or asks for what only a phone may.
pub(crate) fn asked(
    command: wire::Command,
    references: &References,
    place_of: impl FnOnce(&str) -> Option<String>,
    new_monitor: impl FnOnce() -> MonitorId,
) -> Result<Asked, wire::Outcome> {
    command
        .check()
        .map_err(|message| refused(wire::Refusal::OutOfRange, message))?;
    let named = |reference: &str| {
        references
            .call(reference)
            .ok_or_else(|| stranger(reference, references))
    };
    Ok(Asked::Order(match command {
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
            lasting: (seconds > 0).then(|| Span::seconds(seconds)),
        },
        wire::Command::ForceIdle { agent } => Command::ForceIdle { agent },
        wire::Command::ForceSignOut { agent, reason } => Command::ForceSignOut { agent, reason },
        wire::Command::ExtendWrapUp { agent, seconds } => Command::ExtendWrapUp {
            agent,
            by: Span::seconds(seconds),
        },
        wire::Command::Dispose { agent, code, note } => Command::Dispose { agent, code, note },
        wire::Command::SetMembership { agent, queue, place } => Command::SetMembership {
            agent,
            queue,
            place: place.map(|place| (place.level, place.weight)),
        },
        wire::Command::SetSkill { agent, skill, has } => Command::SetSkill { agent, skill, has },
        wire::Command::SetDoor { queue, door } => Command::SetDoor {
            queue,
            door: match door {
                info::Door::Open => Door::Open,
                info::Door::Closed => Door::Closed,
                info::Door::Emergency => Door::Emergency,
            },
        },
        wire::Command::Reprioritise { call, priority } => Command::Reprioritise {
            call: named(&call)?,
            priority,
        },
        wire::Command::MoveCall { call, queue } => Command::MoveCall {
            call: named(&call)?,
            queue,
        },
        wire::Command::Withdraw { call, place } => Command::Withdraw {
            call: named(&call)?,
            place,
        },
        wire::Command::SignInSupervisor { .. } => return Err(only_a_phone()),
        wire::Command::SignOutSupervisor { supervisor } => Command::SignOutSupervisor { supervisor },
        wire::Command::Monitor { ref from, .. } | wire::Command::Disconnect { ref from, .. }
            if !from.is_empty() =>
        {
            return Err(only_a_phone());
        }
        wire::Command::Monitor {
            supervisor,
            from,
            agent,
            mode,
            follow,
        } => Command::Monitor {
            monitor: new_monitor(),
            supervisor,
            from,
            agent,
            mode: match mode {
                words::MonitorMode::Listen => MonitorMode::Listen,
                words::MonitorMode::Whisper => MonitorMode::Whisper,
                words::MonitorMode::Barge => MonitorMode::Barge,
                words::MonitorMode::TakeOver => MonitorMode::TakeOver,
            },
            follow: match follow {
                words::Follow::Agent => Follow::Agent,
                words::Follow::Call => Follow::Call,
            },
        },
        wire::Command::StopMonitor { supervisor } => Command::StopMonitor { supervisor },
        wire::Command::Disconnect { agent, whom, from } => Command::Disconnect {
            agent,
            whom: match whom {
                words::Whom::Caller => Whom::Caller,
                words::Whom::Agent => Whom::Agent,
                words::Whom::Both => Whom::Both,
            },
            from,
        },
        wire::Command::Hold { agent } => Command::Hold { agent, on: true },
        wire::Command::Retrieve { agent } => Command::Hold { agent, on: false },
        wire::Command::Mute { agent } => Command::Mute { agent, on: true },
        wire::Command::Unmute { agent } => Command::Mute { agent, on: false },
        wire::Command::Record { agent, order } => Command::Record {
            agent,
            order: order_asked(order),
        },
        wire::Command::Transfer { agent, to, reason } => Command::Transfer {
            agent,
            to: destination(to, place_of)?,
            reason,
        },
        wire::Command::Ivr {
            agent,
            to,
            timeout_seconds,
        } => Command::Ivr {
            agent,
            to: match to {
                wire::command::ToIvr::Named { name } => ToIvr::Named { name },
                wire::command::ToIvr::Place { place } => ToIvr::Place { place },
            },
            timeout: timeout_seconds.map(|seconds| Span::seconds(seconds.into())),
        },
        wire::Command::Survey { agent } => Command::Survey { agent },
        wire::Command::Consult { agent, to } => Command::Consult {
            agent,
            with: consulted(to, place_of)?,
        },
        wire::Command::Consultation { agent, step, reason } => Command::Consultation {
            agent,
            step: match step {
                wire::command::ConsultStep::Swap => ConsultStep::Swap,
                wire::command::ConsultStep::Join => ConsultStep::Join,
                wire::command::ConsultStep::HandOver => ConsultStep::HandOver { reason },
                wire::command::ConsultStep::Drop => ConsultStep::Drop,
            },
        },
        wire::Command::CancelCallback { callback } => Command::CancelCallback {
            callback: named(&callback)?,
        },
        wire::Command::WhyCall { call } => return Ok(Asked::WhyCall(named(&call)?)),
        wire::Command::WhyNot { agent } => return Ok(Asked::WhyNot(agent)),
        wire::Command::Fairness => return Ok(Asked::Fairness),
        wire::Command::ConfigDiff => return Ok(Asked::ConfigDiff),
        wire::Command::ConfigSave { name } => return Ok(Asked::ConfigSave(name)),
        wire::Command::ConfigForget { about } => return Ok(Asked::ConfigForget(about)),
        wire::Command::Reload => return Ok(Asked::Reload),
        wire::Command::Blacklist(order) => return Ok(Asked::Blacklist(order)),
    }))
}

/// Whom an agent consults.
fn consulted(
    to: wire::command::Destination,
    place_of: impl FnOnce(&str) -> Option<String>,
) -> Result<Destination, wire::Outcome> {
    use wire::command::Destination as To;
    match to {
        To::Place { .. } => Err(refused(
            wire::Refusal::NotAllowed,
            "a place of the dialplan cannot be consulted; an agent, a queue or a number can",
        )),
        To::Queue { queue, .. } => Ok(Destination::Queue {
            queue,
            tier: String::new(),
            priority: None,
        }),
        To::Agent { .. } | To::Number { .. } => destination(to, place_of),
    }
}

fn destination(
    to: wire::command::Destination,
    place_of: impl FnOnce(&str) -> Option<String>,
) -> Result<Destination, wire::Outcome> {
    use wire::command::Destination as To;
    Ok(match to {
        To::Queue {
            queue,
            tier,
            priority,
        } => Destination::Queue {
            queue,
            tier,
            priority,
        },
        To::Agent { agent } => Destination::Agent { agent },
        To::Place { place } => Destination::Place { place },
        To::Number { number } => {
            if !is_dialable(&number) {
                let message = "a number is of 1 to 40 letters, digits and +*#._-";
                return Err(refused(wire::Refusal::OutOfRange, message));
            }
            let place = place_of(&number).ok_or_else(|| {
                let message = format!("the dialplan lets no agent transfer to {}", masked(&number));
                refused(wire::Refusal::UnknownTarget, message)
            })?;
            Destination::Place { place }
        }
    })
}

/// A decision that may stand over a restart: a lock, or a change over the settings.
///
/// # Errors
/// Why it may not, for people.
pub(crate) fn standing(command: wire::Command, references: &References) -> Result<Command, String> {
    let is_decision = matches!(
        command,
        wire::Command::ForceBusy { .. }
            | wire::Command::SetMembership { .. }
            | wire::Command::SetSkill { .. }
            | wire::Command::SetDoor { .. }
    );
    // Nobody's listening stands over a restart, so no number is needed for it.
    match asked(command, references, |_| None, || MonitorId(0)) {
        Err(wire::Outcome::Refused { message, .. }) => Err(message),
        Ok(Asked::Order(command)) if is_decision => Ok(command),
        _ => Err("only locks and changes over the settings stand over a restart".to_owned()),
    }
}

/// A command that says who is signed in where, or not ready, as it was kept over a restart.
///
/// # Errors
/// Why it may not, for people.
pub(crate) fn presence(command: wire::Command, references: &References) -> Result<Command, String> {
    if let wire::Command::SignInSupervisor { supervisor, phone } = command {
        for text in [&supervisor, &phone] {
            if text.is_empty() || text.chars().any(char::is_control) {
                return Err("a supervisor's number and phone are a line of text each".to_owned());
            }
        }
        return Ok(Command::SignInSupervisor { supervisor, phone });
    }
    let is_presence = matches!(
        command,
        wire::Command::SignIn { .. } | wire::Command::SetNotReady { .. }
    );
    match asked(command, references, |_| None, || MonitorId(0)) {
        Err(wire::Outcome::Refused { message, .. }) => Err(message),
        Ok(Asked::Order(command)) if is_presence => Ok(command),
        _ => Err("only signing in and not being ready are kept of people".to_owned()),
    }
}

impl Vocabulary {
    pub(crate) fn command(&self, command: Command) -> wire::Command {
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
                seconds: lasting.map_or(0, whole_seconds),
            },
            Command::ForceIdle { agent } => wire::Command::ForceIdle { agent },
            Command::ForceSignOut { agent, reason } => wire::Command::ForceSignOut { agent, reason },
            Command::ExtendWrapUp { agent, by } => wire::Command::ExtendWrapUp {
                agent,
                seconds: whole_seconds(by),
            },
            // What the agent wrote is told in the event of it, if it came to that.
            Command::Dispose { agent, code, note: _ } => wire::Command::Dispose {
                agent,
                code,
                note: String::new(),
            },
            Command::SetMembership { agent, queue, place } => wire::Command::SetMembership {
                agent,
                queue,
                place: place.map(|(level, weight)| wire::command::Place { level, weight }),
            },
            Command::SetSkill { agent, skill, has } => wire::Command::SetSkill { agent, skill, has },
            Command::SetDoor { queue, door } => wire::Command::SetDoor {
                queue,
                door: view::door(door),
            },
            Command::Reprioritise { call, priority } => wire::Command::Reprioritise {
                call: self.call(call),
                priority,
            },
            Command::MoveCall { call, queue } => wire::Command::MoveCall {
                call: self.call(call),
                queue,
            },
            Command::Withdraw { call, place } => wire::Command::Withdraw {
                call: self.call(call),
                place,
            },
            Command::SignInSupervisor { supervisor, phone } => {
                wire::Command::SignInSupervisor { supervisor, phone }
            }
            Command::SignOutSupervisor { supervisor } => wire::Command::SignOutSupervisor { supervisor },
            Command::Monitor {
                monitor: _,
                supervisor,
                from,
                agent,
                mode,
                follow,
            } => wire::Command::Monitor {
                supervisor,
                from,
                agent,
                mode: super::mode(mode),
                follow: super::follow(follow),
            },
            Command::StopMonitor { supervisor } => wire::Command::StopMonitor { supervisor },
            Command::Disconnect { agent, whom, from } => wire::Command::Disconnect {
                agent,
                whom: match whom {
                    Whom::Caller => words::Whom::Caller,
                    Whom::Agent => words::Whom::Agent,
                    Whom::Both => words::Whom::Both,
                },
                from,
            },
            Command::Hold { agent, on: true } => wire::Command::Hold { agent },
            Command::Hold { agent, on: false } => wire::Command::Retrieve { agent },
            Command::Mute { agent, on: true } => wire::Command::Mute { agent },
            Command::Mute { agent, on: false } => wire::Command::Unmute { agent },
            Command::Record { agent, order } => wire::Command::Record {
                agent,
                order: order_told(order),
            },
            Command::Transfer { agent, to, reason } => wire::Command::Transfer {
                agent,
                to: sent_to(to),
                reason,
            },
            Command::Ivr { agent, to, timeout } => wire::Command::Ivr {
                agent,
                to: match to {
                    ToIvr::Named { name } => wire::command::ToIvr::Named { name },
                    ToIvr::Place { place } => wire::command::ToIvr::Place { place },
                },
                timeout_seconds: timeout.map(|span| u32::try_from(span.0 / 1_000_000).unwrap_or(u32::MAX)),
            },
            Command::Survey { agent } => wire::Command::Survey { agent },
            Command::Consult { agent, with } => wire::Command::Consult {
                agent,
                to: sent_to(with),
            },
            Command::Consultation { agent, step } => {
                use wire::command::ConsultStep as Out;
                let (step, reason) = match step {
                    ConsultStep::Swap => (Out::Swap, String::new()),
                    ConsultStep::Join => (Out::Join, String::new()),
                    ConsultStep::HandOver { reason } => (Out::HandOver, reason),
                    ConsultStep::Drop => (Out::Drop, String::new()),
                };
                wire::Command::Consultation { agent, step, reason }
            }
            Command::CancelCallback { callback } => wire::Command::CancelCallback {
                callback: self.call(callback),
            },
        }
    }
}

/// Where a caller is sent, as the wire has it.
pub(super) fn sent_to(to: Destination) -> wire::command::Destination {
    use wire::command::Destination as To;
    match to {
        Destination::Queue {
            queue,
            tier,
            priority,
        } => To::Queue {
            queue,
            tier,
            priority,
        },
        Destination::Agent { agent } => To::Agent { agent },
        Destination::Place { place } => To::Place { place },
    }
}

fn whole_seconds(span: Span) -> u64 {
    span.0 / 1_000_000
}

/// The answer as the wire has it, with a sentence for people. `name` tells how supervisors are called.
pub(crate) fn outcome(outcome: CommandOutcome, name: impl FnOnce(SupervisorId) -> String) -> wire::Outcome {
    use wire::Refusal as Out;
    let (reason, message) = match outcome {
        CommandOutcome::Done => return wire::Outcome::Done,
        CommandOutcome::Pending => return wire::Outcome::Pending,
        CommandOutcome::Refused(refusal) => match refusal {
            Refusal::UnknownAgent => (Out::UnknownAgent, "there is no agent of that number"),
            Refusal::NotSignedIn => (Out::NotSignedIn, "the agent is not signed in"),
            Refusal::ForcedBusy => (
                Out::ForcedBusy,
                "a supervisor has locked the agent; force it idle first",
            ),
            Refusal::InCall => (Out::InCall, "the agent is in a call; try again after it"),
            Refusal::PhoneTaken => (
                Out::PhoneTaken,
                "another agent is signed in on that phone; sign that one out first",
            ),
            Refusal::NoPhone => (
                Out::NoPhone,
                "no phone is known for the agent; name one, or sign in from a phone",
            ),
            Refusal::NothingToDo => (Out::NothingToDo, "it is so already, or there is nothing to lift"),
            Refusal::Overtaken => (Out::Overtaken, "a later command, or its own expiry, came first"),
            Refusal::BadConfig => (Out::BadConfig, "the settings are wrong; the running ones stay"),
            Refusal::UnknownQueue => (Out::UnknownQueue, "there is no queue of that name"),
            Refusal::UnknownCall => (Out::UnknownCall, "there is no such call any more"),
            Refusal::NotWaiting => (Out::NotWaiting, "the call does not wait any more"),
            Refusal::NotInWrapUp => (Out::NotInWrapUp, "the agent is not in after-call work"),
            Refusal::UnknownDisposition => (
                Out::UnknownDisposition,
                "calls of that queue have no disposition of that code; `hotline show dispositions` lists them",
            ),
            Refusal::AtLimit => (Out::AtLimit, "a ceiling is reached; see the settings"),
            Refusal::UnknownSupervisor => (Out::UnknownSupervisor, "there is no supervisor of that number"),
            Refusal::NoSupervisorThere => (
                Out::NoSupervisorThere,
                "no supervisor is signed in there; sign in from the own phone first",
            ),
            Refusal::NotAllowed => (
                Out::NotAllowed,
                "the supervisor may not do that, or not from that phone; see the settings",
            ),
            Refusal::NotTalking => (Out::NotTalking, "the agent is in no conversation"),
            Refusal::Speaking(speaker) => {
                let message = format!(
                    "{} speaks in that conversation already; listen meanwhile",
                    name(speaker)
                );
                return refused(Out::Speaking, message);
            }
            Refusal::Listening => (
                Out::Listening,
                "the supervisor listens to somebody already; end that first",
            ),
            Refusal::NoAnswer => (Out::NoAnswer, "the supervisor's phone was not answered"),
            Refusal::NotAlone => (
                Out::NotAlone,
                "somebody else is in the conversation, or the caller is away; end that first",
            ),
            Refusal::HeldByPhone => (
                Out::HeldByPhone,
                "the agent's own phone holds the caller; retrieve there",
            ),
            Refusal::OnHold => (Out::OnHold, "the caller is on hold; retrieve first"),
            Refusal::RecordingOff => (
                Out::RecordingOff,
                "nothing is recorded in that queue; see [queue.recording] in the settings",
            ),
            Refusal::NotRecorded => (Out::NotRecorded, "the conversation is not recorded"),
            Refusal::RecordedByRule => (
                Out::RecordedByRule,
                "the queue's settings have it recorded to its end; it can be paused",
            ),
            Refusal::RecorderFailed => (
                Out::RecorderFailed,
                "it could not be recorded; the event recording_failed and the PBX's log say why",
            ),
            Refusal::UnknownTarget => (
                Out::UnknownTarget,
                "there is no agent of the number that the caller is to go to",
            ),
            Refusal::TargetAway => (
                Out::TargetAway,
                "the agent that the caller is to go to is not at work, or serves no queue",
            ),
            Refusal::NoConsultation => (Out::NoConsultation, "the agent consults nobody"),
            Refusal::NotAnswered => (
                Out::NotAnswered,
                "whom the agent consults has not answered yet; `drop` goes back to the caller",
            ),
            Refusal::TargetBusy => (
                Out::TargetBusy,
                "the agent to be consulted is not free for it now; try again, or ask somebody else",
            ),
            Refusal::Declined => (Out::Declined, "the agent to be consulted declined"),
            Refusal::Unreachable => (
                Out::Unreachable,
                "whom the agent wants to consult could not be reached",
            ),
            Refusal::UnknownTier => (Out::UnknownTier, "there is no tier of that name"),
            Refusal::QueueFull => (
                Out::QueueFull,
                "the queue is full; the agent still has the caller",
            ),
            Refusal::QueueClosed => (
                Out::QueueClosed,
                "the queue is closed; the agent still has the caller",
            ),
            Refusal::QueueUnmanned => (
                Out::QueueUnmanned,
                "the queue has no agents, and does not wait without; the agent still has the caller",
            ),
            Refusal::UnknownIvr => (
                Out::UnknownIvr,
                "the settings have no [[ivr]] of that name; a place of the dialplan is CONTEXT,EXTENSION,PRIORITY",
            ),
            Refusal::NoSurvey => (
                Out::NoSurvey,
                "the queue has no [queue.survey] in the settings; the agent still has the caller",
            ),
            Refusal::OutOfRange => (
                Out::OutOfRange,
                "levels go from 1 (best) to 255, weights from 1 to 65535",
            ),
        },
    };
    refused(reason, message)
}

fn refused(reason: wire::Refusal, message: impl Into<String>) -> wire::Outcome {
    let message = message.into();
    wire::Outcome::Refused { reason, message }
}

/// A reference that cannot be one of ours.
fn stranger(reference: &str, references: &References) -> wire::Outcome {
    let References { node, boot } = references;
    let message = format!(
        "{reference:?} is no call of this node since its start; its calls are named {node}-{boot}-NUMBER"
    );
    refused(wire::Refusal::UnknownCall, message)
}

/// What nobody may ask for but a supervisor on the own phone.
fn only_a_phone() -> wire::Outcome {
    refused(
        wire::Refusal::NotAllowed,
        "supervisors sign in, and name a phone, from that very phone only",
    )
}

/// Neither the engine nor its record of decisions knows the call.
pub(crate) fn no_such_call() -> wire::Outcome {
    refused(
        wire::Refusal::UnknownCall,
        "nothing is known of that call: there was none, or its decisions are forgotten ([limits] decisions)",
    )
}

/// There is no agent to explain.
pub(crate) fn no_such_agent() -> wire::Outcome {
    outcome(CommandOutcome::Refused(Refusal::UnknownAgent), |_| String::new())
}
