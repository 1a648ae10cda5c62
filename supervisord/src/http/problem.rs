//! The one form of errors: RFC 9457, `application/problem+json`.

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hotline_wire::Refusal;
use serde::Serialize;
use utoipa::ToSchema;

use crate::alarms::NotAcknowledged;
use crate::shared::CommandError;

/// Why something was not done.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct Problem {
    /// Names the kind of problem: `urn:hotline:problem:` and the reason.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What a program can act on: a refusal of the node such as `unknown_agent` or `forced_busy`, or `not_allowed`,
    /// `not_connected`, `busy`, `timeout`, `broken`, `invalid`, ...
    pub reason: String,
    /// What happened to which thing, for people, with the remedy where there is one.
    pub detail: String,
    /// Seconds after which to try again, if that helps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

impl Problem {
    /// A problem of a kind.
    pub fn new(status: StatusCode, reason: &str, detail: impl Into<String>) -> Problem {
        Problem {
            kind: format!("urn:hotline:problem:{reason}"),
            title: status.canonical_reason().unwrap_or("Problem").to_owned(),
            status: status.as_u16(),
            reason: reason.to_owned(),
            detail: detail.into(),
            retry_after: None,
        }
    }

    /// Something in the request is out of range.
    pub fn invalid(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail)
    }

    /// There is no such thing, or nothing that the caller may see.
    pub fn not_found(reason: &str, detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, reason, detail)
    }

    /// Who asks has under way all that it may have; it is to try again in a second.
    pub fn too_many(reason: &str, detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::TOO_MANY_REQUESTS, reason, detail).retry_after(1)
    }

    /// The daemon met a defect of its own: the log says more.
    pub fn defect(what: &str, error: &dyn std::fmt::Display) -> Problem {
        tracing::error!(%error, "{what}");
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "defect",
            format!("{what}: {error}"),
        )
    }

    /// To be tried again after so many seconds.
    pub fn retry_after(mut self, seconds: u64) -> Problem {
        self.retry_after = Some(seconds);
        self
    }

    /// The node said no.
    pub fn refused(reason: Refusal, message: String) -> Problem {
        let status = match reason {
            Refusal::UnknownAgent
            | Refusal::UnknownQueue
            | Refusal::UnknownCall
            | Refusal::UnknownSupervisor
            | Refusal::UnknownTarget
            | Refusal::UnknownTier
            | Refusal::UnknownDisposition
            | Refusal::UnknownIvr
            | Refusal::NoBlacklist => StatusCode::NOT_FOUND,
            Refusal::NotAllowed => StatusCode::FORBIDDEN,
            Refusal::OutOfRange | Refusal::BadFile | Refusal::BadConfig => StatusCode::UNPROCESSABLE_ENTITY,
            Refusal::AtLimit | Refusal::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Refusal::NotSignedIn
            | Refusal::ForcedBusy
            | Refusal::InCall
            | Refusal::PhoneTaken
            | Refusal::NoPhone
            | Refusal::NothingToDo
            | Refusal::NotWaiting
            | Refusal::NotInWrapUp
            | Refusal::NoSupervisorThere
            | Refusal::NotTalking
            | Refusal::NotAlone
            | Refusal::NoSurvey
            | Refusal::HeldByPhone
            | Refusal::OnHold
            | Refusal::RecordingOff
            | Refusal::NotRecorded
            | Refusal::RecordedByRule
            | Refusal::RecorderFailed
            | Refusal::TargetAway
            | Refusal::NoConsultation
            | Refusal::NotAnswered
            | Refusal::TargetBusy
            | Refusal::Declined
            | Refusal::Unreachable
            | Refusal::QueueFull
            | Refusal::QueueClosed
            | Refusal::QueueUnmanned
            | Refusal::Speaking
            | Refusal::Listening
            | Refusal::NoAnswer
            | Refusal::Overtaken => StatusCode::CONFLICT,
        };
        // The wire's own words.
        let word = serde_json::to_value(reason).ok();
        let word = word.as_ref().and_then(|word| word.as_str()).unwrap_or("refused");
        Problem::new(status, word, message)
    }
}

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Problem {
        let (status, reason) = match &error {
            CommandError::Denied(_) => (StatusCode::FORBIDDEN, "not_allowed"),
            CommandError::NotAcknowledged(NotAcknowledged::Unknown(_)) => {
                (StatusCode::NOT_FOUND, "unknown_alarm")
            }
            CommandError::NotAcknowledged(NotAcknowledged::Already(_)) => {
                (StatusCode::CONFLICT, "acknowledged")
            }
            CommandError::NotAcknowledged(NotAcknowledged::TooLong) => {
                (StatusCode::UNPROCESSABLE_ENTITY, "invalid")
            }
            CommandError::NotConnected(_) => (StatusCode::SERVICE_UNAVAILABLE, "not_connected"),
            CommandError::Busy(_) => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
            CommandError::Timeout(..) => (StatusCode::GATEWAY_TIMEOUT, "timeout"),
            CommandError::Broken(_) => (StatusCode::BAD_GATEWAY, "broken"),
        };
        let problem = Problem::new(status, reason, error.to_string());
        match status {
            StatusCode::SERVICE_UNAVAILABLE => problem.retry_after(1),
            _ => problem,
        }
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Problem {
        let reason = match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => "too_large",
            StatusCode::UNSUPPORTED_MEDIA_TYPE => "not_json",
            _ => "invalid",
        };
        Problem::new(rejection.status(), reason, rejection.body_text())
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Problem {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", rejection.body_text())
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Problem {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", rejection.body_text())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry = self.retry_after;
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(seconds) = retry {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
