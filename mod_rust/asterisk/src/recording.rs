//! The PBX's own recorder, MixMonitor, on a channel.
//!
//! Each direction goes to a file of its own, of equal length: the recorder fills in silence. It writes on a thread of its own, and
//! nothing while the channel is in no conversation.

use asterisk_sys as sys;

use crate::channel::Channel;
use crate::manager;
use crate::sequence::Sequence;
use crate::text::c;

/// Where the recorder leaves its name for a recording.
const NAME: &str = "HOTLINE_RECORDING";

/// A channel being recorded. Dropped, it is recorded no more; the files are closed some time after that.
pub struct Recording {
    channel: Channel,
    /// The recorder's name for it.
    id: String,
    _sequence: Sequence,
}

/// Whether the PBX has its recorder, a module of its own.
pub fn available() -> bool {
    // SAFETY: the PBX looks the name up under a lock of its own; what it finds is not touched.
    unsafe { !sys::pbx_findapp(c"MixMonitor".as_ptr()).is_null() }
}

impl Channel {
    /// Records what comes from the channel's phone, and what goes to it, in these files; the extension is the format. It looks
    /// at the disk, so it is not for a thread that serves a call. `None` if the channel is gone, or the PBX refused, which it logs.
    #[must_use]
    pub fn record(&self, from: &str, to: &str) -> Option<Recording> {
        // The recorder hooks into a translator that is kept from one conversation to the next.
        let sequence = Sequence::of(self)?;
        let options = format!("bSr({from})t({to})i({NAME})");
        // SAFETY: the channel is referenced and not locked by us; the PBX copies the texts.
        let failed = unsafe { sys::ast_start_mixmonitor(self.as_ptr(), c"".as_ptr(), c(&options).as_ptr()) };
        if failed != 0 {
            return None;
        }
        let id = self.variable(NAME)?;
        Some(Recording {
            channel: self.clone(),
            id,
            _sequence: sequence,
        })
    }
}

impl Recording {
    /// Records silence from now on, or what is heard again.
    ///
    /// # Errors
    /// Why the recorder refused.
    pub fn pause(&self, on: bool) -> Result<(), String> {
        let state = if on { "1" } else { "0" };
        manager::action(
            "MixMonitorMute",
            &[
                ("Channel", &self.channel.name()),
                ("MixMonitorID", &self.id),
                ("Direction", "both"),
                ("State", state),
            ],
        )
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        // A channel that is gone has taken its recording along.
        // SAFETY: the channel is referenced and not locked by us.
        unsafe {
            sys::ast_stop_mixmonitor(self.channel.as_ptr(), c(&self.id).as_ptr());
        }
    }
}
