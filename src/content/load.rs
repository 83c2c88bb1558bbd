//! A pack read from disk: its manifest and what it holds, and what is wrong with the files that do not count.
//!
//! Reads and checks, and touches no database. A broken file never hides the others. What only the database or the
//! other packs can tell is left to [`super::resolve`].

use super::{
    action, alias, config,
    disk::{self, Inventory, PackDir, ReadError},
    document::Document,
    form::{Error, Fields},
    metadata_file::{self, Metadata, document, not_an_object, refuse_nul},
    overrides::Overrides,
    policy,
    problem::{Fault, Kind, Problem},
    rule, sensor, trigger,
};
use crate::model::{
    Alias, ConfigId, ConfigSchema, ConfigSchemaId, NewAction, Pack, PackConfig, Policy, PolicyType,
    RunnerType, Sensor, SensorId, TriggerType,
};
use chrono::{DateTime, SubsecRound, Utc};
use serde_json::{Map, Value};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    io::ErrorKind,
    path::{Path, PathBuf},
};

/// What metadata is checked against, and where what is not in the pack lies.
#[derive(Clone, Debug)]
pub(super) struct Surroundings {
    /// The runner types by name.
    pub(super) runners: HashMap<String, RunnerType>,
    /// The policy types.
    pub(super) policy_types: Vec<PolicyType>,
    /// Directory of configurations.
    pub(super) configs_dir: PathBuf,
    /// Directory of overrides.
    pub(super) overrides_dir: PathBuf,
    /// What to read; the manifest always.
    pub(super) kinds: BTreeSet<Kind>,
}

/// Something of a file that others still have to be asked about.
#[derive(Clone, Debug)]
pub(super) struct Pending<T> {
    pub(super) item: T,
    pub(super) file: String,
    pub(super) document: Document,
}

/// What a pack holds. Each reference is there once.
#[derive(Clone, Debug, Default)]
pub(super) struct LoadedPack {
    /// Its manifest, with a new id. `None`: it is broken, and then nothing of the pack counts.
    pub(super) pack: Option<Pack>,
    /// Its configuration schema.
    pub(super) schema: Option<ConfigSchema>,
    /// Its trigger types, those of its sensors among them.
    pub(super) trigger_types: Vec<TriggerType>,
    /// Its sensors.
    pub(super) sensors: Vec<Sensor>,
    /// Its actions.
    pub(super) actions: Vec<NewAction>,
    /// Its rules.
    pub(super) rules: Vec<Pending<rule::Draft>>,
    /// Its action aliases.
    pub(super) aliases: Vec<Alias>,
    /// Its policies.
    pub(super) policies: Vec<Pending<Policy>>,
    /// What it is configured with.
    pub(super) config: Option<PackConfig>,
    /// How much of a kind is enabled or disabled by overrides alone.
    pub(super) overridden: BTreeMap<Kind, usize>,
    /// Files that do not count, and why.
    pub(super) problems: Vec<Problem>,
}

/// Reads a pack. `inventory` is what lies in it.
pub(super) fn load(directory: &PackDir, inventory: Inventory, around: &Surroundings) -> LoadedPack {
    let mut loaded = LoadedPack::default();
    let pack = match metadata_file::manifest(directory, inventory) {
        Ok(pack) => pack,
        Err(fault) => {
            loaded.problems.push(fault.into_problem(directory, Kind::Pack, "pack.yaml"));
            return loaded;
        }
    };
    // Somebody wanted to switch something off: better nothing changes than that it runs.
    let overrides = match Overrides::read(&around.overrides_dir, &directory.name) {
        Ok(overrides) => overrides,
        Err((file, fault)) => {
            loaded.problems.push(fault.into_problem(directory, Kind::Override, file));
            return loaded;
        }
    };
    loaded.pack = Some(pack);
    let mut reader = Reader { directory, around, overrides, loaded };
    reader.config_schema();
    for kind in Kind::CONTENT.into_iter().filter(|kind| around.kinds.contains(kind)) {
        match kind {
            Kind::Trigger => reader.triggers(),
            Kind::Sensor => reader.sensors(),
            Kind::Action => reader.actions(),
            Kind::Rule => reader.rules(),
            Kind::Alias => reader.aliases(),
            Kind::Policy => reader.policies(),
            _ => reader.config(),
        }
    }
    reader.loaded
}

struct Reader<'a> {
    directory: &'a PackDir,
    around: &'a Surroundings,
    overrides: Overrides,
    loaded: LoadedPack,
}

impl Reader<'_> {
    /// Reads all files of a kind; those with a fault become problems. A later file of the same name wins, in the
    /// order of the files' names, as with one registration after the other.
    fn each<T>(
        &mut self,
        kind: Kind,
        name_key: &str,
        read: impl Fn(&Self, &Metadata) -> Result<T, Error>,
    ) -> Vec<(String, T, Metadata)> {
        let folder = kind.plural();
        let files = self.directory.metadata_files(folder).unwrap_or_else(|error| {
            self.loaded.problems.push(Fault::from(error).into_problem(self.directory, kind, folder));
            Vec::new()
        });
        let mut found: Vec<(String, T, Metadata)> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        for name in files {
            let file = format!("{folder}/{name}");
            let read = metadata_file::read(self.directory, &file).and_then(|metadata| {
                let item = read(self, &metadata).map_err(|error| Fault::of(&metadata.document, error))?;
                let name = metadata.name(name_key).map_err(|error| Fault::of(&metadata.document, error))?;
                Ok((name, item, metadata))
            });
            match read {
                Err(fault) => self.loaded.problems.push(fault.into_problem(self.directory, kind, &file)),
                Ok(item) => {
                    if let Some(&place) = places.get(&item.0) {
                        let before = &found[place].2.file;
                        let (noun, directory) = (kind.noun(), self.directory.path.display());
                        tracing::warn!("{directory}: {file} redefines the {noun} of {before}");
                        found[place] = item;
                    } else {
                        places.insert(item.0.clone(), found.len());
                        found.push(item);
                    }
                }
            }
        }
        found
    }

    /// Lets the overrides decide.
    fn overridden(&mut self, kind: Kind, name: &str, enabled: &mut bool) {
        if self.overrides.apply(kind.plural(), name, enabled) {
            *self.loaded.overridden.entry(kind).or_default() += 1;
        }
    }

    fn config_schema(&mut self) {
        const FILE: &str = "config.schema.yaml";
        let schema = document(self.directory, FILE).and_then(|mut document| {
            if document.value.is_null() {
                let path = self.directory.path.join(FILE);
                let message = format!("Config schema \"{}\" is empty and invalid.", path.display());
                return Err(Fault::at(&document, &[], message));
            }
            config::check_schema_file(&document.value).map_err(|error| Fault::of(&document, error))?;
            refuse_nul(&document)?;
            Ok(document.value.take())
        });
        match schema {
            Ok(Value::Object(attributes)) => {
                let pack = self.directory.name.clone();
                self.loaded.schema = Some(ConfigSchema { id: ConfigSchemaId::generate(), pack, attributes });
            }
            Err(fault) if !fault.is_missing_file() => {
                self.loaded.problems.push(fault.into_problem(self.directory, Kind::ConfigSchema, FILE));
            }
            _ => {}
        }
    }

    fn triggers(&mut self) {
        let pack = &self.directory.name;
        let types = self.each(Kind::Trigger, "name", |_, file| {
            trigger::validate_type(&file.document.value)?;
            let kind = trigger::type_from_fields(&file.fields, pack, Some(&file.file));
            trigger::check_name(&kind.name)?;
            Ok(kind)
        });
        self.loaded.trigger_types = types.into_iter().map(|(_, kind, _)| kind).collect();
    }

    fn sensors(&mut self) {
        let sensors = self.each(Kind::Sensor, "class_name", Self::sensor);
        let mut sent: HashSet<String> = HashSet::new();
        let mut of_sensors: Vec<TriggerType> = Vec::new();
        for (name, (mut sensor, types), _) in sensors {
            self.overridden(Kind::Sensor, &name, &mut sensor.enabled);
            for kind in types {
                if sent.insert(kind.name.clone()) {
                    of_sensors.push(kind);
                } else if let Some(place) = of_sensors.iter_mut().find(|other| other.name == kind.name) {
                    *place = kind;
                }
            }
            self.loaded.sensors.push(sensor);
        }
        // Registered after those of `triggers/`, they win.
        self.loaded.trigger_types.retain(|kind| !sent.contains(&kind.name));
        self.loaded.trigger_types.extend(of_sensors);
    }

    fn sensor(&self, file: &Metadata) -> Result<(Sensor, Vec<TriggerType>), Error> {
        let pack = &self.directory.name;
        sensor::validate_file(&file.document.value)?;
        let class = file.name("class_name")?;
        let entry_point = sensor::entry_point(&file.fields)?;
        let source = self.source("sensors", &entry_point)?;
        let changed = std::fs::metadata(source).and_then(|meta| meta.modified());
        let types = sensor::trigger_types(&file.fields, pack, &file.file)?;
        let fields = Fields(&file.fields);
        let sensor = Sensor {
            id: SensorId::generate(),
            pack: pack.clone(),
            description: fields.text("description"),
            artifact_uri: format!(
                "file://{}",
                self.directory.path.join("sensors").join(&entry_point).display()
            ),
            entry_point: sensor::dotted_path(pack, &entry_point, &class),
            enabled: fields.flag("enabled", true),
            trigger_types: types.iter().map(TriggerType::reference).collect(),
            poll_interval: sensor::poll_interval(&file.fields)?,
            metadata_file: file.file.clone(),
            // What the database keeps.
            source_changed_at: changed.map(DateTime::<Utc>::from).unwrap_or_default().trunc_subsecs(6),
            name: class,
        };
        Ok((sensor, types))
    }

    fn actions(&mut self) {
        let actions = self.each(Kind::Action, "name", Self::action);
        for (name, mut action, _) in actions {
            self.overridden(Kind::Action, &name, &mut action.enabled);
            self.loaded.actions.push(action);
        }
    }

    fn action(&self, file: &Metadata) -> Result<NewAction, Error> {
        action::validate_file(&file.document.value)?;
        let mut action = action::from_fields(&file.fields, &self.directory.name);
        action.metadata_file.clone_from(&file.file);
        let runner = self.around.runners.get(&action.runner_type);
        let runner = runner.ok_or_else(|| action::unknown_runner(&action.runner_type))?;
        action::check_parameters(&action, runner)?;
        if action::runs_a_file(&runner.name) {
            if action.entry_point.is_empty() {
                let message = format!("An action of the runner {} needs an entry_point", runner.name);
                return Err(Error::new(message, ["entry_point"]));
            }
            self.source("actions", &action.entry_point)?;
        } else if self.directory.is_outside(&Path::new("actions").join(&action.entry_point)) {
            return Err(outside(&action.entry_point));
        }
        Ok(action)
    }

    /// Where a source is, which is inside the pack.
    fn source(&self, folder: &str, entry_point: &str) -> Result<PathBuf, Error> {
        let relative = Path::new(folder).join(entry_point);
        if self.directory.is_outside(&relative) {
            return Err(outside(entry_point));
        }
        let found = self.directory.look_at(&relative).map_err(|error| {
            let message = match error {
                ReadError::Outside => return outside(entry_point),
                ReadError::Io(error) if error.kind() == ErrorKind::NotFound => {
                    format!("Entry point \"{entry_point}\" does not exist in {folder}/")
                }
                error => format!("Entry point \"{entry_point}\" {error}"),
            };
            Error::new(message, ["entry_point"])
        })?;
        if !found.is_file() {
            let message = format!("Entry point \"{entry_point}\" is not a regular file");
            return Err(Error::new(message, ["entry_point"]));
        }
        Ok(self.directory.path.join(relative))
    }

    fn rules(&mut self) {
        let pack = &self.directory.name;
        let rules = self.each(Kind::Rule, "name", |_, file| {
            rule::validate(&file.document.value)?;
            if let Some(criteria) = file.fields.get("criteria").filter(|criteria| !criteria.is_null()) {
                rule::check_criteria(criteria).map_err(|error| error.under("criteria"))?;
            }
            let draft = rule::from_fields(&file.fields, pack);
            rule::check_references(&draft)?;
            Ok(draft)
        });
        for (name, mut draft, Metadata { file, document, .. }) in rules {
            draft.rule.metadata_file.clone_from(&file);
            // Who wrote it is nobody the database knows.
            draft.rule.context = Map::new();
            self.overridden(Kind::Rule, &name, &mut draft.rule.enabled);
            self.loaded.rules.push(Pending { item: draft, file, document });
        }
    }

    fn aliases(&mut self) {
        let pack = &self.directory.name;
        let aliases = self.each(Kind::Alias, "name", |_, file| {
            // The pack may be left out, the form wants it.
            let mut whole = file.fields.clone();
            whole.entry("pack").or_insert_with(|| pack.clone().into());
            alias::validate(&Value::Object(whole))?;
            Ok(alias::from_fields(&file.fields, pack))
        });
        for (name, mut alias, metadata) in aliases {
            alias.metadata_file = metadata.file;
            self.overridden(Kind::Alias, &name, &mut alias.enabled);
            self.loaded.aliases.push(alias);
        }
    }

    fn policies(&mut self) {
        let pack = &self.directory.name;
        let policies = self.each(Kind::Policy, "name", |reader, file| {
            let filled = policy::validate(&file.document.value, &reader.around.policy_types)?;
            Ok(policy::from_fields(filled.as_object().unwrap_or(&file.fields), pack))
        });
        for (_, mut policy, Metadata { file, document, .. }) in policies {
            policy.metadata_file.clone_from(&file);
            self.loaded.policies.push(Pending { item: policy, file, document });
        }
    }

    fn config(&mut self) {
        let pack = &self.directory.name;
        let path = self.around.configs_dir.join(format!("{pack}.yaml"));
        let values = match disk::read_text(&path) {
            Err(ReadError::Io(error)) if error.kind() == ErrorKind::NotFound => return,
            text => text.map_err(Fault::from).and_then(|text| self.config_values(&path, text)),
        };
        match values {
            Ok(values) => {
                let pack = pack.clone();
                self.loaded.config = Some(PackConfig { id: ConfigId::generate(), pack, values });
            }
            Err(fault) => {
                self.loaded.problems.push(fault.into_problem(self.directory, Kind::Config, path));
            }
        }
    }

    fn config_values(&self, path: &Path, text: String) -> Result<Map<String, Value>, Fault> {
        let mut document = Document::yaml(text)?;
        if document.value.is_null() {
            // An empty file configures nothing.
            return Ok(Map::new());
        }
        if !document.value.is_object() {
            return Err(Fault::at(&document, &[], not_an_object(&document.value)));
        }
        if let Some(schema) = &self.loaded.schema {
            let (path, pack) = (path.to_string_lossy(), &self.directory.name);
            config::check_values(&schema.attributes, &document.value, &path, pack)
                .map_err(|error| Fault::of(&document, error))?;
        }
        refuse_nul(&document)?;
        match document.value.take() {
            Value::Object(values) => Ok(values),
            _ => Ok(Map::new()),
        }
    }
}

fn outside(entry_point: &str) -> Error {
    Error::new(format!("Entry point \"{entry_point}\" lies outside of the pack"), ["entry_point"])
}
