//! Why a call waits, why an agent is not offered one: the last decisions, kept in a ring of fixed size, and the reasons as
//! they are now, worked out only for whoever asks.

mod why;
mod words;

use crate::event::{AgentState, CallOutcome, OfferResult};
use crate::ids::{AgentId, CallId, OfferId, QueueId};
use crate::skills::SkillSet;
use crate::time::{Span, Time};

/// Something that was decided or that decisions depended on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Note {
    Offer {
        offer: OfferId,
        call: CallId,
        agent: AgentId,
        queue: QueueId,
        dispatch: Span,
        /// How the strategy chose; `None` for the caller's own agent.
        chosen: Option<Chosen>,
        /// Whom the strategy would have taken next.
        next: Option<AgentId>,
    },
    Ended {
        offer: OfferId,
        result: OfferResult,
    },
    Agent {
        agent: AgentId,
        state: AgentState,
    },
    Rule {
        call: CallId,
        rule: u32,
    },
    Connected {
        call: CallId,
        agent: AgentId,
    },
    Finished {
        call: CallId,
        outcome: CallOutcome,
    },
}

/// Among whom a strategy chose: what the caller needed then.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Chosen {
    pub(crate) cap: u8,
    pub(crate) skills: SkillSet,
}

/// The ring. Writing to it is one store.
#[derive(Default, Debug)]
pub(crate) struct Record {
    /// As many as a power of two, or none.
    notes: Vec<(Time, Note)>,
    most: usize,
    written: u64,
}

impl Record {
    /// Keeps so many from now on. What is kept is forgotten if that changes.
    pub(crate) fn resize(&mut self, most: u32) {
        let most = if most == 0 {
            0
        } else {
            (most as usize).next_power_of_two()
        };
        if most != self.most {
            *self = Record {
                notes: Vec::new(),
                most,
                written: 0,
            };
        }
    }

    pub(crate) fn keeps(&self) -> bool {
        self.most > 0
    }

    pub(crate) fn note(&mut self, at: Time, note: Note) {
        if self.most == 0 {
            return;
        }
        if self.notes.len() < self.most {
            self.notes.push((at, note));
        } else {
            let place = self.written as usize & (self.most - 1);
            self.notes[place] = (at, note);
        }
        self.written += 1;
    }

    /// All that is kept, latest first.
    fn latest_first(&self) -> impl Iterator<Item = &(Time, Note)> {
        let mask = self.most.saturating_sub(1);
        let oldest = self.written - self.notes.len() as u64;
        (oldest..self.written)
            .rev()
            .map(move |at| &self.notes[at as usize & mask])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ring_keeps_the_latest() {
        let mut record = Record::default();
        let note = |call| Note::Rule {
            call: CallId(call),
            rule: 1,
        };
        record.note(Time(0), note(0));
        assert_eq!(record.latest_first().count(), 0);
        record.resize(3);
        for call in 0..10 {
            record.note(Time(call), note(call));
        }
        let kept: Vec<u64> = record.latest_first().map(|(at, _)| at.0).collect();
        assert_eq!(kept, [9, 8, 7, 6]);
    }
}
