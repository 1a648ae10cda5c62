//! Sequence numbers of a channel's voice, for those who listen to it.
//!
//! The PBX lets a translator pass over frames whose numbers seem to be old. A conversation that goes on with somebody else goes on
//! with other numbers, and a hook of the PBX's, which keeps its translator, would hear nothing of it for minutes. So voice is
//! numbered anew, one by one, while somebody listens.

use std::ffi::{c_int, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};

use asterisk_sys as sys;

use crate::channel::{Channel, Locked};
use crate::datastore::{self, Kind};
use crate::guard::guard;

/// Stays at a channel whose voice is numbered to its end.
static NUMBERED: Kind<AtomicBool> = Kind::own(c"module_numbered");

/// Numbers a channel's voice until dropped.
pub(crate) struct Sequence {
    channel: Channel,
    id: c_int,
    numbers: Arc<Numbers>,
}

/// Guarded by the channel's lock, under which the PBX calls.
#[derive(Default)]
struct Numbers {
    read: Counter,
    written: Counter,
    /// The PBX has taken it off the channel.
    off: AtomicBool,
}

#[derive(Default)]
struct Counter {
    begun: AtomicBool,
    last: AtomicU16,
}

impl Counter {
    /// The next number; the first is the frame's own.
    fn next(&self, own: c_int) -> c_int {
        let next = if self.begun.swap(true, Ordering::Relaxed) {
            self.last.load(Ordering::Relaxed).wrapping_add(1)
        } else {
            // Numbers on the wire have 16 bits.
            own as u16
        };
        self.last.store(next, Ordering::Relaxed);
        c_int::from(next)
    }
}

impl Sequence {
    /// Begins; `None` if the channel is gone.
    pub(crate) fn of(channel: &Channel) -> Option<Sequence> {
        let (id, numbers) = begin(channel)?;
        Some(Sequence {
            channel: channel.clone(),
            id,
            numbers,
        })
    }
}

impl Channel {
    /// Has its voice numbered anew from now on, for as long as it is there: it may talk with one and another, and whatever translates
    /// what it hears goes on. No two phones pass their media directly to each other then.
    pub fn number_voice(&self) {
        let first = self.attach(&NUMBERED, || AtomicBool::new(false));
        if first.is_some_and(|numbered| !numbered.swap(true, Ordering::Relaxed)) {
            // A channel that is gone has no voice.
            drop(begin(self));
        }
    }
}

/// Puts the hook on a channel; `None` if that is gone.
fn begin(channel: &Channel) -> Option<(c_int, Arc<Numbers>)> {
    let numbers = Arc::new(Numbers::default());
    let _locked = Locked::new(channel);
    // SAFETY: the channel is there, and locked. The PBX would hang a hook on a dead one and never take it off.
    if unsafe { sys::astsys_is_zombie(channel.as_ptr()) } != 0 {
        return None;
    }
    // SAFETY: the channel is locked, as the PBX demands, and copies the record, of which all zeroes is a valid one. The count
    // of `numbers` is given back by `destroy`, or here if the PBX refuses.
    let id = unsafe {
        let mut record: sys::ast_framehook_interface = std::mem::zeroed();
        record.version = sys::AST_FRAMEHOOK_INTERFACE_VERSION as u16;
        record.event_cb = Some(number);
        record.destroy_cb = Some(destroy);
        record.consume_cb = Some(consumes);
        record.disable_inheritance = 1;
        record.data = Arc::into_raw(Arc::clone(&numbers)).cast_mut().cast();
        let id = sys::ast_framehook_attach(channel.as_ptr(), &mut record);
        if id < 0 {
            drop(Arc::from_raw(record.data.cast::<Numbers>().cast_const()));
            return None;
        }
        id
    };
    datastore::hold();
    Some((id, numbers))
}

impl Drop for Sequence {
    fn drop(&mut self) {
        let _locked = Locked::new(&self.channel);
        if !self.numbers.off.load(Ordering::Relaxed) {
            // SAFETY: the channel is locked, and has the hook still.
            unsafe {
                sys::ast_framehook_detach(self.channel.as_ptr(), self.id);
            }
        }
    }
}

unsafe extern "C" fn number(
    _channel: *mut sys::ast_channel,
    frame: *mut sys::ast_frame,
    event: sys::ast_framehook_event::Type,
    numbers: *mut c_void,
) -> *mut sys::ast_frame {
    guard("numbering voice", frame, || {
        // SAFETY: the PBX hands over what we attached, which lives until `destroy`, and a frame that is ours to change, or null.
        unsafe {
            let numbers = &*numbers.cast::<Numbers>();
            let counter = match event {
                sys::ast_framehook_event::AST_FRAMEHOOK_EVENT_READ => &numbers.read,
                sys::ast_framehook_event::AST_FRAMEHOOK_EVENT_WRITE => &numbers.written,
                sys::ast_framehook_event::AST_FRAMEHOOK_EVENT_DETACHED => {
                    numbers.off.store(true, Ordering::Relaxed);
                    return frame;
                }
                _ => return frame,
            };
            if !frame.is_null() && (*frame).frametype == sys::ast_frame_type::AST_FRAME_VOICE {
                (*frame).seqno = counter.next((*frame).seqno);
            }
        }
        frame
    })
}

/// Nothing is kept from anybody, but voice must come by.
unsafe extern "C" fn consumes(_numbers: *mut c_void, kind: sys::ast_frame_type::Type) -> c_int {
    guard("asking what a hook wants", 0, || {
        c_int::from(kind == sys::ast_frame_type::AST_FRAME_VOICE)
    })
}

unsafe extern "C" fn destroy(numbers: *mut c_void) {
    guard("ending the numbering of voice", (), || {
        // SAFETY: the count that the PBX kept, given back once.
        let numbers = unsafe { Arc::from_raw(numbers.cast::<Numbers>().cast_const()) };
        numbers.off.store(true, Ordering::Relaxed);
        drop(numbers);
        datastore::let_go();
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_each_other_whatever_comes() {
        let counter = Counter::default();
        let given: Vec<c_int> = [65_534, 3, 40_000, 7].map(|own| counter.next(own)).to_vec();
        assert_eq!(given, [65_534, 65_535, 0, 1]);
    }
}
