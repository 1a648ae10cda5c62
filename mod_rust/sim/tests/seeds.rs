//! Runs of the simulator as tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

use hotline_engine::codec::journal::JournalError;
use hotline_sim::{replay, run};

/// Seeds that once failed, with what they found.
const FOUND: &[(u64, &str)] = &[
    (
        879,
        "whoever asked for a step of a consultation was never answered once the consulted was let go before it",
    ),
    (21, "an agent freed by a reload kept the idle time of before"),
    (
        1002308,
        "the model kept the idle time of an agent whose phone was unreachable when the offer was taken back",
    ),
    (
        100_093,
        "the model estimated with an agent who had just gone when a caller failed to be connected in an emergency",
    ),
];

#[test]
fn what_was_found_once_stays_mended() {
    for (seed, found) in FOUND {
        run(*seed, 300).unwrap_or_else(|failure| panic!("{found}: {failure}"));
    }
}

#[test]
fn a_sweep_of_seeds_goes_well() {
    for seed in 1..=40 {
        run(seed, 300).unwrap_or_else(|failure| panic!("{failure}"));
    }
}

#[test]
fn a_seed_is_the_same_run_for_ever() {
    let (first, second) = (run(7, 300).unwrap(), run(7, 300).unwrap());
    assert_eq!(first.counts, second.counts);
    assert_eq!(first.journal, second.journal);
    assert!(first.counts.connected > 0, "{:?}", first.counts);
}

#[test]
fn a_torn_journal_replays_up_to_the_tear_and_says_so() {
    let journal = run(7, 50).unwrap().journal;
    let whole = replay(&journal).unwrap().count();
    let steps: Vec<_> = replay(&journal[..journal.len() - 1]).unwrap().collect();
    assert_eq!(steps.len(), whole);
    assert!(matches!(steps.last(), Some(Err(JournalError::Torn(_)))));
}
