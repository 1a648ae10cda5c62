//! What the parts of the daemon share: the read model, how the links and the store are, and who is to be woken.

use std::sync::{
    Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak,
};
use std::time::Duration;

use hotline_wire::blacklist::ListOrder;
use hotline_wire::frame::PipeInfo;
use hotline_wire::{Command, Outcome};
use tokio::sync::{Notify, Semaphore, mpsc, oneshot, watch};

use crate::accounts::Reading;
use crate::alarms::{Alarm, Board, NotAcknowledged};
use crate::audit::{self, People};
use crate::authority::{Actor, Authority, Deed, Denied, Target};
use crate::dbus::permit::Gate;
use crate::recorder::{self, Order, ToRecorder};
use crate::settings::{DbusSettings, NodeSettings};
use crate::state::{Changes, State};
use crate::store::{Maintain, Maintained, Note, Noted, StoreError};
use crate::timings::Timings;

/// Commands asked for at once; further ones are told to try again.
const MAX_ASKING: usize = 256;

/// Shared by all parts. Locks are held for moments, one at a time.
#[derive(Debug)]
pub struct Shared {
    state: RwLock<State>,
    watches: Mutex<Vec<Weak<Watched>>>,
    links: Mutex<Vec<LinkStatus>>,
    store: watch::Sender<StoreHealth>,
    /// The way to the recorder, which ends when the links do.
    recorder: OnceLock<mpsc::WeakSender<ToRecorder>>,
    /// Woken after every batch of records that was stored and applied.
    applied: watch::Sender<()>,
    /// Places of those who may ask for a command at once.
    asking: Semaphore,
    /// Who may do what.
    pub authority: Authority,
    /// What is beyond what it may be.
    pub alarms: Arc<Board>,
    /// Who may do what over D-Bus at all.
    pub gate: Gate,
    /// How long to wait for others.
    pub timings: Timings,
}

/// What changed since it was last looked at, for one who shows it.
#[derive(Debug)]
pub struct Watch(Arc<Watched>);

#[derive(Debug, Default)]
struct Watched {
    changes: Mutex<Changes>,
    changed: Notify,
}

impl Watched {
    fn add(&self, changes: &Changes) {
        let mut pending = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        pending.merge(changes);
        drop(pending);
        self.changed.notify_one();
    }
}

impl Watch {
    /// Waits for changes and takes them.
    pub async fn next(&self) -> Changes {
        self.0.changed.notified().await;
        std::mem::take(&mut *self.0.changes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// How the event store is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StoreHealth {
    /// The state is being restored.
    Starting,
    /// All is stored.
    Ok,
    /// Nothing can be stored; nodes keep their events meanwhile.
    Failed(String),
}

/// How a link is.
#[derive(Clone, Debug)]
pub struct LinkStatus {
    /// The node's name; before it said so, what its socket is called.
    pub node: String,
    /// Its socket.
    pub socket: String,
    /// Version of the module; empty before the first connection.
    pub version: String,
    /// The PBX, for people; empty before the first connection.
    pub pbx: String,
    /// How events fare on the node that are not stored yet, as it said last.
    pub pipe: PipeInfo,
    /// Where to send commands; absent while not connected.
    pub commands: Option<mpsc::Sender<Request>>,
}

/// A command on its way to a node.
#[derive(Debug)]
pub struct Request {
    /// For the audit trail.
    pub author: Arc<str>,
    /// What.
    pub command: Command,
    /// Where the node's first answer goes.
    pub answer: oneshot::Sender<Result<Outcome, CommandError>>,
}

/// Why a command has no outcome.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CommandError {
    /// Who asked may not do it.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// An alarm that is over, or that somebody else takes care of.
    #[error(transparent)]
    NotAcknowledged(#[from] NotAcknowledged),
    /// There is no connection to the node.
    #[error("node {0} is not connected; check that its PBX runs and that [[node]] socket is right")]
    NotConnected(String),
    /// Too many commands are under way.
    #[error("node {0} has too many commands under way; try again")]
    Busy(String),
    /// No answer in time. Whether the command was carried out is not known.
    #[error("node {0} did not answer within {1:?}; whether the command was carried out is not known")]
    Timeout(String, Duration),
    /// The connection broke. Whether the command was carried out is not known.
    #[error(
        "the connection to node {0} broke before it answered; whether the command was carried out is not known"
    )]
    Broken(String),
}

impl Shared {
    /// Nothing restored, nothing connected.
    pub fn new(
        nodes: &[NodeSettings],
        dbus: &DbusSettings,
        authority: Authority,
        timings: Timings,
    ) -> Shared {
        let links = nodes
            .iter()
            .map(|node| LinkStatus {
                node: node.provisional_name(),
                socket: node.socket.display().to_string(),
                version: String::new(),
                pbx: String::new(),
                pipe: PipeInfo::default(),
                commands: None,
            })
            .collect();
        Shared {
            state: RwLock::default(),
            watches: Mutex::default(),
            links: Mutex::new(links),
            store: watch::Sender::new(StoreHealth::Starting),
            recorder: OnceLock::new(),
            applied: watch::Sender::new(()),
            asking: Semaphore::new(MAX_ASKING),
            gate: Gate::new(dbus.clone(), timings.authority),
            authority,
            alarms: Arc::new(Board::new(&[], None)),
            timings,
        }
    }

    /// With rules for alarms.
    pub fn with_alarms(mut self, alarms: Board) -> Shared {
        self.alarms = Arc::new(alarms);
        self
    }

    /// Somebody takes care of an alarm, if the actor may.
    ///
    /// # Errors
    /// If it may not, or the alarm is over or cared for.
    pub async fn acknowledge(&self, actor: &Actor, id: u64, note: &str) -> Result<Arc<Alarm>, CommandError> {
        let alarm = self.alarms.alarm(id);
        // What cannot be seen is not there.
        let alarm = alarm.filter(|alarm| self.authority.sees_alarm(actor, alarm));
        let alarm = alarm.ok_or(NotAcknowledged::Unknown(id))?;
        let target = alarm.queue.as_deref().map_or(Target::Node, Target::Queue);
        self.authority.deed(actor, None, Deed::Acknowledge, target)?;
        let done = self.alarms.take_care(id, &actor.author, note);
        // Said twice, it was done once.
        if !matches!(done, Ok((_, false))) {
            let now = done
                .as_ref()
                .map_err(NotAcknowledged::to_string)
                .map(|(now, _)| &**now);
            self.note(Noted::Action(audit::acknowledge(
                &actor.author,
                &alarm,
                note,
                now,
            )))
            .await;
        }
        Ok(done?.0)
    }

    /// Puts what somebody did that no node tells of into the audit record, behind what came before. It is done all the same if the
    /// store does not take it in time, and the log says so.
    pub async fn note(&self, what: Noted) {
        let note = Note {
            at: recorder::now(),
            what,
        };
        let patience = self.timings.command;
        let to = self.recorder.get().and_then(mpsc::WeakSender::upgrade);
        let place = match &to {
            Some(to) => tokio::time::timeout(patience, to.reserve())
                .await
                .ok()
                .and_then(Result::ok),
            None => None,
        };
        match place {
            Some(place) => place.send(ToRecorder::Note(note)),
            None => tracing::error!(?note, "the store takes nothing: this is not in the audit record"),
        }
    }

    /// Puts whatever becomes of the file of users into the audit record, for ever; meant to be aborted.
    pub(crate) async fn note_users(self: Arc<Shared>, mut readings: watch::Receiver<Reading>) {
        loop {
            let reading = readings.borrow_and_update().clone();
            let what = match reading {
                Reading::Used(accounts) => Noted::Users(People::of(&accounts)),
                Reading::Unusable(error) => Noted::Action(audit::unusable_users(&error)),
            };
            self.note(what).await;
            if readings.changed().await.is_err() {
                return;
            }
        }
    }

    /// Tells those who watch that alarms came, changed or went.
    pub(crate) fn alarms_changed(&self) {
        self.tell(&Changes {
            alarms: true,
            ..Changes::default()
        });
    }

    /// The read model.
    pub fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn state_mut(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The links in the order of the settings.
    pub fn links(&self) -> MutexGuard<'_, Vec<LinkStatus>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the store is.
    pub fn store(&self) -> watch::Receiver<StoreHealth> {
        self.store.subscribe()
    }

    pub(crate) fn set_store(&self, health: StoreHealth) {
        self.store.send_if_modified(|now| {
            let changed = *now != health;
            *now = health;
            changed
        });
    }

    pub(crate) fn set_recorder(&self, recorder: mpsc::WeakSender<ToRecorder>) {
        // There is one for the life of the daemon.
        let _ = self.recorder.set(recorder);
    }

    /// Has something done to the store, between two batches of events: nodes keep theirs meanwhile. Waits for as long as it takes;
    /// who does not wait any more leaves it being done.
    ///
    /// # Errors
    /// If it could not be done, or the daemon ends.
    pub async fn maintain(&self, author: &str, what: Maintain) -> Result<Maintained, StoreError> {
        let ending = || StoreError::Failed {
            path: "of this daemon".to_owned(),
            cause: "the daemon is ending".to_owned(),
        };
        let recorder = self.recorder.get().and_then(mpsc::WeakSender::upgrade);
        let (answer, answered) = oneshot::channel();
        let order = Order {
            what,
            author: author.to_owned(),
            answer,
        };
        let to = recorder.ok_or_else(ending)?;
        to.send(ToRecorder::Order(order)).await.map_err(|_| ending())?;
        drop(to);
        answered.await.map_err(|_| ending())?
    }

    /// Woken after every batch that was stored and applied.
    pub fn applied(&self) -> watch::Receiver<()> {
        self.applied.subscribe()
    }

    /// Tells all who watch that the state moved on.
    pub(crate) fn publish(&self, changes: Changes) {
        self.applied.send_replace(());
        if changes.is_empty() {
            return;
        }
        self.tell(&changes);
    }

    fn tell(&self, changes: &Changes) {
        let mut watches = self.watches.lock().unwrap_or_else(PoisonError::into_inner);
        watches.retain(|watch| match watch.upgrade() {
            Some(watch) => {
                watch.add(changes);
                true
            }
            None => false,
        });
    }

    /// Changes from now on. What nobody has taken yet is kept as the set of what changed, so it never grows beyond what there is.
    pub fn watch(&self) -> Watch {
        let watched = Arc::new(Watched::default());
        let mut watches = self.watches.lock().unwrap_or_else(PoisonError::into_inner);
        watches.push(Arc::downgrade(&watched));
        Watch(watched)
    }

    /// Wakes those who watch: a link came or went.
    pub(crate) fn links_changed(&self) {
        self.tell(&Changes {
            links: true,
            ..Changes::default()
        });
    }

    /// Sends a command to a node, if the actor may ask for it, and waits for the node's first answer.
    ///
    /// # Errors
    /// If it may not, or the node gave none.
    pub async fn ask(&self, actor: &Actor, node: &str, command: Command) -> Result<Outcome, CommandError> {
        let judged = self
            .authority
            .command(actor, self.state().nodes.get(node), &command);
        if let Err(denied) = judged {
            // No node hears of it, so no record of theirs has it.
            tracing::warn!(author = &*actor.author, node, %denied, "denied");
            return Err(denied.into());
        }
        let _asking = self
            .asking
            .try_acquire()
            .map_err(|_| CommandError::Busy(node.to_owned()))?;
        let to = self
            .links()
            .iter()
            .find(|link| link.node == node)
            .and_then(|link| link.commands.clone());
        let to = to.ok_or_else(|| CommandError::NotConnected(node.to_owned()))?;
        let patience = match &command {
            Command::Blacklist(ListOrder::Import { .. } | ListOrder::Export { .. } | ListOrder::Load) => {
                self.timings.files
            }
            _ => self.timings.command,
        };
        let (answer, answered) = oneshot::channel();
        to.try_send(Request {
            author: actor.author.clone(),
            command,
            answer,
        })
        .map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => CommandError::Busy(node.to_owned()),
            mpsc::error::TrySendError::Closed(_) => CommandError::NotConnected(node.to_owned()),
        })?;
        match tokio::time::timeout(patience, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(CommandError::Broken(node.to_owned())),
            Err(_) => Err(CommandError::Timeout(node.to_owned(), patience)),
        }
    }
}
