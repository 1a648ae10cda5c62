//! `hotlinectl user` and `hotlinectl token`, and the daemon that reads what they wrote.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use reqwest::Method;
use serde_json::json;

use super::Floor;
use crate::support::client::Api;

pub fn hotlinectl(users: &std::path::Path, arguments: &[&str], password: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_hotlinectl"))
        .args(arguments)
        .env("HOTLINE_USERS", users)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may end without having read it.
    let _ = child.stdin.take().unwrap().write_all(password.as_bytes());
    child.wait_with_output().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn users_and_tokens_count_as_soon_as_they_are_written() {
    let floor = Floor::open(51, 10).await;
    let users = floor.dir.path().join("users.toml");
    let run = |arguments: &[&str], password: &str| {
        let output = hotlinectl(&users, arguments, password);
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let api = Api::anonymous(&floor.daemon);
    let sign_in = async |password: &str| {
        let body = json!({"user": "otto", "password": password});
        api.post("/api/v1/session", &body).await.0.as_u16()
    };
    let add = [
        "user",
        "add",
        "otto",
        "--role",
        "supervisor",
        "--team",
        "first",
        "--supervisor",
        "9002",
    ];
    let (code, said, _) = run(&add, "a long password\n");
    assert_eq!((code, said.as_str()), (Some(0), "user otto is supervisor\n"));
    assert_eq!(sign_in("a long password").await, 200);
    let (code, _, error) = run(&add, "another password\n");
    assert_eq!(code, Some(3));
    assert!(error.contains("hotlinectl user passwd otto"), "{error}");
    assert_eq!(run(&["user", "passwd", "otto"], "another password\n").0, Some(0));
    assert_eq!(sign_in("a long password").await, 401);
    assert_eq!(sign_in("another password").await, 200);
    let (_, list, _) = run(&["user", "list"], "");
    assert!(
        list.contains("otto") && list.contains("9002") && list.contains("anna"),
        "{list}"
    );
    let (code, _, error) = run(&["user", "passwd", "otto"], "short\n");
    assert_eq!(code, Some(3));
    assert!(error.contains("8 characters"), "{error}");
    let (code, _, error) = run(&["user", "add", "x", "--role", "agent"], "a long password\n");
    assert_eq!(code, Some(1));
    assert!(error.contains("user x: role agent needs"), "{error}");
    assert_eq!(run(&["user", "add", "x", "--role", "boss"], "").0, Some(2));

    let (code, secret, _) = run(
        &[
            "token", "add", "wall", "--role", "viewer", "--team", "first", "--for", "90d",
        ],
        "",
    );
    assert_eq!(code, Some(0));
    let api = Api::of(&floor.daemon, secret.trim());
    assert_eq!(api.get("/api/v1/queues").await.0, 200);
    let text = std::fs::read_to_string(&users).unwrap();
    assert!(!text.contains(secret.trim()) && !text.contains("another password"));
    assert_eq!(run(&["token", "remove", "wall"], "").0, Some(0));
    assert_eq!(api.get("/api/v1/queues").await.0, 401);
    assert_eq!(run(&["token", "remove", "wall"], "").0, Some(3));
    assert_eq!(run(&["user", "remove", "otto"], "").0, Some(0));
    assert_eq!(sign_in("another password").await, 401);
    let (_, hash, _) = run(&["user", "hash"], "a long password\n");
    assert!(hash.starts_with("$argon2id$"), "{hash}");
    assert_eq!(
        api.request(Method::GET, "/healthz")
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    floor.daemon.stop().await;
}
