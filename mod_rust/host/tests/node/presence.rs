//! Who is signed in, where, and not ready, is so again after a restart of the PBX.

use hotline_host::wire::snapshot::{AgentInfo, AgentState};
use hotline_host::wire::{Command, Outcome};

use crate::bed::Bed;

fn bed(sign_ins: bool) -> Bed {
    Bed::with(&format!(
        "[state]\ndirectory = \"@FOLDER@/state\"\nsign_ins = {sign_ins}"
    ))
}

fn seen(bed: &Bed, number: &str) -> AgentInfo {
    let agents = bed.host.snapshot().unwrap().agents;
    agents.into_iter().find(|agent| agent.number == number).unwrap()
}

fn done(bed: &Bed, command: Command) {
    assert_eq!(bed.host.command("test", command), Outcome::Done);
}

fn sign_in(bed: &Bed, agent: &str, phone: &str) {
    let (agent, phone) = (agent.into(), phone.into());
    done(bed, Command::SignIn { agent, phone });
}

fn not_ready(bed: &Bed, agent: &str, reason: &str) -> Outcome {
    let (agent, reason) = (agent.into(), reason.into());
    bed.host.command("test", Command::SetNotReady { agent, reason })
}

fn supervisor_phone(bed: &Bed) -> String {
    bed.host.snapshot().unwrap().supervisors[0].phone.clone()
}

#[test]
fn agents_and_supervisors_are_where_they_were() {
    let mut bed = bed(true);
    sign_in(&bed, "1002", "X/77");
    assert_eq!(not_ready(&bed, "1002", "lunch"), Outcome::Done);
    assert_eq!(not_ready(&bed, "1001", "papers"), Outcome::Done);
    let signed_in = bed
        .host
        .sign_in_supervisor("test", "9001".into(), "X/9001".into());
    assert_eq!(signed_in, Outcome::Done);
    for _ in 0..2 {
        bed.restart();
        let (first, second) = (seen(&bed, "1001"), seen(&bed, "1002"));
        assert_eq!((first.state, &*first.reason), (AgentState::NotReady, "papers"));
        assert_eq!((second.state, &*second.reason), (AgentState::NotReady, "lunch"));
        assert_eq!(second.phone, "X/77");
        assert_eq!(supervisor_phone(&bed), "X/9001");
    }
    // What they do afterwards counts.
    for agent in ["1001", "1002"] {
        done(&bed, Command::SetReady { agent: agent.into() });
    }
    bed.restart();
    assert_eq!(seen(&bed, "1001").state, AgentState::Ready);
    assert_eq!(seen(&bed, "1002").state, AgentState::Ready);
    done(&bed, Command::SignOut { agent: "1002".into() });
    let supervisor = "9001".into();
    done(&bed, Command::SignOutSupervisor { supervisor });
    bed.restart();
    assert_eq!(seen(&bed, "1002").state, AgentState::SignedOut);
    assert_eq!(supervisor_phone(&bed), "");
}

#[test]
fn what_was_to_follow_a_conversation_counts_for_who_had_one() {
    let mut bed = bed(true);
    sign_in(&bed, "1002", "X/77");
    let mut calls = [bed.call(), bed.call()];
    let agents = calls.each_mut().map(|call| call.connect());
    assert_eq!(not_ready(&bed, &agents[0], "lunch"), Outcome::Pending);
    let reason = "enough".into();
    let agent = agents[1].clone();
    let out = Command::ForceSignOut { agent, reason };
    assert_eq!(bed.host.command("test", out), Outcome::Pending);
    bed.restart();
    let states = agents
        .each_ref()
        .map(|agent| (agent.as_str(), seen(&bed, agent).state));
    // The one is signed in by the settings at every start.
    for (agent, state) in [
        (&agents[0], AgentState::NotReady),
        (
            &agents[1],
            if agents[1] == "1001" {
                AgentState::Ready
            } else {
                AgentState::SignedOut
            },
        ),
    ] {
        assert!(states.contains(&(agent, state)), "{states:?}");
    }
}

#[test]
fn a_lock_and_a_phone_are_both_there_again() {
    let mut bed = bed(true);
    sign_in(&bed, "1002", "X/77");
    let lock = Command::ForceBusy {
        agent: "1002".into(),
        reason: "training".into(),
        seconds: 0,
    };
    done(&bed, lock);
    bed.restart();
    let agent = seen(&bed, "1002");
    assert_eq!((agent.state, &*agent.phone), (AgentState::ForcedBusy, "X/77"));
}

#[test]
fn everybody_signs_in_anew_if_the_settings_say_so() {
    let mut bed = bed(false);
    sign_in(&bed, "1002", "X/77");
    bed.restart();
    assert_eq!(seen(&bed, "1002").state, AgentState::SignedOut);
    assert_eq!(seen(&bed, "1001").state, AgentState::Ready);
}

#[test]
fn who_has_no_place_any_more_is_named_and_does_not_come_back_by_a_reload() {
    let mut bed = bed(true);
    sign_in(&bed, "1002", "X/77");
    let settings = std::fs::read_to_string(bed.settings_file()).unwrap();
    let without = settings.replacen("number = \"1002\"", "number = \"1003\"", 1);
    std::fs::write(bed.settings_file(), without).unwrap();
    bed.restart();
    // What stood is restored before anything is answered.
    assert!(
        bed.host
            .snapshot()
            .unwrap()
            .agents
            .iter()
            .all(|agent| agent.number != "1002")
    );
    let log = bed.pbx.log.lock().unwrap().join("\n");
    let said = "not restored: agent 1002: signed in on X/77: there is no agent of that number";
    assert!(log.contains(said), "{log}");
    std::fs::write(bed.settings_file(), settings).unwrap();
    bed.host.reload("test").unwrap();
    assert_eq!(seen(&bed, "1002").state, AgentState::SignedOut);
}

#[test]
fn who_sits_at_the_own_phone_moves_with_it() {
    let mut bed = bed(true);
    sign_in(&bed, "1002", "X/1002");
    let settings = std::fs::read_to_string(bed.settings_file()).unwrap();
    let moved = settings.replacen("phone = \"X/1002\"", "phone = \"X/2002\"", 1);
    std::fs::write(bed.settings_file(), moved).unwrap();
    bed.restart();
    assert_eq!(seen(&bed, "1002").phone, "X/2002");
}
