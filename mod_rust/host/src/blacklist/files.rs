//! CSV files in and out, on the thread of who asks.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::Ordering;

use hotline_blacklist::csv::{self, OnBad, Report, Unwanted};
use hotline_blacklist::{Action, Entry, List};

use super::{Shared, shown};

/// The entries of a file.
///
/// # Errors
/// Why none of them is taken, for people: the lines, fields and reasons.
pub(super) fn import(
    path: &Path,
    shared: &Shared,
    csv_rules: &csv::Rules<'_>,
    on_bad: OnBad,
) -> Result<(Vec<Entry>, Report), String> {
    absolute(path)?;
    let named = |why: &dyn std::fmt::Display| format!("{}: {why}", shown(path));
    // A pipe would be waited for, and a device has no end.
    if !std::fs::metadata(path).map_err(|error| named(&error))?.is_file() {
        return Err(named(&"it is no regular file"));
    }
    let file = File::open(path).map_err(|error| named(&error))?;
    let rules = shared.rules.load();
    let most = rules.settings.max_changes;
    let mut entries = Vec::new();
    let take = |entry: Entry| {
        if let Action::Divert(place) = &entry.profile.action
            && !rules.allows(place)
        {
            return Err(Unwanted::Line(not_allowed(place)));
        }
        if entries.len() >= most {
            return Err(Unwanted::All(full(most)));
        }
        entries.push(entry);
        Ok(())
    };
    let from = BufReader::new(WhileRunning { file, shared });
    match csv::read(from, csv_rules, on_bad, take) {
        Ok(report) => Ok((entries, report)),
        Err(error) => Err(format!("{}: nothing is taken: {error}", shown(path))),
    }
}

/// A file that is read no further when the module is to go, whatever is in it.
struct WhileRunning<'a> {
    file: File,
    shared: &'a Shared,
}

impl Read for WhileRunning<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.shared.stopping.load(Ordering::Relaxed) {
            return Err(io::Error::other("the module is being unloaded"));
        }
        self.file.read(to)
    }
}

/// Writes all entries into a new file. How many there were.
///
/// # Errors
/// Why not, for people.
pub(super) fn export(path: &Path, list: &List) -> Result<u64, String> {
    absolute(path)?;
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o640)
        .open(path)
        .map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => format!("{} exists already: name a new file", shown(path)),
            _ => format!("{}: {error}", shown(path)),
        })?;
    let written = write(&file, list);
    if written.is_err() {
        // Half a list is worse than none.
        let _ = std::fs::remove_file(path);
    }
    written.map_err(|error| format!("{}: {error}", shown(path)))
}

fn write(file: &File, list: &List) -> io::Result<u64> {
    let mut buffered = io::BufWriter::with_capacity(1 << 20, file);
    let mut writer = csv::Writer::new(&mut buffered)?;
    let mut count = 0;
    for entry in list.after(None) {
        writer.write(&entry.what, &entry.profile)?;
        count += 1;
    }
    writer.finish()?;
    buffered.flush()?;
    file.sync_all()?;
    Ok(count)
}

fn absolute(path: &Path) -> Result<(), String> {
    if path.is_absolute() {
        Ok(())
    } else {
        Err(format!(
            "{} must begin with /: it is a file of the node's machine",
            shown(path)
        ))
    }
}

/// Why an entry may not send callers there.
pub(super) fn not_allowed(place: &str) -> String {
    format!("callers may not be sent to {place}: add it to [blacklist] places")
}

/// Why no more can be changed.
pub(super) fn full(most: usize) -> String {
    format!(
        "more than {most} numbers would be changed over the index ([blacklist] max_changes): build an index of them with \
         `hotlinectl blacklist build` and load that"
    )
}
