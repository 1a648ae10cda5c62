//! Rows of the audit record about people: who signed in, who may use the API, who took care of an alarm.

use std::time::Duration;

use reqwest::{Method, header};
use serde_json::{Value, json};

use super::Floor;
use super::people::hotlinectl;
use crate::support::client::{Api, PASSWORD};

/// The rows of an action, oldest first, once there are so many. What people do is stored behind what nodes told before.
pub async fn rows(api: &Api, action: &str, count: usize) -> Vec<Value> {
    loop {
        let (status, page) = api
            .get(&format!("/api/v1/audit?limit=1000&action={action}"))
            .await;
        assert_eq!(status, 200, "{page}");
        let mut items = page["items"].as_array().unwrap().clone();
        assert!(items.len() <= count, "more than {count}: {page}");
        if items.len() == count {
            items.reverse();
            return items;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What of a row is to be compared.
fn told(row: &Value) -> Value {
    json!([
        row["author"],
        row["target"],
        row["result"],
        row["reason"],
        row["before"],
        row["after"]
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_in_and_out_is_kept_and_no_word_that_may_be_a_password() {
    let floor = Floor::open(71, 10).await;
    let (api, admin) = (Api::anonymous(&floor.daemon), Api::of(&floor.daemon, "admin"));
    let sign_in = |user: &str, password: &str| {
        let body = json!({"user": user, "password": password}).to_string();
        let request = api
            .request(Method::POST, "/api/v1/session")
            .header(header::CONTENT_TYPE, "application/json");
        request.body(body).send()
    };
    assert_eq!(sign_in("anna", "a wrong password").await.unwrap().status(), 401);
    assert_eq!(sign_in(PASSWORD, PASSWORD).await.unwrap().status(), 401);
    let response = sign_in("anna", PASSWORD).await.unwrap();
    assert_eq!(response.status(), 200);
    let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let who: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    let out = api
        .request(Method::DELETE, "/api/v1/session")
        .header(header::COOKIE, cookie)
        .header("X-CSRF-Token", who["csrf"].as_str().unwrap());
    assert_eq!(out.send().await.unwrap().status(), 204);

    let of = rows(&admin, "log_in", 3).await;
    let all: Vec<Value> = of.iter().map(told).collect();
    assert_eq!(
        all,
        [
            json!(["http:anna", "anna", "refused", "another password", null, null]),
            json!(["http:", "", "refused", "no such user", null, null]),
            json!(["http:anna", "anna", "done", "", null, null]),
        ]
    );
    assert!(
        of.iter().all(|row| row["asked"] == json!({"from": "127.0.0.1"})),
        "{of:?}"
    );
    let of = rows(&admin, "log_out", 1).await;
    assert_eq!(told(&of[0]), json!(["http:anna", "anna", "done", "", null, null]));

    // By time: what comes after a row is without it.
    let at = of[0]["at"].as_u64().unwrap();
    let count = async |query: String| {
        let (status, page) = admin.get(&format!("/api/v1/audit?action=log_out&{query}")).await;
        assert_eq!(status, 200, "{page}");
        page["items"].as_array().unwrap().len()
    };
    assert_eq!(count(format!("from={at}")).await, 1);
    assert_eq!(count(format!("from={}", at + 1)).await, 0);
    assert_eq!(count(format!("until={at}")).await, 0);
    assert_eq!(
        count(format!("from={at}&until={}&target=anna&author=http:anna", at + 1)).await,
        1
    );
    floor.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_use_the_api_is_kept_with_each_change_of_it() {
    let floor = Floor::open(72, 10).await;
    let users = floor.dir.path().join("users.toml");
    let admin = Api::of(&floor.daemon, "admin");
    let first = rows(&admin, "users_read", 1).await;
    assert_eq!(
        told(&first[0]),
        json!(["file:users.toml", "", "done", "", null, {"users": 1, "tokens": 6}])
    );
    let run = |arguments: &[&str]| {
        let output = hotlinectl(&users, arguments, "a long password\n");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    // Each is read by the question for its row before the next is written.
    let secret = run(&["token", "add", "wall", "--role", "viewer", "--team", "first"]);
    let made = rows(&admin, "token_add", 1).await;
    let by = made[0]["author"].as_str().unwrap();
    assert!(by.starts_with("cli:"), "{by}");
    let viewer = json!({"role": "viewer", "teams": ["first"]});
    assert_eq!(told(&made[0]), json!([by, "wall", "done", "", null, viewer]));
    run(&["token", "remove", "wall"]);
    let gone = rows(&admin, "token_remove", 1).await;
    assert_eq!(told(&gone[0]), json!([by, "wall", "done", "", viewer, null]));
    run(&["user", "passwd", "anna"]);
    let passwd = rows(&admin, "user_passwd", 1).await;
    assert_eq!(passwd[0]["before"], passwd[0]["after"]);

    // By hand, and so that it cannot be used.
    let text = std::fs::read_to_string(&users).unwrap();
    std::fs::write(
        &users,
        text.replacen("role = \"supervisor\"", "role = \"inspector\"", 1),
    )
    .unwrap();
    let changed = rows(&admin, "user_change", 1).await;
    assert_eq!(changed[0]["author"], "file:users.toml");
    assert_eq!(
        (&changed[0]["before"]["role"], &changed[0]["after"]["role"]),
        (&json!("supervisor"), &json!("inspector"))
    );
    std::fs::write(&users, "[[user]]\nname = 7\n").unwrap();
    let read = rows(&admin, "users_read", 6).await;
    assert_eq!(read[5]["result"], "refused");
    assert!(
        read[5]["reason"].as_str().unwrap().contains("line 2"),
        "{}",
        read[5]
    );

    let (_, page) = admin.get("/api/v1/audit?limit=1000").await;
    assert!(!page.to_string().contains(secret.trim()) && !page.to_string().contains("argon2"));
    floor.daemon.stop().await;
}
