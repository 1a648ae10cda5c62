//! Callers on the blacklist: kept away by every action, or let through with a warning; lists that change under the calls, by
//! hand, by files, by time and by rules, and that are there again after a restart.

mod actions;
mod automatic;
mod files;
mod flag;
mod supervised;

use std::path::Path;

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_testbed::phone::{Phone, Tone};
use hotline_wire::Event;
use hotline_wire::blacklist::{ListEntry, ListOrder, ScreenAction};
use hotline_wire::{Command, Outcome};
use tempfile::TempDir;

use crate::EXTENSIONS;
use crate::sounds::record;

const SORRY: Tone = Tone::nth(40);
const CAREFUL: Tone = Tone::nth(42);
const BUSY: Tone = Tone::nth(48);

/// A country whose busy tone is one tone.
const INDICATIONS: &str =
    "[general]\ncountry=tt\n[tt]\ndescription=Test\nringcadence=1000\nbusy=2750/400,0/100\n";

/// A bed whose list is kept in this folder, which outlives it.
fn boot(state: &Path) -> Result<Bed> {
    let settings = include_str!("hotline.toml").replace("@STATE@", &state.display().to_string());
    let extensions = format!("{EXTENSIONS}\n{}", include_str!("extensions.conf"));
    let bed = Bed::boot_with(&settings, &extensions, |setup| {
        setup.files.push(("indications.conf".into(), INDICATIONS.into()));
    })?;
    record(&bed, "blacklist/sorry", SORRY)?;
    record(&bed, "blacklist/careful", CAREFUL)?;
    Ok(bed)
}

fn start() -> Result<(Bed, TempDir)> {
    let state = tempfile::tempdir()?;
    Ok((boot(state.path())?, state))
}

/// What an operator at the CLI is told.
fn operate(bed: &Bed, command: &str) -> Result<String> {
    bed.asterisk.cli(&format!("hotline blacklist {command}"))
}

/// An operator adds an entry for this caller alone.
fn add(bed: &Bed, caller: &Phone, rest: &str) -> Result<()> {
    let said = operate(bed, &format!("add {} {rest}", caller.user()))?;
    assert_eq!(said, "Done.\n", "{rest}");
    Ok(())
}

/// A caller who remembers what is heard.
fn listener(bed: &Bed) -> Phone {
    let caller = bed.caller("gold");
    caller.follow(&[Tone::MUSIC, SORRY, CAREFUL, BUSY]);
    caller
}

/// What became of a caller, once it is told.
fn screened(bed: &Bed, place: usize, caller: &Phone) -> Result<(ScreenAction, String)> {
    bed.node.event_after(
        place,
        &format!("{} to be screened", caller.user()),
        |event| match event {
            Event::CallScreened {
                number,
                action,
                detail,
                ..
            } if number == caller.user() => Some((*action, detail.clone())),
            _ => None,
        },
    )
}

/// Whether the caller ever joined a queue.
fn joined(bed: &Bed, caller: &Phone) -> bool {
    let events = bed.node.events();
    let is_it = |event: &Event| matches!(event, Event::CallJoined { number, .. } if number == caller.user());
    events.iter().any(|frame| is_it(&frame.event))
}

/// What the dialplan learns at the end.
fn expect_verdict(bed: &Bed, caller: &Phone, verdict: &str) -> Result<()> {
    let values = [("Number", caller.user()), ("Screen", verdict)];
    bed.manager.user_event("Verdict", &values).map(drop)
}

fn order(bed: &Bed, order: ListOrder) -> Result<Outcome> {
    bed.node.command("testbed", Command::Blacklist(order))
}

/// All entries that have this in them.
fn listed(bed: &Bed, find: &str) -> Result<Vec<ListEntry>> {
    let list = ListOrder::List {
        find: find.into(),
        after: String::new(),
        limit: 1_000,
        review: false,
    };
    match order(bed, list)? {
        Outcome::Listed { entries, .. } => Ok(entries),
        other => anyhow::bail!("{other:?}"),
    }
}
