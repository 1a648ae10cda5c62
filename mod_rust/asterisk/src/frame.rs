//! What comes out of a channel, and waiting for it.

use std::ffi::c_int;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use asterisk_sys as sys;
use sys::ast_control_frame_type as control;

use crate::Channel;

/// What a channel delivered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Frame {
    /// The other end is gone, or the channel was told to leave.
    Hangup,
    /// Signalling.
    Control(Control),
    /// A key was pressed and released.
    Dtmf(char),
    /// Voice and all else.
    Other,
}

/// Signalling that matters to a caller of a leg.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Control {
    /// The phone rings.
    Ringing,
    /// The phone was picked up.
    Answer,
    /// The phone is busy.
    Busy,
    /// No way to the phone.
    Congestion,
    /// Something else: a control code of the PBX.
    Other(i32),
}

/// Why a leg ended, as the network put it (Q.850).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HangupCause {
    /// Nobody said.
    NotSet,
    /// A normal end.
    NormalClearing,
    /// Busy.
    Busy,
    /// The phone rang, and nobody answered.
    NoAnswer,
    /// The phone did not even respond.
    NoResponse,
    /// Declined.
    Rejected,
    /// Another phone answered.
    AnsweredElsewhere,
    /// No such number, no route, out of order, congestion: a Q.850 cause.
    Unreachable(i32),
}

impl HangupCause {
    /// From the PBX's number.
    pub fn from_code(code: i32) -> HangupCause {
        match u32::try_from(code).unwrap_or(0) {
            0 => HangupCause::NotSet,
            sys::AST_CAUSE_NORMAL_CLEARING | sys::AST_CAUSE_NORMAL_UNSPECIFIED => HangupCause::NormalClearing,
            sys::AST_CAUSE_USER_BUSY => HangupCause::Busy,
            sys::AST_CAUSE_NO_ANSWER => HangupCause::NoAnswer,
            sys::AST_CAUSE_NO_USER_RESPONSE => HangupCause::NoResponse,
            sys::AST_CAUSE_CALL_REJECTED => HangupCause::Rejected,
            sys::AST_CAUSE_ANSWERED_ELSEWHERE => HangupCause::AnsweredElsewhere,
            _ => HangupCause::Unreachable(code),
        }
    }

    /// The PBX's number.
    pub fn code(self) -> i32 {
        let code = match self {
            HangupCause::NotSet => 0,
            HangupCause::NormalClearing => sys::AST_CAUSE_NORMAL_CLEARING,
            HangupCause::Busy => sys::AST_CAUSE_USER_BUSY,
            HangupCause::NoAnswer => sys::AST_CAUSE_NO_ANSWER,
            HangupCause::NoResponse => sys::AST_CAUSE_NO_USER_RESPONSE,
            HangupCause::Rejected => sys::AST_CAUSE_CALL_REJECTED,
            HangupCause::AnsweredElsewhere => sys::AST_CAUSE_ANSWERED_ELSEWHERE,
            HangupCause::Unreachable(code) => return code,
        };
        code as i32
    }

    /// What the PBX's records call a dialling that ended so.
    pub(crate) fn dial_status(self) -> &'static str {
        match self {
            HangupCause::Busy | HangupCause::Rejected => "BUSY",
            HangupCause::NoAnswer => "NOANSWER",
            HangupCause::NoResponse | HangupCause::Unreachable(_) | HangupCause::NotSet => "CHANUNAVAIL",
            HangupCause::NormalClearing | HangupCause::AnsweredElsewhere => "CANCEL",
        }
    }
}

/// What ended a wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Woken {
    /// The channel at this place has something to [`read`](Channel::read).
    Channel(usize),
    /// The file descriptor is readable.
    Fd,
    /// Nothing in particular: wait again.
    Spurious,
}

/// Waits on channels and a file descriptor together. Keeps its buffer, so that waiting allocates nothing.
#[derive(Default)]
pub struct Waiter {
    channels: Vec<*mut sys::ast_channel>,
}

impl Waiter {
    /// Sleeps until one of `channels` or `fd` has something, or until `limit` has passed, which is [`Woken::Spurious`]. The
    /// descriptor comes first. `channels` belong to the calling thread: nobody else reads them meanwhile.
    ///
    /// # Errors
    /// The system cannot wait; the caller must not try again for ever.
    pub fn wait<'a>(
        &mut self,
        channels: impl IntoIterator<Item = &'a Channel>,
        fd: BorrowedFd<'_>,
        limit: Option<Duration>,
    ) -> std::io::Result<Woken> {
        self.channels.clear();
        self.channels.extend(channels.into_iter().map(Channel::as_ptr));
        let mut fds = [fd.as_raw_fd()];
        let mut ready: c_int = -1;
        let mut exception: c_int = 0;
        // Weeks, and not for ever: only so is a failure told from a signal.
        let mut milliseconds = limit.map_or(c_int::MAX, |limit| {
            // Rounded up: not to wake just before.
            c_int::try_from(limit.as_millis() + 1).unwrap_or(c_int::MAX)
        });
        // SAFETY: each channel is referenced by its `Channel` for the whole call, and the lengths are true.
        let woken = unsafe {
            sys::ast_waitfor_nandfds(
                self.channels.as_mut_ptr(),
                self.channels.len() as c_int,
                fds.as_mut_ptr(),
                1,
                &mut exception,
                &mut ready,
                &mut milliseconds,
            )
        };
        if let Some(place) = self.channels.iter().position(|channel| *channel == woken) {
            return Ok(Woken::Channel(place));
        }
        if ready == fds[0] {
            return Ok(Woken::Fd);
        }
        if milliseconds < 0 {
            return Err(std::io::Error::other("the PBX cannot wait on the channel"));
        }
        Ok(Woken::Spurious)
    }
}

/// A frame in our hands, given back when dropped.
pub(crate) struct Received(pub(crate) *mut sys::ast_frame);

impl Received {
    pub(crate) fn typed(&self) -> Frame {
        // SAFETY: not null, and ours until dropped.
        let (kind, code) = unsafe { ((*self.0).frametype, (*self.0).subclass.integer) };
        typed(kind, code)
    }

    fn is_voice(&self) -> bool {
        // SAFETY: not null, and ours until dropped.
        unsafe { (*self.0).frametype == sys::ast_frame_type::AST_FRAME_VOICE }
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        // SAFETY: it came from `ast_read` and is freed once.
        unsafe { sys::ast_frame_free(self.0, 1) }
    }
}

impl Channel {
    /// Takes the next frame; blocks until there is one, so wait first.
    pub fn read(&self) -> Frame {
        // SAFETY: the channel is referenced; see `Received` for the frame.
        let received = unsafe { sys::ast_read(self.as_ptr()) };
        if received.is_null() {
            return Frame::Hangup;
        }
        Received(received).typed()
    }

    /// Takes the next frame, like [`read`](Self::read); voice goes on to `listener`, which hears it if the two have a common format or a
    /// way to translate, and if nothing plays to it.
    pub fn read_for(&self, listener: &Channel) -> Frame {
        // SAFETY: the channel is referenced; see `Received` for the frame.
        let received = unsafe { sys::ast_read(self.as_ptr()) };
        if received.is_null() {
            return Frame::Hangup;
        }
        let received = Received(received);
        if received.is_voice() {
            // SAFETY: both are valid; the PBX copies what it keeps. What cannot be written is lost, as on any line.
            unsafe { sys::ast_write(listener.as_ptr(), received.0) };
        }
        received.typed()
    }

    /// Takes the next frame, like [`read`](Self::read); a key or signalling is left to be read again. Of a key the PBX then makes a
    /// beginning of its own, since the real one was taken, so that others in the conversation hear it whole, a moment later.
    pub(crate) fn read_unless_signalling(&self) -> Frame {
        // SAFETY: the channel is referenced; see `Received` for the frame.
        let received = unsafe { sys::ast_read(self.as_ptr()) };
        if received.is_null() {
            return Frame::Hangup;
        }
        let received = Received(received);
        let frame = received.typed();
        match frame {
            Frame::Hangup | Frame::Control(_) | Frame::Dtmf(_) => {
                // SAFETY: the channel is referenced; the PBX queues a copy.
                unsafe { sys::ast_queue_frame_head(self.as_ptr(), received.0) };
            }
            Frame::Other => {}
        }
        frame
    }

    /// Waits for the next frame, for `limit` at most, and takes it; `None` if none came. The channel belongs to the calling
    /// thread.
    pub fn next(&self, limit: Option<Duration>) -> Option<Frame> {
        // Rounded up: not to wake just before.
        let milliseconds = limit.map_or(-1, |limit| {
            c_int::try_from(limit.as_millis() + 1).unwrap_or(c_int::MAX)
        });
        // SAFETY: the channel is referenced.
        let ready = unsafe { sys::ast_waitfor(self.as_ptr(), milliseconds) };
        match ready {
            0 => None,
            // A channel that cannot be waited for is as good as gone.
            ..0 => Some(Frame::Hangup),
            1.. => Some(self.read()),
        }
    }
}

fn typed(kind: sys::ast_frame_type::Type, code: i32) -> Frame {
    match kind {
        sys::ast_frame_type::AST_FRAME_CONTROL => match u32::try_from(code).unwrap_or(0) {
            control::AST_CONTROL_HANGUP => Frame::Hangup,
            control::AST_CONTROL_RINGING => Frame::Control(Control::Ringing),
            control::AST_CONTROL_ANSWER => Frame::Control(Control::Answer),
            control::AST_CONTROL_BUSY => Frame::Control(Control::Busy),
            control::AST_CONTROL_CONGESTION => Frame::Control(Control::Congestion),
            _ => Frame::Control(Control::Other(code)),
        },
        sys::ast_frame_type::AST_FRAME_DTMF_END => match u8::try_from(code) {
            Ok(key) => Frame::Dtmf(key.into()),
            Err(_) => Frame::Other,
        },
        _ => Frame::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_told_apart() {
        use sys::ast_frame_type::{AST_FRAME_CONTROL, AST_FRAME_DTMF_END, AST_FRAME_VOICE};
        assert_eq!(typed(AST_FRAME_CONTROL, 4), Frame::Control(Control::Answer));
        assert_eq!(typed(AST_FRAME_CONTROL, 1), Frame::Hangup);
        assert_eq!(typed(AST_FRAME_CONTROL, -1), Frame::Control(Control::Other(-1)));
        assert_eq!(typed(AST_FRAME_DTMF_END, i32::from(b'#')), Frame::Dtmf('#'));
        assert_eq!(typed(AST_FRAME_VOICE, 4), Frame::Other);
    }

    #[test]
    fn causes_are_told_apart() {
        assert_eq!(HangupCause::from_code(17), HangupCause::Busy);
        assert_eq!(HangupCause::from_code(21), HangupCause::Rejected);
        assert_eq!(HangupCause::from_code(20), HangupCause::Unreachable(20));
        assert_eq!(HangupCause::from_code(-1), HangupCause::NotSet);
        for code in [0, 16, 17, 18, 19, 20, 21, 26, 34] {
            assert_eq!(HangupCause::from_code(code).code(), code);
        }
    }
}
