//! The log alone.

use hotline_spool::record::Record;
use hotline_spool::{Item as Found, Limits, Reader, Spool};

use super::clients::{DURABLE, REPLIES};
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
        Next::Gap { last, reason } => vec![format!("gap to {last}: {}", reason.label())],
        Next::Disk => vec!["on disk".to_owned()],
        Next::Idle => vec!["idle".to_owned()],
        Next::Stop => vec!["stop".to_owned()],
    }
}

#[test]
fn events_come_in_order_and_a_full_log_shows_a_gap() {
    let log = EventLog::new(3, 1);
    let client = log.enter(None).0;
    assert_eq!(texts(log.next(client, 1, None, Instant::now())), ["idle"]);
    for n in 1..=3 {
        assert!(!log.append(n, line(n)));
    }
    assert_eq!(texts(log.next(client, 2, None, Instant::now())), ["2", "3"]);
    assert!(log.append(4, line(4)));
    assert_eq!(
        texts(log.next(client, 1, None, Instant::now())),
        ["gap to 1: overflow"]
    );
    assert_eq!(texts(log.next(client, 5, None, Instant::now())), ["idle"]);
}

#[test]
fn a_jump_in_the_numbers_is_a_gap() {
    let log = EventLog::new(10, 1);
    let client = log.enter(None).0;
    log.append(1, line(1));
    log.append(5, line(5));
    assert_eq!(
        texts(log.next(client, 2, None, Instant::now())),
        ["gap to 4: overflow"]
    );
    assert_eq!(texts(log.next(client, 5, None, Instant::now())), ["5"]);
}

#[test]
fn what_a_durable_client_has_not_stored_is_kept() {
    let log = EventLog::new(100_000, 1);
    let away = log.enter(Some(("daemon", (0, 0)))).0;
    log.leave(away);
    let total = 3 * TAIL as u64;
    for n in 1..=total {
        log.append(n, line(n));
    }
    assert_eq!(log.range(), (1, total));
    log.stored("daemon", (1, 10));
    assert_eq!(log.range(), (11, total));
    log.stored("daemon", (1, total + 99));
    assert_eq!(log.range(), (total + 1 - TAIL as u64, total));
    log.stored("a stranger", (1, 0));
    assert_eq!(log.range(), (total + 1 - TAIL as u64, total));
}

#[test]
fn a_client_that_lets_its_replies_wait_is_dropped() {
    let log = EventLog::new(10, 1);
    let client = log.enter(None).0;
    let long: Line = vec![b'x'; REPLIES / 2 + 1].into();
    log.reply(client, Arc::clone(&long));
    log.reply(client, long);
    assert_eq!(texts(log.next(client, 1, None, Instant::now())), ["stop"]);
}

#[test]
fn names_of_durable_clients_that_never_return_are_given_up() {
    let log = EventLog::new(10, 1);
    for n in 0..DURABLE {
        let (client, given_up) = log.enter(Some((&n.to_string(), (0, 0))));
        assert_eq!(given_up, None);
        if n != 0 {
            log.leave(client);
        }
    }
    log.append(1, line(1));
    log.stored("1", (1, 1));
    assert_eq!(
        log.enter(Some(("another", (0, 0)))).1.as_deref(),
        Some("10"),
        "one that is away and has stored least"
    );
    assert_eq!(log.enter(Some(("1", (0, 0)))).1, None);
}

#[test]
fn a_reply_goes_to_its_client_and_a_left_client_stops() {
    let log = EventLog::new(10, 1);
    let (one, other) = (log.enter(None).0, log.enter(None).0);
    log.reply(one, line(7));
    assert_eq!(texts(log.next(other, 1, None, Instant::now())), ["idle"]);
    assert_eq!(texts(log.next(one, 1, None, Instant::now())), ["7"]);
    log.leave(one);
    assert_eq!(texts(log.next(one, 1, None, Instant::now())), ["stop"]);
}

fn ended(n: u64) -> Line {
    format!("{n}\n").into_bytes().into()
}

/// A disk that writes when it is told to.
struct SlowDisk {
    spool: Spool,
    works: bool,
}

impl SlowDisk {
    fn step(&mut self, log: &EventLog) {
        let chores = log.chores(true, Some(Instant::now()));
        if let Some(batch) = chores.batch {
            if !self.works {
                log.trouble(GapReason::DiskFull, "full".to_owned());
                return;
            }
            let records = batch.items.iter().map(|item| match item {
                BatchItem::Event(seq, line) => Record::Event { seq: *seq, line },
                BatchItem::Gap(first, last, reason) => Record::Gap {
                    first: *first,
                    last: *last,
                    reason: reason.label(),
                },
            });
            self.spool.append(batch.first, batch.last, records).unwrap();
            log.written(batch.last);
        }
        self.spool.stored(chores.stored.0, chores.stored.1, !self.works);
    }
}

/// A client's writer, which knows what it was given.
struct Follower {
    id: ClientId,
    next: u64,
    lost: BTreeMap<GapReason, u64>,
}

impl Follower {
    fn gap(&mut self, first: u64, last: u64, reason: GapReason) {
        assert_eq!(first, self.next, "a silent hole");
        *self.lost.entry(reason).or_default() += last + 1 - first;
        self.next = last + 1;
    }

    fn event(&mut self, seq: u64, text: &[u8]) {
        assert_eq!(seq, self.next, "a silent hole");
        assert_eq!(text, &*ended(seq));
        self.next = seq + 1;
    }

    /// Returns whether there was anything.
    fn step(&mut self, log: &EventLog, disk: &SlowDisk) -> bool {
        match log.next(self.id, self.next, None, Instant::now()) {
            Next::Send(lines, following) => {
                for text in lines {
                    self.event(self.next, &text);
                }
                assert_eq!(self.next, following);
            }
            Next::Gap { last, reason } => self.gap(self.next, last, reason),
            Next::Disk => {
                let mut reader = Reader::new(disk.spool.shelf(), 1, self.next);
                let before = self.next;
                let step = reader.step(u64::MAX, |found| {
                    match found {
                        Found::Event { seq, line, .. } => self.event(seq, line),
                        Found::Gap { first, last, reason } => {
                            self.gap(first, last, crate::spool::of_label(reason))
                        }
                    }
                    Ok(())
                });
                step.unwrap();
                assert!(self.next > before, "the log says that the disk has it");
            }
            Next::Idle => return false,
            Next::Stop => panic!("nobody stopped it"),
        }
        true
    }
}

#[test]
fn whatever_memory_and_disk_do_a_client_misses_nothing_in_silence() {
    let mut all_lost = 0;
    for seed in 1..400u64 {
        let mut chance = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut draw = |below: u64| {
            chance ^= chance << 13;
            chance ^= chance >> 7;
            chance ^= chance << 17;
            chance % below
        };
        let folder = tempfile::tempdir().unwrap();
        let limits = Limits {
            bytes: 1 << 30,
            age: Duration::from_secs(60),
            segment: 400,
        };
        let log = EventLog::new(20 + draw(60) as usize, 1);
        let mut disk = SlowDisk {
            spool: Spool::open(folder.path(), "b", 5, limits).unwrap().spool,
            works: true,
        };
        log.attach(disk.spool.shelf(), limits.bytes);
        let follower = |durable| Follower {
            id: log.enter(durable).0,
            next: 1,
            lost: BTreeMap::new(),
        };
        let (mut daemon, mut looker) = (follower(Some(("daemon", (0, 0)))), follower(None));
        let mut newest = 0;
        for _ in 0..200 {
            match draw(12) {
                0..=3 => {
                    for _ in 0..=draw(30) {
                        newest += 1;
                        log.append(newest, ended(newest));
                    }
                }
                4 => newest += draw(2) * draw(5),
                5 | 6 => disk.step(&log),
                7 => disk.works = draw(3) > 0,
                8 | 9 => {
                    daemon.step(&log, &disk);
                }
                10 => {
                    looker.step(&log, &disk);
                }
                _ => log.stored("daemon", (1, daemon.next - 1)),
            }
        }
        newest += 1;
        log.append(newest, ended(newest));
        disk.works = true;
        for _ in 0..newest {
            disk.step(&log);
        }
        for follower in [&mut daemon, &mut looker] {
            while follower.step(&log, &disk) {}
            assert_eq!(follower.next, newest + 1, "seed {seed}");
            let known = [
                GapReason::Overflow,
                GapReason::DiskFull,
                GapReason::DiskFailed,
                GapReason::Acknowledged,
            ];
            assert!(
                follower.lost.keys().all(|reason| known.contains(reason)),
                "{:?}",
                follower.lost
            );
        }
        // To who stores, nothing that it has stored is missing. What the log counts as lost the client may have been given, and not
        // have stored yet.
        assert!(!daemon.lost.contains_key(&GapReason::Acknowledged), "seed {seed}");
        let counted = log.info().lost;
        let sum = |lost: &BTreeMap<GapReason, u64>| lost.values().sum::<u64>();
        assert!(
            sum(&daemon.lost) <= sum(&counted),
            "seed {seed}: {:?} {counted:?}",
            daemon.lost
        );
        all_lost += sum(&daemon.lost);
        // And the files alone tell the same from the beginning.
        let mut again = follower(None);
        let mut reader = Reader::new(disk.spool.shelf(), 1, 1);
        while again.next <= newest {
            let step = reader.step(u64::MAX, |found| {
                match found {
                    Found::Event { seq, line, .. } => again.event(seq, line),
                    Found::Gap { first, last, reason } => {
                        again.gap(first, last, crate::spool::of_label(reason))
                    }
                }
                Ok(())
            });
            step.unwrap();
        }
        assert!(!again.lost.contains_key(&GapReason::Damaged), "seed {seed}");
    }
    assert!(all_lost > 1_000, "the test loses something");
}
