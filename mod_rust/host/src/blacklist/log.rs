//! The file of changes: appended to and brought to the disk before a change counts, written anew when most of it is past.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use hotline_blacklist::changes::{self, Change};
use hotline_blacklist::{List, Plan};
use hotline_framed::file;
use rustix::fs::{FlockOperation, flock};

use crate::pbx::Level;

/// Its name in the node's folder.
const NAME: &str = "blacklist.log";
/// Keeps others away, whichever file the log is by now.
const LOCK: &str = "blacklist.lock";
/// What was not whole, and cut off.
const DROPPED: &str = "blacklist.dropped";
/// Changes in one frame of a log that is written anew: what damage to a byte of it costs.
const TOGETHER: usize = 256;
/// A log is never written anew before it has so many bytes.
const SMALL: u64 = 1 << 20;

pub(super) struct Log {
    path: PathBuf,
    file: File,
    /// Up to there it is whole.
    length: u64,
    /// Changes in it since it was written anew, about.
    changes: usize,
    /// The file may have a torn end, or not be the one that has the name: to be opened anew before anything is appended.
    unsure: bool,
    _lock: File,
}

/// What a log had to say when it was opened.
pub(super) struct Found {
    pub(super) changes: Vec<Change>,
    /// What somebody should know.
    pub(super) words: Vec<(Level, String)>,
}

impl Log {
    /// Opens the log of a folder, or begins one.
    ///
    /// # Errors
    /// It is none, another node uses it, or the system says no.
    pub(super) fn open(folder: &Path, plan: &Plan) -> io::Result<(Log, Found)> {
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
        let mut words = Vec::new();
        let mut length = read.good as u64;
        if !read.is_whole() {
            let kept = file::keep_aside(&path.with_extension("damaged"), &bytes);
            words.push((Level::Error, harmed(&path, &read, &shown(&kept))));
            if read.damaged > 0 && kept.is_ok() {
                // Told once. What makes no sense stays: the plan may be put right.
                let anew = file::replace(&path, |to| {
                    to.write_all(&changes::MAGIC)?;
                    let mut parts = read.sound.iter();
                    parts.try_for_each(|part| to.write_all(&bytes[part.clone()]))
                });
                match anew.and_then(|()| open(&path)) {
                    Ok(anew) => {
                        length = anew.metadata().map_err(|error| named(&path, &error))?.len();
                        file = anew;
                    }
                    Err(error) => words.push((
                        Level::Warning,
                        format!(
                            "the damage stays in the log of the blacklist, and will be told again: {error}"
                        ),
                    )),
                }
            }
        }
        let torn = bytes.len() - read.good;
        if torn > 0 {
            // A kill leaves half a change; a bad disk may leave more, for somebody to look at.
            let kept = shown(&file::keep_aside(&folder.join(DROPPED), &bytes[read.good..]));
            words.push((
                Level::Warning,
                format!(
                    "{torn} bytes of a change of the blacklist that was not finished were dropped from {}; {kept}",
                    path.display()
                ),
            ));
        }
        let mut log = Log {
            path,
            file,
            length,
            changes: read.changes.len(),
            unsure: true,
            _lock: lock,
        };
        log.make_sure()?;
        let found = Found {
            changes: read.changes,
            words,
        };
        Ok((log, found))
    }

    /// Brings changes to the disk, all or none.
    ///
    /// # Errors
    /// What the system says; the changes do not count.
    pub(super) fn append(&mut self, changes: &[Change]) -> io::Result<()> {
        // Somebody may have moved or removed it: what is written into a file without a name is lost.
        self.unsure |= !self.has_its_name();
        self.make_sure()?;
        let mut frame = Vec::new();
        changes::write(&mut frame, changes).map_err(io::Error::other)?;
        let written = self.file.write_all(&frame).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // What is left of it must not stand before the next one. Should this fail, it is tried again before that.
            self.unsure = true;
            let _ = self.make_sure();
            return Err(named(&self.path, &error));
        }
        self.length += frame.len() as u64;
        self.changes += changes.len();
        Ok(())
    }

    fn has_its_name(&self) -> bool {
        let same =
            |(named, ours): (Metadata, Metadata)| (named.dev(), named.ino()) == (ours.dev(), ours.ino());
        let named = std::fs::metadata(&self.path).ok();
        named.zip(self.file.metadata().ok()).is_some_and(same)
    }

    /// Brings file and name together again, and cuts off what is torn.
    fn make_sure(&mut self) -> io::Result<()> {
        if !self.unsure {
            return Ok(());
        }
        let error = |error: io::Error| named(&self.path, &error);
        let mut again = open(&self.path)?;
        if again.metadata().map_err(error)?.len() == 0 {
            // It is not there, or another one was begun in its place: ours is, as long as it is open.
            let mut bytes = vec![0; usize::try_from(self.length).map_err(io::Error::other)?];
            self.file.read_exact_at(&mut bytes, 0).map_err(error)?;
            file::replace(&self.path, |to| to.write_all(&bytes))?;
            again = open(&self.path)?;
        }
        let (new, old) = (
            again.metadata().map_err(error)?,
            self.file.metadata().map_err(error)?,
        );
        if (new.dev(), new.ino()) != (old.dev(), old.ino()) {
            let mut head = [0; changes::MAGIC.len()];
            if again.read_exact_at(&mut head, 0).is_err() || head != changes::MAGIC {
                let other =
                    "another file has this name now, which is no log of a blacklist's changes: take it away";
                return Err(error(io::Error::other(other)));
            }
            // Written anew, whole: it has its name only since.
            self.length = new.len();
        }
        again.set_len(self.length).map_err(error)?;
        (&again).seek(SeekFrom::End(0)).map_err(error)?;
        self.file = again;
        self.unsure = false;
        Ok(())
    }

    /// Whether most of it is past, of a list with so many changes.
    pub(super) fn is_long(&self, now: usize) -> bool {
        self.length > SMALL && self.changes > 4 * (now + 1)
    }

    /// Writes it anew from what there is now.
    ///
    /// # Errors
    /// What the system says; the old one stays.
    pub(super) fn compact(&mut self, list: &List) -> io::Result<()> {
        let mut bytes = changes::MAGIC.to_vec();
        let (mut count, mut part) = (0, Vec::new());
        let mut slots = list.overlay().iter().peekable();
        while let Some((what, slot)) = slots.next() {
            part.push(Change::Remove(*what));
            part.extend(slot.iter().map(|profile| {
                Change::Put(hotline_blacklist::Entry {
                    what: *what,
                    profile: profile.clone(),
                })
            }));
            // All about one stands or falls together.
            if part.len() >= TOGETHER || slots.peek().is_none() {
                changes::write(&mut bytes, &part).map_err(io::Error::other)?;
                count += part.len();
                part.clear();
            }
        }
        // Should it fail it is not tried again at every change.
        self.changes = count;
        // Whether it failed before or after it had its name cannot be told.
        self.unsure = true;
        file::replace(&self.path, |to| to.write_all(&bytes))?;
        self.make_sure()
    }
}

/// What is wrong with a log that is not all good.
fn harmed(path: &Path, read: &changes::Read, kept: &str) -> String {
    let mut what = Vec::new();
    if read.damaged > 0 {
        what.push(format!(
            "{} bytes of {} are damaged",
            read.damaged,
            path.display()
        ));
    }
    if read.strange > 0 {
        let (count, why) = (read.strange, &read.why);
        what.push(format!(
            "{count} of its changes make no sense by the plan of [blacklist] ({why})"
        ));
    }
    format!(
        "changes of the blacklist are lost: {}; what else it says is in force, and {kept}: compare `hotline blacklist list` with it",
        what.join(", and ")
    )
}

fn shown(kept: &io::Result<PathBuf>) -> String {
    match kept {
        Ok(place) => format!("they are in {}", place.display()),
        Err(why) => format!("they could not be kept aside: {why}"),
    }
}

fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o640)
        .open(path)
        .map_err(|error| named(path, &error))?;
    // A pipe would be waited for, and a device has no end.
    if file.metadata().map_err(|error| named(path, &error))?.is_file() {
        Ok(file)
    } else {
        Err(named(path, &io::Error::other("it is no regular file")))
    }
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hotline_blacklist::What;

    fn change(number: &str) -> Change {
        Change::Remove(What::parse(number, &Plan::default()).unwrap())
    }

    #[test]
    fn a_log_that_somebody_moves_or_removes_is_there_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        let (mut log, _) = Log::open(folder.path(), &Plan::default()).unwrap();
        log.append(&[change("136*")]).unwrap();
        std::fs::remove_file(&path).unwrap();
        log.append(&[change("137*")]).unwrap();
        // As a program that rotates logs does it.
        std::fs::rename(&path, folder.path().join("blacklist.log.1")).unwrap();
        File::create(&path).unwrap();
        log.append(&[change("138*")]).unwrap();
        std::fs::rename(&path, folder.path().join("blacklist.log.2")).unwrap();
        std::fs::write(&path, "something else").unwrap();
        let refused = log.append(&[change("139*")]).unwrap_err().to_string();
        assert!(refused.contains("another file has this name"), "{refused}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "something else");
        std::fs::remove_file(&path).unwrap();
        log.append(&[change("140*")]).unwrap();
        drop(log);
        assert_eq!(
            reopened(folder.path()),
            ["136*", "137*", "138*", "140*"].map(change)
        );
    }

    fn reopened(folder: &Path) -> Vec<Change> {
        let (_, found) = Log::open(folder, &Plan::default()).unwrap();
        assert!(found.words.is_empty(), "{:?}", found.words);
        found.changes
    }

    #[test]
    fn what_a_failed_write_left_is_gone_before_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let (mut log, _) = Log::open(folder.path(), &Plan::default()).unwrap();
        log.append(&[change("138*")]).unwrap();
        // A full disk leaves half a change, and then not even that can be taken back.
        log.file.write_all(&[7; 100]).unwrap();
        log.unsure = true;
        log.append(&[change("139*")]).unwrap();
        drop(log);
        assert_eq!(reopened(folder.path()), [change("138*"), change("139*")]);
    }

    #[test]
    fn nothing_is_written_into_a_file_that_lost_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let (mut log, _) = Log::open(folder.path(), &Plan::default()).unwrap();
        log.append(&[change("138*")]).unwrap();
        // Written anew, but what came after that failed.
        let mut anew = changes::MAGIC.to_vec();
        changes::write(&mut anew, &[change("137*")]).unwrap();
        file::replace(&folder.path().join(NAME), |to| to.write_all(&anew)).unwrap();
        log.unsure = true;
        log.append(&[change("139*")]).unwrap();
        drop(log);
        assert_eq!(reopened(folder.path()), [change("137*"), change("139*")]);
    }

    /// Of so many numbers, with two entries each.
    fn many(numbers: u32) -> List {
        use hotline_blacklist::csv::{self, OnBad, Rules};
        let mut text = "number,queues\n".to_owned();
        for number in 0..numbers {
            text.push_str(&format!("138{number:08},a\n138{number:08},b\n"));
        }
        let plan = Plan::default();
        let rules = Rules {
            plan: &plan,
            author: "li",
            reason: "",
            added: 1,
        };
        let mut list = List::default();
        csv::read(text.as_bytes(), &rules, OnBad::Refuse, |entry| {
            list.put(entry);
            Ok(())
        })
        .unwrap();
        list
    }

    #[test]
    fn a_damaged_byte_of_a_log_written_anew_costs_little() {
        let folder = tempfile::tempdir().unwrap();
        let (mut log, _) = Log::open(folder.path(), &Plan::default()).unwrap();
        log.compact(&many(2_000)).unwrap();
        drop(log);
        let path = folder.path().join(NAME);
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let (_, found) = Log::open(folder.path(), &Plan::default()).unwrap();
        let left = found.changes.len();
        assert!((5_700..6_000).contains(&left), "{left} of 6000");
        let halves = found.changes.chunk_by(|_, next| matches!(next, Change::Put(_)));
        assert!(halves.into_iter().all(|slot| slot.len() == 3));
    }

    #[test]
    fn what_cannot_be_written_anew_is_not_tried_at_every_change() {
        let folder = tempfile::tempdir().unwrap();
        let (mut log, _) = Log::open(folder.path(), &Plan::default()).unwrap();
        log.append(&vec![change("13800138000"); 100_000]).unwrap();
        std::fs::create_dir(folder.path().join("blacklist.log.new")).unwrap();
        assert!(log.is_long(0) && log.compact(&List::default()).is_err());
        log.append(&[change("139*")]).unwrap();
        assert!(!log.is_long(0));
        drop(log);
        assert_eq!(reopened(folder.path()).len(), 100_001);
    }

    #[test]
    fn a_log_is_written_anew_when_most_of_it_is_past() {
        let folder = tempfile::tempdir().unwrap();
        let (mut log, _) = Log::open(folder.path(), &Plan::default()).unwrap();
        let many = vec![change("13800138000"); 100_000];
        log.append(&many).unwrap();
        assert!(log.is_long(0) && !log.is_long(100_000), "an import is no past");
        log.compact(&List::default()).unwrap();
        assert!(!log.is_long(0));
        log.append(&[change("139*")]).unwrap();
        drop(log);
        assert_eq!(reopened(folder.path()), [change("139*")]);
    }
}
