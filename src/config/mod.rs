//! The settings of `st2d`: one struct per section, each with its defaults. An unknown key is an error.
//!
//! Names follow StackStorm's `st2.conf` where the setting exists there. A setting is looked for in the flags, then in
//! the environment (`ST2_<SECTION>__<KEY>`), then in one file (`--config`, `./st2.toml` or `/etc/st2/st2.toml`), then
//! in the defaults. [`load()`] reads them all and refuses what it does not know, naming the place.
//!
//! Left out: reading StackStorm's INI files.

mod check;
mod example;
mod load;
mod problem;
mod registry;
mod sections;
mod setting;

pub use example::{example, show};
pub use load::{Flag, Loaded, load};
pub use problem::{Origin, Problem, Problems};
pub use sections::*;

use registry::{Key, Refused, Section};
use setting::{Input, Setting};
use std::path::PathBuf;

macro_rules! config {
    ($(#[doc = $data_dir_doc:literal])* data_dir,
     $($(#[doc = $doc:literal])* $name:ident: $type:ty),* $(,)?) => {
        /// Everything that can be set.
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct Config {
            $(#[doc = $data_dir_doc])*
            pub data_dir: PathBuf,
            $($(#[doc = $doc])* pub $name: $type),*
        }

        impl Config {
    /// Directory of the packs' configuration files.
    pub fn configs_dir(&self) -> PathBuf {
        if self.content.configs_dir.as_os_str().is_empty() {
            self.data_dir.join("configs")
        } else {
            self.content.configs_dir.clone()
        }
    }

    /// Directory of overrides of content.
    pub fn overrides_dir(&self) -> PathBuf {
        if self.content.overrides_dir.as_os_str().is_empty() {
            self.data_dir.join("overrides")
        } else {
            self.content.overrides_dir.clone()
        }
    }
}

impl Config {
            /// The sections by name, each with the lines of its doc comment, in the order of the example file.
            fn sections(&self) -> Vec<(&'static str, &'static [&'static str], &dyn Section)> {
                vec![$((stringify!($name), &[$($doc),*], &self.$name as &dyn Section)),*]
            }

            fn section_mut(&mut self, name: &str) -> Option<&mut dyn Section> {
                match name {
                    $(stringify!($name) => Some(&mut self.$name),)*
                    _ => None,
                }
            }

            /// The settings that stand above all sections.
            fn top_keys(&self) -> Vec<Key> {
                vec![Key { name: "data_dir", doc: &[$($data_dir_doc),*], value: self.data_dir.to_toml() }]
            }
        }
    };
}

config! {
    /// Directory of everything this daemon keeps on disk. Empty: `/var/lib/st2` as root, else
    /// `$XDG_DATA_HOME/st2` or `~/.local/share/st2`.
    data_dir,
    /// Where the database is and how it is used.
    database: Database,
    /// The API listener and its habits.
    api: Api,
    /// The auth listener and who may come in.
    auth: Auth,
    /// The stream listener.
    stream: Stream,
    /// How many actions run at once, and how they end.
    actionrunner: ActionRunner,
    /// HTTP requests of actions.
    http_runner: HttpRunner,
    /// Commands and scripts on other hosts.
    ssh_runner: SshRunner,
    /// Queueing.
    scheduler: Scheduler,
    /// Workflows.
    workflow_engine: WorkflowEngine,
    /// Where packs lie.
    content: Content,
    /// How secrets of the datastore are kept.
    keyvalue: KeyValue,
    /// What packs may do.
    packs: Packs,
    /// Where packs are fetched from.
    content_pack: ContentPack,
    /// The user actions run as.
    system_user: SystemUser,
    /// Checks that may be switched.
    system: System,
    /// What is told of ended executions.
    action_sensor: ActionSensor,
    /// Logging.
    log: Log,
    /// The web page.
    webui: WebUi,
    /// Timers.
    timersengine: TimersEngine,
    /// Sensors.
    sensorcontainer: SensorContainer,
    /// What is thrown away, and when.
    garbagecollector: GarbageCollector,
}

impl Config {
    /// Directory of the packs' virtualenvs.
    pub fn virtualenvs_dir(&self) -> PathBuf {
        if self.content.virtualenvs_dir.as_os_str().is_empty() {
            self.data_dir.join("virtualenvs")
        } else {
            self.content.virtualenvs_dir.clone()
        }
    }

    /// Whether the data directory is where clients on this machine look for it.
    pub fn has_usual_data_dir(&self) -> bool {
        check::default_data_dir().is_some_and(|usual| usual == self.data_dir)
    }

    /// Gives the setting `section.key` (or a key above all sections) a value.
    fn set(&mut self, section: Option<&str>, key: &str, input: Input<'_>) -> Result<(), Refused> {
        match section {
            Some(section) => self.section_mut(section).ok_or(Refused::Unknown)?.set(key, input),
            None if key == "data_dir" => {
                self.data_dir = input.read().ok_or(Refused::Kind(PathBuf::KIND))?;
                Ok(())
            }
            None => Err(Refused::Unknown),
        }
    }

    /// Every setting as `section.key`.
    fn all_keys(&self) -> Vec<String> {
        let top = self.top_keys().into_iter().map(|key| key.name.to_owned());
        let rest = self.sections().into_iter().flat_map(|(name, _, section)| {
            section.keys().into_iter().map(move |key| format!("{name}.{}", key.name)).collect::<Vec<_>>()
        });
        top.chain(rest).collect()
    }
}
