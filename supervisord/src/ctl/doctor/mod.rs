//! `hotlinectl doctor`: looks for the usual mistakes of an installation, and names the remedy of each.
//!
//! It asks what is there: files, the nodes' sockets, the bus, the daemon's own page, and where they are installed
//! `asterisk`, `hotline-check` and `promtool`. It changes nothing.

mod daemon;
mod node;
mod pbx;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use tokio::process::Command;

use super::{Failure, table};
use crate::settings::{Bus, Settings, SettingsError};

/// How long anything that is asked may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// What to do about what this user may not see.
const AS_ROOT: &str = "run this as root";

/// Where things are, if elsewhere than the packages put them.
#[derive(Args)]
pub struct Doctor {
    /// The daemon's settings
    #[arg(long, value_name = "FILE", default_value = "/etc/hotline/supervisord.toml")]
    config: PathBuf,
    /// The module's settings, where there is a PBX on this machine
    #[arg(long, value_name = "FILE", default_value = "/etc/hotline/hotline.toml")]
    module_config: PathBuf,
    /// The PBX's log
    #[arg(long, value_name = "FILE", default_value = "/var/log/asterisk/messages.log")]
    pbx_log: PathBuf,
    /// The rules for Prometheus
    #[arg(
        long,
        value_name = "FILE",
        default_value = "/usr/share/hotline/prometheus/hotline.rules.yml"
    )]
    rules: PathBuf,
    /// The user that the daemon runs as
    #[arg(long, value_name = "USER", default_value = "hotline")]
    user: String,
    /// The user that the PBX runs as
    #[arg(long, value_name = "USER", default_value = "asterisk")]
    pbx_user: String,
    /// As JSON, one array
    #[arg(long)]
    json: bool,
}

/// How bad a finding is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Nothing to do.
    Ok,
    /// It works, but not all of it or not for ever; or it could not be found out.
    Warning,
    /// It does not work.
    Error,
}

impl Level {
    fn label(self) -> &'static str {
        match self {
            Level::Ok => "ok",
            Level::Warning => "warning",
            Level::Error => "error",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// What was looked at.
    pub check: String,
    /// What was found.
    pub found: String,
    /// What to do; empty if nothing.
    pub remedy: String,
}

/// What was found so far.
#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn ok(&mut self, check: &str, found: impl Into<String>) {
        self.add(Level::Ok, check, found.into(), String::new());
    }

    fn warning(&mut self, check: &str, found: impl Into<String>, remedy: impl Into<String>) {
        self.add(Level::Warning, check, found.into(), remedy.into());
    }

    fn error(&mut self, check: &str, found: impl Into<String>, remedy: impl Into<String>) {
        self.add(Level::Error, check, found.into(), remedy.into());
    }

    fn add(&mut self, level: Level, check: &str, found: String, remedy: String) {
        self.0.push(Finding {
            level,
            check: check.to_owned(),
            found,
            remedy,
        });
    }
}

impl Doctor {
    /// What was found, as text; and whether there was an error.
    ///
    /// # Errors
    /// If it cannot be shown as JSON.
    pub async fn run(self, bus: Bus) -> Result<(String, bool), Failure> {
        let mut findings = Findings::default();
        self.look(&bus, &mut findings).await;
        let failed = findings.0.iter().any(|finding| finding.level == Level::Error);
        let text = if self.json {
            let text = serde_json::to_string_pretty(&findings.0)
                .map_err(|error| Failure::Other(error.to_string()))?;
            format!("{text}\n")
        } else {
            let rows: Vec<Vec<String>> = findings
                .0
                .iter()
                .map(|finding| {
                    vec![
                        finding.level.label().to_owned(),
                        finding.check.clone(),
                        finding.found.clone(),
                        finding.remedy.clone(),
                    ]
                })
                .collect();
            table(&["", "CHECK", "FOUND", "REMEDY"], &rows)
        };
        Ok((text, failed))
    }

    async fn look(&self, bus: &Bus, findings: &mut Findings) {
        let module = pbx::settings(&self.module_config, &self.pbx_user, findings).await;
        pbx::modules(findings).await;
        let check = "daemon's settings";
        let settings = match Settings::read(&self.config) {
            Ok(settings) => {
                findings.ok(check, format!("{} is right", self.config.display()));
                settings
            }
            Err(error) => {
                let remedy = match &error {
                    SettingsError::Read { cause, .. } if cause.kind() == ErrorKind::PermissionDenied => {
                        AS_ROOT
                    }
                    SettingsError::Read { .. } | SettingsError::Wrong { .. } => {
                        "correct that, then `systemctl restart hotline-supervisord`"
                    }
                };
                findings.error(check, error.to_string(), remedy);
                return;
            }
        };
        for file in [&self.config, &settings.http.users] {
            readable(check, file, &self.user, findings);
        }
        let sockets: Vec<&Path> = settings.node.iter().map(|node| node.socket.as_path()).collect();
        if let Some(own) = module.filter(|own| !sockets.contains(&own.as_path())) {
            findings.error(
                check,
                format!(
                    "no [[node]] has {}, the socket of the module on this machine",
                    own.display()
                ),
                "add it to supervisord.toml, or correct [control] socket in hotline.toml",
            );
        }
        let mut names: Vec<String> = Vec::new();
        for socket in sockets {
            let name = node::look(socket, &self.user, &self.pbx_log, findings).await;
            names.extend(name);
        }
        names.sort();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            findings.error(
                "nodes",
                format!("more than one socket is of the node {}", pair[0]),
                "name each node once in supervisord.toml; `node` in hotline.toml of each PBX has to be its own",
            );
        }
        daemon::store(&settings.store, &self.user, findings);
        daemon::page(&settings.http, findings).await;
        daemon::bus(bus, &settings.dbus.bus, findings).await;
        self.rules(findings).await;
    }

    async fn rules(&self, findings: &mut Findings) {
        let check = "rules for Prometheus";
        if !self.rules.exists() {
            return findings.warning(
                check,
                format!("{} is not there", self.rules.display()),
                "name the file with --rules, or install hotline-supervisord anew",
            );
        }
        let check_rules = ["check".as_ref(), "rules".as_ref(), self.rules.as_os_str()];
        match start("promtool", &check_rules).await {
            Started::Missing => {
                findings.ok(check, "not looked at, as there is no promtool on this machine");
            }
            Started::Well(_) => findings.ok(check, format!("{} are rules", self.rules.display())),
            Started::Badly(said) => {
                findings.error(check, last(&said), "correct that, and reload Prometheus");
            }
        }
    }
}

/// What came of a program.
enum Started {
    Missing,
    Well(String),
    Badly(String),
}

async fn start(program: &str, arguments: &[&std::ffi::OsStr]) -> Started {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .env("LC_ALL", "C")
        .kill_on_drop(true)
        .output();
    let Ok(output) = tokio::time::timeout(PATIENCE, output).await else {
        return Started::Badly(format!("`{program}` does not end within {PATIENCE:?}"));
    };
    match output {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Started::Missing,
        Err(error) => Started::Badly(format!("{program}: {error}")),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
            match output.status.success() {
                true => Started::Well(said.into_owned()),
                false => Started::Badly(said.into_owned()),
            }
        }
    }
}

/// The last line that says something.
fn last(said: &str) -> String {
    let line = said.lines().rev().find(|line| !line.trim().is_empty());
    line.map_or_else(
        || "it failed and said nothing".to_owned(),
        |line| line.trim().to_owned(),
    )
}

/// A file that is there and that its reader may not read.
fn readable(check: &str, file: &Path, reader: &str, findings: &mut Findings) {
    if let Ok(Some(user)) = nix::unistd::User::from_name(reader)
        && may(&user, file, 4).is_ok_and(|may| !may)
    {
        findings.error(
            check,
            format!("the user {reader} may not read {}", file.display()),
            format!("`chgrp {reader} {0}` and `chmod 640 {0}`", file.display()),
        );
    }
}

/// Whether rights let a user do `want` (4 read, 2 write, 1 pass) to a file, and pass through the folders above it, as far as modes say.
fn may(user: &nix::unistd::User, path: &Path, want: u32) -> std::io::Result<bool> {
    if user.uid.is_root() {
        return Ok(true);
    }
    let groups = groups(user);
    let path = path.canonicalize()?;
    let mut lets = lets(user, &groups, &path, want)?;
    for folder in path.ancestors().skip(1) {
        lets &= self::lets(user, &groups, folder, 1)?;
    }
    Ok(lets)
}

fn lets(user: &nix::unistd::User, groups: &[u32], path: &Path, want: u32) -> std::io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let found = std::fs::metadata(path)?;
    let shift = if found.uid() == user.uid.as_raw() {
        6
    } else if groups.contains(&found.gid()) {
        3
    } else {
        0
    };
    Ok(found.mode() >> shift & want == want)
}

fn groups(user: &nix::unistd::User) -> Vec<u32> {
    let name = std::ffi::CString::new(user.name.as_str()).unwrap_or_default();
    let found = nix::unistd::getgrouplist(&name, user.gid).unwrap_or_else(|_| vec![user.gid]);
    found.into_iter().map(nix::unistd::Gid::as_raw).collect()
}
