//! Frames on an asynchronous socket, with the ceiling on a line's length that the protocol has.

use std::time::Duration;

use hotline_wire::frame::EventFrame;
use hotline_wire::line::{self, LineError};
use hotline_wire::{Event, FromClient, FromNode, MAX_LINE};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use super::LinkError;

/// A node that takes nothing for so long is stuck.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// Reads frames. Cancel-safe: a line that has begun to come is kept.
#[derive(Debug)]
pub(super) struct Reader {
    from: BufReader<OwnedReadHalf>,
    line: Vec<u8>,
}

impl Reader {
    pub(super) fn new(from: OwnedReadHalf) -> Reader {
        Reader {
            from: BufReader::with_capacity(64 << 10, from),
            line: Vec::new(),
        }
    }

    /// The next frame, or why there is none within that time.
    pub(super) async fn next_within(&mut self, time: Duration) -> Result<FromNode, LinkError> {
        match tokio::time::timeout(time, self.next()).await {
            Ok(frame) => frame,
            Err(_) => Err(LinkError::Silent(time)),
        }
    }

    async fn next(&mut self) -> Result<FromNode, LinkError> {
        loop {
            let bytes = self.from.fill_buf().await.map_err(LineError::Io)?;
            if bytes.is_empty() {
                return Err(LinkError::Closed);
            }
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let taken = end.unwrap_or(bytes.len());
            if self.line.len() + taken > MAX_LINE {
                return Err(LineError::TooLong(MAX_LINE).into());
            }
            self.line.extend_from_slice(&bytes[..taken]);
            self.from.consume(taken + usize::from(end.is_some()));
            if end.is_some() {
                let frame = frame(&self.line).map_err(LineError::Malformed);
                self.line.clear();
                return Ok(frame?);
            }
        }
    }
}

/// Nearly all lines are events, and are read as such at once: to find out first what a line is, all of it has to be kept in pieces.
fn frame(line: &[u8]) -> serde_json::Result<FromNode> {
    #[derive(Deserialize)]
    struct EventLine {
        seq: u64,
        at: u64,
        event: Event,
    }
    if line.starts_with(br#"{"type":"event","#)
        && let Ok(EventLine { seq, at, event }) = serde_json::from_slice(line)
    {
        return Ok(FromNode::Event(EventFrame { seq, at, event }));
    }
    serde_json::from_slice(line)
}

/// Writes frames.
#[derive(Debug)]
pub(super) struct Writer {
    to: OwnedWriteHalf,
}

impl Writer {
    pub(super) fn new(to: OwnedWriteHalf) -> Writer {
        Writer { to }
    }

    /// Writes one frame. Not to be cancelled but by giving up the connection.
    pub(super) async fn write(&mut self, frame: &FromClient) -> Result<(), LinkError> {
        let line = line::encode(frame).map_err(LineError::Malformed)?;
        match tokio::time::timeout(WRITE_TIMEOUT, self.to.write_all(&line)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(LineError::Io(error).into()),
            Err(_) => Err(LinkError::Broken("the node takes no data".into())),
        }
    }
}
