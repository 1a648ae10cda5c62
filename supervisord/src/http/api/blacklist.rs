//! The blacklists of the nodes.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use hotline_wire::Command;
use hotline_wire::blacklist::{ListEntry, ListOrder};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{self, Answer};
use super::known_node;
use super::nodes::Lines;
use super::page::{Page, usual_limit};
use crate::http::Http;
use crate::http::auth::Caller;
use crate::http::extract::{Body, Params, Segments};
use crate::http::problem::Problem;

pub(super) fn routes() -> OpenApiRouter<Arc<Http>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(check))
        .routes(routes!(order))
}

/// An entry.
#[derive(Serialize, ToSchema)]
struct EntryView {
    /// Number, `PREFIX*` or `_PATTERN`.
    number: String,
    /// `allow`, `flag`, `busy`, `release`, `release:CAUSE`, `divert:CONTEXT,EXTENSION,PRIORITY` or `tarpit`.
    action: String,
    /// Why.
    reason: String,
    /// Who added it; `auto:RULE` is an automatic rule.
    author: String,
    /// Counts from then on; microseconds since the Unix epoch, 0 is at once.
    from: u64,
    /// Counts until then.
    until: Option<u64>,
    /// For callers of these tiers; all if there are none.
    tiers: Vec<String>,
    /// In these queues; all if there are none.
    queues: Vec<String>,
    /// When it was added.
    added: u64,
}

impl From<ListEntry> for EntryView {
    fn from(entry: ListEntry) -> EntryView {
        let ListEntry {
            number,
            action,
            reason,
            author,
            from,
            until,
            tiers,
            queues,
            added,
        } = entry;
        EntryView {
            number,
            action,
            reason,
            author,
            from,
            until,
            tiers,
            queues,
            added,
        }
    }
}

/// Which entries.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Those that have this in number, reason or author; with a `+` in front, those whose number begins so.
    #[serde(default)]
    #[param(max_length = 256)]
    find: String,
    /// Only what automatic rules added, which waits to be reviewed.
    #[serde(default)]
    review: bool,
    /// Items of the page.
    #[serde(default = "usual_limit")]
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: u32,
    /// The `next` of the page before: a number.
    #[serde(default)]
    #[param(max_length = 256)]
    cursor: String,
}

/// A caller who might call.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Caller_ {
    /// Number as a network might present it; empty is a withheld one.
    #[serde(default)]
    #[param(max_length = 256)]
    number: String,
    /// Queue name; empty if none is asked for yet.
    #[serde(default)]
    #[param(max_length = 256)]
    queue: String,
    /// Tier name; empty is the first.
    #[serde(default)]
    #[param(max_length = 256)]
    tier: String,
}

/// What is asked of a blacklist.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
enum BlacklistOrder {
    /// Adds an entry, in place of one about the same number, tiers and queues.
    Add {
        /// Number in any form, `PREFIX*` or `_PATTERN`.
        #[schema(max_length = 256)]
        number: String,
        /// As in lists.
        #[schema(max_length = 256)]
        action: String,
        /// Why.
        #[serde(default)]
        #[schema(max_length = 256)]
        reason: String,
        /// Counts from then on; microseconds since the Unix epoch, 0 is at once.
        #[serde(default)]
        #[schema(maximum = 9007199254740991u64)]
        from: u64,
        /// Counts until then; without an end if absent.
        #[serde(default)]
        #[schema(maximum = 9007199254740991u64)]
        until: Option<u64>,
        /// For callers of these tiers; all if there are none.
        #[serde(default)]
        #[schema(max_items = 64)]
        tiers: Vec<String>,
        /// In these queues; all if there are none.
        #[serde(default)]
        #[schema(max_items = 64)]
        queues: Vec<String>,
    },
    /// Removes all entries about a number, prefix or pattern.
    Remove {
        /// As it was added, in whatever form.
        #[schema(max_length = 256)]
        number: String,
        /// Why.
        #[serde(default)]
        #[schema(max_length = 256)]
        reason: String,
    },
    /// Keeps what an automatic rule added: it has no end any more.
    Keep {
        /// As it was added.
        #[schema(max_length = 256)]
        number: String,
        /// Why; empty keeps the rule's.
        #[serde(default)]
        #[schema(max_length = 256)]
        reason: String,
    },
    /// Adds all entries of a CSV file of the node's machine, or none.
    Import {
        /// Its absolute path.
        #[schema(max_length = 256)]
        path: String,
        /// Leaves bad lines out.
        #[serde(default)]
        skip_bad: bool,
        /// Why, for lines that give no reason.
        #[serde(default)]
        #[schema(max_length = 256)]
        reason: String,
    },
    /// Writes all entries into a new CSV file of the node's machine.
    Export {
        /// Its absolute path.
        #[schema(max_length = 256)]
        path: String,
    },
    /// Reads the index named in the node's settings again.
    Load {},
}

/// The latest time, in microseconds since the Unix epoch: every program reads it exactly, and it is in the year 2255.
const MAX_TIME: u64 = (1 << 53) - 1;
/// Most tiers or queues of an entry.
const MAX_NAMES: usize = 64;

impl BlacklistOrder {
    fn order(self) -> Result<ListOrder, Problem> {
        Ok(match self {
            BlacklistOrder::Add {
                number,
                action,
                reason,
                from,
                until,
                tiers,
                queues,
            } => {
                if tiers.len() > MAX_NAMES || queues.len() > MAX_NAMES {
                    return Err(Problem::invalid(format!(
                        "an entry names up to {MAX_NAMES} tiers and queues"
                    )));
                }
                if from.max(until.unwrap_or(0)) > MAX_TIME {
                    return Err(Problem::invalid(format!("times go up to {MAX_TIME}")));
                }
                let entry = ListEntry {
                    number,
                    action,
                    reason,
                    from,
                    until,
                    tiers,
                    queues,
                    ..ListEntry::default()
                };
                ListOrder::Add { entry }
            }
            BlacklistOrder::Remove { number, reason } => ListOrder::Remove { number, reason },
            BlacklistOrder::Keep { number, reason } => ListOrder::Keep { number, reason },
            BlacklistOrder::Import {
                path,
                skip_bad,
                reason,
            } => ListOrder::Import {
                path,
                skip_bad,
                reason,
            },
            BlacklistOrder::Export { path } => ListOrder::Export { path },
            BlacklistOrder::Load {} => ListOrder::Load,
        })
    }
}

/// Entries of a node's blacklist, in order.
#[utoipa::path(
    get, path = "/nodes/{node}/blacklist", tag = "blacklist",
    params(("node" = String, Path, description = "Node name"), Which), responses((status = 200, body = Page<EntryView>))
)]
async fn list(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Segments(node): Segments<String>,
    Params(which): Params<Which>,
) -> Result<Json<Page<EntryView>>, Problem> {
    known_node(&http, &node)?;
    let Which {
        find,
        review,
        limit,
        cursor: after,
    } = which;
    if !(1..=super::page::MAX_LIMIT).contains(&limit) {
        return Err(Problem::invalid(format!(
            "limit {limit} is out of range, 1 to 1000"
        )));
    }
    let order = ListOrder::List {
        find,
        after,
        limit,
        review,
    };
    let (entries, next) = answers::listed(&http, &caller, &node, Command::Blacklist(order)).await?;
    let items = entries.into_iter().map(EntryView::from).collect();
    Ok(Json(Page { items, next }))
}

/// What would happen to a caller.
#[utoipa::path(
    get, path = "/nodes/{node}/blacklist/check", tag = "blacklist",
    params(("node" = String, Path, description = "Node name"), Caller_), responses((status = 200, body = Lines))
)]
async fn check(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Segments(node): Segments<String>,
    Params(Caller_ { number, queue, tier }): Params<Caller_>,
) -> Result<Json<Lines>, Problem> {
    known_node(&http, &node)?;
    let order = ListOrder::Check { number, queue, tier };
    let lines = answers::told(&http, &caller, &node, Command::Blacklist(order)).await?;
    Ok(Json(Lines { lines }))
}

/// Asks something of a node's blacklist.
#[utoipa::path(
    post, path = "/nodes/{node}/blacklist/commands", tag = "blacklist",
    params(("node" = String, Path, description = "Node name")), request_body = BlacklistOrder, responses((status = 200, body = Answer))
)]
async fn order(
    State(http): State<Arc<Http>>,
    caller: Caller,
    headers: HeaderMap,
    Segments(node): Segments<String>,
    Body(order): Body<BlacklistOrder>,
) -> Result<Answer, Problem> {
    known_node(&http, &node)?;
    let command = Command::Blacklist(order.order()?);
    answers::command(&http, &caller, &headers, &node, command).await
}
