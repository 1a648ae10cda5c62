//! A made-up host: callers, agents, phones and operators that do anything at any moment, most of it plausible.

mod commands;
mod consults;
mod settings;
mod supervision;

use hotline_engine::action::Status;
use hotline_engine::config::Config;
use hotline_engine::event::{AgentState, AgentView, MonitorView, RecordingFailure, RetrieveFailure};
use hotline_engine::ids::{AgentId, CallId, CommandId, OfferId, RecordingId};
use hotline_engine::input::{
    Act, Attached, Caller, Deed, Departure, MonitorFact, OfferFailure, Order, Party, PhoneState, RecordOrder,
    RecordingFact, Return, Score, TalkState, Whom,
};
use hotline_engine::screening::{ListChange, ScreenAction, Screening};
use hotline_engine::{Action, CallAction, Command, Input, Owed, Span, Time, View};

use crate::random::Random;
use settings::{AGENTS, SKILLS, TIERS};

/// Facts remembered, to come again late.
const MEMORY: usize = 40;

/// The made-up host.
#[derive(Debug)]
pub(crate) struct World {
    random: Random,
    now: Time,
    /// How often time leaps, in tenths: some worlds hurry from deadline to deadline, in others calls live long.
    haste: u64,
    /// How often operators interfere, in hundredths.
    meddling: u64,
    config: Config,
    calls: Vec<Call>,
    offers: Vec<(OfferId, CallId)>,
    /// Callbacks that the host has under way.
    dialling: Vec<CallId>,
    /// Callbacks that were ever dialled.
    dialled: Vec<CallId>,
    /// Queues and agents of the present settings, and agents in after-call work.
    queues: Vec<String>,
    agents: Vec<String>,
    wrapping_up: Vec<String>,
    /// Agents in conversations, those of them who consult, and agents who can take a call.
    talking: Vec<String>,
    consulting: Vec<String>,
    ready: Vec<String>,
    /// Whether agents of this world consult at all.
    consults_at_all: bool,
    consults: Vec<consults::Consult>,
    /// Who listens, and whose phones ring for it.
    monitors: Vec<MonitorView>,
    /// Orders for conversations, to be carried out.
    orders: Vec<(CallId, Order, bool)>,
    /// Callers on their way back from the dialplan.
    returns: Vec<(CallId, Return)>,
    /// Callers who are asked what it was like.
    asked: Vec<CallId>,
    /// Orders for the recorder, likewise.
    records: Vec<(RecordingId, RecordOrder)>,
    /// Whose agent was just hung up.
    hung_up: Option<CallId>,
    past: Vec<Input>,
    last_call: u64,
    last_command: u64,
    last_monitor: u64,
}

#[derive(Debug)]
struct Call {
    id: CallId,
    stage: Stage,
    /// To whom an agent consults, and no caller's.
    line: bool,
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
        let config = settings::config(&mut random);
        let now = Time(1_760_000_000_000_000 + random.below(1_000_000));
        let world = World {
            now,
            haste: random.between(1, 4),
            meddling: random.between(2, 16),
            config: config.clone(),
            calls: Vec::new(),
            offers: Vec::new(),
            dialling: Vec::new(),
            dialled: Vec::new(),
            queues: Vec::new(),
            agents: Vec::new(),
            wrapping_up: Vec::new(),
            talking: Vec::new(),
            consulting: Vec::new(),
            ready: Vec::new(),
            consults_at_all: seed.is_multiple_of(3),
            consults: Vec::new(),
            monitors: Vec::new(),
            orders: Vec::new(),
            returns: Vec::new(),
            asked: Vec::new(),
            records: Vec::new(),
            hung_up: None,
            past: Vec::new(),
            last_call: 0,
            last_command: 0,
            last_monitor: 0,
            random,
        };
        (world, config, now)
    }

    /// What happens next, and when; `deadline` is when the engine wants a tick.
    pub(crate) fn next(&mut self, deadline: Option<Time>) -> (Time, Input) {
        if self.random.below(10) < self.haste {
            self.now = match self.random.below(30) {
                0 => self.now + self.random.seconds(100, 700),
                1..=9 => self.now + self.random.seconds(0, 40),
                _ => self.now.max(deadline.unwrap_or(self.now)),
            };
        } else if self.random.one_in(2) {
            self.now = self.now + Span(self.random.below(1_000_000));
        }
        let input = self.input();
        let fact = !matches!(
            input,
            Input::Join { .. }
                | Input::Command { .. }
                | Input::Owed { .. }
                | Input::Reload { .. }
                // A line has one thread, and what is said of a consultation comes in order.
                | Input::JoinConsult { .. }
                | Input::Consult { .. }
                | Input::Tick
        );
        self.forget_line(&input);
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
        let by = Party::Caller;
        let phone = PhoneState::Available;
        if let Some(line) = self.last_line() {
            return (self.now, Some(line));
        }
        let up = view.calls.first().map(|call| match call.connected {
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
        let up = up.or_else(|| {
            let listens = view.monitors.first()?;
            Some(Input::Monitor {
                monitor: listens.monitor,
                fact: MonitorFact::Gone,
            })
        });
        let owed = view.callbacks.first().map(|owed| owed.callback);
        let recorded = || (!self.records.is_empty()).then(|| self.record());
        let input = up
            .or_else(recorded)
            .or_else(|| owed.map(|callback| self.cancel(callback)));
        if input.is_none() && view.agents.iter().any(|agent| agent.owes_disposition) {
            // What waits for a word of theirs comes without it in the end.
            self.now = self.now + settings::LONGEST_WRAP_UP;
            return (self.now, Some(Input::Tick));
        }
        (self.now, input)
    }

    /// Obeys, as far as a later fact depends on it.
    pub(crate) fn obey(&mut self, actions: &[Action], view: &View) {
        for action in actions {
            match action {
                Action::Call { call, action } => self.obey_for_call(*call, action),
                Action::CallBack { callback, .. } => {
                    self.dialling.push(*callback);
                    self.dialled.push(*callback);
                }
                Action::Hold { call, on } => self.orders.push((*call, Order::Hold, *on)),
                Action::Record { recording, order, .. } => self.records.push((*recording, *order)),
                Action::Mute { call, on } => self.orders.push((*call, Order::Mute, *on)),
                Action::SendAway { call, .. } => self.orders.push((*call, Order::Ivr, true)),
                // Sometimes it takes its time.
                Action::BringBack { call } if self.random.one_in(3) => {
                    self.returns.push((*call, Return::TimedOut));
                }
                Action::Disconnect { call, .. } if self.random.one_in(2) => self.hung_up = Some(*call),
                Action::CancelCallBack { callback } => self.dialling.retain(|other| other != callback),
                Action::Consult { call, line } => self.begin_consult(*call, line),
                Action::Arrange { call, how } => self.arrange(*call, *how),
                // What they lead to is in the view.
                Action::Monitor { .. }
                | Action::CallSupervisor { .. }
                | Action::CancelCallSupervisor { .. }
                | Action::Disconnect { .. }
                | Action::Comfort { .. }
                | Action::Retrieve { .. }
                | Action::BringBack { .. }
                | Action::Reply { .. }
                | Action::WatchPhone { .. } => {}
            }
        }
        self.monitors = view.monitors.clone();
        self.queues = view.queues.iter().map(|queue| queue.name.clone()).collect();
        self.agents = view
            .agents
            .iter()
            .map(|agent| agent.card.number.to_string())
            .collect();
        let wraps = |agent: &&AgentView| agent.state == AgentState::WrapUp;
        let wrapping_up = view.agents.iter().filter(wraps);
        self.wrapping_up = wrapping_up.map(|agent| agent.card.number.to_string()).collect();
        let talks = |agent: &&AgentView| view.calls.iter().any(|call| call.agent == Some(agent.agent));
        let talking = view.agents.iter().filter(talks);
        self.talking = talking.map(|agent| agent.card.number.to_string()).collect();
        self.consulting = of(view, &[AgentState::Consulting, AgentState::Conferencing]);
        self.ready = of(view, &[AgentState::Ready]);
        self.calls
            .retain(|call| call.line || view.calls.iter().any(|known| known.call == call.id));
        self.offers
            .retain(|(_, call)| self.calls.iter().any(|known| known.id == *call));
    }

    fn obey_for_call(&mut self, call: CallId, action: &CallAction) {
        match action {
            CallAction::Ring { offer, .. } => self.offers.push((*offer, call)),
            CallAction::Cancel { offer } => self.offers.retain(|(other, _)| other != offer),
            CallAction::Connect { offer, .. } => {
                self.offers.retain(|(other, _)| other != offer);
                self.set_stage(call, Stage::Connecting);
                self.line_is_connected(call);
            }
            CallAction::Music { .. } => self.set_stage(call, Stage::Waiting),
            CallAction::Release { status, .. } if *status == Status::Survey => self.asked.push(call),
            CallAction::Release { .. } => self.calls.retain(|other| !other.line || other.id != call),
            CallAction::Say { .. } => {}
        }
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
        if self.random.below(100) < self.meddling {
            return Some(self.meddle());
        }
        if self.consults_at_all && self.random.one_in(12) {
            let command = self.consult();
            return Some(self.ask(command));
        }
        if !self.consults.is_empty()
            && self.random.one_in(3)
            && let Some(input) = self.consult_goes_on()
        {
            return Some(input);
        }
        if let Some(call) = self.hung_up.take_if(|_| self.random.one_in(2)) {
            let (by, phone) = (Party::Agent, self.phone_state());
            return Some(Input::Ended { call, by, phone });
        }
        if !self.orders.is_empty() && self.random.one_in(3) {
            return Some(self.carry_out());
        }
        if !self.returns.is_empty() && self.random.one_in(4) {
            let at = self.random.below(self.returns.len() as u64) as usize;
            let (call, how) = self.returns.swap_remove(at);
            return Some(Input::CameBack { call, how });
        }
        if !self.asked.is_empty() && self.random.one_in(4) {
            let call = self.asked.swap_remove(0);
            let score = self.random.one_in(2).then_some(Score { score: 4, highest: 5 });
            return Some(Input::Surveyed { call, score });
        }
        if !self.records.is_empty() && self.random.one_in(3) {
            return Some(self.record());
        }
        match self.random.below(100) {
            0..=17 => Some(self.join()),
            18..=20 => {
                let how = if self.random.one_in(5) {
                    Departure::Taken
                } else {
                    Departure::HungUp
                };
                self.any_call().map(|call| Input::CallerGone { call, how })
            }
            21..=24 => self.offer().map(|offer| Input::Ringing { offer }),
            25..=44 => self.offer().map(|offer| Input::Answered { offer }),
            45..=48 => self.offer().map(|offer| Input::OfferFailed {
                offer,
                cause: self.failure(),
            }),
            49..=62 => self.call_in(&[Stage::Connecting]).map(|call| {
                self.set_stage(call, Stage::Talking);
                Input::Connected { call }
            }),
            63..=70 => self.call_in(&[Stage::Connecting, Stage::Talking]).map(|call| {
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
            71..=73 => Some(Input::Phone {
                agent: AgentId(self.random.below(AGENTS) as u32),
                state: self.phone_state(),
            }),
            74..=78 => self.call_in(&[Stage::Waiting]).map(|call| Input::Digit {
                call,
                key: *self.random.pick(&['0', '1', '1', '2', '*', 'x']).unwrap_or(&'0'),
            }),
            79..=84 => self.call_in(&[Stage::Talking]).map(|call| Input::Talk {
                call,
                state: self.talk_state(),
            }),
            85 => self.any_call().map(|call| Input::Talk {
                call,
                state: self.talk_state(),
            }),
            86 => self.any_call().map(|call| Input::Digit { call, key: '1' }),
            87..=90 => self.callback().map(|callback| {
                self.dialling.retain(|other| *other != callback);
                Input::CallbackFailed { callback }
            }),
            91..=92 => self.random.pick(&self.past).cloned(),
            93..=95 => Some(self.monitor_fact()),
            96 => Some(self.screened()),
            97 => self
                .call_in(&[Stage::Talking])
                .map(|call| Input::HandedOver { call }),
            98 if self.random.one_in(2) => self.any_call().map(|call| Input::RetrieveFailed {
                call,
                why: RetrieveFailure::NotSent,
            }),
            98 => {
                let whom = [Whom::Caller, Whom::Agent, Whom::Both];
                let whom = self.random.pick(&whom).copied().unwrap_or(Whom::Both);
                let done = self.random.one_in(2);
                self.any_call()
                    .map(|call| Input::DisconnectSettled { call, whom, done })
            }
            _ => Some(Input::Tick),
        }
    }

    /// Carries out the first order for a conversation, or cannot; sometimes nobody asked for what is so.
    fn carry_out(&mut self) -> Input {
        let (call, what, on) = self.orders.remove(0);
        let call = if self.random.one_in(20) {
            self.any_call().unwrap_or(call)
        } else {
            call
        };
        let on = on != self.random.one_in(20);
        match what {
            _ if self.random.one_in(8) => Input::NotDone { call, what },
            Order::Hold => Input::Held { call, on },
            Order::Mute => Input::Muted { call, on },
            Order::Ivr => {
                let how = match self.random.below(6) {
                    0 => Return::RanOut,
                    1 => Return::TimedOut,
                    at => Return::With(["", "OK", "2:4711", "no"][at as usize - 2].to_owned()),
                };
                // Some hang up there, or are brought back.
                if self.random.one_in(2) {
                    self.returns.push((call, how));
                }
                Input::WentAway { call }
            }
        }
    }

    /// Does the first that the recorder was told, or fails; sometimes it does what nobody asked for.
    fn record(&mut self) -> Input {
        let (recording, order) = self.records[0];
        // It may pause by itself, and does what it was told then.
        if self.random.one_in(30) {
            let fact = RecordingFact::Paused;
            return Input::Recording { recording, fact };
        }
        self.records.remove(0);
        let bytes = self.random.below(100_000);
        let fact = match order {
            _ if self.random.one_in(12) => RecordingFact::Failed {
                why: RecordingFailure::DiskFull,
                bytes,
            },
            RecordOrder::Start => RecordingFact::Started {
                file: format!("day/{}", recording.0),
            },
            RecordOrder::Pause => RecordingFact::Paused,
            RecordOrder::Resume => RecordingFact::Resumed,
            RecordOrder::Stop => RecordingFact::Finished { bytes },
        };
        Input::Recording { recording, fact }
    }

    /// A caller on the blacklist, or a change of that. Nothing else may come of it.
    fn screened(&mut self) -> Input {
        if self.random.one_in(2) {
            let change = ListChange::Whole {
                author: "operator".to_owned(),
                index: self.random.one_in(2),
                file: "list".to_owned(),
                taken: self.random.below(10),
                bad: 0,
                entries: self.random.below(10),
            };
            let deed = Deed {
                author: "operator".to_owned(),
                what: Act::Reload,
                refused: String::new(),
            };
            return match self.random.one_in(3) {
                true => Input::Deed { deed: Box::new(deed) },
                false => Input::ListChanged {
                    change: Box::new(change),
                },
            };
        }
        let screening = Screening {
            queue: self.queue(),
            tier: "gold".to_owned(),
            number: "13800000001".to_owned(),
            action: ScreenAction::Busy,
            detail: String::new(),
            entry: "+86138*".to_owned(),
            reason: "nuisance".to_owned(),
            author: "operator".to_owned(),
        };
        Input::Screened {
            // Whichever it is: the engine keeps no calls of that kind.
            call: CallId(self.random.below(1_000)),
            screening: Box::new(screening),
        }
    }

    /// A call that is owed from before.
    fn owed_before(&mut self, id: CommandId) -> Input {
        self.last_call += 1;
        let ago = |random: &mut Random, now: Time| now - random.seconds(0, 900);
        let placed = ago(&mut self.random, self.now);
        let owed = Owed {
            queue: self.queue(),
            caller: Caller {
                number: format!("1380000000{}", self.random.below(10)),
                tier: "gold".to_owned(),
                ..Caller::default()
            },
            arrived: ago(&mut self.random, placed),
            raised: Span::ZERO,
            worth: self.random.seconds(0, 120),
            placed,
            expires: placed + self.random.seconds(300, 3_600),
            attempts: self.random.below(5) as u32,
            retry_at: self
                .random
                .one_in(3)
                .then(|| placed + self.random.seconds(0, 1_800)),
        };
        Input::Owed {
            id,
            callback: CallId(self.last_call),
            before: "before".to_owned(),
            owed: Box::new(owed),
        }
    }

    fn meddle(&mut self) -> Input {
        self.last_command += 1;
        let id = CommandId(self.last_command);
        if self.random.one_in(20) {
            return Input::Reload {
                id,
                author: "operator".to_owned(),
                config: Box::new(self.reconfigure()),
            };
        }
        if self.random.one_in(20) {
            return self.owed_before(id);
        }
        let command = self.command();
        self.last_command -= 1;
        self.ask(command)
    }

    fn ask(&mut self, command: Command) -> Input {
        self.last_command += 1;
        Input::Command {
            id: CommandId(self.last_command),
            author: format!("author:{}", self.random.below(3)),
            command,
        }
    }

    fn join(&mut self) -> Input {
        // Once in a while the host gives a number twice: a fault of its own.
        if self.random.one_in(60)
            && let Some(call) = self.random.pick(&self.calls).filter(|call| !call.line)
        {
            return self.join_as(call.id, None);
        }
        self.last_call += 1;
        let call = CallId(self.last_call);
        self.calls.push(Call {
            id: call,
            stage: Stage::Waiting,
            line: false,
        });
        let callback = match self.random.below(10) {
            0 => self.random.pick(&self.dialled).copied(),
            1 => Some(CallId(self.random.below(self.last_call))),
            2..=6 => {
                let answered = self.random.pick(&self.dialling).copied();
                self.dialling.retain(|other| Some(*other) != answered);
                answered
            }
            _ => None,
        };
        self.join_as(call, callback)
    }

    fn join_as(&mut self, call: CallId, callback: Option<CallId>) -> Input {
        let queue = self.queue();
        let tier = self.random.pick(&TIERS).copied().unwrap_or_default();
        let priority = match self.random.below(20) {
            0 => u32::MAX,
            1..=4 => self.random.below(100) as u32,
            _ => 0,
        };
        let number = if self.random.one_in(6) {
            String::new()
        } else {
            format!("1380000{:04}", self.random.below(12))
        };
        let mut skills = Vec::new();
        while self.random.one_in(5) {
            skills.extend(self.random.pick(&SKILLS).map(|skill| (*skill).to_owned()));
        }
        let agent = if self.random.one_in(5) {
            self.agent()
        } else {
            String::new()
        };
        let flag = ["", "nuisance"][usize::from(self.random.one_in(10))];
        let attached = match self.random.below(4) {
            0 => Attached {
                data: vec![("account".to_owned(), self.random.below(9).to_string())],
                path: vec!["main:2".to_owned()],
            },
            _ => Attached::default(),
        };
        Input::Join {
            call,
            queue,
            caller: Caller {
                number,
                tier: tier.to_owned(),
                priority,
                skills,
                agent,
                flag: flag.to_owned(),
                attached,
                callback,
            },
        }
    }

    fn offer(&mut self) -> Option<OfferId> {
        self.random.pick(&self.offers).map(|(offer, _)| *offer)
    }

    fn callback(&mut self) -> Option<CallId> {
        let all = self.random.one_in(5);
        let from = if all { &self.dialled } else { &self.dialling };
        self.random.pick(from).copied()
    }

    /// A call, most often one that is up.
    fn any_call(&mut self) -> Option<CallId> {
        if self.random.one_in(15) {
            return Some(CallId(self.random.below(self.last_call + 2)));
        }
        self.random.pick(&self.calls).map(|call| call.id)
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

    fn talk_state(&mut self) -> TalkState {
        match self.random.below(5) {
            0 => TalkState::Talking,
            1 => TalkState::OnHold,
            2 => TalkState::Consulting,
            3 => TalkState::Conferencing,
            _ => TalkState::Away,
        }
    }
}

/// The numbers of the agents in such states.
fn of(view: &View, states: &[AgentState]) -> Vec<String> {
    let agents = view.agents.iter().filter(|agent| states.contains(&agent.state));
    agents.map(|agent| agent.card.number.to_string()).collect()
}
