//! One workflow of this node: told what happens, it decides, stores and goes on.

use super::{
    Ask, Happened, Logic, heard,
    progress::Progress,
    runs,
    step::{Gathered, Next, noted},
};
use crate::{
    clock,
    engine::{
        Engine,
        execution::{self, control},
        runner::{
            bring_back,
            container::{self, update},
        },
    },
    model::{Execution, ExecutionId, ExecutionStatus, WorkflowId},
    service,
    store::{
        executions,
        ledger::Transition,
        workflows::{self, Begun},
    },
};
use serde_json::{Map, Value, json, value::to_raw_value};
use std::{collections::HashMap, sync::Arc, sync::atomic::Ordering, time::Duration};
use tokio::sync::mpsc::UnboundedReceiver;

/// Children of one commit when a workflow could go on at once: what is stored is bounded, and seen early.
const CHILDREN: usize = 500;

/// Pause after the database could not be asked.
const RETRY: Duration = Duration::from_millis(200);

/// How long a workflow waits before it looks at its children by itself: a word that was lost costs this much.
const SWEEP: Duration = Duration::from_secs(30);

/// What a workflow's task is told.
pub(super) enum Message {
    /// A child changed.
    Child(Arc<Execution>),
    /// Its own row says something new.
    Look,
}

/// A workflow under way.
pub(super) struct Flow {
    pub(super) engine: Engine,
    pub(super) execution: Arc<Execution>,
    pub(super) workflow: WorkflowId,
    /// What decides; elsewhere while it computes.
    pub(super) logic: Option<Box<dyn Logic>>,
    /// Its row, until that is stored.
    pub(super) begun: Option<Begun>,
    /// Children that have not ended: whether they are workflows.
    pub(super) active: HashMap<ExecutionId, bool>,
    /// What it says with its next step.
    pub(super) said: Vec<String>,
    pub(super) progress: Progress,
    pub(super) mailbox: UnboundedReceiver<Message>,
}

impl Flow {
    /// Goes on until it has ended, or is not ours any more.
    pub(super) async fn run(mut self, mut happened: Vec<Happened>) {
        while self.advance(happened).await {
            let Some(next) = self.next().await else { break };
            happened = next;
        }
        if self.execution.status == ExecutionStatus::Canceled {
            // It may have ended at once, while children were at work.
            self.ask_children(Ask::Cancel).await;
        }
        bring_back::undo_rest(&self.engine, &self.execution).await;
        let mut awaited = self.engine.shared.flows.awaited.lock();
        for child in self.active.keys() {
            awaited.remove(child);
        }
    }

    /// Waits for something to happen; takes all that has gathered. `None` when the workflow rests here.
    async fn next(&mut self) -> Option<Vec<Happened>> {
        loop {
            let first = tokio::select! {
                message = self.mailbox.recv() => Some(message?),
                () = clock::sleep(SWEEP) => None,
            };
            let mut happened = Vec::new();
            if let Some(first) = first {
                self.read(first, &mut happened).await?;
                while let Ok(message) = self.mailbox.try_recv() {
                    self.read(message, &mut happened).await?;
                }
            } else {
                self.sweep(&mut happened).await;
            }
            if !happened.is_empty() {
                return Some(happened);
            }
        }
    }

    async fn read(&mut self, message: Message, happened: &mut Vec<Happened>) -> Option<()> {
        match message {
            Message::Child(child) => {
                if child.status.is_completed() {
                    self.active.remove(&child.id);
                    self.engine.shared.flows.awaited.lock().remove(&child.id);
                }
                happened.push(Happened::Child(child));
            }
            Message::Look => {
                self.reload().await?;
                if let Some(logic) = &mut self.logic {
                    logic.seen(&self.execution);
                }
                let ask = match self.execution.status {
                    ExecutionStatus::Canceling => Ask::Cancel,
                    ExecutionStatus::Pausing => Ask::Pause,
                    ExecutionStatus::Resuming => Ask::Resume,
                    _ => return Some(()),
                };
                happened.push(Happened::Asked(ask));
            }
        }
        Some(())
    }

    /// Looks for ends of children that nobody told of.
    async fn sweep(&mut self, happened: &mut Vec<Happened>) {
        let ids: Vec<ExecutionId> = self.active.keys().copied().collect();
        let pool = self.engine.store().pool();
        let Ok(ended) = workflows::ended(pool, &ids).await else { return };
        for child in executions::query::find_many(pool, &ended).await.unwrap_or_default() {
            let _ = self.read(Message::Child(child), happened).await;
        }
    }

    /// Reads its own row again; `None` when it has ended, or another node holds it.
    pub(super) async fn reload(&mut self) -> Option<()> {
        loop {
            let pool = self.engine.store().pool();
            match executions::query::find_many(pool, &[self.execution.id]).await {
                Ok(found) => {
                    let found = found.into_iter().next()?;
                    let is_ours = !found.status.is_completed() && found.holder == self.execution.holder;
                    self.execution = found;
                    return is_ours.then_some(());
                }
                Err(error) => {
                    tracing::debug!("Workflow {} could not look at its row: {error}", self.execution.id);
                    clock::sleep(RETRY).await;
                }
            }
        }
    }

    /// Takes one step, or several that follow from each other; `false` when there is nothing more to do here.
    async fn advance(&mut self, mut happened: Vec<Happened>) -> bool {
        if self.engine.shared.flows.halted.load(Ordering::SeqCst) {
            return false;
        }
        let asks: Vec<Ask> = happened.iter().filter_map(asked).collect();
        let mut gathered = Gathered::new(self.execution.status);
        gathered.lines.append(&mut self.said);
        loop {
            let Some(decision) = self.decide(happened).await else {
                self.give_up("The workflow engine failed inside; its log says more.").await;
                return false;
            };
            happened = Vec::new();
            gathered.lines.extend(decision.lines);
            (gathered.status, gathered.result) =
                self.judged(decision.status, decision.result.or(gathered.result));
            for wanted in decision.wanted {
                match execution::child(&self.engine, wanted.child).await {
                    Ok(admitted) => {
                        if admitted.execution().status.is_completed() {
                            happened.push(Happened::Child(admitted.execution().clone()));
                        }
                        gathered.children.push(admitted);
                    }
                    Err(refusal) => {
                        happened.push(Happened::Refused { key: wanted.key, refusal });
                        break;
                    }
                }
            }
            if happened.is_empty() {
                break;
            }
            if gathered.children.len() >= CHILDREN {
                let status = gathered.status;
                if self.store(std::mem::replace(&mut gathered, Gathered::new(status))).await == Next::Over {
                    return false;
                }
            }
        }
        if self.store(gathered).await == Next::Over {
            self.pass_on(&asks).await;
            return false;
        }
        self.pass_on(&asks).await;
        true
    }

    /// A good end whose output does not fit what the action says of it is a bad one.
    fn judged(&self, status: ExecutionStatus, result: Option<Value>) -> (ExecutionStatus, Option<Value>) {
        let Some(result) = result else { return (status, None) };
        match container::fits(&self.engine, &self.execution, status, || Some(result.clone())) {
            Ok(()) => (status, Some(result)),
            Err(refused) => (ExecutionStatus::Failed, Some(refused)),
        }
    }

    /// Lets the language decide, without holding up others.
    async fn decide(&mut self, happened: Vec<Happened>) -> Option<super::Decision> {
        let mut logic = self.logic.take()?;
        let decided = service::compute(move || {
            let decision = logic.step(happened);
            (logic, decision)
        });
        match decided.await {
            Ok((logic, decision)) => {
                self.logic = Some(logic);
                Some(decision)
            }
            Err(panic) => {
                tracing::error!(execution.id = %self.execution.id, "A step of workflow {} failed: {panic}", self.execution.id);
                None
            }
        }
    }

    /// What was asked of it is asked of its children, and a cancel of its parent too.
    async fn pass_on(&mut self, asks: &[Ask]) {
        for ask in asks {
            self.ask_children(*ask).await;
            let parent = self.execution.parent.filter(|_| self.execution.context.contains_key("orquesta"));
            if let (Ask::Cancel, Some(parent)) = (ask, parent) {
                let user = self.execution.user().unwrap_or_default();
                // A parent that is being cancelled says so; that changes nothing here.
                let _ = control::cancel(&self.engine, parent, user).await;
            }
        }
    }

    async fn ask_children(&mut self, ask: Ask) {
        let user = self.execution.user().unwrap_or_default();
        for (child, is_workflow) in &self.active {
            // What cannot follow says so; that changes nothing here.
            let _ = match ask {
                Ask::Pause if *is_workflow => control::pause(&self.engine, *child, user).await.map(drop),
                Ask::Resume if *is_workflow => control::resume(&self.engine, *child, user).await.map(drop),
                Ask::Cancel => control::cancel_child(&self.engine, *child, *is_workflow, user).await,
                _ => Ok(()),
            };
        }
    }

    /// Ends as failed although its state cannot be stored.
    pub(super) async fn give_up(&mut self, why: &str) {
        tracing::error!(execution.id = %self.execution.id, "Workflow {} is given up: {why}", self.execution.id);
        let result = json!({"errors": [{"message": why}], "output": null});
        self.end_as(ExecutionStatus::Failed, &result).await;
    }

    /// Ends without a step.
    pub(super) async fn end_as(&mut self, status: ExecutionStatus, result: &Value) {
        end(&self.engine, self.execution.clone(), status, result, &self.notes()).await;
    }
}

fn asked(happened: &Happened) -> Option<Ask> {
    match happened {
        Happened::Asked(ask) => Some(*ask),
        _ => None,
    }
}

/// Whether a child is a workflow.
pub(super) fn is_workflow(child: &Execution) -> bool {
    runs(&child.snapshot)
}

/// Ends an execution without a step: a workflow that could not begin, or not go on. Its context says `notes` then.
pub(super) async fn end(
    engine: &Engine,
    execution: Arc<Execution>,
    status: ExecutionStatus,
    result: &Value,
    notes: &Map<String, Value>,
) {
    let mut current = execution;
    while !current.status.is_completed() {
        let canceling = current.status == ExecutionStatus::Canceling;
        let status = if canceling { ExecutionStatus::Canceled } else { status };
        let result = if canceling { None } else { to_raw_value(result).ok().map(Arc::from) };
        let at = clock::now();
        let mut next = current.moved(&[status], result.clone(), at);
        let context = noted(&current, notes.clone()).map(|context| {
            next.context = Arc::new(context);
            serde_json::to_string(&*next.context).unwrap_or_default()
        });
        let next = Arc::new(next);
        let change = Transition {
            id: current.id,
            from: vec![current.status],
            to: vec![status],
            at,
            result,
            context,
            holder: current.holder,
        };
        match engine.shared.ledger.transition(change, vec![update(next.clone())]).await {
            Ok(true) => return heard(engine, &next),
            Ok(false) => {
                let found = executions::query::find_many(engine.store().pool(), &[current.id]).await;
                match found.unwrap_or_default().into_iter().next() {
                    Some(found) if found.holder == current.holder && found.status != current.status => {
                        current = found;
                    }
                    _ => return,
                }
            }
            Err(error) => {
                tracing::error!("The end of workflow {} could not be stored: {error:?}", current.id);
                return;
            }
        }
    }
}
