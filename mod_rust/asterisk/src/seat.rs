//! A place in a conversation, and taking it.

use std::ffi::{c_int, c_void};
use std::ptr::NonNull;

use asterisk_sys as sys;

use crate::channel::{Channel, Locked, reference};
use crate::guard::guard;

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

/// The place could not be taken: the conversation was over, or whoever had the place had gone elsewhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotSeated;

/// Who is told that the place is taken.
struct Arrival<'a, F> {
    seat: &'a Seat,
    /// `None` once told.
    seated: Option<F>,
}

impl Seat {
    /// Gives the place to `channel`, which is up; whoever had it is hung up, and a hold of its ends. `seated` is called, on this
    /// thread, as soon as the channel has the place. Blocks until `channel` leaves the conversation. Only for the thread that runs
    /// the channel's application.
    ///
    /// # Errors
    /// `channel` never had the place; `seated` was not called.
    pub fn give_to<F: FnOnce()>(self, channel: &Channel, seated: F) -> Result<(), NotSeated> {
        let mut arrival = Arrival {
            seat: &self,
            seated: Some(seated),
        };
        // SAFETY: all are referenced for the whole call. The PBX takes over one reference to the channel that is swapped out,
        // whatever comes of it. The features are ours, and outlive the stay in the bridge, as `arrival` does, which is used by
        // nobody else meanwhile.
        unsafe {
            let features = sys::ast_bridge_features_new();
            if features.is_null() {
                return Err(NotSeated);
            }
            let hooked = sys::ast_bridge_join_hook(
                features,
                Some(arrived::<F>),
                (&raw mut arrival).cast(),
                None,
                0 as sys::ast_bridge_hook_remove_flags::Type,
            );
            if hooked == 0 {
                // Read inside, and so told to the others. Whoever held them leaves without a word of it.
                sys::ast_queue_unhold(channel.as_ptr());
                reference(self.taken_by.as_ptr().cast(), 1);
                let flags: c_int = 0;
                sys::ast_bridge_join(
                    self.bridge.as_ptr(),
                    channel.as_ptr(),
                    self.taken_by.as_ptr(),
                    features,
                    std::ptr::null_mut(),
                    flags as sys::ast_bridge_join_flags::Type,
                );
            }
            sys::ast_bridge_features_destroy(features);
        }
        if arrival.seated.is_none() {
            Ok(())
        } else {
            Err(NotSeated)
        }
    }
}

/// The channel has come into the conversation.
unsafe extern "C" fn arrived<F: FnOnce()>(
    channel: *mut sys::ast_bridge_channel,
    arrival: *mut c_void,
) -> c_int {
    guard("taking a place", 0, || {
        // SAFETY: the PBX hands over what `give_to` hooked in, on the thread that waits there.
        let arrival = unsafe { &mut *arrival.cast::<Arrival<'_, F>>() };
        let seat = arrival.seat;
        // Whoever had gone elsewhere has not left the place to anybody, and may come back.
        if seat.taken_by.seat().is_some_and(|now| now.bridge != seat.bridge) {
            // SAFETY: the PBX hands over who has just come in.
            unsafe {
                sys::ast_bridge_channel_leave_bridge(
                    channel,
                    sys::bridge_channel_state::BRIDGE_CHANNEL_STATE_END_NO_DISSOLVE,
                    0,
                );
            }
        } else if let Some(seated) = arrival.seated.take() {
            seated();
        }
        0
    })
}

impl Drop for Seat {
    fn drop(&mut self) {
        // SAFETY: the reference came with the bridge.
        unsafe { reference(self.bridge.as_ptr().cast(), -1) };
    }
}
