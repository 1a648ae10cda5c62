//! A log of changes, so that what was changed while running is there again after a restart.
//!
//! ```text
//! log = "HLLOG01\n" frame*                             frames of CSV, see hotline_framed
//! ```
//! Changes are in effect by whole frames: a torn end is found and cut off. What a bad disk damaged in the middle is left out, and
//! what follows it is found again.

use std::ops::Range;

use hotline_framed::{Frames, TooLong, frames};

use crate::csv;
use crate::entry::{Entry, What};
use crate::number::Plan;

/// The first bytes of a log.
pub const MAGIC: [u8; 8] = *b"HLLOG01\n";
/// With which the line of a change begins.
pub(crate) const REMOVE: &str = "remove";
pub(crate) const END: &str = "end";
pub(crate) const PUT: &str = "put";

/// A change of a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// All entries about somebody are gone.
    Remove(What),
    /// Those entries about somebody are gone that are over by a moment, in microseconds since the Unix epoch.
    End(What, u64),
    /// An entry is there, in place of one about the same number, tiers and queues.
    Put(Entry),
}

/// Changes that cannot be written, or what was written and cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// It does not begin like one.
    #[error("this is no log of a blacklist's changes")]
    NotALog,
    /// More than a frame can have.
    #[error("so many changes at once are too long: {0}")]
    TooLong(#[from] TooLong),
    /// Writing failed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// Appends a frame.
///
/// # Errors
/// The changes are too long.
pub fn write(out: &mut Vec<u8>, changes: &[Change]) -> Result<(), LogError> {
    let mut payload = Vec::new();
    csv::write_changes(&mut payload, changes)?;
    Ok(frames::write(out, |out| out.extend_from_slice(&payload))?)
}

/// What a log says.
#[derive(Debug, Default)]
pub struct Read {
    /// In order.
    pub changes: Vec<Change>,
    /// Where its frames are, those without damage in between as one.
    pub sound: Vec<Range<usize>>,
    /// How many bytes there are up to the end of the last frame; whatever is behind is the beginning of one.
    pub good: usize,
    /// Bytes in front of that which belong to no frame: they are damaged.
    pub damaged: usize,
    /// Whole changes that make no sense by this plan, or to this version.
    pub strange: usize,
    /// Why the first of them makes none.
    pub why: String,
}

impl Read {
    /// Whether all that was ever written is there, but for a change that was not finished.
    pub fn is_whole(&self) -> bool {
        self.damaged == 0 && self.strange == 0
    }
}

/// Reads a log.
///
/// # Errors
/// It is none.
pub fn read(bytes: &[u8], plan: &Plan) -> Result<Read, LogError> {
    let begins = bytes.starts_with(&MAGIC);
    if !begins && is_of_another_version(bytes) {
        return Err(LogError::NotALog);
    }
    let mut read = Read {
        good: if begins { MAGIC.len() } else { 0 },
        ..Read::default()
    };
    for (at, payload) in Frames::new(bytes, read.good, begins_changes) {
        read.damaged += at - read.good;
        csv::read_changes(payload, plan, |change| match change {
            Ok(change) => read.changes.push(change),
            Err(why) => {
                read.strange += 1;
                if read.why.is_empty() {
                    read.why = why;
                }
            }
        });
        let end = at + frames::HEAD + payload.len();
        match read.sound.last_mut() {
            Some(last) if last.end == at => last.end = end,
            _ => read.sound.push(at..end),
        }
        read.good = end;
    }
    // Its head may be what is damaged; a frame of ours is in nothing else.
    if begins || !read.sound.is_empty() {
        Ok(read)
    } else {
        Err(LogError::NotALog)
    }
}

fn is_of_another_version(bytes: &[u8]) -> bool {
    matches!(bytes, [b'H', b'L', b'L', b'O', b'G', tens, ones, b'\n', ..]
        if tens.is_ascii_digit() && ones.is_ascii_digit())
}

fn begins_changes(payload: &[u8]) -> bool {
    [PUT, REMOVE, END]
        .iter()
        .any(|word| payload.starts_with(word.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{Action, Names, Profile};

    fn changes() -> Vec<Change> {
        let plan = Plan::default();
        let put = |text: &str, reason: &str| {
            Change::Put(Entry {
                what: What::parse(text, &plan).unwrap(),
                profile: Profile {
                    action: Action::Divert("ivr,s,1".into()),
                    tiers: Names::parse("gold").unwrap(),
                    queues: Names::parse("a,b").unwrap(),
                    from: 5,
                    until: Some(99_000_001),
                    reason: reason.into(),
                    author: "li, \"wei\"".into(),
                    added: 17,
                },
            })
        };
        vec![
            put("13800138000", "a"),
            Change::Remove(What::parse("_138XXXX1234", &plan).unwrap()),
            Change::End(What::parse("_138XXXX1234", &plan).unwrap(), 99_000_001),
            put("138*", "line, and \"more\""),
        ]
    }

    fn log() -> Vec<u8> {
        let mut log = MAGIC.to_vec();
        write(&mut log, &changes()).unwrap();
        write(&mut log, &changes()[..1]).unwrap();
        log
    }

    #[test]
    fn changes_go_round() {
        let read = read(&log(), &Plan::default()).unwrap();
        assert_eq!(read.good, log().len());
        assert_eq!(read.changes, [&changes()[..], &changes()[..1]].concat());
    }

    #[test]
    fn a_torn_frame_counts_for_nothing() {
        let whole = log();
        let first = {
            let mut first = MAGIC.to_vec();
            write(&mut first, &changes()).unwrap();
            first.len()
        };
        for end in first..whole.len() {
            let read = read(&whole[..end], &Plan::default()).unwrap();
            assert_eq!((read.good, read.changes.len()), (first, changes().len()), "{end}");
        }
        for end in MAGIC.len()..first {
            let read = read(&whole[..end], &Plan::default()).unwrap();
            assert_eq!((read.good, read.changes.len()), (MAGIC.len(), 0), "{end}");
        }
        assert!(matches!(
            read(b"something", &Plan::default()),
            Err(LogError::NotALog)
        ));
    }

    #[test]
    fn a_damaged_frame_does_not_hide_the_next() {
        let whole = log();
        let end = whole.len() - MAGIC.len();
        let second = {
            let mut second = Vec::new();
            write(&mut second, &changes()[..1]).unwrap();
            second.len()
        };
        for at in 0..end - second {
            let mut damaged = whole.clone();
            damaged[MAGIC.len() + at] ^= 1;
            let read = read(&damaged, &Plan::default()).unwrap();
            assert_eq!(
                (read.changes.len(), read.good, read.damaged),
                (1, whole.len(), end - second),
                "{at}"
            );
            assert!(!read.is_whole());
        }
        let mut damaged = whole;
        let last = damaged.len() - 1;
        damaged[last] ^= 1;
        let read = read(&damaged, &Plan::default()).unwrap();
        assert_eq!(
            (read.changes.len(), read.good + second),
            (changes().len(), damaged.len())
        );
        assert!(read.is_whole());
    }

    #[test]
    fn a_damaged_head_hides_no_frame() {
        for at in 0..MAGIC.len() {
            let mut damaged = log();
            damaged[at] ^= 0x40;
            let read = read(&damaged, &Plan::default()).unwrap();
            assert_eq!(
                (read.changes.len(), read.damaged),
                (changes().len() + 1, MAGIC.len())
            );
            assert_eq!(read.sound.first(), Some(&(MAGIC.len()..damaged.len())));
        }
        let mut other = log();
        other[6] = b'2';
        assert!(matches!(read(&other, &Plan::default()), Err(LogError::NotALog)));
    }

    #[test]
    fn what_makes_no_sense_by_another_plan_is_left_out_alone() {
        let plan = Plan::default();
        let short = Change::Remove(What::parse("10086", &plan).unwrap());
        let mut log = MAGIC.to_vec();
        let good = &changes()[..1];
        write(&mut log, &[good[0].clone(), short, good[0].clone()]).unwrap();
        // There "10" is the international prefix, and a number does not end behind it so soon.
        let other = Plan::new("86", "10", "0", 7, 11).unwrap();
        let read = read(&log, &other).unwrap();
        assert_eq!((read.changes.len(), read.strange), (2, 1));
        assert!(
            read.why.contains("country code") && !read.is_whole(),
            "{}",
            read.why
        );
    }
}
