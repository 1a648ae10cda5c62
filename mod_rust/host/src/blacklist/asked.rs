//! What people ask of the blacklist. Questions are answered on the asker's own thread; changes go to the writer.

use std::path::Path;
use std::sync::Arc;

use hotline_blacklist::csv::{OnBad, Rules as CsvRules};
use hotline_blacklist::entry::{MAX_AUTHOR, MAX_REASON, line};
use hotline_blacklist::{Action, Caller, Entry, Number, Query, What, time};
use hotline_wire::blacklist::ListOrder;
use hotline_wire::{Outcome, Refusal};

use super::writer::Order;
use super::{Rules, Shared, files, refused};
use crate::convert;
use crate::runner::Reply;

/// Most entries in one answer.
const MOST_LISTED: u32 = 1_000;

/// Who adds entries by a rule: `auto:NAME`.
pub(super) const AUTOMATIC: &str = "auto:";

pub(super) fn ask(shared: &Arc<Shared>, author: &str, order: ListOrder, mut reply: Reply) {
    let order = match prepare(shared, author, order) {
        Ok(Prepared::Answered(outcome)) => return reply(outcome),
        Err(outcome) => return reply(outcome),
        Ok(Prepared::Change(change)) => change,
    };
    shared.send(Order::Asked {
        author: author.to_owned(),
        change: Box::new(order),
        reply,
    });
}

enum Prepared {
    Answered(Outcome),
    Change(Asked),
}

/// A change that somebody asks for.
pub(super) enum Asked {
    Put {
        entry: Entry,
        /// What whoever asks should know of it.
        notes: Vec<String>,
    },
    Remove {
        what: What,
        reason: String,
    },
    Keep {
        what: What,
        reason: String,
    },
    Import {
        file: String,
        entries: Vec<Entry>,
        bad: u64,
        named: Vec<String>,
    },
    Load,
}

fn prepare(shared: &Shared, author: &str, order: ListOrder) -> Result<Prepared, Outcome> {
    let rules = shared.rules.load();
    let plan = &rules.settings.plan;
    let what = |number: &str| {
        What::parse(number, plan).map_err(|why| refused(Refusal::OutOfRange, format!("number: {why}")))
    };
    let reason = |reason: &str| {
        line(reason, MAX_REASON)
            .map(str::to_owned)
            .map_err(|why| refused(Refusal::OutOfRange, format!("reason: {why}")))
    };
    let bad_file = |why: String| refused(Refusal::BadFile, why);
    Ok(match order {
        ListOrder::Add { entry } => {
            let entry = convert::entry_asked(&entry, plan, author, shared.now())
                .map_err(|why| refused(Refusal::OutOfRange, why))?;
            if let Action::Divert(place) = &entry.profile.action
                && !rules.allows(place)
            {
                return Err(refused(Refusal::OutOfRange, files::not_allowed(place)));
            }
            let notes = notes(&rules, &entry);
            Prepared::Change(Asked::Put { entry, notes })
        }
        ListOrder::Remove { number, reason: why } => Prepared::Change(Asked::Remove {
            what: what(&number)?,
            reason: reason(&why)?,
        }),
        ListOrder::Keep { number, reason: why } => {
            // It becomes the entry's author.
            line(author, MAX_AUTHOR).map_err(|why| refused(Refusal::OutOfRange, format!("author: {why}")))?;
            Prepared::Change(Asked::Keep {
                what: what(&number)?,
                reason: reason(&why)?,
            })
        }
        ListOrder::Check { number, queue, tier } => {
            let queue = (!queue.is_empty()).then_some(queue.as_str());
            Prepared::Answered(Outcome::Told {
                lines: check(shared, &number, queue, &tier),
            })
        }
        ListOrder::List {
            find,
            after,
            limit,
            review,
        } => {
            let after = match after.as_str() {
                "" => None,
                after => Some(what(after)?),
            };
            if !(1..=MOST_LISTED).contains(&limit) {
                return Err(refused(
                    Refusal::OutOfRange,
                    format!("limit: it is from 1 to {MOST_LISTED}"),
                ));
            }
            let begun = find
                .trim()
                .starts_with('+')
                .then(|| plan.beginning(&find).ok())
                .flatten();
            Prepared::Answered(list(shared, &find, begun, after, limit as usize, review))
        }
        ListOrder::Import {
            path,
            skip_bad,
            reason: why,
        } => {
            let csv_rules = CsvRules {
                plan,
                author,
                reason: &reason(&why)?,
                added: shared.now(),
            };
            let on_bad = if skip_bad { OnBad::Skip } else { OnBad::Refuse };
            let (entries, report) =
                files::import(Path::new(&path), shared, &csv_rules, on_bad).map_err(bad_file)?;
            Prepared::Change(Asked::Import {
                file: path,
                entries,
                bad: report.bad,
                named: report.named.iter().map(ToString::to_string).collect(),
            })
        }
        ListOrder::Export { path } => {
            let list = shared.list.load_full();
            let count = files::export(Path::new(&path), &list).map_err(bad_file)?;
            Prepared::Answered(Outcome::Told {
                lines: vec![format!("{count} entries are in {path}.")],
            })
        }
        ListOrder::Load => Prepared::Change(Asked::Load),
    })
}

/// What is done as asked, and may yet not be what was meant.
fn notes(rules: &Rules, entry: &Entry) -> Vec<String> {
    let mut notes = Vec::new();
    let profile = &entry.profile;
    if entry.what.is_sweeping(&rules.settings.plan) && profile.action != Action::Allow {
        notes.push(format!(
            "note: {} is about everybody of whom it can be said",
            entry.what
        ));
    }
    for (names, kind, known) in [
        (&profile.tiers, "tier", &rules.tiers),
        (&profile.queues, "queue", &rules.queues),
    ] {
        let unknown = names.iter().filter(|name| !known.iter().any(|one| one == name));
        notes.extend(unknown.map(|name| format!("note: the settings have no {kind} {name} at present")));
    }
    notes
}

/// What would happen to a caller, and by what.
fn check(shared: &Shared, number: &str, queue: Option<&str>, tier: &str) -> Vec<String> {
    let rules = shared.rules.load();
    let tier = rules.tier(tier);
    let caller = rules.settings.plan.caller(number);
    let now = shared.now();
    let where_to = match queue {
        Some(queue) => format!("queue {queue}, tier {tier}"),
        None => format!("no queue yet, tier {tier}"),
    };
    let mut lines = Vec::new();
    match caller {
        Caller::Known(number) => lines.push(format!("{number} ({where_to})")),
        Caller::Anonymous => lines.push(format!("a withheld number ({where_to})")),
        Caller::Malformed(why) => lines.push(format!("no number: {why} ({where_to})")),
    }
    let verdict = shared.judge(&rules, caller, queue, tier);
    lines.push(match &verdict {
        None => "goes on".to_owned(),
        Some(verdict) => format!(
            "{}: by {}, \"{}\", added by {}",
            verdict.action, verdict.entry, verdict.reason, verdict.author
        ),
    });
    let list = shared.list.load();
    if let Caller::Known(number) = caller
        && let Some(found) = list.lookup(&Query {
            number,
            queue,
            tier: Some(tier),
            now,
        })
    {
        if found.profile.action == Action::Allow {
            lines.push(format!(
                "allowed by {}, \"{}\", added by {}",
                found.what, found.profile.reason, found.profile.author
            ));
        }
        if let Some(until) = found.profile.until {
            lines.push(format!("until {}", time::show(until)));
        }
    }
    lines
}

/// A page of entries. `begun` is what their numbers begin with, if that is what is looked for.
fn list(
    shared: &Shared,
    find: &str,
    begun: Option<Number>,
    after: Option<What>,
    limit: usize,
    review: bool,
) -> Outcome {
    let list = shared.list.load_full();
    let find = find.trim().to_lowercase();
    let wanted = |entry: &Entry| {
        if review && !entry.profile.author.starts_with(AUTOMATIC) {
            return false;
        }
        if find.is_empty() {
            return true;
        }
        let number = entry.what.to_string().to_lowercase();
        if let Some(begun) = begun {
            return number.trim_start_matches('_').starts_with(&begun.to_string());
        }
        number.contains(&find)
            || entry.profile.reason.to_lowercase().contains(&find)
            || entry.profile.author.to_lowercase().contains(&find)
    };
    // What rules add is in the changes only.
    let all: Box<dyn Iterator<Item = Entry>> = if review {
        Box::new(
            list.overlay()
                .entries()
                .filter(move |entry| after.is_none_or(|after| entry.what > after)),
        )
    } else if let Some(begun) = begun {
        Box::new(list.beginning_with(begun, after))
    } else {
        Box::new(list.after(after))
    };
    let mut entries: Vec<Entry> = Vec::new();
    let mut next = None;
    for entry in all.filter(wanted) {
        // All entries about one stand in one answer: it goes on behind them.
        if entries.len() >= limit && entries.last().is_some_and(|last| last.what != entry.what) {
            next = entries.last().map(|last| last.what.to_string());
            break;
        }
        entries.push(entry);
    }
    Outcome::Listed {
        entries: entries
            .iter()
            .map(|entry| convert::entry_told(&entry.what, &entry.profile))
            .collect(),
        next,
    }
}
