//! Who asks: a session in a cookie for people, a bearer token for machines.
//!
//! With a session, unsafe methods need the session's CSRF token in `X-CSRF-Token`: a cookie is sent whoever made the browser
//! ask, a header is not.

mod book;
mod limiter;
mod login;
mod sessions;
mod tries;

use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};

use super::Http;
use super::problem::Problem;
use super::shares::Share;
use crate::authority::Actor;
use crate::shared::StoreHealth;
pub use book::Book;
pub use limiter::Limiter;
pub(super) use login::{LoginGate, open, routes};
pub use sessions::Sessions;
pub use tries::Tries;

/// The header of the CSRF token.
pub const CSRF: &str = "x-csrf-token";

/// Who asks, and by what right.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who.
    pub actor: Actor,
    /// Its name, as it signed in, or the token's.
    pub name: String,
    /// The secret of its session and the CSRF token; absent with a bearer token.
    pub session: Option<(String, String)>,
    /// The SHA-256 of its bearer token; absent with a session.
    pub token: Option<String>,
    /// Its place among the requests that it may have under way; it is free again when all copies are gone.
    pub request: Option<Arc<Share>>,
}

impl Caller {
    /// Whose shares it uses up: its user's or its token's.
    pub fn account(&self) -> String {
        match self.session {
            Some(_) => format!("user {}", self.name),
            None => format!("token {}", self.name),
        }
    }

    /// Whether what it was let in by still counts, with the same rights. Streams ask from time to time.
    pub fn is_current(&self, http: &Http) -> bool {
        let accounts = http.book.current();
        match &self.session {
            Some((secret, _)) => http
                .sessions
                .look(secret, &accounts)
                .is_some_and(|(actor, _)| actor == self.actor),
            None => accounts.token.iter().any(|token| {
                // Another secret under the name of one that was taken away is another token.
                token.name == self.name
                    && self.token.as_ref() == Some(&token.sha256)
                    && token.counts(SystemTime::now())
                    && token.rights.actor(&format!("token:{}", token.name)) == self.actor
            }),
        }
    }
}

impl FromRequestParts<Arc<Http>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, http: &Arc<Http>) -> Result<Caller, Problem> {
        let mut caller = match bearer(http, &parts.headers)? {
            Some(caller) => caller,
            None => in_session(parts, http)?,
        };
        let request = http.requests.take(&caller.account()).ok_or_else(|| {
            let (account, most) = (caller.account(), http.requests.most());
            Problem::too_many(
                "too_many_requests",
                format!("{account} has {most} requests under way; wait for one, or raise [http] max_requests_per_user"),
            )
        })?;
        caller.request = Some(Arc::new(request));
        if *http.shared.store().borrow() == StoreHealth::Starting {
            // What is not restored yet is not to look as if there were nothing.
            let detail = "the daemon restores its state; GET /readyz says when it has";
            return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "starting", detail).retry_after(1));
        }
        Ok(caller)
    }
}

/// Whoever has a session.
fn in_session(parts: &Parts, http: &Http) -> Result<Caller, Problem> {
    let unauthenticated = |detail: &str| Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated", detail);
    let secret = cookie(&parts.headers, http.cookie()).ok_or_else(|| {
            unauthenticated(
                "sign in by POST /api/v1/session, or give a token, as in `Authorization: Bearer TOKEN`; `hotlinectl user add` and \
                 `hotlinectl token add` make users and tokens",
            )
        })?;
    let (actor, session) = http
        .sessions
        .touch(&secret, &http.book.current())
        .ok_or_else(|| unauthenticated("the session has ended: sign in by POST /api/v1/session"))?;
    let safe = matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
    let given = parts.headers.get(CSRF).and_then(|given| given.to_str().ok());
    if !safe && given != Some(session.csrf.as_str()) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "csrf",
            "give the session's csrf, as GET /api/v1/session tells it, in the header X-CSRF-Token",
        ));
    }
    Ok(Caller {
        actor,
        name: session.user,
        session: Some((secret, session.csrf)),
        token: None,
        request: None,
    })
}

/// Whoever gives a token; `None` if none is given.
pub(super) fn bearer(http: &Http, headers: &HeaderMap) -> Result<Option<Caller>, Problem> {
    let Some(given) = headers.get(header::AUTHORIZATION) else {
        return Ok(None);
    };
    let secret = given
        .to_str()
        .ok()
        .and_then(|given| given.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, secret)| secret.trim());
    let accounts = http.book.current();
    let token = secret
        .and_then(|secret| accounts.token(secret))
        .filter(|token| token.counts(SystemTime::now()));
    let token = token.ok_or_else(|| {
        Problem::new(
            StatusCode::UNAUTHORIZED,
            "unauthenticated",
            "no such token, or its time is over; `hotlinectl token list` shows them",
        )
    })?;
    Ok(Some(Caller {
        actor: token.rights.actor(&format!("token:{}", token.name)),
        name: token.name.clone(),
        session: None,
        token: Some(token.sha256.clone()),
        request: None,
    }))
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|cookies| cookies.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find(|(found, _)| *found == name)
        .map(|(_, value)| value.to_owned())
}
