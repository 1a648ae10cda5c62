//! A small call floor to write specifications on: an engine, a clock, and what the last input led to.

mod seen;
mod settings;

use std::collections::BTreeMap;

use hotline_engine::action::{CommandOutcome, Place, Refusal, Status};
use hotline_engine::config::{Agent, Queue};
use hotline_engine::ids::{CallId, CommandId, OfferId};
use hotline_engine::input::{Caller, Departure, OfferFailure, Party, PhoneState, TalkState};
use hotline_engine::{Action, CallAction, Command, Config, Drain, Engine, Event, Input, Span, Time};

pub(crate) use settings::*;

pub(crate) struct Floor {
    pub(crate) engine: Engine,
    pub(crate) now: Time,
    pub(crate) actions: Vec<Action>,
    pub(crate) events: Vec<Event>,
    commands: u64,
    /// The latest offer of each call.
    latest: BTreeMap<u64, u64>,
}

pub(crate) const BOOT: Time = Time(1_000_000_000_000_000);

impl Floor {
    pub(crate) fn new(config: Config) -> Floor {
        Floor::seeded(config, 7)
    }

    /// Chance goes by that seed.
    pub(crate) fn seeded(config: Config, seed: u64) -> Floor {
        let engine = Engine::new(config, BOOT, seed).unwrap();
        let mut floor = Floor {
            engine,
            now: BOOT,
            actions: Vec::new(),
            events: Vec::new(),
            commands: 0,
            latest: BTreeMap::new(),
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

    /// These queues and agents, who sign in one second after the other.
    pub(crate) fn staffed(queues: Vec<Queue>, agents: Vec<Agent>) -> Floor {
        Floor::of(config(queues, agents))
    }

    /// These settings, all agents signed in one second after the other.
    pub(crate) fn of(config: Config) -> Floor {
        let numbers: Vec<String> = config.agents.iter().map(|agent| agent.number.clone()).collect();
        let mut floor = Floor::new(config);
        for number in numbers {
            floor.pass(1);
            floor.sign_in(&number);
        }
        floor
    }

    pub(crate) fn input(&mut self, input: Input) -> &mut Floor {
        let Drain { actions, events } = self.engine.handle(self.now, input);
        (self.actions, self.events) = (actions.collect(), events.collect());
        let offers = self.offers();
        self.latest
            .extend(offers.into_iter().map(|(offer, call, _)| (call, offer)));
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
            ..Caller::default()
        };
        self.join_with(call, queue, caller)
    }

    pub(crate) fn join_with(&mut self, call: u64, queue: &str, caller: Caller) -> &mut Floor {
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

    /// The agent who was rung last for a call answers, and the host connects.
    pub(crate) fn talks(&mut self, call: u64) -> &mut Floor {
        self.talk(call, self.latest[&call])
    }

    /// A talk of so many seconds, from answering to hanging up.
    pub(crate) fn serve(&mut self, call: u64, seconds: u64) -> &mut Floor {
        self.talks(call).pass(seconds).ended(call, Party::Caller)
    }

    /// Enough callers come and talk with idle agents, each so many seconds, for estimates to be believed. Their calls are
    /// numbered from 9001 on.
    pub(crate) fn measure(&mut self, queue: &str, seconds: u64) -> &mut Floor {
        for call in 9001..=9003 {
            self.join_with(call, queue, Caller::default())
                .serve(call, seconds);
        }
        self
    }

    pub(crate) fn key(&mut self, call: u64, key: char) -> &mut Floor {
        self.input(Input::Digit {
            call: CallId(call),
            key,
        })
    }

    /// The conversation goes on in that way.
    pub(crate) fn goes_on(&mut self, call: u64, state: TalkState) -> &mut Floor {
        self.input(Input::Talk {
            call: CallId(call),
            state,
        })
    }

    pub(crate) fn callback_failed(&mut self, callback: u64) -> &mut Floor {
        self.input(Input::CallbackFailed {
            callback: CallId(callback),
        })
    }

    /// The callback was answered: the caller joins as that call.
    pub(crate) fn resume(&mut self, call: u64, callback: u64) -> &mut Floor {
        let caller = Caller {
            callback: Some(CallId(callback)),
            ..Caller::default()
        };
        self.join_with(call, "wherever", caller)
    }

    /// A supervisor asks for something.
    pub(crate) fn boss(&mut self, command: Command) -> Option<CommandOutcome> {
        self.ask("boss", command)
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
            _ => None,
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
}

pub(crate) fn offer(offer: u64, call: u64, agent: &str) -> (u64, u64, String) {
    (offer, call, agent.to_owned())
}

/// See [`Floor::rung`].
pub(crate) fn ring(call: u64, agent: &str) -> (u64, String) {
    (call, agent.to_owned())
}

pub(crate) fn release(status: Status) -> CallAction {
    release_to(status, Place::Onward)
}

pub(crate) fn release_to(status: Status, to: Place) -> CallAction {
    CallAction::Release {
        status,
        to,
        say: Vec::new(),
        retry_in: None,
    }
}

pub(crate) fn cancel(offer: u64) -> CallAction {
    CallAction::Cancel {
        offer: OfferId(offer),
    }
}

pub(crate) fn connect(offer: u64) -> CallAction {
    CallAction::Connect {
        offer: OfferId(offer),
        greeting: None,
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
