//! What the ends of a conversation hear of each other.
//!
//! Voice that is not to be heard becomes silence and not nothing: networks end calls in which no media come for a while. Of formats
//! whose silence nobody can tell by looking, other than G.711 and linear samples, nothing is passed on.

use std::ffi::{c_int, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use asterisk_sys as sys;

use crate::channel::{Channel, Locked};
use crate::datastore::{self, Kind};
use crate::guard::guard;

static HUSH: Kind<Hush> = Kind::own(c"module_hush");

/// No hook is on the channel.
const NONE: c_int = -1;

/// What of a channel is not to be heard. Guarded by the channel's lock, under which the PBX calls.
struct Hush {
    mute: AtomicBool,
    deaf: AtomicBool,
    /// The hook that sees to it.
    id: AtomicI32,
}

impl Default for Hush {
    fn default() -> Hush {
        Hush {
            mute: AtomicBool::new(false),
            deaf: AtomicBool::new(false),
            id: AtomicI32::new(NONE),
        }
    }
}

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

    /// Lets nothing be heard of it, or again. Keys still are. False if it is gone, or the PBX has no memory.
    #[must_use]
    pub fn mute(&self, on: bool) -> bool {
        self.hush(|hush| hush.mute.store(on, Ordering::Relaxed))
    }

    /// Lets it hear nothing, or again. False if it is gone, or the PBX has no memory.
    #[must_use]
    pub fn deafen(&self, on: bool) -> bool {
        self.hush(|hush| hush.deaf.store(on, Ordering::Relaxed))
    }

    /// Lets it hear again what was kept back, if anything was.
    pub fn undeafen(&self) {
        let deaf = self
            .attached(&HUSH)
            .is_some_and(|hush| hush.deaf.load(Ordering::Relaxed));
        // A channel that is gone hears nothing anyway.
        let _ = deaf && self.deafen(false);
    }

    fn hush(&self, change: impl FnOnce(&Hush)) -> bool {
        let Some(hush) = self.attach(&HUSH, Hush::default) else {
            return false;
        };
        let _locked = Locked::new(self);
        // SAFETY: the channel is there, and locked. The PBX would hang a hook on a dead one and never take it off.
        if unsafe { sys::astsys_is_zombie(self.as_ptr()) } != 0 {
            return false;
        }
        change(&hush);
        let wanted = hush.mute.load(Ordering::Relaxed) || hush.deaf.load(Ordering::Relaxed);
        let id = hush.id.load(Ordering::Relaxed);
        if wanted && id == NONE {
            let id = self.hook(&hush);
            hush.id.store(id, Ordering::Relaxed);
            return id != NONE;
        }
        if !wanted && id != NONE {
            // The two may be connected by their own media again.
            // SAFETY: the channel is locked, and has the hook.
            unsafe {
                sys::ast_framehook_detach(self.as_ptr(), id);
            }
            hush.id.store(NONE, Ordering::Relaxed);
        }
        true
    }

    /// Puts the hook on the channel, which is locked.
    fn hook(&self, hush: &Arc<Hush>) -> c_int {
        // SAFETY: the channel is locked, as the PBX demands, and copies the record, of which all zeroes is a valid one. The count of
        // `hush` is given back by `destroy`, or here if the PBX refuses.
        unsafe {
            let mut record: sys::ast_framehook_interface = std::mem::zeroed();
            record.version = sys::AST_FRAMEHOOK_INTERFACE_VERSION as u16;
            record.event_cb = Some(pass);
            record.destroy_cb = Some(destroy);
            record.consume_cb = Some(consumes);
            record.disable_inheritance = 1;
            record.data = Arc::into_raw(Arc::clone(hush)).cast_mut().cast();
            let id = sys::ast_framehook_attach(self.as_ptr(), &mut record);
            if id < 0 {
                drop(Arc::from_raw(record.data.cast::<Hush>().cast_const()));
                return NONE;
            }
            datastore::hold();
            id
        }
    }
}

unsafe extern "C" fn pass(
    _channel: *mut sys::ast_channel,
    frame: *mut sys::ast_frame,
    event: sys::ast_framehook_event::Type,
    hush: *mut c_void,
) -> *mut sys::ast_frame {
    guard("keeping voice back", frame, || {
        // SAFETY: the PBX hands over what we attached, which lives until `destroy`, and a frame that is ours to change, or null.
        unsafe {
            let hush = &*hush.cast::<Hush>();
            let silent = match event {
                sys::ast_framehook_event::AST_FRAMEHOOK_EVENT_READ => &hush.mute,
                sys::ast_framehook_event::AST_FRAMEHOOK_EVENT_WRITE => &hush.deaf,
                _ => return frame,
            };
            let voice = !frame.is_null() && (*frame).frametype == sys::ast_frame_type::AST_FRAME_VOICE;
            if !voice || !silent.load(Ordering::Relaxed) || sys::astsys_silence(frame) != 0 {
                return frame;
            }
            &raw mut sys::ast_null_frame
        }
    })
}

/// Voice must come by.
unsafe extern "C" fn consumes(_hush: *mut c_void, kind: sys::ast_frame_type::Type) -> c_int {
    guard("asking what a hook wants", 0, || {
        c_int::from(kind == sys::ast_frame_type::AST_FRAME_VOICE)
    })
}

unsafe extern "C" fn destroy(hush: *mut c_void) {
    guard("ending to keep voice back", (), || {
        // SAFETY: the count that the PBX kept, given back once.
        drop(unsafe { Arc::from_raw(hush.cast::<Hush>().cast_const()) });
        datastore::let_go();
    });
}
