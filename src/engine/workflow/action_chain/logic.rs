//! A chain under way.

use super::{
    begin::{CALL, Call},
    children::{Family, cast_all, node_of},
};
use crate::{
    clock,
    engine::{
        Engine,
        execution::{Refusal, Runnable},
        workflow::{Ask, Decision, Happened, Logic, Wanted},
    },
    expr::jinja,
    model::{Execution, ExecutionStatus},
    store::{patiently, workflows::Piece},
    workflow::action_chain::{Chain, Child, Node, Run, Scope, Step},
};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use std::{sync::Arc, time::Duration};

/// Name of the piece that tells which node runs.
pub(super) const CURRENT: &str = "current";

/// Pause after the database could not be asked.
const RETRY: Duration = Duration::from_millis(200);

/// The node that runs or waits.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Current {
    node: String,
    created_at: String,
    /// Its execution waits for an answer, or rests.
    rests: bool,
}

impl Current {
    pub(super) fn read(text: &str) -> Result<Option<Self>, String> {
        let kept: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let part = |name: &str| kept[name].as_str().map(str::to_owned);
        let (Some(node), Some(created_at)) = (part("node"), part("created_at")) else { return Ok(None) };
        Ok(Some(Self { node, created_at, rests: kept["rests"] == true }))
    }

    fn text(current: Option<&Self>) -> String {
        let shown =
            current.map(|it| json!({"node": it.node, "created_at": it.created_at, "rests": it.rests}));
        shown.unwrap_or_default().to_string()
    }
}

/// A chain under way.
pub(super) struct Running {
    engine: Engine,
    chain: Chain,
    call: Call,
    family: Family,
    /// `None` before it began.
    run: Option<Run>,
    current: Option<Current>,
    status: ExecutionStatus,
    /// It rests because its node does, and goes on when that goes on.
    rests_with_node: bool,
    /// Somebody asked to cancel it.
    canceled: bool,
    /// In place of a result: the chain broke.
    broken: Option<String>,
    /// The call is to be stored.
    is_new: bool,
    wanted: Vec<Wanted>,
}

impl Running {
    pub(super) fn new(engine: &Engine, chain: Chain, call: Call, family: Family) -> Self {
        Self {
            engine: engine.clone(),
            chain,
            call,
            family,
            run: None,
            current: None,
            status: ExecutionStatus::Running,
            rests_with_node: false,
            canceled: false,
            broken: None,
            is_new: true,
            wanted: Vec::new(),
        }
    }

    pub(super) fn restored(
        engine: &Engine,
        chain: Chain,
        call: Call,
        family: Family,
        run: Run,
        current: Option<Current>,
        status: ExecutionStatus,
    ) -> Self {
        let run = Some(run);
        let rests_with_node = current.as_ref().is_some_and(|it| it.rests);
        let canceled = status == ExecutionStatus::Canceling;
        Self {
            run,
            current,
            status,
            rests_with_node,
            canceled,
            is_new: false,
            ..Self::new(engine, chain, call, family)
        }
    }

    fn take(&mut self, happened: Happened) {
        match happened {
            Happened::Begun => self.begin(),
            Happened::Child(child) => self.child(&child),
            Happened::Refused { key, refusal } => self.refused(&key, &refusal),
            Happened::Asked(ask) => self.asked(ask),
        }
    }

    /// What templates see now. The datastore is read afresh: nodes write to it.
    fn scope(&self, wants_config: bool) -> Result<Scope, String> {
        let (pack, user) = (self.family.named("pack"), self.family.named("user"));
        let engine = &self.engine;
        let read = async {
            let names = crate::engine::execution::parameters::user_of(&self.family.parent);
            let datastore: Arc<dyn jinja::Datastore> =
                engine.datastore().for_work(names, []).await.map_err(|error| error.to_string())?;
            let config = match pack.filter(|_| wants_config) {
                Some(pack) => patiently("a chain", || engine.pack_config(pack, user))
                    .await
                    .map_err(|error| error.to_string())?,
                None => Map::new(),
            };
            Ok::<_, String>((datastore, config))
        };
        let (datastore, config) = engine.shared.runtime.block_on(read)?;
        Ok(Scope {
            parameters: self.call.parameters.clone(),
            datastore,
            parent: self.family.parent.clone(),
            config: Value::Object(config),
        })
    }

    fn begin(&mut self) {
        if self.run.is_some() {
            return;
        }
        let scope = match self.scope(false) {
            Ok(scope) => scope,
            Err(why) => return self.go(Step::Broken(why)),
        };
        match Run::new(&self.chain, &scope, self.call.display_published) {
            Ok(run) => {
                let first = run.begin(&self.chain);
                self.run = Some(run);
                self.go(first);
            }
            Err(failed) => {
                self.run = Some(*failed);
                self.go(Step::End(ExecutionStatus::Failed));
            }
        }
    }

    /// Follows steps until a node runs, or the chain rests or ends.
    fn go(&mut self, mut step: Step) {
        loop {
            // A chain that broke has ended whatever was asked of it.
            let is_faulty = matches!(step, Step::Broken(_)) || self.run.as_ref().is_some_and(Run::has_error);
            if !is_faulty && self.canceled {
                self.status = ExecutionStatus::Canceled;
                return;
            }
            if !is_faulty && self.status == ExecutionStatus::Pausing {
                self.status = ExecutionStatus::Paused;
                return;
            }
            step = match step {
                Step::Start(name) => match self.start(&name) {
                    Some(next) => next,
                    None => return,
                },
                Step::Rest => {
                    self.status = ExecutionStatus::Paused;
                    return;
                }
                Step::End(status) => {
                    self.status = status;
                    return;
                }
                Step::Broken(why) => {
                    self.broken = Some(why);
                    self.status = ExecutionStatus::Failed;
                    return;
                }
            };
        }
    }

    /// Wants the execution of a node; answers the next step if it cannot have it.
    fn start(&mut self, name: &str) -> Option<Step> {
        let node = self.chain.node(name)?.clone();
        let created_at = stamp(clock::now());
        let Some(runnable) = self.find(&node.reference) else {
            return self.run.as_mut().map(|run| run.no_action(&node));
        };
        let parameters = match self.parameters(&node, &runnable) {
            Ok(parameters) => parameters,
            Err(step) => return Some(step),
        };
        let is_notified = !self.call.skip_notify.contains(&node.name);
        let child = self.family.request(&node, parameters, is_notified);
        self.wanted.push(Wanted { key: node.name.clone(), child });
        self.current = Some(Current { node: node.name, created_at, rests: false });
        self.status = ExecutionStatus::Running;
        None
    }

    /// The action of a node. Waits as long as the database is away.
    fn find(&self, reference: &str) -> Option<Arc<Runnable>> {
        self.engine.shared.runtime.block_on(async {
            loop {
                match self.engine.catalog().find(reference).await {
                    Ok(found) => return found,
                    Err(_) => clock::sleep(RETRY).await,
                }
            }
        })
    }

    fn parameters(&mut self, node: &Node, runnable: &Runnable) -> Result<Map<String, Value>, Step> {
        let written = Value::Object(node.parameters()).to_string();
        let scope = self.scope(written.contains("config_context")).map_err(Step::Broken)?;
        let run = self.run.as_mut().ok_or_else(|| Step::Broken("The chain has not begun.".to_owned()))?;
        let rendered = run.parameters(node, &scope)?;
        cast_all(runnable, rendered).map_err(Step::Broken)
    }

    /// The execution of a node changed.
    fn child(&mut self, child: &Arc<Execution>) {
        let Some(current) = self.current.clone().filter(|it| node_of(child) == Some(it.node.as_str())) else {
            return;
        };
        let rests = matches!(child.status, ExecutionStatus::Pending | ExecutionStatus::Paused);
        if !self.awaits(child) || (rests && self.state_of(child) == Some(child.status)) {
            return;
        }
        if !rests && !child.status.is_completed() {
            if current.rests && child.status == ExecutionStatus::Running {
                self.current = Some(Current { rests, ..current });
                if std::mem::take(&mut self.rests_with_node) && self.status == ExecutionStatus::Paused {
                    self.status = ExecutionStatus::Running;
                }
            }
            return;
        }
        let Some(node) = self.chain.node(&current.node).cloned() else { return };
        let told = Child {
            execution_id: child.id.to_string(),
            liveaction_id: child.liveaction_id.to_string(),
            created_at: current.created_at.clone(),
            updated_at: stamp(child.end.unwrap_or_else(clock::now)),
            status: child.status,
            result: child
                .result
                .as_deref()
                .and_then(|raw| serde_json::from_str(raw.get()).ok())
                .unwrap_or_default(),
        };
        let scope = match self.scope(false) {
            Ok(scope) => scope,
            Err(why) => return self.go(Step::Broken(why)),
        };
        let Some(run) = self.run.as_mut() else { return };
        let step = run.update(&self.chain, &node, &told, &scope);
        if rests {
            self.rests_with_node = self.status == ExecutionStatus::Running;
            self.current = Some(Current { rests, ..current });
        } else {
            self.current = None;
            // At rest, what comes next is known and waits for somebody to let it go on.
            if self.status == ExecutionStatus::Paused && !matches!(step, Step::Broken(_)) {
                return;
            }
        }
        self.go(step);
    }

    /// Where an execution stands as far as the chain took notice.
    fn state_of(&self, child: &Execution) -> Option<ExecutionStatus> {
        let entry = self.run.as_ref()?.entry_of(&child.id.to_string())?;
        entry["state"].as_str()?.parse().ok()
    }

    fn refused(&mut self, key: &str, refusal: &Refusal) {
        let Some(node) = self.chain.node(key).cloned() else { return };
        let created_at = self.current.take().map(|it| it.created_at).unwrap_or_default();
        let Some(run) = self.run.as_mut() else { return };
        let step = run.refused(&self.chain, &node, &refusal.message, &created_at);
        self.go(step);
    }

    fn asked(&mut self, ask: Ask) {
        let runs = self.current.as_ref().is_some_and(|it| !it.rests);
        match ask {
            Ask::Cancel => {
                self.canceled = true;
                self.status = if runs { ExecutionStatus::Canceling } else { ExecutionStatus::Canceled };
            }
            Ask::Pause if self.status == ExecutionStatus::Paused => self.rests_with_node = false,
            Ask::Pause if self.status == ExecutionStatus::Running => {
                self.status = if runs { ExecutionStatus::Pausing } else { ExecutionStatus::Paused };
            }
            Ask::Resume if matches!(self.status, ExecutionStatus::Paused | ExecutionStatus::Resuming) => {
                self.status = ExecutionStatus::Running;
                self.rests_with_node = false;
                if self.current.is_none()
                    && let Some(run) = self.run.as_mut()
                {
                    let step = run.after_last(&self.chain);
                    self.go(step);
                }
            }
            Ask::Pause | Ask::Resume => {}
        }
    }

    /// The result of the execution, at rest and at the end.
    fn result(&self) -> Option<Value> {
        if let Some(why) = &self.broken {
            return Some(json!({"error": why, "traceback": ""}));
        }
        let is_shown = self.status == ExecutionStatus::Paused || self.status.is_completed();
        self.run.as_ref().filter(|_| is_shown).map(|run| Value::Object(run.result()))
    }
}

impl Logic for Running {
    fn step(&mut self, happened: Vec<Happened>) -> Decision {
        for one in happened {
            if self.status.is_completed() {
                break;
            }
            self.take(one);
        }
        Decision {
            wanted: std::mem::take(&mut self.wanted),
            status: self.status,
            result: self.result(),
            lines: Vec::new(),
        }
    }

    fn changes(&mut self) -> Vec<Piece> {
        let piece = |(key, value): (String, String)| Piece { key, value: Some(value) };
        let mut pieces: Vec<Piece> =
            self.run.as_mut().map(Run::changes).into_iter().flatten().map(piece).collect();
        pieces.push(piece((CURRENT.to_owned(), Current::text(self.current.as_ref()))));
        if std::mem::take(&mut self.is_new) {
            pieces.push(piece((CALL.to_owned(), self.call.text())));
        }
        pieces
    }

    fn awaits(&self, child: &Execution) -> bool {
        !self.state_of(child).is_some_and(ExecutionStatus::is_completed)
    }

    fn seen(&mut self, execution: &Arc<Execution>) {
        self.family.see(execution);
    }

    fn notes(&self) -> Map<String, Value> {
        let vars = self.run.as_ref().filter(|_| self.status == ExecutionStatus::Paused).map(Run::vars);
        vars.map(|vars| Map::from_iter([("vars".to_owned(), Value::Object(vars.clone()))]))
            .unwrap_or_default()
    }
}

/// A moment as results of chains show it.
fn stamp(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string()
}
