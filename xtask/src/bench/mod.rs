//! `cargo xtask bench pbx`: the same callers and agents against a plain Dial(), Asterisk's own Queue() and Hotline(),
//! in one Asterisk, alternating. Ratios of one run are what counts: they hold on any machine.
//!
//! Each way has the PBX to itself: the module of the others is unloaded while it is measured. A loaded app_queue with
//! twenty queues of a thousand members makes even a plain Dial() several times as dear.
//!
//! Three parts in each round. Flow: callers come steadily and find agents idle; processor time per call, and the time
//! from a caller's INVITE to the agent's. Backlog: a few agents, more callers than them; the time from an agent's BYE to
//! its next INVITE. Waiting: callers whom nobody serves, in an Asterisk of their own; what each costs.

mod agents;
mod callers;
mod measure;
mod report;
mod setup;

use crate::artefacts::{self, Profile};
use crate::progress::Step;
use crate::provision::{self, Pbx};
use crate::workspace::Workspace;
use agents::{Agents, Offer};
use anyhow::{Context, Result, bail};
use callers::{Callers, Exchange, Flow};
use clap::{Subcommand, ValueEnum};
use hotline_testbed::asterisk::{Asterisk, Manifest};
use report::{Figures, Metric, Report, Round};
use serde::Serialize;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// No multiple of a second: who polls once a second can't be lucky.
const TALK: Duration = Duration::from_millis(1_370);
/// Agents of the backlog, at most.
const BUSY: usize = 20;
/// Callers in the backlog's queue who are not served yet.
const QUEUED: usize = 40;
/// Callers whom nobody serves: the cost of the second lot is measured, so that what is loaded once doesn't count.
const WAITING: (usize, usize) = (50, 100);
/// How long the waiting ones are watched.
const WATCH: Duration = Duration::from_secs(10);
/// Calls of each way before anything is measured.
const WARM_UP: usize = 20;
/// Everything that goes on after a call's end has ended after this time.
const SETTLE: Duration = Duration::from_millis(500);

/// Measure; run on an otherwise idle machine.
#[derive(clap::Args)]
pub(crate) struct Bench {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    Pbx(Args),
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
    let What::Pbx(args) = &bench.what;
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

/// What all parts share.
struct Session<'a> {
    args: &'a Args,
    manifest: Manifest,
    module: Option<PathBuf>,
    dir: &'a Path,
    agents: Agents,
    exchange: Exchange,
}

impl<'a> Session<'a> {
    fn new(args: &'a Args, manifest: Manifest, module: Option<PathBuf>, dir: &'a Path) -> Result<Self> {
        Ok(Self {
            args,
            manifest,
            module,
            dir,
            agents: Agents::open()?,
            exchange: Exchange::default(),
        })
    }

    fn run(mut self) -> Result<Report> {
        let ways = self.args.ways.clone();
        let step = Step::start(format!(
            "boot Asterisk with {} agents in {} queues each",
            self.args.agents, self.args.queues
        ));
        let asterisk = self.boot()?;
        step.done("");
        let step = Step::start("warm up");
        for &way in &ways {
            self.flow(&asterisk, way, WARM_UP)?;
        }
        step.done("");
        let mut rounds = Vec::new();
        for number in 1..=self.args.rounds {
            let mut round = Round::new();
            for &way in &ways {
                let step = Step::start(format!("round {number} of {}, {}", self.args.rounds, way.title()));
                step.note("flow");
                let mut figures = self.flow(&asterisk, way, self.args.calls)?;
                if way != Way::Dial {
                    step.note("backlog");
                    merge(&mut figures, self.backlog(&asterisk, way)?);
                }
                step.note("waiting callers");
                merge(&mut figures, self.waiting(way)?);
                step.done(&format!(
                    "{:.2} ms of CPU per call",
                    figures.get(&Metric::CpuPerCallMs).unwrap_or(&f64::NAN)
                ));
                round.insert(way, figures);
            }
            rounds.push(round);
        }
        asterisk.stop()?;
        Ok(Report::new(self.manifest.version, self.args, rounds))
    }

    fn boot(&self) -> Result<Asterisk> {
        let setup = setup::setup(self.args, self.module.as_deref());
        Asterisk::boot_with(self.manifest.clone(), &setup, self.agents.address())
    }

    /// Loads the module of this way and unloads that of the others.
    fn only(&self, asterisk: &Asterisk, way: Way) -> Result<()> {
        let there = |module: &str| -> Result<bool> {
            Ok(asterisk
                .cli(&format!("module show like {module}.so"))?
                .contains("\n1 modules loaded"))
        };
        for other in Way::value_variants() {
            let Some(module) = other.module() else { continue };
            let wanted = *other == way;
            if there(module)? != wanted {
                let verb = if wanted { "load" } else { "unload" };
                let said = asterisk.cli(&format!("module {verb} {module}.so"))?;
                if there(module)? != wanted {
                    bail!("`module {verb} {module}.so` does not {verb} it: {}", said.trim());
                }
            }
        }
        Ok(())
    }

    fn start(&mut self, asterisk: &Asterisk, flow: &Flow<'_>) -> Result<Callers> {
        self.exchange.start(self.dir, asterisk.sip_address(), flow)
    }

    /// Callers come steadily, agents are idle.
    fn flow(&mut self, asterisk: &Asterisk, way: Way, calls: usize) -> Result<Figures> {
        self.agents.set_talk(TALK);
        self.only(asterisk, way)?;
        let dial = setup::spread(way, self.args);
        let before = measure::cpu(asterisk.pid())?;
        let callers = self.start(
            asterisk,
            &Flow {
                dial: &dial,
                calls,
                per_second: self.args.cps,
                at_once: calls,
            },
        )?;
        let limit = Duration::from_secs_f64(calls as f64 / self.args.cps) + Duration::from_secs(60);
        let joined = callers
            .finish(limit)
            .with_context(|| format!("{}, callers to idle agents", way.title()))?;
        pause(SETTLE)?;
        let used = measure::cpu(asterisk.pid())? - before;
        let offers = self.agents.take();
        let waits = joined.until(&offers);
        let answered = answered(&offers);
        if answered == 0 {
            bail!(
                "no agent answered a call that came by {}: {} callers, {} offers",
                way.title(),
                joined.calls(),
                offers.len()
            );
        }
        let mut figures = Figures::from([
            (
                Metric::CpuPerCallMs,
                used.as_secs_f64() * 1000.0 / answered as f64,
            ),
            (Metric::CallsNotAnswered, (calls - answered.min(calls)) as f64),
            (
                Metric::OffersToBusyAgents,
                offers.iter().filter(|offer| offer.collided).count() as f64,
            ),
        ]);
        set(
            &mut figures,
            Metric::JoinedToInviteP50Ms,
            measure::percentile(&waits, 0.5),
        );
        set(
            &mut figures,
            Metric::JoinedToInviteP99Ms,
            measure::percentile(&waits, 0.99),
        );
        Ok(figures)
    }

    /// More callers than agents: whoever hangs up is wanted at once.
    fn backlog(&mut self, asterisk: &Asterisk, way: Way) -> Result<Figures> {
        self.agents.set_talk(TALK);
        let busy = self.args.busy();
        let at_once = busy + QUEUED;
        // The last ones find no queue behind them.
        let calls = self.args.calls + at_once;
        let dial = setup::backlog(way);
        let flow = Flow {
            dial: &dial,
            calls,
            per_second: 100.0,
            at_once,
        };
        let callers = self.start(asterisk, &flow)?;
        let limit = Duration::from_secs_f64(calls as f64 / busy as f64 * 4.0) + Duration::from_secs(60);
        let joined = callers
            .finish(limit)
            .with_context(|| format!("{}, more callers than agents", way.title()))?;
        pause(SETTLE)?;
        let offers = self.agents.take();
        let gaps = idle_gaps(&offers, joined.calls().saturating_sub(at_once));
        let mut figures = Figures::from([
            (
                Metric::CallsNotAnswered,
                (calls - answered(&offers).min(calls)) as f64,
            ),
            (
                Metric::OffersToBusyAgents,
                offers.iter().filter(|offer| offer.collided).count() as f64,
            ),
        ]);
        set(
            &mut figures,
            Metric::FreedToInviteP50Ms,
            measure::percentile(&gaps, 0.5),
        );
        set(
            &mut figures,
            Metric::FreedToInviteP99Ms,
            measure::percentile(&gaps, 0.99),
        );
        Ok(figures)
    }

    /// Callers whom nobody serves, in an Asterisk that has done nothing before.
    fn waiting(&mut self, way: Way) -> Result<Figures> {
        let asterisk = self.boot()?;
        self.only(&asterisk, way)?;
        let dial = setup::waiting(way);
        let (first, second) = WAITING;
        let lot = |session: &mut Self, calls: usize, in_all: usize| -> Result<(Callers, f64)> {
            let flow = Flow {
                dial: &dial,
                calls,
                per_second: 50.0,
                at_once: calls,
            };
            let callers = session.start(&asterisk, &flow)?;
            await_channels(&asterisk, in_all).with_context(|| format!("{}, waiting callers", way.title()))?;
            pause(SETTLE * 4)?;
            Ok((callers, measure::memory(asterisk.pid())?))
        };
        let (_few, before) = lot(self, first, first)?;
        let (_all, after) = lot(self, second, first + second)?;
        let (begun, cpu) = (Instant::now(), measure::cpu(asterisk.pid())?);
        pause(WATCH)?;
        let share = (measure::cpu(asterisk.pid())? - cpu).as_secs_f64() / begun.elapsed().as_secs_f64();
        let still = asterisk.channels()?;
        if still != first + second {
            bail!(
                "{}: {still} of {} waiting callers were left at the end",
                way.title(),
                first + second
            );
        }
        asterisk.stop()?;
        Ok(Figures::from([
            (
                Metric::WaitingCpuPercentPer100,
                share * 100.0 * 100.0 / (first + second) as f64,
            ),
            (
                Metric::WaitingMemoryMibPer100,
                (after - before) * 100.0 / second as f64,
            ),
        ]))
    }
}

/// Waits until so many callers are there.
fn await_channels(asterisk: &Asterisk, wanted: usize) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let there = asterisk.channels()?;
        if there == wanted {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("{there} of {wanted} callers came to wait within 30 s");
        }
        pause(Duration::from_millis(200))?;
    }
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

fn answered(offers: &[Offer]) -> usize {
    offers.iter().filter(|offer| offer.answered.is_some()).count()
}

/// From an agent's hanging up to its next INVITE, in milliseconds, for those of the first `calls` calls.
fn idle_gaps(offers: &[Offer], calls: usize) -> Vec<f64> {
    let mut in_order: Vec<&Offer> = offers.iter().filter(|offer| !offer.collided).collect();
    in_order.sort_by_key(|offer| offer.invited);
    let mut freed: HashMap<&str, Instant> = HashMap::new();
    let mut gaps = Vec::new();
    for offer in in_order.into_iter().take(calls) {
        if let Some(at) = freed.remove(offer.agent.as_str()) {
            gaps.push(offer.invited.saturating_duration_since(at).as_secs_f64() * 1000.0);
        }
        if let Some(at) = offer.freed {
            freed.insert(&offer.agent, at);
        }
    }
    gaps
}

fn set(figures: &mut Figures, metric: Metric, value: Option<f64>) {
    if let Some(value) = value {
        figures.insert(metric, value);
    }
}

/// Adds the figures of a further part; what both have is a count.
fn merge(figures: &mut Figures, more: Figures) {
    for (metric, value) in more {
        *figures.entry(metric).or_insert(0.0) += value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    #[test]
    fn gaps_are_between_a_hang_up_and_the_same_agents_next_call() {
        let begun = Instant::now();
        let at = |ms: u64| begun + Duration::from_millis(ms);
        let offer = |agent: &str, invited: u64, freed: u64| Offer {
            agent: agent.into(),
            caller: String::new(),
            invited: at(invited),
            invited_wall: SystemTime::now(),
            answered: Some(at(invited)),
            freed: Some(at(freed)),
            collided: false,
        };
        let offers = [
            offer("a", 0, 100),
            offer("b", 10, 90),
            offer("b", 95, 200),
            offer("a", 130, 300),
            offer("a", 900, 950),
        ];
        let gaps: Vec<i64> = idle_gaps(&offers, 4)
            .iter()
            .map(|gap| gap.round() as i64)
            .collect();
        assert_eq!(gaps, [5, 30]);
    }

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
