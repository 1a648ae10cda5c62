//! The spool's threads. One follows the event log and writes what it finds there, as fast as the disk takes it; another brings that
//! to the disk now and then, which may take long, and the first goes on meanwhile. Nobody waits for either: a slow or full disk
//! costs memory, up to a ceiling.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use hotline_spool::record::Record;
use hotline_spool::{Opened, Spool, Unsynced};
use hotline_wire::PROTOCOL;
use hotline_wire::frame::GapReason;

use crate::log::{Batch, BatchItem, EventLog, Stored};
use crate::pbx::{Level, Pbx};
use crate::settings::SpoolSettings;
use crate::spawn;

/// A disk that failed is tried again after so long, at first and at most.
const RETRY: Duration = Duration::from_millis(250);
const RETRY_LAST: Duration = Duration::from_secs(5);
/// How often is looked for what is too old.
const AGE_EVERY: Duration = Duration::from_secs(3_600);

/// Opens `DIRECTORY/NODE.spool` for a boot; says what is strange there. `None` if that cannot be done, which is said, too: the
/// calls go on, and events are kept in memory alone.
pub(crate) fn open(settings: &SpoolSettings, node: &str, boot: &str, pbx: &dyn Pbx) -> Option<Spool> {
    let folder = settings.directory.join(format!("{node}.spool"));
    match Spool::open(&folder, boot, u64::from(PROTOCOL), settings.limits()) {
        Ok(opened) => {
            say_found(&folder, &opened, pbx);
            Some(opened.spool)
        }
        Err(error) => {
            pbx.log(
                Level::Error,
                &format!(
                    "EVENTS ARE KEPT IN MEMORY ONLY, and lost with the PBX until a supervisor has stored them: the spool \
                     cannot be used ({error}); put that right and load the module anew"
                ),
            );
            None
        }
    }
}

fn say_found(folder: &Path, opened: &Opened, pbx: &dyn Pbx) {
    if !opened.strange.is_empty() {
        let names: Vec<String> = opened
            .strange
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        let message = format!(
            "what is no part of a spool, or cannot be read, was left alone: {}",
            names.join(", ")
        );
        pbx.log(Level::Warning, &message);
    }
    if !opened.given_up.is_empty() {
        let message = format!(
            "events are lost: {} had more starts than a spool holds; these went unread: {}",
            folder.display(),
            opened.given_up.join(", ")
        );
        pbx.log(Level::Error, &message);
    }
    let shelf = opened.spool.shelf();
    let held = shelf.boots().len() - 1;
    if held > 0 {
        let message = format!(
            "the spool {} holds events of {held} earlier starts, {} bytes, for a supervisor to store",
            folder.display(),
            shelf.bytes()
        );
        pbx.log(Level::Notice, &message);
    }
}

/// The running threads. Joined at the latest when this is dropped: none may outlive the module.
pub(crate) struct Spooler {
    log: Arc<EventLog>,
    writer: Option<JoinHandle<()>>,
}

impl Spooler {
    /// Begins to write what the log has.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub(crate) fn start(
        spool: Spool,
        settings: &SpoolSettings,
        log: Arc<EventLog>,
        pbx: Arc<dyn Pbx>,
    ) -> std::io::Result<Spooler> {
        log.attach(spool.shelf(), settings.limits().bytes);
        let (sender, unsynced) = channel();
        let syncer = Syncer {
            log: Arc::clone(&log),
            pbx: Arc::clone(&pbx),
        };
        let syncer = spawn("hotline-sync", move || syncer.run(&unsynced))?;
        let writer = Writer {
            spool,
            log: Arc::clone(&log),
            pbx,
            sync_every: settings.sync_every,
            syncer: Some(sender),
            unsynced_since: None,
            syncing: false,
            written: 0,
            stored: (0, 0),
            retry: None,
            dropping: false,
        };
        let writer = spawn("hotline-spool", move || {
            writer.run();
            // Its sender is gone with the writer.
            let _ = syncer.join();
        })?;
        Ok(Spooler {
            log,
            writer: Some(writer),
        })
    }

    /// Has all that is in the log written, and ends the threads. Nothing may come into the log any more.
    pub(crate) fn stop(&mut self) {
        self.log.finish();
        if let Some(writer) = self.writer.take() {
            // It panicked, then, and the PBX's log has it.
            let _ = writer.join();
        }
    }
}

impl Drop for Spooler {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Writer {
    spool: Spool,
    log: Arc<EventLog>,
    pbx: Arc<dyn Pbx>,
    sync_every: Duration,
    syncer: Option<Sender<(Unsynced, u64)>>,
    /// The oldest of what was not brought to the disk yet was written then.
    unsynced_since: Option<Instant>,
    /// The other thread is at it.
    syncing: bool,
    written: u64,
    /// What everybody has stored.
    stored: Stored,
    /// When the disk is tried again, and how long to wait if it fails once more.
    retry: Option<(Instant, Duration)>,
    /// The limits take events away that somebody has not stored, and that was said.
    dropping: bool,
}

impl Writer {
    fn run(mut self) {
        let mut look_for_old = Instant::now();
        loop {
            let now = Instant::now();
            if now >= look_for_old {
                self.spool.keep_to_age(SystemTime::now());
                self.say_dropped();
                look_for_old = now + AGE_EVERY;
            }
            let may_write = self.retry.is_none_or(|(at, _)| now >= at);
            let to_sync = self.unsynced_since.filter(|_| !self.syncing);
            let to_sync = to_sync.map(|since| since + self.sync_every);
            let retry = self.retry.map(|(at, _)| at);
            let deadline = [Some(look_for_old), to_sync, retry].into_iter().flatten().min();
            let chores = self.log.chores(may_write, deadline);
            self.syncing &= !chores.synced;
            if self.stored != chores.stored {
                self.stored = chores.stored;
                self.dropping = false;
                if let Some((at, _)) = &mut self.retry {
                    // There may be room now.
                    *at = now;
                }
            }
            let wrote = chores.batch.as_ref().is_some_and(|batch| self.write(batch));
            let (boot, seq) = self.stored;
            let next = self.spool.stored(boot, seq, self.retry.is_some());
            self.log.lets_go_at(next.unwrap_or((u64::MAX, 0)));
            self.say_dropped();
            self.bring_to_disk();
            if chores.finish && !wrote {
                return self.finish();
            }
        }
    }

    /// Returns whether that succeeded.
    fn write(&mut self, batch: &Batch) -> bool {
        let records = batch.items.iter().map(|item| match item {
            BatchItem::Event(seq, line) => Record::Event { seq: *seq, line },
            BatchItem::Gap(first, last, reason) => Record::Gap {
                first: *first,
                last: *last,
                reason: reason.label(),
            },
        });
        if let Err(error) = self.spool.append(batch.first, batch.last, records) {
            let full = matches!(
                error.kind(),
                std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded
            );
            let reason = if full {
                GapReason::DiskFull
            } else {
                GapReason::DiskFailed
            };
            let wait = self.retry.map_or(RETRY, |(_, wait)| (wait * 2).min(RETRY_LAST));
            self.retry = Some((Instant::now() + wait, wait));
            if self.log.trouble(reason, error.to_string()) {
                self.pbx.log(
                    Level::Error,
                    &format!(
                        "the spool cannot be written: {error}; events are kept in memory up to [control] max_events, and \
                         writing is tried again until it works: free disk space, or see what is wrong with the disk"
                    ),
                );
            }
            return false;
        }
        self.retry = None;
        self.written = batch.last;
        self.unsynced_since.get_or_insert_with(Instant::now);
        if self.log.written(batch.last) {
            let lost: u64 = batch.items.iter().map(BatchItem::missing).sum();
            let message = match lost {
                0 => "the spool can be written again; no event was lost".to_owned(),
                lost => format!("the spool can be written again; {lost} events were lost meanwhile"),
            };
            self.pbx.log(Level::Notice, &message);
        }
        true
    }

    /// Has what was written brought to the disk if it is time, unless everybody who stores events has done that already.
    fn bring_to_disk(&mut self) {
        let due = self
            .unsynced_since
            .is_some_and(|since| since.elapsed() >= self.sync_every);
        if self.syncing || !due {
            return;
        }
        self.unsynced_since = None;
        let unsynced = self.spool.take_unsynced();
        if self.stored >= (self.log.boot(), self.written) {
            return;
        }
        if let (Some(syncer), Some(unsynced)) = (&self.syncer, unsynced) {
            // It ends after this thread.
            self.syncing = syncer.send((unsynced, self.written)).is_ok();
        }
    }

    fn say_dropped(&mut self) {
        let dropped = self.spool.take_dropped();
        let mut lost = 0;
        for part in &dropped {
            let reason = of_label(part.reason);
            lost += self.log.dropped(part.present, part.first, part.last, reason);
        }
        let Some(first) = dropped.first().filter(|_| lost > 0) else {
            return;
        };
        if !std::mem::replace(&mut self.dropping, true) {
            let why = match of_label(first.reason) {
                GapReason::TooOld => "they are older than [spool] max_days",
                _ => "the spool has reached [spool] max_mib",
            };
            self.pbx.log(
                Level::Error,
                &format!(
                    "events that no supervisor has stored are dropped, the oldest first, from {} of {} on: {why}; is \
                     hotline-supervisord running?",
                    first.first, first.boot
                ),
            );
        }
    }

    fn finish(mut self) {
        let unwritten = self.log.range().1.saturating_sub(self.written);
        let finished = if unwritten == 0 {
            self.spool.finish()
        } else {
            Ok(())
        };
        if unwritten > 0 {
            let message = format!(
                "{unwritten} events are lost if no supervisor has stored them: the spool cannot be written"
            );
            self.pbx.log(Level::Error, &message);
        } else if let Err(error) = finished {
            let message = format!("the spool has no proper end, and tells of a killed PBX: {error}");
            self.pbx.log(Level::Warning, &message);
        }
        self.syncer = None;
    }
}

impl BatchItem {
    /// How many events are lost in it.
    fn missing(&self) -> u64 {
        match self {
            BatchItem::Event(..) | BatchItem::Gap(_, _, GapReason::Acknowledged) => 0,
            BatchItem::Gap(first, last, _) => last + 1 - first,
        }
    }
}

/// The reason that a spool's file names.
pub(crate) fn of_label(label: &str) -> GapReason {
    let known = GapReason::ALL.iter().find(|reason| reason.label() == label);
    *known.unwrap_or(&GapReason::Damaged)
}

struct Syncer {
    log: Arc<EventLog>,
    pbx: Arc<dyn Pbx>,
}

impl Syncer {
    fn run(self, unsynced: &Receiver<(Unsynced, u64)>) {
        let mut failing = false;
        for (files, seq) in unsynced {
            let failed = files.sync().err();
            if let Some(error) = failed.as_ref().filter(|_| !failing) {
                self.pbx.log(
                    Level::Error,
                    &format!("a power cut may cost events that no supervisor has stored: the spool cannot be brought to the disk: {error}"),
                );
            }
            failing = failed.is_some();
            self.log.synced(Some(seq).filter(|_| !failing));
        }
    }
}
