//! The blacklist: the list's own types, the engine's and the wire's.

use hotline_blacklist::entry::{MAX_AUTHOR, MAX_REASON, line};
use hotline_blacklist::{Action, Entry, Names, Plan, Profile, What};
use hotline_engine::Time;
use hotline_engine::screening as fact;
use hotline_wire as wire;
use hotline_wire::blacklist as words;

/// An entry as the engine carries it.
pub(crate) fn entry_fact(what: &What, profile: &Profile) -> fact::ListEntry {
    fact::ListEntry {
        number: what.to_string(),
        action: profile.action.to_string(),
        reason: profile.reason.clone(),
        author: profile.author.clone(),
        from: Time(profile.from),
        until: profile.until.map(Time),
        tiers: profile.tiers.iter().map(str::to_owned).collect(),
        queues: profile.queues.iter().map(str::to_owned).collect(),
        added: Time(profile.added),
    }
}

/// An entry as the wire has it.
pub(crate) fn entry_told(what: &What, profile: &Profile) -> words::ListEntry {
    told(entry_fact(what, profile))
}

fn told(entry: fact::ListEntry) -> words::ListEntry {
    words::ListEntry {
        number: entry.number,
        action: entry.action,
        reason: entry.reason,
        author: entry.author,
        from: entry.from.0,
        until: entry.until.map(|until| until.0),
        tiers: entry.tiers,
        queues: entry.queues,
        added: entry.added.0,
    }
}

/// The entry that somebody asks for.
///
/// # Errors
/// What is wrong with it, for people.
pub(crate) fn entry_asked(
    entry: &words::ListEntry,
    plan: &Plan,
    author: &str,
    now: u64,
) -> Result<Entry, String> {
    let of = |field: &'static str| move |why: String| format!("{field}: {why}");
    let what = What::parse(&entry.number, plan).map_err(|why| format!("number: {why}"))?;
    if entry
        .until
        .is_some_and(|until| until <= now || until <= entry.from)
    {
        return Err("until: it must be later than now, and than from".to_owned());
    }
    for (field, moment) in [("from", Some(entry.from)), ("until", entry.until)] {
        if let Some(moment) = moment {
            hotline_blacklist::time::writable(moment).map_err(|why| format!("{field}: {why}"))?;
        }
    }
    let profile = Profile {
        action: Action::parse(&entry.action).map_err(of("action"))?,
        tiers: Names::parse(&entry.tiers.join(",")).map_err(of("tiers"))?,
        queues: Names::parse(&entry.queues.join(",")).map_err(of("queues"))?,
        from: entry.from,
        until: entry.until,
        reason: line(&entry.reason, MAX_REASON).map_err(of("reason"))?.to_owned(),
        author: line(author, MAX_AUTHOR).map_err(of("author"))?.to_owned(),
        added: now,
    };
    Ok(Entry { what, profile })
}

pub(super) fn screened(call: String, screening: fact::Screening) -> wire::Event {
    wire::Event::CallScreened {
        call,
        queue: screening.queue,
        tier: screening.tier,
        number: screening.number,
        action: match screening.action {
            fact::ScreenAction::Flag => words::ScreenAction::Flag,
            fact::ScreenAction::Divert => words::ScreenAction::Divert,
            fact::ScreenAction::Busy => words::ScreenAction::Busy,
            fact::ScreenAction::Release => words::ScreenAction::Release,
            fact::ScreenAction::Tarpit => words::ScreenAction::Tarpit,
        },
        detail: screening.detail,
        entry: screening.entry,
        reason: screening.reason,
        author: screening.author,
    }
}

pub(super) fn changed(change: fact::ListChange) -> wire::Event {
    match change {
        fact::ListChange::Entry {
            author,
            how,
            reason,
            before,
            after,
            entries,
        } => wire::Event::BlacklistChanged {
            author,
            change: match how {
                fact::EntryChange::Added => words::ListChange::Added,
                fact::EntryChange::Removed => words::ListChange::Removed,
                fact::EntryChange::Expired => words::ListChange::Expired,
                fact::EntryChange::Automatic => words::ListChange::Automatic,
            },
            reason,
            before: before.map(|entry| Box::new(told(*entry))),
            after: after.map(|entry| Box::new(told(*entry))),
            entries,
        },
        fact::ListChange::Whole {
            author,
            index,
            file,
            taken,
            bad,
            entries,
        } => wire::Event::BlacklistReplaced {
            author,
            source: if index {
                words::ListSource::Loaded
            } else {
                words::ListSource::Imported
            },
            file,
            taken,
            bad,
            entries,
        },
    }
}
