//! Callers who hang up and keep their place: called back when their turn is near.

use hotline_engine::action::{Refusal, Status};
use hotline_engine::config::{
    Band, CallbackSettings, Choice, Door, Exit, Key, Menu, NeedsAgents, Operation, Queue,
};
use hotline_engine::event::{CallOutcome, CallbackOutcome, RefusedCall};
use hotline_engine::ids::CallId;
use hotline_engine::input::{Caller, Party};
use hotline_engine::{Command, Config, Event, Span};

use crate::floor::{
    DONE, Floor, agent, brisk, caller, calling_back, config, queue, refused, release, ring, rule, way,
};

/// Queues `support` and `sales` with one agent each; callers leave to be called back with key 2.
pub(crate) fn settings(callback: CallbackSettings) -> Config {
    let by_key = |name: &str| Queue {
        rules: vec![rule(0, vec![Operation::Menu("leave".to_owned())])],
        callback: callback.clone(),
        ..brisk(name)
    };
    let mut settings = config(
        vec![by_key("support"), by_key("sales")],
        vec![agent("1", &["support"]), agent("2", &["sales"])],
    );
    settings.menus = vec![Menu {
        name: "leave".to_owned(),
        say: Vec::new(),
        lasting: Span::ZERO,
        keys: vec![Key {
            key: '2',
            choice: Choice::Leave(way(Exit::Callback)),
        }],
    }];
    settings
}

/// The agent of `support` talks with call 100, so that everybody waits.
pub(crate) fn busy(callback: CallbackSettings) -> Floor {
    let mut floor = Floor::of(settings(callback));
    floor.join_with(100, "support", caller("")).talks(100).pass(1);
    floor
}

/// A caller of that number joins and leaves to be called back.
pub(crate) fn owe<'a>(floor: &'a mut Floor, call: u64, number: &str) -> &'a mut Floor {
    floor.join_with(call, "support", caller(number)).key(call, '2')
}

/// Somebody waits as call 50 and is owed nothing; behind, call 1 is owed to number 1381.
pub(crate) fn behind_another() -> Floor {
    let mut floor = busy(calling_back());
    floor.join_with(50, "support", caller("50")).pass(1);
    owe(&mut floor, 1, "1381");
    floor
}

/// Call 1 is owed to number 1381 and being dialled, since nobody is ahead.
pub(crate) fn dialling() -> Floor {
    let mut floor = busy(calling_back());
    owe(&mut floor, 1, "1381");
    assert_eq!(floor.dialled(), [dial(1, 1)]);
    floor
}

pub(crate) fn dial(callback: u64, attempt: u32) -> (u64, u32, String) {
    (callback, attempt, format!("P/138{callback}"))
}

pub(crate) fn owed(floor: &Floor) -> Vec<(u64, u32)> {
    let callbacks = floor.engine.view().callbacks.into_iter();
    callbacks.map(|view| (view.callback.0, view.position)).collect()
}

#[test]
fn who_leaves_to_be_called_back_keeps_the_place() {
    let mut floor = behind_another();
    assert_eq!(floor.told(1), [release(Status::Callback)]);
    assert_eq!(floor.finished(), [(1, CallOutcome::Callback)]);
    let placed = |event: &Event| matches!(event, Event::CallbackPlaced { callback: CallId(1), position: 2, number, .. } if number == "1381");
    assert!(floor.events.iter().any(placed), "{:?}", floor.events);
    assert_eq!(owed(&floor), [(1, 2)]);
    floor.join_with(60, "support", caller("60"));
    assert_eq!(floor.position(60), 3, "behind whom a call is owed");
}

#[test]
fn who_is_called_back_takes_no_room_in_the_queue() {
    let mut settings = settings(calling_back());
    settings.queues[0].max_waiting = 1;
    let mut floor = Floor::of(settings);
    floor.join_with(100, "support", caller("")).talks(100);
    owe(&mut floor, 1, "1381").join_with(2, "support", caller("2"));
    assert_eq!(floor.finished(), []);
}

#[test]
fn a_callback_is_dialled_when_nobody_is_ahead_any_more() {
    let mut floor = behind_another();
    assert_eq!(floor.dialled(), []);
    floor.ended(100, Party::Caller);
    assert_eq!(
        floor.dialled(),
        [],
        "call 50 is rung for, and may yet be the next again"
    );
    floor.answered(2);
    assert_eq!(floor.dialled(), [dial(1, 1)]);
}

#[test]
fn a_callback_is_dialled_when_whoever_was_ahead_hangs_up() {
    let mut floor = behind_another();
    floor.gone(50);
    assert_eq!(floor.dialled(), [dial(1, 1)]);
}

#[test]
fn a_callback_is_dialled_while_so_many_are_ahead_as_the_settings_say() {
    let mut floor = busy(CallbackSettings {
        ahead: 2,
        ..calling_back()
    });
    floor.join_with(50, "support", caller("50")).pass(1);
    assert_eq!(owe(&mut floor, 1, "1381").dialled(), [dial(1, 1)], "one ahead");
    floor.pass(1);
    assert_eq!(owe(&mut floor, 2, "1382").dialled(), [dial(2, 1)], "two ahead");
    floor.pass(1);
    assert_eq!(owe(&mut floor, 3, "1383").dialled(), [], "three ahead");
    floor.gone(50);
    assert_eq!(floor.dialled(), [dial(3, 1)]);
}

#[test]
fn nobody_is_called_back_while_nobody_is_at_work() {
    let mut floor = Floor::new(settings(calling_back()));
    owe(&mut floor, 1, "1381").pass(60);
    assert_eq!(floor.dialled(), []);
    floor.sign_in("1");
    assert_eq!(floor.dialled(), [dial(1, 1)]);
}

#[test]
fn nobody_is_called_back_in_an_emergency_but_from_behind_a_closed_door() {
    let door = |door| Command::SetDoor {
        queue: "support".to_owned(),
        door,
    };
    let mut floor = behind_another();
    floor.boss(door(Door::Emergency));
    assert_eq!(floor.dialled(), [], "though call 50 has left");
    floor.boss(door(Door::Closed));
    assert_eq!(floor.dialled(), [dial(1, 1)]);
}

#[test]
fn a_missed_callback_is_tried_again_after_a_while_and_given_up_in_the_end() {
    let mut floor = dialling();
    for attempt in [2, 3] {
        floor.callback_failed(1);
        let missed = |event: &Event| matches!(event, Event::CallbackMissed { attempt: missed, .. } if *missed == attempt - 1);
        assert!(floor.events.iter().any(missed));
        floor.pass(59);
        assert_eq!(floor.dialled(), []);
        floor.pass(1);
        assert_eq!(floor.dialled(), [dial(1, attempt)]);
    }
    floor.callback_failed(1);
    assert_eq!(floor.callbacks_ended(), [(1, CallbackOutcome::Failed)]);
    assert_eq!(owed(&floor), []);
}

#[test]
fn a_host_that_says_nothing_is_called_off_and_the_callback_missed() {
    let mut floor = dialling();
    floor.pass(44);
    assert_eq!(floor.called_off(), []);
    floor.pass(1);
    assert_eq!(floor.called_off(), [1], "ring time and 15 s");
    floor.pass(60);
    assert_eq!(floor.dialled(), [dial(1, 2)]);
}

#[test]
fn news_of_a_callback_that_is_not_being_dialled_is_passed_over() {
    let mut floor = behind_another();
    floor.callback_failed(1).callback_failed(7);
    assert_eq!((floor.actions.len(), floor.events.len()), (0, 0));
    let mut floor = dialling();
    floor.callback_failed(1).callback_failed(1);
    assert_eq!((floor.actions.len(), floor.events.len()), (0, 0), "pausing");
}

#[test]
fn while_a_missed_callback_pauses_it_holds_up_nobody() {
    let mut floor = dialling();
    floor.pass(1);
    owe(&mut floor, 2, "1382");
    assert_eq!(floor.dialled(), [], "behind the first");
    floor.callback_failed(1);
    assert_eq!(floor.dialled(), [dial(2, 1)]);
    floor.join_with(60, "support", caller("60"));
    assert_eq!(floor.position(60), 2);
}

#[test]
fn a_callback_owed_for_too_long_is_over() {
    let mut floor = behind_another();
    floor.pass(3600);
    assert_eq!(floor.callbacks_ended(), [(1, CallbackOutcome::Expired)]);
    let mut floor = dialling();
    floor.callback_failed(1);
    floor.set_not_ready("1", "lunch");
    floor.ended(100, Party::Caller).pass(3600);
    assert_eq!(floor.callbacks_ended(), [(1, CallbackOutcome::Expired)]);
}

#[test]
fn who_is_being_called_is_not_given_up_meanwhile() {
    let mut floor = busy(CallbackSettings {
        expires: Span::seconds(20),
        ..calling_back()
    });
    owe(&mut floor, 1, "1381").pass(25);
    assert_eq!((floor.callbacks_ended(), floor.called_off()), (vec![], vec![]));
    floor.callback_failed(1);
    assert_eq!(
        floor.callbacks_ended(),
        [(1, CallbackOutcome::Expired)],
        "but not tried again"
    );
}

#[test]
fn who_answers_has_the_place_back_in_the_queue_of_the_callback() {
    let mut floor = busy(calling_back());
    let gold = Caller {
        tier: "gold".to_owned(),
        priority: 7,
        ..caller("1381")
    };
    floor.join_with(1, "support", gold).key(1, '2').pass(1);
    floor.join_as(60, "support", "gold", 0).pass(1);
    floor.resume(2, 1);
    assert_eq!(
        floor.callbacks_ended(),
        [(1, CallbackOutcome::Resumed(CallId(2)))]
    );
    assert_eq!(floor.called_off(), []);
    let joined = |event: &Event| {
        matches!(
            event,
            Event::CallJoined {
                call: CallId(2),
                callback: Some(CallId(1)),
                position: 1,
                ..
            }
        )
    };
    assert!(floor.events.iter().any(joined), "{:?}", floor.events);
    assert_eq!((floor.queue_of(2).as_str(), floor.position(60)), ("support", 2));
    assert_eq!(floor.call(2).tier, floor.call(60).tier);
    floor.ended(100, Party::Caller);
    assert_eq!(floor.rung(), [ring(2, "1")]);
}

#[test]
fn the_wait_of_who_answers_counts_from_answering() {
    let mut floor = dialling();
    floor.pass(30).resume(2, 1).pass(7).gone(2);
    let wait = |event: &Event| matches!(event, Event::CallFinished { wait, .. } if *wait == Span::seconds(7));
    assert!(floor.events.iter().any(wait));
}

#[test]
fn who_answers_is_let_in_whatever_door_and_room() {
    let mut floor = dialling();
    floor.boss(Command::SetDoor {
        queue: "support".to_owned(),
        door: Door::Closed,
    });
    floor.resume(2, 1);
    assert_eq!(floor.finished(), []);
    assert_eq!(floor.position(2), 1);
}

#[test]
fn who_answers_where_nobody_is_at_work_any_more_leaves_where_that_is_needed() {
    let mut needy = settings(calling_back());
    needy.queues[0].needs_agents = NeedsAgents::AtWork;
    let mut floor = Floor::of(needy);
    floor.join_with(100, "support", caller("")).talks(100);
    owe(&mut floor, 1, "1381");
    floor.set_not_ready("1", "lunch");
    floor.ended(100, Party::Caller).resume(2, 1);
    assert_eq!(floor.finished(), [(2, CallOutcome::NoAgents)]);
}

#[test]
fn who_answers_a_callback_that_is_over_is_a_caller_like_any_other() {
    let mut floor = dialling();
    floor.boss(Command::CancelCallback { callback: CallId(1) });
    floor.resume(2, 1);
    assert_eq!(floor.told(2), [release(Status::UnknownQueue)]);
    let late = Caller {
        callback: Some(CallId(1)),
        ..caller("1381")
    };
    floor.join_with(3, "support", late);
    assert_eq!(floor.position(3), 1);
}

#[test]
fn who_answers_while_the_node_is_full_is_refused_and_still_owed_the_call() {
    let mut settings = settings(calling_back());
    settings.limits.calls = 1;
    let mut floor = Floor::of(settings);
    floor.set_not_ready("1", "lunch");
    owe(&mut floor, 1, "1381").join_with(100, "support", caller("100"));
    floor.set_ready("1");
    floor.talks(100);
    floor.resume(2, 1);
    let refused = |event: &Event| {
        matches!(
            event,
            Event::CallRefused {
                reason: RefusedCall::AtLimit,
                ..
            }
        )
    };
    assert!(floor.events.iter().any(refused));
    assert_eq!(owed(&floor), [(1, 1)]);
}

#[test]
fn nobody_is_owed_two_calls_for_one_number() {
    let mut floor = behind_another();
    let mut queues = settings(calling_back());
    queues.queues[0].rules = vec![rule(10, vec![Operation::Divert(way(Exit::Callback))])];
    floor.reload(queues);
    // Call 2 has the same number, joins while nothing is owed in `sales`, and is put into `support`.
    floor.set_not_ready("2", "lunch");
    floor.join_with(2, "sales", caller("1381"));
    floor.boss(Command::MoveCall {
        call: CallId(2),
        queue: "support".to_owned(),
    });
    floor.pass(10);
    assert_eq!(
        floor.told(2),
        [release(Status::Callback)],
        "is called back as owed already"
    );
    let placed = |event: &&Event| {
        matches!(
            event,
            Event::CallbackPlaced {
                callback: CallId(1) | CallId(2),
                ..
            }
        )
    };
    assert_eq!(floor.events.iter().filter(placed).count(), 0);
    assert_eq!(
        floor
            .engine
            .view()
            .callbacks
            .iter()
            .filter(|view| view.number == "1381")
            .count(),
        1
    );
}

#[test]
fn who_calls_again_has_the_place_back_and_is_called_no_more() {
    let mut floor = behind_another();
    floor.join_with(60, "support", caller("60")).pass(1);
    floor.join_with(2, "support", caller("1381"));
    assert_eq!(
        floor.callbacks_ended(),
        [(1, CallbackOutcome::Redialled(CallId(2)))]
    );
    assert_eq!(floor.called_off(), [], "was not being dialled");
    assert_eq!((floor.position(2), floor.position(60)), (2, 3));
    let mut floor = dialling();
    floor.join_with(2, "support", caller("1381"));
    assert_eq!(floor.called_off(), [1]);
}

#[test]
fn who_calls_again_is_let_in_where_others_are_not_and_needs_what_was_needed() {
    let mut floor = busy(calling_back());
    let first = Caller {
        skills: vec!["chat".to_owned()],
        ..caller("1381")
    };
    floor.join_with(1, "support", first).key(1, '2');
    let mut full = settings(calling_back());
    full.queues[0].max_waiting = 0;
    floor.reload(full);
    floor.join_with(2, "support", caller("1381"));
    assert_eq!(floor.finished(), []);
    floor.ended(100, Party::Caller);
    assert_eq!(floor.rung(), [], "nobody can chat");
}

#[test]
fn calling_another_queue_is_not_calling_again() {
    let mut floor = behind_another();
    floor.join_with(2, "sales", caller("1381"));
    assert_eq!(floor.callbacks_ended(), []);
    assert_eq!(owed(&floor), [(1, 2)]);
}

#[test]
fn what_rules_raised_is_kept() {
    let mut with_raise = settings(calling_back());
    with_raise.queues[0].rules[0]
        .then
        .push(Operation::Raise(Span::seconds(100)));
    let mut floor = Floor::of(with_raise);
    floor.join_with(100, "support", caller("")).talks(100);
    floor.join_with(50, "support", caller("50")).pass(1);
    owe(&mut floor, 1, "1381");
    floor.reload(settings(calling_back()));
    floor.pass(50).join_as(60, "support", "", 90);
    assert_eq!(owed(&floor), [(1, 2)]);
    floor.gone(50).resume(2, 1);
    assert_eq!((floor.position(2), floor.position(60)), (1, 2));
}

#[test]
fn a_supervisor_may_cancel_a_callback() {
    let cancel = |callback| Command::CancelCallback {
        callback: CallId(callback),
    };
    let mut floor = dialling();
    assert_eq!(floor.boss(cancel(7)), refused(Refusal::UnknownCall));
    assert_eq!(floor.boss(cancel(1)), DONE);
    assert_eq!(floor.called_off(), [1]);
    assert_eq!(floor.callbacks_ended(), [(1, CallbackOutcome::Cancelled)]);
    assert_eq!(floor.boss(cancel(1)), refused(Refusal::UnknownCall));
}

#[test]
fn a_removed_queue_owes_nothing_any_more() {
    let mut floor = dialling();
    floor.pass(1);
    owe(&mut floor, 2, "1382");
    floor.reload(config(vec![queue("other")], vec![agent("1", &["other"])]));
    let removed = CallbackOutcome::Removed;
    assert_eq!(floor.callbacks_ended(), [(1, removed), (2, removed)]);
    assert_eq!(floor.called_off(), [1]);
}

#[test]
fn no_more_are_owed_than_the_queue_allows_and_none_to_withheld_numbers() {
    let mut floor = busy(CallbackSettings {
        max: 1,
        ..calling_back()
    });
    owe(&mut floor, 3, "");
    assert_eq!(floor.finished(), []);
    owe(&mut floor, 1, "1381");
    assert_eq!(floor.finished().len(), 1);
    owe(&mut floor, 2, "1382");
    assert_eq!(floor.finished(), [], "waits on");
    floor.boss(Command::CancelCallback { callback: CallId(1) });
    owe(&mut floor, 4, "1384");
    assert_eq!(floor.finished().len(), 1);
}

#[test]
fn who_was_called_back_is_not_sent_away_to_be_called_back_again() {
    let mut settings = settings(calling_back());
    let mut crowded = rule(0, vec![Operation::Divert(way(Exit::Callback))]);
    crowded.waiting = Some(Band { over: 1, until: 0 });
    settings.queues[0].rules = vec![crowded];
    let mut floor = Floor::of(settings);
    floor.join_with(100, "support", caller("")).talks(100).pass(1);
    floor.join_with(50, "support", caller("50")).pass(1);
    floor.join_with(1, "support", caller("1381")).gone(50);
    assert_eq!(floor.dialled(), [dial(1, 1)]);
    floor.join_with(3, "support", caller(""));
    assert!(!floor.is_here(3), "the queue counts as crowded");
    floor.resume(2, 1);
    assert!(floor.dialled().is_empty() && owed(&floor).is_empty());
    floor.ended(100, Party::Agent);
    assert_eq!(floor.rung(), [ring(2, "1")]);
}
