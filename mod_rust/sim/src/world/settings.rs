//! Settings by chance, all of them right: up to four queues and seven agents, small times, so that things coincide.

use hotline_engine::Span;
use hotline_engine::config::{
    Agent, Answering, Band, CallbackSettings, Choice, Comfort, Config, Disposition, Door, Exit, Exits,
    Greeting, HoldCare, Intro, Ivr, Key, Limits, Membership, Menu, Misses, NeedsAgents, Operation, Prompt,
    Queue, Reason, Recording, RecordingMode, Retrieve, Rule, Steps, Strategy, Survey, Tier, TierLimits,
    Warnings, Way, WrapUp,
};

use crate::random::Random;

pub(super) const QUEUES: [&str; 5] = ["support", "sales", "billing", "experts", "nowhere"];
pub(super) const TIERS: [&str; 4] = ["basic", "silver", "gold", "platinum"];
/// Of these the last is nobody's at first.
pub(super) const SKILLS: [&str; 4] = ["english", "french", "routers", "martian"];
pub(super) const REASONS: [&str; 3] = ["", "lunch", "training"];
/// Of dispositions; the last is never there.
pub(super) const CODES: [&str; 4] = ["01", "02", "99", "nonsense"];
pub(super) const AGENTS: u64 = 7;
/// No after-call work goes on for longer.
pub(super) const LONGEST_WRAP_UP: Span = Span::seconds(20);
const MENUS: [&str; 2] = ["waiting", "busy"];

pub(super) fn number(n: u64) -> String {
    (1000 + n).to_string()
}

pub(super) fn phone(n: u64) -> String {
    format!("PJSIP/a{}", 1000 + n)
}

/// What settings of one kind may refer to, and how lively they are.
struct Maker<'a> {
    random: &'a mut Random,
    queues: Vec<&'static str>,
    tiers: Vec<&'static str>,
    /// One in so many queues has something out of the ordinary, for each of its settings.
    plainness: u64,
}

pub(super) fn config(random: &mut Random) -> Config {
    let tiers = TIERS[..random.between(1, 4) as usize].to_vec();
    let queues: Vec<&str> = QUEUES[..4]
        .iter()
        .copied()
        .filter(|_| !random.one_in(5))
        .collect();
    let plainness = random.between(1, 4);
    let mut maker = Maker {
        random,
        queues,
        tiers,
        plainness,
    };
    maker.config()
}

impl Maker<'_> {
    fn config(&mut self) -> Config {
        let tiers = self.tiers.clone();
        let queues = self.queues.clone();
        let dispositions = self.dispositions();
        let mut queues: Vec<Queue> = queues.iter().map(|name| self.queue(name)).collect();
        for queue in &mut queues {
            let some = dispositions.iter().any(|known| known.suits(&queue.name));
            let some_time = queue.wrap_up != WrapUp::Timed(Span::ZERO) || queue.wrap_up_max > Span::ZERO;
            queue.needs_disposition = some && some_time && self.random.one_in(3);
        }
        let mut taken = Vec::new();
        let mut agents = Vec::new();
        for n in 0..AGENTS {
            let agent = self.agent(n);
            let clash = agent.always_signed_in && taken.contains(&agent.phone);
            if agent.always_signed_in {
                taken.push(agent.phone.clone());
            }
            if !clash && !self.random.one_in(5) {
                agents.push(agent);
            }
        }
        if self.random.one_in(4) {
            agents.reverse();
        }
        Config {
            tiers: tiers
                .into_iter()
                .map(|name| Tier {
                    name: name.to_owned(),
                    handicap: self.random.seconds(0, 60),
                    spoken: format!("tiers/{name}"),
                })
                .collect(),
            queues,
            agents,
            menus: MENUS.iter().map(|name| self.menu(name)).collect(),
            ivrs: ["pin", "pay"]
                .iter()
                .map(|name| Ivr {
                    name: (*name).to_owned(),
                    place: format!("{name},s,1"),
                    timeout: self.random.seconds(1, 60),
                })
                .collect(),
            reasons: vec![Reason {
                name: "lunch".to_owned(),
                warn: self.steps(),
            }],
            dispositions,
            supervisors: super::supervision::supervisors(self.random),
            supervision: super::supervision::settings(self.random),
            misses: Misses {
                no_answer: self.random.seconds(0, 10),
                rejected: self.random.seconds(0, 10),
                busy: self.random.seconds(0, 10),
                unreachable: self.random.seconds(0, 10),
                not_ready_after: self.random.below(4) as u32,
            },
            limits: Limits {
                calls: self.random.between(5, 40) as u32,
                remembered: self.random.below(6) as u32,
                decisions: self.random.below(40) as u32,
            },
        }
    }

    fn dispositions(&mut self) -> Vec<Disposition> {
        let queues = self.queues.clone();
        let codes = CODES[..3].iter().filter(|_| !self.random.one_in(4));
        let codes: Vec<&str> = codes.copied().collect();
        let mut disposition = |code: &str| Disposition {
            code: code.to_owned(),
            en: format!("about {code}"),
            complaint: self.random.one_in(3),
            resolved: self.random.one_in(2),
            follow_up: self.random.one_in(4),
            queues: queues
                .iter()
                .filter(|_| self.random.one_in(4))
                .map(|queue| (*queue).to_owned())
                .collect(),
            ..Disposition::default()
        };
        codes.into_iter().map(&mut disposition).collect()
    }

    /// Whether a queue has something out of the ordinary.
    fn odd(&mut self) -> bool {
        self.random.one_in(self.plainness)
    }

    fn queue(&mut self, name: &str) -> Queue {
        let mut queue = Queue {
            strategy: *self
                .random
                .pick(&[
                    Strategy::LongestIdle,
                    Strategy::RingAll,
                    Strategy::RingAll,
                    Strategy::RoundRobin,
                    Strategy::FewestCalls,
                    Strategy::LeastTalkTime,
                    Strategy::Random,
                    Strategy::Linear,
                    Strategy::WeightedRandom,
                    Strategy::SkillLevel,
                ])
                .unwrap_or(&Strategy::RingAll),
            handicap: self.random.seconds(0, 30),
            max_waiting: if self.random.one_in(10) {
                self.random.below(3) as u32
            } else {
                9
            },
            ring_time: self.random.seconds(1, 20),
            wrap_up_max: self.random.seconds(0, 20),
            ring_all_max: self.random.between(1, 4) as u32,
            music: ["", "calm"][self.random.below(2) as usize].to_owned(),
            music_after: self.random.seconds(0, 2),
            level: self.random.between(2, 3) as u8,
            exits: self.exits(),
            handle_time: self.random.seconds(1, 90),
            warn: self.warnings(),
            hold: self.hold_care(),
            survey: self.survey(),
            spoken: self.perhaps(|_| "queues/it".to_owned()).unwrap_or_default(),
            greeting: Greeting {
                caller: self.intros(),
                agent: self.intros(),
            },
            wrap_up: match self.random.below(4) {
                0 => WrapUp::Manual,
                1 => WrapUp::Timed(Span::ZERO),
                _ => WrapUp::Timed(self.random.seconds(1, 10)),
            },
            ..Queue::named(name)
        };
        if self.random.one_in(2) {
            queue.max_wait = Some(self.random.seconds(1, 60));
        }
        if self.odd() {
            queue.tiers = self.tier_limits();
        }
        if self.odd() && self.random.one_in(2) {
            queue.needs_agents = if self.random.one_in(2) {
                NeedsAgents::SignedIn
            } else {
                NeedsAgents::AtWork
            };
        }
        if self.odd() && self.random.one_in(8) {
            queue.door = if self.random.one_in(2) {
                Door::Closed
            } else {
                Door::Emergency
            };
        }
        if self.odd() && self.random.one_in(2) {
            queue.skills = self.skills();
        }
        if self.odd() {
            queue.sticky = self.random.seconds(1, 15);
        }
        queue.transfer_wait = self.random.seconds(0, 20);
        queue.recording = Recording {
            mode: *self
                .random
                .pick(&[
                    RecordingMode::Never,
                    RecordingMode::OnDemand,
                    RecordingMode::Always,
                ])
                .unwrap_or(&RecordingMode::Always),
            percent: *self.random.pick(&[0, 30, 100]).unwrap_or(&100),
        };
        if self.odd() {
            let rules = self.random.between(1, 4);
            queue.rules = (0..rules).map(|_| self.rule()).collect();
        }
        if self.random.one_in(2) {
            queue.callback = self.callback();
        }
        queue
    }

    fn callback(&mut self) -> CallbackSettings {
        CallbackSettings {
            max: self.random.between(1, 4) as u32,
            dial: "Local/{number}@callback".to_owned(),
            ahead: self.random.below(4) as u32,
            attempts: self.random.between(1, 3) as u32,
            retry_after: self.random.seconds(0, 20),
            ring_time: self.random.seconds(1, 10),
            expires: self.random.seconds(1, 90),
        }
    }

    fn tier_limits(&mut self) -> Vec<TierLimits> {
        let mut limits = Vec::new();
        for tier in self.tiers.clone() {
            if self.random.one_in(2) {
                limits.push(TierLimits {
                    tier: tier.to_owned(),
                    max_waiting: self.perhaps(|random| random.below(4) as u32),
                    max_wait: self.perhaps(|random| random.seconds(1, 30)),
                });
            }
        }
        limits
    }

    fn perhaps<T>(&mut self, make: impl FnOnce(&mut Random) -> T) -> Option<T> {
        if self.random.one_in(2) {
            Some(make(self.random))
        } else {
            None
        }
    }

    fn exits(&mut self) -> Exits {
        Exits {
            full: self.way(),
            timeout: self.way(),
            no_agents: self.way(),
            closed: self.way(),
            emergency: self.way(),
        }
    }

    fn way(&mut self) -> Way {
        let queue = self.random.pick(&self.queues).map(|name| (*name).to_owned());
        let to = match self.random.below(6) {
            0 => Exit::Place("self-service,s,1".to_owned()),
            1 | 2 => queue.map_or(Exit::Onward, Exit::Queue),
            3 => Exit::Busy,
            4 => Exit::Callback,
            _ => Exit::Onward,
        };
        let say = if self.random.one_in(2) {
            self.prompts()
        } else {
            vec![]
        };
        Way { to, say }
    }

    /// In front of each figure stands what it is, so that those who check what is said can tell.
    fn prompts(&mut self) -> Vec<Prompt> {
        let mut prompts = Vec::new();
        for _ in 0..self.random.below(3) {
            let (file, figure) = match self.random.below(4) {
                0 => (crate::audit::POSITION, Some(Prompt::Position)),
                1 => (crate::audit::WAIT, Some(Prompt::Wait)),
                2 => ("again-in", Some(Prompt::RetryIn)),
                _ => ("sorry", None),
            };
            prompts.push(Prompt::File(file.to_owned()));
            prompts.extend(figure);
        }
        prompts
    }

    fn rule(&mut self) -> Rule {
        let tiers = self.tiers.clone();
        let tiers = if self.random.one_in(4) {
            tiers
                .into_iter()
                .filter(|_| self.random.one_in(2))
                .map(str::to_owned)
                .collect()
        } else {
            vec![]
        };
        let mut rule = Rule {
            after: if self.random.one_in(4) {
                Span::ZERO
            } else {
                self.random.seconds(1, 20)
            },
            every: self.perhaps(|random| random.seconds(1, 15)),
            tiers,
            ..Rule::default()
        };
        if self.random.one_in(4) {
            let over = self.random.below(120_000_000);
            let until = self.random.between(0, over);
            rule.predicted_wait = Some(Band { over, until });
        }
        if self.random.one_in(4) {
            let over = self.random.below(4);
            let until = self.random.between(0, over);
            rule.waiting = Some(Band { over, until });
        }
        for _ in 0..self.random.between(1, 3) {
            let operation = self.operation();
            rule.then.push(operation);
        }
        rule
    }

    fn operation(&mut self) -> Operation {
        let queue = self.random.pick(&self.queues).map(|name| (*name).to_owned());
        match self.random.below(12) {
            0..=1 => Operation::AcceptLevel(self.random.between(1, 3) as u8),
            2 => Operation::DropSkill(self.skill()),
            3..=4 => queue.map_or(Operation::AcceptLevel(3), Operation::AddQueue),
            5..=6 => Operation::Raise(self.random.seconds(0, 20)),
            7..=8 => Operation::Say(self.prompts()),
            9..=10 => Operation::Menu(MENUS[self.random.below(2) as usize].to_owned()),
            _ => Operation::Divert(self.way()),
        }
    }

    fn menu(&mut self, name: &str) -> Menu {
        let mut keys = Vec::new();
        for key in ['0', '1', '2', '*'] {
            if self.random.one_in(3) {
                continue;
            }
            let choice = if self.random.one_in(3) {
                Choice::Wait { say: self.prompts() }
            } else {
                Choice::Leave(self.way())
            };
            keys.push(Key { key, choice });
        }
        Menu {
            name: name.to_owned(),
            say: self.prompts(),
            lasting: self.random.seconds(0, 15),
            keys,
        }
    }

    fn warnings(&mut self) -> Warnings {
        Warnings {
            wait: self.steps(),
            ring: self.steps(),
            talk: self.steps(),
            hold: self.steps(),
            wrap_up: self.steps(),
        }
    }

    fn intros(&mut self) -> Vec<Intro> {
        let all = [
            Intro::File("hello".to_owned()),
            Intro::Agent,
            Intro::Queue,
            Intro::Tier,
        ];
        all.into_iter().filter(|_| self.random.one_in(3)).collect()
    }

    fn survey(&mut self) -> Option<Survey> {
        self.random.one_in(3).then(|| Survey {
            place: "survey,s,1".to_owned(),
            share: self.random.below(101) as u8,
            min_talk: self.random.seconds(0, 10),
        })
    }

    fn hold_care(&mut self) -> HoldCare {
        HoldCare {
            comfort: self.perhaps(|random| Comfort {
                after: random.seconds(1, 8),
                every: random.one_in(2).then(|| random.seconds(2, 10)),
                say: vec!["hold".to_owned()],
            }),
            retrieve: self.perhaps(|random| Retrieve {
                after: random.seconds(1, 10),
                event: "talk".to_owned(),
                unannounced: random.one_in(2),
                patience: random.seconds(1, 4),
            }),
        }
    }

    fn steps(&mut self) -> Steps {
        if self.random.one_in(2) {
            return Steps::default();
        }
        let mut at = Span::ZERO;
        let steps = (0..self.random.below(4)).map(|_| {
            at = Span(at.0 + self.random.seconds(1, 8).0);
            at
        });
        let at = steps.collect();
        Steps {
            at,
            every: self.perhaps(|random| random.seconds(2, 20)),
        }
    }

    fn skill(&mut self) -> String {
        self.random.pick(&SKILLS).copied().unwrap_or_default().to_owned()
    }

    fn skills(&mut self) -> Vec<String> {
        let skills = SKILLS[..3].iter().filter(|_| self.random.one_in(3));
        skills.map(|skill| (*skill).to_owned()).collect()
    }

    fn agent(&mut self, n: u64) -> Agent {
        let mut queues = Vec::new();
        for queue in self.queues.clone() {
            if self.random.one_in(2) {
                queues.push(Membership {
                    queue: queue.to_owned(),
                    level: self.random.between(1, 3) as u8,
                    weight: self.random.between(1, 5) as u16,
                });
            }
        }
        let phone = match self.random.below(8) {
            0 => String::new(),
            1 => phone(self.random.below(AGENTS)),
            _ => phone(n),
        };
        let always_signed_in = !phone.is_empty() && !self.random.one_in(3);
        let mut skills = self.skills();
        skills.extend(
            SKILLS[..3]
                .iter()
                .filter(|_| self.random.one_in(3))
                .map(|skill| (*skill).to_owned()),
        );
        skills.sort_unstable();
        skills.dedup();
        Agent {
            number: number(n),
            name: format!("Agent {n}"),
            phone,
            queues,
            skills,
            always_signed_in,
            answering: if self.random.one_in(4) {
                Answering::Automatic
            } else {
                Answering::Manual
            },
        }
    }
}
