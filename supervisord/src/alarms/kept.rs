//! The file of what is on, so that a restart neither raises an alarm again nor forgets who takes care of it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use hotline_framed::file;
use serde::{Deserialize, Serialize};

use super::Alarm;

/// Most bytes that are read: what the most alarms come to, and more.
const MAX_BYTES: u64 = 64 << 20;

/// Greatest number of an alarm: every program reads it exactly, and no daemon gets there.
const MAX_ID: u64 = (1 << 53) - 1;

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Kept {
    /// The last number given.
    pub(super) last: u64,
    pub(super) alarms: Vec<Alarm>,
}

/// What was written; nothing if there is nothing, or nothing that makes sense, which is kept aside and said.
pub(super) fn read(path: &Path) -> Kept {
    let read = || -> io::Result<Kept> {
        if !std::fs::metadata(path)?.is_file() {
            return Err(io::Error::other("it is no regular file"));
        }
        let mut bytes = Vec::new();
        File::open(path)?.take(MAX_BYTES).read_to_end(&mut bytes)?;
        let mut kept: Kept = serde_json::from_slice(&bytes)?;
        if kept
            .last
            .max(kept.alarms.iter().map(|alarm| alarm.id).max().unwrap_or(0))
            > MAX_ID
        {
            return Err(io::Error::other(format!("numbers of alarms go up to {MAX_ID}")));
        }
        // Nothing that is on has none.
        kept.last = kept.alarms.iter().map(|alarm| alarm.id).fold(kept.last, u64::max);
        kept.alarms.retain(|alarm| alarm.level > 0);
        Ok(kept)
    };
    match read() {
        Ok(kept) => kept,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Kept::default(),
        Err(error) => {
            let aside = match file::link_aside(path, &path.with_extension("json.damaged")) {
                Ok(aside) => aside.map_or_else(String::new, |aside| aside.display().to_string()),
                Err(error) => format!("not kept: {error}"),
            };
            tracing::error!(path = %path.display(), %error, aside, "which alarms were on is not known; those that still are will be raised anew");
            Kept::default()
        }
    }
}

pub(super) fn write(path: &Path, kept: &Kept) -> io::Result<()> {
    file::replace(path, |file| Ok(serde_json::to_writer(file, kept)?))
}
