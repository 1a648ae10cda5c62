//! The handle by which a test steers one phone. Its verbs are about the phone's latest call.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};

use super::bank::{LegId, Shared, State};
use super::leg::{End, Leg, LegState, Moments};
use super::tone::Tone;

/// A phone of a [`PhoneBank`](super::PhoneBank).
pub struct Phone {
    shared: Arc<Shared>,
    user: String,
    tone: Tone,
}

/// A call that arrived at a phone.
#[derive(Clone, Debug)]
pub struct Ring {
    /// The number that calls, as the phone would show it.
    pub from: String,
    /// When the INVITE arrived.
    pub at: Instant,
}

impl Phone {
    pub(super) fn new(shared: Arc<Shared>, user: String, tone: Tone) -> Phone {
        Phone { shared, user, tone }
    }

    /// The name by which the PBX knows it; for a caller, the number.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// What it speaks.
    pub fn tone(&self) -> Tone {
        self.tone
    }

    /// How many calls the phone takes at once before it is busy. It begins with one.
    pub fn set_lines(&self, lines: usize) {
        self.shared.change(|state, _| {
            if let Some(phone) = state.phones.get_mut(&self.user) {
                phone.lines = lines;
            }
        });
    }

    /// Pulls the plug: whatever the PBX sends is lost. `true` puts it back.
    pub fn plug(&self, plugged: bool) {
        self.shared.change(|state, _| {
            if let Some(phone) = state.phones.get_mut(&self.user) {
                phone.plugged = plugged;
            }
        });
    }

    /// Calls `number` and waits for nothing.
    ///
    /// # Errors
    /// The bank has no PBX, or no room.
    pub fn dial(&self, number: &str) -> Result<()> {
        self.shared
            .change(|state, now| self.shared.call(state, &self.user, number, None, now))
            .map(drop)
    }

    /// Calls to take the place of another phone in that one's latest call (RFC 3891), as a phone does to which a call is handed over
    /// with a consultation; waits for nothing.
    ///
    /// # Errors
    /// The bank has no PBX, or no room; the other phone has no call.
    pub fn dial_in_place_of(&self, other: &Phone, number: &str) -> Result<()> {
        self.shared.change(|state, now| {
            let place = other.leg(state).map(Leg::place).context("nobody's place")?;
            if let Some(phone) = state.phones.get_mut(&self.user) {
                phone.replaces = Some(place);
            }
            self.shared.call(state, &self.user, number, None, now).map(drop)
        })
    }

    /// Transfers the phone's first living call to `number`, blindly.
    pub fn refer(&self, number: &str) {
        self.refer_first(number, false);
    }

    /// Hands the phone's first living call over to whom its latest call is with, at `number`.
    pub fn hand_over(&self, number: &str) {
        self.refer_first(number, true);
    }

    /// Puts the other side of the phone's first living call on hold.
    pub fn hold_first(&self) {
        self.shared.change(|state, now| {
            if let Some(first) = self.alive(state).first() {
                self.shared
                    .with_leg(state, *first, now, |leg, ports| leg.hold(true, ports));
            }
        });
    }

    fn alive(&self, state: &State) -> Vec<LegId> {
        let legs = state.phones.get(&self.user).map(|phone| phone.legs.clone());
        let alive = |id: &LegId| state.legs.get(id).is_some_and(Leg::alive);
        legs.into_iter().flatten().filter(alive).collect()
    }

    fn refer_first(&self, number: &str, attended: bool) {
        self.shared.change(|state, now| {
            let legs = self.alive(state);
            let place = legs
                .last()
                .filter(|_| attended)
                .and_then(|last| state.legs.get(last).map(Leg::place));
            if let Some(first) = legs.first() {
                self.shared.with_leg(state, *first, now, |leg, ports| {
                    leg.refer(number, place.as_deref(), ports)
                });
            }
        });
    }

    /// Calls `number` and waits until the PBX answers.
    ///
    /// # Errors
    /// It does not, or it refuses.
    pub fn call(&self, number: &str) -> Result<()> {
        self.dial(number)?;
        self.expect_answer()
            .with_context(|| format!("{} called {number}", self.user))
    }

    /// Waits until the phone's call is answered.
    ///
    /// # Errors
    /// The call ended before, or nothing happened.
    pub fn expect_answer(&self) -> Result<()> {
        let ended = self.await_leg("to be answered", |leg| match &leg.state {
            LegState::Up => Some(None),
            LegState::Over(end) => Some(Some(end.clone())),
            LegState::Calling | LegState::Ringing => None,
        })?;
        match ended {
            None => Ok(()),
            Some(end) => anyhow::bail!("{}'s call ended before it was answered: {end:?}", self.user),
        }
    }

    /// Waits until the phone called hears ringback.
    ///
    /// # Errors
    /// It does not come.
    pub fn expect_ringback(&self) -> Result<()> {
        self.await_leg("to hear ringing", |leg| {
            (leg.state == LegState::Ringing).then_some(())
        })
    }

    /// Waits until the phone rings.
    ///
    /// # Errors
    /// It does not.
    pub fn expect_ring(&self) -> Result<Ring> {
        self.await_leg("to ring", |leg| {
            (leg.state == LegState::Ringing && leg.invite.is_some()).then(|| Ring {
                from: leg.other.clone(),
                at: leg.moments.began,
            })
        })
    }

    /// A header of the INVITE that made the phone ring.
    pub fn invite_header(&self, name: &str) -> Option<String> {
        let state = self.shared.lock();
        let leg = self.leg(&state)?;
        leg.invite.as_ref()?.header(name).map(str::to_owned)
    }

    /// Answers.
    pub fn answer(&self) {
        self.act(Leg::answer);
    }

    /// Declines: 603.
    pub fn decline(&self) {
        self.act(|leg, ports| leg.reject("603 Decline", ports));
    }

    /// Says that it is busy: 486.
    pub fn say_busy(&self) {
        self.act(|leg, ports| leg.reject("486 Busy Here", ports));
    }

    /// Says that nobody is there: 480.
    pub fn say_unavailable(&self) {
        self.act(|leg, ports| leg.reject("480 Temporarily Unavailable", ports));
    }

    /// Says, as a proxy would, that there is no such phone: 404.
    pub fn say_unknown(&self) {
        self.act(|leg, ports| leg.reject("404 Not Found", ports));
    }

    /// Hangs up, or cancels.
    pub fn hang_up(&self) {
        self.act(Leg::hang_up);
    }

    /// Presses keys, by telephone events.
    pub fn press(&self, keys: &str) {
        self.act(|leg, _| keys.chars().for_each(|key| leg.media.press(key)));
    }

    /// Speaks with another tone in its latest call from now on, and says when that began.
    pub fn speak(&self, tone: Tone) -> Instant {
        self.act(|leg, _| leg.media.speak(tone));
        Instant::now()
    }

    /// Sends no audio at all in its latest call, as phones do that save bandwidth while nobody speaks; `false` ends it.
    pub fn be_silent(&self, silent: bool) {
        self.act(|leg, _| leg.media.silent = silent);
    }

    /// Waits until a tone that the phone [follows](Self::follow) begins to be heard after `since`, and says when that was.
    ///
    /// # Errors
    /// It does not.
    pub fn begins_to_hear(&self, tone: Tone, since: Instant) -> Result<Instant> {
        let awaited = format!("{} to begin to hear {} Hz", self.user, tone.hertz());
        let onset = |leg: &Leg| {
            let place = leg.media.follow.iter().position(|followed| *followed == tone)?;
            leg.media
                .onsets
                .get(place)
                .copied()?
                .filter(|onset| *onset >= since)
        };
        let look = |state: &mut State| self.leg(state).and_then(onset);
        self.shared.wait(true, &awaited, look, |state| self.story(state))
    }

    /// Puts the other side on hold.
    pub fn hold(&self) {
        self.act(|leg, ports| leg.hold(true, ports));
    }

    /// Retrieves the other side from hold.
    pub fn retrieve(&self) {
        self.act(|leg, ports| leg.hold(false, ports));
    }

    /// In its present call the phone does nothing about what the PBX asks by NOTIFY.
    pub fn ignore_notify(&self) {
        self.act(|leg, _| leg.ignores = true);
    }

    /// The phone does not tell which events it understands as it answers.
    pub fn hide_events(&self) {
        self.act(|leg, _| leg.discreet = true);
    }

    /// Waits until the PBX has answered what the phone asked for last, a hold for example: nothing else can be asked before.
    ///
    /// # Errors
    /// It does not.
    pub fn expect_settled(&self) -> Result<()> {
        self.await_leg("to have its request answered", |leg| {
            leg.is_settled().then_some(())
        })
    }

    /// Waits until the PBX has asked for so many things by NOTIFY in the phone's latest call: their events.
    ///
    /// # Errors
    /// It does not.
    pub fn expect_notify(&self, count: usize) -> Result<Vec<String>> {
        self.await_leg("to be notified", |leg| {
            (leg.notified.len() >= count).then(|| leg.notified.clone())
        })
    }

    /// From its next call on, the phone remembers in which order it hears these tones: see [`heard`](Self::heard).
    pub fn follow(&self, tones: &[Tone]) {
        self.shared.change(|state, _| {
            if let Some(phone) = state.phones.get_mut(&self.user) {
                phone.follow = tones.to_vec();
            }
        });
    }

    /// Waits until the tones that the phone follows were heard in exactly this order, from the beginning of its latest call. More
    /// may have followed.
    ///
    /// # Errors
    /// They were not.
    pub fn heard(&self, tones: &[Tone]) -> Result<()> {
        let awaited = format!("{} to have heard {tones:?}", self.user);
        let look = |state: &mut State| {
            let leg = self.leg(state)?;
            leg.media.story.starts_with(tones).then_some(())
        };
        self.shared.wait(true, &awaited, look, |state| {
            let story = self.leg(state).map(|leg| leg.media.story.clone());
            format!("{}; it heard {:?}", self.story(state), story.unwrap_or_default())
        })
    }

    /// Waits until the phone's call is over, and says how it ended.
    ///
    /// # Errors
    /// It goes on.
    pub fn expect_hangup(&self) -> Result<End> {
        self.await_leg("to see its call end", |leg| match &leg.state {
            LegState::Over(end) => Some(end.clone()),
            _ => None,
        })
    }

    /// Waits until the phone hears the other one.
    ///
    /// # Errors
    /// It does not.
    pub fn hears(&self, other: &Phone) -> Result<()> {
        self.expect_tone(other.tone, &other.user)
    }

    /// Waits until the phone hears the music on hold.
    ///
    /// # Errors
    /// It does not.
    pub fn hears_music(&self) -> Result<()> {
        self.expect_tone(Tone::MUSIC, "the music")
    }

    /// Waits until the phone hears a tone.
    ///
    /// # Errors
    /// It does not.
    pub fn hears_tone(&self, tone: Tone) -> Result<()> {
        self.expect_tone(tone, "a tone")
    }

    /// Waits until the phone hears each of some phones, and of `others` not even a trace.
    ///
    /// # Errors
    /// It does not.
    pub fn hears_just(&self, heard: &[&Phone], others: &[&Phone]) -> Result<()> {
        let tones = |phones: &[&Phone]| phones.iter().map(|phone| phone.tone).collect::<Vec<_>>();
        let (tones, silent) = (tones(heard), tones(others));
        let awaited = format!("{} to hear just {tones:?} and none of {silent:?}", self.user);
        self.listen(&awaited, |leg| leg.media.hears_just(&tones, &silent))
    }

    /// How loud a tone is now, for 60 ms on end; a phone speaks with 6,000.
    pub fn loudness(&self, tone: Tone) -> f32 {
        let state = self.shared.lock();
        self.leg(&state).map_or(0.0, |leg| leg.media.loudness(tone))
    }

    /// How loud a tone that the phone [follows](Self::follow) was at the most in its latest call, for 60 ms on end; a phone
    /// speaks with 6,000.
    pub fn loudest(&self, tone: Tone) -> f32 {
        let state = self.shared.lock();
        let Some(leg) = self.leg(&state) else { return 0.0 };
        let place = leg.media.follow.iter().position(|followed| *followed == tone);
        place
            .and_then(|place| leg.media.loudest.get(place).copied())
            .unwrap_or(0.0)
    }

    /// Waits until the phone no longer hears the other one, but something.
    ///
    /// # Errors
    /// It goes on hearing it.
    pub fn misses(&self, other: &Phone) -> Result<()> {
        self.listen(&format!("{} not to hear {}", self.user, other.user), |leg| {
            leg.media.misses(other.tone)
        })
    }

    /// Waits until the phone no longer hears the music on hold, but something.
    ///
    /// # Errors
    /// It goes on hearing it.
    pub fn misses_music(&self) -> Result<()> {
        self.misses_tone(Tone::MUSIC)
    }

    /// Waits until the phone has not heard this tone for a while.
    ///
    /// # Errors
    /// It goes on hearing it.
    pub fn misses_tone(&self, tone: Tone) -> Result<()> {
        let awaited = format!("{} not to hear {} Hz", self.user, tone.hertz());
        self.listen(&awaited, |leg| leg.media.misses(tone))
    }

    fn expect_tone(&self, tone: Tone, whom: &str) -> Result<()> {
        let awaited = format!("{} to hear {whom} ({} Hz)", self.user, tone.hertz());
        self.listen(&awaited, |leg| leg.media.hears(tone))
    }

    fn listen(&self, awaited: &str, found: impl Fn(&Leg) -> bool) -> Result<()> {
        self.shared.change(|state, _| {
            if let Some(id) = self.latest(state)
                && let Some(leg) = state.legs.get_mut(&id)
            {
                leg.media.forget();
            }
        });
        let look = |state: &mut State| self.leg(state).is_some_and(&found).then_some(());
        self.shared.wait(true, awaited, look, |state| {
            let leg = self.leg(state);
            let spectrum = leg.map(|leg| leg.media.spectrum()).unwrap_or_default();
            let (packets, at) = leg.map_or((0, None), |leg| (leg.media.received, leg.media.remote));
            format!(
                "{}; {packets} packets so far, audio with {at:?}, now {spectrum:?}",
                self.story(state)
            )
        })
    }

    /// How many packets of keys that somebody pressed were received in the phone's latest call.
    pub fn keys_heard(&self) -> u64 {
        self.leg(&self.shared.lock())
            .map_or(0, |leg| leg.media.keys_heard)
    }

    /// How often the PBX rang this phone so far.
    pub fn offered(&self) -> u64 {
        self.shared
            .lock()
            .phones
            .get(&self.user)
            .map_or(0, |phone| phone.offered)
    }

    /// Whether the phone's latest call is up.
    pub fn is_up(&self) -> bool {
        self.leg(&self.shared.lock())
            .is_some_and(|leg| leg.state == LegState::Up)
    }

    /// The moments of the latest call.
    pub fn moments(&self) -> Option<Moments> {
        self.leg(&self.shared.lock()).map(|leg| leg.moments)
    }

    fn act(&self, act: impl FnOnce(&mut Leg, &mut super::leg::Ports<'_>)) {
        self.shared.change(|state, now| {
            if let Some(id) = self.latest(state) {
                self.shared.with_leg(state, id, now, act);
            }
        });
    }

    fn latest(&self, state: &State) -> Option<LegId> {
        state.phones.get(&self.user)?.legs.last().copied()
    }

    fn leg<'a>(&self, state: &'a State) -> Option<&'a Leg> {
        state.legs.get(&self.latest(state)?)
    }

    fn await_leg<T>(&self, what: &str, look: impl Fn(&Leg) -> Option<T>) -> Result<T> {
        self.shared.wait(
            false,
            &format!("{} {what}", self.user),
            |state| self.leg(state).and_then(&look),
            |state| self.story(state),
        )
    }

    /// The phone's calls so far, for messages to people.
    fn story(&self, state: &State) -> String {
        let Some(phone) = state.phones.get(&self.user) else {
            return "no such phone".into();
        };
        if phone.legs.is_empty() {
            return "it had no call".into();
        }
        let began = self.shared.began();
        let tell = |leg: &Leg| {
            let at = leg.moments.began.saturating_duration_since(began);
            format!("{:?} {} at {at:.1?}: {:?}", leg.direction, leg.other, leg.state)
        };
        let legs: Vec<String> = phone
            .legs
            .iter()
            .filter_map(|id| state.legs.get(id))
            .map(tell)
            .collect();
        format!("its calls: {}", legs.join(", "))
    }
}
