//! A fake node on a real control socket: tells a story as fast as it is taken, or so many events a second, and keeps when each
//! acknowledgement came.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hotline_wire::frame::NodeHello;
use hotline_wire::{FromClient, FromNode, PROTOCOL, line};

use crate::Fallible;
use crate::story::Story;

pub(crate) const NAME: &str = "pbx1";
pub(crate) const BOOT: &str = "bench";
/// Bytes written at once at most, so that lag is not that of a buffer here.
const WRITE: usize = 64 << 10;
/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often a steady flow is told.
const TICK: Duration = Duration::from_millis(5);

/// The node, before and after it is connected.
pub(crate) struct Node {
    listener: UnixListener,
    pub(crate) socket: PathBuf,
    story: Arc<Story>,
    /// The last event told.
    seq: u64,
}

/// A connection, on which acknowledgements come.
pub(crate) struct Connection {
    stream: UnixStream,
    told: Arc<Told>,
    reader: JoinHandle<()>,
}

#[derive(Default)]
struct Told {
    acknowledged: AtomicU64,
    /// Event and when it had been given to the socket, oldest first; those not acknowledged.
    given: Mutex<std::collections::VecDeque<(u64, Instant)>>,
    /// How long each of them took to be acknowledged, in seconds.
    lags: Mutex<Vec<f64>>,
}

impl Node {
    pub(crate) fn new(dir: &Path, story: Arc<Story>) -> Fallible<Node> {
        let socket = dir.join("node.sock");
        let _ = std::fs::remove_file(&socket);
        Ok(Node {
            listener: UnixListener::bind(&socket)?,
            socket,
            story,
            seq: 0,
        })
    }

    pub(crate) fn seq(&self) -> u64 {
        self.seq
    }

    /// Waits for the daemon, and brings it to where it left off.
    pub(crate) fn accept(&mut self) -> Fallible<Connection> {
        let (mut stream, _) = self.listener.accept()?;
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut text = String::new();
        reader.read_line(&mut text)?;
        let resume = match serde_json::from_str(&text)? {
            FromClient::Hello { resume, .. } => resume,
            other => return Err(format!("the daemon's first line is {other:?}").into()),
        };
        let hello = NodeHello {
            protocol: PROTOCOL,
            node: NAME.into(),
            boot: BOOT.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            pbx: "none, a measurement".into(),
            oldest: self.seq + 1,
            newest: self.seq,
        };
        stream.write_all(&line::encode(&FromNode::Hello(hello))?)?;
        let boot = FromNode::Boot {
            boot: BOOT.into(),
            number: 0,
        };
        stream.write_all(&line::encode(&boot)?)?;
        match resume {
            // What it had not stored is told anew, from there on.
            Some(resume) if resume.boot == BOOT && resume.seq > 0 => self.seq = resume.seq,
            Some(_) | None => stream.write_all(&self.story.snapshot)?,
        }
        let told = Arc::new(Told::default());
        let for_reader = told.clone();
        let reader = std::thread::spawn(move || for_reader.read(reader));
        Ok(Connection { stream, told, reader })
    }

    /// Tells so many events: as fast as they are taken, or so many a second.
    pub(crate) fn tell(&mut self, to: &mut Connection, events: u64, rate: Option<u64>) -> Fallible<()> {
        let begun = Instant::now();
        let first = self.seq;
        let last = first + events;
        let mut out = Vec::with_capacity(2 * WRITE);
        while self.seq < last {
            let until = match rate {
                Some(rate) => {
                    let due = first + (begun.elapsed().as_secs_f64() * rate as f64) as u64;
                    if due <= self.seq {
                        std::thread::sleep(TICK);
                        continue;
                    }
                    due.min(last)
                }
                None => last,
            };
            out.clear();
            while self.seq < until && out.len() < WRITE {
                self.seq += 1;
                self.encode(&mut out)?;
            }
            to.told.give(self.seq);
            to.stream.write_all(&out)?;
        }
        Ok(())
    }

    fn encode(&self, out: &mut Vec<u8>) -> Fallible<()> {
        let now = now();
        let place = (self.seq - 1) as usize % self.story.events.len();
        let event = &self.story.events[place];
        write!(
            out,
            "{{\"type\":\"event\",\"seq\":{},\"at\":{now},\"event\":",
            self.seq
        )?;
        let body = out.len();
        out.extend_from_slice(event.body.as_bytes());
        if let Some(moment) = event.moment {
            let digits = now.to_string();
            out[body + moment..body + moment + digits.len()].copy_from_slice(digits.as_bytes());
        }
        out.extend_from_slice(b"}\n");
        Ok(())
    }
}

impl Connection {
    /// Waits until all up to an event is acknowledged.
    pub(crate) fn acknowledged(&self, seq: u64) -> Fallible<()> {
        let begun = Instant::now();
        while self.told.acknowledged.load(Ordering::Acquire) < seq {
            if begun.elapsed() > PATIENCE || self.reader.is_finished() {
                let at = self.told.acknowledged.load(Ordering::Acquire);
                return Err(format!("the daemon acknowledged {at} of {seq}").into());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// How long events took since this was last asked, in seconds.
    pub(crate) fn lags(&self) -> Vec<f64> {
        std::mem::take(&mut *self.told.lags.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Told {
    fn give(&self, seq: u64) {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        given.push_back((seq, Instant::now()));
    }

    fn read(&self, mut from: BufReader<UnixStream>) {
        let mut text = String::new();
        while matches!(from.read_line(&mut text), Ok(1..)) {
            if let Ok(FromClient::Ack { seq, .. }) = serde_json::from_str(&text) {
                let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
                let mut lags = self.lags.lock().unwrap_or_else(PoisonError::into_inner);
                let stored = given.partition_point(|(last, _)| *last <= seq);
                lags.extend(given.drain(..stored).map(|(_, at)| at.elapsed().as_secs_f64()));
                self.acknowledged.store(seq, Ordering::Release);
            }
            text.clear();
        }
    }
}

/// Microseconds since the Unix epoch.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_micros() as u64)
}
