//! A floor under load, for measuring: an engine of a given size, fed with what a PBX would say, and what each input costs.
//!
//! Prints one JSON object. `cargo xtask bench engine` runs it in all sizes and makes a table of it.
#![forbid(unsafe_code)]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that prints its result"
)]

use std::collections::VecDeque;
use std::process::ExitCode;
use std::time::Instant;

use hotline_engine::config::{
    Agent, Config, Limits, Membership, Misses, Queue, Strategy, Supervision, Tier, WrapUp,
};
use hotline_engine::ids::{CallId, OfferId};
use hotline_engine::input::{Caller, Departure, Party, PhoneState};
use hotline_engine::{Action, CallAction, Engine, Event, Input, Span, Time};

const USAGE: &str =
    "usage: load AGENTS QUEUES QUEUES_PER_AGENT WAITING INPUTS (saturated|idle) [DECISIONS] [--untimed]
  saturated: WAITING callers wait all the time, and every agent talks; whoever is free gets the next at once
  idle: a third of the agents talk, nobody waits; every caller finds an agent";

/// Callers are of these tiers in turn.
const TIERS: [(&str, u64); 4] = [("bronze", 0), ("silver", 60), ("gold", 180), ("platinum", 600)];

fn main() -> ExitCode {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    let untimed = words.iter().position(|word| word == "--untimed");
    if let Some(at) = untimed {
        words.remove(at);
    }
    let number = |at: usize| words.get(at).and_then(|word| word.parse::<u64>().ok());
    let saturated = match words.get(5).map(String::as_str) {
        Some("saturated") => true,
        Some("idle") => false,
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::FAILURE;
        }
    };
    let (Some(agents), Some(queues), Some(each), Some(waiting), Some(inputs)) =
        (number(0), number(1), number(2), number(3), number(4))
    else {
        eprintln!("{USAGE}");
        return ExitCode::FAILURE;
    };
    let decisions = number(6).unwrap_or(65_536);
    let before = resident();
    let config = floor(agents, queues, each, decisions);
    let Ok(engine) = Engine::new(config, Time(1_760_000_000_000_000), 7) else {
        eprintln!("the settings are wrong");
        return ExitCode::FAILURE;
    };
    let mut load = Load::new(engine, agents, queues);
    load.give(Input::Tick);
    let staffed = resident();
    let (busy, waiting) = if saturated {
        (agents, waiting)
    } else {
        (agents / 3, 0)
    };
    load.fill(busy);
    let talking = resident();
    load.queue_up(waiting);
    let queued = resident();
    load.warm_up(inputs / 5);
    load.timed = untimed.is_none();
    let begun = Instant::now();
    load.run(inputs);
    let took = begun.elapsed();
    let memberships = agents * each;
    let kinds = load.kinds();
    let of = |bytes: u64, count: u64| bytes.checked_div(count).unwrap_or(0);
    println!(
        "{{\"agents\":{agents},\"queues\":{queues},\"queues_per_agent\":{each},\"waiting\":{waiting},\"saturated\":{saturated},\
         \"inputs\":{inputs},\"seconds\":{:.3},\"inputs_per_second\":{:.0},\"events\":{},\"offers\":{},\
         \"bytes_per_membership\":{},\"bytes_per_talking\":{},\"bytes_per_waiting\":{},\"resident\":{queued},\"kinds\":[{}]}}",
        took.as_secs_f64(),
        inputs as f64 / took.as_secs_f64(),
        load.events,
        load.offers,
        of(staffed.saturating_sub(before), memberships),
        of(talking.saturating_sub(staffed), busy),
        of(queued.saturating_sub(talking), waiting),
        kinds,
    );
    ExitCode::SUCCESS
}

/// Every agent serves `each` queues that stand next to each other, each queue has the same number of agents.
fn floor(agents: u64, queues: u64, each: u64, decisions: u64) -> Config {
    let name = |at: u64| format!("queue{at}");
    let tier = |(name, seconds): (&str, u64)| Tier {
        name: name.to_owned(),
        handicap: Span::seconds(seconds),
        spoken: String::new(),
    };
    Config {
        ivrs: Vec::new(),
        tiers: TIERS.map(tier).to_vec(),
        queues: (0..queues)
            .map(|at| Queue {
                max_waiting: u32::MAX,
                max_wait: Some(Span::seconds(7_200)),
                wrap_up: WrapUp::Timed(Span::ZERO),
                strategy: Strategy::LongestIdle,
                ..Queue::named(name(at))
            })
            .collect(),
        agents: (0..agents)
            .map(|at| Agent {
                phone: format!("PJSIP/a{at}"),
                queues: (0..each.min(queues))
                    .map(|step| {
                        Membership::of(name((at * 7 + step * (queues / each.max(1)).max(1)) % queues))
                    })
                    .collect(),
                always_signed_in: true,
                ..Agent::numbered(format!("{}", 100_000 + at))
            })
            .collect(),
        menus: Vec::new(),
        reasons: Vec::new(),
        dispositions: Vec::new(),
        misses: Misses {
            no_answer: Span::seconds(10),
            rejected: Span::seconds(10),
            busy: Span::seconds(10),
            unreachable: Span::seconds(10),
            not_ready_after: 3,
        },
        supervisors: Vec::new(),
        supervision: Supervision::default(),
        limits: Limits {
            calls: u32::MAX,
            remembered: 0,
            decisions: u32::try_from(decisions).unwrap_or(u32::MAX),
        },
    }
}

/// Kinds of inputs, for telling apart what each costs.
const KINDS: [&str; 7] = [
    "join",
    "ringing",
    "answered",
    "connected",
    "ended",
    "gone",
    "tick",
];

struct Load {
    engine: Engine,
    now: Time,
    /// How long passes between two inputs: as many as a floor of that size has.
    step: Span,
    queues: Vec<String>,
    chance: u64,
    last_call: u64,
    rung: VecDeque<(OfferId, CallId)>,
    talking: Vec<CallId>,
    waiting: VecDeque<CallId>,
    /// By call: whether it was connected.
    served: Vec<bool>,
    timed: bool,
    times: [Vec<u32>; 7],
    events: u64,
    offers: u64,
}

impl Load {
    fn new(engine: Engine, agents: u64, queues: u64) -> Load {
        Load {
            engine,
            now: Time(1_760_000_000_000_000),
            // Five inputs a call of three minutes.
            step: Span(180_000_000 / 5 / agents.max(1)),
            queues: (0..queues).map(|at| format!("queue{at}")).collect(),
            chance: 7,
            last_call: 0,
            rung: VecDeque::new(),
            talking: Vec::new(),
            waiting: VecDeque::new(),
            served: vec![false],
            timed: false,
            times: Default::default(),
            events: 0,
            offers: 0,
        }
    }

    fn below(&mut self, limit: usize) -> usize {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        (self.chance % limit.max(1) as u64) as usize
    }

    /// Gives one input, and remembers what the host is told to do.
    fn give(&mut self, input: Input) {
        self.now = self.now + self.step;
        let kind = match &input {
            Input::Join { .. } => 0,
            Input::Ringing { .. } => 1,
            Input::Answered { .. } => 2,
            Input::Connected { .. } => 3,
            Input::Ended { .. } => 4,
            Input::CallerGone { .. } => 5,
            _ => 6,
        };
        let begun = self.timed.then(Instant::now);
        let drain = self.engine.handle(self.now, input);
        if let Some(begun) = begun {
            self.times[kind].push(u32::try_from(begun.elapsed().as_nanos()).unwrap_or(u32::MAX));
        }
        for action in drain.actions {
            if let Action::Call {
                call,
                action: CallAction::Ring { offer, .. },
            } = action
            {
                self.rung.push_back((offer, call));
            }
        }
        for event in drain.events {
            self.events += 1;
            self.offers += u64::from(matches!(event, Event::OfferMade { .. }));
        }
    }

    fn join(&mut self) {
        self.last_call += 1;
        let call = CallId(self.last_call);
        let at = self.below(self.queues.len());
        let caller = Caller {
            number: format!("138{:08}", self.last_call % 100_000_000),
            tier: TIERS[self.last_call as usize % TIERS.len()].0.to_owned(),
            ..Caller::default()
        };
        let queue = self.queues[at].clone();
        self.waiting.push_back(call);
        self.served.push(false);
        self.give(Input::Join { call, queue, caller });
    }

    /// Whoever rings answers and talks.
    fn answer_all(&mut self) -> u64 {
        let mut given = 0;
        while let Some((offer, call)) = self.rung.pop_front() {
            self.give(Input::Ringing { offer });
            self.give(Input::Answered { offer });
            self.give(Input::Connected { call });
            self.talking.push(call);
            self.served[call.0 as usize] = true;
            given += 3;
        }
        given
    }

    fn fill(&mut self, busy: u64) {
        while (self.talking.len() as u64) < busy {
            self.join();
            self.answer_all();
        }
    }

    fn queue_up(&mut self, waiting: u64) {
        for _ in 0..waiting {
            self.join();
            self.answer_all();
        }
    }

    fn warm_up(&mut self, inputs: u64) {
        self.run(inputs);
        for times in &mut self.times {
            times.clear();
        }
    }

    /// A call ends, whoever is offered the next takes it, and another caller comes; one in fifty gives up.
    fn run(&mut self, inputs: u64) {
        let mut given = 0;
        while given < inputs {
            let at = self.below(self.talking.len());
            let call = self.talking.swap_remove(at);
            self.give(Input::Ended {
                call,
                by: Party::Agent,
                phone: PhoneState::Available,
            });
            given += 1 + self.answer_all();
            self.join();
            given += 1 + self.answer_all();
            if self.below(50) == 0 {
                let at = self.below(self.waiting.len());
                let call = self.waiting.swap_remove_back(at).unwrap_or(CallId(0));
                if call.0 > 0 && !self.served[call.0 as usize] {
                    self.give(Input::CallerGone {
                        call,
                        how: Departure::HungUp,
                    });
                    self.join();
                    given += 2 + self.answer_all();
                }
            }
            while self.waiting.len() > 200_000 {
                self.waiting.pop_front();
            }
            if self.engine.deadline().is_some_and(|at| at <= self.now) {
                self.give(Input::Tick);
                given += 1 + self.answer_all();
            }
        }
    }

    fn kinds(&mut self) -> String {
        let mut all: Vec<u32> = self.times.iter().flatten().copied().collect();
        let mut rows: Vec<String> = KINDS
            .iter()
            .zip(&mut self.times)
            .filter(|(_, times)| !times.is_empty())
            .map(|(kind, times)| row(kind, times))
            .collect();
        if !all.is_empty() {
            rows.push(row("all", &mut all));
        }
        rows.join(",")
    }
}

/// Percentiles in nanoseconds.
fn row(kind: &str, times: &mut [u32]) -> String {
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    let sum: u64 = times.iter().map(|time| u64::from(*time)).sum();
    format!(
        "{{\"kind\":\"{kind}\",\"count\":{},\"mean\":{},\"p50\":{},\"p99\":{},\"p999\":{},\"max\":{}}}",
        times.len(),
        sum / times.len() as u64,
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0)
    )
}

/// Resident memory in bytes; 0 where the system does not tell.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm
        .split_whitespace()
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * 4096
}
