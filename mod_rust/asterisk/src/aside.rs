//! Sound files for who is on hold in a conversation, heard by nobody else in it.

use std::ffi::c_void;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use asterisk_sys as sys;

use crate::channel::{Channel, Locked};
use crate::datastore::Kind;
use crate::frame::{Frame, Waiter, Woken};
use crate::guard::guard;
use crate::player::{Player, Playing};
use crate::text::{c, owned};

/// Stays at a channel that was played to: the PBX may call into this module as long as it lives. True while a prompt plays.
static PLAYED: Kind<AtomicBool> = Kind::own(c"module_aside");

/// Between files. No path has it in it.
const BETWEEN: char = '\n';

/// Why nothing is played to who is on hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotPlayed {
    /// An earlier prompt still plays.
    Plays,
    /// The channel is in no conversation, or the PBX has no memory.
    NoPlace,
}

impl Channel {
    /// Plays sound files to a channel that is on hold, in place of its music, which goes on afterwards. It is over at once when the
    /// hold ends, when the channel leaves the conversation, and with the conversation, and when the channel itself presses a key,
    /// holds, retrieves, or signals anything else. Returns at once; the channel's own thread plays.
    ///
    /// # Errors
    /// See [`NotPlayed`].
    pub fn play_on_hold(&self, files: &[String]) -> Result<(), NotPlayed> {
        let plays = self.attach(&PLAYED, || AtomicBool::new(false));
        let plays = plays.ok_or(NotPlayed::NoPlace)?;
        // What is queued for a channel breaks a prompt off.
        if plays.load(Ordering::Acquire) {
            return Err(NotPlayed::Plays);
        }
        let files = files.join(&BETWEEN.to_string());
        // SAFETY: the channel is referenced; the PBX copies the text, and calls the function while the module is there.
        let failed = unsafe { sys::astsys_play_aside(self.as_ptr(), Some(play), c(&files).as_ptr()) };
        if failed == 0 {
            Ok(())
        } else {
            Err(NotPlayed::NoPlace)
        }
    }

    /// The class of the music on hold that it hears, if it does.
    pub(crate) fn music_heard(&self) -> Option<String> {
        let _locked = Locked::new(self);
        // SAFETY: the channel is locked, and so the string lives as long.
        unsafe {
            (sys::astsys_hears_music(self.as_ptr()) != 0)
                .then(|| owned(sys::ast_channel_latest_musicclass(self.as_ptr())))
        }
    }

    /// Whether the conversation holds it.
    fn on_hold(&self) -> bool {
        let _locked = Locked::new(self);
        // SAFETY: a read of one word, under the lock that guards it.
        let state = unsafe { sys::ast_channel_hold_state(self.as_ptr()) };
        u32::try_from(state) == Ok(sys::ast_control_frame_type::AST_CONTROL_HOLD)
    }
}

/// A prompt plays, as long as this lives.
struct Plays(Arc<AtomicBool>);

impl Plays {
    fn begin(channel: &Channel) -> Option<Plays> {
        let plays = channel.attached(&PLAYED)?;
        plays.store(true, Ordering::Release);
        Some(Plays(plays))
    }
}

impl Drop for Plays {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// On the thread that serves the channel in its conversation.
unsafe extern "C" fn play(place: *mut sys::ast_bridge_channel, files: *const c_void, _size: usize) {
    guard("a prompt for a channel on hold", (), || {
        // SAFETY: the PBX hands over the place of a channel that is served by this thread, and text that lives during the call.
        let (channel, files, fd) = unsafe {
            let Some(channel) = Channel::borrowed(sys::astsys_place_channel(place)) else {
                return;
            };
            let fd = BorrowedFd::borrow_raw(sys::astsys_place_fd(place));
            (channel, owned(files.cast()), fd)
        };
        // Asked for when the hold was just about to end.
        if !channel.on_hold() {
            return;
        }
        let _plays = Plays::begin(&channel);
        let music = channel.music_heard();
        if music.is_some() {
            channel.stop_music();
        }
        let mut player = Player::new(&channel, files.split(BETWEEN).map(str::to_owned));
        let mut waiter = Waiter::default();
        // SAFETY: the place is served by this thread. Whatever the conversation has for the channel, the end of the hold above all,
        // is done first.
        while unsafe { sys::astsys_place_is_wanted(place) } == 0 {
            let Playing::On(limit) = player.go_on() else { break };
            match waiter.wait([&channel], fd, limit) {
                Ok(Woken::Channel(_)) => match channel.read_unless_signalling() {
                    // The thread meets the hang-up again where it came from.
                    Frame::Hangup => return,
                    // As it does this: it is for the others in the conversation.
                    Frame::Control(_) | Frame::Dtmf(_) => break,
                    Frame::Other => {}
                },
                Ok(Woken::Fd | Woken::Spurious) => {}
                Err(_) => break,
            }
        }
        drop(player);
        if let Some(class) = music {
            channel.start_music(&class);
        }
    });
}
