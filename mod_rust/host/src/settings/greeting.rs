//! `[queue.greeting]`

use hotline_engine::config::{Greeting, Intro};

use super::reader::{Read, Value};

/// Most pieces of one side.
const MOST_PIECES: usize = 16;

pub(super) fn greeting(value: &Value<'_>) -> Read<Greeting> {
    let mut table = value.table()?;
    let mut greeting = Greeting::default();
    table.set("caller", &mut greeting.caller, pieces)?;
    table.set("agent", &mut greeting.agent, pieces)?;
    table.end()?;
    Ok(greeting)
}

fn pieces(value: &Value<'_>) -> Read<Vec<Intro>> {
    value.one_or_more(MOST_PIECES)?.iter().map(piece).collect()
}

fn piece(value: &Value<'_>) -> Read<Intro> {
    let text = value.filled()?;
    Ok(match text.as_str() {
        "agent" => Intro::Agent,
        "queue" => Intro::Queue,
        "tier" => Intro::Tier,
        "position" | "wait" | "retry-in" => {
            return Err(value.wrong(
                "is a figure of a caller who waits; a greeting knows \"agent\", \"queue\" and \"tier\"",
            ));
        }
        _ => Intro::File(sound(value)?),
    })
}

/// A sound file of the PBX: its name, or `file:` with its name, for one that is called like a figure.
pub(super) fn sound(value: &Value<'_>) -> Read<String> {
    let text = value.filled()?;
    match text.strip_prefix("file:") {
        Some("") => Err(value.must_be("\"file:NAME\" with the name of a sound file")),
        Some(file) => Ok(file.to_owned()),
        None => Ok(text),
    }
}
