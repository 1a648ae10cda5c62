//! `Hotline(queue)`: how a caller comes into a queue's hands, and what the dialplan is told at the end.

use std::ffi::CStr;

use asterisk::dialplan::{Application, Exit};
use asterisk::{Channel, Level, log};
use hotline_engine::action::Status;
use hotline_engine::input::{Attached, Caller};

use crate::options::Options;
use crate::screen::{FLAG, screen};
use crate::serve::Call;
use crate::{Instance, data, instance, options, path};

/// The dialplan application.
pub(crate) struct Hotline;

impl Application for Hotline {
    const NAME: &'static CStr = c"Hotline";
    const SYNOPSIS: &'static CStr = c"Queues the caller for an agent, and connects them.";
    const DESCRIPTION: &'static CStr = c"Hotline(queue[,options])

A caller on the blacklist goes no further, see HotlineScreen(). Any other is answered, waits in the named queue with music and prompts, and is connected to an agent. On every
way out but a busy tone the dialplan goes on if the caller is still there, behind Hotline() or at the place that the
settings name; the variables below tell what happened.

Options:
    t(tier)     caller tier, as named in the settings (or variable HOTLINE_TIER)
    p(seconds)  waiting time that this call is worth on top of its tier (or variable HOTLINE_PRIORITY)
    s(skill&skill)  skills that an agent must have, besides those of the queue (or variable HOTLINE_SKILLS)
    a(agent)    number of the caller's own agent, preferred in a sticky queue (or variable HOTLINE_PREFERRED)
    f(reason)   the caller is suspicious: the agent is warned (or variable HOTLINE_FLAG, which the blacklist sets)
    c(callback) answers a callback: the caller takes the place that was kept, in its queue
    t T         the agent (t), the caller (T) may transfer, with the keys of features.conf
    h H         may hang up with the disconnect key
    k K         may park
    w W x X     may record

Variables set:
    HOTLINESTATUS   ANSWERED      talked with an agent, who hung up first or passed the call on
                    TIMEOUT       the queue's longest wait was reached
                    FULL          the queue, or this PBX, has no room for another caller
                    NOAGENTS      the queue has no agents, and does not wait without
                    CLOSED        the queue is closed
                    EMERGENCY     the queue is closed for an emergency
                    DIVERTED      a rule of the queue sent the caller elsewhere
                    LEFT          the caller chose to leave, by a key
                    CALLBACK      the caller will be called back
                    BLOCKED       the blacklist kept the caller away; HOTLINESCREEN says how
                    WITHDRAWN     a supervisor took the caller out
                    TRANSFERRED   the agent sent the caller here, by command
                    SURVEY        the agent's side is over, and the settings have the caller asked: HotlineSurvey()
                    UNKNOWNQUEUE  no queue of that name in the settings
                    REMOVED       the queue was removed while waiting
                    HANGUP        the caller hung up (seen in extension h), or was sent elsewhere while waiting
                    ERROR         Hotline could not go on; the log says why
    HOTLINE_CALL    reference of the call: NODE-BOOT-NUMBER
    HOTLINE_AGENT   number of the agent talked with, if any
    HOTLINE_RETRY_SECONDS
                    in how many seconds the queue is expected to be clear, if that is known, for a caller turned away

The agent's channel has HOTLINE_CALL, HOTLINE_AGENT, HOTLINE_QUEUE (where the call is offered), HOTLINE_CALLER,
HOTLINE_FLAG if the caller is suspicious, which its display shows as the caller's name, a PJSIP phone gets as the header
X-Hotline-Flag, and the agent hears first, if the settings name a whisper prompt; HOTLINE_ANSWERING=automatic if the
phone is to pick up by itself, for which a PJSIP phone is sent Call-Info and Alert-Info; HOTLINE_PATH with the menus of
HOTLINE_PATH(); and the data attached with HOTLINE_DATA().

Callers are called back as the settings say, by default over Local/<number>@hotline-callback. That channel has
HOTLINE_CALLBACK (reference of the callback), HOTLINE_QUEUE, HOTLINE_CALLER and HOTLINE_ATTEMPT. Who answers goes on at
hotline-callback,answered,1, which is to run Hotline(${HOTLINE_QUEUE},c(${HOTLINE_CALLBACK})).

Example:
 same => n,Set(HOTLINE_DATA(account)=${account})
 same => n,Hotline(support,t(gold))
 same => n,Goto(after-${HOTLINESTATUS},1)";

    fn run(channel: &Channel, arguments: &str) -> Exit {
        let (options, complaints) = options::parse(arguments);
        for complaint in complaints {
            log(Level::Warning, &format!("Hotline({arguments}): {complaint}"));
        }
        // Of an earlier visit.
        for variable in ["HOTLINE_AGENT", "HOTLINE_RETRY_SECONDS"] {
            if channel.variable(variable).is_some_and(|value| !value.is_empty()) {
                channel.set_variable(variable, "");
            }
        }
        if channel.is_on_trip() {
            log(
                Level::Warning,
                &format!(
                    "{} is away from an agent, who waits: it cannot go to a queue; HotlineReturn() first",
                    channel.name()
                ),
            );
            return leave(channel, Status::Error);
        }
        let Some(instance) = instance() else {
            return leave(channel, Status::Error);
        };
        // Whom we called is welcome.
        if options.callback.is_empty() {
            let tier = options::given(channel, &options.tier, "HOTLINE_TIER");
            if let Some(exit) = screen(channel, &instance, Some(&options.queue), &tier) {
                channel.set_variable("HOTLINESTATUS", "BLOCKED");
                return exit;
            }
        }
        if channel.answer().is_err() {
            return leave(channel, Status::Hangup);
        }
        let caller = caller(channel, &instance, &options);
        let flag = caller.flag.clone();
        if let Some(callback) = caller.callback {
            instance.callbacks.joined(callback);
        }
        let port = match instance.host.join(&options.queue, caller) {
            Ok(port) => port,
            Err(error) => {
                log(
                    Level::Error,
                    &format!("{} cannot wait in {}: {error}", channel.name(), options.queue),
                );
                return leave(channel, Status::Error);
            }
        };
        channel.set_variable("HOTLINE_CALL", port.reference());
        #[cfg(feature = "fault-injection")]
        inject(channel, &instance);
        Call::new(channel, flag, options.features, &instance, port).serve()
    }

    fn panicked(channel: &Channel) -> Exit {
        channel.stop_music();
        leave(channel, Status::Error)
    }
}

/// Who calls, by the options or else by the channel's variables.
fn caller(channel: &Channel, instance: &Instance, options: &Options) -> Caller {
    let given = |option: &str, variable: &str| options::given(channel, option, variable);
    let callback = if options.callback.is_empty() {
        None
    } else {
        let callback = instance.host.call_of(&options.callback);
        if callback.is_none() {
            log(
                Level::Warning,
                &format!(
                    "{}: {} is no callback of this node since its start: the caller waits like any other",
                    channel.name(),
                    options.callback
                ),
            );
        }
        callback
    };
    Caller {
        number: known_number(channel.caller_number()),
        tier: given(&options.tier, "HOTLINE_TIER"),
        priority: options.priority.unwrap_or_else(|| priority(channel)),
        skills: options::skills(&given(&options.skills, "HOTLINE_SKILLS")),
        agent: given(&options.agent, "HOTLINE_PREFERRED"),
        flag: given(&options.flag, FLAG),
        attached: Attached {
            data: data::told(channel),
            path: path::steps(channel),
        },
        callback,
    }
}

/// What networks and phones put in place of a number that is withheld.
const WITHHELD: [&str; 7] = [
    "anonymous",
    "unknown",
    "unavailable",
    "restricted",
    "private",
    "withheld",
    "asterisk",
];

/// The number, or nothing if that is no more than a word for a withheld one. By their number callers get back the place of a
/// callback, and the agent they talked with last: all who withhold theirs must not be taken for one another.
fn known_number(number: String) -> String {
    if WITHHELD.iter().any(|word| number.eq_ignore_ascii_case(word)) {
        String::new()
    } else {
        number
    }
}

fn priority(channel: &Channel) -> u32 {
    let Some(text) = channel
        .variable("HOTLINE_PRIORITY")
        .filter(|text| !text.trim().is_empty())
    else {
        return 0;
    };
    text.trim().parse().unwrap_or_else(|_| {
        log(
            Level::Warning,
            &format!("HOTLINE_PRIORITY is '{text}', which is no number of seconds: 0 counts"),
        );
        0
    })
}

/// Tells the dialplan, and goes on in it if the caller is there.
pub(crate) fn leave(channel: &Channel, status: Status) -> Exit {
    channel.set_variable("HOTLINESTATUS", word(status));
    if channel.hung_up() && !channel.redirected() {
        Exit::HangUp
    } else {
        Exit::Continue
    }
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Answered => "ANSWERED",
        Status::Timeout => "TIMEOUT",
        Status::Full => "FULL",
        Status::NoAgents => "NOAGENTS",
        Status::UnknownQueue => "UNKNOWNQUEUE",
        Status::Removed => "REMOVED",
        Status::Closed => "CLOSED",
        Status::Emergency => "EMERGENCY",
        Status::Diverted => "DIVERTED",
        Status::Left => "LEFT",
        Status::Callback => "CALLBACK",
        Status::Withdrawn => "WITHDRAWN",
        Status::Transferred => "TRANSFERRED",
        Status::Survey => "SURVEY",
        Status::Hangup => "HANGUP",
        Status::Error => "ERROR",
    }
}

#[cfg(feature = "fault-injection")]
#[expect(clippy::panic, reason = "the injected fault")]
fn inject(channel: &Channel, instance: &Instance) {
    match channel.variable("HOTLINE_FAULT").as_deref() {
        Some("panic") => panic!("HOTLINE_FAULT=panic"),
        Some("engine") => instance.host.inject_panic(),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_for_a_withheld_number_is_no_number() {
        for word in ["anonymous", "Anonymous", "UNKNOWN", ""] {
            assert_eq!(known_number(word.to_owned()), "");
        }
        for number in ["13800000001", "+8613800000001", "alice"] {
            assert_eq!(known_number(number.to_owned()), number);
        }
    }
}
