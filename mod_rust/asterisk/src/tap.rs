//! Listening to the conversation of another channel, and speaking into it.
//!
//! The PBX offers a channel's audio to hooks: one that hears both directions, and ones whose audio is mixed into either. All
//! of them are on one channel, so that the rest of the conversation is not touched. What is heard is played to the listener by
//! the clock of its own channel, within its own thread's [`read`](Tap::read). Hooks are put on and taken off without a lock of
//! ours; while one is held they are filled and emptied, for which they have locks of their own that nothing waits in.

use std::ffi::{CStr, c_int, c_void};
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use asterisk_sys as sys;

use crate::channel::Channel;
use crate::frame::{Frame, Received};
use crate::guard::guard;
use crate::room::{Place, Room};
use crate::sequence::Sequence;
use crate::usage::Counted;

/// Samples in a second.
const RATE: u32 = 8_000;
/// The most samples that the PBX asks for at once: 60 ms.
const MOST: usize = 480;
/// Loud enough beside voices, of 32,767.
const LOUDNESS: f32 = 6_000.0;
/// Samples of a tone that go ahead of the clock, so that it has no gaps: 60 ms.
const AHEAD: usize = 480;

/// By which the PBX knows our hooks from others'.
pub(crate) const SOURCE: &CStr = c"hotline";

/// A listener's channel, and what it listens to. Belongs to the thread that serves the listener.
pub struct Tap<'a> {
    listener: &'a Channel,
    line: Box<Mutex<Line>>,
}

/// Who is spoken to, seen from the channel that is tapped.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SpeakTo {
    /// Whoever is at the far end of the tapped channel itself.
    pub near: bool,
    /// Whoever that one talks with.
    pub far: bool,
}

impl SpeakTo {
    /// Nobody.
    pub const NOBODY: SpeakTo = SpeakTo {
        near: false,
        far: false,
    };

    fn anybody(self) -> bool {
        self.near || self.far
    }
}

/// What the generator plays from.
#[derive(Default)]
struct Line {
    tapped: Option<Tapped>,
    /// What the listener alone hears.
    notice: Option<Tone>,
}

struct Tapped {
    target: Channel,
    _sequence: Sequence,
    ear: Hook,
    mouth: Option<Hook>,
    to: SpeakTo,
    /// Among the others who listen.
    place: Arc<Place>,
    beep: Option<Beep>,
}

/// A tone on its way to some of those who talk.
struct Beep {
    hook: Hook,
    to: SpeakTo,
    tone: Tone,
    /// Samples that went ahead of the clock and are not played yet.
    ahead: usize,
}

/// A sine wave.
#[derive(Clone, Copy, Debug)]
struct Tone {
    hertz: u16,
    position: u32,
    left: u32,
}

impl Tone {
    fn new(hertz: u16, lasting: Duration) -> Tone {
        let samples = lasting.as_millis() * u128::from(RATE / 1_000);
        Tone {
            hertz,
            position: 0,
            left: u32::try_from(samples).unwrap_or(u32::MAX),
        }
    }

    /// Adds the next samples; whether there are more.
    fn add_to(&mut self, samples: &mut [i16]) -> bool {
        for sample in samples.iter_mut().take(self.left as usize) {
            // Whole periods are dropped, so that the phase stays exact.
            let phase = f64::from(self.position * u32::from(self.hertz) % RATE) / f64::from(RATE);
            let value = f64::from(LOUDNESS) * (phase * std::f64::consts::TAU).sin();
            *sample = sample.saturating_add(value as i16);
            self.position = (self.position + 1) % RATE;
        }
        let played = u32::try_from(samples.len()).unwrap_or(u32::MAX);
        self.left = self.left.saturating_sub(played);
        self.left > 0
    }
}

/// A hook on a channel, taken off when dropped.
struct Hook {
    hook: Box<sys::ast_audiohook>,
    /// Knows the channel when the PBX lets another take its place.
    place: NonNull<sys::ast_autochan>,
    _counted: Counted,
}

// SAFETY: hook and place have locks of their own, which every function of the PBX that we use on them takes.
unsafe impl Send for Hook {}

impl Hook {
    fn on(target: &Channel, kind: sys::ast_audiohook_type::Type) -> Option<Hook> {
        // SAFETY: the hook stays at its place in memory until it is off every channel; all zeroes is what the PBX initialises.
        // The channel is referenced.
        unsafe {
            let place = NonNull::new(sys::ast_autochan_setup(target.as_ptr()))?;
            let mut hook: Box<sys::ast_audiohook> = Box::new(std::mem::zeroed());
            sys::ast_audiohook_init(&mut *hook, kind, SOURCE.as_ptr(), 0);
            sys::astsys_hook_keep_short(&mut *hook);
            if sys::ast_audiohook_attach(target.as_ptr(), &mut *hook) != 0 {
                sys::ast_audiohook_destroy(&mut *hook);
                sys::ast_autochan_destroy(place.as_ptr());
                return None;
            }
            Some(Hook {
                hook,
                place,
                _counted: Counted::new(),
            })
        }
    }

    /// Whether a channel still has it.
    fn runs(&mut self) -> bool {
        // SAFETY: the hook is initialised.
        unsafe { sys::astsys_hook_runs(&mut *self.hook) != 0 }
    }

    fn hear(&mut self, samples: &mut [i16]) -> bool {
        // SAFETY: the hook is initialised, and the length is true.
        unsafe { sys::astsys_hook_take(&mut *self.hook, samples.as_mut_ptr(), samples.len() as c_int) != 0 }
    }

    fn speak(&mut self, to: SpeakTo, samples: &mut [i16]) {
        for (wanted, written) in [(to.near, 1), (to.far, 0)] {
            if wanted {
                // SAFETY: as above; the PBX copies the samples.
                unsafe {
                    sys::astsys_hook_feed(
                        &mut *self.hook,
                        written,
                        samples.as_mut_ptr(),
                        samples.len() as c_int,
                    );
                }
            }
        }
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        // SAFETY: once it is off the channel that has it, under that channel's lock, the PBX knows it no more.
        unsafe {
            sys::astsys_hook_remove(self.place.as_ptr(), &mut *self.hook);
            sys::ast_audiohook_destroy(&mut *self.hook);
            sys::ast_autochan_destroy(self.place.as_ptr());
        }
    }
}

static GENERATOR: Generator = Generator(sys::ast_generator {
    alloc: Some(begin),
    release: Some(end),
    generate: Some(play),
    digit: None,
    write_format_change: None,
});

struct Generator(sys::ast_generator);

// SAFETY: never written; the PBX only reads it.
unsafe impl Sync for Generator {}

unsafe extern "C" fn begin(_channel: *mut sys::ast_channel, line: *mut c_void) -> *mut c_void {
    guard("beginning to play", std::ptr::null_mut(), || line)
}

/// The line is its `Tap`'s.
unsafe extern "C" fn end(_channel: *mut sys::ast_channel, _line: *mut c_void) {
    guard("ending to play", (), || ());
}

unsafe extern "C" fn play(
    channel: *mut sys::ast_channel,
    line: *mut c_void,
    _length: c_int,
    samples: c_int,
) -> c_int {
    guard("playing to a listener", -1, || {
        let mut buffer = [0; MOST];
        let count = usize::try_from(samples).unwrap_or(0).min(MOST);
        let heard = &mut buffer[..count];
        // SAFETY: the generator is deactivated before its `Tap` gives up the line.
        let line = unsafe { &*line.cast::<Mutex<Line>>() };
        // Taken off its channel without the lock.
        let (over, place) = lock(line).fill(heard);
        drop(over);
        if let Some(place) = place {
            place.hear(heard);
        }
        // SAFETY: the PBX hands over a channel that is alive, and the length is true. A channel that cannot be written to is
        // about to say that it is hung up.
        unsafe { sys::astsys_play(channel, heard.as_mut_ptr(), count as c_int) };
        0
    })
}

fn lock(line: &Mutex<Line>) -> MutexGuard<'_, Line> {
    // Each change is whole before anything can panic.
    line.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Line {
    /// What the listener hears next: silence where there is nothing. Gives back a tone that is over, and where others who listen are
    /// to be heard.
    fn fill(&mut self, samples: &mut [i16]) -> (Option<Beep>, Option<Arc<Place>>) {
        let (mut over, mut place) = (None, None);
        if let Some(tapped) = &mut self.tapped {
            tapped.ear.hear(samples);
            over = tapped.beep.take_if(|beep| !beep.feed(samples.len()));
            place = Some(Arc::clone(&tapped.place));
        }
        if let Some(tone) = &mut self.notice
            && !tone.add_to(samples)
        {
            self.notice = None;
        }
        (over, place)
    }

    /// Speaks to whom it is meant for; where others who listen hear it, and whether it goes through the tapped channel into the
    /// conversation.
    fn speak(&mut self, said: &mut [i16]) -> Option<(Arc<Place>, bool)> {
        let tapped = self.tapped.as_mut()?;
        tapped.mouth.as_mut()?.speak(tapped.to, said);
        Some((Arc::clone(&tapped.place), tapped.to.far))
    }
}

impl Beep {
    /// Sends the next of it; whether some is still on its way.
    fn feed(&mut self, count: usize) -> bool {
        let mut samples = [0; MOST];
        let samples = &mut samples[..count.min(MOST)];
        if self.tone.left > 0 {
            self.tone.add_to(samples);
            self.hook.speak(self.to, samples);
            return true;
        }
        // What went ahead would be lost with the hook.
        self.ahead = self.ahead.saturating_sub(samples.len());
        self.ahead > 0
    }
}

impl<'a> Tap<'a> {
    /// The listener, who is up, hears silence from now on; music must have been stopped. `None` if the PBX has no way to play
    /// to it.
    pub fn new(listener: &'a Channel) -> Option<Tap<'a>> {
        let line = Box::<Mutex<Line>>::default();
        // SAFETY: the channel is referenced, the generator is static, and the line outlives the generator's activity: see
        // `drop`.
        let failed = unsafe {
            sys::ast_set_read_format(listener.as_ptr(), sys::ast_format_slin) != 0
                || sys::ast_set_write_format(listener.as_ptr(), sys::ast_format_slin) != 0
                || sys::ast_activate_generator(
                    listener.as_ptr(),
                    (&raw const GENERATOR.0).cast_mut(),
                    (&raw const *line).cast_mut().cast(),
                ) != 0
        };
        (!failed).then_some(Tap { listener, line })
    }

    /// Hears the conversation of `target` from now on, in place of any other, and whoever of the others in `room` speaks into it.
    /// False if it is gone; what was heard before is heard on then.
    pub fn attach(&self, target: &Channel, room: &Arc<Room>) -> bool {
        let Some(sequence) = Sequence::of(target) else {
            return false;
        };
        let Some(ear) = Hook::on(target, sys::ast_audiohook_type::AST_AUDIOHOOK_TYPE_SPY) else {
            return false;
        };
        let tapped = Tapped {
            target: target.clone(),
            _sequence: sequence,
            ear,
            mouth: None,
            to: SpeakTo::NOBODY,
            place: Arc::new(room.enter(target.unique_id())),
            beep: None,
        };
        // Both may be of one conversation, which the PBX would else connect in another way and back.
        let old = lock(&self.line).tapped.replace(tapped);
        drop(old);
        true
    }

    /// Hears and says nothing from now on.
    pub fn detach(&self) {
        // Taken off without the lock: the PBX is called.
        let tapped = lock(&self.line).tapped.take();
        drop(tapped);
    }

    /// Speaks to these from now on, and to nobody else. False if what was heard is gone.
    pub fn speak(&self, to: SpeakTo) -> bool {
        let mut old = None;
        let mut wanted = None;
        if let Some(tapped) = &mut lock(&self.line).tapped {
            tapped.to = to;
            match (to.anybody(), tapped.mouth.is_some()) {
                (true, false) => wanted = Some(tapped.target.clone()),
                (false, true) => old = tapped.mouth.take(),
                (true, true) | (false, false) => {}
            }
        }
        drop(old);
        let Some(target) = wanted else { return true };
        let mouth = whisper(&target);
        let speaks = mouth.is_some();
        if let Some(tapped) = &mut lock(&self.line).tapped {
            tapped.mouth = mouth;
        }
        speaks
    }

    /// Lets some of those who talk hear a tone.
    pub fn beep(&self, to: SpeakTo, hertz: u16, lasting: Duration) {
        let target = lock(&self.line)
            .tapped
            .as_ref()
            .map(|tapped| tapped.target.clone());
        let Some(hook) = target.and_then(|target| whisper(&target)) else {
            return;
        };
        let mut beep = Beep {
            hook,
            to,
            tone: Tone::new(hertz, lasting),
            ahead: AHEAD,
        };
        beep.feed(AHEAD);
        let mut old = None;
        if let Some(tapped) = &mut lock(&self.line).tapped {
            old = tapped.beep.replace(beep);
        }
        drop(old);
    }

    /// Lets the listener alone hear a tone.
    pub fn notice(&self, hertz: u16, lasting: Duration) {
        lock(&self.line).notice = Some(Tone::new(hertz, lasting));
    }

    /// Whether what was listened to is gone.
    pub fn lost(&self) -> bool {
        let mut line = lock(&self.line);
        line.tapped.as_mut().is_some_and(|tapped| !tapped.ear.runs())
    }

    /// Takes the listener's next frame, and passes on what it says; blocks until there is one, so wait first.
    pub fn read(&self) -> Frame {
        // SAFETY: the channel is referenced; see `Received` for the frame.
        let received = unsafe { sys::ast_read(self.listener.as_ptr()) };
        if received.is_null() {
            return Frame::Hangup;
        }
        let received = Received(received);
        // SAFETY: not null, and ours until dropped; a voice frame has as many samples as it says.
        let said = unsafe {
            let samples = sys::astsys_samples(received.0);
            let count = usize::try_from((*received.0).samples).unwrap_or(0);
            (!samples.is_null()).then(|| std::slice::from_raw_parts_mut(samples, count))
        };
        if let Some(said) = said
            && let Some((place, through)) = self.speak_up(said)
        {
            place.say(said, through);
        }
        received.typed()
    }

    /// Where others who listen hear what the listener says; nowhere if it is silent. The line is free again afterwards.
    fn speak_up(&self, said: &mut [i16]) -> Option<(Arc<Place>, bool)> {
        lock(&self.line).speak(said)
    }
}

fn whisper(target: &Channel) -> Option<Hook> {
    Hook::on(target, sys::ast_audiohook_type::AST_AUDIOHOOK_TYPE_WHISPER)
}

impl Drop for Tap<'_> {
    fn drop(&mut self) {
        // SAFETY: the channel is referenced. Only its own thread runs its generator, and that is ours.
        unsafe { sys::ast_deactivate_generator(self.listener.as_ptr()) };
        self.detach();
    }
}
