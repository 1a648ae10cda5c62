//! HTTP readers that are slow, idle or too many.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use supervisord::daemon::Daemon;
use supervisord::timings::Timings;

use crate::support::daemon::get;
use crate::support::inside::{settings, start_timed};
use crate::support::node::{FakeNode, PATIENCE};

const REQUEST: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

fn begun(daemon: &Daemon) -> TcpStream {
    let mut stream = TcpStream::connect(daemon.http()).unwrap();
    stream.write_all(&REQUEST[..20]).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_on_which_nothing_moves_is_closed() {
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    let timings = Timings {
        http_idle: Duration::from_millis(200),
        ..Timings::default()
    };
    let mut settings = settings(dir.path(), &[&node]);
    (settings.http.max_connections, settings.http.max_streams) = (64, 8);
    let daemon = start_timed(settings, timings).await;
    // More than may be open at once: they make room for each other.
    let all: Vec<TcpStream> = (0..100).map(|_| begun(&daemon)).collect();
    tokio::task::spawn_blocking(move || {
        for mut stream in all {
            let mut rest = Vec::new();
            match stream.read_to_end(&mut rest) {
                Ok(_) => {}
                Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
            }
        }
    })
    .await
    .unwrap();
    let http = daemon.http();
    let (status, _) = tokio::task::spawn_blocking(move || get(http, "/healthz").unwrap())
        .await
        .unwrap();
    assert_eq!(status, 200);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_have_a_ceiling() {
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    let mut settings = settings(dir.path(), &[&node]);
    (settings.http.max_connections, settings.http.max_streams) = (64, 8);
    let daemon = Daemon::start(settings).await.unwrap();
    let mut held: Vec<TcpStream> = (0..64).map(|_| begun(&daemon)).collect();
    let mut further = TcpStream::connect(daemon.http()).unwrap();
    further.write_all(REQUEST).unwrap();
    further
        .set_read_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    let mut answer = String::new();
    let error = further.read_to_string(&mut answer).unwrap_err();
    assert_eq!((error.kind(), answer.as_str()), (ErrorKind::WouldBlock, ""));
    held.pop();
    further.set_read_timeout(Some(PATIENCE)).unwrap();
    further.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    daemon.stop().await;
}
