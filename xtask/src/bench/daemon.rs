//! `cargo xtask bench daemon`: how many events a second the daemon stores beside SQLite alone, what a scrape and live streams cost
//! while events flow, and how long a start takes.

use crate::artefacts::{self, Profile, cargo};
use crate::progress::Step;
use crate::run;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use super::measure::median;

/// The daemon alone, told of a floor of 10,000 agents in 20 of 1,000 queues each by a fake node on its real control socket.
///
/// Storing is measured in turns with a bare loop of SQLite that inserts the same bodies: the ratio holds on any machine with
/// such a disk. Takes about three minutes, 3 GB of disk, and, for what reads the streams, one of the cores.
#[derive(clap::Args, Clone)]
pub(crate) struct Args {
    /// Events that are stored in each round
    #[arg(long, default_value_t = 300_000, value_name = "N")]
    events: u64,
    /// Rounds of storing; the median of all is reported
    #[arg(long, default_value_t = 3, value_name = "R")]
    rounds: usize,
    /// Readers of the stream of events
    #[arg(long, default_value_t = 500, value_name = "S")]
    streams: usize,
    /// Seconds for which they read
    #[arg(long, default_value_t = 15, value_name = "T")]
    seconds: u64,
    /// Events in the store at the measured start
    #[arg(long, default_value_t = 1_000_000, value_name = "N")]
    stored: u64,
    /// One round of a tenth of everything but the streams: shows that it works, no more
    #[arg(long)]
    quick: bool,
    /// Print the figures as JSON instead of a table
    #[arg(long)]
    json: bool,
}

/// All of it, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Report {
    cores: usize,
    rounds: Vec<Round>,
    live: Live,
    start: Start,
}

/// One round of storing.
#[derive(Debug, Serialize)]
struct Round {
    sqlite: Bare,
    daemon: Stored,
    /// The daemon's events a second, to SQLite's.
    ratio: f64,
}

/// What `floor bare` prints; see the example `floor` of hotline-supervisord.
#[derive(Debug, Clone, Deserialize, Serialize)]
struct Bare {
    events_per_second: f64,
    commit_p50_ms: f64,
    commit_p99_ms: f64,
    mean_body_bytes: u64,
}

/// What `floor store` prints.
#[derive(Debug, Clone, Deserialize, Serialize)]
struct Stored {
    events_per_second: f64,
    cpu_us_per_event: f64,
    /// Upper bounds of buckets.
    commit_p50_ms: f64,
    commit_p99_ms: f64,
    lag_p50_ms: f64,
    lag_p99_ms: f64,
    steady_rate: u64,
    steady_lag_p50_ms: f64,
    steady_lag_p99_ms: f64,
}

/// What `floor live` prints.
#[derive(Debug, Clone, Deserialize, Serialize)]
struct Live {
    agents: u64,
    queues: u64,
    memory_mib: f64,
    idle_cpu_percent: f64,
    scrapes: u64,
    scrape_p50_ms: f64,
    scrape_p99_ms: f64,
    scrape_bytes: u64,
    scrape_series: u64,
    scrape_cpu_ms: f64,
    scraped_memory_mib: f64,
    streams: u64,
    complete: u64,
    ended: u64,
    opening_seconds: f64,
    deltas_each: u64,
    seconds: f64,
    megabytes_per_second: f64,
    streams_cpu_percent: f64,
    change_p50_ms: f64,
    change_p99_ms: f64,
    streams_memory_mib: f64,
}

/// What `floor recover` prints.
#[derive(Debug, Clone, Deserialize, Serialize)]
struct Start {
    events: u64,
    file_bytes: u64,
    ready_ms: f64,
    memory_mib: f64,
}

/// The command itself.
pub(crate) fn main(args: &Args) -> Result<()> {
    let mut args = args.clone();
    if args.quick {
        (args.events, args.rounds) = (args.events / 10, 1);
        (args.seconds, args.stored) = (args.seconds.min(3), args.stored / 10);
    }
    if args.rounds == 0 || args.events < 10_000 || args.stored < 10_000 || args.seconds == 0 {
        bail!("--rounds and --seconds must be at least 1, --events and --stored at least 10000");
    }
    if !(1..=700).contains(&args.streams) {
        bail!("--streams must be between 1 and 700: the daemon has places for 768");
    }
    let workspace = Workspace::find()?;
    let daemon = artefacts::daemon(&workspace, Profile::Release)?.supervisord;
    let step = Step::start("building what tells and reads");
    run::output(cargo(&workspace, None).args([
        "build",
        "--release",
        "--package",
        "hotline-supervisord",
        "--example",
        "floor",
    ]))?;
    step.done("");
    let floor = workspace.target.join("release/examples/floor");
    let report = measure(&args, &floor, &daemon)?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!("\n{}", table(&report, args.events));
    }
    Ok(())
}

fn measure(args: &Args, floor: &Path, daemon: &Path) -> Result<Report> {
    let step = Step::start("measuring");
    let events = args.events.to_string();
    let mut rounds = Vec::new();
    for round in 1..=args.rounds {
        step.note(format!("round {round} of {}, SQLite alone", args.rounds));
        let sqlite: Bare = printed(floor, &["bare"], &[&events], None)?;
        step.note(format!("round {round} of {}, the daemon", args.rounds));
        let stored: Stored = printed(floor, &["store"], &[&events], Some(daemon))?;
        let ratio = stored.events_per_second / sqlite.events_per_second;
        rounds.push(Round {
            sqlite,
            daemon: stored,
            ratio,
        });
    }
    step.note(format!("scrapes and {} streams", args.streams));
    let (seconds, streams) = (args.seconds.to_string(), args.streams.to_string());
    let live = printed(floor, &["live"], &[&seconds, &streams], Some(daemon))?;
    step.note("a start");
    let start = printed(floor, &["recover"], &[&args.stored.to_string()], Some(daemon))?;
    step.done("");
    Ok(Report {
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        rounds,
        live,
        start,
    })
}

/// One measurement in a folder of its own.
fn printed<T: DeserializeOwned>(
    floor: &Path,
    what: &[&str],
    numbers: &[&str],
    daemon: Option<&Path>,
) -> Result<T> {
    let dir = std::env::temp_dir().join(format!("hotline-bench-{}", std::process::id()));
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot make the folder {}", dir.display()))?;
    let printed = run::output(
        Command::new(floor)
            .args(what)
            .arg(&dir)
            .args(numbers)
            .args(daemon),
    );
    std::fs::remove_dir_all(&dir).with_context(|| format!("cannot delete {}", dir.display()))?;
    let printed = printed?;
    serde_json::from_str(&printed).with_context(|| format!("the program printed {printed}"))
}

fn table(report: &Report, events: u64) -> String {
    let mut text = format!(
        "{} agents in 20 of {} queues each; {} rounds of {events} events, {} bytes each in the mean; {} cores; medians\n\n",
        report.live.agents,
        report.live.queues,
        report.rounds.len(),
        report
            .rounds
            .first()
            .map_or(0, |round| round.sqlite.mean_body_bytes),
        report.cores,
    );
    let of = |figure: fn(&Round) -> f64| {
        let samples: Vec<f64> = report.rounds.iter().map(figure).collect();
        median(&samples).unwrap_or(f64::NAN)
    };
    let mut row = |title: &str, cells: &[String]| {
        let _ = write!(text, "{title:<44}");
        for cell in cells {
            let _ = write!(text, "{cell:>14}");
        }
        text.push('\n');
    };
    let two = |value: f64| format!("{value:.2}");
    let whole = |value: f64| format!("{value:.0}");
    row("", &["SQLite alone".into(), "daemon".into(), "ratio".into()]);
    row(
        "events stored a second",
        &[
            whole(of(|round| round.sqlite.events_per_second)),
            whole(of(|round| round.daemon.events_per_second)),
            format!("{:.2} x", of(|round| round.ratio)),
        ],
    );
    row(
        "commit, p50, ms",
        &[
            two(of(|round| round.sqlite.commit_p50_ms)),
            format!("<= {}", of(|round| round.daemon.commit_p50_ms)),
        ],
    );
    row(
        "commit, p99, ms",
        &[
            two(of(|round| round.sqlite.commit_p99_ms)),
            format!("<= {}", of(|round| round.daemon.commit_p99_ms)),
        ],
    );
    let mut daemon = |title: &str, value: String| row(title, &[String::new(), value]);
    daemon(
        "processor time an event, us",
        two(of(|round| round.daemon.cpu_us_per_event)),
    );
    daemon(
        "told to acknowledged, full speed, p50, ms",
        two(of(|round| round.daemon.lag_p50_ms)),
    );
    daemon(
        "told to acknowledged, full speed, p99, ms",
        two(of(|round| round.daemon.lag_p99_ms)),
    );
    let rate = report.rounds.first().map_or(0, |round| round.daemon.steady_rate);
    daemon(
        &format!("the same at {rate} a second, p50, ms"),
        two(of(|round| round.daemon.steady_lag_p50_ms)),
    );
    daemon(
        &format!("the same at {rate} a second, p99, ms"),
        two(of(|round| round.daemon.steady_lag_p99_ms)),
    );
    let live = &report.live;
    text.push_str(&format!(
        "\nwhile 1000 events a second flow\n\
         nobody looks      {:.1} % of a core, {:.0} MiB\n\
         {} scrapes        p50 {:.1} ms, p99 {:.1} ms, {:.1} MB, {} series, {:.1} ms of processor time each; then {:.0} MiB\n\
         {} streams        {} got every change in order, {} ended; open in {:.1} s; {} changes each in {:.1} s, {:.0} MB/s in all;\n\
         \x20                 p50 {:.1} ms, p99 {:.1} ms from happening to reader; {:.0} % of a core, {:.0} MiB\n",
        live.idle_cpu_percent,
        live.memory_mib,
        live.scrapes,
        live.scrape_p50_ms,
        live.scrape_p99_ms,
        live.scrape_bytes as f64 / 1e6,
        live.scrape_series,
        live.scrape_cpu_ms,
        live.scraped_memory_mib,
        live.streams,
        live.complete,
        live.ended,
        live.opening_seconds,
        live.deltas_each,
        live.seconds,
        live.megabytes_per_second,
        live.change_p50_ms,
        live.change_p99_ms,
        live.streams_cpu_percent,
        live.streams_memory_mib,
    ));
    let start = &report.start;
    text.push_str(&format!(
        "\na start after a kill, {} events in {:.0} MB: ready in {:.0} ms, {:.0} MiB\n",
        start.events,
        start.file_bytes as f64 / 1e6,
        start.ready_ms,
        start.memory_mib,
    ));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_medians_ratios_and_what_streams_got() {
        let round = |speed: f64| Round {
            sqlite: Bare {
                events_per_second: 100_000.0,
                commit_p50_ms: 8.0,
                commit_p99_ms: 20.0,
                mean_body_bytes: 321,
            },
            daemon: Stored {
                events_per_second: speed,
                cpu_us_per_event: 12.0,
                commit_p50_ms: 10.0,
                commit_p99_ms: 50.0,
                lag_p50_ms: 300.0,
                lag_p99_ms: 400.0,
                steady_rate: 10_000,
                steady_lag_p50_ms: 5.0,
                steady_lag_p99_ms: 25.0,
            },
            ratio: speed / 100_000.0,
        };
        let report = Report {
            cores: 2,
            rounds: vec![round(40_000.0), round(60_000.0), round(90_000.0)],
            live: Live {
                agents: 10_000,
                queues: 1_000,
                memory_mib: 99.0,
                idle_cpu_percent: 3.0,
                scrapes: 60,
                scrape_p50_ms: 15.0,
                scrape_p99_ms: 19.0,
                scrape_bytes: 17_000_000,
                scrape_series: 177_000,
                scrape_cpu_ms: 12.0,
                scraped_memory_mib: 120.0,
                streams: 500,
                complete: 499,
                ended: 1,
                opening_seconds: 4.0,
                deltas_each: 15_000,
                seconds: 15.0,
                megabytes_per_second: 200.0,
                streams_cpu_percent: 60.0,
                change_p50_ms: 30.0,
                change_p99_ms: 77.0,
                streams_memory_mib: 222.0,
            },
            start: Start {
                events: 1_000_000,
                file_bytes: 500_000_000,
                ready_ms: 456.0,
                memory_mib: 101.0,
            },
        };
        let table = table(&report, 300_000);
        for part in [
            "60000        0.60 x",
            "321 bytes",
            "p99 19.0 ms",
            "499 got every change in order, 1 ended",
            "p99 77.0 ms",
            "ready in 456 ms",
        ] {
            assert!(table.contains(part), "{part} in\n{table}");
        }
    }
}
