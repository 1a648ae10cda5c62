//! A channel that goes from its conversation to a place of the dialplan and comes back, its seat in the conversation being kept.
//!
//! Its own thread runs the dialplan, with the channel suspended: nothing that it says, hears or keys in there reaches the
//! conversation. The others hear their music on hold meanwhile.

use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use asterisk_sys as sys;

use crate::channel::{Channel, Locked};
use crate::datastore::Kind;
use crate::guard::guard;
use crate::text::c;

/// The trip of a channel, or its last one. The PBX may call into this module as long as the channel lives.
static TRIPS: Kind<Trips> = Kind::own(c"module_trip");

#[derive(Default)]
struct Trips(Mutex<Option<Arc<Trip>>>);

struct Trip {
    place: String,
    told: Box<dyn Fn(Step) + Send + Sync>,
    /// Whether the channel is away. Changed under the channel's lock.
    away: AtomicBool,
    /// Whether it was told to come back. Likewise.
    recalled: AtomicBool,
    result: Mutex<Option<String>>,
}

/// How a trip goes on. Told on the channel's own thread.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// The dialplan has no such place: the channel stays.
    NoSuchPlace,
    /// The channel is away.
    Left,
    /// The channel is back. Not told of one that hung up.
    Back(Return),
}

/// What a channel comes back with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Return {
    /// What [`Channel::come_back_with`] said.
    With(String),
    /// The dialplan was at its end.
    RanOut,
    /// [`Channel::call_back_from_trip`] was asked for.
    Recalled,
}

impl Trips {
    fn lock(&self) -> MutexGuard<'_, Option<Arc<Trip>>> {
        // Each change is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Channel {
    /// Sends the channel to a place of the dialplan, written as for Goto(), until the dialplan is at its end or
    /// [`come_back_with`](Self::come_back_with) is called there. Returns at once; if the channel leaves its conversation in this very
    /// moment, nothing is told. False if it is in no conversation, or away already, or the PBX has no memory.
    #[must_use]
    pub fn send_on_trip(&self, place: &str, told: impl Fn(Step) + Send + Sync + 'static) -> bool {
        let Some(trips) = self.attach(&TRIPS, Trips::default) else {
            return false;
        };
        let trip = Trip {
            place: place.to_owned(),
            told: Box::new(told),
            away: AtomicBool::new(false),
            recalled: AtomicBool::new(false),
            result: Mutex::default(),
        };
        let before = {
            let mut present = trips.lock();
            if present.as_ref().is_some_and(|trip| trip.is_away()) {
                return false;
            }
            present.replace(Arc::new(trip))
        };
        drop(before);
        // SAFETY: the channel is referenced; the PBX copies the text, and calls the function while the module is there.
        unsafe { sys::astsys_go_aside(self.as_ptr(), Some(travel), c(place).as_ptr()) == 0 }
    }

    /// Ends what keeps the channel away, as a hang-up would. A channel that is not away is left alone.
    pub fn call_back_from_trip(&self) {
        let Some(trip) = self.trip() else { return };
        let _locked = Locked::new(self);
        if trip.is_away() && !trip.recalled.swap(true, Ordering::Relaxed) {
            // SAFETY: the channel is referenced and locked, as the PBX demands.
            unsafe { sys::ast_softhangup_nolock(self.as_ptr(), RECALL) };
        }
    }

    /// Says what the channel comes back with, once its present application is over and has left the dialplan. False if it is not
    /// away. Only for the thread that runs the application.
    #[must_use]
    pub fn come_back_with(&self, result: &str) -> bool {
        let Some(trip) = self.trip().filter(|trip| trip.is_away()) else {
            return false;
        };
        *trip.result.lock().unwrap_or_else(PoisonError::into_inner) = Some(result.to_owned());
        true
    }

    /// Whether it is away from a conversation.
    pub fn is_on_trip(&self) -> bool {
        self.trip().is_some_and(|trip| trip.is_away())
    }

    fn trip(&self) -> Option<Arc<Trip>> {
        self.attached(&TRIPS)?.lock().clone()
    }
}

/// What looks like a hang-up to the dialplan, and is given by nobody else to a channel in a conversation.
const RECALL: i32 = sys::AST_SOFTHANGUP_APPUNLOAD as i32;

impl Trip {
    fn is_away(&self) -> bool {
        self.away.load(Ordering::Relaxed)
    }

    fn begin(&self, channel: &Channel) {
        let _locked = Locked::new(channel);
        self.away.store(true, Ordering::Relaxed);
    }

    /// The channel is back: how.
    fn end(&self, channel: &Channel) -> Return {
        let recalled = {
            let _locked = Locked::new(channel);
            self.away.store(false, Ordering::Relaxed);
            self.recalled.load(Ordering::Relaxed)
        };
        if recalled {
            // SAFETY: the channel is referenced.
            unsafe { sys::ast_channel_clear_softhangup(channel.as_ptr(), RECALL) };
        }
        let result = self.result.lock().unwrap_or_else(PoisonError::into_inner).take();
        match result {
            Some(result) => Return::With(result),
            None if recalled => Return::Recalled,
            None => Return::RanOut,
        }
    }
}

/// On the thread that serves the channel in its conversation.
unsafe extern "C" fn travel(place: *mut sys::ast_bridge_channel, _text: *const c_void, _size: usize) {
    guard("a trip into the dialplan", (), || {
        // SAFETY: the PBX hands over the place of a channel that is served by this thread.
        let channel = unsafe { Channel::borrowed(sys::astsys_place_channel(place)) };
        let Some(channel) = channel else { return };
        let Some(trip) = channel.trip() else { return };
        let Some(before) = channel.visit(&trip.place) else {
            return (trip.told)(Step::NoSuchPlace);
        };
        trip.begin(&channel);
        (trip.told)(Step::Left);
        let music = channel.music_heard();
        if music.is_some() {
            channel.stop_music();
        }
        // SAFETY: the place is served by this thread.
        unsafe { sys::astsys_place_hold(place, 1) };
        // SAFETY: the channel is referenced, and this thread runs its dialplan further out.
        let ran = unsafe { sys::astsys_run_dialplan(channel.as_ptr()) } == 0;
        let how = trip.end(&channel);
        channel.return_to(&before);
        // SAFETY: as above.
        unsafe { sys::astsys_place_hold(place, 0) };
        if !ran {
            crate::log(
                crate::Level::Warning,
                &format!(
                    "{} went nowhere in the dialplan: a limit of the PBX is reached",
                    channel.name()
                ),
            );
        }
        if channel.hung_up() {
            return;
        }
        if let Some(class) = music {
            channel.start_music(&class);
        }
        (trip.told)(Step::Back(how));
    });
}
