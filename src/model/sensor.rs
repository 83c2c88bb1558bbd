//! Sensors: programs that watch something and send events.

use super::SensorId;
use chrono::{DateTime, Utc};

/// A registered sensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Sensor {
    /// Identity.
    pub id: SensorId,
    /// Pack ref.
    pub pack: String,
    /// Name of its class, unique within the pack.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// `file://` and the absolute path of its source.
    pub artifact_uri: String,
    /// Dotted path within the pack and the class, as clients see it.
    pub entry_point: String,
    /// A disabled sensor does not run.
    pub enabled: bool,
    /// References of the trigger types it may send.
    pub trigger_types: Vec<String>,
    /// Seconds between polls; `None`: it does not poll.
    pub poll_interval: Option<i32>,
    /// Path of the metadata file relative to the pack.
    pub metadata_file: String,
    /// When its source was changed, to the microsecond.
    pub source_changed_at: DateTime<Utc>,
}

impl Sensor {
    /// `pack.name`.
    pub fn reference(&self) -> String {
        format!("{}.{}", self.pack, self.name)
    }

    /// `sensor_type:pack:name`.
    pub fn uid(&self) -> String {
        format!("sensor_type:{}:{}", self.pack, self.name)
    }
}

/// How the process of a sensor is doing.
#[derive(Clone, Debug, PartialEq)]
pub struct SensorReport {
    /// `starting`, `running`, `failing` or `finished`.
    pub state: String,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Name of the node that runs it.
    pub node: Option<String>,
    /// Its process there.
    pub pid: Option<i32>,
    /// Failures in a row.
    pub failures: i32,
    /// What was wrong last.
    pub last_error: Option<String>,
    /// How its last process ended.
    pub exit_code: Option<i32>,
    /// When it is tried again.
    pub retry_at: Option<DateTime<Utc>>,
    /// Events of it that were stored since the node took it.
    pub sent: i64,
    /// Events of it that were refused since then.
    pub refused: i64,
    /// When the last one was stored.
    pub last_sent_at: Option<DateTime<Utc>>,
    /// The last lines it printed or logged.
    pub log: Vec<String>,
}
