//! What those who listen to one conversation hear of each other: whoever of them speaks into it.
//!
//! The PBX hands a channel's audio to those who listen before it mixes in what others say, so that they would hear answers without
//! questions. Nobody hears the own voice here, which would be an echo.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Samples that are kept before any are heard, so that the clocks of two channels make no gaps: 40 ms.
const AHEAD: usize = 320;
/// The most samples that are kept: 100 ms.
const MOST: usize = 800;

/// Those who listen to a conversation.
#[derive(Default, Debug)]
pub struct Room(Mutex<State>);

#[derive(Default, Debug)]
struct State {
    last: u64,
    inlets: Vec<(u64, Inlet)>,
}

/// What somebody is to hear of the others.
#[derive(Default, Debug)]
struct Inlet {
    /// At which channel of the conversation it listens: its unique id.
    at: String,
    samples: VecDeque<i16>,
    flows: bool,
}

/// A listener's place in a room, left when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    room: Arc<Room>,
    id: u64,
    at: String,
}

impl Room {
    /// Enters as one who listens at that channel of the conversation.
    pub(crate) fn enter(self: &Arc<Room>, at: String) -> Place {
        let mut state = self.lock();
        state.last += 1;
        let id = state.last;
        let inlet = Inlet {
            at: at.clone(),
            ..Inlet::default()
        };
        state.inlets.push((id, inlet));
        drop(state);
        Place {
            room: Arc::clone(self),
            id,
            at,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Lets all others hear it; if it is said into the conversation through this place's channel (`through`), only those who listen
    /// at the same channel: all others hear it come from there, as long as the two are in one conversation.
    pub(crate) fn say(&self, samples: &[i16], through: bool) {
        for (id, inlet) in &mut self.room.lock().inlets {
            if *id != self.id && (!through || inlet.at == self.at) {
                inlet.put(samples);
            }
        }
    }

    /// Adds what others say to what is heard.
    pub(crate) fn hear(&self, samples: &mut [i16]) {
        let mut state = self.room.lock();
        if let Some((_, inlet)) = state.inlets.iter_mut().find(|(id, _)| *id == self.id) {
            inlet.add_to(samples);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.room.lock().inlets.retain(|(id, _)| *id != self.id);
    }
}

impl Inlet {
    fn put(&mut self, samples: &[i16]) {
        self.samples.extend(samples);
        // Late voice is worse than a gap.
        if self.samples.len() > MOST {
            self.samples.drain(..self.samples.len() - AHEAD);
        }
    }

    fn add_to(&mut self, samples: &mut [i16]) {
        self.flows = self.flows && self.samples.len() >= samples.len() || self.samples.len() >= AHEAD;
        if self.flows {
            let count = samples.len().min(self.samples.len());
            for (sample, said) in samples.iter_mut().zip(self.samples.drain(..count)) {
                *sample = sample.saturating_add(said);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(place: &Place) -> Vec<i16> {
        let mut samples = [1; 4];
        place.hear(&mut samples);
        samples.to_vec()
    }

    #[test]
    fn others_hear_what_one_says_in_order_and_who_speaks_does_not() {
        let room = Arc::<Room>::default();
        let enter = |at: &str| room.enter(at.to_owned());
        let (speaker, listener, elsewhere) = (enter("leg"), enter("leg"), enter("caller"));
        speaker.say(&[5; AHEAD - 1], false);
        assert_eq!(heard(&listener), [1; 4], "not enough to go on without gaps");
        speaker.say(&[7, 8, 9], false);
        assert_eq!(heard(&listener), [6; 4]);
        assert_eq!(heard(&elsewhere), [6; 4]);
        assert_eq!(heard(&speaker), [1; 4]);
        drop(elsewhere);

        let elsewhere = enter("caller");
        speaker.say(&[5; AHEAD], true);
        assert_eq!(heard(&listener), [6; 4]);
        assert_eq!(heard(&elsewhere), [1; 4], "it hears that in the conversation");
        drop(elsewhere);
        drop(listener);
        assert_eq!(room.lock().inlets.len(), 1);
    }

    #[test]
    fn what_is_late_is_passed_over() {
        let mut inlet = Inlet::default();
        for n in 0..100 {
            inlet.put(&[n; 160]);
            assert!(inlet.samples.len() <= MOST);
        }
        let mut samples = [0; 160];
        inlet.add_to(&mut samples);
        assert!(samples[0] >= 95, "{}", samples[0]);
    }
}
