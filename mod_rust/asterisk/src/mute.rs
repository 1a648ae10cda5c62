//! What the ends of a conversation hear of each other.

use std::ffi::c_uint;

use asterisk_sys as sys;

use crate::channel::{Channel, Locked};

impl Channel {
    /// Puts the others of its conversation on hold with their music, as if its phone had; or takes that back. The phone itself is told
    /// nothing. False if the PBX has no memory.
    #[must_use]
    pub fn hold_others(&self, on: bool) -> bool {
        let frame = if on {
            sys::ast_control_frame_type::AST_CONTROL_HOLD
        } else {
            sys::ast_control_frame_type::AST_CONTROL_UNHOLD
        };
        // SAFETY: the channel is referenced and not locked by us.
        unsafe { sys::ast_queue_control(self.as_ptr(), frame) == 0 }
    }

    /// Lets nothing be heard of it, or again. Keys still are. False if the PBX has no memory.
    #[must_use]
    pub fn mute(&self, on: bool) -> bool {
        self.suppress(sys::AST_MUTE_DIRECTION_READ, on)
    }

    /// Lets it hear nothing, or again. False if the PBX has no memory.
    #[must_use]
    pub fn deafen(&self, on: bool) -> bool {
        self.suppress(sys::AST_MUTE_DIRECTION_WRITE, on)
    }

    fn suppress(&self, direction: c_uint, on: bool) -> bool {
        let voice = sys::ast_frame_type::AST_FRAME_VOICE;
        let _locked = Locked::new(self);
        // SAFETY: the channel is locked, as the PBX wishes. Taking back what never was fails, and is so all the same.
        unsafe {
            if on {
                sys::ast_channel_suppress(self.as_ptr(), direction, voice) == 0
            } else {
                sys::ast_channel_unsuppress(self.as_ptr(), direction, voice);
                true
            }
        }
    }
}
