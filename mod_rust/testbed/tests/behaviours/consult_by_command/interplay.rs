//! A consultation meets whatever else an agent's day has: callers away in the dialplan, surveys, dispositions, mute, supervisors, phones
//! that vanish, new settings, and two who want something else at once.

use anyhow::Result;
use hotline_testbed::asterisk::Manifest;
use hotline_testbed::bed::Bed;
use hotline_wire::command::{ConsultStep, ToIvr};
use hotline_wire::event::{ConsultEnd, Cut, Follow, IvrOutcome, MonitorMode, MonitorOutcome, Whom};
use hotline_wire::snapshot::AgentState;
use hotline_wire::{Command, Event, Outcome, Refusal};

use super::{Scene, agent, boot_in, queue, scene_in, step};
use crate::steps::order;
use crate::supervision::{cut, listens, monitor_ended, sign_in, wish};

fn scene() -> Result<Scene> {
    scene_in(boot()?)
}

fn boot() -> Result<Bed> {
    let more = "[away]\n\
                exten => s,1,UserEvent(There,Number: ${CALLERID(num)})\n \
                same => n,Read(KEYS,,4,,1,20)\n \
                same => n,HotlineReturn(${KEYS})\n\
                [asked]\n\
                exten => s,1,HotlineSurvey(s(5)t(20))\n \
                same => n,Hangup()\n";
    // Which phones use that hand over a call.
    let refer = Manifest::find()?.modules_dir.join("res_pjsip_refer.so");
    boot_in(include_str!("interplay.toml"), more, |setup| {
        setup.modules.push(("res_pjsip_refer".into(), refer));
    })
}

fn ivr(agent: &str) -> Command {
    Command::Ivr {
        agent: agent.into(),
        to: ToIvr::of("pin"),
        timeout_seconds: None,
    }
}

fn survey(agent: &str) -> Command {
    let agent = agent.into();
    Command::Survey { agent }
}

fn ready(agent: &str) -> Command {
    let agent = agent.into();
    Command::SetReady { agent }
}

fn dispose(agent: &str, code: &str) -> Command {
    Command::Dispose {
        agent: agent.into(),
        code: code.into(),
        note: String::new(),
    }
}

fn disconnect(whom: Whom) -> Command {
    Command::Disconnect {
        agent: "1001".into(),
        whom,
        from: String::new(),
    }
}

fn by(from: &str, step: ConsultStep) -> Command {
    Command::Consultation {
        agent: from.into(),
        step,
        reason: String::new(),
    }
}

impl Scene {
    /// One agent consults another, who answers.
    fn consults_from(&self, from: &str, to: &str) -> Result<()> {
        let command = Command::Consult {
            agent: from.into(),
            to: agent(to),
        };
        let asked = self.ask(command)?;
        let phone = self.agents.phone(to)?;
        phone.expect_ring()?;
        phone.answer();
        assert_eq!(self.answered(&asked)?, None);
        Ok(())
    }

    /// The agent sends the caller into the dialplan, who keys in something and comes back.
    fn sends_away(&self, agent: &str) -> Result<()> {
        self.is_sent_away(agent)?;
        self.comes_back(agent)
    }

    fn is_sent_away(&self, agent: &str) -> Result<()> {
        self.done(ivr(agent))?;
        let number = [("Number", self.caller.user())];
        self.bed.manager.user_event("There", &number)?;
        self.bed.node.agent_is(agent, AgentState::Reserved)
    }

    fn comes_back(&self, agent: &str) -> Result<()> {
        let place = self.bed.node.now();
        self.caller.press("4711");
        let (outcome, result) = self
            .bed
            .node
            .event_after(place, "the caller to come back", |event| match event {
                Event::IvrEnded { outcome, result, .. } => Some((*outcome, result.clone())),
                _ => None,
            })?;
        assert_eq!((outcome, result.as_str()), (IvrOutcome::Returned, "4711"));
        self.bed.node.agent_is(agent, AgentState::OnCall)
    }

    /// Whom a survey is about, and in which queue.
    fn survey_is_about(&self, agent: &str, queue: &str) -> Result<()> {
        let about = self.bed.node.event("a survey", |event| match event {
            Event::SurveyOffered {
                call, agent, queue, ..
            } if *call == self.call => Some((agent.clone(), queue.clone())),
            _ => None,
        })?;
        assert_eq!(about, (agent.to_owned(), queue.to_owned()));
        Ok(())
    }

    /// These are the queues, agents and all from now on.
    fn has_settings(&self, settings: &str) -> Result<()> {
        let file = self.bed.asterisk.path("etc/hotline.toml");
        let text = std::fs::read_to_string(&file)?;
        let head = text.split("[[").next().unwrap_or_default();
        std::fs::write(&file, format!("{head}\n{settings}"))?;
        order(&self.bed, Command::Reload)
    }

    fn owes(&self, number: &str) -> Result<bool> {
        let agents = self.bed.snapshot()?.agents;
        Ok(agents
            .iter()
            .any(|agent| agent.number == number && agent.owes_disposition))
    }
}

#[test]
fn one_thing_after_another_and_the_survey_is_about_whom_the_caller_talked_with_last() -> Result<()> {
    let scene = scene()?;
    let (second, caller) = (scene.second()?, &scene.caller);
    // In a consultation nobody is sent away.
    scene.consults()?;
    scene.refused(ivr("1001"), Refusal::NotAlone)?;
    scene.refused(survey("1001"), Refusal::NotAlone)?;
    scene.refused(ivr("1002"), Refusal::NotTalking)?;
    scene.done(step(ConsultStep::Drop))?;
    scene.back()?;
    // Nobody is consulted while the caller is away.
    scene.bed.node.agent_is("1002", AgentState::Ready)?;
    scene.is_sent_away("1001")?;
    scene.refused(super::consult(agent("1002")), Refusal::NotAlone)?;
    scene.refused(step(ConsultStep::Join), Refusal::NoConsultation)?;
    scene.comes_back("1001")?;
    scene.back()?;
    let asked = scene.ask(super::consult(queue("experts")))?;
    second.expect_ring()?;
    second.answer();
    assert_eq!(scene.answered(&asked)?, None);
    scene.apart()?;
    scene.done(step(ConsultStep::HandOver))?;
    caller.hears(second)?;
    // The colleague goes on with all of it.
    scene.sends_away("1002")?;
    caller.hears(second)?;
    second.hears(caller)?;
    let asked = scene.ask(survey("1002"))?;
    second.expect_hangup()?;
    assert_eq!(scene.answered(&asked)?, None);
    scene.survey_is_about("1002", "experts")?;
    caller.press("5");
    caller.expect_hangup()?;
    scene.over()
}

#[test]
fn each_who_has_the_caller_owes_a_word_each_time() -> Result<()> {
    let scene = scene()?;
    let (first, second, caller) = (scene.first()?, scene.second()?, &scene.caller);
    scene.consults()?;
    order(&scene.bed, dispose("1001", "01"))?;
    scene.refused(dispose("1002", "01"), Refusal::NotInWrapUp)?;
    scene.done(step(ConsultStep::HandOver))?;
    scene.bed.node.agent_is("1001", AgentState::WrapUp)?;
    assert!(!scene.owes("1001")?, "it was said in the conversation");
    order(&scene.bed, ready("1001"))?;
    scene.bed.node.agent_is("1001", AgentState::Ready)?;
    caller.hears(second)?;
    // Back to the first.
    scene.consults_from("1002", "1001")?;
    scene.done(by("1002", ConsultStep::HandOver))?;
    second.expect_hangup()?;
    caller.hears_just(&[first], &[second])?;
    first.hears_just(&[caller], &[second])?;
    scene.bed.node.agent_is("1002", AgentState::WrapUp)?;
    assert!(scene.owes("1002")?, "the colleague has said nothing");
    first.hang_up();
    scene.bed.node.agent_is("1001", AgentState::WrapUp)?;
    assert!(scene.owes("1001")?, "what was said is of the conversation before");
    scene.survey_is_about("1001", "support")?;
    order(&scene.bed, dispose("1001", "01"))?;
    order(&scene.bed, dispose("1002", "07"))?;
    caller.hang_up();
    scene.over()
}

#[test]
fn mute_and_hold_meanwhile() -> Result<()> {
    let scene = scene()?;
    let (first, second, caller) = (scene.first()?, scene.second()?, &scene.caller);
    let mute = || Command::Mute { agent: "1001".into() };
    let unmute = || Command::Unmute { agent: "1001".into() };
    scene.consults()?;
    scene.done(step(ConsultStep::Join))?;
    scene.done(mute())?;
    first.hears_just(&[caller, second], &[])?;
    caller.hears_just(&[second], &[first])?;
    second.hears_just(&[caller], &[first])?;
    scene.done(unmute())?;
    caller.hears_just(&[first, second], &[])?;
    second.hears_just(&[first, caller], &[])?;
    // The colleague's phone holds: the others talk on.
    second.hold();
    second.expect_settled()?;
    first.hears(caller)?;
    caller.hears(first)?;
    second.retrieve();
    second.expect_settled()?;
    second.hears_just(&[first, caller], &[])?;
    first.hears_just(&[second, caller], &[])?;
    caller.hears_just(&[first, second], &[])?;
    // Whoever gets the caller is not mute.
    scene.done(mute())?;
    scene.done(step(ConsultStep::HandOver))?;
    caller.hears_just(&[second], &[first])?;
    second.hears_just(&[caller], &[first])?;
    assert!(scene.bed.snapshot()?.calls.iter().all(|call| !call.muted));
    // Nor is the first with the next caller.
    scene.consults_and_goes_back()
}

impl Scene {
    /// The colleague consults who had the caller first, and drops it.
    fn consults_and_goes_back(self) -> Result<()> {
        let (first, second) = (self.first()?, self.second()?);
        order(&self.bed, dispose("1001", "01"))?;
        order(&self.bed, ready("1001"))?;
        self.consults_from("1002", "1001")?;
        second.hears_just(&[first], &[&self.caller])?;
        first.hears_just(&[second], &[&self.caller])?;
        self.done(by("1002", ConsultStep::Drop))?;
        first.expect_hangup()?;
        self.caller.hears_just(&[second], &[first])?;
        self.over()
    }
}

#[test]
fn a_supervisor_finds_no_place_while_apart_and_takes_it_when_all_talk() -> Result<()> {
    let scene = scene()?;
    let (first, second, caller) = (scene.first()?, scene.second()?, &scene.caller);
    let supervisor = scene.bed.phone("s9001");
    sign_in(&scene.bed, &supervisor, "9001")?;
    scene.consults()?;
    listens(
        &scene.bed,
        &supervisor,
        "9001",
        MonitorMode::Listen,
        Follow::Agent,
    )?;
    supervisor.hears(first)?;
    supervisor.hears(second)?;
    let place = scene.bed.node.now();
    let take_over = || wish("9001", MonitorMode::TakeOver, Follow::Agent);
    assert_eq!(scene.bed.node.command("boss", take_over())?, Outcome::Pending);
    let refused = scene
        .bed
        .node
        .event_after(place, "the take-over to be refused", |event| match event {
            Event::CommandAnswered {
                command: Command::Monitor { .. },
                outcome,
                ..
            } => Some(!matches!(outcome, Outcome::Done)),
            _ => None,
        })?;
    assert!(refused);
    scene.apart()?;
    supervisor.hears(second)?;
    scene.done(step(ConsultStep::Join))?;
    let place = scene.bed.node.now();
    assert_eq!(scene.bed.node.command("boss", take_over())?, Outcome::Pending);
    assert_eq!(
        monitor_ended(&scene.bed, place, "9001")?,
        MonitorOutcome::TookOver
    );
    assert_eq!(cut(&scene.bed, place)?.0, Cut::TakenOver);
    first.expect_hangup()?;
    second.expect_hangup()?;
    caller.hears_just(&[&supervisor], &[first, second])?;
    supervisor.hears_just(&[caller], &[first, second])?;
    scene.bed.node.agent_is("1002", AgentState::Ready)?;
    caller.hang_up();
    supervisor.expect_hangup()?;
    scene.over()
}

#[test]
fn a_supervisor_hangs_up_whom_he_likes() -> Result<()> {
    for (phase, whom) in [
        (None, Whom::Both),
        (None, Whom::Caller),
        (Some(ConsultStep::Join), Whom::Caller),
        (Some(ConsultStep::Join), Whom::Agent),
        (Some(ConsultStep::Swap), Whom::Both),
    ] {
        let scene = scene()?;
        scene.consults()?;
        if let Some(phase) = phase {
            scene.done(step(phase))?;
        }
        scene.done(disconnect(whom))?;
        scene.first()?.expect_hangup()?;
        scene.second()?.expect_hangup()?;
        match whom {
            // The agent was not cut off by the caller's doing: the caller is asked.
            Whom::Agent => scene.survey_is_about("1001", "support")?,
            Whom::Caller | Whom::Both => {
                scene.caller.expect_hangup()?;
            }
        }
        scene.bed.node.agent_is("1001", AgentState::WrapUp)?;
        scene.bed.node.agent_is("1002", AgentState::Ready)?;
        scene.caller.hang_up();
        scene.over()?;
    }
    Ok(())
}

#[test]
fn a_phone_that_vanishes_leaves_nobody_in_silence() -> Result<()> {
    let scene = scene()?;
    let (first, second) = (scene.first()?, scene.second()?);
    second.plug(false);
    let asked = scene.ask(super::consult(agent("1002")))?;
    scene.caller.hears_music()?;
    let why = scene.answered(&asked)?;
    assert!(
        matches!(why, Some(Refusal::NoAnswer | Refusal::Unreachable)),
        "{why:?}"
    );
    scene.back()?;
    second.plug(true);
    scene.bed.node.agent_is("1002", AgentState::Ready)?;
    // In the consultation: a step still goes, and the caller has the other.
    scene.consults()?;
    first.plug(false);
    scene.done(step(ConsultStep::HandOver))?;
    first.plug(true);
    scene.caller.hears(second)?;
    second.hears(&scene.caller)?;
    // While the caller is away.
    scene.is_sent_away("1002")?;
    second.plug(false);
    scene.comes_back("1002")?;
    second.plug(true);
    scene.caller.hears(second)?;
    scene.caller.hang_up();
    second.expect_hangup()?;
    scene.over()
}

#[test]
fn a_refer_of_a_phone_meanwhile_loses_nobody() -> Result<()> {
    for joined in [false, true] {
        let scene = scene()?;
        scene.consults()?;
        if joined {
            scene.done(step(ConsultStep::Join))?;
        }
        scene.first()?.refer("701");
        scene.first()?.expect_settled()?;
        if joined {
            scene.caller.hears(scene.second()?)?;
        } else {
            scene.apart()?;
        }
        scene.caller.hang_up();
        scene.second()?.expect_hangup()?;
        scene.bed.node.agent_is("1001", AgentState::WrapUp)?;
        scene.bed.node.agent_is("1002", AgentState::Ready)?;
        scene.over()?;
    }
    Ok(())
}

#[test]
fn settings_go_from_under_it() -> Result<()> {
    let scene = scene()?;
    let (second, caller) = (scene.second()?, &scene.caller);
    let asked = scene.ask(super::consult(queue("experts")))?;
    second.expect_ring()?;
    second.answer();
    assert_eq!(scene.answered(&asked)?, None);
    // Queue, disposition, place and survey are no more.
    let less = "[[queue]]\nname = \"support\"\nwrap_up_seconds = 60\n\
                [[agent]]\nnumber = \"1001\"\nphone = \"PJSIP/a1001\"\nqueues = [\"support\"]\nalways_signed_in = true\n\
                [[agent]]\nnumber = \"1002\"\nphone = \"PJSIP/a1002\"\nqueues = [\"support\"]\nalways_signed_in = true\n";
    scene.has_settings(less)?;
    scene.apart()?;
    scene.refused(dispose("1001", "01"), Refusal::UnknownDisposition)?;
    scene.done(step(ConsultStep::HandOver))?;
    caller.hears(second)?;
    second.hears(caller)?;
    scene.refused(ivr("1002"), Refusal::UnknownIvr)?;
    scene.bed.node.agent_is("1001", AgentState::WrapUp)?;
    // Who came under the old settings is served by them to the end.
    second.hang_up();
    scene.survey_is_about("1002", "experts")?;
    caller.hang_up();
    scene.over()
}

#[test]
fn the_place_goes_while_the_caller_is_there() -> Result<()> {
    let scene = scene()?;
    scene.is_sent_away("1001")?;
    let less = "[[queue]]\nname = \"other\"\n\
                [[agent]]\nnumber = \"1001\"\nphone = \"PJSIP/a1001\"\nqueues = [\"other\"]\nalways_signed_in = true\n";
    scene.has_settings(less)?;
    scene.comes_back("1001")?;
    scene.back()?;
    // Not again; and who came under the old settings is served by them to the end.
    scene.refused(ivr("1001"), Refusal::UnknownIvr)?;
    scene.first()?.hang_up();
    scene.survey_is_about("1001", "support")?;
    scene.caller.hang_up();
    scene.over()
}

#[test]
fn two_want_something_else_at_once() -> Result<()> {
    for round in 0..5 {
        let scene = scene()?;
        let (first, second, caller) = (scene.first()?, scene.second()?, &scene.caller);
        scene.consults()?;
        match round {
            0 => {
                let join = scene.ask(step(ConsultStep::Join))?;
                let hand_over = scene.ask(step(ConsultStep::HandOver))?;
                scene.answered(&join)?;
                assert_eq!(scene.answered(&hand_over)?, None);
                caller.hears(second)?;
            }
            1 => {
                scene.ask(step(ConsultStep::HandOver))?;
                caller.hang_up();
                second.expect_hangup()?;
            }
            2 => {
                scene.ask(step(ConsultStep::HandOver))?;
                first.hang_up();
                caller.hears(second)?;
                second.hears(caller)?;
            }
            3 => {
                // Whichever came first, the caller is not left: with the agent again, or as one whose agent has hung up.
                let hand_over = scene.ask(step(ConsultStep::HandOver))?;
                second.hang_up();
                if scene.answered(&hand_over)?.is_some() {
                    scene.back()?;
                } else {
                    scene.survey_is_about("1002", "support")?;
                }
            }
            _ => {
                let join = scene.ask(step(ConsultStep::Join))?;
                scene.bed.node.command("boss", disconnect(Whom::Agent))?;
                scene.answered(&join)?;
                first.expect_hangup()?;
                second.expect_hangup()?;
                scene.story(ConsultEnd::CallOver)?;
            }
        }
        caller.hang_up();
        scene.over()?;
    }
    Ok(())
}
