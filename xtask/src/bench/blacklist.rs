//! `cargo xtask bench blacklist`: how long a lookup takes in lists of several lengths, beside a table of SQLite in the same
//! run, and what a list costs to build, load, keep and swap.

use crate::artefacts::cargo;
use crate::progress::Step;
use crate::run;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// The blacklist alone: lookups, hits and misses, while nothing else happens and while the index is swapped.
///
/// The list has 99 % numbers and 1 % prefixes, all spread evenly. SQLite is asked in-process, by a prepared statement, for the
/// longest of number and prefixes, with all of its table in its cache. Takes about two minutes and 2 GB of disk and of memory in the longest list.
#[derive(clap::Args, Clone)]
pub(crate) struct Args {
    /// Lengths of the list
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "100000,1000000,10000000",
        value_name = "N"
    )]
    entries: Vec<u64>,
    /// Lookups of each kind
    #[arg(long, default_value_t = 1_000_000, value_name = "L")]
    lookups: u64,
    /// Print the figures as JSON instead of a table
    #[arg(long)]
    json: bool,
}

/// One length.
#[derive(Debug, Clone, Serialize)]
struct Row {
    entries: u64,
    lookups: u64,
    build: Built,
    #[serde(flatten)]
    asked: Asked,
}

/// What building prints; see the example `lookups` of hotline-blacklist.
#[derive(Debug, Clone, Deserialize, Serialize)]
struct Built {
    index: File,
    sqlite: File,
}

/// From CSV to the file on the disk.
#[derive(Debug, Clone, Deserialize, Serialize)]
struct File {
    seconds: f64,
    file_bytes: u64,
    /// What the builder keeps when all entries have come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    held_bytes: Option<u64>,
}

/// What asking prints.
#[derive(Debug, Clone, Deserialize, Serialize)]
struct Asked {
    /// What taking the time shows when nothing is between: part of every lookup's figure.
    clock_ns: u64,
    index: List,
    swap: Swap,
    sqlite: List,
    sqlite_version: String,
}

/// A list of one kind.
#[derive(Debug, Clone, Deserialize, Serialize)]
struct List {
    load_seconds: f64,
    memory_bytes: u64,
    hit: Times,
    miss: Times,
}

/// While callers are looked up, another index takes the place of the one before.
#[derive(Debug, Clone, Deserialize, Serialize)]
struct Swap {
    swaps: u64,
    /// Reading and verifying, beside the lookups.
    load_seconds: f64,
    /// The step in which the other one is there for callers.
    swap: Times,
    /// Hits and misses in turn, meanwhile.
    lookup: Times,
}

/// Nanoseconds.
#[derive(Debug, Clone, Deserialize, Serialize)]
struct Times {
    count: u64,
    p50_ns: u64,
    p99_ns: u64,
    p999_ns: u64,
    max_ns: u64,
}

/// The command itself.
pub(crate) fn main(args: &Args) -> Result<()> {
    let few = |count: &u64| *count < 1_000;
    if args.entries.iter().any(few) || few(&args.lookups) {
        bail!("--entries and --lookups must be at least 1000");
    }
    if let Some(many) = args.entries.iter().find(|count| **count > 100_000_000) {
        bail!("a list has 100,000,000 entries at most, not {many}");
    }
    let workspace = Workspace::find()?;
    let step = Step::start("building the blacklist");
    run::output(cargo(&workspace, None).args([
        "build",
        "--release",
        "--package",
        "hotline-blacklist",
        "--example",
        "lookups",
    ]))?;
    step.done("");
    let program = workspace.target.join("release/examples/lookups");
    let step = Step::start("measuring");
    let mut rows = Vec::new();
    for entries in &args.entries {
        step.note(format!("{entries} entries"));
        rows.push(measure(&program, *entries, args.lookups)?);
    }
    step.done("");
    if args.json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
    } else {
        println!("\n{}", table(&rows));
    }
    Ok(())
}

fn measure(program: &Path, entries: u64, lookups: u64) -> Result<Row> {
    let folder = std::env::temp_dir().join(format!("hotline-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let (count, asked) = (entries.to_string(), lookups.to_string());
    let measured = (|| {
        let build = printed(Command::new(program).args(["build", &count]).arg(&folder))?;
        let asked = printed(Command::new(program).args(["ask", &count, &asked]).arg(&folder))?;
        Ok(Row {
            entries,
            lookups,
            build,
            asked,
        })
    })();
    std::fs::remove_dir_all(&folder).with_context(|| format!("cannot delete {}", folder.display()))?;
    measured
}

fn printed<T: DeserializeOwned>(command: &mut Command) -> Result<T> {
    let printed = run::output(command)?;
    serde_json::from_str(&printed).with_context(|| format!("the program printed {printed}"))
}

fn table(rows: &[Row]) -> String {
    let Some(first) = rows.first() else {
        return String::new();
    };
    let mut text = format!(
        "{} lookups of each kind; taking the time is {} ns of each. SQLite {}, in-process\n\n",
        first.lookups, first.asked.clock_ns, first.asked.sqlite_version
    );
    let _ = writeln!(
        text,
        "{:>10}  {:<7}{:>9}{:>9}{:>9}{:>9}{:>9}{:>10}{:>9}{:>10}",
        "entries",
        "",
        "hit p50",
        "hit p99",
        "miss p50",
        "miss p99",
        "build s",
        "file MiB",
        "load s",
        "held MiB"
    );
    let _ = writeln!(text, "{:>19}{:>9}{:>9}{:>9}{:>9}", "", "us", "us", "us", "us");
    for row in rows {
        let asked = &row.asked;
        let lists = [
            ("index", &row.build.index, &asked.index),
            ("SQLite", &row.build.sqlite, &asked.sqlite),
        ];
        for (name, file, list) in lists {
            let _ = writeln!(
                text,
                "{:>10}  {name:<7}{:>9}{:>9}{:>9}{:>9}{:>9.2}{:>10.1}{:>9.3}{:>10.1}",
                row.entries,
                micros(list.hit.p50_ns),
                micros(list.hit.p99_ns),
                micros(list.miss.p50_ns),
                micros(list.miss.p99_ns),
                file.seconds,
                mebibytes(file.file_bytes),
                list.load_seconds,
                mebibytes(list.memory_bytes),
            );
        }
        let times = |of: fn(&List) -> u64| of(&asked.sqlite) as f64 / of(&asked.index).max(1) as f64;
        let _ = writeln!(
            text,
            "{:>10}  {:<7}{:>9}{:>9}{:>9}{:>9}",
            "",
            "ratio",
            ratio(times(|list| list.hit.p50_ns)),
            ratio(times(|list| list.hit.p99_ns)),
            ratio(times(|list| list.miss.p50_ns)),
            ratio(times(|list| list.miss.p99_ns)),
        );
    }
    text.push_str("\nlookups while the index is swapped\n");
    let _ = writeln!(
        text,
        "{:>10}{:>8}{:>9}{:>13}{:>12}{:>9}{:>9}{:>10}{:>10}",
        "entries", "swaps", "load s", "swap max us", "lookups", "p50 us", "p99 us", "p99.9 us", "max us"
    );
    for row in rows {
        let (swap, lookup) = (&row.asked.swap, &row.asked.swap.lookup);
        let _ = writeln!(
            text,
            "{:>10}{:>8}{:>9.3}{:>13}{:>12}{:>9}{:>9}{:>10}{:>10}",
            row.entries,
            swap.swaps,
            swap.load_seconds,
            micros(swap.swap.max_ns),
            lookup.count,
            micros(lookup.p50_ns),
            micros(lookup.p99_ns),
            micros(lookup.p999_ns),
            micros(lookup.max_ns),
        );
    }
    text
}

fn micros(nanos: u64) -> String {
    format!("{:.2}", nanos as f64 / 1e3)
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn ratio(times: f64) -> String {
    format!("{times:.1} x")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_both_lists_and_what_happens_in_a_swap() {
        let times = |p50_ns| Times {
            count: 1_000,
            p50_ns,
            p99_ns: 2 * p50_ns,
            p999_ns: 3 * p50_ns,
            max_ns: 4 * p50_ns,
        };
        let list = |p50_ns| List {
            load_seconds: 0.25,
            memory_bytes: 4 << 20,
            hit: times(p50_ns),
            miss: times(p50_ns),
        };
        let file = File {
            seconds: 1.5,
            file_bytes: 3 << 20,
            held_bytes: None,
        };
        let row = Row {
            entries: 100_000,
            lookups: 1_000,
            build: Built {
                index: file.clone(),
                sqlite: file,
            },
            asked: Asked {
                clock_ns: 20,
                index: list(500),
                swap: Swap {
                    swaps: 5,
                    load_seconds: 0.5,
                    swap: times(50),
                    lookup: times(600),
                },
                sqlite: list(3_000),
                sqlite_version: "3".into(),
            },
        };
        let table = table(&[row]);
        for part in [
            "0.50     1.00",
            "3.00     6.00",
            "6.0 x",
            "1.50       3.0    0.250       4.0",
            "0.20        1000     0.60",
        ] {
            assert!(table.contains(part), "{part} in\n{table}");
        }
    }
}
