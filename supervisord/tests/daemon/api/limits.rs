//! What one address, user or token can take from the others: nothing but its share.

use std::time::Duration;

use hotline_wire::Outcome;
use reqwest::{Method, StatusCode, header};
use serde_json::json;
use supervisord::daemon::Daemon;
use supervisord::settings::HttpSettings;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::client::{Api, read, staff};
use crate::support::inside::{settings, until};
use crate::support::node::{FakeNode, PATIENCE};
use crate::support::story::Story;
use crate::support::stream::Reader;

struct Floor {
    _dir: tempfile::TempDir,
    node: FakeNode,
    daemon: Daemon,
}

async fn floor(change: impl Fn(&mut HttpSettings)) -> Floor {
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    Story::new(71, "b1").begin(&node);
    let mut settings = settings(dir.path(), &[&node]);
    staff(&mut settings);
    change(&mut settings.http);
    let daemon = Daemon::start(settings).await.unwrap();
    until(&daemon, "the agent is known", |state| {
        state
            .nodes
            .get("pbx1")
            .is_some_and(|node| node.agents.contains_key("1001"))
    })
    .await;
    Floor {
        _dir: dir,
        node,
        daemon,
    }
}

/// A connection from an address of this machine.
async fn from(address: &str, daemon: &Daemon) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{address}:0").parse().unwrap()).unwrap();
    socket.connect(daemon.http()).await.unwrap()
}

/// What comes in answer to a request, to the end of the connection.
async fn ask(stream: &mut TcpStream, host: &str) -> String {
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let whole = tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer));
    whole.await.unwrap().unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_its_share_of_connections_and_others_have_theirs() {
    let floor = floor(|http| http.max_connections_per_address = 3).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut stream = from("127.0.0.2", &floor.daemon).await;
        // Part of a head: it is taken in, and waited for.
        stream
            .write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n")
            .await
            .unwrap();
        held.push(stream);
    }
    for _ in 0..40 {
        let answer = ask(&mut from("127.0.0.2", &floor.daemon).await, "localhost").await;
        for part in [
            "HTTP/1.1 429 ",
            "Retry-After: 1\r\n",
            "too_many_connections",
            "max_connections_per_address",
        ] {
            assert!(answer.contains(part), "{part}: {answer}");
        }
        let answer = ask(&mut from("127.0.0.3", &floor.daemon).await, "localhost").await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    // One that ends makes room.
    let mut one = held.pop().unwrap();
    one.write_all(b"Connection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    one.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    drop(one);
    let wait = async {
        while !ask(&mut from("127.0.0.2", &floor.daemon).await, "localhost")
            .await
            .starts_with("HTTP/1.1 200 ")
        {}
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap();
    floor.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_has_its_share_of_requests_also_of_those_nobody_waits_for() {
    let floor = floor(|http| http.max_requests_per_user = 2).await;
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let (arrive, mut arrived) = tokio::sync::mpsc::unbounded_channel();
    floor.node.answer_with(move |_, _| {
        arrive.send(()).unwrap();
        let _ = wait.recv();
        vec![Outcome::Done]
    });
    let admin = Api::of(&floor.daemon, "admin");
    let order = |key: &'static str| {
        let request = admin.request(Method::POST, "/api/v1/agents/1001/commands");
        let request = request.header(header::CONTENT_TYPE, "application/json");
        request
            .header("Idempotency-Key", key)
            .body(json!({"do": "force_idle"}).to_string())
            .send()
    };
    // Who asked for these has hung up.
    for key in ["one", "two"] {
        let hung_up = tokio::time::timeout(Duration::from_millis(500), order(key)).await;
        assert!(hung_up.is_err());
    }
    arrived.recv().await.unwrap();
    let response = admin.request(Method::GET, "/api/v1/queues").send().await.unwrap();
    assert_eq!(response.headers()[header::RETRY_AFTER], "1");
    let (status, problem) = read(response).await;
    assert_eq!(
        (status, &problem["reason"]),
        (StatusCode::TOO_MANY_REQUESTS, &json!("too_many_requests"))
    );
    let (status, _) = Api::of(&floor.daemon, "viewer").get("/api/v1/queues").await;
    assert_eq!(status, 200);
    drop(go);
    let wait = async { while admin.get("/api/v1/queues").await.0 == 429 {} };
    tokio::time::timeout(PATIENCE, wait).await.unwrap();
    floor.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_has_its_share_of_streams_and_requests_beside() {
    let floor = floor(|http| {
        http.max_streams_per_user = 2;
        http.max_requests_per_user = 1;
    })
    .await;
    let viewer = Api::of(&floor.daemon, "viewer");
    let mut readers = Vec::new();
    for _ in 0..2 {
        let mut reader = Reader::open(&viewer, "", None).await;
        reader.ready().await;
        readers.push(reader);
    }
    let (status, problem) = viewer.get("/api/v1/events").await;
    assert_eq!(
        (status, &problem["reason"], &problem["retry_after"]),
        (
            StatusCode::TOO_MANY_REQUESTS,
            &json!("too_many_streams"),
            &json!(5)
        )
    );
    assert_eq!(viewer.get("/api/v1/queues").await.0, 200);
    let inspector = Api::of(&floor.daemon, "inspector");
    Reader::open(&inspector, "", None).await.ready().await;
    // One that is ended makes room.
    readers.pop();
    let wait = async {
        loop {
            let request = viewer.request(Method::GET, "/api/v1/events");
            if request.send().await.unwrap().status() == 200 {
                break;
            }
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap();
    floor.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_sites_cannot_ask_in_their_own_name() {
    let floor = floor(|http| http.hosts = vec!["hotline.example.com".into()]).await;
    for (host, status) in [
        ("localhost", 200),
        ("127.0.0.1:9877", 200),
        ("[::1]", 200),
        ("hotline.example.com", 200),
        ("rebound.example.net:9877", 421),
    ] {
        let answer = ask(&mut from("127.0.0.1", &floor.daemon).await, host).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{host}: {answer}"
        );
        if status == 421 {
            assert!(
                answer.contains("\"reason\":\"host\"") && answer.contains("[http] hosts"),
                "{answer}"
            );
        }
    }
    // Nor by a whole address in the request line, which counts before the header.
    let mut stream = from("127.0.0.1", &floor.daemon).await;
    let request =
        "GET http://rebound.example.net/healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 421 "), "{answer}");
    floor.daemon.stop().await;
}
