//! The RTP of one leg: what it sends every 20 ms, and what it heard lately.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Instant;

use super::tone::{PACKET, Tone};

/// Payload type of telephone events in [`super::sip::describe`].
const TELEPHONE_EVENT: u8 = 101;

/// Packets of one key press (RFC 4733): 100 ms, the last three of them say that it is over.
const KEY_PACKETS: u16 = 8;

/// Packets of silence between keys.
const KEY_PAUSE: u16 = 4;

/// Packets kept for [`Media::hears`].
const KEPT: usize = 3;

/// A tone below this amplitude is not there: 3 % of what a phone sends.
const FAINT: f32 = 200.0;

/// The least amplitude of a tone in some packets on end; 0 before there are enough.
fn sustained(recent: &VecDeque<[u8; PACKET]>, tone: Tone) -> f32 {
    if recent.len() < KEPT {
        return 0.0;
    }
    let amplitudes = recent.iter().map(|packet| tone.amplitude_in(packet));
    amplitudes.fold(f32::INFINITY, f32::min)
}

/// One leg's audio.
pub(super) struct Media {
    /// Where the other side wants its audio.
    pub(super) remote: Option<SocketAddr>,
    /// Audio packets received so far.
    pub(super) received: u64,
    /// Packets of keys received so far.
    pub(super) keys_heard: u64,
    /// Tones to make a story of.
    pub(super) follow: Vec<Tone>,
    /// The followed tones that were heard, in their order; each once in a row.
    pub(super) story: Vec<Tone>,
    /// How loud each followed tone was at the most, for 60 ms on end.
    pub(super) loudest: Vec<f32>,
    /// Sends nothing, as a phone that saves bandwidth while nobody speaks.
    pub(super) silent: bool,
    /// When each followed tone began to be heard the last time.
    pub(super) onsets: Vec<Option<Instant>>,
    voice: [u8; PACKET],
    sequence: u16,
    timestamp: u32,
    source: u32,
    recent: VecDeque<[u8; PACKET]>,
    keys: VecDeque<Key>,
}

struct Key {
    event: u8,
    sent: u16,
}

impl Media {
    pub(super) fn new(tone: Tone, source: u32) -> Media {
        Media {
            remote: None,
            received: 0,
            keys_heard: 0,
            follow: Vec::new(),
            story: Vec::new(),
            loudest: Vec::new(),
            silent: false,
            onsets: Vec::new(),
            voice: tone.packet(),
            sequence: source as u16,
            timestamp: 0,
            source,
            recent: VecDeque::with_capacity(KEPT),
            keys: VecDeque::new(),
        }
    }

    /// Speaks with another tone from the next packet on.
    pub(super) fn speak(&mut self, tone: Tone) {
        self.voice = tone.packet();
    }

    /// Queues a key press: 0-9, *, #, A-D. Others are passed over.
    pub(super) fn press(&mut self, key: char) {
        if let Some(event) = "0123456789*#ABCD".find(key) {
            self.keys.push_back(Key {
                event: event as u8,
                sent: 0,
            });
        }
    }

    /// The next packet to send; call it every 20 ms.
    pub(super) fn next_packet(&mut self) -> Vec<u8> {
        self.sequence = self.sequence.wrapping_add(1);
        let now = self.timestamp;
        self.timestamp = self.timestamp.wrapping_add(PACKET as u32);
        let Some(key) = self.keys.front_mut() else {
            let mut packet = header(0, self.sequence, now, self.source);
            packet.extend_from_slice(&self.voice);
            return packet;
        };
        // All packets of one key carry the time stamp of its beginning.
        let n = key.sent;
        key.sent += 1;
        let event = key.event;
        if key.sent >= KEY_PACKETS + KEY_PAUSE {
            self.keys.pop_front();
        }
        if n >= KEY_PACKETS {
            let mut packet = header(0, self.sequence, now, self.source);
            packet.extend_from_slice(&[0xff; PACKET]);
            return packet;
        }
        let begin = now.wrapping_sub(u32::from(n) * PACKET as u32);
        let mut packet = header(TELEPHONE_EVENT, self.sequence, begin, self.source);
        if n == 0 {
            packet[1] |= 0x80;
        }
        let end = if n + 3 >= KEY_PACKETS { 0x80 } else { 0 };
        let duration = (n + 1).min(KEY_PACKETS - 2) * PACKET as u16;
        packet.extend_from_slice(&[event, end | 10]);
        packet.extend_from_slice(&duration.to_be_bytes());
        packet
    }

    /// Takes a received packet in; says whether it was 20 ms of audio.
    pub(super) fn receive(&mut self, packet: &[u8]) -> bool {
        if packet
            .get(1)
            .is_some_and(|second| second & 0x7f == TELEPHONE_EVENT)
        {
            self.keys_heard += 1;
        }
        let Some(audio) = audio_of(packet) else {
            return false;
        };
        self.received += 1;
        self.onsets.resize(self.follow.len(), None);
        for (tone, onset) in self.follow.iter().zip(&mut self.onsets) {
            let before = self.recent.back().is_some_and(|packet| tone.is_in(packet));
            if !before && tone.is_in(&audio) {
                *onset = Some(Instant::now());
            }
        }
        if self.recent.len() == KEPT {
            self.recent.pop_front();
        }
        self.recent.push_back(audio);
        self.loudest.resize(self.follow.len(), 0.0);
        for (tone, loudest) in self.follow.iter().zip(&mut self.loudest) {
            *loudest = loudest.max(sustained(&self.recent, *tone));
        }
        let heard = self.follow.iter().copied().find(|tone| self.hears(*tone));
        if heard.is_some() && heard != self.story.last().copied() {
            self.story.extend(heard);
        }
        true
    }

    /// Whether the last 60 ms contained this tone throughout.
    pub(super) fn hears(&self, tone: Tone) -> bool {
        self.recent.len() == KEPT && self.recent.iter().all(|packet| tone.is_in(packet))
    }

    /// Whether the last 60 ms contained this tone at no time.
    pub(super) fn misses(&self, tone: Tone) -> bool {
        self.recent.len() == KEPT && !self.recent.iter().any(|packet| tone.is_in(packet))
    }

    /// Whether the last 60 ms contained each of some tones throughout, and none of the others even faintly.
    pub(super) fn hears_just(&self, tones: &[Tone], others: &[Tone]) -> bool {
        let loud = |tone: &Tone| self.hears(*tone);
        let faint = |tone: &Tone| self.recent.iter().all(|packet| tone.amplitude_in(packet) < FAINT);
        self.recent.len() == KEPT && tones.iter().all(loud) && others.iter().all(faint)
    }

    /// How loud a tone was throughout the last 60 ms.
    pub(super) fn loudness(&self, tone: Tone) -> f32 {
        sustained(&self.recent, tone)
    }

    /// Forgets what was heard, so that the next answer is about now.
    pub(super) fn forget(&mut self) {
        self.recent.clear();
    }

    /// How strong each tone was in the last packet, for messages to people.
    pub(super) fn spectrum(&self) -> Vec<(Tone, f32)> {
        let Some(last) = self.recent.back() else {
            return Vec::new();
        };
        std::iter::once(Tone::MUSIC)
            .chain((0..Tone::COUNT).map(Tone::nth))
            .map(|tone| (tone, tone.amplitude_in(last)))
            .filter(|(_, amplitude)| *amplitude > 300.0)
            .collect()
    }
}

fn header(payload_type: u8, sequence: u16, timestamp: u32, source: u32) -> Vec<u8> {
    let mut packet = Vec::with_capacity(12 + PACKET);
    packet.extend_from_slice(&[0x80, payload_type]);
    packet.extend_from_slice(&sequence.to_be_bytes());
    packet.extend_from_slice(&timestamp.to_be_bytes());
    packet.extend_from_slice(&source.to_be_bytes());
    packet
}

/// The 20 ms of µ-law in a packet, if that is what it holds.
fn audio_of(packet: &[u8]) -> Option<[u8; PACKET]> {
    let (first, second) = (*packet.first()?, *packet.get(1)?);
    if first >> 6 != 2 || second & 0x7f != 0 {
        return None;
    }
    let start = 12 + 4 * usize::from(first & 0x0f);
    packet.get(start..start + PACKET)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hears_what_another_sends() {
        let mut speaker = Media::new(Tone::nth(1), 7);
        let mut listener = Media::new(Tone::nth(2), 8);
        for _ in 0..KEPT {
            assert!(!listener.hears(Tone::nth(1)));
            assert!(listener.receive(&speaker.next_packet()));
        }
        assert!(listener.hears(Tone::nth(1)) && listener.misses(Tone::nth(2)));
    }

    #[test]
    fn what_was_heard_makes_a_story() {
        let mut listener = Media::new(Tone::nth(9), 8);
        listener.follow = vec![Tone::nth(1), Tone::nth(2)];
        for tone in [1, 3, 1, 2, 1] {
            let mut speaker = Media::new(Tone::nth(tone), 7);
            for _ in 0..2 * KEPT {
                listener.receive(&speaker.next_packet());
            }
        }
        assert_eq!(listener.story, [Tone::nth(1), Tone::nth(2), Tone::nth(1)]);
    }

    #[test]
    fn a_key_is_an_event_with_an_end() {
        let mut speaker = Media::new(Tone::nth(1), 7);
        speaker.press('#');
        let packets: Vec<_> = (0..KEY_PACKETS).map(|_| speaker.next_packet()).collect();
        assert!(
            packets
                .iter()
                .all(|p| p[1] & 0x7f == TELEPHONE_EVENT && p[12] == 11 && p[4..8] == packets[0][4..8])
        );
        assert_eq!(packets.iter().filter(|p| p[13] & 0x80 != 0).count(), 3);
        assert_eq!(speaker.next_packet()[12], 0xff);
    }
}
