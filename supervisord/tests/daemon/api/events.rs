//! Streams of events: what they show is what GET shows, through breaks and for every reader.

use std::time::Duration;

use hotline_wire::Event;
use reqwest::Method;
use supervisord::accounts::Accounts;
use supervisord::settings::Settings;
use supervisord::timings::Timings;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::Floor;
use crate::support::client::{Api, staff};
use crate::support::inside::{settings, start_timed, until};
use crate::support::node::FakeNode;
use crate::support::story::{self, Story};
use crate::support::stream::{Reader, all_lists};

const KINDS: &str = "?kinds=queue,agent,call,callback";

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stream_shows_is_what_lists_show_to_the_same_reader() {
    let mut floor = Floor::open(31, 100).await;
    for token in ["admin", "supervisor", "viewer", "agent"] {
        let api = Api::of(&floor.daemon, token);
        let mut reader = Reader::open(&api, KINDS, None).await;
        reader.ready().await;
        assert_eq!(reader.resets, ["new"]);
        for _ in 0..5 {
            (0..60).for_each(|_| Story::step(&mut floor.story, &floor.node));
            floor.caught_up().await;
            reader.until(&all_lists(&api).await).await;
        }
        assert!(
            reader.ids.is_sorted_by(|a, b| a < b),
            "an event came twice: {:?}",
            reader.ids
        );
        if token == "admin" {
            // Who sees everything gets every number.
            assert!(
                reader.ids.windows(2).all(|two| two[1] == two[0] + 1),
                "{:?}",
                reader.ids
            );
        }
    }
    floor.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_break_exactly_what_was_missed_follows() {
    let mut floor = Floor::open(32, 50).await;
    let api = Api::of(&floor.daemon, "admin");
    let mut whole = Reader::open(&api, KINDS, None).await;
    whole.ready().await;
    let mut broken = Reader::open(&api, KINDS, None).await;
    broken.ready().await;
    let mut random = fastrand::Rng::with_seed(32);
    let mut ids = Vec::new();
    for _ in 0..12 {
        (0..20).for_each(|_| Story::step(&mut floor.story, &floor.node));
        for _ in 0..random.u8(0..4) {
            broken.next().await.unwrap();
        }
        // The connection breaks wherever it is, and the reader goes on with what it shows.
        ids.append(&mut broken.ids);
        let mut again = Reader::open(&api, KINDS, broken.last.as_deref()).await;
        again.shown = std::mem::take(&mut broken.shown);
        again.last = broken.last.take();
        broken = again;
    }
    floor.caught_up().await;
    let expected = all_lists(&api).await;
    whole.until(&expected).await;
    broken.until(&expected).await;
    assert_eq!(broken.resets, [""; 0]);
    ids.append(&mut broken.ids);
    assert!(
        ids.windows(2).all(|two| two[1] == two[0] + 1),
        "one was lost or came twice: {ids:?}"
    );

    for unknown in [
        "0123abcd-1",
        "nonsense",
        "99",
        &format!("{}99999", broken.last.as_deref().unwrap()),
    ] {
        let mut reader = Reader::open(&api, KINDS, Some(unknown)).await;
        reader.ready().await;
        assert_eq!(reader.resets, ["unknown"], "{unknown}");
        assert_eq!(reader.shown, expected);
    }
    // An id may stand in the query as well.
    let query = format!("{KINDS}&last_event_id={}", broken.last.as_deref().unwrap());
    let mut reader = Reader::open(&api, &query, None).await;
    reader.next().await.unwrap();
    assert_eq!(reader.resets, [""; 0]);
    floor.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_leaves_a_readers_sight_is_gone_for_it() {
    let floor = Floor::open(33, 0).await;
    let supervisor = Api::of(&floor.daemon, "supervisor");
    let mut reader = Reader::open(&supervisor, "?kinds=call", None).await;
    reader.ready().await;
    let at = story::MORNING + story::SECOND;
    floor
        .node
        .tell_at(at, story::joined("pbx1-b1-900", "support", "gold", "13800138000"));
    let event = reader.next().await.unwrap();
    assert_eq!(
        (event.name.as_str(), &event.data["value"]["number"]),
        ("put", &"13800138000".into())
    );
    floor
        .node
        .tell_at(at, story::joined("pbx1-b1-900", "sales", "gold", "13800138000"));
    loop {
        let event = reader.next().await.unwrap();
        if event.name == "remove" {
            assert_eq!(event.data["name"], "pbx1-b1-900");
            break;
        }
        assert_eq!(event.name, "heartbeat");
    }
    let mut masked = Reader::open(
        &Api::of(&floor.daemon, "inspector"),
        "?kinds=call&queue=support",
        None,
    )
    .await;
    masked.ready().await;
    assert!(masked.shown.is_empty());
    floor
        .node
        .tell_at(at, story::joined("pbx1-b1-901", "support", "gold", "13800138000"));
    let event = loop {
        let event = masked.next().await.unwrap();
        if event.name != "heartbeat" {
            break event;
        }
    };
    assert_eq!(event.data["value"]["number"], "*******8000");
    floor.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_the_right_to_it() {
    let floor = Floor::open(34, 0).await;
    let api = Api::of(&floor.daemon, "viewer");
    let mut reader = Reader::open(&api, "", None).await;
    reader.ready().await;
    let file = floor.dir.path().join("users.toml");
    let mut accounts = supervisord::accounts::Accounts::read(&file, None).unwrap();
    accounts.token.retain(|token| token.name != "viewer");
    accounts.write(&file).unwrap();
    while reader.next().await.is_some() {}
    floor.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_goes_is_shown_as_gone() {
    let floor = Floor::open(35, 0).await;
    let api = Api::of(&floor.daemon, "viewer");
    let mut reader = Reader::open(&api, "?kinds=node", None).await;
    reader.ready().await;
    let key = ("node".to_owned(), "pbx1".to_owned());
    while reader
        .shown
        .get(&key)
        .is_none_or(|shown| shown["connected"] == false)
    {
        reader.next().await.unwrap();
    }
    floor.node.set_down(true);
    while reader.shown[&key]["connected"] == true {
        reader.next().await.unwrap();
    }
    floor.daemon.stop().await;
}

/// A request for a stream on a socket of its own, of which nothing is read.
async fn mute(floor: &Floor) -> TcpStream {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    // So that the daemon soon has to wait for it.
    socket.set_recv_buffer_size(4 << 10).unwrap();
    let mut stream = socket.connect(floor.daemon.http()).await.unwrap();
    let request = "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer admin\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_does_not_read_is_dropped_and_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    let story = Story::new(36, "b1");
    story.begin(&node);
    let mut settings = settings(dir.path(), &[&node]);
    staff(&mut settings);
    settings.http.max_streams = 2;
    let timings = Timings {
        http_idle: Duration::from_millis(500),
        http_heartbeat: Duration::from_millis(50),
        ..Timings::default()
    };
    let daemon = start_timed(settings, timings).await;
    let floor = Floor {
        dir,
        node,
        story,
        daemon,
    };
    floor.caught_up().await;
    let api = Api::of(&floor.daemon, "admin");
    let mut well = Reader::open(&api, "?kinds=agent", None).await;
    well.ready().await;
    let slow = mute(&floor).await;
    let key = ("agent".to_owned(), "1001".to_owned());
    // Far more than any buffer on the way holds.
    let mut agent = story::agent("1001", &["support"]);
    for nth in 0..120_u64 {
        agent.name = format!("{nth} {}", "x".repeat(100_000));
        let from = agent.state;
        let agent_now = agent.clone();
        floor.node.tell_at(
            story::MORNING + nth,
            Event::AgentChanged {
                from,
                agent: agent_now.into(),
            },
        );
        while well
            .shown
            .get(&key)
            .is_none_or(|shown| shown["name"] != agent.name)
        {
            well.next().await.unwrap();
        }
    }
    // Its place becomes free, though it never hung up.
    while api
        .request(Method::GET, "/api/v1/events")
        .send()
        .await
        .unwrap()
        .status()
        != 200
    {
        tokio::task::yield_now().await;
    }
    drop(slow);
    // Who comes back is shown all.
    let mut again = Reader::open(&api, "?kinds=agent", None).await;
    again.ready().await;
    assert_eq!(again.shown, well.shown);
    floor.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_have_a_ceiling_that_leaves_room_for_others() {
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    let mut settings = settings(dir.path(), &[&node]);
    staff(&mut settings);
    settings.http.max_streams = 2;
    let daemon = supervisord::daemon::Daemon::start(settings).await.unwrap();
    daemon.ready().await;
    let api = Api::of(&daemon, "viewer");
    let held = [
        Reader::open(&api, "", None).await,
        Reader::open(&api, "", None).await,
    ];
    let (status, problem) = api.get("/api/v1/events").await;
    assert_eq!(
        (status.as_u16(), problem["reason"].as_str()),
        (503, Some("too_many_streams"))
    );
    assert_eq!(api.get("/api/v1/queues").await.0, 200);
    drop(held);
    // Room is made as soon as the daemon learns that they are gone.
    while api
        .request(Method::GET, "/api/v1/events")
        .send()
        .await
        .unwrap()
        .status()
        != 200
    {
        tokio::task::yield_now().await;
    }
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_readers_see_the_same() {
    let roomy = |settings: &mut Settings| {
        settings.http.max_connections_per_address = 600;
        settings.http.max_streams_per_user = 500;
    };
    let mut floor = Floor::open_with(37, 100, Timings::default(), roomy).await;
    let api = Api::of(&floor.daemon, "admin");
    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..500 {
        let mut reader = Reader::open(&api, KINDS, None).await;
        readers.spawn(async move {
            reader.ready().await;
            reader
        });
    }
    let readers = readers.join_all().await;
    (0..300).for_each(|_| Story::step(&mut floor.story, &floor.node));
    floor.caught_up().await;
    let expected = all_lists(&api).await;
    let mut reading = tokio::task::JoinSet::new();
    for mut reader in readers {
        let expected = expected.clone();
        reading.spawn(async move { reader.until(&expected).await });
    }
    assert_eq!(reading.join_all().await.len(), 500);
    until(&floor.daemon, "it still follows its node", |state| {
        state.nodes.contains_key("pbx1")
    })
    .await;
    floor.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_when_its_token_gets_another_secret() {
    let timings = Timings {
        http_heartbeat: Duration::from_millis(50),
        ..Timings::default()
    };
    let floor = Floor::open_timed(38, 0, timings).await;
    let api = Api::of(&floor.daemon, "viewer");
    let mut reader = Reader::open(&api, KINDS, None).await;
    reader.ready().await;
    let file = floor.dir.path().join("users.toml");
    let mut accounts = supervisord::accounts::Accounts::read(&file, None).unwrap();
    for token in &mut accounts.token {
        if token.name == "viewer" {
            token.sha256 = supervisord::accounts::digest("another secret");
        }
    }
    accounts.write(&file).unwrap();
    // Looked at with each heartbeat; one or two may be on their way.
    let mut more = 0;
    while reader.next().await.is_some() {
        more += 1;
        assert!(more < 100, "the stream goes on");
    }
    floor.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_with_other_rights_or_wishes_begins_anew() {
    let mut floor = Floor::open(39, 200).await;
    let api = Api::of(&floor.daemon, "supervisor");
    let mut before = Reader::open(&api, KINDS, None).await;
    before.ready().await;
    assert!(!before.shown.keys().any(|(_, name)| name == "sales"));
    let last = before.last.clone().unwrap();
    drop(before);
    (0..50).for_each(|_| Story::step(&mut floor.story, &floor.node));
    floor.caught_up().await;

    // Another wish is another stream.
    let mut queues = Reader::open(&api, "?kinds=queue", Some(&last)).await;
    queues.ready().await;
    assert_eq!(queues.resets, ["sight"]);
    assert!(queues.shown.keys().all(|(kind, _)| kind == "queue"));

    let file = floor.dir.path().join("users.toml");
    let mut accounts = Accounts::read(&file, None).unwrap();
    for token in &mut accounts.token {
        if token.name == "supervisor" {
            token.rights.teams = vec!["second".into()];
        }
    }
    accounts.write(&file).unwrap();
    let mut after = Reader::open(&api, KINDS, Some(&last)).await;
    after.ready().await;
    assert_eq!(after.resets, ["sight"]);
    after.until(&all_lists(&api).await).await;
    assert!(after.shown.keys().any(|(_, name)| name == "sales"));
    assert!(!after.shown.keys().any(|(_, name)| name == "support"));
    // From there on it goes on as ever.
    let last = after.last.clone().unwrap();
    drop(after);
    (0..50).for_each(|_| Story::step(&mut floor.story, &floor.node));
    floor.caught_up().await;
    let mut resumed = Reader::open(&api, KINDS, Some(&last)).await;
    resumed.next().await.unwrap();
    assert!(resumed.resets.is_empty());
    floor.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_that_read_slowly_cost_others_nothing() {
    let roomy = |settings: &mut Settings| {
        settings.http.max_connections_per_address = 400;
        settings.http.max_streams_per_user = 400;
    };
    let mut floor = Floor::open_with(40, 100, Timings::default(), roomy).await;
    let mut slow = Vec::new();
    for _ in 0..300 {
        slow.push(mute(&floor).await);
    }
    let api = Api::of(&floor.daemon, "supervisor");
    let mut well = Reader::open(&api, KINDS, None).await;
    well.ready().await;
    for _ in 0..10 {
        (0..300).for_each(|_| Story::step(&mut floor.story, &floor.node));
        floor.caught_up().await;
        well.until(&all_lists(&api).await).await;
    }
    floor.node.wait_all_acked();
    drop(slow);
    floor.daemon.stop().await;
}
