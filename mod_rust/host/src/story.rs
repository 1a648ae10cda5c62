//! What one client is told: the boots before that it has not all of, from the spool; then the present one, from memory and, where
//! memory has no room any more, from the spool. By the client's own thread, which alone waits for the disk.

use std::io::{self, BufWriter, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use hotline_spool::{BootInfo, Item, Reader, Shelf, Step};
use hotline_wire::frame::{Gap, GapReason, NodeHello, Resume};
use hotline_wire::{FromNode, PROTOCOL, Snapshot, line};

use crate::control::Node;
use crate::log::{ClientId, EventLog, Next, Stored};
use crate::spool::of_label;

/// Longest silence towards a client, and time between two words about how the node is.
const HEARTBEAT: Duration = Duration::from_secs(2);

pub(crate) struct Teller<'a> {
    node: &'a dyn Node,
    log: &'a EventLog,
    shelf: Option<&'a Shelf>,
    client: ClientId,
    to: BufWriter<&'a UnixStream>,
    /// The next word about how the node is.
    heartbeat: Instant,
    /// To be told before anything that follows in the story; one for many.
    gap: Option<Gap>,
}

/// What a boot's story is told from: its number, and the first event.
type From = (BootInfo, u64);

/// What a client has stored, as far as that can be told.
pub(crate) fn stored(resume: Option<&Resume>, present: (&str, u64), shelf: Option<&Shelf>) -> Stored {
    let Some(resume) = resume else { return (0, 0) };
    if resume.boot == present.0 {
        return (present.1, resume.seq);
    }
    let boots = shelf.map(Shelf::boots).unwrap_or_default();
    let of = boots.iter().find(|boot| boot.name == resume.boot);
    of.map_or((0, 0), |boot| (boot.number, resume.seq))
}

/// The boots before the present one that are to be told, and from where on. Those before the one that is resumed are not: the
/// client has gone on from them.
fn earlier(resume: Option<&Resume>, present: &str, shelf: Option<&Shelf>) -> Vec<From> {
    let mut boots = shelf.map(Shelf::boots).unwrap_or_default();
    boots.retain(|boot| boot.name != present);
    let Some(resume) = resume else {
        return boots.into_iter().map(|boot| (boot, 1)).collect();
    };
    if resume.boot == present {
        return Vec::new();
    }
    if let Some(at) = boots.iter().position(|boot| boot.name == resume.boot) {
        let later = boots.split_off(at).into_iter();
        return later
            .map(|boot| {
                let known = boot.name == resume.boot;
                (boot, if known { resume.seq + 1 } else { 1 })
            })
            .collect();
    }
    // Nothing is left of that one: those that began after it.
    let known = began(&resume.boot);
    boots
        .into_iter()
        .filter(|boot| began(&boot.name) > known)
        .map(|boot| (boot, 1))
        .collect()
}

/// When a boot of that name began, in seconds since the Unix epoch.
fn began(boot: &str) -> Option<u64> {
    let (seconds, _) = boot.split_once('-')?;
    u64::from_str_radix(seconds, 16).ok()
}

impl<'a> Teller<'a> {
    pub(crate) fn new(
        node: &'a dyn Node,
        log: &'a EventLog,
        shelf: Option<&'a Shelf>,
        client: ClientId,
        stream: &'a UnixStream,
    ) -> Teller<'a> {
        Teller {
            node,
            log,
            shelf,
            client,
            to: BufWriter::with_capacity(64 << 10, stream),
            heartbeat: Instant::now() + HEARTBEAT,
            gap: None,
        }
    }

    /// Tells until the client goes, or the node does.
    ///
    /// # Errors
    /// The client reads nothing, or the engine is out of service.
    pub(crate) fn tell(mut self, resume: Option<&Resume>, durable: bool) -> io::Result<()> {
        let identity = self.node.identity();
        let (oldest, newest) = self.log.range_held();
        self.write(&FromNode::Hello(NodeHello {
            oldest,
            newest,
            ..identity.clone()
        }))?;
        if durable {
            for (boot, next) in earlier(resume, &identity.boot, self.shelf) {
                if !self.tell_earlier(boot, next)? {
                    return self.to.flush();
                }
            }
        }
        let boot = identity.boot.clone();
        let number = self.shelf.map_or(0, |_| self.log.boot());
        self.write(&FromNode::Boot { boot, number })?;
        let resumed = resume.filter(|resume| resume.boot == identity.boot && resume.seq <= newest);
        self.tell_present(resumed.map(|resume| resume.seq), durable)
    }

    /// Returns whether there is more to tell: neither client nor node go.
    fn tell_earlier(&mut self, boot: BootInfo, next: u64) -> io::Result<bool> {
        let Some(shelf) = self.shelf else { return Ok(true) };
        let mut reader = Reader::new(shelf.clone(), boot.number, next);
        let number = boot.number;
        let boot = boot.name;
        self.write(&FromNode::Boot { boot, number })?;
        loop {
            if !self.tell_replies()? {
                return Ok(false);
            }
            self.tell_health()?;
            let clean = match self.read(&mut reader, u64::MAX)?.0 {
                Step::More => continue,
                Step::End { clean } => clean,
                Step::Gone | Step::CaughtUp => false,
            };
            self.write(&FromNode::End { clean })?;
            return Ok(true);
        }
    }

    fn tell_present(mut self, resumed: Option<u64>, durable: bool) -> io::Result<()> {
        // A snapshot goes out once the events up to it have.
        let mut owed = None;
        let mut next = match resumed {
            Some(seq) => seq + 1,
            // One that stores events gets the story from its beginning, or is told what is missing of it.
            None if durable => {
                owed = Some(Snapshot {
                    seq: 0,
                    at: self.node.now(),
                    ..Snapshot::default()
                });
                1
            }
            None => {
                let snapshot = self.snapshot()?;
                let next = snapshot.seq + 1;
                owed = Some(snapshot);
                next
            }
        };
        let mut reader: Option<Reader> = None;
        loop {
            if let Some(snapshot) = owed.take_if(|snapshot| snapshot.seq < next) {
                let snapshot = Box::new(snapshot);
                self.write(&FromNode::Snapshot { snapshot })?;
            }
            self.tell_health()?;
            let last = owed.as_ref().map(|snapshot| snapshot.seq);
            match self.log.next(self.client, next, last, self.heartbeat) {
                Next::Send(lines, following) => {
                    lines.iter().try_for_each(|line| self.to.write_all(line))?;
                    self.to.flush()?;
                    next = following;
                }
                Next::Gap { last, reason } => {
                    let first = next;
                    self.write(&FromNode::Gap(Gap { first, last, reason }))?;
                    owed = Some(self.snapshot()?);
                    next = last + 1;
                }
                Next::Disk => {
                    let Some(shelf) = self.shelf else {
                        return self.to.flush();
                    };
                    let on = reader.take().filter(|reader| reader.next() == next);
                    let mut on = on.unwrap_or_else(|| Reader::new(shelf.clone(), self.log.boot(), next));
                    let (_, missing) = self.read(&mut on, last.unwrap_or(u64::MAX))?;
                    put(&mut self.to, self.gap.take())?;
                    self.to.flush()?;
                    next = on.next();
                    reader = Some(on);
                    if missing {
                        owed = Some(self.snapshot()?);
                    }
                }
                // Whoever is idle has caught up, and needs no files.
                Next::Idle => reader = None,
                Next::Stop => return self.to.flush(),
            }
        }
    }

    /// Tells what a reader has next. Also returns whether something of it is missing.
    fn read(&mut self, reader: &mut Reader, last: u64) -> io::Result<(Step, bool)> {
        let Teller { to, gap, .. } = self;
        let mut missing = false;
        let step = reader.step(last, |item| {
            let (first, last, reason) = match item {
                Item::Event { seq, line, protocol } if can_be_read(seq, line, protocol) => {
                    put(to, gap.take())?;
                    return to.write_all(line);
                }
                Item::Event { seq, .. } => (seq, seq, GapReason::Version),
                Item::Gap { first, last, reason } => (first, last, of_label(reason)),
            };
            missing = true;
            match gap {
                Some(before) if before.last + 1 == first && before.reason == reason => before.last = last,
                _ => put(to, gap.replace(Gap { first, last, reason }))?,
            }
            Ok(())
        })?;
        Ok((step, missing))
    }

    fn write(&mut self, frame: &FromNode) -> io::Result<()> {
        put(&mut self.to, self.gap.take())?;
        line::write(&mut self.to, frame)?;
        self.to.flush()
    }

    /// Returns whether the client is to be told more.
    fn tell_replies(&mut self) -> io::Result<bool> {
        let Some(replies) = self.log.replies(self.client) else {
            return Ok(false);
        };
        if !replies.is_empty() {
            replies.iter().try_for_each(|line| self.to.write_all(line))?;
            self.to.flush()?;
        }
        Ok(true)
    }

    fn tell_health(&mut self) -> io::Result<()> {
        let now = Instant::now();
        if now < self.heartbeat {
            return Ok(());
        }
        self.heartbeat = now + HEARTBEAT;
        let heartbeat = FromNode::Heartbeat {
            seq: self.log.range().1,
            at: self.node.now(),
            pipe: self.node.pipe(),
        };
        line::write(&mut self.to, &heartbeat)?;
        self.to.flush()
    }

    fn snapshot(&self) -> io::Result<Snapshot> {
        self.node
            .snapshot()
            .ok_or_else(|| io::Error::other("the node gives no snapshot; see the PBX's log"))
    }
}

fn put(to: &mut impl Write, gap: Option<Gap>) -> io::Result<()> {
    gap.map_or(Ok(()), |gap| line::write(to, &FromNode::Gap(gap)))
}

/// Whether a client of this version makes sense of a line that may be of another one.
fn can_be_read(seq: u64, text: &[u8], protocol: Option<u64>) -> bool {
    protocol == Some(u64::from(PROTOCOL))
        || matches!(serde_json::from_slice(text), Ok(FromNode::Event(frame)) if frame.seq == seq)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hotline_spool::{Limits, Spool};

    fn resume(boot: &str, seq: u64) -> Resume {
        Resume {
            boot: boot.into(),
            seq,
        }
    }

    #[test]
    fn a_client_gets_what_came_after_what_it_has() {
        let folder = tempfile::tempdir().unwrap();
        let limits = Limits {
            bytes: 1 << 20,
            age: Duration::from_secs(60),
            segment: 1 << 16,
        };
        let boots = ["65000001-a", "65000002-b", "65000003-c"];
        let mut shelf = None;
        for boot in boots {
            shelf = Some(Spool::open(folder.path(), boot, 1, limits).unwrap().spool.shelf());
        }
        let of = |resume: Option<&Resume>| {
            let told = earlier(resume, boots[2], shelf.as_ref()).into_iter();
            told.map(|(boot, from)| (boot.number, from)).collect::<Vec<_>>()
        };
        assert_eq!(of(None), [(1, 1), (2, 1)]);
        assert_eq!(of(Some(&resume(boots[0], 7))), [(1, 8), (2, 1)]);
        assert_eq!(of(Some(&resume(boots[1], 7))), [(2, 8)]);
        assert_eq!(of(Some(&resume(boots[2], 7))), []);
        // Of starts that are not held any more only the time tells.
        assert_eq!(of(Some(&resume("64ffffff-x", 7))), [(1, 1), (2, 1)]);
        assert_eq!(of(Some(&resume("65000001-x", 7))), [(2, 1)]);
        assert_eq!(of(Some(&resume("65000009-x", 7))), []);

        let present = (boots[2], 3);
        assert_eq!(
            stored(Some(&resume(boots[1], 7)), present, shelf.as_ref()),
            (2, 7)
        );
        assert_eq!(
            stored(Some(&resume(boots[2], 7)), present, shelf.as_ref()),
            (3, 7)
        );
        assert_eq!(
            stored(Some(&resume("65000009-x", 7)), present, shelf.as_ref()),
            (0, 0)
        );
        assert_eq!(stored(None, present, None), (0, 0));
    }

    #[test]
    fn a_line_of_another_version_is_told_if_it_makes_sense() {
        let line = br#"{"type":"event","seq":4,"at":5,"event":{"kind":"offer_ringing","offer":1}}"#;
        assert!(can_be_read(4, line, None));
        assert!(!can_be_read(5, line, Some(1)));
        assert!(!can_be_read(
            4,
            br#"{"type":"event","seq":4,"at":5,"event":{"kind":"new"}}"#,
            Some(1)
        ));
        assert!(can_be_read(
            4,
            b"what this version wrote",
            Some(u64::from(PROTOCOL))
        ));
    }
}
