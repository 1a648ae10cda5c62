//! Calls that the PBX places by itself, for nobody who waits on a channel.

use std::ffi::c_int;
use std::ops::Deref;

use asterisk_sys as sys;

use crate::channel::{Channel, HERE, Locked, reference};
use crate::conversation::Conversation;
use crate::frame::HangupCause;
use crate::leg::BothLocked;
use crate::text::c;

/// A call placed by the PBX, and the duty to hang it up, which is done when this is dropped at the latest.
pub struct Outgoing {
    channel: Channel,
    /// The hang-up is still to be done here.
    ours: bool,
}

impl Deref for Outgoing {
    type Target = Channel;
    fn deref(&self) -> &Channel {
        &self.channel
    }
}

impl Outgoing {
    /// Calls a dial string. To the dialplan, whoever answers is a caller with this number. `prepare` sees the channel before the
    /// far end does. The far end rings by itself from here on: [`read`](Channel::read) tells what it does.
    ///
    /// # Errors
    /// Why it could not even be called.
    pub fn dial(
        dial_string: &str,
        number: &str,
        prepare: impl FnOnce(&Channel),
    ) -> Result<Outgoing, HangupCause> {
        let (technology, address) = dial_string.split_once('/').unwrap_or((dial_string, ""));
        Outgoing::request(technology, address)?.place(dial_string, address, number, prepare)
    }

    /// The same for somebody who talks already, in whose formats the far end is to speak.
    ///
    /// # Errors
    /// Why it could not even be called.
    pub fn dial_for(
        talks: &Channel,
        dial_string: &str,
        number: &str,
        prepare: impl FnOnce(&Channel),
    ) -> Result<Outgoing, HangupCause> {
        let (technology, address) = dial_string.split_once('/').unwrap_or((dial_string, ""));
        let formats = {
            let _locked = Locked::new(talks);
            // SAFETY: under the lock the channel's formats cannot be replaced while we take a reference.
            unsafe {
                let formats = sys::ast_channel_nativeformats(talks.as_ptr());
                reference(formats.cast(), 1);
                formats
            }
        };
        // SAFETY: the reference is given over.
        unsafe { Outgoing::request_as(technology, address, formats) }?.place(
            dial_string,
            address,
            number,
            prepare,
        )
    }

    fn place(
        self,
        dial_string: &str,
        address: &str,
        number: &str,
        prepare: impl FnOnce(&Channel),
    ) -> Result<Outgoing, HangupCause> {
        let call = self;
        call.introduce(number);
        prepare(&call);
        // SAFETY: the channel is referenced, and the address outlives the call.
        if unsafe { sys::ast_call(call.as_ptr(), c(address).as_ptr(), 0) } != 0 {
            return Err(call.hangup_cause());
        }
        call.publish(Some(dial_string), None);
        Ok(call)
    }

    fn request(technology: &str, address: &str) -> Result<Outgoing, HangupCause> {
        // SAFETY: strings are static; the formats come with a reference, which is given over.
        unsafe {
            let formats = sys::__ast_format_cap_alloc(
                sys::ast_format_cap_flags::AST_FORMAT_CAP_FLAG_DEFAULT,
                c"".as_ptr(),
                HERE.as_ptr(),
                line!() as c_int,
                HERE.as_ptr(),
            );
            if formats.is_null() {
                return Err(HangupCause::NotSet);
            }
            // What the PBX itself asks for where nobody is there to ask: every codec leads to it, where not all lead to each other.
            sys::__ast_format_cap_append(
                formats,
                sys::ast_format_slin,
                0,
                c"".as_ptr(),
                HERE.as_ptr(),
                line!() as c_int,
                HERE.as_ptr(),
            );
            Outgoing::request_as(technology, address, formats)
        }
    }

    /// # Safety
    /// The formats are the PBX's, with a reference that is the callee's from here on.
    unsafe fn request_as(
        technology: &str,
        address: &str,
        formats: *mut sys::ast_format_cap,
    ) -> Result<Outgoing, HangupCause> {
        let mut cause: c_int = 0;
        // SAFETY: strings and formats outlive the call; our reference to the formats is given back once. The new channel
        // comes with a reference that is the PBX's, until it is hung up.
        let channel = unsafe {
            let channel = sys::ast_request(
                c(technology).as_ptr(),
                formats,
                std::ptr::null(),
                std::ptr::null(),
                c(address).as_ptr(),
                &mut cause,
            );
            reference(formats.cast(), -1);
            Channel::borrowed(channel)
        };
        channel
            .map(|channel| Outgoing { channel, ours: true })
            .ok_or_else(|| HangupCause::from_code(cause))
    }

    /// Says who is at the far end, and what the channel is for.
    fn introduce(&self, number: &str) {
        let number = c(number);
        // SAFETY: the channel is referenced, and the PBX copies the strings. It takes the channel's lock itself for the first.
        unsafe {
            sys::ast_set_callerid(self.as_ptr(), number.as_ptr(), std::ptr::null(), number.as_ptr());
            let _locked = Locked::new(self);
            sys::ast_channel_appl_set(self.as_ptr(), c"AppDial2".as_ptr());
            sys::ast_channel_data_set(self.as_ptr(), c"(Outgoing Line)".as_ptr());
            sys::astsys_set_originated(self.as_ptr());
        }
    }

    /// Tells the PBX's records how the dialling goes: the dial string for its beginning.
    fn publish(&self, dial_string: Option<&str>, status: Option<&str>) {
        let dial_string = dial_string.map(c);
        let status = status.map(c);
        let _locked = Locked::new(self);
        // SAFETY: the channel is locked, and strings outlive the call.
        unsafe {
            sys::ast_channel_publish_dial(
                std::ptr::null_mut(),
                self.as_ptr(),
                dial_string
                    .as_deref()
                    .map_or(std::ptr::null(), |text| text.as_ptr()),
                status.as_deref().map_or(std::ptr::null(), |text| text.as_ptr()),
            );
        }
    }

    /// Hangs up a call that nobody answered.
    pub fn failed(self, cause: HangupCause) {
        self.publish(None, Some(cause.dial_status()));
    }

    /// Stops calling.
    pub fn cancel(self) {
        self.publish(None, Some("CANCEL"));
    }

    /// It was answered: whoever did goes on in the dialplan, at the first priority of an extension, on a thread of the PBX.
    /// False if the PBX takes no more calls; it is hung up then.
    pub fn run_dialplan(mut self, context: &str, extension: &str) -> bool {
        self.publish(None, Some("ANSWER"));
        {
            let (context, extension) = (c(context), c(extension));
            let _locked = Locked::new(&self.channel);
            // SAFETY: the channel is locked, and the PBX copies the strings.
            unsafe {
                sys::ast_channel_context_set(self.channel.as_ptr(), context.as_ptr());
                sys::ast_channel_exten_set(self.channel.as_ptr(), extension.as_ptr());
                sys::ast_channel_priority_set(self.channel.as_ptr(), 1);
            }
        }
        // SAFETY: the channel was requested by us and neither hung up nor given away. The PBX takes the reference that came
        // with it if it starts.
        let started =
            unsafe { sys::ast_pbx_start(self.channel.as_ptr()) } == sys::ast_pbx_result::AST_PBX_SUCCESS;
        self.ours = !started;
        started
    }
}

impl Outgoing {
    /// Makes whoever answers a guest of what that channel is in: variables, data and accounts are inherited, and the far end is shown that
    /// channel's number. Before it rings.
    pub fn belongs_to(channel: &Channel, caller: &Channel) {
        let _locked = BothLocked::new(channel, caller);
        let (line, caller) = (channel.as_ptr(), caller.as_ptr());
        // SAFETY: both channels are referenced and locked, and the PBX copies what it takes.
        unsafe {
            sys::ast_connected_line_copy_from_caller(
                sys::ast_channel_connected(line),
                sys::ast_channel_caller(caller),
            );
            sys::ast_channel_inherit_variables(caller, line);
            sys::ast_channel_datastore_inherit(caller, line);
            let class = sys::ast_channel_musicclass(caller);
            if !class.is_null() && *class != 0 {
                sys::ast_channel_musicclass_set(line, class);
            }
        }
    }

    /// It was answered: whoever did is in that conversation from now on, and the PBX's to hang up. False if that is over; it is hung up
    /// then.
    #[must_use]
    pub fn join(mut self, conversation: &Conversation) -> bool {
        self.publish(None, Some("ANSWER"));
        let joined = conversation.admit(&self.channel);
        self.ours = !joined;
        joined
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        if std::mem::take(&mut self.ours) {
            // SAFETY: the channel was requested by us and neither hung up nor given away. The PBX takes the reference that
            // came with the channel; ours keeps it valid.
            unsafe { sys::ast_hangup(self.channel.as_ptr()) }
        }
    }
}

impl Channel {
    /// Tells whoever serves the channel that it is to leave.
    pub fn ask_to_hang_up(&self) {
        // SAFETY: the channel is referenced and not locked by us. It fails only if the channel is on its way out already.
        unsafe {
            sys::ast_softhangup(self.as_ptr(), sys::AST_SOFTHANGUP_EXPLICIT as c_int);
        }
    }
}
