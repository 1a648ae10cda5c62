//! Limits that raise a warning when something lasts too long.

use hotline_engine::config::Steps;
use hotline_engine::event::Limit;
use hotline_engine::{Event, Time};

/// Something that is lasting, and the levels that it reaches.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    limit: Limit,
    since: Time,
    steps: Steps,
    level: usize,
    /// When it has to be looked at next.
    pub(super) next: Option<Time>,
}

impl Watch {
    pub(super) fn new(limit: Limit, since: Time, steps: &Steps) -> Watch {
        Watch {
            limit,
            since,
            steps: steps.clone(),
            level: 0,
            next: steps.at.first().map(|span| since + *span),
        }
    }

    /// The next level is reached, or the last one once more.
    pub(super) fn raise(&mut self, now: Time) -> Option<Event> {
        let due = self.next?;
        self.level = (self.level + 1).min(self.steps.at.len());
        self.next = match self.steps.at.get(self.level) {
            Some(span) => Some(self.since + *span),
            None => self.steps.every.map(|every| {
                let missed = due + every <= now;
                if missed { now + every } else { due + every }
            }),
        };
        Some(Event::LimitReached {
            limit: self.limit,
            level: self.level as u8,
            lasted: now.since(self.since),
        })
    }

    /// It is over.
    pub(super) fn clear(&self, now: Time) -> Option<Event> {
        (self.level > 0).then(|| Event::LimitCleared {
            limit: self.limit,
            level: self.level as u8,
            lasted: now.since(self.since),
        })
    }
}
