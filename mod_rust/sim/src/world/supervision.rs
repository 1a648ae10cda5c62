//! Supervisors of the made-up host.

use hotline_engine::config::{Answering, Right, Supervision, Supervisor, Tone};
use hotline_engine::ids::{CallId, MonitorId};
use hotline_engine::input::{Follow, MonitorFact, MonitorMode, Whom};
use hotline_engine::{Command, Input, Span};

use super::World;
use crate::random::Random;

/// Supervisors that settings may have.
const SUPERVISORS: u64 = 4;

fn number(n: u64) -> String {
    (9_001 + n).to_string()
}

fn phone(n: u64) -> String {
    format!("PJSIP/s{}", 9_001 + n)
}

pub(super) fn supervisors(random: &mut Random) -> Vec<Supervisor> {
    let mut supervisors = Vec::new();
    for n in 0..SUPERVISORS {
        if random.one_in(6) {
            continue;
        }
        let mut supervisor = Supervisor::numbered(number(n));
        if random.one_in(2) {
            supervisor.phones = vec![phone(n), phone((n + 1) % SUPERVISORS)];
        }
        if random.one_in(3) {
            supervisor
                .may
                .retain(|right| *right == Right::Listen || !random.one_in(3));
        }
        supervisors.push(supervisor);
    }
    supervisors
}

pub(super) fn settings(random: &mut Random) -> Supervision {
    let tone = Tone {
        hertz: 400,
        lasting: Span::seconds(1),
    };
    Supervision {
        max_monitors: random.between(1, 4) as u32,
        ring_time: random.seconds(1, 20),
        answering: Answering::Automatic,
        tone: (!random.one_in(3)).then_some(tone),
    }
}

impl World {
    /// What a supervisor, or somebody for one, asks for.
    pub(super) fn supervise(&mut self) -> Command {
        let n = self.random.below(SUPERVISORS);
        let supervisor = number(n);
        match self.random.below(16) {
            0..=3 => Command::SignInSupervisor {
                supervisor,
                phone: match self.random.below(8) {
                    0 => String::new(),
                    1 => phone(self.random.below(SUPERVISORS)),
                    _ => phone(n),
                },
            },
            4 => Command::SignOutSupervisor { supervisor },
            5..=12 => self.listen(n),
            13 => Command::StopMonitor { supervisor },
            _ => Command::Disconnect {
                agent: self.agent(),
                whom: *self
                    .random
                    .pick(&[Whom::Caller, Whom::Agent, Whom::Both])
                    .unwrap_or(&Whom::Both),
                from: if self.random.one_in(2) {
                    String::new()
                } else {
                    phone(n)
                },
            },
        }
    }

    fn listen(&mut self, n: u64) -> Command {
        // Once in a while a number comes twice.
        if !self.random.one_in(20) {
            self.last_monitor += 1;
        }
        let from = if self.random.one_in(2) {
            String::new()
        } else {
            phone(n)
        };
        let supervisor = if from.is_empty() || self.random.one_in(3) {
            number(n)
        } else {
            String::new()
        };
        let modes = [
            MonitorMode::Listen,
            MonitorMode::Whisper,
            MonitorMode::Barge,
            MonitorMode::TakeOver,
        ];
        Command::Monitor {
            monitor: MonitorId(self.last_monitor),
            supervisor,
            from,
            agent: self.agent(),
            mode: self.random.pick(&modes).copied().unwrap_or_default(),
            follow: if self.random.one_in(2) {
                Follow::Agent
            } else {
                Follow::Call
            },
        }
    }

    /// What becomes of a supervisor, most often something that fits.
    pub(super) fn monitor_fact(&mut self) -> Input {
        let known = self.random.pick(&self.monitors).cloned();
        let monitor = match &known {
            Some(known) if !self.random.one_in(12) => known.monitor,
            Some(_) | None => MonitorId(self.random.below(self.last_monitor + 2)),
        };
        let waits = known.as_ref().is_some_and(|known| known.since.is_none());
        let call = match known.as_ref().and_then(|known| known.call) {
            Some(call) if !self.random.one_in(12) => call,
            Some(_) | None => self.any_call().unwrap_or(CallId(1)),
        };
        let takes_over = known.is_some_and(|known| known.mode == MonitorMode::TakeOver);
        let fact = match self.random.below(12) {
            0..=6 if waits => MonitorFact::Up,
            0..=4 if takes_over => MonitorFact::TookOver(call),
            0 => MonitorFact::Up,
            1..=8 => MonitorFact::Key(*self.random.pick(&['4', '5', '6', '7', '9']).unwrap_or(&'4')),
            9 if takes_over => MonitorFact::NoPlace(call),
            9 => MonitorFact::Lost(call),
            10 => MonitorFact::TookOver(call),
            _ => MonitorFact::Gone,
        };
        Input::Monitor { monitor, fact }
    }
}
