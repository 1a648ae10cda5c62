//! `[[supervisor]]` and `[supervision]`

use std::collections::BTreeMap;

use hotline_engine::Span;
use hotline_engine::config::{Right, Supervision, Supervisor, Tone};

use super::agent::{ANSWERING, phone, pin};
use super::reader::{Form, Once, Read, Table, Value};
use crate::pin::Pin;

/// Most supervisors of a node.
const MOST_SUPERVISORS: usize = 2_000;
/// Most phones of a supervisor.
const MOST_PHONES: usize = 20;
/// Most who listen at once: each has a thread of the PBX, and a copy of the audio.
const MOST_MONITORS: u32 = 2_000;

const RIGHTS: &[(&str, Right)] = &[
    ("listen", Right::Listen),
    ("whisper", Right::Whisper),
    ("barge", Right::Barge),
    ("takeover", Right::TakeOver),
    ("disconnect", Right::Disconnect),
];

/// All supervisors, and the PINs of those who have one.
pub(super) fn read_all(file: &mut Table<'_>) -> Read<(Vec<Supervisor>, BTreeMap<String, Pin>)> {
    let mut once = Once::new("supervisor", MOST_SUPERVISORS);
    let mut supervisors = Vec::new();
    let mut pins = BTreeMap::new();
    for mut table in file.tables("supervisor")? {
        let number = table.need("number")?;
        let mut supervisor = Supervisor::numbered(once.take(&number, number.name()?)?);
        table.set("name", &mut supervisor.name, Value::line)?;
        table.set("phones", &mut supervisor.phones, phones)?;
        table.set("may", &mut supervisor.may, rights)?;
        if let Some(value) = table.take("pin") {
            pins.insert(supervisor.number.clone(), pin(&value)?);
        } else if supervisor.phones.is_empty() {
            return Err(number.secret(format_args!(
                "supervisor {:?} needs a pin, or phones that nobody else can use: anybody could sign in otherwise",
                supervisor.number
            )));
        }
        table.end()?;
        supervisors.push(supervisor);
    }
    Ok((supervisors, pins))
}

fn phones(value: &Value<'_>) -> Read<Vec<String>> {
    let mut once = Once::new("phone", MOST_PHONES);
    let values = value.one_or_more(MOST_PHONES)?;
    values
        .iter()
        .map(|value| match phone(value)? {
            phone if phone.is_empty() => Err(value.wrong("must not be empty")),
            phone => once.take(value, phone),
        })
        .collect()
}

fn rights(value: &Value<'_>) -> Read<Vec<Right>> {
    let mut once = Once::new("right", RIGHTS.len());
    let values = value.one_or_more(RIGHTS.len())?;
    values
        .iter()
        .map(|value| {
            let right = value.choice(RIGHTS)?;
            once.take(value, format!("{right:?}"))?;
            Ok(right)
        })
        .collect()
}

/// How supervisors listen.
pub(super) fn supervision(file: &mut Table<'_>) -> Read<Supervision> {
    let mut supervision = Supervision::default();
    if let Some(value) = file.take("supervision") {
        let mut table = value.table()?;
        table.set("max_monitors", &mut supervision.max_monitors, |value| {
            value.number(0..=MOST_MONITORS)
        })?;
        table.set("ring_seconds", &mut supervision.ring_time, Value::some_seconds)?;
        table.set("answering", &mut supervision.answering, |value| {
            value.choice(ANSWERING)
        })?;
        table.set("barge_tone", &mut supervision.tone, tone)?;
        table.end()?;
    }
    Ok(supervision)
}

/// `"none"`, or `{ hertz = 1400, milliseconds = 300 }`.
fn tone(value: &Value<'_>) -> Read<Option<Tone>> {
    match value.form() {
        Form::Text("none") => Ok(None),
        Form::Table(mut table) => {
            let hertz = table.need("hertz")?.number(100..=3_400u16)?;
            let milliseconds = table.need("milliseconds")?.number(20..=5_000u16)?;
            table.end()?;
            let lasting = Span(u64::from(milliseconds) * 1_000);
            Ok(Some(Tone { hertz, lasting }))
        }
        Form::Text(_) | Form::Flag(_) | Form::Other => {
            Err(value.must_be("\"none\" or { hertz = …, milliseconds = … }"))
        }
    }
}
