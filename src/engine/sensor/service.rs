//! Which sensors run here, and that they do: looks at what there is when content changes, and now and then.

use super::{
    keeper::Keeper,
    launch::Plan,
    partition::{Provider, Share},
    talk::Triggers,
};
use crate::{
    clock,
    engine::Engine,
    model::{KeyName, Sensor, SensorId, Trigger},
    service::{self, Service, Stop},
    store::{keys, sensors, triggers},
    yaml,
};
use anyhow::Context;
use futures_util::future::join_all;
use serde_json::{Map, Value};
use std::{
    collections::{HashMap, HashSet},
    path::Path,
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::{Notify, Semaphore, watch},
    task::JoinHandle,
    time::Instant,
};

/// How long news of content gather before anything is restarted for them.
const GATHER: Duration = Duration::from_millis(100);

/// When to look again although nobody said anything: alone, and beside other nodes, whose sensors may need a home.
const ALONE: Duration = Duration::from_secs(60);
const BESIDE_OTHERS: Duration = Duration::from_secs(2);

/// The service.
pub struct Sensors {
    engine: Engine,
    kept: HashMap<SensorId, Kept>,
    /// A hundred that start at once would leave no processor to anybody else.
    starts: Arc<Semaphore>,
}

/// A sensor of this node.
struct Kept {
    plan: Arc<Plan>,
    holder: (i32, i64),
    triggers: watch::Sender<Arc<Vec<Trigger>>>,
    stop: Stop,
    again: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Sensors {
    pub(in crate::engine) fn new(engine: Engine) -> Self {
        let places = std::thread::available_parallelism().map_or(2, usize::from);
        Self { engine, kept: HashMap::new(), starts: Arc::new(Semaphore::new(places)) }
    }

    /// Brings what runs here into line with what shall.
    async fn settle(&mut self, provider: &Provider) -> anyhow::Result<()> {
        let engine = self.engine.clone();
        let pool = engine.store().pool();
        let holder = engine.holder();
        let share = share(&engine, provider).await?;
        let mut wanted = sensors::enabled(pool).await?;
        wanted.retain(|sensor| share.holds(&sensor.reference()));
        let wanted = plans(&engine, wanted).await;
        let of = |id: &SensorId| wanted.iter().find(|plan| plan.sensor.id == *id);
        // What is done with, or not wanted any more, or not as it is.
        let leaving: Vec<SensorId> = self
            .kept
            .iter()
            .filter(|(id, kept)| {
                kept.task.is_finished()
                    || kept.holder != holder
                    || of(id).is_none_or(|plan| !plan.is_as(&kept.plan))
            })
            .map(|(id, _)| *id)
            .collect();
        self.stop(&leaving).await;
        let new: Vec<SensorId> =
            wanted.iter().map(|plan| plan.sensor.id).filter(|id| !self.kept.contains_key(id)).collect();
        let types = triggers_by_type(&engine, &wanted).await?;
        if !new.is_empty() {
            let lease = engine.config().scheduler.lease as f64;
            let ours: HashSet<SensorId> =
                sensors::claim(pool, &new, holder, lease).await?.into_iter().collect();
            for plan in wanted.iter().filter(|plan| ours.contains(&plan.sensor.id)) {
                let kept = self.start(plan.clone(), holder, triggers_of(&plan.sensor, &types));
                self.kept.insert(plan.sensor.id, kept);
            }
        }
        for kept in self.kept.values() {
            let now = triggers_of(&kept.plan.sensor, &types);
            kept.triggers.send_if_modified(|known| {
                let differs = *known != now;
                *known = now;
                differs
            });
        }
        Ok(())
    }

    fn start(&self, plan: Plan, holder: (i32, i64), triggers: Arc<Vec<Trigger>>) -> Kept {
        let (plan, stop, again) = (Arc::new(plan), Stop::new(), Arc::new(Notify::new()));
        let (sender, receiver) = watch::channel(triggers);
        let keeper = Keeper::new(
            self.engine.clone(),
            plan.clone(),
            holder,
            receiver,
            stop.clone(),
            again.clone(),
            self.starts.clone(),
        );
        let task = service::spawn("sensor", keeper.keep());
        Kept { plan, holder, triggers: sender, stop, again, task }
    }

    /// Stops these, all at once, and gives their leases back.
    async fn stop(&mut self, ids: &[SensorId]) {
        let leaving: Vec<(SensorId, Kept)> =
            ids.iter().filter_map(|id| Some((*id, self.kept.remove(id)?))).collect();
        for (_, kept) in &leaving {
            kept.stop.request();
        }
        let held: Vec<_> = leaving.iter().map(|(id, kept)| (*id, kept.holder)).collect();
        join_all(leaving.into_iter().map(|(_, kept)| kept.task)).await;
        for (id, holder) in held {
            if let Err(error) = sensors::release(self.engine.store().pool(), &[id], holder).await {
                tracing::debug!("Could not give the lease of a sensor back: {error}");
            }
        }
    }

    async fn stop_all(&mut self) {
        let all: Vec<SensorId> = self.kept.keys().copied().collect();
        self.stop(&all).await;
    }
}

/// The sensors with the configuration of their packs.
async fn plans(engine: &Engine, sensors: Vec<Sensor>) -> Vec<Plan> {
    let mut configs: HashMap<String, Result<Map<String, Value>, String>> = HashMap::new();
    let mut plans = Vec::with_capacity(sensors.len());
    for sensor in sensors {
        if !configs.contains_key(&sensor.pack) {
            let config = engine.pack_config(&sensor.pack, None).await.map_err(|error| error.to_string());
            configs.insert(sensor.pack.clone(), config);
        }
        let config = configs[&sensor.pack].clone();
        plans.push(Plan { sensor, config });
    }
    plans
}

/// What one sensor is started with.
pub(super) async fn plan(engine: &Engine, sensor: Sensor) -> Option<Plan> {
    plans(engine, vec![sensor]).await.pop()
}

type ByType = HashMap<String, Vec<Trigger>>;

async fn triggers_by_type(engine: &Engine, plans: &[Plan]) -> anyhow::Result<ByType> {
    let types: HashSet<&String> = plans.iter().flat_map(|plan| &plan.sensor.trigger_types).collect();
    let types: Vec<String> = types.into_iter().cloned().collect();
    let mut by_type = ByType::new();
    if !types.is_empty() {
        for trigger in triggers::list_of_types(engine.store().pool(), &types).await? {
            by_type.entry(trigger.trigger_type.clone()).or_default().push(trigger);
        }
    }
    Ok(by_type)
}

fn triggers_of(sensor: &Sensor, by_type: &ByType) -> Arc<Vec<Trigger>> {
    let of_type = |kind| by_type.get(kind).into_iter().flatten().cloned();
    Arc::new(sensor.trigger_types.iter().flat_map(of_type).collect())
}

/// Follows the triggers of one sensor, for as long as somebody looks.
pub(super) async fn follow_triggers(engine: &Engine, plan: &Plan) -> anyhow::Result<Triggers> {
    let mut news = engine.store().bus().content_changes();
    let plans = [plan.clone()];
    let now = triggers_of(&plan.sensor, &triggers_by_type(engine, &plans).await?);
    let (sender, receiver) = watch::channel(now);
    let engine = engine.clone();
    service::spawn("triggers of a sensor", async move {
        loop {
            tokio::select! {
                () = sender.closed() => return,
                Ok(()) = news.changed() => {}
            }
            if let Ok(by_type) = triggers_by_type(&engine, &plans).await {
                sender.send_replace(triggers_of(&plans[0].sensor, &by_type));
            }
        }
    });
    Ok(receiver)
}

/// Which sensors are this node's.
async fn share(engine: &Engine, provider: &Provider) -> anyhow::Result<Share> {
    let node = &engine.config().sensorcontainer.sensor_node_name;
    match provider {
        Provider::Default => Ok(Share::All),
        Provider::Hash(ranges) => Ok(Share::Hashed(ranges.clone())),
        Provider::KeyValue => {
            let name = format!("{node}.sensor_partition");
            let key = keys::find(engine.store().pool(), &KeyName::system(&name), clock::now()).await?;
            let key = key.with_context(|| {
                format!("No sensor partition for {node}: there is no key {name} in the datastore")
            })?;
            Ok(Share::listed(&key.value))
        }
        Provider::File(path) => {
            let text = tokio::fs::read_to_string(path).await;
            let text =
                text.with_context(|| format!("Cannot read the sensor partitions of {}", path.display()))?;
            listed_in(&text, node, path)
        }
    }
}

fn listed_in(text: &str, node: &str, path: &Path) -> anyhow::Result<Share> {
    let document = yaml::load(text).with_context(|| path.display().to_string())?;
    let list = document
        .get(node)
        .with_context(|| format!("Sensor partition not found for {node} in {}.", path.display()))?;
    let references: Vec<&str> = list.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    // As in StackStorm an empty list is none.
    if references.is_empty() { Ok(Share::All) } else { Ok(Share::listed(&references.join(","))) }
}

impl Service for Sensors {
    const NAME: &'static str = "st2sensorcontainer";

    async fn run(&mut self, stop: Stop) -> anyhow::Result<()> {
        let settings = &self.engine.config().sensorcontainer;
        if !settings.enable {
            stop.requested().await;
            return Ok(());
        }
        let provider =
            Provider::parse(&settings.partition_provider).context("sensorcontainer.partition_provider")?;
        let lease = Duration::from_secs(self.engine.config().scheduler.lease);
        let mut news = self.engine.store().bus().content_changes();
        let mut company = self.engine.shared.company.subscribe();
        let (mut seen, mut is_told) = (Instant::now(), false);
        while !stop.is_requested() {
            match self.settle(&provider).await {
                Ok(()) => (seen, is_told) = (Instant::now(), false),
                Err(error) => {
                    if !std::mem::replace(&mut is_told, true) {
                        tracing::error!("Cannot see which sensors shall run here: {error:#}");
                    }
                    // Others take this node for lost, and run its sensors.
                    if *company.borrow() && seen.elapsed() > lease && !self.kept.is_empty() {
                        tracing::warn!("Stopping the sensors: the database was out of reach for too long");
                        self.stop_all().await;
                    }
                }
            }
            let sweep = if *company.borrow_and_update() || is_told { BESIDE_OTHERS } else { ALONE };
            tokio::select! {
                () = stop.requested() => {}
                () = clock::sleep(sweep) => {}
                Ok(()) = company.changed() => {}
                Ok(()) = news.changed() => {
                    clock::sleep(GATHER).await;
                    news.mark_unchanged();
                    self.kept.values().for_each(|kept| kept.again.notify_waiters());
                }
            }
        }
        self.stop_all().await;
        Ok(())
    }
}
