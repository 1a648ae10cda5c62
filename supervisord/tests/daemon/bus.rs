//! Supervision over a private message bus.

use std::path::Path;
use std::process::Command as Program;
use std::sync::{Arc, Mutex};

use hotline_wire::snapshot::{AgentState, ForcedInfo};
use hotline_wire::{Command, Event, Outcome, Refusal};
use supervisord::ctl::{Ask, Client, Failure};
use supervisord::daemon::Daemon;
use supervisord::settings::{Bus, DbusSettings};
use supervisord::timings::Timings;
use zbus::Connection;

use crate::support::bus::PrivateBus;
use crate::support::inside;
use crate::support::node::{FakeNode, PATIENCE};
use crate::support::story::{MORNING, SECOND, Story, agent, settings};

async fn serving(dir: &Path, bus: &PrivateBus, node: &FakeNode) -> (Daemon, Client) {
    let mut settings = inside::settings(dir, &[node]);
    settings.dbus = DbusSettings {
        bus: Bus::Address(bus.address().into()),
        ..DbusSettings::default()
    };
    let daemon = Daemon::start(settings).await.unwrap();
    let client = Client::connect(Bus::Address(bus.address().into()), PATIENCE)
        .await
        .unwrap();
    (daemon, client)
}

/// Asks until it is so. Objects on the bus follow the state, so what a test waits for is on the bus.
async fn until<T, F: AsyncFnMut() -> Option<T>>(what: &str, mut ask: F) -> T {
    let wait = async {
        loop {
            if let Some(found) = ask().await {
                return found;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait)
        .await
        .unwrap_or_else(|_| panic!("waited in vain until {what}"))
}

async fn agents_are(client: &Client, count: usize) {
    until("the agents are on the bus", async || {
        client
            .agents()
            .await
            .ok()
            .filter(|agents| agents.len() == count)
            .map(|_| ())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn queues_agents_calls_and_nodes_are_shown() {
    let dir = tempfile::tempdir().unwrap();
    let bus = PrivateBus::start(dir.path());
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    let mut story = Story::new(21, "b1");
    story.begin(&node);
    (0..200).for_each(|_| story.step(&node));
    let (daemon, client) = serving(dir.path(), &bus, &node).await;
    agents_are(&client, 6).await;
    let told = inside::told(&node);
    let seq = told.seq;
    inside::until(&daemon, "all is applied", |state| state.nodes["pbx1"].seq == seq).await;

    let queues = client.queues().await.unwrap();
    assert_eq!(
        queues.iter().map(|queue| queue.name.as_str()).collect::<Vec<_>>(),
        ["sales", "support"]
    );
    for queue in &queues {
        let expected = &told.queues[&queue.name];
        assert_eq!(queue.waiting, expected.waiting.len() as u64);
        assert_eq!(
            queue.oldest_wait_start,
            expected.waiting.first().map_or(0, |(joined, _)| *joined)
        );
        assert_eq!(queue.agents_ready, u64::from(expected.agents(AgentState::Ready)));
        assert_eq!(queue.calls_talking, u64::from(expected.talking));
        assert_eq!(
            (queue.node.as_str(), queue.strategy.as_str()),
            ("pbx1", "longest-idle")
        );
    }
    for shown in client.agents().await.unwrap() {
        let expected = &told.agents[&shown.number].info;
        assert_eq!(shown.state, expected.state.label());
        assert_eq!(shown.since, expected.since);
        let queues: Vec<&String> = expected.queues.iter().map(|member| &member.queue).collect();
        assert_eq!(shown.queues.iter().collect::<Vec<_>>(), queues);
        assert_eq!(shown.call, expected.call.clone().unwrap_or_default());
        assert_eq!(shown.phone, expected.phone);
    }
    let calls = client.calls().await.unwrap();
    assert_eq!(calls.len(), told.calls.len());
    assert!(!calls.is_empty());
    for call in &calls {
        let expected = &told.calls[&call.call];
        assert_eq!(call.number, format!("*******{}", &expected.number[7..]));
        assert_eq!(
            (call.joined, call.connected),
            (expected.joined, expected.connected.unwrap_or(0))
        );
    }
    let nodes = client.nodes().await.unwrap();
    assert_eq!(
        (nodes[0].name.as_str(), nodes[0].connected, nodes[0].pbx.as_str()),
        ("pbx1", true, "Fake 1")
    );
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_announced_and_no_caller_number_with_them() {
    let dir = tempfile::tempdir().unwrap();
    let bus = PrivateBus::start(dir.path());
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    let mut story = Story::new(22, "b1");
    story.begin(&node);
    let (daemon, client) = serving(dir.path(), &bus, &node).await;
    agents_are(&client, 6).await;

    let monitor = Program::new("dbus-monitor")
        .args([
            "--address",
            bus.address(),
            "type='signal',sender='net.hotline.Hotline1'",
        ])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let seen = Arc::new(Mutex::new(String::new()));
    let reader = std::thread::spawn({
        let seen = seen.clone();
        let mut monitor = monitor;
        move || {
            use std::io::BufRead;
            let stdout = std::io::BufReader::new(monitor.stdout.take().unwrap());
            for line in stdout.lines().map_while(Result::ok) {
                let mut seen = seen.lock().unwrap();
                seen.push_str(&line);
                seen.push('\n');
                if line.contains("the end") {
                    break;
                }
            }
            let _ = monitor.kill();
            let _ = monitor.wait();
        }
    });
    // The monitor hears something before the story begins: it listens.
    let mut n = 0;
    until("the monitor listens", async || {
        n += 1;
        let mut changed = agent("1002", &["sales"]);
        changed.reason = format!("warm up {n}");
        node.tell_at(
            MORNING,
            Event::AgentChanged {
                from: changed.state,
                agent: changed.into(),
            },
        );
        seen.lock().unwrap().contains("warm up").then_some(())
    })
    .await;
    (0..300).for_each(|_| story.step(&node));
    let mut last = agent("1001", &["sales"]);
    last.state = AgentState::NotReady;
    last.since = MORNING + 7_777 * SECOND;
    last.reason = "last words".into();
    last.forced = Some(ForcedInfo {
        reason: "audit".into(),
        until: Some(MORNING),
        author: "cli".into(),
    });
    node.tell_at(
        MORNING + 7_777 * SECOND,
        Event::AgentChanged {
            from: AgentState::Ready,
            agent: last.into(),
        },
    );
    let mut end = agent("1002", &["sales"]);
    end.reason = "the end".into();
    node.tell_at(
        MORNING + 7_778 * SECOND,
        Event::AgentChanged {
            from: AgentState::Ready,
            agent: end.into(),
        },
    );
    tokio::task::spawn_blocking(move || reader.join().unwrap())
        .await
        .unwrap();

    let seen = seen.lock().unwrap().clone();
    assert!(!seen.contains("1380013"), "a caller number was broadcast");
    for word in ["PropertiesChanged", "Waiting", "AgentsReady", "audit"] {
        assert!(seen.contains(word), "{word} was not announced in\n{seen}");
    }
    // Only what changed: the last agent's number and phone did not.
    let last = &seen[seen.rfind("path=/net/hotline/Hotline1/agents/1001;").unwrap()..];
    let last = last.split("signal time=").next().unwrap();
    assert!(
        last.contains("ForcedReason") && !last.contains("\"Number\"") && !last.contains("PJSIP"),
        "{last}"
    );
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_come_and_go_with_the_settings() {
    let dir = tempfile::tempdir().unwrap();
    let bus = PrivateBus::start(dir.path());
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    node.tell_at(
        MORNING,
        settings(
            &["sales"],
            vec![agent("1001", &["sales"]), agent("1002", &["sales"])],
        ),
    );
    let (daemon, client) = serving(dir.path(), &bus, &node).await;
    agents_are(&client, 2).await;
    node.tell_at(
        MORNING,
        settings(&["a_b", "售后"], vec![agent("1002", &["a_b"]), agent("8-1", &[])]),
    );
    until("the new agents are there", async || {
        let agents = client.agents().await.unwrap();
        let numbers: Vec<&str> = agents.iter().map(|agent| agent.number.as_str()).collect();
        (numbers == ["1002", "8-1"]).then_some(())
    })
    .await;
    let queues = client.queues().await.unwrap();
    assert_eq!(
        queues.iter().map(|queue| queue.name.as_str()).collect::<Vec<_>>(),
        ["a_b", "售后"]
    );
    assert_eq!(client.agent("8-1", None, &Ask::Ready).await, Ok("done".into()));
    let gone = client.agent("1001", None, &Ask::Ready).await.unwrap_err();
    assert_eq!(
        gone,
        Failure::Refused("no agent 1001; `hotlinectl show agents` lists them".into())
    );
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn methods_give_the_nodes_answer_and_say_who_asked() {
    let dir = tempfile::tempdir().unwrap();
    let bus = PrivateBus::start(dir.path());
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    Story::new(23, "b1").begin(&node);
    let (daemon, client) = serving(dir.path(), &bus, &node).await;
    agents_are(&client, 6).await;

    let heard = Arc::new(Mutex::new(Vec::new()));
    let log = heard.clone();
    node.answer_with(move |author, command| {
        log.lock().unwrap().push((author.to_owned(), command.clone()));
        match command {
            Command::ForceBusy { .. } => vec![Outcome::Pending],
            Command::SetReady { .. } => {
                vec![Outcome::Refused {
                    reason: Refusal::ForcedBusy,
                    message: "locked by anna".into(),
                }]
            }
            _ => vec![Outcome::Done],
        }
    });
    let number = || "1003".to_owned();
    let cases = [
        (
            Ask::ForceBusy {
                reason: "training".into(),
                seconds: 90,
            },
            Command::ForceBusy {
                agent: number(),
                reason: "training".into(),
                seconds: 90,
            },
        ),
        (Ask::ForceIdle, Command::ForceIdle { agent: number() }),
        (
            Ask::ForceSignOut {
                reason: "late".into(),
            },
            Command::ForceSignOut {
                agent: number(),
                reason: "late".into(),
            },
        ),
        (Ask::Ready, Command::SetReady { agent: number() }),
        (
            Ask::NotReady {
                reason: "lunch".into(),
            },
            Command::SetNotReady {
                agent: number(),
                reason: "lunch".into(),
            },
        ),
        (
            Ask::SignIn {
                phone: "PJSIP/x".into(),
            },
            Command::SignIn {
                agent: number(),
                phone: "PJSIP/x".into(),
            },
        ),
        (Ask::SignOut, Command::SignOut { agent: number() }),
    ];
    let me = nix::unistd::User::from_uid(nix::unistd::getuid())
        .unwrap()
        .unwrap()
        .name;
    for (ask, command) in cases {
        let outcome = client.agent("1003", Some("pbx1"), &ask).await;
        let expected = match ask {
            Ask::ForceBusy { .. } => Ok("pending".to_owned()),
            Ask::Ready => Err(Failure::Refused("locked by anna (ForcedBusy)".into())),
            _ => Ok("done".to_owned()),
        };
        assert_eq!(outcome, expected, "{ask:?}");
        assert_eq!(
            heard.lock().unwrap().pop().unwrap(),
            (format!("dbus:{me}"), command)
        );
    }

    let connection = supervisord::dbus::connect(&Bus::Address(bus.address().into()), PATIENCE)
        .await
        .unwrap();
    let refused = raw(&connection, "1003", "SetReady", &()).await.unwrap_err();
    assert_eq!(refused, "net.hotline.Hotline1.Error.Refused.ForcedBusy");
    let long = raw(&connection, "1003", "SetNotReady", &("x".repeat(5_000),))
        .await
        .unwrap_err();
    assert_eq!(long, "net.hotline.Hotline1.Error.InvalidArgument");

    node.set_down(true);
    let away = until("the node is away", async || {
        raw(&connection, "1003", "ForceIdle", &()).await.err()
    })
    .await;
    assert!(away.starts_with("net.hotline.Hotline1.Error."), "{away}");
    let away = until("that is said", async || {
        match client.agent("1003", None, &Ask::ForceIdle).await {
            Err(Failure::Other(message)) if message.contains("not connected") => Some(message),
            _ => None,
        }
    })
    .await;
    assert!(away.contains("node pbx1"), "{away}");
    until("the nodes say so too", async || {
        (!client.nodes().await.unwrap()[0].connected).then_some(())
    })
    .await;
    daemon.stop().await;
}

async fn raw<B>(connection: &Connection, number: &str, method: &str, body: &B) -> Result<(), String>
where
    B: serde::Serialize + zbus::wire::DynamicType,
{
    let path = supervisord::dbus::paths::agent(number);
    let name = Some("net.hotline.Hotline1");
    match connection
        .call_method(
            name,
            path.as_str(),
            Some("net.hotline.Hotline1.Agent"),
            method,
            body,
        )
        .await
    {
        Ok(_) => Ok(()),
        Err(zbus::Error::MethodError(name, ..)) => Err(name.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bus_that_goes_away_is_returned_to() {
    let dir = tempfile::tempdir().unwrap();
    let mut bus = PrivateBus::start(dir.path());
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    let mut story = Story::new(24, "b1");
    story.begin(&node);
    let (daemon, client) = serving(dir.path(), &bus, &node).await;
    agents_are(&client, 6).await;
    bus.restart(|| {
        (0..100).for_each(|_| story.step(&node));
        node.wait_all_acked();
    });
    let client = Client::connect(Bus::Address(bus.address().into()), PATIENCE)
        .await
        .unwrap();
    agents_are(&client, 6).await;
    assert_eq!(inside::seen(&daemon, "pbx1"), inside::told(&node));
    daemon.stop().await;
}

/// `HOTLINE_UPDATE_GOLDEN=1` writes the files anew.
#[tokio::test(flavor = "multi_thread")]
async fn introspection_is_as_committed() {
    let dir = tempfile::tempdir().unwrap();
    let bus = PrivateBus::start(dir.path());
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    Story::new(25, "b1").begin(&node);
    let (daemon, client) = serving(dir.path(), &bus, &node).await;
    agents_are(&client, 6).await;
    let connection = supervisord::dbus::connect(&Bus::Address(bus.address().into()), PATIENCE)
        .await
        .unwrap();
    let root = "/net/hotline/Hotline1";
    for (kind, path) in [
        ("Manager", root.to_owned()),
        ("Blacklist", root.to_owned()),
        ("Alarms", root.to_owned()),
        ("Queue", format!("{root}/queues/sales")),
        ("Agent", format!("{root}/agents/1001")),
    ] {
        let interface = format!("net.hotline.Hotline1.{kind}");
        let introspectable = Some("org.freedesktop.DBus.Introspectable");
        let name = Some("net.hotline.Hotline1");
        let reply = connection
            .call_method(name, path.as_str(), introspectable, "Introspect", &())
            .await
            .unwrap();
        let text: String = reply.body().deserialize().unwrap();
        let start = text.find(&format!("  <interface name=\"{interface}\">")).unwrap();
        let end = start + text[start..].find("</interface>").unwrap();
        let xml = format!(
            "<!DOCTYPE node PUBLIC \"-//freedesktop//DTD D-BUS Object Introspection 1.0//EN\"\n  \
             \"http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd\">\n<node>\n{}</interface>\n</node>\n",
            &text[start..end]
        );
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../packaging/dbus/{interface}.xml"));
        if std::env::var_os("HOTLINE_UPDATE_GOLDEN").is_some() {
            std::fs::write(&file, &xml).unwrap();
        }
        assert_eq!(xml, std::fs::read_to_string(&file).unwrap(), "{}", file.display());

        // All that is announced as a property is one.
        let properties = Some("org.freedesktop.DBus.Properties");
        let reply = connection
            .call_method(name, path.as_str(), properties, "GetAll", &(&interface,))
            .await
            .unwrap();
        let body = reply.body();
        let all: std::collections::HashMap<String, zbus::OwnedVariant> = body.deserialize().unwrap();
        assert_eq!(all.len(), xml.matches("<property ").count(), "{all:?}");
    }
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_of_one_number_on_two_nodes_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let bus = PrivateBus::start(dir.path());
    let (one, two) = (
        FakeNode::start(dir.path(), "pbx1", "b1"),
        FakeNode::start(dir.path(), "pbx2", "b2"),
    );
    for node in [&one, &two] {
        node.tell_at(MORNING, settings(&["sales"], vec![agent("1001", &["sales"])]));
    }
    two.answer_with(|_, _| vec![Outcome::Pending]);
    let mut settings = inside::settings(dir.path(), &[&one, &two]);
    settings.dbus = DbusSettings {
        bus: Bus::Address(bus.address().into()),
        ..DbusSettings::default()
    };
    let daemon = Daemon::start(settings).await.unwrap();
    let client = Client::connect(Bus::Address(bus.address().into()), PATIENCE)
        .await
        .unwrap();
    agents_are(&client, 2).await;
    assert_eq!(client.queues().await.unwrap().len(), 2);
    assert_eq!(
        client.agent("1001", Some("pbx1"), &Ask::Ready).await,
        Ok("done".into())
    );
    assert_eq!(
        client.agent("1001", Some("pbx2"), &Ask::Ready).await,
        Ok("pending".into())
    );
    let unclear = client.agent("1001", None, &Ask::Ready).await.unwrap_err();
    assert!(
        unclear.to_string().contains("pbx1, pbx2; name one with --node"),
        "{unclear}"
    );
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn text_that_the_bus_cannot_carry_does_not_break_it() {
    let dir = tempfile::tempdir().unwrap();
    let bus = PrivateBus::start(dir.path());
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    let names = ["a\0b", "", "quote\"d", "new\nline", "售后", &"x".repeat(64)];
    let mut nul = agent("1\0", &names);
    nul.reason = "\0".into();
    node.tell_at(MORNING, settings(&names, vec![nul, agent("", &names)]));
    let (daemon, client) = serving(dir.path(), &bus, &node).await;
    agents_are(&client, 2).await;
    let queues = client.queues().await.unwrap();
    let mut shown: Vec<&str> = queues.iter().map(|queue| queue.name.as_str()).collect();
    shown.sort_unstable();
    let mut expected = names.map(|name| name.replace('\0', "\u{fffd}"));
    expected.sort_unstable();
    assert_eq!(shown, expected);
    assert_eq!(
        client.agent("1\u{fffd}", None, &Ask::Ready).await.unwrap(),
        "done"
    );
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_commands_is_told_to_try_again() {
    const FLOOD: usize = 2_000;
    let dir = tempfile::tempdir().unwrap();
    let bus = PrivateBus::start(dir.path());
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    Story::new(28, "b1").begin(&node);
    let reached = Arc::new(Mutex::new(0));
    let count = reached.clone();
    node.answer_with(move |_, _| {
        *count.lock().unwrap() += 1;
        Vec::new()
    });
    let mut settings = inside::settings(dir.path(), &[&node]);
    let address = Bus::Address(bus.address().into());
    settings.dbus = DbusSettings {
        bus: address.clone(),
        ..DbusSettings::default()
    };
    let timings = Timings {
        command: PATIENCE,
        ..Timings::default()
    };
    let daemon = inside::start_timed(settings, timings).await;
    let client = Client::connect(address, PATIENCE).await.unwrap();
    agents_are(&client, 6).await;

    let connection = zbus::connection::Builder::address(bus.address())
        .build()
        .await
        .unwrap();
    let mut asked = tokio::task::JoinSet::new();
    for _ in 0..FLOOD {
        let connection = connection.clone();
        asked.spawn(async move { raw(&connection, "1001", "ForceIdle", &()).await });
    }
    // As many as may ask at once are waiting for a node that says nothing; others are told, and served, meanwhile.
    for told in 0..FLOOD - 256 {
        let answer = asked.join_next().await.unwrap().unwrap();
        assert_eq!(answer.unwrap_err(), "net.hotline.Hotline1.Error.Busy");
        if told % 500 == 0 {
            assert_eq!(client.nodes().await.unwrap().len(), 1);
        }
    }
    until("the others have reached the node", async || {
        (*reached.lock().unwrap() == 256).then_some(())
    })
    .await;
    assert_eq!(asked.len(), 256);
    daemon.stop().await;
}
