//! Data attached to channels, and inherited by the channels they dial if so wished.

use std::ffi::{CStr, c_int, c_uint, c_void};
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use asterisk_sys as sys;

use crate::channel::{Channel, HERE, Locked};
use crate::guard::guard;
use crate::module::this;

/// Values that channels hold now, attached data and hooks. The module must stay while there is one: the PBX would call into it.
static HELD: AtomicUsize = AtomicUsize::new(0);

/// A channel holds something of ours, until [`let_go`].
pub(crate) fn hold() {
    HELD.fetch_add(1, Ordering::AcqRel);
}

/// The end of what [`hold`] began.
pub(crate) fn let_go() {
    HELD.fetch_sub(1, Ordering::AcqRel);
}

/// How often channels hold attached data or a hook of this module.
pub fn held() -> usize {
    HELD.load(Ordering::Acquire)
}

/// A kind of data: one value of it per channel. Its address is what the PBX knows it by, so it is a `static`.
pub struct Kind<T> {
    info: sys::ast_datastore_info,
    inherited: bool,
    value: PhantomData<fn() -> T>,
}

// SAFETY: never written, and the PBX only reads it.
unsafe impl<T> Sync for Kind<T> {}

impl<T: Send + Sync + 'static> Kind<T> {
    /// Data that a channel shares with all that it dials. `name` is for people.
    pub const fn inherited(name: &'static CStr) -> Kind<T> {
        Kind::new(name, true)
    }

    /// Data of one channel alone. `name` is for people.
    pub const fn own(name: &'static CStr) -> Kind<T> {
        Kind::new(name, false)
    }

    const fn new(name: &'static CStr, inherited: bool) -> Kind<T> {
        Kind {
            info: sys::ast_datastore_info {
                type_: name.as_ptr(),
                duplicate: Some(duplicate::<T>),
                destroy: Some(destroy::<T>),
                chan_fixup: None,
                chan_breakdown: None,
            },
            inherited,
            value: PhantomData,
        }
    }
}

extern "C" fn duplicate<T: Send + Sync + 'static>(data: *mut c_void) -> *mut c_void {
    guard("duplicating attached data", std::ptr::null_mut(), || {
        // SAFETY: `data` is an `Arc` that `attach` or this function turned into a pointer; the datastore keeps its own
        // count, and this is one more for the heir.
        unsafe { Arc::increment_strong_count(data.cast::<T>().cast_const()) };
        HELD.fetch_add(1, Ordering::AcqRel);
        data
    })
}

extern "C" fn destroy<T: Send + Sync + 'static>(data: *mut c_void) {
    guard("dropping attached data", (), || {
        // SAFETY: the count that this datastore kept, given back once.
        drop(unsafe { Arc::from_raw(data.cast::<T>().cast_const()) });
        HELD.fetch_sub(1, Ordering::AcqRel);
    });
}

impl Channel {
    /// The data of a kind, if the channel has it.
    pub fn attached<T: Send + Sync + 'static>(&self, kind: &'static Kind<T>) -> Option<Arc<T>> {
        let _locked = Locked::new(self);
        // SAFETY: the channel is locked, as the PBX demands; the datastore lives as long as the lock is held, and we
        // take a count of our own.
        unsafe {
            let store = sys::ast_channel_datastore_find(self.as_ptr(), &kind.info, std::ptr::null());
            if store.is_null() || (*store).data.is_null() {
                return None;
            }
            let data = (*store).data.cast::<T>().cast_const();
            Arc::increment_strong_count(data);
            Some(Arc::from_raw(data))
        }
    }

    /// The data of a kind; `value`, attached now, if the channel has none. `None` if the PBX has no memory.
    pub fn attach<T: Send + Sync + 'static>(
        &self,
        kind: &'static Kind<T>,
        value: impl FnOnce() -> T,
    ) -> Option<Arc<T>> {
        if let Some(data) = self.attached(kind) {
            return Some(data);
        }
        let data = Arc::new(value());
        // SAFETY: a fresh datastore is filled before the channel has it; the channel is locked when it gets it. Its
        // count of `data` is given back by `destroy`.
        unsafe {
            let store = sys::__ast_datastore_alloc(
                &kind.info,
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
            (*store).inheritance = if kind.inherited { c_int::MAX as c_uint } else { 0 };
            HELD.fetch_add(1, Ordering::AcqRel);
            let _locked = Locked::new(self);
            sys::ast_channel_datastore_add(self.as_ptr(), store);
        }
        Some(data)
    }
}
