//! The audit record, read from the daemon's database: where the daemon runs, whether it runs or not.

use std::collections::VecDeque;

use clap::Subcommand;
use serde_json::{Map, Value};

use super::place::Place;
use super::{Failure, table};
use crate::audit::{self, Hash, Row, Unverified};
use crate::store;

/// What can be asked of the audit record.
#[derive(Subcommand)]
pub enum AuditAsk {
    /// Finds out whether every row is as it was written
    ///
    /// Prints how many rows there are and the hash of the last. Keep that hash where nobody who can write the database can
    /// reach it, and name it the next time: whoever makes the whole chain anew is found out by it. The daemon logs it too.
    Verify {
        /// Where the rows are
        #[command(flatten)]
        store: Place,
        /// A hash that this printed, or the daemon logged, before
        #[arg(long, value_name = "HASH")]
        head: Option<Hash>,
    },
    /// Shows the latest rows, once all of them are verified
    ///
    /// Under BEFORE and AFTER stands what differs; --json has both in full, as objects.
    Show {
        /// Where the rows are
        #[command(flatten)]
        store: Place,
        /// Only what this author did
        #[arg(long)]
        author: Option<String>,
        /// Only this action, such as force_busy
        #[arg(long)]
        action: Option<String>,
        /// Only what was done to this agent, queue, call, supervisor, number, alarm, user or token
        #[arg(long)]
        target: Option<String>,
        /// Only from this moment on, such as 2026-11-25T08:00:00Z
        #[arg(long, value_name = "TIME", value_parser = moment)]
        from: Option<u64>,
        /// Only before this moment
        #[arg(long, value_name = "TIME", value_parser = moment)]
        until: Option<u64>,
        /// So many
        #[arg(long, default_value_t = 50)]
        last: usize,
        /// As JSON, one array; times are microseconds since the Unix epoch
        #[arg(long)]
        json: bool,
    },
}

impl AuditAsk {
    /// The answer.
    ///
    /// # Errors
    /// The database cannot be read, or the record is not as it was written.
    pub fn run(self) -> Result<String, Failure> {
        match self {
            AuditAsk::Verify { store, head } => {
                let (verified, place) = verify(store, head, |_| {})?;
                if let Some((row, found)) = verified.noted {
                    return Err(Failure::Other(format!(
                        "{place}: row {row} of the audit record tells what the daemon found: {found}; the {} rows there are now are as \
                         it wrote them since",
                        verified.rows
                    )));
                }
                if !verified.seen {
                    let name = head.unwrap_or_default();
                    return Err(Failure::Other(format!(
                        "{} is a whole record, but {name} is not in it: the rows up to that hash were changed or removed, or it is \
                         the record of another daemon",
                        place
                    )));
                }
                Ok(format!(
                    "{} rows, all as written; the last has {}\n",
                    verified.rows, verified.head
                ))
            }
            AuditAsk::Show {
                store,
                author,
                action,
                target,
                from,
                until,
                last,
                json,
            } => {
                let is = |wanted: &Option<String>, found: &str| {
                    wanted.as_deref().is_none_or(|wanted| wanted == found)
                };
                let mut rows = VecDeque::new();
                verify(store, None, |row| {
                    let what = &row.action;
                    let then =
                        from.is_none_or(|from| from <= row.at) && until.is_none_or(|until| row.at < until);
                    if then
                        && is(&author, &what.author)
                        && is(&action, &what.action)
                        && is(&target, &what.target)
                    {
                        rows.push_back(row.clone());
                        if rows.len() > last {
                            rows.pop_front();
                        }
                    }
                })?;
                let rows = rows.make_contiguous();
                if json {
                    let text = serde_json::to_string_pretty(rows)
                        .map_err(|error| Failure::Other(error.to_string()))?;
                    return Ok(format!("{text}\n"));
                }
                let cells: Vec<Vec<String>> = rows.iter().map(columns).collect();
                Ok(table(
                    &[
                        "ROW", "AT", "NODE", "AUTHOR", "ACTION", "TARGET", "BEFORE", "AFTER", "RESULT",
                        "REASON",
                    ],
                    &cells,
                ))
            }
        }
    }
}

/// Also says where the rows are.
fn verify(
    place: Place,
    head: Option<Hash>,
    each: impl FnMut(&Row),
) -> Result<(audit::Verified, String), Failure> {
    let other = |error: &dyn std::fmt::Display| Failure::Other(error.to_string());
    let mut engine = store::look(&place.read()?.store).map_err(|error| other(&error))?;
    let place = engine.place();
    let verified = audit::verify(engine.as_mut(), head, each).map_err(|error| match &error {
        Unverified::Unreadable(error) => other(&format!(
            "{error}; is it the database of a hotline-supervisord of this version?"
        )),
        Unverified::Changed(_) | Unverified::Shortened { .. } => other(&format!("{place}: {error}")),
    })?;
    Ok((verified, place))
}

fn columns(row: &Row) -> Vec<String> {
    let action = &row.action;
    let (before, after) = differing(&action.before, &action.after);
    vec![
        row.id.to_string(),
        hotline_blacklist::time::show(row.at),
        row.node.clone(),
        action.author.clone(),
        action.action.clone(),
        action.target.clone(),
        before,
        after,
        action.result.clone(),
        action.reason.clone(),
    ]
}

/// What differs from before to after, as `key=value`; all of it if there is nothing to compare with.
fn differing(before: &str, after: &str) -> (String, String) {
    let [before, after] = [before, after].map(|text| match audit::json_value(text) {
        Value::Object(object) => object,
        Value::Null => Map::new(),
        other => Map::from_iter([("is".to_owned(), other)]),
    });
    let shown = |one: &Map<String, Value>, other: &Map<String, Value>| {
        let differ = one.iter().filter(|(key, value)| other.get(*key) != Some(value));
        let pairs: Vec<String> = differ
            .map(|(key, value)| match value {
                Value::String(text) => format!("{key}={text}"),
                value => format!("{key}={value}"),
            })
            .collect();
        pairs.join(" ")
    };
    (shown(&before, &after), shown(&after, &before))
}

/// Microseconds since the Unix epoch.
fn moment(text: &str) -> Result<u64, String> {
    let since = humantime::parse_rfc3339_weak(text)
        .ok()
        .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok())
        .and_then(|since| u64::try_from(since.as_micros()).ok());
    since.ok_or_else(|| format!("{text:?} is no time such as 2026-11-25T08:00:00Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_shown_and_what_does_not_is_not() {
        assert_eq!(
            differing(
                r#"{"state":"ready","phone":"PJSIP/1"}"#,
                r#"{"state":"forced_busy","phone":"PJSIP/1","forced":{"author":"li"}}"#
            ),
            (
                "state=ready".to_owned(),
                r#"forced={"author":"li"} state=forced_busy"#.to_owned()
            )
        );
        assert_eq!(
            differing("", r#"{"door":"open"}"#),
            (String::new(), "door=open".to_owned())
        );
        assert_eq!(differing("none", "none"), (String::new(), String::new()));
    }

    #[test]
    fn a_moment_is_in_microseconds() {
        assert_eq!(moment("1970-01-01T00:00:01.5Z"), Ok(1_500_000));
        assert!(moment("noon").is_err());
    }
}
