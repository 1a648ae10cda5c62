//! Who has talked with a caller so far: `HOTLINE_AGENTS()`.
//!
//! The list belongs to the caller's channel and goes with it through queues, transfers and the dialplan, like the attached data.

use std::ffi::CStr;
use std::sync::{Mutex, PoisonError};

use asterisk::Channel;
use asterisk::datastore::Kind;
use asterisk::dialplan::Function;

/// Most agents remembered; the earliest are forgotten first.
const MOST: usize = 50;
/// Between two agents.
const BETWEEN: &str = ",";

/// Agent numbers in the order of their conversations.
#[derive(Default)]
pub(crate) struct History(Mutex<Vec<String>>);

static HISTORY: Kind<History> = Kind::inherited(c"hotline_agents");

impl History {
    fn add(&self, agent: &str) {
        let mut agents = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if agents.len() >= MOST {
            agents.remove(0);
        }
        agents.push(agent.to_owned());
    }

    fn list(&self) -> String {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .join(BETWEEN)
    }
}

/// An agent talks with the caller.
pub(crate) fn talks(caller: &Channel, agent: &str) {
    // Without memory for it, nobody is remembered.
    if let Some(history) = caller.attach(&HISTORY, History::default) {
        history.add(agent);
    }
}

/// Sets the variable `HOTLINE_AGENTS` on the channel of an agent who is rung, which has inherited the list.
pub(crate) fn show(leg: &Channel) {
    if let Some(history) = leg.attached(&HISTORY) {
        leg.set_variable("HOTLINE_AGENTS", &history.list());
    }
}

/// The dialplan function.
pub(crate) struct HotlineAgents;

impl Function for HotlineAgents {
    const NAME: &'static CStr = c"HOTLINE_AGENTS";
    const SYNOPSIS: &'static CStr = c"Agents who have talked with a caller.";
    const SYNTAX: &'static CStr = c"HOTLINE_AGENTS()";
    const ARGUMENTS: &'static CStr = c"";
    const DESCRIPTION: &'static CStr = c"Reads the numbers of the agents who have talked with the caller, the first one first, separated by
commas; empty if nobody has. The list goes with the caller through queues, transfers and the dialplan, and the last 50 are
kept. It is on the channel of the agent who is rung next as well, with this function and as variable HOTLINE_AGENTS. It
cannot be written.";
    const LONGEST: usize = MOST * 256;

    fn read(channel: &Channel, _: &str) -> Result<String, String> {
        Ok(channel
            .attached(&HISTORY)
            .map_or_else(String::new, |history| history.list()))
    }

    fn write(_: &Channel, _: &str, _: &str) -> Result<(), String> {
        Err("it is read only".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_kept_in_their_order() {
        let history = History::default();
        assert_eq!(history.list(), "");
        for agent in 0..MOST + 2 {
            history.add(&agent.to_string());
        }
        let list = history.list();
        assert!(list.starts_with("2,3,4,"), "{list}");
        assert!(list.ends_with(",51"), "{list}");
    }
}
