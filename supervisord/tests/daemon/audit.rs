//! The audit record: a row for each action, once, whatever happens to the daemon, and no row changed unseen.

use std::path::Path;
use std::process::{Command as Program, Output};

use hotline_wire::snapshot::AgentState;
use hotline_wire::{Command, Event, Outcome, Refusal};
use rusqlite::Connection;

use crate::support::daemon::{DaemonProcess, write_settings};
use crate::support::node::FakeNode;
use crate::support::story::{Story, agent, joined};

fn audit(database: &Path, arguments: &[&str]) -> Output {
    Program::new(env!("CARGO_BIN_EXE_hotlinectl"))
        .args(["audit", arguments[0], "--store"])
        .arg(database)
        .args(&arguments[1..])
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn answered(author: &str, agent: &str, outcome: Outcome) -> Event {
    Event::CommandAnswered {
        author: author.into(),
        command: Command::ForceBusy {
            agent: agent.into(),
            reason: "training".into(),
            seconds: 60,
        },
        outcome,
    }
}

/// What comes of it.
fn locked(number: &str, reason: &str) -> Event {
    let mut agent = agent(number, &["sales"]);
    agent.state = AgentState::ForcedBusy;
    agent.reason = reason.into();
    Event::AgentChanged {
        from: AgentState::Ready,
        agent: agent.into(),
    }
}

/// A daemon that was killed again and again, its database, and how many actions it was told of.
fn recorded(dir: &Path) -> (FakeNode, std::path::PathBuf, u64) {
    let node = FakeNode::start(dir, "pbx1", "b1");
    let settings = write_settings(dir, &[&node.socket], "off", "checkpoint_every = 50\n");
    Story::new(5, "b1").begin(&node);
    // The settings of the node.
    let mut actions = 1;
    for round in 0..6u64 {
        let daemon = DaemonProcess::start(&settings);
        for step in 0..40 {
            node.tell_at(
                0,
                joined(&format!("c{round}-{step}"), "sales", "gold", "13800138000"),
            );
            let outcome = if step % 4 == 0 {
                Outcome::Refused {
                    reason: Refusal::NotSignedIn,
                    message: "the agent is not signed in".into(),
                }
            } else {
                Outcome::Done
            };
            let at = 1_000_000 * (round * 40 + step);
            if outcome == Outcome::Done {
                node.tell_at(at, locked(&format!("10{step:02}"), &format!("training {round}")));
            }
            node.tell_at(at, answered("li", &format!("10{step:02}"), outcome));
            actions += 1;
            // Questions leave no trace.
            node.tell_at(
                0,
                Event::CommandAnswered {
                    author: "li".into(),
                    command: Command::Fairness,
                    outcome: Outcome::Done,
                },
            );
        }
        node.wait_acked(node.seq() - 30);
        daemon.kill();
    }
    let daemon = DaemonProcess::start(&settings);
    node.wait_all_acked();
    daemon.stop();
    (node, dir.join("events.db"), actions)
}

#[test]
fn each_action_is_there_once_and_can_be_looked_up() {
    let dir = tempfile::tempdir().unwrap();
    let (_node, database, actions) = recorded(dir.path());
    let verified = audit(&database, &["verify"]);
    assert!(verified.status.success(), "{}", said(&verified));
    assert!(said(&verified).starts_with(&format!("{actions} rows, all as written; the last has ")));
    let rows = audit(
        &database,
        &["show", "--json", "--target", "1004", "--last", "100"],
    );
    let rows: serde_json::Value = serde_json::from_slice(&rows.stdout).unwrap();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 6);
    for row in rows {
        assert_eq!(
            (&row["author"], &row["action"], &row["result"], &row["reason"]),
            (
                &"li".into(),
                &"force_busy".into(),
                &"refused".into(),
                &"the agent is not signed in".into()
            )
        );
        assert_eq!(
            (&row["asked"]["seconds"], &row["asked"]["reason"]),
            (&60.into(), &"training".into())
        );
        assert_eq!(row["before"], row["after"], "refused");
    }
    // From action to action, over all kills: what was after one is before the next.
    let rows = audit(&database, &["show", "--json", "--target", "1005"]);
    let rows: serde_json::Value = serde_json::from_slice(&rows.stdout).unwrap();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 6);
    for (round, row) in rows.iter().enumerate() {
        assert_eq!(row["after"]["reason"], format!("training {round}"));
        match round {
            0 => assert_eq!(row["before"]["state"], "ready"),
            _ => assert_eq!(row["before"], rows[round - 1]["after"]),
        }
    }
    let latest = said(&audit(
        &database,
        &["show", "--author", "li", "--action", "force_busy", "--last", "2"],
    ));
    assert!(
        latest.contains("1039") && latest.contains("1038") && !latest.contains("1037"),
        "{latest}"
    );
    let first = said(&audit(&database, &["show", "--action", "settings"]));
    assert!(first.lines().count() == 2 && first.contains("boot"), "{first}");
    let first = said(&audit(
        &database,
        &["show", "--target", "1005", "--until", "1970-01-01T00:00:06Z"],
    ));
    let cells: Vec<&str> = first.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(first.lines().count(), 2, "{first}");
    assert!(
        cells.contains(&"state=ready") && cells.contains(&"state=forced_busy") && !first.contains("phone"),
        "{first}"
    );
}

#[test]
fn whatever_is_changed_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let (_node, database, actions) = recorded(dir.path());
    let whole = said(&audit(&database, &["verify"]));
    let head = whole.trim_end().rsplit(' ').next().unwrap().to_owned();
    let known = |database: &Path, head: &str| audit(database, &["verify", "--head", head]);
    assert!(known(&database, &head).status.success());

    let columns =
        "id, at, node, boot, seq, author, action, target, asked, before, after, result, reason, hash";
    let moved = columns.replacen("id", "500", 1);
    for (change, found) in [
        (
            "UPDATE audit SET author = 'wang' WHERE id = 17".to_owned(),
            "row 17 ",
        ),
        ("UPDATE audit SET at = at + 1 WHERE id = 3".to_owned(), "row 3 "),
        ("UPDATE audit SET at = 'noon' WHERE id = 4".to_owned(), "row 4 "),
        ("UPDATE audit SET seq = -1 WHERE id = 6".to_owned(), "row 6 "),
        // From one field into the next.
        (
            "UPDATE audit SET result = 'don', reason = 'e' || reason WHERE id = 20".to_owned(),
            "row 20 ",
        ),
        (
            "UPDATE audit SET hash = zeroblob(32) WHERE id = 30".to_owned(),
            "row 30 ",
        ),
        (
            "UPDATE audit SET hash = 'text' WHERE id = 31".to_owned(),
            "row 31 ",
        ),
        ("DELETE FROM audit WHERE id = 40".to_owned(), "row 40 "),
        (
            format!("DELETE FROM audit WHERE id = {actions}"),
            "rows were removed",
        ),
        ("DELETE FROM audit".to_owned(), "rows were removed"),
        (
            format!("INSERT INTO audit ({columns}) SELECT {moved} FROM audit WHERE id = 5"),
            &*format!("row {} ", actions + 1),
        ),
    ] {
        let copy = dir.path().join("copy.db");
        std::fs::copy(&database, &copy).unwrap();
        Connection::open(&copy).unwrap().execute_batch(&change).unwrap();
        let refused = audit(&copy, &["verify"]);
        assert_eq!(refused.status.code(), Some(1), "{change}");
        assert!(said(&refused).contains(found), "{change}: {}", said(&refused));
        assert!(
            !audit(&copy, &["show"]).status.success(),
            "nothing is shown that is not believed"
        );
        std::fs::remove_file(&copy).unwrap();
    }

    // The last rows removed with care: a whole record, but not the one that was known.
    let copy = dir.path().join("copy.db");
    std::fs::copy(&database, &copy).unwrap();
    let db = Connection::open(&copy).unwrap();
    db.execute_batch(&format!(
        "DELETE FROM audit WHERE id > {0}; UPDATE audit_head SET rows = {0}, hash = (SELECT hash FROM audit WHERE id = {0})",
        actions - 1
    ))
    .unwrap();
    drop(db);
    assert!(audit(&copy, &["verify"]).status.success());
    let refused = known(&copy, &head);
    assert!(said(&refused).contains("is not in it"), "{}", said(&refused));
    assert!(!known(&copy, "abc").status.success());
    let none = audit(&dir.path().join("none.db"), &["verify"]);
    assert!(said(&none).contains("none.db"), "{}", said(&none));
}

#[test]
fn a_record_that_somebody_changed_keeps_no_event_waiting_and_says_so_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let (node, database, _) = recorded(dir.path());
    let settings = dir.path().join("supervisord.toml");
    for (change, told) in [
        ("DELETE FROM audit_head", 1),
        ("UPDATE audit_head SET rows = 3", 2),
        ("UPDATE audit_head SET hash = 'text'", 3),
        ("DROP TABLE audit_head", 4),
        (
            "DELETE FROM audit WHERE action = 'audit_broken'; DELETE FROM audit WHERE id > 100",
            1,
        ),
        ("DROP TABLE audit", 1),
        (
            "UPDATE audit SET id = 9223372036854775807 WHERE action = 'force_busy' AND target = '1002'",
            2,
        ),
    ] {
        let database = Connection::open(&database).unwrap();
        database.execute_batch(change).unwrap();
        drop(database);
        let daemon = DaemonProcess::start(&settings);
        for agent in ["1001", "1002"] {
            node.tell_at(7, answered("li", agent, Outcome::Done));
        }
        node.wait_all_acked();
        daemon.stop();
        let database = dir.path().join("events.db");
        let refused = audit(&database, &["verify"]);
        assert_eq!(refused.status.code(), Some(1), "{change}");
        let said = said(&refused);
        assert!(
            said.contains("tells what the daemon found: the record had")
                || said.contains("is not as it was written"),
            "{change}: {said}"
        );
        let db = Connection::open(&database).unwrap();
        let last: Vec<String> = db
            .prepare("SELECT action FROM audit WHERE id < 9223372036854775807 ORDER BY id DESC LIMIT 3")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert_eq!(last, ["force_busy", "force_busy", "audit_broken"], "{change}");
        let query = "SELECT count(*) FROM audit WHERE action = 'audit_broken'";
        let count: u64 = db.query_row(query, [], |row| row.get(0)).unwrap();
        assert_eq!(count, told, "{change}");
    }
}

#[test]
fn what_is_no_file_is_refused_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("events.db");
    assert!(Program::new("mkfifo").arg(&pipe).status().unwrap().success());
    let refused = audit(&pipe, &["verify"]);
    assert!(
        said(&refused).contains("it is no regular file"),
        "{}",
        said(&refused)
    );
}
