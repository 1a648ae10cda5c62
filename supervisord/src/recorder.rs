//! The one thread that stores what nodes tell, then applies it to the state.
//!
//! In this order, so that nothing is ever shown, or acknowledged to a node, that a restart would not restore. While
//! the store fails, the batch at hand is tried again and again; the links drop what they read meanwhile, and fetch
//! it from their nodes when the store is back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc as sync;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hotline_wire::Event;
use tokio::sync::{mpsc, oneshot};

use crate::audit;
use crate::metrics::OwnMetrics;
use crate::settings::StoreSettings;
use crate::shared::{Shared, StoreHealth};
use crate::state::{Applied, Body, Changes, Node, Record};
use crate::store::{Bounds, EventStore, GapRow, Maintain, Maintained, Mark, Note, StoreError, StoredEvent};

/// Records between links and recorder.
pub const CHANNEL: usize = 16_384;
/// Records stored in one transaction at most.
pub const BATCH: usize = 4_000;
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_LAST: Duration = Duration::from_secs(5);
const PRUNE_CHUNK: u32 = 10_000;

/// Has what is too old removed each time so long has passed, the first time soon: who starts the daemon often keeps nothing longer.
pub async fn retention(to: mpsc::WeakSender<ToRecorder>, every: Duration) {
    let mut times = tokio::time::interval_at(tokio::time::Instant::now() + every / 12, every);
    loop {
        times.tick().await;
        let Some(to) = to.upgrade() else { return };
        if to.send(ToRecorder::Retention).await.is_err() {
            return;
        }
    }
}

/// Opens the store; called again until it succeeds.
pub type Opener = Box<dyn FnMut() -> Result<Box<dyn EventStore>, StoreError> + Send>;

/// What the recorder is told.
#[derive(Debug)]
pub enum ToRecorder {
    /// What a node told.
    Record(Record),
    /// What somebody wants done to the store.
    Order(Order),
    /// It is time to remove what is too old.
    Retention,
    /// What somebody did that no node tells of, for the audit record.
    Note(Note),
}

impl From<Record> for ToRecorder {
    fn from(record: Record) -> ToRecorder {
        ToRecorder::Record(record)
    }
}

/// What somebody wants done to the store.
#[derive(Debug)]
pub struct Order {
    /// What.
    pub what: Maintain,
    /// Who, for the audit record.
    pub author: String,
    /// Where the answer goes.
    pub answer: oneshot::Sender<Result<Maintained, StoreError>>,
}

/// See the module.
pub struct Recorder {
    /// Where the state lives.
    pub shared: Arc<Shared>,
    /// Figures of its own.
    pub own: OwnMetrics,
    /// How to open the store.
    pub open: Opener,
    /// How long to keep events, and how often to take a checkpoint.
    pub settings: StoreSettings,
    /// What the links read, and orders. When all links are gone, the recorder takes a last checkpoint and ends.
    pub records: mpsc::Receiver<ToRecorder>,
    /// Says, by a message or by being dropped, not to wait for a store that fails.
    pub stop: sync::Receiver<()>,
}

/// The daemon ends while the store fails.
struct Stopped;

impl Recorder {
    /// Runs until the links are gone. Blocks: give it a thread.
    pub fn run(mut self) {
        let Ok(store) = self.restore() else { return };
        let mut run = Running {
            store,
            since_checkpoint: 0,
            retention_due: false,
            recorder: self,
        };
        if run.work().is_err() {
            tracing::warn!("ending while the store fails: nodes keep the events that are not stored");
        }
    }

    fn restore(&mut self) -> Result<Box<dyn EventStore>, Stopped> {
        let open = &mut self.open;
        let (store, state) = retry(&self.shared, &self.own, &self.stop, || {
            let mut store = open()?;
            let state = store.recover()?;
            Ok((store, state))
        })?;
        *self.shared.state_mut() = state;
        self.shared.publish(Changes {
            all: true,
            ..Changes::default()
        });
        self.own.store_ok.set(1);
        self.shared.set_store(StoreHealth::Ok);
        Ok(store)
    }
}

struct Running {
    recorder: Recorder,
    store: Box<dyn EventStore>,
    since_checkpoint: u64,
    /// There may be something that is too old.
    retention_due: bool,
}

impl Running {
    fn work(&mut self) -> Result<(), Stopped> {
        let mut batch = Vec::with_capacity(BATCH);
        while let Some(first) = self.recorder.records.blocking_recv() {
            let mut next = Some(first);
            let mut order = None;
            let mut due = false;
            let mut notes = Vec::new();
            while let Some(told) = next.take() {
                match told {
                    ToRecorder::Record(record) => batch.push(record),
                    ToRecorder::Order(wanted) => {
                        order = Some(wanted);
                        break;
                    }
                    ToRecorder::Retention => due = true,
                    ToRecorder::Note(note) => notes.push(note),
                }
                if batch.len() + notes.len() < BATCH {
                    next = self.recorder.records.try_recv().ok();
                }
            }
            self.record(&batch)?;
            batch.clear();
            if !notes.is_empty() {
                self.stored(|store| store.note(&notes))?;
            }
            if let Some(Order { what, author, answer }) = order {
                // Who asked may be gone, and it is done all the same.
                let _ = answer.send(self.store.maintain(&what, &author, now()));
            }
            // What came after a checkpoint could not be removed, and where few call the next one is weeks away.
            if due || self.since_checkpoint >= self.recorder.settings.checkpoint_every {
                self.checkpoint()?;
            }
            self.retention_due |= due;
            self.prune();
        }
        self.checkpoint()
    }

    /// Removes what is too old: a part of it while events wait, and the next part behind them; otherwise all.
    fn prune(&mut self) {
        let bounds = Bounds::of(&self.recorder.settings, now());
        while self.retention_due && !self.recorder.records.is_closed() {
            match self.store.prune(&bounds, PRUNE_CHUNK) {
                Ok(removed) => self.retention_due = removed >= PRUNE_CHUNK as usize,
                Err(error) => {
                    tracing::warn!(%error, "old events were not removed");
                    self.retention_due = false;
                }
            }
            if !self.recorder.records.is_empty() {
                break;
            }
        }
    }

    /// Stores and applies a batch: events in runs, all else one by one.
    fn record(&mut self, batch: &[Record]) -> Result<(), Stopped> {
        let mut run: Vec<&Record> = Vec::new();
        let mut next: BTreeMap<&str, u64> = BTreeMap::new();
        for record in batch {
            let Body::Event(frame) = &record.body else {
                self.events(&run)?;
                run.clear();
                next.clear();
                self.barrier(record)?;
                continue;
            };
            let expected = match next.get(record.node.as_str()) {
                Some(seq) => *seq,
                None => {
                    let state = self.recorder.shared.state();
                    match state.nodes.get(&record.node) {
                        Some(node) if node.boot == record.boot => node.seq + 1,
                        _ => continue,
                    }
                }
            };
            if frame.seq == expected {
                next.insert(&record.node, expected + 1);
                run.push(record);
            } else if frame.seq > expected {
                // A link was behind while the store failed; it resumes from what is stored.
                tracing::debug!(
                    node = record.node,
                    seq = frame.seq,
                    expected,
                    "passed over an event ahead of its turn"
                );
            }
        }
        self.events(&run)
    }

    fn events(&mut self, run: &[&Record]) -> Result<(), Stopped> {
        let mut events: Vec<StoredEvent<'_>> = run
            .iter()
            .filter_map(|record| match &record.body {
                Body::Event(frame) => Some(StoredEvent::of(&record.node, &record.boot, frame)),
                _ => None,
            })
            .collect();
        if events.is_empty() {
            return Ok(());
        }
        // Against the state as it is before them, which only this thread changes.
        let told = audit::tell(&self.recorder.shared.state(), &mut events);
        self.stored(|_| {
            told.as_ref()
                .map_err(|error| StoreError::Failed {
                    path: "for the audit record".to_owned(),
                    cause: error.to_string(),
                })
                .copied()
        })?;
        self.stored(|store| store.commit(&events))?;
        self.since_checkpoint += events.len() as u64;

        let mut changes = Changes::default();
        let mut state = self.recorder.shared.state_mut();
        for record in run {
            state.apply(record, &mut changes);
        }
        drop(state);
        self.recorder.shared.publish(changes);
        let mut last: BTreeMap<&str, u64> = BTreeMap::new();
        for event in &events {
            last.insert(event.node, event.frame.at);
            if let Event::Fault { what } = &event.frame.event {
                tracing::error!(
                    node = event.node,
                    what,
                    "the node met a defect of its own; please report it"
                );
            }
        }
        for (node, at) in last {
            self.recorder
                .own
                .event_lag
                .with_label_values(&[node])
                .set(age(at));
        }
        Ok(())
    }

    /// A boot, its end, a gap or a snapshot: not in the table of events, so the state that holds it is stored at once.
    fn barrier(&mut self, record: &Record) -> Result<(), Stopped> {
        let (mut next, gaps) = {
            let state = self.recorder.shared.state();
            match state.judge(record) {
                Applied::New => (state.clone(), gap_rows(record, state.nodes.get(&record.node))),
                Applied::OutOfOrder if matches!(record.body, Body::Boot { .. }) => {
                    tracing::warn!(
                        node = record.node,
                        boot = record.boot,
                        "a boot that was over is told again, and passed over; do two nodes share a name, or was a state restored?"
                    );
                    return Ok(());
                }
                Applied::Duplicate | Applied::OutOfOrder => return Ok(()),
            }
        };
        let mut changes = Changes::default();
        next.apply(record, &mut changes);
        for gap in &gaps {
            tracing::warn!(
                node = gap.node,
                first = gap.first,
                last = gap.last,
                reason = gap.reason,
                "events were lost"
            );
        }
        let mark = Mark { record, gaps: &gaps };
        self.stored(|store| store.checkpoint(&next, Some(&mark)))?;
        self.since_checkpoint = 0;
        *self.recorder.shared.state_mut() = next;
        self.recorder.shared.publish(changes);
        Ok(())
    }

    fn checkpoint(&mut self) -> Result<(), Stopped> {
        if self.since_checkpoint > 0 {
            // A copy, so that readers do not wait for the disk.
            let state = self.recorder.shared.state().clone();
            self.stored(|store| store.checkpoint(&state, None))?;
            self.since_checkpoint = 0;
        }
        Ok(())
    }

    fn stored(
        &mut self,
        mut write: impl FnMut(&mut dyn EventStore) -> Result<(), StoreError>,
    ) -> Result<(), Stopped> {
        let Running { recorder, store, .. } = self;
        retry(&recorder.shared, &recorder.own, &recorder.stop, || {
            let begun = Instant::now();
            let mut written = write(store.as_mut());
            if matches!(written, Err(StoreError::Full { .. }))
                && store.prune(&Bounds::of(&recorder.settings, now()), PRUNE_CHUNK)? > 0
            {
                written = write(store.as_mut());
            }
            written.inspect(|()| recorder.own.store_commit.observe(begun.elapsed().as_secs_f64()))
        })
    }
}

/// Does it until it succeeds, saying meanwhile that the store fails.
fn retry<T>(
    shared: &Shared,
    own: &OwnMetrics,
    stop: &sync::Receiver<()>,
    mut work: impl FnMut() -> Result<T, StoreError>,
) -> Result<T, Stopped> {
    let mut pause = RETRY_FIRST;
    let mut last = String::new();
    loop {
        match work() {
            Ok(value) => {
                if !last.is_empty() {
                    tracing::info!("the event store works again");
                    own.store_ok.set(1);
                    shared.set_store(StoreHealth::Ok);
                }
                return Ok(value);
            }
            Err(error) => {
                let error = error.to_string();
                if error != last {
                    tracing::error!("{error}; trying again until it works, nodes keep their events");
                    own.store_ok.set(0);
                    shared.set_store(StoreHealth::Failed(error.clone()));
                    last = error;
                }
            }
        }
        match stop.recv_timeout(pause) {
            Err(sync::RecvTimeoutError::Timeout) => pause = (pause * 2).min(RETRY_LAST),
            Ok(()) | Err(sync::RecvTimeoutError::Disconnected) => return Err(Stopped),
        }
    }
}

/// What is missing before a record. A row whose last event is before its first one stands for what nobody knows: whether, and how
/// much, followed the last event of a boot that ended in disorder, or what boots did of which nothing was ever told.
fn gap_rows(record: &Record, node: Option<&Node>) -> Vec<GapRow> {
    let before = node.map_or(0, |node| node.seq);
    let row = |boot: &str, first, last, reason: &str, at| GapRow {
        node: record.node.clone(),
        boot: boot.to_owned(),
        first,
        last,
        reason: reason.to_owned(),
        at,
    };
    let known = |last: u64, reason: &str, at| {
        let lost = (last > before).then(|| row(&record.boot, before + 1, last, reason, at));
        lost.into_iter().collect()
    };
    match &record.body {
        Body::Gap(gap) => known(gap.last, gap.reason.label(), now()),
        Body::Snapshot(snapshot) => known(snapshot.seq, "snapshot", snapshot.at),
        Body::Boot { number, .. } => {
            let unfinished = node.filter(|node| node.ended != Some(true)).map(|node| {
                let reason = if node.ended.is_some() { "killed" } else { "boot" };
                row(&node.boot, before + 1, before, reason, now())
            });
            let skipped = node.filter(|node| node.skips(*number) > 0);
            let skipped = skipped.map(|_| row(&record.boot, 1, 0, "boots", now()));
            unfinished.into_iter().chain(skipped).collect()
        }
        Body::End { .. } | Body::Event(_) => Vec::new(),
    }
}

/// Microseconds since the Unix epoch.
pub(crate) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_micros() as u64)
}

/// Seconds since then; 0 if it lies ahead.
fn age(at: u64) -> f64 {
    now().saturating_sub(at) as f64 / 1e6
}
