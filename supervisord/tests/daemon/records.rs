//! Records of calls and of agents' time: exact whatever happens, the same when made anew, on every database.

use std::collections::BTreeMap;
use std::process::{Command as Program, Output};

use hotline_wire::event::CallOutcome;
use supervisord::audit;
use supervisord::settings::StoreSettings;
use supervisord::store::base::SqlStore;
use supervisord::store::sql::Engine;
use supervisord::store::{Bounds, EventStore, PostgresStore, SqliteStore, StoreError, StoredEvent};

use crate::support::daemon::{DaemonProcess, write_settings};
use crate::support::kept::{Kept, TABLES, assert_same, reopen, reopen_failing};
use crate::support::node::FakeNode;
use crate::support::postgres::PrivatePostgres;
use crate::support::story::{MORNING, SECOND, Story};

/// Opens a store; called again and again, as by a daemon that was killed.
type Open<'a, E> = &'a dyn Fn() -> SqlStore<E>;

/// A story of several boots with gaps, told in pieces to a store that is opened anew now and then.
fn tell<E: Engine>(seed: u64, open: Open<'_, E>, kept: &mut Option<Kept<E>>) {
    let mut random = fastrand::Rng::with_seed(seed);
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    let mut now = MORNING;
    for boot in ["b1", "b2", "b3"] {
        if boot != "b1" {
            node.reboot(boot);
        }
        let mut story = Story::new(seed ^ now, boot).from(now);
        let it = kept.get_or_insert_with(|| Kept::open(open()));
        it.boot("pbx1", boot);
        story.begin(&node);
        for _ in 0..random.usize(8..16) {
            (0..random.usize(1..60)).for_each(|_| story.step(&node));
            let frames = node.take_held();
            let it = kept.as_mut().unwrap();
            if random.u8(0..5) == 0 && frames.len() > 3 && frames[0].seq > 1 {
                let lost = random.usize(1..frames.len());
                it.gap("pbx1", boot, frames[0].seq, frames[lost - 1].seq);
                it.events("pbx1", boot, &frames[lost..]);
                it.snapshot("pbx1", boot, node.snapshot());
            } else {
                for piece in frames.chunks(random.usize(1..400)) {
                    it.events("pbx1", boot, piece);
                    if random.u8(0..4) == 0 {
                        // Delivery is at least once.
                        it.events("pbx1", boot, piece);
                    }
                }
                if random.bool() {
                    it.store.checkpoint(&it.state, None).unwrap();
                }
            }
            if random.u8(0..3) == 0 {
                *kept = None;
                *kept = Some(Kept::open(open()));
            }
        }
        now = story.now() + random.u64(SECOND..3_600 * SECOND);
    }
}

/// What the records say is what the read model counts.
fn assert_counts<E: Engine>(kept: &mut Kept<E>) {
    let counts = kept.state.nodes["pbx1"].counts.clone();
    let mut visits: BTreeMap<(String, String, String), u64> = BTreeMap::new();
    for row in kept.rows("SELECT queue, tier, outcome, count(*) FROM visits WHERE outcome IS NOT NULL GROUP BY queue, tier, outcome")
    {
        let text = |place| row.text(place).unwrap().to_owned();
        visits.insert((text(0), text(1), text(2)), row.uint(3).unwrap());
    }
    for (queue, counts) in &counts.queues {
        for (tier, counts) in &counts.tiers {
            let of = format!("queue = '{queue}' AND tier = '{tier}'");
            let sum = |kept: &mut Kept<E>, what: &str| {
                kept.number(&format!(
                    "SELECT CAST(sum({what}) AS BIGINT) FROM queue_stats WHERE {of}"
                )) as u64
            };
            assert_eq!(sum(kept, "arrivals"), counts.offered);
            assert_eq!(sum(kept, "answered_within"), counts.answered_within);
            assert_eq!(sum(kept, "abandoned_within"), counts.abandoned_within);
            for outcome in CallOutcome::ALL {
                let key = (queue.clone(), tier.clone(), outcome.label().to_owned());
                let found = visits.get(&key).copied().unwrap_or(0);
                assert_eq!(
                    found,
                    counts.finished.get(outcome).copied().unwrap_or(0),
                    "{key:?}"
                );
            }
        }
        let talk = kept.number(&format!(
            "SELECT CAST(sum(talk) AS BIGINT) FROM visits WHERE queue = '{queue}'"
        ));
        let waits = kept.number(&format!(
            "SELECT CAST(sum(answer_wait) AS BIGINT) FROM queue_stats WHERE queue = '{queue}'"
        ));
        assert_eq!(talk as u64, counts.talk.sum());
        assert_eq!(waits as u64, counts.answer_wait.sum());
    }
}

/// While an agent is signed in, one interval begins where the one before ends.
fn assert_whole_time<E: Engine>(kept: &mut Kept<E>) {
    let rows = kept
        .rows("SELECT boot, agent, began, ended, state FROM agent_time ORDER BY boot, agent, began, born");
    assert!(rows.len() > 100);
    for two in rows.windows(2) {
        let (one, next) = (&two[0], &two[1]);
        if (one.int(0).unwrap(), one.text(1).unwrap()) == (next.int(0).unwrap(), next.text(1).unwrap()) {
            // In these stories nobody signs out.
            assert_eq!(
                one.maybe_uint(3).unwrap(),
                Some(next.uint(2).unwrap()),
                "{one:?} {next:?}"
            );
        }
    }
    let of_gaps = kept.number("SELECT count(*) FROM gaps");
    let unknown = kept.number("SELECT count(*) FROM agent_time WHERE state = 'unknown'");
    assert!(unknown > 0 || of_gaps == 0);
}

fn told_and_made_anew<E: Engine>(seed: u64, open: Open<'_, E>) {
    eprintln!("seed {seed}");
    let mut kept = None;
    tell(seed, open, &mut kept);
    let mut kept = kept.unwrap();
    assert_counts(&mut kept);
    assert_whole_time(&mut kept);
    let told = kept.dump();
    kept.store.rebuild("test", 1).unwrap();
    assert_same(&told, &kept.dump(), "made anew");

    // The same from what is left of the events, whenever they were removed; numbers are known of those alone.
    let (first, last) = (
        kept.number("SELECT min(at) FROM events") as u64,
        kept.number("SELECT max(at) FROM events") as u64,
    );
    for part in 1..=4 {
        let bounds = Bounds {
            events: first + (last - first) * part / 5,
            ..Bounds::default()
        };
        while kept.store.prune(&bounds, 300).unwrap() == 300 {}
        let left = kept.number("SELECT count(*) FROM events");
        assert!(left > 0);
        let mut told = told.clone();
        kept.store.rebuild("test", 1).unwrap();
        let mut anew = kept.dump();
        for dump in [&mut told, &mut anew] {
            dump.remove("numbers");
        }
        assert_same(&told, &anew, &format!("made anew from part {part}"));
    }
    // And it goes on from there.
    drop(kept);
    let mut kept = Kept::open(open());
    assert_counts(&mut kept);

    // Records go when they are too old, and what they counted stays.
    let bounds = Bounds {
        calls: last + 1,
        agents: last + 1,
        ..Bounds::default()
    };
    kept.store.prune(&bounds, 1_000_000).unwrap();
    assert_eq!(
        kept.number("SELECT count(*) FROM calls WHERE ended IS NOT NULL"),
        0
    );
    kept.store.rebuild("test", 1).unwrap();
    assert_counts_of(&told, &mut kept);
    let verified = audit::verify(kept.store.engine(), None, |_| {}).unwrap();
    assert!(
        verified.rows >= 7,
        "rebuilding and pruning are in the audit record: {}",
        verified.rows
    );
}

fn assert_counts_of<E: Engine>(
    told: &BTreeMap<&'static str, Vec<supervisord::store::sql::Row>>,
    kept: &mut Kept<E>,
) {
    let now = kept.dump();
    let figures = |dump: &BTreeMap<&'static str, Vec<supervisord::store::sql::Row>>| {
        (dump["queue_stats"].clone(), dump["agent_stats"].clone())
    };
    assert_eq!(figures(told), figures(&now));
}

#[test]
fn a_story_is_recorded_exactly_and_the_same_when_made_anew() {
    for seed in [1, 2, 3, fastrand::u64(..)] {
        let dir = tempfile::tempdir().unwrap();
        let settings = StoreSettings {
            path: dir.path().join("events.db"),
            ..StoreSettings::default()
        };
        told_and_made_anew(seed, &|| reopen(|| SqliteStore::open(&settings)));
    }
}

#[test]
fn a_store_of_an_older_version_gets_its_records_from_its_events() {
    let dir = tempfile::tempdir().unwrap();
    let settings = StoreSettings {
        path: dir.path().join("events.db"),
        ..StoreSettings::default()
    };
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    let mut story = Story::new(12, "b1");
    story.begin(&node);
    (0..500).for_each(|_| story.step(&node));
    let mut kept = Kept::open(reopen(|| SqliteStore::open(&settings)));
    kept.boot("pbx1", "b1");
    kept.events("pbx1", "b1", &node.take_held());
    let told = kept.dump();
    drop(kept);
    make_old(&settings);
    let mut kept = Kept::open(reopen(|| SqliteStore::open(&settings)));
    assert_same(&told, &kept.dump(), "made by the migration");
    (0..100).for_each(|_| story.step(&node));
    kept.events("pbx1", "b1", &node.take_held());
    assert_counts(&mut kept);
}

/// Makes a store one of the version that had no records.
fn make_old(settings: &StoreSettings) {
    let db = rusqlite::Connection::open(&settings.path).unwrap();
    for table in ["marks", "anchor", "meta"]
        .into_iter()
        .chain(TABLES.map(|(table, _)| table))
    {
        db.execute_batch(&format!("DROP TABLE {table}")).unwrap();
    }
    db.execute("DELETE FROM migrations WHERE version >= 3", [])
        .unwrap();
}

#[test]
fn a_migration_that_is_cut_off_leaves_the_older_version_and_is_done_whole_the_next_time() {
    let dir = tempfile::tempdir().unwrap();
    let settings = StoreSettings {
        path: dir.path().join("events.db"),
        ..StoreSettings::default()
    };
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    let mut story = Story::new(13, "b1");
    story.begin(&node);
    (0..500).for_each(|_| story.step(&node));
    let mut kept = Kept::open(reopen(|| SqliteStore::open(&settings)));
    kept.boot("pbx1", "b1");
    kept.events("pbx1", "b1", &node.take_held());
    let told = kept.dump();
    drop(kept);
    make_old(&settings);
    // In the middle of making the records: what cannot be read ends it as a kill would.
    let change = |sql: &str| {
        let db = rusqlite::Connection::open(&settings.path).unwrap();
        assert_eq!(db.execute(sql, []).unwrap(), 1);
    };
    change("UPDATE events SET body = 'x' || body WHERE seq = 300");
    let failed = reopen_failing(|| SqliteStore::open(&settings));
    assert!(matches!(failed, StoreError::Unreadable { .. }), "{failed}");
    change("UPDATE events SET body = substr(body, 2) WHERE seq = 300");
    let mut kept = Kept::open(reopen(|| SqliteStore::open(&settings)));
    assert_same(&told, &kept.dump(), "made by the second attempt");
}

#[test]
fn the_same_on_postgresql() {
    let Some(postgres) = PrivatePostgres::start() else {
        return;
    };
    let settings = StoreSettings {
        database: Some(postgres.url()),
        ..StoreSettings::default()
    };
    told_and_made_anew(4, &|| reopen(|| PostgresStore::open(&settings)));
}

#[test]
fn a_postgresql_that_was_killed_has_all_that_was_committed() {
    let Some(mut postgres) = PrivatePostgres::start() else {
        return;
    };
    let settings = StoreSettings {
        database: Some(postgres.url()),
        ..StoreSettings::default()
    };
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    let mut story = Story::new(5, "b1");
    let mut kept = Kept::open(reopen(|| PostgresStore::open(&settings)));
    let second = PostgresStore::open(&settings).unwrap_err();
    assert!(matches!(second, StoreError::InUse { .. }), "{second}");
    kept.boot("pbx1", "b1");
    story.begin(&node);
    for _ in 0..3 {
        (0..200).for_each(|_| story.step(&node));
        let frames = node.take_held();
        let (before, after) = frames.split_at(frames.len() / 2);
        kept.events("pbx1", "b1", before);
        let seen = kept.dump();
        postgres.crash(|| {
            let event = StoredEvent::of("pbx1", "b1", &after[0]);
            let error = kept.store.commit(&[event]).unwrap_err();
            let said = error.to_string();
            assert!(
                matches!(error, StoreError::Unreachable { .. } | StoreError::Failed { .. }),
                "{said}"
            );
        });
        // The same store goes on over a new connection.
        assert_same(&seen, &kept.dump(), "after a crash");
        kept.events("pbx1", "b1", after);
    }
    assert_counts(&mut kept);
    let told = kept.dump();
    kept.store.rebuild("test", 1).unwrap();
    assert_same(&told, &kept.dump(), "made anew");
}

#[test]
fn an_audit_record_that_is_gone_from_postgresql_is_begun_anew_and_says_so() {
    let Some(postgres) = PrivatePostgres::start() else {
        return;
    };
    let settings = StoreSettings {
        database: Some(postgres.url()),
        ..StoreSettings::default()
    };
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    let story = Story::new(13, "b1");
    let mut kept = Kept::open(reopen(|| PostgresStore::open(&settings)));
    kept.boot("pbx1", "b1");
    // The settings of the node are the first row.
    story.begin(&node);
    kept.events("pbx1", "b1", &node.take_held());
    assert!(
        audit::verify(kept.store.engine(), None, |_| {})
            .unwrap()
            .noted
            .is_none()
    );
    postgres.run("DROP TABLE audit_head");
    story.begin(&node);
    let frames = node.take_held();
    let mut events = [StoredEvent::of("pbx1", "b1", &frames[0])];
    audit::tell(&kept.state, &mut events).unwrap();
    let error = kept.store.commit(&events).unwrap_err().to_string();
    assert!(error.contains("audit_head"), "{error}");
    // As the recorder does.
    kept.events("pbx1", "b1", &frames);
    let verified = audit::verify(kept.store.engine(), None, |_| {}).unwrap();
    assert_eq!((verified.rows, verified.noted.is_some()), (3, true));
}

#[test]
fn a_daemon_stores_into_postgresql() {
    let Some(postgres) = PrivatePostgres::start() else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    let mut story = Story::new(6, "b1");
    story.begin(&node);
    let more = format!("database = {:?}\n", postgres.url());
    let settings = write_settings(dir.path(), &[&node.socket], "off", &more);
    for _ in 0..3 {
        let daemon = DaemonProcess::start(&settings);
        (0..300).for_each(|_| story.step(&node));
        node.wait_acked(node.seq() - 100);
        daemon.kill();
    }
    let daemon = DaemonProcess::start(&settings);
    node.wait_all_acked();
    let report = ctl(
        &settings,
        &[
            "report",
            "2026-01-05..2026-01-06",
            "--by",
            "all",
            "--zone",
            "UTC",
            "--json",
        ],
    );
    let report: serde_json::Value = serde_json::from_slice(&report.stdout).unwrap();
    let told = node.state().nodes["pbx1"].counts.clone();
    let offered: u64 = told
        .queues
        .values()
        .flat_map(|queue| queue.tiers.values())
        .map(|tier| tier.offered)
        .sum();
    assert_eq!(report["rows"][0]["figures"]["arrivals"]["value"], offered as f64);

    // A copy is a SQLite file, made while the daemon runs.
    let copy = dir.path().join("copy.db");
    let made = ctl(&settings, &["store", "backup", copy.to_str().unwrap()]);
    assert!(made.status.success(), "{}", said(&made));
    assert!(!dir.path().join("events.db").exists());
    daemon.stop();
    let of_copy = StoreSettings {
        path: copy,
        ..StoreSettings::default()
    };
    let mut copied = Kept::open(reopen(|| SqliteStore::open(&of_copy)));
    let mut original = Kept::open(
        PostgresStore::open(&StoreSettings {
            database: Some(postgres.url()),
            ..StoreSettings::default()
        })
        .unwrap(),
    );
    assert_same(&original.dump(), &copied.dump(), "copied");
    assert_eq!(copied.state, original.state);
    assert!(postgres.dir().exists());
}

fn ctl(settings: &std::path::Path, arguments: &[&str]) -> Output {
    Program::new(env!("CARGO_BIN_EXE_hotlinectl"))
        .args(arguments)
        .arg("--config")
        .arg(settings)
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn a_killed_daemon_has_exact_records() {
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let mut story = Story::new(seed, "b1");
    story.begin(&node);
    let settings = write_settings(dir.path(), &[&node.socket], "off", "checkpoint_every = 150\n");
    let mut random = fastrand::Rng::with_seed(seed);
    for _ in 0..12 {
        let daemon = DaemonProcess::start(&settings);
        (0..150).for_each(|_| story.step(&node));
        node.wait_acked(node.acked() + random.u64(1..200));
        daemon.kill();
    }
    let daemon = DaemonProcess::start(&settings);
    node.wait_all_acked();
    let refused = ctl(&settings, &["store", "rebuild"]);
    assert!(said(&refused).contains("stop it first"), "{}", said(&refused));

    let copy = dir.path().join("copy.db");
    let made = ctl(&settings, &["store", "backup", copy.to_str().unwrap()]);
    assert!(
        made.status.success() && said(&made).contains("sound"),
        "{}",
        said(&made)
    );
    let again = ctl(&settings, &["store", "backup", copy.to_str().unwrap()]);
    assert!(said(&again).contains("not there yet"), "{}", said(&again));
    daemon.stop();

    let of = |path: std::path::PathBuf| StoreSettings {
        path,
        ..StoreSettings::default()
    };
    let open = |path: &str| Kept::open(reopen(|| SqliteStore::open(&of(dir.path().join(path)))));
    let (told, state) = {
        let mut kept = open("events.db");
        assert_counts(&mut kept);
        (kept.dump(), kept.state.clone())
    };
    assert_eq!(state.nodes["pbx1"].counts, node.state().nodes["pbx1"].counts);
    let mut copied = open("copy.db");
    assert_same(&told, &copied.dump(), "copied");
    assert_eq!(copied.state, state);
    let made = ctl(&settings, &["store", "rebuild"]);
    assert!(made.status.success(), "{}", said(&made));
    assert_same(&told, &open("events.db").dump(), "made anew");
    let audit = Program::new(env!("CARGO_BIN_EXE_hotlinectl"))
        .args(["audit", "show", "--action", "store_backup", "--store"])
        .arg(dir.path().join("events.db"))
        .output()
        .unwrap();
    assert!(
        audit.status.success() && said(&audit).contains("cli:") && said(&audit).contains("copy.db"),
        "{}",
        said(&audit)
    );
}

#[test]
fn a_copy_that_is_cut_off_looks_like_none_and_is_no_hindrance() {
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    let mut story = Story::new(14, "b1");
    story.begin(&node);
    (0..4_000).for_each(|_| story.step(&node));
    let settings = write_settings(dir.path(), &[&node.socket], "off", "");
    let of = |path: std::path::PathBuf| StoreSettings {
        path,
        ..StoreSettings::default()
    };
    let mut kept = Kept::open(reopen(|| SqliteStore::open(&of(dir.path().join("events.db")))));
    kept.boot("pbx1", "b1");
    kept.events("pbx1", "b1", &node.take_held());
    let told = kept.dump();
    drop(kept);
    let copies = dir.path().join("copies");
    std::fs::create_dir(&copies).unwrap();
    let copy = copies.join("copy.db");
    let mut cut_off = false;
    while !cut_off {
        let mut backup = Program::new(env!("CARGO_BIN_EXE_hotlinectl"))
            .args(["store", "backup", copy.to_str().unwrap(), "--config"])
            .arg(&settings)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        while std::fs::read_dir(&copies).unwrap().next().is_none() {
            assert!(backup.try_wait().unwrap().is_none(), "it made no copy");
            std::thread::yield_now();
        }
        backup.kill().unwrap();
        cut_off = !backup.wait().unwrap().success();
        if cut_off {
            assert!(!copy.exists(), "it is not whole");
        } else {
            // It was faster.
            std::fs::remove_file(&copy).unwrap();
        }
    }
    let made = ctl(&settings, &["store", "backup", copy.to_str().unwrap()]);
    assert!(made.status.success(), "{}", said(&made));
    let mut copied = Kept::open(reopen(|| SqliteStore::open(&of(copy.clone()))));
    assert_same(&told, &copied.dump(), "copied");
    drop(copied);
    let left: Vec<_> = std::fs::read_dir(&copies)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("part"))
        .collect();
    assert_eq!(left, Vec::<String>::new());
}

/// Seconds that a processor worked for this thread.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let nanos: f64 = stat.split(' ').next().unwrap().parse().unwrap();
    nanos / 1e9
}

/// `cargo test --release -p hotline-supervisord --test daemon -- --ignored --nocapture events_a_second`
#[test]
#[ignore = "a measurement, which asserts nothing"]
fn how_many_events_a_second_are_stored() {
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    let mut story = Story::new(11, "b1");
    story.begin(&node);
    (0..80_000).for_each(|_| story.step(&node));
    let frames = node.take_held();
    fn measure<E: Engine>(what: &str, store: SqlStore<E>, frames: &[hotline_wire::frame::EventFrame]) {
        let mut kept = Kept::open(store);
        kept.boot("pbx1", "b1");
        let (begun, on_cpu) = (std::time::Instant::now(), cpu());
        for piece in frames.chunks(1_000) {
            let events: Vec<_> = piece
                .iter()
                .map(|frame| StoredEvent::of("pbx1", "b1", frame))
                .collect();
            kept.store.commit(&events).unwrap();
        }
        let (took, worked) = (begun.elapsed().as_secs_f64(), cpu() - on_cpu);
        let visits = kept.number("SELECT count(*) FROM visits");
        eprintln!(
            "{what}: {} events of {visits} visits in {took:.2} s, {:.0} a second; {:.0} a second of its thread's processor time",
            frames.len(),
            frames.len() as f64 / took,
            frames.len() as f64 / worked
        );
        let begun = std::time::Instant::now();
        let rebuilt = kept.store.rebuild("test", 1).unwrap();
        eprintln!(
            "{what}: {} made anew in {:.2} s",
            rebuilt.events,
            begun.elapsed().as_secs_f64()
        );
    }
    let settings = StoreSettings {
        path: dir.path().join("events.db"),
        ..StoreSettings::default()
    };
    measure("SQLite", reopen(|| SqliteStore::open(&settings)), &frames);
    let size = std::fs::metadata(&settings.path).unwrap().len();
    eprintln!(
        "SQLite: {:.0} bytes an event, its records included",
        size as f64 / frames.len() as f64
    );
    if let Some(postgres) = PrivatePostgres::start() {
        let settings = StoreSettings {
            database: Some(postgres.url()),
            ..settings
        };
        measure("PostgreSQL", reopen(|| PostgresStore::open(&settings)), &frames);
    }
}
