//! `[[alarm]]`: figures that somebody is to be told of, and when.

use std::time::Duration;

use serde::Deserialize;

use super::Fault;
use crate::alarms::Figure;

/// Rules at most.
const MAX_RULES: usize = 500;
/// Levels of a rule at most.
const MAX_LEVELS: usize = 5;
/// Bytes of a text for people.
const MAX_TEXT: usize = 1_000;
/// Seconds that a figure may have to last.
const MAX_SECONDS: f64 = 86_400.0;

/// A rule.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlarmSettings {
    /// Its name, for people, metrics and webhooks.
    pub name: String,
    /// What is looked at.
    pub figure: Figure,
    /// Queues that it is looked at in; all if there are none. Only for figures of queues.
    #[serde(default)]
    pub queues: Vec<String>,
    /// Beyond the first value it is an alarm of level 1, beyond the second of level 2, and so on: rising.
    #[serde(default)]
    pub above: Vec<f64>,
    /// The same for a figure that must not fall: falling.
    #[serde(default)]
    pub below: Vec<f64>,
    /// How long a figure is beyond a value before that is an alarm.
    #[serde(default)]
    pub for_seconds: f64,
    /// By how much it has to be back behind the value before the alarm ends.
    #[serde(default)]
    pub clear_by: f64,
    /// And for how long; as `for_seconds` if absent.
    #[serde(default)]
    pub clear_for_seconds: Option<f64>,
    /// Minutes that a rate is taken over.
    #[serde(default = "usual_window")]
    pub window_minutes: u32,
    /// A rate counts from so many calls within the window on.
    #[serde(default = "usual_calls")]
    pub min_calls: u32,
    /// What to do, for whoever is told.
    #[serde(default)]
    pub action: String,
}

fn usual_window() -> u32 {
    15
}

fn usual_calls() -> u32 {
    10
}

impl AlarmSettings {
    /// See `for_seconds`.
    pub fn lasts(&self) -> Duration {
        Duration::from_secs_f64(self.for_seconds)
    }

    /// See `clear_for_seconds`.
    pub fn clears(&self) -> Duration {
        Duration::from_secs_f64(self.clear_for_seconds.unwrap_or(self.for_seconds))
    }
}

pub(super) fn check(rules: &[AlarmSettings]) -> Result<(), Fault> {
    if rules.len() > MAX_RULES {
        let message = format!("there are {}, and {MAX_RULES} at most", rules.len());
        return Err(fault("alarm", 0, message));
    }
    for (nth, rule) in rules.iter().enumerate() {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if rule.name.is_empty() || rule.name.len() > 64 || !rule.name.chars().all(plain) {
            let message = format!("{:?} is no name: up to 64 letters, digits, - and _", rule.name);
            return Err(fault("alarm.name", nth, message));
        }
        if rules[..nth].iter().any(|other| other.name == rule.name) {
            return Err(fault(
                "alarm.name",
                nth,
                format!("{:?} is given twice", rule.name),
            ));
        }
        check_values(nth, rule)?;
        check_times(nth, rule)?;
        if rule.action.len() > MAX_TEXT {
            let message = format!("it is longer than {MAX_TEXT} bytes");
            return Err(fault("alarm.action", nth, message));
        }
        if !rule.queues.is_empty() && !rule.figure.is_of_queues() {
            let message = format!("{} is no figure of a queue", rule.figure.label());
            return Err(fault("alarm.queues", nth, message));
        }
    }
    Ok(())
}

fn check_values(nth: usize, rule: &AlarmSettings) -> Result<(), Fault> {
    let (key, values, rising) = match (rule.above.is_empty(), rule.below.is_empty()) {
        (false, true) => ("alarm.above", &rule.above, true),
        (true, false) => ("alarm.below", &rule.below, false),
        (true, true) => {
            let message = "a rule needs above = [..] or below = [..]".to_owned();
            return Err(fault("alarm.name", nth, message));
        }
        (false, false) => {
            let message = "above and below go in two rules".to_owned();
            return Err(fault("alarm.below", nth, message));
        }
    };
    if values.len() > MAX_LEVELS {
        return Err(fault(key, nth, format!("there are {MAX_LEVELS} levels at most")));
    }
    let in_order = |pair: &[f64]| {
        if rising {
            pair[0] < pair[1]
        } else {
            pair[0] > pair[1]
        }
    };
    if !values.iter().all(|value| value.is_finite() && *value >= 0.0) || !values.windows(2).all(in_order) {
        let order = if rising { "rise" } else { "fall" };
        return Err(fault(
            key,
            nth,
            format!("its values must be numbers from 0 that {order}"),
        ));
    }
    Ok(())
}

fn check_times(nth: usize, rule: &AlarmSettings) -> Result<(), Fault> {
    let seconds = |seconds: f64| (0.0..=MAX_SECONDS).contains(&seconds);
    for (key, value) in [
        ("alarm.for_seconds", rule.for_seconds),
        (
            "alarm.clear_for_seconds",
            rule.clear_for_seconds.unwrap_or_default(),
        ),
    ] {
        if !seconds(value) {
            return Err(fault(
                key,
                nth,
                format!("{value} is out of range, 0 to {MAX_SECONDS}"),
            ));
        }
    }
    if !rule.clear_by.is_finite() || rule.clear_by < 0.0 {
        let message = format!("{} is out of range, from 0", rule.clear_by);
        return Err(fault("alarm.clear_by", nth, message));
    }
    for (key, value, least, most) in [
        ("alarm.window_minutes", rule.window_minutes, 1, 1_440),
        ("alarm.min_calls", rule.min_calls, 1, 1_000_000),
    ] {
        if !(least..=most).contains(&value) {
            return Err(fault(
                key,
                nth,
                format!("{value} is out of range, {least} to {most}"),
            ));
        }
    }
    Ok(())
}

fn fault(key: &'static str, nth: usize, message: String) -> Fault {
    Fault { key, nth, message }
}
