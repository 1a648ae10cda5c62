//! The records that the ledger keeps, each a row of a table.

use hotline_wire::event::{CallOutcome, OfferResult, Party};
use hotline_wire::snapshot::AgentState;
use serde::{Deserialize, Serialize};

/// Why a record ends, or begins, other than by what happened: events are missing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cut {
    /// Nothing is missing.
    #[default]
    None,
    /// The node started anew: what it did after its last event nobody knows.
    Boot,
    /// Events were lost while the record was open.
    Gap,
}

/// Words of an enumeration as its columns have them.
macro_rules! words {
    ($type:ty { $($value:pat => $word:literal = $build:expr),* $(,)? }) => {
        impl $type {
            /// As it stands in a column.
            pub fn word(self) -> &'static str {
                match self { $($value => $word),* }
            }

            /// Back from the column.
            pub fn from_word(word: &str) -> Option<$type> {
                match word { $($word => Some($build),)* _ => None }
            }
        }
    };
}

words!(Cut {
    Cut::None => "" = Cut::None,
    Cut::Boot => "boot" = Cut::Boot,
    Cut::Gap => "gap" = Cut::Gap,
});

/// A side of a conversation, as a column has it.
pub(super) fn party(word: &str) -> Option<Party> {
    [Party::Caller, Party::Agent, Party::System, Party::Supervisor]
        .into_iter()
        .find(|party| party_word(*party) == word)
}

/// The same, the other way.
pub(super) fn party_word(party: Party) -> &'static str {
    match party {
        Party::Caller => "caller",
        Party::Agent => "agent",
        Party::System => "system",
        Party::Supervisor => "supervisor",
    }
}

/// A caller's call, through all queues it visits.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Call {
    /// Number of the boot.
    pub boot: u64,
    /// Call reference.
    pub call: String,
    /// The event that began it.
    pub born: u64,
    /// Caller number as presented, or masked; empty if withheld.
    pub number: String,
    /// The number in its one form, by which calls of one caller are found; none if withheld, masked or no number.
    pub caller: Option<String>,
    /// Queue of its first visit.
    pub queue: String,
    /// Its tier then.
    pub tier: String,
    /// When it joined first.
    pub began: u64,
    /// When its last visit was over; none while it goes on.
    pub ended: Option<u64>,
    /// How its last visit ended.
    pub outcome: Option<CallOutcome>,
    /// Who answered last.
    pub agent: Option<String>,
    /// Visits so far.
    pub visits: u64,
    /// The callback that it is the answer to, or that the caller did not wait for.
    pub callback: Option<String>,
}

/// A call's stay in one queue.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Visit {
    /// Number of the boot.
    pub boot: u64,
    /// Call reference.
    pub call: String,
    /// Which visit of the call, from 1.
    pub nth: u64,
    /// The event that began it.
    pub born: u64,
    /// Queue name.
    pub queue: String,
    /// Tier name.
    pub tier: String,
    /// When it joined.
    pub joined: u64,
    /// When it was connected.
    pub connected: Option<u64>,
    /// When it was over.
    pub ended: Option<u64>,
    /// How it ended.
    pub outcome: Option<CallOutcome>,
    /// Who answered.
    pub agent: Option<String>,
    /// From joining until connected or gone; microseconds.
    pub wait: u64,
    /// Of which the phone of who answered rang.
    pub ring: u64,
    /// The queue's target when the wait was over; none if the queue was not known.
    pub target: Option<u64>,
    /// Conversation, holds included.
    pub talk: u64,
    /// Of which on hold.
    pub hold: u64,
    /// After-call work that belongs to it.
    pub wrap_up: u64,
    /// How often the agent asked a third party.
    pub consults: u64,
    /// How often all three talked.
    pub conferences: u64,
    /// Who ended it.
    pub by: Option<Party>,
    /// Where the caller went.
    pub exit: Option<String>,
    /// What its agent said it was about.
    #[serde(default)]
    pub disposition: Option<Disposed>,
    /// What is missing.
    pub cut: Cut,
    /// Whether nothing more can become of it, its after-call work included.
    pub settled: bool,
}

/// What an agent said that a call was about.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Disposed {
    /// Which disposition.
    pub code: String,
    /// It stands for a complaint.
    pub complaint: bool,
    /// It stands for a caller who has what was called for.
    pub resolved: bool,
    /// It stands for a caller who is to be called again.
    pub follow_up: bool,
    /// In the agent's own words.
    pub note: String,
}

/// An attempt to reach an agent, that is over.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Offer {
    /// Number of the boot.
    pub boot: u64,
    /// The attempt.
    pub offer: u64,
    /// The event that ended it.
    pub born: u64,
    /// When that was.
    pub ended: u64,
    /// Call reference.
    pub call: String,
    /// Agent number.
    pub agent: String,
    /// Queue by which it was made.
    pub queue: String,
    /// The call's tier; empty if the call was not known.
    pub tier: String,
    /// How it ended.
    pub result: OfferResult,
    /// How long it lasted.
    pub ring: u64,
}

impl Offer {
    /// When it was made.
    pub fn made(&self) -> u64 {
        self.ended.saturating_sub(self.ring)
    }
}

/// An agent's time in one state, while signed in. One begins where the one before ends.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Interval {
    /// Number of the boot.
    pub boot: u64,
    /// Agent number.
    pub agent: String,
    /// The event that began it.
    pub born: u64,
    /// When it began.
    pub from: u64,
    /// When it ended; none while it goes on.
    pub until: Option<u64>,
    /// The state; none if nobody knows, since events are missing.
    pub state: Option<AgentState>,
    /// Why not ready, unavailable or forced.
    pub reason: String,
    /// Reference of the call that it is about, after-call work included.
    pub call: Option<String>,
    /// That call's queue; empty if it is about none.
    pub queue: String,
    /// That call's tier.
    pub tier: String,
    /// Why it ended, if not by a change of state.
    pub cut: Cut,
}
