//! `hotline-sim`: runs seeds, replays journals, also under other settings, and calibrates the estimated wait.
#![forbid(unsafe_code)]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool talks that way"
)]

mod print;
mod seeds;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use hotline_sim::floor::{CalibrationFloor, calibrate, what_if};

/// Drives the call distributor through seeded mixes of calls and mishaps, checking it against a naive model.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    tool: Option<Tool>,
    #[command(flatten)]
    seeds: seeds::Seeds,
}

#[derive(Subcommand)]
enum Tool {
    Replay(Replay),
    Calibrate(Calibrate),
}

/// Replays a journal and prints its events, caller numbers masked; or says what other settings would have given.
///
/// With other settings, the journal's callers come when they came and would talk as long as they talked; whoever gave up is as patient
/// as that, whoever was served would have waited longer by a time drawn from the exponential distribution that fits the journal best.
/// Conversations that never were are drawn from those that were. Agents answer every offer, after as long as offers took to answer; they
/// come, go and pause as they did. The journal's own settings are simulated as well: how far that is from the journal shows how far the rest can be
/// trusted.
#[derive(Args)]
struct Replay {
    /// The journal
    file: PathBuf,
    /// Settings to give its callers, in place of printing events
    #[arg(long, value_name = "SETTINGS")]
    with: Option<PathBuf>,
    /// Print the figures as JSON
    #[arg(long, requires = "with")]
    json: bool,
}

/// Says how good the estimated waits are, on a simulated floor of three queues and forty agents.
#[derive(Args)]
struct Calibrate {
    /// Of chance
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How long the floor runs
    #[arg(long, default_value_t = 10, value_name = "HOURS", value_parser = clap::value_parser!(u64).range(1..=1000))]
    hours: u64,
    /// Work at the busiest moment, as a share of what the agents can do
    #[arg(long, default_value_t = 1.0)]
    load: f64,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match &cli.tool {
        Some(Tool::Replay(asked)) => replay(asked),
        Some(Tool::Calibrate(asked)) => calibrated(asked),
        None => seeds::run(&cli.seeds),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn replay(asked: &Replay) -> Result<(), String> {
    let journal = read(&asked.file)?;
    let Some(with) = &asked.with else {
        return print::events(&asked.file, &journal);
    };
    let other = hotline_host::load_settings(with).map_err(|error| error.to_string())?;
    let found =
        what_if(&journal, other.config).map_err(|error| format!("{}: {error}", asked.file.display()))?;
    if asked.json {
        return print::json(&found);
    }
    print::what_if(&found);
    Ok(())
}

fn calibrated(asked: &Calibrate) -> Result<(), String> {
    if !(0.1..=5.0).contains(&asked.load) {
        return Err("--load must lie between 0.1 and 5".to_owned());
    }
    let floor = CalibrationFloor {
        seed: asked.seed,
        hours: asked.hours,
        load: asked.load,
    };
    let found = calibrate(&floor).map_err(|error| error.to_string())?;
    if asked.json {
        return print::json(&found);
    }
    print::calibration(&found);
    Ok(())
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))
}
