//! What the API shows, and to whom.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use supervisord::views::{AgentView, CallView, QueueView};

use super::Floor;
use crate::support::client::Api;
use crate::support::story::Story;

/// All items of a list, page by page.
async fn all(api: &Api, path: &str, limit: usize) -> Vec<Value> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let and = if path.contains('?') { '&' } else { '?' };
        let (status, page) = api.get(&format!("{path}{and}limit={limit}{cursor}")).await;
        assert_eq!(status, 200, "{page}");
        let found = page["items"].as_array().unwrap();
        assert!(found.len() <= limit);
        items.extend(found.iter().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return items,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_what_the_daemon_knows_page_by_page() {
    let floor = Floor::open(17, 300).await;
    let admin = Api::of(&floor.daemon, "admin");
    let (queues, agents, mut calls, callbacks) = {
        let state = floor.daemon.shared().state();
        let node = &state.nodes["pbx1"];
        let queues: Vec<Value> = node
            .queues
            .keys()
            .map(|name| json!(QueueView::of(&state, "pbx1", name).unwrap()))
            .collect();
        let agents: Vec<Value> = node
            .agents
            .values()
            .map(|agent| json!(AgentView::of("pbx1", &agent.info)))
            .collect();
        let calls: Vec<Value> = node
            .calls
            .values()
            .map(|call| json!(CallView::of("pbx1", call, true)))
            .collect();
        (queues, agents, calls, node.callbacks.len())
    };
    assert!(calls.len() > 3 && callbacks > 0, "the story has too little in it");
    calls.sort_by_key(|call| (call["joined"].as_u64(), call["call"].as_str().map(str::to_owned)));
    assert_eq!(all(&admin, "/api/v1/queues", 1).await, queues);
    assert_eq!(all(&admin, "/api/v1/agents", 2).await, agents);
    assert_eq!(all(&admin, "/api/v1/calls", 2).await, calls);
    assert_eq!(all(&admin, "/api/v1/callbacks", 1).await.len(), callbacks);
    let nodes = all(&admin, "/api/v1/nodes", 10).await;
    assert_eq!(
        (&nodes[0]["node"], &nodes[0]["connected"]),
        (&json!("pbx1"), &json!(true))
    );
    // The fake node has told its figures with the first heartbeat, and has no spool.
    let pipe = &nodes[0]["pipe"];
    assert_eq!(
        (&pipe["spool"], &pipe["lost"], &pipe["dropped"]),
        (&json!(null), &json!(0), &json!({}))
    );
    assert!(pipe["last_stored"].as_u64().is_some_and(|at| at > 0), "{pipe}");

    let of_queue = all(&admin, "/api/v1/calls?queue=support", 100).await;
    assert!(of_queue.iter().all(|call| call["queue"] == "support"));
    let ready = all(&admin, "/api/v1/agents?state=ready&team=first", 100).await;
    assert!(ready.iter().all(|agent| agent["state"] == "ready" && ["1001", "1002"].iter().any(|of| agent["agent"] == *of)));
    let (status, one) = admin.get("/api/v1/agents/1003?node=pbx1").await;
    assert_eq!((status, &one["agent"]), (StatusCode::OK, &json!("1003")));
    assert_eq!(admin.get("/api/v1/queues/sales").await.1["queue"], "sales");
    floor.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_team_sees_its_own_and_numbers_are_for_who_needs_them() {
    let floor = Floor::open(12, 300).await;
    for (token, whole) in [("viewer", false), ("inspector", false), ("supervisor", true)] {
        let api = Api::of(&floor.daemon, token);
        let queues = all(&api, "/api/v1/queues", 100).await;
        assert_eq!(
            queues.iter().map(|queue| &queue["queue"]).collect::<Vec<_>>(),
            ["support"]
        );
        let agents = all(&api, "/api/v1/agents", 100).await;
        assert_eq!(
            agents.iter().map(|agent| &agent["agent"]).collect::<Vec<_>>(),
            ["1001", "1002"]
        );
        let calls = all(&api, "/api/v1/calls", 100).await;
        let callbacks = all(&api, "/api/v1/callbacks", 100).await;
        assert!(!calls.is_empty());
        for call in calls.iter().chain(&callbacks) {
            assert_eq!(call["queue"], "support");
            assert_eq!(
                !call["number"].as_str().unwrap().contains('*'),
                whole,
                "{token}: {call}"
            );
        }
        assert_eq!(api.get("/api/v1/agents/1003").await.0, 404);
        assert_eq!(api.get("/api/v1/queues/sales").await.0, 404);
        let teams = all(&api, "/api/v1/teams", 100).await;
        assert_eq!(teams.len(), 1);
        assert_eq!(api.get("/api/v1/audit").await.0, 403);
    }
    let agent = Api::of(&floor.daemon, "agent");
    let own = all(&agent, "/api/v1/agents", 100).await;
    assert_eq!(
        own.iter().map(|agent| &agent["agent"]).collect::<Vec<_>>(),
        ["1001"]
    );
    let calls = all(&agent, "/api/v1/calls", 100).await;
    assert!(calls.iter().all(|call| call["agent"] == "1001"));
    floor.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_record_is_read_latest_first() {
    let mut floor = Floor::open(13, 0).await;
    (0..400).for_each(|_| Story::step(&mut floor.story, &floor.node));
    floor.caught_up().await;
    let admin = Api::of(&floor.daemon, "admin");
    let (status, page) = admin.get("/api/v1/audit?limit=1000&action=force_idle").await;
    assert_eq!(status, 200, "{page}");
    let rows: Vec<u64> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["row"].as_u64().unwrap())
        .collect();
    assert!(rows.len() > 3 && rows.is_sorted_by(|a, b| a > b), "{rows:?}");
    assert_eq!(page["head"].as_str().unwrap().len(), 64);
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let (_, page) = admin
            .get(&format!("/api/v1/audit?limit=2&action=force_idle{cursor}"))
            .await;
        seen.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["row"].as_u64().unwrap()),
        );
        match page["next"].as_u64() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, rows);
    assert_eq!(
        admin.get("/api/v1/audit?author=nobody").await.1["items"],
        json!([])
    );
    floor.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_have_one_form_and_name_the_thing() {
    let floor = Floor::open(14, 10).await;
    let admin = Api::of(&floor.daemon, "admin");
    for (path, status, reason, named) in [
        ("/nowhere", 404, "unknown_route", "openapi.json"),
        ("/api/v1/agents/9999", 404, "unknown_agent", "9999"),
        ("/api/v1/agents/1001?node=pbx9", 404, "unknown_agent", "pbx9"),
        ("/api/v1/calls/x/why", 404, "unknown_call", "\"x\""),
        ("/api/v1/nodes/pbx9/fairness", 404, "unknown_node", "pbx9"),
        ("/api/v1/agents?team=none", 404, "unknown_team", "none"),
        ("/api/v1/agents?limit=0", 422, "invalid", "1 to 1000"),
        ("/api/v1/agents?limit=many", 422, "invalid", "limit"),
        ("/api/v1/agents?nod=pbx1", 422, "invalid", "nod"),
        ("/api/v1/agents?cursor=zz", 422, "invalid", "cursor"),
        ("/api/v1/events?kinds=dog", 422, "invalid", "\"dog\""),
    ] {
        let (found, problem) = admin.get(path).await;
        assert_eq!(
            (found.as_u16(), problem["reason"].as_str()),
            (status, Some(reason)),
            "{path}: {problem}"
        );
        assert_eq!(problem["status"], status);
        assert_eq!(problem["type"], format!("urn:hotline:problem:{reason}"));
        assert!(problem["detail"].as_str().unwrap().contains(named), "{problem}");
    }
    let order = "/api/v1/agents/1001/commands";
    for (body, status) in [
        ("{", 400),
        ("{\"do\":\"dance\"}", 422),
        ("{\"do\":\"force_busy\",\"second\":1}", 422),
        ("{\"do\":\"force_idle\",\"agent\":\"1002\"}", 422),
    ] {
        let request = admin
            .request(Method::POST, order)
            .header("content-type", "application/json");
        let (found, problem) = crate::support::client::read(request.body(body).send().await.unwrap()).await;
        assert_eq!(found.as_u16(), status, "{body}: {problem}");
    }
    let long = json!({"do": "force_busy", "reason": "x".repeat(257)});
    assert_eq!(admin.post(order, &long).await.0, 422);
    let huge = json!({"do": "force_busy", "reason": "x".repeat(70_000)});
    assert_eq!(admin.post(order, &huge).await.0, 413);
    let (status, _) = admin.send(Method::PATCH, order, &json!({})).await;
    assert_eq!(status, 405);
    floor.daemon.stop().await;
}
