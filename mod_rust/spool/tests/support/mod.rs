//! Spools filled with events whose lines follow from their numbers.

use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hotline_spool::record::{Record, Records};
use hotline_spool::{Item, Limits, Reader, Spool, Step};

/// First, last, and why they are missing if they are.
pub(crate) type Seen = (u64, u64, Option<String>);

pub(crate) fn limits() -> Limits {
    Limits {
        bytes: 1 << 30,
        age: Duration::from_secs(86_400),
        segment: 1_500,
    }
}

pub(crate) fn open(folder: &Path, boot: &str) -> Spool {
    Spool::open(folder, boot, 5, limits()).unwrap().spool
}

fn line(seq: u64) -> Vec<u8> {
    format!("event {seq} {}\n", "x".repeat((seq % 37) as usize)).into_bytes()
}

pub(crate) fn append(spool: &mut Spool, first: u64, last: u64) -> io::Result<()> {
    let lines: Vec<(u64, Vec<u8>)> = (first..=last).map(|seq| (seq, line(seq))).collect();
    let records = lines.iter().map(|(seq, line)| Record::Event { seq: *seq, line });
    spool.append(first, last, records)
}

/// In batches of several sizes.
pub(crate) fn fill(spool: &mut Spool, first: u64, last: u64) {
    let mut next = first;
    while next <= last {
        let to = (next + next % 4).min(last);
        append(spool, next, to).unwrap();
        next = to + 1;
    }
}

pub(crate) fn events(range: RangeInclusive<u64>) -> Vec<Seen> {
    range.map(|seq| (seq, seq, None)).collect()
}

pub(crate) fn keep(seen: &mut Vec<Seen>, item: Item<'_>) -> io::Result<()> {
    seen.push(match item {
        Item::Event {
            seq,
            line: found,
            protocol,
        } => {
            assert_eq!(found, line(seq));
            assert!(protocol.is_none_or(|protocol| protocol == 5));
            (seq, seq, None)
        }
        Item::Gap { first, last, reason } => (first, last, Some(reason.to_owned())),
    });
    Ok(())
}

pub(crate) fn drain(reader: &mut Reader, seen: &mut Vec<Seen>) -> Step {
    loop {
        let step = reader.step(u64::MAX, |item| keep(seen, item)).unwrap();
        if step != Step::More {
            return step;
        }
    }
}

pub(crate) fn read(spool: &Spool, boot: u64, from: u64) -> (Vec<Seen>, Step) {
    let mut seen = Vec::new();
    let step = drain(&mut Reader::new(spool.shelf(), boot, from), &mut seen);
    (seen, step)
}

/// That nothing is missing without a word. Returns the last event, there or missing.
pub(crate) fn contiguous(seen: &[Seen], from: u64) -> u64 {
    let mut next = from;
    for (first, last, _) in seen {
        assert_eq!(*first, next, "{seen:?}");
        assert!(last >= first, "{seen:?}");
        next = last + 1;
    }
    next - 1
}

/// The files of a boot, in order.
pub(crate) fn segments(folder: &Path, boot: u64) -> Vec<PathBuf> {
    let start = format!("{boot:06}-");
    let folders = std::fs::read_dir(folder).unwrap();
    let of_boot = folders
        .map(|entry| entry.unwrap())
        .find(|entry| entry.file_name().to_str().unwrap().starts_with(&start))
        .unwrap();
    let files = std::fs::read_dir(of_boot.path()).unwrap();
    let mut files: Vec<PathBuf> = files.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Where records end.
pub(crate) struct Ends(Vec<usize>);

impl Ends {
    pub(crate) fn of(bytes: &[u8]) -> Ends {
        let mut records = Records::new(bytes, 0);
        let mut ends = vec![0];
        while records.next().is_some() {
            ends.push(records.end());
        }
        Ends(ends)
    }

    pub(crate) fn at(&self, place: usize) -> Option<usize> {
        self.0.iter().copied().find(|end| *end == place)
    }
}
