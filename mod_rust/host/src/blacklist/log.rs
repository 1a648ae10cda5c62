//! The file of changes: appended to and brought to the disk before a change counts, written anew when most of it is past.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use hotline_blacklist::changes::{self, Change};
use hotline_blacklist::{List, Plan, file};
use rustix::fs::{FlockOperation, flock};

/// Its name in the node's folder.
const NAME: &str = "blacklist.log";
/// Keeps others away, whichever file the log is by now.
const LOCK: &str = "blacklist.lock";
/// What was not whole, and cut off.
const DROPPED: &str = "blacklist.dropped";
/// A log is never written anew before it has so many bytes.
const SMALL: u64 = 1 << 20;

pub(super) struct Log {
    path: PathBuf,
    file: File,
    length: u64,
    /// The length right after it was written anew.
    fresh: u64,
    _lock: File,
}

impl Log {
    /// Opens the log of a folder, or begins one. Returns what it says, and how many bytes of a torn end were cut off.
    ///
    /// # Errors
    /// It makes no sense, another node uses it, or the system says no.
    pub(super) fn open(folder: &Path, plan: &Plan) -> io::Result<(Log, Vec<Change>, u64)> {
        std::fs::create_dir_all(folder).map_err(|error| named(folder, &error))?;
        let lock = open(&folder.join(LOCK))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|_| {
            let message = "another node keeps its blacklist there; give each its own [blacklist] directory";
            named(folder, &io::Error::new(io::ErrorKind::AddrInUse, message))
        })?;
        let path = folder.join(NAME);
        let mut file = open(&path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)
            .map_err(|error| named(&path, &error))?;
        if bytes.len() < changes::MAGIC.len() && changes::MAGIC.starts_with(&bytes) {
            // New, or torn in its first moment.
            file::replace(&path, |to| to.write_all(&changes::MAGIC))?;
            file = open(&path)?;
            bytes = changes::MAGIC.to_vec();
        }
        let read = changes::read(&bytes, plan).map_err(|error| named(&path, &io::Error::other(error)))?;
        let torn = (bytes.len() - read.good) as u64;
        if torn > 0 {
            // A kill leaves half a change; a bad disk may leave more, for somebody to look at.
            file::replace(&folder.join(DROPPED), |to| to.write_all(&bytes[read.good..]))?;
        }
        let length = read.good as u64;
        file.set_len(length).map_err(|error| named(&path, &error))?;
        file.seek(SeekFrom::End(0))
            .map_err(|error| named(&path, &error))?;
        let log = Log {
            path,
            file,
            length,
            fresh: 0,
            _lock: lock,
        };
        Ok((log, read.changes, torn))
    }

    /// Brings changes to the disk, all or none.
    ///
    /// # Errors
    /// What the system says; the changes do not count.
    pub(super) fn append(&mut self, changes: &[Change]) -> io::Result<()> {
        let mut frame = Vec::new();
        changes::write(&mut frame, changes).map_err(io::Error::other)?;
        let written = self.file.write_all(&frame).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // What is left of it must not stand before the next one. Should this fail too, the checksum tells.
            let _ = self.file.set_len(self.length);
            let _ = self.file.seek(SeekFrom::End(0));
            return Err(named(&self.path, &error));
        }
        self.length += frame.len() as u64;
        Ok(())
    }

    /// Whether most of it is past.
    pub(super) fn is_long(&self) -> bool {
        self.length > SMALL.max(4 * self.fresh)
    }

    /// Writes it anew from what there is now.
    ///
    /// # Errors
    /// What the system says; the old one stays.
    pub(super) fn compact(&mut self, list: &List) -> io::Result<()> {
        let mut all = Vec::new();
        for (what, slot) in list.overlay().iter() {
            all.push(Change::Remove(*what));
            all.extend(slot.iter().map(|profile| {
                Change::Put(hotline_blacklist::Entry {
                    what: *what,
                    profile: profile.clone(),
                })
            }));
        }
        let mut bytes = changes::MAGIC.to_vec();
        if !all.is_empty() {
            changes::write(&mut bytes, &all).map_err(io::Error::other)?;
        }
        file::replace(&self.path, |to| to.write_all(&bytes))?;
        self.file = open(&self.path)?;
        self.file.seek(SeekFrom::End(0))?;
        self.length = bytes.len() as u64;
        self.fresh = self.length;
        Ok(())
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o640)
        .open(path)
        .map_err(|error| named(path, &error))
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
