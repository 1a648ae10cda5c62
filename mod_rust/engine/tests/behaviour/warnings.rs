//! Limits that raise a warning, by levels, and are cleared.

use hotline_engine::config::{Config, Queue, Reason, Warnings, WrapUp};
use hotline_engine::event::Limit;
use hotline_engine::ids::{AgentId, CallId, QueueId};
use hotline_engine::input::{Party, TalkState};
use hotline_engine::{Command, Span};

use crate::floor::{Floor, agent, brisk, config, queue, steps};

const WAIT: Limit = Limit::Wait {
    call: CallId(1),
    queue: QueueId(0),
};
const RING: Limit = Limit::Ring {
    agent: AgentId(0),
    call: CallId(1),
};
const TALK: Limit = Limit::Talk {
    call: CallId(1),
    agent: AgentId(0),
};
const HOLD: Limit = Limit::Hold {
    call: CallId(1),
    agent: AgentId(0),
};
const WRAP_UP: Limit = Limit::WrapUp { agent: AgentId(0) };
const NOT_READY: Limit = Limit::NotReady { agent: AgentId(0) };

fn warning(warn: Warnings) -> Queue {
    Queue {
        warn,
        ..queue("support")
    }
}

fn on_waiting() -> Warnings {
    Warnings {
        wait: steps(&[10, 20], Some(30)),
        ..Warnings::default()
    }
}

#[test]
fn each_step_is_a_level_and_the_last_comes_again() {
    let mut floor = Floor::with_agents(warning(on_waiting()), &[]);
    floor.join(1, "support").pass(9);
    assert_eq!(floor.reached(), []);
    for (seconds, level, lasted) in [(1, 1, 10), (10, 2, 20), (30, 2, 50), (30, 2, 80)] {
        floor.pass(seconds);
        assert_eq!(floor.reached(), [(WAIT, level, lasted)]);
    }
    floor.gone(1);
    assert_eq!(floor.cleared(), [(WAIT, 2, 80)]);
}

#[test]
fn without_an_interval_the_last_level_is_told_once() {
    let warn = Warnings {
        wait: steps(&[10], None),
        ..Warnings::default()
    };
    let mut floor = Floor::with_agents(warning(warn), &[]);
    floor.join(1, "support").pass(10);
    assert_eq!(floor.engine.deadline(), None);
}

#[test]
fn what_reached_no_limit_is_not_cleared() {
    let mut floor = Floor::with_agents(warning(on_waiting()), &["1"]);
    floor.join(1, "support").pass(9).talks(1);
    assert_eq!(floor.cleared(), []);
}

#[test]
fn a_wait_is_cleared_by_being_connected() {
    let mut floor = Floor::with_agents(warning(on_waiting()), &["1"]);
    floor.join(1, "support").pass(10).answered(1);
    assert_eq!(floor.cleared(), []);
    floor.pass(2).connected(1);
    assert_eq!(floor.cleared(), [(WAIT, 1, 12)]);
}

#[test]
fn a_wait_is_measured_anew_in_another_queue() {
    let mut floor = Floor::staffed(vec![warning(on_waiting()), queue("sales")], vec![]);
    floor.join(1, "support").pass(10);
    floor.boss(Command::MoveCall {
        call: CallId(1),
        queue: "sales".to_owned(),
    });
    assert_eq!(floor.cleared(), [(WAIT, 1, 10)]);
    floor.pass(60);
    assert_eq!(floor.reached(), [], "sales has no limits");
}

#[test]
fn who_is_turned_away_at_once_warns_of_nothing() {
    let mut floor = Floor::with_agents(
        Queue {
            max_waiting: 0,
            ..warning(on_waiting())
        },
        &[],
    );
    floor.join(1, "support").pass(60);
    assert_eq!((floor.reached(), floor.cleared()), (vec![], vec![]));
}

#[test]
fn levels_passed_unseen_are_told_one_after_the_other() {
    let mut floor = Floor::with_agents(warning(on_waiting()), &[]);
    floor.join(1, "support").pass(25);
    assert_eq!(floor.reached(), [(WAIT, 1, 25), (WAIT, 2, 25)]);
    floor.pass(25);
    assert_eq!(floor.reached(), [(WAIT, 2, 50)], "at its own time again");
}

#[test]
fn a_phone_that_rings_for_long_warns_until_the_offer_is_over() {
    let warn = Warnings {
        ring: steps(&[5, 10], None),
        ..Warnings::default()
    };
    let mut floor = Floor::with_agents(warning(warn.clone()), &["1"]);
    floor.join(1, "support").pass(5);
    assert_eq!(floor.reached(), [(RING, 1, 5)]);
    floor.pass(5).answered(1);
    assert_eq!(floor.cleared(), [(RING, 2, 10)]);
    let mut floor = Floor::with_agents(warning(warn), &["1"]);
    floor.join(1, "support").pass(5).gone(1);
    assert_eq!(floor.cleared(), [(RING, 1, 5)]);
}

#[test]
fn a_long_talk_warns_holds_included() {
    let warn = Warnings {
        talk: steps(&[60], Some(60)),
        ..Warnings::default()
    };
    let mut floor = Floor::with_agents(warning(warn), &["1"]);
    floor
        .join(1, "support")
        .talks(1)
        .goes_on(1, TalkState::OnHold)
        .pass(60);
    assert_eq!(floor.reached(), [(TALK, 1, 60)]);
    floor.pass(60);
    assert_eq!(floor.reached(), [(TALK, 1, 120)]);
    floor.ended(1, Party::Caller);
    assert_eq!(floor.cleared(), [(TALK, 1, 120)]);
}

#[test]
fn a_long_hold_warns_over_consultations_and_is_cleared_by_retrieving() {
    let warn = Warnings {
        hold: steps(&[30], None),
        ..Warnings::default()
    };
    let mut floor = Floor::with_agents(warning(warn), &["1"]);
    floor.join(1, "support").talks(1).pass(100);
    floor.goes_on(1, TalkState::OnHold).pass(20);
    floor.goes_on(1, TalkState::Consulting).pass(10);
    assert_eq!(floor.reached(), [(HOLD, 1, 30)]);
    floor.pass(5).goes_on(1, TalkState::Conferencing);
    assert_eq!(floor.cleared(), [(HOLD, 1, 35)]);
    floor.goes_on(1, TalkState::OnHold).pass(29);
    assert_eq!(floor.reached(), [], "measured anew");
    floor.pass(1).ended(1, Party::Caller);
    assert_eq!(floor.cleared(), [(HOLD, 1, 30)]);
}

#[test]
fn long_after_call_work_warns_until_it_is_done() {
    let manual = Queue {
        wrap_up: WrapUp::Manual,
        ..warning(Warnings {
            wrap_up: steps(&[60], None),
            ..Warnings::default()
        })
    };
    let mut floor = Floor::with_agents(manual, &["1"]);
    floor.join(1, "support").serve(1, 5).pass(60);
    assert_eq!(floor.reached(), [(WRAP_UP, 1, 60)]);
    floor.pass(5);
    floor.set_ready("1");
    assert_eq!(floor.cleared(), [(WRAP_UP, 1, 65)]);
}

#[test]
fn kinds_of_limits_do_not_mix() {
    let all = Warnings {
        wait: steps(&[1], None),
        ring: steps(&[2], None),
        talk: steps(&[3], None),
        hold: steps(&[4], None),
        wrap_up: steps(&[5], None),
    };
    let mut floor = Floor::with_agents(warning(all), &["1"]);
    floor.join(1, "support").pass(2);
    assert_eq!(floor.reached(), [(WAIT, 1, 2), (RING, 1, 2)]);
    floor.talks(1).goes_on(1, TalkState::OnHold);
    floor.pass(4);
    assert_eq!(floor.reached(), [(TALK, 1, 4), (HOLD, 1, 4)]);
    floor.ended(1, Party::Caller);
    assert_eq!(floor.cleared().len(), 2);
    floor.pass(5);
    assert_eq!(floor.reached(), [(WRAP_UP, 1, 5)]);
}

fn with_reasons() -> Config {
    let reason = |name: &str, at| Reason {
        name: name.to_owned(),
        warn: steps(&[at], Some(60)),
    };
    let mut settings = config(vec![brisk("support")], vec![agent("1", &["support"])]);
    settings.reasons = vec![
        reason("lunch", 60),
        reason("tea", 10),
        reason("missed 3 calls", 30),
    ];
    settings
}

#[test]
fn being_not_ready_for_long_warns_by_the_limits_of_its_reason() {
    let mut floor = Floor::of(with_reasons());
    floor.set_not_ready("1", "lunch");
    floor.pass(60);
    assert_eq!(floor.reached(), [(NOT_READY, 1, 60)]);
    floor.set_ready("1");
    assert_eq!(floor.cleared(), [(NOT_READY, 1, 60)]);
}

#[test]
fn a_reason_that_the_settings_do_not_know_has_no_limits() {
    let mut floor = Floor::of(with_reasons());
    floor.set_not_ready("1", "nap");
    floor.pass(3600);
    assert_eq!(floor.reached(), []);
}

#[test]
fn another_reason_is_measured_anew_and_the_same_again_is_not() {
    let mut floor = Floor::of(with_reasons());
    floor.set_not_ready("1", "tea");
    floor.pass(5);
    floor.set_not_ready("1", "tea");
    floor.pass(5);
    assert_eq!(floor.reached(), [(NOT_READY, 1, 10)]);
    floor.set_not_ready("1", "lunch");
    assert_eq!(floor.cleared(), [(NOT_READY, 1, 10)]);
    floor.pass(59);
    assert_eq!(floor.reached(), []);
    floor.pass(1);
    assert_eq!(floor.reached(), [(NOT_READY, 1, 60)]);
}

#[test]
fn signing_out_clears_and_a_lock_does_not() {
    let mut floor = Floor::of(with_reasons());
    floor.set_not_ready("1", "tea");
    floor.force_busy("1", None);
    floor.pass(10);
    assert_eq!(floor.reached(), [(NOT_READY, 1, 10)]);
    floor.force_sign_out("1");
    assert_eq!(floor.cleared(), [(NOT_READY, 1, 10)]);
}

#[test]
fn a_break_after_too_many_misses_has_limits_like_any_other() {
    let mut floor = Floor::of(with_reasons());
    floor
        .join(1, "support")
        .pass(20)
        .pass(5)
        .pass(20)
        .pass(5)
        .pass(20);
    assert_eq!(floor.agent("1").reason, "missed 3 calls");
    floor.pass(30);
    assert_eq!(floor.reached(), [(NOT_READY, 1, 30)]);
}

#[test]
fn limits_are_those_of_the_settings_when_it_began() {
    let mut floor = Floor::with_agents(warning(on_waiting()), &[]);
    floor.join(1, "support");
    floor.reload(config(vec![queue("support")], vec![]));
    floor.pass(10);
    assert_eq!(floor.reached(), [(WAIT, 1, 10)]);
    floor.join(2, "support").pass(3600);
    assert!(floor.reached().iter().all(|(limit, ..)| *limit == WAIT));
    assert_eq!(floor.call(2).joined, floor.now - Span::seconds(3600));
}
