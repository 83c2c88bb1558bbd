//! `/executions`, also known as `/actionexecutions`.

pub(in crate::api) mod write;

use crate::{access::Resource, app::App, model::Execution, wire};
use std::borrow::Cow;

impl Resource for Execution {
    fn uid(&self) -> Cow<'_, str> {
        Cow::Owned(format!("execution:{}", self.id))
    }
}

/// How an execution is shown when nothing special is asked for.
fn view(app: &App, mask: bool) -> wire::execution::View {
    wire::execution::View::new(app.web_base.clone(), mask)
}
