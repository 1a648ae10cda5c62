//! Alarms: figures that are beyond what the settings allow, told once, until somebody takes care of them and until they are over.
//!
//! [`figure`] says what a figure is, [`ladder`] when that is an alarm of which level. The board has the rules and what is on. It is looked at
//! once a second; who is told and who asks get what it says then. It survives a restart of the daemon.

mod figure;
mod kept;
mod ladder;
mod teller;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use utoipa::ToSchema;

pub use figure::Figure;
use figure::{Totals, Value, Windows, at_once, seconds};
use ladder::{Ladder, Steps};
pub use teller::Teller;

use crate::settings::AlarmSettings;
use crate::shared::{Shared, StoreHealth};
use crate::state::State;

/// How often figures are looked at.
pub const EVERY: Duration = Duration::from_secs(1);
/// Steps that wait for those who are told and are slow; beyond, a [`Teller`] tells them what is different.
const NEWS: usize = 4_096;
/// Alarms that are on at once; further ones wait until one ends, and the log says so.
const MOST: usize = 10_000;
/// Bytes of a note.
pub const MAX_NOTE: usize = 500;

/// An alarm that is on.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Alarm {
    /// Its number; none is used twice.
    pub id: u64,
    /// The rule.
    pub name: String,
    /// What the rule is about.
    pub figure: Figure,
    /// The node; empty for the daemon itself.
    pub node: String,
    /// The queue, if it is about one.
    pub queue: Option<String>,
    /// How bad, from 1.
    pub level: u8,
    /// What the figure was when the level was reached; absent if nobody knows.
    pub value: Option<f64>,
    /// The value of that level in the settings.
    pub threshold: f64,
    /// For people.
    pub text: String,
    /// What to do.
    pub action: String,
    /// When it began; microseconds since the Unix epoch.
    pub raised: u64,
    /// When its level was reached.
    pub changed: u64,
    /// Who takes care of it.
    pub acknowledged: Option<Acknowledged>,
}

/// Somebody takes care of an alarm.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Acknowledged {
    /// Who.
    pub author: String,
    /// When; microseconds since the Unix epoch.
    pub at: u64,
    /// What they say; may be empty.
    pub note: String,
}

/// What became of an alarm.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// It is on.
    Raised,
    /// It is worse, or better; whoever took care of a milder one is asked again.
    Level,
    /// Somebody takes care of it.
    Acknowledged,
    /// It is over.
    Cleared,
}

impl Step {
    /// All of them.
    pub const ALL: [Step; 4] = [Step::Raised, Step::Level, Step::Acknowledged, Step::Cleared];

    /// In one word.
    pub fn label(self) -> &'static str {
        match self {
            Step::Raised => "raised",
            Step::Level => "level",
            Step::Acknowledged => "acknowledged",
            Step::Cleared => "cleared",
        }
    }
}

/// A moment by two clocks, in microseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Moment {
    /// Since the Unix epoch: for people, and beside what nodes say.
    pub(crate) wall: u64,
    /// By a clock that nobody sets: how long something lasts is measured by it.
    pub(crate) steady: u64,
}

/// Something happened to an alarm.
#[derive(Clone, PartialEq, Debug)]
pub struct News {
    /// Its number: each step has the next one.
    pub nth: u64,
    /// What.
    pub step: Step,
    /// When; microseconds since the Unix epoch.
    pub at: u64,
    /// The alarm as it is then.
    pub alarm: Arc<Alarm>,
}

/// Why an alarm was not acknowledged.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotAcknowledged {
    /// It is over, or never was.
    #[error("no alarm {0} is on; `hotlinectl alarm list` shows them")]
    Unknown(u64),
    /// Somebody was faster.
    #[error("{0} takes care of it already")]
    Already(String),
    /// The note is too long.
    #[error("a note has {MAX_NOTE} bytes at most")]
    TooLong,
}

/// All rules and what is on.
#[derive(Debug)]
pub struct Board {
    file: Option<PathBuf>,
    rules: Vec<Rule>,
    inner: Mutex<Inner>,
    /// Whether the last try to write failed.
    writing: Mutex<bool>,
    begun: Instant,
    news: broadcast::Sender<News>,
}

#[derive(Debug)]
struct Rule {
    settings: AlarmSettings,
    steps: Steps,
}

/// Rule, node, queue.
type Key = (usize, String, String);

#[derive(Debug, Default)]
struct Inner {
    last: u64,
    /// Steps told since the start.
    steps: u64,
    /// What is on.
    alarms: BTreeMap<Key, Arc<Alarm>>,
    ladders: BTreeMap<Key, Ladder>,
    /// By rule.
    windows: BTreeMap<usize, Windows>,
    /// Since when a node is away; by the steady clock, as all of these.
    away: BTreeMap<String, u64>,
    failing: Option<u64>,
    /// Steps taken, by rule and step.
    counts: BTreeMap<(usize, Step), u64>,
    full: bool,
    /// What is on has changed since it was written.
    unwritten: bool,
}

impl Board {
    /// By rules; what was on when the daemon ended is on still, from `file`.
    pub fn new(rules: &[AlarmSettings], file: Option<&Path>) -> Board {
        let rules: Vec<Rule> = rules
            .iter()
            .map(|rule| Rule {
                settings: rule.clone(),
                steps: Steps::of(rule),
            })
            .collect();
        let mut inner = Inner::default();
        if let Some(file) = file {
            let kept = kept::read(file);
            inner.last = kept.last;
            for alarm in kept.alarms {
                let of =
                    |rule: &Rule| rule.settings.name == alarm.name && rule.settings.figure == alarm.figure;
                // One whose rule is gone is over.
                let Some(rule) = rules.iter().position(of) else {
                    continue;
                };
                let key = (rule, alarm.node.clone(), alarm.queue.clone().unwrap_or_default());
                inner.ladders.insert(key.clone(), Ladder::at(alarm.level));
                inner.alarms.insert(key, Arc::new(alarm));
            }
        }
        Board {
            file: file.map(Path::to_owned),
            rules,
            inner: Mutex::new(inner),
            writing: Mutex::default(),
            begun: Instant::now(),
            news: broadcast::Sender::new(NEWS),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Each change is whole.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is on, worst first.
    pub fn alarms(&self) -> Vec<Arc<Alarm>> {
        let mut alarms: Vec<Arc<Alarm>> = self.lock().alarms.values().cloned().collect();
        alarms.sort_by_key(|alarm| (std::cmp::Reverse(alarm.level), alarm.raised, alarm.id));
        alarms
    }

    /// One that is on.
    pub fn alarm(&self, id: u64) -> Option<Arc<Alarm>> {
        self.lock().alarms.values().find(|alarm| alarm.id == id).cloned()
    }

    /// The number of the last step, and what is on after it.
    fn known(&self) -> (u64, BTreeMap<u64, Arc<Alarm>>) {
        let inner = self.lock();
        let on = inner.alarms.values().map(|alarm| (alarm.id, alarm.clone()));
        (inner.steps, on.collect())
    }

    /// All that happens from now on. A [`Teller`] misses none of it.
    fn news(&self) -> broadcast::Receiver<News> {
        self.news.subscribe()
    }

    /// By rule: its name, how many alarms of it are on by level, and how often each step was taken.
    pub fn counts(&self) -> Vec<(String, Vec<u64>, BTreeMap<Step, u64>)> {
        let inner = self.lock();
        let of = |(nth, rule): (usize, &Rule)| {
            let levels = rule.settings.above.len() + rule.settings.below.len();
            let mut on = vec![0; levels];
            for alarm in inner.alarms.iter().filter(|((of, _, _), _)| *of == nth) {
                if let Some(count) = on.get_mut(usize::from(alarm.1.level) - 1) {
                    *count += 1;
                }
            }
            let taken = |step: Step| inner.counts.get(&(nth, step)).copied().unwrap_or_default();
            let taken = Step::ALL.into_iter().map(|step| (step, taken(step))).collect();
            (rule.settings.name.clone(), on, taken)
        };
        self.rules
            .iter()
            .enumerate()
            .map(|(nth, rule)| of((nth, rule)))
            .collect()
    }

    /// Somebody takes care of an alarm.
    ///
    /// # Errors
    /// See [`NotAcknowledged`].
    pub fn acknowledge(&self, id: u64, author: &str, note: &str) -> Result<Arc<Alarm>, NotAcknowledged> {
        self.take_care(id, author, note).map(|(alarm, _)| alarm)
    }

    /// The same; says besides whether that is new, or was said twice.
    ///
    /// # Errors
    /// See [`NotAcknowledged`].
    pub fn take_care(
        &self,
        id: u64,
        author: &str,
        note: &str,
    ) -> Result<(Arc<Alarm>, bool), NotAcknowledged> {
        if note.len() > MAX_NOTE {
            return Err(NotAcknowledged::TooLong);
        }
        let at = now();
        let mut inner = self.lock();
        let found = inner.alarms.iter_mut().find(|(_, alarm)| alarm.id == id);
        let Some((key, alarm)) = found else {
            return Err(NotAcknowledged::Unknown(id));
        };
        if let Some(by) = &alarm.acknowledged {
            if by.author == author && by.note == note {
                // Said twice, as by who did not get the answer.
                return Ok((alarm.clone(), false));
            }
            return Err(NotAcknowledged::Already(by.author.clone()));
        }
        let rule = key.0;
        Arc::make_mut(alarm).acknowledged = Some(Acknowledged {
            author: author.to_owned(),
            at,
            note: note.to_owned(),
        });
        let alarm = alarm.clone();
        inner.unwritten = true;
        self.tell(&mut inner, rule, Step::Acknowledged, at, alarm.clone());
        Ok((alarm, true))
    }

    fn tell(&self, inner: &mut Inner, rule: usize, step: Step, at: u64, alarm: Arc<Alarm>) {
        *inner.counts.entry((rule, step)).or_default() += 1;
        let queue = alarm.queue.as_deref().unwrap_or_default();
        let author = alarm.acknowledged.as_ref().map_or("", |by| by.author.as_str());
        match step {
            Step::Raised | Step::Level => tracing::warn!(
                alarm = alarm.name,
                id = alarm.id,
                node = alarm.node,
                queue,
                level = alarm.level,
                "{}",
                alarm.text
            ),
            Step::Acknowledged | Step::Cleared => tracing::info!(
                alarm = alarm.name,
                id = alarm.id,
                node = alarm.node,
                queue,
                author,
                "alarm {}",
                step.label()
            ),
        }
        inner.steps += 1;
        let nth = inner.steps;
        // Nobody may listen.
        let _ = self.news.send(News { nth, step, at, alarm });
    }

    /// Looks at all figures, once a second for ever; meant to be aborted.
    pub async fn run(self: Arc<Board>, shared: Arc<Shared>) {
        let mut ready = shared.store();
        // Before the state is restored there is nothing to look at.
        let _ = ready.wait_for(|store| *store != StoreHealth::Starting).await;
        let mut tick = tokio::time::interval(shared.timings.alarms);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let (board, shared) = (self.clone(), shared.clone());
            // Many rules for many queues take a while.
            let looked = tokio::task::spawn_blocking(move || {
                let now = Moment {
                    wall: now(),
                    steady: board.begun.elapsed().as_micros() as u64,
                };
                board.look(&shared, now)
            });
            match looked.await {
                Ok(true) => self.clone().keep().await,
                Ok(false) => {}
                Err(error) => {
                    tracing::error!(%error, "figures could not be looked at");
                    // Without alarms the daemon is to be started again.
                    return;
                }
            }
        }
    }

    /// Wakes those who watch the read model, for ever; meant to be aborted.
    pub async fn follow(self: Arc<Board>, shared: Arc<Shared>) {
        let mut news = self.news();
        loop {
            match news.recv().await {
                // They look at all that is on.
                Ok(_) | Err(RecvError::Lagged(_)) => shared.alarms_changed(),
                Err(RecvError::Closed) => return,
            }
            if news.is_empty() {
                self.clone().keep().await;
            }
        }
    }

    /// Writes what is on, away from those who wait for nothing.
    async fn keep(self: Arc<Board>) {
        // It says itself what it could not do.
        let _ = tokio::task::spawn_blocking(move || self.write()).await;
    }

    /// Looks at all figures at a moment. Whether there is something to write.
    pub(crate) fn look(&self, shared: &Shared, now: Moment) -> bool {
        let failing = matches!(&*shared.store().borrow(), StoreHealth::Failed(_));
        let (connected, all_known) = {
            let links = shared.links();
            let connected: BTreeMap<String, bool> = links
                .iter()
                .map(|link| (link.node.clone(), link.commands.is_some()))
                .collect();
            // A node says its name when it is first reached: until all have, one that is missing may be one of them.
            (connected, links.iter().all(|link| !link.version.is_empty()))
        };
        {
            let mut inner = self.lock();
            for (node, there) in &connected {
                if *there {
                    inner.away.remove(node);
                } else {
                    inner.away.entry(node.clone()).or_insert(now.steady);
                }
            }
            inner.failing = failing.then_some(inner.failing.unwrap_or(now.steady));
        }
        let waits = |node: &String| !all_known && !connected.contains_key(node);
        for (nth, rule) in self.rules.iter().enumerate() {
            // Rule by rule, and the log is written without the state: nobody who waits for it waits for more than one rule.
            let state = shared.state();
            let mut inner = self.lock();
            let seen = look(&mut inner, nth, &rule.settings, &connected, &state, now);
            drop(state);
            for (key, value) in &seen {
                if let Some(value) = value {
                    self.climb(&mut inner, key, *value, now);
                }
            }
            // What is not there any more, such as a queue that was removed, has no alarm.
            let is_gone = |key: &&Key| !seen.contains_key(*key) && !waits(&key.1);
            let of_rule = (nth, String::new(), String::new())..(nth + 1, String::new(), String::new());
            let ladders = inner.ladders.range(of_rule.clone()).map(|(key, _)| key);
            let left: Vec<Key> = ladders.filter(is_gone).cloned().collect();
            let alarms = inner.alarms.range(of_rule).map(|(key, _)| key);
            let ended: Vec<Key> = alarms.filter(is_gone).cloned().collect();
            for key in &ended {
                self.end(&mut inner, key, now.wall);
            }
            for key in &left {
                inner.ladders.remove(key);
            }
            if let Some(windows) = inner.windows.get_mut(&nth) {
                windows.retain(|(node, queue), _| seen.contains_key(&(nth, node.clone(), queue.clone())));
            }
        }
        self.lock().unwritten
    }

    fn climb(&self, inner: &mut Inner, key: &Key, value: Value, now: Moment) {
        let Some(rule) = self.rules.get(key.0) else { return };
        if !inner.ladders.contains_key(key) {
            inner.ladders.insert(key.clone(), Ladder::default());
        }
        let Some(ladder) = inner.ladders.get_mut(key) else {
            return;
        };
        let level = ladder.look(&rule.steps, value, now.steady);
        let before = inner.alarms.get(key).map_or(0, |alarm| alarm.level);
        if level == before {
            return;
        }
        let Some(threshold) = rule.steps.value(level) else {
            return self.end(inner, key, now.wall);
        };
        let known = match value {
            Value::Known(value) => Some(value),
            Value::Quiet | Value::Unknown => None,
        };
        let text = self.text(rule, key, known, threshold);
        let alarm = match inner.alarms.get(key) {
            Some(alarm) => Alarm {
                level,
                value: known,
                threshold,
                text,
                changed: now.wall,
                // A worse one is another matter.
                acknowledged: alarm.acknowledged.clone().filter(|_| level < before),
                ..(**alarm).clone()
            },
            None if inner.alarms.len() >= MOST => {
                if !std::mem::replace(&mut inner.full, true) {
                    tracing::error!(
                        "{MOST} alarms are on: no other is raised until one ends; are the rules right?"
                    );
                }
                // Looked at again, and raised once there is room.
                inner.ladders.remove(key);
                return;
            }
            None => {
                inner.last += 1;
                let (_, node, queue) = key;
                Alarm {
                    id: inner.last,
                    name: rule.settings.name.clone(),
                    figure: rule.settings.figure,
                    node: node.clone(),
                    queue: (!queue.is_empty()).then(|| queue.clone()),
                    level,
                    value: known,
                    threshold,
                    text,
                    action: rule.settings.action.clone(),
                    raised: now.wall,
                    changed: now.wall,
                    acknowledged: None,
                }
            }
        };
        let alarm = Arc::new(alarm);
        let step = if before == 0 { Step::Raised } else { Step::Level };
        let rule = key.0;
        inner.alarms.insert(key.clone(), alarm.clone());
        inner.unwritten = true;
        self.tell(inner, rule, step, now.wall, alarm);
    }

    fn end(&self, inner: &mut Inner, key: &Key, now: u64) {
        if let Some(alarm) = inner.alarms.remove(key) {
            inner.full = false;
            inner.unwritten = true;
            self.tell(inner, key.0, Step::Cleared, now, alarm);
        }
    }

    fn text(&self, rule: &Rule, (_, node, queue): &Key, value: Option<f64>, threshold: f64) -> String {
        let figure = rule.settings.figure;
        let whose = match (node.as_str(), queue.as_str()) {
            ("", _) => "the event store".to_owned(),
            (node, "") => format!("node {node}"),
            (node, queue) => format!("queue {queue} of node {node}"),
        };
        let value = value.map_or_else(|| "unknown".to_owned(), |value| figure.shown(value));
        let beyond = if rule.settings.below.is_empty() {
            "above"
        } else {
            "below"
        };
        let what = figure.label().replace('_', " ");
        format!("{whose}: {what} is {value}, {beyond} {}", figure.shown(threshold))
    }

    /// Writes what is on, for the next start, if that has changed. Blocks.
    pub(crate) fn write(&self) {
        let Some(file) = &self.file else { return };
        let mut failed = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = {
            let mut inner = self.lock();
            if !std::mem::take(&mut inner.unwritten) {
                return;
            }
            kept::Kept {
                last: inner.last,
                alarms: inner.alarms.values().map(|alarm| (**alarm).clone()).collect(),
            }
        };
        match kept::write(file, &kept) {
            Ok(()) => *failed = false,
            Err(error) => {
                // Tried again each second, said once.
                if !std::mem::replace(&mut *failed, true) {
                    tracing::error!(%error, "alarms that are on, and who takes care of them, would not survive a restart now");
                }
                self.lock().unwritten = true;
            }
        }
    }
}

/// What a rule looks at, and how it is; nothing for what is left as it is.
fn look(
    inner: &mut Inner,
    nth: usize,
    rule: &AlarmSettings,
    connected: &BTreeMap<String, bool>,
    state: &State,
    now: Moment,
) -> BTreeMap<Key, Option<Value>> {
    let figure = rule.figure;
    let length = u64::from(rule.window_minutes) * 60_000_000;
    let least = u64::from(rule.min_calls);
    let since = |since: Option<u64>| {
        Value::Known(since.map_or(0.0, |since| seconds(now.steady.saturating_sub(since))))
    };
    let mut seen = BTreeMap::new();
    if figure == Figure::StoreFailing {
        let key = (nth, String::new(), String::new());
        seen.insert(key, Some(since(inner.failing)));
        return seen;
    }
    for (name, there) in connected {
        let node = state.nodes.get(name);
        let key = |queue: &str| (nth, name.clone(), queue.to_owned());
        if !figure.is_of_queues() {
            let value = match (figure, node) {
                (Figure::NodeAway, _) => since(inner.away.get(name).copied()),
                (_, Some(node)) => {
                    let window = inner.windows.entry(nth).or_default();
                    let window = window.entry((name.clone(), String::new())).or_default();
                    window.figure(figure, Totals::of_node(node), now.steady, length, least)
                }
                (_, None) => Value::Unknown,
            };
            seen.insert(key(""), Some(value));
            continue;
        }
        // One of which nobody has heard since it is away, or yet, has no queues to look at: what was on stays.
        if !there || node.is_none() {
            let on = inner.alarms.keys().filter(|(of, on, _)| *of == nth && on == name);
            seen.extend(on.map(|key| (key.clone(), None)));
        }
        let Some(node) = node else { continue };
        for (queue, view) in &node.queues {
            if !rule.queues.is_empty() && !rule.queues.contains(queue) {
                continue;
            }
            let value = if !there {
                Value::Unknown
            } else if figure.has_window() {
                let window = inner.windows.entry(nth).or_default();
                let window = window.entry((name.clone(), queue.clone())).or_default();
                let totals = Totals::of_queue(node.counts.queues.get(queue));
                window.figure(figure, totals, now.steady, length, least)
            } else {
                at_once(figure, view, now.wall)
            };
            seen.insert(key(queue), Some(value));
        }
    }
    seen
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_micros() as u64)
}

#[cfg(test)]
mod tests;
