//! `hotlinectl blacklist …`: a node's blacklist, and indexes built off-line.

use std::fs::File;
use std::io::{BufReader, IsTerminal, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::{Args, Subcommand};
use hotline_blacklist::csv::{self, OnBad, Rules};
use hotline_blacklist::index::Builder;
use hotline_blacklist::number::Plan;
use hotline_blacklist::time;
use serde::Serialize;

use super::table::{printable, table};
use super::{Client, Failure};
use crate::dbus::ROOT;
use crate::dbus::blacklist::EntryRow;

const BLACKLIST: &str = "net.hotline.Hotline1.Blacklist";
/// Entries asked for at once.
const PAGE: u32 = 1000;
/// How often a build tells how far it is.
const PROGRESS: Duration = Duration::from_secs(2);

/// What can be asked of a blacklist.
#[derive(Subcommand)]
pub enum ListAsk {
    /// Adds an entry, in place of one about the same number, tiers and queues; acts on the next call
    Add {
        /// A number in any form, a prefix (138*) or a pattern (_138XXXX1234)
        number: String,
        /// allow, flag, busy, release, release:CAUSE, divert:CONTEXT,EXTENSION,PRIORITY or tarpit
        action: String,
        /// Whom it is about, and for how long
        #[command(flatten)]
        scope: Scope,
    },
    /// Lets a caller through whom a wider entry would not, and whom automatic rules then leave alone
    Allow {
        /// A number in any form, a prefix or a pattern
        number: String,
        /// Whom it is about, and for how long
        #[command(flatten)]
        scope: Scope,
    },
    /// Removes all entries about a number, prefix or pattern
    Remove {
        /// As it was added, in whatever form
        number: String,
        /// Why
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Makes what an automatic rule added permanent
    Keep {
        /// As it was added
        number: String,
        /// Why; the rule's reason if not given
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Says what would happen to a caller, and why
    Check {
        /// As a network might present it; empty is a withheld number
        number: String,
        /// The queue asked for
        #[arg(long, default_value = "")]
        queue: String,
        /// The caller's tier; the first if not given
        #[arg(long, default_value = "")]
        tier: String,
    },
    /// Shows all entries
    List {
        /// As JSON, one array; times are microseconds since the Unix epoch
        #[arg(long)]
        json: bool,
    },
    /// Shows entries that have a text in number, reason or author
    Search {
        /// The text; with a + in front, entries whose number begins so
        text: String,
        /// As JSON, one array
        #[arg(long)]
        json: bool,
    },
    /// Shows what automatic rules added, to be kept, allowed or removed
    Review {
        /// As JSON, one array
        #[arg(long)]
        json: bool,
    },
    /// Adds all entries of a CSV file, or none; give millions of lines time with --timeout
    Import {
        /// Its absolute path on the node's machine
        file: String,
        /// Leaves bad lines out
        #[arg(long)]
        skip_bad: bool,
        /// Why, for lines that give no reason
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Writes all entries into a new CSV file
    Export {
        /// Its absolute path on the node's machine
        file: String,
    },
    /// Has the node read the index of its settings again; calls go on meanwhile
    Load,
    /// Builds an index from CSV files, here and without a node; later lines win
    Build(Build),
}

/// Whom an entry is about, and for how long.
#[derive(Args)]
pub struct Scope {
    /// Why
    #[arg(long, default_value = "")]
    reason: String,
    /// Ends after so long, such as 90s, 15m, 36h or 30d
    #[arg(long = "for", value_name = "SPAN", value_parser = time::parse_span, conflicts_with = "until")]
    lasting: Option<u64>,
    /// Ends then, such as 2026-12-01T08:00:00+08:00
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    until: Option<u64>,
    /// Begins then; at once if not given
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    from: Option<u64>,
    /// For callers of these tiers only
    #[arg(long, value_delimiter = ',')]
    tiers: Vec<String>,
    /// In these queues only
    #[arg(long, value_delimiter = ',')]
    queues: Vec<String>,
}

/// An index to build. The plan of numbers must be the node's: `[blacklist]` in hotline.toml.
#[derive(Args)]
pub struct Build {
    /// CSV files, read in this order
    #[arg(required = true)]
    csv: Vec<PathBuf>,
    /// The index; written beside its place and put there in one step
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Leaves bad lines out
    #[arg(long)]
    skip_bad: bool,
    /// Country code, without +
    #[arg(long, default_value = "86")]
    country: String,
    /// What is dialled before a country code
    #[arg(long, value_name = "DIGITS", default_value = "00")]
    international_prefix: String,
    /// What is dialled before a national number; may be empty
    #[arg(long, value_name = "DIGITS", default_value = "0")]
    trunk_prefix: String,
    /// Digits of the shortest national number
    #[arg(long, value_name = "DIGITS", default_value_t = 7)]
    shortest: usize,
    /// Digits of the longest national number
    #[arg(long, value_name = "DIGITS", default_value_t = 11)]
    longest: usize,
}

/// An entry as JSON has it.
#[derive(Serialize)]
struct Entry {
    number: String,
    action: String,
    reason: String,
    author: String,
    from: u64,
    until: Option<u64>,
    tiers: Vec<String>,
    queues: Vec<String>,
    added: u64,
}

impl From<EntryRow> for Entry {
    fn from(row: EntryRow) -> Entry {
        let (number, action, reason, author, from, until, tiers, queues, added) = row;
        Entry {
            number,
            action,
            reason,
            author,
            from,
            until: (until > 0).then_some(until),
            tiers,
            queues,
            added,
        }
    }
}

impl Entry {
    const TITLES: &'static [&'static str] = &["NUMBER", "ACTION", "UNTIL", "FOR", "AUTHOR", "REASON"];

    fn columns(&self) -> Vec<String> {
        let scope: Vec<&str> = self
            .queues
            .iter()
            .chain(&self.tiers)
            .map(String::as_str)
            .collect();
        vec![
            self.number.clone(),
            self.action.clone(),
            self.until.map(time::show).unwrap_or_default(),
            scope.join(" "),
            self.author.clone(),
            self.reason.clone(),
        ]
    }
}

impl Client {
    /// Asks a node's blacklist; what to print.
    ///
    /// # Errors
    /// If it was refused, or could not be asked.
    pub async fn blacklist(&self, ask: ListAsk, node: Option<&str>) -> Result<String, Failure> {
        let node = self.node_named(node).await?;
        match ask {
            ListAsk::Add {
                number,
                action,
                scope,
            } => self.add(node, number, action, scope).await,
            ListAsk::Allow { number, scope } => self.add(node, number, "allow".to_owned(), scope).await,
            ListAsk::Remove { number, reason } => self.outcome("Remove", &(node, number, reason)).await,
            ListAsk::Keep { number, reason } => self.outcome("Keep", &(node, number, reason)).await,
            ListAsk::Check { number, queue, tier } => self.lines("Check", &(node, number, queue, tier)).await,
            ListAsk::List { json } => self.entries(node, String::new(), false, json).await,
            ListAsk::Search { text, json } => self.entries(node, text, false, json).await,
            ListAsk::Review { json } => self.entries(node, String::new(), true, json).await,
            ListAsk::Import {
                file,
                skip_bad,
                reason,
            } => self.lines("Import", &(node, file, skip_bad, reason)).await,
            ListAsk::Export { file } => self.lines("Export", &(node, file)).await,
            ListAsk::Load => self.lines("Load", &(node,)).await,
            ListAsk::Build(build) => build.run(),
        }
    }

    async fn add(
        &self,
        node: String,
        number: String,
        action: String,
        scope: Scope,
    ) -> Result<String, Failure> {
        let until = match scope.lasting {
            Some(span) => now()?.saturating_add(span),
            None => scope.until.unwrap_or(0),
        };
        let from = scope.from.unwrap_or(0);
        let entry = (
            node,
            number,
            action,
            scope.reason,
            from,
            until,
            scope.tiers,
            scope.queues,
        );
        self.outcome("Add", &entry).await
    }

    async fn outcome<B>(&self, method: &str, body: &B) -> Result<String, Failure>
    where
        B: Serialize + zbus::DynamicType,
    {
        let reply: zbus::Result<String> = self.call(ROOT, BLACKLIST, method, body).await;
        reply
            .map(|outcome| outcome + "\n")
            .map_err(|error| self.failure(error))
    }

    async fn lines<B>(&self, method: &str, body: &B) -> Result<String, Failure>
    where
        B: Serialize + zbus::DynamicType,
    {
        let reply: zbus::Result<Vec<String>> = self.call(ROOT, BLACKLIST, method, body).await;
        let lines = reply.map_err(|error| self.failure(error))?;
        Ok(lines.iter().map(|line| printable(line) + "\n").collect())
    }

    /// All pages of a list.
    async fn entries(&self, node: String, find: String, review: bool, json: bool) -> Result<String, Failure> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut after = String::new();
        loop {
            let body = (&node, &find, &after, PAGE, review);
            let reply: zbus::Result<(Vec<EntryRow>, String)> =
                self.call(ROOT, BLACKLIST, "List", &body).await;
            let (rows, next) = reply.map_err(|error| self.failure(error))?;
            entries.extend(rows.into_iter().map(Entry::from));
            if next.is_empty() {
                break;
            }
            after = next;
        }
        if json {
            let text = serde_json::to_string_pretty(&entries);
            return text
                .map(|text| text + "\n")
                .map_err(|error| Failure::Other(error.to_string()));
        }
        let rows: Vec<Vec<String>> = entries.iter().map(Entry::columns).collect();
        Ok(table(Entry::TITLES, &rows))
    }
}

impl Build {
    /// Builds it; what to print.
    ///
    /// # Errors
    /// What is wrong with which file. Nothing is written then.
    pub fn run(self) -> Result<String, Failure> {
        let plan = Plan::new(
            &self.country,
            &self.international_prefix,
            &self.trunk_prefix,
            self.shortest,
            self.longest,
        )
        .map_err(|error| Failure::Other(format!("the plan of numbers: {error}")))?;
        let built = now()?;
        let rules = Rules {
            plan: &plan,
            author: "build",
            reason: "",
            added: built,
        };
        let on_bad = if self.skip_bad { OnBad::Skip } else { OnBad::Refuse };
        let mut builder = Builder::new(&plan);
        let mut bad = Vec::new();
        let mut told = Instant::now();
        for path in &self.csv {
            let named =
                |error: &dyn std::fmt::Display| Failure::Other(format!("{}: {error}", path.display()));
            let file = File::open(path).map_err(|error| named(&error))?;
            let report = csv::read(BufReader::new(file), &rules, on_bad, |entry| {
                builder
                    .add(&entry)
                    .map_err(|error| csv::Unwanted::All(error.to_string()))?;
                if told.elapsed() > PROGRESS {
                    told = Instant::now();
                    progress(&format!("{} entries read", builder.len()));
                }
                Ok(())
            })
            .map_err(|error| named(&error))?;
            let skipped = report
                .named
                .iter()
                .map(|line| format!("{}: {line}", path.display()));
            bad.extend(skipped);
            if report.bad > report.named.len() as u64 {
                bad.push(format!("{}: {} bad lines in all", path.display(), report.bad));
            }
        }
        let entries = builder.len();
        progress(&format!("{entries} entries read; writing"));
        builder
            .write(&self.output, built)
            .map_err(|error| Failure::Other(error.to_string()))?;
        let mut text: String = bad
            .iter()
            .map(|line| format!("left out: {}\n", printable(line)))
            .collect();
        text.push_str(&format!(
            "{}: {entries} entries, {}\n",
            self.output.display(),
            plan.describe()
        ));
        Ok(text)
    }
}

/// To people only: a script has no use for it.
fn progress(text: &str) {
    let mut out = std::io::stderr();
    if out.is_terminal() {
        // Who cannot see it misses nothing.
        let _ = writeln!(out, "  .. {text}");
    }
}

fn now() -> Result<u64, Failure> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let micros = since.map(|since| since.as_micros());
    micros
        .ok()
        .and_then(|micros| u64::try_from(micros).ok())
        .ok_or_else(|| Failure::Other("the clock of this machine is before 1970".to_owned()))
}
