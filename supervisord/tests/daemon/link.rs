//! Connections: resumed, broken, poisoned, and the commands that travel on them.

use std::sync::mpsc;
use std::time::Duration;

use hotline_wire::event::CallOutcome;
use hotline_wire::frame::Resume;
use hotline_wire::{Command, Outcome, PROTOCOL, Refusal};
use supervisord::authority::Actor;
use supervisord::daemon::Daemon;
use supervisord::shared::CommandError;
use supervisord::timings::Timings;

use crate::support::inside::{assert_balanced, seen, settings, start_timed, told, until};
use crate::support::node::FakeNode;
use crate::support::story::{SECOND, Story};

async fn connected(daemon: &Daemon, node: &FakeNode) {
    let seq = node.seq();
    until(daemon, "all is applied", |state| {
        state.nodes.get(&node.name).is_some_and(|node| node.seq >= seq)
    })
    .await;
    node.wait_all_acked();
}

fn ready() -> Command {
    Command::SetReady { agent: "1001".into() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_link_is_resumed_where_it_left_off() {
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    let mut story = Story::new(1, "b1");
    story.begin(&node);
    let timings = Timings {
        reconnect: Duration::from_millis(20),
        ..Timings::default()
    };
    let daemon = start_timed(settings(dir.path(), &[&node]), timings).await;
    let mut expected = vec![None];
    for _ in 0..5 {
        for _ in 0..100 {
            story.step(&node);
        }
        connected(&daemon, &node).await;
        assert_eq!(seen(&daemon, "pbx1"), told(&node));
        expected.push(Some(node.seq()));
        let accepted = node.accepted();
        node.hang_up();
        node.wait_connections(accepted + 1);
    }
    let asked: Vec<Option<u64>> = node
        .hellos()
        .iter()
        .map(|hello| hello.as_ref().map(|hello| hello.seq))
        .collect();
    assert_eq!(asked, expected);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_stored_before_is_acknowledged_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    Story::new(1, "b1").begin(&node);
    let daemon = Daemon::start(settings(dir.path(), &[&node])).await.unwrap();
    connected(&daemon, &node).await;
    daemon.stop().await;
    // It was killed after storing and before acknowledging.
    node.lose_acks();
    let daemon = Daemon::start(settings(dir.path(), &[&node])).await.unwrap();
    node.wait_all_acked();
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_is_told_and_the_snapshot_sets_right() {
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    let mut story = Story::new(2, "b1");
    story.begin(&node);
    let daemon = Daemon::start(settings(dir.path(), &[&node])).await.unwrap();
    (0..100).for_each(|_| story.step(&node));
    connected(&daemon, &node).await;
    let before = node.seq();

    node.set_down(true);
    (0..200).for_each(|_| story.step(&node));
    node.overflow(40);
    node.set_down(false);
    (0..50).for_each(|_| story.step(&node));
    let target = told(&node);
    until(&daemon, "the live state is right", |state| {
        let now = &state.nodes["pbx1"];
        now.seq == target.seq && now.calls == target.calls && now.agents.len() == target.agents.len()
    })
    .await;
    let now = seen(&daemon, "pbx1");
    assert_eq!(now.queues, target.queues);
    let infos = |node: &supervisord::state::Node| {
        node.agents
            .values()
            .map(|agent| (*agent.info).clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(infos(&now), infos(&target));
    assert_eq!(now.counts.gaps["overflow"], 1);
    let lost = now.counts.lost;
    assert!(lost > 100, "{lost}");
    assert_eq!(now.counts.events + lost, node.seq());
    assert_balanced(&now);
    daemon.stop().await;

    let db = rusqlite::Connection::open(dir.path().join("events.db")).unwrap();
    let gap: (u64, u64, String) = db
        .query_row("SELECT first, last, reason FROM gaps", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .unwrap();
    assert_eq!(gap, (before + 1, before + lost, "overflow".into()));
    let stored: u64 = db
        .query_row("SELECT count(*) FROM events", [], |row| row.get(0))
        .unwrap();
    assert_eq!(stored, node.seq() - lost);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_boot_ends_the_calls_of_the_old_one() {
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    let mut story = Story::new(3, "b1");
    story.begin(&node);
    let daemon = Daemon::start(settings(dir.path(), &[&node])).await.unwrap();
    (0..300).for_each(|_| story.step(&node));
    connected(&daemon, &node).await;
    let old = seen(&daemon, "pbx1");
    assert!(!old.calls.is_empty());
    assert_balanced(&old);

    node.reboot("b2");
    let mut story = Story::new(4, "b2");
    story.begin(&node);
    (0..300).for_each(|_| story.step(&node));
    let seq = node.seq();
    until(&daemon, "the new boot is followed", |state| {
        let node = &state.nodes["pbx1"];
        node.boot == "b2" && node.seq == seq
    })
    .await;
    let new = seen(&daemon, "pbx1");
    let errors: u64 = new
        .counts
        .queues
        .values()
        .flat_map(|queue| queue.tiers.values())
        .filter_map(|tier| tier.finished.get(&CallOutcome::Error))
        .sum();
    assert_eq!(errors, old.calls.len() as u64);
    assert_eq!(new.counts.gaps["boot"], 1);
    assert_eq!(new.counts.lost, 0);
    assert_eq!(new.counts.events, old.counts.events + seq);
    // The fold of both boots, as the node has it.
    assert_eq!(new, told(&node));
    assert_balanced(&new);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_frames_cost_a_connection_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    let mut story = Story::new(5, "b1");
    story.begin(&node);
    (0..50).for_each(|_| story.step(&node));
    let hello = r#"{"type":"hello","protocol":1,"node":"pbx1","boot":"b1","version":"","pbx":"","oldest":1,"newest":1}"#;
    // The first connection only asks which boot there is.
    let poisons: [&[u8]; 11] = [
        b"\n",
        b"\xff\xfe\x00 no text at all\n",
        b"{\"type\":\"event\",\"seq\":\"one\"}\n",
        b"{\"type\":\"event\",\"seq\":99,\"at\":1,\"event\":{\"kind\":\"offer_ringing\",\"offer\":1}}\n",
        b"{\"type\":\"gap\",\"first\":70,\"last\":3,\"reason\":\"?\"}\n",
        b"{\"type\":\"nonsense\"}\n",
        hello.as_bytes(),
        b"{\"type\":\"error\",\"message\":\"go away\"}\n",
        b"{\"type\":\"event\",\"seq\":1,\"at\":18446744073709551615,\"event\":{\"kind\":\"offer_ringing\",\"offer\":1}}\n",
        b"{\"type\":\"gap\",\"first\":1,\"last\":18446744073709551615,\"reason\":\"overflow\"}\n",
        b"{\"type\":\"snapshot\",\"snapshot\":{\"seq\":18446744073709551615,\"at\":1,\"tiers\":[],\"queues\":[],\"agents\":[],\"calls\":[]}}\n",
    ];
    node.poison("");
    for poison in poisons {
        node.poison(poison);
        if poison == hello.as_bytes() {
            node.poison([poison, b"\n"].concat());
        }
    }
    node.poison(vec![b'x'; hotline_wire::MAX_LINE + 2]);
    let timings = Timings {
        reconnect: Duration::from_millis(20),
        ..Timings::default()
    };
    let daemon = start_timed(settings(dir.path(), &[&node]), timings).await;
    // A line without its end makes the daemon wait; the node hangs up on it.
    node.wait_connections(8);
    tokio::task::yield_now().await;
    node.hang_up();
    connected(&daemon, &node).await;
    assert_eq!(seen(&daemon, "pbx1"), told(&node));
    assert!(node.accepted() > 13);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_protocol_is_refused_until_it_is_ours() {
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    let story = Story::new(6, "b1");
    story.begin(&node);
    node.set_protocol(PROTOCOL + 1);
    let daemon = Daemon::start(settings(dir.path(), &[&node])).await.unwrap();
    node.wait_connections(3);
    assert!(daemon.shared().state().nodes.is_empty());
    assert!(daemon.shared().links()[0].commands.is_none());
    node.set_protocol(PROTOCOL);
    connected(&daemon, &node).await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_are_answered_by_the_node_alone() {
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    Story::new(7, "b1").begin(&node);
    let patience = Duration::from_millis(500);
    let timings = Timings {
        command: patience,
        ..Timings::default()
    };
    let daemon = start_timed(settings(dir.path(), &[&node]), timings).await;
    connected(&daemon, &node).await;
    let shared = daemon.shared().clone();

    let refused = Outcome::Refused {
        reason: Refusal::ForcedBusy,
        message: "forced busy by anna".into(),
    };
    let answer = refused.clone();
    node.answer_with(move |author, command| match command {
        Command::SetReady { .. } if author == "dbus:anna" => vec![answer.clone()],
        Command::SetReady { .. } => vec![Outcome::Pending, Outcome::Done],
        Command::Reload => vec![],
        _ => vec![Outcome::Done],
    });
    assert_eq!(
        shared
            .ask(&Actor::administrator("dbus:anna"), "pbx1", ready())
            .await,
        Ok(refused)
    );
    assert_eq!(
        shared
            .ask(&Actor::administrator("dbus:otto"), "pbx1", ready())
            .await,
        Ok(Outcome::Pending)
    );
    let idle = Command::ForceIdle { agent: "1001".into() };
    assert_eq!(
        shared.ask(&Actor::administrator("dbus:otto"), "pbx1", idle).await,
        Ok(Outcome::Done)
    );
    assert_eq!(
        shared
            .ask(&Actor::administrator("dbus:otto"), "pbx2", ready())
            .await,
        Err(CommandError::NotConnected("pbx2".into()))
    );

    let silent = shared
        .ask(&Actor::administrator("dbus:otto"), "pbx1", Command::Reload)
        .await;
    assert_eq!(silent, Err(CommandError::Timeout("pbx1".into(), patience)));

    let asked = tokio::spawn({
        let shared = shared.clone();
        async move {
            shared
                .ask(&Actor::administrator("dbus:otto"), "pbx1", Command::Reload)
                .await
        }
    });
    // It is on its way once one sent after it is answered.
    let idle = Command::ForceIdle { agent: "1001".into() };
    tokio::task::yield_now().await;
    shared
        .ask(&Actor::administrator("dbus:otto"), "pbx1", idle)
        .await
        .unwrap();
    node.set_down(true);
    let broken = asked.await.unwrap();
    assert!(
        matches!(
            broken,
            Err(CommandError::Broken(_) | CommandError::NotConnected(_))
        ),
        "{broken:?}"
    );
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_nobody_waits_for_any_more_is_not_sent() {
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    Story::new(15, "b1").begin(&node);
    let timings = Timings {
        command: Duration::from_millis(300),
        ..Timings::default()
    };
    let daemon = start_timed(settings(dir.path(), &[&node]), timings).await;
    connected(&daemon, &node).await;
    // A node that hangs over the first command, and reads nothing meanwhile.
    let (go_on, hung) = mpsc::channel::<()>();
    let (tell, heard) = mpsc::channel();
    node.answer_with(move |_, command| {
        let _ = hung.recv();
        tell.send(command.clone()).unwrap();
        vec![Outcome::Done]
    });
    let long = || Command::SetNotReady {
        agent: "1001".into(),
        reason: "x".repeat(8 << 10),
    };
    let mut asked = tokio::task::JoinSet::new();
    const ASKED: usize = 250;
    for _ in 0..ASKED {
        let shared = daemon.shared().clone();
        asked.spawn(async move {
            shared
                .ask(&Actor::administrator("dbus:otto"), "pbx1", long())
                .await
        });
    }
    while let Some(answer) = asked.join_next().await {
        assert!(matches!(answer.unwrap(), Err(CommandError::Timeout(..))));
    }
    drop(go_on);
    let last = Command::Reload;
    while daemon
        .shared()
        .ask(&Actor::administrator("dbus:otto"), "pbx1", last.clone())
        .await
        .is_err()
    {}
    let late = heard.try_iter().filter(|command| *command != last).count();
    assert!(late > 0 && late < ASKED, "{late} were carried out late");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_are_told_apart_and_one_name_is_given_once() {
    let dir = tempfile::tempdir().unwrap();
    let other_dir = tempfile::tempdir().unwrap();
    let one = FakeNode::start(dir.path(), "pbx1", "b1");
    let two = FakeNode::start(dir.path(), "pbx2", "b7");
    let impostor = FakeNode::start(other_dir.path(), "pbx1", "b9");
    impostor.set_down(true);
    for (node, seed) in [(&one, 8), (&two, 9)] {
        let mut story = Story::new(seed, "b");
        story.begin(node);
        (0..100).for_each(|_| story.step(node));
    }
    let daemon = Daemon::start(settings(dir.path(), &[&one, &two, &impostor]))
        .await
        .unwrap();
    connected(&daemon, &one).await;
    connected(&daemon, &two).await;
    // Whoever comes first has the name.
    impostor.set_down(false);
    impostor.wait_connections(impostor.accepted() + 3);
    assert_eq!(seen(&daemon, "pbx1"), told(&one));
    assert_eq!(seen(&daemon, "pbx2"), told(&two));
    assert!(daemon.shared().links()[2].commands.is_none());
    assert_eq!(
        one.hellos(),
        [None::<Resume>],
        "with an empty store there is nothing to resume"
    );
    assert!(told(&one).at > SECOND);
    daemon.stop().await;
}

/// The gaps of a store: boot, first, last, reason.
fn gaps(dir: &std::path::Path) -> Vec<(String, u64, u64, String)> {
    let db = rusqlite::Connection::open(dir.join("events.db")).unwrap();
    let mut asked = db.prepare("SELECT boot, first, last, reason FROM gaps").unwrap();
    let rows = asked.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)));
    rows.unwrap().map(Result::unwrap).collect()
}

fn stored(dir: &std::path::Path) -> u64 {
    let db = rusqlite::Connection::open(dir.join("events.db")).unwrap();
    db.query_row("SELECT count(*) FROM events", [], |row| row.get(0))
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_earlier_boots_hold_is_stored_in_order_before_the_present_one() {
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    let mut story = Story::new(31, "b1");
    story.begin(&node);
    (0..100).for_each(|_| story.step(&node));
    let daemon = Daemon::start(settings(dir.path(), &[&node])).await.unwrap();
    connected(&daemon, &node).await;
    daemon.stop().await;

    // While it is away, the PBX is killed, then restarted in order, and goes on.
    (0..100).for_each(|_| story.step(&node));
    let mut told_in_all = node.seq();
    let killed_at = node.seq();
    for (boot, clean, seed) in [("b2", false, 32), ("b3", true, 33)] {
        node.restart(boot, clean);
        let mut story = Story::new(seed, boot);
        story.begin(&node);
        (0..100).for_each(|_| story.step(&node));
        told_in_all += node.seq();
    }
    let daemon = Daemon::start(settings(dir.path(), &[&node])).await.unwrap();
    connected(&daemon, &node).await;
    let now = seen(&daemon, "pbx1");
    assert_eq!(now, told(&node), "the fold of all three");
    assert_balanced(&now);
    assert_eq!((now.counts.lost, now.counts.events), (0, told_in_all));
    assert_eq!(
        now.counts.gaps.get("boot"),
        Some(&1),
        "what followed the kill nobody knows"
    );
    assert_eq!(
        node.earlier(),
        0,
        "an acknowledgement in a later boot is one of all before"
    );
    daemon.stop().await;
    assert_eq!(stored(dir.path()), told_in_all);
    assert_eq!(
        gaps(dir.path()),
        [("b1".to_owned(), killed_at + 1, killed_at, "killed".to_owned())]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn boots_that_nobody_tells_any_more_are_missed() {
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    Story::new(61, "b1").begin(&node);
    let daemon = Daemon::start(settings(dir.path(), &[&node])).await.unwrap();
    connected(&daemon, &node).await;
    let last = node.seq();
    daemon.stop().await;
    for boot in ["b2", "b3", "b4"] {
        node.restart(boot, true);
        Story::new(62, boot).begin(&node);
    }
    node.forget_earlier();
    let daemon = Daemon::start(settings(dir.path(), &[&node])).await.unwrap();
    connected(&daemon, &node).await;
    let counts = seen(&daemon, "pbx1").counts;
    assert_eq!((counts.gaps["boot"], counts.gaps["boots"]), (1, 1));
    daemon.stop().await;
    let row = |boot: &str, first, last, reason: &str| (boot.to_owned(), first, last, reason.to_owned());
    assert_eq!(
        gaps(dir.path()),
        [row("b1", last + 1, last, "boot"), row("b4", 1, 0, "boots")]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_with_an_empty_store_gets_all_that_is_held() {
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    let mut expected = 0;
    for (boot, seed) in [("b2", 41), ("b3", 42)] {
        let mut story = Story::new(seed, boot);
        story.begin(&node);
        (0..50).for_each(|_| story.step(&node));
        expected += node.seq();
        node.restart(boot, true);
    }
    Story::new(43, "b3").begin(&node);
    expected += node.seq();
    let daemon = Daemon::start(settings(dir.path(), &[&node])).await.unwrap();
    connected(&daemon, &node).await;
    let now = seen(&daemon, "pbx1");
    assert_eq!(now, told(&node));
    assert_eq!((now.counts.events, now.counts.gaps.len()), (expected, 0));
    daemon.stop().await;
    assert_eq!((stored(dir.path()), gaps(dir.path())), (expected, vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_boot_that_was_left_is_not_counted_twice() {
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    let mut story = Story::new(51, "b1");
    story.begin(&node);
    (0..50).for_each(|_| story.step(&node));
    let daemon = Daemon::start(settings(dir.path(), &[&node])).await.unwrap();
    connected(&daemon, &node).await;
    node.reboot("b2");
    Story::new(52, "b2").begin(&node);
    connected(&daemon, &node).await;
    let before = seen(&daemon, "pbx1");
    // As if a machine had been set back to yesterday.
    let accepted = node.accepted();
    node.reboot("b1");
    Story::new(51, "b1").begin(&node);
    node.wait_connections(accepted + 1);
    node.reboot("b3");
    Story::new(53, "b3").begin(&node);
    let accepted = node.accepted();
    node.hang_up();
    node.wait_connections(accepted + 1);
    let seq = node.seq();
    until(&daemon, "the third boot is followed", |state| {
        let node = &state.nodes["pbx1"];
        node.boot == "b3" && node.seq == seq
    })
    .await;
    let now = seen(&daemon, "pbx1");
    assert_eq!(now.counts.events, before.counts.events + seq);
    daemon.stop().await;
}
