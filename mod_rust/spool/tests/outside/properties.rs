//! What must hold of any bytes that are found where a segment should be; for tests and fuzzing programs.
#![allow(
    unreachable_pub,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use hotline_spool::record::{Record, Records};
use hotline_spool::{Item, Limits, Reader, Spool, Step};
use std::time::Duration;

/// Bytes as one segment of a boot that is over, whole and cut in two: every number from the first on is told once.
pub fn spool(bytes: &[u8]) {
    // As records they say the same when they are written again.
    let mut again = Vec::new();
    for record in Records::new(bytes, 0) {
        record.write(&mut again).expect("it was read");
    }
    let records: Vec<Record<'_>> = Records::new(bytes, 0).collect();
    assert_eq!(Records::new(&again, 0).collect::<Vec<_>>(), records);

    let folder = tempfile::tempdir().expect("a folder");
    let boot = folder.path().join("000001-a");
    std::fs::create_dir(&boot).expect("a folder");
    let (front, back) = bytes.split_at(bytes.len() / 2);
    for (first, bytes) in [(1, bytes), (7, front), (9, back)] {
        std::fs::write(boot.join(format!("{first:020}.seg")), bytes).expect("a file");
    }
    let limits = Limits {
        bytes: 1 << 30,
        age: Duration::from_secs(1),
        segment: 1_000,
    };
    let opened = Spool::open(folder.path(), "b", 1, limits).expect("whatever lies there");
    let mut next = 1;
    let mut reader = Reader::new(opened.spool.shelf(), 1, next);
    loop {
        let step = reader.step(u64::MAX, |item| {
            let (first, last) = match item {
                Item::Event { seq, line, .. } => {
                    assert!(line.ends_with(b"\n"));
                    (seq, seq)
                }
                Item::Gap { first, last, .. } => (first, last),
            };
            assert_eq!(first, next);
            assert!(last >= first);
            next = last + 1;
            Ok(())
        });
        match step.expect("readable files") {
            Step::More => {}
            Step::End { .. } => break,
            other => panic!("{other:?}"),
        }
    }
}
