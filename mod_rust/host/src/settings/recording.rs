//! `[recording]`, where recordings go, and `[queue.recording]`, what is recorded.

use std::path::PathBuf;

use hotline_engine::config::{Recording, RecordingMode};

use super::reader::{Read, Value};

/// Formats by their names, which the PBX's recorder understands.
const FORMATS: &[(&str, &str)] = &[
    ("wav", "wav"),
    ("wav16", "wav16"),
    ("alaw", "alaw"),
    ("ulaw", "ulaw"),
    ("gsm", "gsm"),
];

const MODES: &[(&str, RecordingMode)] = &[
    ("never", RecordingMode::Never),
    ("on-demand", RecordingMode::OnDemand),
    ("always", RecordingMode::Always),
];

/// Where and how conversations are recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecordingSettings {
    /// Each day has a folder in there.
    pub folder: PathBuf,
    /// The files' extension, by which the PBX knows how to write them.
    pub format: &'static str,
    /// With less room on its disk, in mebibytes, nothing is recorded.
    pub keep_free_mib: u64,
}

pub(super) fn read(value: &Value<'_>) -> Read<RecordingSettings> {
    let mut table = value.table()?;
    let folder = table.need("folder")?;
    let mut settings = RecordingSettings {
        folder: folder.filled()?.into(),
        format: "wav",
        keep_free_mib: 1_024,
    };
    // The recorder takes the name apart at these, and puts others in a folder of its own.
    let odd = |c: char| matches!(c, ',' | '(' | ')' | '"' | '\\' | '$' | '^') || c.is_control();
    match settings.folder.to_str() {
        Some(text) if settings.folder.is_absolute() && !text.contains(odd) => {}
        Some(_) | None => {
            return Err(
                folder.must_be("a folder's whole name, without commas, brackets, quotes and the like")
            );
        }
    }
    table.set("format", &mut settings.format, |value| value.choice(FORMATS))?;
    table.set("keep_free_mib", &mut settings.keep_free_mib, |value| {
        value.number(0..=1_073_741_824)
    })?;
    table.end()?;
    Ok(settings)
}

pub(super) fn of_queue(value: &Value<'_>, has_folder: bool) -> Read<Recording> {
    let mut table = value.table()?;
    let mut recording = Recording::default();
    let mode = table.need("mode")?;
    recording.mode = mode.choice(MODES)?;
    if recording.mode != RecordingMode::Never && !has_folder {
        return Err(mode.wrong("needs a folder for recordings: [recording] folder"));
    }
    if let Some(percent) = table.take("percent") {
        if recording.mode != RecordingMode::Always {
            return Err(percent.wrong("is for mode \"always\""));
        }
        recording.percent = percent.number(1..=100)?;
    }
    table.end()?;
    Ok(recording)
}
