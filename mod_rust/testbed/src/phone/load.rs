//! Load: phones that answer by themselves, a steady flow of callers, and a record of what each leg lived through.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::bank::{PhoneBank, PhoneState, Shared};
use super::leg::{Direction, End, Leg, LegState, Plan};
use super::tone::Tone;

/// Records kept until they are taken; more are counted and dropped.
const MAX_RECORDS: usize = 1_000_000;

/// What a phone does with a call, without a test that steers it.
#[derive(Clone, Debug)]
pub struct Auto {
    /// Rings for so long, drawn anew for each call.
    pub ring: Range<Duration>,
    /// Hangs up so long after answering, drawn anew for each call; `None` leaves that to the other side.
    pub talk: Option<Range<Duration>>,
    /// What it speaks.
    pub tone: Tone,
    /// What it must hear for [`LegRecord::heard`].
    pub listen_for: Tone,
}

impl Auto {
    pub(super) fn plan(&self, now: Instant) -> Plan {
        Plan {
            answer_at: Some(now + draw(&self.ring)),
            talk: self.talk.as_ref().map(draw),
            listen_for: Some(self.listen_for),
            ..Plan::default()
        }
    }
}

/// A flow of callers.
#[derive(Clone, Debug)]
pub struct Flow {
    /// The number they dial.
    pub dial: String,
    /// Lines of the PBX they come in on, each with its weight.
    pub lines: Vec<(String, u32)>,
    /// Calls per second on average; arrivals are independent of each other (exponential gaps).
    pub per_second: f64,
    /// No more calls than these; `None` goes on until stopped.
    pub total: Option<u64>,
    /// Arrivals that find so many of the flow's calls up are not placed but counted by [`FlowHandle::held_back`].
    pub at_once: usize,
    /// Hangs up after so long if nobody was heard until then; `None` waits for ever.
    pub patience: Option<Range<Duration>>,
    /// What they speak.
    pub tone: Tone,
    /// What they must hear for [`LegRecord::heard`].
    pub listen_for: Tone,
    /// Caller numbers count up from here.
    pub first_number: u64,
    /// Seed of the arrivals.
    pub seed: u64,
}

/// What became of a leg that nobody steered. Times are counted from the opening of the bank.
#[derive(Clone, Debug)]
pub struct LegRecord {
    /// The phone it belonged to: a caller's number, or an agent's phone.
    pub phone: String,
    /// The number at the other end.
    pub other: String,
    /// Who called.
    pub direction: Direction,
    /// INVITE sent or received.
    pub began: Duration,
    /// Answered.
    pub up: Option<Duration>,
    /// The tone of [`Auto::listen_for`] or [`Flow::listen_for`] was heard.
    pub heard: Option<Duration>,
    /// Ended.
    pub over: Duration,
    /// How.
    pub end: End,
}

impl LegRecord {
    pub(super) fn of(leg: &Leg, bank_began: Instant) -> LegRecord {
        let since = |at: Instant| at.saturating_duration_since(bank_began);
        let end = match &leg.state {
            LegState::Over(end) => end.clone(),
            _ => End {
                by_us: false,
                status: 0,
                reason: String::new(),
            },
        };
        LegRecord {
            phone: leg.phone.clone(),
            other: leg.other.clone(),
            direction: leg.direction,
            began: since(leg.moments.began),
            up: leg.moments.up.map(since),
            heard: leg.plan.as_ref().and_then(|plan| plan.heard).map(since),
            over: since(leg.moments.over.unwrap_or(leg.moments.began)),
            end,
        }
    }

    pub(super) fn store(self, records: &mut Vec<LegRecord>, lost: &mut u64) {
        if records.len() < MAX_RECORDS {
            records.push(self)
        } else {
            *lost += 1
        }
    }
}

/// Sums over records.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Totals {
    /// Calls placed.
    pub calls: u64,
    /// Calls that the PBX answered, be it with music.
    pub answered: u64,
    /// Callers who heard what they were to hear.
    pub callers_heard: u64,
    /// Callers who hung up first.
    pub callers_gave_up: u64,
    /// Calls that ended before the PBX answered, not by the caller.
    pub failed: u64,
    /// Times an agent's phone was rung.
    pub offered: u64,
    /// Times an agent's phone answered.
    pub agent_answered: u64,
    /// Agents' legs that heard what they were to hear.
    pub agents_heard: u64,
}

impl Totals {
    /// Adds records.
    pub fn add<'a>(&mut self, records: impl IntoIterator<Item = &'a LegRecord>) {
        for record in records {
            let (up, heard) = (u64::from(record.up.is_some()), u64::from(record.heard.is_some()));
            match record.direction {
                Direction::Outgoing => {
                    self.calls += 1;
                    self.answered += up;
                    self.callers_heard += heard;
                    self.callers_gave_up += u64::from(record.end.by_us);
                    self.failed += u64::from(record.up.is_none() && !record.end.by_us);
                }
                Direction::Incoming => {
                    self.offered += 1;
                    self.agent_answered += up;
                    self.agents_heard += heard;
                }
            }
        }
    }
}

/// A running flow. Dropping it stops new calls; those that are up go on.
pub struct FlowHandle {
    stop: Arc<AtomicBool>,
    placed: Arc<AtomicU64>,
    held_back: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl PhoneBank {
    /// Starts a flow of callers.
    ///
    /// # Errors
    /// No thread to be had.
    pub fn flow(&self, flow: Flow) -> Result<FlowHandle> {
        let (stop, placed, held_back) = (
            Arc::<AtomicBool>::default(),
            Arc::<AtomicU64>::default(),
            Arc::<AtomicU64>::default(),
        );
        let run = Runner {
            shared: Arc::clone(self.shared()),
            stop: Arc::clone(&stop),
            placed: Arc::clone(&placed),
            held_back: Arc::clone(&held_back),
        };
        let thread = std::thread::Builder::new()
            .name("phones-flow".into())
            .spawn(move || run.run(&flow))?;
        Ok(FlowHandle {
            stop,
            placed,
            held_back,
            thread: Some(thread),
        })
    }
}

struct Runner {
    shared: Arc<Shared>,
    stop: Arc<AtomicBool>,
    placed: Arc<AtomicU64>,
    held_back: Arc<AtomicU64>,
}

impl Runner {
    fn run(&self, flow: &Flow) {
        let mut random = fastrand::Rng::with_seed(flow.seed);
        let mut next = Instant::now();
        for n in 0..flow.total.unwrap_or(u64::MAX) {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            let number = (flow.first_number + n).to_string();
            let line = pick(&flow.lines, &mut random).to_owned();
            if !self
                .shared
                .change(|state, now| place(&self.shared, state, flow, number, line, now))
            {
                self.held_back.fetch_add(1, Ordering::Relaxed);
            } else {
                self.placed.fetch_add(1, Ordering::Relaxed);
            }
            let gap = -(1.0 - random.f64()).ln() / flow.per_second.max(1e-6);
            next += Duration::from_secs_f64(gap.min(3_600.0));
            if let Some(pause) = next.checked_duration_since(Instant::now()) {
                std::thread::park_timeout(pause);
            }
        }
    }
}

/// Places one call; `false` if too many are up.
fn place(
    shared: &Shared,
    state: &mut super::bank::State,
    flow: &Flow,
    number: String,
    line: String,
    now: Instant,
) -> bool {
    let up = state
        .legs
        .values()
        .filter(|leg| leg.alive() && leg.direction == Direction::Outgoing)
        .count();
    if up >= flow.at_once {
        return false;
    }
    let phone = PhoneState {
        number: number.clone(),
        line: Some(line),
        replaces: None,
        tone: flow.tone,
        follow: Vec::new(),
        plugged: true,
        lines: 1,
        auto: None,
        legs: Vec::new(),
        offered: 0,
    };
    let plan = Plan {
        listen_for: Some(flow.listen_for),
        patience_until: flow.patience.as_ref().map(|patience| now + draw(patience)),
        ..Plan::default()
    };
    state.phones.insert(number.clone(), phone);
    shared.call(state, &number, &flow.dial, Some(plan), now).is_ok()
}

impl FlowHandle {
    /// Calls placed so far.
    pub fn placed(&self) -> u64 {
        self.placed.load(Ordering::Relaxed)
    }

    /// Arrivals that were not placed because [`Flow::at_once`] calls were up.
    pub fn held_back(&self) -> u64 {
        self.held_back.load(Ordering::Relaxed)
    }

    /// Whether all calls of [`Flow::total`] have been placed.
    pub fn done(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Waits until all calls of [`Flow::total`] have been placed.
    pub fn wait(&mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for FlowHandle {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

fn pick<'a>(lines: &'a [(String, u32)], random: &mut fastrand::Rng) -> &'a str {
    let sum: u32 = lines.iter().map(|(_, weight)| weight).sum();
    let mut ticket = random.u32(0..sum.max(1));
    for (line, weight) in lines {
        match ticket.checked_sub(*weight) {
            Some(rest) => ticket = rest,
            None => return line,
        }
    }
    ""
}

fn draw(range: &Range<Duration>) -> Duration {
    let span = range.end.saturating_sub(range.start);
    range.start + span.mul_f64(fastrand::f64())
}
