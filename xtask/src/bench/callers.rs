//! The callers of a measurement: SIPp with a scenario of its own, and the note it makes of when each caller came.

use super::agents::Offer;
use super::pause;
use crate::run;
use anyhow::{Context, Result, bail};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, UNIX_EPOCH};

/// A caller who waits until somebody hangs up. `field0` is the caller's number, `field1` what is dialled.
const SCENARIO: &str = include_str!("caller.xml");
/// Caller numbers count up from here, so that no number comes twice in a measurement.
const FIRST_NUMBER: u64 = 13_800_000_000;

/// A flow of callers.
pub(super) struct Flow<'a> {
    /// What they dial, one after the other and from the beginning again.
    pub(super) dial: &'a [String],
    /// How many come in all.
    pub(super) calls: usize,
    /// How many come in a second.
    pub(super) per_second: f64,
    /// How many are there at once, at most.
    pub(super) at_once: usize,
}

/// Callers under way. Dropping them ends SIPp; whoever is still there is left to the PBX.
pub(super) struct Callers {
    sipp: Child,
    first: u64,
    log: PathBuf,
    errors: PathBuf,
    /// Bound, so that audio has a place to go; never read.
    _audio: UdpSocket,
}

/// The line on which they come in.
pub(super) const LINE: &str = "bench";

/// Gives each flow files of its own and numbers that were not used before.
#[derive(Default)]
pub(super) struct Exchange {
    flows: u64,
    used: u64,
}

impl Exchange {
    /// Starts a flow of callers to the PBX at `pbx`.
    pub(super) fn start(&mut self, dir: &Path, pbx: SocketAddr, flow: &Flow<'_>) -> Result<Callers> {
        let number = self.flows;
        self.flows += 1;
        let first = FIRST_NUMBER + self.used;
        self.used += flow.calls as u64;
        let file = |name: &str| dir.join(format!("callers-{number}{name}"));

        let audio =
            UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot open a UDP socket on loopback")?;
        let scenario = file(".xml");
        let text = SCENARIO
            .replace("@AUDIO@", &audio.local_addr()?.port().to_string())
            .replace("@LINE@", LINE);
        fs::write(&scenario, text).with_context(|| format!("cannot write {}", scenario.display()))?;
        let mut list = String::from("SEQUENTIAL\n");
        for (number, dialled) in (first..).zip(flow.dial.iter().cycle()).take(flow.calls) {
            let _ = writeln!(list, "{number};{dialled}");
        }
        let numbers = file(".csv");
        fs::write(&numbers, list)?;

        let (log, errors) = (file(".log"), file(".err"));
        let own = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let sipp = run::which("sipp").context("sipp is missing: `cargo xtask pbx` installs it")?;
        let sipp = Command::new(sipp)
            .arg(pbx.to_string())
            .args(["-i", "127.0.0.1", "-p", &own.port().to_string(), "-nostdin"])
            .arg("-sf")
            .arg(&scenario)
            .arg("-inf")
            .arg(&numbers)
            .args(["-m", &flow.calls.to_string(), "-r", &flow.per_second.to_string()])
            .args(["-l", &flow.at_once.to_string(), "-buff_size", "2000000"])
            .args(["-trace_logs", "-log_file"])
            .arg(&log)
            .current_dir(dir)
            .env("TERM", "dumb")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&errors)?)
            .spawn()
            .context("cannot start sipp")?;
        Ok(Callers {
            sipp,
            first,
            log,
            errors,
            _audio: audio,
        })
    }
}

impl Callers {
    /// Waits until all calls have ended.
    pub(super) fn finish(mut self, limit: Duration) -> Result<Joined> {
        let deadline = Instant::now() + limit;
        let status = loop {
            if let Some(status) = self.sipp.try_wait()? {
                break status;
            }
            if Instant::now() > deadline {
                bail!("the callers did not end within {} s", limit.as_secs());
            }
            pause(Duration::from_millis(20))?;
        };
        // 1 says that calls failed: those are missing among the answered ones. All else is SIPp's own trouble.
        if !matches!(status.code(), Some(0 | 1)) {
            let said = fs::read_to_string(&self.errors).unwrap_or_default();
            bail!("sipp ended with {status}: {}", said.trim());
        }
        let log =
            fs::read_to_string(&self.log).with_context(|| format!("cannot read {}", self.log.display()))?;
        Ok(Joined {
            at: log
                .lines()
                .filter_map(joined)
                .filter(|(number, _)| *number >= self.first)
                .collect(),
        })
    }
}

impl Drop for Callers {
    fn drop(&mut self) {
        if matches!(self.sipp.try_wait(), Ok(None)) {
            let _ = self.sipp.kill();
            let _ = self.sipp.wait();
        }
    }
}

/// When each caller's INVITE was sent, by number, as seconds of the clock on the wall.
pub(super) struct Joined {
    at: HashMap<u64, f64>,
}

impl Joined {
    /// How many callers came.
    pub(super) fn calls(&self) -> usize {
        self.at.len()
    }

    /// The time from a caller's INVITE to the first agent's, for every caller that had one, in milliseconds.
    pub(super) fn until(&self, offers: &[Offer]) -> Vec<f64> {
        let mut first: HashMap<u64, f64> = HashMap::new();
        for offer in offers {
            let (Ok(caller), Ok(at)) = (
                offer.caller.parse(),
                offer.invited_wall.duration_since(UNIX_EPOCH),
            ) else {
                continue;
            };
            let at = at.as_secs_f64();
            first
                .entry(caller)
                .and_modify(|first| *first = first.min(at))
                .or_insert(at);
        }
        first
            .iter()
            .filter_map(|(caller, at)| Some((at - self.at.get(caller)?) * 1000.0))
            .collect()
    }
}

/// `13800000001 2026-11-22\t09:00:00.123456\t1795338000.123456`: the number and the last column.
fn joined(line: &str) -> Option<(u64, f64)> {
    let mut fields = line.split_whitespace();
    Some((fields.next()?.parse().ok()?, fields.next_back()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    #[test]
    fn callers_are_found_again_at_their_first_agent() {
        let at = UNIX_EPOCH + Duration::from_millis(10_250);
        let offer = |caller: &str, after: u64| Offer {
            agent: "a0001".into(),
            caller: caller.into(),
            invited: Instant::now(),
            invited_wall: at + Duration::from_millis(after),
            answered: None,
            freed: None,
            collided: false,
        };
        let (number, sent) = joined("13800000001 2026-11-22\t09:00:00.250000\t10.250000").unwrap();
        let joined = Joined {
            at: [(number, sent)].into(),
        };
        let waits = joined.until(&[offer("13800000001", 40), offer("13800000001", 4), offer("7", 1)]);
        assert_eq!(waits.len(), 1);
        assert!((waits[0] - 4.0).abs() < 0.01, "{waits:?}");
        assert!(SystemTime::now() > at);
    }
}
