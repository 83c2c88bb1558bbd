//! `/executions`, also known as `/actionexecutions`: what ran, what runs, and what it printed.

mod listing;
pub(in crate::api) mod output;
pub(in crate::api) mod read;
pub(in crate::api) mod why;
pub(in crate::api) mod write;

use crate::{
    access::Resource,
    api::{ApiResult, Error},
    app::App,
    model::{Execution, ExecutionId},
    store::executions::query::{self, Extent, Row},
    wire::execution::View,
};
use std::borrow::Cow;

impl Resource for Execution {
    fn uid(&self) -> Cow<'_, str> {
        Cow::Owned(format!("execution:{}", self.id))
    }
}

/// How an execution is shown when nothing special is asked for.
pub(super) fn view(app: &App, mask: bool) -> View {
    View::new(app.web_base.clone(), mask)
}

/// The execution with this id, `last` being the newest.
pub(in crate::api) async fn find_or_last(app: &App, id: &str, extent: Extent) -> ApiResult<Row> {
    if id != "last" {
        return find(app, id, extent).await;
    }
    let newest = query::last(app.store.pool()).await?;
    let newest = newest.ok_or_else(|| Error::bad_request("No executions found in the database"))?;
    find(app, &newest.to_string(), extent).await
}

/// The execution with this id.
pub(in crate::api) async fn find(app: &App, id: &str, extent: Extent) -> ApiResult<Row> {
    let unknown = || Error::not_found(format!("Unable to identify resource with id \"{id}\"."));
    let id: ExecutionId = id.parse().map_err(|_| unknown())?;
    let mut rows = query::find_rows(app.store.pool(), &[id], extent).await?;
    rows.pop().ok_or_else(unknown)
}
