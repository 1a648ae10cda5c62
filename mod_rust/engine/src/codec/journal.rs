//! The journal: what an engine was started with, then every input with its time. Replayed, it gives the same events.
//!
//! ```text
//! journal = magic(8) version(2) frame(head) frame(record)*
//! frame   = length(4) crc32(4) payload(length)          lengths, version and checksums little-endian
//! ```
//! Framing makes a damaged or torn record known as such. The functions here turn records into bytes and back; files
//! are the host's business.

use core::fmt;

use super::fields::record;
use super::{Bytes, Code, DecodeError, decode};
use crate::config::Config;
use crate::input::Input;
use crate::time::Time;

/// The first bytes of a journal.
pub const MAGIC: [u8; 8] = *b"HOTLINE\n";

/// The version of the binary form. A reader refuses any other.
pub const VERSION: u16 = 8;

/// The longest payload of a frame, in bytes.
pub const MAX_PAYLOAD: usize = 64 << 20;

const FRAME_HEAD: usize = 8;

/// What an engine was started with: the arguments of [`Engine::new`](crate::Engine::new).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Head {
    /// Its settings.
    pub config: Config,
    /// When.
    pub booted: Time,
    /// Its seed.
    pub seed: u64,
}

/// One call of [`Engine::handle`](crate::Engine::handle).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// When.
    pub at: Time,
    /// With what.
    pub input: Input,
}

record!(Head { config, booted, seed });
record!(Record { at, input });

/// A payload is longer than [`MAX_PAYLOAD`]; nothing was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooLong;

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a record of the journal is longer than {MAX_PAYLOAD} bytes")
    }
}

impl core::error::Error for TooLong {}

/// Appends the beginning of a journal.
///
/// # Errors
/// The settings are too long.
pub fn write_head(out: &mut Vec<u8>, head: &Head) -> Result<(), TooLong> {
    let start = out.len();
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&VERSION.to_le_bytes());
    let written = write_frame(out, |out| head.put(out));
    if written.is_err() {
        out.truncate(start);
    }
    written
}

/// Appends one record.
///
/// # Errors
/// The input is too long.
pub fn write_record(out: &mut Vec<u8>, at: Time, input: &Input) -> Result<(), TooLong> {
    write_frame(out, |out| {
        at.put(out);
        input.put(out);
    })
}

fn write_frame(out: &mut Vec<u8>, put: impl FnOnce(&mut Vec<u8>)) -> Result<(), TooLong> {
    let start = out.len();
    out.extend_from_slice(&[0; FRAME_HEAD]);
    put(out);
    let (_, frame) = out.split_at_mut(start);
    let (head, payload) = frame.split_at_mut(FRAME_HEAD);
    let length = u32::try_from(payload.len())
        .ok()
        .filter(|_| payload.len() <= MAX_PAYLOAD);
    let Some(length) = length else {
        out.truncate(start);
        return Err(TooLong);
    };
    head[..4].copy_from_slice(&length.to_le_bytes());
    head[4..].copy_from_slice(&crc32(payload).to_le_bytes());
    Ok(())
}

/// Why a journal, or the rest of it, cannot be read. Positions are bytes from its start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JournalError {
    /// It does not begin like one.
    NotAJournal,
    /// It was written in another version of the binary form.
    OtherVersion(u16),
    /// It ends within the frame that begins there: the writer was stopped in the middle.
    Torn(usize),
    /// The frame that begins there was changed after it was written.
    Damaged(usize),
    /// The frame that begins there is whole, but says nothing that this version knows.
    Malformed(usize, DecodeError),
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JournalError::NotAJournal => f.write_str("this is no journal"),
            JournalError::OtherVersion(version) => {
                write!(
                    f,
                    "the journal has version {version}, this program reads version {VERSION}"
                )
            }
            JournalError::Torn(at) => write!(
                f,
                "the journal is torn: its last record, at byte {at}, is incomplete"
            ),
            JournalError::Damaged(at) => {
                write!(f, "the journal is damaged: the record at byte {at} was changed")
            }
            JournalError::Malformed(at, why) => {
                write!(f, "the record at byte {at} cannot be understood: {why}")
            }
        }
    }
}

impl core::error::Error for JournalError {}

/// Reads a journal's records in order. An error is the last item.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: Bytes<'a>,
    len: usize,
    failed: bool,
}

impl<'a> Reader<'a> {
    /// Begins to read a journal.
    ///
    /// # Errors
    /// It is no journal, of another version, or damaged at its head.
    pub fn open(journal: &'a [u8]) -> Result<(Head, Reader<'a>), JournalError> {
        let rest = journal.strip_prefix(&MAGIC).ok_or(JournalError::NotAJournal)?;
        let (version, rest) = rest.split_first_chunk().ok_or(JournalError::Torn(MAGIC.len()))?;
        let version = u16::from_le_bytes(*version);
        if version != VERSION {
            return Err(JournalError::OtherVersion(version));
        }
        let mut reader = Reader {
            rest: Bytes(rest),
            len: journal.len(),
            failed: false,
        };
        Ok((reader.frame()?, reader))
    }

    fn frame<T: Code>(&mut self) -> Result<T, JournalError> {
        let start = self.len - self.rest.0.len();
        let torn = |_| JournalError::Torn(start);
        let mut word = [0; 4];
        word.copy_from_slice(self.rest.slice(4).map_err(torn)?);
        let length = u32::from_le_bytes(word) as usize;
        word.copy_from_slice(self.rest.slice(4).map_err(torn)?);
        let checksum = u32::from_le_bytes(word);
        if length == 0 || length > MAX_PAYLOAD {
            return Err(JournalError::Damaged(start));
        }
        let payload = self.rest.slice(length).map_err(torn)?;
        if crc32(payload) != checksum {
            return Err(JournalError::Damaged(start));
        }
        decode(payload).map_err(|why| JournalError::Malformed(start, why))
    }
}

impl Iterator for Reader<'_> {
    type Item = Result<Record, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || self.rest.0.is_empty() {
            return None;
        }
        let record = self.frame();
        self.failed = record.is_err();
        Some(record)
    }
}

/// The checksum of Ethernet, gzip and PNG.
fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut at = 0;
        while at < 256 {
            let mut crc = at as u32;
            let mut bit = 0;
            while bit < 8 {
                crc = if crc & 1 == 1 {
                    crc >> 1 ^ 0xedb8_8320
                } else {
                    crc >> 1
                };
                bit += 1;
            }
            table[at] = crc;
            at += 1;
        }
        table
    };
    !bytes
        .iter()
        .fold(!0, |crc, byte| crc >> 8 ^ TABLE[usize::from(crc as u8 ^ byte)])
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_checksum_is_the_usual_one() {
        assert_eq!(super::crc32(b"123456789"), 0xcbf4_3926);
    }
}
