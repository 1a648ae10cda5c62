//! A store that fails: nothing is acknowledged that is not stored, and nothing is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hotline_wire::frame::EventFrame;
use hotline_wire::{Command, Outcome};
use supervisord::authority::Actor;
use supervisord::daemon::Daemon;
use supervisord::recorder::Opener;
use supervisord::shared::StoreHealth;
use supervisord::state::{Body, Changes, State};
use supervisord::store::{
    Bounds, EventStore, Maintain, Maintained, Mark, Note, SqliteStore, StoreError, StoredEvent,
};
use supervisord::timings::Timings;

use crate::support::daemon::{DaemonProcess, folded, get, value, write_settings};
use crate::support::inside::{seen, settings, told, until};
use crate::support::node::{FakeNode, PATIENCE};
use crate::support::story::Story;

/// A disk that can be full.
struct Moody {
    inner: SqliteStore,
    full: Arc<AtomicBool>,
}

impl Moody {
    fn mood(&self) -> Result<(), StoreError> {
        if self.full.load(Ordering::SeqCst) {
            return Err(StoreError::Full {
                path: "events.db".into(),
                cause: "in this test".into(),
            });
        }
        Ok(())
    }
}

impl EventStore for Moody {
    fn recover(&mut self) -> Result<State, StoreError> {
        self.inner.recover()
    }

    fn commit(&mut self, events: &[StoredEvent<'_>]) -> Result<(), StoreError> {
        self.mood()?;
        self.inner.commit(events)
    }

    fn checkpoint(&mut self, state: &State, mark: Option<&Mark<'_>>) -> Result<(), StoreError> {
        self.mood()?;
        self.inner.checkpoint(state, mark)
    }

    fn prune(&mut self, bounds: &Bounds, limit: u32) -> Result<usize, StoreError> {
        self.inner.prune(bounds, limit)
    }

    fn maintain(&mut self, what: &Maintain, author: &str, now: u64) -> Result<Maintained, StoreError> {
        self.inner.maintain(what, author, now)
    }

    fn note(&mut self, notes: &[Note]) -> Result<(), StoreError> {
        self.mood()?;
        self.inner.note(notes)
    }
}

async fn health(daemon: &Daemon, is: impl Fn(&StoreHealth) -> bool) {
    let mut store = daemon.shared().store();
    tokio::time::timeout(PATIENCE, store.wait_for(is))
        .await
        .expect("the store's health changes")
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_disk_is_full_nodes_keep_their_events_and_commands_pass() {
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    let mut story = Story::new(11, "b1");
    story.begin(&node);
    let full = Arc::new(AtomicBool::new(false));
    let settings = settings(dir.path(), &[&node]);
    let (store, mood) = (settings.store.clone(), full.clone());
    let open: Opener = Box::new(move || {
        Ok(Box::new(Moody {
            inner: SqliteStore::open(&store)?,
            full: mood.clone(),
        }))
    });
    let daemon = Daemon::start_with(settings, open, Timings::default())
        .await
        .unwrap();
    for _ in 0..3 {
        (0..200).for_each(|_| story.step(&node));
        node.wait_all_acked();
        let (acked, before) = (node.acked(), seen(&daemon, "pbx1"));

        full.store(true, Ordering::SeqCst);
        // More than there is room for between link and recorder.
        for _ in 0..8_000 {
            story.step(&node);
        }
        health(&daemon, |store| matches!(store, StoreHealth::Failed(_))).await;
        let (status, text) = page(&daemon, "/healthz").await;
        assert_eq!(status, 503);
        assert!(text.contains("full") && text.contains("max_mib"), "{text}");
        assert_eq!(value(&page(&daemon, "/metrics").await.1, "hotline_store_ok"), 0.0);
        let idle = Command::ForceIdle { agent: "1001".into() };
        assert_eq!(
            daemon
                .shared()
                .ask(&Actor::administrator("dbus:anna"), "pbx1", idle)
                .await,
            Ok(Outcome::Done)
        );
        assert_eq!(node.acked(), acked);
        assert_eq!(
            seen(&daemon, "pbx1"),
            before,
            "nothing is shown that is not stored"
        );

        full.store(false, Ordering::SeqCst);
        health(&daemon, |store| *store == StoreHealth::Ok).await;
        let seq = node.seq();
        until(&daemon, "all is caught up", |state| {
            state.nodes["pbx1"].seq == seq
        })
        .await;
        node.wait_all_acked();
        assert_eq!(page(&daemon, "/healthz").await.0, 200);
    }
    assert_eq!(seen(&daemon, "pbx1"), told(&node));
    daemon.stop().await;
}

async fn page(daemon: &Daemon, path: &'static str) -> (u16, String) {
    let http = daemon.http();
    tokio::task::spawn_blocking(move || get(http, path).unwrap())
        .await
        .unwrap()
}

#[test]
fn a_full_database_is_said_and_a_larger_one_goes_on_exactly() {
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    let mut story = Story::new(12, "b1");
    story.begin(&node);
    (0..4_000).for_each(|_| story.step(&node));
    let small = write_settings(dir.path(), &[&node.socket], "off", "max_mib = 1\n");
    let daemon = DaemonProcess::start(&small);
    wait_for(|| daemon.get("/healthz").0 == 503);
    let (_, text) = daemon.get("/healthz");
    assert!(
        text.contains("events.db is full") && text.contains("max_mib"),
        "{text}"
    );
    let metrics = daemon.metrics();
    assert_eq!(value(&metrics, "hotline_store_ok"), 0.0);
    let applied = value(&metrics, "hotline_events_applied_total{node=\"pbx1\"}");
    assert!(applied < node.seq() as f64);
    assert!(node.acked() as f64 <= applied);
    daemon.stop();

    let large = write_settings(dir.path(), &[&node.socket], "off", "");
    let daemon = DaemonProcess::start(&large);
    node.wait_all_acked();
    let metrics = daemon.metrics();
    assert_eq!(
        value(&metrics, "hotline_events_applied_total{node=\"pbx1\"}"),
        node.seq() as f64
    );

    let other_dir = tempfile::tempdir().unwrap();
    let other = FakeNode::start(other_dir.path(), "pbx1", "b1");
    let mut story = Story::new(12, "b1");
    story.begin(&other);
    (0..4_000).for_each(|_| story.step(&other));
    let never_full = DaemonProcess::start(&write_settings(other_dir.path(), &[&other.socket], "off", ""));
    other.wait_all_acked();
    assert_eq!(folded(&metrics), folded(&never_full.metrics()));
}

#[test]
fn a_store_that_cannot_be_opened_is_tried_until_it_can() {
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    Story::new(13, "b1").begin(&node);
    let settings = write_settings(dir.path(), &[&node.socket], "off", "");
    let text = std::fs::read_to_string(&settings)
        .unwrap()
        .replace("events.db", "later/events.db");
    std::fs::write(&settings, text).unwrap();
    let daemon = DaemonProcess::start(&settings);
    wait_for(|| daemon.get("/healthz").0 == 503);
    let (_, text) = daemon.get("/healthz");
    assert!(
        text.contains("cannot open") && text.contains("later/events.db"),
        "{text}"
    );
    assert_eq!(daemon.get("/readyz").0, 503);
    assert_eq!(node.accepted(), 0);
    std::fs::create_dir(dir.path().join("later")).unwrap();
    node.wait_all_acked();
    assert_eq!(daemon.get("/healthz").0, 200);
    assert_eq!(daemon.get("/readyz").0, 200);
}

#[test]
fn a_database_of_a_newer_version_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let settings = supervisord::settings::StoreSettings {
        path: dir.path().join("events.db"),
        ..Default::default()
    };
    drop(SqliteStore::open(&settings).unwrap());
    let db = rusqlite::Connection::open(&settings.path).unwrap();
    db.execute("INSERT INTO migrations VALUES (99, '2031-01-01')", [])
        .unwrap();
    let error = SqliteStore::open(&settings).unwrap_err().to_string();
    assert!(error.contains("newer version") && error.contains("99"), "{error}");
}

#[test]
fn a_damaged_database_is_called_so() {
    let dir = tempfile::tempdir().unwrap();
    let settings = supervisord::settings::StoreSettings {
        path: dir.path().join("events.db"),
        ..Default::default()
    };
    drop(SqliteStore::open(&settings).unwrap());
    let mut bytes = std::fs::read(&settings.path).unwrap();
    for damage in [0..100, 4_096..5_000] {
        bytes[damage].fill(0xa5);
        std::fs::write(&settings.path, &bytes).unwrap();
        let error = SqliteStore::open(&settings).unwrap_err().to_string();
        assert!(error.contains("damaged") && error.contains("backup"), "{error}");
    }
    assert_eq!(std::fs::read(&settings.path).unwrap(), bytes, "it is left alone");
}

/// Events from before then are too old, and nothing else.
fn events_before(at: u64) -> Bounds {
    Bounds {
        events: at,
        ..Bounds::default()
    }
}

/// Asks again and again; there is no event to wait for on the other side of HTTP.
fn wait_for(is: impl Fn() -> bool) {
    let begun = std::time::Instant::now();
    while !is() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn events_after_the_last_checkpoint_are_not_removed_however_old() {
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    let mut story = Story::new(16, "b1");
    story.begin(&node);
    let settings = write_settings(dir.path(), &[&node.socket], "off", "");
    let daemon = DaemonProcess::start(&settings);
    (0..100).for_each(|_| story.step(&node));
    node.wait_all_acked();
    let metrics = folded(&daemon.metrics());
    daemon.kill();
    let settings = supervisord::settings::StoreSettings {
        path: dir.path().join("events.db"),
        ..Default::default()
    };
    let mut store = SqliteStore::open(&settings).unwrap();
    store.recover().unwrap();
    assert_eq!(store.prune(&events_before(u64::MAX >> 1), 1_000_000).unwrap(), 0);
    drop(store);
    let settings = dir.path().join("supervisord.toml");
    let accepted = node.accepted();
    let daemon = DaemonProcess::start(&settings);
    node.wait_connections(accepted + 1);
    assert_eq!(folded(&daemon.metrics()), metrics);
}

#[test]
fn a_full_store_makes_room_by_removing_what_is_too_old() {
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    let mut story = Story::new(17, "b1");
    story.begin(&node);
    // The story is older than a day.
    let more = "max_mib = 4\nkeep_days = 1\nkeep_days_calls = 1\nkeep_days_agents = 1\nkeep_days_statistics = 1\n\
                checkpoint_every = 500\n";
    let settings = write_settings(dir.path(), &[&node.socket], "off", more);
    let daemon = DaemonProcess::start(&settings);
    // More than twice as much.
    (0..10_000).for_each(|_| story.step(&node));
    node.wait_all_acked();
    assert_eq!(daemon.get("/healthz").0, 200);
    let size = std::fs::metadata(dir.path().join("events.db")).unwrap().len();
    assert!(size <= 4 << 20, "{size}");
    let metrics = folded(&daemon.metrics());
    daemon.kill();
    let accepted = node.accepted();
    let daemon = DaemonProcess::start(&settings);
    node.wait_connections(accepted + 1);
    assert_eq!(folded(&daemon.metrics()), metrics);
}

#[test]
fn a_second_daemon_on_the_same_store_waits_until_the_first_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let other_dir = tempfile::tempdir().unwrap();
    let one = FakeNode::start(dir.path(), "pbx1", "b1");
    let two = FakeNode::start(dir.path(), "pbx2", "b1");
    for (node, seed) in [(&one, 18), (&two, 19)] {
        let mut story = Story::new(seed, "b1");
        story.begin(node);
        (0..50).for_each(|_| story.step(node));
    }
    let first = DaemonProcess::start(&write_settings(dir.path(), &[&one.socket], "off", ""));
    one.wait_all_acked();
    let settings = write_settings(other_dir.path(), &[&two.socket], "off", "");
    let text = std::fs::read_to_string(&settings).unwrap();
    let (theirs, ours) = (other_dir.path().join("events.db"), dir.path().join("events.db"));
    std::fs::write(
        &settings,
        text.replace(&*theirs.to_string_lossy(), &ours.to_string_lossy()),
    )
    .unwrap();
    let second = DaemonProcess::start(&settings);
    wait_for(|| second.get("/healthz").0 == 503);
    let (_, text) = second.get("/healthz");
    assert!(text.contains("in use by another daemon"), "{text}");
    assert_eq!(two.accepted(), 0);

    // Caller numbers are in it.
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&ours).unwrap());
    assert_eq!(mode & 0o7, 0, "{mode:o}");

    first.kill();
    two.wait_all_acked();
    let metrics = second.metrics();
    for node in ["pbx1", "pbx2"] {
        let told = value(
            &metrics,
            &format!("hotline_events_applied_total{{node=\"{node}\"}}"),
        );
        assert!(told > 50.0, "{node}: {told}");
    }
}

#[test]
fn a_store_has_one_daemon_by_whatever_name_it_is_reached() {
    let dir = tempfile::tempdir().unwrap();
    let of = |name: &str| supervisord::settings::StoreSettings {
        path: dir.path().join(name),
        ..Default::default()
    };
    let held = SqliteStore::open(&of("events.db")).unwrap();
    std::os::unix::fs::symlink("events.db", dir.path().join("link.db")).unwrap();
    let other = SqliteStore::open(&of("link.db")).unwrap_err();
    assert!(matches!(other, StoreError::InUse { .. }), "{other}");
    assert!(other.to_string().contains("link.db"), "{other}");
    drop(held);
    drop(crate::support::kept::reopen(|| SqliteStore::open(&of("link.db"))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorder_that_met_a_defect_ends_the_daemon() {
    struct Defective;
    impl EventStore for Defective {
        fn recover(&mut self) -> Result<State, StoreError> {
            Ok(State::default())
        }
        fn commit(&mut self, _: &[StoredEvent<'_>]) -> Result<(), StoreError> {
            panic!("a defect, for this test");
        }
        fn checkpoint(&mut self, _: &State, _: Option<&Mark<'_>>) -> Result<(), StoreError> {
            Ok(())
        }
        fn prune(&mut self, _: &Bounds, _: u32) -> Result<usize, StoreError> {
            Ok(0)
        }
        fn maintain(&mut self, _: &Maintain, _: &str, _: u64) -> Result<Maintained, StoreError> {
            panic!("a defect, for this test");
        }
        fn note(&mut self, _: &[Note]) -> Result<(), StoreError> {
            Ok(())
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    Story::new(20, "b1").begin(&node);
    let open: Opener = Box::new(|| Ok(Box::new(Defective)));
    let settings = settings(dir.path(), &[&node]);
    let mut daemon = Daemon::start_with(settings, open, Timings::default())
        .await
        .unwrap();
    tokio::time::timeout(PATIENCE, daemon.failed()).await.unwrap();
    daemon.stop().await;
}

#[test]
fn old_events_are_removed_and_what_they_counted_stays() {
    let dir = tempfile::tempdir().unwrap();
    let settings = supervisord::settings::StoreSettings {
        path: dir.path().join("events.db"),
        ..Default::default()
    };
    let mut store = SqliteStore::open(&settings).unwrap();
    let mut state = State::default();
    let record = |body| supervisord::state::Record {
        node: "pbx1".into(),
        boot: "b1".into(),
        body,
    };
    state.apply(
        &record(Body::Boot {
            number: 0,
            socket: String::new(),
        }),
        &mut Changes::default(),
    );
    for seq in 1..=10 {
        let frame = EventFrame {
            seq,
            at: seq * 1_000,
            event: hotline_wire::Event::OfferRinging { offer: seq },
        };
        store.commit(&[StoredEvent::of("pbx1", "b1", &frame)]).unwrap();
        // The key makes it exactly once.
        store.commit(&[StoredEvent::of("pbx1", "b1", &frame)]).unwrap();
        state.apply(&record(Body::Event(frame)), &mut Changes::default());
    }
    store.checkpoint(&state, None).unwrap();
    assert_eq!(store.prune(&events_before(8_000), 5).unwrap(), 5);
    assert_eq!(store.prune(&events_before(8_000), 5).unwrap(), 2);
    assert_eq!(store.prune(&events_before(8_000), 5).unwrap(), 0);
    drop(store);
    assert_eq!(SqliteStore::open(&settings).unwrap().recover().unwrap(), state);
    let db = rusqlite::Connection::open(&settings.path).unwrap();
    let left: u64 = db
        .query_row("SELECT count(*) FROM events", [], |row| row.get(0))
        .unwrap();
    assert_eq!(left, 3);
}
