//! Keys of waiting callers.

use hotline_engine::action::{CallAction, Place, Status};
use hotline_engine::config::{Choice, Config, Exit, Key, Menu, Operation, Queue, Way};
use hotline_engine::event::CallOutcome;
use hotline_engine::{Event, Span};

use crate::floor::{
    Floor, agent, calling_back, config, file, place, prompt, queue, release, rule, to_queue, way,
};

/// Offers a menu after 10 s: 1 waits on, 2 is called back, 3 goes to a place, 4 to `sales`.
fn settings(lasting: u64, callbacks: u32) -> Config {
    let leave = |key, to| Key {
        key,
        choice: Choice::Leave(way(to)),
    };
    let menu = Menu {
        name: "choice".to_owned(),
        say: vec![prompt("press")],
        lasting: Span::seconds(lasting),
        keys: vec![
            Key {
                key: '1',
                choice: Choice::Wait {
                    say: vec![prompt("thanks")],
                },
            },
            leave('2', Exit::Callback),
            Key {
                key: '3',
                choice: Choice::Leave(Way {
                    to: place("shop"),
                    say: vec![prompt("bye")],
                }),
            },
            leave('4', to_queue("sales")),
        ],
    };
    let support = Queue {
        rules: vec![rule(10, vec![Operation::Menu("choice".to_owned())])],
        callback: hotline_engine::config::CallbackSettings {
            max: callbacks,
            ..calling_back()
        },
        ..queue("support")
    };
    let mut settings = config(vec![support, queue("sales")], vec![]);
    settings.menus = vec![menu];
    settings
}

/// A caller who hears the menu now.
fn asked(lasting: u64, callbacks: u32) -> Floor {
    let mut floor = Floor::new(settings(lasting, callbacks));
    floor.join(1, "support").pass(10);
    floor
}

fn pressed(floor: &Floor) -> bool {
    floor
        .events
        .iter()
        .any(|event| matches!(event, Event::KeyPressed { .. }))
}

#[test]
fn a_menu_is_said_and_takes_its_keys() {
    let mut floor = asked(0, 0);
    assert_eq!(floor.said(1), [vec![file("press")]]);
    floor.key(1, '3');
    assert!(pressed(&floor));
    let released = CallAction::Release {
        status: Status::Left,
        to: Place::There("shop".to_owned()),
        say: vec![file("bye")],
        retry_in: None,
    };
    assert_eq!(floor.told_exactly(1), [released]);
    assert_eq!(floor.finished(), [(1, CallOutcome::Left)]);
}

#[test]
fn before_the_menu_and_for_keys_it_does_not_have_nothing_happens() {
    let mut floor = Floor::new(settings(0, 0));
    floor.join(1, "support").key(1, '3');
    assert!(!pressed(&floor));
    floor.pass(10).key(1, '9').key(1, 'x');
    assert!(!pressed(&floor));
    floor.key(1, '3');
    assert!(pressed(&floor), "the menu is still there");
}

#[test]
fn who_chooses_to_wait_waits_and_the_menu_is_over() {
    let mut floor = asked(0, 0);
    floor.key(1, '1');
    assert_eq!(floor.said(1), [vec![file("thanks")]]);
    floor.key(1, '3');
    assert!(!pressed(&floor));
    assert_eq!(floor.position(1), 1);
}

#[test]
fn keys_are_taken_as_long_as_the_menu_lasts() {
    let mut floor = asked(5, 0);
    floor.pass(6).key(1, '3');
    assert!(!pressed(&floor));
    let mut floor = asked(5, 0);
    floor.pass(5).key(1, '3');
    assert!(pressed(&floor));
    let mut floor = asked(0, 0);
    floor.pass(3600).key(1, '3');
    assert!(pressed(&floor), "without end if it says so");
}

#[test]
fn who_chooses_to_be_called_back_is() {
    let mut floor = asked(0, 1);
    floor.key(1, '2');
    assert_eq!(floor.told(1), [release(Status::Callback)]);
    assert_eq!(floor.finished(), [(1, CallOutcome::Callback)]);
}

#[test]
fn who_cannot_be_called_back_waits_on() {
    let mut floor = asked(0, 0);
    floor.key(1, '2');
    assert!(pressed(&floor));
    assert_eq!(floor.told(1), []);
    assert_eq!(floor.position(1), 1);
    floor.key(1, '3');
    assert!(!pressed(&floor), "the menu is over");
}

#[test]
fn a_key_may_lead_into_another_queue_whose_menus_are_its_own() {
    let mut floor = asked(0, 0);
    floor.key(1, '4');
    assert_eq!(floor.finished(), [(1, CallOutcome::Left)]);
    assert_eq!(floor.queue_of(1), "sales");
    floor.key(1, '3');
    assert!(!pressed(&floor));
}

#[test]
fn while_being_connected_and_talking_keys_do_nothing() {
    let mut settings = settings(0, 0);
    settings.agents = vec![agent("1", &["support"])];
    let mut floor = Floor::of(settings);
    floor.join(1, "support").pass(10);
    assert_eq!(floor.said(1).len(), 1, "said while the phone rings");
    floor.answered(1).key(1, '3');
    assert!(!pressed(&floor));
    floor.connected(1).key(1, '3');
    assert!(!pressed(&floor));
    assert_eq!(floor.finished(), []);
}

#[test]
fn a_key_counts_while_a_phone_rings() {
    let mut settings = settings(0, 0);
    settings.agents = vec![agent("1", &["support"])];
    let mut floor = Floor::of(settings);
    floor.join(1, "support").pass(10).key(1, '3');
    assert_eq!(floor.finished(), [(1, CallOutcome::Left)]);
    assert_eq!(floor.state("1"), hotline_engine::event::AgentState::Ready);
}

#[test]
fn a_menu_that_new_settings_know_no_more_takes_no_keys() {
    let mut floor = asked(0, 0);
    let mut without = settings(0, 0);
    without.menus.clear();
    without.queues[0].rules.clear();
    floor.reload(without);
    floor.key(1, '3');
    assert!(!pressed(&floor));
}

#[test]
fn a_menu_that_new_settings_change_takes_the_new_keys() {
    let mut floor = asked(0, 0);
    let mut changed = settings(0, 0);
    changed.menus[0].keys[2].choice = Choice::Leave(way(Exit::Busy));
    floor.reload(changed);
    floor.key(1, '3');
    assert_eq!(
        floor.told(1),
        [crate::floor::release_to(Status::Left, Place::Busy)]
    );
}
