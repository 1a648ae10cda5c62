//! Sound files for a channel whose thread waits for other things meanwhile.

use std::collections::VecDeque;
use std::time::Duration;

use asterisk_sys as sys;

use crate::channel::{Channel, HungUp, Locked};
use crate::frame::Frame;
use crate::text::{c, owned};

/// Plays sound files to a channel, one after the other. It plays while the channel's thread waits on the channel and
/// [reads](Channel::read) it, and stops when dropped. Music must have been stopped.
pub struct Player<'a> {
    channel: &'a Channel,
    language: String,
    files: VecDeque<String>,
    playing: bool,
}

/// How it goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Playing {
    /// It plays: look again after the next wait, which must not last longer than this.
    On(Option<Duration>),
    /// Everything was played.
    Over,
}

impl Playing {
    /// Within what time it must be served again, if it must.
    pub fn due_in(self) -> Option<Duration> {
        match self {
            Playing::On(limit) => limit,
            Playing::Over => None,
        }
    }
}

impl<'a> Player<'a> {
    /// Begins with the first [`go_on`](Self::go_on). Files are searched in the channel's language, unless their path is
    /// absolute.
    pub fn new(channel: &'a Channel, files: impl IntoIterator<Item = String>) -> Player<'a> {
        Player {
            channel,
            language: channel.language(),
            files: files.into_iter().collect(),
            playing: false,
        }
    }

    /// Plays what is due; to be called after every wait on the channel. A file that is missing is logged by the PBX and passed
    /// over.
    pub fn go_on(&mut self) -> Playing {
        loop {
            if self.playing {
                if let Some(wait) = self.serve() {
                    return Playing::On(wait);
                }
                self.stop();
            }
            let Some(file) = self.files.pop_front() else {
                return Playing::Over;
            };
            // SAFETY: the channel is referenced, and strings outlive the call.
            let begun = unsafe {
                sys::ast_streamfile(
                    self.channel.as_ptr(),
                    c(&file).as_ptr(),
                    c(&self.language).as_ptr(),
                )
            };
            // What was opened and could not be begun is closed the same way.
            self.playing = true;
            if begun != 0 {
                self.stop();
            }
        }
    }

    /// Plays everything that is left. Blocks so long.
    ///
    /// # Errors
    /// The far end hung up.
    pub fn finish(mut self) -> Result<(), HungUp> {
        while let Playing::On(limit) = self.go_on() {
            if self.channel.next(limit) == Some(Frame::Hangup) {
                return Err(HungUp);
            }
        }
        Ok(())
    }

    /// Plays on; the longest time until it must be served again, or `None` at the end of the file.
    fn serve(&self) -> Option<Option<Duration>> {
        let channel = self.channel.as_ptr();
        // SAFETY: the channel is referenced, and its thread is ours: nobody else plays to it. Its scheduler lives as long
        // as it does.
        unsafe {
            let scheduler = sys::ast_channel_sched(channel);
            sys::ast_sched_runq(scheduler);
            // The file is driven by the channel's clock, which wakes whoever waits on the channel, or else by the channel's
            // scheduler. At its end it is driven by neither.
            if sys::ast_channel_stream(channel).is_null() {
                return None;
            }
            if sys::ast_channel_timingfunc(channel).is_some() {
                return Some(None);
            }
            if sys::ast_channel_streamid(channel) < 0 {
                return None;
            }
            let milliseconds = sys::ast_sched_wait(scheduler);
            Some(u64::try_from(milliseconds).ok().map(Duration::from_millis))
        }
    }

    fn stop(&mut self) {
        if std::mem::take(&mut self.playing) {
            // SAFETY: the channel is referenced. Without a stream it does nothing.
            unsafe {
                sys::ast_stopstream(self.channel.as_ptr());
            }
        }
    }
}

impl Drop for Player<'_> {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Channel {
    /// The language that its far end hears: `en`, `zh_CN`.
    pub fn language(&self) -> String {
        let _locked = Locked::new(self);
        // SAFETY: the string lives at least as long as the lock is held.
        unsafe { owned(sys::ast_channel_language(self.as_ptr())) }
    }
}
