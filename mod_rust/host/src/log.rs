//! The event log: the newest events as lines, kept until every durable client has stored them or the ceiling is
//! reached, and the place where the clients' writers sleep.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Acknowledged events that are kept all the same, so that clients that only look don't meet gaps.
const TAIL: usize = 4_096;
/// Most lines handed to a writer at once.
const BATCH: usize = 512;

/// Bytes of replies that may wait for one client.
const REPLIES: usize = 4 << 20;
/// Names of durable clients remembered. Those that are here do not count.
const DURABLE: usize = 16;

/// A line to send, newline included.
pub(crate) type Line = Arc<[u8]>;

/// Identifies a connected client.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct ClientId(u64);

pub(crate) struct EventLog {
    state: Mutex<State>,
    news: Condvar,
    max: usize,
}

#[derive(Default)]
struct State {
    /// Events `oldest ..`, contiguous.
    events: VecDeque<Line>,
    /// Number of the first event held; one past the newest when none is.
    oldest: u64,
    /// By client name. Kept while they are away.
    durable: BTreeMap<String, Durable>,
    clients_here: BTreeMap<ClientId, Here>,
    clients: u64,
    stopped: bool,
}

/// A client that stores events.
#[derive(Default)]
struct Durable {
    /// Everything up to here.
    stored: u64,
    /// Its connections.
    here: usize,
}

/// A connected client.
struct Here {
    /// Its name if it is a durable one.
    durable: Option<String>,
    replies: VecDeque<Line>,
    /// Bytes of the replies.
    size: usize,
}

/// What a writer does next.
pub(crate) enum Next {
    /// Send these; the next event to ask for is given.
    Send(Vec<Line>, u64),
    /// Events from the asked one to this one are gone.
    Gap {
        /// Last lost event.
        last: u64,
    },
    /// Nothing came for a while; the newest event is given.
    Idle(u64),
    /// The node goes down, or the client was dropped.
    Stop,
}

impl EventLog {
    pub(crate) fn new(max: usize) -> EventLog {
        EventLog {
            state: Mutex::new(State {
                oldest: 1,
                ..State::default()
            }),
            news: Condvar::new(),
            max,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change below is complete before anything that could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds event `seq`, the one after the newest. Returns how many unstored events the ceiling pushed out.
    pub(crate) fn append(&self, seq: u64, line: Line) -> usize {
        self.skip_to(seq);
        let mut state = self.lock();
        state.events.push_back(line);
        let excess = state.events.len().saturating_sub(self.max);
        let forgotten = state.forget(excess);
        drop(state);
        drop(forgotten);
        self.news.notify_all();
        excess
    }

    /// The next event will be `seq`. If that is a jump, what came before is dropped, so that every client meets a gap.
    pub(crate) fn skip_to(&self, seq: u64) {
        let mut state = self.lock();
        if seq == state.newest() + 1 {
            return;
        }
        let forgotten = std::mem::take(&mut state.events);
        state.oldest = seq;
        drop(state);
        drop(forgotten);
        self.news.notify_all();
    }

    /// A durable client has stored everything up to `seq`.
    pub(crate) fn stored(&self, client: &str, seq: u64) {
        let mut state = self.lock();
        let seq = seq.min(state.newest());
        if let Some(durable) = state.durable.get_mut(client) {
            durable.stored = seq.max(durable.stored);
        }
        let all = state
            .durable
            .values()
            .map(|durable| durable.stored)
            .min()
            .unwrap_or(0);
        let held = state.newest().saturating_sub(all) as usize;
        let keep = held.max(TAIL);
        let excess = state.events.len().saturating_sub(keep);
        let forgotten = state.forget(excess);
        drop(state);
        // Many of them, perhaps: nobody waits for the lock meanwhile.
        drop(forgotten);
    }

    /// Oldest and newest event held.
    pub(crate) fn range(&self) -> (u64, u64) {
        let state = self.lock();
        (state.oldest, state.newest())
    }

    /// A client came; `durable` is its name if events are to be kept for it. Also returns a durable client that was
    /// given up for it, as there are too many.
    pub(crate) fn enter(&self, durable: Option<&str>) -> (ClientId, Option<String>) {
        let mut state = self.lock();
        state.clients += 1;
        let id = ClientId(state.clients);
        let here = Here {
            durable: durable.map(str::to_owned),
            replies: VecDeque::new(),
            size: 0,
        };
        state.clients_here.insert(id, here);
        let mut given_up = None;
        if let Some(name) = durable {
            if state.durable.len() >= DURABLE && !state.durable.contains_key(name) {
                let away = state.durable.iter().filter(|(_, durable)| durable.here == 0);
                given_up = away
                    .min_by_key(|(_, durable)| durable.stored)
                    .map(|(name, _)| name.clone());
                if let Some(name) = &given_up {
                    state.durable.remove(name);
                }
            }
            state.durable.entry(name.to_owned()).or_default().here += 1;
        }
        (id, given_up)
    }

    /// A client went; its writer stops.
    pub(crate) fn leave(&self, client: ClientId) {
        let mut state = self.lock();
        let name = state.clients_here.remove(&client).and_then(|here| here.durable);
        if let Some(durable) = name.and_then(|name| state.durable.get_mut(&name)) {
            durable.here -= 1;
        }
        drop(state);
        self.news.notify_all();
    }

    /// Queues a line for one client only; dropped if it has gone. A client that lets too many wait is dropped.
    pub(crate) fn reply(&self, client: ClientId, line: Line) {
        let mut state = self.lock();
        if let Some(here) = state.clients_here.get_mut(&client) {
            here.size += line.len();
            here.replies.push_back(line);
            if here.size > REPLIES {
                drop(state);
                return self.leave(client);
            }
        }
        drop(state);
        self.news.notify_all();
    }

    /// Wakes everybody for good.
    pub(crate) fn stop(&self) {
        self.lock().stopped = true;
        self.news.notify_all();
    }

    /// Waits until there is something for a client whose next event is `next`, `idle` at the longest. Gives no event
    /// after `last`.
    pub(crate) fn next(&self, client: ClientId, next: u64, last: Option<u64>, idle: Duration) -> Next {
        let deadline = Instant::now() + idle;
        let mut state = self.lock();
        loop {
            if state.stopped {
                return Next::Stop;
            }
            let Some(here) = state.clients_here.get_mut(&client) else {
                return Next::Stop;
            };
            if !here.replies.is_empty() {
                here.size = 0;
                return Next::Send(here.replies.drain(..).collect(), next);
            }
            if next < state.oldest {
                return Next::Gap {
                    last: state.oldest - 1,
                };
            }
            if next <= state.newest() {
                let skip = (next - state.oldest) as usize;
                let most = last.map_or(BATCH as u64, |last| {
                    (last + 1).saturating_sub(next).min(BATCH as u64)
                });
                let lines: Vec<Line> = state
                    .events
                    .iter()
                    .skip(skip)
                    .take(most as usize)
                    .cloned()
                    .collect();
                let following = next + lines.len() as u64;
                return Next::Send(lines, following);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Next::Idle(state.newest());
            }
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
        self.oldest + self.events.len() as u64 - 1
    }

    /// The caller drops what is returned when it has given the lock back.
    #[must_use]
    fn forget(&mut self, count: usize) -> Vec<Line> {
        self.oldest += count as u64;
        // Touches what goes only: of a full log that is one of many, with every event.
        self.events.drain(..count).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(n: u64) -> Line {
        n.to_string().into_bytes().into()
    }

    fn texts(next: Next) -> Vec<String> {
        match next {
            Next::Send(lines, _) => lines
                .iter()
                .map(|line| String::from_utf8(line.to_vec()).unwrap())
                .collect(),
            Next::Gap { last } => vec![format!("gap to {last}")],
            Next::Idle(newest) => vec![format!("idle at {newest}")],
            Next::Stop => vec!["stop".to_owned()],
        }
    }

    #[test]
    fn events_come_in_order_and_a_full_log_shows_a_gap() {
        let log = EventLog::new(3);
        let client = log.enter(None).0;
        assert_eq!(texts(log.next(client, 1, None, Duration::ZERO)), ["idle at 0"]);
        for n in 1..=3 {
            assert_eq!(log.append(n, line(n)), 0);
        }
        assert_eq!(texts(log.next(client, 2, None, Duration::ZERO)), ["2", "3"]);
        assert_eq!(log.append(4, line(4)), 1);
        assert_eq!(texts(log.next(client, 1, None, Duration::ZERO)), ["gap to 1"]);
        assert_eq!(texts(log.next(client, 5, None, Duration::ZERO)), ["idle at 4"]);
    }

    #[test]
    fn a_jump_in_the_numbers_is_a_gap() {
        let log = EventLog::new(10);
        let client = log.enter(None).0;
        log.append(1, line(1));
        log.append(5, line(5));
        assert_eq!(texts(log.next(client, 2, None, Duration::ZERO)), ["gap to 4"]);
        assert_eq!(texts(log.next(client, 5, None, Duration::ZERO)), ["5"]);
    }

    #[test]
    fn what_a_durable_client_has_not_stored_is_kept() {
        let log = EventLog::new(100_000);
        let away = log.enter(Some("daemon")).0;
        log.leave(away);
        let total = 3 * TAIL as u64;
        for n in 1..=total {
            log.append(n, line(n));
        }
        assert_eq!(log.range(), (1, total));
        log.stored("daemon", 10);
        assert_eq!(log.range(), (11, total));
        log.stored("daemon", total + 99);
        assert_eq!(log.range(), (total + 1 - TAIL as u64, total));
        log.stored("a stranger", 0);
        assert_eq!(log.range(), (total + 1 - TAIL as u64, total));
    }

    #[test]
    fn a_client_that_lets_its_replies_wait_is_dropped() {
        let log = EventLog::new(10);
        let client = log.enter(None).0;
        let long: Line = vec![b'x'; REPLIES / 2 + 1].into();
        log.reply(client, Arc::clone(&long));
        log.reply(client, long);
        assert_eq!(texts(log.next(client, 1, None, Duration::ZERO)), ["stop"]);
    }

    #[test]
    fn names_of_durable_clients_that_never_return_are_given_up() {
        let log = EventLog::new(10);
        for n in 0..DURABLE {
            let (client, given_up) = log.enter(Some(&n.to_string()));
            assert_eq!(given_up, None);
            if n != 0 {
                log.leave(client);
            }
        }
        log.append(1, line(1));
        log.stored("1", 1);
        assert_eq!(
            log.enter(Some("another")).1.as_deref(),
            Some("10"),
            "one that is away and has stored least"
        );
        assert_eq!(log.enter(Some("1")).1, None);
    }

    #[test]
    fn a_reply_goes_to_its_client_and_a_left_client_stops() {
        let log = EventLog::new(10);
        let (one, other) = (log.enter(None).0, log.enter(None).0);
        log.reply(one, line(7));
        assert_eq!(texts(log.next(other, 1, None, Duration::ZERO)), ["idle at 0"]);
        assert_eq!(texts(log.next(one, 1, None, Duration::ZERO)), ["7"]);
        log.leave(one);
        assert_eq!(texts(log.next(one, 1, None, Duration::ZERO)), ["stop"]);
    }
}
