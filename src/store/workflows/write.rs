//! The writer of steps: one transaction for all that wait while the last commit is in flight, as in [`crate::store::ledger`].

use crate::{
    clock,
    model::{ExecutionId, WorkflowId},
    store::{
        Error, Result, Store, by_key, executions,
        ledger::{Insert, Transition},
        outputs::OutputChunk,
    },
};
use sha2::{Digest, Sha256};
use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};
use tokio::sync::{mpsc, oneshot};

/// Most rows one commit takes, by estimate: keeps locks short.
const ROWS: usize = 2000;

/// Pause between attempts to reach the database again.
const RETRY: Duration = Duration::from_millis(100);

/// One step of a workflow.
#[derive(Debug)]
pub struct Step {
    /// The execution it runs as.
    pub execution: ExecutionId,
    /// The node and epoch that must hold that execution.
    pub holder: (i32, i64),
    /// The workflow.
    pub workflow: WorkflowId,
    /// Its row, if it begins (again) with this step.
    pub begun: Option<Begun>,
    /// What changed in its state.
    pub pieces: Vec<Piece>,
    /// Executions it asks for.
    pub children: Vec<Insert>,
    /// A change of its own execution.
    pub transition: Option<Transition>,
    /// What it says about its progress.
    pub output: Vec<OutputChunk>,
}

/// How a workflow begins, or begins again.
#[derive(Clone, Debug)]
pub struct Begun {
    /// All executions it has run as, the present one last.
    pub executions: Vec<ExecutionId>,
    /// The language of its definition.
    pub language: &'static str,
    /// Its definition.
    pub source: Arc<str>,
    /// How many workflows it stands in, itself included.
    pub depth: i32,
}

/// One part of a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Which part.
    pub key: String,
    /// What it is now, as JSON text; `None`: it is gone.
    pub value: Option<String>,
}

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// It is stored.
    Whole,
    /// It is stored but for the change of its own execution: somebody else changed that meanwhile.
    Unmoved,
    /// Nothing is stored: another node holds the workflow, or it has ended.
    NotHeld,
}

pub(in crate::store) struct Entry {
    pub(in crate::store) step: Box<Step>,
    pub(in crate::store) answer: oneshot::Sender<Result<Done>>,
}

impl Step {
    fn weight(&self) -> usize {
        1 + self.pieces.len() + self.children.len()
    }
}

pub(in crate::store) struct Writer {
    options: PgConnectOptions,
    connection: Option<PgConnection>,
}

impl Writer {
    pub(in crate::store) fn new(store: &Store) -> Self {
        Self { options: store.connect_options(), connection: None }
    }

    pub(in crate::store) async fn run(mut self, mut receiver: mpsc::Receiver<Entry>) {
        while let Some(first) = receiver.recv().await {
            let mut weight = first.step.weight();
            let mut batch = vec![first];
            while weight < ROWS
                && let Ok(next) = receiver.try_recv()
            {
                weight += next.step.weight();
                batch.push(next);
            }
            self.write(batch, false).await;
        }
    }

    /// Writes some steps, however often the database goes away meanwhile. `in_doubt`: they may have been stored before.
    async fn write(&mut self, batch: Vec<Entry>, mut in_doubt: bool) {
        loop {
            match self.attempt(&batch, in_doubt).await {
                Ok(done) => {
                    for (entry, done) in batch.into_iter().zip(done) {
                        let _ = entry.answer.send(Ok(done));
                    }
                    return;
                }
                Err(error) if Error::is_lost_connection(&error) => {
                    self.connection = None;
                    in_doubt = true;
                    tracing::warn!("The database is away ({error}); {} workflows wait for it", batch.len());
                    clock::sleep(RETRY).await;
                }
                Err(error) if is_passing(&error) => {}
                // One bad step must not sink its neighbours: write them one by one.
                Err(_) if batch.len() > 1 => {
                    for entry in batch {
                        Box::pin(self.write(vec![entry], in_doubt)).await;
                    }
                    return;
                }
                Err(error) => {
                    let mut error = Some(Error::from(error));
                    for entry in batch {
                        let error = error.take().unwrap_or(Error::Sql(sqlx::Error::RowNotFound));
                        let _ = entry.answer.send(Err(error));
                    }
                    return;
                }
            }
        }
    }

    async fn attempt(&mut self, batch: &[Entry], in_doubt: bool) -> sqlx::Result<Vec<Done>> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(by_key::connect(&self.options).await?),
        };
        let mut tx = connection.begin().await?;
        let steps: Vec<&Step> = batch.iter().map(|entry| &*entry.step).collect();
        let held = states(&mut tx, &steps, in_doubt).await?;
        let stored: Vec<&Step> =
            steps.iter().filter(|step| held.contains(&step.execution)).copied().collect();
        let mut children: Vec<&Insert> = stored.iter().flat_map(|step| &step.children).collect();
        if in_doubt {
            // The states are locked: whoever wrote them before has ended.
            children = executions::missing(&mut tx, children.into_iter()).await?;
        }
        if !children.is_empty() {
            executions::insert_all(&mut tx, children.into_iter()).await?;
        }
        let changes: Vec<&Transition> = stored.iter().filter_map(|step| step.transition.as_ref()).collect();
        let output: Vec<OutputChunk> = stored.iter().flat_map(|step| &step.output).cloned().collect();
        let mut moved = HashSet::new();
        if !changes.is_empty() || !output.is_empty() {
            moved = executions::advance(&mut tx, changes.iter().copied(), &output).await?;
            if in_doubt {
                let rest: Vec<&Transition> =
                    changes.iter().filter(|change| !moved.contains(&change.id)).copied().collect();
                moved.extend(executions::already_done(&mut tx, rest.into_iter()).await?);
            }
        }
        tx.commit().await?;
        let done = |step: &&Step| match &step.transition {
            _ if !held.contains(&step.execution) => Done::NotHeld,
            Some(change) if !moved.contains(&change.id) => Done::Unmoved,
            _ => Done::Whole,
        };
        Ok(steps.iter().map(done).collect())
    }
}

/// Two transactions were in each other's way: the same again will do.
fn is_passing(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(inner) if inner.code().is_some_and(|code| code.starts_with("40")))
}

/// Stores the states of workflows after these steps. Answers the executions that are held as the steps expect; of the
/// others nothing is stored.
async fn states(
    connection: &mut PgConnection,
    steps: &[&Step],
    in_doubt: bool,
) -> sqlx::Result<HashSet<ExecutionId>> {
    let begun: Vec<(&Step, &Begun)> =
        steps.iter().filter_map(|step| Some((*step, step.begun.as_ref()?))).collect();
    // One statement may write a row once only.
    let mut last: HashMap<(WorkflowId, &str), (ExecutionId, Option<&str>)> = HashMap::new();
    for step in steps {
        for piece in &step.pieces {
            last.insert((step.workflow, &piece.key), (step.execution, piece.value.as_deref()));
        }
    }
    let (kept, gone): (Vec<_>, Vec<_>) = last.into_iter().partition(|(_, (_, value))| value.is_some());
    let rows = sqlx::query_file!(
        "src/store/sql/workflow_steps.sql",
        &steps.iter().map(|step| step.execution.as_bytes()).collect::<Vec<_>>() as _,
        &steps.iter().map(|step| step.holder.0).collect::<Vec<_>>(),
        &steps.iter().map(|step| step.holder.1).collect::<Vec<_>>(),
        in_doubt,
        &begun.iter().map(|(step, _)| step.workflow.as_bytes()).collect::<Vec<_>>() as _,
        &begun.iter().map(|(step, _)| step.execution.as_bytes()).collect::<Vec<_>>() as _,
        &begun.iter().map(|(_, begun)| bytea_text(&begun.executions)).collect::<Vec<_>>(),
        &begun.iter().map(|(_, begun)| hash(begun)).collect::<Vec<_>>(),
        &begun.iter().map(|(_, begun)| begun.language).collect::<Vec<_>>() as _,
        &begun.iter().map(|(_, begun)| &*begun.source).collect::<Vec<_>>() as _,
        &begun.iter().map(|(_, begun)| begun.depth).collect::<Vec<_>>(),
        &kept.iter().map(|(_, (execution, _))| execution.as_bytes()).collect::<Vec<_>>() as _,
        &kept.iter().map(|((workflow, _), _)| workflow.as_bytes()).collect::<Vec<_>>() as _,
        &kept.iter().map(|((_, key), _)| *key).collect::<Vec<_>>() as _,
        &kept.iter().map(|(_, (_, value))| value.unwrap_or_default()).collect::<Vec<_>>() as _,
        &gone.iter().map(|(_, (execution, _))| execution.as_bytes()).collect::<Vec<_>>() as _,
        &gone.iter().map(|((workflow, _), _)| workflow.as_bytes()).collect::<Vec<_>>() as _,
        &gone.iter().map(|((_, key), _)| *key).collect::<Vec<_>>() as _,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Under which a definition is stored, once for all that run it.
fn hash(begun: &Begun) -> Vec<u8> {
    let hash = Sha256::new().chain_update(begun.language).chain_update([0]).chain_update(&*begun.source);
    hash.finalize().to_vec()
}

/// Ids as SQL splits them again; arrays of arrays cannot be passed.
fn bytea_text(ids: &[ExecutionId]) -> String {
    let ids: Vec<String> = ids.iter().map(|id| format!("\\x{id}")).collect();
    ids.join(",")
}
