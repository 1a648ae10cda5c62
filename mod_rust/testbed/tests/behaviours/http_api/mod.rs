//! Over HTTP a supervisor sees calls as they go, and is answered by the engine.

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_wire::snapshot::AgentState;
use serde_json::{Value, json};

use crate::steps::{connected, join};
use crate::{EXTENSIONS, finished};

const ORDERS: &str = "/api/v1/agents/1001/commands";

#[test]
fn calls_are_seen_as_they_go_and_the_engine_answers() -> Result<()> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let (caller, agent) = (bed.caller("gold"), bed.phone("a1001"));
    let daemon = bed.daemon()?;
    daemon.await_supervision()?;
    let (api, viewer) = (daemon.api("administrator")?, daemon.api("viewer")?);
    let mut events = api.events("?kinds=call,agent")?;
    events.await_one("all there is", |data| *data == json!({}))?;
    let order = |body: Value| api.ask("POST", ORDERS, &body);
    // So that the first phone is the one that rings.
    let away = json!({"do": "force_busy", "reason": "elsewhere"});
    assert_eq!(
        api.ask("POST", "/api/v1/agents/1002/commands", &away)?,
        (200, json!({"outcome": "done"}))
    );

    let call = join(&bed, &caller, "support")?;
    let is = |data: &Value, state: &str| data["name"] == call.as_str() && data["value"]["state"] == state;
    let waiting = events.await_one("the call waits", |data| is(data, "waiting"))?;
    assert_eq!(waiting["value"]["queue"], "support");
    agent.expect_ring()?;
    agent.answer();
    connected(&bed, &call)?;
    let talking = events.await_one("the call talks", |data| is(data, "talking"))?;
    assert_eq!(talking["value"]["agent"], "1001");
    let (_, why) = api.ask("GET", &format!("/api/v1/calls/{call}/why"), &Value::Null)?;
    assert!(why["lines"].to_string().contains("1001"), "{why}");

    // What the node says of it there, here as it is.
    let (status, answer) = order(json!({"do": "force_busy", "reason": "training"}))?;
    let outcome = answer["outcome"].as_str().unwrap_or_default();
    assert!(
        matches!((status, outcome), (200, "done") | (202, "pending")),
        "{status} {answer}"
    );
    caller.hears(&agent)?;
    caller.hang_up();
    agent.expect_hangup()?;
    finished(&bed, &caller)?;
    bed.node.agent_is("1001", AgentState::ForcedBusy)?;
    // They are told in either order.
    let (mut gone, mut locked) = (false, Value::Null);
    events.await_one("the call to be gone and the agent to be locked", |data| {
        gone |= data["name"] == call.as_str() && data["value"].is_null();
        if data["name"] == "1001" && data["value"]["state"] == "forced_busy" {
            locked = data.clone();
        }
        gone && !locked.is_null()
    })?;
    assert_eq!(locked["value"]["forced"]["author"], "token:administrator");

    let (status, problem) = order(json!({"do": "set_ready"}))?;
    assert_eq!(
        (status, problem["reason"].as_str()),
        (409, Some("forced_busy")),
        "{problem}"
    );
    let (status, problem) = viewer.ask("POST", ORDERS, &json!({"do": "force_idle"}))?;
    assert_eq!(
        (status, problem["reason"].as_str()),
        (403, Some("not_allowed")),
        "{problem}"
    );
    assert_eq!(
        order(json!({"do": "force_idle"}))?,
        (200, json!({"outcome": "done"}))
    );
    bed.node.agent_is("1001", AgentState::Ready)?;
    let ready = |data: &Value| data["name"] == "1001" && data["value"]["state"] == "ready";
    events.await_one("the agent is ready", ready)?;
    let freed = [("action", "force_idle"), ("result", "done")];
    daemon.metrics_when("the command is stored", |metrics| {
        metrics.sum("hotline_supervisor_actions_total", &freed) == 1.0
    })?;
    let (_, audit) = api.ask(
        "GET",
        "/api/v1/audit?author=token:administrator&target=1001",
        &Value::Null,
    )?;
    let rows: Vec<(&str, &str)> = audit["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|row| Some((row["action"].as_str()?, row["result"].as_str()?)))
        .collect();
    assert_eq!(rows.first(), Some(&("force_idle", "done")), "{audit}");
    assert!(rows.contains(&("set_ready", "refused")), "{audit}");
    drop((events, daemon));
    bed.finish()
}
