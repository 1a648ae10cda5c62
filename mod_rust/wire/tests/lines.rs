//! What stands on a line: of today's protocol, and of what older daemons have stored.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use hotline_wire::blacklist::{ListEntry, ListOrder, ScreenAction};
use hotline_wire::command::Place;
use hotline_wire::event::{CallOutcome, Exit, Limit, Operation, Party, RetrieveFailure, RetrieveResult};
use hotline_wire::snapshot::{AgentInfo, AgentState, MemberInfo, PhoneState};
use hotline_wire::{Command, Event, Outcome};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;

fn stands_as<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T, line: &str) {
    assert_eq!(serde_json::to_string(value).unwrap(), line);
    assert_eq!(serde_json::from_str::<T>(line).unwrap(), *value);
}

#[test]
fn values_read_as_the_settings_write_them() {
    stands_as(&Exit::Onward, r#""onward""#);
    stands_as(&Exit::Place("ivr,s,1".into()), r#"{"place":"ivr,s,1"}"#);
    stands_as(&Operation::AcceptLevel(3), r#"{"accept_level":3}"#);
    stands_as(&Operation::Divert(Exit::Callback), r#"{"divert":"callback"}"#);
    let (call, agent) = ("n-b-7".into(), "1001".into());
    stands_as(
        &Limit::Hold { call, agent },
        r#"{"on":"hold","call":"n-b-7","agent":"1001"}"#,
    );
    stands_as(
        &Event::Retrieve {
            call: "n-b-7".into(),
            agent: "1001".into(),
            queue: "support".into(),
            result: RetrieveResult::Failed,
            reason: Some(RetrieveFailure::NoSipPhone),
        },
        r#"{"kind":"retrieve","call":"n-b-7","agent":"1001","queue":"support","result":"failed","reason":"no_sip_phone"}"#,
    );
    let lines = vec!["a".into(), "b".into()];
    stands_as(
        &Outcome::Told { lines },
        r#"{"outcome":"told","lines":["a","b"]}"#,
    );
}

#[test]
fn nobody_is_taken_out_of_a_queue_by_an_oversight() {
    let of = |place| Command::SetMembership {
        agent: "1001".into(),
        queue: "sales".into(),
        place,
    };
    let head = r#"{"do":"set_membership","agent":"1001","queue":"sales""#;
    stands_as(&of(None), &format!("{head},\"place\":null}}"));
    let place = Place { level: 2, weight: 9 };
    stands_as(
        &of(Some(place)),
        &format!("{head},\"place\":{{\"level\":2,\"weight\":9}}}}"),
    );
    assert!(serde_json::from_str::<Command>(&format!("{head}}}")).is_err());
}

#[test]
fn the_blacklist_is_asked_in_one_command() {
    let order = ListOrder::Remove {
        number: "138*".into(),
        reason: "was wrong".into(),
    };
    stands_as(
        &Command::Blacklist(order),
        r#"{"do":"blacklist","order":"remove","number":"138*","reason":"was wrong"}"#,
    );
    stands_as(
        &Command::Blacklist(ListOrder::Load),
        r#"{"do":"blacklist","order":"load"}"#,
    );
    let entry = ListEntry {
        number: "138*".into(),
        action: "busy".into(),
        until: Some(5),
        ..ListEntry::default()
    };
    stands_as(
        &Outcome::Listed {
            entries: vec![entry],
            next: Some("+86138*".into()),
        },
        r#"{"outcome":"listed","entries":[{"number":"138*","action":"busy","reason":"","author":"","until":5}],"next":"+86138*"}"#,
    );
    // What is not said has its usual value, and what is misspelt is refused.
    let short = r#"{"do":"blacklist","order":"add","entry":{"number":"1","action":"flag"}}"#;
    assert!(serde_json::from_str::<Command>(short).is_ok());
    for wrong in [
        r#"{"do":"blacklist","order":"add","entry":{"number":"1","action":"flag","untill":5}}"#,
        r#"{"do":"blacklist"}"#,
    ] {
        assert!(serde_json::from_str::<Command>(wrong).is_err(), "{wrong}");
    }
    let labels: Vec<&str> = ScreenAction::ALL.iter().map(|action| action.label()).collect();
    assert_eq!(labels, ["flag", "divert", "busy", "release", "tarpit"]);
}

#[test]
fn what_protocol_1_said_is_understood() {
    let finished = r#"{"kind":"call_finished","call":"n-b-1","queue":"sales","tier":"gold","outcome":"timeout","wait":5,
        "talk":0,"by":"system"}"#;
    let expected = Event::CallFinished {
        call: "n-b-1".into(),
        queue: "sales".into(),
        tier: "gold".into(),
        outcome: CallOutcome::Timeout,
        agent: None,
        wait: 5,
        talk: 0,
        hold: 0,
        by: Party::System,
        to: Exit::Onward,
    };
    assert_eq!(serde_json::from_str::<Event>(finished).unwrap(), expected);

    let agent = r#"{"number":"1001","name":"","phone":"","queues":["sales",["support",3]],"state":"ready","since":1,
        "reason":"","phone_state":"available"}"#;
    let agent: AgentInfo = serde_json::from_str(agent).unwrap();
    let member = |queue: &str, level| MemberInfo {
        queue: queue.into(),
        level,
    };
    assert_eq!(agent.queues, [member("sales", 1), member("support", 3)]);
    assert_eq!(
        (agent.state, agent.phone_state),
        (AgentState::Ready, PhoneState::Available)
    );
    let line = serde_json::to_string(&agent).unwrap();
    assert!(line.contains(r#""queues":[["sales",1],["support",3]]"#), "{line}");
}
