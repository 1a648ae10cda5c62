//! The daemon under load: one measurement of it, or of what it is compared with, as JSON. `cargo xtask bench daemon` builds and runs it.
//!
//! ```text
//! floor bare    DIR EVENTS                     SQLite alone
//! floor store   DIR EVENTS DAEMON              events as fast as the daemon takes them
//! floor live    DIR SECONDS STREAMS DAEMON     scrapes, then streams, while 1,000 events a second flow
//! floor recover DIR EVENTS DAEMON              a start on a store of so many events, after a kill
//! ```
#![allow(
    missing_docs,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for measuring, not a part of the product"
)]

mod bare;
mod clients;
mod node;
mod process;
mod story;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clients::Clients;
use node::Node;
use process::Process;
use serde::Serialize;
use story::{Size, Story};

pub(crate) type Fallible<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

const FLOOR: Size = Size {
    agents: 10_000,
    queues: 1_000,
    tiers: 2,
    each: 20,
};
/// Events a second while scrapes and streams are measured.
const RATE: u64 = 1_000;
/// Events a second at which a steady flow's lag is measured, beside full speed.
const STEADY: u64 = 10_000;
const SCRAPES: usize = 60;

fn main() -> Fallible<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let story = || {
        Story::new(FLOOR, node::NAME, node::BOOT)
            .map(Arc::new)
            .map_err(|error| error.to_string())
    };
    let printed = match words[..] {
        ["bare", dir, events] => {
            serde_json::to_string(&bare::insert(Path::new(dir), &*story()?, events.parse()?)?)
        }
        ["store", dir, events, daemon] => serde_json::to_string(&store(
            Path::new(dir),
            story()?,
            events.parse()?,
            Path::new(daemon),
        )?),
        ["live", dir, seconds, streams, daemon] => serde_json::to_string(&live(
            Path::new(dir),
            story()?,
            seconds.parse()?,
            streams.parse()?,
            Path::new(daemon),
        )?),
        ["recover", dir, events, daemon] => serde_json::to_string(&recover(
            Path::new(dir),
            story()?,
            events.parse()?,
            Path::new(daemon),
        )?),
        _ => {
            return Err(
                "usage: floor bare|store|live|recover DIR ...; see the first lines of its source".into(),
            );
        }
    };
    println!("{}", printed?);
    Ok(())
}

#[derive(Serialize)]
struct Stored {
    events: u64,
    events_per_second: f64,
    cpu_us_per_event: f64,
    commit_p50_ms: f64,
    commit_p99_ms: f64,
    /// From an event's coming to the socket until it is acknowledged, at full speed: what lies in buffers counts.
    lag_p50_ms: f64,
    lag_p99_ms: f64,
    /// The same of a flow of `steady_rate` events a second.
    steady_rate: u64,
    steady_lag_p50_ms: f64,
    steady_lag_p99_ms: f64,
    file_bytes: u64,
}

fn store(dir: &Path, story: Arc<Story>, events: u64, program: &Path) -> Fallible<Stored> {
    let mut node = Node::new(dir, story)?;
    process::settings(dir, &node.socket)?;
    let daemon = Process::start(program, dir)?;
    let mut to = node.accept()?;
    // The floor is there.
    node.tell(&mut to, 1_000, None)?;
    to.acknowledged(node.seq())?;
    to.lags();
    let (begun, cpu) = (Instant::now(), daemon.cpu()?);
    node.tell(&mut to, events, None)?;
    to.acknowledged(node.seq())?;
    let (seconds, cpu) = (begun.elapsed().as_secs_f64(), daemon.cpu()? - cpu);
    let mut full = to.lags();
    let text = String::from_utf8(daemon.get("/metrics")?)?;
    let commit = |share| commits(&text, share);
    let (commit_p50_ms, commit_p99_ms) = (commit(0.5), commit(0.99));
    node.tell(&mut to, 5 * STEADY, Some(STEADY))?;
    to.acknowledged(node.seq())?;
    let mut steady = to.lags();
    Ok(Stored {
        events,
        events_per_second: events as f64 / seconds,
        cpu_us_per_event: cpu * 1e6 / events as f64,
        commit_p50_ms,
        commit_p99_ms,
        lag_p50_ms: percentile(&mut full, 0.5) * 1e3,
        lag_p99_ms: percentile(&mut full, 0.99) * 1e3,
        steady_rate: STEADY,
        steady_lag_p50_ms: percentile(&mut steady, 0.5) * 1e3,
        steady_lag_p99_ms: percentile(&mut steady, 0.99) * 1e3,
        file_bytes: std::fs::metadata(dir.join("events.db"))?.len(),
    })
}

/// The upper bound of the bucket in which a share of the commits lies, in ms.
fn commits(metrics: &str, share: f64) -> f64 {
    let buckets: Vec<(f64, f64)> = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("hotline_store_commit_seconds_bucket{le=\""))
        .filter_map(|rest| rest.split_once("\"} "))
        .filter_map(|(bound, count)| Some((bound.replace('+', "").parse().ok()?, count.parse().ok()?)))
        .collect();
    let all = buckets.last().map_or(0.0, |(_, count)| *count);
    let found = buckets.iter().find(|(_, count)| *count >= share * all);
    found.map_or(f64::NAN, |(bound, _)| bound * 1e3)
}

#[derive(Serialize)]
struct Live {
    agents: usize,
    queues: usize,
    /// Of the daemon's memory with the floor, in MiB: nobody looks yet.
    memory_mib: f64,
    /// Of one core, while events flow and nobody looks.
    idle_cpu_percent: f64,
    scrapes: usize,
    scrape_p50_ms: f64,
    scrape_p99_ms: f64,
    scrape_bytes: usize,
    scrape_series: usize,
    /// Processor time that a scrape takes.
    scrape_cpu_ms: f64,
    /// What the memory is after the scrapes.
    scraped_memory_mib: f64,
    streams: usize,
    /// Streams that got each change, in order.
    complete: usize,
    /// Streams that ended early.
    ended: usize,
    /// From the first request until all had everything there is.
    opening_seconds: f64,
    deltas_each: u64,
    seconds: f64,
    megabytes_per_second: f64,
    streams_cpu_percent: f64,
    change_p50_ms: f64,
    change_p99_ms: f64,
    streams_memory_mib: f64,
}

fn live(dir: &Path, story: Arc<Story>, seconds: u64, streams: usize, program: &Path) -> Fallible<Live> {
    let mut node = Node::new(dir, story)?;
    process::settings(dir, &node.socket)?;
    let daemon = Process::start(program, dir)?;
    let mut to = node.accept()?;
    // One turn of everything: all counters count.
    node.tell(&mut to, 100_000, None)?;
    to.acknowledged(node.seq())?;
    let stop = Arc::new(AtomicBool::new(false));
    let stopping = stop.clone();
    let flow = std::thread::spawn(move || -> Fallible<()> {
        while !stopping.load(Ordering::Relaxed) {
            node.tell(&mut to, RATE / 10, Some(RATE))?;
        }
        to.acknowledged(node.seq())
    });
    let share = |seconds: f64| -> Fallible<f64> {
        let (begun, cpu) = (Instant::now(), daemon.cpu()?);
        std::thread::sleep(Duration::from_secs_f64(seconds));
        Ok((daemon.cpu()? - cpu) * 100.0 / begun.elapsed().as_secs_f64())
    };
    std::thread::sleep(Duration::from_secs(1));
    let idle_cpu_percent = share(4.0)?;
    let memory_mib = daemon.memory()?;

    let mut times = Vec::new();
    let mut text = Vec::new();
    let mut scraping = 0.0;
    for _ in 0..SCRAPES {
        let (begun, cpu) = (Instant::now(), daemon.cpu()?);
        text = daemon.get("/metrics")?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
        scraping += daemon.cpu()? - cpu;
        std::thread::sleep(Duration::from_millis(50));
    }
    let series = text
        .split(|byte| *byte == b'\n')
        .filter(|line| line.starts_with(b"hotline_"))
        .count();
    let scraped_memory_mib = daemon.memory()?;

    let begun = Instant::now();
    let clients = Clients::open(daemon.http, streams)?;
    let opening_seconds = begun.elapsed().as_secs_f64();
    std::thread::sleep(Duration::from_secs(1));
    clients.reset();
    let begun = Instant::now();
    let streams_cpu_percent = share(seconds as f64)?;
    let streams_memory_mib = daemon.memory()?;
    stop.store(true, Ordering::Relaxed);
    flow.join().map_err(|_| "the flow ended in disorder")??;
    let taken = begun.elapsed().as_secs_f64();
    let mut sum = clients.finish()?;
    Ok(Live {
        agents: FLOOR.agents,
        queues: FLOOR.queues,
        memory_mib,
        idle_cpu_percent,
        scrapes: SCRAPES,
        scrape_p50_ms: percentile(&mut times, 0.5),
        scrape_p99_ms: percentile(&mut times, 0.99),
        scrape_bytes: text.len(),
        scrape_series: series,
        scrape_cpu_ms: scraping * 1e3 / SCRAPES as f64,
        scraped_memory_mib,
        streams,
        complete: sum.complete,
        ended: sum.ended,
        opening_seconds,
        deltas_each: sum.deltas_each,
        seconds: taken,
        megabytes_per_second: sum.bytes as f64 / 1e6 / taken,
        streams_cpu_percent,
        change_p50_ms: percentile(&mut sum.ages, 0.5),
        change_p99_ms: percentile(&mut sum.ages, 0.99),
        streams_memory_mib,
    })
}

#[derive(Serialize)]
struct Recovered {
    events: u64,
    file_bytes: u64,
    /// From the start until the state is restored.
    ready_ms: f64,
    memory_mib: f64,
}

fn recover(dir: &Path, story: Arc<Story>, events: u64, program: &Path) -> Fallible<Recovered> {
    let mut node = Node::new(dir, story)?;
    process::settings(dir, &node.socket)?;
    let daemon = Process::start(program, dir)?;
    let mut to = node.accept()?;
    node.tell(&mut to, events, None)?;
    to.acknowledged(node.seq())?;
    daemon.kill()?;
    let begun = Instant::now();
    let daemon = Process::start(program, dir)?;
    daemon.ready()?;
    let ready_ms = begun.elapsed().as_secs_f64() * 1e3;
    let mut to = node.accept()?;
    if node.seq() != events {
        return Err(format!(
            "the daemon had acknowledged {events} events and goes on after {}",
            node.seq()
        )
        .into());
    }
    node.tell(&mut to, 1_000, None)?;
    to.acknowledged(node.seq())?;
    Ok(Recovered {
        events,
        file_bytes: std::fs::metadata(dir.join("events.db"))?.len(),
        ready_ms,
        memory_mib: daemon.memory()?,
    })
}

/// The value below which a share of the samples lies.
pub(crate) fn percentile(samples: &mut [f64], share: f64) -> f64 {
    samples.sort_by(f64::total_cmp);
    let last = samples.len().saturating_sub(1);
    samples
        .get((share * last as f64).round() as usize)
        .copied()
        .unwrap_or(f64::NAN)
}
