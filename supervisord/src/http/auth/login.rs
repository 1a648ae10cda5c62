//! Signing in and out: `/api/v1/session`.

use std::sync::{Arc, Mutex, PoisonError};
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

use super::{Caller, Tries};
use crate::accounts::{self, MAX_NAME, User};
use crate::audit;
use crate::authority::Role;
use crate::http::Http;
use crate::http::extract::Body;
use crate::http::listen::{Peer, address};
use crate::http::places::beside;
use crate::http::problem::Problem;
use crate::passwords::{MAX_PASSWORD, Workspace};
use crate::store::Noted;

/// Passwords verified at once: each takes 19 MiB and tens of milliseconds.
const VERIFYING: usize = 2;
/// Log-ins that wait for that; further ones are told to try again.
const WAITING: usize = 32;

/// What stands before a password is looked at.
#[derive(Debug)]
pub(crate) struct LoginGate {
    tries: Tries,
    verifying: Arc<Semaphore>,
    waiting: Semaphore,
    /// Those that nobody verifies with: no more than verify at once.
    workspaces: Arc<Mutex<Vec<Workspace>>>,
    /// In place of a user that there is not, so that it takes as long.
    nobody: User,
}

impl LoginGate {
    /// After some wrong tries, another each time that `again` has passed: see [`Tries`].
    ///
    /// # Errors
    /// The system has no randomness.
    pub(crate) fn new(again: Duration) -> Result<LoginGate, String> {
        Ok(LoginGate {
            tries: Tries::new(again),
            verifying: Arc::new(Semaphore::new(VERIFYING)),
            waiting: Semaphore::new(WAITING),
            workspaces: Arc::default(),
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
/// The cookie is HttpOnly and SameSite=Strict. Wrong tries are counted by address and user together, by address, and by user; the last leaves
/// out addresses from which the user signed in before.
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
    let taken = gate.tries.take(&from, &name, now).map_err(|wait| {
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
    let accounts = http.book.current();
    let known = accounts.user(&name).cloned();
    let is_user = known.is_some();
    let user = known.clone().unwrap_or_else(|| gate.nobody.clone());
    let right = {
        let waiting = gate.waiting.try_acquire();
        let _waiting = waiting.map_err(|_| {
            // No password was looked at.
            gate.tries.give_back(&from, &name, taken);
            let detail = "too many people sign in at once; try again";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail).retry_after(1)
        })?;
        let workspaces = gate.workspaces.clone();
        beside(&gate.verifying, move || {
            let idle = || workspaces.lock().unwrap_or_else(PoisonError::into_inner);
            let mut workspace = idle().pop().unwrap_or_default();
            let right = login.password.len() <= MAX_PASSWORD && user.is(&login.password, &mut workspace);
            idle().push(workspace);
            right
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
    gate.tries.succeeded(&from, &name, taken, now);
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
        request: None,
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
