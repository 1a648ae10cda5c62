//! Whatever happens to daemon, PBX or disk: the store ends with every event once, or with a gap that says what is missing and why.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use hotline_testbed::asterisk::Setup;
use hotline_testbed::bed::{Bed, SOCKET};
use hotline_testbed::daemon::{Daemon, Metrics, small_disk};
use hotline_testbed::node::Node;
use hotline_testbed::phone::{Auto, Flow, FlowHandle, Tone};
use hotline_wire::Event;
use hotline_wire::frame::EventFrame;
use rusqlite::Connection;

use crate::EXTENSIONS;

/// Events in memory: soon too few, so that the disk is needed.
const MEMORY: &str = "control.max_events = 1000\n";

fn settings(memory: &str, spool: &Path) -> String {
    let rest = include_str!("hotline.toml");
    format!("{memory}spool.directory = {spool:?}\n{rest}")
}

fn millis(from: u64, to: u64) -> std::ops::Range<Duration> {
    Duration::from_millis(from)..Duration::from_millis(to)
}

/// Callers and agents by themselves: so many calls a second, with no end if there is no total.
fn load(bed: &Bed, per_second: f64, total: Option<u64>) -> Result<FlowHandle> {
    let (agents_speak, callers_speak) = (Tone::nth(10), Tone::nth(20));
    for agent in ["a1001", "a1002", "a1003"] {
        let auto = Auto {
            ring: millis(0, 50),
            talk: Some(millis(10, 100)),
            tone: agents_speak,
            listen_for: callers_speak,
        };
        bed.bank.auto_phone(agent, auto);
    }
    bed.bank.flow(Flow {
        dial: "support".into(),
        lines: vec![("gold".into(), 1)],
        per_second,
        total,
        at_once: 200,
        patience: Some(millis(100, 3_000)),
        tone: callers_speak,
        listen_for: agents_speak,
        first_number: 13_900_000_000,
        seed: 3,
    })
}

/// The numbers of a boot's events in the store.
fn stored(store: &Path, boot: &str) -> Result<Vec<u64>> {
    let db = Connection::open(store)?;
    let mut asked = db.prepare("SELECT seq FROM events WHERE boot = ?1 ORDER BY seq")?;
    let rows = asked.query_map([boot], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The gaps in the store: boot, first, last, reason.
fn gaps(store: &Path) -> Result<Vec<(String, u64, u64, String)>> {
    let db = Connection::open(store)?;
    let mut asked = db.prepare("SELECT boot, first, last, reason FROM gaps")?;
    let rows = asked.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Waits until the daemon has all events of the node's present start, and the node knows; how many there are.
fn await_all(bed: &Bed, daemon: &Daemon) -> Result<u64> {
    let last = bed.snapshot()?.seq;
    let all = |metrics: &Metrics| metrics.sum("hotline_node_events_acknowledged_total", &[]) >= last as f64;
    daemon.metrics_when(&format!("{last} events to be acknowledged"), all)?;
    Ok(last)
}

fn finished(events: &[EventFrame]) -> usize {
    let over = |frame: &&EventFrame| matches!(frame.event, Event::CallFinished { .. });
    events.iter().filter(over).count()
}

#[test]
fn a_daemon_killed_a_hundred_times_under_load_stores_every_event_once() -> Result<()> {
    let spool = tempfile::tempdir()?;
    let bed = Bed::boot(&settings(MEMORY, spool.path()), EXTENSIONS)?;
    let mut daemon = bed.daemon()?;
    let flow = load(&bed, 60.0, None)?;
    for kill in 0..100_u64 {
        // At any moment of connecting, reading, storing and acknowledging.
        std::thread::sleep(Duration::from_millis(kill * 7 % 61));
        daemon.kill()?;
        daemon.restart()?;
    }
    drop(flow);
    assert_eq!(bed.bank.drain(Duration::from_secs(60)), 0);
    let last = await_all(&bed, &daemon)?;
    assert!(last > 1_000, "only {last} events under 100 kills");
    let boot = bed.node.hello().boot.clone();
    assert_eq!(stored(&daemon.store(), &boot)?, (1..=last).collect::<Vec<_>>());
    assert_eq!(gaps(&daemon.store())?, []);
    let calls = finished(&bed.node.events());
    let metrics = daemon.metrics()?;
    assert_eq!(metrics.sum("hotline_calls_finished_total", &[]), calls as f64);
    assert_eq!(metrics.sum("hotline_events_applied_total", &[]), last as f64);
    drop(daemon);
    bed.finish()
}

#[test]
fn a_daemon_that_hangs_for_longer_than_memory_lasts_misses_nothing() -> Result<()> {
    let spool = tempfile::tempdir()?;
    let bed = Bed::boot(&settings(MEMORY, spool.path()), EXTENSIONS)?;
    let daemon = bed.daemon()?;
    await_all(&bed, &daemon)?;
    daemon.freeze(true)?;
    let mut flow = load(&bed, 40.0, Some(220))?;
    flow.wait();
    assert_eq!(bed.bank.drain(Duration::from_secs(60)), 0);
    let last = bed.snapshot()?.seq;
    assert!(last > 1_500, "only {last} events");
    let shown = bed.asterisk.cli("hotline show spool")?;
    assert!(
        shown.contains("Lost before they were stored      none"),
        "{shown}"
    );
    daemon.freeze(false)?;
    await_all(&bed, &daemon)?;
    let boot = bed.node.hello().boot.clone();
    assert_eq!(stored(&daemon.store(), &boot)?, (1..=last).collect::<Vec<_>>());
    assert_eq!(gaps(&daemon.store())?, []);
    let metrics = daemon.metrics()?;
    assert_eq!(metrics.sum("hotline_spool_ok", &[]), 1.0);
    assert_eq!(metrics.sum("hotline_node_events_spooled_total", &[]), last as f64);
    drop(daemon);
    bed.finish()
}

#[test]
fn a_daemon_whose_disk_is_full_stores_all_once_there_is_room() -> Result<()> {
    let spool = tempfile::tempdir()?;
    let bed = Bed::boot(&settings(MEMORY, spool.path()), EXTENSIONS)?;
    let daemon = Daemon::start_on_disk(&bed.asterisk.path(SOCKET), 700)?;
    let flow = load(&bed, 40.0, None)?;
    daemon.metrics_when("the disk to be full", |metrics| {
        metrics.sum("hotline_store_ok", &[]) == 0.0
    })?;
    // More than memory holds.
    let held = bed.snapshot()?.seq;
    bed.node.story("events beyond memory", |events| {
        let newest = events.last().map_or(0, |frame| frame.seq);
        (newest > held + 1_200).then_some(())
    })?;
    drop(flow);
    assert_eq!(bed.bank.drain(Duration::from_secs(60)), 0);
    daemon.grow_disk(64 << 10)?;
    let last = await_all(&bed, &daemon)?;
    let boot = bed.node.hello().boot.clone();
    let store = daemon.copy_of_store()?;
    assert_eq!(stored(&store, &boot)?, (1..=last).collect::<Vec<_>>());
    assert_eq!(gaps(&store)?, []);
    drop(daemon);
    bed.finish()
}

/// Kills the PBX under load with the daemon as it is, starts both again, and looks at what the store has of the dead start. How many
/// events somebody had heard of that are not in there, and how many bytes of the spool a call took.
fn killed_pbx(daemon_lives: bool) -> Result<(u64, u64)> {
    let spool = tempfile::tempdir()?;
    let bed = Bed::boot(&settings(MEMORY, spool.path()), EXTENSIONS)?;
    let boot = bed.node.hello().boot.clone();
    let mut daemon = bed.daemon()?;
    await_all(&bed, &daemon)?;
    if !daemon_lives {
        daemon.kill()?;
    }
    let flow = load(&bed, 30.0, None)?;
    bed.node.story("80 calls to be finished", |events| {
        (finished(events) >= 80).then_some(())
    })?;
    let heard = bed.kill_and_hear()?;
    drop(flow);
    let newest = heard.last().map_or(0, |frame| frame.seq);
    let per_call = bytes(spool.path())? / finished(&heard) as u64;
    if daemon_lives {
        daemon.kill()?;
    }

    let bed = Bed::boot(&settings(MEMORY, spool.path()), EXTENSIONS)?;
    one_call(&bed)?;
    daemon.follow(&bed.asterisk.path(SOCKET))?;
    daemon.restart()?;
    let last = await_all(&bed, &daemon)?;

    let before = stored(&daemon.store(), &boot)?;
    let there = before.last().copied().unwrap_or(0);
    assert_eq!(before, (1..=there).collect::<Vec<_>>(), "no hole");
    let present = bed.node.hello().boot.clone();
    assert_eq!(stored(&daemon.store(), &present)?, (1..=last).collect::<Vec<_>>());
    let told = gaps(&daemon.store())?;
    let end = told.last().cloned();
    assert!(
        matches!(&end, Some((of, first, last, why)) if *of == boot && last + 1 == *first && why == "killed"),
        "what followed is said to be unknown: {told:?}"
    );
    // At most the event that was being written besides.
    assert!(
        told.len() <= 2 && told.iter().all(|gap| gap.3 == "killed" || gap.3 == "torn"),
        "{told:?}"
    );
    // Every call of before is over, as answered or as lost with the PBX.
    let metrics = daemon.metrics()?;
    let offered = metrics.sum("hotline_calls_offered_total", &[]);
    assert_eq!(
        metrics.sum("hotline_calls_finished_total", &[]),
        offered,
        "{metrics:?}"
    );
    drop(daemon);
    bed.finish()?;
    Ok((newest.saturating_sub(there), per_call))
}

/// Of all files.
fn bytes(folder: &Path) -> Result<u64> {
    std::fs::read_dir(folder)?
        .map(|entry| {
            let entry = entry?;
            match entry.file_type()?.is_dir() {
                true => bytes(&entry.path()),
                false => Ok(entry.metadata()?.len()),
            }
        })
        .sum()
}

#[test]
fn a_pbx_killed_under_load_leaves_its_events_to_the_next_start() -> Result<()> {
    for daemon_lives in [false, true] {
        let (missing, _) = killed_pbx(daemon_lives)?;
        assert!(missing < 40, "{missing} events that the node had told are gone");
    }
    Ok(())
}

/// `cargo xtask test --only testbed -- measure_killed`, with `--run-ignored` of nextest, prints it.
#[test]
#[ignore = "for the figures in docs/measured.md"]
fn measure_killed_pbx() -> Result<()> {
    let mut found = Vec::new();
    for _ in 0..20 {
        found.push(killed_pbx(false)?);
    }
    println!("events told and not stored, and bytes a call, by kill of the PBX: {found:?}");
    Ok(())
}

/// CPU time of the process's threads of that name, in nanoseconds.
fn cpu_of(pid: u32, thread: &str) -> Result<u64> {
    let mut sum = 0;
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let task = task?.path();
        if std::fs::read_to_string(task.join("comm"))?.trim() == thread {
            let spent = std::fs::read_to_string(task.join("schedstat"))?;
            sum += spent.split(' ').next().unwrap_or_default().parse::<u64>()?;
        }
    }
    Ok(sum)
}

/// As above.
#[test]
#[ignore = "for the figures in docs/measured.md"]
fn measure_what_a_spool_costs_a_call() -> Result<()> {
    const CALLS: u64 = 400;
    let spool = tempfile::tempdir()?;
    for daemon_lives in [true, false] {
        let bed = Bed::boot(&settings("", spool.path()), EXTENSIONS)?;
        let daemon = if daemon_lives { Some(bed.daemon()?) } else { None };
        let mut flow = load(&bed, 20.0, Some(CALLS))?;
        flow.wait();
        assert_eq!(bed.bank.drain(Duration::from_secs(60)), 0);
        for thread in [
            "hotline-engine",
            "hotline-publish",
            "hotline-spool",
            "hotline-sync",
        ] {
            let spent = cpu_of(bed.asterisk.pid(), thread)? / CALLS / 1_000;
            println!("daemon there: {daemon_lives}, {thread}: {spent} us a call");
        }
        drop(daemon);
        bed.finish()?;
    }
    Ok(())
}

/// One whole call.
fn one_call(bed: &Bed) -> Result<()> {
    let (agent, caller) = (bed.phone("a1001"), bed.caller("gold"));
    caller.call("support")?;
    agent.expect_ring()?;
    agent.answer();
    caller.hears(&agent)?;
    caller.hang_up();
    agent.expect_hangup().map(drop)
}

#[test]
fn a_module_that_is_loaded_anew_has_told_all_of_it() -> Result<()> {
    let spool = tempfile::tempdir()?;
    let mut bed = Bed::boot(&settings(MEMORY, spool.path()), EXTENSIONS)?;
    let mut told = Vec::new();
    for _ in 0..3 {
        one_call(&bed)?;
        bed.asterisk.expect_no_leak(bed.before())?;
        let boot = bed.node.hello().boot.clone();
        bed.asterisk.cli("module unload app_hotline.so")?;
        let loaded = bed.asterisk.cli("module show like app_hotline")?;
        assert!(loaded.contains("0 modules loaded"), "{loaded}");
        bed.asterisk.cli("module load app_hotline.so")?;
        let before = std::mem::replace(&mut bed.node, Node::connect(&bed.asterisk.path(SOCKET))?);
        told.push((boot, before.to_the_end().last().map_or(0, |frame| frame.seq)));
    }
    let daemon = bed.daemon()?;
    await_all(&bed, &daemon)?;
    for (boot, last) in told {
        let there = stored(&daemon.store(), &boot)?;
        assert!(there.len() as u64 >= last && last > 0, "{there:?} {last}");
        assert_eq!(there, (1..=there.len() as u64).collect::<Vec<_>>());
    }
    assert_eq!(gaps(&daemon.store())?, [], "each ended in order");
    let metrics = daemon.metrics()?;
    assert_eq!(metrics.sum("hotline_event_gaps_total", &[]), 0.0, "{metrics:?}");
    assert_eq!(
        metrics.sum("hotline_calls_finished_total", &[("outcome", "answered")]),
        3.0
    );
    drop(daemon);
    bed.finish()
}

#[test]
fn a_full_disk_touches_no_call_and_is_told() -> Result<()> {
    let disk = tempfile::tempdir()?;
    let within = |setup: &mut Setup| setup.around = small_disk(disk.path(), 256);
    let bed = Bed::boot_with(&settings(MEMORY, disk.path()), EXTENSIONS, within)?;
    let flow = load(&bed, 30.0, None)?;
    let trouble = |shown: &str| shown.contains("CANNOT BE WRITTEN: No space left on device");
    let shown = bed.asterisk.cli_when("hotline show spool", trouble)?;
    // The calls go on, and a daemon gets all that memory and disk have.
    let so_far = finished(&bed.node.events());
    bed.node.story("further calls to be finished", |events| {
        (finished(events) > so_far + 20).then_some(())
    })?;
    drop(flow);
    assert_eq!(bed.bank.drain(Duration::from_secs(60)), 0);
    let daemon = bed.daemon()?;
    let last = await_all(&bed, &daemon)?;
    let boot = bed.node.hello().boot.clone();
    let there = stored(&daemon.store(), &boot)?;
    let lost = gaps(&daemon.store())?;
    let missing: u64 = lost.iter().map(|(_, first, last, _)| last + 1 - first).sum();
    assert!(lost.iter().all(|gap| gap.3 == "disk_full"), "{lost:?}");
    assert_eq!(there.len() as u64 + missing, last, "{lost:?} {shown}");
    let log = bed.asterisk.log();
    assert_eq!(log.matches("the spool cannot be written: ").count(), 1);
    // What is stored by others is let go, and so there is room again.
    bed.asterisk
        .cli_when("hotline show spool", |shown| !trouble(shown))?;
    drop(daemon);
    bed.finish()
}
