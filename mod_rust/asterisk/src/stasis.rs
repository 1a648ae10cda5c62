//! Messages of the PBX's own bus.

use std::ffi::{c_int, c_void};
use std::ptr::NonNull;

use asterisk_sys as sys;

use crate::channel::HERE;
use crate::guard::guard;

/// A message, while its listener runs.
pub(crate) struct Message {
    /// One of the types subscribed to.
    pub(crate) kind: *mut sys::stasis_message_type,
    /// What goes with that type.
    pub(crate) data: *mut c_void,
}

struct Listener {
    kinds: Vec<*mut sys::stasis_message_type>,
    hear: Box<dyn Fn(&Message) + Send + Sync>,
}

/// A subscription: hears every message of some types on a topic, until dropped.
pub(crate) struct Messages {
    subscription: NonNull<sys::stasis_subscription>,
    /// What the PBX calls back with; ours again once it cannot any more.
    listener: *mut Listener,
}

// SAFETY: the PBX's subscription is an object of its own that any thread may end; the listener's function is Send and
// Sync, and its types are compared and never followed.
unsafe impl Send for Messages {}
// SAFETY: there is nothing to do with a shared one.
unsafe impl Sync for Messages {}

impl Messages {
    /// Subscribes; `None` if the PBX refuses. `hear` runs on a thread of the PBX and must not block.
    pub(crate) fn new(
        topic: *mut sys::stasis_topic,
        kinds: &[*mut sys::stasis_message_type],
        hear: impl Fn(&Message) + Send + Sync + 'static,
    ) -> Option<Messages> {
        let listener = Box::into_raw(Box::new(Listener {
            kinds: kinds.to_vec(),
            hear: Box::new(hear),
        }));
        // SAFETY: `listener` stays until the subscription has been joined; the topic is one of the PBX's.
        let subscription = unsafe {
            sys::__stasis_subscribe_pool(
                topic,
                Some(heard),
                listener.cast(),
                HERE.as_ptr(),
                line!() as c_int,
                HERE.as_ptr(),
            )
        };
        let Some(subscription) = NonNull::new(subscription) else {
            // SAFETY: the PBX has not taken it.
            drop(unsafe { Box::from_raw(listener) });
            return None;
        };
        // SAFETY: the subscription is alive. Without the filter we would hear more, and pass over it.
        unsafe {
            for kind in kinds {
                sys::stasis_subscription_accept_message_type(subscription.as_ptr(), *kind);
            }
            sys::stasis_subscription_set_filter(
                subscription.as_ptr(),
                sys::stasis_subscription_message_filter::STASIS_SUBSCRIPTION_FILTER_SELECTIVE,
            );
        }
        Some(Messages {
            subscription,
            listener,
        })
    }
}

impl Drop for Messages {
    fn drop(&mut self) {
        // SAFETY: ended once; after the join the PBX calls no more, and the listener is ours again.
        unsafe {
            sys::stasis_unsubscribe_and_join(self.subscription.as_ptr());
            drop(Box::from_raw(self.listener));
        }
    }
}

unsafe extern "C" fn heard(
    listener: *mut c_void,
    _subscription: *mut sys::stasis_subscription,
    message: *mut sys::stasis_message,
) {
    guard("a listener to the PBX's messages", (), || {
        // SAFETY: the PBX hands over what we subscribed with, and a message that lives during the call.
        let (listener, message) = unsafe {
            let message = Message {
                kind: sys::stasis_message_type(message),
                data: sys::stasis_message_data(message),
            };
            (&*listener.cast::<Listener>(), message)
        };
        // The end of the subscription is told in a message of a type of its own.
        if listener.kinds.contains(&message.kind) {
            (listener.hear)(&message);
        }
    });
}
