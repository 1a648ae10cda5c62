//! Steps that the behaviours of supervisors take.

use anyhow::Result;
use hotline_testbed::bed::Bed;
use hotline_testbed::phone::Phone;
use hotline_wire::event::{Cut, Follow, MonitorMode, MonitorOutcome};
use hotline_wire::snapshot::{AgentState, MonitorInfo};
use hotline_wire::{Command, Event, Outcome, Refusal};

/// A tone that was never louder than this was not there: 3 % of what a phone speaks with.
pub(crate) const INAUDIBLE: f32 = 200.0;

/// A caller who talks with agent 1001, and the phone of supervisor 9001.
pub(crate) struct Trio {
    pub(crate) caller: Phone,
    pub(crate) agent: Phone,
    pub(crate) supervisor: Phone,
}

impl Trio {
    /// All are there; nobody has called yet.
    pub(crate) fn of(bed: &Bed) -> Trio {
        let trio = Trio {
            caller: bed.caller("gold"),
            agent: bed.phone("a1001"),
            supervisor: bed.phone("s9001"),
        };
        // Whatever of the supervisor is heard anywhere is remembered.
        trio.caller.follow(&[trio.supervisor.tone()]);
        trio.agent.follow(&[trio.supervisor.tone()]);
        trio
    }

    pub(crate) fn talking(bed: &Bed) -> Result<Trio> {
        let trio = Trio::of(bed);
        trio.talk(bed, "support")?;
        Ok(trio)
    }

    /// Caller and agent hear each other and nobody else.
    pub(crate) fn goes_on(&self) -> Result<()> {
        self.caller.hears_just(&[&self.agent], &[&self.supervisor])?;
        self.agent.hears_just(&[&self.caller], &[&self.supervisor])
    }

    /// The caller calls that number, and the agent answers.
    pub(crate) fn talk(&self, bed: &Bed, number: &str) -> Result<()> {
        self.caller.call(number)?;
        self.agent.expect_ring()?;
        self.agent.answer();
        self.caller.hears(&self.agent)?;
        self.agent.hears(&self.caller)?;
        bed.node.agent_is("1001", AgentState::OnCall)
    }
}

/// Signs a supervisor in by the feature code.
pub(crate) fn sign_in(bed: &Bed, phone: &Phone, number: &str) -> Result<()> {
    phone.call(&format!("*58{number}"))?;
    let device = format!("PJSIP/{}", phone.user());
    bed.node
        .event(&format!("{number} to sign in"), |event| match event {
            Event::SupervisorChanged { supervisor } if supervisor.number == number => {
                (supervisor.phone == device).then_some(())
            }
            _ => None,
        })?;
    phone.hang_up();
    phone.expect_hangup().map(drop)
}

/// A supervisor is to listen to agent 1001.
pub(crate) fn wish(supervisor: &str, mode: MonitorMode, follow: Follow) -> Command {
    Command::Monitor {
        supervisor: supervisor.into(),
        from: String::new(),
        agent: "1001".into(),
        mode,
        follow,
    }
}

/// A console asks for it.
pub(crate) fn ask(bed: &Bed, supervisor: &str, mode: MonitorMode, follow: Follow) -> Result<Outcome> {
    bed.node.command("boss", wish(supervisor, mode, follow))
}

/// Why something was refused.
pub(crate) fn refusal(outcome: Outcome) -> Option<(Refusal, String)> {
    match outcome {
        Outcome::Refused { reason, message } => Some((reason, message)),
        Outcome::Done | Outcome::Pending | Outcome::Told { .. } | Outcome::Listed { .. } => None,
    }
}

/// A supervisor listens so, called by a console.
pub(crate) fn listens(
    bed: &Bed,
    phone: &Phone,
    supervisor: &str,
    mode: MonitorMode,
    follow: Follow,
) -> Result<()> {
    let place = bed.node.now();
    assert_eq!(ask(bed, supervisor, mode, follow)?, Outcome::Pending);
    phone.expect_ring()?;
    phone.answer();
    bed.node
        .event_after(place, &format!("{supervisor} to listen"), |event| match event {
            Event::MonitorStarted { monitor, .. } if monitor.supervisor == supervisor => Some(()),
            _ => None,
        })
}

/// The latest beginning of a supervisor's listening.
pub(crate) fn monitor_started(bed: &Bed, number: &str) -> Result<MonitorInfo> {
    bed.node
        .event(&format!("{number} to listen"), |event| match event {
            Event::MonitorStarted { monitor, .. } if monitor.supervisor == number => Some(monitor.clone()),
            _ => None,
        })
}

/// A supervisor listens in that mode from a moment after `place` on.
pub(crate) fn switched(bed: &Bed, place: usize, number: &str, mode: MonitorMode) -> Result<()> {
    bed.node
        .event_after(place, &format!("{number} to {mode:?}"), |event| match event {
            Event::MonitorChanged { monitor, .. } => {
                (monitor.supervisor == number && monitor.mode == mode).then_some(())
            }
            _ => None,
        })
}

/// How a supervisor's listening ended.
pub(crate) fn monitor_ended(bed: &Bed, place: usize, number: &str) -> Result<MonitorOutcome> {
    bed.node.event_after(
        place,
        &format!("{number} to listen no more"),
        |event| match event {
            Event::MonitorEnded { monitor, outcome, .. } => {
                (monitor.supervisor == number).then_some(*outcome)
            }
            _ => None,
        },
    )
}

/// A supervisor who listens hangs up.
pub(crate) fn leaves(bed: &Bed, phone: &Phone, number: &str) -> Result<()> {
    let place = bed.node.now();
    phone.hang_up();
    phone.expect_hangup()?;
    assert_eq!(monitor_ended(bed, place, number)?, MonitorOutcome::HungUp);
    Ok(())
}

/// How a conversation was ended by a supervisor after `place`, and on whose word.
pub(crate) fn cut(bed: &Bed, place: usize) -> Result<(Cut, String)> {
    bed.node
        .event_after(place, "a conversation to be cut", |event| match event {
            Event::TalkCut { how, author, .. } => Some((*how, author.clone())),
            _ => None,
        })
}
