//! An agent consults a colleague, whom a queue gives, or a number by command while the caller hears music; swaps, joins all three, hands
//! the caller over, or goes back; and whoever hangs up or does not come meanwhile, nobody is left in silence.

mod interplay;

use anyhow::Result;
use hotline_testbed::asterisk::Setup;
use hotline_testbed::bed::Bed;
use hotline_testbed::phone::Phone;
use hotline_wire::command::{ConsultStep, Destination};
use hotline_wire::event::{CallOutcome, ConsultEnd, ConsultState, OfferResult, Whom};
use hotline_wire::snapshot::AgentState;
use hotline_wire::{Command, Event, Outcome, Refusal};

use crate::steps::{Agents, join, visits};
use crate::{EXTENSIONS, offer_result};

fn boot() -> Result<Bed> {
    boot_in(include_str!("hotline.toml"), "", |_| {})
}

/// With `more` behind the dialplan.
fn boot_in(settings: &str, more: &str, change: impl FnOnce(&mut Setup)) -> Result<Bed> {
    let extensions = format!(
        "{EXTENSIONS}\n{more}\n\
         [hotline-transfer](+)\n\
         exten => 701,1,Dial(PJSIP/free1)\n \
         same => n,Hangup(${{HANGUPCAUSE}})\n"
    );
    Bed::boot_with(settings, &extensions, change)
}

/// A caller who talks with 1001, and 1002 at the phone.
struct Scene {
    bed: Bed,
    agents: Agents,
    caller: Phone,
    call: String,
}

fn scene() -> Result<Scene> {
    let bed = boot()?;
    scene_in(bed)
}

fn scene_in(bed: Bed) -> Result<Scene> {
    let agents = Agents::of(&bed, &["1001", "1002"]);
    let caller = bed.caller("gold");
    let call = join(&bed, &caller, "support")?;
    assert_eq!(agents.answer(&bed, &call)?, "1001");
    caller.hears(agents.phone("1001")?)?;
    Ok(Scene {
        bed,
        agents,
        caller,
        call,
    })
}

fn consult(to: Destination) -> Command {
    let agent = "1001".into();
    Command::Consult { agent, to }
}

fn agent(number: &str) -> Destination {
    let agent = number.into();
    Destination::Agent { agent }
}

fn queue(name: &str) -> Destination {
    Destination::Queue {
        queue: name.into(),
        tier: String::new(),
        priority: None,
    }
}

fn number() -> Destination {
    let number = "701".into();
    Destination::Number { number }
}

fn step(step: ConsultStep) -> Command {
    let reason = match step {
        ConsultStep::HandOver => "knows more",
        ConsultStep::Swap | ConsultStep::Join | ConsultStep::Drop => "",
    };
    Command::Consultation {
        agent: "1001".into(),
        step,
        reason: reason.into(),
    }
}

/// Something that was pending, and where in the story.
struct Asked {
    place: usize,
    command: Command,
}

impl Asked {
    /// A number is told as the place that it stands for.
    fn is(&self, told: &Command) -> bool {
        match (told, &self.command) {
            (
                Command::Consult {
                    to: Destination::Place { place },
                    ..
                },
                Command::Consult {
                    to: Destination::Number { number },
                    ..
                },
            ) => *place == format!("hotline-transfer,{number},1"),
            (told, asked) => told == asked,
        }
    }
}

impl Scene {
    fn first(&self) -> Result<&Phone> {
        self.agents.phone("1001")
    }

    fn second(&self) -> Result<&Phone> {
        self.agents.phone("1002")
    }

    /// Asks for what the PBX has to do first.
    fn ask(&self, command: Command) -> Result<Asked> {
        let place = self.bed.node.now();
        let outcome = self.bed.node.command("console", command.clone())?;
        assert_eq!(outcome, Outcome::Pending, "{command:?}");
        Ok(Asked { place, command })
    }

    /// How it went.
    fn answered(&self, asked: &Asked) -> Result<Option<Refusal>> {
        let awaited = format!("the answer to {:?}", asked.command);
        self.bed
            .node
            .event_after(asked.place, &awaited, |event| match event {
                Event::CommandAnswered { command, outcome, .. } if asked.is(command) => match outcome {
                    Outcome::Done => Some(None),
                    Outcome::Refused { reason, .. } => Some(Some(*reason)),
                    Outcome::Pending | Outcome::Told { .. } | Outcome::Listed { .. } => None,
                },
                _ => None,
            })
    }

    fn done(&self, command: Command) -> Result<()> {
        let asked = self.ask(command)?;
        assert_eq!(self.answered(&asked)?, None);
        Ok(())
    }

    fn refused(&self, command: Command, why: Refusal) -> Result<()> {
        crate::steps::refused(&self.bed, command, why)
    }

    /// 1001 consults 1002, who answers.
    fn consults(&self) -> Result<()> {
        let asked = self.ask(consult(agent("1002")))?;
        self.second()?.expect_ring()?;
        self.bed.node.agent_is("1001", AgentState::Consulting)?;
        self.bed.node.agent_is("1002", AgentState::Offered)?;
        self.second()?.answer();
        assert_eq!(self.answered(&asked)?, None);
        self.bed.node.agent_is("1002", AgentState::OnCall)
    }

    fn apart(&self) -> Result<()> {
        let (first, second) = (self.first()?, self.second()?);
        first.hears_just(&[second], &[&self.caller])?;
        second.hears_just(&[first], &[&self.caller])?;
        self.caller.hears_music()?;
        self.caller.misses(first)?;
        self.caller.misses(second)
    }

    /// The agent is back with the caller.
    fn back(&self) -> Result<()> {
        self.bed.node.agent_is("1001", AgentState::OnCall)?;
        let first = self.first()?;
        first.hears(&self.caller)?;
        self.caller.hears(first)?;
        self.caller.misses_music()
    }

    /// What became of the consultation, in order.
    fn story(&self, last: ConsultEnd) -> Result<Vec<ConsultState>> {
        self.bed.node.story("the end of the consultation", |events| {
            let told = events.iter().filter_map(|frame| match &frame.event {
                Event::ConsultChanged {
                    call,
                    agent,
                    state,
                    end,
                    ..
                } if *call == self.call => {
                    assert_eq!(agent, "1001");
                    Some((*state, *end))
                }
                _ => None,
            });
            let told: Vec<_> = told.collect();
            let over = told.last().is_some_and(|(_, end)| *end == Some(last));
            over.then(|| told.into_iter().map(|(state, _)| state).collect())
        })
    }

    fn over(self) -> Result<()> {
        self.bed.finish()
    }
}

#[test]
fn a_colleague_is_consulted_swapped_with_joined_and_given_the_caller() -> Result<()> {
    let scene = scene()?;
    let (first, second, caller) = (scene.first()?, scene.second()?, &scene.caller);
    scene.refused(step(ConsultStep::Swap), Refusal::NoConsultation)?;
    scene.refused(consult(agent("1001")), Refusal::NothingToDo)?;
    scene.refused(consult(agent("1003")), Refusal::TargetAway)?;
    scene.refused(consult(agent("7")), Refusal::UnknownTarget)?;
    scene.consults()?;
    scene.apart()?;
    let (hold, again) = (Command::Hold { agent: "1001".into() }, consult(agent("1002")));
    scene.refused(hold, Refusal::NotAlone)?;
    scene.refused(again, Refusal::NotAlone)?;
    scene.refused(Command::Hold { agent: "1002".into() }, Refusal::NotTalking)?;

    scene.done(step(ConsultStep::Swap))?;
    scene.bed.node.agent_is("1001", AgentState::OnCall)?;
    first.hears_just(&[caller], &[second])?;
    caller.hears_just(&[first], &[second])?;
    second.hears_music()?;
    second.misses(first)?;
    scene.done(step(ConsultStep::Swap))?;
    scene.bed.node.agent_is("1001", AgentState::Consulting)?;
    scene.apart()?;

    scene.done(step(ConsultStep::Join))?;
    scene.bed.node.agent_is("1001", AgentState::Conferencing)?;
    scene.bed.node.agent_is("1002", AgentState::Conferencing)?;
    first.hears_just(&[caller, second], &[])?;
    second.hears_just(&[caller, first], &[])?;
    caller.hears_just(&[first, second], &[])?;
    scene.refused(step(ConsultStep::Join), Refusal::NothingToDo)?;

    scene.done(step(ConsultStep::HandOver))?;
    first.expect_hangup()?;
    scene.bed.node.agent_is("1001", AgentState::WrapUp)?;
    scene.bed.node.agent_is("1002", AgentState::OnCall)?;
    caller.hears_just(&[second], &[first])?;
    second.hears_just(&[caller], &[first])?;
    let story = scene.story(ConsultEnd::HandedOver)?;
    use ConsultState::{Apart, Begun, Over, Together, WithCaller};
    assert_eq!(story, [Begun, Apart, WithCaller, Apart, Together, Over]);

    // It is a conversation like any other from here on.
    scene.done(Command::Hold { agent: "1002".into() })?;
    caller.hears_music()?;
    scene.done(Command::Retrieve { agent: "1002".into() })?;
    caller.hears(second)?;
    second.hang_up();
    scene.bed.expect_left(caller, "ANSWERED")?;
    scene.bed.node.agent_is("1002", AgentState::WrapUp)?;
    assert_eq!(
        visits(&scene.bed, &scene.call, 2)?,
        [
            ("support".to_owned(), CallOutcome::Answered, "1001".to_owned()),
            ("support".to_owned(), CallOutcome::Answered, "1002".to_owned()),
        ]
    );
    scene.over()
}

#[test]
fn the_agent_comes_back_when_the_colleague_does_not_come_or_goes() -> Result<()> {
    let scene = scene()?;
    let second = scene.second()?;
    // Declines.
    let asked = scene.ask(consult(agent("1002")))?;
    second.expect_ring()?;
    scene.caller.hears_music()?;
    second.decline();
    assert_eq!(
        offer_result(&scene.bed, asked.place, "1002")?,
        OfferResult::Rejected
    );
    assert_eq!(scene.answered(&asked)?, Some(Refusal::Declined));
    scene.back()?;
    scene.refused(consult(agent("1002")), Refusal::TargetBusy)?;
    let ready = Command::ForceIdle { agent: "1002".into() };
    scene.bed.node.command("console", ready)?;
    scene.over()
}

#[test]
fn the_agent_goes_back_to_the_caller() -> Result<()> {
    let scene = scene()?;
    let second = scene.second()?;
    // Before there is an answer.
    let asked = scene.ask(consult(agent("1002")))?;
    second.expect_ring()?;
    scene.refused(step(ConsultStep::Swap), Refusal::NotAnswered)?;
    scene.done(step(ConsultStep::Drop))?;
    second.expect_hangup()?;
    scene.back()?;
    assert_eq!(scene.story(ConsultEnd::Dropped)?.len(), 2);
    assert_eq!(scene.answered(&asked)?, Some(Refusal::Overtaken));
    // In it.
    scene.consults()?;
    scene.apart()?;
    scene.done(step(ConsultStep::Drop))?;
    second.expect_hangup()?;
    scene.back()?;
    scene.bed.node.agent_is("1002", AgentState::Ready)?;
    // The colleague hangs up: talking, waiting, and with all three in it.
    for phase in [None, Some(ConsultStep::Swap), Some(ConsultStep::Join)] {
        scene.consults()?;
        if let Some(phase) = phase {
            scene.done(step(phase))?;
        }
        second.hang_up();
        scene.story(ConsultEnd::HungUp)?;
        scene.back()?;
        scene.bed.node.agent_is("1002", AgentState::Ready)?;
    }
    scene.over()
}

#[test]
fn a_caller_who_hangs_up_ends_it_all() -> Result<()> {
    for phase in [None, Some(ConsultStep::Swap), Some(ConsultStep::Join)] {
        let scene = scene()?;
        scene.consults()?;
        if let Some(phase) = phase {
            scene.done(step(phase))?;
        }
        scene.caller.hang_up();
        scene.first()?.expect_hangup()?;
        scene.second()?.expect_hangup()?;
        scene.story(ConsultEnd::CallOver)?;
        scene.bed.node.agent_is("1001", AgentState::WrapUp)?;
        scene.bed.node.agent_is("1002", AgentState::Ready)?;
        scene.over()?;
    }
    Ok(())
}

#[test]
fn an_agent_who_hangs_up_leaves_the_caller_to_the_colleague_or_the_queue() -> Result<()> {
    for phase in [None, Some(ConsultStep::Swap), Some(ConsultStep::Join)] {
        let scene = scene()?;
        let (second, caller) = (scene.second()?, &scene.caller);
        scene.consults()?;
        if let Some(phase) = phase {
            scene.done(step(phase))?;
        }
        scene.first()?.hang_up();
        scene.story(ConsultEnd::HandedOver)?;
        scene.bed.node.agent_is("1001", AgentState::WrapUp)?;
        caller.hears(second)?;
        second.hears(caller)?;
        caller.hang_up();
        second.expect_hangup()?;
        scene.bed.node.agent_is("1002", AgentState::WrapUp)?;
        scene.over()?;
    }
    // Before there is an answer.
    let scene = scene()?;
    let (second, caller) = (scene.second()?, &scene.caller);
    scene.ask(consult(agent("1002")))?;
    second.expect_ring()?;
    scene.first()?.hang_up();
    scene.story(ConsultEnd::CallOver)?;
    second.expect_hangup()?;
    second.expect_ring()?;
    second.answer();
    caller.hears(second)?;
    second.hears(caller)?;
    scene.over()
}

#[test]
fn a_number_is_consulted_and_given_the_caller() -> Result<()> {
    let scene = scene()?;
    let (first, caller, other) = (scene.first()?, &scene.caller, scene.bed.phone("free1"));
    let asked = scene.ask(consult(number()))?;
    other.expect_ring()?;
    caller.hears_music()?;
    other.say_busy();
    assert_eq!(scene.answered(&asked)?, Some(Refusal::TargetBusy));
    scene.back()?;
    let unknown = Destination::Number { number: "55".into() };
    scene.refused(consult(unknown), Refusal::UnknownTarget)?;
    let place = Destination::Place {
        place: "callers,desk,1".into(),
    };
    scene.refused(consult(place), Refusal::NotAllowed)?;
    let asked = scene.ask(consult(number()))?;
    other.expect_ring()?;
    other.answer();
    assert_eq!(scene.answered(&asked)?, None);
    first.hears_just(&[&other], &[caller])?;
    other.hears_just(&[first], &[caller])?;
    caller.hears_music()?;
    scene.done(step(ConsultStep::Join))?;
    caller.hears_just(&[first, &other], &[])?;
    scene.done(step(ConsultStep::HandOver))?;
    first.expect_hangup()?;
    caller.hears(&other)?;
    other.hears(caller)?;
    other.hang_up();
    scene.bed.expect_left(caller, "TRANSFERRED")?;
    scene.over()
}

#[test]
fn a_queue_gives_an_expert() -> Result<()> {
    let scene = scene()?;
    let second = scene.second()?;
    scene.refused(consult(queue("shut")), Refusal::QueueClosed)?;
    scene.refused(consult(queue("nobody")), Refusal::QueueUnmanned)?;
    scene.refused(consult(queue("none")), Refusal::UnknownQueue)?;
    let asked = scene.ask(consult(queue("experts")))?;
    second.expect_ring()?;
    scene.first()?.hears_music()?;
    scene.caller.hears_music()?;
    second.answer();
    assert_eq!(scene.answered(&asked)?, None);
    scene.apart()?;
    scene.done(step(ConsultStep::HandOver))?;
    scene.caller.hears(second)?;
    scene.caller.hang_up();
    second.expect_hangup()?;
    assert_eq!(
        visits(&scene.bed, &scene.call, 2)?,
        [
            ("support".to_owned(), CallOutcome::Answered, "1001".to_owned()),
            ("experts".to_owned(), CallOutcome::Answered, "1002".to_owned()),
        ]
    );
    scene.over()
}

#[test]
fn phones_and_supervisors_meanwhile() -> Result<()> {
    let scene = scene()?;
    let (first, caller) = (scene.first()?, &scene.caller);
    // A hold of the phone's own is the phone's.
    first.hold();
    scene.bed.node.agent_is("1001", AgentState::OnHold)?;
    first.expect_settled()?;
    scene.refused(consult(agent("1002")), Refusal::HeldByPhone)?;
    first.retrieve();
    scene.back()?;
    // One by command goes over into the consultation.
    scene.done(Command::Hold { agent: "1001".into() })?;
    scene.bed.node.agent_is("1001", AgentState::OnHold)?;
    scene.consults()?;
    scene.apart()?;
    let said = scene.bed.asterisk.cli("module unload app_hotline.so")?;
    let shown = scene.bed.asterisk.cli("module show like app_hotline")?;
    assert!(shown.contains("1 modules loaded"), "{said}{shown}");
    scene.bed.asterisk.cli("hotline reload")?;
    // By force.
    let disconnect = Command::Disconnect {
        agent: "1001".into(),
        whom: Whom::Agent,
        from: String::new(),
    };
    scene.done(disconnect)?;
    scene.second()?.expect_hangup()?;
    scene.bed.expect_left(caller, "ANSWERED")?;
    scene.over()
}

#[test]
fn who_holds_by_command_and_consults_by_key_hears_the_other() -> Result<()> {
    let bed = Bed::boot_with(include_str!("hotline.toml"), EXTENSIONS, |setup| {
        let features = "[general]\n[featuremap]\natxfer => *2\n";
        setup.files.push(("features.conf".into(), features.into()));
    })?;
    let (caller, agent, colleague) = (bed.caller("gold"), bed.phone("a1001"), bed.phone("free1"));
    caller.call("transfer")?;
    agent.expect_ring()?;
    agent.answer();
    caller.hears(&agent)?;
    bed.node
        .command("console", Command::Hold { agent: "1001".into() })?;
    bed.node.agent_is("1001", AgentState::OnHold)?;
    caller.hears_music()?;
    agent.press("*2701");
    colleague.expect_ring()?;
    colleague.answer();
    agent.hears(&colleague)?;
    colleague.hears(&agent)?;
    caller.hears_music()?;
    colleague.hang_up();
    agent.hears(&caller)?;
    caller.hears(&agent)?;
    bed.finish()
}
