//! A node in a process of its own that is killed, or whose disk is full: what becomes of its events.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use hotline_host::Host;
use hotline_host::engine::input::{Caller, Party};
use hotline_host::wire::frame::{GapReason, Resume};
use hotline_host::wire::{FromClient, FromNode, PROTOCOL};

use crate::bed::{Call, Client, FakePbx, SETTINGS};
use crate::spool::{Told, told_to};

/// Tells the child what it is, and where.
const CHILD: &str = "HOTLINE_TEST_NODE";

/// The node: makes calls until it is killed. `call N` on its input makes N calls, `pipe` has it say how the events fare, `go N` has it
/// make calls for ever, N a second.
#[test]
fn child() {
    let Some(folder) = std::env::var_os(CHILD) else {
        return;
    };
    let folder = PathBuf::from(folder);
    let pbx = Arc::new(FakePbx::default());
    let host = Host::start(pbx.clone(), &folder.join("hotline.toml")).unwrap();
    let call = |host: &Host| {
        let mut call = Call(host.join("support", Caller::default()).unwrap());
        call.connect();
        call.end(Party::Agent);
        call.released();
    };
    say("ready");
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let (verb, number) = line.split_once(' ').unwrap_or((&line, "0"));
        let number: u64 = number.parse().unwrap();
        match verb {
            "call" => {
                (0..number).for_each(|_| call(&host));
                // It comes after all that was published before.
                host.snapshot().unwrap();
                say("done");
            }
            "pipe" => say(&serde_json::to_string(&host.pipe()).unwrap()),
            "log" => say(&pbx.log.lock().unwrap().join(" | ")),
            "stop" => {
                host.stop();
                say("stopped");
            }
            "go" => {
                // What it has published, for who comes after the kill.
                let watched = host.clone();
                let seen = std::fs::File::create(folder.join("newest")).unwrap();
                std::thread::spawn(move || {
                    loop {
                        let newest = watched.pipe().newest;
                        seen.write_all_at(&newest.to_le_bytes(), 0).unwrap();
                        std::thread::sleep(Duration::from_micros(200));
                    }
                });
                let pause = Duration::from_secs(1) / u32::try_from(number).unwrap();
                loop {
                    call(&host);
                    std::thread::sleep(pause);
                }
            }
            other => panic!("{other}?"),
        }
    }
}

/// To the parent; the test harness is told not to keep what is printed.
fn say(line: &str) {
    eprintln!("node: {line}");
}

pub(crate) struct Node {
    child: Child,
    input: ChildStdin,
    output: BufReader<std::process::ChildStderr>,
    folder: PathBuf,
}

impl Node {
    /// In this folder; `around` runs it.
    fn start_in(folder: &Path, around: &[String]) -> Node {
        let program = std::env::current_exe().unwrap();
        let mut words = around.to_vec();
        words.push(program.display().to_string());
        words.extend(["--exact", "killed::child", "--nocapture", "--quiet"].map(str::to_owned));
        let mut child = Command::new(&words[0])
            .args(&words[1..])
            .env(CHILD, folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut node = Node {
            input: child.stdin.take().unwrap(),
            output: BufReader::new(child.stderr.take().unwrap()),
            child,
            folder: folder.to_owned(),
        };
        assert_eq!(node.hear(), "ready");
        node
    }

    fn start(folder: &Path) -> Node {
        Node::start_in(folder, &[])
    }

    fn tell(&mut self, line: &str) {
        writeln!(self.input, "{line}").unwrap();
    }

    fn hear(&mut self) -> String {
        let mut said = String::new();
        loop {
            let mut line = String::new();
            let length = self.output.read_line(&mut line).unwrap();
            if let Some(line) = line.strip_prefix("node: ") {
                return line.trim_end().to_owned();
            }
            said.push_str(&line);
            assert!(length > 0, "the node ended: {said}");
        }
    }

    fn ask(&mut self, line: &str) -> String {
        self.tell(line);
        self.hear()
    }

    fn pipe(&mut self) -> hotline_host::wire::frame::PipeInfo {
        serde_json::from_str(&self.ask("pipe")).unwrap()
    }

    fn client(&self, resume: Option<Resume>, durable: bool) -> Client {
        let mut client = Client::connect(self.folder.join("node.sock"));
        client.send(&FromClient::Hello {
            protocol: PROTOCOL,
            client: "test".into(),
            resume,
            durable,
        });
        client
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn write_settings(folder: &Path, spool: &Path, more: &str) {
    let socket = folder.join("node.sock");
    let text = format!(
        "node = \"t\"\n[control]\nsocket = {socket:?}\nmax_events = 1000\n[spool]\ndirectory = {spool:?}\n{more}\n{SETTINGS}"
    );
    std::fs::write(folder.join("hotline.toml"), text).unwrap();
}

/// Kills a node under load; gives the boot, its newest event that anybody knows of, and when that was.
fn kill_under_load(folder: &Path, calls_a_second: u32, after: u64) -> (String, u64, u64) {
    let mut node = Node::start(folder);
    let mut watcher = node.client(None, false);
    let boot = watcher.boot();
    node.tell(&format!("go {calls_a_second}"));
    watcher.event(|_| Some(()));
    while watcher.event(|_| Some(())).0 < after {}
    let watching = std::thread::spawn(move || {
        let mut last = (0, 0);
        while let Some(frame) = watcher.read() {
            if let FromNode::Event(frame) = frame {
                last = (frame.seq, frame.at);
            }
        }
        last
    });
    node.kill();
    let (seen, at) = watching.join().unwrap();
    let published = std::fs::read(folder.join("newest")).unwrap();
    let published = u64::from_le_bytes(published.try_into().unwrap());
    (boot, seen.max(published), at)
}

fn killed_again_and_again(kills: u64, calls_a_second: u32) -> Vec<u64> {
    let folder = tempfile::tempdir().unwrap();
    write_settings(folder.path(), folder.path(), "");
    let known: Vec<(String, u64, u64)> = (0..kills)
        .map(|kill| kill_under_load(folder.path(), calls_a_second, 50 + 37 * (kill % 11)))
        .collect();
    let node = Node::start(folder.path());
    let mut daemon = node.client(None, true);
    let boots = told_to(&mut daemon, None, 1);
    assert_eq!(boots.len() as u64, kills + 1, "every start is told of");
    let mut missing = Vec::new();
    for (told, (boot, newest, _)) in boots.iter().zip(&known) {
        assert_eq!((&told.boot, told.clean), (boot, Some(false)));
        let gap = |part: &&(u64, u64, Option<GapReason>)| part.2.is_some();
        let gaps: Vec<_> = told.parts.iter().filter(gap).collect();
        assert!(
            gaps.iter()
                .all(|part| part.2 == Some(GapReason::Torn) && part.0 == part.1),
            "{told:?}"
        );
        let there = told
            .parts
            .iter()
            .filter(|part| part.2.is_none())
            .map(|part| part.1);
        missing.push(newest.saturating_sub(there.max().unwrap()));
    }
    node.kill();
    missing
}

#[test]
fn killed_under_load_it_loses_no_event_that_lies_far_back() {
    let missing = killed_again_and_again(10, 200);
    eprintln!("events that were published and not in the spool, by kill: {missing:?}");
    // Far more than a kill costs, and far less than there were: the machine may be busy.
    assert!(missing.iter().all(|missing| *missing < 40), "{missing:?}");
}

/// `cargo test -p hotline-host --test node --release -- --ignored measure --nocapture`
#[test]
#[ignore = "for the figures in docs/measured.md"]
fn measure_what_a_kill_costs() {
    for rate in [100, 1_000, 10_000] {
        let mut missing = killed_again_and_again(100, rate);
        missing.sort_unstable();
        eprintln!(
            "{rate} calls a second wanted, 100 kills: {} of them cost nothing, median {}, most {}",
            missing.iter().filter(|missing| **missing == 0).count(),
            missing[missing.len() / 2],
            missing[missing.len() - 1],
        );
    }
}

/// Runs in a mount namespace of its own, with a disk of that many KiB at `disk`.
fn with_small_disk(disk: &Path, kib: u32) -> Vec<String> {
    let mount = format!(
        "mount -t tmpfs -o size={kib}k none {} && exec \"$@\"",
        disk.display()
    );
    // Somebody who is not root is, in there.
    let words = [
        "unshare",
        "--user",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        &mount,
        "sh",
    ];
    words.map(str::to_owned).to_vec()
}

#[test]
fn a_full_disk_costs_nothing_until_memory_is_full_and_then_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    write_settings(folder.path(), &disk, "");
    let mut node = Node::start_in(folder.path(), &with_small_disk(&disk, 256));
    let inside = |node: &Node| PathBuf::from(format!("/proc/{}/root{}", node.child.id(), disk.display()));
    let mut watcher = node.client(None, false);
    let boot = watcher.boot();

    // Full, and nothing lost as yet.
    loop {
        node.ask("call 5");
        let spool = node.pipe().spool.unwrap();
        if !spool.trouble.is_empty() {
            assert!(spool.trouble.contains("No space left"), "{spool:?}");
            break;
        }
    }
    let full = node.pipe();
    assert!(full.lost.is_empty(), "{full:?}");
    let mut daemon = node.client(None, true);
    assert_eq!(
        told_to(&mut daemon, None, full.newest)[0].parts,
        [(1, full.newest, None)]
    );
    drop(daemon);

    // Until memory is full as well.
    while node.pipe().lost.is_empty() {
        node.ask("call 20");
    }
    node.ask("call 20");
    let over = node.pipe();
    let lost = over.lost[&GapReason::DiskFull];
    let written = over.spool.unwrap().written;
    let mut daemon = node.client(None, true);
    let told: Vec<Told> = told_to(&mut daemon, None, over.newest);
    let expected = [
        (1, written, None),
        (written + 1, written + lost, Some(GapReason::DiskFull)),
        (written + lost + 1, over.newest, None),
    ];
    assert_eq!(told[0].parts, expected);
    drop(daemon);

    // Room again: what memory has is written, and the gap is in the files.
    let ballast = node.pipe().spool.unwrap().bytes;
    assert!(ballast > 100_000);
    let remounted = Command::new("nsenter")
        .args(["--user", "--mount", "--preserve-credentials", "--target"])
        .arg(node.child.id().to_string())
        .args(["mount", "-o", "remount,size=64m"])
        .arg(&disk)
        .status()
        .unwrap();
    assert!(remounted.success());
    while !node.pipe().spool.unwrap().trouble.is_empty() {
        std::thread::sleep(Duration::from_millis(20));
    }
    while node.pipe().spool.unwrap().written < over.newest {
        std::thread::sleep(Duration::from_millis(5));
    }
    let log = node.ask("log");
    let errors = log.matches("the spool cannot be written: ").count();
    assert_eq!(errors, 1, "{log}");
    assert!(
        log.contains(&format!(
            "the spool can be written again; {lost} events were lost"
        )),
        "{log}"
    );
    assert_eq!(node.ask("stop"), "stopped");

    // The files alone have all of it, for the next start.
    let copied = Command::new("cp")
        .arg("-r")
        .arg(inside(&node).join("t.spool"))
        .arg(folder.path().join("t.spool"))
        .status();
    assert!(copied.unwrap().success());
    node.kill();
    write_settings(folder.path(), folder.path(), "");
    let node = Node::start(folder.path());
    let mut daemon = node.client(None, true);
    let told = told_to(&mut daemon, None, 1);
    assert_eq!((&told[0].boot, told[0].clean), (&boot, Some(true)));
    assert_eq!(told[0].parts, expected);
    node.kill();
}
