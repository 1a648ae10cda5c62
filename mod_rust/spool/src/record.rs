//! What a frame of a segment says.
//!
//! ```text
//! payload = 'H' protocol(8)                    first of every segment: the version of the lines in it
//!         | 'E' seq(8) line                    an event, as it is sent; ends with a newline
//!         | 'G' first(8) last(8) reason        events that are missing
//!         | 'Z' last(8)                        the node ended in order; nothing follows
//! ```

use hotline_framed::{Frames, TooLong, frames};

/// The greatest number of an event.
pub(crate) const MAX_NUMBER: u64 = i64::MAX as u64;

/// One of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Record<'a> {
    /// Begins a segment.
    Head {
        /// Version of the lines.
        protocol: u64,
    },
    /// An event.
    Event {
        /// Its number.
        seq: u64,
        /// Its line, newline included.
        line: &'a [u8],
    },
    /// Events that are missing, first to last inclusive.
    Gap {
        /// First of them.
        first: u64,
        /// Last of them; not before `first`.
        last: u64,
        /// Why.
        reason: &'a str,
    },
    /// The node ended in order.
    End {
        /// Its last event; 0 without any.
        last: u64,
    },
}

impl<'a> Record<'a> {
    /// Appends it as a frame.
    ///
    /// # Errors
    /// Its line is too long for one.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), TooLong> {
        frames::write(out, |out| match *self {
            Record::Head { protocol } => numbered(out, b'H', protocol),
            Record::Event { seq, line } => {
                numbered(out, b'E', seq);
                out.extend_from_slice(line);
            }
            Record::Gap { first, last, reason } => {
                numbered(out, b'G', first);
                out.extend_from_slice(&last.to_le_bytes());
                out.extend_from_slice(reason.as_bytes());
            }
            Record::End { last } => numbered(out, b'Z', last),
        })
    }

    fn read(payload: &'a [u8]) -> Option<Record<'a>> {
        let (kind, rest) = payload.split_first()?;
        let (number, rest) = rest.split_first_chunk()?;
        let number = sane(*number)?;
        match kind {
            b'H' => rest.is_empty().then_some(Record::Head { protocol: number }),
            b'E' => (number > 0 && rest.ends_with(b"\n")).then_some(Record::Event {
                seq: number,
                line: rest,
            }),
            b'G' => {
                let (last, reason) = rest.split_first_chunk()?;
                let last = sane(*last)?;
                let sound = number > 0 && last >= number;
                sound.then_some(Record::Gap {
                    first: number,
                    last,
                    reason: std::str::from_utf8(reason).ok()?,
                })
            }
            b'Z' => rest.is_empty().then_some(Record::End { last: number }),
            _ => None,
        }
    }
}

/// No story is so long that its numbers had to stop here, so there is always a next one.
fn sane(number: [u8; 8]) -> Option<u64> {
    let number = u64::from_le_bytes(number);
    (number <= MAX_NUMBER).then_some(number)
}

fn numbered(out: &mut Vec<u8>, kind: u8, number: u64) {
    out.push(kind);
    out.extend_from_slice(&number.to_le_bytes());
}

/// The whole records in some bytes of a segment, in order.
#[derive(Clone, Debug)]
pub struct Records<'a>(Frames<'a>);

impl<'a> Records<'a> {
    /// Those from byte `at` on.
    pub fn new(bytes: &'a [u8], at: usize) -> Records<'a> {
        Records(Frames::new(bytes, at, |payload| Record::read(payload).is_some()))
    }

    /// Where the last record ended that was given; where it began to look if none was.
    pub fn end(&self) -> usize {
        self.0.end()
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        self.0.next().and_then(|(_, payload)| Record::read(payload))
    }
}

/// Why all in a segment is missing, if it says nothing else.
pub(crate) fn only_gap(bytes: &[u8]) -> Option<(u64, String)> {
    let said = |record: &Record<'_>| !matches!(record, Record::Head { .. });
    let mut records = Records::new(bytes, 0).filter(said);
    match (records.next(), records.next()) {
        (Some(Record::Gap { last, reason, .. }), None) => Some((last, reason.to_owned())),
        _ => None,
    }
}

/// What a whole segment says in short.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Summary {
    /// Its last event, or missing one; 0 without any.
    pub(crate) last: u64,
    /// The node ended in order, and its last event then.
    pub(crate) end: Option<u64>,
    /// There is something behind the last record.
    pub(crate) torn: bool,
}

impl Summary {
    pub(crate) fn of(bytes: &[u8]) -> Summary {
        let mut summary = Summary::default();
        let mut records = Records::new(bytes, 0);
        for record in records.by_ref() {
            match record {
                Record::Head { .. } => {}
                Record::Event { seq, .. } => summary.last = summary.last.max(seq),
                Record::Gap { last, .. } => summary.last = summary.last.max(last),
                Record::End { last } => summary.end = Some(last),
            }
        }
        summary.torn = records.end() < bytes.len();
        summary
    }
}
