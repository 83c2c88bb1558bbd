//! The loop: takes ends that were noted, does what follows from them, and strikes the notes, in one transaction.

use super::{ACTION_TRIGGER, NOTIFY_TRIGGER, interest, message};
use crate::{
    clock,
    engine::{
        Engine,
        execution::{self, Admitted},
        policy::retry,
        trigger::{self, Occurrence},
    },
    model::{Execution, ExecutionId, TraceContext},
    service::{Service, Stop},
    store::{self, Error, Tx, ends, executions, policies, traces},
};
use std::{collections::HashMap, sync::Arc, time::Duration};

/// Most ends of one transaction.
const MOST: i64 = 100;

/// How often notes are looked for that nobody told of: ends on nodes that died right after.
const SWEEP: Duration = Duration::from_secs(5);

/// Pause after the database could not be asked.
const RETRY: Duration = Duration::from_millis(500);

/// The service.
pub struct Notifier {
    engine: Engine,
}

impl Notifier {
    pub(in crate::engine) fn new(engine: Engine) -> Self {
        Self { engine }
    }

    /// Does all there is to do.
    async fn work(&self) -> store::Result<()> {
        let mut most = MOST;
        loop {
            let mut taken = Vec::new();
            match self.some(most, &mut taken).await {
                Ok(()) if taken.is_empty() => return Ok(()),
                Ok(()) => most = MOST,
                Err(error) if is_passing(&error) => return Err(error),
                // One that cannot be followed must not hold up the others: take them one by one.
                Err(_) if taken.len() > 1 => most = 1,
                Err(error) => {
                    for id in &taken {
                        tracing::error!(execution.id = %id, "What follows from the end of {id} cannot be stored: {error:?}");
                    }
                    ends::strike(self.engine.store().pool(), &taken).await?;
                }
            }
        }
    }

    /// Follows up to `most` ends, and tells which it took.
    async fn some(&self, most: i64, taken: &mut Vec<ExecutionId>) -> store::Result<()> {
        let engine = &self.engine;
        // Most wakes are for nothing: no transaction then.
        if !ends::are_any(engine.store().pool()).await? {
            return Ok(());
        }
        let mut tx = engine.store().begin().await?;
        let ids = ends::take(&mut tx, most).await?;
        taken.clone_from(&ids);
        if ids.is_empty() {
            return Ok(());
        }
        let ended = executions::query::find_many(engine.store().pool(), &ids).await?;
        let traces = traces::of_executions(engine.store().pool(), &ids).await?;
        let traces: HashMap<ExecutionId, traces::Belonging> =
            traces.into_iter().map(|trace| (trace.execution, trace)).collect();
        let mut requested = Vec::new();
        let done = self.follow(tx, &ended, &traces, &mut requested).await;
        // Retries never begin here: when the answer to the commit was lost, beginning wakes whoever may take them up.
        let may_be_stored = done.as_ref().is_ok() || done.as_ref().is_err_and(Error::is_unavailable);
        for admitted in requested {
            if may_be_stored {
                admitted.begin(engine);
            } else {
                admitted.forget(engine);
            }
        }
        done
    }

    async fn follow(
        &self,
        mut tx: Tx,
        ended: &[Arc<Execution>],
        traces: &HashMap<ExecutionId, traces::Belonging>,
        requested: &mut Vec<Admitted>,
    ) -> store::Result<()> {
        for execution in ended {
            if let Some(mut admitted) = self.retry(execution).await? {
                admitted.row.trace = traces.get(&execution.id).map(|it| it.trace);
                let row = admitted.row.clone();
                for event in admitted.events(&self.engine) {
                    tx.emit(event);
                }
                requested.push(admitted);
                executions::insert(&mut tx, &[row]).await?;
            }
            self.tell(&mut tx, execution, traces.get(&execution.id)).await?;
        }
        tx.commit().await
    }

    /// Its next attempt, if a policy wants one.
    async fn retry(&self, ended: &Execution) -> store::Result<Option<Admitted>> {
        use crate::model::ExecutionStatus::{Failed, Timeout};
        if !matches!(ended.status, Failed | Timeout) {
            return Ok(None);
        }
        // From the rows: the note may have been made by a policy that this node has not heard of.
        let policies = policies::of_action(self.engine.store().pool(), &ended.action_ref()).await?;
        let Some(again) = retry::again(&policies, ended) else { return Ok(None) };
        match execution::again(&self.engine, ended, again).await {
            Ok(admitted) => Ok(Some(admitted)),
            Err(execution::Error::Store(error)) => Err(error),
            Err(error) => {
                tracing::warn!(execution.id = %ended.id, "Execution {} is not retried: {error}", ended.id);
                Ok(None)
            }
        }
    }

    /// Sends what is to be told of it.
    async fn tell(
        &self,
        tx: &mut Tx,
        ended: &Execution,
        trace: Option<&traces::Belonging>,
    ) -> store::Result<()> {
        let context =
            trace.map(|it| TraceContext { id: Some(it.trace), tag: it.tag.clone() }).unwrap_or_default();
        let mut events = Vec::new();
        if !ended.notify.is_empty() {
            let payloads = message::notifications(&self.engine, ended).await?;
            events.extend(payloads.into_iter().map(|payload| Occurrence::of(NOTIFY_TRIGGER, payload)));
        }
        let settings = &self.engine.config().action_sensor;
        let is_wanted =
            settings.enable && settings.emit_when.iter().any(|status| status == ended.status.as_str());
        let is_chosen = trace.is_some_and(|it| it.is_chosen);
        if is_wanted && (is_chosen || interest(&self.engine).await?.is_listened_to) {
            events.push(Occurrence::of(ACTION_TRIGGER, message::of_end(ended)));
        }
        for event in events {
            match trigger::dispatch_in(&self.engine, tx, event.traced(context.clone()), None).await {
                Ok(_) => {}
                Err(trigger::Error::Store(error)) => return Err(error),
                Err(error) => {
                    tracing::warn!(execution.id = %ended.id, "The end of {} could not be told: {error}", ended.id);
                }
            }
        }
        Ok(())
    }
}

/// The same again may do: the database was away, or two transactions were in each other's way.
fn is_passing(error: &Error) -> bool {
    let collided = |error: &sqlx::Error| {
        error.as_database_error().is_some_and(|it| it.code().is_some_and(|code| code.starts_with("40")))
    };
    error.is_unavailable() || matches!(error, Error::Sql(error) if collided(error))
}

impl Service for Notifier {
    const NAME: &'static str = "st2notifier";

    async fn run(&mut self, stop: Stop) -> anyhow::Result<()> {
        let shared = self.engine.shared.clone();
        while !stop.is_requested() {
            let pause = match self.work().await {
                Ok(()) => SWEEP,
                Err(error) => {
                    tracing::debug!("Could not look for ended executions: {error}");
                    RETRY
                }
            };
            // So that the next end knows whether somebody listens.
            let _ = interest(&self.engine).await;
            tokio::select! {
                () = stop.requested() => {}
                () = shared.ends.wake.notified() => {}
                () = clock::sleep(pause) => {}
            }
        }
        Ok(())
    }
}
