//! A leg of ours at an agent's phone, from its ringing to its end.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use asterisk::Channel;
use asterisk::datastore::Kind;
use asterisk::device;
use hotline_host::{CallPort, Reporter};

use super::Phones;
use super::state::{LegName, Talk};
use crate::talks;

/// How long a caller's thread waits at most for a leg to be hung up after the caller.
const PARTING: Duration = Duration::from_millis(250);

/// A leg of ours. While this lives, and a moment longer, the leg does not make its phone busy.
pub(crate) struct Claim {
    pub(super) phones: Arc<Phones>,
    pub(super) leg: LegName,
    pub(super) outlived: bool,
}

impl Claim {
    /// The leg is in a conversation from now on. Should it leave before the caller does, `reporter` says so. Not so for a
    /// leg through the dialplan: the PBX takes such a channel out of the way, and the conversation goes on.
    pub(crate) fn talking(&self, channel: &Channel, reporter: Reporter) {
        self.answered(channel);
        if let Some(own) = self.phones.lock().own(&self.leg)
            && own.attended
        {
            own.talk = Some(Talk::WithCaller(reporter));
        }
    }

    /// The leg's phone has answered: [`part`](Self::part) can wait for its end from now on.
    pub(crate) fn answered(&self, channel: &Channel) {
        let attended = device::channels_at(&self.leg.device).is_some()
            // Or the PBX has no memory: the caller's thread tells alone.
            && channel
                .attach(&VISIT, || Visit::new(&self.phones, &self.leg, false))
                .is_some();
        if let Some(own) = self.phones.lock().own(&self.leg) {
            own.attended = attended;
        }
    }

    /// The leg, which was another's, is this call's now.
    pub(crate) fn of(phones: &Arc<Phones>, leg: LegName) -> Claim {
        Claim {
            phones: Arc::clone(phones),
            leg,
            outlived: false,
        }
    }

    /// Another call has the leg now.
    pub(crate) fn give(mut self) {
        self.outlived = true;
    }

    /// Which leg it is.
    pub(crate) fn leg(&self) -> LegName {
        self.leg.clone()
    }

    /// Whether others are behind the phone's endpoint.
    pub(crate) fn is_shared(&self) -> bool {
        self.leg.shared
    }

    /// Whether the leg's conversation goes on, seen from the caller's thread when that is out of it. False if its end
    /// could not be seen.
    pub(crate) fn goes_on(&self) -> bool {
        let attended = self
            .phones
            .lock()
            .own(&self.leg)
            .is_some_and(|own| own.talk.is_some());
        attended && Channel::find(&self.leg.id).is_some_and(|leg| leg.in_conversation())
    }

    /// Waits, for a moment at most, until the PBX has hung up a leg that the caller has left. The phone would
    /// be busy for a call that comes before it knows.
    pub(crate) fn part(&self) {
        let end = Instant::now() + PARTING;
        let mut state = self.phones.lock();
        while state.own(&self.leg).is_some_and(|own| own.attended && !own.gone) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self
                .phones
                .parted
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Keeps the call until the leg's conversation is over.
    pub(crate) fn outlive(mut self, port: CallPort, talk: talks::Talk) {
        self.outlived = true;
        if let Some(own) = self.phones.lock().own(&self.leg) {
            own.talk = Some(Talk::Outlived(port, talk));
        }
        // Over between asking and keeping.
        if Channel::find(&self.leg.id).is_none() {
            self.phones.gone(&self.leg);
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if self.outlived {
            return;
        }
        if let Some(own) = self.phones.lock().own(&self.leg) {
            own.talk = None;
            own.ended = true;
        }
        self.phones.gone(&self.leg);
    }
}

/// Lives as long as a channel does whose end concerns a phone: one that the phone dialled into the dialplan, or a leg in a
/// conversation. The PBX need not tell of either: it tells changes of devices only.
pub(super) struct Visit {
    phones: Arc<Phones>,
    leg: LegName,
    /// The phone dialled in: it is busy meanwhile, whatever the PBX has told so far.
    inward: bool,
}

pub(super) static VISIT: Kind<Visit> = Kind::own(c"hotline_visit");

impl Visit {
    pub(super) fn new(phones: &Arc<Phones>, leg: &LegName, inward: bool) -> Visit {
        if inward {
            *phones.lock().visits.entry(leg.device.clone()).or_default() += 1;
        }
        Visit {
            phones: Arc::clone(phones),
            leg: leg.clone(),
            inward,
        }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if self.inward {
            self.phones.lock().leave(&self.leg.device);
        }
        if let Some(own) = self.phones.lock().own(&self.leg) {
            own.gone = true;
        }
        self.phones.parted.notify_all();
        self.phones.gone(&self.leg);
    }
}
