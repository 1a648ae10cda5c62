//! What the API has nodes do: the node's answer, in the name of who asked, once for each key.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use hotline_wire::{Command, Outcome, Refusal};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use supervisord::timings::Timings;

use super::Floor;
use crate::support::client::{Api, read, staff};
use crate::support::inside::{settings, start_timed, until};
use crate::support::node::FakeNode;
use crate::support::story::Story;

const ORDER: &str = "/api/v1/agents/1001/commands";

#[tokio::test(flavor = "multi_thread")]
async fn every_command_reaches_the_node_in_the_name_of_who_asked() {
    let floor = Floor::open(21, 100).await;
    let admin = Api::of(&floor.daemon, "admin");
    let (tell, heard) = mpsc::channel();
    floor.node.answer_with(move |author, command| {
        tell.send((author.to_owned(), serde_json::to_value(command).unwrap()))
            .unwrap();
        vec![match command {
            Command::ConfigSave { .. }
            | Command::WhyNot { .. }
            | Command::WhyCall { .. }
            | Command::Fairness
            | Command::ConfigDiff => Outcome::Told {
                lines: vec!["because".into()],
            },
            _ => Outcome::Done,
        }]
    });
    let agent = |rest: Value| {
        let mut all = json!({"agent": "1001"});
        all.as_object_mut()
            .unwrap()
            .extend(rest.as_object().unwrap().clone());
        all
    };
    let orders = [
        json!({"do": "sign_in", "phone": "PJSIP/desk"}),
        json!({"do": "sign_out"}),
        json!({"do": "set_ready"}),
        json!({"do": "set_not_ready", "reason": "lunch"}),
        json!({"do": "force_busy", "reason": "training", "seconds": 60}),
        json!({"do": "force_idle"}),
        json!({"do": "force_sign_out", "reason": "late"}),
        json!({"do": "extend_wrap_up", "seconds": 30}),
        json!({"do": "monitor", "supervisor": "9001", "mode": "barge", "follow": "call"}),
        json!({"do": "disconnect", "whom": "caller"}),
    ];
    let mut expected = Vec::new();
    for order in orders {
        let (status, answer) = admin.post(ORDER, &order).await;
        assert_eq!(
            (status, answer),
            (StatusCode::OK, json!({"outcome": "done"})),
            "{order}"
        );
        expected.push(agent(order));
    }
    let call = floor.daemon.shared().state().nodes["pbx1"]
        .calls
        .keys()
        .next()
        .unwrap()
        .clone();
    let at_call = |what: &str| format!("/api/v1/calls/{call}/{what}");
    let list = "/api/v1/nodes/pbx1/blacklist/commands";
    let others = [
        (
            Method::POST,
            ORDER.to_owned(),
            json!({"do": "stop_monitor", "supervisor": "9001"}),
            json!({"do": "stop_monitor", "supervisor": "9001"}),
        ),
        (
            Method::PUT,
            "/api/v1/agents/1001/queues/sales".into(),
            json!({"level": 2}),
            json!({"do": "set_membership", "agent": "1001", "queue": "sales", "place": {"level": 2, "weight": 1}}),
        ),
        (
            Method::DELETE,
            "/api/v1/agents/1001/queues/sales".into(),
            json!({}),
            json!({"do": "set_membership", "agent": "1001", "queue": "sales", "place": null}),
        ),
        (
            Method::PUT,
            "/api/v1/agents/1001/skills/zh".into(),
            json!({}),
            json!({"do": "set_skill", "agent": "1001", "skill": "zh", "has": true}),
        ),
        (
            Method::DELETE,
            "/api/v1/agents/1001/skills/zh".into(),
            json!({}),
            json!({"do": "set_skill", "agent": "1001", "skill": "zh", "has": false}),
        ),
        (
            Method::PUT,
            "/api/v1/queues/support/door".into(),
            json!({"door": "emergency"}),
            json!({"do": "set_door", "queue": "support", "door": "emergency"}),
        ),
        (
            Method::POST,
            at_call("reprioritise"),
            json!({"priority": 90}),
            json!({"do": "reprioritise", "call": call, "priority": 90}),
        ),
        (
            Method::POST,
            at_call("move"),
            json!({"queue": "sales"}),
            json!({"do": "move_call", "call": call, "queue": "sales"}),
        ),
        (
            Method::POST,
            at_call("withdraw"),
            json!({"place": "ivr,s,1"}),
            json!({"do": "withdraw", "call": call, "place": "ivr,s,1"}),
        ),
        (
            Method::DELETE,
            format!("/api/v1/callbacks/{call}"),
            json!({}),
            json!({"do": "cancel_callback", "callback": call}),
        ),
        (
            Method::POST,
            "/api/v1/nodes/pbx1/config/save".into(),
            json!({"name": "new.toml"}),
            json!({"do": "config_save", "name": "new.toml"}),
        ),
        (
            Method::POST,
            "/api/v1/nodes/pbx1/config/forget".into(),
            json!({"about": ""}),
            json!({"do": "config_forget", "about": ""}),
        ),
        (
            Method::POST,
            "/api/v1/nodes/pbx1/config/reload".into(),
            json!({}),
            json!({"do": "reload"}),
        ),
        (
            Method::POST,
            list.into(),
            json!({"do": "add", "number": "138*", "action": "busy", "until": 5}),
            json!({"do": "blacklist", "order": "add", "entry": {"number": "138*", "action": "busy", "reason": "", "author": "", "until": 5}}),
        ),
        (
            Method::POST,
            list.into(),
            json!({"do": "remove", "number": "138*"}),
            json!({"do": "blacklist", "order": "remove", "number": "138*", "reason": ""}),
        ),
        (
            Method::POST,
            list.into(),
            json!({"do": "keep", "number": "138*"}),
            json!({"do": "blacklist", "order": "keep", "number": "138*", "reason": ""}),
        ),
        (
            Method::POST,
            list.into(),
            json!({"do": "import", "path": "/a.csv"}),
            json!({"do": "blacklist", "order": "import", "path": "/a.csv", "skip_bad": false, "reason": ""}),
        ),
        (
            Method::POST,
            list.into(),
            json!({"do": "export", "path": "/a.csv"}),
            json!({"do": "blacklist", "order": "export", "path": "/a.csv"}),
        ),
        (
            Method::POST,
            list.into(),
            json!({"do": "load"}),
            json!({"do": "blacklist", "order": "load"}),
        ),
    ];
    for (method, path, body, command) in others {
        let (status, answer) = admin.send(method.clone(), &path, &body).await;
        assert_eq!(status, 200, "{method} {path}: {answer}");
        expected.push(command);
    }
    for (path, command) in [
        (
            "/api/v1/agents/1001/why-not".to_owned(),
            json!({"do": "why_not", "agent": "1001"}),
        ),
        (at_call("why"), json!({"do": "why_call", "call": call})),
        ("/api/v1/nodes/pbx1/fairness".into(), json!({"do": "fairness"})),
        (
            "/api/v1/nodes/pbx1/config/diff".into(),
            json!({"do": "config_diff"}),
        ),
    ] {
        assert_eq!(
            admin.get(&path).await,
            (StatusCode::OK, json!({"lines": ["because"]})),
            "{path}"
        );
        expected.push(command);
    }
    let heard: Vec<(String, Value)> = heard.try_iter().collect();
    assert!(heard.iter().all(|(author, _)| author == "token:admin"));
    let heard: Vec<Value> = heard.into_iter().map(|(_, command)| command).collect();
    assert_eq!(heard, expected);
    floor.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_is_the_nodes_never_a_guess() {
    let floor = Floor::open(22, 0).await;
    let supervisor = Api::of(&floor.daemon, "supervisor");
    floor.node.answer_with(|_, command| match command {
        Command::ForceBusy { .. } => vec![Outcome::Pending, Outcome::Done],
        Command::SetReady { .. } => vec![Outcome::Refused {
            reason: Refusal::ForcedBusy,
            message: "forced busy by otto; `force_idle` lifts it".into(),
        }],
        _ => vec![Outcome::Done],
    });
    assert_eq!(
        supervisor.post(ORDER, &json!({"do": "force_busy"})).await,
        (StatusCode::ACCEPTED, json!({"outcome": "pending"}))
    );
    let (status, problem) = supervisor.post(ORDER, &json!({"do": "set_ready"})).await;
    assert_eq!(status, 409);
    assert_eq!(problem["reason"], "forced_busy");
    assert_eq!(problem["detail"], "forced busy by otto; `force_idle` lifts it");

    // Not of its team, not of its role, not under its number.
    for (token, path, body, status) in [
        (
            "supervisor",
            "/api/v1/agents/1003/commands",
            json!({"do": "force_idle"}),
            404,
        ),
        ("viewer", ORDER, json!({"do": "force_idle"}), 403),
        ("agent", ORDER, json!({"do": "force_idle"}), 403),
        ("agent", ORDER, json!({"do": "sign_out"}), 200),
        (
            "inspector",
            ORDER,
            json!({"do": "monitor", "supervisor": "9001"}),
            403,
        ),
        (
            "supervisor",
            ORDER,
            json!({"do": "monitor", "supervisor": "9002"}),
            403,
        ),
        (
            "supervisor",
            ORDER,
            json!({"do": "monitor", "supervisor": "9001"}),
            200,
        ),
        ("supervisor", "/api/v1/nodes/pbx1/config/reload", json!({}), 403),
    ] {
        let (found, answer) = Api::of(&floor.daemon, token).post(path, &body).await;
        assert_eq!(found.as_u16(), status, "{token} {body}: {answer}");
    }
    let (status, answer) = supervisor
        .send(Method::PUT, "/api/v1/agents/1001/queues/sales", &json!({}))
        .await;
    assert_eq!(status, 403, "{answer}");
    assert!(
        answer["detail"].as_str().unwrap().contains("queue sales"),
        "{answer}"
    );

    floor.node.set_down(true);
    until_disconnected(&floor).await;
    let (status, problem) = supervisor.post(ORDER, &json!({"do": "force_idle"})).await;
    assert_eq!(
        (status.as_u16(), &problem["reason"]),
        (503, &json!("not_connected"))
    );
    floor.daemon.stop().await;
}

async fn until_disconnected(floor: &Floor) {
    let admin = Api::of(&floor.daemon, "admin");
    while admin.get("/api/v1/nodes").await.1["items"][0]["connected"] == true {
        tokio::task::yield_now().await;
    }
}

async fn keyed(api: &Api, key: &str, body: &Value) -> (StatusCode, Value) {
    let request = api
        .request(Method::POST, ORDER)
        .header("content-type", "application/json");
    let request = request.header("Idempotency-Key", key).body(body.to_string());
    read(request.send().await.unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_is_carried_out_once() {
    let floor = Floor::open(23, 0).await;
    let (admin, supervisor) = (
        Api::of(&floor.daemon, "admin"),
        Api::of(&floor.daemon, "supervisor"),
    );
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    floor.node.answer_with(move |_, _| {
        // Every time another answer.
        let nth = counted.fetch_add(1, Ordering::SeqCst);
        vec![if nth.is_multiple_of(2) {
            Outcome::Pending
        } else {
            Outcome::Done
        }]
    });
    let longer = json!({"do": "extend_wrap_up", "seconds": 30});
    let first = keyed(&admin, "k1", &longer).await;
    assert_eq!(first, (StatusCode::ACCEPTED, json!({"outcome": "pending"})));
    assert_eq!(keyed(&admin, "k1", &longer).await, first);
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    // All at once, still once.
    let many = (0..20).map(|_| keyed(&admin, "k2", &longer));
    let mut answers = Vec::new();
    for answer in many {
        answers.push(answer.await);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    // A key is its author's, and for one command.
    let (status, problem) = keyed(&admin, "k1", &json!({"do": "force_idle"})).await;
    assert_eq!(
        (status.as_u16(), &problem["reason"]),
        (422, &json!("idempotency_key_reused"))
    );
    keyed(&supervisor, "k1", &longer).await;
    assert_eq!(asked.load(Ordering::SeqCst), 3);
    assert_eq!(keyed(&admin, "", &longer).await.0, 422);
    assert_eq!(keyed(&admin, &"k".repeat(129), &longer).await.0, 422);

    // What certainly was not carried out may be tried again with its key.
    floor.node.set_down(true);
    until_disconnected(&floor).await;
    assert_eq!(keyed(&admin, "k3", &longer).await.0, 503);
    floor.node.set_down(false);
    while keyed(&admin, "k3", &longer).await.0 == 503 {
        tokio::task::yield_now().await;
    }
    assert_eq!(asked.load(Ordering::SeqCst), 4);
    floor.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_of_which_nobody_knows_is_not_repeated_under_its_key() {
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    Story::new(24, "b1").begin(&node);
    let mut settings = settings(dir.path(), &[&node]);
    staff(&mut settings);
    let timings = Timings {
        command: Duration::from_millis(300),
        ..Timings::default()
    };
    let daemon = start_timed(settings, timings).await;
    until(&daemon, "the agent is known", |state| {
        state
            .nodes
            .get("pbx1")
            .is_some_and(|node| node.agents.contains_key("1001"))
    })
    .await;
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    node.answer_with(move |_, _| {
        counted.fetch_add(1, Ordering::SeqCst);
        vec![]
    });
    let admin = Api::of(&daemon, "admin");
    let idle = json!({"do": "force_idle"});
    for _ in 0..2 {
        let (status, problem) = keyed(&admin, "k", &idle).await;
        assert_eq!((status.as_u16(), &problem["reason"]), (504, &json!("timeout")));
        assert!(
            problem["detail"].as_str().unwrap().contains("not known"),
            "{problem}"
        );
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_blacklist_is_shown_page_by_page() {
    let floor = Floor::open(25, 0).await;
    floor.node.answer_with(|_, command| {
        let command = serde_json::to_value(command).unwrap();
        assert_eq!(command["order"], "list");
        let entry = hotline_wire::blacklist::ListEntry {
            number: format!("+86{}", command["after"].as_str().unwrap()),
            action: "busy".into(),
            ..Default::default()
        };
        vec![Outcome::Listed {
            entries: vec![entry],
            next: (command["after"] == "").then(|| "138".into()),
        }]
    });
    let supervisor = Api::of(&floor.daemon, "supervisor");
    let (status, page) = supervisor
        .get("/api/v1/nodes/pbx1/blacklist?find=x&limit=7")
        .await;
    assert_eq!(status, 200, "{page}");
    assert_eq!(
        (&page["items"][0]["number"], &page["next"]),
        (&json!("+86"), &json!("138"))
    );
    let (_, page) = supervisor.get("/api/v1/nodes/pbx1/blacklist?cursor=138").await;
    assert_eq!(
        (&page["items"][0]["number"], &page["next"]),
        (&json!("+86138"), &Value::Null)
    );
    let (status, _) = Api::of(&floor.daemon, "inspector")
        .get("/api/v1/nodes/pbx1/blacklist")
        .await;
    assert_eq!(status, 403);
    floor.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_takes_longer_than_a_connection_may_be_idle_comes_all_the_same() {
    let idle = Duration::from_millis(100);
    let timings = Timings {
        http_idle: idle,
        ..Timings::default()
    };
    let floor = Floor::open_timed(26, 0, timings).await;
    floor.node.answer_with(move |_, _| {
        std::thread::sleep(5 * idle);
        vec![Outcome::Done]
    });
    let admin = Api::of(&floor.daemon, "admin");
    // As importing a long list does.
    let import = json!({"do": "import", "path": "/var/lib/list.csv"});
    let (status, answer) = admin.post("/api/v1/nodes/pbx1/blacklist/commands", &import).await;
    assert_eq!((status.as_u16(), answer), (200, json!({"outcome": "done"})));
    floor.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_signs_in_on_no_phone_that_it_chooses_itself() {
    let floor = Floor::open_with(27, 0, Timings::default(), |settings| {
        settings.authority = toml::from_str("agent_phones = [\"PJSIP/1*\"]").unwrap();
    })
    .await;
    let (tell, heard) = mpsc::channel();
    floor.node.answer_with(move |_, command| {
        tell.send(command.clone()).unwrap();
        vec![Outcome::Done]
    });
    for (token, phone, status) in [
        ("agent", "", 200),
        ("agent", "PJSIP/1001", 200),
        ("agent", "PJSIP/1900555@provider", 403),
        ("agent", "Local/0900@outbound", 403),
        ("supervisor", "Local/0900@outbound", 403),
        ("supervisor", "PJSIP/17", 200),
        ("admin", "Local/0900@outbound", 200),
    ] {
        let order = json!({"do": "sign_in", "phone": phone});
        let (found, answer) = Api::of(&floor.daemon, token).post(ORDER, &order).await;
        assert_eq!(found.as_u16(), status, "{token} {phone}: {answer}");
        if status == 403 {
            assert!(
                answer["detail"].as_str().unwrap().contains("agent_phones"),
                "{answer}"
            );
            assert!(heard.try_recv().is_err(), "the node heard of it");
        } else {
            let command = Command::SignIn {
                agent: "1001".into(),
                phone: phone.into(),
            };
            assert_eq!(heard.try_recv(), Ok(command));
        }
    }
    floor.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_out_of_sight_is_as_if_it_were_not() {
    let floor = Floor::open(28, 200).await;
    let call_in = |queue: &str| {
        let state = floor.daemon.shared().state();
        let calls = &state.nodes["pbx1"].calls;
        calls
            .values()
            .find(|call| call.queue == queue)
            .unwrap()
            .call
            .clone()
    };
    let (own, other) = (call_in("support"), call_in("sales"));
    let none = "pbx1-b1-999999".to_owned();
    floor.node.answer_with(|_, _| vec![Outcome::Done]);
    for token in ["supervisor", "inspector", "viewer", "agent"] {
        let api = Api::of(&floor.daemon, token);
        let mut answers = Vec::new();
        for call in [&other, &none] {
            let at = |what: &str| format!("/api/v1/calls/{call}/{what}");
            let mut all = vec![
                api.get(&at("why")).await,
                api.post(&at("reprioritise"), &json!({"priority": 1})).await,
                api.post(&at("move"), &json!({"queue": "support"})).await,
                api.post(&at("withdraw"), &json!({})).await,
                api.send(Method::DELETE, &format!("/api/v1/callbacks/{call}"), &json!({}))
                    .await,
            ];
            for (status, problem) in &mut all {
                assert_eq!(status.as_u16(), 404, "{token} {call}: {problem}");
                let detail = problem["detail"].as_str().unwrap().replace(call.as_str(), "CALL");
                problem["detail"] = detail.into();
            }
            answers.push(all);
        }
        assert_eq!(answers[0], answers[1], "{token}");
        // Nor does it learn of teams.
        let of_team = async |team: &str| {
            let (status, problem) = api.get(&format!("/api/v1/queues?team={team}")).await;
            (status.as_u16(), problem["reason"].clone())
        };
        assert_eq!(of_team("second").await, (404, json!("unknown_team")));
        assert_eq!(of_team("nowhere").await, of_team("second").await);
        assert_eq!(of_team("first").await.0, 200);
    }
    let supervisor = Api::of(&floor.daemon, "supervisor");
    let move_it = json!({"queue": "support"});
    let (status, _) = supervisor
        .post(&format!("/api/v1/calls/{own}/move"), &move_it)
        .await;
    assert_eq!(status, 200);
    let admin = Api::of(&floor.daemon, "admin");
    for call in [&other, &none] {
        let (status, _) = admin.post(&format!("/api/v1/calls/{call}/move"), &move_it).await;
        assert_eq!(status, 200);
    }
    floor.daemon.stop().await;
}
