//! Writing a spool: appending, keeping to its limits, letting go what everybody has stored.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustix::fs::{FlockOperation, flock};

use crate::reason;
use crate::record::Record;
use crate::shelf::{self, Boot, Ending, Segment, Shelf};

/// Keeps a second node away.
pub(crate) const LOCK: &str = "lock";
/// Boots of which files are kept at most.
const BOOTS: usize = 4_096;

/// How much is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Bytes of all files.
    pub bytes: u64,
    /// Age of what was written last into a segment.
    pub age: Duration,
    /// Bytes after which a new segment is begun. What is kept may be so much more than wanted, or less.
    pub segment: u64,
}

/// Events that a limit took away before everybody had stored them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dropped {
    /// Of which boot.
    pub boot: String,
    /// That is the present one.
    pub present: bool,
    /// First of them.
    pub first: u64,
    /// Last of them.
    pub last: u64,
    /// See [`reason`].
    pub reason: &'static str,
}

/// A spool that was opened, and what is to be said about what was found.
#[derive(Debug)]
pub struct Opened {
    /// To be written.
    pub spool: Spool,
    /// Files that are none of ours, or cannot be read, and stay where they are.
    pub strange: Vec<PathBuf>,
    /// Boots that had to go unread, since there were too many.
    pub given_up: Vec<String>,
}

/// The writing end. One thread has it.
#[derive(Debug)]
pub struct Spool {
    shelf: Shelf,
    limits: Limits,
    protocol: u64,
    /// The number of the present boot.
    boot: u64,
    /// The segment that is appended to.
    current: Option<Current>,
    /// Everybody has stored all up to there: a boot's number, and an event.
    stored: (u64, u64),
    dropped: Vec<Dropped>,
    /// Written to, and not brought to the disk since.
    unsynced: Vec<Arc<File>>,
    buffer: Vec<u8>,
    _lock: File,
}

/// Files that a power cut would not spare.
#[derive(Debug)]
pub struct Unsynced {
    files: Vec<Arc<File>>,
    /// Of the boot, of the spool, and what that lies in: each has the name of the one before, and may be new.
    folders: Vec<PathBuf>,
}

impl Unsynced {
    /// Brings them, and their names, to the disk.
    ///
    /// # Errors
    /// What the system says.
    pub fn sync(&self) -> io::Result<()> {
        self.files.iter().try_for_each(|file| file.sync_data())?;
        let mut folders = self.folders.iter();
        folders.try_for_each(|folder| File::open(folder)?.sync_all())
    }
}

#[derive(Debug)]
struct Current {
    file: Arc<File>,
    /// Up to there it is whole.
    length: u64,
}

impl Spool {
    /// Opens the spool of a folder for a boot of that name, whose lines are of that version.
    ///
    /// # Errors
    /// Another node has it, or the system says no; the message names the place.
    pub fn open(folder: &Path, boot: &str, protocol: u64, limits: Limits) -> io::Result<Opened> {
        let named = |path: &Path, error: io::Error| {
            io::Error::new(error.kind(), format!("{}: {error}", path.display()))
        };
        let failed = |error| named(folder, error);
        make_folder(folder).map_err(failed)?;
        let path = folder.join(LOCK);
        let lock = OpenOptions::new()
            // Both: whatever has the name, opening does not wait for somebody.
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o640)
            .open(&path)
            .map_err(|error| named(&path, error))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|_| {
            let message = "another node of this name has its spool there; give each a name of its own";
            failed(io::Error::new(io::ErrorKind::AddrInUse, message))
        })?;
        let shelf::Found {
            mut boots,
            strange,
            highest,
        } = shelf::find(folder).map_err(failed)?;
        let mut given_up = Vec::new();
        while boots.len() >= BOOTS
            && let Some(boot) = boots.pop_front()
        {
            std::fs::remove_dir_all(&boot.folder).map_err(|error| named(&boot.folder, error))?;
            given_up.push(boot.name);
        }
        let number = highest.saturating_add(1);
        let present = Boot {
            number,
            name: boot.to_owned(),
            folder: folder.join(format!("{number:06}-{boot}")),
            segments: Default::default(),
            let_go: 0,
            ending: Ending::Not,
        };
        make_folder(&present.folder).map_err(|error| named(&present.folder, error))?;
        boots.push_back(present);
        let shelf = Shelf::default();
        *shelf.lock() = boots;
        let spool = Spool {
            shelf,
            limits,
            protocol,
            boot: number,
            current: None,
            stored: (0, 0),
            dropped: Vec::new(),
            unsynced: Vec::new(),
            buffer: Vec::new(),
            _lock: lock,
        };
        Ok(Opened {
            spool,
            strange,
            given_up,
        })
    }

    /// What readers need.
    pub fn shelf(&self) -> Shelf {
        self.shelf.clone()
    }

    /// Appends records of the present boot, all or none: `last` is the last event that they are about, `first` the first. They
    /// are to follow what was appended before, if need be with a gap. What the limits take away for it is [told](Self::take_dropped).
    ///
    /// # Errors
    /// What the system says; the records do not count, and may be appended again.
    pub fn append<'a>(
        &mut self,
        first: u64,
        last: u64,
        records: impl Iterator<Item = Record<'a>>,
    ) -> io::Result<()> {
        let full = self
            .current
            .as_ref()
            .is_some_and(|current| current.length >= self.limits.segment);
        if full {
            self.current = None;
        }
        self.buffer.clear();
        if self.current.is_none() {
            let protocol = self.protocol;
            Record::Head { protocol }
                .write(&mut self.buffer)
                .map_err(io::Error::other)?;
        }
        for record in records {
            record.write(&mut self.buffer).map_err(io::Error::other)?;
        }
        self.keep_to(
            self.limits.bytes.saturating_sub(self.buffer.len() as u64),
            reason::SPOOL_FULL,
        );
        let fresh = self.current.is_none();
        let mut current = match self.current.take() {
            Some(current) => current,
            None => Current {
                file: Arc::new(self.create(first)?),
                length: 0,
            },
        };
        if let Err(error) = current.file.write_all_at(&self.buffer, current.length) {
            if fresh {
                // Not in the way of the next attempt, and no room taken from it.
                let _ = std::fs::remove_file(self.path(first));
            } else if current.file.set_len(current.length).is_ok() {
                self.current = Some(current);
            }
            // If not even that can be done a new segment is begun: numbers decide, whatever stands at the end of this one.
            return Err(error);
        }
        current.length += self.buffer.len() as u64;
        let length = current.length;
        if !self
            .unsynced
            .last()
            .is_some_and(|file| Arc::ptr_eq(file, &current.file))
        {
            self.unsynced.push(Arc::clone(&current.file));
        }
        self.current = Some(current);
        self.present(|boot| {
            if fresh {
                boot.segments.push_back(Segment {
                    first,
                    last,
                    bytes: length,
                    written: SystemTime::now(),
                    gap: None,
                    generation: 0,
                });
            } else if let Some(segment) = boot.segments.back_mut() {
                segment.last = last;
                segment.bytes = length;
                segment.written = SystemTime::now();
            }
        });
        Ok(())
    }

    /// What was written since this was last asked, to be brought to the disk, by whichever thread.
    pub fn take_unsynced(&mut self) -> Option<Unsynced> {
        let files = std::mem::take(&mut self.unsynced);
        let folder = || self.present(|boot| boot.folder.clone());
        let whole = |folder: &Path| match folder.as_os_str().is_empty() {
            true => PathBuf::from("."),
            false => folder.to_owned(),
        };
        (!files.is_empty()).then(|| Unsynced {
            files,
            folders: folder().ancestors().take(3).map(whole).collect(),
        })
    }

    /// Says that the node ended in order, and brings all to the disk.
    ///
    /// # Errors
    /// What the system says.
    pub fn finish(&mut self) -> io::Result<()> {
        let last = self.present(|boot| boot.newest());
        self.append(last + 1, last, std::iter::once(Record::End { last }))?;
        self.take_unsynced().map_or(Ok(()), |unsynced| unsynced.sync())
    }

    /// Everybody has stored the events of boot `boot` up to `seq`, and all of the boots before it: lets go what need not be
    /// kept. Returns what must be stored so that there is something to let go again, as boot and event; `None` if nothing is to be
    /// until more is written. With `pressed`, since there is no room on the disk, even the segment that is appended to goes.
    pub fn stored(&mut self, boot: u64, seq: u64, pressed: bool) -> Option<(u64, u64)> {
        self.stored = self.stored.max((boot, seq));
        let (boot, seq) = self.stored;
        let mut gone = Vec::new();
        let mut folders = Vec::new();
        let next = {
            let mut boots = self.shelf.lock();
            while boots
                .front()
                .is_some_and(|front| front.number < boot.min(self.boot))
                && let Some(front) = boots.pop_front()
            {
                folders.push(front.folder);
            }
            // The last one says how the boot ended, or is appended to.
            let kept = |front: &Boot| usize::from(!pressed || front.number < self.boot);
            if let Some(front) = boots.front_mut().filter(|front| front.number == boot) {
                while front.segments.len() > kept(front)
                    && let Some(oldest) = front.segments.front().map(|oldest| (oldest.first, oldest.last))
                    && oldest.1 <= seq
                {
                    front.segments.pop_front();
                    front.let_go = oldest.1;
                    gone.push(front.path(oldest.0));
                }
                if front.segments.is_empty() {
                    self.current = None;
                }
            }
            boots.front().and_then(|front| match front.segments.front() {
                Some(oldest) if front.segments.len() > kept(front) => Some((front.number, oldest.last)),
                _ => (front.number < self.boot).then_some((front.number + 1, 0)),
            })
        };
        // What cannot be removed is found at the next start.
        gone.iter().for_each(|path| {
            let _ = std::fs::remove_file(path);
        });
        folders.iter().for_each(|folder| {
            let _ = std::fs::remove_dir_all(folder);
        });
        next
    }

    /// Drops what is older than is wanted.
    pub fn keep_to_age(&mut self, now: SystemTime) {
        while let Some((boot, segment)) = self.oldest()
            && now
                .duration_since(segment.written)
                .is_ok_and(|age| age > self.limits.age)
        {
            self.drop_segment(boot, &segment, reason::TOO_OLD);
        }
    }

    /// What limits took away since this was last asked.
    pub fn take_dropped(&mut self) -> Vec<Dropped> {
        std::mem::take(&mut self.dropped)
    }

    fn keep_to(&mut self, bytes: u64, why: &'static str) {
        if self.shelf.bytes() <= bytes {
            return;
        }
        while self.shelf.bytes() > bytes
            && let Some((boot, segment)) = self.oldest()
        {
            self.drop_segment(boot, &segment, why);
        }
    }

    /// The oldest segment that has something to drop, and its boot. Never the one that is appended to.
    fn oldest(&self) -> Option<(u64, Segment)> {
        let boots = self.shelf.lock();
        let appended = self.current.is_some();
        boots.iter().find_map(|boot| {
            let most = boot.segments.len()
                - usize::from(appended && boot.number == self.boot && !boot.segments.is_empty());
            let mut segments = boot.segments.iter().take(most);
            let found = segments.find(|segment| segment.gap.is_none() && segment.last >= segment.first)?;
            Some((boot.number, found.clone()))
        })
    }

    /// Puts the word that it is missing into the place of a segment, and into one with what is missing before it.
    fn drop_segment(&mut self, number: u64, segment: &Segment, why: &'static str) {
        let (mut first, mut alone) = (segment.first, true);
        let mut ended = None;
        let (mut folder, mut name) = (PathBuf::new(), String::new());
        if let Some(boot) = self.shelf.lock().iter().find(|boot| boot.number == number) {
            let before = boot
                .segments
                .iter()
                .rev()
                .find(|other| other.first < segment.first);
            if let Some(before) = before.filter(|before| before.gap.as_deref() == Some(why)) {
                (first, alone) = (before.first, false);
            }
            let is_last = boot
                .segments
                .back()
                .is_some_and(|last| last.first == segment.first);
            ended = (is_last && boot.ending == Ending::Clean).then_some(segment.last);
            folder.clone_from(&boot.folder);
            name.clone_from(&boot.name);
        }
        let path = |first: u64| folder.join(format!("{first:020}.seg"));
        let mut bytes = Vec::new();
        let gap = Record::Gap {
            first,
            last: segment.last,
            reason: why,
        };
        let head = Record::Head {
            protocol: self.protocol,
        };
        let end = ended.map(|last| Record::End { last });
        for record in [Some(head), Some(gap), end].into_iter().flatten() {
            // They are short.
            let _ = record.write(&mut bytes);
        }
        let place = path(first);
        if put(&place, &bytes).is_err() {
            // No room even for that: there is when the segment is gone. If it still fails, what is missing is missing in the
            // numbers, and told as damaged.
            let _ = std::fs::remove_file(path(segment.first));
            let _ = put(&place, &bytes);
        } else if !alone {
            let _ = std::fs::remove_file(path(segment.first));
        }
        let mut boots = self.shelf.lock();
        if let Some(boot) = boots.iter_mut().find(|boot| boot.number == number) {
            if !alone {
                boot.segments.retain(|other| other.first != segment.first);
            }
            if let Some(left) = boot.segments.iter_mut().find(|other| other.first == first) {
                left.last = segment.last;
                left.bytes = bytes.len() as u64;
                left.gap = Some(why.to_owned());
                left.generation += 1;
            }
        }
        drop(boots);
        let stored = match self.stored.0 {
            boot if boot == number => self.stored.1,
            boot if boot > number => segment.last,
            _ => 0,
        };
        if segment.last > stored {
            self.dropped.push(Dropped {
                boot: name,
                present: number == self.boot,
                first: segment.first.max(stored + 1),
                last: segment.last,
                reason: why,
            });
        }
    }

    fn path(&self, first: u64) -> PathBuf {
        self.present(|boot| boot.path(first))
    }

    fn create(&self, first: u64) -> io::Result<File> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            // No segment of ours: those that count are on the shelf, and this one is not.
            .truncate(true)
            .mode(0o640)
            .open(self.path(first))
    }

    #[expect(
        clippy::unwrap_used,
        reason = "the present boot is put there at the start, and nothing takes it away"
    )]
    fn present<T>(&self, with: impl FnOnce(&mut Boot) -> T) -> T {
        with(self.shelf.lock().back_mut().unwrap())
    }
}

/// Puts a file into its place in one step, and waits for no disk: if a power cut undoes that, numbers are missing, and that is told.
fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("seg.new");
    std::fs::write(&beside, bytes)
        .and_then(|()| std::fs::rename(&beside, path))
        .inspect_err(|_| {
            // It takes room, if it is there at all.
            let _ = std::fs::remove_file(&beside);
        })
}

fn make_folder(path: &Path) -> io::Result<()> {
    // They hold callers' numbers.
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o750)
        .create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_new_folders_are_brought_to_the_disk_with_the_files() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("pbx.spool");
        let limits = Limits {
            bytes: 1 << 20,
            age: Duration::from_secs(60),
            segment: 1 << 10,
        };
        let mut spool = Spool::open(&folder, "b1", 5, limits).unwrap().spool;
        let event = Record::Event { seq: 1, line: b"x\n" };
        spool.append(1, 1, std::iter::once(event)).unwrap();
        let unsynced = spool.take_unsynced().unwrap();
        assert_eq!(
            unsynced.folders,
            [folder.join("000001-b1"), folder, outer.path().to_owned()]
        );
        unsynced.sync().unwrap();
    }
}
