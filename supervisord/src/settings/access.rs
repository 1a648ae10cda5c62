//! Who may reach the daemon and how: HTTP, teams, users of the machine, webhooks.

use std::net::SocketAddr;
use std::path::PathBuf;

use reqwest::Url;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use url::Host;

use super::Fault;
use crate::authority::{ALL_TEAMS, Role};

/// `[http]`
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpSettings {
    /// Address and port; port 0 takes a free one and logs it.
    pub listen: SocketAddr,
    /// PEM file of the certificate and those that vouch for it. With `tls_key`: HTTPS.
    pub tls_cert: Option<PathBuf>,
    /// PEM file of its private key.
    pub tls_key: Option<PathBuf>,
    /// Listens beyond loopback without TLS.
    pub plain_beyond_loopback: bool,
    /// Users and tokens; `hotlinectl user` writes it. Without one nobody can sign in.
    pub users: PathBuf,
    /// Who may read `/metrics`, `/healthz` and `/readyz` without a token.
    pub probes: Probes,
    /// Connections at once; further ones wait.
    pub max_connections: usize,
    /// Of them, from one address, or one /64 of IPv6; further ones are told to come back later.
    pub max_connections_per_address: usize,
    /// Streams of events at once; further ones are refused.
    pub max_streams: usize,
    /// Of them, of one user or token.
    pub max_streams_per_user: usize,
    /// Requests of one user or token at once, streams left out; further ones are refused.
    pub max_requests_per_user: usize,
    /// Names by which it may be reached, beside `localhost` and addresses of this machine itself; checked if it listens on loopback, or
    /// if there are any.
    pub hosts: Vec<String>,
    /// A session ends when it was not used for so long; seconds.
    pub session_idle_seconds: u64,
    /// A session ends after so long; seconds.
    pub session_seconds: u64,
}

/// Who may read metrics and health without a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Probes {
    /// Who asks from this machine.
    #[default]
    Loopback,
    /// Everybody.
    Open,
    /// Nobody.
    Token,
}

impl Default for HttpSettings {
    fn default() -> Self {
        HttpSettings {
            listen: SocketAddr::from(([127, 0, 0, 1], 9877)),
            tls_cert: None,
            tls_key: None,
            plain_beyond_loopback: false,
            users: PathBuf::from("/etc/hotline/users.toml"),
            probes: Probes::default(),
            max_connections: 1_024,
            max_connections_per_address: 256,
            max_streams: 768,
            max_streams_per_user: 64,
            max_requests_per_user: 32,
            hosts: Vec::new(),
            session_idle_seconds: 3_600,
            session_seconds: 12 * 3_600,
        }
    }
}

impl HttpSettings {
    pub(super) fn check(&self) -> Result<(), Fault> {
        let fault = |key, message: String| Err(Fault { key, nth: 0, message });
        match (&self.tls_cert, &self.tls_key) {
            (Some(_), None) => {
                return fault(
                    "http.tls_cert",
                    "a certificate needs its key: give tls_key too".into(),
                );
            }
            (None, Some(_)) => {
                return fault(
                    "http.tls_key",
                    "a key needs its certificate: give tls_cert too".into(),
                );
            }
            (None, None) | (Some(_), Some(_)) => {}
        }
        let paths = [
            ("http.tls_cert", self.tls_cert.as_ref()),
            ("http.tls_key", self.tls_key.as_ref()),
            ("http.users", Some(&self.users)),
        ];
        for (key, path) in paths {
            if let Some(path) = path.filter(|path| !super::is_usable(path)) {
                return fault(key, format!("{:?} is not an absolute path", path.display()));
            }
        }
        if !self.listen.ip().is_loopback() && self.tls_cert.is_none() && !self.plain_beyond_loopback {
            return fault(
                "http.listen",
                format!(
                    "{} is reached from beyond this machine, where passwords and caller numbers would be read on the way: give \
                     tls_cert and tls_key, or put a proxy in front and listen on 127.0.0.1; plain_beyond_loopback = true takes \
                     the risk",
                    self.listen
                ),
            );
        }
        let ranges = [
            ("http.max_connections", self.max_connections as u64, 8, 65_536),
            (
                "http.max_connections_per_address",
                self.max_connections_per_address as u64,
                1,
                65_536,
            ),
            ("http.max_streams", self.max_streams as u64, 0, 65_536),
            (
                "http.max_streams_per_user",
                self.max_streams_per_user as u64,
                1,
                65_536,
            ),
            (
                "http.max_requests_per_user",
                self.max_requests_per_user as u64,
                1,
                65_536,
            ),
            (
                "http.session_idle_seconds",
                self.session_idle_seconds,
                60,
                30 * 86_400,
            ),
            ("http.session_seconds", self.session_seconds, 60, 30 * 86_400),
        ];
        for (key, value, low, high) in ranges {
            if !(low..=high).contains(&value) {
                return fault(key, format!("{value} is out of range, {low} to {high}"));
            }
        }
        let named = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
        if let Some(wrong) = self
            .hosts
            .iter()
            .find(|host| host.is_empty() || !host.bytes().all(named))
        {
            let message = format!("{wrong:?} is no name of a host, such as \"hotline.example.com\"");
            return fault("http.hosts", message);
        }
        if self.max_streams >= self.max_connections {
            let message = format!(
                "{} would leave no connection for anything else; stay below max_connections, {}",
                self.max_streams, self.max_connections
            );
            return fault("http.max_streams", message);
        }
        Ok(())
    }
}

/// `[[team]]`: queues and agents that belong together. A `*` at the end of a name stands for anything.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TeamSettings {
    /// Its name.
    pub name: String,
    /// Queue names.
    #[serde(default)]
    pub queues: Vec<String>,
    /// Agent numbers.
    #[serde(default)]
    pub agents: Vec<String>,
    /// Phones on which its agents may be signed in, beside their own.
    #[serde(default)]
    pub agent_phones: Vec<PhonePattern>,
}

impl TeamSettings {
    /// Whether a queue is the team's.
    pub fn has_queue(&self, name: &str) -> bool {
        self.queues.iter().any(|pattern| matches(pattern, name))
    }

    /// Whether an agent is of the team.
    pub fn has_agent(&self, number: &str) -> bool {
        self.agents.iter().any(|pattern| matches(pattern, number))
    }
}

/// `[authority]`: what the policy leaves to the settings.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuthoritySettings {
    /// Phones on which any agent may be signed in, beside its own.
    pub agent_phones: Vec<PhonePattern>,
}

/// Which dial strings somebody may give: literally, but for `*`, which stands for letters, digits, `.`, `_` and `-`. None of these leads
/// from a phone to a trunk or to a second phone, as `@`, `/`, `&` and the like do.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct PhonePattern(String);

impl PhonePattern {
    /// Whether a dial string is so.
    pub fn matches(&self, phone: &str) -> bool {
        let mut parts = self.0.split('*');
        let Some(mut rest) = parts.next().and_then(|first| phone.strip_prefix(first)) else {
            return false;
        };
        let harmless = |text: &str| {
            text.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        };
        let mut parts = parts.peekable();
        while let Some(part) = parts.next() {
            // The last part is at the end; others as early as they come, which leaves most for what follows.
            let at = match parts.peek() {
                None => rest.strip_suffix(part).map(str::len),
                Some(_) => rest.find(part),
            };
            match at {
                Some(at) if harmless(&rest[..at]) => rest = &rest[at + part.len()..],
                Some(_) | None => return false,
            }
        }
        rest.is_empty()
    }
}

impl TryFrom<String> for PhonePattern {
    type Error = String;

    fn try_from(text: String) -> Result<PhonePattern, String> {
        let technology = text.split(['/', '*']).next().unwrap_or_default();
        let begins = !technology.is_empty() && text[technology.len()..].starts_with('/');
        if !begins || text.chars().any(char::is_control) {
            return Err(format!(
                "{text:?} is no pattern of phones: give a technology and a name, such as \"PJSIP/1*\""
            ));
        }
        Ok(PhonePattern(text))
    }
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => pattern == name,
    }
}

/// `[[unix]]`: what a user of this machine is on D-Bus.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnixSettings {
    /// User name; or a group.
    pub user: Option<String>,
    /// Group name.
    pub group: Option<String>,
    /// What it is.
    pub role: Role,
    /// Its teams; `*` is all.
    #[serde(default)]
    pub teams: Vec<String>,
    /// The supervisor number under which it listens.
    pub supervisor: Option<String>,
}

pub(super) fn check_teams(teams: &[TeamSettings], unix: &[UnixSettings]) -> Result<(), Fault> {
    for (nth, team) in teams.iter().enumerate() {
        let fault = |message: String| {
            Err(Fault {
                key: "team.name",
                nth,
                message,
            })
        };
        if team.name.is_empty() || team.name == ALL_TEAMS {
            return fault(format!("{:?} is no name for a team", team.name));
        }
        if teams[..nth].iter().any(|other| other.name == team.name) {
            return fault(format!("{} is given twice", team.name));
        }
    }
    for (nth, grant) in unix.iter().enumerate() {
        if grant.user.is_some() == grant.group.is_some() {
            let message = "give either a user or a group".to_owned();
            return Err(Fault {
                key: "unix.role",
                nth,
                message,
            });
        }
        if grant.role == Role::Agent {
            let message = "an agent works by phone or HTTP, not by D-Bus".to_owned();
            return Err(Fault {
                key: "unix.role",
                nth,
                message,
            });
        }
        if let Some(unknown) = unknown_team(teams, &grant.teams) {
            let message = format!("no [[team]] is called {unknown}");
            return Err(Fault {
                key: "unix.teams",
                nth,
                message,
            });
        }
    }
    Ok(())
}

/// The first name that no team has.
pub fn unknown_team<'a>(teams: &[TeamSettings], names: &'a [String]) -> Option<&'a str> {
    let known = |name: &&String| *name == ALL_TEAMS || teams.iter().any(|team| team.name == **name);
    names.iter().find(|name| !known(name)).map(String::as_str)
}

/// `[[webhook]]`: where what happens is posted.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookSettings {
    /// Its name, for metrics and the log.
    pub name: String,
    /// Where to.
    #[serde(deserialize_with = "url")]
    pub url: Url,
    /// File with the secret that signs.
    pub secret_file: PathBuf,
    /// What is posted.
    #[serde(default = "offers")]
    pub events: Vec<HookEvent>,
    /// Only what is about these teams; all if there are none.
    #[serde(default)]
    pub teams: Vec<String>,
    /// How caller numbers are posted.
    #[serde(default)]
    pub numbers: Numbers,
    /// How long the server may take to answer; milliseconds.
    #[serde(default = "ten_seconds")]
    pub answer_ms: u64,
}

/// What a webhook is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HookEvent {
    /// An agent is being rung.
    Offer,
    /// An alarm was raised, acknowledged or cleared.
    Alarm,
}

/// How caller numbers are told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Numbers {
    /// The last four digits.
    #[default]
    Masked,
    /// All of it.
    Whole,
}

fn offers() -> Vec<HookEvent> {
    vec![HookEvent::Offer]
}

fn ten_seconds() -> u64 {
    10_000
}

fn url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse()
        .map_err(|error| D::Error::custom(format!("{text:?} is no URL: {error}")))
}

pub(super) fn check_webhooks(webhooks: &[WebhookSettings], teams: &[TeamSettings]) -> Result<(), Fault> {
    for (nth, hook) in webhooks.iter().enumerate() {
        let fault = |key, message: String| Err(Fault { key, nth, message });
        let named = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        if hook.name.is_empty() || hook.name.len() > 64 || !hook.name.bytes().all(named) {
            let message = format!(
                "{:?} is no name: give up to 64 letters, digits, '_' or '-'",
                hook.name
            );
            return fault("webhook.name", message);
        }
        if webhooks[..nth].iter().any(|other| other.name == hook.name) {
            return fault("webhook.name", format!("{} is given twice", hook.name));
        }
        let loopback = match hook.url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        };
        if hook.url.scheme() != "https" && !(hook.url.scheme() == "http" && loopback) {
            let message = "it must be https://; http:// is for this machine only, since others would read it on the way";
            return fault("webhook.url", message.to_owned());
        }
        if !super::is_usable(&hook.secret_file) {
            let message = format!("{:?} is not an absolute path", hook.secret_file.display());
            return fault("webhook.secret_file", message);
        }
        if let Some(unknown) = unknown_team(teams, &hook.teams) {
            return fault("webhook.teams", format!("no [[team]] is called {unknown}"));
        }
        if !(1..=10_000).contains(&hook.answer_ms) {
            return fault(
                "webhook.answer_ms",
                format!("{} is out of range, 1 to 10000", hook.answer_ms),
            );
        }
    }
    Ok(())
}
