//! Callers on the blacklist: `HotlineScreen()`, the same look inside `Hotline()`, and `HOTLINE_BLACKLIST()`.

use std::ffi::CStr;

use asterisk::channel::Indication;
use asterisk::dialplan::{self, Application, Exit, Function};
use asterisk::player::Player;
use asterisk::{Channel, HangupCause, Level, log};
use hotline_host::{Block, Presented, Screened};

use crate::serve::BUSY;
use crate::{Instance, instance, options};

/// Tells what became of the caller.
const VERDICT: &str = "HOTLINESCREEN";
/// The queue that the caller was looked at for, so that the same look is not done, or counted, twice.
const SEEN: &str = "HOTLINE_SCREENED";
/// Stands there for no queue.
const NO_QUEUE: &str = "-";
/// Why a caller is suspicious.
pub(crate) const FLAG: &str = "HOTLINE_FLAG";

/// The dialplan application.
pub(crate) struct HotlineScreen;

impl Application for HotlineScreen {
    const NAME: &'static CStr = c"HotlineScreen";
    const SYNOPSIS: &'static CStr = c"Keeps callers on the blacklist away.";
    const DESCRIPTION: &'static CStr = c"HotlineScreen([queue][,options])

Looks for the caller on the blacklist, before anything is answered. Who is not on it, or allowed, goes on. Who is
flagged goes on as well, and the agent is warned when the call is offered. Anybody else goes no further: a prompt and busy, a
cause of release, another place of the dialplan, or music until the caller gives up. Hotline() does the same for its
queue, so this is for callers who meet something else before: an announcement, a menu.

Without a queue, entries for certain queues do not count; Hotline() looks again then.

Options:
    t(tier)     caller tier, as named in the settings (or variable HOTLINE_TIER)

Variables set:
    HOTLINESCREEN   PASSED    goes on
                    FLAGGED   goes on, and the agent is warned
                    BUSY      found the line busy (seen in extension h)
                    RELEASED  was released with a cause (seen in extension h)
                    DIVERTED  goes on at the place that the entry names
                    TARPIT    heard music, and no agent (seen in extension h)
                    ERROR     Hotline is not running
    HOTLINE_FLAG    why a flagged caller is suspicious
    HOTLINE_CALL    reference of a call that goes no further: NODE-BOOT-NUMBER

Example:
 same => n,HotlineScreen(support)
 same => n,Answer()
 same => n,Playback(welcome)
 same => n,Hotline(support)";

    fn run(channel: &Channel, arguments: &str) -> Exit {
        let (options, complaints) = options::parse_screening(arguments);
        for complaint in complaints {
            log(
                Level::Warning,
                &format!("HotlineScreen({arguments}): {complaint}"),
            );
        }
        let Some(instance) = instance() else {
            channel.set_variable(VERDICT, "ERROR");
            return Exit::Continue;
        };
        let queue = (!options.queue.is_empty()).then_some(options.queue.as_str());
        let tier = options::given(channel, &options.tier, "HOTLINE_TIER");
        screen(channel, &instance, queue, &tier).unwrap_or(Exit::Continue)
    }

    fn panicked(channel: &Channel) -> Exit {
        channel.set_variable(VERDICT, "ERROR");
        Exit::Continue
    }
}

/// Looks for the caller on the blacklist; where a blocked one goes. A flagged one has [`FLAG`] afterwards.
pub(crate) fn screen(
    channel: &Channel,
    instance: &Instance,
    queue: Option<&str>,
    tier: &str,
) -> Option<Exit> {
    // Diverted once, and come here on the way that the blacklist chose: it has had its say.
    if channel.variable(VERDICT).as_deref() == Some("DIVERTED") {
        return None;
    }
    let number = channel.caller_number();
    let before = channel.variable(SEEN).filter(|before| !before.is_empty());
    let this = queue.unwrap_or(NO_QUEUE);
    if before.as_deref() == Some(this) {
        return None;
    }
    let flag = channel.variable(FLAG).unwrap_or_default();
    let screened = instance.host.screen(&Presented {
        number: &number,
        queue,
        tier,
        seen: before.is_some().then_some(flag.as_str()),
    });
    channel.set_variable(SEEN, this);
    match screened {
        Screened::Passed => {
            // The queue before may have had an entry of its own.
            if channel.variable(VERDICT).as_deref() == Some("FLAGGED") {
                channel.set_variable(FLAG, "");
            }
            channel.set_variable(VERDICT, "PASSED");
            None
        }
        Screened::Flagged { reason } => {
            channel.set_variable(VERDICT, "FLAGGED");
            channel.set_variable(FLAG, &reason);
            None
        }
        Screened::Blocked { reference, block } => {
            channel.set_variable("HOTLINE_CALL", &reference);
            Some(keep_away(channel, block))
        }
    }
}

fn keep_away(channel: &Channel, block: Block) -> Exit {
    match block {
        Block::Busy { say } => busy(channel, say),
        Block::Release { cause } => {
            channel.set_variable(VERDICT, "RELEASED");
            channel.set_hangup_cause(HangupCause::from_code(cause.into()));
            Exit::HangUp
        }
        Block::Divert { place } => {
            if channel.go_to(&place) {
                channel.set_variable(VERDICT, "DIVERTED");
                return Exit::Continue;
            }
            log(
                Level::Warning,
                &format!(
                    "{} finds the line busy: the blacklist diverts to {place}, and the dialplan has no such place",
                    channel.name()
                ),
            );
            busy(channel, Vec::new())
        }
        Block::Tarpit {
            music,
            lasting,
            place,
        } => {
            channel.set_variable(VERDICT, "TARPIT");
            if channel.answer().is_ok() {
                if !channel.start_music(&music) {
                    channel.indicate(Indication::Ringing);
                }
                channel.idle(lasting);
                channel.stop_music();
            }
            drop(place);
            channel.set_hangup_cause(HangupCause::NormalClearing);
            out(channel)
        }
    }
}

/// A prompt, in early media if the call is not answered, and busy.
fn busy(channel: &Channel, say: Vec<String>) -> Exit {
    channel.set_variable(VERDICT, "BUSY");
    if !say.is_empty() {
        if !channel.is_up() {
            channel.indicate(Indication::Progress);
        }
        if Player::new(channel, say).finish().is_err() {
            return out(channel);
        }
    }
    if channel.is_up() {
        channel.busy(BUSY);
    } else {
        channel.set_hangup_cause(HangupCause::Busy);
    }
    out(channel)
}

/// An operator of the PBX may have sent the caller elsewhere meanwhile.
fn out(channel: &Channel) -> Exit {
    if channel.redirected() {
        Exit::Continue
    } else {
        Exit::HangUp
    }
}

/// The dialplan function.
pub(crate) struct HotlineBlacklist;

impl Function for HotlineBlacklist {
    const NAME: &'static CStr = c"HOTLINE_BLACKLIST";
    const SYNOPSIS: &'static CStr = c"What the blacklist has for a number.";
    const SYNTAX: &'static CStr = c"HOTLINE_BLACKLIST(number[,queue[,tier]])";
    const ARGUMENTS: &'static CStr = c"number
    In any form that a network presents; empty is a withheld one.
queue
    Entries for certain queues count only for those.
tier
    As named in the settings; the first tier if left out.";
    const DESCRIPTION: &'static CStr =
        c"Reads what would happen to a caller of this number: allow, flag, busy, release:CAUSE,
divert:CONTEXT,EXTENSION,PRIORITY or tarpit. Nothing happens, and nothing is counted:

 same => n,GotoIf($[\"${HOTLINE_BLACKLIST(${CALLERID(num)})}\" = \"flag\"]?careful,1)

It cannot be set: hotline blacklist at the CLI changes the list.";
    const LONGEST: usize = 256;

    fn read(_: &Channel, arguments: &str) -> Result<String, String> {
        let instance = instance().ok_or("Hotline is not running")?;
        let mut words = dialplan::words(arguments, 3).into_iter();
        let (number, queue, tier) = (words.next(), words.next(), words.next());
        let queue = queue.filter(|queue| !queue.is_empty());
        Ok(instance
            .host
            .blacklisted(number.unwrap_or_default(), queue, tier.unwrap_or_default()))
    }

    fn write(_: &Channel, _: &str, _: &str) -> Result<(), String> {
        Err("it cannot be set; `hotline blacklist` changes the list".to_owned())
    }
}
