//! Users of the machine on the bus, once the settings tell them apart: each sees what it would over HTTP.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hotline_wire::{Command, Event, Outcome};
use supervisord::authority::Role;
use supervisord::ctl::{Ask, Client, Failure};
use supervisord::daemon::Daemon;
use supervisord::settings::{AlarmSettings, Bus, DbusSettings, UnixSettings};
use supervisord::timings::Timings;
use tokio::io::{AsyncBufReadExt, BufReader};
use zbus::OwnedVariant;

use crate::support::bus::PrivateBus;
use crate::support::client::staff;
use crate::support::inside;
use crate::support::node::{FakeNode, PATIENCE};
use crate::support::story::{MORNING, agent, joined, settings};

struct Floor {
    bus: PrivateBus,
    node: FakeNode,
    daemon: Daemon,
    client: Client,
    _dir: tempfile::TempDir,
}

fn me() -> String {
    let me = nix::unistd::User::from_uid(nix::unistd::getuid());
    me.unwrap().unwrap().name
}

/// Whoever runs the test is this; team `first` has queue support and agents 1001 and 1002.
async fn floor(user: &str, role: Role, teams: &[&str]) -> Floor {
    let dir = tempfile::tempdir().unwrap();
    let bus = PrivateBus::start(dir.path());
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    let agents = [("1001", "support"), ("1002", "support"), ("1003", "sales")];
    let agents = agents.map(|(number, queue)| agent(number, &[queue])).to_vec();
    node.tell_at(MORNING, settings(&["sales", "support"], agents));
    for queue in ["support", "sales"] {
        node.tell_at(
            MORNING,
            joined(&format!("pbx1-b1-{}", queue.len()), queue, "gold", "13800138000"),
        );
        let callback = format!("pbx1-b1-1{}", queue.len());
        node.tell_at(MORNING, joined(&callback, queue, "gold", "13800138000"));
        node.tell_at(
            MORNING,
            Event::CallbackPlaced {
                callback,
                queue: queue.into(),
                tier: "gold".into(),
                number: "13800138000".into(),
                position: 1,
            },
        );
    }
    let mut settings = inside::settings(dir.path(), &[&node]);
    staff(&mut settings);
    settings.dbus = DbusSettings {
        bus: Bus::Address(bus.address().into()),
        ..DbusSettings::default()
    };
    settings.unix = vec![UnixSettings {
        user: Some(user.to_owned()),
        group: None,
        role,
        teams: teams.iter().map(|team| (*team).to_owned()).collect(),
        supervisor: None,
    }];
    let rule: AlarmSettings =
        toml::from_str("name = \"crowd\"\nfigure = \"waiting\"\nabove = [0]\naction = \"secret plan\"")
            .unwrap();
    settings.alarm = vec![rule];
    let timings = Timings {
        alarms: Duration::from_millis(20),
        ..Timings::default()
    };
    let daemon = inside::start_timed(settings, timings).await;
    let client = Client::connect(Bus::Address(bus.address().into()), PATIENCE)
        .await
        .unwrap();
    Floor {
        bus,
        node,
        daemon,
        client,
        _dir: dir,
    }
}

async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let wait = async {
        loop {
            if let Some(found) = ask().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait)
        .await
        .unwrap_or_else(|_| panic!("waited in vain until {what}"))
}

/// All properties of an agent, as whoever runs the test sees them; or the name of the error.
async fn properties(floor: &Floor, number: &str) -> Result<HashMap<String, OwnedVariant>, String> {
    let connection = supervisord::dbus::connect(&Bus::Address(floor.bus.address().into()), PATIENCE)
        .await
        .unwrap();
    let path = supervisord::dbus::paths::agent(number);
    let interface = "net.hotline.Hotline1.Agent";
    let get_all = connection
        .call_method(
            Some("net.hotline.Hotline1"),
            path.as_str(),
            Some("org.freedesktop.DBus.Properties"),
            "GetAll",
            &(interface,),
        )
        .await;
    let get = connection
        .call_method(
            Some("net.hotline.Hotline1"),
            path.as_str(),
            Some("org.freedesktop.DBus.Properties"),
            "Get",
            &(interface, "State"),
        )
        .await;
    assert_eq!(get_all.is_ok(), get.is_ok());
    match get_all {
        Ok(reply) => Ok(reply.body().deserialize().unwrap()),
        Err(error) => Err(error.to_string()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_supervisor_sees_its_own_teams_on_the_bus() {
    let floor = floor(&me(), Role::Supervisor, &["first"]).await;
    let client = &floor.client;
    let agents = until("its agents are there", async || {
        client.agents().await.ok().filter(|agents| agents.len() == 2)
    })
    .await;
    assert_eq!(
        agents
            .iter()
            .map(|agent| agent.number.as_str())
            .collect::<Vec<_>>(),
        ["1001", "1002"]
    );
    let queues = client.queues().await.unwrap();
    assert_eq!(
        queues.iter().map(|queue| queue.name.as_str()).collect::<Vec<_>>(),
        ["support"]
    );
    let calls = client.calls().await.unwrap();
    assert!(!calls.is_empty() && calls.iter().all(|call| call.queue == "support"));
    let callbacks = client.callbacks().await.unwrap();
    assert_eq!(callbacks.len(), 1);
    assert_eq!(callbacks[0].queue, "support");
    let alarms = until("its alarm is on", async || {
        client.alarms().await.ok().filter(|alarms| !alarms.is_empty())
    })
    .await;
    assert!(alarms.iter().all(|alarm| alarm.queue == "support"));
    assert_eq!(client.nodes().await.unwrap().len(), 1);

    assert!(properties(&floor, "1001").await.unwrap().contains_key("State"));
    until("the other agent is there", async || {
        let refused = properties(&floor, "1003").await.err()?;
        refused.contains("own teams").then_some(())
    })
    .await;

    // The same rule of phones as over HTTP.
    let heard: Arc<Mutex<Vec<Command>>> = Arc::default();
    let log = heard.clone();
    floor.node.answer_with(move |_, command| {
        log.lock().unwrap().push(command.clone());
        vec![Outcome::Done]
    });
    let sign_in = |phone: &str| Ask::SignIn { phone: phone.into() };
    let Err(Failure::Refused(why)) = client.agent("1001", None, &sign_in("Local/0900@outbound")).await else {
        panic!("it was carried out");
    };
    assert!(why.contains("agent_phones"), "{why}");
    assert!(heard.lock().unwrap().is_empty());
    assert_eq!(client.agent("1001", None, &sign_in("")).await, Ok("done".into()));
    floor.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_say_what_has_changed_and_not_how_it_is() {
    let floor = floor(&me(), Role::Administrator, &["*"]).await;
    until("the agents are there", async || {
        floor
            .client
            .agents()
            .await
            .ok()
            .filter(|agents| agents.len() == 3)
    })
    .await;
    let mut monitor = tokio::process::Command::new("dbus-monitor")
        .args([
            "--address",
            floor.bus.address(),
            "type='signal',sender='net.hotline.Hotline1'",
        ])
        .stdout(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(monitor.stdout.take().unwrap()).lines();
    // Things come, change and go until the monitor has heard enough of them.
    let mut seen = String::new();
    let mut nth = 0;
    let enough = async {
        let words = ["PropertiesChanged", "InterfacesAdded", "Alarms; member=Changed"];
        while words.iter().any(|word| !seen.contains(word)) {
            nth += 1;
            let mut agents = vec![agent("1001", &["support"]), agent("1003", &["sales"])];
            if nth % 2 == 0 {
                agents.push(agent("1009", &["sales"]));
            }
            let queues: &[&str] = if nth % 4 < 2 {
                &["sales", "support"]
            } else {
                &["support"]
            };
            floor.node.tell_at(MORNING, settings(queues, agents));
            let mut changed = agent("1003", &["sales"]);
            changed.reason = format!("private {nth}");
            floor.node.tell_at(
                MORNING,
                Event::AgentChanged {
                    from: changed.state,
                    agent: changed.into(),
                },
            );
            while let Ok(line) = tokio::time::timeout(Duration::from_millis(100), lines.next_line()).await {
                seen.push_str(&line.unwrap().unwrap());
                seen.push('\n');
            }
        }
    };
    tokio::time::timeout(PATIENCE, enough)
        .await
        .unwrap_or_else(|_| panic!("not all was heard"));
    for word in [
        "private",
        "secret plan",
        "13800138",
        "variant",
        "crowd",
        "not_ready",
        "PJSIP",
    ] {
        assert!(!seen.contains(word), "{word} is for all to hear in\n{seen}");
    }
    assert!(seen.contains("\"Reason\""), "{seen}");
    floor.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_the_settings_do_not_name_sees_nothing() {
    let floor = floor("nobody-of-that-name", Role::Administrator, &["*"]).await;
    let client = &floor.client;
    let refused = |why: Failure| match why {
        Failure::Refused(why) | Failure::Other(why) => why.contains("no [[unix]]").then_some(()),
        Failure::Unreachable(_) => None,
    };
    until("it is refused", async || {
        client.agents().await.err().and_then(refused)
    })
    .await;
    assert!(client.calls().await.err().and_then(refused).is_some());
    assert!(client.alarms().await.err().and_then(refused).is_some());
    assert!(client.nodes().await.err().and_then(refused).is_some());
    floor.daemon.stop().await;
}
