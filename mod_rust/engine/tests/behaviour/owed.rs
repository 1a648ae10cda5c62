//! Callbacks that are owed over a restart of the host.

use hotline_engine::action::{CommandOutcome, Refusal};
use hotline_engine::config::CallbackSettings;
use hotline_engine::event::CallbackOutcome;
use hotline_engine::ids::{CallId, CommandId};
use hotline_engine::input::Caller;
use hotline_engine::{Action, Event, Input, Owed, Span};

use crate::callbacks::{behind_another, busy, dial, dialling, owe, settings};
use crate::floor::{Floor, caller, calling_back};

/// What is owed, as a host keeps it: with call numbers of another boot.
fn kept(floor: &Floor) -> Vec<Owed> {
    let owed = floor.engine.owed().into_iter();
    owed.map(|(_, owed)| owed).collect()
}

/// Gives a floor what is owed from before, numbered from 1 on: the answers.
fn restore(floor: &mut Floor, kept: Vec<Owed>) -> Vec<CommandOutcome> {
    let mut answers = Vec::new();
    for (owed, number) in kept.into_iter().zip(1..) {
        floor.input(Input::Owed {
            id: CommandId(900 + number),
            callback: CallId(number),
            before: format!("before-{number}"),
            owed: Box::new(owed),
        });
        answers.extend(floor.actions.iter().filter_map(|action| match action {
            Action::Reply { command, outcome } if command.0 == 900 + number => Some(*outcome),
            _ => None,
        }));
    }
    answers
}

#[test]
fn what_is_owed_keeps_its_place_over_a_restart_of_the_host() {
    let mut floor = busy(calling_back());
    let gold = Caller {
        tier: "gold".to_owned(),
        priority: 7,
        skills: vec!["french".to_owned()],
        flag: "nuisance".to_owned(),
        ..caller("1383")
    };
    floor.join_with(50, "support", caller("50")).pass(1);
    owe(&mut floor, 1, "1381").pass(1);
    floor.join_with(60, "support", caller("60")).pass(1);
    owe(&mut floor, 2, "1382");
    floor.join_with(3, "support", gold).key(3, '2');
    let before = kept(&floor);
    let numbers: Vec<&str> = before.iter().map(|owed| &*owed.caller.number).collect();
    assert_eq!(numbers, ["1383", "1381", "1382"], "in the order of service");

    let mut floor = Floor::new(settings(calling_back()));
    floor.pass(100);
    assert_eq!(restore(&mut floor, before.clone()), [CommandOutcome::Done; 3]);
    let restored = |event: &Event| {
        matches!(event, Event::CallbackRestored { callback: CallId(3), before, position: 3, number, .. }
            if before == "before-3" && number == "1382")
    };
    assert!(floor.events.iter().any(restored), "{:?}", floor.events);
    assert_eq!(kept(&floor), before, "to be kept again");
    assert!(floor.engine.view().callbacks.iter().all(|view| view.restored));
    floor.join_with(60, "support", caller("60"));
    assert_eq!(floor.position(60), 4, "behind all of them");
    floor.sign_in("1");
    assert_eq!(floor.dialled(), [(1, 2, "P/1383".to_owned())]);
    floor.resume(61, 1);
    floor.join_as(62, "support", "gold", 0);
    assert_eq!(floor.call(61).tier, floor.call(62).tier);
}

#[test]
fn a_missed_callback_pauses_on_over_a_restart_and_attempts_count() {
    let mut floor = dialling();
    floor.callback_failed(1);
    let before = kept(&floor);
    assert_eq!(
        (before[0].attempts, before[0].retry_at),
        (1, Some(floor.now + Span::seconds(60)))
    );
    let mut floor = busy(calling_back());
    restore(&mut floor, before);
    assert_eq!(floor.dialled(), []);
    floor.pass(60);
    assert_eq!(floor.dialled(), [dial(1, 2)]);
}

#[test]
fn an_attempt_that_a_restart_interrupts_counts_and_the_last_is_made_once_more() {
    let mut owed = kept(&dialling());
    assert_eq!((owed[0].attempts, owed[0].retry_at), (1, None));
    for (made, dialled) in [(1, vec![dial(1, 2)]), (3, vec![dial(1, 4)]), (4, vec![])] {
        owed[0].attempts = made;
        let mut floor = busy(calling_back());
        assert_eq!(restore(&mut floor, owed.clone()), [CommandOutcome::Done]);
        assert_eq!(floor.dialled(), dialled, "{made} were made");
        if made == 3 {
            floor.callback_failed(1);
        }
        let over = floor.callbacks_ended();
        let failed = vec![(1, CallbackOutcome::Failed)];
        assert_eq!(over, if made == 1 { vec![] } else { failed }, "{made} were made");
    }
}

#[test]
fn what_expired_meanwhile_is_told_and_what_has_no_place_is_refused() {
    let before = kept(&behind_another());
    let mut floor = busy(calling_back());
    floor.pass(3_700);
    assert_eq!(restore(&mut floor, before.clone()), [CommandOutcome::Done]);
    assert_eq!(floor.callbacks_ended(), [(1, CallbackOutcome::Expired)]);

    let other = |change: fn(&mut Owed)| {
        let mut owed = before.clone();
        change(&mut owed[0]);
        owed
    };
    let refused = |refusal| [CommandOutcome::Refused(refusal)];
    let mut floor = busy(calling_back());
    let gone = other(|owed| owed.queue = "gone".to_owned());
    assert_eq!(restore(&mut floor, gone), refused(Refusal::UnknownQueue));
    let odd = other(|owed| owed.caller.number = "1@evil".to_owned());
    assert_eq!(restore(&mut floor, odd), refused(Refusal::OutOfRange));
    assert_eq!(restore(&mut floor, before.clone()), [CommandOutcome::Done]);
    assert_eq!(restore(&mut floor, before.clone()), refused(Refusal::NothingToDo));
    let none = CallbackSettings {
        max: 0,
        ..calling_back()
    };
    assert_eq!(restore(&mut busy(none), before), refused(Refusal::AtLimit));
}
