//! What requests bring, with errors in the one form.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::Http;
use super::problem::Problem;

/// A body in JSON.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Arc<Http>> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, http: &Arc<Http>) -> Result<Body<T>, Problem> {
        let patience = http.shared.timings.http_head;
        let Json(body) = tokio::time::timeout(patience, Json::from_request(request, http))
            .await
            .map_err(|_| {
                Problem::new(
                    StatusCode::REQUEST_TIMEOUT,
                    "slow",
                    format!("the body was not there within {patience:?}"),
                )
            })??;
        Ok(Body(body))
    }
}

/// What stands behind the `?`.
pub(super) struct Params<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Arc<Http>> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, http: &Arc<Http>) -> Result<Params<T>, Problem> {
        let Query(params) = Query::from_request_parts(parts, http).await?;
        Ok(Params(params))
    }
}

/// The variable parts of the path.
pub(super) struct Segments<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Arc<Http>> for Segments<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, http: &Arc<Http>) -> Result<Segments<T>, Problem> {
        let Path(segments) = Path::from_request_parts(parts, http).await?;
        Ok(Segments(segments))
    }
}
