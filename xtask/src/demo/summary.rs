//! The end of the demo in figures: what the metrics say, whether phones and events agree, and who heard whom.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use anyhow::{Result, bail};
use hotline_testbed::phone::{Direction, LegRecord, Totals};
use serde::Serialize;

use super::floor::Floor;
use super::scene::Scene;

/// A conversation that is shorter need not have been heard: the other side's tone takes some packets to recognise.
const AUDIBLE: Duration = Duration::from_secs(1);

/// Who heard whom, by caller number.
#[derive(Default)]
pub(super) struct Audio {
    agents: HashMap<String, bool>,
    callers: HashMap<String, bool>,
}

impl Audio {
    pub(super) fn add(&mut self, records: Vec<LegRecord>) {
        for record in records {
            match (record.direction, record.up) {
                (Direction::Outgoing, _) => {
                    self.callers.insert(record.phone, record.heard.is_some());
                }
                (Direction::Incoming, Some(up)) if record.over.saturating_sub(up) >= AUDIBLE => {
                    self.agents.insert(record.other, record.heard.is_some());
                }
                (Direction::Incoming, _) => {}
            }
        }
    }

    /// Conversations that were long enough, and those in which both heard the other.
    fn count(&self) -> (u64, u64) {
        let both = self
            .agents
            .iter()
            .filter(|(number, heard)| **heard && self.callers.get(*number).copied().unwrap_or(false));
        (self.agents.len() as u64, both.count() as u64)
    }
}

/// The last line of `--json`.
#[derive(Serialize)]
pub(super) struct Summary {
    seconds: f64,
    calls_offered: u64,
    calls_answered: u64,
    calls_abandoned: u64,
    calls_other: u64,
    /// From joining until connected.
    wait_seconds: Percentiles,
    /// From the moment that a caller waited and an agent was free until the offer was made, by the engine's clock.
    dispatch_seconds: Percentiles,
    /// From the offer until the agent's phone said that it rings.
    offer_to_ringing_seconds: Percentiles,
    conversations: u64,
    heard_both_ways: u64,
    audio_ok: bool,
    /// The metrics count what the events and the phones count.
    counters_agree: bool,
}

/// Seconds.
#[derive(Serialize)]
struct Percentiles {
    p50: f64,
    p90: f64,
    p99: f64,
}

impl Percentiles {
    fn of(mut micros: Vec<u64>) -> Percentiles {
        micros.sort_unstable();
        let at = |share: f64| {
            let place = (micros.len() as f64 * share).ceil() as usize;
            micros
                .get(place.saturating_sub(1))
                .map_or(0.0, |time| *time as f64 / 1e6)
        };
        Percentiles {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
        }
    }
}

impl Summary {
    /// Waits until the daemon has counted every call to its end.
    pub(super) fn take(
        scene: &Scene,
        floor: &Floor,
        totals: &Totals,
        audio: &Audio,
        elapsed: Duration,
    ) -> Result<Summary> {
        let finished = |outcome| [("outcome", outcome)];
        let metrics = scene
            .daemon
            .metrics_when("every call to be counted to its end", |metrics| {
                let offered = metrics.sum("hotline_calls_offered_total", &[]);
                offered >= totals.calls as f64 && offered == metrics.sum("hotline_calls_finished_total", &[])
            })?;
        let sum = |name, labels: &[(&str, &str)]| metrics.sum(name, labels) as u64;
        let calls_offered = sum("hotline_calls_offered_total", &[]);
        let calls_answered = sum("hotline_calls_finished_total", &finished("answered"));
        let calls_abandoned = sum("hotline_calls_finished_total", &finished("abandoned"));
        let picture = floor.picture();
        let times = floor.times();
        let (conversations, heard_both_ways) = audio.count();
        Ok(Summary {
            seconds: elapsed.as_secs_f64(),
            calls_offered,
            calls_answered,
            calls_abandoned,
            calls_other: sum("hotline_calls_finished_total", &[]) - calls_answered - calls_abandoned,
            counters_agree: calls_offered == totals.calls
                && calls_answered == picture.answered.values().sum::<u64>()
                && calls_abandoned == picture.abandoned.values().sum::<u64>(),
            wait_seconds: Percentiles::of(times.waits),
            dispatch_seconds: Percentiles::of(times.dispatches),
            offer_to_ringing_seconds: Percentiles::of(times.to_ringing),
            conversations,
            heard_both_ways,
            audio_ok: conversations > 0 && conversations == heard_both_ways,
        })
    }

    /// # Errors
    /// The demo did not show what it is there to show.
    pub(super) fn verdict(&self) -> Result<()> {
        if !self.counters_agree {
            bail!("the metrics do not agree with the events and the phones");
        }
        if self.conversations > 0 && !self.audio_ok {
            bail!(
                "{} of {} conversations were silent",
                self.conversations - self.heard_both_ways,
                self.conversations
            );
        }
        Ok(())
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Percentiles { p50, p90, p99 } = self.wait_seconds;
        writeln!(
            f,
            "calls      {} offered, {} answered, {} abandoned, {} other",
            self.calls_offered, self.calls_answered, self.calls_abandoned, self.calls_other
        )?;
        writeln!(f, "wait       p50 {p50:.1} s, p90 {p90:.1} s, p99 {p99:.1} s")?;
        let Percentiles { p50, p90, p99 } = self.offer_to_ringing_seconds;
        writeln!(
            f,
            "ringing    p50 {:.1} ms, p90 {:.1} ms, p99 {:.1} ms after the offer",
            p50 * 1e3,
            p90 * 1e3,
            p99 * 1e3
        )?;
        writeln!(
            f,
            "audio      {} of {} conversations heard both ways",
            self.heard_both_ways, self.conversations
        )
    }
}
