//! Agents who consult, and what the made-up host says of it: each consultation in the order in which a host tells it, beside
//! all else that happens.

use std::collections::VecDeque;

use hotline_engine::action::Line;
use hotline_engine::ids::CallId;
use hotline_engine::input::{
    Arrangement, ConsultFact, ConsultStep, Departure, Destination, OfferFailure, Party,
};
use hotline_engine::{Command, Input};

use super::{Call, Stage, World};

/// A consultation that the host has under way.
#[derive(Debug)]
pub(super) struct Consult {
    call: CallId,
    to: To,
    due: VecDeque<Word>,
}

/// Where the line leads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum To {
    /// Into a thread of its own, once it has joined.
    Thread(Option<CallId>),
    /// To a place of the dialplan, while it is up.
    Place(bool),
}

/// What the host says next.
#[derive(Clone, Copy, Debug)]
enum Word {
    Fact(ConsultFact),
    /// The thread of the line begins.
    Joins,
    /// The line is hung up.
    LineEnds,
    /// The caller is gone, which is why something was not done.
    CallerEnds,
}

impl World {
    /// Something that an agent does who consults, or wants to.
    pub(super) fn consult(&mut self) -> Command {
        let step = !self.consulting.is_empty() && !self.random.one_in(4) || self.random.one_in(12);
        if !step {
            let agent = self.random.pick(&self.talking).cloned();
            let agent = agent.unwrap_or_else(|| self.agent());
            return Command::Consult {
                agent,
                with: self.whom(),
            };
        }
        let agent = self.random.pick(&self.consulting).cloned();
        let agent = agent.unwrap_or_else(|| self.agent());
        let step = match self.random.below(8) {
            0..=2 => ConsultStep::Swap,
            3 | 4 => ConsultStep::Join,
            5 | 6 => ConsultStep::HandOver {
                reason: ["", "knows more"][usize::from(self.random.one_in(2))].to_owned(),
            },
            _ => ConsultStep::Drop,
        };
        Command::Consultation { agent, step }
    }

    fn whom(&mut self) -> Destination {
        match self.random.below(8) {
            0 => Destination::Place {
                place: ["", "lobby,s,1"][usize::from(!self.random.one_in(6))].to_owned(),
            },
            1..=3 => Destination::Queue {
                queue: self.queue(),
                tier: String::new(),
                priority: None,
            },
            _ => {
                let ready = self.random.pick(&self.ready).cloned();
                let ready = ready.filter(|_| !self.random.one_in(6));
                Destination::Agent {
                    agent: ready.unwrap_or_else(|| self.agent()),
                }
            }
        }
    }

    /// Somebody is called, or cannot be.
    pub(super) fn begin_consult(&mut self, call: CallId, line: &Line) {
        let mut due = VecDeque::new();
        let to = match line {
            Line::Agent | Line::Queue => To::Thread(None),
            Line::Place(_) => To::Place(true),
        };
        if self.random.one_in(12) {
            due.push_back(Word::Fact(ConsultFact::NotDone(None)));
        } else {
            due.push_back(Word::Fact(ConsultFact::Begun));
            match to {
                To::Thread(_) if self.random.one_in(10) => {
                    due.push_back(Word::Fact(ConsultFact::Gone(OfferFailure::Unreachable)));
                }
                To::Thread(_) => due.push_back(Word::Joins),
                To::Place(_) => {
                    if !self.random.one_in(3) {
                        due.push_back(Word::Fact(ConsultFact::Answered));
                    }
                    if self.random.one_in(2) {
                        due.push_back(Word::Fact(ConsultFact::Gone(self.failure())));
                    }
                }
            }
        }
        self.consults.push(Consult { call, to, due });
    }

    /// The line is connected with the agent, whose phone answered: the far end is told so as well.
    pub(super) fn line_is_connected(&mut self, line: CallId) {
        let mut consults = self.consults.iter_mut();
        if let Some(consult) = consults.find(|consult| consult.to == To::Thread(Some(line))) {
            consult.due.push_back(Word::Fact(ConsultFact::Answered));
        }
    }

    pub(super) fn arrange(&mut self, call: CallId, how: Arrangement) {
        let fails = self.random.one_in(8);
        let Some(consult) = self
            .consults
            .iter_mut()
            .rev()
            .find(|consult| consult.call == call)
        else {
            return;
        };
        let so = if fails && how != Arrangement::Parted {
            ConsultFact::NotDone(Some(how))
        } else {
            ConsultFact::Arranged(how)
        };
        consult.due.push_back(Word::Fact(so));
        match how {
            Arrangement::Apart | Arrangement::WithCaller | Arrangement::Together => {}
            // Nobody can be brought back only to a caller who has left.
            Arrangement::Alone if fails => consult.due.extend([Word::CallerEnds, Word::LineEnds]),
            Arrangement::HandedOver if fails => {}
            Arrangement::Alone | Arrangement::HandedOver | Arrangement::Parted => {
                consult.due.push_back(Word::LineEnds);
            }
        }
    }

    /// What the host says next of a consultation.
    pub(super) fn consult_goes_on(&mut self) -> Option<Input> {
        self.consults.retain(|consult| {
            !consult.due.is_empty() || self.calls.iter().any(|call| call.id == consult.call)
        });
        let due: Vec<CallId> = self
            .consults
            .iter()
            .filter(|consult| !consult.due.is_empty())
            .map(|consult| consult.call)
            .collect();
        let call = *self.random.pick(&due)?;
        let at = self
            .consults
            .iter()
            .position(|consult| consult.call == call && !consult.due.is_empty())?;
        let word = self.consults[at].due.pop_front()?;
        match word {
            Word::Joins => {
                self.last_call += 1;
                let line = CallId(self.last_call);
                self.consults[at].to = To::Thread(Some(line));
                self.calls.push(Call {
                    id: line,
                    stage: Stage::Waiting,
                    line: true,
                });
                Some(Input::JoinConsult { line, call })
            }
            Word::Fact(fact) => {
                let fact = self.as_it_is(at, fact);
                if matches!(fact, ConsultFact::Gone(_)) {
                    self.consults[at].to = To::Place(false);
                }
                Some(Input::Consult { call, fact })
            }
            Word::LineEnds => self.line_ends(at),
            Word::CallerEnds => {
                let (by, phone) = (Party::Caller, self.phone_state());
                Some(Input::Ended { call, by, phone })
            }
        }
    }

    /// Nothing is arranged with a line that is gone.
    fn as_it_is(&self, at: usize, fact: ConsultFact) -> ConsultFact {
        let there = match self.consults[at].to {
            To::Thread(line) => self.calls.iter().any(|call| Some(call.id) == line),
            To::Place(there) => there,
        };
        match fact {
            ConsultFact::Arranged(
                how @ (Arrangement::Apart
                | Arrangement::WithCaller
                | Arrangement::Together
                | Arrangement::HandedOver),
            ) if !there => ConsultFact::NotDone(Some(how)),
            fact => fact,
        }
    }

    fn line_ends(&mut self, at: usize) -> Option<Input> {
        let To::Thread(Some(line)) = self.consults[at].to else {
            return None;
        };
        let stage = self.calls.iter().find(|call| call.id == line)?.stage;
        Some(match stage {
            Stage::Waiting => gone(line),
            Stage::Connecting | Stage::Talking => Input::Ended {
                call: line,
                by: Party::Caller,
                phone: self.phone_state(),
            },
        })
    }

    /// A line that is still up when everybody goes home.
    pub(super) fn last_line(&mut self) -> Option<Input> {
        let at = self.calls.iter().position(|call| call.line)?;
        Some(gone(self.calls.swap_remove(at).id))
    }

    /// The thread of a line is gone with that.
    pub(super) fn forget_line(&mut self, input: &Input) {
        let (Input::CallerGone { call: gone, .. }
        | Input::Ended {
            call: gone,
            by: Party::Caller,
            ..
        }) = input
        else {
            return;
        };
        self.calls.retain(|call| !call.line || call.id != *gone);
    }
}

fn gone(call: CallId) -> Input {
    let how = Departure::HungUp;
    Input::CallerGone { call, how }
}
