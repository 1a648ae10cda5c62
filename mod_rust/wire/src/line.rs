//! Reading and writing frames, one JSON object a line, with a ceiling on its length.

use std::io::{self, BufRead, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::MAX_LINE;

/// Why a line could not be read.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// The socket failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The line is longer than this.
    #[error("a line is longer than {0} bytes")]
    TooLong(usize),
    /// The line is no frame.
    #[error("not a frame: {0}")]
    Malformed(#[from] serde_json::Error),
}

/// Reads the next frame of a node; `None` at a clean end of the stream. A last line without its newline is torn and no frame.
///
/// # Errors
/// See [`LineError`]. After one, the stream is of no further use.
pub fn read<T: DeserializeOwned>(
    from: &mut impl BufRead,
    line: &mut Vec<u8>,
) -> Result<Option<T>, LineError> {
    read_at_most(from, line, MAX_LINE)
}

/// The same with a ceiling of its own: the longest line in bytes, newline included.
///
/// # Errors
/// See [`read`].
pub fn read_at_most<T: DeserializeOwned>(
    from: &mut impl BufRead,
    line: &mut Vec<u8>,
    most: usize,
) -> Result<Option<T>, LineError> {
    line.clear();
    let mut limited = io::Read::take(from, most as u64 + 1);
    limited.read_until(b'\n', line)?;
    if line.len() > most {
        return Err(LineError::TooLong(most));
    }
    if line.pop() != Some(b'\n') {
        return Ok(None);
    }
    Ok(Some(serde_json::from_slice(line)?))
}

/// The line of a frame, newline included.
///
/// # Errors
/// Never for the frames of this crate, whose maps have text for keys.
pub fn encode<T: Serialize>(frame: &T) -> Result<Vec<u8>, serde_json::Error> {
    let mut line = serde_json::to_vec(frame)?;
    line.push(b'\n');
    Ok(line)
}

/// Writes one frame.
///
/// # Errors
/// What the writer says.
pub fn write<T: Serialize>(to: &mut impl Write, frame: &T) -> io::Result<()> {
    to.write_all(&encode(frame)?)
}
