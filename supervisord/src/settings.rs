//! The daemon's settings: one TOML file, refused whole if anything in it is wrong.

mod access;
mod alarms;
mod store;

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::de::{DeTable, DeValue};

pub use access::{
    AuthoritySettings, HookEvent, HttpSettings, Numbers, PhonePattern, Probes, TeamSettings, UnixSettings,
    WebhookSettings, unknown_team,
};
pub use alarms::AlarmSettings;
pub use store::{NumberSettings, ReportSettings, StoreSettings};

/// Longest settings file; a thousand nodes need less.
const MAX_FILE: u64 = 1 << 20;
/// Longest path of a Unix socket.
const MAX_SOCKET: usize = 107;

/// `supervisord.toml`.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The nodes to follow, at least one.
    pub node: Vec<NodeSettings>,
    /// Metrics, health and the API.
    #[serde(default)]
    pub http: HttpSettings,
    /// Supervision over D-Bus.
    #[serde(default)]
    pub dbus: DbusSettings,
    /// The event store.
    #[serde(default)]
    pub store: StoreSettings,
    /// What `/metrics` shows.
    #[serde(default)]
    pub metrics: MetricsSettings,
    /// What the policy leaves to the settings.
    #[serde(default)]
    pub authority: AuthoritySettings,
    /// Queues and agents that belong together.
    #[serde(default)]
    pub team: Vec<TeamSettings>,
    /// What users of this machine are on D-Bus.
    #[serde(default)]
    pub unix: Vec<UnixSettings>,
    /// Where what happens is posted.
    #[serde(default)]
    pub webhook: Vec<WebhookSettings>,
    /// What somebody is to be told of.
    #[serde(default)]
    pub alarm: Vec<AlarmSettings>,
    /// How reports are made.
    #[serde(default)]
    pub reports: ReportSettings,
}

/// `[[node]]`
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeSettings {
    /// The node's control socket.
    pub socket: PathBuf,
}

impl NodeSettings {
    /// What the node is called until it says its name: sockets are named `NODE.sock`.
    pub fn provisional_name(&self) -> String {
        self.socket
            .file_stem()
            .map_or_else(String::new, |stem| stem.to_string_lossy().into_owned())
    }
}

/// `[dbus]`
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DbusSettings {
    /// Which bus.
    pub bus: Bus,
    /// Who decides what a caller may do.
    pub authority: Decider,
    /// Whose members may do what, where groups decide.
    pub groups: Groups,
}

/// Who decides what a caller may do. Root may do everything.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decider {
    /// polkit; where there is none on the bus, groups.
    #[default]
    Auto,
    /// polkit; where there is none, nobody is allowed anything.
    Polkit,
    /// The groups of the caller's process.
    Groups,
}

/// `[dbus.groups]`: Unix groups by role. Each role may do what those before it may.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Groups {
    /// See calls and decisions.
    pub viewer: Vec<String>,
    /// And listen.
    pub inspector: Vec<String>,
    /// And act on agents, calls, queues and the blacklist.
    pub supervisor: Vec<String>,
    /// And write files on the PBX's machine.
    pub administrator: Vec<String>,
}

impl Default for Groups {
    fn default() -> Groups {
        Groups {
            viewer: Vec::new(),
            inspector: Vec::new(),
            supervisor: vec!["hotline-supervisors".into()],
            administrator: Vec::new(),
        }
    }
}

/// A message bus.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(try_from = "String")]
pub enum Bus {
    /// The system's.
    #[default]
    System,
    /// The session's.
    Session,
    /// The one at a D-Bus address.
    Address(String),
    /// None.
    Off,
}

impl std::str::FromStr for Bus {
    type Err = String;

    fn from_str(text: &str) -> Result<Bus, String> {
        match text {
            "system" => Ok(Bus::System),
            "session" => Ok(Bus::Session),
            "off" => Ok(Bus::Off),
            address if address.contains(':') => Ok(Bus::Address(address.to_owned())),
            other => Err(format!(
                "{other:?} is no bus; give \"system\", \"session\", \"off\" or an address such as \"unix:path=/run/bus\""
            )),
        }
    }
}

impl TryFrom<String> for Bus {
    type Error = String;

    fn try_from(text: String) -> Result<Bus, String> {
        text.parse()
    }
}

impl fmt::Display for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bus::System => f.write_str("system"),
            Bus::Session => f.write_str("session"),
            Bus::Address(address) => f.write_str(address),
            Bus::Off => f.write_str("off"),
        }
    }
}

/// `[metrics]`
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MetricsSettings {
    /// Most series shown; queues beyond are left out whole and counted in `hotline_series_dropped_total`.
    pub max_series: usize,
}

impl Default for MetricsSettings {
    fn default() -> Self {
        MetricsSettings { max_series: 200_000 }
    }
}

/// Why settings were refused.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("cannot read the settings {path}: {cause}")]
    Read {
        /// Which file.
        path: String,
        /// Why.
        cause: std::io::Error,
    },
    /// Something in it is wrong.
    #[error("{path}:{line}: {message}")]
    Wrong {
        /// Which file.
        path: String,
        /// Which line, from 1.
        line: usize,
        /// The key, what is wrong with it and what would be right.
        message: String,
    },
}

impl Settings {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// If it cannot be read, or anything in it is unknown or out of range.
    pub fn read(path: &Path) -> Result<Settings, SettingsError> {
        let read = || {
            let mut text = String::new();
            let size = File::open(path)?.take(MAX_FILE + 1).read_to_string(&mut text)?;
            if size as u64 > MAX_FILE {
                return Err(io::Error::other(format!("it is larger than {MAX_FILE} bytes")));
            }
            Ok(text)
        };
        let text = read().map_err(|cause| SettingsError::Read {
            path: path.display().to_string(),
            cause,
        })?;
        Settings::parse(path, &text)
    }

    fn parse(path: &Path, text: &str) -> Result<Settings, SettingsError> {
        let wrong = |line: usize, message: String| SettingsError::Wrong {
            path: path.display().to_string(),
            line,
            message,
        };
        let settings: Settings = toml::from_str(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start.min(text.len()));
            let line = text[..start].matches('\n').count() + 1;
            let key = key_at(text, start).map_or_else(String::new, |key| format!("{key}: "));
            wrong(line, format!("{key}{}", error.message()))
        })?;
        settings.check().map_err(|Fault { key, nth, message }| {
            let line = line_of(text, key, nth).unwrap_or(1);
            wrong(line, format!("{key}: {message}"))
        })?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), Fault> {
        let fault = |key, nth, message: String| Err(Fault { key, nth, message });
        if self.node.is_empty() {
            let message = "no node to follow; add a [[node]] with its socket";
            return fault("node", 0, message.into());
        }
        for (i, node) in self.node.iter().enumerate() {
            let socket = node.socket.display();
            if !is_usable(&node.socket) {
                return fault("node.socket", i, format!("{socket:?} is not an absolute path"));
            }
            if node.socket.as_os_str().len() > MAX_SOCKET {
                let message =
                    format!("{socket} is longer than {MAX_SOCKET} bytes, which no socket's path can be");
                return fault("node.socket", i, message);
            }
            if self.node[..i].contains(node) {
                return fault("node.socket", i, format!("{socket} is given twice"));
            }
        }
        let range = |key, value: u64, low: u64, high: u64| {
            if (low..=high).contains(&value) {
                Ok(())
            } else {
                fault(key, 0, format!("{value} is out of range, {low} to {high}"))
            }
        };
        self.store.check()?;
        self.reports.check()?;
        self.http.check()?;
        access::check_teams(&self.team, &self.unix)?;
        access::check_webhooks(&self.webhook, &self.team)?;
        alarms::check(&self.alarm)?;
        range(
            "metrics.max_series",
            self.metrics.max_series as u64,
            1_000,
            10_000_000,
        )
    }
}

/// What is wrong with a value.
struct Fault {
    /// Table and key.
    key: &'static str,
    /// In which table of that name, from 0.
    nth: usize,
    message: String,
}

/// Absolute, and nothing that the system would cut.
fn is_usable(path: &Path) -> bool {
    path.is_absolute() && !path.as_os_str().as_encoded_bytes().contains(&0)
}

/// The line of a key's value, from 1.
fn line_of(text: &str, key: &str, nth: usize) -> Option<usize> {
    let root = DeTable::parse(text).ok()?.into_inner();
    let mut parts = key.split('.');
    let mut value = root.get(parts.next()?)?;
    for part in parts {
        let table = match value.get_ref() {
            DeValue::Array(tables) => tables.get(nth)?.get_ref(),
            table => table,
        };
        value = table.as_table()?.get(part)?;
    }
    let before = text.get(..value.span().start)?;
    Some(before.matches('\n').count() + 1)
}

/// The key of the line that an offset lies in, with its table.
fn key_at(text: &str, offset: usize) -> Option<String> {
    let line_start = text[..offset].rfind('\n').map_or(0, |i| i + 1);
    let line = text[line_start..].lines().next()?;
    let key = line.split_once('=')?.0.trim();
    let table = text[..line_start]
        .lines()
        .rev()
        .map(str::trim)
        .find(|line| line.starts_with('['))
        .map(|line| line.trim_matches(['[', ']']).to_owned());
    Some(match table {
        Some(table) => format!("{table}.{key}"),
        None => key.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Settings, String> {
        Settings::parse(Path::new("supervisord.toml"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn one_socket_is_enough() {
        let settings = parse("[[node]]\nsocket = \"/run/hotline/pbx1.sock\"\n").unwrap();
        assert_eq!(settings.node[0].provisional_name(), "pbx1");
        assert_eq!(settings.http.listen.to_string(), "127.0.0.1:9877");
        assert_eq!(settings.dbus.bus, Bus::System);
        assert_eq!(settings.store.path, Path::new("/var/lib/hotline/events.db"));
    }

    #[test]
    fn the_commented_file_is_right_also_with_all_that_it_proposes() {
        let file = include_str!("../../packaging/supervisord.toml");
        assert!(parse(file).is_ok());
        let proposed: Vec<&str> = file
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(rest) if rest.starts_with(|c: char| c == '[' || c.is_ascii_lowercase()) => rest,
                _ => line,
            })
            .collect();
        let settings = parse(&proposed.join("\n")).unwrap();
        assert_eq!(
            (settings.team.len(), settings.unix.len(), settings.webhook.len()),
            (1, 1, 1)
        );
    }

    #[test]
    fn a_file_has_a_ceiling() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), vec![b'#'; MAX_FILE as usize + 1]).unwrap();
        let error = Settings::read(file.path()).unwrap_err().to_string();
        assert!(error.contains("larger than"), "{error}");
    }

    #[test]
    fn errors_name_file_line_and_key() {
        let node = "[[node]]\nsocket = \"/run/a.sock\"\n";
        for (text, line, key) in [
            (format!("{node}[http]\nlisten = \"nowhere\"\n"), 4, "http.listen"),
            (format!("{node}[http]\nlissten = \"127.0.0.1:1\"\n"), 4, "lissten"),
            (format!("{node}\n[dbus]\nbus = \"sytem\"\n"), 5, "dbus.bus"),
            (format!("{node}[store]\nkeep_days = 0\n"), 4, "store.keep_days"),
            (
                format!("{node}[metrics]\nmax_series = \"many\"\n"),
                4,
                "metrics.max_series",
            ),
            (
                format!("{node}[[node]]\nsocket = \"run/b.sock\"\n"),
                4,
                "node.socket",
            ),
            (
                format!("{node}[[node]]\nsocket = \"/run/a.sock\"\n"),
                4,
                "given twice",
            ),
            (
                format!("{node}[[node]]\nsocket = \"/{}\"\n", "x".repeat(107)),
                4,
                "node.socket",
            ),
            (
                "[store]\nkeep_days = 1\n[[node]]\nsocket = \"a\"".to_owned(),
                4,
                "node.socket",
            ),
            (
                format!("store = {{ keep_days = 1,\n max_mib = 0 }}\n{node}"),
                2,
                "store.max_mib",
            ),
            // SQLite would forget these at the end, or cut them.
            (format!("{node}[store]\npath = \"\"\n"), 4, "store.path"),
            (format!("{node}[store]\npath = \":memory:\"\n"), 4, "store.path"),
            (format!("{node}[store]\npath = \"events.db\"\n"), 4, "store.path"),
            (format!("{node}[store]\npath = \"/a\\u0000b\"\n"), 4, "store.path"),
            (
                format!("{node}[http]\nmax_streams = 2000\n"),
                4,
                "http.max_streams",
            ),
            (format!("{node}[[team]]\nname = \"*\"\n"), 4, "team.name"),
            (
                format!("{node}[[unix]]\nrole = \"viewer\"\n"),
                4,
                "either a user or a group",
            ),
            (
                format!("{node}[[unix]]\nuser = \"a\"\nrole = \"viewer\"\nteams = [\"x\"]\n"),
                6,
                "no [[team]] is called x",
            ),
            (
                format!(
                    "{node}[[webhook]]\nname = \"crm\"\nsecret_file = \"/s\"\nurl = \"http://example.com/\"\n"
                ),
                6,
                "https://",
            ),
            ("node = []\n".to_owned(), 1, "node"),
            ("[http]\n".to_owned(), 1, "node"),
        ] {
            let error = parse(&text).unwrap_err();
            assert!(
                error.starts_with(&format!("supervisord.toml:{line}: ")),
                "{error}"
            );
            assert!(error.contains(key), "{error}");
        }
    }
}
