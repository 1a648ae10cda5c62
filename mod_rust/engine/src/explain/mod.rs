//! Why a call waits, why an agent is not offered one: the last decisions, kept in a ring of fixed size, and the reasons as
//! they are now, worked out only for whoever asks.

mod why;
mod words;

use crate::event::{AgentState, CallOutcome, OfferResult};
use crate::ids::{AgentId, CallId, OfferId, QueueId};
use crate::skills::SkillSet;
use crate::time::{Span, Time};

/// An offer, and how it came about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct OfferMade {
    pub(crate) offer: OfferId,
    pub(crate) call: CallId,
    pub(crate) agent: AgentId,
    pub(crate) queue: QueueId,
    /// Whole milliseconds are kept.
    pub(crate) dispatch: Span,
    /// How the strategy chose; `None` for the caller's own agent.
    pub(crate) chosen: Option<Chosen>,
    /// Whom the strategy would have taken next.
    pub(crate) next: Option<AgentId>,
}

/// Something that was decided or that decisions depended on, as it is read: an offer, or one of the other lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Note {
    Offer(OfferMade),
    Other(Line),
}

/// Among whom a strategy chose: what the caller needed then.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Chosen {
    pub(crate) cap: u8,
    pub(crate) skills: SkillSet,
}

/// A line of the record: half a cache line with its time. An offer takes two or three, its own one being the last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Line {
    /// Required in the choice that follows.
    Skills(SkillSet),
    /// How the offer that follows came about.
    Choice {
        queue: QueueId,
        milliseconds: u32,
        /// The worst level that would have done; `None` for the caller's own agent.
        cap: Option<u8>,
        next: Option<AgentId>,
    },
    Offer {
        offer: OfferId,
        call: CallId,
        agent: AgentId,
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
    Finished {
        call: CallId,
        outcome: CallOutcome,
    },
}

const _: () = assert!(size_of::<(Time, Line)>() == 32);

/// The ring. Writing to it is a store or two.
#[derive(Default, Debug)]
pub(crate) struct Record {
    /// As many as a power of two, or none.
    lines: Vec<(Time, Line)>,
    most: usize,
    written: u64,
}

impl Record {
    /// Keeps so many lines from now on. What is kept is forgotten if that changes.
    pub(crate) fn resize(&mut self, most: u32) {
        let most = if most == 0 {
            0
        } else {
            (most as usize).next_power_of_two()
        };
        if most != self.most {
            *self = Record {
                lines: Vec::new(),
                most,
                written: 0,
            };
        }
    }

    pub(crate) fn keeps(&self) -> bool {
        self.most > 0
    }

    pub(crate) fn offer(&mut self, at: Time, made: OfferMade) {
        if let Some(Chosen { skills, .. }) = made.chosen
            && !skills.is_empty()
        {
            self.note(at, Line::Skills(skills));
        }
        let choice = Line::Choice {
            queue: made.queue,
            milliseconds: u32::try_from(made.dispatch.0 / 1000).unwrap_or(u32::MAX),
            cap: made.chosen.map(|chosen| chosen.cap),
            next: made.next,
        };
        self.note(at, choice);
        let offer = Line::Offer {
            offer: made.offer,
            call: made.call,
            agent: made.agent,
        };
        self.note(at, offer);
    }

    #[inline]
    pub(crate) fn note(&mut self, at: Time, line: Line) {
        if !self.keeps() {
            return;
        }
        let place = self.written as usize & (self.most - 1);
        match self.lines.get_mut(place) {
            Some(old) => *old = (at, line),
            None => self.lines.push((at, line)),
        }
        self.written += 1;
    }

    fn lines_latest_first(&self) -> impl Iterator<Item = (Time, Line)> {
        let mask = self.most.saturating_sub(1);
        let oldest = self.written - self.lines.len() as u64;
        (oldest..self.written)
            .rev()
            .map(move |at| self.lines[at as usize & mask])
    }

    /// All that is kept, latest first.
    fn latest_first(&self) -> impl Iterator<Item = (Time, Note)> {
        let mut lines = self.lines_latest_first().peekable();
        core::iter::from_fn(move || {
            let (at, line) = lines.next()?;
            let Line::Offer { offer, call, agent } = line else {
                return Some((at, Note::Other(line)));
            };
            // Of the oldest offer a part may have been overwritten.
            let (_, line) = lines.next()?;
            let Line::Choice {
                queue,
                milliseconds,
                cap,
                next,
            } = line
            else {
                return None;
            };
            let skills = match lines.peek() {
                Some((_, Line::Skills(skills))) => *skills,
                Some(_) | None => SkillSet::default(),
            };
            let made = OfferMade {
                offer,
                call,
                agent,
                queue,
                dispatch: Span::millis(u64::from(milliseconds)),
                chosen: cap.map(|cap| Chosen { cap, skills }),
                next,
            };
            Some((at, Note::Offer(made)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ring_keeps_the_latest() {
        let mut record = Record::default();
        let note = |call| Line::Rule {
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

    #[test]
    fn an_offer_is_read_as_it_was_noted() {
        let mut skills = SkillSet::default();
        let offer = |chosen| OfferMade {
            offer: OfferId(1),
            call: CallId(2),
            agent: AgentId(3),
            queue: QueueId(4),
            dispatch: Span::millis(5),
            chosen,
            next: Some(AgentId(6)),
        };
        let plain = offer(Some(Chosen { cap: 7, skills }));
        let mut names = crate::skills::SkillNames::default();
        skills.set(names.learn("french").unwrap(), true);
        let skilled = offer(Some(Chosen { cap: 7, skills }));
        let own = offer(None);
        let mut record = Record::default();
        record.resize(8);
        for made in [plain, skilled, own] {
            record.offer(Time(1), made);
        }
        let offers = |record: &Record| -> Vec<OfferMade> {
            let offer = |(_, note)| match note {
                Note::Offer(made) => Some(made),
                Note::Other(_) => None,
            };
            record.latest_first().filter_map(offer).collect()
        };
        assert_eq!(offers(&record), [own, skilled, plain]);
        // Of the oldest one nothing but the offer itself is left, then nothing at all.
        for _ in 0..2 {
            record.note(
                Time(1),
                Line::Rule {
                    call: CallId(2),
                    rule: 1,
                },
            );
        }
        assert_eq!(offers(&record), [own, skilled]);
    }
}
