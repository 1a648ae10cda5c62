//! Webhooks against servers that are well, fail, hang, are slow, or send elsewhere.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use hotline_wire::Event;
use serde_json::Value;
use supervisord::alarms::{Alarm, Figure, Step};
use supervisord::daemon::Daemon;
use supervisord::settings::{HookEvent, Numbers, TeamSettings, WebhookSettings};
use supervisord::webhook::{AlarmNotice, Notice, signature};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::support::inside::{settings, until};
use crate::support::node::{FakeNode, PATIENCE};
use crate::support::story::{self, Story, joined};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// A request as it came: path, head in lower case, body.
type Request = (String, String, String);

/// A server that does with each request what `answer` says for its number, from 0: `None` hangs.
async fn server(
    answer: impl Fn(usize) -> Option<String> + Send + Sync + 'static,
) -> (u16, mpsc::UnboundedReceiver<Request>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, heard) = mpsc::unbounded_channel();
    let (answer, count) = (Arc::new(answer), Arc::new(Mutex::new(0)));
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (tell, answer, count) = (tell.clone(), answer.clone(), count.clone());
            tokio::spawn(async move {
                let mut read = Vec::new();
                let (head, body) = loop {
                    if stream.read_buf(&mut read).await.unwrap_or(0) == 0 {
                        return;
                    }
                    let text = String::from_utf8(read.clone()).unwrap();
                    let Some((head, body)) = text.split_once("\r\n\r\n") else {
                        continue;
                    };
                    let head = head.to_lowercase();
                    let length = head
                        .lines()
                        .find_map(|line| line.strip_prefix("content-length: "));
                    if length.is_none_or(|length| body.len() >= length.parse().unwrap()) {
                        break (head, body.to_owned());
                    }
                };
                let nth = {
                    let mut count = count.lock().unwrap();
                    *count += 1;
                    *count - 1
                };
                let path = head.split(' ').nth(1).unwrap().to_owned();
                tell.send((path, head, body)).unwrap();
                match answer(nth) {
                    Some(answer) => {
                        let rest = "Content-Length: 0\r\nConnection: close\r\n\r\n";
                        let _ = stream
                            .write_all(format!("HTTP/1.1 {answer}\r\n{rest}").as_bytes())
                            .await;
                    }
                    None => std::future::pending().await,
                }
            });
        }
    });
    (port, heard)
}

async fn next(heard: &mut mpsc::UnboundedReceiver<Request>) -> Request {
    tokio::time::timeout(PATIENCE, heard.recv())
        .await
        .expect("waited in vain for a request")
        .unwrap()
}

struct Bed {
    daemon: Daemon,
    node: FakeNode,
    _dir: tempfile::TempDir,
    nth: u64,
}

impl Bed {
    async fn open(ports: &[(&str, u16)], change: impl Fn(&mut WebhookSettings)) -> Bed {
        let dir = tempfile::tempdir().unwrap();
        let node = FakeNode::start(dir.path(), "pbx1", "b1");
        Story::new(41, "b1").begin(&node);
        let mut settings = settings(dir.path(), &[&node]);
        settings.team = vec![TeamSettings {
            name: "help".into(),
            queues: vec!["support".into()],
            agents: Vec::new(),
            ..Default::default()
        }];
        let secret_file = dir.path().join("secret");
        std::fs::write(&secret_file, format!("{SECRET}\n")).unwrap();
        for (name, port) in ports {
            let mut hook = WebhookSettings {
                name: (*name).into(),
                url: format!("http://127.0.0.1:{port}/pop?key=1").parse().unwrap(),
                secret_file: secret_file.clone(),
                events: vec![HookEvent::Offer, HookEvent::Alarm],
                teams: Vec::new(),
                numbers: Numbers::Masked,
                answer_ms: 10_000,
            };
            change(&mut hook);
            settings.webhook.push(hook);
        }
        let daemon = Daemon::start(settings).await.unwrap();
        until(&daemon, "the queues are known", |state| {
            state
                .nodes
                .get("pbx1")
                .is_some_and(|node| !node.queues.is_empty())
        })
        .await;
        Bed {
            daemon,
            node,
            _dir: dir,
            nth: 0,
        }
    }

    /// A call joins and is offered, now.
    fn offer(&mut self, queue: &str) -> String {
        self.nth += 1;
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        let at = now.as_micros() as u64;
        let call = format!("pbx1-b1-{}", self.nth);
        self.node.tell_at(at, joined(&call, queue, "gold", "13800138000"));
        self.node.tell_at(
            at,
            Event::OfferMade {
                offer: self.nth,
                call,
                agent: "1001".into(),
                queue: queue.into(),
                dispatch: 5,
            },
        );
        format!("offer-pbx1-b1-{}", self.nth)
    }

    /// Until so many have come to that.
    async fn counted(&self, webhook: &str, result: &str, count: u64) {
        let line =
            format!("hotline_webhook_notices_total{{result=\"{result}\",webhook=\"{webhook}\"}} {count}\n");
        let http = self.daemon.http();
        let wait = async {
            loop {
                let page = tokio::task::spawn_blocking(move || {
                    crate::support::daemon::get(http, "/metrics").unwrap()
                });
                if page.await.unwrap().1.contains(&line) {
                    return;
                }
            }
        };
        assert!(
            tokio::time::timeout(PATIENCE, wait).await.is_ok(),
            "waited in vain for {line}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_is_posted_and_signed() {
    let (port, mut heard) = server(|_| Some("204 No Content".into())).await;
    let mut bed = Bed::open(&[("crm", port)], |hook| hook.numbers = Numbers::Whole).await;
    let id = bed.offer("support");
    let (path, head, body) = next(&mut heard).await;
    assert_eq!(path, "/pop?key=1");
    let told: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (told["id"].as_str(), told["kind"].as_str()),
        (Some(&*id), Some("offer"))
    );
    let offer = &told["offer"];
    assert_eq!(
        (&offer["agent"], &offer["tier"], &offer["number"]),
        (&"1001".into(), &"gold".into(), &"13800138000".into())
    );
    assert_eq!(
        (&offer["call"], &offer["queue"], &offer["joined"]),
        (&"pbx1-b1-1".into(), &"support".into(), &told["at"])
    );
    let header = |name: &str| {
        let line = head
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap().to_owned()
    };
    assert_eq!(
        (header("hotline-delivery"), header("hotline-event")),
        (id, "offer".into())
    );
    let signed = header("hotline-signature");
    let (seconds, found) = signed.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
    assert_eq!(
        found,
        signature(SECRET.as_bytes(), seconds.parse().unwrap(), &body)
    );
    bed.counted("crm", "delivered", 1).await;

    let alarm = Alarm {
        id: 1,
        name: "waiting".into(),
        figure: Figure::Waiting,
        node: "pbx1".into(),
        queue: Some("support".into()),
        level: 2,
        value: Some(10.0),
        threshold: 8.0,
        text: "10 callers wait".into(),
        action: "call in the second shift".into(),
        raised: story::MORNING,
        changed: story::MORNING,
        acknowledged: None,
    };
    bed.daemon.webhooks().notify(Notice::Alarm(AlarmNotice {
        step: Step::Raised,
        alarm: Arc::new(alarm),
        at: story::MORNING,
    }));
    // It is of this morning, which was long ago.
    bed.counted("crm", "late", 1).await;
    assert!(heard.try_recv().is_err());
    bed.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_fails_is_asked_again_and_one_that_hangs_too() {
    let (port, mut heard) = server(|nth| match nth {
        0 => Some("500 Oops".into()),
        1 => None,
        2 => Some("429 Slower\r\nRetry-After: 1".into()),
        _ => Some("200 OK".into()),
    })
    .await;
    let mut bed = Bed::open(&[("crm", port)], |hook| hook.answer_ms = 300).await;
    let id = bed.offer("support");
    for _ in 0..4 {
        let (_, head, body) = next(&mut heard).await;
        assert!(head.contains(&format!("hotline-delivery: {id}")), "{head}");
        assert!(
            body.contains("*******8000"),
            "numbers are masked unless told otherwise: {body}"
        );
    }
    bed.counted("crm", "delivered", 1).await;
    assert!(heard.try_recv().is_err());
    bed.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_refuses_or_sends_elsewhere_is_not_asked_again() {
    let (other, mut strangers) = server(|_| Some("200 OK".into())).await;
    let (gone, mut at_gone) = server(|_| Some("410 Gone".into())).await;
    let elsewhere = format!("307 There\r\nLocation: http://127.0.0.1:{other}/");
    let (sends, mut at_sends) = server(move |_| Some(elsewhere.clone())).await;
    let (moved, mut at_moved) = server(|nth| {
        Some(if nth == 0 {
            "308 There\r\nLocation: /new".into()
        } else {
            "200 OK".into()
        })
    })
    .await;
    let mut bed = Bed::open(&[("gone", gone), ("sends", sends), ("moved", moved)], |_| {}).await;
    bed.offer("support");
    bed.counted("gone", "refused", 1).await;
    bed.counted("sends", "refused", 1).await;
    bed.counted("moved", "delivered", 1).await;
    next(&mut at_gone).await;
    next(&mut at_sends).await;
    next(&mut at_moved).await;
    assert_eq!(next(&mut at_moved).await.0, "/new");
    assert!(at_gone.try_recv().is_err() && at_sends.try_recv().is_err());
    assert!(strangers.try_recv().is_err(), "it was sent on to another server");
    bed.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_hangs_holds_up_neither_the_node_nor_other_webhooks() {
    let (hangs, _at_hangs) = server(|_| None).await;
    let (well, mut at_well) = server(|_| Some("200 OK".into())).await;
    let mut bed = Bed::open(&[("hangs", hangs), ("well", well)], |_| {}).await;
    const OFFERS: u64 = 1_500;
    let mut expected = Vec::new();
    for _ in 0..OFFERS {
        expected.push(bed.offer("support"));
    }
    // The node's events are stored and acknowledged all the same.
    bed.node.wait_all_acked();
    let mut told = Vec::new();
    while told.len() < 900 {
        let (_, head, _) = next(&mut at_well).await;
        let id = head
            .lines()
            .find_map(|line| line.strip_prefix("hotline-delivery: "));
        told.push(id.unwrap().to_owned());
    }
    assert!(told.iter().all(|id| expected.contains(id)));
    // What has no room is said to be lost, and nothing more than that.
    let page = tokio::task::spawn_blocking({
        let http = bed.daemon.http();
        move || crate::support::daemon::get(http, "/metrics").unwrap().1
    });
    let lost = crate::support::daemon::value(
        &page.await.unwrap(),
        "hotline_webhook_notices_total{result=\"lost\",webhook=\"hangs\"}",
    );
    assert!(lost <= (OFFERS - 1_000) as f64, "{lost}");
    bed.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_team_is_told_of_its_own_queues() {
    let (port, mut heard) = server(|_| Some("200 OK".into())).await;
    let mut bed = Bed::open(&[("crm", port)], |hook| hook.teams = vec!["help".into()]).await;
    bed.offer("sales");
    let id = bed.offer("support");
    assert!(
        next(&mut heard)
            .await
            .1
            .contains(&format!("hotline-delivery: {id}"))
    );
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(heard.try_recv().is_err());
    bed.daemon.stop().await;
}
