//! Legs: channels that this module dials, rings and bridges with the channel they were dialled for.

use std::ffi::{CStr, c_char, c_int};
use std::ops::Deref;

use asterisk_sys as sys;

use crate::channel::{Channel, HERE, Locked, reference};
use crate::frame::HangupCause;
use crate::text::{c, owned};

/// A dialled channel, and the duty to hang it up, which is done when this is dropped at the latest.
pub struct Leg {
    channel: Channel,
    /// For whom it was dialled: the PBX's call records want to know.
    caller: Channel,
    /// The driver knows no number of the phone, so there is none to show to the caller.
    number_unknown: bool,
    /// The hang-up is still to be done here.
    ours: bool,
}

impl Deref for Leg {
    type Target = Channel;
    fn deref(&self) -> &Channel {
        &self.channel
    }
}

/// Who may do what during a bridge: the keys of features.conf, as options of Dial().
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Features {
    caller: u32,
    leg: u32,
}

impl Features {
    /// Letters that [`add`](Self::add) knows.
    pub const LETTERS: &'static str = "hHkKtTwWxX";

    /// Allows what a letter of Dial()'s options means: small for the dialled leg, capital for the caller. `t`
    /// transfer, `h` hang up, `k` park, `w` and `x` record. False for any other letter.
    pub fn add(&mut self, letter: char) -> bool {
        let feature = match letter.to_ascii_lowercase() {
            't' => sys::AST_FEATURE_REDIRECT,
            'h' => sys::AST_FEATURE_DISCONNECT,
            'k' => sys::AST_FEATURE_PARKCALL,
            'w' => sys::AST_FEATURE_AUTOMON,
            'x' => sys::AST_FEATURE_AUTOMIXMON,
            _ => return false,
        };
        if letter.is_ascii_uppercase() {
            self.caller |= feature;
        } else {
            self.leg |= feature;
        }
        true
    }
}

/// Who ended a bridge.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BridgeEnd {
    /// The caller hung up.
    Caller,
    /// The leg hung up, or sent the caller elsewhere; or the PBX could not bridge them.
    Leg,
}

/// Holds the locks of two channels.
pub(crate) struct BothLocked<'a>(&'a Channel, &'a Channel);

impl<'a> BothLocked<'a> {
    pub(crate) fn new(one: &'a Channel, two: &'a Channel) -> BothLocked<'a> {
        // SAFETY: both are lockable objects of the PBX, which orders the two locks.
        unsafe { sys::astsys_lock_both(one.as_ptr(), two.as_ptr()) };
        BothLocked(one, two)
    }
}

impl Drop for BothLocked<'_> {
    fn drop(&mut self) {
        for channel in [self.0, self.1] {
            // SAFETY: locked by `new` on this thread.
            unsafe {
                sys::__ao2_unlock(
                    channel.as_ptr().cast(),
                    HERE.as_ptr(),
                    HERE.as_ptr(),
                    line!() as c_int,
                    HERE.as_ptr(),
                );
            }
        }
    }
}

impl Leg {
    /// Rings a dial string (`PJSIP/a1001`) for a caller, as Dial() would: variables, datastores, accounts and music
    /// class are inherited, and the phone shows the caller. `prepare` sees the leg before the phone does, and what it
    /// returns comes back with the leg. The phone rings by itself from here on: [`read`](Channel::read) tells what it
    /// does.
    ///
    /// # Errors
    /// Why it could not even be called.
    pub fn dial<T>(
        caller: &Channel,
        dial_string: &str,
        prepare: impl FnOnce(&Channel) -> T,
    ) -> Result<(Leg, T), HangupCause> {
        let (technology, address) = dial_string.split_once('/').unwrap_or((dial_string, ""));
        let mut leg = Leg::request(caller, technology, address)?;
        leg.inherit();
        leg.set_variable("DIALEDPEERNUMBER", address);
        let prepared = prepare(&leg.channel);
        // SAFETY: the channel is referenced, and the address outlives the call.
        if unsafe { sys::ast_call(leg.as_ptr(), c(address).as_ptr(), 0) } != 0 {
            return Err(leg.hangup_cause());
        }
        leg.publish(Some(dial_string), None);
        Ok((leg, prepared))
    }

    fn request(caller: &Channel, technology: &str, address: &str) -> Result<Leg, HangupCause> {
        let formats = {
            let _locked = Locked::new(caller);
            // SAFETY: under the lock the channel's formats cannot be replaced while we take a reference.
            unsafe {
                let formats = sys::ast_channel_nativeformats(caller.as_ptr());
                reference(formats.cast(), 1);
                formats
            }
        };
        let mut cause: c_int = 0;
        // SAFETY: strings and formats outlive the call; our reference to the formats is given back once. The new
        // channel comes with a reference that is ours.
        let channel = unsafe {
            let channel = sys::ast_request(
                c(technology).as_ptr(),
                formats,
                std::ptr::null(),
                caller.as_ptr(),
                c(address).as_ptr(),
                &mut cause,
            );
            reference(formats.cast(), -1);
            Channel::borrowed(channel)
        };
        let channel = channel.ok_or_else(|| HangupCause::from_code(cause))?;
        Ok(Leg {
            channel,
            caller: caller.clone(),
            number_unknown: false,
            ours: true,
        })
    }

    /// What a dialled channel takes over from its caller.
    fn inherit(&mut self) {
        let (leg, caller) = (self.channel.as_ptr(), self.caller.as_ptr());
        let _locked = BothLocked::new(&self.channel, &self.caller);
        // SAFETY: both channels are referenced and locked; all that is copied is copied by the PBX, and strings are
        // static or guarded by the locks.
        unsafe {
            sys::ast_channel_stage_snapshot(leg);
            sys::ast_channel_req_accountcodes_precious(
                leg,
                caller,
                sys::ast_channel_requestor_relationship::AST_CHANNEL_REQUESTOR_BRIDGE_PEER,
            );
            sys::ast_channel_appl_set(leg, c"AppDial".as_ptr());
            sys::ast_channel_data_set(leg, c"(Outgoing Line)".as_ptr());
            sys::astsys_forget_hangup_time(leg);

            // The number that the phone's answer will show to the caller, if the driver knows none.
            if (*sys::ast_channel_caller(leg)).id.number.valid == 0 {
                let exten = sys::ast_channel_exten(caller);
                if !exten.is_null() && *exten != 0 {
                    sys::ast_set_callerid(leg, exten, std::ptr::null(), std::ptr::null());
                }
                self.number_unknown = true;
            }
            sys::ast_party_redirecting_copy(
                sys::ast_channel_redirecting(leg),
                sys::ast_channel_redirecting(caller),
            );
            (*sys::ast_channel_dialed(leg)).transit_network_select =
                (*sys::ast_channel_dialed(caller)).transit_network_select;
            sys::ast_connected_line_copy_from_caller(
                sys::ast_channel_connected(leg),
                sys::ast_channel_caller(caller),
            );

            sys::ast_channel_inherit_variables(caller, leg);
            sys::ast_channel_datastore_inherit(caller, leg);
            sys::ast_max_forwards_decrement(leg);
            let class = sys::ast_channel_musicclass(leg);
            if class.is_null() || *class == 0 {
                sys::ast_channel_musicclass_set(leg, sys::ast_channel_musicclass(caller));
            }
            sys::ast_channel_transfercapability_set(leg, sys::ast_channel_transfercapability(caller));
            sys::ast_channel_dialcontext_set(leg, sys::ast_channel_context(caller));
            sys::ast_channel_exten_set(leg, sys::ast_channel_exten(caller));
            sys::ast_channel_stage_snapshot_done(leg);
        }
    }

    /// Tells the PBX's records how the dialling goes: `None` for its beginning.
    fn publish(&self, dial_string: Option<&str>, status: Option<&str>) {
        let dial_string = dial_string.map(c);
        let status = status.map(c);
        let _locked = BothLocked::new(&self.channel, &self.caller);
        // SAFETY: both channels are locked, as the PBX demands here, and strings outlive the call.
        unsafe {
            sys::ast_channel_publish_dial(
                self.caller.as_ptr(),
                self.channel.as_ptr(),
                dial_string.as_deref().map_or(std::ptr::null(), CStr::as_ptr),
                status.as_deref().map_or(std::ptr::null(), CStr::as_ptr),
            );
        }
    }

    /// Hangs up a leg that failed by itself.
    pub fn failed(self, cause: HangupCause) {
        self.publish(None, Some(cause.dial_status()));
        self.hang_up();
    }

    /// Stops ringing. If another phone answered, this one does not show a missed call.
    pub fn cancel(self, answered_elsewhere: bool) {
        let cause = if answered_elsewhere {
            sys::AST_CAUSE_ANSWERED_ELSEWHERE
        } else {
            sys::AST_CAUSE_NORMAL_CLEARING
        };
        // SAFETY: the channel is referenced.
        unsafe { sys::ast_channel_hangupcause_set(self.as_ptr(), cause as c_int) };
        self.publish(None, Some("CANCEL"));
        self.hang_up();
    }

    fn hang_up(mut self) {
        self.end();
    }

    /// The hang-up, once. The PBX takes the reference that came with the channel; ours keeps it valid.
    fn end(&mut self) {
        if std::mem::take(&mut self.ours) {
            // SAFETY: the channel was requested by us and neither hung up nor given away.
            unsafe { sys::ast_hangup(self.channel.as_ptr()) }
        }
    }

    /// What a function of the dialplan says of a leg that is in no conversation yet, up to 1,023 bytes; `None` if the PBX has none of that
    /// name, or it refuses, which the log may explain. Drivers' functions look at what the driver keeps of a channel without a lock:
    /// it stays only because nobody but this thread can hang the leg up.
    pub fn function(&self, function: &str) -> Option<String> {
        if !self.ours {
            return None;
        }
        let mut text = [0 as c_char; 1_024];
        // SAFETY: the channel is referenced and not locked by us, and is hung up by its owner only, which is this leg, borrowed here.
        // The PBX writes no more than the length, and a zero at the end.
        unsafe {
            let failed =
                sys::ast_func_read(self.as_ptr(), c(function).as_ptr(), text.as_mut_ptr(), text.len());
            (failed == 0).then(|| owned(text.as_ptr()))
        }
    }

    /// Makes sure that caller and leg can hear each other: a common format, or a way to translate.
    pub fn suits_caller(&self) -> bool {
        // SAFETY: both channels are referenced.
        unsafe { sys::ast_channel_make_compatible(self.caller.as_ptr(), self.as_ptr()) == 0 }
    }

    /// Bridges the caller with the leg, which has answered and [suits](Self::suits_caller), until the caller leaves the
    /// conversation: by hanging up, or because nobody is left in it. Blocks so long. The caller sees the leg's number
    /// from here on. Music must have been stopped. The leg is gone afterwards, or on its own way.
    pub fn bridge(mut self, features: Features) -> BridgeEnd {
        self.show_number();
        // The leg is no longer on its way to an extension.
        {
            let _locked = Locked::new(&self.channel);
            // SAFETY: the channel is locked, and strings are static.
            unsafe {
                sys::ast_channel_dialcontext_set(self.as_ptr(), c"".as_ptr());
                sys::ast_channel_exten_set(self.as_ptr(), c"".as_ptr());
            }
        }
        self.publish(None, Some("ANSWER"));
        let caller = self.caller.clone();
        let leg = self.channel.as_ptr();
        self.ours = false;
        // The PBX has the reference that came with the channel. It must have the last one: only a channel without any
        // is really gone, for the state of its device too, and this may be long before the conversation ends.
        drop(self);
        // SAFETY: both channels are referenced: the caller by us, the leg by the reference that goes to the PBX with
        // `ast_bridge_call`, whatever that returns. All zeroes is a valid `ast_bridge_config`.
        unsafe {
            sys::ast_deactivate_generator(caller.as_ptr());
            sys::ast_channel_visible_indication_set(caller.as_ptr(), 0);
            for channel in [caller.as_ptr(), leg] {
                sys::ast_channel_hangupcause_set(channel, sys::AST_CAUSE_NORMAL_CLEARING as c_int);
            }
            let mut config: sys::ast_bridge_config = std::mem::zeroed();
            config.features_caller.flags = features.caller;
            config.features_callee.flags = features.leg;
            sys::ast_bridge_call(caller.as_ptr(), leg, &mut config);
        }
        if caller.hung_up() && !caller.redirected() {
            BridgeEnd::Caller
        } else {
            BridgeEnd::Leg
        }
    }

    /// Updates the caller's display.
    fn show_number(&self) {
        if self.number_unknown {
            return;
        }
        // SAFETY: the party is initialised by the PBX, filled under the leg's lock, and freed once.
        unsafe {
            let mut party = std::mem::MaybeUninit::<sys::ast_party_connected_line>::zeroed();
            sys::ast_party_connected_line_init(party.as_mut_ptr());
            {
                let _locked = Locked::new(&self.channel);
                sys::ast_connected_line_copy_from_caller(
                    party.as_mut_ptr(),
                    sys::ast_channel_caller(self.channel.as_ptr()),
                );
            }
            (*party.as_mut_ptr()).source =
                sys::AST_CONNECTED_LINE_UPDATE_SOURCE::AST_CONNECTED_LINE_UPDATE_SOURCE_ANSWER as c_int;
            // A routine of the dialplan that shapes the display comes first, if there is one.
            if sys::ast_channel_connected_line_sub(
                self.as_ptr(),
                self.caller.as_ptr(),
                party.as_ptr().cast(),
                0,
            ) != 0
            {
                sys::ast_channel_update_connected_line(
                    self.caller.as_ptr(),
                    party.as_ptr(),
                    std::ptr::null(),
                );
            }
            sys::ast_party_connected_line_free(party.as_mut_ptr());
        }
    }
}

impl Drop for Leg {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_those_of_dial() {
        let mut features = Features::default();
        assert!(Features::LETTERS.chars().all(|letter| features.add(letter)));
        assert_eq!(features.caller, features.leg);

        let mut features = Features::default();
        assert!(features.add('T') && features.add('h'));
        assert_eq!(
            (features.caller, features.leg),
            (sys::AST_FEATURE_REDIRECT, sys::AST_FEATURE_DISCONNECT)
        );
        assert!(!features.add('g'));
    }
}
