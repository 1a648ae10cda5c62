//! What is in the files of a recording.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use hotline_testbed::bed::Bed;
use hotline_testbed::phone::Tone;

/// Samples of 20 ms.
const PACKET: usize = 160;

/// One side of a recording.
pub(super) struct Side(Vec<i16>);

/// Both sides of one, in a WAV file each.
pub(super) struct Tape {
    pub(super) caller: Side,
    pub(super) agent: Side,
    /// The size of both files.
    pub(super) bytes: u64,
}

impl Tape {
    pub(super) fn of(bed: &Bed, file: &str) -> Result<Tape> {
        let (mut sides, mut bytes) = (Vec::new(), 0);
        for side in ["caller", "agent"] {
            let path = bed
                .asterisk
                .path("run/recordings")
                .join(format!("{file}-{side}.wav"));
            bytes += std::fs::metadata(&path)
                .with_context(|| path.display().to_string())?
                .len();
            sides.push(Side(samples(&path)?));
        }
        let (Some(agent), Some(caller)) = (sides.pop(), sides.pop()) else {
            unreachable!("there are two sides");
        };
        Ok(Tape { caller, agent, bytes })
    }

    /// Each side has its own tone, and neither the other's.
    pub(super) fn has_sides(&self, caller: Tone, agent: Tone) -> Result<()> {
        let heard = [(&self.caller, caller), (&self.agent, agent)]
            .map(|(side, tone)| (side.count(tone), side.len() / PACKET));
        ensure!(
            heard.iter().all(|(count, _)| *count >= 5),
            "of caller and agent is heard, of so many stretches: {heard:?}"
        );
        ensure!(self.caller.count(agent) == 0, "the agent is in the caller's file");
        ensure!(self.agent.count(caller) == 0, "the caller is in the agent's file");
        Ok(())
    }
}

impl Side {
    /// How many stretches of 20 ms hold the tone.
    pub(super) fn count(&self, tone: Tone) -> usize {
        let packets = self.0.chunks_exact(PACKET);
        packets.filter(|packet| tone.is_in_samples(packet)).count()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Samples of a WAV file with one channel of 16 bits at 8 kHz.
fn samples(path: &Path) -> Result<Vec<i16>> {
    let bytes = std::fs::read(path)?;
    ensure!(bytes.len() >= 44, "{} has no head", path.display());
    ensure!(
        &bytes[..4] == b"RIFF" && &bytes[8..12] == b"WAVE",
        "{} is no WAV",
        path.display()
    );
    let number = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
    let rate = u32::from_le_bytes([bytes[24], bytes[25], bytes[26], bytes[27]]);
    ensure!((number(22), number(34), rate) == (1, 16, 8_000), "another format");
    let samples = bytes[44..].chunks_exact(2);
    Ok(samples.map(|two| i16::from_le_bytes([two[0], two[1]])).collect())
}
