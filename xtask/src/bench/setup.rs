//! The PBX under measurement: agents, queues and dialplan, the same for all three ways of reaching an agent.

use super::callers::LINE;
use super::{Args, Way};
use hotline_testbed::asterisk::Setup;
use std::fmt::Write as _;
use std::path::Path;

/// The queue that has fewer agents than callers, in the part about backlog.
const BACKLOG: &str = "backlog";
/// The queue that nobody serves.
const NOBODY: &str = "nobody";

/// Agents' names: `a0000` and so on.
pub(super) fn agent(number: usize) -> String {
    format!("a{number:04}")
}

/// Queues' names: `q0000` and so on.
fn queue(number: usize) -> String {
    format!("q{number:04}")
}

/// What callers dial who are to be spread over all agents or queues.
pub(super) fn spread(way: Way, args: &Args) -> Vec<String> {
    let count = if way == Way::Dial {
        args.agents
    } else {
        args.queues
    };
    (0..count)
        .map(|number| format!("{}{number:04}", letter(way)))
        .collect()
}

/// What callers dial who are to wait for the few agents of one queue.
pub(super) fn backlog(way: Way) -> Vec<String> {
    vec![format!("{}{BACKLOG}", letter(way))]
}

/// What callers dial who are to wait for ever. Beside the two queues that is music on hold, not Dial().
pub(super) fn waiting(way: Way) -> Vec<String> {
    vec![format!("{}{NOBODY}", letter(way))]
}

/// What callers dial begins with it.
fn letter(way: Way) -> char {
    match way {
        Way::Dial => 'd',
        Way::Queue => 'q',
        Way::Hotline => 'h',
    }
}

/// The PBX for these ways.
pub(super) fn setup(args: &Args, module: Option<&Path>) -> Setup {
    let mut setup = Setup {
        phones: (0..args.agents).map(agent).collect(),
        lines: vec![LINE.into()],
        extensions: extensions(),
        files: vec![
            ("queues.conf".into(), queues_conf(args)),
            // Nothing is written that the measurement doesn't ask for.
            (
                "logger.conf".into(),
                "[general]\nqueue_log=no\n[logfiles]\nfull => warning,error\n".into(),
            ),
        ],
        ..Setup::default()
    };
    if let Some(module) = module {
        setup.modules.push(("app_hotline".into(), module.to_owned()));
        setup.files.push(("hotline.toml".into(), hotline_toml(args)));
        setup
            .environment
            .push(("HOTLINE_CONFIG".into(), "@ETC@/hotline.toml".into()));
    }
    setup
}

/// The caller is answered first, whichever way it goes on: all three then have the same call to begin with. `i` does not
/// wait for audio, which there is none of.
fn extensions() -> String {
    let mut text = String::from("[phones]\n[callers]\n");
    let mut place = |dialled: &str, application: &str| {
        let _ = write!(
            text,
            "exten => {dialled},1,Answer(,i)\n same => n,{application}\n same => n,Hangup()\n"
        );
    };
    place("_dX.", "Dial(PJSIP/a${EXTEN:1},60)");
    place(&format!("d{NOBODY}"), "MusicOnHold(default)");
    for (letter, application) in [('q', "Queue"), ('h', "Hotline")] {
        place(&format!("_{letter}X."), &format!("{application}(q${{EXTEN:1}})"));
        for queue in [BACKLOG, NOBODY] {
            place(&format!("{letter}{queue}"), &format!("{application}({queue})"));
        }
    }
    text
}

/// Asterisk's own queue at its best: several callers are served at once, agents with a call are left alone, and a
/// caller looks again after a second, the least it takes.
fn queues_conf(args: &Args) -> String {
    let mut text = String::from(
        "[general]\npersistentmembers=no\nautofill=yes\nshared_lastcall=no\n\
         [plain](!)\nstrategy=leastrecent\ntimeout=20\nretry=1\nwrapuptime=0\nringinuse=no\njoinempty=yes\n\
         leavewhenempty=no\nannounce-frequency=0\n",
    );
    let mut add = |name: &str, agents: usize| {
        let _ = writeln!(text, "[{name}](plain)");
        for number in 0..agents {
            let _ = writeln!(text, "member => PJSIP/{}", agent(number));
        }
    };
    (0..args.queues).for_each(|number| add(&queue(number), args.agents));
    add(BACKLOG, args.busy());
    add(NOBODY, 0);
    text
}

fn hotline_toml(args: &Args) -> String {
    let mut text =
        String::from("node = \"bench\"\ncontrol.socket = \"@RUN@/bench.sock\"\n[[tier]]\nname = \"all\"\n");
    let queues: Vec<String> = (0..args.queues).map(queue).collect();
    for name in queues.iter().map(String::as_str).chain([BACKLOG, NOBODY]) {
        let _ = write!(
            text,
            "[[queue]]\nname = \"{name}\"\nstrategy = \"longest-idle\"\nring_seconds = 20\nwrap_up_seconds = 0\n\
             needs_agents = false\n"
        );
    }
    for number in 0..args.agents {
        let name = agent(number);
        let mut serves = queues.clone();
        serves.extend((number < args.busy()).then(|| BACKLOG.to_owned()));
        let _ = write!(
            text,
            "[[agent]]\nnumber = \"{name}\"\nphone = \"PJSIP/{name}\"\nalways_signed_in = true\nqueues = {serves:?}\n"
        );
    }
    text
}
