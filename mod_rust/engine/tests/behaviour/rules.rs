//! What happens to callers who wait, when, and to whom.

use hotline_engine::action::{CallAction, Place, Status};
use hotline_engine::config::{Door, Exit, Operation, Queue, Rule, Way};
use hotline_engine::event::CallOutcome;
use hotline_engine::input::Party;
use hotline_engine::{Command, Event, Span};

use crate::floor::{
    DONE, Floor, agent, band, brisk, config, file, music, place, prompt, queue, release, release_to, ring,
    rule, rule_every, say, to_queue, way,
};

fn with_rules(rules: Vec<Rule>) -> Queue {
    Queue {
        rules,
        ..queue("support")
    }
}

/// A queue without agents.
fn waiting(rules: Vec<Rule>) -> Floor {
    Floor::with_agents(with_rules(rules), &[])
}

fn applied(floor: &Floor) -> Vec<(u64, u32)> {
    let applied = |event: &Event| match event {
        Event::RuleApplied { call, rule, .. } => Some((call.0, *rule)),
        _ => None,
    };
    floor.events.iter().filter_map(applied).collect()
}

fn raise(seconds: u64) -> Operation {
    Operation::Raise(Span::seconds(seconds))
}

#[test]
fn a_rule_at_joining_comes_after_the_music() {
    let mut floor = waiting(vec![rule(0, vec![say("welcome")])]);
    floor.join(1, "support");
    let said = CallAction::Say {
        say: vec![file("welcome")],
    };
    assert_eq!(floor.told(1), [music(), said]);
    assert_eq!(applied(&floor), [(1, 1)]);
}

#[test]
fn a_rule_happens_once_at_its_time() {
    let mut floor = waiting(vec![rule(10, vec![say("sorry")])]);
    floor.join(1, "support").pass(9);
    assert_eq!(floor.said(1).len(), 0);
    floor.pass(1);
    assert_eq!(floor.said(1).len(), 1);
    floor.pass(100);
    assert_eq!(floor.said(1).len(), 0);
}

#[test]
fn a_rule_may_come_again_and_again() {
    let mut floor = waiting(vec![rule_every(10, 30, vec![say("sorry")])]);
    floor.join(1, "support");
    for (wait, times) in [(9, 0), (1, 1), (29, 0), (1, 1), (30, 1)] {
        floor.pass(wait);
        assert_eq!(floor.said(1).len(), times);
    }
    assert_eq!(floor.engine.deadline(), Some(floor.now + Span::seconds(30)));
}

#[test]
fn a_rule_at_joining_may_come_again_too() {
    let mut floor = waiting(vec![rule_every(0, 5, vec![say("sorry")])]);
    floor.join(1, "support");
    assert_eq!(floor.said(1).len(), 1);
    floor.pass(5);
    assert_eq!(floor.said(1).len(), 1);
}

#[test]
fn times_that_were_missed_count_once() {
    let mut floor = waiting(vec![
        rule_every(10, 10, vec![say("sorry")]),
        rule(15, vec![say("once")]),
    ]);
    floor.join(1, "support").pass(95);
    assert_eq!(floor.said(1), [vec![file("sorry")], vec![file("once")]]);
    floor.pass(5);
    assert_eq!(floor.said(1).len(), 1, "and go on at their times");
}

#[test]
fn rules_and_what_they_do_come_in_the_order_of_the_settings() {
    let mut floor = waiting(vec![
        rule(10, vec![say("1"), say("2")]),
        rule(5, vec![say("3")]),
        rule(10, vec![say("4")]),
    ]);
    floor.join(1, "support").pass(10);
    let said = ["1", "2", "3", "4"].map(|name| vec![file(name)]);
    assert_eq!(floor.said(1), said);
}

#[test]
fn after_a_caller_is_sent_away_the_rest_is_left_undone() {
    let away = Operation::Divert(Way {
        to: place("shop"),
        say: vec![prompt("bye")],
    });
    let mut floor = waiting(vec![
        rule(0, vec![away, say("more")]),
        rule(0, vec![say("still more")]),
    ]);
    floor.join(1, "support");
    let released = CallAction::Release {
        status: Status::Diverted,
        to: Place::There("shop".to_owned()),
        say: vec![file("bye")],
        retry_in: None,
    };
    assert_eq!(floor.told(1), [music(), released]);
    assert_eq!(floor.finished(), [(1, CallOutcome::Diverted)]);
}

#[test]
fn a_caller_sent_to_another_queue_has_overflowed_and_meets_the_rules_there() {
    let queues = vec![
        with_rules(vec![rule(10, vec![Operation::Divert(way(to_queue("sales")))])]),
        Queue {
            rules: vec![rule(0, vec![say("sales")]), rule(10, vec![say("sorry")])],
            ..queue("sales")
        },
    ];
    let mut floor = Floor::new(config(queues, vec![]));
    floor.join(1, "support").pass(10);
    assert_eq!(floor.finished(), [(1, CallOutcome::Overflowed)]);
    assert_eq!(floor.said(1), [vec![file("sales")]]);
    floor.pass(9);
    assert_eq!(floor.said(1).len(), 0, "times count from joining this queue");
    floor.pass(1);
    assert_eq!(floor.said(1), [vec![file("sorry")]]);
}

#[test]
fn a_rule_may_be_for_some_tiers_only() {
    let mut floor = waiting(vec![Rule {
        tiers: vec!["gold".to_owned()],
        ..rule(0, vec![say("dear")])
    }]);
    floor.join(1, "support");
    assert_eq!(floor.said(1).len(), 0);
    floor.join_as(2, "support", "gold", 0);
    assert_eq!(floor.said(2).len(), 1);
}

#[test]
fn a_rule_on_callers_waiting_trips_above_and_lets_go_at_or_below() {
    let mut floor = waiting(vec![Rule {
        waiting: band(2, 1),
        ..rule(0, vec![say("crowded")])
    }]);
    let mut joins = |call| floor.join(call, "support").said(call).len();
    assert_eq!(
        [joins(1), joins(2), joins(3)],
        [0, 0, 1],
        "more than two, this one included"
    );
    floor.gone(1).gone(2).join(4, "support");
    assert_eq!(floor.said(4).len(), 1, "two wait, which is not yet below");
    floor.gone(3).gone(4).join(5, "support");
    assert_eq!(floor.said(5).len(), 0, "one waits");
    floor.join(6, "support");
    assert_eq!(floor.said(6).len(), 0, "two again, which is not above");
}

#[test]
fn a_rule_on_the_predicted_wait_trips_above_and_lets_go_at_or_below() {
    let minute = 60_000_000;
    let crowded = Queue {
        handle_time: Span::seconds(90),
        rules: vec![Rule {
            predicted_wait: band(3 * minute, 2 * minute),
            ..rule(0, vec![say("crowded")])
        }],
        ..brisk("support")
    };
    let mut floor = Floor::with_agents(crowded, &["1"]);
    floor.join(1, "support").talks(1);
    // With nobody, one, two, three ahead of it: 60, 150, 240, 330 s.
    let mut joins = |call| floor.join(call, "support").said(call).len();
    assert_eq!([joins(2), joins(3), joins(4)], [0, 0, 1]);
    floor.gone(4).join(5, "support");
    assert_eq!(floor.said(5).len(), 1, "240 s");
    floor.gone(5).gone(3).join(6, "support");
    assert_eq!(floor.said(6).len(), 1, "150 s, above two minutes");
    floor.gone(6).gone(2).join(7, "support");
    assert_eq!(floor.said(7).len(), 0, "60 s");
    floor.join(8, "support");
    assert_eq!(floor.said(8).len(), 0, "150 s, but has let go");
}

#[test]
fn without_anybody_at_work_no_wait_is_predicted_and_such_a_rule_lets_go() {
    let mut floor = waiting(vec![Rule {
        predicted_wait: band(0, 0),
        ..rule(0, vec![say("crowded")])
    }]);
    floor.join(1, "support").join(2, "support");
    assert_eq!(floor.said(2).len(), 0);
}

#[test]
fn both_bands_must_hold_and_each_is_looked_at_whenever_the_rule_is() {
    let mut floor = waiting(vec![Rule {
        waiting: band(1, 0),
        tiers: vec!["gold".to_owned()],
        ..rule(0, vec![say("crowded")])
    }]);
    floor.join(1, "support").join(2, "support").gone(1);
    floor.gone(2).join_as(3, "support", "gold", 0);
    assert_eq!(floor.said(3).len(), 1, "tripped while looked at for another tier");
}

#[test]
fn a_raised_caller_overtakes_and_the_raise_goes_along_to_another_queue() {
    let raising = with_rules(vec![rule(10, vec![raise(60)])]);
    let mut floor = Floor::staffed(vec![raising, queue("sales")], vec![agent("1", &["sales"])]);
    floor.set_not_ready("1", "lunch");
    floor.join(1, "sales").pass(30).join(2, "support").pass(10);
    assert_eq!(applied(&floor), [(2, 1)]);
    floor.boss(Command::MoveCall {
        call: hotline_engine::ids::CallId(2),
        queue: "sales".to_owned(),
    });
    assert_eq!((floor.position(2), floor.position(1)), (1, 2));
}

#[test]
fn raising_by_nothing_and_adding_what_is_there_are_not_told() {
    let add = |queue: &str| Operation::AddQueue(queue.to_owned());
    let queues = vec![
        with_rules(vec![rule(
            0,
            vec![raise(0), add("support"), add("sales"), add("sales")],
        )]),
        queue("sales"),
    ];
    let mut floor = Floor::new(config(queues, vec![]));
    floor.join(1, "support");
    assert_eq!(applied(&floor).len(), 1);
}

#[test]
fn while_being_connected_nothing_happens_to_a_caller() {
    let mut floor = Floor::with_agents(with_rules(vec![rule_every(10, 10, vec![say("sorry")])]), &["1"]);
    floor.join(1, "support").answered(1).pass(35);
    assert_eq!(floor.said(1).len(), 0);
    assert_eq!(floor.engine.deadline(), None);
    floor.connected(1).pass(10);
    assert_eq!(floor.said(1).len(), 0, "nor afterwards");
}

#[test]
fn what_was_due_while_connecting_failed_happens_once_with_the_next_tick() {
    let mut floor = Floor::with_agents(with_rules(vec![rule_every(10, 10, vec![say("sorry")])]), &["1"]);
    floor
        .join(1, "support")
        .answered(1)
        .pass(35)
        .ended(1, Party::Agent);
    assert_eq!(floor.said(1).len(), 1);
    floor.pass(5);
    assert_eq!(floor.said(1).len(), 1, "at 40 s, as ever");
}

#[test]
fn rules_go_on_while_a_phone_rings() {
    let mut floor = Floor::with_agents(with_rules(vec![rule(5, vec![say("sorry")])]), &["1"]);
    floor.join(1, "support").pass(5);
    assert_eq!(floor.said(1).len(), 1);
    assert_eq!(floor.offers_ended(), []);
}

#[test]
fn of_what_is_due_at_once_rules_come_before_the_longest_wait() {
    let leaving = Queue {
        max_wait: Some(Span::seconds(10)),
        ..with_rules(vec![rule(10, vec![say("sorry")])])
    };
    let mut floor = Floor::with_agents(leaving, &[]);
    floor.join(1, "support").pass(10);
    let said = CallAction::Say {
        say: vec![file("sorry")],
    };
    assert_eq!(floor.told(1), [said, release(Status::Timeout)]);
}

#[test]
fn what_was_due_earlier_comes_first_also_when_the_host_is_late() {
    let leaving = Queue {
        max_wait: Some(Span::seconds(10)),
        ..with_rules(vec![rule(11, vec![say("sorry")])])
    };
    let mut floor = Floor::with_agents(leaving, &[]);
    floor.join(1, "support").pass(60);
    assert_eq!(floor.told(1), [release(Status::Timeout)]);
}

#[test]
fn new_rules_count_for_who_waits_already() {
    let mut floor = waiting(vec![rule(50, vec![say("old")])]);
    floor.join(1, "support").pass(30);
    let rules = vec![rule(10, vec![say("missed")]), rule(40, vec![say("new")])];
    assert_eq!(floor.reload(config(vec![with_rules(rules)], vec![])), DONE);
    assert_eq!(floor.said(1), [vec![file("missed")]], "was due already");
    floor.pass(10);
    assert_eq!(floor.said(1), [vec![file("new")]]);
    floor.pass(10);
    assert_eq!(floor.said(1).len(), 0);
}

#[test]
fn a_rule_that_was_run_is_not_run_again_after_a_reload() {
    let rules = || vec![rule(0, vec![say("welcome")]), rule(10, vec![say("sorry")])];
    let mut floor = waiting(rules());
    floor.join(1, "support").pass(10);
    floor.reload(config(vec![with_rules(rules())], vec![]));
    assert_eq!(floor.said(1).len(), 0);
    floor.pass(10);
    assert_eq!(floor.said(1).len(), 0);
}

#[test]
fn bands_are_looked_at_anew_after_a_reload() {
    let rules = || {
        vec![Rule {
            waiting: band(1, 0),
            ..rule(0, vec![say("crowded")])
        }]
    };
    let mut floor = waiting(rules());
    floor.join(1, "support").join(2, "support").gone(1).gone(2);
    floor.reload(config(vec![with_rules(rules())], vec![]));
    floor.join(3, "support");
    assert_eq!(floor.said(3).len(), 0);
}

#[test]
fn a_rule_to_be_called_back_that_cannot_be_leads_onward() {
    let mut floor = waiting(vec![rule(10, vec![Operation::Divert(way(Exit::Callback))])]);
    floor.join(1, "support").pass(10);
    assert_eq!(floor.told(1), [release(Status::Diverted)]);
    assert_eq!(floor.finished(), [(1, CallOutcome::Diverted)]);
}

#[test]
fn a_rule_stops_the_phone_of_an_agent_for_a_caller_it_sends_away() {
    let rules = vec![rule(10, vec![Operation::Divert(way(Exit::Busy))])];
    let mut floor = Floor::with_agents(with_rules(rules), &["1"]);
    floor.join(1, "support").pass(10);
    let expected = [crate::floor::cancel(1), release_to(Status::Diverted, Place::Busy)];
    assert_eq!(floor.told(1), expected);
    floor.join(2, "support");
    assert_eq!(floor.rung(), [ring(2, "1")]);
}

#[test]
fn a_rule_may_send_callers_into_a_queue_that_turns_them_away() {
    let queues = vec![
        with_rules(vec![rule(0, vec![Operation::Divert(way(to_queue("sales")))])]),
        Queue {
            door: Door::Closed,
            ..queue("sales")
        },
    ];
    let mut floor = Floor::new(config(queues, vec![]));
    floor.join(1, "support");
    assert_eq!(
        floor.finished(),
        [(1, CallOutcome::Overflowed), (1, CallOutcome::Closed)]
    );
    assert_eq!(floor.told(1), [music(), release(Status::Closed)]);
}

#[test]
fn who_is_sent_to_a_queue_that_has_been_removed_is_diverted_onward() {
    let away = |to| vec![with_rules(vec![rule(10, vec![Operation::Divert(way(to))])])];
    let mut queues = away(to_queue("sales"));
    queues.push(queue("sales"));
    let mut floor = Floor::new(config(queues, vec![]));
    floor.join(1, "support").pass(10);
    assert_eq!(floor.finished(), [(1, CallOutcome::Overflowed)]);
    for _ in 0..8 {
        let mut around = away(to_queue("sales"));
        around.push(Queue {
            rules: vec![rule(10, vec![Operation::Divert(way(to_queue("support")))])],
            ..queue("sales")
        });
        floor.reload(config(around, vec![]));
        floor.pass(10);
    }
    assert_eq!(
        floor.finished(),
        [(1, CallOutcome::Diverted)],
        "after eight hops it goes on nowhere"
    );
    assert_eq!(floor.told(1), [release(Status::Diverted)]);
}
