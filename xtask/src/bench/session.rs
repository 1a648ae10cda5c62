//! The parts of a round, on a running PBX.

use super::agents::{Agents, Offer};
use super::callers::{Callers, Exchange, Flow};
use super::report::{Figures, Metric, Report, Round};
use super::{Args, TALK, Way, measure, pause, setup};
use crate::progress::Step;
use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use hotline_testbed::asterisk::{Asterisk, Manifest};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Callers in the backlog's queue who are not served yet.
const QUEUED: usize = 40;
/// Callers whom nobody serves: the cost of the second lot is measured, so that what is loaded once doesn't count.
const WAITING: (usize, usize) = (50, 100);
/// How long the waiting ones are watched.
const WATCH: Duration = Duration::from_secs(10);
/// Calls of each way before anything is measured.
const WARM_UP: usize = 20;
/// A module has seen its agents and their phones after this time.
const LOADED: Duration = Duration::from_secs(2);
/// Everything that goes on after a call's end has ended after this time.
const SETTLE: Duration = Duration::from_millis(500);

/// What all parts share.
pub(super) struct Session<'a> {
    args: &'a Args,
    manifest: Manifest,
    module: Option<PathBuf>,
    dir: &'a Path,
    agents: Agents,
    exchange: Exchange,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        args: &'a Args,
        manifest: Manifest,
        module: Option<PathBuf>,
        dir: &'a Path,
    ) -> Result<Self> {
        Ok(Self {
            args,
            manifest,
            module,
            dir,
            agents: Agents::open()?,
            exchange: Exchange::default(),
        })
    }

    pub(super) fn run(mut self) -> Result<Report> {
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
        let runs = |module: &str| -> Result<bool> {
            let shown = asterisk.cli(&format!("module show like {module}.so"))?;
            Ok(shown.contains("\n1 modules loaded") && !shown.contains("Not Running"))
        };
        for other in Way::value_variants() {
            let Some(module) = other.module() else { continue };
            let wanted = *other == way;
            if runs(module)? != wanted {
                let verb = if wanted { "load" } else { "unload" };
                let said = asterisk.cli(&format!("module {verb} {module}.so"))?;
                if runs(module)? != wanted {
                    bail!("`module {verb} {module}.so` does not {verb} it: {}", said.trim());
                }
                // What it does once, when it is loaded, is no part of a call.
                pause(LOADED)?;
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
}
