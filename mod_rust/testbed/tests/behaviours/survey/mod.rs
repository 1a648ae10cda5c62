//! Once the agent's side is over, however it ends, the caller is asked what it was like: the answer belongs to call, agent and queue.

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_testbed::phone::{Phone, Tone};
use hotline_wire::event::{Exit, Whom};
use hotline_wire::snapshot::AgentState;
use hotline_wire::{Command, Event, Outcome, Refusal};

use crate::sounds::record;
use crate::supervision::refusal;
use crate::{EXTENSIONS, call_of};

const QUESTION: Tone = Tone::nth(50);
const THANKS: Tone = Tone::nth(52);
const WRONG: Tone = Tone::nth(54);

/// Asks as the product's own dialplan does, with words of the bed's.
fn extensions() -> String {
    format!(
        "[globals]\n\
         HOTLINE_SURVEY_PROMPT=survey/question\n\
         {EXTENSIONS}\n\
         [asked]\n\
         exten => s,1,HotlineSurvey(s(5)p(survey/question)g(survey/thanks)i(survey/wrong)t(1)r(2))\n \
         same => n,UserEvent(Asked,Status: ${{HOTLINESURVEYSTATUS}},Score: ${{HOTLINE_SURVEY_SCORE}},Number: ${{CALLERID(num)}})\n \
         same => n,Hangup()\n\
         [phones](+)\n\
         exten => 8378,1,HotlineSurvey()\n \
         same => n,UserEvent(Nobody,Status: ${{HOTLINESURVEYSTATUS}})\n \
         same => n,Hangup()\n"
    )
}

fn boot(place: &str) -> Result<Bed> {
    let settings = include_str!("hotline.toml").replace("hotline-survey,s,1", place);
    let bed = Bed::boot(&settings, &extensions())?;
    record(&bed, "survey/question", QUESTION)?;
    record(&bed, "survey/thanks", THANKS)?;
    record(&bed, "survey/wrong", WRONG)?;
    Ok(bed)
}

fn talk(bed: &Bed, queue: &str) -> Result<(Phone, Phone)> {
    let (caller, agent) = (bed.caller("gold"), bed.phone("a1001"));
    caller.follow(&[QUESTION, THANKS, WRONG]);
    bed.node.agent_is("1001", AgentState::Ready)?;
    caller.call(queue)?;
    agent.expect_ring()?;
    agent.answer();
    caller.hears(&agent)?;
    agent.hears(&caller)?;
    Ok((caller, agent))
}

/// A score, and the highest one.
type Score = (u8, u8);

/// What came of asking, in the events of a call: queue, agent, and the answer.
fn answer(bed: &Bed, caller: &Phone) -> Result<(String, String, Option<Score>)> {
    let wanted = call_of(bed, caller)?;
    bed.node.event("an answer, or none", |event| match event {
        Event::SurveyAnswered {
            call,
            agent,
            queue,
            score,
            highest,
        } if *call == wanted => Some((queue.clone(), agent.clone(), Some((*score, *highest)))),
        Event::SurveyUnanswered { call, agent, queue } if *call == wanted => {
            Some((queue.clone(), agent.clone(), None))
        }
        _ => None,
    })
}

/// On whose word a caller was asked, and where the call went.
fn offered(bed: &Bed, caller: &Phone) -> Result<(Option<String>, Exit)> {
    let wanted = call_of(bed, caller)?;
    bed.node.story("the call to end", |events| {
        let author = events.iter().find_map(|frame| match &frame.event {
            Event::SurveyOffered { call, author, .. } if *call == wanted => Some(author.clone()),
            _ => None,
        });
        events.iter().find_map(|frame| match &frame.event {
            Event::CallFinished { call, to, .. } if *call == wanted => Some((author.clone(), to.clone())),
            _ => None,
        })
    })
}

fn asked(bed: &Bed, caller: &Phone, status: &str, score: &str) -> Result<()> {
    let values = [("Number", caller.user()), ("Status", status), ("Score", score)];
    bed.manager.user_event("Asked", &values).map(drop)
}

fn of_support(score: Option<Score>) -> (String, String, Option<Score>) {
    ("support".into(), "1001".into(), score)
}

#[test]
fn whichever_way_the_agents_side_ends_the_caller_is_asked() -> Result<()> {
    let bed = boot("asked,s,1")?;
    // The agent hangs up.
    let (caller, agent) = talk(&bed, "support")?;
    agent.hang_up();
    caller.hears_tone(QUESTION)?;
    caller.press("4");
    caller.heard(&[QUESTION, THANKS])?;
    asked(&bed, &caller, "ANSWERED", "4")?;
    assert_eq!(answer(&bed, &caller)?, of_support(Some((4, 5))));
    let place = Exit::Place("asked,s,1".into());
    assert_eq!(offered(&bed, &caller)?, (Some(String::new()), place.clone()));
    caller.expect_hangup()?;

    // A supervisor ends it for the agent alone.
    let (caller, agent) = talk(&bed, "support")?;
    let cut = Command::Disconnect {
        agent: "1001".into(),
        whom: Whom::Agent,
        from: String::new(),
    };
    bed.node.command("boss", cut)?;
    agent.expect_hangup()?;
    caller.hears_tone(QUESTION)?;
    // A digit that is no answer, then one that is.
    caller.press("7");
    caller.heard(&[QUESTION, WRONG, QUESTION])?;
    caller.press("1");
    asked(&bed, &caller, "ANSWERED", "1")?;
    assert_eq!(answer(&bed, &caller)?, of_support(Some((1, 5))));
    caller.expect_hangup()?;

    // The agent asks for it.
    let (caller, agent) = talk(&bed, "support")?;
    let shown = bed.asterisk.cli("hotline agent survey 1001")?;
    assert!(shown.contains("Pending"), "{shown}");
    agent.expect_hangup()?;
    caller.hears_tone(QUESTION)?;
    // Nothing is keyed in, twice.
    asked(&bed, &caller, "UNANSWERED", "")?;
    assert_eq!(answer(&bed, &caller)?, of_support(None));
    assert_eq!(offered(&bed, &caller)?, (Some("cli".into()), place));
    bed.finish()
}

#[test]
fn who_hangs_up_has_not_answered_and_is_not_asked_when_first() -> Result<()> {
    let bed = boot("asked,s,1")?;
    let (caller, agent) = talk(&bed, "support")?;
    agent.hang_up();
    caller.hears_tone(QUESTION)?;
    caller.hang_up();
    assert_eq!(answer(&bed, &caller)?, of_support(None));
    // The caller hangs up first, or both at once on a supervisor's word.
    let (caller, agent) = talk(&bed, "support")?;
    caller.hang_up();
    agent.expect_hangup()?;
    assert_eq!(offered(&bed, &caller)?, (None, Exit::Onward));
    let (caller, _agent) = talk(&bed, "support")?;
    let cut = Command::Disconnect {
        agent: "1001".into(),
        whom: Whom::Both,
        from: String::new(),
    };
    bed.node.command("boss", cut)?;
    caller.expect_hangup()?;
    assert_eq!(offered(&bed, &caller)?, (None, Exit::Onward));
    bed.finish()
}

#[test]
fn the_settings_say_who_is_asked() -> Result<()> {
    let bed = boot("hotline-survey,s,1")?;
    // Too short a talk; the agent may ask for it all the same.
    let (caller, agent) = talk(&bed, "short")?;
    agent.hang_up();
    bed.expect_left(&caller, "ANSWERED")?;
    assert_eq!(offered(&bed, &caller)?, (None, Exit::Onward));
    let (caller, agent) = talk(&bed, "short")?;
    let survey = || Command::Survey { agent: "1001".into() };
    assert_eq!(bed.node.command("agent:1001", survey())?, Outcome::Pending);
    agent.expect_hangup()?;
    caller.hears_tone(QUESTION)?;
    caller.press("5");
    let (queue, _, score) = answer(&bed, &caller)?;
    assert_eq!((queue.as_str(), score), ("short", Some((5, 5))));
    assert_eq!(offered(&bed, &caller)?.0.as_deref(), Some("agent:1001"));
    caller.expect_hangup()?;

    // A place that the dialplan does not have: the caller goes on, and counts as not having answered.
    let (caller, agent) = talk(&bed, "odd")?;
    agent.hang_up();
    bed.expect_left(&caller, "SURVEY")?;
    assert_eq!(answer(&bed, &caller)?.2, None);

    // No survey at all.
    let (caller, agent) = talk(&bed, "plain")?;
    let outcome = bed.node.command("agent:1001", survey())?;
    assert_eq!(
        refusal(outcome).map(|(reason, _)| reason),
        Some(Refusal::NoSurvey)
    );
    caller.hears(&agent)?;
    agent.hang_up();
    bed.expect_left(&caller, "ANSWERED")?;
    bed.finish()
}

#[test]
fn nobody_is_asked_who_is_not_due() -> Result<()> {
    let bed = boot("asked,s,1")?;
    let phone = bed.phone("free1");
    phone.dial("8378")?;
    bed.manager
        .user_event("Nobody", &[("Status", "NOTDUE")])
        .map(drop)?;
    bed.finish()
}
