//! The audit record: who did what, latest first.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::page::{MAX_LIMIT, short, usual_limit};
use crate::audit::{self, Filter, Row};
use crate::authority::{Deed, Target};
use crate::http::Http;
use crate::http::auth::Caller;
use crate::http::extract::Params;
use crate::http::problem::Problem;
use crate::shared::CommandError;
use crate::store::{self, sql};

pub(super) fn routes() -> OpenApiRouter<Arc<Http>> {
    OpenApiRouter::new().routes(routes!(list))
}

/// No row has a greater number, and no moment is one.
const MAX_NUMBER: u64 = (1 << 53) - 1;

/// Which rows.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Only what this author did.
    #[serde(default, deserialize_with = "short")]
    #[param(max_length = 256)]
    author: Option<String>,
    /// Only this action, such as `force_busy`.
    #[serde(default, deserialize_with = "short")]
    #[param(max_length = 256)]
    action: Option<String>,
    /// Only what was done to this agent, queue, call, supervisor, number, alarm, user or token.
    #[serde(default, deserialize_with = "short")]
    #[param(max_length = 256)]
    target: Option<String>,
    /// Only from this moment on; microseconds since the Unix epoch.
    #[param(maximum = 9007199254740991u64)]
    from: Option<u64>,
    /// Only before this moment.
    #[param(maximum = 9007199254740991u64)]
    until: Option<u64>,
    /// Rows of the page.
    #[serde(default = "usual_limit")]
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: u32,
    /// The `next` of the page before: only rows before this one.
    #[param(maximum = 9007199254740991u64)]
    cursor: Option<u64>,
}

/// A row.
#[derive(Serialize, ToSchema)]
struct RowView {
    /// Its place, from 1.
    row: u64,
    /// When it happened; microseconds since the Unix epoch.
    at: u64,
    /// The event's node ...
    node: String,
    /// ... its boot ...
    boot: String,
    /// ... and its place there.
    seq: u64,
    /// Who.
    author: String,
    /// What.
    action: String,
    /// To whom.
    target: String,
    /// As it was asked; null if there is no more to say than what it was.
    #[schema(value_type = Value)]
    asked: Value,
    /// How its target was before; null if there was none, or it is not known.
    #[schema(value_type = Option<Object>, required = true)]
    before: Value,
    /// How its target is since; null if there is none, or it is not known.
    #[schema(value_type = Option<Object>, required = true)]
    after: Value,
    /// `done`, `pending` or `refused`.
    result: String,
    /// Why.
    reason: String,
}

impl From<Row> for RowView {
    fn from(row: Row) -> RowView {
        RowView {
            row: row.id,
            at: row.at,
            node: row.node,
            boot: row.boot,
            seq: row.seq,
            author: row.action.author,
            action: row.action.action,
            target: row.action.target,
            asked: audit::json_value(&row.action.asked),
            before: audit::json_value(&row.action.before),
            after: audit::json_value(&row.action.after),
            result: row.action.result,
            reason: row.action.reason,
        }
    }
}

/// A page of the record.
#[derive(Serialize, ToSchema)]
struct AuditPage {
    /// Latest first.
    items: Vec<RowView>,
    /// What to give as `cursor` for the rest; null if that was all.
    next: Option<u64>,
    /// How many rows there are in all.
    rows: u64,
    /// The hash of the last, which stands for all: keep it elsewhere, and `hotlinectl audit verify --head` finds what was changed.
    head: String,
}

/// Who did what, latest first.
///
/// Rows are shown as they are stored; `hotlinectl audit verify` verifies the chain.
#[utoipa::path(get, path = "/audit", tag = "audit", params(Which), responses((status = 200, body = AuditPage)))]
async fn list(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Params(which): Params<Which>,
) -> Result<Json<AuditPage>, Problem> {
    let may = http
        .shared
        .authority
        .deed(&caller.actor, None, Deed::ReadAudit, Target::Node);
    may.map_err(CommandError::Denied)?;
    let limit = which.limit;
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::invalid(format!(
            "limit {limit} is out of range, 1 to {MAX_LIMIT}"
        )));
    }
    for (name, value) in [
        ("cursor", which.cursor),
        ("from", which.from),
        ("until", which.until),
    ] {
        if value.is_some_and(|value| value > MAX_NUMBER) {
            return Err(Problem::invalid(format!("{name} goes up to {MAX_NUMBER}")));
        }
    }
    let settings = http.store.clone();
    let read = tokio::task::spawn_blocking(move || {
        let mut engine = store::look(&settings)?;
        let filter = Filter {
            author: which.author.as_deref(),
            action: which.action.as_deref(),
            target: which.target.as_deref(),
            before: which.cursor,
            from: which.from,
            until: which.until,
        };
        // One more says whether there are more.
        let read = sql::read(engine.as_mut(), |sql| {
            Ok((audit::latest(sql)?, audit::latest_rows(sql, &filter, limit + 1)?))
        });
        read.map_err(|error| engine.failure(error))
    });
    let ((rows, head), mut found) = read
        .await
        .map_err(|error| {
            Problem::defect(
                "the audit record could not be read; `hotlinectl audit verify` may say more",
                &error,
            )
        })?
        .map_err(|error| {
            Problem::defect(
                "the audit record could not be read; `hotlinectl audit verify` may say more",
                &error,
            )
        })?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next = found.last().filter(|_| more).map(|row| row.id);
    Ok(Json(AuditPage {
        items: found.into_iter().map(RowView::from).collect(),
        next,
        rows,
        head: head.to_string(),
    }))
}
