//! `hotline blacklist …`

use asterisk::cli::{self, Invocation, Outcome};
use hotline_blacklist::time;
use hotline_wire::blacklist::{ListEntry, ListOrder};
use hotline_wire::command::Outcome as Answer;

use super::{AUTHOR, answer, at, queue_names, running};
use crate::instance;
use crate::table::{masked, table};

/// Entries shown at once.
const PAGE: u32 = 100;

const ACTIONS: [&str; 5] = ["busy", "release", "release:21", "flag", "tarpit"];

/// What a line asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Asked {
    order: ListOrder,
    /// Numbers are shown in full.
    verbose: bool,
}

pub(super) fn command() -> cli::Command {
    cli::Command {
        pattern: c"hotline blacklist {add|allow|remove|list|search|check|import|export|review|keep|load}",
        summary: c"Show and change the blacklist",
        usage: c"Usage: hotline blacklist add <number> <action> [for=<span>|until=<time>] [from=<time>]
                             [queues=<queue>,...] [tiers=<tier>,...] [<reason>]
       hotline blacklist allow <number> [for=...] [until=...] [from=...] [queues=...] [tiers=...] [<reason>]
       hotline blacklist remove <number> [<reason>]
       hotline blacklist list [verbose] [after=<number>]
       hotline blacklist search [verbose] [after=<number>] <text>
       hotline blacklist check <number> [<queue> [<tier>]]
       hotline blacklist import <file> [skip-bad] [<reason>]
       hotline blacklist export <file>
       hotline blacklist review [verbose]
       hotline blacklist keep <number> [<reason>]
       hotline blacklist load
       A number is a number in any form, a prefix (138*) or a pattern (_138XXXX1234). An action is busy, release,
       release:<cause> (Q.850, 1 to 127), divert:<context>,<extension>,<priority>, tarpit or flag; allow lets
       through what a wider entry would not. A span is like 90s, 15m, 36h or 30d, a time like
       2026-12-01T08:00:00+08:00. Changes act on the next call and survive restarts.
       search looks at numbers, reasons and authors; with a + in front, at the beginning of numbers only. Numbers keep
       their last four digits only, unless verbose. import takes a CSV file whole or not at all, unless bad lines may be
       skipped. review shows what automatic rules added: keep makes an entry permanent, allow turns the caller into an
       ordinary one. load reads the index named in the settings again.\n",
        run,
        complete,
    }
}

fn run(invocation: &Invocation) -> Outcome {
    let now = match instance() {
        Some(instance) => instance.host.now(),
        None => 0,
    };
    let asked = match parse(&invocation.words()[2..], now) {
        Ok(asked) => asked,
        Err(None) => return Outcome::ShowUsage,
        Err(Some(why)) => {
            invocation.print(&format!("Refused: {why}\n"));
            return Outcome::Failure;
        }
    };
    let Some(instance) = running(invocation) else {
        return Outcome::Failure;
    };
    match instance.host.blacklist(AUTHOR, asked.order) {
        Answer::Listed { entries, next } => {
            invocation.print(&listed(&entries, next.as_deref(), asked.verbose));
            Outcome::Success
        }
        other => answer(invocation, other),
    }
}

/// What may stand in front of a reason.
#[derive(Default)]
struct Settings {
    entry: ListEntry,
    after: String,
    verbose: bool,
}

/// What the words from the verb on ask for.
///
/// # Errors
/// What is wrong with a value; nothing if the words make no sense at all.
fn parse(words: &[String], now: u64) -> Result<Asked, Option<String>> {
    let (verb, rest) = words.split_first().ok_or(None)?;
    let mut verbose = false;
    let order = match (verb.as_str(), rest) {
        ("add", [number, action, rest @ ..]) => add(number, action, rest, now)?,
        ("allow", [number, rest @ ..]) => add(number, "allow", rest, now)?,
        ("remove", [number, reason @ ..]) => ListOrder::Remove {
            number: number.clone(),
            reason: reason.join(" "),
        },
        ("keep", [number, reason @ ..]) => ListOrder::Keep {
            number: number.clone(),
            reason: reason.join(" "),
        },
        ("list" | "search" | "review", rest) => {
            let (settings, rest) = settings(rest, now)?;
            verbose = settings.verbose;
            if rest.is_empty() == (verb == "search") || settings.entry != ListEntry::default() {
                return Err(None);
            }
            ListOrder::List {
                find: rest.join(" "),
                after: settings.after,
                limit: PAGE,
                review: verb == "review",
            }
        }
        ("check", [number, rest @ ..]) if rest.len() <= 2 => ListOrder::Check {
            number: number.clone(),
            queue: rest.first().cloned().unwrap_or_default(),
            tier: rest.get(1).cloned().unwrap_or_default(),
        },
        ("import", [path, rest @ ..]) => {
            let skip_bad = rest.first().is_some_and(|word| word == "skip-bad");
            ListOrder::Import {
                path: path.clone(),
                skip_bad,
                reason: rest[usize::from(skip_bad)..].join(" "),
            }
        }
        ("export", [path]) => ListOrder::Export { path: path.clone() },
        ("load", []) => ListOrder::Load,
        _ => return Err(None),
    };
    Ok(Asked { order, verbose })
}

fn add(number: &str, action: &str, rest: &[String], now: u64) -> Result<ListOrder, Option<String>> {
    let (settings, reason) = settings(rest, now)?;
    if settings.verbose || !settings.after.is_empty() {
        return Err(None);
    }
    Ok(ListOrder::Add {
        entry: ListEntry {
            number: number.to_owned(),
            action: action.to_owned(),
            reason: reason.join(" "),
            ..settings.entry
        },
    })
}

/// `KEY=VALUE` and `verbose` up to the first word that is neither, and the rest.
fn settings(words: &[String], now: u64) -> Result<(Settings, &[String]), Option<String>> {
    let mut settings = Settings::default();
    let names = |value: &str| value.split(',').map(str::to_owned).collect();
    let named = |key: &str, why: &str| Some(format!("{key}: {why}"));
    for (place, word) in words.iter().enumerate() {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        match key {
            "verbose" if word == "verbose" => settings.verbose = true,
            "after" => settings.after = value.to_owned(),
            "queues" => settings.entry.queues = names(value),
            "tiers" => settings.entry.tiers = names(value),
            "from" => settings.entry.from = time::parse(value).map_err(|why| named(key, why))?,
            "until" => settings.entry.until = Some(time::parse(value).map_err(|why| named(key, why))?),
            "for" if word.contains('=') => {
                let span = time::parse_span(value).map_err(|why| named(key, why))?;
                settings.entry.until = Some(now.saturating_add(span));
            }
            _ => return Ok((settings, &words[place..])),
        }
    }
    Ok((settings, &[]))
}

/// Entries as a table.
pub(super) fn listed(entries: &[ListEntry], next: Option<&str>, verbose: bool) -> String {
    let rows: Vec<Vec<String>> = entries.iter().map(|entry| row(entry, verbose)).collect();
    let head = [
        "Number", "Action", "Queues", "Tiers", "From", "Until", "By", "Reason",
    ];
    let mut text = table(&head, &rows);
    let plural = if rows.len() == 1 { "y" } else { "ies" };
    text.push_str(&format!("{} entr{plural}", rows.len()));
    match next {
        Some(next) if verbose => text.push_str(&format!(", and more: after={next}\n")),
        Some(_) => text.push_str(", and more: verbose tells where to go on\n"),
        None => text.push('\n'),
    }
    text
}

fn row(entry: &ListEntry, verbose: bool) -> Vec<String> {
    let all = |names: &[String]| {
        if names.is_empty() {
            "all".to_owned()
        } else {
            names.join(",")
        }
    };
    let from = if entry.from == 0 {
        "-".to_owned()
    } else {
        time::show(entry.from)
    };
    vec![
        if verbose {
            entry.number.clone()
        } else {
            masked(&entry.number)
        },
        entry.action.clone(),
        all(&entry.queues),
        all(&entry.tiers),
        from,
        entry.until.map_or("-".to_owned(), time::show),
        entry.author.clone(),
        entry.reason.clone(),
    ]
}

fn complete(words: &[String]) -> Vec<String> {
    let keys = || {
        ["for=", "until=", "from=", "queues=", "tiers="]
            .map(str::to_owned)
            .to_vec()
    };
    match (words.get(2).map(String::as_str), words.len()) {
        (Some("add"), 4) => ACTIONS.map(str::to_owned).to_vec(),
        (Some("add"), 5..) | (Some("allow"), 4..) => keys(),
        (Some("check"), 4) => at(words, 4, queue_names),
        (Some("list" | "search" | "review"), 3) => vec!["verbose".to_owned()],
        (Some("import"), 4) => vec!["skip-bad".to_owned()],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Asked, Option<String>> {
        parse(&line.split(' ').map(str::to_owned).collect::<Vec<_>>(), 1_000)
    }

    fn order(line: &str) -> ListOrder {
        parsed(line).unwrap().order
    }

    #[test]
    fn entries_are_read_with_all_that_may_be_said_of_them() {
        let ListOrder::Add { entry } =
            order("add 138* release:17 for=2s queues=a,b tiers=gold rings for ever")
        else {
            panic!("not an entry");
        };
        assert_eq!(
            (entry.number.as_str(), entry.action.as_str()),
            ("138*", "release:17")
        );
        assert_eq!((entry.until, entry.from), (Some(2_001_000), 0));
        assert_eq!(
            (entry.queues.join("&"), entry.tiers.join("&")),
            ("a&b".into(), "gold".into())
        );
        assert_eq!(entry.reason, "rings for ever");
        let ListOrder::Add { entry } = order("allow 13800138000") else {
            panic!("not an entry");
        };
        assert_eq!(entry.action, "allow");
    }

    #[test]
    fn the_other_verbs_are_read() {
        let list = |find: &str, after: &str, review| ListOrder::List {
            find: find.into(),
            after: after.into(),
            limit: PAGE,
            review,
        };
        for (line, expected) in [
            ("list", list("", "", false)),
            ("list verbose after=+86138*", list("", "+86138*", false)),
            ("search verbose rings a lot", list("rings a lot", "", false)),
            ("review", list("", "", true)),
            (
                "remove 138* was wrong",
                ListOrder::Remove {
                    number: "138*".into(),
                    reason: "was wrong".into(),
                },
            ),
            (
                "import /tmp/a.csv skip-bad from the police",
                ListOrder::Import {
                    path: "/tmp/a.csv".into(),
                    skip_bad: true,
                    reason: "from the police".into(),
                },
            ),
            (
                "export /tmp/a.csv",
                ListOrder::Export {
                    path: "/tmp/a.csv".into(),
                },
            ),
            ("load", ListOrder::Load),
            (
                "check 13800138000 support",
                ListOrder::Check {
                    number: "13800138000".into(),
                    queue: "support".into(),
                    tier: String::new(),
                },
            ),
        ] {
            assert_eq!(order(line), expected, "{line}");
        }
        assert!(parsed("list verbose").unwrap().verbose);
    }

    #[test]
    fn what_makes_no_sense_shows_the_usage_and_a_wrong_value_its_remedy() {
        for line in [
            "",
            "add 138*",
            "search",
            "list x",
            "load now",
            "block 1",
            "list for=3d",
        ] {
            assert_eq!(parsed(line), Err(None), "{line}");
        }
        let why = parsed("add 138* busy for=ever").unwrap_err().unwrap();
        assert!(why.starts_with("for: a span is"), "{why}");
    }

    #[test]
    fn numbers_are_masked_unless_asked_for() {
        let entry = ListEntry {
            number: "+8613800138000".into(),
            action: "busy".into(),
            until: Some(2_000_000),
            ..ListEntry::default()
        };
        let shown = listed(std::slice::from_ref(&entry), None, false);
        assert!(
            shown.contains("**********8000") && shown.ends_with("1 entry\n"),
            "{shown}"
        );
        let shown = listed(&[entry], Some("+8613800138000"), true);
        assert!(shown.contains("1970-01-01T00:00:02Z"), "{shown}");
        assert!(shown.ends_with("and more: after=+8613800138000\n"), "{shown}");
    }
}
