//! Tones: what a phone says, and how another one recognises it.
//!
//! All tones are multiples of 50 Hz, so a packet of 20 ms holds whole periods: one packet's payload serves for ever,
//! and two tones never disturb each other's measurement.

/// Samples in a packet: 20 ms at 8 kHz.
pub(super) const PACKET: usize = 160;

/// The amplitude a phone sends, of 32,767. Several of them mixed still fit.
const AMPLITUDE: f32 = 6_000.0;

/// A tone is heard from this amplitude up.
const HEARD: f32 = 1_500.0;

/// A frequency a phone speaks with: a multiple of 50 Hz from 300 Hz to 3,300 Hz.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Tone(u16);

impl Tone {
    /// The tone that the testbed's music on hold consists of.
    pub const MUSIC: Tone = Tone(300);

    /// The number of different tones that [`Tone::nth`] gives.
    pub const COUNT: usize = 60;

    /// The `n`th tone that is not the music: distinct for `n` below [`Tone::COUNT`], then from the first again.
    pub const fn nth(n: usize) -> Tone {
        Tone(350 + 50 * (n % Tone::COUNT) as u16)
    }

    /// The frequency in hertz.
    pub const fn hertz(self) -> u16 {
        self.0
    }

    /// 20 ms of this tone in µ-law; put end to end they are the tone.
    pub fn packet(self) -> [u8; PACKET] {
        std::array::from_fn(|i| {
            let phase = core::f32::consts::TAU * f32::from(self.0) * i as f32 / 8_000.0;
            encode((AMPLITUDE * phase.sin()) as i16)
        })
    }

    /// Whether 20 ms of µ-law contain this tone.
    pub fn is_in(self, packet: &[u8; PACKET]) -> bool {
        self.amplitude_in(packet) >= HEARD
    }

    /// Whether 20 ms at 8 kHz contain this tone.
    pub fn is_in_samples(self, samples: &[i16]) -> bool {
        samples.len() == PACKET && self.amplitude(samples.iter().copied()) >= HEARD
    }

    /// The tone's amplitude in 20 ms of µ-law.
    pub fn amplitude_in(self, packet: &[u8; PACKET]) -> f32 {
        self.amplitude(packet.iter().map(|byte| decode(*byte)))
    }

    /// The tone's amplitude in 20 ms, by Goertzel's method.
    fn amplitude(self, samples: impl Iterator<Item = i16>) -> f32 {
        let omega = core::f32::consts::TAU * f32::from(self.0) / 8_000.0;
        let factor = 2.0 * omega.cos();
        let (mut s1, mut s2) = (0.0f32, 0.0f32);
        for sample in samples {
            let s0 = f32::from(sample) + factor * s1 - s2;
            (s2, s1) = (s1, s0);
        }
        let power = s1 * s1 + s2 * s2 - factor * s1 * s2;
        2.0 * power.max(0.0).sqrt() / PACKET as f32
    }
}

/// µ-law of a linear sample (ITU-T G.711).
fn encode(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80u8 } else { 0 };
    let magnitude = sample.unsigned_abs().min(32_635) + 132;
    let exponent = (magnitude >> 7).ilog2() as u8;
    let mantissa = ((magnitude >> (exponent + 3)) & 0x0f) as u8;
    !(sign | (exponent << 4) | mantissa)
}

/// The linear sample of µ-law (ITU-T G.711).
const fn decode(byte: u8) -> i16 {
    let byte = !byte;
    let exponent = (byte >> 4) & 0x07;
    let magnitude = ((((byte & 0x0f) as i16) << 3) + 132) << exponent;
    if byte & 0x80 != 0 {
        132 - magnitude
    } else {
        magnitude - 132
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_heard_and_no_other() {
        for n in 0..Tone::COUNT {
            let packet = Tone::nth(n).packet();
            for other in 0..Tone::COUNT {
                assert_eq!(Tone::nth(other).is_in(&packet), n == other, "{n} {other}");
            }
            assert!(!Tone::MUSIC.is_in(&packet));
        }
    }

    #[test]
    fn silence_is_no_tone() {
        assert!(!Tone::nth(3).is_in(&[0xff; PACKET]));
    }

    #[test]
    fn mu_law_goes_round() {
        for sample in (-32_000..32_000).step_by(97) {
            let back = decode(encode(sample));
            assert!(
                (i32::from(back) - i32::from(sample)).abs() <= 32 + i32::from(sample.unsigned_abs() >> 4),
                "{sample} {back}"
            );
        }
    }
}
