//! Who puts the other end of a conversation on hold, and takes it back.

use asterisk_sys as sys;

use crate::stasis::Messages;
use crate::text::owned;

/// Hears of every channel whose far end puts its conversation on hold or retrieves it, until dropped.
pub struct Subscription {
    _messages: Messages,
}

impl Subscription {
    /// Subscribes; `None` if the PBX refuses. The listener gets the channel's device (`PJSIP/a1001`), its unique id, and
    /// whether it holds now; it runs on a thread of the PBX and must not block. One subscription serves all channels, and
    /// costs nothing while nobody holds: the PBX passes over what is not asked for.
    pub fn new(listener: impl Fn(&str, &str, bool) + Send + Sync + 'static) -> Option<Subscription> {
        // SAFETY: topic and types are the PBX's own and live as long as it does.
        let (topic, held, retrieved) = unsafe {
            (
                sys::ast_channel_topic_all(),
                sys::ast_channel_hold_type(),
                sys::ast_channel_unhold_type(),
            )
        };
        let kinds = [held, retrieved];
        // A type's address is compared only.
        let held = held.addr();
        let messages = Messages::new(topic, &kinds, move |message| {
            // SAFETY: both types come with a channel's blob; it lives during the call, and so does its snapshot.
            let (name, id) = unsafe {
                let snapshot = (*message.data.cast::<sys::ast_channel_blob>()).snapshot;
                if snapshot.is_null() {
                    return;
                }
                let base = (*snapshot).base;
                (owned((*base).name), owned((*base).uniqueid))
            };
            let device = name.rsplit_once('-').map_or(&*name, |(device, _)| device);
            listener(device, &id, message.kind.addr() == held);
        })?;
        Some(Subscription { _messages: messages })
    }
}
