//! The settings of `st2d`: one struct per section, each with its defaults. An unknown key is an error.
//!
//! Names follow StackStorm's `st2.conf` where the setting exists there.

mod sections;

pub use sections::*;

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Everything that can be set.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Directory of everything this daemon keeps on disk. Empty: `/var/lib/st2` as root, else
    /// `$XDG_DATA_HOME/st2`.
    pub data_dir: PathBuf,
    /// Where the database is and how it is used.
    pub database: Database,
    /// The API listener and its habits.
    pub api: Api,
    /// The auth listener and who may come in.
    pub auth: Auth,
    /// The stream listener.
    pub stream: Stream,
    /// How many actions run at once, and how they end.
    pub actionrunner: ActionRunner,
    /// Queueing.
    pub scheduler: Scheduler,
    /// Where packs lie.
    pub content: Content,
    /// The user actions run as.
    pub system_user: SystemUser,
    /// Checks that may be switched.
    pub system: System,
    /// Logging.
    pub log: Log,
    /// The web page.
    pub webui: WebUi,
    /// What is thrown away, and when.
    pub garbagecollector: GarbageCollector,
}
