//! Live changes beside the settings file: what differs, and a copy of the file that has them in it.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use hotline_engine::config::{Door, Membership};
use hotline_engine::{Command, Config, Standing};
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, Value};

use crate::settings;

/// A live change that the settings do not have.
enum Change<'a> {
    Member {
        agent: &'a str,
        queue: &'a str,
        before: Option<&'a Membership>,
        after: Option<(u8, u16)>,
    },
    Skill {
        agent: &'a str,
        skill: &'a str,
        has: bool,
    },
    Door {
        queue: &'a str,
        before: Door,
        after: Door,
    },
}

fn changes<'a>(config: &'a Config, standing: &'a [Standing]) -> impl Iterator<Item = Change<'a>> {
    standing
        .iter()
        .filter_map(|standing| change(config, &standing.command))
}

fn change<'a>(config: &'a Config, command: &'a Command) -> Option<Change<'a>> {
    let agent_of = |number: &str| config.agents.iter().find(|agent| agent.number == number);
    match command {
        Command::SetMembership { agent, queue, place } => {
            let members = &agent_of(agent)?.queues;
            let before = members.iter().find(|member| member.queue == *queue);
            let change = Change::Member {
                agent,
                queue,
                before,
                after: *place,
            };
            (before.map(|member| (member.level, member.weight)) != *place).then_some(change)
        }
        Command::SetSkill { agent, skill, has } => {
            let change = Change::Skill {
                agent,
                skill,
                has: *has,
            };
            (agent_of(agent)?.skills.contains(skill) != *has).then_some(change)
        }
        Command::SetDoor { queue, door } => {
            let before = config.queues.iter().find(|known| known.name == *queue)?.door;
            let change = Change::Door {
                queue,
                before,
                after: *door,
            };
            (before != *door).then_some(change)
        }
        // A lock is no setting.
        _ => None,
    }
}

/// What differs from the settings, line by line; a lock is no setting.
pub(crate) fn diff(config: &Config, standing: &[Standing]) -> Vec<String> {
    changes(config, standing)
        .map(|change| describe(&change))
        .collect()
}

fn describe(change: &Change<'_>) -> String {
    let place = |(level, weight): (u8, u16)| match weight {
        1 => format!("level {level}"),
        weight => format!("level {level}, weight {weight}"),
    };
    match change {
        Change::Member {
            agent,
            queue,
            before,
            after,
        } => {
            let before = before.map_or_else(
                || "not served".to_owned(),
                |member| place((member.level, member.weight)),
            );
            let after = after.map_or_else(|| "not served".to_owned(), place);
            format!("agent {agent}: queue {queue}: {before} -> {after}")
        }
        Change::Skill { agent, skill, has } => {
            let (before, after) = if *has { ("no", "yes") } else { ("yes", "no") };
            format!("agent {agent}: skill {skill}: {before} -> {after}")
        }
        Change::Door { queue, before, after } => {
            format!("queue {queue}: door: {} -> {}", door(*before), door(*after))
        }
    }
}

fn door(door: Door) -> &'static str {
    match door {
        Door::Open => "open",
        Door::Closed => "closed",
        Door::Emergency => "emergency",
    }
}

/// Writes a copy of the settings file with the live changes in it, comments and all; how many changes it has. An
/// existing file is never written over.
///
/// # Errors
/// What is wrong, and with which file.
pub(crate) fn save(file: &Path, config: &Config, standing: &[Standing], to: &Path) -> Result<usize, String> {
    let named = |path: &Path, why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
    let text = std::fs::read_to_string(file).map_err(|error| named(file, &error))?;
    let mut document: DocumentMut = text.parse().map_err(|error| named(file, &error))?;
    let mut count = 0;
    for change in changes(config, standing) {
        apply(&mut document, &change)
            .ok_or_else(|| named(file, &format_args!("has no place for: {}", describe(&change))))?;
        count += 1;
    }
    let text = document.to_string();
    let mut copy = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o640)
        .open(to)
        .map_err(|error| named(to, &error))?;
    let written = copy
        .write_all(text.as_bytes())
        .and_then(|()| copy.sync_all())
        .map_err(|error| named(to, &error))
        .and_then(|()| settings::load(to).map(drop).map_err(|error| error.to_string()));
    if written.is_err() {
        // It was made just now, and is of no use.
        let _ = std::fs::remove_file(to);
    }
    written.map(|()| count)
}

/// `None` where the file is not laid out as expected.
fn apply(document: &mut DocumentMut, change: &Change<'_>) -> Option<()> {
    match change {
        Change::Member {
            agent, queue, after, ..
        } => {
            let list = list(entry(document, "agent", "number", agent)?, "queues")?;
            let known = list.iter().position(|value| queue_of(value) == Some(queue));
            match (known, after) {
                (Some(at), Some(place)) => drop(list.replace(at, membership(queue, *place))),
                (Some(at), None) => drop(list.remove(at)),
                (None, Some(place)) => list.push(membership(queue, *place)),
                (None, None) => {}
            }
        }
        Change::Skill { agent, skill, has } => {
            let list = list(entry(document, "agent", "number", agent)?, "skills")?;
            if *has {
                list.push(*skill);
            } else {
                list.retain(|value| value.as_str() != Some(skill));
            }
        }
        Change::Door { queue, after, .. } => {
            entry(document, "queue", "name", queue)?["door"] = toml_edit::value(door(*after));
        }
    }
    Some(())
}

fn entry<'a>(document: &'a mut DocumentMut, kind: &str, key: &str, name: &str) -> Option<&'a mut Table> {
    let tables = document.get_mut(kind)?.as_array_of_tables_mut()?;
    tables
        .iter_mut()
        .find(|table| table.get(key).and_then(Item::as_str) == Some(name))
}

/// A list of an entry, made if there is none; a single text becomes a list of one.
fn list<'a>(entry: &'a mut Table, key: &str) -> Option<&'a mut Array> {
    let item = entry.entry(key).or_insert_with(|| toml_edit::value(Array::new()));
    if let Some(one) = item.as_str().map(str::to_owned) {
        *item = toml_edit::value(Array::from_iter([one]));
    }
    item.as_array_mut()
}

fn queue_of(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => {
            let text = text.value();
            Some(text.split_once(':').map_or(text.as_str(), |(queue, _)| queue))
        }
        Value::InlineTable(table) => table.get("queue")?.as_str(),
        _ => None,
    }
}

fn membership(queue: &str, (level, weight): (u8, u16)) -> Value {
    match (level, weight) {
        (1, 1) => queue.into(),
        (level, 1) => format!("{queue}:{level}").into(),
        (level, weight) => {
            let mut table = InlineTable::new();
            table.insert("queue", queue.into());
            table.insert("level", i64::from(level).into());
            table.insert("weight", i64::from(weight).into());
            table.into()
        }
    }
}
