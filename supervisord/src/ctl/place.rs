//! The daemon's store, for commands that open it themselves: where the settings say it is.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Deserialize;

use super::Failure;
use crate::settings::{ReportSettings, StoreSettings, TeamSettings};

const CONFIG: &str = "/etc/hotline/supervisord.toml";

/// Where the store is.
#[derive(Args)]
pub struct Place {
    /// The daemon's settings, which say where the store is, what teams there are and in what time zone reports are
    #[arg(long, value_name = "FILE", default_value = CONFIG)]
    config: PathBuf,
    /// The daemon's database file, in place of what the settings say
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,
}

/// What the settings say of it; the daemon checks the rest.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Part {
    pub(super) store: StoreSettings,
    pub(super) reports: ReportSettings,
    pub(super) team: Vec<TeamSettings>,
}

impl Place {
    /// Reads the settings; without any, all is as usual.
    pub(super) fn read(self) -> Result<Part, Failure> {
        let failed =
            |error: &dyn std::fmt::Display| Failure::Other(format!("{}: {error}", self.config.display()));
        let mut part: Part = match std::fs::read_to_string(&self.config) {
            Ok(text) => toml::from_str(&text).map_err(|error| failed(&error))?,
            Err(error)
                if error.kind() == std::io::ErrorKind::NotFound && self.config == Path::new(CONFIG) =>
            {
                Part::default()
            }
            Err(error) => return Err(failed(&error)),
        };
        if let Some(store) = self.store {
            part.store.path = store;
            part.store.database = None;
        }
        Ok(part)
    }
}

/// Who runs this program, for the audit record.
pub(super) fn author() -> String {
    let id = nix::unistd::getuid();
    let name = nix::unistd::User::from_uid(id).ok().flatten();
    format!("cli:{}", name.map_or_else(|| id.to_string(), |user| user.name))
}

/// Microseconds since the Unix epoch.
pub(super) fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_micros() as u64)
}
