//! Conversations, and who is in them: moving channels from one to another.

use std::ffi::c_int;
use std::ptr::NonNull;

use asterisk_sys as sys;

use crate::channel::{Channel, Locked, reference};

/// A conversation of channels, be it empty. It is there while this lives, but may be over.
pub struct Conversation(NonNull<sys::ast_bridge>);

// SAFETY: the PBX's object is counted and locks itself; every function used here takes that lock.
unsafe impl Send for Conversation {}

impl Channel {
    /// The conversation that the channel is in; `None` if it is in none.
    pub fn conversation(&self) -> Option<Conversation> {
        let _locked = Locked::new(self);
        // SAFETY: the channel is locked, as the PBX demands; the bridge comes with a reference, which is given back once.
        NonNull::new(unsafe { sys::ast_channel_get_bridge(self.as_ptr()) }).map(Conversation)
    }

    /// Lets the far end hear music, as who is on hold does, or the conversation again. Whatever the channel is in.
    pub fn wait_with_music(&self, on: bool) {
        self.tell(if on {
            sys::ast_control_frame_type::AST_CONTROL_HOLD as c_int
        } else {
            sys::ast_control_frame_type::AST_CONTROL_UNHOLD as c_int
        });
    }

    /// Lets the far end hear that somebody is being called, or no longer.
    pub fn hear_ringing(&self, on: bool) {
        const NOTHING_MORE: c_int = -1;
        self.tell(if on {
            sys::ast_control_frame_type::AST_CONTROL_RINGING as c_int
        } else {
            NOTHING_MORE
        });
    }

    fn tell(&self, what: c_int) {
        // SAFETY: the channel is referenced and not locked by us. A channel that cannot indicate is no failure.
        unsafe {
            sys::ast_indicate(self.as_ptr(), what);
        }
    }
}

impl Conversation {
    /// A new one with nobody in it, which stays though all leave, until it is [ended](Self::end). No phone can send on whom it has
    /// in there. `None` if the PBX refuses.
    pub fn new() -> Option<Conversation> {
        // SAFETY: the bridge comes with a reference, which is given back once.
        NonNull::new(unsafe { sys::astsys_bridge_new() }).map(Conversation)
    }

    /// Whether the channel is in it.
    pub fn has(&self, channel: &Channel) -> bool {
        channel.conversation().is_some_and(|of| of.0 == self.0)
    }

    /// How many are in it.
    pub fn count(&self) -> usize {
        // SAFETY: the bridge is referenced and not locked by us.
        usize::try_from(unsafe { sys::astsys_bridge_count(self.0.as_ptr()) }).unwrap_or(0)
    }

    /// Whether it stays although somebody leaves it, and no phone can send on whom it has in there; that of two whom the PBX has
    /// brought together does not otherwise.
    pub fn keep(&self, keep: bool) {
        // SAFETY: the bridge is referenced and not locked by us.
        unsafe { sys::astsys_bridge_keep(self.0.as_ptr(), c_int::from(keep)) }
    }

    /// Brings a channel here from the conversation that it is in, without a word to its thread. False if it is in none, or on its
    /// way out of it, or if this one is over.
    #[must_use]
    pub fn bring(&self, channel: &Channel) -> bool {
        let Some(from) = channel.conversation() else {
            return false;
        };
        if from.0 == self.0 {
            return true;
        }
        // SAFETY: all are referenced, and nothing is locked by us.
        unsafe {
            sys::ast_bridge_move(
                self.0.as_ptr(),
                from.0.as_ptr(),
                channel.as_ptr(),
                std::ptr::null_mut(),
                1,
            ) == 0
        }
    }

    /// Lets a channel in that was not in any; false if this one is over. The PBX serves it from here on, and hangs it up.
    #[must_use]
    pub(crate) fn admit(&self, channel: &Channel) -> bool {
        // SAFETY: both are referenced, and nothing is locked by us.
        unsafe { sys::astsys_bridge_admit(self.0.as_ptr(), channel.as_ptr()) == 0 }
    }

    /// Ends it. Whoever is in it leaves: those whom the PBX serves are hung up.
    pub fn end(self) {
        // SAFETY: the PBX takes over a reference, which is not the one that is given back below.
        unsafe {
            reference(self.0.as_ptr().cast(), 1);
            sys::ast_bridge_destroy(self.0.as_ptr(), sys::AST_CAUSE_NORMAL_CLEARING as c_int);
        }
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        // SAFETY: the reference came with the bridge.
        unsafe { reference(self.0.as_ptr().cast(), -1) };
    }
}
