//! Sound files of a bed. Each is a tone, so that a test hears which it is.

use std::path::Path;

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_testbed::phone::Tone;

/// A language that has no words but those which a test records: `tone/digits/2`.
pub(crate) const LANGUAGE: &str = "tone";

/// Half a second, in packets.
const SHORT: usize = 25;

/// Records half a second of a tone as a sound of the bed's Asterisk.
pub(crate) fn record(bed: &Bed, name: &str, tone: Tone) -> Result<()> {
    record_at(&bed.asterisk.path("data/sounds"), name, tone, SHORT)
}

/// Records so many packets of 20 ms in a folder.
pub(crate) fn record_at(folder: &Path, name: &str, tone: Tone, packets: usize) -> Result<()> {
    let file = folder.join(format!("{name}.ulaw"));
    if let Some(parent) = file.parent() {
        std::fs::create_dir_all(parent)?;
    }
    std::fs::write(file, tone.packet().repeat(packets))?;
    Ok(())
}
