//! When a figure is an alarm: levels that it has to be beyond for some time, and back behind by some way for some time.

use crate::settings::AlarmSettings;

use super::figure::Value;

/// The values of a rule, and the times, in microseconds.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Steps {
    values: Vec<f64>,
    rising: bool,
    lasts: u64,
    clear_by: f64,
    clears: u64,
}

/// How far a figure has climbed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Ladder {
    /// 0 for no alarm.
    level: u8,
    /// By level: since when the figure is beyond its value, and since when it is back behind it.
    since: Vec<(Option<u64>, Option<u64>)>,
}

impl Steps {
    pub(super) fn of(rule: &AlarmSettings) -> Steps {
        let rising = rule.below.is_empty();
        Steps {
            values: if rising {
                rule.above.clone()
            } else {
                rule.below.clone()
            },
            rising,
            lasts: rule.lasts().as_micros() as u64,
            clear_by: rule.clear_by,
            clears: rule.clears().as_micros() as u64,
        }
    }

    /// The value of a level from 1.
    pub(super) fn value(&self, level: u8) -> Option<f64> {
        self.values.get(usize::from(level).checked_sub(1)?).copied()
    }

    fn beyond(&self, value: f64, step: f64) -> bool {
        if self.rising { value > step } else { value < step }
    }

    fn behind(&self, value: f64, step: f64) -> bool {
        let edge = if self.rising {
            step - self.clear_by
        } else {
            step + self.clear_by
        };
        !self.beyond(value, edge)
    }
}

impl Ladder {
    /// As it was when the daemon ended: still so until shown otherwise.
    pub(super) fn at(level: u8) -> Ladder {
        Ladder {
            level,
            since: Vec::new(),
        }
    }

    /// Looks at a figure at a moment (microseconds). The level then.
    pub(super) fn look(&mut self, steps: &Steps, value: Value, now: u64) -> u8 {
        self.since.resize(steps.values.len(), (None, None));
        self.level = self.level.min(steps.values.len() as u8);
        let Some(value) = (match value {
            Value::Known(value) => Some(Some(value)),
            Value::Quiet => Some(None),
            Value::Unknown => None,
        }) else {
            self.since.fill((None, None));
            return self.level;
        };
        for ((beyond, behind), step) in self.since.iter_mut().zip(&steps.values) {
            keep(beyond, value.is_some_and(|value| steps.beyond(value, *step)), now);
            keep(behind, value.is_none_or(|value| steps.behind(value, *step)), now);
        }
        let for_long =
            |since: Option<u64>, long: u64| since.is_some_and(|since| now.saturating_sub(since) >= long);
        let reached = self
            .since
            .iter()
            .rposition(|(beyond, _)| for_long(*beyond, steps.lasts));
        let reached = reached.map_or(0, |place| place as u8 + 1);
        while self.level > reached {
            let (_, behind) = self.since[usize::from(self.level) - 1];
            if !for_long(behind, steps.clears) {
                break;
            }
            self.level -= 1;
        }
        self.level = self.level.max(reached);
        self.level
    }
}

fn keep(since: &mut Option<u64>, so: bool, now: u64) {
    *since = so.then_some(since.unwrap_or(now));
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    fn steps(values: &[f64], rising: bool, lasts: u64, clear_by: f64, clears: u64) -> Steps {
        Steps {
            values: values.to_vec(),
            rising,
            lasts: lasts * SECOND,
            clear_by,
            clears: clears * SECOND,
        }
    }

    /// The levels for a value at each second.
    fn levels(steps: &Steps, values: &[f64]) -> Vec<u8> {
        let mut ladder = Ladder::default();
        let each = values.iter().zip(0..);
        each.map(|(value, second)| ladder.look(steps, Value::Known(*value), second * SECOND))
            .collect()
    }

    #[test]
    fn a_level_is_reached_beyond_its_value_at_once_or_after_a_while() {
        let at_once = steps(&[5.0, 10.0], true, 0, 0.0, 0);
        assert_eq!(levels(&at_once, &[5.0, 6.0, 11.0, 7.0, 5.0]), [0, 1, 2, 1, 0]);
        let later = steps(&[5.0, 10.0], true, 2, 0.0, 0);
        // A moment behind it begins anew; time beyond the second level is time beyond the first.
        assert_eq!(
            levels(&later, &[6.0, 6.0, 5.0, 11.0, 6.0, 11.0, 11.0, 11.0]),
            [0, 0, 0, 0, 0, 1, 1, 2]
        );
    }

    #[test]
    fn it_ends_well_behind_its_value_and_after_a_while() {
        let steps = steps(&[5.0], true, 0, 2.0, 2);
        assert_eq!(
            levels(&steps, &[6.0, 4.0, 3.0, 4.0, 3.0, 2.0, 3.0, 3.0]),
            [1, 1, 1, 1, 1, 1, 0, 0]
        );
    }

    #[test]
    fn figures_that_must_not_fall_have_it_the_other_way_round() {
        let steps = steps(&[0.8, 0.7], false, 0, 0.05, 0);
        assert_eq!(
            levels(&steps, &[0.8, 0.79, 0.69, 0.74, 0.76, 0.84, 0.86]),
            [0, 1, 2, 2, 1, 1, 0]
        );
    }

    #[test]
    fn what_nobody_knows_changes_nothing_and_nothing_to_measure_is_no_alarm() {
        let steps = steps(&[5.0], true, 2, 0.0, 2);
        let mut ladder = Ladder::at(1);
        for second in 0..10 {
            assert_eq!(ladder.look(&steps, Value::Unknown, second * SECOND), 1);
        }
        assert_eq!(ladder.look(&steps, Value::Quiet, 10 * SECOND), 1);
        assert_eq!(ladder.look(&steps, Value::Unknown, 11 * SECOND), 1);
        // Time that nobody saw counts for nothing.
        assert_eq!(ladder.look(&steps, Value::Quiet, 12 * SECOND), 1);
        assert_eq!(ladder.look(&steps, Value::Quiet, 14 * SECOND), 0);
    }

    #[test]
    fn levels_that_the_settings_no_longer_have_are_left() {
        let mut ladder = Ladder::at(3);
        assert_eq!(
            ladder.look(&steps(&[5.0], true, 0, 0.0, 0), Value::Known(9.0), 0),
            1
        );
    }
}
