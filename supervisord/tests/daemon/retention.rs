//! What is too old goes, all of it, whatever clocks say and however little happens.

use std::time::{Duration, Instant};

use supervisord::settings::StoreSettings;
use supervisord::store::{Bounds, EventStore, SqliteStore};
use supervisord::timings::Timings;

use crate::support::inside;
use crate::support::kept::{Kept, assert_same};
use crate::support::node::{FakeNode, PATIENCE};
use crate::support::story::{MORNING, SECOND, Story};

#[test]
fn as_long_as_there_is_more_to_remove_a_full_chunk_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let settings = StoreSettings {
        path: dir.path().join("events.db"),
        ..Default::default()
    };
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    let mut story = Story::new(18, "b1");
    story.begin(&node);
    (0..3_000).for_each(|_| story.step(&node));
    let mut kept = Kept::open(SqliteStore::open(&settings).unwrap());
    kept.boot("pbx1", "b1");
    kept.events("pbx1", "b1", &node.take_held());
    kept.store.checkpoint(&kept.state, None).unwrap();
    let all = Bounds {
        now: u64::MAX >> 1,
        statistics: u64::MAX >> 1,
        ..Bounds::default()
    };
    // Both tables of figures have a full chunk to lose.
    while kept.store.prune(&all, 5).unwrap() == 5 {}
    for table in ["queue_stats", "agent_stats"] {
        assert_eq!(
            kept.number(&format!("SELECT count(*) FROM {table}")),
            0,
            "{table}"
        );
    }
    assert_eq!(
        kept.number("SELECT count(*) FROM audit WHERE action = 'store_retention'"),
        1
    );
}

#[test]
fn a_clock_that_was_ahead_keeps_nothing_for_longer() {
    let dir = tempfile::tempdir().unwrap();
    let settings = StoreSettings {
        path: dir.path().join("events.db"),
        ..Default::default()
    };
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    let mut kept = Kept::open(SqliteStore::open(&settings).unwrap());
    let year = 365 * 86_400 * SECOND;
    // The second boot ran with a clock of years ahead, and ended with a gap and a snapshot.
    for (boot, from) in [
        ("b1", MORNING),
        ("b2", MORNING + 14 * year),
        ("b3", MORNING + 3_600 * SECOND),
        ("b4", MORNING + year),
    ] {
        if boot != "b1" {
            node.reboot(boot);
        }
        let mut story = Story::new(19, boot).from(from);
        kept.boot("pbx1", boot);
        story.begin(&node);
        (0..50).for_each(|_| story.step(&node));
        let frames = node.take_held();
        let (told, lost) = frames.split_at(frames.len() - 5);
        kept.events("pbx1", boot, told);
        kept.gap("pbx1", boot, lost[0].seq, lost[4].seq);
        kept.snapshot("pbx1", boot, node.snapshot());
    }
    kept.store.checkpoint(&kept.state, None).unwrap();
    let bounds = Bounds {
        events: MORNING + year / 2,
        ..Bounds::default()
    };
    // In chunks of one boot's size, and odd ones.
    while kept.store.prune(&bounds, 37).unwrap() == 37 {}
    let left = kept.rows("SELECT DISTINCT boot FROM events");
    let left: Vec<_> = left.iter().map(|row| row.text(0).unwrap()).collect();
    assert_eq!(left, ["b4"]);
    let marks = kept.rows("SELECT DISTINCT boots.boot FROM marks JOIN boots ON boots.id = marks.boot");
    let marks: Vec<_> = marks.iter().map(|row| row.text(0).unwrap()).collect();
    assert_eq!(marks, ["b4"], "snapshots have numbers, too");
    let before = kept.dump();
    kept.store.rebuild("test", 1).unwrap();
    assert_same(&before, &kept.dump(), "made anew from what is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_old_goes_though_nothing_happens_and_no_checkpoint_is_due() {
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    // A story of long ago.
    let mut story = Story::new(20, "b1");
    story.begin(&node);
    (0..50).for_each(|_| story.step(&node));
    let settings = inside::settings(dir.path(), &[&node]);
    let timings = Timings {
        retention: Duration::from_millis(20),
        ..Timings::default()
    };
    let daemon = inside::start_timed(settings.clone(), timings).await;
    daemon.ready().await;
    let seq = node.seq();
    inside::until(&daemon, "all is stored", |state| {
        state.nodes.get("pbx1").is_some_and(|node| node.seq == seq)
    })
    .await;
    let path = settings.store.path.clone();
    let emptied = tokio::task::spawn_blocking(move || {
        let db = rusqlite::Connection::open(&path).unwrap();
        db.busy_timeout(PATIENCE).unwrap();
        let left = || {
            let left = db.query_row("SELECT count(*) FROM events", [], |row| row.get::<_, u64>(0));
            left.unwrap()
        };
        let begun = Instant::now();
        while left() > 0 {
            assert!(begun.elapsed() < PATIENCE, "waited in vain");
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    emptied.await.unwrap();
    daemon.stop().await;
}
