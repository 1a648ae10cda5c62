//! What is said before caller and agent hear each other, to both at once, on the caller's own thread.

use asterisk::dialplan::Exit;
use asterisk::frame::{Waiter, Woken};
use asterisk::player::{Player, Playing};
use asterisk::{Frame, Leg, Level, log};
use hotline_engine::action::Spoken;

use crate::serve::Call;
use crate::sounds::files;

/// How it went.
pub(crate) enum Introduced {
    /// Both heard all that there was, and can hear each other.
    Both,
    /// The agent hung up.
    AgentGone,
    /// The caller hung up, or was sent elsewhere.
    CallerGone,
    /// There is no way for the two to hear each other.
    Deaf,
    /// The call is over for the queue.
    Over(Exit),
}

/// What the caller hears while the agent is told something.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Meanwhile {
    /// The music goes on: the agent is told something about the caller.
    Music,
    /// The agent, as soon as what is said to the caller is over.
    Agent,
}

impl Call<'_> {
    /// Warns the agent of a suspicious caller, who hears the music meanwhile; then greets both. Neither waits for the other: who has heard the
    /// own part hears what the other says. At the end there is no music any more.
    pub(crate) fn introduce(&mut self, leg: &Leg, greeting: Option<&Spoken>) -> Introduced {
        let warning = match self.flag.is_empty() {
            true => String::new(),
            false => self.instance.host.whisper(),
        };
        if !warning.is_empty() {
            match self.tell(leg, Vec::new(), vec![warning], Meanwhile::Music) {
                Introduced::Both => {}
                other => return other,
            }
        }
        self.sounds.stop();
        if !leg.suits_caller() {
            return Introduced::Deaf;
        }
        let Some(greeting) = greeting else {
            return Introduced::Both;
        };
        let to_caller = files(&greeting.caller, &self.caller.language());
        let to_agent = files(&greeting.agent, &leg.language());
        self.tell(leg, to_caller, to_agent, Meanwhile::Agent)
    }

    fn tell(
        &mut self,
        leg: &Leg,
        to_caller: Vec<String>,
        to_agent: Vec<String>,
        meanwhile: Meanwhile,
    ) -> Introduced {
        let caller = self.caller;
        let mut for_caller = Player::new(caller, to_caller);
        let mut for_agent = Player::new(leg, to_agent);
        let mut waiter = Waiter::default();
        loop {
            let (caller_hears, agent_hears) = (for_caller.go_on(), for_agent.go_on());
            if (caller_hears, agent_hears) == (Playing::Over, Playing::Over) {
                return Introduced::Both;
            }
            let relays = meanwhile == Meanwhile::Agent;
            self.sounds.go_on();
            let due = [caller_hears.due_in(), agent_hears.due_in(), self.sounds.due_in()];
            match waiter.wait([caller, leg], self.port.fd(), due.into_iter().flatten().min()) {
                Ok(Woken::Fd) => {
                    while let Some(action) = self.port.take() {
                        if let Some(exit) = self.obey(action) {
                            return Introduced::Over(exit);
                        }
                    }
                }
                Ok(Woken::Channel(0)) => {
                    let frame = match agent_hears {
                        Playing::Over if relays => caller.read_for(leg),
                        Playing::Over | Playing::On(_) => caller.read(),
                    };
                    if frame == Frame::Hangup {
                        return Introduced::CallerGone;
                    }
                }
                Ok(Woken::Channel(_)) => {
                    let frame = match caller_hears {
                        Playing::Over if relays => leg.read_for(caller),
                        Playing::Over | Playing::On(_) => leg.read(),
                    };
                    if frame == Frame::Hangup {
                        return Introduced::AgentGone;
                    }
                }
                Ok(Woken::Spurious) => {}
                Err(error) => {
                    log(Level::Error, &format!("{}: {error}", leg.name()));
                    return Introduced::Both;
                }
            }
        }
    }
}
