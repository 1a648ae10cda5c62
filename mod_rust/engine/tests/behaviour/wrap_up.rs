//! After-call work (后续处理): how long it takes, and who makes it longer or shorter.

use hotline_engine::action::Refusal;
use hotline_engine::config::{Queue, WrapUp};
use hotline_engine::event::AgentState;
use hotline_engine::input::Party;
use hotline_engine::{Command, Span};

use crate::floor::{DONE, Floor, PENDING, agent, config, queue, refused, ring};

fn taking(wrap_up: WrapUp) -> Queue {
    Queue {
        wrap_up,
        wrap_up_max: Span::seconds(30),
        ..queue("support")
    }
}

/// An agent in after-call work.
fn working(wrap_up: WrapUp) -> Floor {
    let mut floor = Floor::with_agents(taking(wrap_up), &["1"]);
    floor.join(1, "support").serve(1, 60);
    floor
}

fn ten_seconds() -> WrapUp {
    WrapUp::Timed(Span::seconds(10))
}

fn extend(by: u64) -> Command {
    Command::ExtendWrapUp {
        agent: "1".to_owned(),
        by: Span::seconds(by),
    }
}

#[test]
fn none_at_all_leaves_the_agent_ready() {
    assert_eq!(working(WrapUp::Timed(Span::ZERO)).state("1"), AgentState::Ready);
}

#[test]
fn manual_after_call_work_lasts_until_the_agent_is_done() {
    let mut floor = working(WrapUp::Manual);
    assert_eq!(floor.state("1"), AgentState::WrapUp);
    assert_eq!(floor.engine.deadline(), None);
    floor.join(2, "support").pass(7200);
    assert_eq!(floor.state("1"), AgentState::WrapUp);
    assert_eq!(floor.set_ready("1"), DONE);
    assert_eq!(floor.rung(), [ring(2, "1")]);
}

#[test]
fn a_supervisor_may_end_manual_after_call_work() {
    let mut floor = working(WrapUp::Manual);
    assert_eq!(floor.force_idle("1"), DONE);
    assert_eq!(floor.state("1"), AgentState::Ready);
}

#[test]
fn an_agent_may_leave_after_call_work_for_a_break() {
    let mut floor = working(WrapUp::Manual);
    assert_eq!(floor.set_not_ready("1", "lunch"), DONE);
    assert_eq!(floor.state("1"), AgentState::NotReady);
}

#[test]
fn it_may_be_made_longer_from_its_present_end() {
    let mut floor = working(ten_seconds());
    floor.pass(4);
    assert_eq!(floor.boss(extend(5)), DONE);
    floor.pass(10);
    assert_eq!(floor.state("1"), AgentState::WrapUp);
    floor.pass(1);
    assert_eq!(floor.state("1"), AgentState::Ready);
}

#[test]
fn it_is_made_longer_up_to_the_longest_and_no_more() {
    let mut floor = working(ten_seconds());
    assert_eq!(floor.boss(extend(15)), DONE);
    assert_eq!(floor.boss(extend(3600)), DONE, "as far as it goes");
    assert_eq!(floor.boss(extend(1)), refused(Refusal::AtLimit));
    floor.pass(29);
    assert_eq!(floor.state("1"), AgentState::WrapUp);
    floor.pass(1);
    assert_eq!(floor.state("1"), AgentState::Ready);
}

#[test]
fn one_that_is_longer_than_the_longest_cannot_be_made_longer_but_is_not_cut() {
    let mut floor = working(WrapUp::Timed(Span::seconds(60)));
    assert_eq!(floor.boss(extend(1)), refused(Refusal::AtLimit));
    floor.pass(59);
    assert_eq!(floor.state("1"), AgentState::WrapUp);
}

#[test]
fn what_cannot_be_made_longer_says_why() {
    let unknown = Command::ExtendWrapUp {
        agent: "9".to_owned(),
        by: Span::seconds(1),
    };
    let mut floor = working(WrapUp::Manual);
    assert_eq!(floor.boss(unknown), refused(Refusal::UnknownAgent));
    assert_eq!(floor.boss(extend(5)), refused(Refusal::NothingToDo), "has no end");
    floor.set_ready("1");
    assert_eq!(floor.boss(extend(5)), refused(Refusal::NotInWrapUp));
    let mut floor = working(ten_seconds());
    assert_eq!(floor.boss(extend(0)), refused(Refusal::AtLimit));
}

#[test]
fn a_new_longest_counts_for_after_call_work_that_has_begun() {
    let mut floor = working(ten_seconds());
    let more = Queue {
        wrap_up_max: Span::seconds(100),
        ..taking(ten_seconds())
    };
    floor.reload(config(vec![more], vec![agent("1", &["support"])]));
    assert_eq!(floor.boss(extend(90)), DONE);
    floor.pass(99);
    assert_eq!(floor.state("1"), AgentState::WrapUp);
}

#[test]
fn a_state_asked_for_during_the_call_skips_after_call_work() {
    for wrap_up in [ten_seconds(), WrapUp::Manual] {
        let mut floor = Floor::with_agents(taking(wrap_up), &["1"]);
        floor.join(1, "support").talks(1);
        assert_eq!(floor.set_ready("1"), PENDING);
        floor.ended(1, Party::Caller);
        assert_eq!(floor.state("1"), AgentState::Ready);
        floor.join(2, "support").talks(2);
        floor.set_not_ready("1", "lunch");
        floor.ended(2, Party::Caller);
        assert_eq!(floor.state("1"), AgentState::NotReady);
    }
}

#[test]
fn it_is_that_of_the_queue_in_which_the_call_came() {
    let brief = Queue {
        wrap_up: WrapUp::Timed(Span::seconds(3)),
        ..queue("sales")
    };
    let mut floor = Floor::staffed(
        vec![taking(WrapUp::Manual), brief],
        vec![agent("1", &["support", "sales"])],
    );
    floor.join(1, "sales").serve(1, 5).pass(3);
    assert_eq!(floor.state("1"), AgentState::Ready);
    floor.join(2, "support").serve(2, 5).pass(3);
    assert_eq!(floor.state("1"), AgentState::WrapUp);
}
