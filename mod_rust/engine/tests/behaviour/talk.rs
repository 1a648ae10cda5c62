//! What a conversation goes through: holds, consultations, conferences, the caller away in the dialplan.

use hotline_engine::Event;
use hotline_engine::Span;
use hotline_engine::event::AgentState;
use hotline_engine::input::{Party, TalkState};

use crate::floor::{Floor, queue};

fn talking() -> Floor {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.join(1, "support").talks(1);
    floor
}

/// From, to, seconds.
fn changes(floor: &Floor) -> Vec<(TalkState, TalkState, u64)> {
    let change = |event: &Event| match event {
        Event::TalkChanged { from, to, lasted, .. } => Some((*from, *to, lasted.0 / 1_000_000)),
        _ => None,
    };
    floor.events.iter().filter_map(change).collect()
}

/// Talk and hold, in seconds.
fn times(floor: &Floor) -> Option<(u64, u64)> {
    floor.events.iter().find_map(|event| match event {
        Event::CallFinished { talk, hold, .. } => Some((talk.0 / 1_000_000, hold.0 / 1_000_000)),
        _ => None,
    })
}

#[test]
fn each_way_a_conversation_goes_has_its_state_of_the_agent() {
    let mut floor = talking();
    for (talk, state) in [
        (TalkState::OnHold, AgentState::OnHold),
        (TalkState::Consulting, AgentState::Consulting),
        (TalkState::Conferencing, AgentState::Conferencing),
        (TalkState::Away, AgentState::Reserved),
        (TalkState::Talking, AgentState::OnCall),
    ] {
        floor.goes_on(1, talk);
        assert_eq!((floor.state("1"), floor.call(1).talk), (state, talk));
    }
}

#[test]
fn a_change_tells_how_long_it_went_like_before() {
    let mut floor = talking();
    floor.pass(20).goes_on(1, TalkState::OnHold);
    assert_eq!(changes(&floor), [(TalkState::Talking, TalkState::OnHold, 20)]);
    floor.pass(5).goes_on(1, TalkState::Talking);
    assert_eq!(changes(&floor), [(TalkState::OnHold, TalkState::Talking, 5)]);
}

#[test]
fn hearing_the_same_again_is_no_change() {
    let mut floor = talking();
    floor.goes_on(1, TalkState::Talking);
    assert_eq!(floor.events, []);
    floor.goes_on(1, TalkState::OnHold).goes_on(1, TalkState::OnHold);
    assert_eq!(floor.events, []);
}

#[test]
fn who_does_not_talk_cannot_be_held() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.join(1, "support").goes_on(1, TalkState::OnHold);
    assert_eq!(floor.events, []);
    floor.answered(1).goes_on(1, TalkState::OnHold);
    assert_eq!(floor.events, []);
    floor
        .connected(1)
        .ended(1, Party::Caller)
        .goes_on(1, TalkState::OnHold);
    assert_eq!(floor.events, []);
}

#[test]
fn holds_and_consultations_count_as_hold_conferences_and_absences_do_not() {
    let mut floor = talking();
    for (talk, seconds) in [
        (TalkState::OnHold, 3),
        (TalkState::Consulting, 7),
        (TalkState::Conferencing, 20),
        (TalkState::Away, 40),
        (TalkState::OnHold, 5),
        (TalkState::Talking, 10),
    ] {
        floor.goes_on(1, talk).pass(seconds);
    }
    floor.ended(1, Party::Caller);
    assert_eq!(times(&floor), Some((85, 15)));
}

#[test]
fn a_hold_that_ends_with_the_call_counts() {
    let mut floor = talking();
    floor
        .pass(10)
        .goes_on(1, TalkState::OnHold)
        .pass(9)
        .ended(1, Party::Caller);
    assert_eq!(times(&floor), Some((19, 9)));
    assert_eq!(floor.state("1"), AgentState::WrapUp);
}

#[test]
fn the_next_conversation_begins_by_talking() {
    let mut floor = talking();
    floor
        .goes_on(1, TalkState::OnHold)
        .ended(1, Party::Agent)
        .pass(10);
    assert_eq!(floor.state("1"), AgentState::Ready);
    floor.join(2, "support").talks(2);
    assert_eq!(
        (floor.state("1"), floor.call(2).talk),
        (AgentState::OnCall, TalkState::Talking)
    );
    floor.pass(4).ended(2, Party::Caller);
    assert_eq!(times(&floor), Some((4, 0)));
}

#[test]
fn an_agent_reserved_for_a_caller_who_is_away_is_offered_nothing() {
    let mut floor = talking();
    floor.goes_on(1, TalkState::Away).join(2, "support").pass(60);
    assert_eq!(floor.rung(), []);
    floor.goes_on(1, TalkState::Talking);
    assert_eq!(floor.state("1"), AgentState::OnCall);
}

#[test]
fn each_state_of_the_agent_is_published_with_its_beginning() {
    let mut floor = talking();
    floor.pass(30).goes_on(1, TalkState::OnHold);
    let published = floor.events.iter().find_map(|event| match event {
        Event::AgentChanged { from, to, .. } => Some((*from, to.state, to.since)),
        _ => None,
    });
    assert_eq!(
        published,
        Some((AgentState::OnCall, AgentState::OnHold, floor.now))
    );
    assert_eq!(floor.call(1).connected, Some(floor.now - Span::seconds(30)));
}
