//! What agents, supervisors and operators of the made-up host ask for.

use hotline_engine::config::{Config, Door};
use hotline_engine::ids::{CallId, CommandId};
use hotline_engine::input::{Destination, RecordOrder, ToIvr};
use hotline_engine::{Command, Input, Span};

use super::World;
use super::settings::{self, AGENTS, CODES, QUEUES, REASONS, SKILLS};

impl World {
    pub(super) fn command(&mut self) -> Command {
        let agent = self.agent();
        let reason = self.random.pick(&REASONS).copied().unwrap_or_default().to_owned();
        match self.random.below(94) {
            0..=13 => {
                let phone = if self.random.one_in(3) {
                    settings::phone(self.random.below(AGENTS))
                } else {
                    String::new()
                };
                Command::SignIn {
                    agent,
                    phone,
                    from_there: self.random.one_in(4),
                }
            }
            14..=15 => Command::SignOut { agent },
            16..=23 => Command::SetReady { agent },
            24..=26 => Command::SetNotReady { agent, reason },
            27..=29 => {
                let lasting = if self.random.one_in(2) {
                    Some(self.random.seconds(0, 30))
                } else {
                    None
                };
                Command::ForceBusy {
                    agent,
                    reason,
                    lasting,
                }
            }
            30..=36 => Command::ForceIdle { agent },
            37 => Command::ForceSignOut { agent, reason },
            38..=41 => Command::ExtendWrapUp {
                agent: self.random.pick(&self.wrapping_up).cloned().unwrap_or(agent),
                by: self.random.seconds(0, 8),
            },
            42..=45 => Command::SetMembership {
                agent,
                queue: self.queue(),
                place: self.place(),
            },
            46..=48 => Command::SetSkill {
                agent,
                skill: self.random.pick(&SKILLS).copied().unwrap_or_default().to_owned(),
                has: !self.random.one_in(3),
            },
            49..=51 => Command::SetDoor {
                queue: self.queue(),
                door: *self
                    .random
                    .pick(&[
                        Door::Open,
                        Door::Open,
                        Door::Open,
                        Door::Open,
                        Door::Closed,
                        Door::Emergency,
                    ])
                    .unwrap_or(&Door::Open),
            },
            52..=53 => Command::Reprioritise {
                call: self.call(),
                priority: self.random.below(200) as u32,
            },
            54..=55 => Command::MoveCall {
                call: self.call(),
                queue: self.queue(),
            },
            56..=57 => Command::Withdraw {
                call: self.call(),
                place: ["", "lobby,s,1"][self.random.below(2) as usize].to_owned(),
            },
            88..=93 => self.dispose(agent),
            58..=73 => self.supervise(),
            76..=87 => self.conduct(),
            // 74 and 75.
            _ => Command::CancelCallback {
                callback: self.random.pick(&self.dialled).copied().unwrap_or(CallId(1)),
            },
        }
    }

    /// What a call was about, most often of one who has or had one.
    fn dispose(&mut self, other: String) -> Command {
        let agent = match self.random.below(8) {
            0 => other,
            1..=3 => self.random.pick(&self.talking).cloned().unwrap_or(other),
            _ => self.random.pick(&self.wrapping_up).cloned().unwrap_or(other),
        };
        let note = match self.random.below(20) {
            0 => "far too long ".repeat(30),
            1..=5 => "calls again".to_owned(),
            _ => String::new(),
        };
        Command::Dispose {
            agent,
            code: self.random.pick(&CODES).copied().unwrap_or_default().to_owned(),
            note,
        }
    }

    /// Something that an agent does with the caller, most often one who has one.
    fn conduct(&mut self) -> Command {
        let agent = match self.random.pick(&self.talking).cloned() {
            Some(agent) if !self.random.one_in(10) => agent,
            Some(_) | None => self.agent(),
        };
        let on = !self.random.one_in(3);
        match self.random.below(12) {
            9..=11 => Command::Record {
                agent,
                order: match self.random.below(5) {
                    0 | 1 => RecordOrder::Start,
                    2 => RecordOrder::Pause,
                    3 => RecordOrder::Resume,
                    _ => RecordOrder::Stop,
                },
            },
            0 | 1 => Command::Hold { agent, on },
            2 => Command::Mute { agent, on },
            3..=5 => Command::Ivr {
                agent,
                to: match self.random.below(4) {
                    0 => ToIvr::Place {
                        place: ["", "pin,s,1"][usize::from(!self.random.one_in(4))].to_owned(),
                    },
                    _ => ToIvr::Named {
                        name: ["pin", "pay", "no such"][self.random.below(3) as usize].to_owned(),
                    },
                },
                timeout: self.random.one_in(3).then(|| self.random.seconds(0, 30)),
            },
            6 => Command::Survey { agent },
            _ => Command::Transfer {
                agent,
                to: match self.random.below(7) {
                    0 => Destination::Place {
                        place: ["", "lobby,s,1"][usize::from(!self.random.one_in(4))].to_owned(),
                    },
                    1..=3 => Destination::Agent { agent: self.agent() },
                    _ => Destination::Queue {
                        queue: self.queue(),
                        tier: ["", "", "gold", "silver", "lead"][self.random.below(5) as usize].to_owned(),
                        priority: self.random.one_in(3).then(|| self.random.below(100) as u32),
                    },
                },
                reason: ["", "knows more"][usize::from(self.random.one_in(2))].to_owned(),
            },
        }
    }

    /// Forgets a callback that is owed when everybody goes home.
    pub(super) fn cancel(&mut self, callback: CallId) -> Input {
        self.last_command += 1;
        Input::Command {
            id: CommandId(self.last_command),
            author: "night watch".to_owned(),
            command: Command::CancelCallback { callback },
        }
    }

    fn call(&mut self) -> CallId {
        self.any_call().unwrap_or(CallId(1))
    }

    /// A queue, most often of the present settings.
    pub(super) fn queue(&mut self) -> String {
        match self.random.pick(&self.queues).cloned() {
            Some(queue) if !self.random.one_in(15) => queue,
            Some(_) | None => self.random.pick(&QUEUES).copied().unwrap_or_default().to_owned(),
        }
    }

    /// An agent, most often of the present settings.
    pub(super) fn agent(&mut self) -> String {
        match self.random.pick(&self.agents).cloned() {
            Some(agent) if !self.random.one_in(15) => agent,
            Some(_) | None => settings::number(self.random.below(AGENTS + 1)),
        }
    }

    fn place(&mut self) -> Option<(u8, u16)> {
        match self.random.below(12) {
            0..=3 => None,
            4 => Some((0, 1)),
            5 => Some((1, 0)),
            _ => Some((self.random.between(1, 3) as u8, self.random.between(1, 5) as u16)),
        }
    }

    /// Other settings, some like the present ones, some wrong.
    pub(super) fn reconfigure(&mut self) -> Config {
        let mut config = settings::config(&mut self.random);
        if !self.random.one_in(3) {
            self.keep_most(&mut config);
        }
        if self.random.one_in(8) {
            match self.random.below(3) {
                0 => config.tiers.clear(),
                1 => config.limits.calls = 0,
                _ => config.queues.extend(config.queues.first().cloned()),
            }
            return config;
        }
        if self.random.one_in(30) {
            // So many skills that a second such lot finds no room.
            let from = self.random.below(100);
            if let Some(agent) = config.agents.first_mut() {
                agent
                    .skills
                    .extend((from..from + 70).map(|n| format!("skill {n}")));
            }
        }
        if config.check().is_ok() {
            self.config = config.clone();
        }
        config
    }

    /// Changes one thing of the present settings only, if what comes out is right.
    fn keep_most(&mut self, config: &mut Config) {
        let mut kept = self.config.clone();
        match self.random.below(7) {
            0 => kept.misses = config.misses,
            1 => kept.limits = config.limits,
            2 => kept.reasons = config.reasons.clone(),
            3 => kept.tiers = config.tiers.clone(),
            4 => {
                let at = self.random.below(kept.agents.len() as u64) as usize;
                if at < kept.agents.len() {
                    kept.agents.remove(at);
                }
            }
            5 => kept.agents = config.agents.clone(),
            _ => {
                for queue in &mut kept.queues {
                    let new = config.queues.iter().find(|new| new.name == queue.name);
                    if let Some(new) = new.filter(|_| self.random.one_in(2)) {
                        *queue = new.clone();
                    }
                }
                queue_times(&mut kept, self.random.seconds(1, 9));
            }
        }
        if kept.check().is_ok() {
            *config = kept;
        }
    }
}

fn queue_times(config: &mut Config, ring_time: Span) {
    if let Some(queue) = config.queues.first_mut() {
        queue.ring_time = ring_time;
    }
}
