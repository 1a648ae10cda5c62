//! The log's side towards the spool's thread: what is to be written, and what need not be kept.

use std::sync::{Arc, PoisonError};
use std::time::Instant;

use hotline_spool::Shelf;
use hotline_wire::frame::{GapReason, PipeInfo, SpoolInfo};

use super::{EventLog, Line, Stored, What, left_until};

/// Most bytes of lines handed over at once, but for a single line.
const BATCH_BYTES: usize = 1 << 20;
/// Most events handed over at once.
const BATCH_EVENTS: usize = 4_096;

/// How far the disk is.
pub(super) struct Disk {
    shelf: Shelf,
    max_bytes: u64,
    /// The last event that is in the files.
    pub(super) written: u64,
    synced: u64,
    /// The last event that a limit took out of the files, and which one did.
    pub(super) dropped: (u64, GapReason),
    /// Why nothing can be written, and in words.
    trouble: Option<(GapReason, String)>,
    /// Why what lies between files and memory was lost.
    pub(super) why_lost: GapReason,
    /// When everybody has stored this there is something to let go.
    lets_go_at: Stored,
    /// Nothing more will come.
    finish: bool,
    /// Something was brought to the disk, or could not be, and the spool's thread does not know yet.
    sync_ended: bool,
}

/// What the spool's thread is to do.
pub(crate) struct Chores {
    /// To be written; nothing while there is nothing new.
    pub(crate) batch: Option<Batch>,
    /// Everybody has stored all up to there.
    pub(crate) stored: Stored,
    /// What was to be brought to the disk last has been, or could not be.
    pub(crate) synced: bool,
    /// Nothing will come after what is to be written now.
    pub(crate) finish: bool,
}

/// What follows in the spool.
pub(crate) struct Batch {
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) items: Vec<BatchItem>,
}

pub(crate) enum BatchItem {
    Event(u64, Line),
    Gap(u64, u64, GapReason),
}

impl Disk {
    pub(super) fn lets_go(&self, stored: Stored) -> bool {
        stored >= self.lets_go_at
    }

    /// Events are lost now, and why.
    pub(super) fn loses(&mut self) -> GapReason {
        self.why_lost = self
            .trouble
            .as_ref()
            .map_or(GapReason::DiskFailed, |(reason, _)| *reason);
        self.why_lost
    }
}

impl EventLog {
    /// There is a spool from now on, which nothing is in of this boot.
    pub(crate) fn attach(&self, shelf: Shelf, max_bytes: u64) {
        self.lock().disk = Some(Disk {
            shelf,
            max_bytes,
            written: 0,
            synced: 0,
            dropped: (0, GapReason::SpoolFull),
            trouble: None,
            why_lost: GapReason::DiskFailed,
            // The boots of before go when something of this one is stored.
            lets_go_at: (1, 0),
            finish: false,
            sync_ended: false,
        });
    }

    /// Waits until there is something to write, if `write` says that it can be, or to let go, or something was brought to the disk, or
    /// until `deadline`.
    pub(crate) fn chores(&self, write: bool, deadline: Option<Instant>) -> Chores {
        let mut state = self.lock();
        loop {
            let stored = state.clients.all_stored();
            let newest = state.newest();
            let Some(disk) = &mut state.disk else {
                return Chores {
                    batch: None,
                    stored,
                    synced: false,
                    finish: true,
                };
            };
            let synced = std::mem::take(&mut disk.sync_ended);
            let finish = disk.finish;
            let batch = disk.written < newest && (write || finish);
            let late = deadline.is_some_and(|deadline| left_until(deadline).is_none());
            if batch || finish || synced || late || disk.lets_go(stored) {
                return Chores {
                    batch: batch.then(|| state.batch(self.boot)),
                    stored,
                    synced,
                    finish,
                };
            }
            state = match deadline.and_then(left_until) {
                None => self.news.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(left) => {
                    let waited = self.news.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// All up to `last` is in the files. Returns whether that ends a trouble.
    pub(crate) fn written(&self, last: u64) -> bool {
        let mut state = self.lock();
        let Some(disk) = &mut state.disk else { return false };
        disk.written = last;
        disk.trouble.take().is_some()
    }

    /// Nothing can be written. Returns whether that is news.
    pub(crate) fn trouble(&self, reason: GapReason, words: String) -> bool {
        let mut state = self.lock();
        let Some(disk) = &mut state.disk else { return false };
        disk.trouble.replace((reason, words)).is_none()
    }

    /// A power cut would spare all up to `seq`, or nothing more than before; the spool's thread may have more brought to the disk.
    pub(crate) fn synced(&self, seq: Option<u64>) {
        if let Some(disk) = &mut self.lock().disk {
            disk.synced = disk.synced.max(seq.unwrap_or_default());
            disk.sync_ended = true;
        }
        self.news.notify_all();
    }

    /// The spool's thread has let go what it could, and is to be woken when everybody has stored this.
    pub(crate) fn lets_go_at(&self, at: Stored) {
        if let Some(disk) = &mut self.lock().disk {
            disk.lets_go_at = at;
        }
    }

    /// A limit of the spool took events away that somebody had not stored. Those that memory has as well are not lost yet. Returns
    /// how many are.
    pub(crate) fn dropped(&self, present: bool, first: u64, last: u64, reason: GapReason) -> u64 {
        let mut state = self.lock();
        let mut lost = last;
        if present {
            lost = last.min(state.oldest - 1);
            if let Some(disk) = &mut state.disk {
                disk.dropped = (last, reason);
            }
        }
        let count = (lost + 1).saturating_sub(first);
        if count > 0 {
            *state.lost.entry(reason).or_default() += count;
        }
        count
    }

    /// Nothing more will come: the spool's thread writes what there is, and ends.
    pub(crate) fn finish(&self) {
        if let Some(disk) = &mut self.lock().disk {
            disk.finish = true;
        }
        self.news.notify_all();
    }

    /// The oldest event that anybody can have, and the newest.
    pub(crate) fn range_held(&self) -> (u64, u64) {
        let (oldest, newest, shelf) = {
            let state = self.lock();
            let shelf = state.disk.as_ref().map(|disk| disk.shelf.clone());
            (state.oldest, state.newest(), shelf)
        };
        let on_disk = shelf.and_then(|shelf| shelf.boots().pop());
        let on_disk = on_disk.filter(|boot| boot.newest > 0);
        (on_disk.map_or(oldest, |boot| boot.oldest.min(oldest)), newest)
    }

    /// How the events fare; the journal is not known here.
    pub(crate) fn info(&self) -> PipeInfo {
        let (mut info, shelf) = {
            let state = self.lock();
            let spool = state.disk.as_ref().map(|disk| SpoolInfo {
                bytes: 0,
                max_bytes: disk.max_bytes,
                earlier: 0,
                written: disk.written,
                synced: disk.synced.max(state.acknowledged(self.boot)),
                trouble: disk
                    .trouble
                    .as_ref()
                    .map_or_else(String::new, |(_, words)| words.clone()),
            });
            let info = PipeInfo {
                spool,
                newest: state.newest(),
                acknowledged: state.acknowledged(self.boot),
                memory: state.items.len() as u64,
                lost: state.lost.clone(),
                journal_bytes: 0,
            };
            (info, state.disk.as_ref().map(|disk| disk.shelf.clone()))
        };
        // One lock after the other.
        if let (Some(spool), Some(shelf)) = (&mut info.spool, shelf) {
            spool.bytes = shelf.bytes();
            spool.earlier = shelf.boots().len().saturating_sub(1) as u64;
        }
        info
    }
}

impl super::State {
    /// What follows what was written: what is missing as a gap, then events from memory.
    fn batch(&self, boot: u64) -> Batch {
        let first = self.disk.as_ref().map_or(0, |disk| disk.written) + 1;
        let (mut items, mut next, mut bytes) = (Vec::new(), first, 0);
        while next < self.oldest {
            let (last, reason) = self.missing(next, boot);
            items.push(BatchItem::Gap(next, last, reason));
            next = last + 1;
        }
        if next <= self.newest() {
            for item in self.items.range(self.place(next)..).take(BATCH_EVENTS) {
                match &item.what {
                    What::Event(line) => {
                        bytes += line.len();
                        if bytes > BATCH_BYTES && !items.is_empty() {
                            break;
                        }
                        items.push(BatchItem::Event(item.last, Arc::clone(line)));
                    }
                    What::Lost(reason) => items.push(BatchItem::Gap(next, item.last, *reason)),
                }
                next = item.last + 1;
            }
        }
        Batch {
            first,
            last: next - 1,
            items,
        }
    }
}
