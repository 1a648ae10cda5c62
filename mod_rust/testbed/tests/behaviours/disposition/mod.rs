//! An agent says what a call was about, by feature code, command, D-Bus and HTTP; where the queue requires it, after-call work goes on
//! until then, and nobody is stuck. Records, reports and metrics have it.

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_testbed::phone::Phone;
use hotline_wire::snapshot::AgentState;
use hotline_wire::{Command, Event, Outcome, Refusal};
use serde_json::{Value, json};

use crate::EXTENSIONS;
use crate::steps::{Agents, changed, join, order};
use crate::supervision::refusal;

fn boot() -> Result<(Bed, Agents)> {
    let bed = Bed::boot(include_str!("hotline.toml"), EXTENSIONS)?;
    let agents = Agents::of(&bed, &["1001"]);
    Ok((bed, agents))
}

/// The agent talks with a new caller of that queue: caller and call.
fn talk(bed: &Bed, agents: &Agents, queue: &str) -> Result<(Phone, String)> {
    let caller = bed.caller("gold");
    let call = join(bed, &caller, queue)?;
    agents.answer(bed, &call)?;
    Ok((caller, call))
}

/// The caller hangs up, and the agent is in after-call work.
fn work(bed: &Bed, agents: &Agents, caller: &Phone) -> Result<()> {
    let place = bed.node.now();
    caller.hang_up();
    agents.phone("1001")?.expect_hangup()?;
    changed(bed, place, "1001", AgentState::WrapUp)
}

fn dispose(bed: &Bed, code: &str, note: &str) -> Result<Outcome> {
    let command = Command::Dispose {
        agent: "1001".into(),
        code: code.into(),
        note: note.into(),
    };
    bed.node.command("agent:1001", command)
}

/// What was said of a call, in its order: code, the one before, note, and who said it.
fn said(bed: &Bed, call: &str, times: usize) -> Result<Vec<[String; 4]>> {
    bed.node
        .story(&format!("{times} dispositions of {call}"), |events| {
            let all = events.iter().filter_map(|frame| match &frame.event {
                Event::DispositionSet {
                    call: of,
                    code,
                    before,
                    note,
                    author,
                    ..
                } if of == call => Some([code, before, note, author].map(String::clone)),
                _ => None,
            });
            let all: Vec<_> = all.collect();
            (all.len() >= times).then_some(all)
        })
}

fn ready(bed: &Bed) -> Result<Outcome> {
    bed.node
        .command("agent:1001", Command::SetReady { agent: "1001".into() })
}

#[test]
fn it_is_said_in_the_talk_and_changed_after_it_at_the_phone_and_the_console() -> Result<()> {
    let (bed, agents) = boot()?;
    let (caller, call) = talk(&bed, &agents, "support")?;
    assert_eq!(dispose(&bed, "07", "angry")?, Outcome::Done);
    let unknown = refusal(dispose(&bed, "22", "")?).map(|(reason, _)| reason);
    assert_eq!(unknown, Some(Refusal::UnknownDisposition), "it is of sales");
    work(&bed, &agents, &caller)?;
    // The product's own feature code.
    let phone = agents.phone("1001")?;
    let place = bed.node.now();
    phone.call("*601")?;
    bed.node
        .event_after(place, "the answer to *601", |event| match event {
            Event::CommandAnswered {
                outcome: Outcome::Done,
                command: Command::Dispose { .. },
                ..
            } => Some(()),
            _ => None,
        })?;
    phone.hang_up();
    phone.expect_hangup()?;
    let list = bed.asterisk.cli("hotline show dispositions support")?;
    assert!(list.contains("投诉") && !list.contains("Sale"), "{list}");
    let answer = bed.asterisk.cli("hotline agent dispose 1001 07 calls again")?;
    assert!(answer.contains("Done"), "{answer}");
    let answer = bed.asterisk.cli("hotline agent dispose 1001 99")?;
    assert!(answer.contains("hotline show dispositions"), "{answer}");
    let own =
        |code: &str, before: &str, note: &str, author: &str| [code, before, note, author].map(String::from);
    assert_eq!(
        said(&bed, &call, 3)?,
        [
            own("07", "", "angry", "agent:1001"),
            own("01", "07", "", "agent:1001"),
            own("07", "01", "calls again", "cli"),
        ]
    );
    // What the agent wrote is in that event, and nowhere else.
    let elsewhere = bed.node.events().into_iter().any(|frame| match &frame.event {
        Event::CommandAnswered { command, .. } => format!("{command:?}").contains("calls again"),
        _ => false,
    });
    assert!(!elsewhere && !bed.asterisk.log().contains("calls again"));
    assert_eq!(ready(&bed)?, Outcome::Done, "it was not required");
    let late = refusal(dispose(&bed, "07", "")?).map(|(reason, _)| reason);
    assert_eq!(late, Some(Refusal::NotInWrapUp));
    bed.finish()
}

#[test]
fn work_goes_on_until_it_is_said_where_it_is_required() -> Result<()> {
    let (bed, agents) = boot()?;
    let (caller, _) = talk(&bed, &agents, "strict")?;
    work(&bed, &agents, &caller)?;
    let snapshot = bed.snapshot()?;
    assert!(snapshot.agents[0].owes_disposition);
    assert_eq!(snapshot.dispositions.len(), 3);
    let next = bed.caller("gold");
    let call = join(&bed, &next, "strict")?;
    next.hears_music()?;
    assert_eq!(ready(&bed)?, Outcome::Pending);
    assert_eq!(agents.phone("1001")?.offered(), 1, "not before it is said");
    assert_eq!(dispose(&bed, "01", "")?, Outcome::Done);
    assert_eq!(agents.answer(&bed, &call)?, "1001");
    // Said in the talk, there is nothing to wait for.
    assert_eq!(dispose(&bed, "07", "")?, Outcome::Done);
    let place = bed.node.now();
    next.hang_up();
    changed(&bed, place, "1001", AgentState::Ready)?;
    bed.finish()
}

#[test]
fn nobody_is_stuck_and_supervisors_need_not_wait() -> Result<()> {
    let (bed, agents) = boot()?;
    let (caller, call) = talk(&bed, &agents, "hasty")?;
    let next = bed.caller("gold");
    let waiting = join(&bed, &next, "hasty")?;
    work(&bed, &agents, &caller)?;
    assert_eq!(agents.answer(&bed, &waiting)?, "1001", "at the longest");
    let unsaid = |event: &Event| matches!(event, Event::DispositionSet { call: of, .. } if *of == call);
    assert!(!bed.node.events().iter().any(|frame| unsaid(&frame.event)));
    next.hang_up();
    agents.phone("1001")?.expect_hangup()?;
    bed.node.agent_is("1001", AgentState::Ready)?;
    let (caller, _) = talk(&bed, &agents, "strict")?;
    work(&bed, &agents, &caller)?;
    order(&bed, Command::ForceIdle { agent: "1001".into() })?;
    bed.node.agent_is("1001", AgentState::Ready)?;
    let (caller, _) = talk(&bed, &agents, "strict")?;
    work(&bed, &agents, &caller)?;
    order(
        &bed,
        Command::ForceSignOut {
            agent: "1001".into(),
            reason: "home".into(),
        },
    )?;
    bed.node.agent_is("1001", AgentState::SignedOut)?;
    bed.finish()
}

#[test]
fn records_reports_and_metrics_have_it() -> Result<()> {
    let (bed, agents) = boot()?;
    let daemon = bed.daemon()?;
    daemon.await_supervision()?;
    let api = daemon.api("administrator")?;
    let orders = "/api/v1/agents/1001/commands";
    let zero = [("queue", "support"), ("code", "01")];
    daemon.metrics_when("every code is there at zero", |metrics| {
        metrics.sum("hotline_dispositions_total", &zero) == 0.0
    })?;
    let (_, list) = api.ask("GET", "/api/v1/queues/support/dispositions", &Value::Null)?;
    assert_eq!(list.as_array().map(Vec::len), Some(2), "{list}");
    assert_eq!((&list[1]["code"], &list[1]["zh"]), (&json!("07"), &json!("投诉")));
    let (caller, call) = talk(&bed, &agents, "support")?;
    let body = json!({"do": "dispose", "code": "07", "note": "rude"});
    assert_eq!(api.ask("POST", orders, &body)?, (200, json!({"outcome": "done"})));
    work(&bed, &agents, &caller)?;
    let body = json!({"do": "dispose", "code": "99"});
    let (status, problem) = api.ask("POST", orders, &body)?;
    assert_eq!(
        (status, problem["reason"].as_str()),
        (404, Some("unknown_disposition"))
    );
    let told = daemon.ctl(&["agent", "dispose", "1001", "01", "settled"])?;
    assert!(told.output.contains("done"), "{told:?}");
    assert_eq!(
        said(&bed, &call, 2)?[1][..3],
        ["01", "07", "settled"].map(String::from)
    );
    assert_eq!(ready(&bed)?, Outcome::Done);
    daemon.metrics_when("both are counted", |metrics| {
        let of = |code| {
            metrics.sum(
                "hotline_dispositions_total",
                &[("queue", "support"), ("code", code)],
            )
        };
        (of("07"), of("01")) == (1.0, 1.0)
    })?;
    // The record has the last word alone.
    let (_, report) = api.ask("GET", "/api/v1/reports?by=queue&queue=support", &Value::Null)?;
    let figure = |name: &str| report["rows"][0]["figures"][name]["value"].as_f64();
    assert_eq!(figure("disposed"), Some(1.0), "{report}");
    assert_eq!(figure("complaints_per_thousand"), Some(0.0));
    assert_eq!(figure("resolved_rate"), Some(1.0));
    let (_, report) = api.ask("GET", "/api/v1/reports?by=disposition&agent=1001", &Value::Null)?;
    let rows = report["rows"].as_array().map(Vec::len);
    assert_eq!(
        (rows, &report["rows"][0]["disposition"]),
        (Some(1), &json!("01")),
        "{report}"
    );
    let settings = daemon.settings();
    let csv = daemon.ctl(&[
        "report",
        "today",
        "--by",
        "disposition",
        "--csv",
        "--config",
        &settings,
    ])?;
    assert!(csv.output.contains(",support,01,1,"), "{csv:?}");
    drop(daemon);
    bed.finish()
}
