//! What webhooks are told, as they are told it.

use hotline_wire::mask::masked;
use serde::Serialize;
use serde_json::{Value, json};

use crate::state::Offer;

/// Something to tell.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Notice {
    /// An agent is being rung: the agent's screen may pop.
    Offer(Offer),
    /// A figure is beyond what it may be, or within it again. Nothing raises alarms yet.
    Alarm(Alarm),
}

/// An alarm.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Alarm {
    /// Which; the same for all that is told of it.
    pub alarm: String,
    /// What it is of.
    pub name: String,
    /// How it is now.
    pub state: AlarmState,
    /// How bad, from 1.
    pub level: u8,
    /// The queue it is about, if it is about one.
    pub queue: Option<String>,
    /// What is the matter, for people.
    pub text: String,
    /// What to do.
    pub action: String,
    /// When it became so; microseconds since the Unix epoch.
    pub at: u64,
}

/// How an alarm is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmState {
    /// It is on.
    Raised,
    /// Somebody takes care of it.
    Acknowledged,
    /// It is over.
    Cleared,
}

impl Notice {
    /// The same whenever the same is told: who gets it twice knows by this.
    pub fn id(&self) -> String {
        match self {
            Notice::Offer(offer) => format!("offer-{}-{}-{}", offer.node, offer.boot, offer.offer),
            Notice::Alarm(alarm) => {
                let state = serde_json::to_value(alarm.state).unwrap_or_default();
                format!(
                    "alarm-{}-{}-{}",
                    alarm.alarm,
                    state.as_str().unwrap_or_default(),
                    alarm.level
                )
            }
        }
    }

    /// In one word.
    pub fn kind(&self) -> &'static str {
        match self {
            Notice::Offer(_) => "offer",
            Notice::Alarm(_) => "alarm",
        }
    }

    /// When it happened; microseconds since the Unix epoch.
    pub fn at(&self) -> u64 {
        match self {
            Notice::Offer(offer) => offer.at,
            Notice::Alarm(alarm) => alarm.at,
        }
    }

    /// What is posted.
    pub(super) fn body(&self, whole_numbers: bool) -> String {
        let about: Value = match self {
            Notice::Offer(offer) => json!({
                "node": offer.node,
                "agent": offer.agent,
                "queue": offer.queue,
                "call": offer.call,
                "tier": offer.tier,
                "number": if whole_numbers { offer.number.clone() } else { masked(&offer.number) },
                "joined": (offer.joined > 0).then_some(offer.joined),
            }),
            Notice::Alarm(alarm) => json!(alarm),
        };
        json!({"id": self.id(), "kind": self.kind(), "at": self.at(), self.kind(): about}).to_string()
    }
}
