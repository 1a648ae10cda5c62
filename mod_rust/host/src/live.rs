//! Live changes beside the settings file: what differs, and a copy of the file that has them in it.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;

use hotline_engine::config::{Door, Membership};
use hotline_engine::input::Act;
use hotline_engine::{Command, Config, Standing};
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, Value};

use crate::runner::Message;
use crate::standing::Kept;
use crate::{ANSWER, Host, Level, settings, told};

impl Host {
    /// What was changed while running and the settings do not have, line by line; and what stood before a restart and the
    /// settings have no place for.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub fn config_diff(&self) -> Result<Vec<String>, String> {
        let (standing, unapplied) = self.standing()?;
        let mut lines = diff(&self.settings().config, &standing);
        lines.extend(unapplied);
        Ok(lines)
    }

    /// Forgets what stood before a restart and the settings have no place for: of that agent or queue, or all of it if that is
    /// empty. What it was, line by line.
    ///
    /// # Errors
    /// Why there is no answer, or that there is nothing of the kind.
    pub fn config_forget(&self, author: &str, about: &str) -> Result<Vec<String>, String> {
        let about = about.to_owned();
        told(self.command(author, hotline_wire::Command::ConfigForget { about }))
    }

    /// Writes a copy of the settings file, as it is on the disk, with what was changed while running in it; how many changes that
    /// are. An existing file is never written over.
    ///
    /// # Errors
    /// What is wrong, and with which file.
    pub fn config_save(&self, author: &str, to: &Path) -> Result<usize, String> {
        let saved = self
            .standing()
            .and_then(|(standing, _)| save(&self.0.file, &self.settings().config, &standing, to));
        let file = to.display().to_string();
        self.tell(author, Act::SaveConfig { file }, &saved);
        saved
    }

    /// The same for who asks over the control socket: a new file in the folder of the state, since whoever may ask need not be
    /// somebody who may write, or read PINs, on this machine.
    pub(crate) fn config_save_named(&self, author: &str, name: &str) -> Result<String, String> {
        let place = self.place_for_copy(name);
        if place.is_err() {
            let file = name.to_owned();
            self.tell(author, Act::SaveConfig { file }, &place);
        }
        let path = place?;
        let count = self.config_save(author, &path)?;
        let line = format!(
            "written with {count} changes on the PBX's machine: {}",
            path.display()
        );
        self.0
            .pbx
            .log(Level::Notice, &format!("settings {line}, by {author}"));
        Ok(line)
    }

    fn place_for_copy(&self, name: &str) -> Result<PathBuf, String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if !name.chars().all(plain) || name.starts_with('.') || !name.ends_with(".toml") {
            return Err(format!(
                "{name:?} must be the name of a file of letters, digits, '-', '_' and '.', with .toml at its end"
            ));
        }
        let settings = self.settings();
        let folder = settings.state.as_ref();
        let folder = folder.ok_or("the settings have no [state] directory, where it would be written")?;
        let there = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let copies = there.filter_map(Result::ok).map(|file| file.path());
        if copies
            .filter(|file| file.extension() == Some("toml".as_ref()))
            .count()
            >= MOST_COPIES
        {
            return Err(format!(
                "{} has {MOST_COPIES} such files: look at them and remove them",
                folder.display()
            ));
        }
        Ok(folder.join(name))
    }

    fn standing(&self) -> Result<(Vec<hotline_engine::Standing>, Vec<String>), String> {
        let (sender, receiver) = sync_channel(1);
        self.send(Message::Standing(sender));
        let no_answer = |_| "Hotline does not answer; see the log".to_owned();
        receiver.recv_timeout(ANSWER).map_err(no_answer)
    }
}

/// Most copies of the settings that are written for who asks over the control socket.
const MOST_COPIES: usize = 100;

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
    match change {
        Change::Member {
            agent,
            queue,
            before,
            after,
        } => {
            let before = place_of(before.map(|member| (member.level, member.weight)));
            let after = place_of(*after);
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

/// One thing that stands over a restart, in words.
pub(crate) fn kept(kept: &Kept) -> String {
    // Shown on terminals.
    named(kept).replace(char::is_control, " ")
}

fn named(kept: &Kept) -> String {
    let standing = match kept {
        Kept::Owed { owed, .. } => {
            let number = hotline_wire::mask::masked(&owed.caller.number);
            return format!("queue {}: callback to {number}", owed.queue);
        }
        Kept::Decided(standing) | Kept::Present(standing) => standing,
    };
    match &standing.command {
        Command::ForceBusy { agent, reason, .. } => format!("agent {agent}: lock ({reason})"),
        Command::SetMembership { agent, queue, place } => {
            format!("agent {agent}: queue {queue}: {}", place_of(*place))
        }
        Command::SetSkill { agent, skill, has } => {
            format!(
                "agent {agent}: skill {skill}: {}",
                if *has { "yes" } else { "no" }
            )
        }
        Command::SetDoor { queue, door: to } => format!("queue {queue}: door: {}", door(*to)),
        Command::SignIn { agent, phone, .. } => format!("agent {agent}: signed in on {phone}"),
        Command::SetNotReady { agent, reason } => format!("agent {agent}: not ready ({reason})"),
        Command::SignInSupervisor { supervisor, phone } => {
            format!("supervisor {supervisor}: signed in on {phone}")
        }
        // Nothing else stands.
        other => format!("{other:?}"),
    }
}

fn place_of(place: Option<(u8, u16)>) -> String {
    match place {
        None => "not served".to_owned(),
        Some((level, 1)) => format!("level {level}"),
        Some((level, weight)) => format!("level {level}, weight {weight}"),
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
    // What is wrong with it is said without quoting it: there may be PINs in it.
    settings::load(file).map_err(|error| error.to_string())?;
    let text = std::fs::read_to_string(file).map_err(|error| named(file, &error))?;
    let document: Result<DocumentMut, _> = text.parse();
    let mut document = document.map_err(|_| named(file, &"changed in the very moment of being read"))?;
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
