//! A caller's number taken out of the store, in every form that it has there.
//!
//! Bodies of events are written anew with the number gone. The chain of the audit record is over its own rows and not over
//! events, so it stays whole; its rows keep numbers, since they say who blocked whom and what was asked for.

use std::collections::BTreeSet;

use hotline_blacklist::{Number, Plan};
use serde_json::Value as Json;

use super::base::SqlStore;
use super::sql::{Engine, Sql, SqlError, values};
use super::{EventStore, StoreError};
use crate::audit::{self, Action};

/// What stands where a number stood in the middle of a text.
const ERASED: &str = "erased";
/// Digits of a number, prefixes included, at most: more are none.
const MOST_DIGITS: usize = 32;

/// What was erased.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize)]
pub struct Erased {
    /// Events that were written anew.
    pub events: u64,
    /// Snapshots that were.
    pub snapshots: u64,
    /// Calls that have no number any more.
    pub calls: u64,
    /// Calls and callbacks with that number that go on, and agents whose reason of now names it: it stays there until that is over.
    pub live: u64,
    /// Rows of the audit record that name the number, and stay: those about the blacklist, and what people wrote.
    pub audit_rows_kept: u64,
}

impl<E: Engine> SqlStore<E> {
    /// Erases a caller's number, in any form. No daemon may use the store but the one that asks for it.
    ///
    /// # Errors
    /// If it is no number, or as the database has it; then nothing was erased.
    pub fn erase(&mut self, number: &str, author: &str, now: u64) -> Result<Erased, StoreError> {
        let plan = self.keeping.plan.clone();
        let wanted = plan
            .number(number)
            .map_err(|why| StoreError::NoNumber(why.to_string()))?;
        // The checkpoint of now has none but those who are there now.
        let state = self.recover()?;
        self.checkpoint(&state, None)?;
        let is = |number: &str| plan.number(number).is_ok_and(|number| number == wanted);
        let live = state.nodes.values().map(|node| {
            let calls = node.calls.values().filter(|call| is(&call.number)).count();
            let owed = node
                .callbacks
                .values()
                .filter(|callback| is(&callback.number))
                .count();
            let named = node
                .agents
                .values()
                .filter(|agent| erase_text(&agent.info.reason, &plan, wanted).is_some())
                .count();
            (calls + owed + named) as u64
        });
        let live: u64 = live.sum();
        let erased = self.with_ledger(|sql, _, _| {
            let mut erased = Erased {
                live,
                ..Erased::default()
            };
            erased.events = events(sql, &plan, wanted)?;
            erased.snapshots = snapshots(sql, &plan, wanted)?;
            erased.events += notes(sql, &plan, wanted)?;
            let gone = "UPDATE calls SET number = '', caller = NULL WHERE caller = $1 AND ended IS NOT NULL";
            erased.calls = sql.execute(gone, values![wanted.to_string()])?;
            texts(sql, &plan, wanted)?;
            sql.each(
                "SELECT target, asked, before, after, reason FROM audit",
                &[],
                &mut |row| {
                    let texts = (0..5)
                        .map(|place| row.text(place))
                        .collect::<Result<Vec<_>, _>>()?;
                    let named = texts.iter().any(|text| erase_text(text, &plan, wanted).is_some());
                    erased.audit_rows_kept += u64::from(named);
                    Ok(())
                },
            )?;
            let action = Action {
                author: author.to_owned(),
                action: "store_erase".to_owned(),
                target: hotline_wire::mask::masked(&wanted.to_string()),
                after: serde_json::to_string(&erased)
                    .map_err(|error| SqlError::Unreadable(error.to_string()))?,
                result: "done".to_owned(),
                ..Action::default()
            };
            audit::append(sql, ("", "", 0, now), action)?;
            Ok(erased)
        })?;
        self.forget();
        self.engine.erased()?;
        Ok(erased)
    }
}

/// Events that have the number, wherever in them: all are looked at, since people write numbers as they like.
fn events(sql: &mut dyn Sql, plan: &Plan, wanted: Number) -> Result<u64, SqlError> {
    let caller = wanted.to_string();
    // The digits that all forms have in common: without country code they are the last ones.
    let digits: String = caller.chars().filter(char::is_ascii_digit).collect();
    let common = &digits[digits.len().saturating_sub(7)..];
    let mut found = Vec::new();
    let mut folded = String::new();
    sql.each("SELECT node, boot, seq, body FROM events", &[], &mut |row| {
        let body = row.text(3)?;
        folded.clear();
        folded.extend(body.chars().filter_map(digit));
        if folded.contains(common)
            && let Some(body) = without(body, plan, wanted)?
        {
            found.push((
                row.text(0)?.to_owned(),
                row.text(1)?.to_owned(),
                row.uint(2)?,
                body,
            ));
        }
        Ok(())
    })?;
    let mut changed = 0;
    for (node, boot, seq, body) in found {
        let put = "UPDATE events SET body = $1 WHERE node = $2 AND boot = $3 AND seq = $4";
        changed += sql.execute(put, values![body, node, boot, seq])?;
    }
    // Open calls keep theirs, and are found the next time.
    let gone = "DELETE FROM numbers WHERE caller = $1 AND NOT EXISTS \
                (SELECT 1 FROM calls WHERE calls.boot = numbers.boot AND calls.caller = numbers.caller AND calls.ended IS NULL)";
    sql.execute(gone, values![caller])?;
    Ok(changed)
}

/// What agents and the dialplan wrote of that caller's calls, and what agents wrote with the number in it. How many events had such.
fn notes(sql: &mut dyn Sql, plan: &Plan, wanted: Number) -> Result<u64, SqlError> {
    let of_caller = "SELECT call FROM calls WHERE caller = $1 AND ended IS NOT NULL";
    let gone = format!("UPDATE visits SET note = '' WHERE note <> '' AND call IN ({of_caller})");
    let caller = wanted.to_string();
    sql.execute(&gone, values![&caller])?;
    let mut calls = BTreeSet::new();
    for row in sql.rows(of_caller, values![&caller])? {
        calls.insert(row.text(0)?.to_owned());
    }
    let mut found = Vec::new();
    let told = "SELECT node, boot, seq, body FROM events \
                WHERE body LIKE '%\"disposition_set\"%' OR body LIKE '%\"ivr_ended\"%'";
    sql.each(told, &[], &mut |row| {
        let mut json: Json =
            serde_json::from_str(row.text(3)?).map_err(|error| SqlError::Unreadable(error.to_string()))?;
        let of = json.get("call").and_then(Json::as_str).unwrap_or_default();
        if calls.contains(of)
            && let Some(fields) = json.as_object_mut()
            && ["note", "result"]
                .iter()
                .fold(false, |found, name| fields.remove(*name).is_some() | found)
        {
            let place = (row.text(0)?.to_owned(), row.text(1)?.to_owned(), row.uint(2)?);
            found.push((place, json.to_string()));
        }
        Ok(())
    })?;
    let mut changed = 0;
    for ((node, boot, seq), body) in found {
        let put = "UPDATE events SET body = $1 WHERE node = $2 AND boot = $3 AND seq = $4";
        changed += sql.execute(put, values![body, node, boot, seq])?;
    }
    for row in sql.rows("SELECT DISTINCT note FROM visits WHERE note <> ''", &[])? {
        let note = row.text(0)?;
        if let Some(without) = erase_text(note, plan, wanted) {
            let put = "UPDATE visits SET note = $1 WHERE note = $2";
            sql.execute(put, values![without, note])?;
        }
    }
    Ok(changed)
}

fn snapshots(sql: &mut dyn Sql, plan: &Plan, wanted: Number) -> Result<u64, SqlError> {
    let mut changed = 0;
    for row in sql.rows("SELECT id, body FROM marks WHERE kind = 'snapshot'", &[])? {
        if let Some(body) = without(row.text(1)?, plan, wanted)? {
            let put = "UPDATE marks SET body = $1 WHERE id = $2";
            changed += sql.execute(put, values![body, row.uint(0)?])?;
        }
    }
    for row in sql.rows("SELECT one, ledger FROM anchor", &[])? {
        if let Some(ledger) = without(row.text(1)?, plan, wanted)? {
            sql.execute("UPDATE anchor SET ledger = $1", values![ledger])?;
        }
    }
    Ok(changed)
}

/// What people gave as reasons of agents' states.
fn texts(sql: &mut dyn Sql, plan: &Plan, wanted: Number) -> Result<(), SqlError> {
    for row in sql.rows("SELECT DISTINCT reason FROM agent_time", &[])? {
        let reason = row.text(0)?;
        if let Some(without) = erase_text(reason, plan, wanted) {
            let put = "UPDATE agent_time SET reason = $1 WHERE reason = $2";
            sql.execute(put, values![without, reason])?;
        }
    }
    Ok(())
}

/// A JSON text without the number; `None` if it was not in there.
fn without(text: &str, plan: &Plan, wanted: Number) -> Result<Option<String>, SqlError> {
    let mut json: Json =
        serde_json::from_str(text).map_err(|error| SqlError::Unreadable(error.to_string()))?;
    if !erase_in(&mut json, plan, wanted) {
        return Ok(None);
    }
    Ok(Some(json.to_string()))
}

/// Fields that hold a caller's number and nothing else.
const NUMBERS: [&str; 3] = ["number", "entry", "caller"];
/// Fields that people write.
const TEXTS: [&str; 6] = ["reason", "flag", "message", "what", "note", "result"];

fn erase_in(json: &mut Json, plan: &Plan, wanted: Number) -> bool {
    match json {
        // All of them: `any` would stop at the first.
        Json::Array(items) => items
            .iter_mut()
            .fold(false, |found, item| erase_in(item, plan, wanted) | found),
        Json::Object(fields) => {
            // Who has a phone is an agent or a supervisor, whose number is another.
            let staff = fields.contains_key("phone");
            let is = |field: Option<&Json>| {
                let number = field.and_then(Json::as_str).unwrap_or_default();
                plan.number(number).is_ok_and(|number| number == wanted)
            };
            // What is attached to that caller's call is the caller's, whatever it is.
            let attached = is(fields.get("number")) && fields.remove("attached").is_some();
            fields.iter_mut().fold(attached, |found, (name, field)| {
                let name = name.as_str();
                let data = name == "data" && erase_data(field, plan, wanted);
                erase_field(name, field, staff, plan, wanted) | erase_in(field, plan, wanted) | data | found
            })
        }
        Json::String(_) | Json::Null | Json::Bool(_) | Json::Number(_) => false,
    }
}

/// Values that the dialplan attached to a call.
fn erase_data(field: &mut Json, plan: &Plan, wanted: Number) -> bool {
    let values = field
        .as_object_mut()
        .into_iter()
        .flat_map(|data| data.values_mut());
    let mut found = false;
    for value in values {
        if let Some(without) = value.as_str().and_then(|text| erase_text(text, plan, wanted)) {
            *value = Json::String(without);
            found = true;
        }
    }
    found
}

fn erase_field(name: &str, field: &mut Json, staff: bool, plan: &Plan, wanted: Number) -> bool {
    let Json::String(text) = field else { return false };
    let number = NUMBERS.contains(&name) && !staff;
    let Some(without) = erase_text(text, plan, wanted).filter(|_| number || TEXTS.contains(&name)) else {
        return false;
    };
    *field = match name {
        "caller" => Json::Null,
        _ => Json::String(without),
    };
    true
}

/// The text without the number: empty if it was nothing else.
fn erase_text(text: &str, plan: &Plan, wanted: Number) -> Option<String> {
    let is = |part: &str| plan.number(part).is_ok_and(|number| number == wanted);
    if is(text) {
        return Some(String::new());
    }
    let mut without = String::new();
    let (mut rest, mut found) = (text, false);
    while let Some(begin) = rest.find(begins_number) {
        let (before, from) = rest.split_at(begin);
        without.push_str(before);
        // Numbers, dates and what not may stand beside each other: the longest that it can be, from here on.
        let run = from.find(|c| !belongs(c)).unwrap_or(from.len());
        let mut characters = from.char_indices().skip(1);
        let group = characters
            .find(|(_, c)| digit(*c).is_none())
            .map_or(from.len(), |(end, _)| end);
        let ends = from[..run].char_indices().filter(|(_, c)| digit(*c).is_some());
        let ends = ends.map(|(place, c)| place + c.len_utf8()).take(MOST_DIGITS);
        let whole = |end: &usize| !from[*end..].starts_with(|c| digit(c).is_some());
        let end = ends.filter(whole).filter(|end| is(&from[..*end])).last();
        found |= end.is_some();
        let next = match end {
            Some(end) => {
                without.push_str(ERASED);
                end
            }
            None => {
                without.push_str(&from[..group]);
                group
            }
        };
        rest = &from[next..];
    }
    without.push_str(rest);
    found.then_some(without)
}

/// What a digit, in whatever width, stands for.
fn digit(c: char) -> Option<char> {
    match c {
        '0'..='9' => Some(c),
        '０'..='９' => char::from_digit(c as u32 - '０' as u32, 10),
        _ => None,
    }
}

fn begins_number(c: char) -> bool {
    digit(c).is_some() || matches!(c, '+' | '＋')
}

fn belongs(c: char) -> bool {
    begins_number(c) || matches!(c, ' ' | '\u{a0}' | '-' | '.' | '/' | '(' | ')')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_of_that_number_is_no_caller() {
        let plan = Plan::default();
        let wanted = plan.number("10086").unwrap();
        let event = r#"{"agent":{"number":"10086","phone":"PJSIP/10086","reason":""},"call":"10086"}"#;
        assert_eq!(without(event, &plan, wanted).unwrap(), None);
        let event = r#"{"call":"c","number":"10086","flag":"rang from 10086 before"}"#;
        assert_eq!(
            without(event, &plan, wanted).unwrap().as_deref(),
            Some(r#"{"call":"c","flag":"rang from erased before","number":""}"#)
        );
    }

    #[test]
    fn every_form_of_the_number_goes_and_nothing_else_does() {
        let plan = Plan::default();
        let wanted = plan.number("13800138000").unwrap();
        for form in [
            "13800138000",
            "+8613800138000",
            "008613800138000",
            "013800138000",
            "8613800138000",
            "138-0013-8000",
            "１３８００１３８０００",
        ] {
            assert_eq!(erase_text(form, &plan, wanted).as_deref(), Some(""), "{form}");
        }
        let said = "he called from +86 138 0013 8000, twice";
        assert_eq!(
            erase_text(said, &plan, wanted).as_deref(),
            Some("he called from erased, twice")
        );
        for (said, left) in [
            ("2026-11-25 13800138000", "2026-11-25 erased"),
            ("8001 138 0013 8000 8002", "8001 erased 8002"),
            ("13800138000/13800138001,13800138000", "erased/13800138001,erased"),
            ("at (0138) 00138000", "at (erased"),
            ("at ((13800138000))", "at ((erased))"),
            ("+8001+8613800138000", "+8001erased"),
            ("+ +8613800138000+", "+ erased+"),
            ("8001（１３８００１３８０００）", "8001（erased）"),
        ] {
            assert_eq!(erase_text(said, &plan, wanted).as_deref(), Some(left), "{said}");
        }
        for other in ["13800138001", "113800138000", "pbx1-1767600000-7", "", "10086"] {
            assert_eq!(erase_text(other, &plan, wanted), None, "{other}");
        }
    }
}
