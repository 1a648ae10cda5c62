//! Commands: asked of the node, answered by it, and with an `Idempotency-Key` carried out once however often they are sent.
//!
//! Answers are kept in memory: so many for each author, for a day, until the daemon ends. A command that certainly was not carried
//! out is not kept, so that trying again can succeed; one of which that is not known is, so that trying again does nothing twice.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use hotline_wire::blacklist::ListEntry;
use hotline_wire::{Command, Outcome};
use serde::Serialize;
use tokio::sync::watch;
use utoipa::ToSchema;

use crate::accounts::digest;
use crate::alarms::Alarm;
use crate::authority::Actor;
use crate::http::Http;
use crate::http::auth::Caller;
use crate::http::problem::Problem;

/// The header.
pub(super) const KEY: &str = "idempotency-key";
/// Longest key, in bytes.
const MAX_KEY: usize = 128;
/// Answers kept for one author.
const MAX_ANSWERS: usize = 1_000;
/// How long they are kept.
const KEEP: Duration = Duration::from_secs(24 * 3_600);

/// How a command went.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub(super) enum Answer {
    /// In effect.
    Done,
    /// Takes effect later: when the call the agent is in ends, or the supervisor is on the line.
    Pending,
    /// The answer to a question, or what was done, for people.
    Told {
        /// Line by line.
        lines: Vec<String>,
    },
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let status = match self {
            Answer::Done | Answer::Told { .. } => StatusCode::OK,
            Answer::Pending => StatusCode::ACCEPTED,
        };
        (status, Json(self)).into_response()
    }
}

/// What is kept under a key.
#[derive(Clone, Debug)]
pub(super) enum Said {
    /// To a command.
    Command(Answer),
    /// To who takes care of an alarm: as it was then.
    Alarm(Arc<Alarm>),
}

type Result_ = Result<Said, Problem>;

/// The SHA-256 of what was asked with a key, and its answer once it is there.
struct Kept {
    key: String,
    asked: String,
    at: Instant,
    answer: watch::Receiver<Option<Result_>>,
}

/// Answers that are kept, by author, oldest first.
#[derive(Default)]
pub struct Answers {
    kept: Mutex<HashMap<Arc<str>, VecDeque<Kept>>>,
}

impl std::fmt::Debug for Answers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answers").finish_non_exhaustive()
    }
}

/// What a key is to who gives it.
enum Place {
    New(watch::Sender<Option<Result_>>),
    Known(watch::Receiver<Option<Result_>>),
}

impl Answers {
    fn place(&self, author: &Arc<str>, key: &str, asked: &str) -> Result<Place, Problem> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let own = kept.entry(author.clone()).or_default();
        while own.front().is_some_and(|kept| kept.at.elapsed() >= KEEP) || own.len() >= MAX_ANSWERS {
            own.pop_front();
        }
        if let Some(known) = own.iter().find(|kept| kept.key == key) {
            if known.asked != asked {
                return Err(Problem::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "idempotency_key_reused",
                    format!(
                        "Idempotency-Key {key:?} was given with another command; give each command a key of its own"
                    ),
                ));
            }
            return Ok(Place::Known(known.answer.clone()));
        }
        let (sender, answer) = watch::channel(None);
        own.push_back(Kept {
            key: key.to_owned(),
            asked: asked.to_owned(),
            at: Instant::now(),
            answer,
        });
        Ok(Place::New(sender))
    }

    fn forget(&self, author: &Arc<str>, key: &str) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = kept.get_mut(author) {
            own.retain(|kept| kept.key != key);
        }
    }
}

/// Has a node carry out a command; with a key, once.
pub(super) async fn command(
    http: &Arc<Http>,
    caller: &Caller,
    headers: &HeaderMap,
    node: &str,
    command: Command,
) -> Result<Answer, Problem> {
    command.check().map_err(Problem::invalid)?;
    let asked = serde_json::to_string(&(node, &command))
        .map_err(|error| Problem::defect("a command could not be written", &error))?;
    let (asker, actor, node) = (http.clone(), caller.actor.clone(), node.to_owned());
    let work = async move {
        let (answer, untried) = carry_out(&asker, &actor, &node, command).await;
        (answer.map(Said::Command), untried)
    };
    match once(http, caller, headers, &asked, work).await? {
        Said::Command(answer) => Ok(answer),
        Said::Alarm(_) => Err(mixed_up()),
    }
}

/// Takes care of an alarm; with a key, once.
pub(super) async fn acknowledge(
    http: &Arc<Http>,
    caller: &Caller,
    headers: &HeaderMap,
    id: u64,
    note: String,
) -> Result<Arc<Alarm>, Problem> {
    let asked = serde_json::to_string(&("acknowledge", id, &note))
        .map_err(|error| Problem::defect("an acknowledgement could not be written", &error))?;
    let (asker, actor) = (http.clone(), caller.actor.clone());
    // It either counts, or nothing was done.
    let work = async move {
        let answer = asker.shared.acknowledge(&actor, id, &note).await;
        let untried = answer.is_err();
        (answer.map(Said::Alarm).map_err(Problem::from), untried)
    };
    match once(http, caller, headers, &asked, work).await? {
        Said::Alarm(alarm) => Ok(alarm),
        Said::Command(_) => Err(mixed_up()),
    }
}

/// What was asked is part of what is looked for, so that no answer is to something else.
fn mixed_up() -> Problem {
    Problem::defect(
        "an answer was kept under another's key",
        &"they are of different kinds",
    )
}

/// Does something; with a key, once. The work says, too, whether nothing was done for certain.
async fn once(
    http: &Arc<Http>,
    caller: &Caller,
    headers: &HeaderMap,
    asked: &str,
    work: impl Future<Output = (Result_, bool)> + Send + 'static,
) -> Result_ {
    let Some(key) = key(headers)? else {
        return work.await.0;
    };
    // A thousand long ones are not to be kept.
    let asked = digest(asked);
    let author = caller.actor.author.clone();
    let mut answer = match http.answers.place(&author, key, &asked)? {
        Place::Known(answer) => answer,
        Place::New(sender) => {
            let answer = sender.subscribe();
            let (http, key) = (http.clone(), key.to_owned());
            let request = caller.request.clone();
            // Goes on when who asked hangs up: the answer is for the next try. It is under way until then.
            tokio::spawn(async move {
                let _request = request;
                let (result, untried) = work.await;
                if untried {
                    http.answers.forget(&author, &key);
                }
                let _ = sender.send(Some(result));
            });
            answer
        }
    };
    let answer = answer
        .wait_for(Option::is_some)
        .await
        .map(|answer| answer.clone());
    match answer {
        Ok(Some(answer)) => answer,
        Ok(None) | Err(_) => Err(Problem::defect("a command's answer is lost", &"its task ended")),
    }
}

/// The key that was given, if it is one.
pub(super) fn key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(key) = headers.get(KEY) else {
        return Ok(None);
    };
    let key = key
        .to_str()
        .ok()
        .filter(|key| (1..=MAX_KEY).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()));
    key.map(Some).ok_or_else(|| {
        Problem::invalid(format!(
            "Idempotency-Key has 1 to {MAX_KEY} visible ASCII characters, and no spaces"
        ))
    })
}

/// The node's answer, and whether the command certainly was not carried out for want of a way to the node.
async fn carry_out(
    http: &Http,
    actor: &Actor,
    node: &str,
    command: Command,
) -> (Result<Answer, Problem>, bool) {
    use crate::shared::CommandError as Error;
    match http.shared.ask(actor, node, command).await {
        // Entries are shown by another way.
        Ok(Outcome::Done | Outcome::Listed { .. }) => (Ok(Answer::Done), false),
        Ok(Outcome::Pending) => (Ok(Answer::Pending), false),
        Ok(Outcome::Told { lines }) => (Ok(Answer::Told { lines }), false),
        Ok(Outcome::Refused { reason, message }) => (Err(Problem::refused(reason, message)), false),
        Err(error) => {
            let untried = match error {
                Error::Denied(_) | Error::NotAcknowledged(_) | Error::NotConnected(_) | Error::Busy(_) => {
                    true
                }
                Error::Timeout(..) | Error::Broken(_) => false,
            };
            (Err(error.into()), untried)
        }
    }
}

/// Asks a node a question: line by line.
pub(super) async fn told(
    http: &Http,
    caller: &Caller,
    node: &str,
    command: Command,
) -> Result<Vec<String>, Problem> {
    command.check().map_err(Problem::invalid)?;
    match carry_out(http, &caller.actor, node, command).await.0? {
        Answer::Told { lines } => Ok(lines),
        Answer::Done | Answer::Pending => Ok(Vec::new()),
    }
}

/// Asks a node for entries of its blacklist.
pub(super) async fn listed(
    http: &Http,
    caller: &Caller,
    node: &str,
    command: Command,
) -> Result<(Vec<ListEntry>, Option<String>), Problem> {
    command.check().map_err(Problem::invalid)?;
    match http.shared.ask(&caller.actor, node, command).await? {
        Outcome::Listed { entries, next } => Ok((entries, next)),
        Outcome::Done | Outcome::Pending | Outcome::Told { .. } => Ok((Vec::new(), None)),
        Outcome::Refused { reason, message } => Err(Problem::refused(reason, message)),
    }
}
