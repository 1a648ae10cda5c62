//! `HotlineReturn([result])`: a caller whom an agent sent into the dialplan comes back to the agent.

use std::ffi::CStr;

use asterisk::dialplan::{Application, Exit};
use asterisk::trip::{Return, Step};
use asterisk::{Channel, Level, log};
use hotline_engine::ids::CallId;
use hotline_engine::input::{self, Order};
use hotline_host::Host;

use crate::talks::Talks;

/// The result, on both channels.
const RESULT: &str = "HOTLINE_IVR_RESULT";
/// The longest result, in bytes.
const LONGEST: usize = 256;

/// The dialplan application.
pub(crate) struct HotlineReturn;

impl Application for HotlineReturn {
    const NAME: &'static CStr = c"HotlineReturn";
    const SYNOPSIS: &'static CStr =
        c"Brings a caller back to the agent who sent the caller into the dialplan.";
    const DESCRIPTION: &'static CStr = c"HotlineReturn([result])

An agent may send the caller to a place of the dialplan (hotline agent ivr), to verify a PIN for instance. The agent stays
reserved and hears music; the caller can be heard by nobody else. HotlineReturn() brings the caller back to the same agent,
with the result: up to 256 bytes of text, for the agent's channel, the caller's, and events. Do not put the PIN into it.

The dialplan there may play, read digits and look things up. It cannot connect the caller with others (Dial, Queue, ConfBridge,
Hotline): the caller still has the place in the conversation. Without HotlineReturn(), the caller comes back when the dialplan
has nothing more, and at the latest when the time is up. Hangup() hangs the caller up.

When nobody waits for the caller any more, because the agent has hung up, the caller goes to the front of the queue that it
came from.

Variables set on the caller's channel and the agent's:
    HOTLINE_IVR_RESULT   the result; NONE if the dialplan was at its end without, TIMEOUT if the time was up

Variables set:
    HOTLINERETURNSTATUS  NOTAWAY  nobody sent this channel here, and the dialplan goes on

Example:
 [verify-pin]
 exten => s,1,Read(PIN,vm-password,6)
 same => n,GotoIf($[\"${PIN}\" = \"${ODBC_PIN(${CALLERID(num)})}\"]?good)
 same => n,HotlineReturn(FAILED)
 same => n(good),HotlineReturn(VERIFIED)";

    fn run(channel: &Channel, arguments: &str) -> Exit {
        let mut result = arguments.trim();
        if result.len() > LONGEST {
            log(
                Level::Warning,
                &format!("HotlineReturn: the result is cut at {LONGEST} bytes"),
            );
            result = &result[..result.floor_char_boundary(LONGEST)];
        }
        let result: String = result.chars().filter(|letter| !letter.is_control()).collect();
        if channel.come_back_with(&result) {
            // Out of the dialplan that this trip runs, and of no other.
            return Exit::HangUp;
        }
        log(
            Level::Notice,
            &format!(
                "{}: HotlineReturn, but no agent waits for this channel",
                channel.name()
            ),
        );
        channel.set_variable("HOTLINERETURNSTATUS", "NOTAWAY");
        Exit::Continue
    }

    fn panicked(_: &Channel) -> Exit {
        Exit::Continue
    }
}

/// Sends the caller of a conversation to a place of the dialplan; tells the host how that goes on.
pub(crate) fn send(host: &Host, talks: &std::sync::Arc<Talks>, call: CallId, place: &str) {
    let sent = talks.both(call).is_some_and(|(caller, leg)| {
        let (host, place) = (host.clone(), place.to_owned());
        let (caller_id, leg_id) = (caller.unique_id(), leg.unique_id());
        caller.send_on_trip(&place.clone(), move |step| match step {
            Step::NoSuchPlace => {
                log(
                    Level::Warning,
                    &format!("an agent's caller stays: the dialplan has no place {place}"),
                );
                host.not_done(call, Order::Ivr);
            }
            Step::Left => host.went_away(call),
            Step::Back(how) => {
                let (how, result) = match how {
                    Return::With(result) => (input::Return::With(result.clone()), result),
                    Return::RanOut => (input::Return::RanOut, "NONE".to_owned()),
                    Return::Recalled => (input::Return::TimedOut, "TIMEOUT".to_owned()),
                };
                for id in [&caller_id, &leg_id] {
                    if let Some(channel) = Channel::find(id) {
                        channel.set_variable(RESULT, &result);
                    }
                }
                // Whom the agent handed the caller over to meanwhile has the caller now.
                let agent_gone = Channel::find(&leg_id).is_none();
                let taken =
                    agent_gone && Channel::find(&caller_id).is_some_and(|caller| caller.in_conversation());
                if taken {
                    host.caller_taken(call);
                } else {
                    host.came_back(call, how);
                }
            }
        })
    });
    if !sent {
        host.not_done(call, Order::Ivr);
    }
}
