//! `cargo xtask bench engine`: what an input costs the engine, in several sizes, in time and in instructions.
//!
//! Time is that of a busy machine's core; instructions are the same everywhere. Those come from valgrind, as the
//! difference of two runs that differ only in how many inputs they give, so that starting does not count.

use crate::artefacts::cargo;
use crate::progress::Step;
use crate::run;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Inputs of the shorter and the longer run whose instructions are compared.
const COUNTED: [u64; 2] = [50_000, 150_000];

/// The engine alone: how many inputs a second, how long each takes, and what it keeps in memory.
///
/// Small, middle and full size, and full size with a tenth of each of its dimensions: what an input costs should hardly
/// depend on any. Takes about two minutes, most of it for counting instructions.
#[derive(clap::Args, Clone)]
pub(crate) struct Args {
    /// Inputs in each timed run
    #[arg(long, default_value_t = 1_000_000, value_name = "N")]
    inputs: u64,
    /// Timed runs of each size; the median is reported
    #[arg(long, default_value_t = 5, value_name = "R")]
    rounds: usize,
    /// Leave the instructions out
    #[arg(long)]
    no_instructions: bool,
    /// Print the figures as JSON instead of a table
    #[arg(long)]
    json: bool,
}

/// A floor to measure.
#[derive(Debug, Clone, Copy, Serialize)]
struct Size {
    name: &'static str,
    agents: u64,
    queues: u64,
    queues_per_agent: u64,
    waiting: u64,
    /// Everybody talks and callers wait; otherwise callers find agents idle.
    saturated: bool,
}

const fn size(name: &'static str, agents: u64, queues: u64, each: u64, waiting: u64) -> Size {
    Size {
        name,
        agents,
        queues,
        queues_per_agent: each,
        waiting,
        saturated: waiting > 0,
    }
}

const SIZES: [Size; 7] = [
    size("small", 200, 10, 5, 500),
    size("middle", 2_000, 100, 10, 5_000),
    size("full", 10_000, 1_000, 20, 50_000),
    size("full, agents / 10", 1_000, 1_000, 20, 50_000),
    size("full, queues / 10", 10_000, 100, 20, 50_000),
    size("full, waiting / 10", 10_000, 1_000, 20, 5_000),
    size("full, agents idle", 10_000, 1_000, 20, 0),
];

/// What one run prints; see the example `load` of hotline-engine.
#[derive(Debug, Clone, Deserialize, Serialize)]
struct Figures {
    inputs_per_second: f64,
    bytes_per_membership: u64,
    bytes_per_talking: u64,
    bytes_per_waiting: u64,
    resident: u64,
    kinds: Vec<Kind>,
}

/// Nanoseconds that inputs of one kind took.
#[derive(Debug, Clone, Deserialize, Serialize)]
struct Kind {
    kind: String,
    count: u64,
    mean: u64,
    p50: u64,
    p99: u64,
    p999: u64,
    max: u64,
}

/// One line of the table.
#[derive(Debug, Serialize)]
struct Row {
    #[serde(flatten)]
    size: Size,
    /// The median of all rounds, nothing timed but the whole.
    inputs_per_second: f64,
    /// To that of the smallest size in the same round, the median of all rounds.
    cost_to_small: f64,
    /// Each input timed, which takes some 40 ns by itself.
    figures: Figures,
    instructions_per_input: Option<f64>,
    /// The record of decisions switched off: what it costs, as a ratio of the whole with it.
    without_record: f64,
}

/// The command itself.
pub(crate) fn main(args: &Args) -> Result<()> {
    if args.rounds == 0 || args.inputs < 10_000 {
        bail!("--rounds must be at least 1, --inputs at least 10000");
    }
    let workspace = Workspace::find()?;
    let load = build(&workspace)?;
    let valgrind = !args.no_instructions && valgrind_works();
    if !args.no_instructions && !valgrind {
        eprintln!("instructions are not counted: that needs valgrind (apt install valgrind)");
    }
    let rows = measure(args, &load, valgrind)?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
    } else {
        println!("\n{}", table(&rows, args));
    }
    Ok(())
}

fn build(workspace: &Workspace) -> Result<PathBuf> {
    let step = Step::start("building the engine");
    run::output(cargo(workspace, None).args([
        "build",
        "--release",
        "--package",
        "hotline-engine",
        "--example",
        "load",
    ]))?;
    step.done("");
    Ok(workspace.target.join("release/examples/load"))
}

fn valgrind_works() -> bool {
    Command::new("valgrind")
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
}

/// All sizes in turn, in each round, so that a moment of a busy machine does not meet one alone.
fn measure(args: &Args, load: &Path, valgrind: bool) -> Result<Vec<Row>> {
    let step = Step::start("measuring");
    let mut speeds: Vec<Vec<f64>> = vec![Vec::new(); SIZES.len()];
    let mut bare: Vec<Vec<f64>> = vec![Vec::new(); SIZES.len()];
    for round in 1..=args.rounds {
        for (at, size) in SIZES.iter().enumerate() {
            step.note(format!("round {round} of {}, {}", args.rounds, size.name));
            speeds[at].push(give(load, size, args.inputs, &["65536", "--untimed"])?.inputs_per_second);
            bare[at].push(give(load, size, args.inputs, &["0", "--untimed"])?.inputs_per_second);
        }
    }
    let mut rows = Vec::new();
    for (at, size) in SIZES.iter().enumerate() {
        step.note(format!("each input of {}", size.name));
        let figures = give(load, size, args.inputs, &["65536"])?;
        let instructions_per_input = if valgrind {
            step.note(format!("instructions of {}", size.name));
            Some(instructions(load, size)?)
        } else {
            None
        };
        let ratios = |of: &dyn Fn(usize) -> f64| median((0..args.rounds).map(of).collect());
        rows.push(Row {
            size: *size,
            inputs_per_second: median(speeds[at].clone()),
            cost_to_small: ratios(&|round| speeds[0][round] / speeds[at][round]),
            without_record: ratios(&|round| speeds[at][round] / bare[at][round]),
            figures,
            instructions_per_input,
        });
    }
    step.done("");
    Ok(rows)
}

/// Runs the load once.
fn give(load: &Path, size: &Size, inputs: u64, more: &[&str]) -> Result<Figures> {
    let printed = run::output(command(load, size, inputs).args(more))?;
    serde_json::from_str(&printed).with_context(|| format!("the load printed {printed}"))
}

fn command(load: &Path, size: &Size, inputs: u64) -> Command {
    let mut command = Command::new(load);
    command.args(words(size, inputs));
    command
}

fn words(size: &Size, inputs: u64) -> Vec<String> {
    let kind = if size.saturated { "saturated" } else { "idle" };
    let mut words: Vec<String> = [
        size.agents,
        size.queues,
        size.queues_per_agent,
        size.waiting,
        inputs,
    ]
    .iter()
    .map(u64::to_string)
    .collect();
    words.push(kind.to_owned());
    words
}

fn instructions(load: &Path, size: &Size) -> Result<f64> {
    let mut counted = [0.0; 2];
    for (count, inputs) in counted.iter_mut().zip(COUNTED) {
        let mut valgrind = Command::new("valgrind");
        valgrind
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(load)
            .args(words(size, inputs))
            .args(["65536", "--untimed"]);
        let output = valgrind.output().context("cannot start valgrind")?;
        let said = String::from_utf8_lossy(&output.stderr);
        *count = collected(&said).with_context(|| format!("valgrind said: {said}"))?;
    }
    // A fifth more is given for warming up.
    Ok((counted[1] - counted[0]) / (COUNTED[1] - COUNTED[0]) as f64 / 1.2)
}

/// The count in callgrind's last words.
fn collected(said: &str) -> Option<f64> {
    let line = said.lines().find(|line| line.contains("Collected :"))?;
    line.rsplit(' ').next()?.replace(',', "").parse().ok()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn table(rows: &[Row], args: &Args) -> String {
    let mut text = format!(
        "{} inputs a run, {} rounds in turn; medians. x: cost of an input to that of the small size in the same round\n\n",
        args.inputs, args.rounds
    );
    let _ = writeln!(
        text,
        "{:<20}{:>8}{:>8}{:>7}{:>9}{:>12}{:>7}{:>8}{:>9}{:>9}{:>9}{:>9}",
        "size",
        "agents",
        "queues",
        "each",
        "waiting",
        "inputs/s",
        "x",
        "instr.",
        "p50 us",
        "p99 us",
        "p99.9 us",
        "max us"
    );
    for row in rows {
        let all = row.figures.kinds.iter().find(|kind| kind.kind == "all");
        let micros = |pick: fn(&Kind) -> u64| {
            all.map_or("-".to_owned(), |kind| {
                format!("{:.2}", pick(kind) as f64 / 1000.0)
            })
        };
        let _ = writeln!(
            text,
            "{:<20}{:>8}{:>8}{:>7}{:>9}{:>12.0}{:>7.2}{:>8}{:>9}{:>9}{:>9}{:>9}",
            row.size.name,
            row.size.agents,
            row.size.queues,
            row.size.queues_per_agent,
            row.size.waiting,
            row.inputs_per_second,
            row.cost_to_small,
            row.instructions_per_input
                .map_or("-".to_owned(), |count| format!("{count:.0}")),
            micros(|kind| kind.p50),
            micros(|kind| kind.p99),
            micros(|kind| kind.p999),
            micros(|kind| kind.max),
        );
    }
    let _ = writeln!(text, "\nnanoseconds of each kind of input, mean / p99.9");
    for row in rows {
        let kinds: Vec<String> = row
            .figures
            .kinds
            .iter()
            .map(|kind| format!("{} {} / {}", kind.kind, kind.mean, kind.p999))
            .collect();
        let _ = writeln!(text, "{:<20}{}", row.size.name, kinds.join("   "));
    }
    let _ = writeln!(
        text,
        "\nbytes: a membership, a talking call, a waiting caller; and what the record of decisions costs"
    );
    for row in rows {
        let figures = &row.figures;
        let _ = writeln!(
            text,
            "{:<20}{:>6}{:>7}{:>7}   {:.3} x with the record of decisions",
            row.size.name,
            figures.bytes_per_membership,
            figures.bytes_per_talking,
            figures.bytes_per_waiting,
            1.0 / row.without_record
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_read_from_valgrinds_last_words() {
        let said =
            "==7== Events    : Ir\n==7== Collected : 2311550743\n==7== \n==7== I   refs:      2,311,550,743";
        assert_eq!(collected(said), Some(2_311_550_743.0));
        assert_eq!(collected("==7== nothing"), None);
    }

    #[test]
    fn sizes_are_what_the_product_is_held_to() {
        let full = SIZES[2];
        assert_eq!(
            (full.agents, full.queues, full.queues_per_agent, full.waiting),
            (10_000, 1_000, 20, 50_000)
        );
    }
}
