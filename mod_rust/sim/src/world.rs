//! A made-up host: callers, agents, phones and operators that do anything at any moment, most of it plausible.

use hotline_engine::config::{Agent, Config, Limits, Membership, Misses, Queue, Strategy, Tier};
use hotline_engine::ids::{AgentId, CallId, CommandId, OfferId};
use hotline_engine::input::{Caller, Departure, OfferFailure, Party, PhoneState};
use hotline_engine::{Action, CallAction, Command, Input, Span, Time, View};

use crate::random::Random;

const QUEUES: [&str; 5] = ["support", "sales", "billing", "experts", "nowhere"];
const TIERS: [&str; 4] = ["basic", "silver", "gold", "platinum"];
const AGENTS: u64 = 7;
/// Facts remembered, to come again late.
const MEMORY: usize = 40;

/// The made-up host.
#[derive(Debug)]
pub(crate) struct World {
    random: Random,
    now: Time,
    /// How often time leaps, in tenths: some worlds hurry from deadline to deadline, in others calls live long.
    haste: u64,
    calls: Vec<Call>,
    offers: Vec<(OfferId, CallId)>,
    past: Vec<Input>,
    last_call: u64,
    last_command: u64,
}

#[derive(Debug)]
struct Call {
    id: CallId,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    Waiting,
    Connecting,
    Talking,
}

impl World {
    /// A world from a seed, the settings it begins with, and when.
    pub(crate) fn new(seed: u64) -> (World, Config, Time) {
        let mut random = Random::new(seed);
        let config = config(&mut random);
        let now = Time(1_760_000_000_000_000 + random.below(1_000_000));
        let haste = random.between(1, 4);
        let world = World {
            random,
            now,
            haste,
            calls: Vec::new(),
            offers: Vec::new(),
            past: Vec::new(),
            last_call: 0,
            last_command: 0,
        };
        (world, config, now)
    }

    /// What happens next, and when; `deadline` is when the engine wants a tick.
    pub(crate) fn next(&mut self, deadline: Option<Time>) -> (Time, Input) {
        if self.random.below(10) < self.haste {
            self.now = match self.random.below(3) {
                0 => self.now + self.random.seconds(0, 40),
                _ => self.now.max(deadline.unwrap_or(self.now)),
            };
        } else if self.random.one_in(2) {
            self.now = self.now + Span(self.random.below(1_000_000));
        }
        let input = self.input();
        let fact = !matches!(
            input,
            Input::Join { .. } | Input::Command { .. } | Input::Reload { .. } | Input::Tick
        );
        if fact {
            if self.past.len() == MEMORY {
                self.past.remove(0);
            }
            self.past.push(input.clone());
        }
        // A host's clock that seems to go back: two of its threads met in the wrong order.
        let late = if self.random.one_in(40) {
            Span(self.random.below(1_000_000))
        } else {
            Span::ZERO
        };
        (self.now - late, input)
    }

    /// Everybody goes home: inputs that end what is still up.
    pub(crate) fn closing(&mut self, view: &View) -> (Time, Option<Input>) {
        let up = view.calls.first();
        let by = Party::Caller;
        let phone = PhoneState::Available;
        let input = up.map(|call| match call.connected {
            Some(_) => Input::Ended {
                call: call.call,
                by,
                phone,
            },
            None => Input::CallerGone {
                call: call.call,
                how: Departure::HungUp,
            },
        });
        (self.now, input)
    }

    /// Obeys, as far as a later fact depends on it.
    pub(crate) fn obey(&mut self, actions: &[Action], view: &View) {
        for action in actions {
            let Action::Call { call, action } = action else {
                continue;
            };
            match action {
                CallAction::Ring { offer, .. } => self.offers.push((*offer, *call)),
                CallAction::Cancel { offer } => self.offers.retain(|(other, _)| other != offer),
                CallAction::Connect { offer } => {
                    self.offers.retain(|(other, _)| other != offer);
                    self.set_stage(*call, Stage::Connecting);
                }
                CallAction::Music { .. } => self.set_stage(*call, Stage::Waiting),
                CallAction::Release { .. } => {}
            }
        }
        self.calls
            .retain(|call| view.calls.iter().any(|known| known.call == call.id));
        self.offers
            .retain(|(_, call)| self.calls.iter().any(|known| known.id == *call));
    }

    fn set_stage(&mut self, id: CallId, stage: Stage) {
        if let Some(call) = self.calls.iter_mut().find(|call| call.id == id) {
            call.stage = stage;
        }
    }

    fn input(&mut self) -> Input {
        let input = (0..4).find_map(|_| self.attempt());
        input.unwrap_or(Input::Tick)
    }

    /// Something to happen, if there is what it takes.
    fn attempt(&mut self) -> Option<Input> {
        match self.random.below(100) {
            0..=17 => Some(self.join()),
            18..=22 => {
                let how = if self.random.one_in(5) {
                    Departure::Taken
                } else {
                    Departure::HungUp
                };
                let call = self.random.pick(&self.calls).map(|call| call.id);
                call.map(|call| Input::CallerGone { call, how })
            }
            23..=27 => self.offer().map(|offer| Input::Ringing { offer }),
            28..=45 => self.offer().map(|offer| Input::Answered { offer }),
            46..=51 => self.offer().map(|offer| Input::OfferFailed {
                offer,
                cause: self.failure(),
            }),
            52..=63 => self.call_in(&[Stage::Connecting]).map(|call| {
                self.set_stage(call, Stage::Talking);
                Input::Connected { call }
            }),
            64..=74 => self.call_in(&[Stage::Connecting, Stage::Talking]).map(|call| {
                let by = *self
                    .random
                    .pick(&[Party::Caller, Party::Agent, Party::System])
                    .unwrap_or(&Party::Caller);
                Input::Ended {
                    call,
                    by,
                    phone: self.phone_state(),
                }
            }),
            75..=79 => Some(Input::Phone {
                agent: AgentId(self.random.below(AGENTS) as u32),
                state: self.phone_state(),
            }),
            80..=92 => {
                self.last_command += 1;
                let id = CommandId(self.last_command);
                let author = format!("author:{}", self.random.below(3));
                Some(Input::Command {
                    id,
                    author,
                    command: self.command(),
                })
            }
            93..=94 => {
                self.last_command += 1;
                let config = Box::new(self.reconfigure());
                Some(Input::Reload {
                    id: CommandId(self.last_command),
                    author: "operator".to_owned(),
                    config,
                })
            }
            95..=97 => self.random.pick(&self.past).cloned(),
            _ => Some(Input::Tick),
        }
    }

    fn join(&mut self) -> Input {
        self.last_call += 1;
        let call = CallId(self.last_call);
        self.calls.push(Call {
            id: call,
            stage: Stage::Waiting,
        });
        let queue = if self.random.one_in(20) {
            "unheard of"
        } else {
            self.random.pick(&QUEUES).copied().unwrap_or_default()
        };
        let tier = self.random.pick(&TIERS).copied().unwrap_or_default();
        let priority = if self.random.one_in(4) {
            self.random.below(100) as u32
        } else {
            0
        };
        let number = format!("1380000{:04}", self.random.below(10_000));
        Input::Join {
            call,
            queue: queue.to_owned(),
            caller: Caller {
                number,
                tier: tier.to_owned(),
                priority,
            },
        }
    }

    fn offer(&mut self) -> Option<OfferId> {
        self.random.pick(&self.offers).map(|(offer, _)| *offer)
    }

    fn call_in(&mut self, stages: &[Stage]) -> Option<CallId> {
        let calls: Vec<CallId> = self
            .calls
            .iter()
            .filter(|call| stages.contains(&call.stage))
            .map(|call| call.id)
            .collect();
        self.random.pick(&calls).copied()
    }

    fn failure(&mut self) -> OfferFailure {
        match self.random.below(4) {
            0 => OfferFailure::Rejected,
            1 => OfferFailure::Busy,
            2 => OfferFailure::NoAnswer,
            _ => OfferFailure::Unreachable,
        }
    }

    fn phone_state(&mut self) -> PhoneState {
        match self.random.below(6) {
            0 => PhoneState::Busy,
            1 => PhoneState::Unreachable,
            _ => PhoneState::Available,
        }
    }

    fn command(&mut self) -> Command {
        let agent = number(self.random.below(AGENTS + 1));
        let reason = ["", "lunch", "training"].map(str::to_owned)[self.random.below(3) as usize].clone();
        match self.random.below(16) {
            0..=4 => {
                let phone = if self.random.one_in(3) {
                    phone(self.random.below(AGENTS))
                } else {
                    String::new()
                };
                Command::SignIn {
                    agent,
                    phone,
                    from_there: self.random.one_in(4),
                }
            }
            5 => Command::SignOut { agent },
            6..=8 => Command::SetReady { agent },
            9 => Command::SetNotReady { agent, reason },
            10..=11 => {
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
            12..=14 => Command::ForceIdle { agent },
            _ => Command::ForceSignOut { agent, reason },
        }
    }

    fn reconfigure(&mut self) -> Config {
        let mut config = config(&mut self.random);
        if self.random.one_in(6) {
            match self.random.below(3) {
                0 => config.tiers.clear(),
                1 => config.limits.calls = 0,
                _ => config.queues.extend(config.queues.first().cloned()),
            }
        }
        config
    }
}

fn number(n: u64) -> String {
    (1000 + n).to_string()
}

fn phone(n: u64) -> String {
    format!("PJSIP/a{}", 1000 + n)
}

/// Settings that are right: up to four queues and seven agents, small times.
fn config(random: &mut Random) -> Config {
    let tiers = TIERS[..random.between(1, 4) as usize].iter();
    let mut queues = Vec::new();
    for name in &QUEUES[..4] {
        if !random.one_in(4) {
            queues.push(queue(random, name));
        }
    }
    let mut taken = Vec::new();
    let agents = (0..AGENTS).filter_map(|n| {
        let agent = agent(random, n, &queues);
        let clash = agent.always_signed_in && taken.contains(&agent.phone);
        if agent.always_signed_in {
            taken.push(agent.phone.clone());
        }
        (!clash && !random.one_in(5)).then_some(agent)
    });
    let agents: Vec<Agent> = agents.collect();
    Config {
        tiers: tiers
            .map(|name| Tier {
                name: (*name).to_owned(),
                handicap: random.seconds(0, 60),
            })
            .collect(),
        queues,
        agents,
        misses: Misses {
            no_answer: random.seconds(0, 10),
            rejected: random.seconds(0, 10),
            busy: random.seconds(0, 10),
            unreachable: random.seconds(0, 10),
            not_ready_after: random.below(4) as u32,
        },
        limits: Limits {
            calls: random.between(5, 40) as u32,
        },
    }
}

fn queue(random: &mut Random, name: &str) -> Queue {
    Queue {
        name: name.to_owned(),
        strategy: if random.one_in(2) {
            Strategy::LongestIdle
        } else {
            Strategy::RingAll
        },
        handicap: random.seconds(0, 30),
        max_waiting: random.between(0, 8) as u32,
        max_wait: if random.one_in(2) {
            Some(random.seconds(1, 60))
        } else {
            None
        },
        needs_agents: random.one_in(3),
        ring_time: random.seconds(1, 20),
        wrap_up: random.seconds(0, 10),
        service_target: Span::seconds(15),
        ring_all_max: random.between(1, 4) as u32,
        music: ["", "calm"][random.below(2) as usize].to_owned(),
        music_after: random.seconds(0, 2),
    }
}

fn agent(random: &mut Random, n: u64, queues: &[Queue]) -> Agent {
    let queues = queues.iter().filter(|_| random.one_in(2));
    let queues: Vec<Membership> = queues
        .map(|queue| Membership {
            queue: queue.name.clone(),
            level: 1,
        })
        .collect();
    let phone = match random.below(8) {
        0 => String::new(),
        1 => phone(random.below(AGENTS)),
        _ => phone(n),
    };
    let always_signed_in = !phone.is_empty() && !random.one_in(3);
    Agent {
        number: number(n),
        name: format!("Agent {n}"),
        phone,
        queues,
        always_signed_in,
    }
}
