//! `[blacklist]`

use std::path::PathBuf;

use hotline_blacklist::auto::{MAX_COUNT, MAX_WATCHED};
use hotline_blacklist::entry::{ACTIONS, MAX_PLACE};
use hotline_blacklist::{Action, Plan};
use hotline_engine::Span;

use super::reader::{Once, Read, Table, Value};

/// Most rules that add entries by themselves.
const MOST_RULES: usize = 16;
/// Most places of the dialplan where entries may send callers.
const MOST_PLACES: usize = 1_000;
/// Most sound files in a row.
const MOST_SOUNDS: usize = 16;
/// Most numbers changed over the index: some 300 bytes each.
const MOST_CHANGES: usize = 2_000_000;

const MIB: u64 = 1 << 20;
/// A hundred million entries, each for a reason of its own.
const MOST_INDEX_MIB: i64 = 65_536;

/// What a node does with its blacklist.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BlacklistSettings {
    /// Where changes are kept.
    pub directory: PathBuf,
    /// The index beneath them, if there is one.
    pub index: Option<PathBuf>,
    /// The largest index that is read into memory, in bytes.
    pub max_index_bytes: u64,
    /// How numbers are written.
    pub plan: Plan,
    /// What happens to callers who withhold their number.
    pub anonymous: Action,
    /// What happens to callers whose number is none.
    pub malformed: Action,
    /// Where entries may send callers, as the dialplan writes it.
    pub places: Vec<String>,
    /// Most numbers changed over the index.
    pub max_changes: usize,
    /// Sound files for who is blocked with `busy`.
    pub say: Vec<String>,
    /// A sound file for the agent of a flagged caller, before the conversation; empty: none.
    pub whisper: String,
    /// Who hears music and no agent.
    pub tarpit: Tarpit,
    /// Rules that add entries by themselves.
    pub automatic: Vec<AutoRule>,
}

/// Who hears music and no agent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tarpit {
    /// For how long.
    pub lasting: Span,
    /// How many at once; further ones find the line busy.
    pub calls: usize,
    /// Music on hold class; empty: the channel's own.
    pub music: String,
}

/// A rule that adds entries by itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AutoRule {
    /// Its name; entries have the author `auto:NAME`.
    pub name: String,
    /// What is counted.
    pub counted: Counted,
    /// More than so many ...
    pub count: u32,
    /// ... within this.
    pub within: Span,
    /// What happens to the caller from then on ...
    pub action: Action,
    /// ... for so long.
    pub lasting: Span,
    /// How many callers are watched at once.
    pub watched: usize,
}

/// What a rule counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Counted {
    /// Calls.
    Calls,
    /// Callers who hang up so soon after joining.
    HangUps(Span),
}

pub(super) fn read(value: &Value<'_>) -> Read<BlacklistSettings> {
    let mut table = value.table()?;
    let mut settings = BlacklistSettings {
        directory: table.need("directory")?.filled()?.into(),
        index: None,
        max_index_bytes: 2_048 * MIB,
        plan: plan(&mut table, value)?,
        anonymous: Action::Allow,
        malformed: Action::Allow,
        places: Vec::new(),
        max_changes: 200_000,
        say: Vec::new(),
        whisper: String::new(),
        tarpit: Tarpit {
            lasting: Span::seconds(120),
            calls: 20,
            music: String::new(),
        },
        automatic: Vec::new(),
    };
    table.set("index", &mut settings.index, |value| {
        value.filled().map(|path| Some(path.into()))
    })?;
    table.set("max_index_mib", &mut settings.max_index_bytes, |value| {
        let mib = value.number(1..=MOST_INDEX_MIB)?;
        Ok(mib.unsigned_abs() * MIB)
    })?;
    table.set("places", &mut settings.places, places)?;
    let places = settings.places.clone();
    let action = |value: &Value<'_>| action(value, &places);
    table.set("anonymous", &mut settings.anonymous, action)?;
    table.set("malformed", &mut settings.malformed, action)?;
    table.set("max_changes", &mut settings.max_changes, |value| {
        let most = i64::try_from(MOST_CHANGES).unwrap_or(i64::MAX);
        value
            .number(1_000..=most)
            .map(|number| usize::try_from(number).unwrap_or(MOST_CHANGES))
    })?;
    table.set("say", &mut settings.say, sounds)?;
    table.set("whisper", &mut settings.whisper, Value::line)?;
    table.set("tarpit", &mut settings.tarpit, tarpit)?;
    let mut once = Once::new("automatic rule", MOST_RULES);
    for table in table.tables("automatic")? {
        settings.automatic.push(rule(table, &mut once, &places)?);
    }
    table.end()?;
    Ok(settings)
}

fn plan(table: &mut Table<'_>, value: &Value<'_>) -> Read<Plan> {
    let text = |table: &mut Table<'_>, key, otherwise: &str| match table.take(key) {
        Some(value) => value.line(),
        None => Ok(otherwise.to_owned()),
    };
    let country = text(table, "country", "86")?;
    let international = text(table, "international_prefix", "00")?;
    let trunk = text(table, "trunk_prefix", "0")?;
    let (mut shortest, mut longest) = (7u8, 11u8);
    table.set("shortest", &mut shortest, |value| value.number(2..=15))?;
    table.set("longest", &mut longest, |value| value.number(2..=15))?;
    Plan::new(&country, &international, &trunk, shortest.into(), longest.into())
        .map_err(|why| value.secret(format_args!("{}: {why}", value.key())))
}

fn places(value: &Value<'_>) -> Read<Vec<String>> {
    let place = |value: &Value<'_>| {
        let place = value.filled()?;
        let parts: Vec<&str> = place.split(',').collect();
        if place.len() > MAX_PLACE || parts.len() != 3 || parts.iter().any(|part| part.trim().is_empty()) {
            return Err(value.must_be("\"CONTEXT,EXTENSION,PRIORITY\""));
        }
        Ok(place)
    };
    value.one_or_more(MOST_PLACES)?.iter().map(place).collect()
}

fn action(value: &Value<'_>, places: &[String]) -> Read<Action> {
    let action = Action::parse(value.string()?).map_err(|_| value.must_be(ACTIONS))?;
    match &action {
        Action::Divert(place) if !places.contains(place) => {
            Err(value.wrong("leads to a place that is not among places"))
        }
        Action::Allow
        | Action::Flag
        | Action::Divert(_)
        | Action::Busy
        | Action::Release(_)
        | Action::Tarpit => Ok(action),
    }
}

fn sounds(value: &Value<'_>) -> Read<Vec<String>> {
    value
        .one_or_more(MOST_SOUNDS)?
        .iter()
        .map(Value::filled)
        .collect()
}

fn tarpit(value: &Value<'_>) -> Read<Tarpit> {
    let mut table = value.table()?;
    let mut tarpit = Tarpit {
        lasting: Span::seconds(120),
        calls: 20,
        music: String::new(),
    };
    table.set("seconds", &mut tarpit.lasting, Value::some_seconds)?;
    table.set("calls", &mut tarpit.calls, |value| {
        value
            .number(0..=10_000i64)
            .map(|calls| calls.unsigned_abs() as usize)
    })?;
    table.set("music", &mut tarpit.music, Value::line)?;
    table.end()?;
    Ok(tarpit)
}

fn rule(mut table: Table<'_>, once: &mut Once, places: &[String]) -> Read<AutoRule> {
    let name = table.need("name")?;
    let name = once.take(&name, name.name()?)?;
    let most = |value: &Value<'_>| value.number(1..=MAX_COUNT);
    let (counted, count) = match (table.take("calls_over"), table.take("hang_ups_over")) {
        (Some(calls), None) => (Counted::Calls, most(&calls)?),
        (None, Some(hang_ups)) => {
            let within = table.need("hung_up_within_seconds")?.some_seconds()?;
            (Counted::HangUps(within), most(&hang_ups)?)
        }
        (Some(other), Some(_)) => {
            return Err(other.secret("a rule has calls_over or hang_ups_over, not both"));
        }
        (None, None) => return Err(table.fault("calls_over or hang_ups_over is missing".to_owned())),
    };
    let mut rule = AutoRule {
        name,
        counted,
        count,
        within: table.need("within_seconds")?.some_seconds()?,
        action: Action::Flag,
        lasting: Span::seconds(86_400),
        watched: 65_536,
    };
    table.set("action", &mut rule.action, |value| match action(value, places)? {
        Action::Allow => Err(value.must_be(ACTIONS.trim_start_matches("allow, "))),
        action => Ok(action),
    })?;
    table.set("lasting_seconds", &mut rule.lasting, Value::some_seconds)?;
    table.set("watched", &mut rule.watched, |value| {
        let most = i64::try_from(MAX_WATCHED).unwrap_or(i64::MAX);
        value
            .number(1_000..=most)
            .map(|number| usize::try_from(number).unwrap_or(MAX_WATCHED))
    })?;
    table.end()?;
    Ok(rule)
}
