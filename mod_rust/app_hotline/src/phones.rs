//! The watch over agents' phones: device states of the PBX in, phone states out to the host.
//!
//! One thread looks and tells, so that what it tells of a phone is in order. The PBX's device state shows our own legs
//! too; a phone is busy only with channels that are none of ours, which is why each leg is claimed here.
//!
//! A conversation may go on without one of its two channels. The leg leaves it when the agent hands the caller over: the
//! caller's own thread cannot see that from inside the bridge, so the agent is set free from here. The caller's channel
//! leaves it when the PBX takes a Local channel out of the way, or when somebody takes the caller's place: the call is
//! kept here then until the leg is gone.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use asterisk::Channel;
use asterisk::datastore::Kind;
use asterisk::device::{self, DeviceState, Subscription, Target};
use hotline_engine::ids::AgentId;
use hotline_engine::input::{Party, PhoneState};
use hotline_host::{CallPort, Fact, Host, Reporter};

/// How long a leg that is gone still counts as ours, and its call may still say that it is over: the PBX takes a
/// moment for both.
const GRACE: Duration = Duration::from_millis(500);

/// See the head of this file.
pub(crate) struct Phones {
    state: Mutex<State>,
    wake: Condvar,
    running: Mutex<Option<Running>>,
}

struct Running {
    subscription: Subscription,
    thread: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    /// What each agent's phone is.
    agents: HashMap<AgentId, String>,
    devices: HashMap<String, Device>,
    /// Devices to look at, each once: no longer than there are devices.
    due: VecDeque<String>,
    /// Our legs at each device, by their unique id.
    own: HashMap<String, HashMap<String, Own>>,
    /// How many calls each device is in the dialplan with, of those that the feature codes know.
    visits: HashMap<String, usize>,
    /// Legs that are gone, the oldest first.
    gone: VecDeque<(Instant, LegName)>,
    stopping: bool,
}

/// Whether others are reached through an agent's device, too. Then it may be unreachable for the agent, but not busy.
type Shared = bool;

#[derive(Default)]
struct Device {
    agents: BTreeMap<AgentId, Shared>,
    queued: bool,
    /// The last state heard; `None` before the first: ask.
    heard: Option<DeviceState>,
    /// What the host was told last.
    told: Option<PhoneState>,
}

/// What is known of a leg of ours.
#[derive(Default)]
struct Own {
    /// Its conversation, if it is in one.
    talk: Option<Talk>,
    /// Its call has no more to do with it.
    ended: bool,
}

/// Who is told when a leg leaves its conversation.
enum Talk {
    /// The caller is in it, and the caller's thread tells as a rule.
    WithCaller(Reporter),
    /// The caller's channel has left it, and nobody else tells.
    Outlived(CallPort),
}

/// A leg's device and unique id.
#[derive(Clone, PartialEq, Eq, Debug)]
struct LegName {
    device: String,
    shared: Shared,
    id: String,
}

/// A leg of ours. While this lives, and a moment longer, the leg does not make its phone busy.
pub(crate) struct Claim {
    phones: Arc<Phones>,
    leg: LegName,
    outlived: bool,
}

impl Claim {
    /// The leg is in a conversation from now on. Should it leave before the caller does, `reporter` says so. Not so for a
    /// leg through the dialplan: the PBX takes such a channel out of the way, and the conversation goes on.
    pub(crate) fn talking(&self, channel: &Channel, reporter: Reporter) {
        if device::channels_at(&self.leg.device).is_none()
            || channel
                .attach(&VISIT, || Visit::new(&self.phones, &self.leg, false))
                .is_none()
        {
            // Or the PBX has no memory: the caller's thread tells alone.
            return;
        }
        if let Some(own) = self.phones.lock().own(&self.leg) {
            own.talk = Some(Talk::WithCaller(reporter));
        }
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

    /// Keeps the call until the leg's conversation is over.
    pub(crate) fn outlive(mut self, port: CallPort) {
        self.outlived = true;
        if let Some(own) = self.phones.lock().own(&self.leg) {
            own.talk = Some(Talk::Outlived(port));
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
            *own = Own {
                talk: None,
                ended: true,
            };
        }
        self.phones.gone(&self.leg);
    }
}

/// Lives as long as a channel does whose end concerns a phone: one that the phone dialled into the dialplan, or a leg in a
/// conversation. The PBX need not tell of either: it tells changes of devices only.
struct Visit {
    phones: Arc<Phones>,
    leg: LegName,
    /// The phone dialled in: it is busy meanwhile, whatever the PBX has told so far.
    inward: bool,
}

static VISIT: Kind<Visit> = Kind::own(c"hotline_visit");

impl Visit {
    fn new(phones: &Arc<Phones>, leg: &LegName, inward: bool) -> Visit {
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
        self.phones.gone(&self.leg);
    }
}

/// What the watching thread does next.
enum Step {
    Look {
        device: String,
        heard: Option<DeviceState>,
    },
    Bury(LegName),
    Stop,
}

impl Phones {
    pub(crate) fn new() -> Arc<Phones> {
        Arc::new(Phones {
            state: Mutex::default(),
            wake: Condvar::new(),
            running: Mutex::new(None),
        })
    }

    /// Begins to look and to tell. What was asked to be watched before is told then.
    pub(crate) fn start(self: &Arc<Phones>, host: Host) -> Result<(), String> {
        let phones = Arc::clone(self);
        let subscription = Subscription::new(move |device, state| phones.heard(device, state))
            .ok_or("the PBX does not tell device states")?;
        let phones = Arc::clone(self);
        let thread = std::thread::Builder::new()
            .name("hotline-phones".to_owned())
            .spawn(move || phones.run(&host))
            .map_err(|error| format!("a thread: {error}"))?;
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(Running { subscription, thread });
        Ok(())
    }

    /// Ends the watch. Nothing of the PBX calls in here afterwards.
    pub(crate) fn stop(&self) {
        self.lock().stopping = true;
        self.wake.notify_all();
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Running { subscription, thread }) = running else {
            return;
        };
        drop(subscription);
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

    /// A leg is gone, or its call is. Its grace begins; a call that was kept for it ends at once.
    fn gone(&self, leg: &LegName) {
        let mut state = self.lock();
        let kept = state
            .own(leg)
            .is_some_and(|own| matches!(own.talk, Some(Talk::Outlived(_))));
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
            Some(Talk::WithCaller(reporter)) => reporter.report(Fact::Ended {
                by: Party::Agent,
                phone: self.without(leg),
            }),
            // Nobody has seen who hung up.
            Some(Talk::Outlived(mut port)) => {
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

impl Device {
    /// What each agent's phone does if the device does this.
    fn tell(&mut self, now: PhoneState) -> Vec<(AgentId, PhoneState)> {
        self.told = Some(now);
        let news = |(agent, shared): (&AgentId, &Shared)| match now {
            PhoneState::Busy if *shared => (*agent, PhoneState::Available),
            now => (*agent, now),
        };
        self.agents.iter().map(news).collect()
    }
}

impl State {
    fn watch(&mut self, agent: AgentId, target: Option<Target>) {
        if let Some(old) = self.agents.remove(&agent)
            && let Some(watched) = self.devices.get_mut(&old)
        {
            watched.agents.remove(&agent);
            if watched.agents.is_empty() {
                self.devices.remove(&old);
            }
        }
        let Some(Target { device, shared }) = target else {
            return;
        };
        let watched = self.devices.entry(device.clone()).or_default();
        watched.agents.insert(agent, shared);
        // The newcomer knows nothing yet.
        watched.told = None;
        self.queue(&device);
        self.agents.insert(agent, device);
    }

    fn queue(&mut self, device: &str) {
        if let Some(watched) = self.devices.get_mut(device)
            && !std::mem::replace(&mut watched.queued, true)
        {
            self.due.push_back(device.to_owned());
        }
    }

    /// Queues a device, to be asked for its state.
    fn look_again(&mut self, device: &str) {
        if let Some(watched) = self.devices.get_mut(device) {
            watched.heard = None;
            self.queue(device);
        }
    }

    /// A call into the dialplan is over.
    fn leave(&mut self, device: &str) {
        if let Some(visits) = self.visits.get_mut(device) {
            *visits -= 1;
            if *visits == 0 {
                self.visits.remove(device);
            }
        }
        self.queue(device);
    }

    fn own(&mut self, leg: &LegName) -> Option<&mut Own> {
        self.own.get_mut(&leg.device)?.get_mut(&leg.id)
    }

    /// The leg is not ours any more. One that lives on, transferred, has become somebody else's call. And a phone that is
    /// busy besides is news again: nobody listened while the agent was engaged.
    fn disown(&mut self, leg: &LegName) {
        if let Some(legs) = self.own.get_mut(&leg.device) {
            legs.remove(&leg.id);
            if legs.is_empty() {
                self.own.remove(&leg.device);
            }
        }
        self.look_again(&leg.device);
    }

    /// Whether there is a channel at the device that is none of ours.
    fn foreign(&self, device: &str, channels: &[String]) -> bool {
        let own = self.own.get(device);
        channels
            .iter()
            .any(|id| !own.is_some_and(|own| own.contains_key(id)))
    }

    /// What a device state means for us; `channels` are those at its endpoint, if it is of a kind that has one.
    fn phone_state(&self, device: &str, seen: DeviceState, channels: Option<&[String]>) -> PhoneState {
        if matches!(seen, DeviceState::Unavailable | DeviceState::Invalid) {
            return PhoneState::Unreachable;
        }
        let foreign = match channels {
            Some(channels) => self.foreign(device, channels),
            None => !self.own.contains_key(device),
        };
        if self.visits.contains_key(device) || in_use(seen) && foreign {
            PhoneState::Busy
        } else {
            PhoneState::Available
        }
    }
}

fn in_use(state: DeviceState) -> bool {
    match state {
        DeviceState::InUse
        | DeviceState::Busy
        | DeviceState::Ringing
        | DeviceState::RingInUse
        | DeviceState::OnHold => true,
        DeviceState::Unknown | DeviceState::NotInUse | DeviceState::Invalid | DeviceState::Unavailable => {
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGENT: AgentId = AgentId(1);

    fn watching(device: &str) -> State {
        let mut state = State::default();
        state.watch(AGENT, Some(Target::of(device)));
        state
    }

    fn claim(state: &mut State, device: &str, id: &str) {
        state
            .own
            .entry(device.into())
            .or_default()
            .insert(id.into(), Own::default());
    }

    #[test]
    fn a_phone_is_busy_only_with_channels_that_are_not_ours() {
        let mut state = watching("PJSIP/a1");
        let ids = ["1.1".to_owned()];
        assert_eq!(
            state.phone_state("PJSIP/a1", DeviceState::InUse, Some(&ids)),
            PhoneState::Busy
        );
        claim(&mut state, "PJSIP/a1", "1.1");
        assert_eq!(
            state.phone_state("PJSIP/a1", DeviceState::InUse, Some(&ids)),
            PhoneState::Available
        );
        let ids = ["1.1".to_owned(), "1.2".to_owned()];
        assert_eq!(
            state.phone_state("PJSIP/a1", DeviceState::RingInUse, Some(&ids)),
            PhoneState::Busy
        );
        assert_eq!(
            state.phone_state("PJSIP/a1", DeviceState::Unavailable, Some(&ids)),
            PhoneState::Unreachable
        );
        assert_eq!(
            state.phone_state("PJSIP/a1", DeviceState::NotInUse, None),
            PhoneState::Available
        );
    }

    #[test]
    fn a_trunk_in_use_does_not_make_its_agents_busy() {
        let mut state = watching("PJSIP/555@trunk");
        let trunk = state.devices.get_mut("PJSIP/trunk").unwrap();
        assert_eq!(trunk.tell(PhoneState::Busy), [(AGENT, PhoneState::Available)]);
        assert_eq!(
            trunk.tell(PhoneState::Unreachable),
            [(AGENT, PhoneState::Unreachable)]
        );
    }

    #[test]
    fn a_phone_in_the_dialplan_is_busy_before_the_pbx_says_so() {
        let mut state = watching("PJSIP/a1");
        let seen = |state: &State| state.phone_state("PJSIP/a1", DeviceState::NotInUse, None);
        state.visits.insert("PJSIP/a1".into(), 1);
        assert_eq!(seen(&state), PhoneState::Busy);
        state.due.clear();
        state.devices.get_mut("PJSIP/a1").unwrap().queued = false;
        state.leave("PJSIP/a1");
        assert_eq!((seen(&state), state.due.len()), (PhoneState::Available, 1));
    }

    #[test]
    fn a_device_without_endpoint_is_ours_while_we_call_it() {
        let mut state = watching("Local/1@agents");
        assert_eq!(
            state.phone_state("Local/1@agents", DeviceState::InUse, None),
            PhoneState::Busy
        );
        claim(&mut state, "Local/1@agents", "1.1");
        assert_eq!(
            state.phone_state("Local/1@agents", DeviceState::InUse, None),
            PhoneState::Available
        );
    }

    #[test]
    fn a_leg_counts_as_ours_until_it_is_buried_and_then_its_phone_is_looked_at() {
        let mut state = watching("PJSIP/a1");
        claim(&mut state, "PJSIP/a1", "1.1");
        let leg = LegName {
            device: "PJSIP/a1".into(),
            shared: false,
            id: "1.1".into(),
        };
        let ids = ["1.1".to_owned()];
        assert!(!state.foreign("PJSIP/a1", &ids));
        if let Some(own) = state.own(&leg) {
            own.ended = true;
        }
        assert!(!state.foreign("PJSIP/a1", &ids));
        let device = |state: &State| (state.due.len(), state.devices["PJSIP/a1"].heard);
        state.due.clear();
        state.devices.get_mut("PJSIP/a1").unwrap().queued = false;
        state.devices.get_mut("PJSIP/a1").unwrap().heard = Some(DeviceState::InUse);
        state.disown(&leg);
        assert!(state.foreign("PJSIP/a1", &ids) && state.own.is_empty());
        assert_eq!(
            device(&state),
            (1, None),
            "the phone is asked what it does besides"
        );
    }

    #[test]
    fn an_agent_watches_one_device_and_a_device_is_queued_once() {
        let mut state = watching("PJSIP/a1");
        state.queue("PJSIP/a1");
        assert_eq!(state.due.len(), 1);
        state.watch(AGENT, Some(Target::of("PJSIP/a2")));
        assert!(!state.devices.contains_key("PJSIP/a1"));
        state.watch(AGENT, None);
        assert!(state.devices.is_empty() && state.agents.is_empty());
    }
}
