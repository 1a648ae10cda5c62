//! A small call floor to write specifications on: an engine, a clock, and what the last input led to.

use hotline_engine::action::{CommandOutcome, Refusal, Status};
use hotline_engine::config::{Agent, Limits, Membership, Misses, Queue, Strategy, Tier};
use hotline_engine::event::{AgentState, AgentView, CallOutcome, OfferResult};
use hotline_engine::ids::{AgentId, CallId, CommandId, OfferId};
use hotline_engine::input::{Caller, Departure, OfferFailure, Party, PhoneState};
use hotline_engine::{Action, CallAction, Command, Config, Drain, Engine, Event, Input, Span, Time};

/// Longest-idle; rings for 20 s, 10 s wrap-up, no limits that matter.
pub(crate) fn queue(name: &str) -> Queue {
    Queue {
        name: name.to_owned(),
        strategy: Strategy::LongestIdle,
        handicap: Span::ZERO,
        max_waiting: 100,
        max_wait: None,
        needs_agents: false,
        ring_time: Span::seconds(20),
        wrap_up: Span::seconds(10),
        service_target: Span::seconds(15),
        ring_all_max: 3,
        music: "calm".to_owned(),
        music_after: Span::seconds(1),
    }
}

/// An agent whose phone is `P/NUMBER`, not signed in by itself.
pub(crate) fn agent(number: &str, queues: &[&str]) -> Agent {
    let membership = |queue: &&str| Membership {
        queue: (*queue).to_owned(),
        level: 1,
    };
    Agent {
        number: number.to_owned(),
        name: format!("Agent {number}"),
        phone: format!("P/{number}"),
        queues: queues.iter().map(membership).collect(),
        always_signed_in: false,
    }
}

/// Tiers basic and gold (worth 120 s); cool-downs of 5 (no answer), 6 (rejected), 7 (busy), 8 s (unreachable).
pub(crate) fn config(queues: Vec<Queue>, agents: Vec<Agent>) -> Config {
    let tier = |name: &str, seconds| Tier {
        name: name.to_owned(),
        handicap: Span::seconds(seconds),
    };
    Config {
        tiers: vec![tier("basic", 0), tier("gold", 120)],
        queues,
        agents,
        misses: Misses {
            no_answer: Span::seconds(5),
            rejected: Span::seconds(6),
            busy: Span::seconds(7),
            unreachable: Span::seconds(8),
            not_ready_after: 3,
        },
        limits: Limits { calls: 1000 },
    }
}

pub(crate) struct Floor {
    pub(crate) engine: Engine,
    pub(crate) now: Time,
    pub(crate) actions: Vec<Action>,
    pub(crate) events: Vec<Event>,
    commands: u64,
}

pub(crate) const BOOT: Time = Time(1_000_000_000_000_000);

impl Floor {
    pub(crate) fn new(config: Config) -> Floor {
        let engine = Engine::new(config, BOOT, 7).unwrap();
        let mut floor = Floor {
            engine,
            now: BOOT,
            actions: Vec::new(),
            events: Vec::new(),
            commands: 0,
        };
        floor.input(Input::Tick);
        floor
    }

    /// One queue `support`, and agents with these numbers, signed in one second after the other.
    pub(crate) fn with_agents(queue: Queue, numbers: &[&str]) -> Floor {
        let name = queue.name.clone();
        let agents = numbers.iter().map(|number| agent(number, &[&name])).collect();
        let mut floor = Floor::new(config(vec![queue], agents));
        for number in numbers {
            floor.pass(1);
            floor.sign_in(number);
        }
        floor
    }

    pub(crate) fn input(&mut self, input: Input) -> &mut Floor {
        let Drain { actions, events } = self.engine.handle(self.now, input);
        (self.actions, self.events) = (actions.collect(), events.collect());
        self.engine.check_invariants().unwrap();
        assert!(
            !self
                .events
                .iter()
                .any(|event| matches!(event, Event::Fault { .. })),
            "{:?}",
            self.events
        );
        self
    }

    /// Lets seconds pass and ticks.
    pub(crate) fn pass(&mut self, seconds: u64) -> &mut Floor {
        self.now = self.now + Span::seconds(seconds);
        self.input(Input::Tick)
    }

    pub(crate) fn join(&mut self, call: u64, queue: &str) -> &mut Floor {
        self.join_as(call, queue, "", 0)
    }

    pub(crate) fn join_as(&mut self, call: u64, queue: &str, tier: &str, priority: u32) -> &mut Floor {
        let caller = Caller {
            number: "13800000000".to_owned(),
            tier: tier.to_owned(),
            priority,
        };
        self.input(Input::Join {
            call: CallId(call),
            queue: queue.to_owned(),
            caller,
        })
    }

    pub(crate) fn gone(&mut self, call: u64) -> &mut Floor {
        self.input(Input::CallerGone {
            call: CallId(call),
            how: Departure::HungUp,
        })
    }

    pub(crate) fn answered(&mut self, offer: u64) -> &mut Floor {
        self.input(Input::Answered {
            offer: OfferId(offer),
        })
    }

    pub(crate) fn connected(&mut self, call: u64) -> &mut Floor {
        self.input(Input::Connected { call: CallId(call) })
    }

    /// The agent answers, and the host connects.
    pub(crate) fn talk(&mut self, call: u64, offer: u64) -> &mut Floor {
        self.answered(offer).connected(call)
    }

    pub(crate) fn failed(&mut self, offer: u64, cause: OfferFailure) -> &mut Floor {
        self.input(Input::OfferFailed {
            offer: OfferId(offer),
            cause,
        })
    }

    pub(crate) fn ended(&mut self, call: u64, by: Party) -> &mut Floor {
        self.input(Input::Ended {
            call: CallId(call),
            by,
            phone: PhoneState::Available,
        })
    }

    pub(crate) fn phone(&mut self, number: &str, state: PhoneState) -> &mut Floor {
        let agent = self.id(number);
        self.input(Input::Phone { agent, state })
    }

    pub(crate) fn ask(&mut self, author: &str, command: Command) -> Option<CommandOutcome> {
        self.commands += 1;
        let id = CommandId(self.commands);
        self.input(Input::Command {
            id,
            author: author.to_owned(),
            command,
        });
        self.reply_to(id)
    }

    pub(crate) fn reload(&mut self, config: Config) -> Option<CommandOutcome> {
        self.commands += 1;
        let id = CommandId(self.commands);
        self.input(Input::Reload {
            id,
            author: "cli".to_owned(),
            config: Box::new(config),
        });
        self.reply_to(id)
    }

    fn reply_to(&self, id: CommandId) -> Option<CommandOutcome> {
        self.actions.iter().find_map(|action| match action {
            Action::Reply { command, outcome } if *command == id => Some(*outcome),
            Action::Reply { .. } | Action::Call { .. } | Action::WatchPhone { .. } => None,
        })
    }

    pub(crate) fn sign_in(&mut self, number: &str) {
        let agent = number.to_owned();
        let outcome = self.ask(
            "test",
            Command::SignIn {
                agent,
                phone: String::new(),
                from_there: false,
            },
        );
        assert_eq!(outcome, Some(CommandOutcome::Done));
    }

    pub(crate) fn sign_in_on(&mut self, agent: &str, phone: &str) -> Option<CommandOutcome> {
        self.ask(
            "test",
            Command::SignIn {
                agent: agent.to_owned(),
                phone: phone.to_owned(),
                from_there: false,
            },
        )
    }

    pub(crate) fn sign_out(&mut self, agent: &str) -> Option<CommandOutcome> {
        self.ask(
            "agent",
            Command::SignOut {
                agent: agent.to_owned(),
            },
        )
    }

    pub(crate) fn set_ready(&mut self, agent: &str) -> Option<CommandOutcome> {
        self.ask(
            "agent",
            Command::SetReady {
                agent: agent.to_owned(),
            },
        )
    }

    pub(crate) fn set_not_ready(&mut self, agent: &str, reason: &str) -> Option<CommandOutcome> {
        self.ask(
            "agent",
            Command::SetNotReady {
                agent: agent.to_owned(),
                reason: reason.to_owned(),
            },
        )
    }

    pub(crate) fn force_busy(&mut self, agent: &str, seconds: Option<u64>) -> Option<CommandOutcome> {
        let lasting = seconds.map(Span::seconds);
        let command = Command::ForceBusy {
            agent: agent.to_owned(),
            reason: "audit".to_owned(),
            lasting,
        };
        self.ask("boss", command)
    }

    pub(crate) fn force_idle(&mut self, agent: &str) -> Option<CommandOutcome> {
        self.ask(
            "boss",
            Command::ForceIdle {
                agent: agent.to_owned(),
            },
        )
    }

    pub(crate) fn force_sign_out(&mut self, agent: &str) -> Option<CommandOutcome> {
        self.ask(
            "boss",
            Command::ForceSignOut {
                agent: agent.to_owned(),
                reason: "late".to_owned(),
            },
        )
    }

    pub(crate) fn agent(&self, number: &str) -> AgentView {
        let view = self.engine.view();
        view.agents
            .into_iter()
            .find(|agent| agent.number == number)
            .expect("no such agent")
    }

    pub(crate) fn id(&self, number: &str) -> AgentId {
        self.agent(number).agent
    }

    pub(crate) fn state(&self, number: &str) -> AgentState {
        self.agent(number).state
    }

    /// What a call's thread was told by the last input, in order.
    pub(crate) fn told(&self, call: u64) -> Vec<CallAction> {
        let of_call = |action: &Action| match action {
            Action::Call { call: whose, action } if *whose == CallId(call) => Some(action.clone()),
            Action::Call { .. } | Action::Reply { .. } | Action::WatchPhone { .. } => None,
        };
        self.actions.iter().filter_map(of_call).collect()
    }

    /// Offers made by the last input: (offer, call, agent number).
    pub(crate) fn offers(&self) -> Vec<(u64, u64, String)> {
        let ring = |action: &Action| match action {
            Action::Call {
                call,
                action: CallAction::Ring { offer, agent, .. },
            } => Some((offer.0, call.0, agent.clone())),
            Action::Call { .. } | Action::Reply { .. } | Action::WatchPhone { .. } => None,
        };
        self.actions.iter().filter_map(ring).collect()
    }

    /// Offers that ended with the last input.
    pub(crate) fn offers_ended(&self) -> Vec<(u64, OfferResult)> {
        let ended = |event: &Event| match event {
            Event::OfferEnded { offer, result, .. } => Some((offer.0, *result)),
            _ => None,
        };
        self.events.iter().filter_map(ended).collect()
    }

    /// Calls that finished with the last input.
    pub(crate) fn finished(&self) -> Vec<(u64, CallOutcome)> {
        let finished = |event: &Event| match event {
            Event::CallFinished { call, outcome, .. } => Some((call.0, *outcome)),
            _ => None,
        };
        self.events.iter().filter_map(finished).collect()
    }

    /// Answers given by the last input: (author, outcome).
    pub(crate) fn answers(&self) -> Vec<(String, CommandOutcome)> {
        let answer = |event: &Event| match event {
            Event::CommandAnswered { author, outcome, .. } => Some((author.clone(), *outcome)),
            _ => None,
        };
        self.events.iter().filter_map(answer).collect()
    }
}

pub(crate) fn offer(offer: u64, call: u64, agent: &str) -> (u64, u64, String) {
    (offer, call, agent.to_owned())
}

pub(crate) fn release(status: Status) -> CallAction {
    CallAction::Release { status }
}

pub(crate) fn cancel(offer: u64) -> CallAction {
    CallAction::Cancel {
        offer: OfferId(offer),
    }
}

pub(crate) fn connect(offer: u64) -> CallAction {
    CallAction::Connect {
        offer: OfferId(offer),
    }
}

pub(crate) fn music() -> CallAction {
    CallAction::Music {
        class: "calm".to_owned(),
        after: Span::seconds(1),
    }
}

pub(crate) const DONE: Option<CommandOutcome> = Some(CommandOutcome::Done);
pub(crate) const PENDING: Option<CommandOutcome> = Some(CommandOutcome::Pending);

pub(crate) fn refused(why: Refusal) -> Option<CommandOutcome> {
    Some(CommandOutcome::Refused(why))
}
