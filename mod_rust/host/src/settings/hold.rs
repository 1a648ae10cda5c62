//! `[queue.hold]`

use hotline_engine::Span;
use hotline_engine::config::{Comfort, HoldCare, Retrieve};

use super::greeting::sound;
use super::queue::interval;
use super::reader::{Read, Value};

/// Most sound files of a prompt.
const MOST_FILES: usize = 16;
/// When the prompt comes first, where the settings do not say.
const AFTER: Span = Span::seconds(30);
/// What most phones understand.
const EVENT: &str = "talk";
/// The longest event package, in bytes.
const LONGEST_EVENT: usize = 64;
/// How long a phone may take to retrieve.
const PATIENCE: Span = Span::seconds(5);

pub(super) fn hold(value: &Value<'_>) -> Read<HoldCare> {
    let mut table = value.table()?;
    let mut comfort = Comfort {
        after: AFTER,
        every: None,
        say: Vec::new(),
    };
    let mut retrieve = Retrieve {
        after: Span::ZERO,
        event: EVENT.to_owned(),
        unannounced: false,
        patience: PATIENCE,
    };
    table.set("say", &mut comfort.say, files)?;
    for (key, without) in [
        ("after_seconds", comfort.say.is_empty()),
        ("every_seconds", comfort.say.is_empty()),
    ] {
        if let Some(value) = table.take(key).filter(|_| without) {
            return Err(value.wrong("is for a prompt; give it one by say"));
        }
    }
    table.set("after_seconds", &mut comfort.after, Value::some_seconds)?;
    table.set("every_seconds", &mut comfort.every, interval)?;
    table.set("retrieve_after_seconds", &mut retrieve.after, Value::some_seconds)?;
    for key in ["retrieve_event", "retrieve_unannounced", "retrieve_wait_seconds"] {
        if let Some(value) = table.take(key).filter(|_| retrieve.after == Span::ZERO) {
            return Err(value.wrong("is for retrieving; give it a time by retrieve_after_seconds"));
        }
    }
    table.set("retrieve_event", &mut retrieve.event, event)?;
    table.set("retrieve_unannounced", &mut retrieve.unannounced, Value::flag)?;
    table.set("retrieve_wait_seconds", &mut retrieve.patience, |value| {
        value.seconds_from(1.0, "")
    })?;
    table.end()?;
    Ok(HoldCare {
        comfort: (!comfort.say.is_empty()).then_some(comfort),
        retrieve: (retrieve.after > Span::ZERO).then_some(retrieve),
    })
}

/// An event package; nothing else may get into a header.
fn event(value: &Value<'_>) -> Read<String> {
    let text = value.string()?;
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if (1..=LONGEST_EVENT).contains(&text.len()) && text.chars().all(good) {
        Ok(text.to_owned())
    } else {
        Err(value.must_be(format_args!(
            "letters, digits, '-', '_' and '.', 1 to {LONGEST_EVENT} bytes"
        )))
    }
}

fn files(value: &Value<'_>) -> Read<Vec<String>> {
    let files: Vec<String> = value
        .one_or_more(MOST_FILES)?
        .iter()
        .map(file)
        .collect::<Read<_>>()?;
    if files.is_empty() {
        return Err(value.must_be("a sound file, or a list of some"));
    }
    Ok(files)
}

/// As in rules, but for the figures of a caller who waits.
fn file(value: &Value<'_>) -> Read<String> {
    if matches!(value.filled()?.as_str(), "position" | "wait" | "retry-in") {
        return Err(value.wrong("is a figure of a caller who waits; on hold there are sound files alone"));
    }
    sound(value)
}
