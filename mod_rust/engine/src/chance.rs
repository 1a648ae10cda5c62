//! Chance that can be replayed: not a stream of numbers, but a number for each question.

use crate::ids::{AgentId, CallId, QueueId};
use crate::time::Time;

/// How long an agent who became available at `idle_since` has patience in a queue that chooses by chance: exponentially
/// distributed with rate `weight`, in units of 2^-28. The least patient of several is each of them with chances in
/// proportion to weight. Whoever waits longer has no better and no worse chances, since the exponential distribution has no
/// memory; for that, the patience of who comes later is counted from that of who was chosen last.
pub fn patience(seed: u64, agent: AgentId, queue: QueueId, idle_since: Time, weight: u16) -> u64 {
    let question = (u64::from(agent.0) << 32) | u64::from(queue.0);
    let uniform = mix(mix(mix(seed) ^ question) ^ idle_since.0);
    minus_log2(uniform) / u64::from(weight.max(1))
}

/// What a share of all calls is drawn for: each draw is independent of the others, and of what the strategies draw.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Draw {
    /// Who is asked what it was like.
    Survey,
    /// What is recorded.
    Recording,
}

impl Draw {
    fn salt(self) -> u64 {
        match self {
            Draw::Survey => 0,
            Draw::Recording => 0x7265_636f_7264,
        }
    }
}

/// Where a call lies between 0 and 99, each with the same chances: below a percentage, it belongs to that share of all calls.
pub fn share(seed: u64, of: Draw, call: CallId) -> u8 {
    let drawn = mix(mix(seed ^ of.salt()) ^ call.0);
    // Below 100.
    ((u128::from(drawn) * 100) >> 64) as u8
}

/// The finaliser of SplitMix64.
fn mix(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

/// `-log2(x / 2^64)` with 28 binary places, by repeated squaring of the mantissa. Whole numbers only, so that it is the same on
/// every machine.
fn minus_log2(x: u64) -> u64 {
    let x = x | 1;
    let zeros = x.leading_zeros();
    // The mantissa, in [1, 2), with 63 binary places.
    let mut mantissa = x << zeros;
    let mut log = 0_u64;
    for _ in 0..20 {
        let square = (u128::from(mantissa) * u128::from(mantissa)) >> 63;
        log <<= 1;
        mantissa = if square >> 64 == 0 {
            square as u64
        } else {
            log |= 1;
            (square >> 1) as u64
        };
    }
    ((u64::from(zeros) + 1) << 20).saturating_sub(log) << 8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logarithm_is_one() {
        let one = 1_u64 << 28;
        assert_eq!(minus_log2(1 << 63), one);
        assert_eq!(minus_log2(1 << 62), 2 * one);
        let third = minus_log2(u64::MAX / 3) as f64 / one as f64;
        assert!((third - 3_f64.log2()).abs() < 1e-5, "{third}");
    }

    #[test]
    fn every_percent_is_as_likely() {
        for of in [Draw::Survey, Draw::Recording] {
            let mut seen = [0_u32; 100];
            for call in 0..100_000 {
                seen[usize::from(share(7, of, CallId(call)))] += 1;
            }
            assert!(seen.iter().all(|seen| (800..1_200).contains(seen)), "{seen:?}");
        }
    }

    #[test]
    fn the_least_patient_comes_in_proportion_to_weight() {
        let mut won = [0_u32; 3];
        for round in 0..30_000 {
            let weights = [1, 2, 5];
            let wait = |at: u32| patience(round, AgentId(at), QueueId(0), Time(7), weights[at as usize]);
            let first = (0..3).min_by_key(|at| wait(*at)).unwrap();
            won[first as usize] += 1;
        }
        let share = won.map(|won| f64::from(won) / 30_000.0);
        for (share, expected) in share.into_iter().zip([0.125, 0.25, 0.625]) {
            assert!((share - expected).abs() < 0.01, "{share} instead of {expected}");
        }
    }
}
