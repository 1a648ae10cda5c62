//! A list of a given length, for measuring: how long it takes to build, load and swap, what it keeps in memory, and how long
//! a lookup takes, beside a table of SQLite with the same entries.
//!
//! Prints one JSON object. `cargo xtask bench blacklist` runs it in all lengths and makes a table of it.
//!
//! The list: 99 % numbers of eleven digits, spread over all there are, and 1 % prefixes of eight digits. SQLite looks for the
//! longest of number and prefixes that is there, by its primary key: first the number itself, then its beginning, of the
//! one length that prefixes have here, in one transaction. Patterns are in neither, for a table has no use for them.
#![forbid(unsafe_code)]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that prints its result"
)]

use std::error::Error;
use std::hint::black_box;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use arc_swap::ArcSwap;
use hotline_blacklist::csv::{self, OnBad, Rules};
use hotline_blacklist::index::Builder;
use hotline_blacklist::overlay::Overlay;
use hotline_blacklist::{Entry, Index, List, Number, Plan, Query};
use rusqlite::{Connection, OpenFlags, params};
use serde_json::{Value, json};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// One entry of so many is a prefix.
const PREFIX_EVERY: u64 = 100;
/// How many digits of a prefix are dialled, and how long it is with country code and sign.
const PREFIX_DIGITS: usize = 8;
const PREFIX_TEXT: usize = 3 + PREFIX_DIGITS;
/// The numbers are `1` and ten more digits.
const SPACE: u64 = 10_000_000_000;
/// Has no divisor in common with the space, so that no number comes twice.
const STEP: u64 = 7_236_067_977;
const REASONS: [&str; 4] = [
    "rings and hangs up",
    "insults",
    "sells things",
    "asked to be left alone",
];
/// How often the index is swapped while lookups go on.
const SWAPS: usize = 5;

const USAGE: &str = "usage: lookups build ENTRIES FOLDER, then lookups ask ENTRIES LOOKUPS FOLDER; both numbers at least 1000";

/// Where all is kept, in a folder that is there.
struct Files {
    csv: PathBuf,
    index: PathBuf,
    table: PathBuf,
}

impl Files {
    fn of(folder: &str) -> Files {
        let file = |name| Path::new(folder).join(name);
        Files {
            csv: file("list.csv"),
            index: file("list.index"),
            table: file("list.db"),
        }
    }
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let count = |word: &str| word.parse().ok().filter(|count: &u64| *count >= 1_000);
    let figures = match words[..] {
        ["build", entries, folder] => count(entries).map(|entries| build(entries, &Files::of(folder))),
        ["ask", entries, lookups, folder] => count(entries)
            .zip(count(lookups))
            .map(|(entries, lookups)| ask(entries, lookups, &Files::of(folder))),
        _ => None,
    };
    match figures {
        Some(Ok(figures)) => {
            println!("{figures}");
            ExitCode::SUCCESS
        }
        Some(Err(error)) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
        None => {
            eprintln!("{USAGE}");
            ExitCode::FAILURE
        }
    }
}

/// The dialled form of the number at a place.
fn dialled(place: u64) -> String {
    format!("1{:010}", place.wrapping_mul(STEP) % SPACE)
}

/// Builds both, each from the same CSV. In a process of its own, so that what it needed is not there when memory is measured.
fn build(entries: u64, files: &Files) -> Result<Value> {
    write_csv(&files.csv, entries)?;
    let plan = Plan::default();
    let before = resident()?;
    let begun = Instant::now();
    let mut builder = Builder::new(&plan);
    read_csv(&files.csv, &plan, |entry| {
        builder
            .add(&entry)
            .map_err(|why| csv::Unwanted::All(why.to_string()))
    })?;
    let held = resident()?.saturating_sub(before);
    builder.write(&files.index, 1)?;
    let index = begun.elapsed();
    let begun = Instant::now();
    build_table(&files.table, &files.csv, &plan)?;
    let table = begun.elapsed();
    let file = |path: &Path| std::fs::metadata(path).map(|file| file.len());
    Ok(json!({
        "index": {"seconds": index.as_secs_f64(), "file_bytes": file(&files.index)?, "held_bytes": held},
        "sqlite": {"seconds": table.as_secs_f64(), "file_bytes": file(&files.table)?},
    }))
}

fn ask(entries: u64, lookups: u64, files: &Files) -> Result<Value> {
    let plan = Plan::default();
    let before = resident()?;
    let begun = Instant::now();
    let loaded = Arc::new(Index::open(&files.index, &plan, u64::MAX)?);
    let load = begun.elapsed();
    let held = resident()?.saturating_sub(before);
    let list = List::new(Some(loaded), Overlay::default());
    let asked = Asked::choose(&list, &plan, entries, lookups)?;
    let ours = json!({
        "load_seconds": load.as_secs_f64(),
        "memory_bytes": held,
        "hit": timed(&asked.hits, |number| list.lookup(&query(*number)).is_some())?,
        "miss": timed(&asked.misses, |number| list.lookup(&query(*number)).is_none())?,
    });
    let swap = swap(list, &files.index, &plan, &asked)?;

    let texts = |numbers: &[Number]| -> Vec<String> { numbers.iter().map(Number::to_string).collect() };
    let (hits, misses) = (texts(&asked.hits), texts(&asked.misses));
    let before = resident()?;
    let begun = Instant::now();
    let base = open_table(&files.table)?;
    let load = begun.elapsed();
    let mut statement = base.prepare("SELECT action, reason FROM list WHERE number = ?1 AND prefix = ?2")?;
    let mut find = |number: &str, prefix: bool| {
        let found = statement.query_row(params![number, prefix], |row| {
            black_box(row.get_ref(0)?.as_str()?);
            black_box(row.get_ref(1)?.as_str()?);
            Ok(())
        });
        found.is_ok()
    };
    let mut look = |text: &String| find(text, false) || find(&text[..PREFIX_TEXT], true);
    // Its cache is as full as it gets, as ours is.
    for text in &hits {
        look(text);
    }
    let held = resident()?.saturating_sub(before);
    let theirs = json!({
        "load_seconds": load.as_secs_f64(),
        "memory_bytes": held,
        "hit": timed(&hits, &mut look)?,
        "miss": timed(&misses, |text| !look(text))?,
    });
    Ok(json!({
        "clock_ns": clock(),
        "index": ours,
        "swap": swap,
        "sqlite": theirs,
        "sqlite_version": rusqlite::version(),
    }))
}

fn write_csv(path: &Path, entries: u64) -> Result<()> {
    let mut to = BufWriter::new(std::fs::File::create(path)?);
    writeln!(to, "number,action,reason,author,added")?;
    for place in 0..entries {
        let number = dialled(place);
        let (number, rest) = if place % PREFIX_EVERY == 0 {
            (&number[..PREFIX_DIGITS], "*")
        } else {
            (number.as_str(), "")
        };
        let action = if place % 3 == 0 { "release:21" } else { "busy" };
        let reason = REASONS[(place % 4) as usize];
        writeln!(to, "{number}{rest},{action},{reason},li,2026-01-01T00:00:00Z")?;
    }
    to.flush()?;
    Ok(())
}

fn read_csv(
    path: &Path,
    plan: &Plan,
    take: impl FnMut(Entry) -> std::result::Result<(), csv::Unwanted>,
) -> Result<()> {
    let rules = Rules {
        plan,
        author: "li",
        reason: "",
        added: 1,
    };
    csv::read(
        std::io::BufReader::new(std::fs::File::open(path)?),
        &rules,
        OnBad::Refuse,
        take,
    )?;
    Ok(())
}

/// Callers who are on the list, and callers who are not, in no order.
struct Asked {
    hits: Vec<Number>,
    misses: Vec<Number>,
}

impl Asked {
    fn choose(list: &List, plan: &Plan, entries: u64, lookups: u64) -> Result<Asked> {
        let known = |number: Number| list.lookup(&query(number)).is_some();
        let mut random = 7_u64;
        let mut next = |below: u64| {
            // xorshift64
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random % below
        };
        let mut asked = Asked {
            hits: Vec::new(),
            misses: Vec::new(),
        };
        while (asked.hits.len() as u64) < lookups {
            // Whoever is at the place of a prefix begins so.
            let number = plan.number(&dialled(next(entries)))?;
            if !known(number) {
                return Err(format!("{number} is not on the list").into());
            }
            asked.hits.push(number);
        }
        while (asked.misses.len() as u64) < lookups {
            // Prefixes are about others, too.
            let number = plan.number(&dialled(entries + next(SPACE - entries)))?;
            if !known(number) {
                asked.misses.push(number);
            }
        }
        Ok(asked)
    }
}

fn query(number: Number) -> Query<'static> {
    Query {
        number,
        queue: Some("support"),
        tier: Some("gold"),
        now: 1_800_000_000_000_000,
    }
}

/// Each lookup by itself; all must be answered as expected.
fn timed<T>(asked: &[T], mut look: impl FnMut(&T) -> bool) -> Result<Value> {
    let mut took = Vec::with_capacity(asked.len());
    for one in asked {
        let begun = Instant::now();
        let right = black_box(look(black_box(one)));
        let time = begun.elapsed();
        if !right {
            return Err("a lookup was answered wrongly".into());
        }
        took.push(time.as_nanos() as u32);
    }
    Ok(percentiles(took))
}

fn percentiles(mut took: Vec<u32>) -> Value {
    took.sort_unstable();
    let at = |share: f64| {
        let last = took.len().saturating_sub(1);
        took.get((share * last as f64).round() as usize)
    };
    json!({
        "count": took.len(),
        "p50_ns": at(0.5),
        "p99_ns": at(0.99),
        "p999_ns": at(0.999),
        "max_ns": at(1.0),
    })
}

/// What taking the time twice shows when nothing is between: part of every figure.
fn clock() -> u32 {
    let mut took: Vec<u32> = (0..100_000)
        .map(|_| Instant::now().elapsed().as_nanos() as u32)
        .collect();
    took.sort_unstable();
    took.get(took.len() / 2).copied().unwrap_or(0)
}

/// Another index takes the place of the one in use, as a node does it, while a caller's thread goes on asking.
fn swap(list: List, file: &Path, plan: &Plan, asked: &Asked) -> Result<Value> {
    let shown = ArcSwap::from_pointee(list);
    let ended = AtomicBool::new(false);
    let mut loads = Vec::new();
    let mut swaps = Vec::new();
    let took = std::thread::scope(|scope| -> Result<Vec<u32>> {
        let reader = scope.spawn(|| {
            let mut took = Vec::new();
            let numbers = asked.hits.iter().zip(&asked.misses).cycle();
            for (hit, miss) in numbers.take_while(|_| !ended.load(Ordering::Relaxed)) {
                for (number, known) in [(*hit, true), (*miss, false)] {
                    let begun = Instant::now();
                    let found = shown.load().lookup(&query(number)).is_some();
                    took.push(begun.elapsed().as_nanos() as u32);
                    assert_eq!(found, known, "{number} in the middle of a swap");
                }
            }
            took
        });
        let mut swapped = || -> Result<()> {
            for _ in 0..SWAPS {
                let begun = Instant::now();
                let mut next = List::clone(&shown.load());
                next.set_index(Some(Arc::new(Index::open(file, plan, u64::MAX)?)));
                loads.push(begun.elapsed().as_secs_f64());
                let begun = Instant::now();
                let old = shown.swap(Arc::new(next));
                swaps.push(begun.elapsed().as_nanos() as u32);
                drop(old);
            }
            Ok(())
        };
        let swapped = swapped();
        ended.store(true, Ordering::Relaxed);
        let took = reader.join().map_err(|_| "a lookup went wrong during a swap")?;
        swapped.map(|()| took)
    })?;
    Ok(json!({
        "swaps": SWAPS,
        "load_seconds": loads.iter().sum::<f64>() / SWAPS as f64,
        "swap": percentiles(swaps),
        "lookup": percentiles(took),
    }))
}

/// All entries, keyed by number.
fn build_table(path: &Path, list: &Path, plan: &Plan) -> Result<()> {
    let base = Connection::open(path)?;
    base.execute_batch(
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -4000000;
         CREATE TABLE list (number TEXT, prefix INTEGER, action TEXT, reason TEXT, PRIMARY KEY (number, prefix)) WITHOUT ROWID;
         BEGIN;",
    )?;
    {
        let mut insert = base.prepare("INSERT OR REPLACE INTO list VALUES (?1, ?2, ?3, ?4)")?;
        read_csv(list, plan, |entry| {
            let what = entry.what.to_string();
            let number = what.trim_end_matches('*');
            let prefix = number.len() != what.len();
            let action = entry.profile.action.to_string();
            let done = insert.execute(params![number, prefix, action, entry.profile.reason]);
            done.map(|_| ())
                .map_err(|error| csv::Unwanted::All(error.to_string()))
        })?;
    }
    base.execute_batch("COMMIT; PRAGMA optimize;")?;
    Ok(())
}

/// The whole of it stays in its cache.
fn open_table(path: &Path) -> Result<Connection> {
    let base = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    // In one transaction, or each lookup would lock the file anew, which takes longer than the lookup.
    base.execute_batch("PRAGMA cache_size = -4000000; BEGIN;")?;
    base.query_row("SELECT 1 FROM list LIMIT 1", [], |_| Ok(()))?;
    Ok(base)
}

/// Memory that the process holds now; bytes.
fn resident() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.split_whitespace().next())
        .ok_or("the system does not say how much memory is held")?;
    Ok(kib.parse::<u64>()? * 1024)
}
