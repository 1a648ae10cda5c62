//! What happens to callers who wait: rules, menus, ways out, prompts; and limits that warn.

use hotline_engine::Span;
use hotline_engine::config::{
    Band, Choice, Exit, Key, MAX_LEVELS, Menu, Operation, Prompt, Reason, Rule, Steps, Way,
};

use super::Names;
use super::greeting::sound;
use super::queue::interval;
use super::reader::{Form, Read, Table, Value};

/// Most prompts in a row.
const MOST_PROMPTS: usize = 16;
/// Most skills, queues or tiers in a list of a rule.
const MOST_NAMES: usize = 255;

/// What a way out can be.
const EXITS: &str =
    "\"onward\", \"place:CONTEXT,EXTENSION,PRIORITY\", \"queue:NAME\", \"busy\" or \"callback\"";

/// Where ways out can lead.
pub(super) struct Ways<'a> {
    pub(super) names: &'a Names,
    /// Whether callers can be called back.
    pub(super) callbacks: bool,
}

impl Ways<'_> {
    /// A way out: where to, or a table with what is said first.
    pub(super) fn way(&self, value: &Value<'_>) -> Read<Way> {
        match value.form() {
            Form::Table(mut table) => {
                let to = self.exit(&table.need("to")?)?;
                let way = self.with_words(&mut table, to)?;
                table.end()?;
                Ok(way)
            }
            Form::Text(_) | Form::Flag(_) | Form::Other => Ok(Way {
                to: self.exit(value)?,
                say: Vec::new(),
            }),
        }
    }

    fn with_words(&self, table: &mut Table<'_>, to: Exit) -> Read<Way> {
        let Some(value) = table.take("say") else {
            return Ok(Way { to, say: Vec::new() });
        };
        let say = prompts(&value)?;
        if matches!(to, Exit::Queue(_)) && !say.is_empty() {
            return Err(value.wrong("is never heard on the way to another queue; leave it out"));
        }
        if say
            .iter()
            .any(|prompt| matches!(prompt, Prompt::Position | Prompt::Wait))
        {
            return Err(
                value.wrong("cannot be told to who leaves the queue; \"retry-in\" is the only figure")
            );
        }
        Ok(Way { to, say })
    }

    fn exit(&self, value: &Value<'_>) -> Read<Exit> {
        let text = value.string()?;
        let (word, rest) = text.split_once(':').unwrap_or((text, ""));
        match (word, rest) {
            ("onward", "") => Ok(Exit::Onward),
            ("busy", "") => Ok(Exit::Busy),
            ("callback", "") if self.callbacks => Ok(Exit::Callback),
            ("callback", "") => Err(value.wrong("needs [queue.callback] with a max of at least 1")),
            ("queue", queue) if !queue.is_empty() => Ok(Exit::Queue(self.names.queue(value, queue)?)),
            ("place", place) if !place.is_empty() => {
                value.line()?;
                Ok(Exit::Place(place.to_owned()))
            }
            _ => Err(value.must_be(EXITS)),
        }
    }
}

/// A prompt, or a list of them.
fn prompts(value: &Value<'_>) -> Read<Vec<Prompt>> {
    value.one_or_more(MOST_PROMPTS)?.iter().map(prompt).collect()
}

fn prompt(value: &Value<'_>) -> Read<Prompt> {
    Ok(match value.filled()?.as_str() {
        "position" => Prompt::Position,
        "wait" => Prompt::Wait,
        "retry-in" => Prompt::RetryIn,
        _ => Prompt::File(sound(value)?),
    })
}

/// `[[queue.rules]]`: conditions, and operations in a fixed order.
pub(super) fn rule(mut table: Table<'_>, ways: &Ways<'_>) -> Read<Rule> {
    let names = ways.names;
    let mut rule = Rule::default();
    table.set("after_seconds", &mut rule.after, Value::seconds)?;
    table.set("every_seconds", &mut rule.every, interval)?;
    table.set("tiers", &mut rule.tiers, |value| {
        of_names(value, |value, name| names.tier(value, name))
    })?;
    table.set("predicted_wait_seconds", &mut rule.predicted_wait, |value| {
        band(value, |value| Ok(value.seconds()?.0))
    })?;
    table.set("waiting", &mut rule.waiting, |value| {
        band(value, |value| Ok(value.number(0..=u32::MAX)?.into()))
    })?;

    let then = &mut rule.then;
    if let Some(value) = table.take("accept_level") {
        then.push(Operation::AcceptLevel(value.number(1..=u8::MAX)?));
    }
    if let Some(value) = table.take("drop_skill") {
        let skills = of_names(&value, |value, _| value.name())?;
        then.extend(skills.into_iter().map(Operation::DropSkill));
    }
    if let Some(value) = table.take("add_queue") {
        let queues = of_names(&value, |value, name| names.queue(value, name))?;
        then.extend(queues.into_iter().map(Operation::AddQueue));
    }
    if let Some(value) = table.take("raise_seconds") {
        then.push(Operation::Raise(value.some_seconds()?));
    }
    if let Some(value) = table.take("say") {
        then.push(Operation::Say(prompts(&value)?));
    }
    if let Some(value) = table.take("menu") {
        then.push(Operation::Menu(names.menu(&value, value.string()?)?));
    }
    if let Some(value) = table.take("divert") {
        then.push(Operation::Divert(ways.way(&value)?));
    }
    if rule.then.is_empty() {
        let operations = "accept_level, drop_skill, add_queue, raise_seconds, say, menu or divert";
        return Err(table.fault(format!("the rule does nothing; give it {operations}")));
    }
    table.end()?;
    Ok(rule)
}

fn of_names(value: &Value<'_>, read: impl Fn(&Value<'_>, &str) -> Read<String>) -> Read<Vec<String>> {
    let values = value.one_or_more(MOST_NAMES)?;
    values.iter().map(|value| read(value, value.string()?)).collect()
}

/// A threshold, or `{ over = …, until = … }`.
fn band(value: &Value<'_>, read: impl Fn(&Value<'_>) -> Read<u64>) -> Read<Option<Band>> {
    let Form::Table(mut table) = value.form() else {
        let over = read(value)?;
        return Ok(Some(Band { over, until: over }));
    };
    let over = read(&table.need("over")?)?;
    let mut band = Band { over, until: over };
    if let Some(value) = table.take("until") {
        band.until = read(&value)?;
        if band.until > band.over {
            return Err(value.wrong("must be at most what over is"));
        }
    }
    table.end()?;
    Ok(Some(band))
}

/// `[[menu]]`
pub(super) fn menu(name: String, mut table: Table<'_>, names: &Names, callbacks: bool) -> Read<Menu> {
    let mut menu = Menu {
        name,
        say: Vec::new(),
        lasting: Span::ZERO,
        keys: Vec::new(),
    };
    table.set("say", &mut menu.say, prompts)?;
    table.set("lasting_seconds", &mut menu.lasting, Value::seconds)?;
    let ways = Ways { names, callbacks };
    for value in table.need("keys")?.table()?.entries() {
        let mut characters = value.key().chars();
        let (Some(key @ ('0'..='9' | '*' | '#')), None) = (characters.next(), characters.next()) else {
            let message = format_args!("{:?} is no key; there are 0 to 9, * and #", value.key());
            return Err(value.secret(message));
        };
        let choice = choice(&value, &ways)?;
        menu.keys.push(Key { key, choice });
    }
    table.end()?;
    Ok(menu)
}

/// `wait`, or a way out; or a table with what is said first.
fn choice(value: &Value<'_>, ways: &Ways<'_>) -> Read<Choice> {
    let say = match value.form() {
        Form::Text("wait") => Some(Vec::new()),
        Form::Table(table) => wait_with_words(table)?,
        Form::Text(_) | Form::Flag(_) | Form::Other => None,
    };
    match say {
        Some(say) => Ok(Choice::Wait { say }),
        None => Ok(Choice::Leave(ways.way(value)?)),
    }
}

/// `None` if it is a way out.
fn wait_with_words(mut table: Table<'_>) -> Read<Option<Vec<Prompt>>> {
    if table.need("to")?.string()? != "wait" {
        return Ok(None);
    }
    let mut say = Vec::new();
    table.set("say", &mut say, prompts)?;
    table.end()?;
    Ok(Some(say))
}

/// `[[reason]]`
pub(super) fn reason(name: String, mut table: Table<'_>) -> Read<Reason> {
    let mut reason = Reason {
        name,
        warn: Steps::default(),
    };
    table.set("warn", &mut reason.warn, steps)?;
    table.end()?;
    Ok(reason)
}

/// Levels of a limit: `[30, 60]`, or `{ at = [30, 60], every_seconds = 30 }`.
pub(super) fn steps(value: &Value<'_>) -> Read<Steps> {
    let mut steps = Steps::default();
    match value.form() {
        Form::Table(mut table) => {
            steps.at = levels(&table.need("at")?)?;
            table.set("every_seconds", &mut steps.every, interval)?;
            table.end()?;
        }
        Form::Text(_) | Form::Flag(_) | Form::Other => steps.at = levels(value)?,
    }
    Ok(steps)
}

fn levels(value: &Value<'_>) -> Read<Vec<Span>> {
    let mut levels: Vec<Span> = Vec::new();
    for value in value.one_or_more(MAX_LEVELS)? {
        let level = value.some_seconds()?;
        if levels.last().is_some_and(|last| *last >= level) {
            return Err(value.wrong("must be more than the level before"));
        }
        levels.push(level);
    }
    Ok(levels)
}
