//! What a caller meets, from joining to leaving.

use crate::floor::{Floor, connect, music, queue, release};
use hotline_engine::action::{CallAction, Status};
use hotline_engine::event::{AgentState, CallOutcome, OfferResult};
use hotline_engine::ids::{CallId, OfferId, TierId};
use hotline_engine::input::Party;
use hotline_engine::{Event, Span};

#[test]
fn a_caller_hears_music_and_the_idle_agent_rings() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.join(1, "support");
    let ring = CallAction::Ring {
        offer: OfferId(1),
        phone: "P/1".to_owned(),
        agent: "1".to_owned(),
    };
    assert_eq!(floor.told(1), [music(), ring]);
    assert_eq!(floor.state("1"), AgentState::Offered);
}

#[test]
fn caller_and_agent_are_connected_and_talk() {
    let mut floor = Floor::with_agents(queue("support"), &["1"]);
    floor.join(1, "support").pass(3).answered(1);
    assert_eq!(floor.told(1), [connect(1)]);
    assert_eq!(floor.state("1"), AgentState::OnCall);
    floor.pass(1).connected(1);
    assert_eq!(floor.offers_ended(), [(1, OfferResult::Answered)]);
    let wait = Span::seconds(4);
    let tier = TierId(0);
    let queue = floor.engine.view().queues[0].queue;
    let connected = Event::CallConnected {
        call: CallId(1),
        agent: floor.id("1"),
        queue,
        tier,
        wait,
    };
    assert!(floor.events.contains(&connected), "{:?}", floor.events);
    floor.pass(60).ended(1, Party::Agent);
    assert_eq!(floor.told(1), [release(Status::Answered)]);
    let finished = Event::CallFinished {
        call: CallId(1),
        queue,
        tier,
        outcome: CallOutcome::Answered,
        agent: Some(floor.id("1")),
        wait,
        talk: Span::seconds(60),
        by: Party::Agent,
    };
    assert!(floor.events.contains(&finished), "{:?}", floor.events);
}
