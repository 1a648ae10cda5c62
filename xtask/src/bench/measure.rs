//! What is read off a running process, and how samples become one figure.

use anyhow::{Context, Result};
use std::time::Duration;

/// Clock ticks in a second: fixed by the kernel's interface on every Linux that Rust runs on.
const TICKS: u64 = 100;

/// What a process has used of the processor so far, user and system.
pub(super) fn cpu(pid: u32) -> Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let stat =
        std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}: has the PBX ended?"))?;
    parse_cpu(&stat).with_context(|| format!("{path} has no times: {stat}"))
}

fn parse_cpu(stat: &str) -> Option<Duration> {
    // The name may hold anything but ends with the last parenthesis; utime and stime are fields 14 and 15.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let ticks: u64 = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 1000 / TICKS))
}

/// The memory that a process holds, in MiB.
pub(super) fn memory(pid: u32) -> Result<f64> {
    let path = format!("/proc/{pid}/status");
    let status =
        std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}: has the PBX ended?"))?;
    parse_memory(&status).with_context(|| format!("{path} has no VmRSS"))
}

fn parse_memory(status: &str) -> Option<f64> {
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?
        .split_whitespace()
        .next()?;
    Some(kib.parse::<f64>().ok()? / 1024.0)
}

/// The value below which `share` (0 to 1) of the samples lie; none of none.
pub(super) fn percentile(samples: &[f64], share: f64) -> Option<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    sorted.get((share * last as f64).round() as usize).copied()
}

/// The middle one, or the mean of the two in the middle; none of none.
pub(super) fn median(samples: &[f64]) -> Option<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted.get(middle).copied()
    } else {
        Some((sorted.get(middle.checked_sub(1)?)? + sorted.get(middle)?) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_behind_any_name() {
        let stat = "12 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 30 0 100 1 2";
        assert_eq!(parse_cpu(stat), Some(Duration::from_secs(3)));
    }

    #[test]
    fn memory_is_in_mebibytes() {
        assert_eq!(parse_memory("Name:\tasterisk\nVmRSS:\t   51200 kB\n"), Some(50.0));
    }

    #[test]
    fn samples_become_figures() {
        let hundred: Vec<f64> = (0..=100).rev().map(f64::from).collect();
        assert_eq!(
            (percentile(&hundred, 0.5), percentile(&hundred, 0.99)),
            (Some(50.0), Some(99.0))
        );
        assert_eq!(percentile(&[], 0.5), None);
        assert_eq!(
            (median(&[3.0, 1.0, 2.0]), median(&[4.0, 1.0]), median(&[])),
            (Some(2.0), Some(2.5), None)
        );
    }
}
