//! Callers on hold: what they hear now and then, and whether the phone that holds them is asked to retrieve.

use hotline_engine::config::HoldCare;
use hotline_engine::event::{RetrieveFailure, RetrieveResult};
use hotline_engine::ids::{AgentId, CallId, QueueId};
use hotline_engine::input::TalkState;
use hotline_engine::{Action, Event, Time};

use super::Model;

/// A hold that goes on.
#[derive(Clone, Debug)]
pub(super) struct Held {
    since: Time,
    settings: HoldCare,
    /// When the latest prompt was due, or given if that was late by an interval.
    prompted: Option<Time>,
    tried: bool,
    /// Until when the phone that was asked has time.
    asked: Option<Time>,
}

impl Held {
    pub(super) fn comfort_at(&self) -> Option<Time> {
        let comfort = self.settings.comfort.as_ref()?;
        match self.prompted {
            None => Some(self.since + comfort.after),
            Some(at) => Some(at + comfort.every?),
        }
    }

    pub(super) fn retrieve_at(&self) -> Option<Time> {
        let retrieve = self.settings.retrieve.as_ref()?;
        if self.tried {
            self.asked
        } else {
            Some(self.since + retrieve.after)
        }
    }
}

impl Model {
    pub(super) fn hold_changed(&mut self, id: CallId, held: bool) {
        let now = self.now;
        let Some(call) = self.calls.iter_mut().find(|call| call.id == id) else {
            return;
        };
        let before = call.held.take();
        if held {
            call.held = Some(Held {
                since: now,
                settings: self.queues[call.queue].settings.hold.clone(),
                prompted: None,
                tried: false,
                asked: None,
            });
        }
        if before.is_some_and(|before| before.asked.is_some()) {
            self.told_retrieve(id, RetrieveResult::Retrieved);
        }
    }

    pub(super) fn comfort(&mut self, id: CallId) {
        let now = self.now;
        let Some(held) = self.call_mut(id).and_then(|call| call.held.as_mut()) else {
            return;
        };
        let (Some(due), Some(comfort)) = (held.comfort_at(), held.settings.comfort.clone()) else {
            return;
        };
        let late = comfort.every.is_some_and(|every| due + every <= now);
        held.prompted = Some(if late { now } else { due });
        let say = comfort.say;
        self.actions.push(Action::Comfort { call: id, say });
    }

    pub(super) fn retrieve(&mut self, id: CallId) {
        let now = self.now;
        let Some(call) = self.call_mut(id) else { return };
        let alone = call.talk.is_some_and(|talk| talk.state == TalkState::OnHold);
        let by_phone = call.talk.is_some_and(|talk| talk.by_phone);
        let Some(held) = &mut call.held else { return };
        let Some(settings) = held.settings.retrieve.clone() else {
            return;
        };
        if held.asked.take().is_some() {
            return self.told_retrieve(id, RetrieveResult::Failed(RetrieveFailure::Ignored));
        }
        held.tried = true;
        if !alone {
            return self.told_retrieve(id, RetrieveResult::Failed(RetrieveFailure::Consulting));
        }
        held.asked = Some(now + settings.patience);
        let ask = Action::Retrieve {
            call: id,
            event: settings.event,
            unannounced: settings.unannounced,
        };
        self.actions.push(if by_phone {
            ask
        } else {
            Action::Hold { call: id, on: false }
        });
        self.told_retrieve(id, RetrieveResult::Asked);
    }

    pub(super) fn not_retrieved(&mut self, id: CallId, why: RetrieveFailure) {
        let held = self.call_mut(id).and_then(|call| call.held.as_mut());
        if held.and_then(|held| held.asked.take()).is_some() {
            self.told_retrieve(id, RetrieveResult::Failed(why));
        }
    }

    fn told_retrieve(&mut self, id: CallId, result: RetrieveResult) {
        let Some(call) = self.call(id) else { return };
        let Some(talk) = call.talk else { return };
        self.events.push(Event::Retrieve {
            call: id,
            agent: AgentId(talk.agent as u32),
            queue: QueueId(call.queue as u32),
            result,
        });
    }
}
