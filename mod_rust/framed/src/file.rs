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
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                let message = format!("{} is in the way: {error}", beside.display());
                return Err(io::Error::new(error.kind(), message));
            }
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

/// Keeps a file that is about to be [replaced](replace), or whatever has its name, under another name, like [`keep_aside`]; `None` if there is
/// nothing. That takes no room on the disk. One that is kept already is not kept again. Where the system gives it no second name, the
/// first is gone.
///
/// # Errors
/// See [`keep_aside`].
pub fn link_aside(path: &Path, aside: &Path) -> io::Result<Option<PathBuf>> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let this = match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        this => this.map_err(named)?,
    };
    let same = |place: &Path| {
        std::fs::symlink_metadata(place)
            .is_ok_and(|there| (there.dev(), there.ino()) == (this.dev(), this.ino()))
    };
    let place = place_aside(aside, same)?;
    if !same(&place) && std::fs::hard_link(path, &place).is_err() {
        // A folder, or what belongs to somebody else.
        std::fs::rename(path, &place).map_err(named)?;
    }
    sync_folder(&place)?;
    Ok(Some(place))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_linked_aside_is_kept_once_and_nothing_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let (path, aside) = (folder.path().join("a"), folder.path().join("a.damaged"));
        // Somebody has taken it away.
        assert_eq!(link_aside(&path, &aside).unwrap(), None);
        std::fs::write(&path, "one").unwrap();
        for _ in 0..2 {
            assert_eq!(link_aside(&path, &aside).unwrap().as_ref(), Some(&aside));
        }
        replace(&path, |to| to.write_all(b"two")).unwrap();
        let second = folder.path().join("a.damaged.1");
        assert_eq!(link_aside(&path, &aside).unwrap(), Some(second));
        assert_eq!(std::fs::read_to_string(&aside).unwrap(), "one");
        // A folder has no second name.
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        let third = folder.path().join("a.damaged.2");
        assert_eq!(link_aside(&path, &aside).unwrap().as_ref(), Some(&third));
        assert!(third.is_dir() && !path.exists());
    }
}
