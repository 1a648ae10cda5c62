//! Places of the dialplan, and where a channel goes on there.

use std::ffi::c_int;
use std::time::{Duration, Instant};

use asterisk_sys as sys;

use crate::channel::{Channel, Locked};
use crate::frame::{Frame, HangupCause};
use crate::text::{c, owned};

/// Whether the dialplan has the first priority of an extension, for any caller.
pub fn exists(context: &str, extension: &str) -> bool {
    // SAFETY: no channel, and the strings outlive the call.
    unsafe {
        sys::ast_exists_extension(
            std::ptr::null_mut(),
            c(context).as_ptr(),
            c(extension).as_ptr(),
            1,
            std::ptr::null(),
        ) != 0
    }
}

/// Where a channel is.
pub(crate) struct Position {
    context: String,
    extension: String,
    priority: c_int,
}

impl Channel {
    /// Lets the channel go on at a place, written as for Goto(), once its application is over. False if there is no such
    /// place: the channel goes on where it is then. Only for the thread that runs the application.
    pub fn go_to(&self, place: &str) -> bool {
        self.move_to(place).is_some()
    }

    /// Puts the channel at a place where a dialplan of its own begins, written as for Goto(); where it was, for
    /// [`return_to`](Self::return_to). `None` if there is no such place: it is where it was then.
    pub(crate) fn visit(&self, place: &str) -> Option<Position> {
        let before = self.move_to(place)?;
        let _locked = Locked::new(self);
        // SAFETY: the channel is locked. Within an application the priority is one less than the next.
        unsafe {
            let next = sys::ast_channel_priority(self.as_ptr()) + sys::astsys_in_dialplan_loop(self.as_ptr());
            sys::ast_channel_priority_set(self.as_ptr(), next);
        }
        Some(before)
    }

    /// Puts the channel back to where it was.
    pub(crate) fn return_to(&self, before: &Position) {
        let (context, extension) = (c(&before.context), c(&before.extension));
        let _locked = Locked::new(self);
        // SAFETY: the channel is locked, and the PBX copies the strings.
        unsafe {
            sys::ast_channel_context_set(self.as_ptr(), context.as_ptr());
            sys::ast_channel_exten_set(self.as_ptr(), extension.as_ptr());
            sys::ast_channel_priority_set(self.as_ptr(), before.priority);
        }
    }

    /// Where it was before; `None` if it still is there.
    fn move_to(&self, place: &str) -> Option<Position> {
        let before = self.position();
        // SAFETY: the channel is referenced, and the place outlives the call.
        let understood = unsafe { sys::ast_parseable_goto(self.as_ptr(), c(place).as_ptr()) } == 0;
        if understood && self.is_somewhere() {
            return Some(before);
        }
        self.return_to(&before);
        None
    }

    fn position(&self) -> Position {
        let _locked = Locked::new(self);
        // SAFETY: the strings live as long as the lock is held.
        unsafe {
            Position {
                context: owned(sys::ast_channel_context(self.as_ptr())),
                extension: owned(sys::ast_channel_exten(self.as_ptr())),
                priority: sys::ast_channel_priority(self.as_ptr()),
            }
        }
    }

    /// Whether the dialplan has the place where the channel goes on.
    fn is_somewhere(&self) -> bool {
        let number = self.caller_number();
        let at = self.position();
        // SAFETY: the channel is referenced, and strings outlive the calls. While the dialplan runs it, the priority is one
        // less than the next.
        unsafe {
            let next = at.priority + sys::astsys_in_dialplan_loop(self.as_ptr());
            let number = c(&number);
            sys::ast_exists_extension(
                self.as_ptr(),
                c(&at.context).as_ptr(),
                c(&at.extension).as_ptr(),
                next,
                if number.is_empty() {
                    std::ptr::null()
                } else {
                    number.as_ptr()
                },
            ) != 0
        }
    }

    /// Lets the far end hear that the line is busy until it hangs up, or until `limit` has passed; the channel must be hung up
    /// then. Blocks so long.
    pub fn busy(&self, limit: Duration) {
        // SAFETY: the channel is referenced. A channel that cannot indicate is no failure.
        unsafe {
            sys::ast_indicate(
                self.as_ptr(),
                sys::ast_control_frame_type::AST_CONTROL_BUSY as c_int,
            );
        }
        self.idle(limit);
        self.set_hangup_cause(HangupCause::Busy);
    }

    /// Reads the channel, so that it hears what plays, until it hangs up or until `limit` has passed. Blocks so long.
    pub fn idle(&self, limit: Duration) {
        let end = Instant::now() + limit;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if self.next(Some(left)) == Some(Frame::Hangup) || left.is_zero() {
                return;
            }
        }
    }

    /// Why it will be hung up, for the far end. Of a channel that is not answered the network makes a code of its own of it.
    pub fn set_hangup_cause(&self, cause: HangupCause) {
        let _locked = Locked::new(self);
        // SAFETY: the channel is locked.
        unsafe { sys::ast_channel_hangupcause_set(self.as_ptr(), cause.code()) }
    }

    /// Sets a function of the dialplan, as `Set(NAME(arguments)=value)` does. Only for the thread that serves the channel: functions
    /// of drivers look at what is the driver's own without a lock. False if the PBX has none of that name, or it
    /// refuses; the log says why.
    pub fn set_function(&self, function: &str, value: &str) -> bool {
        // SAFETY: the channel is referenced and not locked by us; the PBX copies what it keeps of the strings.
        unsafe { sys::ast_func_write(self.as_ptr(), c(function).as_ptr(), c(value).as_ptr()) == 0 }
    }
}
