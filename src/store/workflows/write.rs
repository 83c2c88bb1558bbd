//! The writer of steps: one transaction for all that wait while the last commit is in flight, as in [`crate::store::ledger`].

use crate::{
    clock,
    model::{ExecutionId, WorkflowId},
    store::{
        Error, Result, Store, executions,
        ledger::{Insert, Transition, connect},
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
    /// Ends of its children that are stored with it: all of them, or nothing of this step.
    pub ends: Vec<Transition>,
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
    /// Nothing is stored: the end of a child could not be, for somebody else changed the child meanwhile.
    ChildMoved,
}

pub(in crate::store) struct Entry {
    pub(in crate::store) step: Box<Step>,
    pub(in crate::store) answer: oneshot::Sender<Result<Done>>,
}

impl Step {
    fn weight(&self) -> usize {
        1 + self.pieces.len() + self.children.len() + self.ends.len()
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
            self.write(batch).await;
        }
    }

    /// Writes some steps, however often the database goes away meanwhile.
    async fn write(&mut self, batch: Vec<Entry>) {
        let mut in_doubt = false;
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
                        Box::pin(self.write(vec![entry])).await;
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
            none => none.insert(connect(&self.options).await?),
        };
        let mut tx = connection.begin().await?;
        let held = held(&mut tx, batch, in_doubt).await?;
        let steps: Vec<&Step> = batch.iter().map(|entry| &*entry.step).collect();
        let stored: Vec<&Step> =
            steps.iter().filter(|step| held.contains(&step.execution)).copied().collect();
        begin(&mut tx, &stored).await?;
        let children: Vec<&Insert> = stored.iter().flat_map(|step| &step.children).collect();
        if !children.is_empty() {
            executions::insert_all(&mut tx, children.into_iter()).await?;
        }
        pieces(&mut tx, &stored).await?;
        let changes: Vec<&Transition> =
            stored.iter().flat_map(|step| step.ends.iter().chain(&step.transition)).collect();
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
        let whole = |step: &Step| step.ends.iter().all(|end| moved.contains(&end.id));
        if !stored.iter().all(|step| whole(step)) {
            tx.rollback().await?;
            if batch.len() > 1 {
                // Alone, each of the others is stored, and this one says what is wrong with it.
                return Err(sqlx::Error::RowNotFound);
            }
            return Ok(vec![Done::ChildMoved]);
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

/// The executions that are held as their steps expect; their rows are locked until the commit.
async fn held(
    connection: &mut PgConnection,
    batch: &[Entry],
    in_doubt: bool,
) -> sqlx::Result<HashSet<ExecutionId>> {
    let rows = sqlx::query!(
        r#"SELECT e.id AS "id: ExecutionId" FROM executions e
           JOIN unnest($1::bytea[], $2::integer[], $3::bigint[]) AS t (id, node_id, node_epoch) ON e.id = t.id
           WHERE e.node_id = t.node_id AND e.node_epoch = t.node_epoch AND (e.ended_at IS NULL OR $4)
           ORDER BY e.id FOR UPDATE OF e"#,
        &batch.iter().map(|entry| entry.step.execution.as_bytes()).collect::<Vec<_>>() as _,
        &batch.iter().map(|entry| entry.step.holder.0).collect::<Vec<_>>(),
        &batch.iter().map(|entry| entry.step.holder.1).collect::<Vec<_>>(),
        in_doubt,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// The rows of workflows that begin.
async fn begin(connection: &mut PgConnection, steps: &[&Step]) -> sqlx::Result<()> {
    for step in steps {
        let Some(begun) = &step.begun else { continue };
        let hash = Sha256::new().chain_update(begun.language).chain_update([0]).chain_update(&*begun.source);
        let hash = hash.finalize();
        let executions: Vec<&[u8]> = begun.executions.iter().map(ExecutionId::as_bytes).collect();
        sqlx::query!(
            "WITH definition AS (
                 INSERT INTO workflow_definitions (hash, language, source) VALUES ($1, $2, $3)
                 ON CONFLICT (hash) DO NOTHING
             )
             INSERT INTO workflows (id, execution_id, executions, definition, depth) VALUES ($4, $5, $6, $1, $7)
             ON CONFLICT (id) DO UPDATE SET execution_id = excluded.execution_id, executions = excluded.executions,
                 depth = excluded.depth",
            hash.as_slice(),
            begun.language,
            &*begun.source,
            step.workflow as _,
            step.execution as _,
            &executions as _,
            begun.depth,
        )
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// The pieces that changed.
async fn pieces(connection: &mut PgConnection, steps: &[&Step]) -> sqlx::Result<()> {
    // One statement may write a row once only.
    let mut last: HashMap<(WorkflowId, &str), Option<&str>> = HashMap::new();
    for step in steps {
        for piece in &step.pieces {
            last.insert((step.workflow, &piece.key), piece.value.as_deref());
        }
    }
    if last.is_empty() {
        return Ok(());
    }
    let (kept, gone): (Vec<_>, Vec<_>) = last.into_iter().partition(|(_, value)| value.is_some());
    sqlx::query!(
        "WITH gone AS (
             DELETE FROM workflow_pieces p USING unnest($4::bytea[], $5::text[]) AS t (workflow_id, key)
             WHERE p.workflow_id = t.workflow_id AND p.key = t.key
         )
         INSERT INTO workflow_pieces (workflow_id, key, value)
         SELECT t.workflow_id, t.key, t.value::json FROM unnest($1::bytea[], $2::text[], $3::text[])
             AS t (workflow_id, key, value)
         ON CONFLICT (workflow_id, key) DO UPDATE SET value = excluded.value",
        &kept.iter().map(|((workflow, _), _)| workflow.as_bytes()).collect::<Vec<_>>() as _,
        &kept.iter().map(|((_, key), _)| *key).collect::<Vec<_>>() as _,
        &kept.iter().map(|(_, value)| value.unwrap_or_default()).collect::<Vec<_>>() as _,
        &gone.iter().map(|((workflow, _), _)| workflow.as_bytes()).collect::<Vec<_>>() as _,
        &gone.iter().map(|((_, key), _)| *key).collect::<Vec<_>>() as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}
