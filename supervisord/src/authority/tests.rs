//! The policy, walked through: every command by every role, on what is its own, its team's and a stranger's.

use hotline_wire::blacklist::{ListEntry, ListOrder};
use hotline_wire::command::{ConsultStep, Destination, Place, ToIvr};
use hotline_wire::event::{Follow, Whom};
use hotline_wire::snapshot::{CallInfo, Door};

use super::*;

fn authority() -> Authority {
    let team = |name: &str, queue: &str, agents: &str| TeamSettings {
        name: name.into(),
        queues: vec![queue.into()],
        agents: vec![agents.into()],
        agent_phones: Vec::new(),
    };
    Authority::new(&[team("sales", "sales", "10*"), team("help", "help", "20*")], &[])
}

fn actor(role: Role) -> Actor {
    Actor {
        author: "http:anna".into(),
        role,
        teams: vec!["sales".into()],
        agent: (role == Role::Agent).then(|| "1001".into()),
        supervisor: Some("9001".into()),
    }
}

/// Two calls that talk: c1 in sales with 1001, c2 in help with 2001.
fn node() -> Node {
    let mut node = Node::default();
    for (call, queue, agent) in [("c1", "sales", "1001"), ("c2", "help", "2001")] {
        let info = CallInfo {
            call: call.into(),
            queue: queue.into(),
            tier: "gold".into(),
            number: "13800138000".into(),
            flag: String::new(),
            attached: Default::default(),
            joined: 1,
            connected: Some(2),
            agent: Some(agent.into()),
            talk: Default::default(),
            muted: false,
            recording: None,
            position: 0,
            estimate: None,
        };
        node.calls.insert(call.into(), info);
    }
    node
}

/// Every command there is, on these.
fn commands(agent: &str, queue: &str, call: &str, supervisor: &str) -> Vec<Command> {
    let (agent, queue, call, supervisor) = (
        agent.to_owned(),
        queue.to_owned(),
        call.to_owned(),
        supervisor.to_owned(),
    );
    let text = String::new;
    let monitor = |mode| Command::Monitor {
        supervisor: supervisor.clone(),
        from: text(),
        agent: agent.clone(),
        mode,
        follow: Follow::Agent,
    };
    let transfer = |to| Command::Transfer {
        agent: agent.clone(),
        to,
        reason: text(),
    };
    vec![
        Command::SignIn {
            agent: agent.clone(),
            phone: text(),
        },
        Command::SignOut { agent: agent.clone() },
        Command::SetReady { agent: agent.clone() },
        Command::SetNotReady {
            agent: agent.clone(),
            reason: text(),
        },
        Command::ForceBusy {
            agent: agent.clone(),
            reason: text(),
            seconds: 0,
        },
        Command::ForceIdle { agent: agent.clone() },
        Command::ForceSignOut {
            agent: agent.clone(),
            reason: text(),
        },
        Command::ExtendWrapUp {
            agent: agent.clone(),
            seconds: 1,
        },
        Command::Hold { agent: agent.clone() },
        Command::Retrieve { agent: agent.clone() },
        Command::Mute { agent: agent.clone() },
        Command::Unmute { agent: agent.clone() },
        Command::Ivr {
            agent: agent.clone(),
            to: ToIvr::of("pin"),
            timeout_seconds: None,
        },
        Command::Ivr {
            agent: agent.clone(),
            to: ToIvr::of("pin,s,1"),
            timeout_seconds: None,
        },
        Command::Survey { agent: agent.clone() },
        Command::Consult {
            agent: agent.clone(),
            to: Destination::Agent {
                agent: "1002".to_owned(),
            },
        },
        Command::Consultation {
            agent: agent.clone(),
            step: ConsultStep::HandOver,
            reason: text(),
        },
        Command::Record {
            agent: agent.clone(),
            order: hotline_wire::event::RecordOrder::Start,
        },
        transfer(Destination::Queue {
            queue: "help".into(),
            tier: text(),
            priority: None,
        }),
        transfer(Destination::Queue {
            queue: "help".into(),
            tier: "gold".into(),
            priority: None,
        }),
        transfer(Destination::Queue {
            queue: "help".into(),
            tier: text(),
            priority: Some(3_600),
        }),
        transfer(Destination::Place {
            place: "ivr,s,1".into(),
        }),
        Command::SetMembership {
            agent: agent.clone(),
            queue: queue.clone(),
            place: Some(Place { level: 1, weight: 1 }),
        },
        Command::SetSkill {
            agent: agent.clone(),
            skill: "x".into(),
            has: true,
        },
        Command::SetDoor {
            queue: queue.clone(),
            door: Door::Closed,
        },
        Command::Reprioritise {
            call: call.clone(),
            priority: 1,
        },
        Command::MoveCall {
            call: call.clone(),
            queue: queue.clone(),
        },
        Command::Withdraw {
            call: call.clone(),
            place: text(),
        },
        Command::CancelCallback {
            callback: call.clone(),
        },
        Command::SignInSupervisor {
            supervisor: supervisor.clone(),
            phone: text(),
        },
        Command::SignOutSupervisor {
            supervisor: supervisor.clone(),
        },
        monitor(MonitorMode::Listen),
        monitor(MonitorMode::Whisper),
        monitor(MonitorMode::Barge),
        monitor(MonitorMode::TakeOver),
        Command::StopMonitor {
            supervisor: supervisor.clone(),
        },
        Command::Disconnect {
            agent: agent.clone(),
            whom: Whom::Both,
            from: text(),
        },
        Command::WhyCall { call },
        Command::WhyNot { agent },
        Command::Fairness,
        Command::ConfigDiff,
        Command::ConfigSave {
            name: "a.toml".into(),
        },
        Command::ConfigForget { about: text() },
        Command::Reload,
        Command::Blacklist(ListOrder::Add {
            entry: ListEntry::default(),
        }),
        Command::Blacklist(ListOrder::Remove {
            number: text(),
            reason: text(),
        }),
        Command::Blacklist(ListOrder::Keep {
            number: text(),
            reason: text(),
        }),
        Command::Blacklist(ListOrder::Check {
            number: text(),
            queue: text(),
            tier: text(),
        }),
        Command::Blacklist(ListOrder::List {
            find: text(),
            after: text(),
            limit: 1,
            review: false,
        }),
        Command::Blacklist(ListOrder::Import {
            path: text(),
            skip_bad: false,
            reason: text(),
        }),
        Command::Blacklist(ListOrder::Export { path: text() }),
        Command::Blacklist(ListOrder::Load),
    ]
}

/// The commands' names, one a line: what the role may do.
fn allowed(role: Role, commands: &[Command]) -> Vec<String> {
    let (authority, node) = (authority(), node());
    let name = |command: &Command| {
        let json = serde_json::to_value(command).unwrap();
        let word = |key: &str| {
            json[key]
                .as_str()
                .map(|word| format!(" {word}"))
                .unwrap_or_default()
        };
        format!(
            "{}{}{}",
            json["do"].as_str().unwrap(),
            word("mode"),
            word("order")
        )
    };
    commands
        .iter()
        .filter(|command| authority.command(&actor(role), Some(&node), command).is_ok())
        .map(name)
        .collect()
}

const WORK: [&str; 15] = [
    "sign_in",
    "sign_out",
    "set_ready",
    "set_not_ready",
    "extend_wrap_up",
    "hold",
    "retrieve",
    "mute",
    "unmute",
    "record start",
    "transfer",
    "ivr",
    "survey",
    "consult",
    "consultation",
];

#[test]
fn a_viewer_does_nothing() {
    assert_eq!(
        allowed(Role::Viewer, &commands("1001", "sales", "c1", "9001")),
        [""; 0]
    );
}

#[test]
fn an_agent_does_its_own_work_and_asks_why() {
    let mut own = allowed(Role::Agent, &commands("1001", "sales", "c1", "9001"));
    own.sort();
    let mut expected: Vec<&str> = WORK.into_iter().chain(["why_call", "why_not"]).collect();
    expected.sort();
    assert_eq!(own, expected);
    // Not a colleague's, of whatever team.
    assert_eq!(
        allowed(Role::Agent, &commands("1002", "sales", "c2", "9001")),
        [""; 0]
    );
}

#[test]
fn an_inspector_listens_to_its_teams_under_its_own_number() {
    let own = allowed(Role::Inspector, &commands("1001", "sales", "c1", "9001"));
    let signs = ["sign_in_supervisor", "sign_out_supervisor"];
    let listens = ["monitor listen", "stop_monitor", "why_call", "why_not"];
    assert_eq!(own, signs.into_iter().chain(listens).collect::<Vec<_>>());
    assert_eq!(
        allowed(Role::Inspector, &commands("1001", "sales", "c1", "9002")),
        ["why_call", "why_not"]
    );
    assert_eq!(
        allowed(Role::Inspector, &commands("2001", "help", "c2", "9001")),
        ["sign_in_supervisor", "sign_out_supervisor", "stop_monitor"]
    );
}

#[test]
fn a_supervisor_acts_on_its_own_teams() {
    let all = commands("1001", "sales", "c1", "9001");
    let may = allowed(Role::Supervisor, &all);
    let may_not: Vec<String> = allowed(Role::Administrator, &all)
        .into_iter()
        .filter(|name| !may.contains(name) && name != "cancel_callback")
        .collect();
    assert_eq!(
        may_not,
        [
            "config_save",
            "config_forget",
            "reload",
            "blacklist import",
            "blacklist export",
            "blacklist load"
        ]
    );
    let others = allowed(Role::Supervisor, &commands("2001", "help", "c2", "9002"));
    assert_eq!(
        others,
        [
            "fairness",
            "config_diff",
            "blacklist add",
            "blacklist remove",
            "blacklist keep",
            "blacklist check",
            "blacklist list"
        ]
    );
    // Both ends of a move must be its own.
    let authority = authority();
    for (call, queue, may) in [
        ("c1", "sales", true),
        ("c1", "help", false),
        ("c2", "sales", false),
    ] {
        let command = Command::MoveCall {
            call: call.into(),
            queue: queue.into(),
        };
        let judged = authority.command(&actor(Role::Supervisor), Some(&node()), &command);
        assert_eq!(judged.is_ok(), may, "{call} {queue}");
    }
}

#[test]
fn an_administrator_does_everything() {
    let all = commands("2001", "help", "c2", "9002");
    assert_eq!(allowed(Role::Administrator, &all).len(), all.len());
}

#[test]
fn a_denial_says_who_what_and_the_remedy() {
    let command = Command::ForceIdle { agent: "2001".into() };
    let denied = authority()
        .command(&actor(Role::Supervisor), None, &command)
        .unwrap_err();
    assert_eq!(
        denied.to_string(),
        "http:anna is supervisor, who may force an agent's state in its own teams (sales) only, and agent 2001 is not there; an \
         administrator can change [[team]]"
    );
}

#[test]
fn the_table_has_every_deed_once() {
    for (row, (deed, _)) in policy::TABLE.iter().enumerate() {
        assert_eq!(
            policy::TABLE.iter().position(|(other, _)| other == deed),
            Some(row)
        );
    }
    // Every command's deed is there, or nobody could carry it out, not even an administrator: see above.
    for role in Role::ALL {
        assert_eq!(role.label().parse(), Ok(role));
    }
}

#[test]
fn unix_users_are_what_the_first_entry_says() {
    let grant = |user: Option<&str>, group: Option<&str>, role| UnixSettings {
        user: user.map(str::to_owned),
        group: group.map(str::to_owned),
        role,
        teams: vec!["sales".into()],
        supervisor: None,
    };
    let open = Authority::default();
    assert_eq!(
        open.unix_user("anna", &[]).unwrap(),
        Actor::administrator("dbus:anna")
    );
    let mapped = Authority::new(
        &[],
        &[
            grant(Some("root"), None, Role::Administrator),
            grant(None, Some("floor"), Role::Supervisor),
        ],
    );
    assert_eq!(
        mapped.unix_user("anna", &["floor".into()]).unwrap().role,
        Role::Supervisor
    );
    assert_eq!(mapped.unix_user("root", &[]).unwrap().role, Role::Administrator);
    assert!(mapped.unix_user("otto", &["users".into()]).is_err());
}

#[test]
fn whole_numbers_are_for_who_needs_them() {
    let authority = authority();
    let sees = |role, queue, agent| authority.sees_number(&actor(role), queue, agent);
    assert!(!sees(Role::Viewer, "sales", None));
    assert!(!sees(Role::Inspector, "sales", Some("1001")));
    assert!(sees(Role::Agent, "sales", Some("1001")));
    assert!(!sees(Role::Agent, "sales", Some("1002")));
    assert!(!sees(Role::Agent, "sales", None));
    assert!(sees(Role::Supervisor, "sales", None));
    assert!(!sees(Role::Supervisor, "help", None));
    assert!(sees(Role::Administrator, "help", None));
}

#[test]
fn the_documentation_has_the_policy() {
    let reach = |reach: &Reach| match reach {
        Reach::Never => "never",
        Reach::Own => "own",
        Reach::Teams => "teams",
        Reach::Any => "any",
    };
    let mut table = String::new();
    for (deed, reaches) in &policy::TABLE {
        let cells: Vec<&str> = reaches.iter().map(reach).collect();
        table.push_str(&format!("| {} | {} |\n", deed.label(), cells.join(" | ")));
    }
    let page = include_str!("../../../docs/http.md");
    assert!(page.contains(&table), "docs/http.md is to have\n{table}");
}

#[test]
fn what_is_denied_is_one_line_of_the_log_whatever_was_asked() {
    let name = "x\n2026-01-01 ERROR \u{1b}[31mforged";
    for target in [
        Target::Agent(name),
        Target::Queue(name),
        Target::Call(name),
        Target::Supervisor(name),
    ] {
        let denied = authority().deed(&actor(Role::Supervisor), Some(&node()), Deed::Listen, target);
        let denied = denied.unwrap_err().to_string();
        assert!(
            denied.contains("forged") && !denied.chars().any(char::is_control),
            "{denied}"
        );
    }
}

#[test]
fn an_agent_is_signed_in_on_its_own_phone_or_one_that_the_settings_name() {
    let pattern = |text: &str| PhonePattern::try_from(text.to_owned()).unwrap();
    let mut sales = TeamSettings {
        name: "sales".into(),
        agents: vec!["10*".into()],
        ..TeamSettings::default()
    };
    sales.agent_phones = vec![pattern("SIP/home-*")];
    let help = TeamSettings {
        name: "help".into(),
        agents: vec!["20*".into()],
        agent_phones: vec![pattern("SIP/help*")],
        ..TeamSettings::default()
    };
    let all = [pattern("PJSIP/1*"), pattern("Local/1*@agents/n")];
    let authority = Authority::new(&[sales, help], &[]).with_agent_phones(&all);
    let may = |role, phone: &str| {
        let command = Command::SignIn {
            agent: "1001".into(),
            phone: phone.into(),
        };
        authority.command(&actor(role), None, &command).is_ok()
    };
    for phone in [
        "",
        "PJSIP/1",
        "PJSIP/1001-desk",
        "Local/17@agents/n",
        "SIP/home-1001",
    ] {
        assert!(may(Role::Agent, phone) && may(Role::Supervisor, phone), "{phone}");
    }
    for phone in [
        "PJSIP/2001",
        "pjsip/1001",
        // Through a trunk, to a URI, a second phone, with options, into another context.
        "PJSIP/1900555@provider",
        "PJSIP/1/sip:1900555@example.com",
        "PJSIP/1&PJSIP/provider/1900555",
        "PJSIP/1,60,U(hack)",
        "Local/1900555@outbound/n",
        "Local/1@agents/n@agents/n",
        "Local/1@agents/n&Local/1@agents/n",
        // Another team's.
        "SIP/help1",
        " ",
    ] {
        for role in [Role::Agent, Role::Supervisor, Role::Viewer] {
            assert!(!may(role, phone), "{role:?} {phone}");
        }
        assert!(may(Role::Administrator, phone), "{phone}");
    }
    for wrong in ["*", "", "PJSIP", "P*/1", "/1", "PJSIP/1\n"] {
        assert!(PhonePattern::try_from(wrong.to_owned()).is_err(), "{wrong:?}");
    }
}

#[test]
fn without_a_list_an_agent_has_its_own_phone_only() {
    let sign_in = |phone: &str| Command::SignIn {
        agent: "1001".into(),
        phone: phone.into(),
    };
    let judge = |role, phone| authority().command(&actor(role), None, &sign_in(phone));
    assert!(judge(Role::Agent, "").is_ok());
    let denied = judge(Role::Agent, "PJSIP/trunk/0900\n1").unwrap_err().to_string();
    assert!(
        denied.contains("agent_phones") && !denied.contains('\n'),
        "{denied}"
    );
    assert!(judge(Role::Supervisor, "PJSIP/1001").is_err());
    assert!(judge(Role::Administrator, "PJSIP/1001").is_ok());
}
