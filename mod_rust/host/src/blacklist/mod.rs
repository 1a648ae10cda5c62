//! The node's blacklist: what becomes of a caller, asked on the caller's own thread, and a thread of its own that changes it.
//!
//! A caller's thread looks at an immutable [`List`] and waits for nobody. The writer makes the next list, brings the change to
//! the disk, and puts the new one in place of the old; that one it frees itself once nobody looks at it any more.

mod asked;
mod files;
mod log;
mod writer;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwap;
use hotline_blacklist::{Action, Caller, Cause, List, Number, Query};
use hotline_engine::Input;
use hotline_engine::screening::{ScreenAction, Screening};
use hotline_wire::blacklist::{ListInfo, ListOrder};
use hotline_wire::{Outcome, Refusal};

use crate::clock::Clock;
use crate::pbx::{Level, Pbx};
use crate::runner::{Message, Reply, panic_text};
use crate::settings::{BlacklistSettings, Counted, Settings};

use writer::{Order, Writer};

/// Facts about callers that may wait for the writer. Further ones are not counted: rules find a caller a little later.
const MOST_FACTS: usize = 100_000;

/// Who asks to come in.
#[derive(Clone, Copy, Debug)]
pub struct Presented<'a> {
    /// The number as the network presents it; empty if withheld.
    pub number: &'a str,
    /// The queue asked for, if that is known yet.
    pub queue: Option<&'a str>,
    /// Tier name; empty or unknown is the first tier.
    pub tier: &'a str,
    /// The same call was looked at before, and flagged for this; empty if it was not. `None`: it is new.
    pub seen: Option<&'a str>,
}

/// What becomes of a caller.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Screened {
    /// Goes on.
    Passed,
    /// Goes on, and the agent is warned.
    Flagged {
        /// Why.
        reason: String,
    },
    /// Goes no further.
    Blocked {
        /// How the world refers to the call: `NODE-BOOT-NUMBER`.
        reference: String,
        /// What to do instead.
        block: Block,
    },
}

/// What a caller gets who is blocked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Block {
    /// Hears these sound files, and that the line is busy.
    Busy {
        /// Sound files.
        say: Vec<String>,
    },
    /// Is released with a cause (Q.850).
    Release {
        /// 1 to 127.
        cause: u8,
    },
    /// Goes on at a place of the dialplan.
    Divert {
        /// `CONTEXT,EXTENSION,PRIORITY`.
        place: String,
    },
    /// Hears music for so long, and is released then.
    Tarpit {
        /// Music on hold class; empty: the channel's own.
        music: String,
        /// At most.
        lasting: Duration,
        /// To be kept meanwhile.
        place: TarpitPlace,
    },
}

/// A place among those who hear music and no agent; free again when dropped.
#[derive(Debug)]
pub struct TarpitPlace(Arc<AtomicUsize>);

impl Clone for TarpitPlace {
    fn clone(&self) -> TarpitPlace {
        self.0.fetch_add(1, Ordering::Relaxed);
        TarpitPlace(Arc::clone(&self.0))
    }
}

impl PartialEq for TarpitPlace {
    fn eq(&self, other: &TarpitPlace) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for TarpitPlace {}

impl Drop for TarpitPlace {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What callers are judged by, besides the list.
struct Rules {
    settings: BlacklistSettings,
    tiers: Vec<String>,
    queues: Vec<String>,
}

/// Shared by all threads.
struct Shared {
    list: ArcSwap<List>,
    rules: ArcSwap<Rules>,
    /// Entries of automatic rules that nobody has reviewed.
    review: AtomicU64,
    /// Callers in the tarpit.
    tarpit: Arc<AtomicUsize>,
    /// Facts on their way to the writer.
    facts: AtomicUsize,
    /// Nothing long is begun any more, and goes on no longer.
    stopping: AtomicBool,
    clock: Clock,
    pbx: Arc<dyn Pbx>,
    engine: Sender<Message>,
    orders: Sender<Order>,
}

/// The blacklist of a running node. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Blacklist {
    shared: Arc<Shared>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

/// A verdict, and why.
struct Verdict {
    action: Action,
    entry: String,
    reason: String,
    author: String,
}

impl Blacklist {
    /// Reads what is there, and begins to take orders.
    ///
    /// # Errors
    /// What was changed before cannot be read, another node uses the directory, or the system says no.
    pub(crate) fn start(
        settings: &Settings,
        blacklist: &BlacklistSettings,
        clock: Clock,
        pbx: Arc<dyn Pbx>,
        engine: Sender<Message>,
    ) -> std::io::Result<Blacklist> {
        let (orders, received): (Sender<Order>, Receiver<Order>) = channel();
        let shared = Arc::new(Shared {
            list: ArcSwap::from_pointee(List::default()),
            rules: ArcSwap::from_pointee(Rules::new(settings, blacklist)),
            review: AtomicU64::new(0),
            tarpit: Arc::default(),
            facts: AtomicUsize::new(0),
            stopping: AtomicBool::new(false),
            clock,
            pbx,
            engine,
            orders,
        });
        let writer = Writer::open(Arc::clone(&shared))?;
        let pbx = Arc::clone(&shared.pbx);
        let thread = crate::spawn("hotline-blacklist", move || {
            let Err(panic) = catch_unwind(AssertUnwindSafe(|| writer.run(&received))) else {
                return;
            };
            let reason = panic_text(&*panic);
            let remedy =
                "it stays as it is until the module is loaded anew; this is a defect, please report it";
            pbx.log(
                Level::Error,
                &format!("the blacklist's thread panicked: {reason}; {remedy}"),
            );
        })?;
        Ok(Blacklist {
            shared,
            thread: Arc::new(Mutex::new(Some(thread))),
        })
    }

    /// What becomes of a caller. Waits for nobody. The engine is told of what is not [`Screened::Passed`], under the number
    /// that `call` draws.
    pub(crate) fn screen(
        &self,
        presented: &Presented<'_>,
        call: impl FnOnce() -> (hotline_engine::ids::CallId, String),
    ) -> Screened {
        let shared = &*self.shared;
        let rules = shared.rules.load();
        let tier = rules.tier(presented.tier);
        let caller = rules.settings.plan.caller(presented.number);
        if let (Caller::Known(number), None) = (caller, presented.seen)
            && rules.count(|counted| counted == Counted::Calls)
        {
            shared.note(Order::Called(number));
        }
        let Some(verdict) = shared.judge(&rules, caller, presented.queue, tier) else {
            return Screened::Passed;
        };
        let (action, detail, block) = shared.treatment(&rules, &verdict);
        if action == ScreenAction::Flag && presented.seen == Some(&*verdict.reason) {
            return Screened::Flagged {
                reason: verdict.reason,
            };
        }
        let (id, reference) = call();
        let screening = Screening {
            queue: presented.queue.unwrap_or_default().to_owned(),
            tier: tier.to_owned(),
            number: presented.number.to_owned(),
            action,
            detail,
            entry: verdict.entry,
            reason: verdict.reason.clone(),
            author: verdict.author,
        };
        shared.tell(Input::Screened {
            call: id,
            screening: Box::new(screening),
        });
        match block {
            None => Screened::Flagged {
                reason: verdict.reason,
            },
            Some(block) => Screened::Blocked { reference, block },
        }
    }

    /// The action of the entry that counts for a number, `allow` if there is none.
    pub(crate) fn action_for(&self, number: &str, queue: Option<&str>, tier: &str) -> String {
        let rules = self.shared.rules.load();
        let caller = rules.settings.plan.caller(number);
        let verdict = self.shared.judge(&rules, caller, queue, rules.tier(tier));
        verdict.map_or("allow".to_owned(), |verdict| verdict.action.to_string())
    }

    /// A sound file for the agent of a flagged caller; empty: none.
    pub(crate) fn whisper(&self) -> String {
        self.shared.rules.load().settings.whisper.clone()
    }

    /// A caller hung up so long after joining.
    pub(crate) fn hung_up(&self, number: &str, after: Duration) {
        let rules = self.shared.rules.load();
        if let Caller::Known(number) = rules.settings.plan.caller(number)
            && rules.count(|counted| matches!(counted, Counted::HangUps(_)))
        {
            self.shared.note(Order::HungUp(number, after));
        }
    }

    /// Judges by these settings from now on.
    pub(crate) fn set_rules(&self, settings: &Settings, blacklist: &BlacklistSettings) {
        let rules = Arc::new(Rules::new(settings, blacklist));
        self.shared.send(Order::Rules(rules));
    }

    /// How it is doing.
    pub(crate) fn info(&self) -> ListInfo {
        let list = self.shared.list.load();
        let index = list.index();
        ListInfo {
            entries: list.len(),
            index_entries: index.map_or(0, |index| index.len()),
            index_bytes: index.map_or(0, |index| index.bytes() as u64),
            index_built: index.map(|index| index.built()),
            changes: list.overlay().len() as u64,
            review: self.shared.review.load(Ordering::Relaxed),
        }
    }

    /// Does what is asked, some of it on the asker's own thread.
    pub(crate) fn ask(&self, author: &str, order: ListOrder, reply: Reply) {
        asked::ask(&self.shared, author, order, reply);
    }

    /// Ends the thread, with all changes on the disk.
    pub(crate) fn stop(&self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        self.shared.send(Order::Stop);
        if let Some(thread) = crate::lock(&self.thread).take() {
            // A thread that panicked has said so already.
            let _ = thread.join();
        }
    }
}

impl Rules {
    fn new(settings: &Settings, blacklist: &BlacklistSettings) -> Rules {
        Rules {
            settings: blacklist.clone(),
            tiers: settings
                .config
                .tiers
                .iter()
                .map(|tier| tier.name.clone())
                .collect(),
            queues: settings
                .config
                .queues
                .iter()
                .map(|queue| queue.name.clone())
                .collect(),
        }
    }

    /// The tier that a name stands for.
    fn tier<'a>(&'a self, name: &str) -> &'a str {
        let named = self.tiers.iter().find(|tier| *tier == name);
        named.or(self.tiers.first()).map_or("", String::as_str)
    }

    /// Whether a rule counts such things.
    fn count(&self, which: impl Fn(Counted) -> bool) -> bool {
        self.settings.automatic.iter().any(|rule| which(rule.counted))
    }

    fn allows(&self, place: &str) -> bool {
        self.settings.places.iter().any(|allowed| allowed == place)
    }
}

impl Shared {
    fn now(&self) -> u64 {
        self.clock.now().0
    }

    fn log(&self, level: Level, message: &str) {
        self.pbx.log(level, message);
    }

    /// Into the story. Without an engine there is none.
    fn tell(&self, input: Input) {
        if let Err(refused) = self.engine.send(Message::Noted(Box::new(input))) {
            refused.0.refuse();
        }
    }

    /// To the writer. Without one, who waits for an answer is told.
    fn send(&self, order: Order) {
        if let Err(refused) = self.orders.send(order) {
            refused.0.refuse();
        }
    }

    fn note(&self, order: Order) {
        if self.facts.fetch_add(1, Ordering::Relaxed) < MOST_FACTS {
            self.send(order);
        } else {
            self.facts.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// The verdict; `None` if the caller goes on without a word.
    fn judge(&self, rules: &Rules, caller: Caller, queue: Option<&str>, tier: &str) -> Option<Verdict> {
        let by_rule = |action: &Action, what: &str| Verdict {
            action: action.clone(),
            entry: what.to_owned(),
            reason: format!("{what} number"),
            author: "settings".to_owned(),
        };
        let verdict = match caller {
            Caller::Known(number) => self.listed(number, queue, tier)?,
            Caller::Anonymous => by_rule(&rules.settings.anonymous, "anonymous"),
            Caller::Malformed(_) => by_rule(&rules.settings.malformed, "malformed"),
        };
        (verdict.action != Action::Allow).then_some(verdict)
    }

    fn listed(&self, number: Number, queue: Option<&str>, tier: &str) -> Option<Verdict> {
        let list = self.list.load();
        let found = list.lookup(&Query {
            number,
            queue,
            tier: Some(tier),
            now: self.now(),
        })?;
        let reason = match found.profile.reason {
            "" => "on the blacklist",
            reason => reason,
        };
        Some(Verdict {
            action: found.profile.action.to_owned(),
            entry: found.what.to_string(),
            reason: reason.to_owned(),
            author: found.profile.author.to_owned(),
        })
    }

    /// What really happens to a caller; no block: the agent is warned.
    fn treatment(&self, rules: &Rules, verdict: &Verdict) -> (ScreenAction, String, Option<Block>) {
        let busy = |detail: &str| {
            let say = rules.settings.say.clone();
            (ScreenAction::Busy, detail.to_owned(), Some(Block::Busy { say }))
        };
        match &verdict.action {
            Action::Allow | Action::Flag => (ScreenAction::Flag, String::new(), None),
            Action::Busy => busy(""),
            Action::Release(cause) => {
                let cause: Cause = *cause;
                let block = Block::Release { cause: cause.code() };
                (ScreenAction::Release, cause.code().to_string(), Some(block))
            }
            Action::Divert(place) if rules.allows(place) => {
                let block = Block::Divert { place: place.clone() };
                (ScreenAction::Divert, place.clone(), Some(block))
            }
            Action::Divert(place) => {
                self.log(
                    Level::Warning,
                    &format!(
                        "a caller finds the line busy: the blacklist would divert to {place}, which is not among [blacklist] \
                         places"
                    ),
                );
                busy("place not allowed")
            }
            Action::Tarpit => match self.tarpit_place(rules.settings.tarpit.calls) {
                Some(place) => {
                    let block = Block::Tarpit {
                        music: rules.settings.tarpit.music.clone(),
                        lasting: Duration::from_micros(rules.settings.tarpit.lasting.0),
                        place,
                    };
                    (ScreenAction::Tarpit, String::new(), Some(block))
                }
                None => busy("tarpit full"),
            },
        }
    }

    fn tarpit_place(&self, most: usize) -> Option<TarpitPlace> {
        let taken = self.tarpit.fetch_add(1, Ordering::Relaxed);
        let place = TarpitPlace(Arc::clone(&self.tarpit));
        (taken < most).then_some(place)
    }
}

fn refused(reason: Refusal, message: impl Into<String>) -> Outcome {
    Outcome::Refused {
        reason,
        message: message.into(),
    }
}

/// What is answered without a blacklist.
pub(crate) fn none() -> Outcome {
    refused(
        Refusal::NoBlacklist,
        "this node has no blacklist: add [blacklist] with a directory to its settings, or see in the PBX's log why it could not be \
         read, and load the module anew",
    )
}

/// A path for a message.
fn shown(path: &Path) -> String {
    path.display().to_string()
}
