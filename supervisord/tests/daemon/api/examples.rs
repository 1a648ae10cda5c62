//! The examples of docs/http.md work as they stand there.

use std::path::Path;
use std::process::Command;

use supervisord::settings::TeamSettings;

use crate::support::inside::{settings, until};
use crate::support::node::FakeNode;
use crate::support::story::Story;

#[tokio::test(flavor = "multi_thread")]
async fn the_documentations_examples_work() {
    let page = include_str!("../../../../docs/http.md");
    let blocks: Vec<&str> = page
        .split("```sh\n")
        .skip(1)
        .filter_map(|rest| rest.split_once("```").map(|(block, _)| block))
        .collect();
    assert!(blocks.len() >= 4, "where are the examples?");
    let dir = tempfile::tempdir().unwrap();
    let node = FakeNode::start(dir.path(), "pbx1", "b1");
    Story::new(71, "b1").begin(&node);
    let mut settings = settings(dir.path(), &[&node]);
    settings.team = vec![TeamSettings::default()];
    settings.team[0].name = "sales".into();
    let users = settings.http.users.clone();
    let daemon = supervisord::daemon::Daemon::start(settings).await.unwrap();
    until(&daemon, "the agents are known", |state| {
        state
            .nodes
            .get("pbx1")
            .is_some_and(|node| !node.agents.is_empty())
    })
    .await;
    let programs = Path::new(env!("CARGO_BIN_EXE_hotlinectl")).parent().unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let url = format!("http://{}", daemon.http());
    let script = format!("set -euxo pipefail\n{}", blocks.concat());
    let folder = dir.path().to_owned();
    let run = move || {
        Command::new("bash")
            .args(["-c", &script])
            .env("PATH", path)
            .env("HOTLINE", url)
            .env("HOTLINE_USERS", users)
            .current_dir(folder)
            .output()
            .unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    for part in [
        "user anna is supervisor",
        "\"queue\":\"support\"",
        "\"agent\":\"1001\"",
        "{\"outcome\":\"done\"}",
        "event: reset\ndata: {\"reason\":\"new\"}",
        "event: ready",
    ] {
        assert!(said.contains(part), "no {part} in\n{said}");
    }
    daemon.stop().await;
}
