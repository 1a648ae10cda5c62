//! Who reads the log: what each has stored, and what waits for one of them alone.

use std::collections::{BTreeMap, VecDeque};

use super::Line;

/// Bytes of replies that may wait for one client.
pub(super) const REPLIES: usize = 4 << 20;
/// Names of durable clients remembered. Those that are here do not count.
pub(super) const DURABLE: usize = 16;

/// Everything up to an event is stored: number of the boot, and event.
pub(crate) type Stored = (u64, u64);

/// Identifies a connected client.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct ClientId(u64);

#[derive(Default)]
pub(super) struct Clients {
    /// By client name. Kept while they are away.
    durable: BTreeMap<String, Durable>,
    here: BTreeMap<ClientId, Here>,
    count: u64,
}

/// A client that stores events.
#[derive(Default)]
struct Durable {
    stored: Stored,
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

impl Clients {
    pub(super) fn enter(&mut self, durable: Option<&str>) -> (ClientId, Option<String>) {
        self.count += 1;
        let id = ClientId(self.count);
        let here = Here {
            durable: durable.map(str::to_owned),
            replies: VecDeque::new(),
            size: 0,
        };
        self.here.insert(id, here);
        let mut given_up = None;
        if let Some(name) = durable {
            if self.durable.len() >= DURABLE && !self.durable.contains_key(name) {
                let away = self.durable.iter().filter(|(_, durable)| durable.here == 0);
                given_up = away
                    .min_by_key(|(_, durable)| durable.stored)
                    .map(|(name, _)| name.clone());
                if let Some(name) = &given_up {
                    self.durable.remove(name);
                }
            }
            self.durable.entry(name.to_owned()).or_default().here += 1;
        }
        (id, given_up)
    }

    pub(super) fn leave(&mut self, client: ClientId) {
        let name = self.here.remove(&client).and_then(|here| here.durable);
        if let Some(durable) = name.and_then(|name| self.durable.get_mut(&name)) {
            durable.here -= 1;
        }
    }

    pub(super) fn reply(&mut self, client: ClientId, line: Line) {
        if let Some(here) = self.here.get_mut(&client) {
            here.size += line.len();
            here.replies.push_back(line);
            if here.size > REPLIES {
                self.leave(client);
            }
        }
    }

    /// `None` if the client has gone.
    pub(super) fn take_replies(&mut self, client: ClientId) -> Option<Vec<Line>> {
        let here = self.here.get_mut(&client)?;
        here.size = 0;
        Some(here.replies.drain(..).collect())
    }

    pub(super) fn stored(&mut self, client: &str, stored: Stored) {
        if let Some(durable) = self.durable.get_mut(client) {
            durable.stored = durable.stored.max(stored);
        }
    }

    /// What every durable client has stored.
    pub(super) fn all_stored(&self) -> Stored {
        let stored = self.durable.values().map(|durable| durable.stored);
        stored.min().unwrap_or_default()
    }
}
