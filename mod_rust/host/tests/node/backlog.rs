//! A week without a daemon, and the day it is back: millions of events through the spool into a real store.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use hotline_host::engine::input::Party;

use crate::bed::Bed;

/// `cargo build --release -p hotline-supervisord`, then
/// `cargo test -p hotline-host --test node --release -- --ignored backlog --nocapture`
#[test]
#[ignore = "takes minutes and gigabytes; for the figures in docs/measured.md"]
fn a_weeks_backlog_is_drained() {
    let wanted: u64 = std::env::var("HOTLINE_EVENTS").map_or(5_000_000, |count| count.parse().unwrap());
    let bed = Bed::with("[spool]\ndirectory = \"@FOLDER@\"\n");
    let begun = Instant::now();
    let mut calls = 0;
    while bed.host.pipe().newest < wanted {
        for _ in 0..1_000 {
            let mut call = bed.call();
            call.connect();
            call.end(Party::Agent);
            call.released();
            calls += 1;
        }
    }
    let last = bed.host.snapshot().unwrap().seq;
    while bed.host.pipe().spool.unwrap().written < last {
        std::thread::sleep(Duration::from_millis(10));
    }
    let took = begun.elapsed();
    let pipe = bed.host.pipe();
    let bytes = pipe.spool.unwrap().bytes;
    eprintln!(
        "{last} events of {calls} calls written in {took:.1?}: {} MiB, {} bytes an event, {} a call, lost {:?}",
        bytes >> 20,
        bytes / last,
        bytes / calls,
        pipe.lost
    );

    let program = std::env::current_exe().unwrap();
    let beside = program
        .parent()
        .unwrap()
        .parent()
        .unwrap()
        .join("hotline-supervisord");
    let program = std::env::var_os("HOTLINE_SUPERVISORD").map_or(beside, PathBuf::from);
    let at = |name: &str| bed.folder.path().join(name);
    let settings = format!(
        "[[node]]\nsocket = {:?}\n[http]\nlisten = \"127.0.0.1:0\"\n[dbus]\nbus = \"off\"\n[store]\npath = {:?}\nmax_mib = 100000\n",
        at("node.sock"),
        at("events.db")
    );
    std::fs::write(at("supervisord.toml"), settings).unwrap();
    let begun = Instant::now();
    let mut daemon = Command::new(program)
        .arg("--config")
        .arg(at("supervisord.toml"))
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    while bed.host.pipe().acknowledged < last {
        assert!(daemon.try_wait().unwrap().is_none(), "the daemon ended");
        std::thread::sleep(Duration::from_millis(10));
    }
    let took = begun.elapsed();
    let pipe = bed.host.pipe();
    eprintln!(
        "drained in {took:.1?}: {:.0} events a second; the store has {} MiB, the spool {} KiB left, lost {:?}",
        last as f64 / took.as_secs_f64(),
        std::fs::metadata(at("events.db")).unwrap().len() >> 20,
        pipe.spool.unwrap().bytes >> 10,
        pipe.lost
    );
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    assert!(bed.host.pipe().lost.is_empty());
}
