//! `cargo xtask bench`: measurements. `bench engine` is in `engine`, `bench blacklist` in `blacklist`, `bench daemon` in `daemon`, all else is `bench pbx`:
//! the same callers and agents against a plain Dial(), Asterisk's own Queue() and Hotline(), in one Asterisk, alternating.
//! Ratios of one run are what counts: they hold on any machine.
//!
//! Each way has the PBX to itself: the module of the others is unloaded while it is measured. A loaded app_queue with
//! twenty queues of a thousand members makes even a plain Dial() several times as dear.
//!
//! Three parts in each round. Flow: callers come steadily and find agents idle; processor time per call, and the time
//! from a caller's INVITE to the agent's. Backlog: a few agents, more callers than them; the time from an agent's BYE to
//! its next INVITE. Waiting: callers whom nobody serves, in an Asterisk of their own; what each costs.

mod agents;
mod blacklist;
mod callers;
mod daemon;
mod engine;
mod measure;
mod report;
mod session;
mod setup;

use crate::artefacts::{self, Profile};
use crate::provision::{self, Pbx};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use clap::{Subcommand, ValueEnum};
use hotline_testbed::asterisk::Manifest;
use serde::Serialize;
use session::Session;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long agents talk. No multiple of a second: who polls once a second can't be lucky.
const TALK: Duration = Duration::from_millis(1_370);
/// Agents of the backlog, at most.
const BUSY: usize = 20;

/// Measure; run on an otherwise idle machine.
#[derive(clap::Args)]
pub(crate) struct Bench {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    Pbx(Args),
    Engine(engine::Args),
    Blacklist(blacklist::Args),
    Daemon(daemon::Args),
}

/// Calls through Dial(), Queue() and Hotline() of one Asterisk, in turns.
///
/// Needs SIPp for the callers; agents are answered for by this program. There is no audio from either side. Takes about
/// two and a half minutes a round.
#[derive(clap::Args, Clone)]
struct Args {
    /// Agents, each of them in every queue
    #[arg(long, default_value_t = 200, value_name = "N")]
    agents: usize,
    /// Queues
    #[arg(long, default_value_t = 1, value_name = "Q")]
    queues: usize,
    /// Rounds; the median of all is reported
    #[arg(long, default_value_t = 3, value_name = "R")]
    rounds: usize,
    /// Calls of each way in each part of a round
    #[arg(long, default_value_t = 300, value_name = "C")]
    calls: usize,
    /// Calls per second that come in while agents are idle
    #[arg(long, default_value_t = 20.0, value_name = "X")]
    cps: f64,
    /// Ways to measure
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "dial,queue,hotline",
        value_name = "WAY"
    )]
    ways: Vec<Way>,
    /// The module to measure, instead of one built from these sources
    #[arg(long, value_name = "FILE")]
    module: Option<PathBuf>,
    /// Print all rounds as JSON instead of a table
    #[arg(long)]
    json: bool,
}

/// A way from a caller to an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
enum Way {
    /// Asterisk's Dial(), the agent chosen by what the caller dials; MusicOnHold() for callers who wait
    Dial,
    /// Asterisk's own Queue()
    Queue,
    /// This project's Hotline()
    Hotline,
}

impl Way {
    /// The module that it needs beside Asterisk's own.
    fn module(self) -> Option<&'static str> {
        match self {
            Way::Dial => None,
            Way::Queue => Some("app_queue"),
            Way::Hotline => Some("app_hotline"),
        }
    }

    fn title(self) -> &'static str {
        match self {
            Way::Dial => "Dial()",
            Way::Queue => "Queue()",
            Way::Hotline => "Hotline()",
        }
    }
}

impl Args {
    /// Agents of the backlog.
    fn busy(&self) -> usize {
        self.agents.min(BUSY)
    }

    fn check(&self) -> Result<()> {
        // Names have four digits.
        if !(1..=9_999).contains(&self.agents) || !(1..=9_999).contains(&self.queues) {
            bail!("--agents and --queues must be between 1 and 9999");
        }
        if self.rounds == 0 || self.calls == 0 || !(0.1..=1_000.0).contains(&self.cps) {
            bail!("--rounds and --calls must be at least 1, --cps between 0.1 and 1000");
        }
        let at_once = self.cps * TALK.as_secs_f64() * 1.5;
        if at_once > self.agents as f64 {
            bail!(
                "{} agents can't be idle while {} calls a second come in: at least {} are needed",
                self.agents,
                self.cps,
                at_once.ceil()
            );
        }
        Ok(())
    }

    #[cfg(test)]
    fn small() -> Self {
        Self {
            agents: 10,
            queues: 1,
            rounds: 1,
            calls: 10,
            cps: 2.0,
            ways: vec![Way::Dial],
            module: None,
            json: false,
        }
    }
}

/// The command itself.
pub(crate) fn main(bench: &Bench) -> Result<()> {
    match &bench.what {
        What::Pbx(args) => pbx(args),
        What::Engine(args) => engine::main(args),
        What::Blacklist(args) => blacklist::main(args),
        What::Daemon(args) => daemon::main(args),
    }
}

fn pbx(args: &Args) -> Result<()> {
    args.check()?;
    let workspace = Workspace::find()?;
    let pbx = provision::pbx(&workspace)?;
    let module = match &args.module {
        _ if !args.ways.contains(&Way::Hotline) => None,
        Some(module) => Some(
            module
                .canonicalize()
                .with_context(|| format!("no module at {}", module.display()))?,
        ),
        None => Some(artefacts::module(&workspace, &pbx, Profile::Release, false)?),
    };
    ctrlc::set_handler(|| STOPPED.store(true, Ordering::Relaxed)).context("cannot catch Ctrl-C")?;
    let dir = std::env::temp_dir().join(format!("hotline-bench-{}", std::process::id()));
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot make the folder {}", dir.display()))?;
    let report = Session::new(args, Manifest::read(&Pbx::file(&workspace))?, module, &dir)?.run();
    std::fs::remove_dir_all(&dir).with_context(|| format!("cannot delete {}", dir.display()))?;
    let report = report?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!("\n{}", report.table());
    }
    Ok(())
}

static STOPPED: AtomicBool = AtomicBool::new(false);

/// Sleeps, unless the user ends the measurement: then the PBX and the callers are ended on the way out.
fn pause(time: Duration) -> Result<()> {
    const STEP: Duration = Duration::from_millis(50);
    let until = Instant::now() + time;
    loop {
        if STOPPED.load(Ordering::Relaxed) {
            bail!("ended by the user");
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(STEP));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_few_agents_for_the_flow_are_refused() {
        assert!(Args::small().check().is_ok());
        let error = Args {
            cps: 20.0,
            ..Args::small()
        }
        .check()
        .unwrap_err()
        .to_string();
        assert!(error.contains("at least 42"), "{error}");
    }
}
