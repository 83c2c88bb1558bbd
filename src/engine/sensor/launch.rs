//! What is settled before a sensor starts: what it is, and with which interpreter, path and environment it runs.

use crate::{
    config::Config,
    content::{
        pack::{DEFAULT_PACK, SYSTEM_PACKS},
        python,
    },
    engine::runner::python::launch::{base_environment, interpreter_of, virtualenv_of},
    model::Sensor,
};
use serde_json::{Map, Value};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// Every process of a sensor carries this variable with its reference and its node's name.
pub(super) const SENSOR_VARIABLE: &str = "ST2_SENSOR";

/// What a sensor's process is made from. When any of it changes, the sensor is restarted.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plan {
    pub(super) sensor: Sensor,
    /// Resolved configuration of its pack, or why there is none.
    pub(super) config: Result<Map<String, Value>, String>,
}

impl Plan {
    /// Whether a process of this plan is one of the other too.
    pub(super) fn is_as(&self, other: &Self) -> bool {
        let relevant = |plan: &Self| Sensor { description: None, enabled: true, ..plan.sensor.clone() };
        self.config == other.config && relevant(self) == relevant(other)
    }

    /// The file of its source.
    pub(super) fn file(&self) -> &str {
        let uri = &self.sensor.artifact_uri;
        uri.strip_prefix("file://").unwrap_or(uri)
    }
}

/// How it is started.
#[derive(Debug)]
pub(super) struct Launch {
    pub(super) program: PathBuf,
    pub(super) script: String,
    pub(super) env: BTreeMap<String, String>,
}

impl Launch {
    /// # Errors
    /// There is no virtualenv, or no interpreter; says what to do.
    pub(super) fn of(config: &Config, plan: &Plan, pack_dir: &Path) -> Result<Self, String> {
        let pack = plan.sensor.pack.as_str();
        if !Path::new(plan.file()).is_file() {
            return Err(format!("The sensor's file {} does not exist", plan.file()));
        }
        let virtualenv = match virtualenv_of(config, pack) {
            Ok(virtualenv) => virtualenv,
            // Where people put their first sensor: it shall run at once.
            Err(_) if pack == DEFAULT_PACK => None,
            Err(error) => return Err(error.to_string().trim().to_owned()),
        };
        let program = match &virtualenv {
            Some(path) => interpreter_of(path, pack).map_err(|error| error.to_string())?,
            None => python::interpreter(config).map_err(|error| error.to_string())?,
        };
        let mut paths = Vec::new();
        if config.packs.enable_common_libs && !SYSTEM_PACKS.contains(&pack) {
            paths.push(pack_dir.join("lib").to_string_lossy().into_owned());
        }
        paths.extend(std::env::var("PYTHONPATH").ok().filter(|path| !path.is_empty()));
        let library = python::library_dir(config);
        let own = virtualenv.as_deref().and_then(python::virtualenv::library_of);
        for path in [&library, &python::site_dir_for(config, own.as_deref())] {
            paths.push(path.to_string_lossy().into_owned());
        }
        let env = base_environment(&paths.join(":"), virtualenv.as_deref());
        Ok(Self { program, script: library.join("st2_sensor/start.py").to_string_lossy().into_owned(), env })
    }
}
