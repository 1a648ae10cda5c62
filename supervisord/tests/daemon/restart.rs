//! The daemon is killed at any moment, again and again, and counts every call exactly once.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::daemon::{DaemonProcess, folded, value, write_settings};
use crate::support::node::FakeNode;
use crate::support::story::Story;

/// `/metrics` of a daemon that was never interrupted.
fn uninterrupted(told: &FakeNode, seed: u64, steps: usize) -> String {
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), &told.name, "b1");
    let mut story = Story::new(seed, "b1");
    story.begin(&node);
    for _ in 0..steps {
        story.step(&node);
    }
    assert_eq!(node.seq(), told.seq());
    let daemon = DaemonProcess::start(&write_settings(dir.path(), &[&node.socket], "off", ""));
    node.wait_all_acked();
    folded(&daemon.metrics())
}

/// Raises a flag at the latest when it is dropped.
struct Raised<'a>(&'a AtomicBool);

impl Drop for Raised<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn killed_at_any_moment_it_counts_exactly() {
    const KILLS: usize = 25;
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    // A checkpoint now and then, so that kills meet them too.
    let settings = write_settings(dir.path(), &[&node.socket], "off", "checkpoint_every = 150\n");
    let enough = AtomicBool::new(false);
    let mut steps = 0;

    std::thread::scope(|scope| {
        let feeder = scope.spawn(|| {
            let mut story = Story::new(seed, "b1");
            story.begin(&node);
            let mut steps = 0;
            while !enough.load(Ordering::Relaxed) {
                // No further ahead than the daemon can catch up with between two kills.
                if node.seq() < node.acked() + 400 {
                    story.step(&node);
                    steps += 1;
                } else {
                    std::thread::yield_now();
                }
            }
            steps
        });
        // Also if this panics: the feeder would go on for ever otherwise, and nobody be told.
        let _ended = Raised(&enough);
        let mut random = fastrand::Rng::with_seed(seed);
        let mut seen = 0.0;
        for _ in 0..KILLS {
            let daemon = DaemonProcess::start(&settings);
            node.wait_acked(node.acked() + random.u64(1..300));
            let applied = value(&daemon.metrics(), "hotline_events_applied_total{node=\"pbx1\"}");
            assert!(
                applied >= seen,
                "what was shown before the kill is not taken back: {applied} < {seen}"
            );
            seen = applied;
            std::thread::sleep(std::time::Duration::from_micros(random.u64(0..3_000)));
            daemon.kill();
        }
        enough.store(true, Ordering::Relaxed);
        steps = feeder.join().unwrap();
    });

    let daemon = DaemonProcess::start(&settings);
    node.wait_all_acked();
    let metrics = daemon.metrics();
    eprintln!("{} events over {KILLS} kills", node.seq());
    assert_eq!(folded(&metrics), uninterrupted(&node, seed, steps));
    assert_eq!(
        value(&metrics, "hotline_events_applied_total{node=\"pbx1\"}"),
        node.seq() as f64
    );
    for reason in ["boot", "overflow"] {
        assert_eq!(
            value(
                &metrics,
                &format!("hotline_event_gaps_total{{node=\"pbx1\",reason=\"{reason}\"}}")
            ),
            0.0
        );
    }
}

#[test]
fn stopped_and_started_it_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    let settings = write_settings(dir.path(), &[&node.socket], "off", "");
    let mut story = Story::new(7, "b1");
    story.begin(&node);
    let mut before = String::new();
    for _ in 0..3 {
        for _ in 0..50 {
            story.step(&node);
        }
        let daemon = DaemonProcess::start(&settings);
        node.wait_all_acked();
        let now = folded(&daemon.metrics());
        assert_ne!(now, before);
        before = now;
        daemon.stop();
    }
    let accepted = node.accepted();
    let daemon = DaemonProcess::start(&settings);
    node.wait_connections(accepted + 1);
    assert_eq!(folded(&daemon.metrics()), before);
}
