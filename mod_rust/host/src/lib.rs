//! Runs an engine for any PBX.
//!
//! An adapter implements [`Pbx`], starts a [`Host`], and takes each call through a [`CallPort`]: it reports facts,
//! obeys actions, and sleeps on its channel and the port's descriptor together. The host owns the engine's thread,
//! the publisher, the control socket, the journal and the settings. It knows no PBX, and nothing in it unwinds into one.
#![forbid(unsafe_code)]

mod blacklist;
mod clock;
mod control;
mod convert;
mod fairness;
mod journal;
mod live;
mod log;
mod mailbox;
mod monitor;
mod pbx;
mod pin;
mod port;
mod publisher;
mod runner;
mod settings;
mod spool;
mod standing;
mod story;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use hotline_engine::event::RetrieveFailure;
use hotline_engine::ids::{AgentId, CallId, MonitorId, RecordingId};
use hotline_engine::input::{
    Act, Caller, ConsultFact, Deed, Order, PhoneState, RecordingFact, Return, Score,
};
use hotline_engine::{Engine, Input};
use hotline_wire::blacklist::ListOrder;
use hotline_wire::frame::{NodeHello, PipeInfo};
use hotline_wire::{Command, Outcome, Refusal, Snapshot};

pub use blacklist::{Block, Presented, Screened, TarpitPlace};
pub use hotline_engine as engine;
pub use hotline_wire as wire;
pub use monitor::{MonitorError, MonitorPort, MonitorRequest};
pub use pbx::{ForWhom, Level, Pbx};
pub use port::{CallPort, Fact, Reporter};
pub use settings::{
    AutoRule, BlacklistSettings, Counted, RecordingSettings, Settings, SettingsError, SpoolSettings, Tarpit,
    load as load_settings,
};

use blacklist::Blacklist;
use clock::Clock;
use control::{Control, Node};
use convert::{Asked, References, Vocabulary};
use journal::Journal;
use log::EventLog;
use mailbox::Mailbox;
use port::HangUp;
use publisher::{Outlet, Publication, Publisher};
use runner::{Delivery, Message, Reply, Runner};
use spool::Spooler;
use standing::Keeper;

/// How long somebody at a console waits for the engine. It answers in microseconds, or is broken.
const ANSWER: Duration = Duration::from_secs(5);

/// How long somebody at a console waits for files of millions of lines.
const LONG_ANSWER: Duration = Duration::from_secs(600);

/// Why a host did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The settings file is wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The engine refused the settings.
    #[error("{file}: {error}", file = .0.display(), error = .1)]
    Config(PathBuf, hotline_engine::ConfigError),
    /// The control socket, the journal or a thread.
    #[error("{what}: {error}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        error: std::io::Error,
    },
}

/// A running engine and everything around it. Cheap to clone; ends with [`Host::stop`].
#[derive(Clone)]
pub struct Host(Arc<Inner>);

struct Inner {
    pbx: Arc<dyn Pbx>,
    file: PathBuf,
    inbox: Sender<Message>,
    clock: Clock,
    node: String,
    boot: String,
    references: References,
    next_call: Arc<AtomicU64>,
    next_monitor: AtomicU64,
    calls: Arc<AtomicUsize>,
    settings: Mutex<Arc<Settings>>,
    blacklist: Option<Blacklist>,
    log: Arc<EventLog>,
    /// Of the journal.
    journal_bytes: Arc<AtomicU64>,
    running: Mutex<Option<Running>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        // A host that did not start leaves no thread behind.
        if let Some(blacklist) = &self.blacklist {
            blacklist.stop();
        }
    }
}

struct Running {
    control: Control,
    engine: JoinHandle<()>,
    publisher: JoinHandle<()>,
    publications: Sender<Publication>,
    spooler: Option<Spooler>,
}

impl Host {
    /// Reads the settings and starts everything.
    ///
    /// # Errors
    /// See [`StartError`]; nothing is left running then.
    pub fn start(pbx: Arc<dyn Pbx>, file: &Path) -> Result<Host, StartError> {
        let settings = load_settings(file)?;
        let clock = Clock::start();
        let chance = chance().map_err(|error| StartError::System {
            what: "random numbers",
            error,
        })?;
        let booted = clock.now();
        let boot = format!("{:x}-{:08x}", booted.0 / 1_000_000, chance as u32);
        let engine = Engine::new(settings.config.clone(), booted, chance)
            .map_err(|error| StartError::Config(file.to_owned(), error))?;
        let journal_bytes = Arc::new(AtomicU64::new(0));
        let journal = match &settings.journal {
            None => None,
            Some(folder) => Some(
                Journal::create(
                    folder,
                    &settings.node,
                    &boot,
                    &settings.config,
                    booted,
                    chance,
                    Arc::clone(&journal_bytes),
                )
                .map_err(|error| StartError::System {
                    what: "the journal",
                    error,
                })?,
            ),
        };

        let (inbox, messages) = channel();
        let (publications, published) = channel();
        let references = References::new(&settings.node, &boot);
        let depth = Arc::new(AtomicUsize::new(0));
        let spool = match &settings.spool {
            None => {
                let message = "what no supervisor has stored goes with the PBX: the settings have neither a [spool] nor a [state] directory";
                pbx.log(Level::Notice, message);
                None
            }
            Some(of) => spool::open(of, &settings.node, &boot, &*pbx).map(|spool| (spool, of)),
        };
        let shelf = spool.as_ref().map(|(spool, _)| spool.shelf());
        // The present boot is the last on the shelf.
        let number = shelf.as_ref().and_then(|shelf| shelf.boots().pop());
        let log = Arc::new(EventLog::new(
            settings.max_events,
            number.map_or(1, |boot| boot.number),
        ));
        let thread = |error| StartError::System {
            what: "a thread",
            error,
        };
        let spooler = match spool {
            None => None,
            Some((spool, of)) => {
                Some(Spooler::start(spool, of, Arc::clone(&log), Arc::clone(&pbx)).map_err(thread)?)
            }
        };
        let keeper = match &settings.state {
            None => None,
            Some(folder) => {
                let (inbox, pbx) = (inbox.clone(), Arc::clone(&pbx));
                let started = Keeper::start(
                    folder,
                    &settings.node,
                    settings.sign_ins,
                    &references,
                    booted,
                    inbox,
                    pbx,
                );
                Some(started.map_err(|error| StartError::System {
                    what: "the state of before",
                    error,
                })?)
            }
        };
        let publisher = Publisher {
            vocabulary: Vocabulary::new(references.clone()),
            log: Arc::clone(&log),
            pbx: Arc::clone(&pbx),
            depth: Arc::clone(&depth),
        };
        let next_call = Arc::new(AtomicU64::new(1));
        let runner = Runner {
            engine,
            clock,
            last: hotline_engine::Time(0),
            outlet: Outlet::new(publications.clone(), depth, settings.max_events),
            pbx: Arc::clone(&pbx),
            journal,
            keeper,
            next_call: Arc::clone(&next_call),
            state: Delivery::default(),
        };
        let blacklist = match &settings.blacklist {
            None => None,
            Some(blacklist) => {
                match Blacklist::start(&settings, blacklist, clock, Arc::clone(&pbx), inbox.clone()) {
                    Ok(started) => Some(started),
                    // A mistake in the settings, not a misfortune.
                    Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
                        return Err(StartError::System {
                            what: "the blacklist",
                            error,
                        });
                    }
                    // Ordinary callers must reach an agent, whatever a disk does.
                    Err(error) => {
                        pbx.log(
                            Level::Error,
                            &format!(
                                "NO CALLER IS SCREENED: the blacklist cannot be read ({error}); put that right and load the module anew"
                            ),
                        );
                        None
                    }
                }
            }
        };
        let host = Host(Arc::new(Inner {
            file: file.to_owned(),
            inbox,
            clock,
            node: settings.node.clone(),
            boot,
            references,
            next_call,
            next_monitor: AtomicU64::new(1),
            calls: Arc::new(AtomicUsize::new(0)),
            settings: Mutex::new(Arc::new(settings.clone())),
            blacklist,
            log: Arc::clone(&log),
            journal_bytes,
            running: Mutex::new(None),
            pbx: Arc::clone(&pbx),
        }));
        let control = Control::listen(
            &settings.socket,
            settings.socket_mode,
            Arc::new(host.clone()),
            log,
            shelf,
            pbx,
        )
        .map_err(|error| StartError::System {
            what: "the control socket",
            error,
        })?;
        let publisher = spawn("hotline-publish", move || publisher.run(&published)).map_err(thread)?;
        let engine = spawn("hotline-engine", move || runner.run(&messages)).map_err(thread)?;
        *lock(&host.0.running) = Some(Running {
            control,
            engine,
            publisher,
            publications,
            spooler,
        });
        Ok(host)
    }

    /// A caller enters a queue. Never blocks.
    ///
    /// # Errors
    /// When the process is out of descriptors.
    pub fn join(&self, queue: &str, caller: Caller) -> std::io::Result<CallPort> {
        let mailbox = Arc::new(Mailbox::new()?);
        let call = self.new_call();
        let hang_up = self.0.blacklist.clone().map(|blacklist| HangUp {
            blacklist,
            number: caller.number.clone(),
            joined: Instant::now(),
        });
        let port = CallPort::new(
            call,
            self.0.references.of(call),
            Arc::clone(&mailbox),
            self.0.inbox.clone(),
            Arc::clone(&self.0.calls),
            hang_up,
        );
        let queue = queue.to_owned();
        self.send(Message::Join {
            call,
            queue,
            caller,
            mailbox,
        });
        Ok(port)
    }

    /// The line to whom the agent of a call consults is in the hands of its own thread; see
    /// [`Pbx::consult`]. Never blocks.
    ///
    /// # Errors
    /// When the process is out of descriptors.
    pub fn join_consult(&self, call: CallId) -> std::io::Result<CallPort> {
        let mailbox = Arc::new(Mailbox::new()?);
        let line = self.new_call();
        let port = CallPort::new(
            line,
            self.0.references.of(line),
            Arc::clone(&mailbox),
            self.0.inbox.clone(),
            Arc::clone(&self.0.calls),
            None,
        );
        self.send(Message::JoinConsult { line, call, mailbox });
        Ok(port)
    }

    /// What became of a consultation. Never blocks.
    pub fn consult(&self, call: CallId, fact: ConsultFact) {
        self.send(Message::Noted(Box::new(Input::Consult { call, fact })));
    }

    /// What becomes of a caller, by the blacklist: to be asked before [`join`](Self::join). Never blocks.
    pub fn screen(&self, presented: &Presented<'_>) -> Screened {
        let Some(blacklist) = &self.0.blacklist else {
            return Screened::Passed;
        };
        blacklist.screen(presented, || {
            let call = self.new_call();
            (call, self.0.references.of(call))
        })
    }

    /// What the blacklist has for a number: an action as `hotline blacklist add` takes it, `allow` if there is nothing. Never
    /// blocks; nothing is counted.
    pub fn blacklisted(&self, number: &str, queue: Option<&str>, tier: &str) -> String {
        match &self.0.blacklist {
            None => "allow".to_owned(),
            Some(blacklist) => blacklist.action_for(number, queue, tier),
        }
    }

    /// Whether any queue has phones asked to retrieve, but only those that announce that they understand it.
    pub fn asks_announced(&self) -> bool {
        let settings = self.settings();
        let mut retrieves = settings
            .config
            .queues
            .iter()
            .filter_map(|queue| queue.hold.retrieve.as_ref());
        retrieves.any(|retrieve| !retrieve.unannounced)
    }

    /// The sound file that the agent of a flagged caller hears before the conversation; empty: none.
    pub fn whisper(&self) -> String {
        self.0
            .blacklist
            .as_ref()
            .map_or_else(String::new, Blacklist::whisper)
    }

    /// Asks something of the blacklist and waits for the answer, also for that of an import of millions. For consoles.
    pub fn blacklist(&self, author: &str, order: ListOrder) -> Outcome {
        let command = Command::Blacklist(order);
        await_for(LONG_ANSWER, |reply| self.ask(author, command, reply))
    }

    fn new_call(&self) -> CallId {
        CallId(self.0.next_call.fetch_add(1, Ordering::Relaxed))
    }

    /// A phone changed, or was looked at for the first time. Never blocks.
    pub fn phone_changed(&self, agent: AgentId, state: PhoneState) {
        self.send(Message::Phone { agent, state });
    }

    /// Calling back came to nothing: nobody answered, or it could not be dialled. Never blocks.
    pub fn callback_failed(&self, callback: CallId) {
        self.send(Message::CallbackFailed { callback });
    }

    /// The phone of the agent who holds a caller cannot be asked to retrieve. Never blocks.
    pub fn retrieve_failed(&self, call: CallId, why: RetrieveFailure) {
        let fact = Fact::RetrieveFailed(why);
        self.send(Message::Fact { call, fact });
    }

    /// The caller of a conversation is on hold, by what the host asked for, or no longer. Never blocks.
    pub fn held(&self, call: CallId, on: bool) {
        self.send(Message::Noted(Box::new(Input::Held { call, on })));
    }

    /// The caller of a conversation hears nothing of the agent any more, or again. Never blocks.
    pub fn muted(&self, call: CallId, on: bool) {
        self.send(Message::Noted(Box::new(Input::Muted { call, on })));
    }

    /// A caller is away in the dialplan, as the host asked for. Never blocks.
    pub fn went_away(&self, call: CallId) {
        self.send(Message::Noted(Box::new(Input::WentAway { call })));
    }

    /// A caller is back from the dialplan; not told of one who hung up there. Never blocks.
    pub fn came_back(&self, call: CallId, how: Return) {
        self.send(Message::Noted(Box::new(Input::CameBack { call, how })));
    }

    /// A caller who was left to the queue while away is with somebody else now. Never blocks.
    pub fn caller_taken(&self, call: CallId) {
        let fact = Fact::CallerTaken;
        self.send(Message::Fact { call, fact });
    }

    /// A caller who was to be asked what it was like has answered, or will not; only the first word of a call counts. Never blocks.
    pub fn surveyed(&self, call: CallId, score: Option<Score>) {
        self.send(Message::Noted(Box::new(Input::Surveyed { call, score })));
    }

    /// What became of a recording. Never blocks.
    pub fn recording(&self, recording: RecordingId, fact: RecordingFact) {
        let input = Input::Recording { recording, fact };
        self.send(Message::Noted(Box::new(input)));
    }

    /// Something that the host asked for cannot be done with a conversation. Never blocks.
    pub fn not_done(&self, call: CallId, what: Order) {
        self.send(Message::Noted(Box::new(Input::NotDone { call, what })));
    }

    /// The call, or the callback, that a reference names (`NODE-BOOT-NUMBER`); `None` if it is none of this node's since
    /// its start.
    pub fn call_of(&self, reference: &str) -> Option<CallId> {
        self.0.references.call(reference)
    }

    /// How the world refers to a call, or to the callback that came from it: `NODE-BOOT-NUMBER`.
    pub fn reference_of(&self, call: CallId) -> String {
        self.0.references.of(call)
    }

    /// Carries out a command and waits for the answer, 5 s at the longest. For consoles and feature codes.
    pub fn command(&self, author: &str, command: Command) -> Outcome {
        await_answer(|reply| self.ask(author, command, reply))
    }

    /// Signs an agent in on the phone that asks for it, and waits like [`command`](Self::command). The agent is offered no
    /// call until [`phone_changed`](Self::phone_changed) tells that the phone is free.
    pub fn sign_in_from(&self, author: &str, agent: String, phone: String) -> Outcome {
        let command = hotline_engine::Command::SignIn {
            agent,
            phone,
            from_there: true,
        };
        await_answer(|reply| self.order(author, command, reply))
    }

    /// Why a call was offered to whom it was, and to nobody else; line by line, for people. Waits like
    /// [`command`](Self::command).
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn why_call(&self, reference: &str) -> Result<Vec<String>, String> {
        let call = reference.to_owned();
        told(self.command("", Command::WhyCall { call }))
    }

    /// Why an agent is offered no call; line by line, for people. Waits like [`command`](Self::command).
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn why_not(&self, agent: &str) -> Result<Vec<String>, String> {
        let agent = agent.to_owned();
        told(self.command("", Command::WhyNot { agent }))
    }

    /// How long callers can be overtaken under the settings in force: a table, line by line. Of a large floor it may take
    /// some seconds of the caller's own time; nobody else waits.
    pub fn fairness(&self) -> Vec<String> {
        fairness::table(&self.settings().config)
    }

    /// Reads the settings file again. Returns what is in force now, for people.
    ///
    /// # Errors
    /// Why it was refused, with file, line and key; the running settings stay.
    pub fn reload(&self, author: &str) -> Result<String, String> {
        let result = self.try_reload(author);
        let (level, text) = match &result {
            Ok(text) => (Level::Notice, format!("settings reloaded by {author}: {text}")),
            Err(why) => (
                Level::Warning,
                format!("the settings stay as they are, {author} was refused: {why}"),
            ),
        };
        self.0.pbx.log(level, &text);
        // A new one has an event of its own.
        if result.is_err() {
            self.tell(author, Act::Reload, &result);
        }
        result
    }

    /// Puts what was done without the engine into the story.
    pub(crate) fn tell<T>(&self, author: &str, what: Act, result: &Result<T, String>) {
        let deed = Deed {
            author: author.to_owned(),
            what,
            refused: result.as_ref().err().cloned().unwrap_or_default(),
        };
        let deed = Box::new(deed);
        self.send(Message::Noted(Box::new(Input::Deed { deed })));
    }

    fn try_reload(&self, author: &str) -> Result<String, String> {
        let new = load_settings(&self.0.file).map_err(|error| error.to_string())?;
        let old = self.settings();
        let answer = await_answer(|reply| {
            self.send(Message::Reload {
                author: author.to_owned(),
                config: Box::new(new.config.clone()),
                reply,
            });
        });
        match answer {
            Outcome::Done | Outcome::Pending | Outcome::Told { .. } | Outcome::Listed { .. } => {}
            Outcome::Refused { message, .. } => return Err(format!("{}: {message}", self.0.file.display())),
        }
        if let (Some(blacklist), Some(settings)) = (&self.0.blacklist, &new.blacklist) {
            blacklist.set_rules(&new, settings);
        }
        let kept = |settings: &Settings| {
            let blacklist = settings.blacklist.as_ref();
            blacklist.map(|blacklist| (blacklist.directory.clone(), blacklist.plan.clone()))
        };
        let fixed = kept(&old) != kept(&new)
            || old.node != new.node
            || old.socket != new.socket
            || old.socket_mode != new.socket_mode
            || old.max_events != new.max_events
            || old.spool != new.spool
            || old.journal != new.journal;
        let mut text = format!(
            "{} queues and {} agents are in force",
            new.config.queues.len(),
            new.config.agents.len()
        );
        if fixed {
            text.push_str("; changes of node, [control], [spool], [journal], and of the directory and the plan of [blacklist] wait until the module is \
                 loaded anew");
        }
        *lock(&self.0.settings) = Arc::new(new);
        Ok(text)
    }

    /// The settings in force.
    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(&lock(&self.0.settings))
    }

    /// Whether the agent must show a PIN.
    pub fn needs_pin(&self, agent: &str) -> bool {
        self.settings().pins.contains_key(agent)
    }

    /// Whether `pin` is right; true for an agent without one. May take some 10 ms of the caller's own time.
    pub fn pin_ok(&self, agent: &str, pin: &str) -> bool {
        self.settings()
            .pins
            .get(agent)
            .is_none_or(|expected| expected.matches(pin))
    }

    /// The live state; `None` when the engine is out of service.
    pub fn snapshot(&self) -> Option<Snapshot> {
        let (sender, receiver) = sync_channel(1);
        self.0.inbox.send(Message::Snapshot(sender)).ok()?;
        let mut snapshot = receiver.recv_timeout(ANSWER).ok()?;
        snapshot.blacklist = self.0.blacklist.as_ref().map(Blacklist::info);
        Some(snapshot)
    }

    /// How events fare on their way to who stores them.
    pub fn pipe(&self) -> PipeInfo {
        PipeInfo {
            journal_bytes: self.0.journal_bytes.load(Ordering::Relaxed),
            ..self.0.log.info()
        }
    }

    /// Now, on the node's clock: microseconds since the Unix epoch.
    pub fn now(&self) -> u64 {
        self.0.clock.now().0
    }

    /// Calls whose threads are inside now.
    pub fn calls(&self) -> usize {
        self.0.calls.load(Ordering::Relaxed)
    }

    /// Makes the engine's thread panic.
    #[cfg(feature = "fault-injection")]
    pub fn inject_panic(&self) {
        let _ = self.0.inbox.send(Message::Panic);
    }

    /// Ends all threads and removes the control socket; waiting callers go on with an error. Again is no harm.
    pub fn stop(&self) {
        let Some(mut running) = lock(&self.0.running).take() else {
            return;
        };
        if let Some(blacklist) = &self.0.blacklist {
            blacklist.stop();
        }
        let _ = self.0.inbox.send(Message::Stop);
        // A thread that panicked has said so already.
        let _ = running.engine.join();
        let _ = running.publications.send(Publication::Stop);
        let _ = running.publisher.join();
        if let Some(spooler) = &mut running.spooler {
            spooler.stop();
        }
        self.0.log.stop();
        drop(running.control);
    }

    fn ask(&self, author: &str, command: Command, mut reply: Reply) {
        match self.understood(command) {
            Err(answer) => reply(answer),
            Ok(Asked::Order(command)) => self.order(author, command, reply),
            Ok(Asked::Reload) => reply(match self.reload(author) {
                Ok(_) => Outcome::Done,
                Err(message) => Outcome::Refused {
                    reason: Refusal::BadConfig,
                    message,
                },
            }),
            Ok(Asked::Fairness) => reply(Outcome::Told {
                lines: self.fairness(),
            }),
            Ok(Asked::ConfigDiff) => reply(match self.config_diff() {
                Ok(lines) => Outcome::Told { lines },
                Err(message) => Outcome::Refused {
                    reason: Refusal::Unavailable,
                    message,
                },
            }),
            Ok(Asked::ConfigSave(name)) => reply(match self.config_save_named(author, &name) {
                Ok(line) => Outcome::Told { lines: vec![line] },
                Err(message) => Outcome::Refused {
                    reason: Refusal::BadFile,
                    message,
                },
            }),
            Ok(Asked::ConfigForget(about)) => self.send(Message::Forget {
                author: author.to_owned(),
                about,
                reply,
            }),
            Ok(Asked::Blacklist(order)) => match &self.0.blacklist {
                None => reply(blacklist::none()),
                Some(blacklist) => blacklist.ask(author, order, reply),
            },
            Ok(Asked::WhyCall(call)) => self.send(Message::WhyCall { call, reply }),
            Ok(Asked::WhyNot(agent)) => self.send(Message::WhyNot { agent, reply }),
        }
    }

    fn understood(&self, command: Command) -> Result<Asked, Outcome> {
        let place_of = |number: &str| self.0.pbx.place_of(number);
        convert::asked(command, &self.0.references, place_of, || self.new_monitor())
    }

    fn order(&self, author: &str, command: hotline_engine::Command, reply: Reply) {
        self.send(Message::Command {
            author: author.to_owned(),
            command,
            reply,
        });
    }

    fn new_monitor(&self) -> MonitorId {
        MonitorId(self.0.next_monitor.fetch_add(1, Ordering::Relaxed))
    }

    /// To the engine's thread. Without one, who waits for an answer is told.
    fn send(&self, message: Message) {
        if let Err(refused) = self.0.inbox.send(message) {
            refused.0.refuse();
        }
    }
}

impl Node for Host {
    fn identity(&self) -> NodeHello {
        NodeHello {
            protocol: hotline_wire::PROTOCOL,
            node: self.0.node.clone(),
            boot: self.0.boot.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pbx: self.0.pbx.name(),
            oldest: 0,
            newest: 0,
        }
    }

    fn now(&self) -> u64 {
        Host::now(self)
    }

    fn snapshot(&self) -> Option<Snapshot> {
        Host::snapshot(self)
    }

    fn pipe(&self) -> PipeInfo {
        Host::pipe(self)
    }

    fn command(&self, author: &str, command: Command, reply: Reply) {
        self.ask(author, command, reply);
    }
}

fn told(outcome: Outcome) -> Result<Vec<String>, String> {
    match outcome {
        Outcome::Told { lines } => Ok(lines),
        Outcome::Refused { message, .. } => Err(message),
        // No answer to a question.
        Outcome::Done | Outcome::Pending | Outcome::Listed { .. } => Ok(Vec::new()),
    }
}

fn unavailable() -> Outcome {
    let message = "the node is not in service; see the PBX's log".to_owned();
    Outcome::Refused {
        reason: Refusal::Unavailable,
        message,
    }
}

/// Waits for the first answer, which `Pending` is as well.
fn await_answer(ask: impl FnOnce(Reply)) -> Outcome {
    await_for(ANSWER, ask)
}

fn await_for(limit: Duration, ask: impl FnOnce(Reply)) -> Outcome {
    let (sender, receiver) = sync_channel(1);
    ask(Box::new(move |outcome| {
        // The asker may have given up, or have had its answer.
        let _ = sender.try_send(outcome);
    }));
    receiver.recv_timeout(limit).unwrap_or_else(|_| unavailable())
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    thread::Builder::new().name(name.to_owned()).spawn(body)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Values are replaced whole, so a panic elsewhere leaves none half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn chance() -> std::io::Result<u64> {
    let mut bytes = [0u8; 8];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
    Ok(u64::from_ne_bytes(bytes))
}
