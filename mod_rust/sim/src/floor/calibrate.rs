//! How good the estimates are: a floor whose callers all stay, so that every wait is known, and what was predicted for each.

use std::collections::BTreeMap;

use hotline_engine::config::{
    Agent, Config, Limits, Membership, Misses, Operation, Prompt, Queue, Rule, Supervision, Tier, WrapUp,
};
use hotline_engine::ids::QueueId;
use hotline_engine::input::Caller;
use hotline_engine::{ConfigError, Span, Time};
use serde::Serialize;

use super::run;
use super::script::{Script, Visitor};
use super::tally::{Checked, Tally};
use crate::random::Random;

/// A floor to calibrate on.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Floor {
    /// Of chance.
    pub seed: u64,
    /// How long it runs, in hours.
    pub hours: u64,
    /// Work that comes, as a share of what the agents can do at the busiest.
    pub load: f64,
}

/// How the estimates were.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Calibration {
    /// By queue, then all together.
    pub rows: Vec<CalibrationRow>,
}

/// The estimates of a queue. Callers who found an agent idle do not count: there was nothing to estimate.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct CalibrationRow {
    /// Queue name; `all` for all together.
    pub queue: String,
    /// Callers for whom a wait was predicted.
    pub predicted: u64,
    /// Of those, the share that waited no longer than the median predicted; 0.5 is right.
    pub within_p50: f64,
    /// Of those, the share that waited no longer than the 90th percentile predicted; 0.9 is right.
    pub within_p90: f64,
    /// Mean of |wait - median| / wait, waits of less than 10 s counted as that.
    pub error: f64,
    /// Mean wait in seconds.
    pub mean_wait_seconds: f64,
    /// Share of callers who waited for more than a second and were told nothing, since the estimate was not reliable.
    pub silent: f64,
}

/// Queues, with arrivals per agent-hour of load, mean talk and after-call work in seconds.
const QUEUES: [(&str, f64, f64, u64); 3] = [
    ("support", 0.55, 240.0, 30),
    ("sales", 0.30, 180.0, 20),
    ("billing", 0.15, 300.0, 45),
];
const AGENTS: u64 = 40;

/// Runs a floor: three queues, forty agents of whom half serve two queues and some all three, two tiers, arrivals that rise and
/// fall once, conversations with a log-normal distribution.
///
/// # Errors
/// None: the settings are right.
pub fn calibrate(floor: &Floor) -> Result<Calibration, ConfigError> {
    let tally = run(&script(floor), Tally::default())?;
    let mut by_queue: BTreeMap<QueueId, Vec<Checked>> = BTreeMap::new();
    for checked in &tally.checked {
        if checked.predicted.p50 > Span::ZERO {
            by_queue.entry(checked.queue).or_default().push(*checked);
        }
    }
    let mut rows: Vec<CalibrationRow> = by_queue
        .iter()
        .map(|(queue, checked)| {
            let silent = tally.silent.get(queue).copied().unwrap_or_default();
            row(tally.queue_name(*queue), checked, silent)
        })
        .collect();
    let all: Vec<Checked> = by_queue.values().flatten().copied().collect();
    let silent = tally.silent.values().copied();
    let silent = silent.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    rows.push(row("all".to_owned(), &all, silent));
    Ok(Calibration { rows })
}

fn row(queue: String, checked: &[Checked], silent: (u64, u64)) -> CalibrationRow {
    let count = checked.len().max(1) as f64;
    let share =
        |holds: &dyn Fn(&Checked) -> bool| checked.iter().filter(|one| holds(one)).count() as f64 / count;
    let mean = |of: &dyn Fn(&Checked) -> f64| checked.iter().map(of).sum::<f64>() / count;
    CalibrationRow {
        queue,
        predicted: checked.len() as u64,
        within_p50: share(&|one| one.wait <= one.predicted.p50),
        within_p90: share(&|one| one.wait <= one.predicted.p90),
        error: mean(&|one| {
            one.wait.0.abs_diff(one.predicted.p50.0) as f64 / (one.wait.0.max(10_000_000)) as f64
        }),
        mean_wait_seconds: mean(&|one| one.wait.0 as f64 / 1e6),
        silent: silent.0 as f64 / silent.1.max(1) as f64,
    }
}

fn script(floor: &Floor) -> Script {
    let mut random = Random::new(floor.seed);
    let begins = Time(1_760_000_000_000_000);
    let length = Span::seconds(floor.hours.max(1) * 3600);
    let mut visitors = Vec::new();
    for (name, part, talk, wrap_up) in QUEUES {
        // The work of the busiest moment, in agents.
        let work = AGENTS as f64 * part * floor.load;
        let busiest = work / (talk + wrap_up as f64);
        let mut at = 0.0;
        loop {
            at += random.exponential(1.0 / busiest);
            let day = at / (length.0 as f64 / 1e6);
            if day >= 1.0 {
                break;
            }
            // One rise and fall: half of the busiest at both ends.
            let now = 0.5 + 0.5 * (core::f64::consts::PI * day).sin();
            if random.unit() > now {
                continue;
            }
            let tier = if random.one_in(5) { "gold" } else { "standard" };
            visitors.push(Visitor {
                at: begins + Span((at * 1e6) as u64),
                queue: name.to_owned(),
                caller: Caller {
                    number: format!("138{:08}", random.below(100_000_000)),
                    tier: tier.to_owned(),
                    ..Caller::default()
                },
                patience: None,
                ring: Span((2e6 + random.exponential(2e6)) as u64),
                talk: Span((random.log_normal(talk, 0.8) * 1e6) as u64),
            });
        }
    }
    Script {
        config: config(),
        seed: floor.seed,
        begins,
        ends: begins + length,
        visitors,
        given: Vec::new(),
        wraps_up_by_hand: false,
        wrap_up: Span::ZERO,
    }
}

fn config() -> Config {
    let tier = |name: &str, seconds| Tier {
        name: name.to_owned(),
        handicap: Span::seconds(seconds),
        spoken: String::new(),
    };
    // Whoever still waits after a second is told, if the estimate is good enough.
    let told = Rule {
        after: Span::seconds(1),
        then: vec![Operation::Say(vec![Prompt::Wait])],
        ..Rule::default()
    };
    let queue = |(name, _, _, wrap_up): (&str, f64, f64, u64)| Queue {
        max_waiting: 100_000,
        wrap_up: WrapUp::Timed(Span::seconds(wrap_up)),
        rules: vec![told.clone()],
        ..Queue::named(name)
    };
    let agent = |at: u64| {
        let served: &[&str] = match at % 10 {
            0..=2 => &["support"],
            3 => &["sales"],
            4 => &["billing"],
            5 | 6 => &["support", "sales"],
            7 => &["sales", "billing"],
            8 => &["support", "billing"],
            _ => &["support", "sales", "billing"],
        };
        Agent {
            phone: format!("PJSIP/a{at}"),
            queues: served.iter().map(|queue| Membership::of(*queue)).collect(),
            always_signed_in: true,
            ..Agent::numbered(format!("{}", 1000 + at))
        }
    };
    let second = Span::seconds(5);
    Config {
        ivrs: Vec::new(),
        tiers: vec![tier("standard", 0), tier("gold", 60)],
        queues: QUEUES.map(queue).to_vec(),
        agents: (0..AGENTS).map(agent).collect(),
        menus: Vec::new(),
        reasons: Vec::new(),
        dispositions: Vec::new(),
        misses: Misses {
            no_answer: second,
            rejected: second,
            busy: second,
            unreachable: second,
            not_ready_after: 0,
        },
        supervisors: Vec::new(),
        supervision: Supervision::default(),
        limits: Limits {
            calls: 1_000_000,
            remembered: 0,
            decisions: 0,
        },
    }
}
