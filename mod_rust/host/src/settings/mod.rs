//! The settings file: TOML in, an engine's [`Config`] and the host's own settings out. A bad file is refused whole,
//! naming line and key.

mod agent;
mod blacklist;
mod disposition;
mod greeting;
mod hold;
mod ivr;
mod policy;
mod queue;
mod reader;
mod recording;
mod spool;
mod supervisor;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use hotline_engine::Span;
use hotline_engine::config::{Config, Limits, Misses, Supervision, Tier};
use toml::de::DeTable;

use crate::pin::Pin;
pub use blacklist::{AutoRule, BlacklistSettings, Counted, Tarpit};
pub use recording::RecordingSettings;
pub use spool::SpoolSettings;

use greeting::sound;
use reader::{Fault, Once, Read, Table, Value};

/// A settings file, read and checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The node's name.
    pub node: String,
    /// Where the control socket listens.
    pub socket: PathBuf,
    /// Access rights of the control socket, as `chmod` takes them.
    pub socket_mode: u32,
    /// Most events kept in memory for a supervisor that is away.
    pub max_events: usize,
    /// Where more of them are kept, over restarts of the PBX, if anywhere.
    pub spool: Option<SpoolSettings>,
    /// Where locks and live changes are kept over a restart, if anywhere.
    pub state: Option<PathBuf>,
    /// Whether who is signed in is kept there too.
    pub sign_ins: bool,
    /// Where the journal of inputs is written, if anywhere.
    pub journal: Option<PathBuf>,
    /// The blacklist, if there is one.
    pub blacklist: Option<BlacklistSettings>,
    /// Where conversations are recorded, if anywhere.
    pub recording: Option<RecordingSettings>,
    /// PINs by agent number.
    pub pins: BTreeMap<String, Pin>,
    /// PINs by supervisor number.
    pub supervisor_pins: BTreeMap<String, Pin>,
    /// What the engine gets.
    pub config: Config,
}

/// Why a settings file was refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SettingsError {
    file: PathBuf,
    line: Option<usize>,
    message: String,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for SettingsError {}

/// Reads and checks a settings file.
///
/// # Errors
/// The first thing that is wrong, with file, line and key.
pub fn load(path: &Path) -> Result<Settings, SettingsError> {
    let whole = |message| SettingsError {
        file: path.to_owned(),
        line: None,
        message,
    };
    let unreadable = |error| whole(format!("cannot be read: {error}"));
    // A pipe would be waited for, and a device has no end.
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(whole("is no regular file".to_owned()));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    parse(&text).map_err(|Fault { place, message }| SettingsError {
        file: path.to_owned(),
        line: place.map(|place| line_of(&text, place.start)),
        message,
    })
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// Most tiers of a node.
const MOST_TIERS: usize = 255;
/// Most queues of a node.
const MOST_QUEUES: usize = 10_000;
/// Most agents of a node.
const MOST_AGENTS: usize = 20_000;
/// Most menus of a node.
const MOST_MENUS: usize = 1_000;
/// Most reasons of not ready that have limits.
const MOST_REASONS: usize = 1_000;
/// Most calls of a node.
const MOST_CALLS: u32 = 1_000_000;
/// Most caller numbers that are remembered.
const MOST_REMEMBERED: u32 = 10_000_000;
/// Most decisions that are kept: some hundred bytes each, and whoever asks why has them all looked at.
const MOST_DECISIONS: u32 = 262_144;

/// What settings may refer to.
struct Names {
    queues: BTreeSet<String>,
    tiers: BTreeSet<String>,
    menus: BTreeSet<String>,
    /// Whether there is a folder for recordings.
    recordings: bool,
}

impl Names {
    /// `name` as a queue's; `value` is where it stands.
    fn queue(&self, value: &Value<'_>, name: &str) -> Read<String> {
        known(&self.queues, "queue", value, name)
    }

    fn tier(&self, value: &Value<'_>, name: &str) -> Read<String> {
        known(&self.tiers, "tier", value, name)
    }

    fn menu(&self, value: &Value<'_>, name: &str) -> Read<String> {
        known(&self.menus, "menu", value, name)
    }
}

fn known(names: &BTreeSet<String>, what: &str, value: &Value<'_>, name: &str) -> Read<String> {
    names
        .get(name)
        .cloned()
        .ok_or_else(|| value.secret(format_args!("{}: there is no {what} {name:?}", value.key())))
}

/// A table that has a name, and the name.
type Named<'t> = (String, Table<'t>);

fn parse(text: &str) -> Read<Settings> {
    let document = DeTable::parse(text).map_err(|error| Fault {
        place: error.span(),
        message: error.message().to_owned(),
    })?;
    let mut file = Table::document(text, &document);
    let mut settings = host_settings(&mut file)?;

    let mut tiers = tiers(&mut file)?;
    if tiers.is_empty() {
        tiers.push(Tier {
            name: "standard".to_owned(),
            handicap: Span::ZERO,
            spoken: String::new(),
        });
    }
    let queues = named(&mut file, "queue", MOST_QUEUES)?;
    let menus = named(&mut file, "menu", MOST_MENUS)?;
    let of = |tables: &[Named<'_>]| tables.iter().map(|(name, _)| name.clone()).collect();
    let names = Names {
        queues: of(&queues),
        tiers: tiers.iter().map(|tier| tier.name.clone()).collect(),
        menus: of(&menus),
        recordings: settings.recording.is_some(),
    };
    let config = &mut settings.config;
    config.tiers = tiers;
    for (name, table) in queues {
        config.queues.push(queue::read(name, table, &names)?);
    }
    let callbacks = config.queues.iter().any(|queue| queue.callback.max > 0);
    for (name, table) in menus {
        config.menus.push(policy::menu(name, table, &names, callbacks)?);
    }
    let mut once = Once::new("reason", MOST_REASONS);
    for mut table in file.tables("reason")? {
        let value = table.need("name")?;
        let name = once.take(&value, value.filled()?)?;
        config.reasons.push(policy::reason(name, table)?);
    }
    config.dispositions = disposition::read_all(&mut file, &names)?;
    config.ivrs = ivr::ivrs(&mut file)?;
    let (agents, pins) = agent::read_all(&mut file, &names)?;
    settings.config.agents = agents;
    settings.pins = pins;
    let (supervisors, pins) = supervisor::read_all(&mut file)?;
    settings.config.supervisors = supervisors;
    settings.supervisor_pins = pins;
    settings.config.supervision = supervisor::supervision(&mut file)?;
    file.end()?;
    settings.config.check().map_err(|error| Fault {
        place: None,
        message: error.to_string(),
    })?;
    Ok(settings)
}

/// All but what has a name.
fn host_settings(file: &mut Table<'_>) -> Read<Settings> {
    let node = file.need("node")?.name()?;
    let mut settings = Settings {
        socket: format!("/run/hotline/{node}.sock").into(),
        node,
        socket_mode: 0o660,
        max_events: 200_000,
        spool: None,
        state: None,
        sign_ins: true,
        journal: None,
        blacklist: None,
        recording: None,
        pins: BTreeMap::new(),
        supervisor_pins: BTreeMap::new(),
        config: Config {
            tiers: Vec::new(),
            queues: Vec::new(),
            agents: Vec::new(),
            menus: Vec::new(),
            reasons: Vec::new(),
            dispositions: Vec::new(),
            ivrs: Vec::new(),
            misses: Misses {
                no_answer: Span::seconds(10),
                rejected: Span::seconds(10),
                busy: Span::seconds(5),
                unreachable: Span::seconds(30),
                not_ready_after: 3,
            },
            supervisors: Vec::new(),
            supervision: Supervision::default(),
            limits: Limits {
                calls: 50_000,
                remembered: 100_000,
                decisions: 65_536,
            },
        },
    };
    if let Some(value) = file.take("control") {
        let mut control = value.table()?;
        control.set("socket", &mut settings.socket, |value| {
            value.filled().map(PathBuf::from)
        })?;
        control.set("mode", &mut settings.socket_mode, octal_mode)?;
        control.set("max_events", &mut settings.max_events, |value| {
            value.number(1_000..=10_000_000)
        })?;
        control.end()?;
    }
    if let Some(value) = file.take("state") {
        let mut state = value.table()?;
        settings.state = Some(state.need("directory")?.filled()?.into());
        state.set("sign_ins", &mut settings.sign_ins, Value::flag)?;
        state.end()?;
    }
    settings.spool = spool::read(file.take("spool"), settings.state.as_deref())?;
    if let Some(value) = file.take("journal") {
        let mut journal = value.table()?;
        settings.journal = Some(journal.need("directory")?.filled()?.into());
        journal.end()?;
    }
    if let Some(value) = file.take("blacklist") {
        settings.blacklist = Some(blacklist::read(&value)?);
    }
    if let Some(value) = file.take("recording") {
        settings.recording = Some(recording::read(&value)?);
    }
    if let Some(value) = file.take("limits") {
        let mut table = value.table()?;
        let limits = &mut settings.config.limits;
        table.set("calls", &mut limits.calls, |value| value.number(1..=MOST_CALLS))?;
        table.set("remembered_callers", &mut limits.remembered, |value| {
            value.number(0..=MOST_REMEMBERED)
        })?;
        table.set("decisions", &mut limits.decisions, |value| {
            value.number(0..=MOST_DECISIONS)
        })?;
        table.end()?;
    }
    if let Some(value) = file.take("misses") {
        let mut table = value.table()?;
        let misses = &mut settings.config.misses;
        table.set("no_answer_seconds", &mut misses.no_answer, Value::seconds)?;
        table.set("rejected_seconds", &mut misses.rejected, Value::seconds)?;
        table.set("busy_seconds", &mut misses.busy, Value::seconds)?;
        table.set("unreachable_seconds", &mut misses.unreachable, Value::seconds)?;
        table.set("not_ready_after", &mut misses.not_ready_after, |value| {
            value.number(0..=u32::MAX)
        })?;
        table.end()?;
    }
    Ok(settings)
}

fn octal_mode(value: &Value<'_>) -> Read<u32> {
    u32::from_str_radix(value.string()?, 8)
        .ok()
        .filter(|mode| *mode <= 0o777)
        .ok_or_else(|| value.must_be("an octal mode like \"0660\""))
}

fn tiers(file: &mut Table<'_>) -> Read<Vec<Tier>> {
    let tables = named(file, "tier", MOST_TIERS)?;
    tables
        .into_iter()
        .map(|(name, mut table)| {
            let mut tier = Tier {
                name,
                handicap: Span::ZERO,
                spoken: String::new(),
            };
            table.set("handicap_seconds", &mut tier.handicap, Value::seconds)?;
            table.set("spoken", &mut tier.spoken, sound)?;
            table.end()?;
            Ok(tier)
        })
        .collect()
}

/// The tables `[[what]]` and their names, each of which is there once.
fn named<'t>(file: &mut Table<'t>, what: &'static str, most: usize) -> Read<Vec<Named<'t>>> {
    let mut once = Once::new(what, most);
    file.tables(what)?
        .into_iter()
        .map(|mut table| {
            let value = table.need("name")?;
            let name = once.take(&value, value.name()?)?;
            Ok((name, table))
        })
        .collect()
}

#[cfg(test)]
mod tests;
