//! Events on the disk until they are stored: over restarts, kills, full disks and slow clients.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hotline_host::engine::input::Party;
use hotline_host::wire::frame::{GapReason, PipeInfo, Resume};
use hotline_host::wire::{FromClient, FromNode, Snapshot};

use crate::bed::{Bed, Client};

/// What a client was told of one boot.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Told {
    pub(crate) boot: String,
    /// First and last of what was told in a row, and why it is missing if it is.
    pub(crate) parts: Vec<(u64, u64, Option<GapReason>)>,
    /// How it ended, if that was told.
    pub(crate) clean: Option<bool>,
    pub(crate) snapshots: Vec<u64>,
}

impl Told {
    pub(crate) fn next(&self, begun: u64) -> u64 {
        self.parts.last().map_or(begun, |part| part.1 + 1)
    }

    fn add(&mut self, first: u64, last: u64, gap: Option<GapReason>, begun: u64) {
        assert_eq!(first, self.next(begun), "a silent hole in {self:?}");
        match self.parts.last_mut() {
            Some(part) if part.2 == gap => part.1 = last,
            _ => self.parts.push((first, last, gap)),
        }
    }
}

/// Reads until `is_all` is told of the present boot.
pub(crate) fn told(
    client: &mut Client,
    resume: Option<&Resume>,
    is_all: impl Fn(&Told, &str) -> bool,
) -> Vec<Told> {
    let mut boots: Vec<Told> = Vec::new();
    let mut present = String::new();
    client.find(|frame| {
        match frame {
            FromNode::Hello(hello) => present = hello.boot,
            FromNode::Boot { boot, .. } => boots.push(Told {
                boot,
                ..Told::default()
            }),
            FromNode::Event(frame) => {
                let told = boots.last_mut().unwrap();
                let begun = begun(resume, &told.boot);
                told.add(frame.seq, frame.seq, None, begun);
            }
            FromNode::Gap(gap) => {
                let told = boots.last_mut().unwrap();
                let begun = begun(resume, &told.boot);
                told.add(gap.first, gap.last, Some(gap.reason), begun);
            }
            FromNode::End { clean } => boots.last_mut().unwrap().clean = Some(clean),
            FromNode::Snapshot { snapshot } => boots.last_mut().unwrap().snapshots.push(snapshot.seq),
            FromNode::Heartbeat { .. } | FromNode::Reply { .. } => {}
            FromNode::Error { message } => panic!("{message}"),
        }
        boots
            .last()
            .is_some_and(|told| told.boot == present && is_all(told, &present))
            .then_some(())
    });
    boots
}

fn begun(resume: Option<&Resume>, boot: &str) -> u64 {
    resume
        .filter(|resume| resume.boot == boot)
        .map_or(0, |resume| resume.seq)
        + 1
}

/// All up to event `last` of the present boot.
pub(crate) fn told_to(client: &mut Client, resume: Option<&Resume>, last: u64) -> Vec<Told> {
    told(client, resume, |told, _| {
        told.next(begun(resume, &told.boot)) > last
    })
}

const SPOOL: &str = "[spool]\ndirectory = \"@FOLDER@\"\n";

fn spool_folder(bed: &Bed) -> PathBuf {
    bed.folder.path().join("t.spool")
}

fn one_call(bed: &Bed) {
    let mut call = bed.call();
    call.connect();
    call.end(Party::Agent);
    call.released();
}

fn newest(bed: &Bed) -> u64 {
    bed.host.snapshot().unwrap().seq
}

/// Waits until the spool's thread has come so far.
fn await_pipe(bed: &Bed, what: &str, is_so: impl Fn(&PipeInfo) -> bool) -> PipeInfo {
    for _ in 0..2_000 {
        let pipe = bed.host.pipe();
        if is_so(&pipe) {
            return pipe;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    panic!("waited in vain until {what}: {:?}", bed.host.pipe());
}

fn boot_of(bed: &Bed) -> String {
    bed.client(None, false).boot()
}

fn all(boot: &str, last: u64, clean: Option<bool>) -> Told {
    Told {
        boot: boot.into(),
        parts: vec![(1, last, None)],
        clean,
        snapshots: Vec::new(),
    }
}

#[test]
fn what_nobody_stored_is_there_after_restarts_in_order() {
    let mut bed = Bed::with(SPOOL);
    let mut expected = Vec::new();
    for _ in 0..3 {
        let boot = boot_of(&bed);
        one_call(&bed);
        bed.host.stop();
        expected.push((boot, bed.host.pipe().newest));
        bed.restart();
    }
    one_call(&bed);
    let last = newest(&bed);
    let mut daemon = bed.client(None, true);
    let mut boots = told_to(&mut daemon, None, last);
    let present = boots.pop().unwrap();
    assert_eq!(present.parts, [(1, last, None)]);
    assert_eq!(present.snapshots, [0]);
    let before: Vec<Told> = expected
        .iter()
        .map(|(boot, last)| all(boot, *last, Some(true)))
        .collect();
    assert_eq!(boots, before);

    // It has stored half of the second one; then all of it, and the third one; then something of the present.
    let second = expected[1].clone();
    let resume = Resume {
        boot: second.0.clone(),
        seq: second.1 / 2,
    };
    drop(daemon);
    let mut daemon = bed.client(Some(resume.clone()), true);
    let boots = told_to(&mut daemon, Some(&resume), last);
    assert_eq!(boots.len(), 3);
    assert_eq!(boots[0].parts, [(resume.seq + 1, second.1, None)]);
    await_pipe(&bed, "the first boot is let go", |pipe| {
        pipe.spool.as_ref().unwrap().earlier == 2
    });
    daemon.send(&FromClient::Ack {
        boot: present.boot,
        seq: 1,
    });
    await_pipe(&bed, "all of them are", |pipe| {
        pipe.spool.as_ref().unwrap().earlier == 0
    });
    // The lock, and the present boot. The folders go right after they are off the shelf.
    await_pipe(&bed, "their folders are gone", |_| {
        std::fs::read_dir(spool_folder(&bed)).unwrap().count() == 2
    });
}

#[test]
fn a_client_that_only_looks_is_told_of_the_present_alone() {
    let mut bed = Bed::with(SPOOL);
    one_call(&bed);
    bed.restart();
    let mut client = bed.client(None, false);
    let boots = told(&mut client, None, |told, _| !told.snapshots.is_empty());
    assert_eq!(boots.len(), 1);
}

#[test]
fn what_memory_has_no_room_for_comes_from_the_disk() {
    let bed = Bed::with(&format!("max_events = 1000\n{SPOOL}"));
    let mut away = bed.client(None, true);
    assert_eq!(away.snapshot().seq, 0);
    drop(away);
    while newest(&bed) < 5_000 {
        one_call(&bed);
    }
    let last = newest(&bed);
    let pipe = await_pipe(&bed, "all is written", |pipe| {
        pipe.spool.as_ref().unwrap().written >= last
    });
    assert_eq!(pipe.lost, BTreeMap::new());
    assert!(pipe.memory <= 1_000, "{pipe:?}");
    let mut daemon = bed.client(None, true);
    let boots = told_to(&mut daemon, None, last);
    assert_eq!(boots.len(), 1);
    assert_eq!(boots[0].parts, [(1, last, None)]);
    // From within what is on the disk alone, too.
    let resume = Resume {
        boot: boots[0].boot.clone(),
        seq: 77,
    };
    let mut again = bed.client(Some(resume.clone()), true);
    assert_eq!(
        told_to(&mut again, Some(&resume), last)[0].parts,
        [(78, last, None)]
    );
}

#[test]
fn what_is_stored_is_let_go() {
    let bed = Bed::with(&format!("{SPOOL}max_mib = 1\n"));
    let mut daemon = bed.client(None, true);
    let boot = daemon.boot();
    while newest(&bed) < 3_000 {
        one_call(&bed);
    }
    let last = newest(&bed);
    await_pipe(&bed, "all is written", |pipe| {
        pipe.spool.as_ref().unwrap().written >= last
    });
    let full = bed.host.pipe().spool.unwrap().bytes;
    daemon.send(&FromClient::Ack { boot, seq: last });
    let pipe = await_pipe(&bed, "the files are gone", |pipe| {
        pipe.spool.as_ref().unwrap().bytes < full / 2
    });
    assert_eq!((pipe.acknowledged, pipe.lost), (last, BTreeMap::new()));
    assert_eq!(pipe.spool.unwrap().synced, last, "who stored it has it on a disk");
}

/// Until some of it had to go; no faster than the disk takes it.
fn fill_spool(bed: &Bed) {
    while bed.host.pipe().lost.is_empty() {
        one_call(bed);
        let last = newest(bed);
        await_pipe(bed, "it is written", |pipe| {
            pipe.spool.as_ref().unwrap().written >= last
        });
    }
}

#[test]
fn a_full_spool_drops_the_oldest_and_says_so() {
    let bed = Bed::with(&format!("max_events = 1000\n{SPOOL}max_mib = 1\n"));
    fill_spool(&bed);
    let last = newest(&bed);
    let pipe = await_pipe(&bed, "all is written", |pipe| {
        pipe.spool.as_ref().unwrap().written >= last
    });
    let mut daemon = bed.client(None, true);
    let boots = told_to(&mut daemon, None, last);
    let [(1, lost, Some(GapReason::SpoolFull)), (first, told, None)] = boots[0].parts[..] else {
        panic!("{boots:?}");
    };
    assert_eq!((first, told), (lost + 1, last));
    assert_eq!(pipe.lost, BTreeMap::from([(GapReason::SpoolFull, lost)]));
    assert!(
        boots[0].snapshots.contains(&last) || boots[0].snapshots == [0],
        "{boots:?}"
    );
    assert!(bed.logged("the spool has reached [spool] max_mib"));
    let said = bed.pbx.log.lock().unwrap();
    assert_eq!(
        said.iter().filter(|line| line.contains("max_mib")).count(),
        1,
        "{said:?}"
    );
}

#[test]
fn without_a_spool_that_can_be_used_the_node_works_from_memory() {
    let bed = Bed::with("[spool]\ndirectory = \"/dev/null/none\"\n");
    assert!(bed.logged("EVENTS ARE KEPT IN MEMORY ONLY"));
    assert!(bed.logged("/dev/null/none"));
    one_call(&bed);
    let last = newest(&bed);
    let mut daemon = bed.client(None, true);
    assert_eq!(told_to(&mut daemon, None, last)[0].parts, [(1, last, None)]);
    assert_eq!(bed.host.pipe().spool, None);

    let none = Bed::start();
    assert!(none.logged("neither a [spool] nor a [state] directory"));
    let of_state = Bed::with("[state]\ndirectory = \"@FOLDER@\"\n");
    assert!(of_state.host.pipe().spool.is_some());
    let off = Bed::with("[state]\ndirectory = \"@FOLDER@\"\n[spool]\nmax_mib = 0\n");
    assert_eq!(off.host.pipe().spool, None);
}

#[test]
fn the_lines_of_an_older_version_are_told_if_they_make_sense() {
    let mut bed = Bed::with(SPOOL);
    let boot = boot_of(&bed);
    one_call(&bed);
    bed.host.stop();
    let last = bed.host.pipe().newest;
    // As if the version in the file's head were another one, and one event of a kind that is not known.
    let file = segments(&spool_folder(&bed))[0].clone();
    let mut older = Vec::new();
    for record in hotline_spool::record::Records::new(&std::fs::read(&file).unwrap(), 0) {
        use hotline_spool::record::Record;
        let record = match record {
            Record::Head { .. } => Record::Head { protocol: 1 },
            Record::Event { seq: 3, .. } => Record::Event {
                seq: 3,
                line: b"{\"type\":\"event\",\"seq\":3,\"at\":1,\"event\":{\"kind\":\"unheard_of\"}}\n",
            },
            other => other,
        };
        record.write(&mut older).unwrap();
    }
    std::fs::write(&file, older).unwrap();
    bed.restart();
    let mut daemon = bed.client(None, true);
    let boots = told(&mut daemon, None, |told, _| !told.parts.is_empty());
    assert_eq!(boots[0].boot, boot);
    let expected = [(1, 2, None), (3, 3, Some(GapReason::Version)), (4, last, None)];
    assert_eq!(boots[0].parts, expected);
}

fn segments(spool: &Path) -> Vec<PathBuf> {
    let boots = std::fs::read_dir(spool)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let folders = boots.filter(|path| path.is_dir());
    let mut files: Vec<PathBuf> = folders
        .flat_map(|folder| std::fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

#[test]
fn a_snapshot_is_what_the_events_before_it_come_to() {
    let bed = Bed::with(&format!("max_events = 1000\n{SPOOL}max_mib = 1\n"));
    fill_spool(&bed);
    let mut call = bed.call();
    call.connect();
    let last = newest(&bed);
    let mut daemon = bed.client(None, true);
    let mut next = 1;
    let live: Snapshot = daemon.find(|frame| {
        match frame {
            FromNode::Gap(gap) => next = gap.last + 1,
            FromNode::Event(frame) => next = frame.seq + 1,
            FromNode::Snapshot { snapshot } if snapshot.seq > 0 => {
                assert_eq!(snapshot.seq + 1, next, "in its place");
                return Some(*snapshot);
            }
            _ => {}
        }
        None
    });
    assert!(live.seq >= last);
    assert_eq!(live.calls.len(), 1);
}
