//! What webhooks are told, as they are told it.

use std::sync::Arc;

use hotline_wire::mask::masked;
use serde::Serialize;
use serde_json::{Value, json};

use crate::alarms::{Alarm, Step};
use crate::state::Offer;

/// Something to tell.
#[derive(Clone, PartialEq, Debug)]
pub enum Notice {
    /// An agent is being rung: the agent's screen may pop.
    Offer(Box<Offer>),
    /// A figure is beyond what it may be, or within it again.
    Alarm(AlarmNotice),
}

/// A step of an alarm.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct AlarmNotice {
    /// What became of it.
    pub step: Step,
    /// As it is then.
    #[serde(flatten)]
    pub alarm: Arc<Alarm>,
    /// When; microseconds since the Unix epoch.
    #[serde(skip)]
    pub at: u64,
}

impl Notice {
    /// The same whenever the same is told: who gets it twice knows by this.
    pub fn id(&self) -> String {
        match self {
            Notice::Offer(offer) => format!("offer-{}-{}-{}", offer.node, offer.boot, offer.offer),
            Notice::Alarm(told) => format!("alarm-{}-{}-{}", told.alarm.id, told.step.label(), told.at),
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
                "flag": offer.flag,
                "path": offer.attached.path,
                // Who may not have numbers may not have what people attach, which may be one.
                "data": if whole_numbers { json!(offer.attached.data) } else { json!({}) },
                "joined": (offer.joined > 0).then_some(offer.joined),
            }),
            Notice::Alarm(alarm) => json!(alarm),
        };
        json!({"id": self.id(), "kind": self.kind(), "at": self.at(), self.kind(): about}).to_string()
    }
}
