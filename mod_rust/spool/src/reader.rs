//! Reading a boot's events from the files, in order, with a gap for whatever is missing.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::reason;
use crate::record::{Record, Records};
use crate::shelf::{Ending, Shelf};

/// Items that one step gives at most.
const MOST: usize = 1_024;

/// What a reader gives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Item<'a> {
    /// An event.
    Event {
        /// Its number.
        seq: u64,
        /// Its line, newline included.
        line: &'a [u8],
        /// The version of the line; `None` if that is not known any more.
        protocol: Option<u64>,
    },
    /// Events that will never come.
    Gap {
        /// First of them.
        first: u64,
        /// Last of them.
        last: u64,
        /// See [`reason`], or why the writer left them out.
        reason: &'a str,
    },
}

/// How far a step came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// There may be more.
    More,
    /// Of the present boot nothing further is on the disk as yet.
    CaughtUp,
    /// That was all of a boot of before.
    End {
        /// It ended in order, and that was really all. Otherwise what it did after its last event nobody knows.
        clean: bool,
    },
    /// There are no files of this boot.
    Gone,
}

/// Reads one boot from one event on. Every reader has a place of its own, and waits for nobody.
#[derive(Debug)]
pub struct Reader {
    shelf: Shelf,
    boot: u64,
    next: u64,
    chunk: Option<Chunk>,
}

/// What was read of a segment and not yet given.
#[derive(Debug)]
struct Chunk {
    first: u64,
    generation: u32,
    file: Option<File>,
    /// Read up to there.
    offset: u64,
    bytes: Vec<u8>,
    /// Given up to there, of `bytes`.
    at: usize,
    protocol: Option<u64>,
}

enum Place {
    Done(Step),
    /// Nothing of these is to be found.
    Missing(u64, &'static str),
    /// They may be in this segment.
    Segment {
        first: u64,
        generation: u32,
        bytes: u64,
    },
}

impl Reader {
    /// Of boot `boot`, by number, from event `next` on.
    pub fn new(shelf: Shelf, boot: u64, next: u64) -> Reader {
        Reader {
            shelf,
            boot,
            next: next.max(1),
            chunk: None,
        }
    }

    /// The event that comes next.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Gives some items, none about an event after `last` but as part of a gap.
    ///
    /// # Errors
    /// What `give` or the system says. The reader may be asked again.
    pub fn step(&mut self, last: u64, mut give: impl FnMut(Item<'_>) -> io::Result<()>) -> io::Result<Step> {
        loop {
            if self.next > last || self.give_read(last, &mut give)? {
                return Ok(Step::More);
            }
            match self.place() {
                Place::Done(step) => return Ok(step),
                Place::Missing(last, reason) => {
                    let first = self.next;
                    give(Item::Gap { first, last, reason })?;
                    self.next = last + 1;
                    return Ok(Step::More);
                }
                Place::Segment {
                    first,
                    generation,
                    bytes,
                } => self.read_on(first, generation, bytes)?,
            }
        }
    }

    /// Gives what was read. Returns whether that was anything.
    fn give_read(
        &mut self,
        last: u64,
        give: &mut impl FnMut(Item<'_>) -> io::Result<()>,
    ) -> io::Result<bool> {
        let Some(chunk) = &mut self.chunk else {
            return Ok(false);
        };
        let mut given = 0;
        let mut records = Records::new(&chunk.bytes, chunk.at);
        while given < MOST {
            let before = records.end();
            let Some(record) = records.next() else {
                chunk.bytes.clear();
                chunk.at = 0;
                return Ok(given > 0);
            };
            let (first, to) = match record {
                Record::Head { protocol } => {
                    chunk.protocol = Some(protocol);
                    continue;
                }
                Record::End { .. } => continue,
                Record::Event { seq, .. } => (seq, seq),
                Record::Gap { first, last, .. } => (first, last),
            };
            if to < self.next {
                continue;
            }
            if first > last {
                chunk.at = before;
                return Ok(given > 0);
            }
            if first > self.next {
                give(Item::Gap {
                    first: self.next,
                    last: first - 1,
                    reason: reason::DAMAGED,
                })?;
                self.next = first;
                given += 1;
            }
            let item = match record {
                Record::Event { seq, line } => Item::Event {
                    seq,
                    line,
                    protocol: chunk.protocol,
                },
                Record::Gap { reason, .. } => Item::Gap {
                    first: self.next,
                    last: to,
                    reason,
                },
                Record::Head { .. } | Record::End { .. } => continue,
            };
            give(item)?;
            self.next = to + 1;
            given += 1;
            chunk.at = records.end();
        }
        Ok(true)
    }

    /// Where to go on.
    fn place(&self) -> Place {
        let boots = self.shelf.lock();
        let Some(boot) = boots.iter().find(|boot| boot.number == self.boot) else {
            return Place::Done(Step::Gone);
        };
        let (next, newest) = (self.next, boot.newest());
        if next > newest {
            return match boot.ending {
                Ending::Not => Place::Done(Step::CaughtUp),
                Ending::Cut { torn: true } if next == newest + 1 => Place::Missing(next, reason::TORN),
                Ending::Cut { .. } => Place::Done(Step::End { clean: false }),
                Ending::Clean => Place::Done(Step::End { clean: true }),
            };
        }
        let after = boot.segments.partition_point(|segment| segment.first <= next);
        let Some(segment) = after.checked_sub(1).and_then(|at| boot.segments.get(at)) else {
            let first = boot.segments.front().map_or(newest + 1, |segment| segment.first);
            return Place::Missing(first - 1, reason::ACKNOWLEDGED);
        };
        let read = self.chunk.as_ref().is_some_and(|chunk| {
            (chunk.first, chunk.generation) == (segment.first, segment.generation)
                && chunk.offset >= segment.bytes
        });
        if read {
            let following = boot.segments.get(after);
            return Place::Missing(
                following.map_or(newest, |segment| segment.first - 1),
                reason::DAMAGED,
            );
        }
        Place::Segment {
            first: segment.first,
            generation: segment.generation,
            bytes: segment.bytes,
        }
    }

    fn path(&self, first: u64) -> Option<std::path::PathBuf> {
        let boots = self.shelf.lock();
        boots
            .iter()
            .find(|boot| boot.number == self.boot)
            .map(|boot| boot.path(first))
    }

    /// Reads a segment up to there, from where the last reading of it ended.
    fn read_on(&mut self, first: u64, generation: u32, bytes: u64) -> io::Result<()> {
        let chunk = match &mut self.chunk {
            Some(chunk) if (chunk.first, chunk.generation) == (first, generation) => chunk,
            _ => {
                let Some(path) = self.path(first) else {
                    return Ok(());
                };
                let file = match File::open(&path) {
                    Ok(file) => Some(file),
                    // Let go since, or taken away by somebody.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                    Err(error) => {
                        let message = format!("{}: {error}", path.display());
                        return Err(io::Error::new(error.kind(), message));
                    }
                };
                self.chunk.insert(Chunk {
                    first,
                    generation,
                    file,
                    offset: 0,
                    bytes: Vec::new(),
                    at: 0,
                    protocol: None,
                })
            }
        };
        // Of what was read before nothing is left: only the end of a record that was damaged.
        chunk.bytes.clear();
        chunk.at = 0;
        if let Some(file) = &chunk.file {
            let wanted = usize::try_from(bytes - chunk.offset).map_err(io::Error::other)?;
            chunk.bytes.resize(wanted, 0);
            let mut read = 0;
            while let Some(rest) = chunk.bytes.get_mut(read..).filter(|rest| !rest.is_empty()) {
                match file.read_at(rest, chunk.offset + read as u64) {
                    Ok(0) => break,
                    Ok(count) => read += count,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    // A bad disk: what cannot be read is missing in the numbers.
                    Err(_) => break,
                }
            }
            chunk.bytes.truncate(read);
        }
        chunk.offset = bytes;
        Ok(())
    }
}
