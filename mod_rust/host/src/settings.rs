//! The settings file: TOML in, an engine's [`Config`] and the host's own settings out. A bad file is refused whole,
//! naming line and key.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use hotline_engine::Span;
use hotline_engine::config::{Agent, Config, Limits, Membership, Misses, Queue, Strategy, Tier};
use serde::Deserialize;
use toml::Spanned;

use crate::pin::Pin;

/// A settings file, read and checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The node's name.
    pub node: String,
    /// Where the control socket listens.
    pub socket: PathBuf,
    /// Access rights of the control socket, as `chmod` takes them.
    pub socket_mode: u32,
    /// Most events kept for a supervisor that is away.
    pub max_events: usize,
    /// Where the journal of inputs is written, if anywhere.
    pub journal: Option<PathBuf>,
    /// PINs by agent number.
    pub pins: BTreeMap<String, Pin>,
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
    let text = std::fs::read_to_string(path).map_err(|error| SettingsError {
        file: path.to_owned(),
        line: None,
        message: format!("cannot be read: {error}"),
    })?;
    parse(&text).map_err(|Fault { span, message }| SettingsError {
        file: path.to_owned(),
        line: span.map(|span| line_of(&text, span.start)),
        message,
    })
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

struct Fault {
    span: Option<Range<usize>>,
    message: String,
}

impl Fault {
    fn at<T>(place: &Spanned<T>, message: String) -> Fault {
        Fault {
            span: Some(place.span()),
            message,
        }
    }
}

fn parse(text: &str) -> Result<Settings, Fault> {
    let file: File = toml::from_str(text).map_err(|error| Fault {
        span: error.span(),
        message: error.message().to_owned(),
    })?;
    file.check()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    node: Spanned<String>,
    #[serde(default)]
    control: ControlTable,
    journal: Option<JournalTable>,
    #[serde(default)]
    limits: LimitsTable,
    #[serde(default)]
    misses: MissesTable,
    #[serde(default, rename = "tier")]
    tiers: Vec<TierTable>,
    #[serde(default, rename = "queue")]
    queues: Vec<QueueTable>,
    #[serde(default, rename = "agent")]
    agents: Vec<AgentTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ControlTable {
    socket: Option<PathBuf>,
    mode: Spanned<String>,
    max_events: Spanned<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JournalTable {
    directory: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LimitsTable {
    calls: Spanned<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct MissesTable {
    no_answer_seconds: Spanned<f64>,
    rejected_seconds: Spanned<f64>,
    busy_seconds: Spanned<f64>,
    unreachable_seconds: Spanned<f64>,
    not_ready_after: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TierTable {
    name: Spanned<String>,
    #[serde(default = "nothing")]
    handicap_seconds: Spanned<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QueueTable {
    name: Spanned<String>,
    #[serde(default)]
    strategy: StrategyName,
    #[serde(default = "nothing")]
    handicap_seconds: Spanned<f64>,
    #[serde(default = "default_max_waiting")]
    max_waiting: u32,
    max_wait_seconds: Option<Spanned<f64>>,
    #[serde(default)]
    needs_agents: bool,
    #[serde(default = "default_ring")]
    ring_seconds: Spanned<f64>,
    #[serde(default = "nothing")]
    wrap_up_seconds: Spanned<f64>,
    #[serde(default = "default_service_level")]
    service_level_seconds: Spanned<f64>,
    #[serde(default = "default_ring_all_max")]
    ring_all_max: Spanned<u32>,
    #[serde(default)]
    music: String,
    #[serde(default = "default_music_after")]
    music_after_seconds: Spanned<f64>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
enum StrategyName {
    #[default]
    LongestIdle,
    RingAll,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AgentTable {
    number: Spanned<String>,
    #[serde(default)]
    name: String,
    #[serde(default = "empty")]
    phone: Spanned<String>,
    #[serde(default)]
    pin: Option<Spanned<PinText>>,
    #[serde(default)]
    always_signed_in: bool,
    #[serde(default)]
    queues: Vec<Spanned<String>>,
}

/// A PIN as it stands in the file. What is wrong with one is said without showing it.
struct PinText(String);

impl<'de> Deserialize<'de> for PinText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<PinText, D::Error> {
        String::deserialize(deserializer)
            .map(PinText)
            .map_err(|_| serde::de::Error::custom("pin must be text in quotes"))
    }
}

impl Default for ControlTable {
    fn default() -> Self {
        ControlTable {
            socket: None,
            mode: plain("0660".to_owned()),
            max_events: plain(200_000),
        }
    }
}

impl Default for LimitsTable {
    fn default() -> Self {
        LimitsTable { calls: plain(50_000) }
    }
}

impl Default for MissesTable {
    fn default() -> Self {
        MissesTable {
            no_answer_seconds: plain(10.0),
            rejected_seconds: plain(10.0),
            busy_seconds: plain(5.0),
            unreachable_seconds: plain(30.0),
            not_ready_after: 3,
        }
    }
}

fn plain<T>(value: T) -> Spanned<T> {
    Spanned::new(0..0, value)
}

fn empty() -> Spanned<String> {
    plain(String::new())
}

fn nothing() -> Spanned<f64> {
    plain(0.0)
}

fn default_max_waiting() -> u32 {
    1_000
}

fn default_ring() -> Spanned<f64> {
    plain(20.0)
}

fn default_music_after() -> Spanned<f64> {
    plain(1.0)
}

fn default_service_level() -> Spanned<f64> {
    plain(20.0)
}

fn default_ring_all_max() -> Spanned<u32> {
    plain(20)
}

/// Most tiers of a node.
const MOST_TIERS: usize = 255;
/// Most queues of a node.
const MOST_QUEUES: usize = 10_000;
/// Most agents of a node.
const MOST_AGENTS: usize = 20_000;
/// Most phones that one caller rings at once: each has its share of the caller's thread and its stack.
const MOST_AT_ONCE: u32 = 100;
/// Most memberships of all agents together: the whole floor must fit into one line of the control protocol.
const MOST_PLACES: usize = 400_000;
/// Most queues that one agent serves.
const MOST_MEMBERSHIPS: usize = 1_000;
/// The longest free text, in bytes: a display name, a dial string, a music class.
const LONGEST_TEXT: usize = 256;
/// The longest time a setting may give: a week.
const LONGEST: f64 = 7.0 * 86_400.0;
/// The longest name or number, in bytes.
const LONGEST_NAME: usize = 64;

fn span(key: &str, seconds: &Spanned<f64>) -> Result<Span, Fault> {
    let value = *seconds.get_ref();
    if (0.0..=LONGEST).contains(&value) {
        // In range by the line above, so the conversion cannot overflow.
        Ok(Span((value * 1_000_000.0).round() as u64))
    } else {
        Err(Fault::at(
            seconds,
            format!("{key} = {value} must lie between 0 and {LONGEST} seconds"),
        ))
    }
}

fn positive(key: &str, seconds: &Spanned<f64>) -> Result<Span, Fault> {
    match span(key, seconds)? {
        Span::ZERO => Err(Fault::at(seconds, format!("{key} must be more than 0"))),
        span => Ok(span),
    }
}

/// A name that fits into a file name, a label, an object path and a dialplan argument.
fn name(key: &str, value: &Spanned<String>) -> Result<String, Fault> {
    let text = value.get_ref();
    let good = !text.is_empty()
        && text.len() <= LONGEST_NAME
        && text
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
    if good {
        Ok(text.clone())
    } else {
        let rule = format!("letters, digits, '_', '-' and '.', 1 to {LONGEST_NAME} bytes");
        Err(Fault::at(
            value,
            format!("{key} = {text:?} is not a name: {rule}"),
        ))
    }
}

fn at_most(most: usize, what: &str, list: &[Spanned<String>]) -> Result<(), Fault> {
    match list.get(most) {
        Some(first_too_many) => Err(Fault::at(
            first_too_many,
            format!("there are more than {most} {what}"),
        )),
        None => Ok(()),
    }
}

fn short(key: &str, place: &Spanned<String>, text: &str) -> Result<String, Fault> {
    if text.len() > LONGEST_TEXT {
        return Err(Fault::at(
            place,
            format!("{key} is longer than {LONGEST_TEXT} bytes"),
        ));
    }
    Ok(text.to_owned())
}

/// Remembers names and refuses one that comes twice, or one too many.
struct Once<'a> {
    what: &'static str,
    most: usize,
    seen: BTreeSet<&'a str>,
}

impl<'a> Once<'a> {
    fn new(what: &'static str, most: usize) -> Once<'a> {
        Once {
            what,
            most,
            seen: BTreeSet::new(),
        }
    }

    fn take(&mut self, value: &'a Spanned<String>) -> Result<(), Fault> {
        if !self.seen.insert(value.get_ref()) {
            return Err(Fault::at(
                value,
                format!("{} {:?} is there twice", self.what, value.get_ref()),
            ));
        }
        if self.seen.len() > self.most {
            return Err(Fault::at(
                value,
                format!("there are more than {} {}s", self.most, self.what),
            ));
        }
        Ok(())
    }
}

impl File {
    fn check(self) -> Result<Settings, Fault> {
        let node = name("node", &self.node)?;
        let mode = self.control.mode.get_ref();
        let socket_mode = u32::from_str_radix(mode, 8)
            .ok()
            .filter(|mode| *mode <= 0o777)
            .ok_or_else(|| {
                Fault::at(
                    &self.control.mode,
                    format!("mode = {mode:?} is not an octal mode like \"0660\""),
                )
            })?;
        let max_events = *self.control.max_events.get_ref();
        if !(1_000..=10_000_000).contains(&max_events) {
            let message = format!("max_events = {max_events} must lie between 1000 and 10000000");
            return Err(Fault::at(&self.control.max_events, message));
        }
        let calls = *self.limits.calls.get_ref();
        if calls == 0 {
            return Err(Fault::at(
                &self.limits.calls,
                "calls must be more than 0".to_owned(),
            ));
        }
        let mut pins = BTreeMap::new();
        for agent in &self.agents {
            if let Some(pin) = &agent.pin {
                let parsed =
                    Pin::parse(&pin.get_ref().0).map_err(|why| Fault::at(pin, format!("pin {why}")))?;
                pins.insert(agent.number.get_ref().clone(), parsed);
            }
        }
        Ok(Settings {
            socket: self
                .control
                .socket
                .clone()
                .unwrap_or_else(|| format!("/run/hotline/{node}.sock").into()),
            socket_mode,
            max_events,
            journal: self.journal.as_ref().map(|journal| journal.directory.clone()),
            pins,
            config: Config {
                tiers: self.tiers()?,
                queues: self.queues()?,
                agents: self.agents()?,
                misses: self.misses.check()?,
                limits: Limits { calls },
            },
            node,
        })
    }

    fn tiers(&self) -> Result<Vec<Tier>, Fault> {
        let mut once = Once::new("tier", MOST_TIERS);
        let mut tiers = Vec::new();
        for tier in &self.tiers {
            once.take(&tier.name)?;
            let handicap = span("handicap_seconds", &tier.handicap_seconds)?;
            tiers.push(Tier {
                name: name("tier name", &tier.name)?,
                handicap,
            });
        }
        if tiers.is_empty() {
            tiers.push(Tier {
                name: "standard".to_owned(),
                handicap: Span::ZERO,
            });
        }
        Ok(tiers)
    }

    fn queues(&self) -> Result<Vec<Queue>, Fault> {
        let mut once = Once::new("queue", MOST_QUEUES);
        self.queues
            .iter()
            .map(|queue| {
                once.take(&queue.name)?;
                if !(1..=MOST_AT_ONCE).contains(queue.ring_all_max.get_ref()) {
                    return Err(Fault::at(
                        &queue.ring_all_max,
                        format!("ring_all_max must lie between 1 and {MOST_AT_ONCE}"),
                    ));
                }
                Ok(Queue {
                    name: name("queue name", &queue.name)?,
                    strategy: match queue.strategy {
                        StrategyName::LongestIdle => Strategy::LongestIdle,
                        StrategyName::RingAll => Strategy::RingAll,
                    },
                    handicap: span("handicap_seconds", &queue.handicap_seconds)?,
                    max_waiting: queue.max_waiting,
                    max_wait: queue
                        .max_wait_seconds
                        .as_ref()
                        .map(|wait| positive("max_wait_seconds", wait))
                        .transpose()?,
                    needs_agents: queue.needs_agents,
                    ring_time: positive("ring_seconds", &queue.ring_seconds)?,
                    wrap_up: span("wrap_up_seconds", &queue.wrap_up_seconds)?,
                    service_target: span("service_level_seconds", &queue.service_level_seconds)?,
                    ring_all_max: *queue.ring_all_max.get_ref(),
                    music: short("music", &queue.name, &queue.music)?,
                    music_after: span("music_after_seconds", &queue.music_after_seconds)?,
                })
            })
            .collect()
    }

    fn agents(&self) -> Result<Vec<Agent>, Fault> {
        let known: Vec<&str> = self
            .queues
            .iter()
            .map(|queue| queue.name.get_ref().as_str())
            .collect();
        let known: BTreeSet<&str> = known.into_iter().collect();
        let mut once = Once::new("agent", MOST_AGENTS);
        let mut places = 0;
        self.agents
            .iter()
            .map(|agent| {
                once.take(&agent.number)?;
                places += agent.queues.len();
                if places > MOST_PLACES {
                    let message = format!("the agents have more than {MOST_PLACES} queues together");
                    return Err(Fault::at(&agent.number, message));
                }
                if agent.always_signed_in && agent.phone.get_ref().is_empty() {
                    let message = "always_signed_in needs a phone".to_owned();
                    return Err(Fault::at(&agent.number, message));
                }
                if agent
                    .phone
                    .get_ref()
                    .chars()
                    .any(|c| c.is_control() || matches!(c, ',' | '&'))
                {
                    let message = format!("phone = {:?} is not one dial string", agent.phone.get_ref());
                    return Err(Fault::at(&agent.phone, message));
                }
                Ok(Agent {
                    number: name("agent number", &agent.number)?,
                    name: short("name", &agent.number, &agent.name)?,
                    phone: short("phone", &agent.phone, agent.phone.get_ref())?,
                    queues: memberships(&agent.queues, &known)?,
                    always_signed_in: agent.always_signed_in,
                })
            })
            .collect()
    }
}

/// `"support"`, or `"support:2"` with a skill level.
fn memberships(entries: &[Spanned<String>], known: &BTreeSet<&str>) -> Result<Vec<Membership>, Fault> {
    at_most(MOST_MEMBERSHIPS, "queues for one agent", entries)?;
    let mut seen = BTreeSet::new();
    let mut memberships = Vec::new();
    for entry in entries {
        let (queue, level) = entry.get_ref().split_once(':').unwrap_or((entry.get_ref(), "1"));
        let level: u8 = level.parse().ok().filter(|level| *level > 0).ok_or_else(|| {
            Fault::at(
                entry,
                format!("queues: level {level:?} of {queue:?} must be a number from 1 to 255"),
            )
        })?;
        if !known.contains(queue) {
            return Err(Fault::at(entry, format!("queues: there is no queue {queue:?}")));
        }
        if !seen.insert(queue) {
            return Err(Fault::at(entry, format!("queues: {queue:?} is there twice")));
        }
        memberships.push(Membership {
            queue: queue.to_owned(),
            level,
        });
    }
    Ok(memberships)
}

impl MissesTable {
    fn check(&self) -> Result<Misses, Fault> {
        Ok(Misses {
            no_answer: span("no_answer_seconds", &self.no_answer_seconds)?,
            rejected: span("rejected_seconds", &self.rejected_seconds)?,
            busy: span("busy_seconds", &self.busy_seconds)?,
            unreachable: span("unreachable_seconds", &self.unreachable_seconds)?,
            not_ready_after: self.not_ready_after,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
node = "pbx1"

[[tier]]
name = "bronze"
[[tier]]
name = "gold"
handicap_seconds = 120

[[queue]]
name = "support"
strategy = "ring-all"
wrap_up_seconds = 1.5

[[agent]]
number = "1001"
phone = "PJSIP/a1001"
queues = ["support:2"]
"#;

    fn refusal(text: &str) -> String {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let error = load(file.path()).unwrap_err().to_string();
        error.replace(&file.path().display().to_string(), "FILE")
    }

    #[test]
    fn a_good_file_is_read_with_its_defaults() {
        let settings = parse(GOOD).map_err(|fault| fault.message).unwrap();
        assert_eq!(settings.socket, Path::new("/run/hotline/pbx1.sock"));
        assert_eq!(settings.config.tiers[1].handicap, Span::seconds(120));
        assert_eq!(settings.config.queues[0].strategy, Strategy::RingAll);
        assert_eq!(settings.config.queues[0].wrap_up, Span::millis(1_500));
        assert_eq!(settings.config.queues[0].ring_time, Span::seconds(20));
        assert_eq!(settings.config.agents[0].queues[0].level, 2);
    }

    #[test]
    fn the_shipped_file_is_good_also_with_every_comment_taken_up() {
        let shipped = include_str!("../../../packaging/hotline.toml");
        assert_eq!(
            parse(shipped).map_err(|fault| fault.message).unwrap().node,
            "pbx1"
        );
        let taken_up: String = shipped
            .lines()
            .map(|line| {
                let setting = line
                    .strip_prefix('#')
                    .filter(|rest| rest.starts_with(|c: char| c.is_alphabetic() || c == '['));
                format!("{}\n", setting.unwrap_or(line))
            })
            .collect();
        assert!(taken_up.contains("\npin = "), "{taken_up}");
        parse(&taken_up).map_err(|fault| fault.message).unwrap();
    }

    #[test]
    fn a_bad_file_is_refused_with_line_and_key() {
        assert_eq!(
            refusal(&GOOD.replace("wrap_up_seconds", "wrapup_seconds"))
                .split(", expected")
                .next()
                .unwrap(),
            "FILE:13: unknown field `wrapup_seconds`"
        );
        assert_eq!(
            refusal(&GOOD.replace("support:2", "sales")),
            "FILE:18: queues: there is no queue \"sales\""
        );
        assert_eq!(
            refusal(&GOOD.replace("support:2", "support:0")),
            "FILE:18: queues: level \"0\" of \"support\" must be a number from 1 to 255"
        );
        assert_eq!(
            refusal(&GOOD.replace("= 1.5", "= -1")),
            "FILE:13: wrap_up_seconds = -1 must lie between 0 and 604800 seconds"
        );
        assert_eq!(
            refusal(&GOOD.replace("bronze", "gold")),
            "FILE:7: tier \"gold\" is there twice"
        );
        assert_eq!(
            refusal("node = \"a b\""),
            "FILE:1: node = \"a b\" is not a name: letters, digits, '_', '-' and '.', 1 to 64 bytes"
        );
        assert_eq!(refusal(""), "FILE:1: missing field `node`");
        assert!(refusal("node = ").starts_with("FILE:1: "));
    }
}
