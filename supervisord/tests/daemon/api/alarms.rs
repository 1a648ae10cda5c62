//! Alarms from the figure to whoever is told: API, stream, webhook, metrics, and over a restart.

use std::time::Duration;

use hotline_wire::event::{CallOutcome, Exit};
use serde_json::{Value, json};
use supervisord::settings::{AlarmSettings, Settings};
use supervisord::timings::Timings;

use super::audited::rows;
use crate::support::client::{Api, staff};
use crate::support::inside::{settings, start_timed, until};
use crate::support::node::FakeNode;
use crate::support::story::{Story, joined, left};
use crate::support::stream::Reader;

fn quick() -> Timings {
    Timings {
        alarms: Duration::from_millis(20),
        ..Timings::default()
    }
}

fn with_alarms(dir: &std::path::Path, node: &FakeNode) -> Settings {
    let mut settings = settings(dir, &[node]);
    staff(&mut settings);
    let rule = |text: &str| -> AlarmSettings { toml::from_str(text).unwrap() };
    settings.alarm = vec![
        rule(
            "name = \"crowd\"\nfigure = \"waiting\"\nabove = [1, 2]\nqueues = [\"support\", \"sales\"]\naction = \"call in more agents\"",
        ),
        rule("name = \"away\"\nfigure = \"node_away\"\nabove = [0.2]"),
    ];
    settings
}

/// The alarms that somebody sees, once they are so many.
async fn alarms(api: &Api, count: usize) -> Vec<Value> {
    loop {
        let (status, all) = api.get("/api/v1/alarms").await;
        // It may be busy restoring its state.
        if let Some(all) = all.as_array().filter(|all| status == 200 && all.len() == count) {
            return all.clone();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_figure_raises_an_alarm_that_somebody_takes_care_of_until_it_is_over() {
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    Story::new(61, "b1").begin(&node);
    let settings = with_alarms(dir.path(), &node);
    let daemon = start_timed(settings.clone(), quick()).await;
    daemon.ready().await;
    let (anna, admin) = (Api::of(&daemon, "supervisor"), Api::of(&daemon, "admin"));
    let wait = |queue: &'static str, calls: std::ops::Range<u32>| {
        for call in calls {
            node.tell_at(
                0,
                joined(&format!("pbx1-b1-{queue}{call}"), queue, "gold", "13800138000"),
            );
        }
    };
    wait("support", 0..2);
    wait("sales", 0..2);
    let both = alarms(&admin, 2).await;
    assert!(
        both.iter()
            .all(|alarm| alarm["name"] == "crowd" && alarm["level"] == 1)
    );

    // A supervisor sees the alarms of its teams, takes care of them, and of no others.
    let own = alarms(&anna, 1).await.remove(0);
    assert_eq!(
        (
            &own["queue"],
            &own["figure"],
            &own["value"],
            &own["threshold"],
            &own["action"]
        ),
        (
            &json!("support"),
            &json!("waiting"),
            &json!(2.0),
            &json!(1.0),
            &json!("call in more agents")
        )
    );
    assert_eq!(own["text"], "queue support of node pbx1: waiting is 2, above 1");
    let other = both.iter().find(|alarm| alarm["queue"] == "sales").unwrap();
    let path = |alarm: &Value| format!("/api/v1/alarms/{}/acknowledge", alarm["id"]);
    let note = json!({"note": "two more sign in"});
    assert_eq!(anna.post(&path(other), &note).await.0, 404);
    let viewer = Api::of(&daemon, "viewer");
    assert_eq!(viewer.post(&path(&own), &note).await.0, 403);
    let (status, taken) = anna.post(&path(&own), &note).await;
    assert_eq!(status, 200);
    assert_eq!(
        (&taken["acknowledged"]["author"], &taken["acknowledged"]["note"]),
        (&json!("token:supervisor"), &json!("two more sign in"))
    );
    assert_eq!(admin.post(&path(&own), &note).await.1["reason"], "acknowledged");
    let long = json!({"note": "x".repeat(501)});
    assert_eq!(admin.post(&path(other), &long).await.0, 422);

    // Worse: it is asked for anew, and the stream shows it.
    let mut reader = Reader::open(&anna, "?kinds=alarm", None).await;
    reader.ready().await;
    assert_eq!(reader.shown.len(), 1);
    wait("support", 2..3);
    let key = ("alarm".to_owned(), own["id"].to_string());
    while reader.shown[&key]["level"] != 2 {
        reader.next().await.unwrap();
    }
    assert_eq!(reader.shown[&key]["acknowledged"], Value::Null);
    assert_eq!(anna.post(&path(&own), &note).await.0, 200);
    // Said twice, it was done once.
    assert_eq!(anna.post(&path(&own), &note).await.0, 200);
    let kept = rows(&admin, "acknowledge", 4).await;
    let told: Vec<_> = kept.iter().map(|row| (&row["author"], &row["result"])).collect();
    let [anna_is, admin_is] = [&json!("token:supervisor"), &json!("token:admin")];
    let [done, refused] = [&json!("done"), &json!("refused")];
    assert_eq!(
        told,
        [
            (anna_is, done),
            (admin_is, refused),
            (admin_is, refused),
            (anna_is, done)
        ]
    );
    let first = &kept[0];
    assert_eq!(
        (
            &first["target"],
            &first["asked"],
            &first["before"]["level"],
            &first["before"]["acknowledged_by"]
        ),
        (&json!(own["id"].to_string()), &note, &json!(1), &json!(null))
    );
    assert_eq!(
        (
            &first["after"]["acknowledged_by"],
            &first["after"]["acknowledged_at"]
        ),
        (anna_is, &taken["acknowledged"]["at"])
    );
    assert_eq!(
        (&kept[3]["before"]["level"], &kept[1]["after"]),
        (&json!(2), &kept[1]["before"])
    );

    // Over a restart it is the same alarm, with who takes care of it.
    daemon.stop().await;
    let daemon = start_timed(settings, quick()).await;
    daemon.ready().await;
    let anna = Api::of(&daemon, "supervisor");
    let again = alarms(&anna, 1).await.remove(0);
    assert_eq!(
        (&again["id"], &again["level"], &again["acknowledged"]["author"]),
        (&own["id"], &json!(2), &json!("token:supervisor"))
    );
    until(&daemon, "the node is there", |state| {
        state.nodes.contains_key("pbx1")
    })
    .await;
    let mut reader = Reader::open(&anna, "?kinds=alarm", None).await;
    reader.ready().await;
    for call in 0..3 {
        node.tell_at(
            1_000_000,
            left(
                &format!("pbx1-b1-support{call}"),
                "support",
                "gold",
                CallOutcome::Abandoned,
                0,
                Exit::Onward,
            ),
        );
    }
    while !reader.shown.is_empty() {
        reader.next().await.unwrap();
    }
    let metrics = reqwest::get(format!("http://{}/metrics", daemon.http()))
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    for line in [
        "hotline_alarms_on{alarm=\"crowd\",level=\"1\"} 1",
        "hotline_alarms_on{alarm=\"crowd\",level=\"2\"} 0",
        "hotline_alarms_on{alarm=\"away\",level=\"1\"} 0",
        "hotline_alarms_total{alarm=\"crowd\",step=\"cleared\"} 1",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line}: {metrics}");
    }
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_away_is_an_alarm_and_changes_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    Story::new(62, "b1").begin(&node);
    for call in 0..2 {
        node.tell_at(
            0,
            joined(&format!("pbx1-b1-{call}"), "support", "gold", "13800138000"),
        );
    }
    let daemon = start_timed(with_alarms(dir.path(), &node), quick()).await;
    daemon.ready().await;
    let admin = Api::of(&daemon, "admin");
    alarms(&admin, 1).await;
    node.set_down(true);
    node.hang_up();
    let both = alarms(&admin, 2).await;
    let names: Vec<&str> = both.iter().map(|alarm| alarm["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["crowd", "away"]);
    assert_eq!(both[1]["queue"], Value::Null);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn taking_care_with_a_key_counts_once_also_when_it_has_become_worse() {
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    Story::new(63, "b1").begin(&node);
    let wait = |call: u32| {
        node.tell_at(
            0,
            joined(&format!("pbx1-b1-{call}"), "support", "gold", "13800138000"),
        )
    };
    (0..2).for_each(|call| {
        wait(call);
    });
    let daemon = start_timed(with_alarms(dir.path(), &node), quick()).await;
    daemon.ready().await;
    let admin = Api::of(&daemon, "admin");
    let id = alarms(&admin, 1).await[0]["id"].clone();
    let acknowledge = async |key: &str, note: &str| {
        let request = admin
            .request(reqwest::Method::POST, &format!("/api/v1/alarms/{id}/acknowledge"))
            .header("content-type", "application/json")
            .header("Idempotency-Key", key);
        let body = json!({"note": note}).to_string();
        crate::support::client::read(request.body(body).send().await.unwrap()).await
    };
    let first = acknowledge("k1", "mine").await;
    assert_eq!(first.0, 200);
    assert_eq!(first.1["level"], 1);
    wait(2);
    while alarms(&admin, 1).await[0]["level"] != 2 {}
    // Sent again by who did not get the answer: the worse one is still for somebody to see.
    assert_eq!(acknowledge("k1", "mine").await, first);
    assert_eq!(alarms(&admin, 1).await[0]["acknowledged"], Value::Null);
    let (status, problem) = acknowledge("k1", "another note").await;
    assert_eq!(
        (status.as_u16(), &problem["reason"]),
        (422, &json!("idempotency_key_reused"))
    );
    let (status, worse) = acknowledge("k2", "mine").await;
    assert_eq!((status.as_u16(), &worse["level"]), (200, &json!(2)));
    daemon.stop().await;
}
