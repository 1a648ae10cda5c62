//! Who may use the API: sessions, tokens, and what ends them.

use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use supervisord::accounts::{Accounts, hash_password};
use supervisord::daemon::Daemon;
use supervisord::timings::Timings;

use super::Floor;
use crate::support::client::{Api, PASSWORD, read};

const SESSION: &str = "/api/v1/session";

/// Signs in: the cookie, and who one is.
async fn sign_in(api: &Api, user: &str, password: &str) -> (StatusCode, Option<String>, Value) {
    let body = json!({"user": user, "password": password}).to_string();
    let request = api
        .request(Method::POST, SESSION)
        .header(header::CONTENT_TYPE, "application/json");
    let response = request.body(body).send().await.unwrap();
    let cookie = response.headers().get(header::SET_COOKIE);
    let cookie = cookie.map(|cookie| cookie.to_str().unwrap().to_owned());
    let (status, who) = read(response).await;
    (status, cookie, who)
}

/// A request with a session's cookie.
async fn with(
    api: &Api,
    method: Method,
    path: &str,
    cookie: &str,
    csrf: Option<&str>,
) -> (StatusCode, Value) {
    let pair = cookie.split(';').next().unwrap();
    let mut request = api.request(method, path).header(header::COOKIE, pair);
    if let Some(csrf) = csrf {
        request = request.header("X-CSRF-Token", csrf);
    }
    let request = request.header(header::CONTENT_TYPE, "application/json");
    read(request.body("{\"do\":\"force_idle\"}").send().await.unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_acts_and_signs_out() {
    let floor = Floor::open(1, 30).await;
    let api = Api::anonymous(&floor.daemon);
    let (status, problem) = api.get("/api/v1/queues").await;
    assert_eq!(status, 401);
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("hotlinectl user add"),
        "{problem}"
    );

    let (status, cookie, who) = sign_in(&api, "anna", PASSWORD).await;
    assert_eq!(status, 200, "{who}");
    let cookie = cookie.unwrap();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(
        !cookie.contains("Secure"),
        "over plain HTTP no browser would give it back: {cookie}"
    );
    assert_eq!(who["role"], "supervisor");
    assert_eq!(who["author"], "http:anna");
    let csrf = who["csrf"].as_str().unwrap();

    let (status, queues) = with(&api, Method::GET, "/api/v1/queues", &cookie, None).await;
    assert_eq!(status, 200);
    assert_eq!(queues["items"][0]["queue"], "support");
    let order = "/api/v1/agents/1001/commands";
    for (given, expected) in [(None, 403), (Some("guessed"), 403), (Some(csrf), 200)] {
        let (status, answer) = with(&api, Method::POST, order, &cookie, given).await;
        assert_eq!(status, expected, "{answer}");
        if status == 403 {
            assert_eq!(answer["reason"], "csrf");
        }
    }
    let (status, _) = with(&api, Method::DELETE, SESSION, &cookie, Some(csrf)).await;
    assert_eq!(status, 204);
    let (status, _) = with(&api, Method::GET, SESSION, &cookie, None).await;
    assert_eq!(status, 401);
    floor.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_are_counted_also_of_users_there_are_not() {
    let timings = Timings {
        http_password: std::time::Duration::from_secs(3_600),
        ..Timings::default()
    };
    let floor = Floor::open_timed(2, 0, timings).await;
    let api = Api::anonymous(&floor.daemon);
    for user in ["anna", "nobody"] {
        let mut refused = 0;
        for _ in 0..12 {
            let (status, cookie, problem) = sign_in(&api, user, "wrong password").await;
            assert_eq!(cookie, None);
            if status == 429 {
                refused += 1;
                assert!(problem["retry_after"].as_u64().unwrap() > 0);
            } else {
                assert_eq!(status, 401, "{problem}");
                assert!(!problem["detail"].as_str().unwrap().contains(user));
            }
        }
        assert!(refused >= 1, "{user} was tried without end");
    }
    // The right one is no way round.
    let (status, _, _) = sign_in(&api, "anna", PASSWORD).await;
    assert_eq!(status, 429);
    floor.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_password_ends_sessions_and_so_does_a_restart() {
    let floor = Floor::open(3, 0).await;
    let api = Api::anonymous(&floor.daemon);
    let (_, cookie, _) = sign_in(&api, "anna", PASSWORD).await;
    let cookie = cookie.unwrap();
    let file = floor.dir.path().join("users.toml");
    let mut accounts = Accounts::read(&file, None).unwrap();
    // A file that is bad changes nothing.
    let good = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, "user = 7\n").unwrap();
    assert_eq!(with(&api, Method::GET, SESSION, &cookie, None).await.0, 200);
    std::fs::write(&file, good).unwrap();
    assert_eq!(with(&api, Method::GET, SESSION, &cookie, None).await.0, 200);
    accounts.user[0].password = hash_password("another horse").unwrap();
    accounts.write(&file).unwrap();
    assert_eq!(with(&api, Method::GET, SESSION, &cookie, None).await.0, 401);
    let (status, cookie, _) = sign_in(&api, "anna", "another horse").await;
    assert_eq!(status, 200);

    floor.daemon.stop().await;
    let mut settings = crate::support::inside::settings(floor.dir.path(), &[&floor.node]);
    settings.team = vec![supervisord::settings::TeamSettings {
        name: "first".into(),
        ..Default::default()
    }];
    let daemon = Daemon::start(settings).await.unwrap();
    let api = Api::anonymous(&daemon);
    let (status, problem) = with(&api, Method::GET, SESSION, &cookie.unwrap(), None).await;
    assert_eq!(status, 401);
    assert!(
        problem["detail"].as_str().unwrap().contains("sign in"),
        "{problem}"
    );
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_count_until_they_expire_or_are_taken_away() {
    let floor = Floor::open(4, 0).await;
    let viewer = Api::of(&floor.daemon, "viewer");
    let (status, who) = viewer.get(SESSION).await;
    assert_eq!(
        (status, &who["author"], &who["csrf"]),
        (StatusCode::OK, &json!("token:viewer"), &Value::Null)
    );
    for token in ["late", "guessed", ""] {
        let (status, problem) = Api::of(&floor.daemon, token).get(SESSION).await;
        assert_eq!(status, 401, "{token}: {problem}");
    }
    let file = floor.dir.path().join("users.toml");
    let mut accounts = Accounts::read(&file, None).unwrap();
    accounts.token.retain(|token| token.name != "viewer");
    accounts.write(&file).unwrap();
    assert_eq!(viewer.get(SESSION).await.0, 401);
    floor.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_can_be_for_tokens_only() {
    let dir = tempfile::tempdir().unwrap();
    let node = crate::support::node::FakeNode::start(dir.path(), "pbx1", "b1");
    let mut settings = crate::support::inside::settings(dir.path(), &[&node]);
    crate::support::client::staff(&mut settings);
    settings.http.probes = supervisord::settings::Probes::Token;
    let daemon = Daemon::start(settings).await.unwrap();
    for path in ["/metrics", "/healthz", "/readyz"] {
        assert_eq!(Api::anonymous(&daemon).get(path).await.0, 401);
        let response = Api::of(&daemon, "viewer")
            .request(Method::GET, path)
            .send()
            .await
            .unwrap();
        assert!(response.status() == 200 || path == "/readyz", "{path}");
    }
    daemon.stop().await;
}

/// As from another machine.
fn from(daemon: &Daemon, address: [u8; 4]) -> Api {
    let client = reqwest::Client::builder()
        .local_address(std::net::IpAddr::from(address))
        .pool_max_idle_per_host(0)
        .build()
        .unwrap();
    Api {
        client,
        ..Api::anonymous(daemon)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_who_guess_do_not_lock_a_user_out_where_it_works() {
    let timings = Timings {
        http_password: std::time::Duration::from_secs(3_600),
        ..Timings::default()
    };
    let floor = Floor::open_timed(5, 0, timings).await;
    let office = from(&floor.daemon, [127, 0, 0, 2]);
    assert_eq!(sign_in(&office, "anna", PASSWORD).await.0, 200);
    let mut wrong = 0;
    for stranger in 10..30 {
        let api = from(&floor.daemon, [127, 0, 1, stranger]);
        while sign_in(&api, "anna", "wrong password").await.0 == 401 {
            wrong += 1;
        }
    }
    assert_eq!(wrong, 60, "tries of a user from everywhere have a ceiling");
    // Where it never was, not even the right one counts now; where it works, it does.
    let elsewhere = from(&floor.daemon, [127, 0, 0, 3]);
    assert_eq!(sign_in(&elsewhere, "anna", PASSWORD).await.0, 429);
    for _ in 0..3 {
        assert_eq!(sign_in(&office, "anna", PASSWORD).await.0, 200);
    }
    floor.daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_users_file_that_cannot_be_used_is_said_and_counts_for_a_while_only() {
    for (patience, status) in [
        (std::time::Duration::from_secs(3_600), 200),
        (std::time::Duration::ZERO, 401),
    ] {
        let timings = Timings {
            http_users: patience,
            ..Timings::default()
        };
        let floor = Floor::open_timed(6, 0, timings).await;
        let (api, admin) = (Api::anonymous(&floor.daemon), Api::of(&floor.daemon, "admin"));
        let page = async |path: &str| {
            let response = api.request(Method::GET, path).send().await.unwrap();
            assert_eq!(response.status(), 200);
            response.text().await.unwrap()
        };
        let ok = async || page("/metrics").await.contains("hotline_http_users_ok 1\n");
        assert!(ok().await);
        assert_eq!(page("/healthz").await, "ok\n");
        let file = floor.dir.path().join("users.toml");
        let good = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, &good[..good.len() / 2]).unwrap();
        assert_eq!(admin.get(SESSION).await.0, status);
        assert!(!ok().await);
        let health = page("/healthz").await;
        assert!(
            health.starts_with("ok\nusers: ")
                && health.contains("users.toml")
                && health.contains("hotlinectl user list"),
            "{health}"
        );
        std::fs::write(&file, &good).unwrap();
        assert_eq!(admin.get(SESSION).await.0, 200);
        assert!(ok().await);
        assert_eq!(page("/healthz").await, "ok\n");
        // What is removed is over at once.
        std::fs::remove_file(&file).unwrap();
        assert_eq!(admin.get(SESSION).await.0, 401);
        floor.daemon.stop().await;
    }
}

/// Of a process of its own, in MB.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_leave_no_memory_behind() {
    use crate::support::daemon::{DaemonProcess, write_settings};

    let dir = tempfile::tempdir().unwrap();
    let mut settings = supervisord::settings::Settings::default();
    settings.http.users = dir.path().join("users.toml");
    crate::support::client::staff(&mut settings);
    let mut accounts = Accounts::read(&settings.http.users, None).unwrap();
    accounts.token.clear();
    accounts.user[0].rights.teams = vec!["*".into()];
    accounts.write(&settings.http.users).unwrap();
    let more = format!(
        "[metrics]\nmax_series = 1000\n[http]\nlisten = \"127.0.0.1:0\"\nusers = {:?}\n",
        settings.http.users
    );
    let file = write_settings(dir.path(), &[&dir.path().join("pbx1.sock")], "off", "");
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.replace("[http]\nlisten = \"127.0.0.1:0\"\n", "") + &more;
    std::fs::write(&file, text).unwrap();
    let daemon = DaemonProcess::start(&file);
    let base = format!("http://{}", daemon.http);
    let sign_in = |client: reqwest::Client| {
        let body = json!({"user": "anna", "password": PASSWORD}).to_string();
        let request = client
            .post(format!("{base}{SESSION}"))
            .header(header::CONTENT_TYPE, "application/json");
        async move { request.body(body).send().await.unwrap().status() }
    };
    // Eight at once: all of them count as tries until they are found to be right.
    let client = crate::support::client::client();
    let before = resident(daemon.pid());
    for _ in 0..25 {
        let signing = (0..8).map(|_| tokio::spawn(sign_in(client.clone())));
        for status in signing.collect::<Vec<_>>() {
            assert_eq!(status.await.unwrap(), 200);
        }
    }
    let after = resident(daemon.pid());
    eprintln!("resident: {before} MB, after 200 log-ins {after} MB");
    assert!(after < before + 100, "{before} MB, then {after} MB");
    daemon.stop();
}
