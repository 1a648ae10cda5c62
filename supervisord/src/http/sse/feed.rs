//! What all streams read: everything there is, and the latest changes, each written once however many read it.
//!
//! One task turns the read model's changes into numbered ones. They stay in a ring of bounded size; a reader has nothing but its
//! place in there, so that a slow one costs nothing, and one that the ring has left behind begins anew.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde::Serialize;
use tokio::sync::watch;

use crate::alarms::Alarm;
use crate::shared::Shared;
use crate::state::{Changes, State};
use crate::views::{AgentView, CallView, CallbackView, NodeView, QueueView};

/// Changes that are kept for who comes back.
const MAX_DELTAS: usize = 65_536;
/// And their bytes.
const MAX_BYTES: usize = 64 << 20;
/// Changes of the same thing within this time are one.
const PAUSE: Duration = Duration::from_millis(25);
/// Where much changes and many read, the pause is so many times what the changes cost ...
const PAUSES: u32 = 10;
/// ... and this at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// What one change costs for one reader, about.
const READING: Duration = Duration::from_micros(1);

/// A kind of thing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Kind {
    Node,
    Queue,
    Agent,
    Call,
    Callback,
    Alarm,
}

impl Kind {
    pub(super) const ALL: [Kind; 6] = [
        Kind::Node,
        Kind::Queue,
        Kind::Agent,
        Kind::Call,
        Kind::Callback,
        Kind::Alarm,
    ];

    pub(super) fn label(self) -> &'static str {
        match self {
            Kind::Node => "node",
            Kind::Queue => "queue",
            Kind::Agent => "agent",
            Kind::Call => "call",
            Kind::Callback => "callback",
            Kind::Alarm => "alarm",
        }
    }
}

/// Kind, node, name.
type Key = (Kind, String, String);

/// Whose business a thing is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Scope {
    /// Its queue; an agent's queues.
    pub(super) queues: Vec<String>,
    /// The agent; a call's, if it has one.
    pub(super) agent: Option<String>,
}

/// A thing as it is, written as an event without its id.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) kind: Kind,
    pub(super) scope: Scope,
    /// For all eyes.
    pub(super) masked: Bytes,
    /// With whole numbers.
    pub(super) whole: Bytes,
    /// Its end.
    pub(super) removed: Bytes,
}

/// Why a reader begins anew.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Anew {
    /// It had nothing before.
    New,
    /// What it had last is too old, or of another start of the daemon.
    Unknown,
    /// It sees, or asks for, other things than before.
    Sight,
}

impl Anew {
    pub(super) fn label(self) -> &'static str {
        match self {
            Anew::New => "new",
            Anew::Unknown => "unknown",
            Anew::Sight => "sight",
        }
    }
}

/// A change.
#[derive(Debug)]
pub(super) struct Delta {
    /// The end of the line with its id; what it begins with is the reader's.
    pub(super) id: Bytes,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    /// A thing was so, and is so; either may be nothing.
    Change(Option<Arc<Item>>, Option<Arc<Item>>),
    /// Nothing but time has passed.
    Heartbeat(Bytes),
}

/// See the module.
#[derive(Debug)]
pub struct Feed {
    /// Tells one start of the daemon from another.
    epoch: String,
    inner: Mutex<Inner>,
    /// The number of the last change.
    moved: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Inner {
    /// The number of the first one kept.
    first: u64,
    deltas: VecDeque<Arc<Delta>>,
    bytes: usize,
    table: BTreeMap<Key, Arc<Item>>,
    /// All of the table, for all who begin at the same moment.
    all: Option<Arc<[Arc<Item>]>>,
}

impl Inner {
    fn last(&self) -> u64 {
        self.first + self.deltas.len() as u64 - 1
    }
}

impl Feed {
    /// Nothing is known yet.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn new() -> Result<Feed, String> {
        Ok(Feed {
            epoch: crate::accounts::secret()?[..8].to_owned(),
            inner: Mutex::new(Inner {
                first: 1,
                ..Inner::default()
            }),
            moved: watch::Sender::new(0),
        })
    }

    /// Follows the read model for ever; meant to be aborted.
    pub async fn run(self: Arc<Feed>, shared: Arc<Shared>) {
        let watch = shared.watch();
        let mut heartbeat = tokio::time::interval(shared.timings.http_heartbeat);
        heartbeat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        self.take(
            &shared,
            &Changes {
                all: true,
                ..Changes::default()
            },
        );
        loop {
            tokio::select! {
                changes = watch.next() => {
                    let begun = Instant::now();
                    let told = self.take(&shared, &changes) * self.moved.receiver_count();
                    let cost = begun.elapsed() + READING * u32::try_from(told).unwrap_or(u32::MAX);
                    let pause = cost.saturating_mul(PAUSES).clamp(PAUSE, LONGEST_PAUSE);
                    tokio::time::sleep(pause).await;
                }
                _ = heartbeat.tick() => self.beat(),
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Woken when there is more.
    pub(super) fn moved(&self) -> watch::Receiver<u64> {
        self.moved.subscribe()
    }

    /// What the ids of a reader begin with: of this start of the daemon, and of what it sees.
    fn origin(&self, sight: &str) -> String {
        format!("{}{sight}", self.epoch)
    }

    /// The beginning of the line with an id, for a reader with this sight.
    pub(super) fn id_line(&self, sight: &str) -> Bytes {
        Bytes::from(format!("id: {}-", self.origin(sight)))
    }

    /// Its end.
    fn id(&self, number: u64) -> Bytes {
        Bytes::from(format!("{number}\n"))
    }

    /// All there is, and the number of the last change in it.
    pub(super) fn all(&self) -> (Arc<[Arc<Item>]>, u64, Bytes) {
        let mut inner = self.lock();
        let last = inner.last();
        let all = match &inner.all {
            Some(all) => all.clone(),
            None => {
                let all: Arc<[Arc<Item>]> = inner.table.values().cloned().collect();
                inner.all = Some(all.clone());
                all
            }
        };
        (all, last, self.id(last))
    }

    /// The number of the last event that a reader had, if all that follows is still there and was for the same eyes.
    pub(super) fn resume(&self, last: &str, sight: &str) -> Result<u64, Anew> {
        let (origin, number) = last.split_once('-').ok_or(Anew::Unknown)?;
        let number: u64 = number.parse().map_err(|_| Anew::Unknown)?;
        let next = number.checked_add(1).ok_or(Anew::Unknown)?;
        let inner = self.lock();
        let kept = (inner.first..=inner.last() + 1).contains(&next);
        if !kept || !origin.starts_with(&self.epoch) {
            return Err(Anew::Unknown);
        }
        if origin != self.origin(sight) {
            return Err(Anew::Sight);
        }
        Ok(number)
    }

    /// Changes behind a number, so many at most; `None` if some of them are gone.
    pub(super) fn after(&self, number: u64, most: usize) -> Option<Vec<Arc<Delta>>> {
        let inner = self.lock();
        let skip = usize::try_from((number + 1).checked_sub(inner.first)?).ok()?;
        Some(inner.deltas.iter().skip(skip).take(most).cloned().collect())
    }

    /// Turns changes of the read model into numbered ones, and says how many.
    fn take(&self, shared: &Shared, changes: &Changes) -> usize {
        let now = self.look(shared, changes);
        let mut inner = self.lock();
        let told = inner.last();
        for (key, item) in now {
            let before = inner.table.get(&key).cloned();
            let same = match (&before, &item) {
                (Some(before), Some(item)) => before.whole == item.whole,
                (None, None) => true,
                (Some(_), None) | (None, Some(_)) => false,
            };
            if same {
                continue;
            }
            match &item {
                Some(item) => inner.table.insert(key, item.clone()),
                None => inner.table.remove(&key),
            };
            inner.all = None;
            self.push(&mut inner, What::Change(before, item));
        }
        let last = inner.last();
        drop(inner);
        self.moved
            .send_if_modified(|moved| std::mem::replace(moved, last) != last);
        usize::try_from(last - told).unwrap_or(usize::MAX)
    }

    fn beat(&self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let event = format!("event: heartbeat\ndata: {{\"at\":{}}}\n\n", now.as_micros());
        let mut inner = self.lock();
        self.push(&mut inner, What::Heartbeat(event.into()));
        let last = inner.last();
        drop(inner);
        self.moved.send_replace(last);
    }

    fn push(&self, inner: &mut Inner, what: What) {
        let delta = Delta {
            id: self.id(inner.last() + 1),
            what,
        };
        inner.bytes += size(&delta);
        inner.deltas.push_back(Arc::new(delta));
        while inner.deltas.len() > MAX_DELTAS || inner.bytes > MAX_BYTES {
            let Some(oldest) = inner.deltas.pop_front() else {
                break;
            };
            inner.bytes -= size(&oldest);
            inner.first += 1;
        }
    }

    /// What may have changed, as it is now; nothing for what is gone.
    fn look(&self, shared: &Shared, changes: &Changes) -> Vec<(Key, Option<Arc<Item>>)> {
        let mut keys: BTreeSet<Key> = BTreeSet::new();
        let of = |kind| move |(node, name): (&str, &str)| (kind, node.to_owned(), name.to_owned());
        keys.extend(changes.queues.iter().map(of(Kind::Queue)));
        keys.extend(changes.agents.iter().map(of(Kind::Agent)));
        keys.extend(changes.calls.iter().map(of(Kind::Call)));
        keys.extend(changes.calls.iter().map(of(Kind::Callback)));
        let at_nodes = changes.all || changes.links || changes.lists;
        let at_alarms = changes.all || changes.alarms;
        // Before the state is looked at: locks are held one at a time.
        let known: Vec<Key> = if at_nodes || at_alarms {
            self.lock().table.keys().cloned().collect()
        } else {
            Vec::new()
        };
        let (nodes, others): (Vec<Key>, Vec<Key>) =
            known.into_iter().partition(|(kind, _, _)| *kind == Kind::Node);
        let (alarms, others): (Vec<Key>, Vec<Key>) =
            others.into_iter().partition(|(kind, _, _)| *kind == Kind::Alarm);
        let mut found: Vec<(Key, Option<Arc<Item>>)> = Vec::new();
        if at_alarms {
            let on: BTreeMap<Key, Arc<Alarm>> = shared
                .alarms
                .alarms()
                .into_iter()
                .map(|alarm| ((Kind::Alarm, alarm.node.clone(), alarm.id.to_string()), alarm))
                .collect();
            found.extend(
                alarms
                    .into_iter()
                    .filter(|key| !on.contains_key(key))
                    .map(|key| (key, None)),
            );
            for (key, alarm) in on {
                let scope = Scope {
                    queues: alarm.queue.iter().cloned().collect(),
                    agent: None,
                };
                let item = item(&key, scope, &*alarm, &*alarm);
                found.push((key, item));
            }
        }
        let links = at_nodes.then(|| shared.links().clone());
        let state = shared.state();
        if changes.all {
            keys.extend(others);
            for (node, view) in &state.nodes {
                let key = |kind, name: &String| (kind, node.clone(), name.clone());
                keys.extend(view.queues.keys().map(|name| key(Kind::Queue, name)));
                keys.extend(view.agents.keys().map(|name| key(Kind::Agent, name)));
                keys.extend(view.calls.keys().map(|name| key(Kind::Call, name)));
                keys.extend(view.callbacks.keys().map(|name| key(Kind::Callback, name)));
            }
        }
        if let Some(links) = links {
            let gone = |node: &str| !links.iter().any(|link| link.node == node);
            found.extend(
                nodes
                    .into_iter()
                    .filter(|(_, node, _)| gone(node))
                    .map(|key| (key, None)),
            );
            for link in links {
                let view = NodeView::of(&link, state.nodes.get(&link.node));
                let key = (Kind::Node, link.node.clone(), link.node);
                let scope = Scope {
                    queues: Vec::new(),
                    agent: None,
                };
                let item = item(&key, scope, &view, &view);
                found.push((key, item));
            }
        }
        for key in keys {
            let item = look(&state, &key);
            found.push((key, item));
        }
        found
    }
}

fn size(delta: &Delta) -> usize {
    delta.id.len()
        + match &delta.what {
            // The state before was counted when it came.
            What::Change(_, Some(item)) => item.masked.len() + item.whole.len() + item.removed.len(),
            What::Change(_, None) => 0,
            What::Heartbeat(event) => event.len(),
        }
}

fn look(state: &State, key: &Key) -> Option<Arc<Item>> {
    let (kind, node, name) = key;
    let view = state.nodes.get(node)?;
    match kind {
        Kind::Node | Kind::Alarm => None,
        Kind::Queue => {
            let queue = QueueView::of(state, node, name)?;
            let scope = Scope {
                queues: vec![name.clone()],
                agent: None,
            };
            item(key, scope, &queue, &queue)
        }
        Kind::Agent => {
            let agent = AgentView::of(node, &view.agents.get(name)?.info);
            let scope = Scope {
                queues: agent.queues.iter().map(|place| place.queue.clone()).collect(),
                agent: Some(name.clone()),
            };
            item(key, scope, &agent, &agent)
        }
        Kind::Call => {
            let call = view.calls.get(name)?;
            let scope = Scope {
                queues: vec![call.queue.clone()],
                agent: call.agent.clone(),
            };
            item(
                key,
                scope,
                &CallView::of(node, call, false),
                &CallView::of(node, call, true),
            )
        }
        Kind::Callback => {
            let callback = view.callbacks.get(name)?;
            let scope = Scope {
                queues: vec![callback.queue.clone()],
                agent: None,
            };
            let shown = |whole| CallbackView::of(node, callback, whole);
            item(key, scope, &shown(false), &shown(true))
        }
    }
}

#[derive(Serialize)]
struct Data<'a, V> {
    kind: &'static str,
    node: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a V>,
}

fn item<V: Serialize + PartialEq>(
    (kind, node, name): &Key,
    scope: Scope,
    masked: &V,
    whole: &V,
) -> Option<Arc<Item>> {
    let write = |event: &str, value: Option<&V>| {
        let kind = kind.label();
        let data = Data {
            kind,
            node,
            name,
            value,
        };
        // Views are made of text and numbers alone.
        let json = serde_json::to_string(&data).ok()?;
        Some(Bytes::from(format!("event: {event}\ndata: {json}\n\n")))
    };
    let for_all = write("put", Some(masked))?;
    let with_numbers = if masked == whole {
        for_all.clone()
    } else {
        write("put", Some(whole))?
    };
    Some(Arc::new(Item {
        kind: *kind,
        scope,
        masked: for_all,
        whole: with_numbers,
        removed: write("remove", None)?,
    }))
}
