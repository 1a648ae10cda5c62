//! `hotline-sim`: runs seeds, and replays journals.
#![forbid(unsafe_code)]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool talks that way"
)]

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use hotline_engine::Event;
use hotline_sim::{Counts, replay, run};

/// Drives the call distributor through seeded mixes of calls and mishaps, checking it against a naive model.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    tool: Option<Tool>,
    #[command(flatten)]
    simulate: Simulate,
}

#[derive(Subcommand)]
enum Tool {
    /// Replays a journal and prints its events, caller numbers masked.
    Replay {
        /// The journal.
        file: PathBuf,
    },
}

#[derive(Args)]
struct Simulate {
    /// The seed to run, or the first of several.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Inputs in a run.
    #[arg(long, default_value_t = 300)]
    steps: u64,
    /// How many seeds to run, one after the other.
    #[arg(long, default_value_t = 1)]
    runs: u64,
    /// Where to write the journal of the last run, or of the one that failed.
    #[arg(long)]
    journal: Option<PathBuf>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.tool {
        Some(Tool::Replay { file }) => print_events(&file),
        None => simulate(&cli.simulate),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn simulate(asked: &Simulate) -> Result<(), String> {
    let progress = io::stderr().is_terminal();
    let mut total = Counts::default();
    for done in 0..asked.runs {
        let seed = asked.seed.wrapping_add(done);
        let run = run(seed, asked.steps).or_else(|failure| {
            save(asked.journal.as_deref(), &failure.journal)?;
            Err(format!(
                "\r{failure}\nagain: hotline-sim --seed {seed} --steps {}",
                asked.steps
            ))
        })?;
        total.inputs += run.counts.inputs;
        total.calls += run.counts.calls;
        total.offers += run.counts.offers;
        total.connected += run.counts.connected;
        if progress && done % 100 == 99 {
            eprint!("\r{} of {} runs", done + 1, asked.runs);
        }
        if done + 1 == asked.runs {
            save(asked.journal.as_deref(), &run.journal)?;
        }
    }
    if progress {
        eprint!("\r");
    }
    let Counts {
        inputs,
        calls,
        offers,
        connected,
    } = total;
    println!(
        "{} runs: {inputs} inputs, {calls} calls, {offers} offers, {connected} connected; all well",
        asked.runs
    );
    Ok(())
}

fn save(to: Option<&Path>, journal: &[u8]) -> Result<(), String> {
    let Some(path) = to else { return Ok(()) };
    std::fs::write(path, journal).map_err(|error| format!("{}: {error}", path.display()))
}

fn print_events(file: &Path) -> Result<(), String> {
    let named = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let journal = std::fs::read(file).map_err(|error| named(&error))?;
    let mut out = io::stdout().lock();
    for step in replay(&journal).map_err(|error| named(&error))? {
        let step = step.map_err(|error| named(&error))?;
        for event in step.events {
            let printed = writeln!(out, "{} {:?}", step.at.0, masked(event));
            match printed {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
                Err(error) => return Err(error.to_string()),
            }
        }
    }
    Ok(())
}

/// Keeps the last four digits of a caller number.
fn masked(mut event: Event) -> Event {
    if let Event::CallJoined { number, .. } = &mut event {
        let hidden = number.chars().count().saturating_sub(4);
        *number = number
            .chars()
            .enumerate()
            .map(|(at, digit)| if at < hidden { '*' } else { digit })
            .collect();
    }
    event
}
