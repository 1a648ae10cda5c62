//! A client of Asterisk's manager interface: events to wait for, and actions.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::phone::DEADLINE;

/// Most events kept for waits.
const MAX_EVENTS: usize = 100_000;

/// A message of the manager interface: an event or a response.
#[derive(Clone, Debug, Default)]
pub struct ManagerMessage(HashMap<String, String>);

impl ManagerMessage {
    /// The value of a key; empty if it isn't there.
    pub fn get(&self, key: &str) -> &str {
        self.0.get(key).map_or("", String::as_str)
    }

    /// The name of an event; empty for a response.
    pub fn event(&self) -> &str {
        self.get("Event")
    }
}

#[derive(Default)]
struct Seen {
    events: Vec<ManagerMessage>,
    responses: HashMap<String, ManagerMessage>,
    closed: bool,
}

/// A logged-in session.
pub struct Manager {
    stream: Mutex<TcpStream>,
    seen: Arc<(Mutex<Seen>, Condvar)>,
    last_action: Mutex<u64>,
    reader: Option<JoinHandle<()>>,
}

impl Manager {
    /// Connects and logs in.
    pub(super) fn connect(address: SocketAddr) -> Result<Manager> {
        let stream =
            TcpStream::connect(address).with_context(|| format!("connecting to the manager at {address}"))?;
        let mut reader = BufReader::new(stream.try_clone()?);
        let seen = Arc::<(Mutex<Seen>, Condvar)>::default();
        let shared = Arc::clone(&seen);
        let mut banner = String::new();
        reader.read_line(&mut banner)?;
        let reader = std::thread::Builder::new()
            .name("manager".into())
            .spawn(move || read(reader, &shared))?;
        let manager = Manager {
            stream: Mutex::new(stream),
            seen,
            last_action: Mutex::default(),
            reader: Some(reader),
        };
        manager.action(&[
            ("Action", "Login"),
            ("Username", "testbed"),
            ("Secret", "testbed"),
        ])?;
        Ok(manager)
    }

    /// Carries out an action and waits for its response.
    ///
    /// # Errors
    /// It fails, or nothing comes back.
    pub fn action(&self, fields: &[(&str, &str)]) -> Result<ManagerMessage> {
        let id = {
            let mut last = self.last_action.lock().unwrap_or_else(PoisonError::into_inner);
            *last += 1;
            last.to_string()
        };
        let mut text = String::new();
        for (key, value) in fields.iter().chain(&[("ActionID", id.as_str())]) {
            text.push_str(&format!("{key}: {value}\r\n"));
        }
        text.push_str("\r\n");
        self.stream
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .write_all(text.as_bytes())?;
        let response = self.wait(&format!("the response to {fields:?}"), |seen| {
            seen.responses.remove(&id)
        })?;
        if response.get("Response") == "Error" {
            bail!("{fields:?}: {}", response.get("Message"));
        }
        Ok(response)
    }

    /// The value of a variable or function on a channel.
    ///
    /// # Errors
    /// No such channel.
    pub fn variable(&self, channel: &str, variable: &str) -> Result<String> {
        let response = self.action(&[("Action", "Getvar"), ("Channel", channel), ("Variable", variable)])?;
        Ok(response.get("Value").to_owned())
    }

    /// Waits for an event, also one that came before.
    ///
    /// # Errors
    /// It does not come.
    pub fn event(&self, awaited: &str, is_it: impl Fn(&ManagerMessage) -> bool) -> Result<ManagerMessage> {
        self.wait(awaited, |seen| {
            seen.events.iter().find(|event| is_it(event)).cloned()
        })
    }

    /// All events so far that are like this.
    pub fn events(&self, is_it: impl Fn(&ManagerMessage) -> bool) -> Vec<ManagerMessage> {
        self.lock()
            .events
            .iter()
            .filter(|event| is_it(event))
            .cloned()
            .collect()
    }

    /// Waits for a `UserEvent(name,...)` of the dialplan with these values.
    ///
    /// # Errors
    /// It does not come.
    pub fn user_event(&self, name: &str, values: &[(&str, &str)]) -> Result<ManagerMessage> {
        let is_it = |event: &ManagerMessage| {
            event.get("UserEvent") == name && values.iter().all(|(key, value)| event.get(key) == *value)
        };
        self.event(&format!("the dialplan's {name} with {values:?}"), is_it)
            .with_context(|| {
                let seen = self.events(|event| event.get("UserEvent") == name);
                format!("it sent {name} {} times: {seen:?}", seen.len())
            })
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<T>(&self, awaited: &str, mut look: impl FnMut(&mut Seen) -> Option<T>) -> Result<T> {
        let deadline = Instant::now() + DEADLINE;
        let mut seen = self.lock();
        loop {
            if let Some(found) = look(&mut seen) {
                return Ok(found);
            }
            let now = Instant::now();
            if seen.closed {
                bail!("Asterisk closed the manager session before {awaited}");
            }
            if now >= deadline {
                bail!("waited {DEADLINE:?} in vain for {awaited}");
            }
            seen = self
                .seen
                .1
                .wait_timeout(seen, deadline - now)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        let _ = self
            .stream
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .shutdown(std::net::Shutdown::Both);
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

fn read(mut from: BufReader<TcpStream>, seen: &(Mutex<Seen>, Condvar)) {
    let mut message = HashMap::new();
    let mut line = String::new();
    loop {
        line.clear();
        let end = !matches!(from.read_line(&mut line), Ok(length) if length > 0);
        let mut guard = seen.0.lock().unwrap_or_else(PoisonError::into_inner);
        if end {
            guard.closed = true;
        } else if let Some((key, value)) = line.trim_end().split_once(": ") {
            message.insert(key.to_owned(), value.to_owned());
            continue;
        } else if !line.trim_end().is_empty() {
            // A key without a value.
            message.insert(line.trim_end().trim_end_matches(':').to_owned(), String::new());
            continue;
        } else {
            let message = ManagerMessage(std::mem::take(&mut message));
            if !message.event().is_empty() {
                if guard.events.len() < MAX_EVENTS {
                    guard.events.push(message);
                }
            } else if !message.get("ActionID").is_empty() {
                guard
                    .responses
                    .insert(message.get("ActionID").to_owned(), message);
            }
        }
        drop(guard);
        seen.1.notify_all();
        if end {
            return;
        }
    }
}
