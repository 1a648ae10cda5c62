//! `HotlineAgent(action)`: agents at their phones, for the feature codes.

use std::ffi::CStr;

use asterisk::channel::Digits;
use asterisk::device::Target;
use asterisk::dialplan::{Application, Exit, words};
use asterisk::{Channel, HungUp};
use hotline_host::Host;
use hotline_wire::command::{Command, Outcome, ToIvr};
use hotline_wire::snapshot::{AgentInfo, AgentState};

use crate::instance;

/// Longest agent number and PIN that can be keyed in.
pub(crate) const MOST_DIGITS: usize = 20;
/// Seconds of after-call work that are asked for unless others are.
const EXTENSION: u64 = 60;
/// Wrong PINs before the phone is sent away.
pub(crate) const TRIES: usize = 3;

/// The dialplan application.
pub(crate) struct HotlineAgent;

impl Application for HotlineAgent {
    const NAME: &'static CStr = c"HotlineAgent";
    const SYNOPSIS: &'static CStr =
        c"Signs an agent in or out, makes it ready or not ready, changes its after-call work, or says what a call was about, from a phone.";
    const DESCRIPTION: &'static CStr = c"HotlineAgent(action[,agent[,pin, reason, seconds, name or code[,note]]])

Actions:
    signin         signs the agent in on this phone, ready; signing in again moves the agent to this phone
    signout        signs the agent out; during a call, after it
    ready          takes calls from now on; ends wrap-up
    notready       takes no calls; during a call, after it. The third argument is the reason
    extend         makes after-call work longer, by the seconds in the third argument, 60 without, as far as the queue allows
    done           ends after-call work: ready
    dispose        says what the call was about that the agent talks in or works after: the third argument is the code of a
                   disposition in the settings, the fourth a note
    ivr            sends the caller of the agent, who talks, into the dialplan: to the [[ivr]] of the settings that the third
                   argument names; see HotlineReturn()
    survey         ends the agent's side, and has the caller asked; see HotlineSurvey()
    toggle-signin  signin if signed out, otherwise signout
    toggle-ready   notready if ready, otherwise ready

Without an agent number, the agent who is bound to this phone is meant; signin asks for a number. A PIN is asked for,
or taken from the third argument, at sign-in and when the agent is not signed in on this phone. Agents without a PIN
in the settings need none.

Variables set:
    HOTLINEAGENTSTATUS  DONE     it is so now
                        PENDING  it will be so after the call the agent is in, with the disposition that the agent owes, or in a moment
                        REFUSED  HOTLINEAGENTREASON says why
    HOTLINEAGENTREASON  why it was refused, for people; empty otherwise
    HOTLINE_AGENT       agent number meant, if one was found

Example:
 exten => *51,1,HotlineAgent(signin)
 same => n,Playback(${IF($[\"${HOTLINEAGENTSTATUS}\"=\"DONE\"]?agent-loginok:sorry)})";

    fn run(channel: &Channel, arguments: &str) -> Exit {
        match attend(channel, arguments) {
            Ok(result) => {
                report(channel, &result);
                Exit::Continue
            }
            Err(HungUp) => Exit::HangUp,
        }
    }

    fn panicked(channel: &Channel) -> Exit {
        report(
            channel,
            &Err("Hotline could not go on; the log says why".to_owned()),
        );
        Exit::Continue
    }
}

/// What the dialplan is told: done, or in time, or why not.
type Answer = Result<Outcome, String>;

fn report(channel: &Channel, answer: &Answer) {
    let (status, reason) = match answer {
        // Nothing is told: no question was asked.
        Ok(Outcome::Done | Outcome::Told { .. } | Outcome::Listed { .. }) => ("DONE", ""),
        Ok(Outcome::Pending) => ("PENDING", ""),
        Ok(Outcome::Refused { message, .. }) | Err(message) => ("REFUSED", message.as_str()),
    };
    channel.set_variable("HOTLINEAGENTSTATUS", status);
    channel.set_variable("HOTLINEAGENTREASON", reason);
}

/// What an agent wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Wish {
    SignIn,
    SignOut,
    Ready,
    NotReady,
    Extend,
    Done,
    Dispose,
    Ivr,
    Survey,
    ToggleSignIn,
    ToggleReady,
}

impl Wish {
    fn from_word(word: &str) -> Option<Wish> {
        Some(match word.to_ascii_lowercase().as_str() {
            "signin" => Wish::SignIn,
            "signout" => Wish::SignOut,
            "ready" => Wish::Ready,
            "notready" => Wish::NotReady,
            "extend" => Wish::Extend,
            "done" => Wish::Done,
            "dispose" => Wish::Dispose,
            "ivr" => Wish::Ivr,
            "survey" => Wish::Survey,
            "toggle-signin" => Wish::ToggleSignIn,
            "toggle-ready" => Wish::ToggleReady,
            _ => return None,
        })
    }

    /// The same without toggles, for an agent in that state; `None` is an agent that is not known yet.
    fn settled(self, state: Option<AgentState>) -> Wish {
        match (self, state) {
            (Wish::ToggleSignIn, None | Some(AgentState::SignedOut)) => Wish::SignIn,
            (Wish::ToggleSignIn, Some(_)) => Wish::SignOut,
            (Wish::ToggleReady, Some(AgentState::NotReady | AgentState::ForcedBusy | AgentState::WrapUp)) => {
                Wish::Ready
            }
            (Wish::ToggleReady, _) => Wish::NotReady,
            (settled, _) => settled,
        }
    }
}

fn attend(channel: &Channel, arguments: &str) -> Result<Answer, HungUp> {
    let words = words(arguments, 4);
    let word = |place: usize| words.get(place).copied().unwrap_or_default();
    let Some(wish) = Wish::from_word(word(0)) else {
        return Ok(Err(format!("HotlineAgent has no action '{}'", word(0))));
    };
    let Some(instance) = instance() else {
        return Ok(Err("Hotline is not running".to_owned()));
    };
    let host = &instance.host;
    // The exception to the rule that nothing costs more with more agents: the whole state is copied to find one. Once per
    // feature code, which people dial by hand.
    let Some(snapshot) = host.snapshot() else {
        return Ok(Err("Hotline is out of service".to_owned()));
    };
    let phone = channel.device();
    let here = bound_to(&snapshot.agents, &phone);

    let number = match (word(1), here) {
        ("", Some(agent)) if wish != Wish::SignIn => agent.number.clone(),
        ("", _) if matches!(wish, Wish::SignIn | Wish::ToggleSignIn) => {
            channel.answer()?;
            match channel.read_digits("agent-user", MOST_DIGITS)? {
                Digits::Keyed(number) => number,
                Digits::None => return Ok(Err("no agent number was keyed in".to_owned())),
            }
        }
        ("", _) => return Ok(Err(format!("no agent is signed in on {phone}"))),
        (number, _) => number.to_owned(),
    };
    channel.set_variable("HOTLINE_AGENT", &number);
    let state = snapshot
        .agents
        .iter()
        .find(|agent| agent.number == number)
        .map(|agent| agent.state);
    let wish = wish.settled(state);

    let own = here.is_some_and(|agent| agent.number == number);
    let third = word(2);
    if wish == Wish::SignIn || !own {
        let shown = if matches!(wish, Wish::NotReady | Wish::Extend | Wish::Dispose | Wish::Ivr) {
            ""
        } else {
            third
        };
        if !legitimate(channel, host, &number, shown)? {
            return Ok(Err("the PIN is wrong".to_owned()));
        }
    }
    if wish == Wish::Done && state != Some(AgentState::WrapUp) {
        return Ok(Err(format!("agent {number} is not in after-call work")));
    }
    if matches!(wish, Wish::Ivr) && third.is_empty() {
        return Ok(Err("ivr wants the name of an [[ivr]] of the settings".to_owned()));
    }
    // Whoever is ready now is offered a call once this one is over, and not into it. What is done with a caller may be asked for from
    // within the conversation, whose leg is no call besides.
    if !matches!(wish, Wish::Ivr | Wish::Survey) {
        instance.phones.occupied(host, channel, &phone);
    }
    let author = format!("agent:{number}");
    let agent = number;
    let command = match wish {
        Wish::SignIn | Wish::ToggleSignIn => return Ok(Ok(host.sign_in_from(&author, agent, phone))),
        Wish::SignOut => Command::SignOut { agent },
        Wish::Ready | Wish::Done => Command::SetReady { agent },
        Wish::Extend => Command::ExtendWrapUp {
            agent,
            seconds: match extension(third) {
                Ok(seconds) => seconds,
                Err(why) => return Ok(Err(why)),
            },
        },
        Wish::Dispose => Command::Dispose {
            agent,
            code: third.to_owned(),
            note: word(3).to_owned(),
        },
        Wish::Ivr => Command::Ivr {
            agent,
            to: ToIvr::Named {
                name: third.to_owned(),
            },
            timeout_seconds: None,
        },
        Wish::Survey => Command::Survey { agent },
        Wish::NotReady | Wish::ToggleReady => Command::SetNotReady {
            agent,
            reason: third.to_owned(),
        },
    };
    Ok(Ok(host.command(&author, command)))
}

/// How many seconds of after-call work are asked for.
fn extension(text: &str) -> Result<u64, String> {
    if text.is_empty() {
        return Ok(EXTENSION);
    }
    text.parse()
        .map_err(|_| format!("'{text}' is no number of seconds"))
}

/// The agent bound to a phone: signed in there, or else at home there.
fn bound_to<'a>(agents: &'a [AgentInfo], phone: &str) -> Option<&'a AgentInfo> {
    let at = |agent: &&AgentInfo| Target::of(&agent.phone).is(phone);
    agents
        .iter()
        .find(|agent| agent.state != AgentState::SignedOut && at(agent))
        .or_else(|| agents.iter().find(|agent| at(agent)))
}

/// Whether whoever holds the phone shows the agent's PIN; asked for unless `shown`.
fn legitimate(channel: &Channel, host: &Host, agent: &str, shown: &str) -> Result<bool, HungUp> {
    if !host.needs_pin(agent) {
        return Ok(true);
    }
    if !shown.is_empty() {
        return Ok(host.pin_ok(agent, shown));
    }
    channel.answer()?;
    for _ in 0..TRIES {
        if let Digits::Keyed(pin) = channel.read_digits("agent-pass", MOST_DIGITS)?
            && host.pin_ok(agent, &pin)
        {
            return Ok(true);
        }
        channel.play("agent-incorrect")?;
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hotline_wire::snapshot::PhoneState;

    fn agent(number: &str, phone: &str, state: AgentState) -> AgentInfo {
        AgentInfo {
            number: number.into(),
            name: String::new(),
            phone: phone.into(),
            queues: Vec::new(),
            skills: Vec::new(),
            state,
            since: 0,
            reason: String::new(),
            forced: None,
            next: None,
            phone_state: PhoneState::Available,
            owes_disposition: false,
            call: None,
        }
    }

    #[test]
    fn who_is_signed_in_on_a_phone_comes_before_who_is_at_home_there() {
        let agents = [
            agent("1001", "PJSIP/a1", AgentState::SignedOut),
            agent("1002", "PJSIP/a1/sip:a1@192.0.2.1", AgentState::Ready),
            agent("1003", "PJSIP/a3", AgentState::SignedOut),
            agent("1004", "PJSIP/555@trunk", AgentState::Ready),
        ];
        let number = |phone| bound_to(&agents, phone).map(|agent| agent.number.as_str());
        assert_eq!(number("PJSIP/a1"), Some("1002"));
        assert_eq!(number("PJSIP/a3"), Some("1003"));
        assert_eq!(number("PJSIP/a9"), None);
        // Anybody may call from there.
        assert_eq!(number("PJSIP/trunk"), None);
    }

    #[test]
    fn more_after_call_work_is_some_seconds() {
        assert_eq!(extension(""), Ok(EXTENSION));
        assert_eq!(extension("90"), Ok(90));
        assert!(extension("soon").is_err());
    }

    #[test]
    fn toggles_settle_on_the_other_state() {
        assert_eq!(Wish::ToggleReady.settled(Some(AgentState::Ready)), Wish::NotReady);
        assert_eq!(Wish::ToggleReady.settled(Some(AgentState::NotReady)), Wish::Ready);
        assert_eq!(
            Wish::ToggleSignIn.settled(Some(AgentState::SignedOut)),
            Wish::SignIn
        );
        assert_eq!(
            Wish::ToggleSignIn.settled(Some(AgentState::OnCall)),
            Wish::SignOut
        );
        assert_eq!(Wish::SignOut.settled(Some(AgentState::SignedOut)), Wish::SignOut);
    }
}
