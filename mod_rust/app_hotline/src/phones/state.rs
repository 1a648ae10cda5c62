//! What is known of agents' phones and of our legs there.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Instant;

use asterisk::device::{DeviceState, Target};
use hotline_engine::ids::AgentId;
use hotline_engine::input::PhoneState;
use hotline_host::{CallPort, Reporter};

use crate::talks;

#[derive(Default)]
pub(super) struct State {
    /// What each agent's phone is.
    pub(super) agents: HashMap<AgentId, String>,
    pub(super) devices: HashMap<String, Device>,
    /// Devices to look at, each once: no longer than there are devices.
    pub(super) due: VecDeque<String>,
    /// Our legs at each device, by their unique id.
    pub(super) own: HashMap<String, HashMap<String, Own>>,
    /// How many calls each device is in the dialplan with, of those that the feature codes know.
    pub(super) visits: HashMap<String, usize>,
    /// Legs, by their unique id, whose phones hold or consult by themselves: they are to hear again whom they talk with.
    pub(super) hearing: VecDeque<String>,
    /// Legs that are gone, the oldest first.
    pub(super) gone: VecDeque<(Instant, LegName)>,
    pub(super) stopping: bool,
}

/// Whether others are reached through an agent's device, too. Then it may be unreachable for the agent, but not busy.
pub(super) type Shared = bool;

#[derive(Default)]
pub(super) struct Device {
    pub(super) agents: BTreeMap<AgentId, Shared>,
    pub(super) queued: bool,
    /// The last state heard; `None` before the first: ask.
    pub(super) heard: Option<DeviceState>,
    /// What the host was told last.
    pub(super) told: Option<PhoneState>,
}

/// What is known of a leg of ours.
#[derive(Default)]
pub(super) struct Own {
    /// Its end is seen.
    pub(super) attended: bool,
    /// Its conversation, if it is in one.
    pub(super) talk: Option<Talk>,
    /// Its call has no more to do with it.
    pub(super) ended: bool,
    /// The PBX has hung it up, and the phone knows.
    pub(super) gone: bool,
}

/// Who is told when a leg leaves its conversation.
pub(super) enum Talk {
    /// The caller is in it, and the caller's thread tells as a rule.
    WithCaller(Reporter),
    /// The caller's channel has left it, and nobody else tells.
    Outlived(
        CallPort,
        #[expect(dead_code, reason = "the conversation is known while this lives")] talks::Talk,
    ),
}

/// A leg's device and unique id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct LegName {
    pub(super) device: String,
    pub(super) shared: Shared,
    pub(crate) id: String,
}

impl Device {
    /// What each agent's phone does if the device does this.
    pub(super) fn tell(&mut self, now: PhoneState) -> Vec<(AgentId, PhoneState)> {
        self.told = Some(now);
        let news = |(agent, shared): (&AgentId, &Shared)| match now {
            PhoneState::Busy if *shared => (*agent, PhoneState::Available),
            now => (*agent, now),
        };
        self.agents.iter().map(news).collect()
    }
}

impl State {
    pub(super) fn watch(&mut self, agent: AgentId, target: Option<Target>) {
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

    pub(super) fn queue(&mut self, device: &str) {
        if let Some(watched) = self.devices.get_mut(device)
            && !std::mem::replace(&mut watched.queued, true)
        {
            self.due.push_back(device.to_owned());
        }
    }

    /// Queues a device, to be asked for its state.
    pub(super) fn look_again(&mut self, device: &str) {
        if let Some(watched) = self.devices.get_mut(device) {
            watched.heard = None;
            self.queue(device);
        }
    }

    /// A call into the dialplan is over.
    pub(super) fn leave(&mut self, device: &str) {
        if let Some(visits) = self.visits.get_mut(device) {
            *visits -= 1;
            if *visits == 0 {
                self.visits.remove(device);
            }
        }
        self.queue(device);
    }

    pub(super) fn own(&mut self, leg: &LegName) -> Option<&mut Own> {
        self.own.get_mut(&leg.device)?.get_mut(&leg.id)
    }

    /// The leg is not ours any more. One that lives on, transferred, has become somebody else's call. And a phone that is
    /// busy besides is news again: nobody listened while the agent was engaged.
    pub(super) fn disown(&mut self, leg: &LegName) {
        if let Some(legs) = self.own.get_mut(&leg.device) {
            legs.remove(&leg.id);
            if legs.is_empty() {
                self.own.remove(&leg.device);
            }
        }
        self.look_again(&leg.device);
    }

    /// Whether there is a channel at the device that is none of ours.
    pub(super) fn foreign(&self, device: &str, channels: &[String]) -> bool {
        let own = self.own.get(device);
        channels
            .iter()
            .any(|id| !own.is_some_and(|own| own.contains_key(id)))
    }

    /// What a device state means for us; `channels` are those at its endpoint, if it is of a kind that has one.
    pub(super) fn phone_state(
        &self,
        device: &str,
        seen: DeviceState,
        channels: Option<&[String]>,
    ) -> PhoneState {
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

pub(super) fn in_use(state: DeviceState) -> bool {
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
