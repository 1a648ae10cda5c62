//! The watch over agents' phones: device states of the PBX in, phone states out to the host.
//!
//! One thread looks and tells, so that what it tells of a phone is in order. The PBX's device state shows our own legs
//! too; a phone is busy only with channels that are none of ours, which is why each leg is claimed here.
//!
//! A conversation may go on without one of its two channels. The leg leaves it when the agent hands the caller over: the
//! caller's own thread cannot see that from inside the bridge, so the agent is set free from here. The caller's channel
//! leaves it when the PBX takes a Local channel out of the way, or when somebody takes the caller's place: the call is
//! kept here then until the leg is gone.

mod claim;
mod pick_up;
mod state;

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use asterisk::Channel;
use asterisk::device::{self, DeviceState, Subscription, Target};
use asterisk::hold;
use hotline_engine::ids::AgentId;
use hotline_engine::input::{Party, PhoneState, TalkState};
use hotline_host::{Fact, Host, Reporter};

use claim::{VISIT, Visit};
pub(crate) use state::LegName;
use state::{Own, State, Talk, in_use};

pub(crate) use claim::Claim;
pub(crate) use pick_up::pick_up;

/// How long a leg that is gone still counts as ours, and its call may still say that it is over: the PBX takes a
/// moment for both.
const GRACE: Duration = Duration::from_millis(500);

/// See the head of this file.
pub(crate) struct Phones {
    state: Mutex<State>,
    /// Wakes the watching thread.
    wake: Condvar,
    /// A leg is gone.
    parted: Condvar,
    running: Mutex<Option<Running>>,
}

struct Running {
    subscription: Subscription,
    holds: hold::Subscription,
    thread: JoinHandle<()>,
}

/// What the watching thread does next.
enum Step {
    Look {
        device: String,
        heard: Option<DeviceState>,
    },
    Bury(LegName),
    Hear(String),
    Stop,
}

impl Phones {
    pub(crate) fn new() -> Arc<Phones> {
        Arc::new(Phones {
            state: Mutex::default(),
            wake: Condvar::new(),
            parted: Condvar::new(),
            running: Mutex::new(None),
        })
    }

    /// Begins to look and to tell. What was asked to be watched before is told then.
    pub(crate) fn start(self: &Arc<Phones>, host: Host) -> Result<(), String> {
        let phones = Arc::clone(self);
        let subscription = Subscription::new(move |device, state| phones.heard(device, state))
            .ok_or("the PBX does not tell device states")?;
        let phones = Arc::clone(self);
        let holds = hold::Subscription::new(move |device, id, held| phones.held(device, id, held))
            .ok_or("the PBX does not tell who is on hold")?;
        let phones = Arc::clone(self);
        let thread = std::thread::Builder::new()
            .name("hotline-phones".to_owned())
            .spawn(move || phones.run(&host))
            .map_err(|error| format!("a thread: {error}"))?;
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(Running {
            subscription,
            holds,
            thread,
        });
        Ok(())
    }

    /// Ends the watch. Nothing of the PBX calls in here afterwards.
    pub(crate) fn stop(&self) {
        self.lock().stopping = true;
        self.wake.notify_all();
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Running {
            subscription,
            holds,
            thread,
        }) = running
        else {
            return;
        };
        drop(subscription);
        drop(holds);
        // A thread that panicked has said so already.
        let _ = thread.join();
    }

    /// Watches a dial string's device for the agent from now on; empty watches none. Never blocks.
    pub(crate) fn watch(&self, agent: AgentId, phone: &str) {
        let mut state = self.lock();
        state.watch(
            agent,
            (!phone.is_empty()).then(|| Target::of(phone).spelt_by_pbx()),
        );
        drop(state);
        self.wake.notify_one();
    }

    /// The leg on its way to this dial string is ours.
    pub(crate) fn claim(self: &Arc<Phones>, id: String, phone: &str) -> Claim {
        let Target { device, shared } = Target::of(phone).spelt_by_pbx();
        let leg = LegName { device, shared, id };
        self.lock()
            .own
            .entry(leg.device.clone())
            .or_default()
            .insert(leg.id.clone(), Own::default());
        Claim {
            phones: Arc::clone(self),
            leg,
            outlived: false,
        }
    }

    /// A colleague's leg has the caller in the place of an agent's, or somebody else has if there is none: of the former nothing more
    /// is told, of the latter to that call.
    pub(crate) fn succeed(&self, from: &LegName, to: Option<(&LegName, Reporter)>) {
        let mut state = self.lock();
        if let Some(own) = state.own(from) {
            own.talk = None;
            own.ended = true;
        }
        let Some((to, reporter)) = to else { return };
        if let Some(own) = state.own(to)
            && own.attended
        {
            own.talk = Some(Talk::WithCaller(reporter));
        }
        drop(state);
        // Over between asking and telling.
        if Channel::find(&to.id).is_none() {
            self.gone(to);
        }
    }

    /// A leg is gone, or its call is. Its grace begins; a call that was kept for it ends at once.
    fn gone(&self, leg: &LegName) {
        let mut state = self.lock();
        let kept = state
            .own(leg)
            .is_some_and(|own| matches!(own.talk, Some(Talk::Outlived(..))));
        if kept {
            state.gone.push_front((Instant::now(), leg.clone()));
        } else {
            state.gone.push_back((Instant::now() + GRACE, leg.clone()));
        }
        drop(state);
        self.wake.notify_one();
    }

    /// What a phone does apart from our calls, at the end of one.
    pub(crate) fn after(&self, claim: &Claim) -> PhoneState {
        self.without(&claim.leg)
    }

    fn without(&self, leg: &LegName) -> PhoneState {
        let channels = device::channels_at(&leg.device);
        // A leg that runs the dialplan was transferred there: its phone is in that call now. One that still talks does so
        // without us.
        let transferred =
            Channel::find(&leg.id).is_some_and(|leg| leg.in_dialplan() || leg.in_conversation());
        let mut state = self.lock();
        // The device state still shows our own leg, so it is good for this alone.
        let heard = state.devices.get(&leg.device).and_then(|device| device.heard);
        let unreachable = matches!(heard, Some(DeviceState::Unavailable | DeviceState::Invalid));
        let foreign = !leg.shared && channels.is_some_and(|channels| state.foreign(&leg.device, &channels));
        let now = match (unreachable, transferred || foreign) {
            (true, _) => PhoneState::Unreachable,
            (false, true) => PhoneState::Busy,
            (false, false) => PhoneState::Available,
        };
        // Whatever the next look finds is news.
        if let Some(device) = state.devices.get_mut(&leg.device) {
            device.told = None;
        }
        now
    }

    /// Whether another leg of ours at the phone has ended so lately that the phone may not have heard of it.
    pub(crate) fn has_just_ended(&self, claim: &Claim) -> bool {
        let (state, leg) = (self.lock(), &claim.leg);
        let mut gone = state.gone.iter();
        !leg.shared && gone.any(|(_, gone)| gone.device == leg.device && gone.id != leg.id)
    }

    /// A phone has dialled into the dialplan and is still there, which the PBX's device states may not show yet. When
    /// the channel ends they may not either: a call that is over before they were computed changes nothing for the PBX.
    /// So its end is watched, too.
    pub(crate) fn occupied(self: &Arc<Phones>, host: &Host, channel: &Channel, device: &str) {
        let visit = LegName {
            device: device.to_owned(),
            shared: false,
            id: channel.unique_id(),
        };
        // Without memory for it, the device state is all there is.
        let _ = channel.attach(&VISIT, || Visit::new(self, &visit, true));
        let mut state = self.lock();
        let Some(watched) = state.devices.get_mut(device) else {
            return;
        };
        let news = watched.tell(PhoneState::Busy);
        drop(state);
        for (agent, now) in news {
            host.phone_changed(agent, now);
        }
    }

    /// A phone puts the other end of its call on hold, or retrieves it. On a thread of the PBX.
    fn held(&self, device: &str, id: &str, held: bool) {
        let mut state = self.lock();
        let own = state.own.get(device).and_then(|legs| legs.get(id));
        let reporter = match own.and_then(|own| own.talk.as_ref()) {
            Some(Talk::WithCaller(reporter)) => reporter.clone(),
            Some(Talk::Outlived(port, _)) => port.reporter(),
            None => return,
        };
        // By the keys of features.conf, the agent is about to talk with somebody else.
        if held {
            state.hearing.push_back(id.to_owned());
        }
        drop(state);
        self.wake.notify_one();
        reporter.report(Fact::Talk(if held {
            TalkState::OnHold
        } else {
            TalkState::Talking
        }));
    }

    /// On a thread of the PBX.
    fn heard(&self, device: &str, heard: DeviceState) {
        let mut state = self.lock();
        let Some(watched) = state.devices.get_mut(device) else {
            return;
        };
        watched.heard = Some(heard);
        state.queue(device);
        drop(state);
        self.wake.notify_one();
    }

    fn run(&self, host: &Host) {
        loop {
            match self.next() {
                Step::Look { device, heard } => {
                    asterisk::guard("the watch over phones", (), || self.look(host, &device, heard));
                }
                Step::Bury(leg) => asterisk::guard("the watch over phones", (), || self.bury(&leg)),
                Step::Hear(id) => asterisk::guard("the watch over phones", (), || {
                    if let Some(leg) = Channel::find(&id) {
                        leg.undeafen();
                    }
                }),
                Step::Stop => return,
            }
        }
    }

    fn next(&self) -> Step {
        let mut state = self.lock();
        loop {
            if state.stopping {
                return Step::Stop;
            }
            if let Some(device) = state.due.pop_front() {
                let Some(watched) = state.devices.get_mut(&device) else {
                    continue;
                };
                watched.queued = false;
                return Step::Look {
                    heard: watched.heard,
                    device,
                };
            }
            if let Some(id) = state.hearing.pop_front() {
                return Step::Hear(id);
            }
            let Some((due, _)) = state.gone.front() else {
                state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero()
                && let Some((_, leg)) = state.gone.pop_front()
            {
                return Step::Bury(leg);
            }
            state = self
                .wake
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    fn look(&self, host: &Host, device: &str, heard: Option<DeviceState>) {
        let seen = heard.unwrap_or_else(|| device::state_of(device));
        let channels = if in_use(seen) {
            device::channels_at(device)
        } else {
            None
        };
        let mut state = self.lock();
        let now = state.phone_state(device, seen, channels.as_deref());
        let Some(watched) = state.devices.get_mut(device) else {
            return;
        };
        // Free as before is no news. Busy is: the host passes it over while it rings the phone itself.
        if now == PhoneState::Available && watched.told == Some(now) {
            return;
        }
        let news = watched.tell(now);
        drop(state);
        for (agent, now) in news {
            host.phone_changed(agent, now);
        }
    }

    /// The grace of a leg is over.
    fn bury(&self, leg: &LegName) {
        let mut state = self.lock();
        let Some(own) = state.own(leg) else {
            // A visit: what was heard of the phone may be from before its end.
            state.look_again(&leg.device);
            return;
        };
        let (ended, talk) = (own.ended, own.talk.take());
        drop(state);
        match talk {
            // Gone, and its call goes on without it.
            Some(Talk::WithCaller(reporter)) => {
                reporter.report(Fact::HandedOver);
                reporter.report(Fact::Ended {
                    by: Party::Agent,
                    phone: self.without(leg),
                });
            }
            // Nobody has seen who hung up.
            Some(Talk::Outlived(mut port, _)) => {
                port.report(Fact::Ended {
                    by: Party::Caller,
                    phone: self.without(leg),
                });
                if let Some(own) = self.lock().own(leg) {
                    own.ended = true;
                }
                self.gone(leg);
            }
            None if ended => self.lock().disown(leg),
            None => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is whole before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
