//! Builds an index.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::Path;

use super::table::{BLOCK, NONE};
use super::{CHECKSUM, HEAD, LAST, MAGIC, MAX_ENTRIES, MAX_PATTERNS, RECORD, VERSION};
use crate::entry::{Action, Entry, Profile, What};
use crate::number::{Number, Plan};
use crate::pattern::Pattern;

/// A record without its mark.
type Record = [u8; RECORD];

/// Builds an index. Entries come in any order; a later one takes the place of an earlier one about the same number, tiers
/// and queues.
pub struct Builder {
    plan: Plan,
    strings: Strings,
    profiles: Vec<Record>,
    profile_ids: HashMap<Record, u32>,
    /// Each with the order in which it came, and its profile.
    numbers: Vec<(Number, u32, u32)>,
    prefixes: Vec<(Number, u32, u32)>,
    patterns: Vec<(Pattern, u32, u32)>,
}

#[derive(Default)]
struct Strings {
    bytes: Vec<u8>,
    places: HashMap<String, u32>,
}

/// An index would be larger than one can be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TooMany {
    /// Too many entries.
    #[error("an index has room for {MAX_ENTRIES} entries")]
    Entries,
    /// Too many patterns.
    #[error("an index has room for {MAX_PATTERNS} patterns: prefixes and numbers do without")]
    Patterns,
    /// Too much text.
    #[error("an index has room for 4 GiB of reasons, authors and places")]
    Text,
}

impl Strings {
    fn add(&mut self, text: &str) -> Result<u32, TooMany> {
        if let Some(place) = self.places.get(text) {
            return Ok(*place);
        }
        let place = u32::try_from(self.bytes.len()).map_err(|_| TooMany::Text)?;
        let length = u16::try_from(text.len()).map_err(|_| TooMany::Text)?;
        self.bytes.extend_from_slice(&length.to_le_bytes());
        self.bytes.extend_from_slice(text.as_bytes());
        self.places.insert(text.to_owned(), place);
        Ok(place)
    }
}

impl Builder {
    /// An empty index of numbers by this plan.
    pub fn new(plan: &Plan) -> Builder {
        Builder {
            plan: plan.clone(),
            strings: Strings::default(),
            profiles: Vec::new(),
            profile_ids: HashMap::new(),
            numbers: Vec::new(),
            prefixes: Vec::new(),
            patterns: Vec::new(),
        }
    }

    /// How many entries came so far.
    pub fn len(&self) -> usize {
        self.numbers.len() + self.prefixes.len() + self.patterns.len()
    }

    /// Whether none came.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds an entry.
    ///
    /// # Errors
    /// It is one too many.
    pub fn add(&mut self, entry: &Entry) -> Result<(), TooMany> {
        let order = u32::try_from(self.len()).map_err(|_| TooMany::Entries)?;
        if u64::from(order) >= MAX_ENTRIES {
            return Err(TooMany::Entries);
        }
        let profile = self.profile(&entry.profile)?;
        match entry.what {
            What::Exact(number) => self.numbers.push((number, order, profile)),
            What::Prefix(number) => self.prefixes.push((number, order, profile)),
            What::Pattern(pattern) => {
                if self.patterns.len() >= MAX_PATTERNS {
                    return Err(TooMany::Patterns);
                }
                self.patterns.push((pattern, order, profile));
            }
        }
        Ok(())
    }

    fn profile(&mut self, profile: &Profile) -> Result<u32, TooMany> {
        let mut record = [0; RECORD];
        let mut put = |at: usize, bytes: &[u8]| record[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &profile.from.to_le_bytes());
        put(8, &profile.until.unwrap_or(u64::MAX).to_le_bytes());
        put(16, &profile.added.to_le_bytes());
        let (kind, cause, place) = match &profile.action {
            Action::Allow => (0, 0, ""),
            Action::Flag => (1, 0, ""),
            Action::Divert(place) => (2, 0, place.as_str()),
            Action::Busy => (3, 0, ""),
            Action::Release(cause) => (4, cause.code(), ""),
            Action::Tarpit => (5, 0, ""),
        };
        put(24, &[kind, cause]);
        for (at, text) in [
            (28, place),
            (32, profile.reason.as_str()),
            (36, profile.author.as_str()),
            (40, profile.tiers.as_str()),
            (44, profile.queues.as_str()),
        ] {
            put(at, &self.strings.add(text)?.to_le_bytes());
        }
        let next = u32::try_from(self.profiles.len()).map_err(|_| TooMany::Entries)?;
        Ok(*self.profile_ids.entry(record).or_insert_with(|| {
            self.profiles.push(record);
            next
        }))
    }

    /// The bytes of the file.
    ///
    /// # Errors
    /// There is too much of something.
    pub fn finish(mut self, built: u64) -> Result<Vec<u8>, TooMany> {
        self.profile_ids = HashMap::new();
        let plan = self.strings.add(&self.plan.describe())?;
        self.numbers.sort_unstable();
        self.prefixes.sort_unstable();
        self.patterns.sort_unstable();
        let mut records = Runs::new(&self.profiles);
        let (numbers, mut entries) = records.table(self.numbers)?;
        let (prefixes, count) = records.table(self.prefixes)?;
        entries += count;
        let mut rows = Vec::new();
        for run in self.patterns.chunk_by(|a, b| a.0 == b.0) {
            let (first, count) = records.add(run.iter().map(|(.., profile)| *profile))?;
            entries += count;
            let text = self.strings.add(&run[0].0.to_string())?;
            rows.extend_from_slice(&text.to_le_bytes());
            rows.extend_from_slice(&first.to_le_bytes());
        }
        let parts = [&numbers, &prefixes, &rows, &records.bytes, &self.strings.bytes];
        let body: usize = parts.iter().map(|part| part.len()).sum();
        let length = HEAD + body + CHECKSUM;
        let mut out = Vec::with_capacity(length);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&plan.to_le_bytes());
        for number in [length as u64, built, entries] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        let mut at = HEAD as u64;
        for part in parts {
            out.extend_from_slice(&at.to_le_bytes());
            out.extend_from_slice(&(part.len() as u64).to_le_bytes());
            at += part.len() as u64;
        }
        for part in parts {
            out.extend_from_slice(part);
        }
        let checksum = crc32fast::hash(&out);
        out.extend_from_slice(&checksum.to_le_bytes());
        Ok(out)
    }

    /// Builds the file: it is there whole or not at all.
    ///
    /// # Errors
    /// There is too much of something, or what the system says.
    pub fn write(self, path: &Path, built: u64) -> io::Result<()> {
        let bytes = self.finish(built).map_err(io::Error::other)?;
        hotline_framed::file::replace(path, |to: &mut dyn Write| to.write_all(&bytes))
    }
}

/// Records behind each other; a run of one is there once however many keys have it.
struct Runs<'a> {
    profiles: &'a [Record],
    bytes: Vec<u8>,
    /// Where the profile stands alone.
    alone: Vec<Option<u32>>,
}

impl Runs<'_> {
    fn new(profiles: &[Record]) -> Runs<'_> {
        Runs {
            profiles,
            bytes: Vec::new(),
            alone: vec![None; profiles.len()],
        }
    }

    /// The bytes of a [`Table`], and how many entries it stands for.
    fn table(&mut self, numbers: Vec<(Number, u32, u32)>) -> Result<(Vec<u8>, u64), TooMany> {
        let (mut out, mut entries) = (Vec::new(), 0);
        let mut runs = numbers.chunk_by(|a, b| a.0 == b.0).peekable();
        while runs.peek().is_some() {
            let (mut keys, mut values) = ([NONE; BLOCK], [0u32; BLOCK]);
            for (place, run) in runs.by_ref().take(BLOCK).enumerate() {
                let (first, count) = self.add(run.iter().map(|(.., profile)| *profile))?;
                (keys[place], values[place]) = (run[0].0.bits(), first);
                entries += count;
            }
            out.extend(keys.iter().flat_map(|key| key.to_le_bytes()));
            out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        }
        Ok((out, entries))
    }

    /// Adds the entries about one, the latest last. Where the first record is, and how many there are.
    fn add(&mut self, profiles: impl Iterator<Item = u32>) -> Result<(u32, u64), TooMany> {
        let mut run: Vec<u32> = Vec::new();
        for profile in profiles {
            let record = &self.profiles[profile as usize];
            // Tiers and queues are the last eight bytes.
            let same = run
                .iter_mut()
                .find(|other| self.profiles[**other as usize][40..] == record[40..]);
            match same {
                Some(other) => *other = profile,
                None => run.push(profile),
            }
        }
        let count = run.len() as u64;
        if let [profile] = run[..]
            && let Some(place) = self.alone[profile as usize]
        {
            return Ok((place, count));
        }
        let first = u32::try_from(self.bytes.len() / RECORD).map_err(|_| TooMany::Entries)?;
        if let [profile] = run[..] {
            self.alone[profile as usize] = Some(first);
        }
        for (place, profile) in run.iter().enumerate() {
            let mut record = self.profiles[*profile as usize];
            if place + 1 == run.len() {
                record[26] = LAST;
            }
            self.bytes.extend_from_slice(&record);
        }
        Ok((first, count))
    }
}
