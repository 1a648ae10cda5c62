//! The live table in the terminal.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write, stdout};
use std::time::Duration;

use anyhow::Result;
use hotline_testbed::phone::Totals;
use hotline_testbed::wire::snapshot::{AgentInfo, AgentState};

use super::floor::Picture;
use super::scene::{Scene, TIERS};
use crate::progress::human;

const HIDE_CURSOR: &str = "\x1b[?1049h\x1b[?25l";
const SHOW_CURSOR: &str = "\x1b[?25h\x1b[?1049l";
const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const PLAIN: &str = "\x1b[0m";

/// A terminal that shows the table until dropped.
pub(super) struct Screen;

impl Screen {
    /// `None` where there is no terminal to draw on.
    pub(super) fn open() -> Option<Screen> {
        if !stdout().is_terminal() {
            return None;
        }
        print!("{HIDE_CURSOR}");
        Some(Screen)
    }

    pub(super) fn draw(
        &mut self,
        picture: &Picture,
        totals: &Totals,
        scene: &Scene,
        elapsed: Duration,
    ) -> Result<()> {
        let size = rustix::termios::tcgetwinsize(stdout())?;
        let text = page(picture, totals, scene, elapsed);
        let mut out = String::from("\x1b[H");
        let rows = usize::from(size.ws_row.max(2)) - 1;
        for line in text.lines().take(rows) {
            let _ = write!(out, "{}{PLAIN}\x1b[K\r\n", cut(line, usize::from(size.ws_col)));
        }
        out.push_str("\x1b[J");
        let mut stdout = stdout().lock();
        stdout.write_all(out.as_bytes())?;
        Ok(stdout.flush()?)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        print!("{SHOW_CURSOR}");
        // A terminal that is gone needs no repair.
        let _ = stdout().flush();
    }
}

fn page(picture: &Picture, totals: &Totals, scene: &Scene, elapsed: Duration) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{BOLD}Hotline{PLAIN}  {}  {DIM}Ctrl-C ends it{PLAIN}\n",
        human(elapsed)
    );
    let _ = writeln!(
        text,
        "{BOLD}{:<12}{:<14}{:>7}{:>9}{:>9}{:>9}{:>7}{:>8}{:>7}   WAITING BY TIER{PLAIN}",
        "QUEUE", "STRATEGY", "WAITING", "LONGEST", "ANSWERED", "ABANDON", "READY", "ON CALL", "WRAP"
    );
    for queue in &picture.queues {
        let waiting = picture.waiting(&queue.name);
        let longest = waiting
            .first()
            .map_or(0, |call| picture.at.saturating_sub(call.joined));
        let tiers: Vec<String> = TIERS
            .iter()
            .map(|(tier, ..)| (tier, waiting.iter().filter(|call| call.tier == *tier).count()))
            .filter(|(_, count)| *count > 0)
            .map(|(tier, count)| format!("{tier} {count}"))
            .collect();
        let _ = writeln!(
            text,
            "{:<12}{:<14}{:>7}{:>9}{:>9}{:>9}{:>7}{:>8}{:>7}   {}",
            queue.name,
            queue.strategy,
            waiting.len(),
            seconds(longest),
            picture.answered.get(&queue.name).copied().unwrap_or(0),
            picture.abandoned.get(&queue.name).copied().unwrap_or(0),
            picture.agents_in(&queue.name, &[AgentState::Ready]),
            picture.agents_in(&queue.name, &[AgentState::OnCall]),
            picture.agents_in(&queue.name, &[AgentState::WrapUp]),
            tiers.join(", ")
        );
    }
    let _ = writeln!(
        text,
        "\n{BOLD}{:<8}{:<14}{:<14}{:>7}  {:<14}{:<12}QUEUES{PLAIN}",
        "AGENT", "NAME", "STATE", "FOR", "CALLER", "TIER"
    );
    for agent in picture.agents.values() {
        let call = agent.call.as_ref().and_then(|call| picture.calls.get(call));
        let _ = writeln!(
            text,
            "{:<8}{:<14}{}{:<14}{PLAIN}{:>7}  {:<14}{:<12}{}",
            agent.number,
            agent.name,
            colour(agent.state),
            words(agent.state),
            seconds(picture.at.saturating_sub(agent.since)),
            call.map(|call| masked(&call.number)).unwrap_or_default(),
            call.map(|call| call.tier.as_str()).unwrap_or_default(),
            queues(agent)
        );
    }
    let _ = writeln!(
        text,
        "\n{BOLD}phones{PLAIN}          {} calls placed, {} times a caller heard an agent, {} times an agent heard a caller",
        totals.calls, totals.callers_heard, totals.agents_heard
    );
    let _ = writeln!(text, "{BOLD}metrics{PLAIN}         {}", scene.metrics_url());
    let _ = writeln!(text, "{BOLD}control socket{PLAIN}  {}", scene.socket().display());
    text
}

/// What is said in colour is said in words as well.
fn colour(state: AgentState) -> &'static str {
    match state {
        AgentState::Ready => "\x1b[32m",
        AgentState::Offered => "\x1b[33m",
        AgentState::OnCall
        | AgentState::OnHold
        | AgentState::Consulting
        | AgentState::Conferencing
        | AgentState::Reserved => "\x1b[36m",
        AgentState::WrapUp => "\x1b[35m",
        AgentState::SignedOut | AgentState::NotReady => DIM,
        AgentState::ForcedBusy | AgentState::Unavailable => "\x1b[31m",
    }
}

fn queues(agent: &AgentInfo) -> String {
    let names: Vec<&str> = agent.queues.iter().map(|place| place.queue.as_str()).collect();
    names.join(", ")
}

fn words(state: AgentState) -> String {
    state.label().replace('_', " ")
}

fn seconds(micros: u64) -> String {
    let seconds = micros / 1_000_000;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// The last four digits: enough to tell callers apart, too few to call them.
fn masked(number: &str) -> String {
    let hidden = number.chars().count().saturating_sub(4);
    number
        .chars()
        .enumerate()
        .map(|(place, digit)| if place < hidden { '*' } else { digit })
        .collect()
}

/// The first `width` columns of a line; escape sequences take none.
fn cut(line: &str, width: usize) -> String {
    let mut columns = 0;
    let mut escape = false;
    line.chars()
        .take_while(|c| {
            if escape {
                escape = !c.is_ascii_alphabetic();
            } else if *c == '\x1b' {
                escape = true;
            } else {
                columns += 1;
            }
            columns <= width
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_by_what_is_seen_of_it() {
        assert_eq!(cut("abcdef", 3), "abc");
        assert_eq!(cut("\x1b[1mabc\x1b[0mdef", 4), "\x1b[1mabc\x1b[0md");
    }

    #[test]
    fn numbers_are_masked() {
        assert_eq!(masked("13800001234"), "*******1234");
        assert_eq!(masked("12"), "12");
    }
}
