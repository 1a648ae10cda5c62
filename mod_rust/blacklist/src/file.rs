//! Files that are there whole or not at all, and what is damaged beside them.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Most files of one name that are kept aside.
pub const MOST_ASIDE: u32 = 20;

/// Writes a file beside its place, brings it to the disk, and puts it there in one step: whoever reads meets the old one
/// or the new one. The owner may read and write it, the group read.
///
/// # Errors
/// What the system says, with the file's name; the old file is untouched then.
pub fn replace(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let beside = beside(path)?;
    let written = (|| {
        // Left by a kill, or somebody's: a pipe would be waited for, a link followed.
        match std::fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o640)
            .open(&beside)?;
        let mut buffered = io::BufWriter::with_capacity(1 << 20, &mut file);
        write(&mut buffered)?;
        buffered.flush()?;
        drop(buffered);
        file.sync_all()?;
        std::fs::rename(&beside, path)?;
        sync_folder(path)
    })();
    written.map_err(|error| {
        // It may never have been there.
        let _ = std::fs::remove_file(&beside);
        io::Error::new(error.kind(), format!("{}: {error}", path.display()))
    })
}

/// Keeps bytes in a file of their own: `aside`, or that name with `.1`, `.2` and so on, over nothing that is there but its own
/// beginning. Gives where it is.
///
/// # Errors
/// What the system says, or that there are [`MOST_ASIDE`] already.
pub fn keep_aside(aside: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
    let begun = |place: &Path| {
        let short = std::fs::symlink_metadata(place)
            .is_ok_and(|there| there.is_file() && there.len() <= bytes.len() as u64);
        short && std::fs::read(place).is_ok_and(|there| bytes.starts_with(&there))
    };
    let place = place_aside(aside, begun)?;
    replace(&place, |to| to.write_all(bytes))?;
    Ok(place)
}

/// Keeps a file that is about to be [replaced](replace) under another name, like [`keep_aside`]. That takes no room on the disk,
/// but on a file system that gives a file one name only. One that is kept already is not kept again.
///
/// # Errors
/// See [`keep_aside`].
pub fn link_aside(path: &Path, aside: &Path) -> io::Result<PathBuf> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let this = std::fs::symlink_metadata(path).map_err(named)?;
    let same = |place: &Path| {
        std::fs::symlink_metadata(place)
            .is_ok_and(|there| (there.dev(), there.ino()) == (this.dev(), this.ino()))
    };
    let place = place_aside(aside, same)?;
    if !same(&place)
        && let Err(error) = std::fs::hard_link(path, &place)
    {
        match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported => replace(&place, |mut to| {
                io::copy(&mut File::open(path)?, &mut to).map(|_| ())
            })?,
            _ => return Err(named(error)),
        }
    }
    sync_folder(&place)?;
    Ok(place)
}

/// The first such name that is free, or `ours`.
fn place_aside(aside: &Path, ours: impl Fn(&Path) -> bool) -> io::Result<PathBuf> {
    let numbered = |number: u32| PathBuf::from(format!("{}.{number}", aside.display()));
    let mut places = std::iter::once(aside.to_owned()).chain((1..MOST_ASIDE).map(numbered));
    let free = |place: &PathBuf| std::fs::symlink_metadata(place).is_err() || ours(place);
    places.find(free).ok_or_else(|| {
        io::Error::other(format!(
            "there are {MOST_ASIDE} earlier ones, {} and so on: look at them and remove them",
            aside.display()
        ))
    })
}

/// Brings a new or renamed file's name to the disk.
///
/// # Errors
/// What the system says.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

fn beside(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{} is no file's name", path.display()),
        )
    })?;
    let mut name = name.to_owned();
    name.push(".new");
    Ok(path.with_file_name(name))
}
