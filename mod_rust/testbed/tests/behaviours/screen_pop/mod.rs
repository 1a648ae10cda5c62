//! What an agent's screen shows when the phone rings: tier, attached data, menus passed, the blacklist's flag, and earlier contacts. It is
//! told with the call, shown to who may see it, and on the agent's channel; PINs are nowhere.

use anyhow::{Context, Result};
use hotline_testbed::bed::Bed;
use hotline_testbed::phone::Phone;
use hotline_wire::snapshot::{AgentState, Attached};
use hotline_wire::{Command, Event};
use serde_json::{Value, json};

use crate::steps::{changed, join, order};
use crate::{EXTENSIONS, call_of};

/// Callers who have passed menus, one of which asked for a PIN.
const MENUS: &str = "
[callers]
exten => menus,1,Set(HOTLINE_DATA(account)=4711)
 same => n,Set(HOTLINE_DATA(long)=${SPRINTF(%0300d,7)})
 same => n,Set(HOTLINE_PATH(main)=)
 same => n,Set(HOTLINE_PATH(main)=2)
 same => n,Set(HOTLINE_PATH(pin)=135799)
 same => n,Set(HOTLINE_PATH(bills)=)
 same => n,Hotline(support,t(gold)f(rude))
 same => n,Hangup()
";

fn boot() -> Result<Bed> {
    Bed::boot(include_str!("hotline.toml"), &format!("{EXTENSIONS}\n{MENUS}"))
}

/// A caller who has come through the menus, and whose call rings at the agent's phone.
fn ringing(bed: &Bed) -> Result<(Phone, Phone, String)> {
    let (caller, phone) = (bed.caller("gold"), bed.phone("a1001"));
    caller.call("menus")?;
    phone.expect_ring()?;
    let call = call_of(bed, &caller)?;
    Ok((caller, phone, call))
}

fn told(bed: &Bed, wanted: &str) -> Result<(String, String, Attached)> {
    bed.node.event("the call to join", |event| match event {
        Event::CallJoined {
            call,
            tier,
            flag,
            attached,
            ..
        } if call == wanted => Some((tier.clone(), flag.clone(), attached.clone())),
        _ => None,
    })
}

#[test]
fn all_that_is_known_is_told_with_the_call_and_no_pin() -> Result<()> {
    let bed = boot()?;
    let (caller, phone, call) = ringing(&bed)?;
    let (tier, flag, attached) = told(&bed, &call)?;
    assert_eq!((tier.as_str(), flag.as_str()), ("gold", "rude"));
    assert_eq!(attached.path, ["main:2", "pin:...", "bills"]);
    assert_eq!(attached.data["account"], "4711");
    assert_eq!(
        attached.data["long"].len(),
        259,
        "256 bytes and what stands for the rest"
    );
    let shown = bed.snapshot()?.calls.remove(0);
    assert_eq!((shown.flag.as_str(), shown.attached), ("rude", attached));
    let channels = bed.asterisk.cli("core show channels concise")?;
    let leg = channels.lines().find(|line| line.starts_with("PJSIP/a1001"));
    let leg = leg
        .and_then(|line| line.split('!').next())
        .context("no channel rings")?;
    let variables = bed.asterisk.cli(&format!("core show channel {leg}"))?;
    assert!(
        variables.contains("HOTLINE_PATH=main:2>pin:...>bills"),
        "{variables}"
    );
    let events: Vec<String> = bed
        .node
        .events()
        .iter()
        .map(|frame| format!("{frame:?}"))
        .collect();
    assert!(!events.join("\n").contains("135799"));
    phone.answer();
    caller.hears(&phone)?;
    caller.hang_up();
    phone.expect_hangup()?;
    bed.node.agent_is("1001", AgentState::WrapUp)?;
    bed.finish()
}

#[test]
fn who_may_see_it_sees_earlier_contacts_too() -> Result<()> {
    let bed = boot()?;
    let daemon = bed.daemon()?;
    daemon.await_supervision()?;
    let (api, viewer) = (daemon.api("administrator")?, daemon.api("viewer")?);
    let (caller, phone, first) = ringing(&bed)?;
    phone.answer();
    caller.hears(&phone)?;
    let say = Command::Dispose {
        agent: "1001".into(),
        code: "07".into(),
        note: "wants his money back".into(),
    };
    order(&bed, say)?;
    let place = bed.node.now();
    caller.hang_up();
    phone.expect_hangup()?;
    changed(&bed, place, "1001", AgentState::WrapUp)?;
    // Out of the way of the next call, which is to wait.
    let call = join(&bed, &caller, "sales")?;
    let path = format!("/api/v1/calls/{call}/contacts");
    daemon.metrics_when("the first call is stored", |metrics| {
        metrics.sum("hotline_calls_offered_total", &[("queue", "sales")]) == 1.0
    })?;
    let (status, contacts) = api.ask("GET", &path, &Value::Null)?;
    assert_eq!(
        (status, contacts.as_array().map(Vec::len)),
        (200, Some(1)),
        "{contacts}"
    );
    let one = &contacts[0];
    assert_eq!(
        (&one["call"], &one["queue"], &one["agent"], &one["outcome"]),
        (
            &json!(first),
            &json!("support"),
            &json!("1001"),
            &json!("answered")
        )
    );
    assert_eq!(
        (&one["disposition"], &one["note"]),
        (&json!("07"), &json!("wants his money back"))
    );
    let (status, problem) = viewer.ask("GET", &path, &Value::Null)?;
    assert_eq!((status, problem["reason"].as_str()), (403, Some("not_allowed")));
    let (_, calls) = api.ask("GET", "/api/v1/calls", &Value::Null)?;
    assert_eq!(calls["items"][0]["data"]["account"], "4711", "{calls}");
    let (_, calls) = viewer.ask("GET", "/api/v1/calls", &Value::Null)?;
    assert_eq!(
        calls["items"][0]["data"],
        json!({}),
        "with whole numbers only: {calls}"
    );
    let (status, problem) = api.ask("GET", "/api/v1/calls/none/contacts", &Value::Null)?;
    assert_eq!((status, problem["reason"].as_str()), (404, Some("unknown_call")));
    drop(daemon);
    caller.hang_up();
    bed.finish()
}
