//! Who may do what over D-Bus, with a bus as strict as the system's, callers of other users, and a polkit that allows,
//! denies, asks, hangs or is gone.

use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command as Program, Output};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use supervisord::daemon::Daemon;
use supervisord::settings::{Bus, DbusSettings, Decider, Groups};
use supervisord::timings::Timings;
use tempfile::TempDir;
use zbus::OwnedVariant;

use crate::support::bus::PrivateBus;
use crate::support::inside;
use crate::support::node::FakeNode;
use crate::support::story::Story;

const POLKIT: &str = "org.freedesktop.PolicyKit1";

/// What the fake polkit does next.
#[derive(Clone, Copy, PartialEq)]
enum Mood {
    Allow,
    Deny,
    /// Allows if it may ask, as if the right password was given.
    Ask,
    Hang,
    Fail,
    /// As for an asker who has left the bus: the bus's error, passed on.
    Gone,
    /// The same of something else that it looks for on the bus.
    Lost,
}

/// Action, flags, of each question; and what was cancelled.
#[derive(Default)]
struct Heard {
    questions: Vec<(String, u32)>,
    cancelled: usize,
}

struct FakePolkit {
    mood: Arc<Mutex<Mood>>,
    heard: Arc<Mutex<Heard>>,
}

#[zbus::interface(name = "org.freedesktop.PolicyKit1.Authority")]
impl FakePolkit {
    async fn check_authorization(
        &self,
        subject: (String, HashMap<String, OwnedVariant>),
        action: String,
        _details: HashMap<String, String>,
        flags: u32,
        _cancellation: String,
    ) -> zbus::fdo::Result<(bool, bool, HashMap<String, String>)> {
        assert_eq!(subject.0, "system-bus-name");
        assert!(subject.1.contains_key("name"));
        self.heard.lock().unwrap().questions.push((action, flags));
        let mood = *self.mood.lock().unwrap();
        match mood {
            Mood::Allow => Ok((true, false, HashMap::new())),
            Mood::Deny => Ok((false, false, HashMap::new())),
            Mood::Ask => Ok((flags & 1 == 1, true, HashMap::new())),
            Mood::Hang => std::future::pending().await,
            Mood::Fail => Err(zbus::fdo::Error::Failed("rules are broken".into())),
            Mood::Gone => Err(zbus::fdo::Error::NameHasNoOwner("no such name".into())),
            Mood::Lost => Err(zbus::fdo::Error::ServiceUnknown("no such service".into())),
        }
    }

    fn cancel_check_authorization(&self, _cancellation: String) {
        self.heard.lock().unwrap().cancelled += 1;
    }
}

/// A daemon on a strict bus, and a stranger's hotlinectl.
struct Floor {
    dir: TempDir,
    bus: PrivateBus,
    _node: FakeNode,
    daemon: Daemon,
    program: PathBuf,
}

/// Only root can act as another user.
fn as_root() -> bool {
    let root = nix::unistd::getuid().is_root();
    if !root {
        eprintln!("NOT TESTED: only root can act as another user");
    }
    root
}

impl Floor {
    async fn new(authority: Decider, groups: Groups) -> Floor {
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let bus = PrivateBus::start_strict(dir.path());
        let node = FakeNode::start(dir.path(), "pbx1", "b1");
        Story::new(61, "b1").begin(&node);
        let mut settings = inside::settings(dir.path(), &[&node]);
        settings.dbus = DbusSettings {
            bus: Bus::Address(bus.address().into()),
            authority,
            groups,
        };
        let timings = Timings {
            authority: Duration::from_millis(500),
            ..Timings::default()
        };
        let daemon = inside::start_timed(settings, timings).await;
        let program = dir.path().join("hotlinectl");
        std::fs::copy(env!("CARGO_BIN_EXE_hotlinectl"), &program).unwrap();
        let floor = Floor {
            dir,
            bus,
            _node: node,
            daemon,
            program,
        };
        // Queues and agents are for everybody to see.
        loop {
            let shown = floor.stranger(&[], &["show", "agents", "--json"]).await;
            if shown.status.success() && text(&shown).contains("\"1001\"") {
                return floor;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// hotlinectl as nobody, with these groups.
    async fn stranger(&self, groups: &[&str], arguments: &[&str]) -> Output {
        let groups = match groups {
            [] => "--clear-groups".to_owned(),
            groups => format!("--groups={}", groups.join(",")),
        };
        let mut command = Program::new("setpriv");
        command
            .args(["--reuid=nobody", "--regid=nogroup", &groups])
            .arg(&self.program)
            .args(arguments)
            .env("HOTLINE_BUS", self.bus.address())
            .current_dir(self.dir.path());
        tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap()
    }

    async fn polkit(&self, mood: Mood) -> (zbus::Connection, Arc<Mutex<Mood>>, Arc<Mutex<Heard>>) {
        let (mood, heard) = (Arc::new(Mutex::new(mood)), Arc::default());
        let fake = FakePolkit {
            mood: Arc::clone(&mood),
            heard: Arc::clone(&heard),
        };
        let connection = zbus::connection::Builder::address(self.bus.address())
            .serve_at("/org/freedesktop/PolicyKit1/Authority", fake)
            .name(POLKIT)
            .build()
            .await
            .unwrap();
        (connection, mood, heard)
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn refused(output: &Output, why: &str) {
    assert_eq!(output.status.code(), Some(3), "{}", text(output));
    assert!(
        text(output).contains("NotAllowed") && text(output).contains(why),
        "{}",
        text(output)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn polkit_decides_and_what_it_does_not_decide_is_refused() {
    if !as_root() {
        return;
    }
    let groups = Groups {
        supervisor: vec!["games".into()],
        ..Groups::default()
    };
    let floor = Floor::new(Decider::Auto, groups).await;
    let (polkit, mood, heard) = floor.polkit(Mood::Allow).await;
    let set = |to: Mood| *mood.lock().unwrap() = to;
    let busy = ["agent", "force-busy", "1001", "--reason", "training"];

    let done = floor.stranger(&[], &busy).await;
    assert!(done.status.success(), "{}", text(&done));
    // It may ask: who sits at a desktop can answer.
    assert_eq!(
        heard.lock().unwrap().questions,
        [("net.hotline.hotline1.force".to_owned(), 1)]
    );
    for (asked, action) in [
        (&["show", "calls"][..], "view"),
        (&["callback", "list"], "view"),
        (&["why-not", "1001"], "view"),
        (&["agent", "ready", "1001"], "supervise"),
        (&["queue", "close", "sales"], "supervise"),
        (&["agent", "monitor", "1001", "9001"], "monitor"),
        (
            &["agent", "monitor", "1001", "9001", "--mode", "whisper"],
            "force",
        ),
        (&["blacklist", "list"], "blacklist"),
        (&["config", "save", "new.toml"], "administer"),
    ] {
        let done = floor.stranger(&[], asked).await;
        assert!(done.status.success(), "{asked:?}: {}", text(&done));
        let question = heard.lock().unwrap().questions.pop().unwrap();
        assert_eq!(question.0, format!("net.hotline.hotline1.{action}"), "{asked:?}");
    }
    // Root need not ask.
    let before = heard.lock().unwrap().questions.len();
    let own = Program::new(&floor.program)
        .args(busy)
        .env("HOTLINE_BUS", floor.bus.address())
        .output();
    assert!(own.unwrap().status.success());
    assert_eq!(heard.lock().unwrap().questions.len(), before);

    // Whatever polkit says but yes is no, for members of the groups as well.
    set(Mood::Deny);
    refused(
        &floor.stranger(&["games"], &busy).await,
        "polkit does not allow nobody",
    );
    // Nor is it told whether there is such a call.
    for probe in [&["why", "pbx1-0-0"][..], &["call", "withdraw", "pbx1-0-0"]] {
        refused(
            &floor.stranger(&["games"], probe).await,
            "polkit does not allow nobody",
        );
    }
    set(Mood::Fail);
    refused(&floor.stranger(&["games"], &busy).await, "rules are broken");
    // polkit is there, so groups have no say: whoever leaves early enough would choose who decides.
    set(Mood::Gone);
    refused(&floor.stranger(&["games"], &busy).await, "no such name");
    set(Mood::Lost);
    refused(&floor.stranger(&["games"], &busy).await, "no such service");
    set(Mood::Hang);
    refused(&floor.stranger(&["games"], &busy).await, "no answer within 500ms");
    assert_eq!(heard.lock().unwrap().cancelled, 1);
    set(Mood::Ask);
    assert!(floor.stranger(&[], &busy).await.status.success());
    let asked = Program::new("setpriv")
        .args(["--reuid=nobody", "--regid=nogroup", "--clear-groups", "dbus-send"])
        .arg(format!("--bus={}", floor.bus.address()))
        .args([
            "--print-reply",
            "--dest=net.hotline.Hotline1",
            "/net/hotline/Hotline1",
        ])
        .arg("net.hotline.Hotline1.Manager.ListCalls")
        .output()
        .unwrap();
    assert!(text(&asked).contains("must authenticate"), "{}", text(&asked));

    // Gone while it is asked: no.
    set(Mood::Hang);
    let hung = floor.stranger(&["games"], &busy);
    let gone = async {
        while heard.lock().unwrap().questions.last().map(|last| last.0.as_str())
            != Some("net.hotline.hotline1.force")
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        polkit.close().await.unwrap();
    };
    heard.lock().unwrap().questions.clear();
    let (hung, ()) = tokio::join!(hung, gone);
    refused(&hung, "polkit did not decide");
    // Not there at all: groups decide.
    let done = floor.stranger(&["games"], &busy).await;
    assert!(done.status.success(), "{}", text(&done));
    refused(&floor.stranger(&[], &busy).await, "group games");
    floor.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_decide_where_there_is_no_polkit() {
    if !as_root() {
        return;
    }
    let groups = Groups {
        viewer: vec!["tty".into()],
        inspector: vec!["audio".into()],
        supervisor: vec!["games".into()],
        administrator: vec!["adm".into()],
    };
    let floor = Floor::new(Decider::Groups, groups).await;
    // Nobody asks it.
    let (_polkit, _, heard) = floor.polkit(Mood::Allow).await;
    let asks = [
        &["show", "calls"][..],
        &["agent", "monitor", "1001", "9001"],
        &["agent", "force-busy", "1001", "--reason", "x"],
        &["config", "save", "new.toml"],
    ];
    for (group, allowed) in [("tty", 1), ("audio", 2), ("games", 3), ("adm", 4), ("users", 0)] {
        for (n, ask) in asks.iter().enumerate() {
            let output = floor.stranger(&[group], ask).await;
            match n < allowed {
                true => assert!(output.status.success(), "{group} {ask:?}: {}", text(&output)),
                false => refused(&output, "nobody may not do this"),
            }
        }
    }
    assert!(heard.lock().unwrap().questions.is_empty());
    floor.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_wants_polkit_only_gets_nothing_without() {
    if !as_root() {
        return;
    }
    let groups = Groups {
        administrator: vec!["games".into()],
        ..Groups::default()
    };
    let floor = Floor::new(Decider::Polkit, groups).await;
    refused(
        &floor.stranger(&["games"], &["show", "calls"]).await,
        "polkit is not on the bus",
    );
    floor.daemon.stop().await;
}
