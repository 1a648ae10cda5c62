//! Lists that come and go as files while calls go on, and what of them is there after a restart and after a kill.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use hotline_blacklist::index::Builder;
use hotline_blacklist::{Action, Entry, Names, Plan, Profile, What};
use hotline_testbed::bed::{Bed, SOCKET};
use hotline_testbed::node::Node;
use hotline_testbed::phone::{Auto, Flow, Tone, Totals};
use hotline_wire::blacklist::{ListChange, ListOrder, ListSource, ScreenAction};
use hotline_wire::{Command, Event, Outcome};

use crate::steps::sign_in;

use super::{add, boot, listed, listener, operate, order, start};

/// Lines of a file that takes a moment to be kept.
const LINES: u64 = 150_000;

fn csv(path: &Path, lines: u64) -> Result<String> {
    let text: String = (0..lines).map(|n| format!("137{n:08},busy,a list\n")).collect();
    std::fs::write(path, format!("number,action,reason\n{text}"))?;
    Ok(path.display().to_string())
}

fn import(path: &str) -> ListOrder {
    ListOrder::Import {
        path: path.into(),
        skip_bad: false,
        reason: String::new(),
    }
}

fn entries(bed: &Bed) -> Result<u64> {
    Ok(bed.snapshot()?.blacklist.context("no blacklist")?.entries)
}

#[test]
fn an_entry_ends_by_itself() -> Result<()> {
    let (bed, _state) = start()?;
    let caller = listener(&bed);
    add(&bed, &caller, "busy for=2s")?;
    caller.dial("support")?;
    assert_eq!(caller.expect_hangup()?.status, 486);
    bed.node.event("the entry to expire", |event| match event {
        Event::BlacklistChanged {
            change: ListChange::Expired,
            author,
            after: None,
            ..
        } => (author == "expiry").then_some(()),
        _ => None,
    })?;
    caller.call("support")?;
    caller.hears_music()?;
    assert!(listed(&bed, "")?.is_empty());
    bed.finish()
}

#[test]
fn the_list_is_back_after_a_restart_of_the_pbx() -> Result<()> {
    let (bed, state) = start()?;
    let caller = listener(&bed);
    add(&bed, &caller, "busy rings for ever")?;
    assert_eq!(operate(&bed, "add 137* flag")?, "Done.\n");
    assert_eq!(operate(&bed, "add _138XXXX9999 tarpit")?, "Done.\n");
    assert_eq!(operate(&bed, "remove _138XXXX9999")?, "Done.\n");
    let before = listed(&bed, "")?;
    bed.finish()?;
    let bed = boot(state.path())?;
    assert_eq!(listed(&bed, "")?, before);
    assert_eq!(before.len(), 2);
    let caller = listener(&bed);
    caller.dial("support")?;
    assert_eq!(caller.expect_hangup()?.status, 486);
    bed.finish()
}

/// When the PBX is killed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kill {
    /// As soon as the import is asked for.
    Asked,
    /// As soon as the file of changes grows.
    Writing,
    /// Once it is told that the import is done.
    Told,
}

#[test]
fn an_import_is_there_whole_or_not_at_all_after_a_kill() -> Result<()> {
    let state = tempfile::tempdir()?;
    let list = csv(&state.path().join("list.csv"), LINES)?;
    let log = state.path().join("blacklist.log");
    for kill in [Kill::Asked, Kill::Writing, Kill::Writing, Kill::Told] {
        let bed = boot(state.path())?;
        if listed(&bed, "by hand")?.is_empty() {
            assert_eq!(operate(&bed, "add 139* flag by hand")?, "Done.\n");
        }
        let start = std::fs::metadata(&log)?.len();
        let socket = bed.asterisk.path(SOCKET);
        let order = Command::Blacklist(import(&list));
        // Its answer never comes: the connection breaks with the PBX.
        let asking = std::thread::spawn(move || Node::connect(&socket)?.command("testbed", order));
        match kill {
            Kill::Asked => {}
            Kill::Writing => {
                while std::fs::metadata(&log)?.len() == start && !asking.is_finished() {
                    std::hint::spin_loop();
                }
            }
            Kill::Told => bed.node.event("the import to be told", |event| match event {
                Event::BlacklistReplaced {
                    source: ListSource::Imported,
                    taken: LINES,
                    ..
                } => Some(()),
                _ => None,
            })?,
        }
        bed.kill()?;
        let _ = asking.join();
        let bed = boot(state.path())?;
        let now = entries(&bed)?;
        let whole = now == LINES + 1;
        assert!(whole || now == 1, "{kill:?}: {now} entries");
        assert!(whole || kill != Kill::Told, "{now} entries after it was told");
        assert_eq!(listed(&bed, "by hand")?.len(), 1, "{kill:?}");
        let caller = bed.bank.caller("gold", "13700000007");
        caller.dial("support")?;
        if whole {
            assert_eq!(caller.expect_hangup()?.status, 486);
        } else {
            caller.expect_answer()?;
        }
        bed.finish()?;
        // For the next kill there is nothing of it again.
        std::fs::remove_file(&log)?;
    }
    Ok(())
}

/// An index of these numbers and of many others.
fn write_index(path: &Path, numbers: std::ops::Range<u64>, others: u64) -> Result<()> {
    let plan = Plan::default();
    let mut builder = Builder::new(&plan);
    for number in numbers.chain((0..others).map(|n| 15_000_000_000 + n * 7)) {
        let entry = Entry {
            what: What::parse(&number.to_string(), &plan)?,
            profile: Profile {
                action: Action::Busy,
                tiers: Names::default(),
                queues: Names::default(),
                from: 0,
                until: None,
                reason: "a list".into(),
                author: "builder".into(),
                added: 1,
            },
        };
        builder.add(&entry)?;
    }
    Ok(builder.write(path, 1)?)
}

#[test]
fn indexes_and_imports_come_in_under_a_flow_of_calls() -> Result<()> {
    /// At least so many of each.
    const CALLS: u64 = 60;
    const SWAPS: u64 = 3;
    const BLOCKED: u64 = 20;
    const FIRST: u64 = 13_900_000_000;
    let state = tempfile::tempdir()?;
    let index = state.path().join("list.index");
    let blocked = FIRST..FIRST + BLOCKED;
    write_index(&index, blocked.clone(), 1_000)?;
    let list = csv(&state.path().join("list.csv"), 20_000)?;
    let bed = boot(state.path())?;
    let (agents_speak, callers_speak) = (Tone::nth(10), Tone::nth(20));
    for number in ["1001", "1002", "1003", "1004"] {
        let auto = Auto {
            ring: Duration::ZERO..Duration::from_millis(100),
            talk: Some(Duration::from_millis(300)..Duration::from_millis(600)),
            tone: agents_speak,
            listen_for: callers_speak,
        };
        bed.bank.auto_phone(&format!("a{number}"), auto);
        sign_in(&bed, number)?;
    }
    let flow = bed.bank.flow(Flow {
        dial: "support".into(),
        lines: vec![("gold".into(), 1)],
        per_second: 7.0,
        total: None,
        at_once: 1_000,
        patience: None,
        tone: callers_speak,
        listen_for: agents_speak,
        first_number: FIRST,
        seed: 3,
    })?;
    let mut swaps = 0;
    while swaps < SWAPS || flow.placed() < CALLS {
        swaps += 1;
        write_index(&index, blocked.clone(), 200_000 + swaps)?;
        let loaded = order(&bed, ListOrder::Load)?;
        assert!(matches!(loaded, Outcome::Told { .. }), "{loaded:?}");
        let imported = order(&bed, import(&list))?;
        assert!(matches!(imported, Outcome::Told { .. }), "{imported:?}");
        // Half an index is refused, and the one before stays.
        let good = std::fs::read(&index)?;
        std::fs::write(&index, &good[..good.len() / 2])?;
        let refused = order(&bed, ListOrder::Load)?;
        assert!(matches!(&refused, Outcome::Refused { message, .. } if message.contains("incomplete")));
        assert_eq!(entries(&bed)?, BLOCKED + 200_000 + swaps + 20_000);
    }
    assert_eq!(flow.held_back(), 0);
    drop(flow);
    assert_eq!(bed.bank.drain(Duration::from_secs(60)), 0, "legs that never end");
    let mut totals = Totals::default();
    totals.add(&bed.bank.take_records());
    let served = totals.calls - BLOCKED;
    assert!(totals.calls >= CALLS);
    assert_eq!((totals.answered, totals.failed), (served, BLOCKED));
    assert_eq!(totals.callers_heard, served);
    let busy = |event: &Event| {
        matches!(
            event,
            Event::CallScreened {
                action: ScreenAction::Busy,
                ..
            }
        )
    };
    let told = bed.node.events();
    assert_eq!(
        told.iter().filter(|frame| busy(&frame.event)).count() as u64,
        BLOCKED
    );
    bed.finish()
}
