//! How many agents a load needs: Erlang's B and C, and A, in which callers lose patience.
//!
//! The load `a` is arrivals times handling time, in erlangs; `n` is the number of agents.

/// The share of callers who find all lines busy, where nobody waits.
pub fn erlang_b(a: f64, n: u32) -> f64 {
    (1..=n).fold(1.0, |b, k| a * b / (f64::from(k) + a * b))
}

/// The share of callers who wait, where all wait until served; 1 where the load is more than agents can do.
pub fn erlang_c(a: f64, n: u32) -> f64 {
    let rho = a / f64::from(n);
    if rho >= 1.0 {
        return 1.0;
    }
    let b = erlang_b(a, n);
    b / (1.0 - rho * (1.0 - b))
}

/// Calls that come, and how long they take.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Load {
    /// Calls a second.
    pub arrivals: f64,
    /// Seconds that a call keeps an agent busy, after-call work included.
    pub handling: f64,
}

/// What callers meet.
#[derive(Clone, Copy, PartialEq, Debug, serde::Serialize)]
pub struct Service {
    /// Offered load in erlangs.
    pub load: f64,
    /// Agents.
    pub agents: u32,
    /// Share of an agent's time that is busy.
    pub occupancy: f64,
    /// Share of callers who wait.
    pub waits: f64,
    /// Mean wait of all callers in seconds; infinite where the load is too much.
    pub speed_of_answer: f64,
    /// Share of callers who are answered within the target.
    pub service_level: f64,
}

impl Load {
    /// In erlangs.
    pub fn erlangs(&self) -> f64 {
        self.arrivals * self.handling
    }

    /// What callers meet with so many agents, where all wait until served, and `target` seconds are wanted.
    pub fn served_by(&self, agents: u32, target: f64) -> Service {
        let (a, n) = (self.erlangs(), f64::from(agents));
        let c = erlang_c(a, agents);
        let (speed_of_answer, service_level) = if a < n {
            let free = n - a;
            (
                c * self.handling / free,
                1.0 - c * (-free * target / self.handling).exp(),
            )
        } else {
            (f64::INFINITY, 0.0)
        };
        Service {
            load: a,
            agents,
            occupancy: (a / n).min(1.0),
            waits: c,
            speed_of_answer,
            service_level,
        }
    }

    /// The fewest agents with whom `level` of the callers are answered within `target` seconds; `None` if more than
    /// 100,000 were needed.
    pub fn agents_for(&self, level: f64, target: f64) -> Option<u32> {
        (1..=100_000).find(|agents| self.served_by(*agents, target).service_level >= level)
    }

    /// The same where callers hang up after `patience` seconds on average.
    pub fn served_impatiently(&self, agents: u32, patience: f64) -> Impatient {
        let (a, n) = (self.erlangs(), f64::from(agents));
        let (death, loss) = (1.0 / self.handling, 1.0 / patience);
        // Chances of so many calls being there, by their logarithms: large floors overflow otherwise.
        let mut logs = vec![0.0_f64];
        let mut log = 0.0;
        for j in 1_u32.. {
            let j = f64::from(j);
            let leave = j.min(n) * death + (j - n).max(0.0) * loss;
            log += (self.arrivals / leave).ln();
            logs.push(log);
            let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            if (j > n && log < most - 60.0) || j > 1e6 {
                break;
            }
        }
        let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let chance = |log: &f64| (log - most).exp();
        let sum: f64 = logs.iter().map(chance).sum();
        let waiting = logs.iter().skip(agents as usize).map(chance);
        let waits = waiting.clone().sum::<f64>() / sum;
        let queued = waiting
            .zip(0_u32..)
            .map(|(chance, place)| chance * f64::from(place));
        let queue = queued.sum::<f64>() / sum;
        let abandons = loss * queue / self.arrivals;
        Impatient {
            waits,
            abandons,
            wait: queue / self.arrivals,
            occupancy: a * (1.0 - abandons) / n,
        }
    }
}

/// What callers meet who lose patience.
#[derive(Clone, Copy, PartialEq, Debug, serde::Serialize)]
pub struct Impatient {
    /// Share of callers who wait.
    pub waits: f64,
    /// Share of callers who hang up.
    pub abandons: f64,
    /// Mean wait of all callers in seconds.
    pub wait: f64,
    /// Share of an agent's time that is busy.
    pub occupancy: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64) {
        // To the last digit that the golden value has.
        let text = expected.to_string();
        let digits = text.split_once('.').map_or(0, |(_, digits)| digits.len());
        let room = 0.5001 * 10_f64.powi(-(digits as i32));
        assert!((found - expected).abs() <= room, "{found} is not {expected}");
    }

    fn load(calls: f64, minutes: f64, handling: f64) -> Load {
        Load {
            arrivals: calls / (minutes * 60.0),
            handling,
        }
    }

    #[test]
    fn the_golden_values_of_c() {
        let floor = load(360.0, 30.0, 240.0).served_by(55, 15.0);
        near(floor.load, 48.0);
        near(floor.occupancy, 0.8727);
        near(floor.waits, 0.23870);
        near(floor.speed_of_answer, 8.184);
        near(floor.service_level, 0.84588);
        let floor = load(100.0, 30.0, 180.0).served_by(14, 20.0);
        near(floor.waits, 0.17413);
        near(floor.service_level, 0.88835);
        near(floor.speed_of_answer, 7.836);
        near(load(100.0, 30.0, 180.0).served_by(13, 20.0).service_level, 0.7956);
        near(load(35.0, 15.0, 752.0).served_by(37, 20.0).service_level, 0.90422);
    }

    #[test]
    fn the_golden_number_of_agents() {
        let load = load(25.0, 15.0, 752.0);
        assert_eq!(load.agents_for(0.90, 20.0), Some(28));
        near(load.served_by(27, 20.0).service_level, 0.8776);
    }

    #[test]
    fn the_golden_values_of_a() {
        let load = Load {
            arrivals: 10.0 / 180.0,
            handling: 180.0,
        };
        let met = load.served_impatiently(14, 300.0);
        near(met.waits, 0.14526);
        near(met.abandons, 0.013984);
        near(met.wait / 60.0, 0.06992);
        near(met.occupancy, 0.704297);
        // A floor that overflows numbers that are not logarithms.
        let large = Load {
            arrivals: 2_000.0 / 180.0,
            handling: 180.0,
        };
        let met = large.served_impatiently(1_900, 300.0);
        assert!(
            (0.04..0.06).contains(&met.abandons) && met.occupancy <= 1.0,
            "{met:?}"
        );
    }

    #[test]
    fn the_golden_values_of_b() {
        near(erlang_b(1.0, 1), 0.5);
        near(erlang_b(10.0, 14), 0.056819);
        assert_eq!(erlang_c(5.0, 5), 1.0);
    }
}
