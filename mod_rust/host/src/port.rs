//! A call's end of the host: what its own thread holds while the call is in the queue's hands.

use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::time::Instant;

use hotline_engine::event::RetrieveFailure;
use hotline_engine::ids::{CallId, OfferId};
use hotline_engine::input::{Departure, OfferFailure, Party, PhoneState, TalkState};
use hotline_engine::{CallAction, Input};

use crate::blacklist::Blacklist;
use crate::mailbox::Mailbox;
use crate::runner::Message;

/// What a call's thread saw.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fact {
    /// The caller hung up before being connected.
    CallerGone,
    /// An operator of the PBX sent the caller elsewhere before being connected.
    CallerTaken,
    /// The agent's phone rings.
    Ringing(OfferId),
    /// The agent answered; nobody is connected until told to.
    Answered(OfferId),
    /// The offer failed at the phone.
    OfferFailed(OfferId, OfferFailure),
    /// Caller and agent hear each other.
    Connected,
    /// The conversation is over, or connecting failed.
    Ended {
        /// Who ended it.
        by: Party,
        /// What the agent's phone does apart from this call.
        phone: PhoneState,
    },
    /// The waiting caller pressed a key: 0 to 9, * or #.
    Digit(char),
    /// The conversation goes on in another way.
    Talk(TalkState),
    /// The agent's phone cannot be asked to retrieve the caller.
    RetrieveFailed(RetrieveFailure),
    /// The caller goes on without the agent, out of the queue's hands: reported before `Ended` by an agent.
    HandedOver,
}

impl Fact {
    pub(crate) fn into_input(self, call: CallId) -> Input {
        match self {
            Fact::CallerGone => Input::CallerGone {
                call,
                how: Departure::HungUp,
            },
            Fact::CallerTaken => Input::CallerGone {
                call,
                how: Departure::Taken,
            },
            Fact::Ringing(offer) => Input::Ringing { offer },
            Fact::Answered(offer) => Input::Answered { offer },
            Fact::OfferFailed(offer, cause) => Input::OfferFailed { offer, cause },
            Fact::Connected => Input::Connected { call },
            Fact::Ended { by, phone } => Input::Ended { call, by, phone },
            Fact::Digit(key) => Input::Digit { call, key },
            Fact::Talk(state) => Input::Talk { call, state },
            Fact::RetrieveFailed(why) => Input::RetrieveFailed { call, why },
            Fact::HandedOver => Input::HandedOver { call },
        }
    }
}

/// One call in the queue's hands. Dropping it at any moment tells the engine what that means, so nothing is left behind.
#[derive(Debug)]
pub struct CallPort {
    call: CallId,
    reference: String,
    mailbox: Arc<Mailbox<CallAction>>,
    inbox: Sender<Message>,
    phase: Phase,
    calls: Arc<AtomicUsize>,
    hang_up: Option<HangUp>,
}

/// Whom to tell of a caller who hangs up waiting.
pub(crate) struct HangUp {
    pub(crate) blacklist: Blacklist,
    pub(crate) number: String,
    pub(crate) joined: Instant,
}

impl std::fmt::Debug for HangUp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HangUp").finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Waiting,
    Connecting,
    Talking,
    /// The agent is out of the conversation; the engine says what becomes of the caller.
    Parted,
    Over,
}

impl CallPort {
    pub(crate) fn new(
        call: CallId,
        reference: String,
        mailbox: Arc<Mailbox<CallAction>>,
        inbox: Sender<Message>,
        calls: Arc<AtomicUsize>,
        hang_up: Option<HangUp>,
    ) -> CallPort {
        calls.fetch_add(1, Ordering::Relaxed);
        CallPort {
            call,
            reference,
            mailbox,
            inbox,
            phase: Phase::Waiting,
            calls,
            hang_up,
        }
    }

    /// Readable while an action waits.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.mailbox.fd()
    }

    /// The next action; `None` puts [`fd`](Self::fd) to rest. After a `Release` there are no more.
    pub fn take(&mut self) -> Option<CallAction> {
        let action = self.mailbox.take();
        match action {
            Some(CallAction::Connect { .. }) => self.phase = Phase::Connecting,
            Some(CallAction::Release { .. }) => self.phase = Phase::Over,
            Some(CallAction::Music { .. }) => self.phase = Phase::Waiting,
            Some(CallAction::Ring { .. } | CallAction::Cancel { .. } | CallAction::Say { .. }) | None => {}
        }
        action
    }

    /// Tells the engine. Never blocks.
    pub fn report(&mut self, fact: Fact) {
        if fact == Fact::CallerGone
            && let Some(HangUp {
                blacklist,
                number,
                joined,
            }) = self.hang_up.take()
        {
            blacklist.hung_up(&number, joined.elapsed());
        }
        self.phase = match (fact, self.phase) {
            (Fact::Connected, _) => Phase::Talking,
            // The agent went before the two were connected: the caller keeps the place.
            (Fact::Ended { by: Party::Agent, .. }, Phase::Connecting) => Phase::Waiting,
            (Fact::Ended { by: Party::Agent, .. }, Phase::Talking) => Phase::Parted,
            (Fact::CallerGone | Fact::CallerTaken | Fact::Ended { .. }, _) => Phase::Over,
            (
                Fact::Ringing(_)
                | Fact::Answered(_)
                | Fact::OfferFailed(..)
                | Fact::Digit(_)
                | Fact::Talk(_)
                | Fact::RetrieveFailed(_)
                | Fact::HandedOver,
                phase,
            ) => phase,
        };
        // Without an engine there is nobody to tell: a Release is on its way.
        let _ = self.inbox.send(Message::Fact {
            call: self.call,
            fact,
        });
    }

    /// A voice for other threads, while this call's own is in a conversation and cannot look elsewhere.
    pub fn reporter(&self) -> Reporter {
        Reporter {
            call: self.call,
            inbox: self.inbox.clone(),
        }
    }

    /// Which call it is.
    pub fn call(&self) -> CallId {
        self.call
    }

    /// How the world refers to this call: `NODE-BOOT-NUMBER`.
    pub fn reference(&self) -> &str {
        &self.reference
    }
}

/// Tells the engine of a call from a thread that is not the call's own. What comes too late is passed over.
#[derive(Clone, Debug)]
pub struct Reporter {
    call: CallId,
    inbox: Sender<Message>,
}

impl Reporter {
    /// Tells the engine. Never blocks.
    pub fn report(&self, fact: Fact) {
        // Without an engine there is nobody to tell.
        let _ = self.inbox.send(Message::Fact {
            call: self.call,
            fact,
        });
    }
}

impl Drop for CallPort {
    fn drop(&mut self) {
        // Whoever lets go of a call in the middle is not its caller.
        self.hang_up = None;
        match self.phase {
            Phase::Waiting | Phase::Parted => self.report(Fact::CallerGone),
            Phase::Connecting | Phase::Talking => {
                self.report(Fact::Ended {
                    by: Party::System,
                    phone: PhoneState::Available,
                });
                // Should the agent have left before.
                self.report(Fact::CallerGone);
            }
            Phase::Over => {}
        }
        let _ = self.inbox.send(Message::Left { call: self.call });
        self.calls.fetch_sub(1, Ordering::Relaxed);
    }
}
