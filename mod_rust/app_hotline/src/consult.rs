//! `HotlineConsult()`: the line to whom an agent consults, on its own thread.

use std::ffi::CStr;

use asterisk::dialplan::{Application, Exit};
use asterisk::leg::Features;
use asterisk::{Channel, Level, log};
use hotline_engine::action::Status;

use crate::call::leave;
use crate::instance;
use crate::serve::Call;

/// The dialplan application.
pub(crate) struct HotlineConsult;

impl Application for HotlineConsult {
    const NAME: &'static CStr = c"HotlineConsult";
    const SYNOPSIS: &'static CStr = c"Connects an agent with whom the agent consults.";
    const DESCRIPTION: &'static CStr = c"HotlineConsult()

Rings the agent whom another agent consults by command, or whom a queue gives, and lets the two talk. Only for the Local channel
that Hotline calls in context hotline-consult of the dialplan, at extension agent, or at extension queue, which answers first so
that music is heard. The channel has HOTLINE_CONSULT, the reference of the call whose agent consults, and the data attached to it.

The consulted agent's channel has the variables that it would have for the caller; see Hotline().";

    fn run(channel: &Channel, _arguments: &str) -> Exit {
        let Some(instance) = instance() else {
            return leave(channel, Status::Error);
        };
        let reference = channel.variable("HOTLINE_CONSULT").unwrap_or_default();
        let Some(call) = instance.host.call_of(&reference) else {
            log(
                Level::Warning,
                &format!(
                    "{}: HotlineConsult() is for lines that Hotline calls itself",
                    channel.name()
                ),
            );
            return leave(channel, Status::Error);
        };
        let port = match instance.host.join_consult(call) {
            Ok(port) => port,
            Err(error) => {
                log(
                    Level::Error,
                    &format!("{} cannot be connected: {error}", channel.name()),
                );
                return leave(channel, Status::Error);
            }
        };
        let _line = instance.talks.line_to(call, port.call());
        Call::new(channel, String::new(), Features::default(), &instance, port)
            .consulting(reference)
            .serve()
    }

    fn panicked(channel: &Channel) -> Exit {
        channel.stop_music();
        leave(channel, Status::Error)
    }
}
