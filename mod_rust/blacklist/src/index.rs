//! An immutable file of up to many millions of entries.
//!
//! ```text
//! file = head numbers prefixes patterns records strings crc32(4)     little-endian; the checksum is over all before it
//! head = "HLBLACK\n" version(4) plan(4) length(8) built(8) entries(8) 5 * (offset(8) length(8))
//! ```
//! *Numbers* and *prefixes* are blocks of 16 keys of eight bytes, all in order and the last block filled up with ones, each
//! followed by 16 times the place of the first record, four bytes. A *record* has a fixed size and refers to *strings*; the
//! records of one key follow each other, and equal ones are there once, so that a list whose entries were all added for one
//! reason has hardly any. *Patterns* are pairs of a string and a record.
//!
//! A lookup must touch little memory that is not in a cache: see [`Table`]. A finite-state transducer takes two thirds of the
//! space and twice the time, a node after the other.
//!
//! A file is read into memory whole, and its checksum verified, before anything is believed: one that is cut off, half
//! written or changed later harms nobody.

mod build;
mod table;

use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::entry::{Action, Cause, Names, Profile, What};
use crate::number::{MAX_DIGITS, Number, Plan};
use crate::pattern::{Pattern, Patterns};

pub use build::{Builder, TooMany};
use table::Table;

/// The first bytes of an index.
pub const MAGIC: [u8; 8] = *b"HLBLACK\n";
/// The version of the form; no other is read.
pub const VERSION: u32 = 1;
/// Most entries of an index.
pub const MAX_ENTRIES: u64 = 100_000_000;
/// Most patterns of an index: those that begin alike are looked at one by one.
pub const MAX_PATTERNS: usize = 100_000;

const HEAD: usize = 8 + 4 + 4 + 8 + 8 + 8 + 5 * 16;
const RECORD: usize = 48;
const PATTERN: usize = 8;
const CHECKSUM: usize = 4;
/// Marks the last record of a key.
const LAST: u8 = 1;

/// Why a file is not taken for an index.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The system cannot read it.
    #[error("{file}: {error}", file = .0.display(), error = .1)]
    Io(PathBuf, io::Error),
    /// It does not begin like one.
    #[error("this is no index of a blacklist: build one with `hotlinectl blacklist build`")]
    NotAnIndex,
    /// Another version of the form.
    #[error("the index has version {0}, this program reads version {VERSION}: build it anew")]
    OtherVersion(u32),
    /// Not all of it is there.
    #[error("the index is incomplete: {found} bytes of {expected}; was it still being written?")]
    Incomplete {
        /// Bytes that are there.
        found: u64,
        /// Bytes that should be.
        expected: u64,
    },
    /// More than may be read into memory.
    #[error("the index has {found} bytes, and {most} at most are read: raise max_index_mib of [blacklist]")]
    TooLarge {
        /// Bytes that it has.
        found: u64,
        /// Bytes that it may have.
        most: u64,
    },
    /// It is not what was written.
    #[error("the index is damaged: its checksum is wrong")]
    Damaged,
    /// The checksum is right, and yet it makes no sense.
    #[error("the index makes no sense: {0}")]
    Malformed(&'static str),
    /// Its numbers were brought into another form than ours.
    #[error(
        "the index was built for the plan \"{found}\", and this is \"{expected}\": build it with the plan of [blacklist]"
    )]
    OtherPlan {
        /// As it says.
        found: String,
        /// As ours is.
        expected: String,
    },
}

/// A part of the file.
#[derive(Clone)]
struct Part {
    all: Arc<Vec<u8>>,
    range: Range<usize>,
}

impl AsRef<[u8]> for Part {
    fn as_ref(&self) -> &[u8] {
        // Verified when the file was opened.
        self.all.get(self.range.clone()).unwrap_or_default()
    }
}

/// An index in memory.
pub struct Index {
    numbers: Table,
    prefixes: Table,
    /// Whether there are prefixes of so many digits.
    prefix_lengths: [bool; MAX_DIGITS + 1],
    records: Part,
    pattern_rows: Part,
    strings: Part,
    patterns: Patterns,
    /// The record of each pattern, in order.
    pattern_records: Vec<(Pattern, u32)>,
    entries: u64,
    built: u64,
    checksum: u32,
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Index")
            .field("entries", &self.entries)
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}

impl Index {
    /// Reads a file whole and verifies it, if it has `most` bytes at most.
    ///
    /// # Errors
    /// See [`IndexError`].
    pub fn open(path: &Path, plan: &Plan, most: u64) -> Result<Index, IndexError> {
        let named = |error| IndexError::Io(path.to_owned(), error);
        // A pipe would be waited for, and a device has no end.
        if !std::fs::metadata(path).map_err(named)?.is_file() {
            return Err(named(io::Error::other("it is no regular file")));
        }
        let mut file = std::fs::File::open(path).map_err(named)?;
        let found = file.metadata().map_err(named)?.len();
        // The head first: not to read a film in full to find that it is none.
        let mut bytes = Vec::new();
        (&mut file)
            .take(HEAD as u64)
            .read_to_end(&mut bytes)
            .map_err(named)?;
        if !bytes.starts_with(&MAGIC) {
            return Err(IndexError::NotAnIndex);
        }
        // Nothing is made room for that is refused afterwards.
        if u32_at(&bytes, 8) == Some(VERSION)
            && let Some(expected) = u64_at(&bytes, 16)
            && expected != found
        {
            return Err(IndexError::Incomplete { found, expected });
        }
        if found > most {
            return Err(IndexError::TooLarge { found, most });
        }
        let rest = usize::try_from(found)
            .unwrap_or(usize::MAX)
            .saturating_sub(bytes.len());
        bytes
            .try_reserve_exact(rest)
            .map_err(|_| named(io::Error::from(io::ErrorKind::OutOfMemory)))?;
        // It may be growing.
        file.take(rest as u64).read_to_end(&mut bytes).map_err(named)?;
        Index::from_bytes(bytes, plan)
    }

    /// The same from the bytes of a file.
    ///
    /// # Errors
    /// See [`IndexError`].
    pub fn from_bytes(bytes: Vec<u8>, plan: &Plan) -> Result<Index, IndexError> {
        if !bytes.starts_with(&MAGIC) {
            return Err(IndexError::NotAnIndex);
        }
        let found = bytes.len() as u64;
        let short = |expected: usize| IndexError::Incomplete {
            found,
            expected: expected as u64,
        };
        let version = u32_at(&bytes, 8).ok_or(short(HEAD))?;
        if version != VERSION {
            return Err(IndexError::OtherVersion(version));
        }
        let expected = u64_at(&bytes, 16).ok_or(short(HEAD))?;
        if bytes.len() < HEAD + CHECKSUM || expected != found {
            return Err(IndexError::Incomplete { found, expected });
        }
        let (body, checksum) = bytes.split_at(bytes.len() - CHECKSUM);
        let checksum = u32_at(checksum, 0).unwrap_or(0);
        if crc32fast::hash(body) != checksum {
            return Err(IndexError::Damaged);
        }
        let field = |at: usize| u64_at(&bytes, at).ok_or(IndexError::Malformed("the head is short"));
        let (built, entries, plan_at) = (field(24)?, field(32)?, u32_at(&bytes, 12).unwrap_or(0));
        let all = Arc::new(bytes);
        let part = |at: usize| -> Result<Part, IndexError> {
            let (from, length) = (u64_at(&all, at), u64_at(&all, at + 8));
            let range = from
                .zip(length)
                .and_then(|(from, length)| {
                    let from = usize::try_from(from).ok()?;
                    Some(from..from.checked_add(usize::try_from(length).ok()?)?)
                })
                .filter(|range| all.get(range.clone()).is_some());
            let range = range.ok_or(IndexError::Malformed("a part lies outside of the file"))?;
            Ok(Part {
                all: Arc::clone(&all),
                range,
            })
        };
        let (numbers, prefixes, pattern_rows) = (part(40)?, part(56)?, part(72)?);
        let (records, strings) = (part(88)?, part(104)?);
        let found = string(&strings, plan_at).to_owned();
        if found != plan.describe() {
            return Err(IndexError::OtherPlan {
                found,
                expected: plan.describe(),
            });
        }
        let (numbers, prefixes) = (Table::new(numbers)?, Table::new(prefixes)?);
        let mut prefix_lengths = [false; MAX_DIGITS + 1];
        for (prefix, _) in prefixes.after(None) {
            prefix_lengths[prefix.digits()] = true;
        }
        let mut index = Index {
            numbers,
            prefixes,
            prefix_lengths,
            records,
            pattern_rows,
            strings,
            patterns: Patterns::default(),
            pattern_records: Vec::new(),
            entries,
            built,
            checksum,
        };
        index.read_patterns(plan)?;
        Ok(index)
    }

    fn read_patterns(&mut self, plan: &Plan) -> Result<(), IndexError> {
        let rows = self.pattern_rows.clone();
        for row in rows.as_ref().chunks_exact(PATTERN) {
            let (text, record) = (u32_at(row, 0).unwrap_or(0), u32_at(row, 4).unwrap_or(0));
            let text = string(&self.strings, text);
            let pattern = Pattern::parse(text.strip_prefix('_').unwrap_or(text), plan)
                .map_err(|_| IndexError::Malformed("a pattern is none"))?;
            self.patterns.insert(pattern);
            self.pattern_records.push((pattern, record));
        }
        if !self.pattern_records.is_sorted() {
            return Err(IndexError::Malformed("its patterns are not in order"));
        }
        Ok(())
    }

    /// How many entries it has.
    pub fn len(&self) -> u64 {
        self.entries
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// Its size in memory and on the disk, in bytes.
    pub fn bytes(&self) -> usize {
        self.records.all.len()
    }

    /// When it was built; microseconds since the Unix epoch.
    pub fn built(&self) -> u64 {
        self.built
    }

    /// The checksum of the file, by which two are told apart.
    pub fn checksum(&self) -> u32 {
        self.checksum
    }

    /// All that is about a number, as it comes: the exact number, prefixes, patterns.
    pub(crate) fn matching<'a>(&'a self, number: Number, mut take: impl FnMut(What, Records<'a>)) {
        if let Some(first) = self.numbers.get(number) {
            take(What::Exact(number), self.records(first));
        }
        for digits in (1..=number.digits()).filter(|digits| self.prefix_lengths[*digits]) {
            let prefix = number.first(digits);
            if let Some(first) = self.prefixes.get(prefix) {
                take(What::Prefix(prefix), self.records(first));
            }
        }
        if self.pattern_records.is_empty() {
            return;
        }
        for pattern in self.patterns.matching(number) {
            let what = What::Pattern(*pattern);
            take(what, self.get_records(&what));
        }
    }

    /// All entries about somebody.
    pub fn get(&self, what: &What) -> impl Iterator<Item = Profile<&str>> {
        self.get_records(what)
    }

    fn get_records(&self, what: &What) -> Records<'_> {
        let first = match what {
            What::Exact(number) => self.numbers.get(*number),
            What::Prefix(number) => self.prefixes.get(*number),
            What::Pattern(pattern) => self
                .pattern_records
                .binary_search_by_key(pattern, |(pattern, _)| *pattern)
                .ok()
                .and_then(|place| self.pattern_records.get(place))
                .map(|(_, first)| u64::from(*first)),
        };
        first.map_or(
            Records {
                index: self,
                next: None,
            },
            |first| self.records(first),
        )
    }

    fn records(&self, first: u64) -> Records<'_> {
        Records {
            index: self,
            next: usize::try_from(first).ok(),
        }
    }

    /// All behind `after`, in the order of [`What`].
    pub(crate) fn after(&self, after: Option<What>) -> impl Iterator<Item = (What, Vec<Profile>)> + '_ {
        let numbers = match after {
            None => Some(self.numbers.after(None)),
            Some(What::Exact(number)) => Some(self.numbers.after(Some(number))),
            Some(What::Prefix(_) | What::Pattern(_)) => None,
        };
        let prefixes = match after {
            None | Some(What::Exact(_)) => Some(self.prefixes.after(None)),
            Some(What::Prefix(number)) => Some(self.prefixes.after(Some(number))),
            Some(What::Pattern(_)) => None,
        };
        let patterns = self
            .pattern_records
            .iter()
            .map(|(pattern, first)| (What::Pattern(*pattern), u64::from(*first)))
            .filter(move |(what, _)| after.is_none_or(|after| after < *what));
        let numbers = numbers.into_iter().flatten();
        let prefixes = prefixes.into_iter().flatten();
        numbers
            .map(|(number, first)| (What::Exact(number), first))
            .chain(prefixes.map(|(number, first)| (What::Prefix(number), first)))
            .chain(patterns)
            .map(|(what, first)| {
                (
                    what,
                    self.records(first).map(|profile| profile.to_owned()).collect(),
                )
            })
    }

    fn profile(&self, record: usize) -> Option<(Profile<&str>, bool)> {
        let from = record.checked_mul(RECORD)?;
        let record = self.records.as_ref().get(from..from.checked_add(RECORD)?)?;
        let text = |at: usize| string(&self.strings, u32_at(record, at).unwrap_or(0));
        let number = |at: usize| u64_at(record, at).unwrap_or(0);
        let action = match record[24] {
            0 => Action::Allow,
            1 => Action::Flag,
            2 => Action::Divert(text(28)),
            3 => Action::Busy,
            4 => Action::Release(Cause::new(record[25])?),
            5 => Action::Tarpit,
            _ => return None,
        };
        let until = number(8);
        let profile = Profile {
            action,
            tiers: Names::stored(text(40)),
            queues: Names::stored(text(44)),
            from: number(0),
            until: (until != u64::MAX).then_some(until),
            reason: text(32),
            author: text(36),
            added: number(16),
        };
        Some((profile, record[26] & LAST != 0))
    }
}

/// The entries about one.
pub(crate) struct Records<'a> {
    index: &'a Index,
    next: Option<usize>,
}

impl<'a> Iterator for Records<'a> {
    type Item = Profile<&'a str>;

    fn next(&mut self) -> Option<Profile<&'a str>> {
        let record = self.next.take()?;
        let (profile, last) = self.index.profile(record)?;
        if !last {
            self.next = record.checked_add(1);
        }
        Some(profile)
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The string at a place: its length in two bytes, then it.
fn string(strings: &Part, at: u32) -> &str {
    let text = || {
        let from = strings.as_ref().get(usize::try_from(at).ok()?..)?;
        let length = usize::from(u16::from_le_bytes(*from.first_chunk()?));
        str::from_utf8(from.get(2..2 + length)?).ok()
    };
    // Whatever has the right checksum was written by `Builder`.
    text().unwrap_or_default()
}
