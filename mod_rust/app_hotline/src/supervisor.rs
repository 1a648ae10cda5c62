//! `HotlineSupervisor(action)`: supervisors at their phones, for the feature codes.

use std::ffi::CStr;

use asterisk::channel::Digits;
use asterisk::dialplan::{Application, Exit, words};
use asterisk::{Channel, HungUp};
use hotline_engine::input::Whom;
use hotline_host::Host;
use hotline_wire::command::{Command, Outcome};

use crate::agent::{MOST_DIGITS, TRIES};
use crate::instance;

/// The dialplan application.
pub(crate) struct HotlineSupervisor;

impl Application for HotlineSupervisor {
    const NAME: &'static CStr = c"HotlineSupervisor";
    const SYNOPSIS: &'static CStr =
        c"Signs a supervisor in or out on a phone, or ends an agent's conversation from there.";
    const DESCRIPTION: &'static CStr = c"HotlineSupervisor(action[,number[,pin or whom]])

Actions:
    signin      signs the supervisor of that number in on this phone; signing in again moves the supervisor to this phone. The
                settings may allow some phones only. Without a number it is asked for, and so is the PIN, or else it is the
                third argument
    signout     signs the supervisor out, who listens no more; without a number, whoever is signed in on this phone
    disconnect  ends the conversation of the agent of that number, for who is signed in as a supervisor on this phone. The third
                argument says who is hung up: caller, agent or both, which it is without. A caller who is not goes on in the
                dialplan

Variables set:
    HOTLINESUPERVISORSTATUS  DONE     it is so now
                             PENDING  it is under way
                             REFUSED  HOTLINESUPERVISORREASON says why
    HOTLINESUPERVISORREASON  why it was refused, for people; empty otherwise

Example:
 exten => *58,1,HotlineSupervisor(signin)
 same => n,Goto(hotline-said,${HOTLINESUPERVISORSTATUS},1)";

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

/// What the dialplan is told.
type Answer = Result<Outcome, String>;

fn report(channel: &Channel, answer: &Answer) {
    let (status, reason) = match answer {
        // Nothing is told: no question was asked.
        Ok(Outcome::Done | Outcome::Told { .. } | Outcome::Listed { .. }) => ("DONE", ""),
        Ok(Outcome::Pending) => ("PENDING", ""),
        Ok(Outcome::Refused { message, .. }) | Err(message) => ("REFUSED", message.as_str()),
    };
    channel.set_variable("HOTLINESUPERVISORSTATUS", status);
    channel.set_variable("HOTLINESUPERVISORREASON", reason);
}

fn attend(channel: &Channel, arguments: &str) -> Result<Answer, HungUp> {
    let words = words(arguments, 3);
    let word = |place: usize| words.get(place).copied().unwrap_or_default();
    let Some(instance) = instance() else {
        return Ok(Err("Hotline is not running".to_owned()));
    };
    let host = &instance.host;
    let phone = channel.device();
    let author = format!("phone:{phone}");
    match word(0) {
        "signin" => sign_in(channel, host, phone, word(1), word(2)),
        "signout" => Ok(sign_out(host, &author, &phone, word(1))),
        "disconnect" => {
            let whom = match word(2) {
                "" | "both" => Whom::Both,
                "caller" => Whom::Caller,
                "agent" => Whom::Agent,
                other => return Ok(Err(format!("'{other}' is neither caller nor agent nor both"))),
            };
            Ok(Ok(host.disconnect_from(&author, phone, word(1).to_owned(), whom)))
        }
        other => Ok(Err(format!("HotlineSupervisor has no action '{other}'"))),
    }
}

fn sign_in(
    channel: &Channel,
    host: &Host,
    phone: String,
    number: &str,
    shown: &str,
) -> Result<Answer, HungUp> {
    let number = if number.is_empty() {
        channel.answer()?;
        match channel.read_digits("agent-user", MOST_DIGITS)? {
            Digits::Keyed(number) => number,
            Digits::None => return Ok(Err("no supervisor number was keyed in".to_owned())),
        }
    } else {
        number.to_owned()
    };
    if !legitimate(channel, host, &number, shown)? {
        return Ok(Err("the PIN is wrong".to_owned()));
    }
    let author = format!("supervisor:{number}");
    Ok(Ok(host.sign_in_supervisor(&author, number, phone)))
}

fn sign_out(host: &Host, author: &str, phone: &str, number: &str) -> Answer {
    let supervisor = if number.is_empty() {
        // Once per feature code, which people dial by hand.
        let snapshot = host.snapshot().ok_or("Hotline is out of service")?;
        let there = snapshot
            .supervisors
            .into_iter()
            .find(|known| known.phone == phone);
        there
            .ok_or(format!("no supervisor is signed in on {phone}"))?
            .number
    } else {
        number.to_owned()
    };
    Ok(host.command(author, Command::SignOutSupervisor { supervisor }))
}

/// Whether whoever holds the phone shows the supervisor's PIN; asked for unless `shown`.
fn legitimate(channel: &Channel, host: &Host, supervisor: &str, shown: &str) -> Result<bool, HungUp> {
    if !host.supervisor_needs_pin(supervisor) {
        return Ok(true);
    }
    if !shown.is_empty() {
        return Ok(host.supervisor_pin_ok(supervisor, shown));
    }
    channel.answer()?;
    for _ in 0..TRIES {
        if let Digits::Keyed(pin) = channel.read_digits("agent-pass", MOST_DIGITS)?
            && host.supervisor_pin_ok(supervisor, &pin)
        {
            return Ok(true);
        }
        channel.play("agent-incorrect")?;
    }
    Ok(false)
}
