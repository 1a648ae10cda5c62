//! Devices: their states, as the PBX sees them, and the channels at their endpoints.

use asterisk_sys as sys;
use sys::ast_device_state as state;

use crate::channel::{Channel, reference};
use crate::stasis::Messages;
use crate::text::{c, owned};

/// What a device does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeviceState {
    /// The PBX cannot say.
    Unknown,
    /// Free.
    NotInUse,
    /// In a call.
    InUse,
    /// In as many calls as it takes.
    Busy,
    /// No such device.
    Invalid,
    /// Not registered or not reachable.
    Unavailable,
    /// It rings.
    Ringing,
    /// It rings while in a call.
    RingInUse,
    /// Its call is on hold.
    OnHold,
}

impl DeviceState {
    fn from_pbx(code: state::Type) -> DeviceState {
        match code {
            state::AST_DEVICE_NOT_INUSE => DeviceState::NotInUse,
            state::AST_DEVICE_INUSE => DeviceState::InUse,
            state::AST_DEVICE_BUSY => DeviceState::Busy,
            state::AST_DEVICE_INVALID => DeviceState::Invalid,
            state::AST_DEVICE_UNAVAILABLE => DeviceState::Unavailable,
            state::AST_DEVICE_RINGING => DeviceState::Ringing,
            state::AST_DEVICE_RINGINUSE => DeviceState::RingInUse,
            state::AST_DEVICE_ONHOLD => DeviceState::OnHold,
            _ => DeviceState::Unknown,
        }
    }
}

/// The present state of a device. Asks the channel driver if the PBX has not heard of it: not for a hurry.
pub fn state_of(device: &str) -> DeviceState {
    // SAFETY: the string outlives the call.
    DeviceState::from_pbx(unsafe { sys::ast_device_state(c(device).as_ptr()) })
}

/// Where a dial string leads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    /// The device: `PJSIP/a1001` of `PJSIP/a1001/sip:a1001@192.0.2.1`, `PJSIP/trunk` of `PJSIP/555@trunk`,
    /// `Local/5@agents` of `Local/5@agents/n`.
    pub device: String,
    /// Others are reached through the device, too: a trunk. What it does says nothing about this target, but that it
    /// cannot be reached when the device cannot.
    pub shared: bool,
}

impl Target {
    /// Reads a dial string.
    pub fn of(dial_string: &str) -> Target {
        let Some((technology, address)) = dial_string.split_once('/') else {
            return Target {
                device: dial_string.to_owned(),
                shared: false,
            };
        };
        let address = address.split_once('/').map_or(address, |(first, _)| first);
        let (address, shared) = match address.rsplit_once('@') {
            Some((_, endpoint)) if technology.eq_ignore_ascii_case("PJSIP") => (endpoint, true),
            _ => (address, false),
        };
        Target {
            device: format!("{technology}/{address}"),
            shared,
        }
    }

    /// The same with the technology spelt as the PBX does, who dials whatever the case but tells of `PJSIP/…` only.
    pub fn spelt_by_pbx(self) -> Target {
        let Some((technology, address)) = self.device.split_once('/') else {
            return self;
        };
        // SAFETY: the string outlives the call; the name that comes back lives as long as its channel driver.
        let known = unsafe { owned(sys::astsys_technology(c(technology).as_ptr())) };
        if known.is_empty() {
            return self;
        }
        Target {
            device: format!("{known}/{address}"),
            shared: self.shared,
        }
    }

    /// Whether the target is this very device, and alone there.
    pub fn is(&self, device: &str) -> bool {
        let same = || match (self.device.split_once('/'), device.split_once('/')) {
            (Some((ours, address)), Some((theirs, other))) => {
                ours.eq_ignore_ascii_case(theirs) && address == other
            }
            _ => self.device == device,
        };
        !self.shared && same()
    }
}

/// The ids of the living channels at a device's endpoint; `None` if the device is of a kind without endpoints.
pub fn channels_at(device: &str) -> Option<Vec<String>> {
    // SAFETY: endpoint and snapshot come with references that are ours, given back below; the snapshot's ids live as
    // long as it does.
    let ids = unsafe {
        let endpoint = sys::ast_endpoint_find_by_id(c(device).as_ptr());
        if endpoint.is_null() {
            return None;
        }
        let snapshot = sys::ast_endpoint_snapshot_create(endpoint);
        reference(endpoint.cast(), -1);
        if snapshot.is_null() {
            return None;
        }
        let count = usize::try_from((*snapshot).num_channels).unwrap_or(0);
        let ids: Vec<String> = (*snapshot)
            .channel_ids
            .as_slice(count)
            .iter()
            .map(|id| owned(*id))
            .collect();
        reference(snapshot.cast(), -1);
        ids
    };
    // An endpoint remembers a channel a moment longer than it lives.
    Some(ids.into_iter().filter(|id| Channel::find(id).is_some()).collect())
}

/// Hears of every change of every device, until dropped.
pub struct Subscription {
    _messages: Messages,
}

impl Subscription {
    /// Subscribes; `None` if the PBX refuses. The listener runs on a thread of the PBX and must not block.
    pub fn new(listener: impl Fn(&str, DeviceState) + Send + Sync + 'static) -> Option<Subscription> {
        // SAFETY: topic and type are the PBX's own and live as long as it does.
        let (topic, kind) = unsafe {
            (
                sys::ast_device_state_topic_all(),
                sys::ast_device_state_message_type(),
            )
        };
        let messages = Messages::new(topic, &[kind], move |message| {
            // SAFETY: the message is of the one type that was subscribed to, and lives during the call.
            let (device, state) = unsafe {
                let change = message.data.cast::<sys::ast_device_state_message>();
                // Those with an id are of one node of several; the sum of all has none.
                if !(*change).eid.is_null() {
                    return;
                }
                (owned((*change).device), (*change).state)
            };
            listener(&device, DeviceState::from_pbx(state));
        })?;
        Some(Subscription { _messages: messages })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dial_string_names_a_device() {
        for (dial_string, device) in [
            ("PJSIP/a1001", "PJSIP/a1001"),
            ("PJSIP/a1001/sip:a1001@192.0.2.1", "PJSIP/a1001"),
            ("Local/5@agents/n", "Local/5@agents"),
            ("DAHDI/g1/555", "DAHDI/g1"),
            ("nothing", "nothing"),
            ("pjsip/a1001", "PJSIP/a1001"),
        ] {
            assert!(Target::of(dial_string).is(device), "{dial_string}");
        }
        assert!(!Target::of("PJSIP/A1001").is("PJSIP/a1001"));
    }

    #[test]
    fn who_is_behind_a_trunk_shares_it() {
        let target = Target::of("PJSIP/555@trunk");
        assert_eq!(target.device, "PJSIP/trunk");
        assert!(target.shared && !target.is("PJSIP/trunk"));
    }
}
