//! Callers who are asked what it was like: whom the settings name, whom agents send, and what comes of it.

use hotline_engine::action::{CommandOutcome, Place, Refusal, Status};
use hotline_engine::config::{Exit, Queue, Survey, WrapUp};
use hotline_engine::ids::CallId;
use hotline_engine::input::{Party, Score, Whom};
use hotline_engine::{Command, Event, Input, Span};

use crate::floor::{Floor, agent, queue, refused, release, release_to};

const PLACE: &str = "survey,s,1";

fn floor(survey: Option<(u8, u64)>) -> Floor {
    let support = Queue {
        wrap_up: WrapUp::Timed(Span::ZERO),
        survey: survey.map(|(share, seconds)| Survey {
            place: PLACE.to_owned(),
            share,
            min_talk: Span::seconds(seconds),
        }),
        ..queue("support")
    };
    let mut floor = Floor::staffed(vec![support], vec![agent("1", &["support"])]);
    floor.join(1, "support").talks(1);
    floor
}

fn asked() -> hotline_engine::CallAction {
    release_to(Status::Survey, Place::There(PLACE.to_owned()))
}

fn offered(floor: &Floor) -> Vec<String> {
    let offered = floor.events.iter().filter_map(|event| match event {
        Event::SurveyOffered { author, .. } => Some(author.clone()),
        _ => None,
    });
    offered.collect()
}

fn answer(floor: &mut Floor, score: Option<u8>) -> Option<Event> {
    let call = CallId(1);
    let score = score.map(|score| Score { score, highest: 5 });
    floor.input(Input::Surveyed { call, score });
    floor.events.pop()
}

#[test]
fn the_agents_end_leads_there_and_the_answer_is_about_the_agent() {
    let mut floor = floor(Some((100, 0)));
    floor.ended(1, Party::Agent);
    assert_eq!(floor.told(1), [asked()]);
    assert_eq!(offered(&floor), [String::new()]);
    assert!(floor.events.iter().any(|event| matches!(
        event,
        Event::CallFinished { to: Exit::Place(place), .. } if place == PLACE
    )));
    let agent = floor.id("1");
    let told = answer(&mut floor, Some(4));
    assert!(
        matches!(told, Some(Event::SurveyAnswered { agent: of, score: 4, highest: 5, .. }) if of == agent),
        "{told:?}"
    );
    // Only the first word counts.
    assert_eq!(answer(&mut floor, None), None);
}

#[test]
fn who_gives_no_answer_is_told_as_such() {
    let mut floor = floor(Some((100, 0)));
    floor.ended(1, Party::Agent);
    let told = answer(&mut floor, None);
    assert!(matches!(told, Some(Event::SurveyUnanswered { .. })), "{told:?}");
}

#[test]
fn callers_who_end_it_themselves_and_those_of_other_queues_are_not_asked() {
    let mut own = floor(Some((100, 0)));
    own.ended(1, Party::Caller);
    assert!(offered(&own).is_empty());
    let mut none = floor(None);
    none.ended(1, Party::Agent);
    assert_eq!(none.told(1), [release(Status::Answered)]);
    // A colleague has the caller.
    let mut handed = floor(Some((100, 0)));
    handed.input(Input::HandedOver { call: CallId(1) });
    handed.ended(1, Party::Agent);
    assert!(offered(&handed).is_empty());
}

#[test]
fn a_supervisor_who_cuts_off_the_agent_alone_has_the_caller_asked() {
    for (whom, expected) in [(Whom::Agent, 1), (Whom::Both, 0)] {
        let mut floor = floor(Some((100, 0)));
        let (agent, from) = ("1".to_owned(), String::new());
        floor.boss(Command::Disconnect { agent, whom, from });
        floor.ended(1, Party::Agent);
        assert_eq!(offered(&floor).len(), expected, "{whom:?}");
    }
}

#[test]
fn short_talks_and_a_share_of_none_are_left_out_unless_the_agent_wants() {
    for settings in [(100, 60), (0, 0)] {
        let mut own = floor(Some(settings));
        own.pass(59).ended(1, Party::Agent);
        assert_eq!(own.told(1), [release(Status::Answered)]);

        let mut wanted = floor(Some(settings));
        let agent = "1".to_owned();
        let outcome = wanted.ask("agent:1", Command::Survey { agent });
        assert_eq!(outcome, Some(CommandOutcome::Pending));
        wanted.ended(1, Party::Agent);
        assert_eq!(wanted.told(1), [asked()]);
        assert_eq!(offered(&wanted), ["agent:1"]);
        assert_eq!(wanted.answers(), [("agent:1".to_owned(), CommandOutcome::Done)]);
    }
    let mut long = floor(Some((100, 60)));
    long.pass(60).ended(1, Party::Agent);
    assert_eq!(offered(&long).len(), 1);
}

#[test]
fn an_agent_asks_for_a_survey_that_there_is_of_a_caller_who_is_there() {
    let survey = || Command::Survey {
        agent: "1".to_owned(),
    };
    let mut none = floor(None);
    assert_eq!(none.ask("agent:1", survey()), refused(Refusal::NoSurvey));
    let mut gone = floor(Some((100, 0)));
    assert_eq!(gone.ask("agent:1", survey()), Some(CommandOutcome::Pending));
    assert_eq!(gone.ask("agent:1", survey()), refused(Refusal::NotTalking));
    gone.ended(1, Party::Caller);
    let refusal = CommandOutcome::Refused(Refusal::NotTalking);
    assert_eq!(gone.answers(), [("agent:1".to_owned(), refusal)]);
    assert_eq!(gone.ask("agent:1", survey()), refused(Refusal::NotTalking));
}
