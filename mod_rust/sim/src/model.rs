//! The reference: what an engine must do, said as plainly as possible. Vectors, scans, no index of anything. It decides
//! the actions alone; it is written apart from the engine and shares only the vocabulary with it.

use hotline_engine::action::{CommandOutcome, Refusal, Status};
use hotline_engine::config::{self, Config, Strategy};
use hotline_engine::event::{AgentState, NextState};
use hotline_engine::ids::{AgentId, CallId, CommandId, OfferId};
use hotline_engine::input::{Caller, OfferFailure, Party, PhoneState};
use hotline_engine::{Action, CallAction, Command, Input, Span, Time};

/// A naive distributor.
#[derive(Debug)]
pub(crate) struct Model {
    now: Time,
    config: Config,
    /// All queues that ever were; whether they still are is for `config` to say.
    queues: Vec<config::Queue>,
    agents: Vec<Agent>,
    calls: Vec<Call>,
    offers_made: u64,
    actions: Vec<Action>,
    replies: Vec<Action>,
}

#[derive(Debug)]
struct Agent {
    settings: config::Agent,
    removed: bool,
    doing: Doing,
    phone: String,
    on_own_phone: bool,
    watched: String,
    phone_state: PhoneState,
    /// Until when, if it ends by itself.
    locked: Option<Option<Time>>,
    lock_asked: Option<CommandId>,
    next: Option<(NextState, CommandId, bool)>,
    cool_until: Option<Time>,
    misses: u32,
    was_available: bool,
    blameless: bool,
    idle_since: Time,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Doing {
    Nothing,
    Ready,
    NotReady,
    Ringing(CallId, OfferId),
    Connecting(CallId, OfferId),
    Talking(CallId),
    WrapUp(Time),
}

#[derive(Debug)]
struct Call {
    id: CallId,
    queue: String,
    served_as_if_joined: i128,
    leave_at: Option<Time>,
    stage: Stage,
    rings: Vec<Ring>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Stage {
    Waiting,
    Connecting,
    Talking,
}

#[derive(Clone, Copy, PartialEq, Debug)]
struct Ring {
    offer: OfferId,
    agent: usize,
    until: Time,
}

/// What becomes due, in the order in which it is when due together.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Due {
    MaxWait(CallId),
    Ring(OfferId),
    WrapUp(usize),
    CoolDown(usize),
    Lock(usize),
}

impl Model {
    /// With settings that are known to be right.
    pub(crate) fn new(config: Config, now: Time) -> Model {
        let empty = Config {
            queues: vec![],
            agents: vec![],
            ..config.clone()
        };
        let mut model = Model {
            now,
            config: empty,
            queues: vec![],
            agents: vec![],
            calls: vec![],
            offers_made: 0,
            actions: vec![],
            replies: vec![],
        };
        model.configure(config);
        model
    }

    /// The actions for one input.
    pub(crate) fn handle(&mut self, now: Time, input: &Input) -> Vec<Action> {
        self.now = self.now.max(now);
        self.apply(input);
        self.match_up();
        for (at, due) in self.due() {
            if self.due().contains(&(at, due)) {
                self.fire(due);
                self.match_up();
            }
        }
        let mut actions = core::mem::take(&mut self.actions);
        actions.append(&mut self.replies);
        actions
    }

    /// Published states of all agents that ever were, in the order of their ids.
    pub(crate) fn states(&self) -> Vec<AgentState> {
        self.agents.iter().map(Agent::state).collect()
    }

    /// Calls that are up.
    pub(crate) fn calls(&self) -> Vec<CallId> {
        let mut calls: Vec<CallId> = self.calls.iter().map(|call| call.id).collect();
        calls.sort_unstable();
        calls
    }

    /// Whether there ever was such an agent.
    pub(crate) fn was_ever(&self, agent: AgentId) -> bool {
        self.agents.get(agent.0 as usize).is_some()
    }

    // The one rule of distribution.

    fn match_up(&mut self) {
        self.send_away_where_nobody_works();
        for agent in &mut self.agents {
            let available = agent.state() == AgentState::Ready;
            if available && !agent.was_available && !agent.blameless {
                agent.idle_since = self.now;
            }
            (agent.was_available, agent.blameless) = (available, false);
        }
        loop {
            let seeking = self.calls.iter().enumerate().filter(|(_, call)| self.seeks(call));
            let servable = seeking.filter(|(_, call)| self.best_agent(&call.queue).is_some());
            let best = servable
                .min_by_key(|(_, call)| (call.served_as_if_joined, call.id))
                .map(|(at, _)| at);
            let Some(best) = best else { break };
            let Some(agent) = self.best_agent(&self.calls[best].queue) else {
                break;
            };
            self.offer(best, agent);
        }
        for agent in &mut self.agents {
            agent.was_available = agent.state() == AgentState::Ready;
        }
    }

    fn seeks(&self, call: &Call) -> bool {
        let queue = self.queue(&call.queue);
        let most = match queue.strategy {
            Strategy::LongestIdle => 1,
            Strategy::RingAll => queue.ring_all_max as usize,
        };
        call.stage == Stage::Waiting && (call.rings.is_empty() || call.rings.len() < most)
    }

    fn best_agent(&self, queue: &str) -> Option<usize> {
        let available = |agent: &Agent| agent.state() == AgentState::Ready && agent.serves(queue);
        (0..self.agents.len())
            .filter(|at| available(&self.agents[*at]))
            .min_by_key(|at| (self.agents[*at].idle_since, *at))
    }

    fn offer(&mut self, call: usize, agent: usize) {
        self.offers_made += 1;
        let offer = OfferId(self.offers_made);
        let until = self.now + self.queue(&self.calls[call].queue).ring_time;
        let id = self.calls[call].id;
        self.calls[call].rings.push(Ring { offer, agent, until });
        self.agents[agent].doing = Doing::Ringing(id, offer);
        let (phone, number) = (
            self.agents[agent].phone.clone(),
            self.agents[agent].settings.number.clone(),
        );
        self.tell(
            id,
            CallAction::Ring {
                offer,
                phone,
                agent: number,
            },
        );
    }

    fn send_away_where_nobody_works(&mut self) {
        let lost = |call: &&Call| {
            let queue = self.queue(&call.queue);
            let works = |agent: &Agent| agent.serves(&queue.name) && agent.doing != Doing::Nothing;
            let idle = call.stage == Stage::Waiting && call.rings.is_empty();
            idle && queue.needs_agents && !self.agents.iter().any(works)
        };
        let mut lost: Vec<(i128, CallId)> = self
            .calls
            .iter()
            .filter(lost)
            .map(|call| (call.served_as_if_joined, call.id))
            .collect();
        lost.sort_unstable();
        for (_, call) in lost {
            self.release_waiting(call, Some(Status::NoAgents));
        }
    }

    // Facts.

    fn apply(&mut self, input: &Input) {
        match input {
            Input::Join { call, queue, caller } => self.join(*call, queue, caller),
            Input::CallerGone { call, .. } => match self.call(*call).map(|call| call.stage) {
                Some(Stage::Waiting | Stage::Connecting) => self.release_waiting(*call, None),
                Some(Stage::Talking) => self.hang_up(*call, Party::Caller, None),
                None => {}
            },
            Input::Ringing { .. } | Input::Tick => {}
            Input::Answered { offer } => self.answered(*offer),
            Input::OfferFailed { offer, cause } => {
                if let Some((call, _)) = self.ringing(*offer) {
                    self.miss(call, *offer, *cause);
                }
            }
            Input::Connected { call } => self.connected(*call),
            Input::Ended { call, by, phone } => match self.call(*call).map(|call| call.stage) {
                Some(Stage::Talking) => self.hang_up(*call, *by, Some(*phone)),
                Some(Stage::Connecting) => self.not_connected(*call, *by, *phone),
                Some(Stage::Waiting) | None => {}
            },
            Input::Phone { agent, state } => {
                if let Some(agent) = self.agents.get_mut(agent.0 as usize)
                    && !(agent.in_call() && *state == PhoneState::Busy)
                {
                    agent.phone_state = *state;
                }
            }
            Input::Command { id, command, .. } => {
                let outcome = self.command(*id, command).unwrap_or_else(CommandOutcome::Refused);
                self.reply(*id, outcome);
            }
            Input::Reload { id, config, .. } => {
                let fits = config.check().is_ok();
                if fits {
                    self.configure((**config).clone());
                }
                let bad = CommandOutcome::Refused(Refusal::BadConfig);
                self.reply(*id, if fits { CommandOutcome::Done } else { bad });
            }
        }
    }

    fn join(&mut self, id: CallId, queue: &str, caller: &Caller) {
        if self.call(id).is_some() {
            return;
        }
        let Some(queue) = self
            .config
            .queues
            .iter()
            .find(|known| known.name == queue)
            .cloned()
        else {
            return self.tell(
                id,
                CallAction::Release {
                    status: Status::UnknownQueue,
                },
            );
        };
        if self.calls.len() >= self.config.limits.calls as usize {
            return self.tell(id, CallAction::Release { status: Status::Full });
        }
        let works = |agent: &Agent| agent.serves(&queue.name) && agent.doing != Doing::Nothing;
        if queue.needs_agents && !self.agents.iter().any(works) {
            return self.tell(
                id,
                CallAction::Release {
                    status: Status::NoAgents,
                },
            );
        }
        let waiting = |call: &&Call| call.queue == queue.name && call.stage != Stage::Talking;
        if self.calls.iter().filter(waiting).count() >= queue.max_waiting as usize {
            return self.tell(id, CallAction::Release { status: Status::Full });
        }
        let tiers = &self.config.tiers;
        let tier = tiers
            .iter()
            .find(|tier| tier.name == caller.tier)
            .unwrap_or(&tiers[0]);
        let worth = |span: Span| i128::from(span.0);
        let priority = i128::from(caller.priority) * 1_000_000;
        let joined = i128::from(self.now.0) - worth(tier.handicap) - worth(queue.handicap) - priority;
        self.tell(
            id,
            CallAction::Music {
                class: queue.music,
                after: queue.music_after,
            },
        );
        self.calls.push(Call {
            id,
            queue: queue.name,
            served_as_if_joined: joined,
            leave_at: queue.max_wait.map(|longest| self.now + longest),
            stage: Stage::Waiting,
            rings: vec![],
        });
    }

    fn answered(&mut self, offer: OfferId) {
        let Some((id, agent)) = self.ringing(offer) else {
            return;
        };
        self.agents[agent].doing = Doing::Connecting(id, offer);
        if let Some(call) = self.call_mut(id) {
            call.stage = Stage::Connecting;
        }
        self.take_back_rings(id, Some(offer));
        self.tell(id, CallAction::Connect { offer });
    }

    fn connected(&mut self, id: CallId) {
        let Some(call) = self.call_mut(id) else { return };
        if call.stage == Stage::Connecting {
            call.stage = Stage::Talking;
            let agent = call.rings[0].agent;
            call.rings.clear();
            self.agents[agent].doing = Doing::Talking(id);
            self.agents[agent].misses = 0;
        }
    }

    fn not_connected(&mut self, id: CallId, by: Party, phone: PhoneState) {
        let Some(call) = self.call(id) else { return };
        let Ring { offer, agent, .. } = call.rings[0];
        let queue = self.queue(&call.queue).clone();
        self.agents[agent].phone_state = phone;
        match by {
            Party::Caller => self.release_waiting(id, None),
            Party::System => self.release_waiting(id, Some(Status::Error)),
            Party::Agent => {
                self.miss(id, offer, OfferFailure::Rejected);
                if self.call(id).is_some() {
                    self.tell(
                        id,
                        CallAction::Music {
                            class: queue.music,
                            after: queue.music_after,
                        },
                    );
                }
            }
        }
    }

    fn hang_up(&mut self, id: CallId, by: Party, phone: Option<PhoneState>) {
        let Some(at) = self.calls.iter().position(|call| call.id == id) else {
            return;
        };
        let call = self.calls.remove(at);
        if by != Party::Caller {
            self.tell(
                id,
                CallAction::Release {
                    status: Status::Answered,
                },
            );
        }
        let Some(agent) = self
            .agents
            .iter()
            .position(|agent| agent.doing == Doing::Talking(id))
        else {
            return;
        };
        let wrap_up = self.queue(&call.queue).wrap_up;
        if let Some(phone) = phone {
            self.agents[agent].phone_state = phone;
        }
        let short = wrap_up == Span::ZERO || self.agents[agent].next.is_some();
        self.agents[agent].doing = if short {
            Doing::Ready
        } else {
            Doing::WrapUp(self.now + wrap_up)
        };
        self.after_call(agent);
    }

    /// A call that was never connected leaves.
    fn release_waiting(&mut self, id: CallId, status: Option<Status>) {
        self.take_back_rings(id, None);
        self.calls.retain(|call| call.id != id);
        if let Some(status) = status {
            self.tell(id, CallAction::Release { status });
        }
    }

    fn take_back_rings(&mut self, id: CallId, keep: Option<OfferId>) {
        let Some(call) = self.call_mut(id) else { return };
        let (kept, gone): (Vec<Ring>, Vec<Ring>) =
            call.rings.iter().partition(|ring| Some(ring.offer) == keep);
        call.rings = kept;
        for ring in gone {
            self.tell(id, CallAction::Cancel { offer: ring.offer });
            self.ring_came_and_went(ring.agent);
        }
    }

    fn take_back_ring_of(&mut self, agent: usize) {
        if let Doing::Ringing(id, offer) = self.agents[agent].doing {
            if let Some(call) = self.call_mut(id) {
                call.rings.retain(|ring| ring.offer != offer);
            }
            self.tell(id, CallAction::Cancel { offer });
            self.ring_came_and_went(agent);
        }
    }

    /// Idle time goes on, if the agent can take the next call as things stand.
    fn ring_came_and_went(&mut self, agent: usize) {
        self.agents[agent].doing = Doing::Ready;
        self.after_call(agent);
        self.agents[agent].blameless = self.agents[agent].state() == AgentState::Ready;
    }

    fn miss(&mut self, id: CallId, offer: OfferId, cause: OfferFailure) {
        let rules = self.config.misses;
        let now = self.now;
        let Some(call) = self.call_mut(id) else { return };
        let Some(at) = call.rings.iter().position(|ring| ring.offer == offer) else {
            return;
        };
        let agent_at = call.rings.remove(at).agent;
        call.stage = Stage::Waiting;
        let queue = call.queue.clone();
        let agent = &mut self.agents[agent_at];
        let (cool_down, counts) = match cause {
            OfferFailure::NoAnswer => (rules.no_answer, true),
            OfferFailure::Rejected => (rules.rejected, true),
            OfferFailure::Busy => (rules.busy, false),
            OfferFailure::Unreachable => (rules.unreachable, false),
        };
        agent.cool_until = Some(now + cool_down.max(Span::seconds(1)));
        agent.doing = Doing::Ready;
        agent.misses += u32::from(counts);
        if rules.not_ready_after > 0 && agent.misses >= rules.not_ready_after {
            agent.doing = Doing::NotReady;
            agent.misses = 0;
        }
        self.after_call(agent_at);
        if !self.config.queues.iter().any(|known| known.name == queue) {
            self.release_waiting(id, Some(Status::Removed));
        }
    }

    /// The agent has no call any more: what was asked for meanwhile happens now.
    fn after_call(&mut self, at: usize) {
        let next = self.agents[at].next.take();
        if self.agents[at].removed {
            self.sign_out(at);
        } else if let Some((state, _, _)) = &next {
            match state {
                NextState::Ready => self.agents[at].doing = Doing::Ready,
                NextState::NotReady { .. } => self.agents[at].doing = Doing::NotReady,
                NextState::SignedOut { .. } => self.sign_out(at),
            }
        }
        if let Some((state, id, _)) = next {
            let lost = self.agents[at].removed && !matches!(state, NextState::SignedOut { .. });
            let overtaken = CommandOutcome::Refused(Refusal::Overtaken);
            self.reply(id, if lost { overtaken } else { CommandOutcome::Done });
        }
        if let Some(id) = self.agents[at].lock_asked.take() {
            self.reply(id, CommandOutcome::Done);
        }
        self.move_to_own_phone(at);
    }

    // Commands.

    fn command(&mut self, id: CommandId, command: &Command) -> Result<CommandOutcome, Refusal> {
        let number = match command {
            Command::SignIn { agent, .. }
            | Command::SignOut { agent }
            | Command::SetReady { agent }
            | Command::SetNotReady { agent, .. }
            | Command::ForceBusy { agent, .. }
            | Command::ForceIdle { agent }
            | Command::ForceSignOut { agent, .. } => agent,
        };
        let known = |agent: &Agent| agent.settings.number == *number && !agent.removed;
        let at = self.agents.iter().position(known).ok_or(Refusal::UnknownAgent)?;
        let signed_in = self.agents[at].doing != Doing::Nothing;
        if let Command::SignIn {
            phone, from_there, ..
        } = command
        {
            return self.ask_to_sign_in(at, phone, *from_there);
        }
        if !signed_in {
            return Err(Refusal::NotSignedIn);
        }
        let by_agent = matches!(command, Command::SignOut { .. } | Command::SetReady { .. });
        if by_agent && self.agents[at].locked.is_some() {
            return Err(Refusal::ForcedBusy);
        }
        let wish = match command {
            Command::SignIn { .. } => unreachable!("handled above"),
            Command::ForceBusy { lasting, .. } => {
                self.unlock(at);
                self.agents[at].locked = Some(lasting.map(|span| self.now + span));
                if self.agents[at].on_call() {
                    self.agents[at].lock_asked = Some(id);
                    return Ok(CommandOutcome::Pending);
                }
                self.take_back_ring_of(at);
                return Ok(CommandOutcome::Done);
            }
            Command::ForceIdle { .. } => return self.force_idle(at),
            Command::SetReady { .. } => NextState::Ready,
            Command::SetNotReady { reason, .. } => NextState::NotReady {
                reason: reason.clone(),
            },
            Command::SignOut { .. } => NextState::SignedOut {
                reason: String::new(),
            },
            Command::ForceSignOut { reason, .. } => NextState::SignedOut {
                reason: reason.clone(),
            },
        };
        let forced = matches!(command, Command::ForceSignOut { .. });
        if self.agents[at].on_call() {
            if !forced
                && self.agents[at]
                    .next
                    .as_ref()
                    .is_some_and(|(_, _, forced)| *forced)
            {
                return Err(Refusal::ForcedBusy);
            }
            if let Some((_, old, _)) = self.agents[at].next.replace((wish, id, forced)) {
                self.reply(old, CommandOutcome::Refused(Refusal::Overtaken));
            }
            return Ok(CommandOutcome::Pending);
        }
        match wish {
            NextState::Ready => {
                if !self.agents[at].in_call() {
                    self.agents[at].doing = Doing::Ready;
                }
            }
            NextState::NotReady { .. } => {
                self.take_back_ring_of(at);
                self.agents[at].doing = Doing::NotReady;
            }
            NextState::SignedOut { .. } => {
                self.take_back_ring_of(at);
                self.sign_out(at);
            }
        }
        Ok(CommandOutcome::Done)
    }

    fn ask_to_sign_in(
        &mut self,
        at: usize,
        phone: &str,
        from_there: bool,
    ) -> Result<CommandOutcome, Refusal> {
        if self.agents[at].in_call() {
            return Err(Refusal::InCall);
        }
        let phone = if phone.is_empty() {
            self.agents[at].settings.phone.clone()
        } else {
            phone.to_owned()
        };
        if phone.is_empty() {
            return Err(Refusal::NoPhone);
        }
        if self.holder(&phone).is_some_and(|holder| holder != at) {
            return Err(Refusal::PhoneTaken);
        }
        self.bind(at, phone);
        if from_there {
            self.agents[at].phone_state = PhoneState::Busy;
        }
        if self.agents[at].doing == Doing::Nothing {
            self.agents[at].doing = Doing::Ready;
        }
        Ok(CommandOutcome::Done)
    }

    fn force_idle(&mut self, at: usize) -> Result<CommandOutcome, Refusal> {
        let mut lifted = self.unlock(at);
        match self.agents[at].doing {
            Doing::NotReady | Doing::WrapUp(_) => {
                self.agents[at].doing = Doing::Ready;
                lifted = true;
            }
            Doing::Connecting(..) | Doing::Talking(_) => {
                if let Some((NextState::NotReady { .. }, id, _)) = self.agents[at].next {
                    self.agents[at].next = None;
                    self.reply(id, CommandOutcome::Refused(Refusal::Overtaken));
                    lifted = true;
                }
            }
            Doing::Nothing | Doing::Ready | Doing::Ringing(..) => {}
        }
        if lifted {
            Ok(CommandOutcome::Done)
        } else {
            Err(Refusal::NothingToDo)
        }
    }

    fn unlock(&mut self, at: usize) -> bool {
        if let Some(id) = self.agents[at].lock_asked.take() {
            self.reply(id, CommandOutcome::Refused(Refusal::Overtaken));
        }
        self.agents[at].locked.take().is_some()
    }

    fn sign_out(&mut self, at: usize) {
        self.unlock(at);
        let agent = &mut self.agents[at];
        agent.doing = Doing::Nothing;
        agent.cool_until = None;
        agent.misses = 0;
        self.bind(at, String::new());
    }

    // Phones.

    fn holder(&self, phone: &str) -> Option<usize> {
        self.agents.iter().position(|agent| agent.phone == phone)
    }

    fn bind(&mut self, at: usize, phone: String) {
        let agent = &mut self.agents[at];
        agent.on_own_phone = !phone.is_empty() && phone == agent.settings.phone;
        agent.phone = phone;
        self.watch(at);
    }

    fn watch(&mut self, at: usize) {
        let agent = &mut self.agents[at];
        let own = if agent.removed {
            ""
        } else {
            agent.settings.phone.as_str()
        };
        let wanted = if agent.phone.is_empty() {
            own
        } else {
            agent.phone.as_str()
        };
        if agent.watched != wanted {
            agent.watched = wanted.to_owned();
            agent.phone_state = PhoneState::Available;
            let phone = agent.watched.clone();
            self.actions.push(Action::WatchPhone {
                agent: AgentId(at as u32),
                phone,
            });
        }
    }

    fn move_to_own_phone(&mut self, at: usize) {
        let agent = &self.agents[at];
        let own = agent.settings.phone.clone();
        let moved = agent.on_own_phone && agent.phone != own && !own.is_empty() && !agent.in_call();
        if moved && self.holder(&own).is_none() {
            self.bind(at, own);
        }
    }

    // Settings.

    fn configure(&mut self, config: Config) {
        self.config = config.clone();
        let gone = |call: &&Call| {
            let known = config.queues.iter().any(|queue| queue.name == call.queue);
            call.stage == Stage::Waiting && !known
        };
        let gone: Vec<CallId> = self.calls.iter().filter(gone).map(|call| call.id).collect();
        for call in gone {
            self.release_waiting(call, Some(Status::Removed));
        }
        for queue in &config.queues {
            match self.queues.iter_mut().find(|known| known.name == queue.name) {
                Some(known) => *known = queue.clone(),
                None => self.queues.push(queue.clone()),
            }
        }
        for at in 0..self.agents.len() {
            let number = &self.agents[at].settings.number;
            if !self.agents[at].removed && !config.agents.iter().any(|agent| agent.number == *number) {
                self.remove(at);
            }
        }
        for settings in &config.agents {
            let known = self
                .agents
                .iter()
                .position(|agent| agent.settings.number == settings.number);
            let at = known.unwrap_or(self.agents.len());
            if known.is_none() {
                self.agents.push(Agent::new(settings.number.clone(), self.now));
            }
            let newly_always = settings.always_signed_in && !self.agents[at].settings.always_signed_in;
            self.agents[at].settings = settings.clone();
            self.agents[at].removed = false;
            self.watch(at);
            self.move_to_own_phone(at);
            self.keep_to_own_queues(at);
            let out = self.agents[at].doing == Doing::Nothing;
            if newly_always && out && self.holder(&settings.phone).is_none() {
                self.agents[at].doing = Doing::Ready;
                self.bind(at, settings.phone.clone());
            }
        }
    }

    fn remove(&mut self, at: usize) {
        self.agents[at].removed = true;
        self.agents[at].settings.queues.clear();
        self.agents[at].settings.always_signed_in = false;
        self.unlock(at);
        self.take_back_ring_of(at);
        if self.agents[at].on_call() {
            return;
        }
        if self.agents[at].doing == Doing::Nothing {
            self.watch(at)
        } else {
            self.sign_out(at)
        }
    }

    fn keep_to_own_queues(&mut self, at: usize) {
        if let Doing::Ringing(id, _) = self.agents[at].doing {
            let queue = self.call(id).map(|call| call.queue.clone()).unwrap_or_default();
            if !self.agents[at].serves(&queue) {
                self.take_back_ring_of(at);
            }
        }
    }

    // Deadlines.

    fn due(&self) -> Vec<(Time, Due)> {
        let mut due = vec![];
        for call in &self.calls {
            if call.stage == Stage::Waiting {
                due.extend(call.leave_at.map(|at| (at, Due::MaxWait(call.id))));
                due.extend(call.rings.iter().map(|ring| (ring.until, Due::Ring(ring.offer))));
            }
        }
        for (at, agent) in self.agents.iter().enumerate() {
            if let Doing::WrapUp(until) = agent.doing {
                due.push((until, Due::WrapUp(at)));
            }
            due.extend(agent.cool_until.map(|until| (until, Due::CoolDown(at))));
            due.extend(agent.locked.flatten().map(|until| (until, Due::Lock(at))));
        }
        due.retain(|(at, _)| *at <= self.now);
        due.sort_unstable();
        due
    }

    fn fire(&mut self, due: Due) {
        match due {
            Due::MaxWait(call) => self.release_waiting(call, Some(Status::Timeout)),
            Due::Ring(offer) => {
                if let Some((call, _)) = self.ringing(offer) {
                    self.tell(call, CallAction::Cancel { offer });
                    self.miss(call, offer, OfferFailure::NoAnswer);
                }
            }
            Due::WrapUp(at) => self.agents[at].doing = Doing::Ready,
            Due::CoolDown(at) => self.agents[at].cool_until = None,
            Due::Lock(at) => {
                self.unlock(at);
            }
        }
    }

    // Looking things up.

    fn queue(&self, name: &str) -> &config::Queue {
        let known = self.queues.iter().find(|queue| queue.name == name);
        known.unwrap_or_else(|| unreachable!("a call is in a queue that never was"))
    }

    fn call(&self, id: CallId) -> Option<&Call> {
        self.calls.iter().find(|call| call.id == id)
    }

    fn call_mut(&mut self, id: CallId) -> Option<&mut Call> {
        self.calls.iter_mut().find(|call| call.id == id)
    }

    /// The call and the agent of an offer that rings.
    fn ringing(&self, offer: OfferId) -> Option<(CallId, usize)> {
        let waiting = self.calls.iter().filter(|call| call.stage == Stage::Waiting);
        let mut rings = waiting.flat_map(|call| call.rings.iter().map(|ring| (call.id, ring)));
        rings
            .find(|(_, ring)| ring.offer == offer)
            .map(|(call, ring)| (call, ring.agent))
    }

    fn tell(&mut self, call: CallId, action: CallAction) {
        self.actions.push(Action::Call { call, action });
    }

    fn reply(&mut self, command: CommandId, outcome: CommandOutcome) {
        self.replies.push(Action::Reply { command, outcome });
    }
}

impl Agent {
    fn new(number: String, now: Time) -> Agent {
        Agent {
            settings: config::Agent {
                number,
                name: String::new(),
                phone: String::new(),
                queues: vec![],
                always_signed_in: false,
            },
            removed: false,
            doing: Doing::Nothing,
            phone: String::new(),
            on_own_phone: false,
            watched: String::new(),
            phone_state: PhoneState::Available,
            locked: None,
            lock_asked: None,
            next: None,
            cool_until: None,
            misses: 0,
            was_available: false,
            blameless: false,
            idle_since: now,
        }
    }

    fn serves(&self, queue: &str) -> bool {
        self.settings.queues.iter().any(|member| member.queue == queue)
    }

    fn on_call(&self) -> bool {
        matches!(self.doing, Doing::Connecting(..) | Doing::Talking(_))
    }

    fn in_call(&self) -> bool {
        self.on_call() || matches!(self.doing, Doing::Ringing(..))
    }

    fn state(&self) -> AgentState {
        match self.doing {
            Doing::Nothing => AgentState::SignedOut,
            Doing::Ringing(..) => AgentState::Offered,
            Doing::Connecting(..) | Doing::Talking(_) => AgentState::OnCall,
            Doing::WrapUp(_) => AgentState::WrapUp,
            Doing::Ready | Doing::NotReady if self.locked.is_some() => AgentState::ForcedBusy,
            Doing::NotReady => AgentState::NotReady,
            Doing::Ready if self.phone_state != PhoneState::Available => AgentState::Unavailable,
            Doing::Ready if self.cool_until.is_some() => AgentState::Unavailable,
            Doing::Ready => AgentState::Ready,
        }
    }
}
