//! Signing in and out: `/api/v1/session`.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Caller, Limiter};
use crate::accounts::{self, MAX_NAME, MAX_PASSWORD, User};
use crate::audit;
use crate::authority::Role;
use crate::http::Http;
use crate::http::extract::Body;
use crate::http::listen::Peer;
use crate::http::places::beside;
use crate::http::problem::Problem;
use crate::store::Noted;

/// Passwords verified at once: each takes 19 MiB and tens of milliseconds.
const VERIFYING: usize = 2;
/// Log-ins that wait for that; further ones are told to try again.
const WAITING: usize = 32;

/// What stands before a password is looked at.
#[derive(Debug)]
pub(crate) struct LoginGate {
    users: Limiter,
    addresses: Limiter,
    verifying: Arc<Semaphore>,
    waiting: Semaphore,
    /// In place of a user that there is not, so that it takes as long.
    nobody: User,
}

impl LoginGate {
    /// Ten wrong tries per user, then one each time that `again` has passed; thirty per address, then one each fifth of it.
    ///
    /// # Errors
    /// The system has no randomness.
    pub(crate) fn new(again: Duration) -> Result<LoginGate, String> {
        Ok(LoginGate {
            users: Limiter::new(10, again),
            addresses: Limiter::new(30, again / 5),
            verifying: Arc::new(Semaphore::new(VERIFYING)),
            waiting: Semaphore::new(WAITING),
            nobody: User {
                name: String::new(),
                rights: accounts::Rights {
                    role: Role::Viewer,
                    teams: Vec::new(),
                    agent: None,
                    supervisor: None,
                },
                password: accounts::hash_password(&accounts::secret()?)?,
            },
        })
    }
}

/// What opens a session.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Login {
    /// User name.
    #[schema(max_length = 64)]
    user: String,
    /// Password.
    #[schema(max_length = 256)]
    password: String,
}

/// Who one is.
#[derive(Serialize, ToSchema)]
pub(super) struct Identity {
    /// The user's or the token's name.
    name: String,
    /// How it is named in the audit record.
    author: String,
    /// What it may do.
    role: Role,
    /// Its teams; `*` is all.
    teams: Vec<String>,
    /// The agent that it is.
    agent: Option<String>,
    /// The supervisor number under which it listens.
    supervisor: Option<String>,
    /// To be given in `X-CSRF-Token` with every request but GET; absent with a bearer token.
    csrf: Option<String>,
}

impl Identity {
    fn of(caller: &Caller) -> Identity {
        let actor = &caller.actor;
        Identity {
            name: caller.name.clone(),
            author: actor.author.to_string(),
            role: actor.role,
            teams: actor.teams.clone(),
            agent: actor.agent.clone(),
            supervisor: actor.supervisor.clone(),
            csrf: caller.session.as_ref().map(|(_, csrf)| csrf.clone()),
        }
    }
}

/// What needs no session.
pub(in crate::http) fn open() -> OpenApiRouter<Arc<Http>> {
    OpenApiRouter::new().routes(routes!(sign_in))
}

/// What needs one.
pub(in crate::http) fn routes() -> OpenApiRouter<Arc<Http>> {
    OpenApiRouter::new().routes(routes!(who_am_i, sign_out))
}

/// Signs in: gives a session in a cookie.
///
/// The cookie is HttpOnly and SameSite=Strict. Wrong tries are counted by user and by address.
#[utoipa::path(
    post, path = "/session", tag = "session", request_body = Login, security(()),
    responses(
        (status = 200, body = Identity, headers(("set-cookie" = String, description = "The session"))),
        (status = 401, description = "No such user, or another password", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many wrong tries", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn sign_in(
    State(http): State<Arc<Http>>,
    Extension(peer): Extension<Peer>,
    Body(login): Body<Login>,
) -> Result<Response, Problem> {
    if login.user.len() > MAX_NAME {
        return Err(Problem::invalid(format!(
            "user names have up to {MAX_NAME} bytes"
        )));
    }
    let gate = &http.login;
    let (name, from) = (login.user, address(peer.0.ip()));
    let now = Instant::now();
    for (limiter, key) in [(&gate.addresses, &from), (&gate.users, &name)] {
        limiter.take(key, now).map_err(|wait| {
            tracing::warn!(
                user = name.escape_debug().to_string(),
                from,
                "too many wrong passwords"
            );
            let seconds = wait.as_secs() + 1;
            Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_tries",
                format!("too many wrong passwords; try again in {seconds} s"),
            )
            .retry_after(seconds)
        })?;
    }
    let accounts = http.book.current();
    let known = accounts.user(&name).cloned();
    let is_user = known.is_some();
    let user = known.clone().unwrap_or_else(|| gate.nobody.clone());
    let right = {
        let waiting = gate.waiting.try_acquire();
        let _waiting = waiting.map_err(|_| {
            // No password was looked at.
            gate.users.give_back(&name);
            gate.addresses.give_back(&from);
            let detail = "too many people sign in at once; try again";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail).retry_after(1)
        })?;
        beside(&gate.verifying, move || {
            login.password.len() <= MAX_PASSWORD && user.is(&login.password)
        })
        .await
        .map_err(|error| Problem::defect("a password could not be verified", &error))?
    };
    let Some(user) = known.filter(|_| right) else {
        tracing::warn!(
            user = name.escape_debug().to_string(),
            from,
            "wrong user or password"
        );
        let why = if is_user {
            "another password"
        } else {
            "no such user"
        };
        let row = audit::log_in(is_user.then_some(name.as_str()), &from, Some(why));
        http.shared.note(Noted::Action(row)).await;
        return Err(Problem::new(
            StatusCode::UNAUTHORIZED,
            "unauthenticated",
            "no such user, or another password; `hotlinectl user passwd` sets a new one",
        ));
    };
    // Who knows the password tried nothing.
    gate.users.give_back(&name);
    gate.addresses.give_back(&from);
    let (secret, session) = http
        .sessions
        .begin(&name, &user.password)
        .map_err(|error| Problem::defect("no session could be begun", &error))?;
    tracing::info!(user = name, from, "signed in");
    let row = audit::log_in(Some(&name), &from, None);
    http.shared.note(Noted::Action(row)).await;
    let caller = Caller {
        actor: user.rights.actor(&format!("http:{name}")),
        name,
        session: Some((secret.clone(), session.csrf)),
        token: None,
    };
    let mut response = Json(Identity::of(&caller)).into_response();
    set_cookie(
        &http,
        response.headers_mut(),
        &secret,
        http.settings.session_seconds,
    )?;
    Ok(response)
}

/// Who one is, and the session's CSRF token.
#[utoipa::path(get, path = "/session", tag = "session", responses((status = 200, body = Identity)))]
async fn who_am_i(caller: Caller) -> Json<Identity> {
    Json(Identity::of(&caller))
}

/// Signs out: ends the session.
#[utoipa::path(delete, path = "/session", tag = "session", responses((status = 204, description = "It is over")))]
async fn sign_out(State(http): State<Arc<Http>>, caller: Caller) -> Result<Response, Problem> {
    let mut response = StatusCode::NO_CONTENT.into_response();
    if let Some((secret, _)) = &caller.session {
        http.sessions.end(secret);
        set_cookie(&http, response.headers_mut(), "", 0)?;
        tracing::info!(user = caller.name, "signed out");
        let row = audit::log_out(&caller.name);
        http.shared.note(Noted::Action(row)).await;
    }
    Ok(response)
}

fn set_cookie(http: &Http, headers: &mut HeaderMap, value: &str, seconds: u64) -> Result<(), Problem> {
    let secure = if http.secure { "; Secure" } else { "" };
    let name = http.cookie();
    let cookie = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    let cookie = HeaderValue::try_from(cookie)
        .map_err(|error| Problem::defect("the session's cookie could not be written", &error))?;
    headers.insert(header::SET_COOKIE, cookie);
    Ok(())
}

/// Whose tries are counted together: an address, or a network of IPv6.
fn address(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(ip) => ip.to_string(),
            None => {
                let [a, b, c, d, ..] = ip.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
        },
    }
}
