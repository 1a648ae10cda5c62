//! `hotline-check`: whether the module would take its settings file, found out without a PBX.
//!
//! It is a program of its own because it links the engine's settings, which the daemon and `hotlinectl` never do;
//! `hotlinectl doctor` starts it.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use hotline_host::{Settings, load_settings};
use serde_json::{Value, json};

/// Checks a settings file of the Hotline module, as the module does: it is refused whole, naming line and key.
#[derive(Parser)]
#[command(version, after_help = "Exit code: 0 if it is right, 1 if not.")]
struct Arguments {
    /// The settings
    #[arg(default_value = "/etc/hotline/hotline.toml")]
    file: PathBuf,
    /// As JSON: whether it is right, the node's name, its socket and the folders it writes to; or what is wrong
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let read = load_settings(&arguments.file);
    let (said, code) = match (&read, arguments.json) {
        (Ok(settings), true) => (facts(settings).to_string(), ExitCode::SUCCESS),
        (Ok(settings), false) => {
            let said = format!("{} is right, of node {}", arguments.file.display(), settings.node);
            (said, ExitCode::SUCCESS)
        }
        (Err(error), true) => {
            let said = json!({ "right": false, "error": error.to_string() }).to_string();
            (said, ExitCode::FAILURE)
        }
        (Err(error), false) => (error.to_string(), ExitCode::FAILURE),
    };
    match writeln!(std::io::stdout(), "{said}") {
        Ok(()) => code,
        Err(_) => ExitCode::FAILURE,
    }
}

/// What others need to know of right settings; nothing of agents, who may have PINs.
fn facts(settings: &Settings) -> Value {
    let blacklist = settings.blacklist.as_ref().map(|list| list.directory.as_path());
    let spool = settings.spool.as_ref().map(|spool| spool.directory.as_path());
    // The spool is that of the state if nothing else is said.
    let folders: BTreeSet<&Path> = [
        settings.state.as_deref(),
        settings.journal.as_deref(),
        blacklist,
        spool,
    ]
    .into_iter()
    .flatten()
    .collect();
    json!({
        "right": true,
        "node": settings.node,
        "socket": settings.socket,
        "folders": folders,
    })
}
