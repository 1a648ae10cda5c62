//! What the settings let happen to callers who wait, and the questions about it.

use hotline_host::Fact;
use hotline_host::engine::CallAction;
use hotline_host::engine::action::{Place, Status, Utterance};
use hotline_host::engine::input::{Party, TalkState};
use hotline_host::wire::event::CallbackOutcome;
use hotline_host::wire::snapshot::AgentState;
use hotline_host::wire::{Command, Event, Outcome, Refusal};

use crate::bed::{Bed, agent};

/// Everything that goes through the host on the way: rule, menu, key, callback, its return, and the questions why.
#[test]
fn a_caller_chooses_to_be_called_back_and_comes_back() {
    let bed = Bed::start();
    let mut client = bed.client(None, false);
    let boot = client.boot();
    client.snapshot();
    let mut first = bed.call_to("desk");
    first.connect();
    let mut caller = bed.call_to("desk");
    let said = loop {
        if let CallAction::Say { say } = caller.next() {
            break say;
        }
    };
    assert_eq!(said, [Utterance::File("press-1".into()), Utterance::Number(1)]);
    caller.0.report(Fact::Digit('0'));
    let say = vec![Utterance::File("thanks".into())];
    assert_eq!(caller.next(), CallAction::Say { say });
    caller.0.report(Fact::Digit('7'));

    let reference = caller.0.reference().to_owned();
    assert_eq!(reference, format!("t-{boot}-2"));
    let why = bed.host.why_call(&reference).unwrap();
    assert!(why[0].contains("call 2 of tier standard in desk: "), "{why:?}");
    let why = bed.host.why_not("1001").unwrap();
    assert!(why[0].starts_with("agent 1001: "), "{why:?}");
    drop(caller);

    // The menu was over with the key.
    let mut caller = bed.call_to("desk");
    let reference = caller.0.reference().to_owned();
    caller.0.report(Fact::Digit('1'));
    loop {
        if let CallAction::Release { status, to, say, .. } = caller.next() {
            assert_eq!((status, to), (Status::Callback, Place::Onward));
            assert_eq!(say, [Utterance::File("we-call".into())]);
            break;
        }
    }
    drop(caller);
    let (callback, dial) = bed.called_back();
    assert_eq!(dial, "Local/13800001234@hotline-callback");
    assert_eq!(bed.host.call_of(&reference), Some(callback));
    let snapshot = bed.host.snapshot().unwrap();
    let owed = &snapshot.callbacks[0];
    assert_eq!(
        (owed.callback.as_str(), owed.queue.as_str()),
        (reference.as_str(), "desk")
    );
    assert!(owed.dialling);

    let mut back = bed.call_from("13800001234", "desk", Some(callback));
    let (_, (outcome, call)) = client.event(|event| match event {
        Event::CallbackEnded {
            callback,
            outcome,
            call,
            ..
        } if *callback == reference => Some((*outcome, call.clone())),
        _ => None,
    });
    assert_eq!(outcome, CallbackOutcome::Resumed);
    assert_eq!(call.as_deref(), Some(back.0.reference()));
    first.end(Party::Agent);
    assert_eq!(back.connect(), "1001");
    back.0.report(Fact::Talk(TalkState::OnHold));
    assert_eq!(agent(&bed.host.snapshot().unwrap(), "1001"), AgentState::OnHold);
}

#[test]
fn a_callback_that_fails_or_has_no_number_is_tried_again_later() {
    let bed = Bed::start();
    let mut first = bed.call_to("desk");
    first.connect();
    let leaves = |number: &str| {
        let mut caller = bed.call_from(number, "desk", None);
        caller.0.report(Fact::Digit('1'));
        assert_eq!(caller.released(), Status::Callback);
        caller.0.reference().to_owned()
    };
    let missed = leaves("10086");
    let (callback, _) = bed.called_back();
    bed.host.callback_failed(callback);
    // What a caller writes into the number is not dialled, and nobody is told so: the caller waits on.
    let mut forged = bed.call_from("1@elsewhere", "desk", None);
    forged.0.report(Fact::Digit('1'));
    let snapshot = bed.host.snapshot().unwrap();
    let [owed] = snapshot.callbacks.as_slice() else {
        panic!("{:?}", snapshot.callbacks);
    };
    assert_eq!((owed.attempts, owed.dialling), (1, false), "{owed:?}");
    assert!(bed.pbx.called_back.lock().unwrap().is_empty());

    let mut client = bed.client(None, false);
    let answer = client.command("c", Command::CancelCallback { callback: missed });
    assert_eq!(answer, Outcome::Done);
    assert!(bed.host.snapshot().unwrap().callbacks.is_empty());
    assert!(
        bed.pbx.called_off.lock().unwrap().is_empty(),
        "neither was being dialled"
    );
}

#[test]
fn calls_are_named_by_references_of_this_node_and_boot() {
    let bed = Bed::start();
    let mut first = bed.call_to("desk");
    first.connect();
    let waiting = bed.call_to("desk");
    let mut client = bed.client(None, false);
    let reference = waiting.0.reference().to_owned();
    let call = reference.clone();
    let moved = client.command(
        "m",
        Command::MoveCall {
            call,
            queue: "support".into(),
        },
    );
    assert_eq!(moved, Outcome::Done);
    assert_eq!(bed.host.snapshot().unwrap().calls[1].queue, "support");
    let (call, priority) = (reference.clone(), 60);
    assert_eq!(
        client.command("r", Command::Reprioritise { call, priority }),
        Outcome::Done
    );
    let (_, named) = client.event(|event| match event {
        Event::CommandAnswered {
            command: Command::Reprioritise { call, .. },
            ..
        } => Some(call.clone()),
        _ => None,
    });
    assert_eq!(named, reference);

    let other = reference.replace("t-", "u-");
    let (boot, _) = reference.rsplit_once('-').unwrap();
    let gone = format!("{boot}-77");
    for (call, words) in [
        (
            other,
            "is no call of this node since its start; its calls are named t-",
        ),
        (gone.clone(), "there is no such call any more"),
    ] {
        match client.command("x", Command::Reprioritise { call, priority }) {
            Outcome::Refused {
                reason: Refusal::UnknownCall,
                message,
            } => {
                assert!(message.contains(words), "{message}");
            }
            outcome => panic!("{outcome:?}"),
        }
    }
    let why = bed.host.why_call(&gone).unwrap_err();
    assert!(why.starts_with("nothing is known of that call"), "{why}");
    assert_eq!(
        bed.host.why_not("9").unwrap_err(),
        "there is no agent of that number"
    );
}

#[test]
fn fairness_is_a_table() {
    let bed = Bed::start();
    let text = std::fs::read_to_string(bed.settings_file()).unwrap();
    let tiers = "[[tier]]\nname = \"bronze\"\n[[tier]]\nname = \"gold\"\nhandicap_seconds = 120\n";
    let raised = "[[queue.rules]]\nafter_seconds = 9\nraise_seconds = 5\nevery_seconds = 9\n[[menu]]";
    std::fs::write(
        bed.settings_file(),
        format!("{}{tiers}", text.replacen("[[menu]]", raised, 1)),
    )
    .unwrap();
    bed.host.reload("test").unwrap();
    let mut client = bed.client(None, false);
    let Outcome::Told { lines } = client.command("f", Command::Fairness) else {
        panic!("no table");
    };
    assert_eq!(lines, bed.host.fairness());
    assert_eq!(lines[1], "QUEUE    TIER      LONGEST  BY QUEUE  BY TIER");
    assert_eq!(lines[2], "support  bronze  unlimited  desk      bronze");
    assert_eq!(lines.len(), 7);
    assert!(lines[6].contains("priority"), "{lines:?}");
}
