//! A client of the API.

use std::sync::Once;
use std::time::Duration;

use reqwest::{Client, Method, Response, StatusCode, header};
use serde_json::Value;
use supervisord::accounts::{Accounts, Rights, Token, User, digest, hash_password};
use supervisord::authority::Role;
use supervisord::daemon::Daemon;
use supervisord::settings::{Settings, TeamSettings};

use super::node::PATIENCE;

/// Of all users of these tests.
pub const PASSWORD: &str = "correct horse";

pub struct Api {
    pub client: Client,
    pub base: String,
    pub token: Option<String>,
}

pub fn client() -> Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    });
    Client::builder()
        .timeout(PATIENCE)
        .pool_max_idle_per_host(0)
        .connect_timeout(Duration::from_secs(10))
        .build()
        .unwrap()
}

impl Api {
    /// Without a token.
    pub fn anonymous(daemon: &Daemon) -> Api {
        Api {
            client: client(),
            base: format!("http://{}", daemon.http()),
            token: None,
        }
    }

    /// As whoever has the token of that name; its secret is the name.
    pub fn of(daemon: &Daemon, token: &str) -> Api {
        Api {
            token: Some(token.to_owned()),
            ..Api::anonymous(daemon)
        }
    }

    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub async fn get(&self, path: &str) -> (StatusCode, Value) {
        read(self.request(Method::GET, path).send().await.unwrap()).await
    }

    pub async fn send(&self, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
        let request = self
            .request(method, path)
            .header(header::CONTENT_TYPE, "application/json");
        read(request.body(body.to_string()).send().await.unwrap()).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        self.send(Method::POST, path, body).await
    }
}

pub async fn read(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE).cloned();
    let text = response.text().await.unwrap();
    if text.is_empty() {
        return (status, Value::Null);
    }
    let kind = kind.unwrap();
    let expected = if status.is_success() {
        "application/json"
    } else {
        "application/problem+json"
    };
    assert_eq!(kind.to_str().unwrap(), expected, "{text}");
    (status, serde_json::from_str(&text).unwrap())
}

fn rights(role: Role, teams: &[&str]) -> Rights {
    Rights {
        role,
        teams: teams.iter().map(|team| (*team).to_owned()).collect(),
        agent: (role == Role::Agent).then(|| "1001".into()),
        supervisor: (role == Role::Supervisor).then(|| "9001".into()),
    }
}

/// Teams `first` (queue support, agents 1001 and 1002) and `second` (the rest), and someone of each role: a token whose secret is its
/// name, and user `anna`, supervisor of `first`.
pub fn staff(settings: &mut Settings) {
    let team = |name: &str, queues: &[&str], agents: &[&str]| TeamSettings {
        name: name.into(),
        queues: queues.iter().map(|name| (*name).into()).collect(),
        agents: agents.iter().map(|name| (*name).into()).collect(),
        ..Default::default()
    };
    settings.team = vec![
        team("first", &["support"], &["1001", "1002"]),
        team("second", &["sales"], &["1003", "1004*"]),
    ];
    let token = |name: &str, role, teams: &[&str]| Token {
        name: name.into(),
        rights: rights(role, teams),
        sha256: digest(name),
        expires: None,
    };
    let accounts = Accounts {
        written: None,
        user: vec![User {
            name: "anna".into(),
            rights: rights(Role::Supervisor, &["first"]),
            password: hash_password(PASSWORD).unwrap(),
        }],
        token: vec![
            token("viewer", Role::Viewer, &["first"]),
            token("agent", Role::Agent, &["first"]),
            token("inspector", Role::Inspector, &["first"]),
            token("supervisor", Role::Supervisor, &["first"]),
            token("admin", Role::Administrator, &["*"]),
            Token {
                expires: Some("2020-01-01T00:00:00Z".into()),
                ..token("late", Role::Administrator, &["*"])
            },
        ],
    };
    accounts.write(&settings.http.users).unwrap();
}
