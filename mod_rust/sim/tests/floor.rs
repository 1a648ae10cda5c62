//! Plausible floors: calibration, and other settings for the callers of a journal.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

use hotline_engine::codec::journal::Reader;
use hotline_sim::floor::{CalibrationFloor, calibrate, what_if};
use hotline_sim::run;

#[test]
fn estimates_are_about_right_on_a_busy_floor() {
    let floor = CalibrationFloor {
        seed: 1,
        hours: 12,
        load: 1.0,
    };
    let found = calibrate(&floor).unwrap();
    let all = found.rows.last().unwrap();
    assert!(all.predicted > 1_000, "{all:?}");
    assert!((0.35..0.75).contains(&all.within_p50), "{all:?}");
    assert!((0.85..0.99).contains(&all.within_p90), "{all:?}");
}

#[test]
fn the_same_settings_give_the_same_figures() {
    for seed in 1..20 {
        let journal = run(seed, 300).unwrap().journal;
        let (head, _) = Reader::open(&journal).unwrap();
        let found = what_if(&journal, head.config).unwrap();
        assert_eq!(found.own, found.other);
        assert!(found.callers > 0);
        let counted: u64 = found.journal.last().unwrap().offered;
        assert!(counted > 0, "{:?}", found.journal);
    }
}

#[test]
fn a_torn_journal_counts_up_to_the_tear() {
    let journal = run(7, 300).unwrap().journal;
    let (head, _) = Reader::open(&journal).unwrap();
    let found = what_if(&journal[..journal.len() - 3], head.config).unwrap();
    assert!(found.torn.is_some_and(|torn| torn.contains("torn")));
}
