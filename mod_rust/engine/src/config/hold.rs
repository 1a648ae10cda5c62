//! What happens to a caller whom an agent holds.

use crate::config::QueueFault;
use crate::time::Span;

/// The care for a caller on hold. By default there is none but the music.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HoldCare {
    /// What the caller hears now and then.
    pub comfort: Option<Comfort>,
    /// The agent's phone is asked to retrieve the caller.
    pub retrieve: Option<Retrieve>,
}

/// A prompt for a caller on hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Comfort {
    /// After so much hold. Never zero.
    pub after: Span,
    /// And again at this interval. At least a second.
    pub every: Option<Span>,
    /// Sound files of the PBX, in this order. Never empty.
    pub say: Vec<String>,
}

/// A hold that is to end by itself. It is the phone that holds, so it is asked to retrieve.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Retrieve {
    /// After so much hold. Never zero.
    pub after: Span,
    /// What the phone understands: the event package of a SIP NOTIFY in its dialog. Letters, digits and `-_.`; never empty.
    pub event: String,
    /// Phones are asked as well that do not announce that event, at their own risk: a call whose phone never answers the question, or
    /// answers that there is no such call, is over by the rules of SIP (RFC 5057).
    pub unannounced: bool,
    /// A phone that has not retrieved within this time does not do it. Never zero.
    pub patience: Span,
}

impl HoldCare {
    pub(super) fn check(&self) -> Result<(), QueueFault> {
        if let Some(comfort) = &self.comfort {
            let often = comfort.every.is_some_and(|every| every < Span::seconds(1));
            if comfort.after == Span::ZERO || often || comfort.say.is_empty() {
                return Err(QueueFault::Comfort);
            }
        }
        if let Some(Retrieve {
            after,
            event,
            patience,
            ..
        }) = &self.retrieve
            && (*after == Span::ZERO || *patience == Span::ZERO || !is_event(event))
        {
            return Err(QueueFault::Retrieve);
        }
        Ok(())
    }
}

/// Whether it can stand for an event package, and for nothing else.
fn is_event(text: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !text.is_empty() && text.chars().all(good)
}
