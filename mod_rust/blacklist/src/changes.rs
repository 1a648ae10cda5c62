//! A log of changes, so that what was changed while running is there again after a restart.
//!
//! ```text
//! log = "HLLOG01\n" frame*
//! frame = length(4) crc32(4) payload(length)           little-endian; the payload is CSV
//! ```
//! A frame is in effect whole or not at all: a torn or damaged end, as a kill in the middle of writing leaves it, is found and cut
//! off.

use crate::csv;
use crate::entry::{Entry, What};
use crate::number::Plan;

/// The first bytes of a log.
pub const MAGIC: [u8; 8] = *b"HLLOG01\n";
/// The longest payload, in bytes.
pub const MAX_PAYLOAD: usize = 1 << 30;

const FRAME_HEAD: usize = 8;
const REMOVE: &str = "remove";
const PUT: &str = "put";

/// A change of a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// All entries about somebody are gone.
    Remove(What),
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
    #[error("so many changes at once are too long")]
    TooLong,
    /// The frame that begins there is whole, but makes no sense.
    #[error("the changes at byte {0} make no sense: {1}")]
    Malformed(usize, String),
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
    csv::write_changes(&mut payload, changes, PUT, REMOVE)?;
    let length = u32::try_from(payload.len())
        .ok()
        .filter(|_| payload.len() <= MAX_PAYLOAD);
    let length = length.ok_or(LogError::TooLong)?;
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&crc32fast::hash(&payload).to_le_bytes());
    out.extend_from_slice(&payload);
    Ok(())
}

/// What a log says, and how many of its bytes are good.
#[derive(Debug, Default)]
pub struct Read {
    /// In order.
    pub changes: Vec<Change>,
    /// Whatever is behind must be cut off before anything is appended.
    pub good: usize,
}

/// Reads a log up to its end, or to the first frame that is not whole.
///
/// # Errors
/// It is none, or holds what this version does not know.
pub fn read(bytes: &[u8], plan: &Plan) -> Result<Read, LogError> {
    if !bytes.starts_with(&MAGIC) {
        return Err(LogError::NotALog);
    }
    let mut read = Read {
        changes: Vec::new(),
        good: MAGIC.len(),
    };
    while let Some(payload) = frame(bytes.get(read.good..).unwrap_or_default()) {
        csv::read_changes(payload, plan, PUT, REMOVE, &mut read.changes)
            .map_err(|why| LogError::Malformed(read.good, why))?;
        read.good += FRAME_HEAD + payload.len();
    }
    Ok(read)
}

fn frame(rest: &[u8]) -> Option<&[u8]> {
    let length = u32::from_le_bytes(*rest.first_chunk()?);
    let checksum = u32::from_le_bytes(*rest.get(4..)?.first_chunk()?);
    let end = FRAME_HEAD.checked_add(usize::try_from(length).ok()?)?;
    let payload = rest.get(FRAME_HEAD..end)?;
    (crc32fast::hash(payload) == checksum).then_some(payload)
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
            assert_eq!((read.good, read.changes.len()), (first, 3), "{end}");
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
    fn a_damaged_frame_ends_the_log() {
        let mut damaged = log();
        let last = damaged.len() - 1;
        damaged[last] ^= 1;
        assert_eq!(read(&damaged, &Plan::default()).unwrap().changes.len(), 3);
    }
}
