//! Channels: counted references, and what can be done with one.

use std::ffi::{CStr, c_int, c_void};
use std::ptr::NonNull;
use std::time::Duration;

use asterisk_sys as sys;

use crate::frame::HangupCause;
use crate::text::{c, owned};

/// A counted reference to a channel.
///
/// The channel is valid as long as this lives, also when it has been hung up meanwhile. It stays on the thread that
/// serves the channel, which is why it cannot be sent to another.
pub struct Channel(NonNull<sys::ast_channel>);

/// The channel is gone, or is to leave at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HungUp;

/// What the far end of a channel is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Indication {
    /// There is something to hear before anybody answers.
    Progress,
    /// It rings: a ringing tone.
    Ringing,
    /// Whatever was indicated is over.
    Stop,
}

/// What somebody keyed in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Digits {
    /// These, ended by `#`, by their number, or by the time running out.
    Keyed(String),
    /// None.
    None,
}

/// Holds a channel's lock.
pub(crate) struct Locked<'a>(&'a Channel);

impl<'a> Locked<'a> {
    pub(crate) fn new(channel: &'a Channel) -> Locked<'a> {
        // SAFETY: a channel is a lockable object of the PBX.
        unsafe {
            sys::__ao2_lock(
                channel.as_void(),
                sys::ao2_lock_req::AO2_LOCK_REQ_MUTEX,
                HERE.as_ptr(),
                HERE.as_ptr(),
                line!() as c_int,
                HERE.as_ptr(),
            );
        }
        Locked(channel)
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        // SAFETY: locked by `new` on this thread.
        unsafe {
            sys::__ao2_unlock(
                self.0.as_void(),
                HERE.as_ptr(),
                HERE.as_ptr(),
                line!() as c_int,
                HERE.as_ptr(),
            );
        }
    }
}

/// Where the PBX's debug output says that its objects were touched.
pub(crate) const HERE: &CStr = c"module";

/// Adds to the reference count of an object of the PBX.
///
/// # Safety
/// `object` is one, and a reference that `delta` takes away is the caller's own.
pub(crate) unsafe fn reference(object: *mut c_void, delta: c_int) {
    // SAFETY: the caller vouches for it.
    unsafe {
        sys::__ao2_ref(
            object,
            delta,
            c"".as_ptr(),
            HERE.as_ptr(),
            line!() as c_int,
            HERE.as_ptr(),
        );
    }
}

impl Clone for Channel {
    fn clone(&self) -> Channel {
        // SAFETY: we hold a reference, so the object is alive.
        unsafe { reference(self.as_void(), 1) };
        Channel(self.0)
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        // SAFETY: this reference is ours.
        unsafe { reference(self.as_void(), -1) };
    }
}

impl Channel {
    /// Another reference to a channel that the PBX shows us; `None` for null.
    ///
    /// # Safety
    /// `channel` is null or a channel that is alive during this call.
    pub(crate) unsafe fn borrowed(channel: *mut sys::ast_channel) -> Option<Channel> {
        let channel = NonNull::new(channel)?;
        // SAFETY: the caller vouches for it.
        unsafe { reference(channel.as_ptr().cast(), 1) };
        Some(Channel(channel))
    }

    /// The channel of that unique id, if it lives. Ids go with the phone: a channel that takes another's place in the
    /// PBX takes over its name and its id together.
    pub fn find(unique_id: &str) -> Option<Channel> {
        // The PBX finds channels by name in a table, but walks all of them for an id. Its snapshots it finds by id.
        let name = Channel::latest_name(unique_id)?;
        let is_it = |channel: &Channel| channel.unique_id() == unique_id;
        // A channel that is given another name at this very moment is worth the walk.
        Channel::by_name(&name)
            .filter(is_it)
            .or_else(|| Channel::by_name(unique_id))
    }

    /// The name that the PBX last published for an id; `None` once the channel is gone.
    fn latest_name(unique_id: &str) -> Option<String> {
        if unique_id.is_empty() {
            return None;
        }
        // SAFETY: the snapshot comes with a reference that is ours, given back below; its base and name live as long.
        unsafe {
            let snapshot = sys::ast_channel_snapshot_get_latest(c(unique_id).as_ptr());
            if snapshot.is_null() {
                return None;
            }
            let name = owned((*(*snapshot).base).name);
            reference(snapshot.cast(), -1);
            Some(name)
        }
    }

    /// The channel of that name or, failing that, of that id.
    fn by_name(name: &str) -> Option<Channel> {
        // SAFETY: the string outlives the call; the channel comes with a reference that is ours.
        unsafe { NonNull::new(sys::ast_channel_get_by_name(c(name).as_ptr())).map(Channel) }
    }

    pub(crate) fn as_ptr(&self) -> *mut sys::ast_channel {
        self.0.as_ptr()
    }

    fn as_void(&self) -> *mut c_void {
        self.0.as_ptr().cast()
    }

    /// Its name: `PJSIP/a0001-00000003`.
    pub fn name(&self) -> String {
        let _locked = Locked::new(self);
        // SAFETY: the name lives at least as long as the lock is held.
        unsafe { owned(sys::ast_channel_name(self.as_ptr())) }
    }

    /// Whether it is half of a way through the dialplan, which the PBX takes out of a conversation when it can.
    pub fn is_local(&self) -> bool {
        self.name().starts_with("Local/")
    }

    /// Its id, unique on this PBX.
    pub fn unique_id(&self) -> String {
        let _locked = Locked::new(self);
        // SAFETY: as for the name.
        unsafe { owned(sys::ast_channel_uniqueid(self.as_ptr())) }
    }

    /// The device it belongs to: `PJSIP/a0001`.
    pub fn device(&self) -> String {
        let mut name = [0; 512];
        // SAFETY: the length is true.
        let found = unsafe { sys::ast_channel_get_device_name(self.as_ptr(), name.as_mut_ptr(), name.len()) };
        if found == 0 {
            // SAFETY: the PBX ended it with a NUL.
            return unsafe { owned(name.as_ptr()) };
        }
        let name = self.name();
        name.rsplit_once('-')
            .map_or(name.as_str(), |(device, _)| device)
            .to_owned()
    }

    /// Whether it is answered.
    pub fn is_up(&self) -> bool {
        // SAFETY: a read of one word.
        unsafe { sys::ast_channel_state(self.as_ptr()) == sys::ast_channel_state::AST_STATE_UP }
    }

    /// Whether it is gone or told to leave.
    pub fn hung_up(&self) -> bool {
        // SAFETY: a read of one word.
        unsafe { sys::ast_check_hangup(self.as_ptr()) != 0 }
    }

    /// Whether it was sent elsewhere in the dialplan: it looks hung up to its application, and is not.
    pub fn redirected(&self) -> bool {
        let _locked = Locked::new(self);
        // SAFETY: a read of one word, under the lock that guards it.
        let flags = unsafe { sys::ast_channel_softhangup_internal_flag(self.as_ptr()) };
        flags & sys::AST_SOFTHANGUP_ASYNCGOTO as c_int != 0
    }

    /// Whether it runs the dialplan on its own.
    pub fn in_dialplan(&self) -> bool {
        // SAFETY: a read of one word.
        unsafe { !sys::ast_channel_pbx(self.as_ptr()).is_null() }
    }

    /// Whether it is in a conversation of two. Must be asked without any lock of the PBX.
    pub fn in_conversation(&self) -> bool {
        self.peer().is_some()
    }

    /// The other one of a conversation of two. Must be asked without any lock of the PBX.
    pub fn peer(&self) -> Option<Channel> {
        // SAFETY: the channel is referenced; the peer comes with a reference, which `Channel` gives back.
        unsafe { NonNull::new(sys::ast_channel_bridge_peer(self.as_ptr())) }.map(Channel)
    }

    /// The number of who is at its far end; empty if unknown or withheld.
    pub fn caller_number(&self) -> String {
        let _locked = Locked::new(self);
        // SAFETY: the party is part of the channel and guarded by the lock we hold.
        unsafe {
            let number = &(*sys::ast_channel_caller(self.as_ptr())).id.number;
            if number.valid == 0 {
                String::new()
            } else {
                owned(number.str_)
            }
        }
    }

    /// Why the far end hung up.
    pub fn hangup_cause(&self) -> HangupCause {
        // SAFETY: a read of one word.
        HangupCause::from_code(unsafe { sys::ast_channel_hangupcause(self.as_ptr()) })
    }

    /// Whether the far end wants its calls sent elsewhere.
    pub fn forwarded(&self) -> bool {
        let _locked = Locked::new(self);
        // SAFETY: as for the name.
        !unsafe { owned(sys::ast_channel_call_forward(self.as_ptr())) }.is_empty()
    }

    /// Answers, if it is not up; does not wait for media.
    ///
    /// # Errors
    /// The channel is gone.
    pub fn answer(&self) -> Result<(), HungUp> {
        // SAFETY: the channel is referenced.
        if self.is_up() || unsafe { sys::ast_raw_answer(self.as_ptr()) } == 0 {
            Ok(())
        } else {
            Err(HungUp)
        }
    }

    /// Starts music on hold of a class; an empty class is the PBX's default. False if there is no music to play.
    pub fn start_music(&self, class: &str) -> bool {
        let class = c(class);
        let class = if class.is_empty() {
            std::ptr::null()
        } else {
            class.as_ptr()
        };
        // SAFETY: the channel is referenced, and the class outlives the call.
        unsafe { sys::ast_moh_start(self.as_ptr(), class, std::ptr::null()) == 0 }
    }

    /// Stops music on hold.
    pub fn stop_music(&self) {
        // SAFETY: the channel is referenced.
        unsafe { sys::ast_moh_stop(self.as_ptr()) }
    }

    /// Tells the far end what goes on.
    pub fn indicate(&self, what: Indication) {
        let condition = match what {
            Indication::Progress => sys::ast_control_frame_type::AST_CONTROL_PROGRESS as c_int,
            Indication::Ringing => sys::ast_control_frame_type::AST_CONTROL_RINGING as c_int,
            Indication::Stop => -1,
        };
        // SAFETY: the channel is referenced. A channel that cannot indicate is no failure.
        unsafe {
            sys::ast_indicate(self.as_ptr(), condition);
        }
    }

    /// A channel variable; `None` if unset. Global variables count, as everywhere in the dialplan.
    pub fn variable(&self, name: &str) -> Option<String> {
        let name = c(name);
        let _locked = Locked::new(self);
        // SAFETY: the value lives as long as the lock is held.
        unsafe {
            let value = sys::pbx_builtin_getvar_helper(self.as_ptr(), name.as_ptr());
            if value.is_null() { None } else { Some(owned(value)) }
        }
    }

    /// Sets a channel variable.
    pub fn set_variable(&self, name: &str, value: &str) {
        // SAFETY: the PBX copies both. It fails only without memory, and logs that itself.
        unsafe {
            sys::pbx_builtin_setvar_helper(self.as_ptr(), c(name).as_ptr(), c(value).as_ptr());
        }
    }

    /// Shows this name to the far end as that of the other party, from its next ringing on.
    pub fn show_name(&self, name: &str) {
        let name = c(name);
        // SAFETY: the party is initialised from the channel's own under its lock and borrows from nothing but `name`; the PBX
        // copies what it takes, and locks the channel itself.
        unsafe {
            let mut party = std::mem::MaybeUninit::<sys::ast_party_connected_line>::zeroed();
            {
                let _locked = Locked::new(self);
                sys::ast_party_connected_line_set_init(
                    party.as_mut_ptr(),
                    sys::ast_channel_connected(self.as_ptr()),
                );
            }
            let shown = &mut (*party.as_mut_ptr()).id.name;
            shown.valid = 1;
            shown.str_ = name.as_ptr().cast_mut();
            sys::ast_channel_set_connected_line(self.as_ptr(), party.as_ptr(), std::ptr::null());
        }
    }

    /// Plays a sound file of the PBX to its end. A missing file is logged by the PBX and passed over.
    ///
    /// # Errors
    /// The channel hung up.
    pub fn play(&self, file: &str) -> Result<(), HungUp> {
        let language = self.language();
        // SAFETY: the channel is referenced, and strings outlive the calls.
        let heard = unsafe {
            if sys::ast_streamfile(self.as_ptr(), c(file).as_ptr(), c(&language).as_ptr()) == 0 {
                let heard = sys::ast_waitstream(self.as_ptr(), c"".as_ptr());
                sys::ast_stopstream(self.as_ptr());
                heard
            } else {
                0
            }
        };
        if heard < 0 || self.hung_up() {
            Err(HungUp)
        } else {
            Ok(())
        }
    }

    /// Plays a prompt and reads up to `most` digits; `#` ends them. The time is the PBX's default. A missing prompt is
    /// logged by the PBX, and the digits are read without.
    ///
    /// # Errors
    /// The channel hung up.
    pub fn read_digits(&self, prompt: &str, most: usize) -> Result<Digits, HungUp> {
        self.read_digits_within(prompt, most, Duration::ZERO)
    }

    /// The same, with so much time behind the prompt for each digit; none is the PBX's default. Several prompts have `&` between
    /// them.
    ///
    /// # Errors
    /// The channel hung up.
    pub fn read_digits_within(&self, prompt: &str, most: usize, time: Duration) -> Result<Digits, HungUp> {
        match self.digits(prompt, most, time) {
            Err(HungUp) if !self.hung_up() => self.digits("", most, time),
            outcome => outcome,
        }
    }

    fn digits(&self, prompt: &str, most: usize, time: Duration) -> Result<Digits, HungUp> {
        let mut digits = vec![0; most + 1];
        let time = c_int::try_from(time.as_millis()).unwrap_or(c_int::MAX);
        // SAFETY: the buffer holds `most` digits and a NUL; a timeout of zero is the default.
        let outcome = unsafe {
            sys::ast_app_getdata(
                self.as_ptr(),
                c(prompt).as_ptr(),
                digits.as_mut_ptr(),
                most as c_int,
                time,
            )
        };
        if outcome == sys::ast_getdata_result::AST_GETDATA_FAILED || self.hung_up() {
            return Err(HungUp);
        }
        // SAFETY: the PBX ended it with a NUL.
        let digits = unsafe { owned(digits.as_ptr()) };
        Ok(if digits.is_empty() {
            Digits::None
        } else {
            Digits::Keyed(digits)
        })
    }
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Channel").field(&self.name()).finish()
    }
}
