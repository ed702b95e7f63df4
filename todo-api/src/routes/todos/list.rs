use std::sync::Arc;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::header::{CONTENT_TYPE, LINK};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::time::timeout;
use utoipa::IntoParams;

use super::json;
use crate::app::App;
use crate::error::{ApiError, ErrorBody};
use crate::store::{PAGE_ROWS, Page, PageEnd, Part};
use crate::todo::input::{self, ListQuery};
use crate::todo::{Filter, Todo};

/// Read by [`input::list_query`], declared here for the document.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents the query, which the parser reads with the contract's own rules")]
pub struct ListParams {
    /// Only todos that are (`true`) or are not (`false`) completed
    completed: Option<bool>,
    /// Only todos with a deadline at most this many days from now, overdue ones included
    #[param(minimum = 0)]
    window: Option<u64>,
    /// At most this many todos, with a `Link` header to the next page
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// Only todos with an id greater than this
    #[param(minimum = 0)]
    after: Option<i64>,
}

/// All todos, in the order of their ids
///
/// Without `limit` the answer holds every todo, however many there are; a body that breaks off was cut by a failure
/// of the database and is never ended as if it were whole.
#[utoipa::path(
    get,
    path = "/api/v1/todos",
    tag = "todos",
    params(ListParams),
    responses(
        (status = 200, description = "The todos", body = Vec<Todo>, headers(
            ("Link" = String, description = "With `limit`, where more follow: `<…>; rel=\"next\"`")
        )),
        (status = 400, description = "A parameter is not valid", body = ErrorBody),
        (status = 503, description = "Overload, or the database is unavailable", body = ErrorBody),
    )
)]
pub async fn list(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Result<Response, ApiError> {
    let query = input::list_query(query.as_deref().unwrap_or_default())?;
    let filter = query.filter((app.clock)());
    // The first page is read before the status line, so that a database that is away is a 503 and no broken 200.
    let after = query.after.unwrap_or(i64::MIN);
    let (limit, part) = query.limit.map_or((PAGE_ROWS, Part::First), |limit| (limit, Part::Whole));
    let (text, end) = app.store.page(&Page { filter, after, limit, part }).await?;
    if end.more && part == Part::First {
        return Ok(streamed(app, filter, text, end));
    }
    let mut response = json(StatusCode::OK, text);
    if end.more {
        response.headers_mut().insert(LINK, next_page(&query, end.last_id));
    }
    Ok(response)
}

fn next_page(query: &ListQuery, last_id: i64) -> HeaderValue {
    let link = format!("</api/v1/todos?{}>; rel=\"next\"", query.next_page(last_id));
    // Digits, ASCII letters and punctuation only: always a valid header value.
    HeaderValue::try_from(link).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// The rest of a list that is longer than a page. Each further page is read when the client has taken the one before,
/// by key, so that a slow client holds neither a connection to the database nor more than a page of memory.
fn streamed(app: Arc<App>, filter: Filter, first: Bytes, end: PageEnd) -> Response {
    let first = stream::once(async { Ok(first) });
    let rest = stream::try_unfold(end, move |end| {
        let app = Arc::clone(&app);
        async move {
            if !end.more {
                return Ok(None);
            }
            let page = Page { filter, after: end.last_id, limit: PAGE_ROWS, part: Part::Next };
            let read = timeout(app.request_timeout, app.store.page(&page));
            let (text, end) = read.await.map_err(|_| ApiError::TimedOut)??;
            Ok(Some((text, end)))
        }
    });
    // A failure after the status line can only be told by cutting the body; the log says why.
    let body = first.chain(rest).inspect_err(|error: &ApiError| {
        tracing::warn!(%error, "a list was cut off after its first page");
    });
    let content_type = HeaderValue::from_static("application/json");
    (StatusCode::OK, [(CONTENT_TYPE, content_type)], Body::from_stream(body)).into_response()
}
