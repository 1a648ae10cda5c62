//! The care for a caller on hold: a prompt now and then, and an agent's phone that is asked to retrieve.

use crate::action::Action;
use crate::config::{Comfort, HoldCare, Retrieve};
use crate::engine::Engine;
use crate::event::{Event, RetrieveFailure, RetrieveResult};
use crate::ids::CallId;
use crate::input::TalkState;
use crate::time::Time;

/// What a hold has ahead. It goes by the settings of the moment it began.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Care {
    /// The next prompt.
    comfort: Option<(Time, Comfort)>,
    retrieve: Retrieving,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Retrieving {
    Due(Time, Retrieve),
    /// The phone was asked, and has until then.
    Asked(Time),
    /// It is not, or no longer, to be asked.
    Over,
}

impl Care {
    /// `None` if nothing is ever to be done.
    pub(crate) fn begin(settings: &HoldCare, now: Time) -> Option<Box<Care>> {
        let HoldCare { comfort, retrieve } = settings;
        if comfort.is_none() && retrieve.is_none() {
            return None;
        }
        let due = |retrieve: Retrieve| Retrieving::Due(now + retrieve.after, retrieve);
        Some(Box::new(Care {
            comfort: comfort.clone().map(|comfort| (now + comfort.after, comfort)),
            retrieve: retrieve.clone().map_or(Retrieving::Over, due),
        }))
    }

    pub(crate) fn next(&self) -> Option<Time> {
        let comfort = self.comfort.as_ref().map(|(at, _)| *at);
        [comfort, self.retrieve.next()].into_iter().flatten().min()
    }

    /// What the caller is to hear, if that comes next.
    fn prompt(&mut self, now: Time) -> Option<Vec<String>> {
        let next = self.next();
        let (due, comfort) = self.comfort.take_if(|(at, _)| Some(*at) == next)?;
        let say = comfort.say.clone();
        self.comfort = comfort.every.map(|every| {
            // Those missed while nobody ticked are not made up for.
            let next = due + every;
            (if next > now { next } else { now + every }, comfort)
        });
        Some(say)
    }
}

impl Retrieving {
    fn next(&self) -> Option<Time> {
        match self {
            Retrieving::Due(at, _) | Retrieving::Asked(at) => Some(*at),
            Retrieving::Over => None,
        }
    }
}

impl Engine {
    /// The caller is on hold from now on, or no longer.
    pub(crate) fn care(&mut self, id: CallId, held: bool) {
        let Some(call) = self.calls.get_mut(id.0) else {
            return;
        };
        let settings = &self.queues[call.queue.0 as usize].settings.hold;
        let new = if held {
            Care::begin(settings, self.now)
        } else {
            None
        };
        let old = core::mem::replace(&mut call.care, new);
        if let Some(Care {
            retrieve: Retrieving::Asked(_),
            ..
        }) = old.as_deref()
        {
            self.tell_retrieve(id, RetrieveResult::Retrieved);
        }
        self.arm_call(id);
    }

    /// The next thing for a caller on hold.
    pub(crate) fn care_is_due(&mut self, id: CallId) {
        let now = self.now;
        let Some(call) = self.calls.get_mut(id.0) else {
            return;
        };
        let (Some(care), Some(talk)) = (&mut call.care, call.talk) else {
            return;
        };
        if let Some(say) = care.prompt(now) {
            return self.actions.push(Action::Comfort { call: id, say });
        }
        let result = match core::mem::replace(&mut care.retrieve, Retrieving::Over) {
            Retrieving::Due(_, retrieve) if talk.state == TalkState::OnHold => {
                let Retrieve {
                    event,
                    unannounced,
                    patience,
                    ..
                } = retrieve;
                care.retrieve = Retrieving::Asked(now + patience);
                self.actions.push(if talk.held_by_phone {
                    Action::Retrieve {
                        call: id,
                        event,
                        unannounced,
                    }
                } else {
                    Action::Hold { call: id, on: false }
                });
                RetrieveResult::Asked
            }
            // Whom the agent asks for help would be put on hold instead.
            Retrieving::Due(..) => RetrieveResult::Failed(RetrieveFailure::Consulting),
            Retrieving::Asked(_) => RetrieveResult::Failed(RetrieveFailure::Ignored),
            Retrieving::Over => return,
        };
        self.tell_retrieve(id, result);
    }

    /// The host could not ask the phone.
    pub(crate) fn retrieve_failed(&mut self, id: CallId, why: RetrieveFailure) {
        let care = self.calls.get_mut(id.0).and_then(|call| call.care.as_mut());
        let Some(care) = care.filter(|care| matches!(care.retrieve, Retrieving::Asked(_))) else {
            return;
        };
        care.retrieve = Retrieving::Over;
        self.tell_retrieve(id, RetrieveResult::Failed(why));
        self.arm_call(id);
    }

    fn tell_retrieve(&mut self, id: CallId, result: RetrieveResult) {
        let Some(call) = self.calls.get(id.0) else { return };
        let Some(talk) = call.talk else { return };
        self.events.push(Event::Retrieve {
            call: id,
            agent: talk.agent,
            queue: call.queue,
            result,
        });
    }
}
