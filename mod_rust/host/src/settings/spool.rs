//! `[spool]`: events on the disk until a supervisor has stored them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hotline_spool::Limits;

use super::reader::{Read, Value};

/// Most bytes of a segment.
const SEGMENT: u64 = 4 << 20;

/// Where and how events are kept on the disk until they are stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SpoolSettings {
    /// `NODE.spool` is a folder in there.
    pub directory: PathBuf,
    /// Most mebibytes of all files.
    pub max_mib: u64,
    /// Events are dropped after so many days, stored or not.
    pub max_days: u32,
    /// How long what was written may wait to be brought to the disk.
    pub sync_every: Duration,
}

impl SpoolSettings {
    pub(crate) fn limits(&self) -> Limits {
        let bytes = self.max_mib << 20;
        Limits {
            bytes,
            age: Duration::from_secs(86_400) * self.max_days,
            segment: SEGMENT.min(bytes / 8),
        }
    }
}

/// Without `directory` it is that of `[state]`; without either there is none.
pub(super) fn read(value: Option<Value<'_>>, state: Option<&Path>) -> Read<Option<SpoolSettings>> {
    let mut settings = SpoolSettings {
        directory: state.map(Path::to_owned).unwrap_or_default(),
        max_mib: 4_096,
        max_days: 30,
        sync_every: Duration::from_millis(100),
    };
    let Some(value) = value else {
        return Ok(state.map(|_| settings));
    };
    let mut table = value.table()?;
    if state.is_none() {
        settings.directory = table.need("directory")?.filled()?.into();
    } else {
        table.set("directory", &mut settings.directory, |value| {
            value.filled().map(PathBuf::from)
        })?;
    }
    table.set("max_mib", &mut settings.max_mib, |value| {
        value.number(0..=1_048_576)
    })?;
    table.set("max_days", &mut settings.max_days, |value| {
        value.number(1..=3_650)
    })?;
    table.set("sync_ms", &mut settings.sync_every, |value| {
        value.number(0..=60_000).map(Duration::from_millis)
    })?;
    table.end()?;
    Ok((settings.max_mib > 0).then_some(settings))
}
