//! A place in a conversation, and taking it.

use std::ffi::c_int;
use std::ptr::NonNull;

use asterisk_sys as sys;

use crate::channel::{Channel, Locked, reference};

/// A channel's place in a conversation.
pub struct Seat {
    bridge: NonNull<sys::ast_bridge>,
    taken_by: Channel,
}

impl Channel {
    /// The channel's place in the conversation that it has with `other`; `None` if it has none with it now. Must be asked
    /// without any lock of the PBX.
    pub fn seat_with(&self, other: &Channel) -> Option<Seat> {
        let seat = self.seat()?;
        (other.seat()?.bridge == seat.bridge).then_some(seat)
    }

    fn seat(&self) -> Option<Seat> {
        let _locked = Locked::new(self);
        // SAFETY: the channel is locked, as the PBX demands; the bridge comes with a reference, which `Seat` gives back.
        let bridge = unsafe { sys::ast_channel_get_bridge(self.as_ptr()) };
        Some(Seat {
            bridge: NonNull::new(bridge)?,
            taken_by: self.clone(),
        })
    }
}

impl Seat {
    /// Gives the place to `channel`, which is up; whoever had it is hung up, and a hold of its ends. Blocks until `channel` leaves the conversation.
    /// Only for the thread that runs the channel's application. False if it never came in: the conversation was over.
    pub fn give_to(self, channel: &Channel) -> bool {
        // SAFETY: all are referenced for the whole call. The PBX takes over one reference to the channel that is swapped out,
        // whatever comes of it. The features are ours, and outlive the stay in the bridge.
        unsafe {
            let features = sys::ast_bridge_features_new();
            if features.is_null() {
                return false;
            }
            // Read inside, and so told to the others. Whoever held them leaves without a word of it.
            sys::ast_queue_unhold(channel.as_ptr());
            reference(self.taken_by.as_ptr().cast(), 1);
            let flags: c_int = 0;
            let joined = sys::ast_bridge_join(
                self.bridge.as_ptr(),
                channel.as_ptr(),
                self.taken_by.as_ptr(),
                features,
                std::ptr::null_mut(),
                flags as sys::ast_bridge_join_flags::Type,
            );
            sys::ast_bridge_features_destroy(features);
            joined == 0
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        // SAFETY: the reference came with the bridge.
        unsafe { reference(self.bridge.as_ptr().cast(), -1) };
    }
}
