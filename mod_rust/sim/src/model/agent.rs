//! An agent of the model.

use hotline_engine::config;
use hotline_engine::event::{AgentState, NextState};
use hotline_engine::ids::{CallId, CommandId, OfferId};
use hotline_engine::input::{PhoneState, TalkState};
use hotline_engine::{Span, Time};

use super::dispose::Said;
use super::watch::Watch;

#[derive(Debug)]
pub(super) struct Agent {
    /// With the changes that commands laid over them.
    pub(super) settings: config::Agent,
    /// In the settings, as long as it is in them.
    pub(super) place: usize,
    pub(super) removed: bool,
    pub(super) doing: Doing,
    pub(super) phone: String,
    pub(super) on_own_phone: bool,
    pub(super) watched: String,
    pub(super) phone_state: PhoneState,
    /// Until when, if it ends by itself.
    pub(super) locked: Option<Option<Time>>,
    pub(super) lock_asked: Option<CommandId>,
    pub(super) next: Option<(NextState, CommandId, bool)>,
    /// What the agent said of the last call.
    pub(super) said: Option<Said>,
    pub(super) cool_until: Option<Time>,
    pub(super) misses: u32,
    /// Why not ready.
    pub(super) reason: String,
    /// Calls connected since signing in.
    pub(super) calls: u64,
    /// Time talked since signing in.
    pub(super) talked: Span,
    pub(super) idle_since: Time,
    /// The idle time goes on, if the agent can take the next call as things stand.
    pub(super) blameless: bool,
    /// By queue: the ticket, and the idle time that it was made for.
    pub(super) tickets: Vec<(usize, u64, Time)>,
    /// By queue: how much of the agent it gets, in millionths.
    pub(super) shares: Vec<(usize, u64)>,
    /// What lasts, and perhaps too long.
    pub(super) watch: Option<Watch>,
    pub(super) lasting: Option<Lasting>,

    // As of the last look.
    pub(super) was_available: bool,
    pub(super) was_at_work: bool,
    pub(super) was_wrapping_up: Option<Work>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Doing {
    Nothing,
    Ready,
    NotReady,
    Ringing(CallId, OfferId),
    Connecting(CallId, OfferId),
    Talking(CallId, TalkState),
    WrapUp(Work),
}

/// What an agent does that may last too long.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Lasting {
    Ring(CallId, OfferId),
    Hold(CallId),
    WrapUp(Work),
    NotReady(String),
}

/// After-call work.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Work {
    /// Of which call.
    pub(super) call: CallId,
    /// Of a call of which queue.
    pub(super) queue: usize,
    pub(super) begun: Time,
    /// `None` until the agent is done.
    pub(super) until: Option<Time>,
    /// As it was at first.
    pub(super) planned: Span,
    /// While the agent must say what the call was about: until when.
    pub(super) must_say: Option<Time>,
}

impl Work {
    /// The same, whenever it is over.
    pub(super) fn whenever_over(self) -> Work {
        Work {
            until: None,
            must_say: None,
            ..self
        }
    }
}

impl Agent {
    pub(super) fn new(number: String, now: Time) -> Agent {
        Agent {
            settings: config::Agent::numbered(number),
            place: 0,
            removed: false,
            doing: Doing::Nothing,
            phone: String::new(),
            on_own_phone: false,
            watched: String::new(),
            phone_state: PhoneState::Available,
            locked: None,
            lock_asked: None,
            next: None,
            said: None,
            cool_until: None,
            misses: 0,
            reason: String::new(),
            calls: 0,
            talked: Span::ZERO,
            idle_since: now,
            blameless: false,
            tickets: vec![],
            shares: vec![],
            watch: None,
            lasting: None,
            was_available: false,
            was_at_work: false,
            was_wrapping_up: None,
        }
    }

    pub(super) fn place_in(&self, queue: &str) -> Option<&config::Membership> {
        self.settings.queues.iter().find(|member| member.queue == queue)
    }

    pub(super) fn serves(&self, queue: &str) -> bool {
        self.place_in(queue).is_some()
    }

    pub(super) fn signed_in(&self) -> bool {
        self.doing != Doing::Nothing
    }

    pub(super) fn at_work(&self) -> bool {
        self.signed_in() && self.doing != Doing::NotReady && self.locked.is_none()
    }

    pub(super) fn available(&self) -> bool {
        self.state() == AgentState::Ready
    }

    pub(super) fn on_call(&self) -> bool {
        matches!(self.doing, Doing::Connecting(..) | Doing::Talking(..))
    }

    pub(super) fn in_call(&self) -> bool {
        self.on_call() || matches!(self.doing, Doing::Ringing(..))
    }

    pub(super) fn lasting(&self) -> Option<Lasting> {
        match self.doing {
            Doing::Ringing(call, offer) => Some(Lasting::Ring(call, offer)),
            Doing::Talking(call, TalkState::OnHold | TalkState::Consulting) => Some(Lasting::Hold(call)),
            // However often it is extended.
            Doing::WrapUp(work) => Some(Lasting::WrapUp(work.whenever_over())),
            Doing::NotReady => Some(Lasting::NotReady(self.reason.clone())),
            Doing::Nothing
            | Doing::Ready
            | Doing::Connecting(..)
            | Doing::Talking(_, TalkState::Talking | TalkState::Conferencing | TalkState::Away) => None,
        }
    }

    pub(super) fn state(&self) -> AgentState {
        match self.doing {
            Doing::Nothing => AgentState::SignedOut,
            Doing::Ringing(..) => AgentState::Offered,
            Doing::Connecting(..) => AgentState::OnCall,
            Doing::Talking(_, state) => match state {
                TalkState::Talking => AgentState::OnCall,
                TalkState::OnHold => AgentState::OnHold,
                TalkState::Consulting => AgentState::Consulting,
                TalkState::Conferencing => AgentState::Conferencing,
                TalkState::Away => AgentState::Reserved,
            },
            Doing::WrapUp(_) => AgentState::WrapUp,
            Doing::Ready | Doing::NotReady if self.locked.is_some() => AgentState::ForcedBusy,
            Doing::NotReady => AgentState::NotReady,
            Doing::Ready if self.phone_state != PhoneState::Available => AgentState::Unavailable,
            Doing::Ready if self.cool_until.is_some() => AgentState::Unavailable,
            Doing::Ready => AgentState::Ready,
        }
    }
}
