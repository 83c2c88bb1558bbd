//! Executions that a workflow asks for and waits for.

use super::Job;
use crate::{
    bus::{Event, Received},
    clock,
    engine::execution::{self, control},
    model::{Execution, ExecutionId, ExecutionRequest},
    store::executions,
};
use serde_json::{Map, Value, json};
use std::{sync::Arc, time::Duration};

/// How often a child is looked at in case its end was not heard of, as when another node runs it.
const SWEEP: Duration = Duration::from_secs(2);

impl Job<'_> {
    /// Runs an action as a task of this workflow, to its end. `about` goes into its context, by the workflow's kind.
    ///
    /// # Errors
    /// In words, when it could not be requested or followed, or when this workflow was asked to stop.
    pub(super) async fn child(
        &self,
        action: &str,
        parameters: Map<String, Value>,
        about: (&str, Value),
    ) -> Result<Arc<Execution>, String> {
        if self.io.stop.is_requested() {
            return Err("stopped".to_owned());
        }
        let own = &self.action.execution;
        let user = own.user().unwrap_or_default().to_owned();
        let mut parent = Map::clone(&own.context);
        parent.insert("execution_id".to_owned(), json!(own.id));
        let mut context = Map::new();
        context.insert("parent".to_owned(), Value::Object(parent));
        context.insert(about.0.to_owned(), about.1);
        let request = ExecutionRequest {
            action: action.to_owned(),
            parameters,
            context,
            ..ExecutionRequest::default()
        };
        let mut events = self.engine.store().bus().subscribe();
        let requested = execution::request(self.engine, &user, request, None).await;
        let id = requested.map_err(|error| error.to_string())?.id;
        let mut told = false;
        loop {
            if let Some(ended) = self.ended(id).await? {
                return if told { Err("stopped".to_owned()) } else { Ok(ended) };
            }
            tokio::select! {
                () = heard(&mut events, id) => {}
                () = clock::sleep(SWEEP) => {}
                () = self.io.stop.requested(), if !told => {
                    told = true;
                    // It may have ended just now.
                    let _ = control::cancel(self.engine, id, &user).await;
                }
            }
        }
    }

    async fn ended(&self, id: ExecutionId) -> Result<Option<Arc<Execution>>, String> {
        let found = match executions::query::find_many(self.engine.store().pool(), &[id]).await {
            Ok(found) => found,
            // The database is away; it will be back.
            Err(crate::store::Error::Unavailable(_)) => return Ok(None),
            Err(error) => return Err(error.to_string()),
        };
        let execution = found.into_iter().next().ok_or_else(|| format!("Execution {id} is gone"))?;
        Ok(execution.status.is_completed().then_some(execution))
    }
}

/// Waits until something says that an execution has ended, or that news of it may have been missed.
async fn heard(events: &mut crate::bus::Subscription, id: ExecutionId) {
    loop {
        match events.next().await {
            Some(Received::Event(Event::Execution(event)))
                if event.execution.id == id && event.execution.status.is_completed() =>
            {
                return;
            }
            Some(Received::Missed(_)) => return,
            Some(Received::Event(_)) => {}
            None => std::future::pending().await,
        }
    }
}
