//! What this module holds of the PBX now, counted by the PBX itself where it can.

use std::sync::atomic::{AtomicUsize, Ordering};

use asterisk_sys as sys;

use crate::channel::{Channel, Locked};
use crate::datastore;
use crate::tap::SOURCE;

/// Audio hooks of ours that exist, on a channel or not.
static HOOKS: AtomicUsize = AtomicUsize::new(0);

/// Counts an audio hook until dropped.
pub(crate) struct Counted(());

impl Counted {
    pub(crate) fn new() -> Counted {
        HOOKS.fetch_add(1, Ordering::AcqRel);
        Counted(())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        HOOKS.fetch_sub(1, Ordering::AcqRel);
    }
}

/// See the head of this file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Usage {
    /// Channels of the PBX, anybody's.
    pub channels: usize,
    /// Audio hooks of ours on them that hear.
    pub hearing: usize,
    /// Audio hooks of ours on them that speak.
    pub speaking: usize,
    /// Audio hooks that we have made and not ended.
    pub hooks: usize,
    /// Attached data and frame hooks of ours that channels hold.
    pub held: usize,
}

impl Usage {
    /// Asks every channel: not for a thread that is in a hurry.
    pub fn now() -> Usage {
        let (mut channels, mut hearing, mut speaking) = (0, 0, 0);
        // SAFETY: the iterator is ours until destroyed. Each channel comes with a reference that is ours; `borrowed` takes another
        // one, so that one is given back at once. Hooks are counted under the channel's lock.
        unsafe {
            let iterator = sys::ast_channel_iterator_all_new();
            while !iterator.is_null() {
                let next = sys::ast_channel_iterator_next(iterator);
                let Some(channel) = Channel::borrowed(next) else {
                    break;
                };
                crate::channel::reference(next.cast(), -1);
                let _locked = Locked::new(&channel);
                let count = |kind| {
                    let count =
                        sys::ast_channel_audiohook_count_by_source(channel.as_ptr(), SOURCE.as_ptr(), kind);
                    usize::try_from(count).unwrap_or(0)
                };
                channels += 1;
                hearing += count(sys::ast_audiohook_type::AST_AUDIOHOOK_TYPE_SPY);
                speaking += count(sys::ast_audiohook_type::AST_AUDIOHOOK_TYPE_WHISPER);
            }
            if !iterator.is_null() {
                sys::ast_channel_iterator_destroy(iterator);
            }
        }
        Usage {
            channels,
            hearing,
            speaking,
            hooks: HOOKS.load(Ordering::Acquire),
            held: datastore::held(),
        }
    }
}
