//! An agent: a base state that follows a table, and what lies over it: the supervisor's lock, the phone, the cool-down.

mod steps;

use std::sync::Arc;

use crate::command::Asked;
use crate::config::Answering;
use crate::dispose::Disposed;
use crate::event::{AgentCard, AgentState, AgentView, Forced, MemberView, NextState};
use crate::ids::{AgentId, CallId, OfferId, QueueId};
use crate::input::{OfferFailure, PhoneState, TalkState};
use crate::queue::{Merit, Rank};
use crate::skills::SkillSet;
use crate::sorted::Sorted;
use crate::table::transitions;
use crate::time::{Span, Time};
use crate::timers::Alarm;
use crate::watch::Watch;

/// What an agent does, apart from lock, phone and cool-down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Base {
    SignedOut,
    Ready,
    NotReady,
    Offered,
    /// Also while the leg that answered is being connected.
    OnCall,
    WrapUp,
}

/// What moves an agent from one base state to the next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Trigger {
    SignIn,
    SignOut,
    Pause,
    Resume,
    Offer,
    OfferOver,
    Answer,
    ConnectFailed,
    CallOver,
    WrapUp,
}

transitions! {
    Base, Trigger,
    (SignedOut, SignIn)        => Ready,
    (Ready,     Offer)         => Offered,
    (Ready,     Pause)         => NotReady,
    (Ready,     SignOut)       => SignedOut,
    (NotReady,  Resume)        => Ready,
    (NotReady,  SignOut)       => SignedOut,
    (Offered,   OfferOver)     => Ready,
    (Offered,   Answer)        => OnCall,
    (OnCall,    ConnectFailed) => Ready,
    (OnCall,    CallOver)      => Ready,
    (OnCall,    WrapUp)        => WrapUp,
    (WrapUp,    Resume)        => Ready,
    (WrapUp,    Pause)         => NotReady,
    (WrapUp,    SignOut)       => SignedOut,
}

/// What is read and written at each call lies together; what is not is in [`Rest`].
#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) id: AgentId,
    /// The place in the settings.
    pub(crate) order: u32,
    /// What the world is told of who it is.
    card: Arc<AgentCard>,
    /// The phone bound by signing in; empty while signed out.
    pub(crate) phone: Arc<str>,
    /// The phone of the settings; may be empty.
    pub(crate) own_phone: Arc<str>,
    /// Whether signed in on the own phone, and so moves with it when the settings name another.
    pub(crate) on_own_phone: bool,
    pub(crate) phone_state: PhoneState,
    pub(crate) answering: Answering,
    /// No longer in the settings; signed out, or about to be after the call.
    pub(crate) removed: bool,
    pub(crate) members: Box<[Member]>,
    pub(crate) skills: SkillSet,

    pub(crate) base: Base,
    /// How the conversation goes, while `OnCall`.
    pub(crate) talk: TalkState,
    /// The call offered or talked, while `Offered` or `OnCall`.
    pub(crate) engaged: Option<Engaged>,
    pub(crate) cool_down: Option<CoolDown>,
    pub(crate) forced: Option<Box<Forced>>,
    pub(crate) next: Option<Box<Next>>,
    /// What lasts and has a limit.
    pub(crate) watch: Option<Box<Watch>>,
    /// Offers missed in a row.
    pub(crate) misses: u32,
    /// Calls connected since signing in.
    pub(crate) calls: u32,
    /// Time talked since signing in.
    pub(crate) talked: Span,

    /// Signed in, neither not ready nor locked: counted by its queues, and in their estimates.
    pub(crate) at_work: bool,
    /// Whether a call may be offered now.
    pub(crate) available: bool,
    /// Whether the agent sits on the benches of its queues. All who are available do, between inputs.
    pub(crate) benched: bool,
    /// Whether it is to be published.
    pub(crate) changed: bool,
    /// When the agent last became available, offers that were taken back without blame not counted.
    pub(crate) idle_since: Time,
    /// When the agent last became available.
    pub(crate) free_since: Time,
    /// Callers who seek, and wait for this agent first.
    pub(crate) lane: Sorted<Rank>,

    /// What the world was told last.
    pub(crate) published: AgentState,
    pub(crate) since: Time,
    pub(crate) rest: Box<Rest>,
}

/// What most calls of an agent do not touch.
#[derive(Debug)]
pub(crate) struct Rest {
    /// The phone the host was told to watch; empty for none.
    pub(crate) watched: Arc<str>,
    /// As many as members, in the same order.
    pub(crate) seats: Vec<Seat>,
    pub(crate) always_signed_in: bool,
    /// After-call work, while `WrapUp`.
    pub(crate) wrap_up: Option<AfterCall>,
    pub(crate) wrap_up_alarm: Option<Alarm>,
    /// What the agent said of the last call.
    pub(crate) disposed: Option<Box<Disposed>>,
    /// Why not ready or signed out.
    pub(crate) reason: String,
    pub(crate) lock_alarm: Option<Alarm>,
    /// The command that locked, until it takes effect after the call.
    pub(crate) lock_asked: Option<Box<Asked>>,
    pub(crate) cool_down_alarm: Option<Alarm>,
    pub(crate) warn_alarm: Option<Alarm>,
    /// Callers who wait for this agent first, rung for or not.
    pub(crate) wanted_by: Sorted<Rank>,
}

/// An agent's place in a queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Member {
    pub(crate) queue: QueueId,
    pub(crate) level: u8,
    pub(crate) weight: u16,
    /// How much of the agent counts in this queue's estimates, in millionths; zero while not at work.
    pub(crate) share: u32,
}

/// What an agent is worth in a queue while idle. Kept apart from [`Member`], which a freed agent reads for all queues.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Seat {
    /// What the strategy looked at when the agent took its seat.
    pub(crate) primary: u64,
    /// How patient the agent is here, for strategies by chance, and for which time of idling that is.
    pub(crate) ticket: u64,
    pub(crate) ticket_for: Option<Time>,
}

/// After-call work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct AfterCall {
    /// After that call.
    pub(crate) call: CallId,
    /// Of that queue.
    pub(crate) queue: QueueId,
    pub(crate) began: Time,
    /// When it was to end at first, and does now; `None` until the agent is done.
    pub(crate) until: Option<(Time, Time)>,
    /// While the agent must say what the call was about: until when at the latest.
    pub(crate) owed: Option<Time>,
}

/// The call an agent is offered or talks in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Engaged {
    pub(crate) call: CallId,
    /// The call that the world knows of it: of whom is consulted, that of the colleague.
    pub(crate) shown: CallId,
    /// The attempt; `None` once connected.
    pub(crate) offer: Option<OfferId>,
}

/// A state that waits for the end of the call, and who asked for it.
#[derive(Debug)]
pub(crate) struct Next {
    pub(crate) state: NextState,
    pub(crate) asked: Asked,
}

/// No offers for a while after a miss.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct CoolDown {
    pub(crate) cause: OfferFailure,
}

impl Member {
    pub(crate) fn new(queue: QueueId, level: u8, weight: u16) -> Member {
        Member {
            queue,
            level,
            weight,
            share: 0,
        }
    }
}

impl Agent {
    pub(crate) fn new(id: AgentId, number: Arc<str>, now: Time) -> Agent {
        let nothing: Arc<str> = "".into();
        Agent {
            id,
            order: 0,
            card: Arc::new(AgentCard {
                number,
                name: String::new(),
                queues: Vec::new(),
                skills: Vec::new(),
            }),
            phone: Arc::clone(&nothing),
            own_phone: Arc::clone(&nothing),
            on_own_phone: false,
            phone_state: PhoneState::Available,
            answering: Answering::Manual,
            removed: false,
            members: Box::default(),
            skills: SkillSet::default(),
            base: Base::SignedOut,
            talk: TalkState::Talking,
            engaged: None,
            cool_down: None,
            forced: None,
            next: None,
            watch: None,
            misses: 0,
            calls: 0,
            talked: Span::ZERO,
            at_work: false,
            available: false,
            benched: false,
            changed: false,
            idle_since: now,
            free_since: now,
            lane: Sorted::default(),
            published: AgentState::SignedOut,
            since: now,
            rest: Box::new(Rest {
                watched: nothing,
                seats: Vec::new(),
                always_signed_in: false,
                wrap_up: None,
                wrap_up_alarm: None,
                disposed: None,
                reason: String::new(),
                lock_alarm: None,
                lock_asked: None,
                cool_down_alarm: None,
                warn_alarm: None,
                wanted_by: Sorted::default(),
            }),
        }
    }

    pub(crate) fn number(&self) -> &Arc<str> {
        &self.card.number
    }

    pub(crate) fn name(&self) -> &str {
        &self.card.name
    }

    pub(crate) fn set_name(&mut self, name: String) {
        Arc::make_mut(&mut self.card).name = name;
    }

    /// Has these skills from now on, of these names.
    pub(crate) fn set_skills(&mut self, skills: SkillSet, names: Vec<Arc<str>>) {
        self.skills = skills;
        Arc::make_mut(&mut self.card).skills = names;
    }

    pub(crate) fn member(&self, queue: QueueId) -> Option<&Member> {
        self.members.iter().find(|member| member.queue == queue)
    }

    pub(crate) fn serves(&self, queue: QueueId) -> bool {
        self.member(queue).is_some()
    }

    /// Serves these queues from now on. What is known of the seats in them is kept.
    pub(crate) fn set_members(&mut self, members: Vec<Member>) {
        let seat = |member: &Member| self.seat(member.queue).copied().unwrap_or_default();
        self.rest.seats = members.iter().map(seat).collect();
        let view = |member: &Member| MemberView {
            queue: member.queue,
            level: member.level,
        };
        Arc::make_mut(&mut self.card).queues = members.iter().map(view).collect();
        self.members = members.into();
    }

    pub(crate) fn seat(&self, queue: QueueId) -> Option<&Seat> {
        let at = self.members.iter().position(|member| member.queue == queue)?;
        self.rest.seats.get(at)
    }

    /// The place among those available in a queue.
    pub(crate) fn merit(&self, seat: &Seat) -> Merit {
        Merit {
            primary: seat.primary,
            idle_since: self.idle_since,
            agent: self.id,
        }
    }

    /// Whether signed in, neither not ready nor locked.
    pub(crate) fn works(&self) -> bool {
        match self.base {
            Base::SignedOut | Base::NotReady => false,
            Base::Ready | Base::Offered | Base::OnCall | Base::WrapUp => self.forced.is_none(),
        }
    }

    /// Whether a call may be offered.
    pub(crate) fn can_take_a_call(&self) -> bool {
        self.state() == AgentState::Ready
    }

    /// The published state, from the base and what lies over it.
    pub(crate) fn state(&self) -> AgentState {
        match self.base {
            Base::SignedOut => AgentState::SignedOut,
            Base::Offered => AgentState::Offered,
            Base::OnCall => match self.talk {
                TalkState::Talking => AgentState::OnCall,
                TalkState::OnHold => AgentState::OnHold,
                TalkState::Consulting => AgentState::Consulting,
                TalkState::Conferencing => AgentState::Conferencing,
                TalkState::Away => AgentState::Reserved,
            },
            Base::WrapUp => AgentState::WrapUp,
            Base::Ready | Base::NotReady if self.forced.is_some() => AgentState::ForcedBusy,
            Base::NotReady => AgentState::NotReady,
            Base::Ready => match (self.phone_state, self.cool_down) {
                (PhoneState::Available, None) => AgentState::Ready,
                (PhoneState::Busy | PhoneState::Unreachable, _) | (PhoneState::Available, Some(_)) => {
                    AgentState::Unavailable
                }
            },
        }
    }

    pub(crate) fn state_reason(&self) -> String {
        match self.state() {
            AgentState::NotReady | AgentState::SignedOut => self.rest.reason.clone(),
            AgentState::ForcedBusy => self
                .forced
                .as_ref()
                .map(|lock| lock.reason.clone())
                .unwrap_or_default(),
            AgentState::Unavailable => match (self.phone_state, self.cool_down) {
                (PhoneState::Busy, _) => "phone in use".to_owned(),
                (PhoneState::Unreachable, _) => "phone unreachable".to_owned(),
                (PhoneState::Available, Some(cool_down)) => {
                    format!("cool-down: {}", describe(cool_down.cause))
                }
                (PhoneState::Available, None) => String::new(),
            },
            AgentState::Ready
            | AgentState::Offered
            | AgentState::OnCall
            | AgentState::OnHold
            | AgentState::Consulting
            | AgentState::Conferencing
            | AgentState::Reserved
            | AgentState::WrapUp => String::new(),
        }
    }

    pub(crate) fn view(&self) -> AgentView {
        AgentView {
            agent: self.id,
            card: Arc::clone(&self.card),
            phone: Arc::clone(&self.phone),
            state: self.state(),
            since: self.since,
            reason: self.state_reason(),
            forced: self.forced.clone(),
            next: if self.removed && self.engaged.is_some() {
                Some(NextState::SignedOut {
                    reason: REMOVED.to_owned(),
                })
            } else {
                self.next.as_ref().map(|next| next.state.clone())
            },
            phone_state: self.phone_state,
            owes_disposition: self.rest.wrap_up.is_some_and(|work| work.owed.is_some()),
            call: self.engaged.map(|engaged| engaged.shown),
        }
    }
}

/// The reason of an agent signed out because the settings know it no more.
pub(crate) const REMOVED: &str = "removed from the settings";

pub(crate) fn describe(cause: OfferFailure) -> &'static str {
    match cause {
        OfferFailure::Rejected => "rejected a call",
        OfferFailure::Busy => "phone was busy",
        OfferFailure::NoAnswer => "did not answer",
        OfferFailure::Unreachable => "phone was unreachable",
    }
}

/// What becomes of the idle time of an agent who becomes available.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Idle {
    /// It begins now.
    Anew,
    /// It goes on: an offer came and went without blame.
    GoesOn,
}
