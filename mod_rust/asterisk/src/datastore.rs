//! Data attached to channels and inherited by the channels they dial.

use std::ffi::{CStr, c_int, c_uint, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use asterisk_sys as sys;

use crate::channel::{Channel, HERE, Locked};
use crate::guard::guard;
use crate::module::this;

/// Data that can be attached: one value of a kind per channel, shared with all channels that inherit it.
pub trait Attached: Send + Sync + 'static {
    /// Names the kind on this PBX.
    const KIND: &'static CStr;
}

/// Values that channels hold now. The module must stay while there is one: the PBX would call into it.
static HELD: AtomicUsize = AtomicUsize::new(0);

/// How many channels hold attached data of this module.
pub fn held() -> usize {
    HELD.load(Ordering::Acquire)
}

/// What the PBX knows of a kind: its address is the kind's identity.
struct Kind(sys::ast_datastore_info);

// SAFETY: never written, and the PBX only reads it.
unsafe impl Sync for Kind {}

trait HasKind: Attached + Sized {
    const INFO: &'static Kind = &Kind(sys::ast_datastore_info {
        type_: Self::KIND.as_ptr(),
        duplicate: Some(duplicate::<Self>),
        destroy: Some(destroy::<Self>),
        chan_fixup: None,
        chan_breakdown: None,
    });
}

impl<T: Attached> HasKind for T {}

extern "C" fn duplicate<T: Attached>(data: *mut c_void) -> *mut c_void {
    guard("duplicating attached data", std::ptr::null_mut(), || {
        // SAFETY: `data` is an `Arc` that `attach` or this function turned into a pointer; the datastore keeps its own
        // count, and this is one more for the heir.
        unsafe { Arc::increment_strong_count(data.cast::<T>().cast_const()) };
        HELD.fetch_add(1, Ordering::AcqRel);
        data
    })
}

extern "C" fn destroy<T: Attached>(data: *mut c_void) {
    guard("dropping attached data", (), || {
        // SAFETY: the count that this datastore kept, given back once.
        drop(unsafe { Arc::from_raw(data.cast::<T>().cast_const()) });
        HELD.fetch_sub(1, Ordering::AcqRel);
    });
}

impl Channel {
    /// The data of a kind, if the channel has it.
    pub fn attached<T: Attached>(&self) -> Option<Arc<T>> {
        let _locked = Locked::new(self);
        // SAFETY: the channel is locked, as the PBX demands; the datastore lives as long as the lock is held, and we
        // take a count of our own.
        unsafe {
            let store = sys::ast_channel_datastore_find(self.as_ptr(), &T::INFO.0, std::ptr::null());
            if store.is_null() || (*store).data.is_null() {
                return None;
            }
            let data = (*store).data.cast::<T>().cast_const();
            Arc::increment_strong_count(data);
            Some(Arc::from_raw(data))
        }
    }

    /// The data of a kind, attached now if the channel has none. `None` if the PBX has no memory.
    pub fn attach<T: Attached + Default>(&self) -> Option<Arc<T>> {
        if let Some(data) = self.attached() {
            return Some(data);
        }
        let data = Arc::new(T::default());
        // SAFETY: a fresh datastore is filled before the channel has it; the channel is locked when it gets it. Its
        // count of `data` is given back by `destroy`.
        unsafe {
            let store = sys::__ast_datastore_alloc(
                &T::INFO.0,
                std::ptr::null(),
                this(),
                HERE.as_ptr(),
                line!() as c_int,
                HERE.as_ptr(),
            );
            if store.is_null() {
                return None;
            }
            (*store).data = Arc::into_raw(Arc::clone(&data)).cast_mut().cast();
            (*store).inheritance = c_int::MAX as c_uint;
            HELD.fetch_add(1, Ordering::AcqRel);
            let _locked = Locked::new(self);
            sys::ast_channel_datastore_add(self.as_ptr(), store);
        }
        Some(data)
    }
}
