//! Running seeds, on all cores.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::Args;
use hotline_sim::{Counts, Failure};

/// Where the journal of a failing run is kept unless another place is named.
const KEPT: &str = "target/hotline-sim";

#[derive(Args)]
pub(crate) struct Seeds {
    /// The seed to run, or the first of several
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Inputs in a run
    #[arg(long, default_value_t = 300)]
    steps: u64,
    /// How many seeds to run
    #[arg(long, default_value_t = 1)]
    runs: u64,
    /// Run on from the seed until one fails, or until Ctrl-C
    #[arg(long, conflicts_with = "runs")]
    forever: bool,
    /// Seeds that run at the same time; default: as many as there are cores
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// Where to write the journal of the last run, or of one that failed
    #[arg(long)]
    journal: Option<PathBuf>,
}

static STOPPED: AtomicBool = AtomicBool::new(false);

/// Runs them all, or up to the first that fails.
pub(crate) fn run(asked: &Seeds) -> Result<(), String> {
    ctrlc::set_handler(|| STOPPED.store(true, Ordering::Relaxed))
        .map_err(|error| format!("cannot catch Ctrl-C: {error}"))?;
    let runs = if asked.forever { u64::MAX } else { asked.runs };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = asked.jobs.map_or(cores, usize::from);
    let shared = Shared {
        next: AtomicU64::new(0),
        failed: AtomicBool::new(false),
        total: Mutex::new((Counts::default(), 0)),
        failure: Mutex::new(None),
        last: Mutex::new(Vec::new()),
    };
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..jobs.min(usize::try_from(runs).unwrap_or(usize::MAX)) {
            scope.spawn(|| shared.work(asked, runs));
        }
        shared.show(runs);
    });
    let (counts, done) = *lock(&shared.total);
    if let Some(failure) = lock(&shared.failure).take() {
        return Err(report(asked, &failure)?);
    }
    if let Some(path) = &asked.journal {
        save(path, &lock(&shared.last))?;
    }
    let Counts {
        inputs,
        calls,
        offers,
        connected,
        callbacks,
        rules,
        consultations,
        handed_over,
    } = counts;
    println!(
        "{done} runs in {:.0} s: {inputs} inputs, {calls} visits, {offers} offers, {connected} connected, {callbacks} callbacks, {rules} rules \
         applied, {consultations} consultations, {handed_over} callers handed over; all well",
        begun.elapsed().as_secs_f64()
    );
    Ok(())
}

/// What the threads share.
struct Shared {
    next: AtomicU64,
    failed: AtomicBool,
    total: Mutex<(Counts, u64)>,
    failure: Mutex<Option<Box<Failure>>>,
    last: Mutex<Vec<u8>>,
}

impl Shared {
    fn over(&self) -> bool {
        STOPPED.load(Ordering::Relaxed) || self.failed.load(Ordering::Relaxed)
    }

    fn work(&self, asked: &Seeds, runs: u64) {
        while !self.over() {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= runs {
                return;
            }
            match hotline_sim::run(asked.seed.wrapping_add(number), asked.steps) {
                Ok(run) => {
                    let mut total = lock(&self.total);
                    total.0.add(&run.counts);
                    total.1 += 1;
                    drop(total);
                    if number + 1 == runs {
                        *lock(&self.last) = run.journal;
                    }
                }
                Err(failure) => {
                    self.failed.store(true, Ordering::Relaxed);
                    lock(&self.failure).get_or_insert(failure);
                }
            }
        }
    }

    /// Keeps a line of progress on a terminal until all is over.
    fn show(&self, runs: u64) {
        let terminal = io::stderr().is_terminal();
        loop {
            let done = lock(&self.total).1;
            if done >= runs || self.over() {
                break;
            }
            if terminal {
                let of = if runs == u64::MAX {
                    String::new()
                } else {
                    format!(" of {runs}")
                };
                eprint!("\r{done}{of} runs");
                // A terminal that cannot be written to has nobody to show it to.
                let _ = io::stderr().flush();
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        if terminal {
            eprint!("\r\x1b[2K");
        }
    }
}

/// Says what failed, and keeps a shorter journal of it.
fn report(asked: &Seeds, failure: &Failure) -> Result<String, String> {
    eprintln!("{failure}\n\nlooking for a shorter run that fails in the same way");
    let shrunk = failure.shrink();
    let path = match &asked.journal {
        Some(path) => path.clone(),
        None => {
            std::fs::create_dir_all(KEPT).map_err(|error| format!("{KEPT}: {error}"))?;
            PathBuf::from(format!("{KEPT}/seed-{}.journal", failure.seed))
        }
    };
    save(&path, &shrunk.journal)?;
    Ok(format!(
        "\n{shrunk}\n\nits journal: {}\nagain, whole: hotline-sim --seed {} --steps {}",
        path.display(),
        failure.seed,
        asked.steps
    ))
}

fn save(path: &Path, journal: &[u8]) -> Result<(), String> {
    std::fs::write(path, journal).map_err(|error| format!("{}: {error}", path.display()))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // A thread that panicked has said so; what it left is whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
