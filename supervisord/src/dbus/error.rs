//! Errors of methods as D-Bus has them: each name says what a program can act on, each message what a person can.

use hotline_wire::Refusal;
use zbus::message::{Header, Message};
use zbus::names::ErrorName;

use super::{ERROR_PREFIX, views};
use crate::alarms::NotAcknowledged;
use crate::authority::Actor;
use crate::shared::CommandError;

/// Why a method failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct CallError {
    name: String,
    message: String,
}

impl CallError {
    fn new(name: &str, message: impl Into<String>) -> CallError {
        CallError {
            name: format!("{ERROR_PREFIX}{name}"),
            message: views::text(&message.into()),
        }
    }

    /// The node said no.
    pub(super) fn refused(reason: Refusal, message: String) -> CallError {
        CallError::new(&format!("Refused.{}", refusal_name(reason)), message)
    }

    /// An argument is out of range.
    pub(super) fn invalid(message: String) -> CallError {
        CallError::new("InvalidArgument", message)
    }

    /// Who asks sees no such thing.
    pub(super) fn unseen(actor: &Actor) -> CallError {
        let message = format!(
            "{} is {}, who may look in its own teams only; an administrator can change [[team]] and [[unix]]",
            actor.author,
            actor.role.label()
        );
        CallError::refused(Refusal::NotAllowed, message)
    }

    /// The daemon met a defect of its own: the log says more.
    pub(super) fn defect(error: impl std::fmt::Display) -> CallError {
        tracing::error!(%error, "an answer could not be put on the bus");
        CallError::new("Defect", error.to_string())
    }

    /// The asker may not.
    pub(super) fn denied(denied: super::permit::Denied) -> CallError {
        CallError::refused(Refusal::NotAllowed, denied.0)
    }

    /// Nobody can say who asks, so nobody could be held to account.
    pub(super) fn unknown_sender(why: impl std::fmt::Display) -> CallError {
        CallError::refused(Refusal::NotAllowed, format!("it cannot be told who asks: {why}"))
    }
}

impl From<CommandError> for CallError {
    fn from(error: CommandError) -> CallError {
        let name = match error {
            CommandError::Denied(_) => "Refused.NotAllowed",
            CommandError::NotAcknowledged(NotAcknowledged::Unknown(_)) => "Refused.UnknownAlarm",
            CommandError::NotAcknowledged(NotAcknowledged::Already(_)) => "Refused.Acknowledged",
            CommandError::NotAcknowledged(NotAcknowledged::TooLong) => "InvalidArgument",
            CommandError::NotConnected(_) => "NotConnected",
            CommandError::Busy(_) => "Busy",
            CommandError::Timeout(..) => "Timeout",
            CommandError::Broken(_) => "Broken",
        };
        CallError::new(name, error.to_string())
    }
}

/// Where the library allows no other errors.
impl From<CallError> for zbus::fdo::Error {
    fn from(error: CallError) -> zbus::fdo::Error {
        zbus::fdo::Error::AccessDenied(error.message)
    }
}

impl zbus::DBusError for CallError {
    fn create_reply(&self, call: &Header<'_>) -> zbus::Result<Message> {
        Message::error(call, self.name()).build(&(&self.message,))
    }

    fn name(&self) -> ErrorName<'_> {
        // Made of a constant prefix and names from this file.
        ErrorName::from_str_unchecked(&self.name)
    }

    fn description(&self) -> Option<&str> {
        Some(&self.message)
    }
}

/// The name of an error that came over the bus.
pub(super) fn error_name(error: &zbus::Error) -> Option<String> {
    match error {
        zbus::Error::FDO(error) => Some(zbus::DBusError::name(&**error).to_string()),
        zbus::Error::MethodError(name, ..) => Some(name.to_string()),
        _ => None,
    }
}

fn refusal_name(reason: Refusal) -> &'static str {
    match reason {
        Refusal::UnknownIvr => "UnknownIvr",
        Refusal::NoSurvey => "NoSurvey",
        Refusal::NotAlone => "NotAlone",
        Refusal::HeldByPhone => "HeldByPhone",
        Refusal::OnHold => "OnHold",
        Refusal::RecordingOff => "RecordingOff",
        Refusal::NotRecorded => "NotRecorded",
        Refusal::RecordedByRule => "RecordedByRule",
        Refusal::RecorderFailed => "RecorderFailed",
        Refusal::UnknownTarget => "UnknownTarget",
        Refusal::TargetAway => "TargetAway",
        Refusal::UnknownTier => "UnknownTier",
        Refusal::NoConsultation => "NoConsultation",
        Refusal::NotAnswered => "NotAnswered",
        Refusal::TargetBusy => "TargetBusy",
        Refusal::Declined => "Declined",
        Refusal::Unreachable => "Unreachable",
        Refusal::QueueFull => "QueueFull",
        Refusal::QueueClosed => "QueueClosed",
        Refusal::QueueUnmanned => "QueueUnmanned",
        Refusal::UnknownAgent => "UnknownAgent",
        Refusal::NotSignedIn => "NotSignedIn",
        Refusal::ForcedBusy => "ForcedBusy",
        Refusal::InCall => "InCall",
        Refusal::PhoneTaken => "PhoneTaken",
        Refusal::NoPhone => "NoPhone",
        Refusal::NothingToDo => "NothingToDo",
        Refusal::BadConfig => "BadConfig",
        Refusal::UnknownQueue => "UnknownQueue",
        Refusal::UnknownCall => "UnknownCall",
        Refusal::NotWaiting => "NotWaiting",
        Refusal::NotInWrapUp => "NotInWrapUp",
        Refusal::UnknownDisposition => "UnknownDisposition",
        Refusal::AtLimit => "AtLimit",
        Refusal::OutOfRange => "OutOfRange",
        Refusal::UnknownSupervisor => "UnknownSupervisor",
        Refusal::NoSupervisorThere => "NoSupervisorThere",
        Refusal::NotTalking => "NotTalking",
        Refusal::Speaking => "Speaking",
        Refusal::Listening => "Listening",
        Refusal::NoAnswer => "NoAnswer",
        Refusal::Overtaken => "Overtaken",
        Refusal::Unavailable => "Unavailable",
        Refusal::NotAllowed => "NotAllowed",
        Refusal::NoBlacklist => "NoBlacklist",
        Refusal::BadFile => "BadFile",
    }
}
