//! The event log: the newest events as lines, kept until every durable client has stored them, or the disk has them and memory
//! has no room for more; and the place where the clients' writers, and the one of the spool, sleep.

mod clients;
mod disk;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hotline_wire::frame::GapReason;

use self::clients::Clients;
pub(crate) use self::clients::{ClientId, Stored};
use self::disk::Disk;
pub(crate) use self::disk::{Batch, BatchItem};

/// Acknowledged events that are kept all the same, so that clients that only look don't meet gaps.
const TAIL: usize = 4_096;
/// Most lines handed to a writer at once.
const BATCH: usize = 512;

/// A line to send, newline included.
pub(crate) type Line = Arc<[u8]>;

pub(crate) struct EventLog {
    state: Mutex<State>,
    news: Condvar,
    max: usize,
    /// The number of this boot in the spool.
    boot: u64,
}

#[derive(Default)]
struct State {
    /// Contiguous from `oldest` on.
    items: VecDeque<Item>,
    /// The first event held; one past the newest when none is.
    oldest: u64,
    clients: Clients,
    /// Absent without a spool.
    disk: Option<Disk>,
    /// Events lost to who had not stored them.
    lost: BTreeMap<GapReason, u64>,
    stopped: bool,
}

/// An event, or events that never came.
struct Item {
    last: u64,
    what: What,
}

enum What {
    Event(Line),
    Lost(GapReason),
}

/// What a writer does next.
pub(crate) enum Next {
    /// Send these; the next event to ask for is given.
    Send(Vec<Line>, u64),
    /// Events from the asked one to this one are gone.
    Gap {
        /// Last lost event.
        last: u64,
        reason: GapReason,
    },
    /// The asked one is in the spool.
    Disk,
    /// Nothing came for a while.
    Idle,
    /// The node goes down, or the client was dropped.
    Stop,
}

impl EventLog {
    /// Of boot number `boot`, which is 1 without a spool; with at most so many events in memory.
    pub(crate) fn new(max: usize, boot: u64) -> EventLog {
        EventLog {
            state: Mutex::new(State {
                oldest: 1,
                ..State::default()
            }),
            news: Condvar::new(),
            max,
            boot,
        }
    }

    /// The number of this boot in the spool.
    pub(crate) fn boot(&self) -> u64 {
        self.boot
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change below is complete before anything that could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds event `seq`, the one after the newest. Returns whether events were lost to who has not stored them, since memory has
    /// no room and no disk has them.
    pub(crate) fn append(&self, seq: u64, line: Line) -> bool {
        self.skip_to(seq);
        let mut state = self.lock();
        state.items.push_back(Item {
            last: seq,
            what: What::Event(line),
        });
        let excess = state.items.len().saturating_sub(self.max);
        let lost = excess > 0 && state.lose(excess, self.boot);
        let forgotten = state.forget(excess);
        drop(state);
        drop(forgotten);
        self.news.notify_all();
        lost
    }

    /// The next event will be `seq`. If that is a jump, those between never came, and every client meets a gap.
    pub(crate) fn skip_to(&self, seq: u64) {
        let mut state = self.lock();
        let newest = state.newest();
        if seq <= newest + 1 {
            return;
        }
        let reason = GapReason::Overflow;
        state.items.push_back(Item {
            last: seq - 1,
            what: What::Lost(reason),
        });
        *state.lost.entry(reason).or_default() += seq - 1 - newest;
        drop(state);
        self.news.notify_all();
    }

    /// A durable client has stored everything up to there.
    pub(crate) fn stored(&self, client: &str, stored: Stored) {
        let mut state = self.lock();
        let most = state.newest();
        state.clients.stored(client, stored.min((self.boot, most)));
        let held = most.saturating_sub(state.acknowledged(self.boot)) as usize;
        let excess = state.items.len().saturating_sub(held.max(TAIL));
        let forgotten = state.forget(excess);
        let let_go = state
            .disk
            .as_ref()
            .is_some_and(|disk| disk.lets_go(state.clients.all_stored()));
        drop(state);
        // Many of them, perhaps: nobody waits for the lock meanwhile.
        drop(forgotten);
        if let_go {
            self.news.notify_all();
        }
    }

    /// Oldest and newest event in memory.
    pub(crate) fn range(&self) -> (u64, u64) {
        let state = self.lock();
        (state.oldest, state.newest())
    }

    /// A client came; `durable` is its name if events are to be kept for it, with what it has stored. Also returns a durable client
    /// that was given up for it, as there are too many.
    pub(crate) fn enter(&self, durable: Option<(&str, Stored)>) -> (ClientId, Option<String>) {
        let entered = self.lock().clients.enter(durable.map(|(name, _)| name));
        if let Some((name, stored)) = durable {
            self.stored(name, stored);
        }
        entered
    }

    /// A client went; its writer stops.
    pub(crate) fn leave(&self, client: ClientId) {
        self.lock().clients.leave(client);
        self.news.notify_all();
    }

    /// Queues a line for one client only; dropped if it has gone. A client that lets too many wait is dropped.
    pub(crate) fn reply(&self, client: ClientId, line: Line) {
        self.lock().clients.reply(client, line);
        self.news.notify_all();
    }

    /// Wakes everybody for good.
    pub(crate) fn stop(&self) {
        self.lock().stopped = true;
        self.news.notify_all();
    }

    /// The lines for this client only, without waiting for any; `None` if its writer is to stop.
    pub(crate) fn replies(&self, client: ClientId) -> Option<Vec<Line>> {
        let mut state = self.lock();
        if state.stopped {
            return None;
        }
        state.clients.take_replies(client)
    }

    /// Waits until there is something for a client whose next event is `next`, until `deadline` at the longest. Gives no event
    /// after `last`.
    pub(crate) fn next(&self, client: ClientId, next: u64, last: Option<u64>, deadline: Instant) -> Next {
        let mut state = self.lock();
        loop {
            if state.stopped {
                return Next::Stop;
            }
            match state.clients.take_replies(client) {
                None => return Next::Stop,
                Some(replies) if !replies.is_empty() => return Next::Send(replies, next),
                Some(_) => {}
            }
            if next < state.oldest {
                if state.disk.as_ref().is_some_and(|disk| disk.written >= next) {
                    return Next::Disk;
                }
                let (last, reason) = state.missing(next, self.boot);
                return Next::Gap { last, reason };
            }
            if next <= state.newest() {
                return state.from(next, last.unwrap_or(u64::MAX));
            }
            let Some(left) = left_until(deadline) else {
                return Next::Idle;
            };
            state = self
                .news
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

impl State {
    fn newest(&self) -> u64 {
        self.items.back().map_or(self.oldest - 1, |item| item.last)
    }

    /// What every durable client has stored of this boot.
    fn acknowledged(&self, boot: u64) -> u64 {
        match self.clients.all_stored() {
            (of, seq) if of == boot => seq,
            _ => 0,
        }
    }

    /// Where the item with that event lies.
    fn place(&self, seq: u64) -> usize {
        match usize::try_from(seq - self.oldest) {
            // Nearly always: no gap is before it.
            Ok(place) if self.items.get(place).is_some_and(|item| item.last == seq) => place,
            _ => self.items.partition_point(|item| item.last < seq),
        }
    }

    /// Events from the held one `next` on, up to `last`.
    fn from(&self, next: u64, last: u64) -> Next {
        let mut lines = Vec::new();
        let mut following = next;
        for item in self.items.range(self.place(next)..).take(BATCH) {
            match &item.what {
                What::Event(line) if item.last <= last => lines.push(Arc::clone(line)),
                What::Lost(reason) if lines.is_empty() => {
                    return Next::Gap {
                        last: item.last,
                        reason: *reason,
                    };
                }
                What::Event(_) | What::Lost(_) => break,
            }
            following = item.last + 1;
        }
        Next::Send(lines, following)
    }

    /// The last of the events from `next` on that neither memory nor disk has, for one reason.
    fn missing(&self, next: u64, boot: u64) -> (u64, GapReason) {
        let (last, acknowledged) = (self.oldest - 1, self.acknowledged(boot));
        if next <= acknowledged {
            return (last.min(acknowledged), GapReason::Acknowledged);
        }
        let reason = self
            .disk
            .as_ref()
            .map_or(GapReason::Overflow, |disk| disk.why_lost);
        (last, reason)
    }

    /// Counts what is lost if so many of the oldest items go. Returns whether anything is.
    fn lose(&mut self, count: usize, boot: u64) -> bool {
        let acknowledged = self.acknowledged(boot);
        let gone = self.items.iter().take(count);
        // What never came was counted then.
        let events = gone.filter(|item| matches!(item.what, What::Event(_)) && item.last > acknowledged);
        let mut any = false;
        for item in events {
            let reason = match &mut self.disk {
                None => GapReason::Overflow,
                // The disk had it, and gave it up while memory still had it.
                Some(disk) if item.last <= disk.dropped.0 => disk.dropped.1,
                Some(disk) if item.last <= disk.written => continue,
                Some(disk) => disk.loses(),
            };
            *self.lost.entry(reason).or_default() += 1;
            any = true;
        }
        any
    }

    /// The caller drops what is returned when it has given the lock back.
    #[must_use]
    fn forget(&mut self, count: usize) -> Vec<Item> {
        if let Some(last) = count.checked_sub(1).and_then(|last| self.items.get(last)) {
            self.oldest = last.last + 1;
        }
        // Touches what goes only: of a full log that is one of many, with every event.
        self.items.drain(..count).collect()
    }
}

fn left_until(deadline: Instant) -> Option<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    (!left.is_zero()).then_some(left)
}
