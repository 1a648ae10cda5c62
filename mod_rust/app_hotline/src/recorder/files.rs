//! The files of recordings: their names, the room for them, and when they are closed.

use std::collections::HashMap;
use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use hotline_blacklist::time;
use hotline_engine::event::RecordingFailure;
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;

/// Nobody else is to hear what callers say.
const FOLDER_MODE: u32 = 0o750;
const FILE_MODE: u32 = 0o640;

/// What is after the name, before the extension.
const SIDES: [&str; 2] = ["-caller", "-agent"];

/// Files that hold no more than the head of a format hold nothing.
const HEAD: u64 = 60;

/// The two files of one recording, which are there from the start.
#[derive(Debug)]
pub(super) struct Pair {
    /// Within the folder of recordings, without side and extension.
    pub(super) name: String,
    folder: PathBuf,
    files: [String; 2],
}

/// Why there are no files.
#[derive(Debug)]
pub(super) struct NoFiles {
    pub(super) why: RecordingFailure,
    /// For the log.
    pub(super) message: String,
}

fn no_files(what: &str, path: &Path, error: &io::Error) -> NoFiles {
    NoFiles {
        why: match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => RecordingFailure::DiskFull,
            _ => RecordingFailure::Folder,
        },
        message: format!("{what} {} cannot be made: {error}", path.display()),
    }
}

/// The name of a recording begun at that moment: a folder for each day, in UTC, and in it who knows the call finds it.
pub(super) fn name(moment: u64, call: &str, recording: u64) -> String {
    let written = time::show(moment);
    let day = written.get(..10).unwrap_or("undated").replace('-', "/");
    format!("{day}/{call}-{recording}")
}

impl Pair {
    /// Makes the files, empty: what cannot be written shows now.
    pub(super) fn make(root: &Path, name: String, format: &str, keep_free_mib: u64) -> Result<Pair, NoFiles> {
        let whole = root.join(&name);
        let (Some(folder), Some(stem)) = (whole.parent(), whole.file_name().and_then(|stem| stem.to_str()))
        else {
            return Err(NoFiles {
                why: RecordingFailure::Folder,
                message: format!("{} is no name of a file", whole.display()),
            });
        };
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(FOLDER_MODE);
        builder
            .create(folder)
            .map_err(|error| no_files("the folder", folder, &error))?;
        if is_short(folder, keep_free_mib) {
            return Err(NoFiles {
                why: RecordingFailure::DiskFull,
                message: format!(
                    "the disk of {} has less than {keep_free_mib} MiB free ([recording] keep_free_mib)",
                    root.display()
                ),
            });
        }
        let pair = Pair {
            files: SIDES.map(|side| format!("{stem}{side}.{format}")),
            folder: folder.to_owned(),
            name,
        };
        for (made, path) in pair.paths().iter().enumerate() {
            let mut options = OpenOptions::new();
            options.write(true).create_new(true).mode(FILE_MODE);
            if let Err(error) = options.open(path) {
                for path in &pair.paths()[..made] {
                    // It is empty, and says nothing to anybody.
                    let _ = std::fs::remove_file(path);
                }
                return Err(no_files("the file", path, &error));
            }
        }
        Ok(pair)
    }

    /// Of the caller, and of the agent.
    pub(super) fn paths(&self) -> [PathBuf; 2] {
        [0, 1].map(|side| self.folder.join(&self.files[side]))
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Takes the files away that nothing was recorded in.
    pub(super) fn remove(&self) {
        for path in self.paths() {
            // Gone already is as good.
            let _ = std::fs::remove_file(path);
        }
    }

    /// How large both are; `None` if one is gone or holds nothing.
    pub(super) fn sizes(&self) -> (u64, bool) {
        let sizes = self
            .paths()
            .map(|path| std::fs::metadata(path).map_or(0, |meta| meta.len()));
        (sizes.iter().sum(), sizes.iter().all(|size| *size > HEAD))
    }
}

/// Whether the disk of that folder has less room than is to be kept, or none.
pub(super) fn is_short(folder: &Path, keep_free_mib: u64) -> bool {
    // A disk that does not say is tried.
    rustix::fs::statvfs(folder).is_ok_and(|disk| {
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        free == 0 || free >> 20 < keep_free_mib
    })
}

/// What became of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum News {
    /// Somebody opened it.
    Opened,
    /// Who had opened it to write has closed it.
    Closed,
}

/// Tells which files are opened, and closed.
pub(super) struct Closings {
    system: OwnedFd,
    /// Folders by the system's number, and how many recordings each has open.
    folders: HashMap<i32, (PathBuf, usize)>,
}

impl Closings {
    pub(super) fn new() -> io::Result<Closings> {
        Ok(Closings {
            system: inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?,
            folders: HashMap::new(),
        })
    }

    /// Readable when there is news.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.system.as_fd()
    }

    /// From now on, of this pair.
    pub(super) fn watch(&mut self, pair: &Pair) -> io::Result<()> {
        // A file that is written elsewhere first is moved to its place.
        let what = WatchFlags::OPEN | WatchFlags::CLOSE_WRITE | WatchFlags::MOVED_TO | WatchFlags::ONLYDIR;
        let watch = inotify::add_watch(&self.system, pair.folder(), what)?;
        let (_, count) = self
            .folders
            .entry(watch)
            .or_insert_with(|| (pair.folder().to_owned(), 0));
        *count += 1;
        Ok(())
    }

    /// No longer.
    pub(super) fn leave(&mut self, pair: &Pair) {
        let known = self.folders.iter_mut();
        let Some((&watch, (_, count))) = known.into_iter().find(|(_, (folder, _))| folder == pair.folder())
        else {
            return;
        };
        *count -= 1;
        if *count == 0 {
            self.folders.remove(&watch);
            // A folder that is gone has taken the watch along.
            let _ = inotify::remove_watch(&self.system, watch);
        }
    }

    /// What happened since the last time.
    pub(super) fn read(&self) -> io::Result<Vec<(PathBuf, News)>> {
        let mut news = Vec::new();
        let mut buffer = [MaybeUninit::uninit(); 8_192];
        let mut reader = inotify::Reader::new(&self.system, &mut buffer);
        loop {
            match reader.next() {
                Ok(event) => {
                    let folder = self.folders.get(&event.wd()).map(|(folder, _)| folder);
                    let name = event.file_name().and_then(|name| name.to_str().ok());
                    if let (Some(folder), Some(name)) = (folder, name) {
                        let opened = event.events().contains(ReadFlags::OPEN);
                        let what = if opened { News::Opened } else { News::Closed };
                        news.push((folder.join(name), what));
                    }
                }
                Err(Errno::AGAIN) => return Ok(news),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_a_day_and_no_number_of_a_caller() {
        assert_eq!(
            name(1_796_083_200_000_000, "pbx1-65a-2-7", 3),
            "2026/12/01/pbx1-65a-2-7-3"
        );
    }

    #[test]
    fn files_are_made_private_watched_and_measured() {
        let root = std::env::temp_dir().join(format!("hotline-recordings-{}", std::process::id()));
        let pair = Pair::make(&root, name(0, "n-b-1", 1), "wav", 0).unwrap();
        let mut closings = Closings::new().unwrap();
        closings.watch(&pair).unwrap();
        assert_eq!(closings.read().unwrap(), []);
        assert_eq!(pair.sizes(), (0, false));
        let again = Pair::make(&root, name(0, "n-b-1", 1), "wav", 0).unwrap_err();
        assert_eq!(again.why, RecordingFailure::Folder);
        assert!(pair.paths().iter().all(|path| path.exists()));
        for path in pair.paths() {
            std::fs::write(path, [0; 100]).unwrap();
        }
        let [caller, agent] = pair.paths();
        let news =
            [&caller, &agent].map(|path| [News::Opened, News::Closed].map(|what| (path.clone(), what)));
        assert_eq!(closings.read().unwrap(), news.concat());
        assert_eq!(pair.sizes(), (200, true));
        pair.remove();
        assert_eq!(pair.sizes(), (0, false));
        closings.leave(&pair);
        let full = Pair::make(&root, name(0, "n-b-1", 2), "wav", 1 << 30).unwrap_err();
        assert_eq!(full.why, RecordingFailure::DiskFull);
        assert!(full.message.contains("keep_free_mib"), "{}", full.message);
        std::fs::remove_dir_all(root).unwrap();
        let nowhere = Pair::make(Path::new("/dev/null"), name(0, "n-b-1", 3), "wav", 0).unwrap_err();
        assert_eq!(nowhere.why, RecordingFailure::Folder);
    }
}
