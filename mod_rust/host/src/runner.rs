//! The engine's thread: the only owner of truth. Takes messages one by one, applies each whole, hands out what follows.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};

use hotline_engine::action::{CommandOutcome, MonitorAction, Refusal};
use hotline_engine::ids::{AgentId, CallId, CommandId, MonitorId};
use hotline_engine::input::{Act, Caller, Deed, MonitorFact, PhoneState};
use hotline_engine::{Action, CallAction, Command, Config, Drain, Engine, Input, Standing, Time};
use hotline_wire::{Outcome, Snapshot};

use crate::clock::Clock;
use crate::convert;
use crate::journal::Journal;
use crate::live;
use crate::mailbox::Mailbox;
use crate::pbx::{ForWhom, Level, Pbx};
use crate::port::Fact;
use crate::publisher::{Outlet, Publication};
use crate::standing::{Keeper, Kept};
use crate::unavailable;

/// Most of those that are not restored that the log names.
const MOST_NAMED: usize = 100;

/// Who hears how a command went. Called with `Pending` and later once more, or once.
pub(crate) type Reply = Box<dyn FnMut(Outcome) + Send>;

/// What reaches the engine's thread. Facts are few per call and calls have a ceiling, so the inbox needs none.
pub(crate) enum Message {
    Join {
        call: CallId,
        queue: String,
        caller: Caller,
        mailbox: Arc<Mailbox<CallAction>>,
    },
    /// The line to whom an agent consults.
    JoinConsult {
        line: CallId,
        call: CallId,
        mailbox: Arc<Mailbox<CallAction>>,
    },
    Fact {
        call: CallId,
        fact: Fact,
    },
    /// The call's thread has left for good.
    Left {
        call: CallId,
    },
    Phone {
        agent: AgentId,
        state: PhoneState,
    },
    Command {
        author: String,
        command: Command,
        reply: Reply,
    },
    Reload {
        author: String,
        config: Box<Config>,
        reply: Reply,
    },
    CallbackFailed {
        callback: CallId,
    },
    /// What the host decided or saw, for the story.
    Noted(Box<Input>),
    /// A supervisor is on the line.
    MonitorUp {
        monitor: MonitorId,
        mailbox: Arc<Mailbox<MonitorAction>>,
    },
    Monitor {
        monitor: MonitorId,
        fact: MonitorFact,
        /// Whose word it is; `None` before anybody is on the line.
        from: Option<Arc<Mailbox<MonitorAction>>>,
    },
    /// The supervisor's thread has left for good.
    MonitorLeft {
        monitor: MonitorId,
        mailbox: Arc<Mailbox<MonitorAction>>,
    },
    WhyCall {
        call: CallId,
        reply: Reply,
    },
    WhyNot {
        agent: String,
        reply: Reply,
    },
    Snapshot(SyncSender<Snapshot>),
    /// What stands over the settings, and locks; and what the settings have no place for, for people.
    Standing(SyncSender<(Vec<Standing>, Vec<String>)>),
    /// What the settings have no place for is no longer wanted: of that agent or queue, or all if it is empty.
    Forget {
        author: String,
        about: String,
        reply: Reply,
    },
    /// What stands was written, or could not be; more may be handed over.
    Kept,
    #[cfg(feature = "fault-injection")]
    Panic,
    Stop,
}

impl Message {
    /// What becomes of it without an engine.
    pub(crate) fn refuse(self) {
        match self {
            Message::Join { mailbox, .. } | Message::JoinConsult { mailbox, .. } => mailbox.release(),
            Message::MonitorUp { mailbox, .. } => mailbox.release(),
            Message::Command { mut reply, .. }
            | Message::Reload { mut reply, .. }
            | Message::WhyCall { mut reply, .. }
            | Message::WhyNot { mut reply, .. }
            | Message::Forget { mut reply, .. } => reply(unavailable()),
            // Nobody is left who needs to know. Who waits for a snapshot sees its own end closed.
            Message::Fact { .. }
            | Message::Left { .. }
            | Message::Phone { .. }
            | Message::CallbackFailed { .. }
            | Message::Noted(_)
            | Message::Monitor { .. }
            | Message::MonitorLeft { .. }
            | Message::Snapshot(_)
            | Message::Standing(_)
            | Message::Kept
            | Message::Stop => {}
            #[cfg(feature = "fault-injection")]
            Message::Panic => {}
        }
    }
}

pub(crate) struct Runner {
    pub(crate) engine: Engine,
    pub(crate) clock: Clock,
    /// When the last input was applied.
    pub(crate) last: Time,
    pub(crate) outlet: Outlet,
    pub(crate) pbx: Arc<dyn Pbx>,
    pub(crate) journal: Option<Journal>,
    /// Keeps what stands over a restart.
    pub(crate) keeper: Option<Keeper>,
    /// The next number for a call, or for a callback that is restored.
    pub(crate) next_call: Arc<AtomicU64>,
    pub(crate) state: Delivery,
}

/// What is needed to carry out actions; survives a panic of the engine.
#[derive(Default)]
pub(crate) struct Delivery {
    mailboxes: HashMap<CallId, Arc<Mailbox<CallAction>>>,
    monitors: HashMap<MonitorId, Arc<Mailbox<MonitorAction>>>,
    replies: HashMap<CommandId, Reply>,
    commands: u64,
    seq: u64,
}

impl Runner {
    /// Runs until told to stop. A panic poisons: every waiting caller, and every later one, goes on in the dialplan
    /// with an error; calls that are up are not touched.
    pub(crate) fn run(mut self, inbox: &Receiver<Message>) {
        let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.serve(inbox))) else {
            return self.release_all();
        };
        let remedy =
            "new callers go on in the dialplan with HOTLINESTATUS=ERROR until the module is loaded anew";
        let reason = panic_text(&*panic);
        self.pbx
            .log(Level::Error, &format!("the engine panicked: {reason}; {remedy}"));
        self.release_all();
        self.refuse(inbox);
    }

    /// Returns when told to stop.
    fn serve(&mut self, inbox: &Receiver<Message>) {
        self.apply(Input::Tick);
        self.restore();
        loop {
            let message = inbox.try_recv().or_else(|_| {
                self.keep_standing(Keeper::keep);
                match self.engine.deadline() {
                    None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
                    Some(deadline) => inbox.recv_timeout(self.clock.until(deadline)),
                }
            });
            match message {
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => {
                    return self.keep_standing(Keeper::keep_last);
                }
                Ok(message) => self.take(message),
                Err(RecvTimeoutError::Timeout) => self.apply(Input::Tick),
            }
        }
    }

    fn keep_standing(&mut self, keep: fn(&mut Keeper, &Engine)) {
        if let Some(keeper) = &mut self.keeper {
            keep(keeper, &self.engine);
        }
    }

    /// Brings about again what stood before, as far as the settings have a place for it.
    fn restore(&mut self) {
        let unapplied = self.keeper.as_mut().map(Keeper::take_unapplied);
        let mut refused = 0_usize;
        for mut unapplied in unapplied.unwrap_or_default() {
            let what = live::kept(&unapplied.kept);
            let (id, now) = (self.state.next_command(), self.moment());
            let new_call = || CallId(self.next_call.fetch_add(1, Ordering::Relaxed));
            let ended = format!("not restored: {what}: it has ended meanwhile");
            let Some(input) = unapplied.kept.input(id, now, new_call) else {
                self.pbx.log(Level::Notice, &ended);
                continue;
            };
            let answers = self.apply_at(now, input);
            let answer = answers.iter().find(|(command, _)| *command == id);
            let refusal = match answer.map(|(_, outcome)| *outcome) {
                Some(CommandOutcome::Refused(refusal)) => refusal,
                Some(CommandOutcome::Done | CommandOutcome::Pending) | None => continue,
            };
            if refusal == Refusal::NothingToDo {
                // It is so already: by the settings, or because the caller has called again.
                continue;
            }
            if matches!(unapplied.kept, Kept::Present(_)) {
                let why = self.why(refusal);
                self.pbx
                    .log(Level::Warning, &format!("not restored: {what}: {why}"));
                continue;
            }
            if unapplied.kept.is_over(now) {
                self.pbx.log(Level::Warning, &ended);
                continue;
            }
            unapplied.why = self.why(refusal);
            let remedy =
                "it is kept, and tried again at each reload and start; `hotline config forget` drops it";
            let message = format!("not restored: {what}: {}; {remedy}", unapplied.why);
            refused += 1;
            // The log may be slow, and calls wait.
            if refused <= MOST_NAMED {
                self.pbx.log(Level::Error, &message);
            }
            if let Some(keeper) = &mut self.keeper {
                keeper.put_back(unapplied);
            }
        }
        let more = refused.saturating_sub(MOST_NAMED);
        if more > 0 {
            let message = format!("{more} more are not restored: `hotline config diff` shows them");
            self.pbx.log(Level::Error, &message);
        }
    }

    fn why(&self, refusal: Refusal) -> String {
        let name = |id| self.engine.supervisor_name(id).unwrap_or_default().to_owned();
        match convert::outcome(CommandOutcome::Refused(refusal), name) {
            Outcome::Refused { message, .. } => message,
            // A refusal is none of these.
            Outcome::Done | Outcome::Pending | Outcome::Told { .. } | Outcome::Listed { .. } => String::new(),
        }
    }

    fn forget(&mut self, author: &str, about: &str) -> Outcome {
        let lines = self.keeper.as_mut().map(|keeper| keeper.forget(about));
        let (answer, refused) = match lines {
            Some(lines) if !lines.is_empty() => {
                for line in &lines {
                    self.pbx.log(Level::Notice, &format!("{line}, by {author}"));
                }
                (Outcome::Told { lines }, String::new())
            }
            Some(_) | None => {
                let answer =
                    convert::outcome(CommandOutcome::Refused(Refusal::NothingToDo), |_| String::new());
                (answer, self.why(Refusal::NothingToDo))
            }
        };
        let deed = Box::new(Deed {
            author: author.to_owned(),
            what: Act::ForgetStanding {
                about: about.to_owned(),
            },
            refused,
        });
        self.apply(Input::Deed { deed });
        answer
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Join {
                call,
                queue,
                caller,
                mailbox,
            } => {
                self.state.mailboxes.insert(call, mailbox);
                self.apply(Input::Join { call, queue, caller });
            }
            Message::JoinConsult { line, call, mailbox } => {
                self.state.mailboxes.insert(line, mailbox);
                self.apply(Input::JoinConsult { line, call });
            }
            Message::Fact { call, fact } => self.apply(fact.into_input(call)),
            Message::Left { call } => {
                self.state.mailboxes.remove(&call);
            }
            Message::Phone { agent, state } => self.apply(Input::Phone { agent, state }),
            Message::Command {
                author,
                command,
                reply,
            } => {
                let id = self.expect_reply(reply);
                self.apply(Input::Command { id, author, command });
            }
            Message::Reload {
                author,
                config,
                reply,
            } => {
                let id = self.expect_reply(reply);
                self.apply(Input::Reload { id, author, config });
                self.restore();
            }
            Message::Forget {
                author,
                about,
                mut reply,
            } => reply(self.forget(&author, &about)),
            Message::Noted(input) => self.apply(*input),
            Message::CallbackFailed { callback } => self.apply(Input::CallbackFailed { callback }),
            Message::MonitorUp { monitor, mailbox } => {
                if self.state.monitors.contains_key(&monitor) {
                    let who = monitor.0;
                    let why =
                        format!("a second line to a supervisor who is on one already ({who}) is refused");
                    self.pbx.log(Level::Warning, &why);
                    return mailbox.release();
                }
                self.state.monitors.insert(monitor, mailbox);
                let fact = MonitorFact::Up;
                self.apply(Input::Monitor { monitor, fact });
            }
            Message::Monitor { monitor, fact, from } => {
                if from.is_none_or(|from| self.state.is_on_the_line(monitor, &from)) {
                    self.apply(Input::Monitor { monitor, fact });
                }
            }
            Message::MonitorLeft { monitor, mailbox } => self.state.hang_up(monitor, &mailbox),
            Message::WhyCall { call, mut reply } => {
                let lines = self.engine.why_call(call);
                reply(lines.map_or_else(convert::no_such_call, |lines| Outcome::Told { lines }));
            }
            Message::WhyNot { agent, mut reply } => {
                let lines = self.engine.why_not(&agent);
                reply(lines.map_or_else(convert::no_such_agent, |lines| Outcome::Told { lines }));
            }
            Message::Standing(reply) => {
                // Who asked may have left.
                let now = self.clock.now();
                let unapplied = self.keeper.as_ref().map(|keeper| keeper.unapplied(now));
                let _ = reply.try_send((self.engine.standing(), unapplied.unwrap_or_default()));
            }
            Message::Snapshot(reply) => {
                let (seq, at, view) = (self.state.seq, self.moment(), self.engine.view());
                self.outlet.send(Publication::Snapshot { seq, at, view, reply });
            }
            #[cfg(feature = "fault-injection")]
            #[expect(clippy::panic, reason = "the fault that a test build injects")]
            Message::Panic => panic!("injected"),
            Message::Kept | Message::Stop => {}
        }
    }

    fn expect_reply(&mut self, reply: Reply) -> CommandId {
        let id = self.state.next_command();
        self.state.replies.insert(id, reply);
        id
    }

    fn apply(&mut self, input: Input) {
        let now = self.moment();
        self.apply_at(now, input);
    }

    /// Now, and later than any moment before: what one input led to has a time of its own, by which it is told from all else.
    fn moment(&mut self) -> Time {
        self.last = self.clock.now().max(Time(self.last.0 + 1));
        self.last
    }

    /// Applies an input whole. Gives the answers that it led to.
    fn apply_at(&mut self, now: Time, input: Input) -> Vec<(CommandId, CommandOutcome)> {
        if let Some(journal) = &mut self.journal {
            journal.record(now, &input, &*self.pbx);
        }
        let mut answers = Vec::new();
        let Drain { actions, events } = self.engine.handle(now, input);
        for action in actions {
            self.state.carry_out(action, &*self.pbx, &mut answers);
        }
        for event in events {
            self.state.seq += 1;
            self.outlet.send(Publication::Event {
                seq: self.state.seq,
                at: now,
                event,
            });
        }
        for (command, outcome) in &answers {
            let name = |id| self.engine.supervisor_name(id).unwrap_or_default().to_owned();
            self.state.reply(*command, convert::outcome(*outcome, name));
        }
        answers
    }

    fn release_all(&mut self) {
        for mailbox in self.state.mailboxes.values() {
            mailbox.release();
        }
        for mailbox in self.state.monitors.values() {
            mailbox.release();
        }
        for (_, mut reply) in self.state.replies.drain() {
            reply(unavailable());
        }
    }

    /// Life after a panic: nobody waits in vain.
    fn refuse(&mut self, inbox: &Receiver<Message>) {
        for message in inbox {
            match message {
                Message::Stop => return,
                Message::Left { call } => {
                    self.state.mailboxes.remove(&call);
                }
                Message::MonitorLeft { monitor, mailbox } => self.state.hang_up(monitor, &mailbox),
                message => message.refuse(),
            }
        }
    }
}

impl Delivery {
    /// Whether that mailbox is a supervisor's, and not one that was refused.
    fn is_on_the_line(&self, monitor: MonitorId, mailbox: &Arc<Mailbox<MonitorAction>>) -> bool {
        let known = self.monitors.get(&monitor);
        known.is_some_and(|known| Arc::ptr_eq(known, mailbox))
    }

    fn hang_up(&mut self, monitor: MonitorId, mailbox: &Arc<Mailbox<MonitorAction>>) {
        if self.is_on_the_line(monitor, mailbox) {
            self.monitors.remove(&monitor);
        }
    }

    fn next_command(&mut self) -> CommandId {
        self.commands += 1;
        CommandId(self.commands)
    }

    /// Answers are left for when everything else has been told.
    fn carry_out(&self, action: Action, pbx: &dyn Pbx, answers: &mut Vec<(CommandId, CommandOutcome)>) {
        match action {
            Action::Call { call, action } => {
                // A call whose thread has left needs nothing more.
                if let Some(mailbox) = self.mailboxes.get(&call) {
                    mailbox.push(action);
                }
            }
            Action::Reply { command, outcome } => answers.push((command, outcome)),
            Action::Monitor { monitor, action } => {
                // A supervisor whose thread has left needs nothing more.
                if let Some(mailbox) = self.monitors.get(&monitor) {
                    mailbox.push(action);
                }
            }
            Action::CallSupervisor {
                monitor,
                phone,
                supervisor,
                agent,
                answering,
                ring_time,
            } => {
                let whom = ForWhom {
                    supervisor: &supervisor,
                    agent: &agent,
                };
                pbx.call_supervisor(monitor, &phone, whom, answering, ring_time);
            }
            Action::CancelCallSupervisor { monitor } => pbx.cancel_call_supervisor(monitor),
            Action::Disconnect { call, whom } => pbx.disconnect(call, whom),
            Action::Comfort { call, say } => pbx.comfort(call, &say),
            Action::Retrieve {
                call,
                event,
                unannounced,
            } => pbx.retrieve(call, &event, unannounced),
            Action::Hold { call, on } => pbx.hold(call, on),
            Action::Record {
                recording,
                call,
                order,
            } => pbx.record(recording, call, order),
            Action::Mute { call, on } => pbx.mute(call, on),
            Action::SendAway { call, place } => pbx.send_away(call, &place),
            Action::BringBack { call } => pbx.bring_back(call),
            Action::Consult { call, line } => pbx.consult(call, line),
            Action::Arrange { call, how } => pbx.arrange(call, how),
            Action::CallBack {
                callback,
                attempt,
                dial,
                number,
                queue,
            } => pbx.call_back(callback, attempt, &dial, &number, &queue),
            Action::CancelCallBack { callback } => pbx.cancel_call_back(callback),
            Action::WatchPhone { agent, phone } => pbx.watch_phone(agent, &phone),
        }
    }

    fn reply(&mut self, command: CommandId, outcome: Outcome) {
        let more_follows = outcome == Outcome::Pending;
        if let Some(mut reply) = self.replies.remove(&command) {
            reply(outcome);
            if more_follows {
                self.replies.insert(command, reply);
            }
        }
    }
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no text")
}
