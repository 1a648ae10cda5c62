//! What `hotline show` shows.

use hotline_wire::event::{Estimate, TalkState};
use hotline_wire::snapshot::{
    AgentInfo, AgentState, CallInfo, CallbackInfo, DispositionInfo, Door, MonitorInfo, QueueInfo, Snapshot,
};

use super::orders;
use crate::Instance;
use crate::table::{duration, masked, table};

pub(super) fn queues(snapshot: &Snapshot) -> String {
    let rows: Vec<Vec<String>> = snapshot
        .queues
        .iter()
        .map(|queue| queue_row(snapshot, queue))
        .collect();
    let head = [
        "Queue",
        "Door",
        "Strategy",
        "Waiting",
        "Most",
        "Longest",
        "Callbacks",
        "Talking",
        "Signed in",
        "Ready",
        "Service target",
    ];
    table(&head, &rows) + &counted(rows.len(), "queue")
}

fn queue_row(snapshot: &Snapshot, queue: &QueueInfo) -> Vec<String> {
    let calls = || snapshot.calls.iter().filter(|call| call.queue == queue.name);
    let waiting = || calls().filter(|call| call.connected.is_none());
    let agents = || snapshot.agents.iter().filter(|agent| serves(agent, &queue.name));
    let count = |state| agents().filter(|agent| agent.state == state).count().to_string();
    let signed_in = agents()
        .filter(|agent| agent.state != AgentState::SignedOut)
        .count();
    let longest = waiting().map(|call| call.joined).min();
    let callbacks = snapshot.callbacks.iter();
    vec![
        queue.name.clone(),
        queue.door.label().to_owned(),
        queue.strategy.clone(),
        waiting().count().to_string(),
        queue.max_waiting.to_string(),
        longest.map_or("-".to_owned(), |joined| {
            duration(snapshot.at.saturating_sub(joined))
        }),
        callbacks
            .filter(|callback| callback.queue == queue.name)
            .count()
            .to_string(),
        calls()
            .filter(|call| call.connected.is_some())
            .count()
            .to_string(),
        signed_in.to_string(),
        count(AgentState::Ready),
        format!("{} s", queue.service_target / 1_000_000),
    ]
}

fn serves(agent: &AgentInfo, queue: &str) -> bool {
    agent.queues.iter().any(|member| member.queue == queue)
}

pub(super) fn agents(snapshot: &Snapshot, queue: Option<&str>) -> String {
    let rows: Vec<Vec<String>> = snapshot
        .agents
        .iter()
        .filter(|agent| queue.is_none_or(|queue| serves(agent, queue)))
        .map(|agent| {
            let queues: Vec<String> = agent
                .queues
                .iter()
                .map(|member| format!("{}:{}", member.queue, member.level))
                .collect();
            vec![
                agent.number.clone(),
                agent.name.clone(),
                agent.state.label().to_owned(),
                duration(snapshot.at.saturating_sub(agent.since)),
                details(agent, snapshot.at),
                agent.phone.clone(),
                agent.phone_state.label().to_owned(),
                queues.join(","),
                agent.skills.join(","),
            ]
        })
        .collect();
    let head = [
        "Agent",
        "Name",
        "State",
        "For",
        "Details",
        "Phone",
        "Phone is",
        "Queues and levels",
        "Skills",
    ];
    table(&head, &rows) + &counted(rows.len(), "agent")
}

/// Reason, lock and next state in words.
fn details(agent: &AgentInfo, now: u64) -> String {
    let mut details = Vec::new();
    if !agent.reason.is_empty() {
        details.push(agent.reason.clone());
    }
    if let Some(forced) = &agent.forced {
        details.push(match forced.until {
            Some(until) => {
                format!(
                    "forced by {}, {} left",
                    forced.author,
                    duration(until.saturating_sub(now))
                )
            }
            None => format!("forced by {}", forced.author),
        });
    }
    if agent.owes_disposition {
        details.push("owes a disposition".to_owned());
    }
    if let Some(next) = agent.next {
        details.push(format!("then {}", next.label()));
    }
    details.join("; ")
}

pub(super) fn calls(snapshot: &Snapshot, verbose: bool) -> String {
    let rows: Vec<Vec<String>> = snapshot
        .calls
        .iter()
        .map(|call| call_row(call, snapshot.at, verbose))
        .collect();
    let head = [
        "Call", "Queue", "Tier", "Caller", "State", "For", "Position", "Expected", "Agent",
    ];
    table(&head, &rows) + &counted(rows.len(), "call")
}

fn call_row(call: &CallInfo, now: u64, verbose: bool) -> Vec<String> {
    let (state, since) = match call.connected {
        Some(connected) => (call.talk.label(), connected),
        None => ("waiting", call.joined),
    };
    vec![
        call.call.clone(),
        call.queue.clone(),
        call.tier.clone(),
        number(&call.number, verbose),
        state.to_owned(),
        duration(now.saturating_sub(since)),
        if call.position == 0 {
            "-".to_owned()
        } else {
            call.position.to_string()
        },
        expected(call.estimate),
        call.agent.clone().unwrap_or_default(),
    ]
}

/// A wait to expect: `1:20 to 3:05`, the median and what nine of ten do not exceed.
fn expected(estimate: Option<Estimate>) -> String {
    estimate.map_or("-".to_owned(), |estimate| {
        format!("{} to {}", duration(estimate.p50), duration(estimate.p90))
    })
}

pub(super) fn callbacks(snapshot: &Snapshot, verbose: bool) -> String {
    let rows: Vec<Vec<String>> = snapshot
        .callbacks
        .iter()
        .map(|callback| callback_row(callback, snapshot.at, verbose))
        .collect();
    let head = [
        "Callback", "Queue", "Tier", "Caller", "State", "For", "Position", "Attempts",
    ];
    table(&head, &rows) + &counted(rows.len(), "callback")
}

fn callback_row(callback: &CallbackInfo, now: u64, verbose: bool) -> Vec<String> {
    vec![
        callback.callback.clone(),
        callback.queue.clone(),
        callback.tier.clone(),
        number(&callback.number, verbose),
        if callback.dialling { "dialling" } else { "owed" }.to_owned(),
        duration(now.saturating_sub(callback.placed)),
        callback.position.to_string(),
        callback.attempts.to_string(),
    ]
}

pub(super) fn dispositions(snapshot: &Snapshot, queue: Option<&str>) -> String {
    let yes = |is: bool| if is { "yes" } else { "-" }.to_owned();
    let suits = |known: &&DispositionInfo| queue.is_none_or(|queue| known.suits(queue));
    let rows: Vec<Vec<String>> = snapshot
        .dispositions
        .iter()
        .filter(suits)
        .map(|known| {
            vec![
                known.code.clone(),
                or_dash(&known.zh),
                or_dash(&known.en),
                yes(known.complaint),
                yes(known.resolved),
                yes(known.follow_up),
                match known.queues.as_slice() {
                    [] => "all".to_owned(),
                    queues => queues.join(","),
                },
            ]
        })
        .collect();
    let head = [
        "Code",
        "Chinese",
        "English",
        "Complaint",
        "Resolved",
        "Follow up",
        "Queues",
    ];
    table(&head, &rows) + &counted(rows.len(), "disposition")
}

pub(super) fn supervisors(snapshot: &Snapshot) -> String {
    let rows: Vec<Vec<String>> = snapshot
        .supervisors
        .iter()
        .map(|supervisor| {
            let mut monitors = snapshot.monitors.iter();
            let listens = monitors.find(|monitor| monitor.supervisor == supervisor.number);
            vec![
                supervisor.number.clone(),
                supervisor.name.clone(),
                or_dash(&supervisor.phone),
                listens.map_or("-".to_owned(), |monitor| monitor.agent.clone()),
            ]
        })
        .collect();
    table(&["Supervisor", "Name", "Phone", "Listens to"], &rows) + &counted(rows.len(), "supervisor")
}

pub(super) fn monitors(snapshot: &Snapshot) -> String {
    let rows: Vec<Vec<String>> = snapshot
        .monitors
        .iter()
        .map(|monitor| monitor_row(monitor, snapshot.at))
        .collect();
    let head = ["Supervisor", "Name", "Agent", "Mode", "Follows", "For", "Call"];
    table(&head, &rows) + &counted(rows.len(), "monitor")
}

fn monitor_row(monitor: &MonitorInfo, now: u64) -> Vec<String> {
    vec![
        monitor.supervisor.clone(),
        monitor.name.clone(),
        monitor.agent.clone(),
        orders::word(monitor.mode).to_owned(),
        monitor.follow.label().to_owned(),
        monitor
            .since
            .map_or("ringing".to_owned(), |since| duration(now.saturating_sub(since))),
        or_dash(monitor.call.as_deref().unwrap_or_default()),
    ]
}

fn or_dash(text: &str) -> String {
    if text.is_empty() { "-" } else { text }.to_owned()
}

fn number(number: &str, verbose: bool) -> String {
    if verbose && !number.is_empty() {
        number.to_owned()
    } else {
        masked(number)
    }
}

/// What Hotline holds of the PBX.
pub(super) fn resources(usage: &asterisk::Usage) -> String {
    let rows = [
        ("Channels, anybody's", usage.channels),
        ("Audio hooks that hear", usage.hearing),
        ("Audio hooks that speak", usage.speaking),
        ("Audio hooks, on a channel or not", usage.hooks),
        ("Data and frame hooks on channels", usage.held),
    ];
    let rows: Vec<Vec<String>> = rows
        .into_iter()
        .map(|(what, count)| vec![what.to_owned(), count.to_string()])
        .collect();
    table(&["Resource", "Now"], &rows)
}

pub(super) fn status(instance: &Instance, snapshot: &Snapshot) -> String {
    let settings = instance.host.settings();
    let waiting = || snapshot.calls.iter().filter(|call| call.connected.is_none());
    let talking = || snapshot.calls.iter().filter(|call| call.connected.is_some());
    let held = talking().filter(|call| call.talk == TalkState::OnHold);
    let shut = snapshot.queues.iter().filter(|queue| queue.door != Door::Open);
    let mut rows: Vec<(&str, String)> = vec![
        ("Version", env!("CARGO_PKG_VERSION").to_owned()),
        ("PBX", asterisk::version()),
        ("Node", settings.node.clone()),
        ("Settings", instance.settings.display().to_string()),
        ("Control socket", settings.socket.display().to_string()),
        ("Last event", snapshot.seq.to_string()),
        ("Queues", snapshot.queues.len().to_string()),
        ("  not open", shut.count().to_string()),
        ("Callers waiting", waiting().count().to_string()),
        ("Callers talking", talking().count().to_string()),
        ("  on hold", held.count().to_string()),
        ("Callbacks owed", snapshot.callbacks.len().to_string()),
        ("Supervisors listening", snapshot.monitors.len().to_string()),
        ("Agents", snapshot.agents.len().to_string()),
    ];
    if let Some(blacklist) = &snapshot.blacklist {
        let place = rows.len() - 1;
        rows.splice(
            place..place,
            [
                ("Blacklist entries", blacklist.entries.to_string()),
                ("  in the index", blacklist.index_entries.to_string()),
                ("  to be reviewed", blacklist.review.to_string()),
            ],
        );
    }
    let states: Vec<(String, usize)> = AgentState::ALL
        .iter()
        .map(|state| {
            let count = snapshot
                .agents
                .iter()
                .filter(|agent| agent.state == *state)
                .count();
            (format!("  {}", state.label()), count)
        })
        .collect();
    rows.extend(
        states
            .iter()
            .map(|(state, count)| (state.as_str(), count.to_string())),
    );
    let rows: Vec<Vec<String>> = rows
        .into_iter()
        .map(|(what, value)| vec![what.to_owned(), value])
        .collect();
    table(&["Hotline", ""], &rows)
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}\n", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use hotline_wire::snapshot::{MemberInfo, PhoneState};

    #[test]
    fn calls_show_their_place_and_the_wait_to_expect() {
        let call = CallInfo {
            call: "n-b-7".into(),
            queue: "support".into(),
            tier: "gold".into(),
            number: "13912345678".into(),
            flag: String::new(),
            attached: Default::default(),
            joined: 1_000_000,
            connected: None,
            agent: None,
            talk: TalkState::Talking,
            muted: false,
            recording: None,
            position: 3,
            estimate: Some(Estimate {
                p50: 80_000_000,
                p90: 185_000_000,
            }),
        };
        let shown = calls(
            &Snapshot {
                at: 66_000_000,
                calls: vec![call],
                ..Snapshot::default()
            },
            false,
        );
        let row = shown.lines().nth(1).unwrap();
        for cell in ["*******5678", "waiting", "1:05", "3", "1:20 to 3:05"] {
            assert!(row.contains(cell), "{cell} in {row}");
        }
    }

    #[test]
    fn agents_show_their_levels_and_skills() {
        let agent = AgentInfo {
            number: "1001".into(),
            name: "Li Wei".into(),
            phone: "PJSIP/a1".into(),
            queues: vec![
                MemberInfo {
                    queue: "support".into(),
                    level: 2,
                },
                MemberInfo {
                    queue: "sales".into(),
                    level: 1,
                },
            ],
            skills: vec!["english".into()],
            state: AgentState::Ready,
            since: 0,
            reason: String::new(),
            forced: None,
            next: None,
            phone_state: PhoneState::Available,
            owes_disposition: false,
            call: None,
        };
        let snapshot = Snapshot {
            agents: vec![agent],
            ..Snapshot::default()
        };
        let shown = agents(&snapshot, Some("sales"));
        assert!(shown.contains("support:2,sales:1  english"), "{shown}");
        assert!(agents(&snapshot, Some("other")).ends_with("0 agents\n"));
    }
}
