//! What is known of a spool's files: the boots, and the segments of each.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::record::{MAX_NUMBER, Summary, only_gap};

/// No node starts so often; a greater number is none of ours.
const MOST_STARTS: u64 = 1 << 40;

/// A segment that says only that something is missing has less bytes.
const SMALL: u64 = 256;

/// Shared by who writes and who reads. Locked for moments, never while a file is touched.
#[derive(Clone, Debug, Default)]
pub struct Shelf(Arc<Mutex<VecDeque<Boot>>>);

/// A boot of which there are files.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BootInfo {
    /// Its place among the boots; grows with each start.
    pub number: u64,
    /// Its name.
    pub name: String,
    /// The oldest event held.
    pub oldest: u64,
    /// The newest event held; 0 without any.
    pub newest: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Boot {
    pub(crate) number: u64,
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    /// Oldest first.
    pub(crate) segments: VecDeque<Segment>,
    /// The last event that was in a segment that was let go.
    pub(crate) let_go: u64,
    pub(crate) ending: Ending,
}

/// How a boot ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    /// It is the present one.
    Not,
    /// In order.
    Clean,
    /// Killed, or cut off by the machine.
    Cut {
        /// It was in the middle of writing an event.
        torn: bool,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct Segment {
    /// The first event in it.
    pub(crate) first: u64,
    /// The last event that is to be found in it; before `first` if none is.
    pub(crate) last: u64,
    /// Up to there it is to be read.
    pub(crate) bytes: u64,
    /// When it was last written to.
    pub(crate) written: SystemTime,
    /// All in it is missing, for this reason.
    pub(crate) gap: Option<String>,
    /// How often it was written anew.
    pub(crate) generation: u32,
}

impl Boot {
    pub(crate) fn path(&self, first: u64) -> PathBuf {
        self.folder.join(format!("{first:020}.seg"))
    }

    pub(crate) fn newest(&self) -> u64 {
        self.segments.back().map_or(self.let_go, |segment| segment.last)
    }

    fn oldest(&self) -> u64 {
        self.segments
            .front()
            .map_or(self.let_go + 1, |segment| segment.first)
    }
}

impl Shelf {
    pub(crate) fn lock(&self) -> MutexGuard<'_, VecDeque<Boot>> {
        // Every change is complete before anything that could panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All boots, oldest first; the last one is the present.
    pub fn boots(&self) -> Vec<BootInfo> {
        let of = |boot: &Boot| BootInfo {
            number: boot.number,
            name: boot.name.clone(),
            oldest: boot.oldest(),
            newest: boot.newest(),
        };
        self.lock().iter().map(of).collect()
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        let boots = self.lock();
        boots
            .iter()
            .flat_map(|boot| &boot.segments)
            .map(|segment| segment.bytes)
            .sum()
    }
}

/// What a folder has.
pub(crate) struct Found {
    /// Oldest first.
    pub(crate) boots: VecDeque<Boot>,
    /// What is none, or cannot be read.
    pub(crate) strange: Vec<PathBuf>,
    /// The highest number that is taken; 0 if none is.
    pub(crate) highest: u64,
}

/// The boots that a folder has, oldest first, and what is in it that is none, or cannot be read.
///
/// # Errors
/// What the system says.
pub(crate) fn find(folder: &Path) -> io::Result<Found> {
    let (mut boots, mut strange, mut highest) = (Vec::new(), Vec::new(), 0);
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let named = entry.file_name().into_string().ok();
        let number = named.as_deref().and_then(|name| name.split_once('-'));
        let number = number.and_then(|(number, name)| Some((number.parse().ok()?, name.to_owned())));
        let number = number.filter(|(number, _)| (1..=MOST_STARTS).contains(number));
        // Whatever has a number, that is taken.
        highest = number
            .as_ref()
            .map_or(highest, |(number, _)| highest.max(*number));
        match number {
            Some((number, name)) if entry.file_type()?.is_dir() => boots.push(Boot {
                number,
                name,
                folder: entry.path(),
                segments: VecDeque::new(),
                let_go: 0,
                ending: Ending::Cut { torn: false },
            }),
            _ if named.as_deref() == Some(crate::writer::LOCK) => {}
            _ => strange.push(entry.path()),
        }
    }
    boots.sort_by_key(|boot| boot.number);
    // One that cannot be read is missing in the boots' numbers, which is told; the others are there.
    boots.retain_mut(|boot| {
        let found = find_segments(boot, &mut strange).is_ok();
        if !found {
            strange.push(boot.folder.clone());
        }
        found
    });
    Ok(Found {
        boots: boots.into(),
        strange,
        highest,
    })
}

fn find_segments(boot: &mut Boot, strange: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut segments = Vec::new();
    for entry in std::fs::read_dir(&boot.folder)? {
        let entry = entry?;
        let name = entry.file_name().into_string().ok();
        let first = name.as_deref().and_then(|name| name.strip_suffix(".seg"));
        let named = |first: &u64| (1..=MAX_NUMBER).contains(first) && entry.path() == boot.path(*first);
        match first.and_then(|first| first.parse().ok()).filter(named) {
            Some(first) if entry.file_type()?.is_file() => {
                let about = entry.metadata()?;
                segments.push(Segment {
                    first,
                    last: first - 1,
                    bytes: about.len(),
                    written: about.modified()?,
                    gap: None,
                    generation: 0,
                });
            }
            // A gap that was not finished writing.
            None if name.as_deref().is_some_and(|name| name.ends_with(".new")) => {
                let _ = std::fs::remove_file(entry.path());
            }
            _ => strange.push(entry.path()),
        }
    }
    segments.sort_by_key(|segment| segment.first);
    // Of all but the last one, the name of the next says where it ends.
    let firsts: Vec<u64> = segments.iter().skip(1).map(|segment| segment.first).collect();
    for (segment, next) in segments.iter_mut().zip(firsts) {
        segment.last = next - 1;
    }
    for segment in segments.iter_mut().filter(|segment| segment.bytes < SMALL) {
        // What cannot be read is found missing by who reads.
        let bytes = std::fs::read(boot.path(segment.first)).unwrap_or_default();
        segment.gap = only_gap(&bytes).map(|(_, reason)| reason);
    }
    if let Some(segment) = segments.last_mut() {
        let (bytes, summary) = match std::fs::read(boot.path(segment.first)) {
            Ok(bytes) => (bytes.len(), Summary::of(&bytes)),
            // A bad disk: something was there.
            Err(_) => (
                0,
                Summary {
                    torn: true,
                    ..Summary::default()
                },
            ),
        };
        segment.bytes = bytes as u64;
        segment.last = segment.last.max(summary.last);
        boot.ending = match summary.end {
            Some(last) => {
                segment.last = segment.last.max(last);
                Ending::Clean
            }
            None => Ending::Cut { torn: summary.torn },
        };
    }
    boot.segments = segments.into();
    Ok(())
}
