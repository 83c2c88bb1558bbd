//! The nouns of StackStorm and the rules they carry themselves: ids, statuses, actions, executions.
//!
//! Plain data. How it looks on the wire is `wire`'s business, how it is kept `store`'s.

mod action;
mod alias;
mod cron;
mod enforcement;
mod execution;
mod identity;
mod ids;
mod key_value;
mod origin;
mod pack;
mod pack_rules;
mod policy;
mod python_range;
mod refs;
mod rule;
pub mod schedule;
mod sensor;
mod status;
pub mod time;
mod trace;
mod trigger;
mod trigger_instance;
mod uid;
mod version;

pub use action::{Action, NewAction, RunnerType, Snapshot, SnapshotViews};
pub use alias::Alias;
pub use cron::{CronError, CronExpression, CronFields};
pub use enforcement::Enforcement;
pub use execution::{Execution, ExecutionRequest, LogEntry, RunnerInfo};
pub use identity::{ApiKey, Token, User};
pub use ids::*;
pub use key_value::{ALLOWED_SCOPES, KeyName, KeyNameError, KeyValue, Scope};
pub use origin::{EventFact, Fact, Origin, SharedFacts};
pub use pack::{ConfigSchema, Pack, PackConfig};
pub use pack_rules::{
    full_version, is_pack_ref, is_pack_version, is_version_range, python_warning, repository_url,
};
pub use policy::{Policy, PolicyType};
pub use python_range::PythonRange;
pub use refs::{PolicyTypeRef, RefError, ResourceRef};
pub use rule::{Rule, RuleType};
pub use sensor::{Sensor, SensorReport};
pub use status::ExecutionStatus;
pub use trace::{Component, Trace, trace_tag};
pub use trigger::{Trigger, TriggerType, parameters_hash};
pub use trigger_instance::{TraceContext, TriggerInstance, TriggerInstanceStatus};
pub use uid::{BadUid, parse_uid, trigger_uid, uid};
pub use version::{STACKSTORM_VERSION, Version, VersionError, matches_comparison, matches_range};
