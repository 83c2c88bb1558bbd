//! Object ids: 12 bytes, 24 lower-case hex characters on the wire, a type for each kind of thing.
//!
//! Shaped like MongoDB's ObjectId, which clients expect, and ordered by creation to the microsecond:
//!
//! | bits | 32 | 20 | 20 | 24 |
//! |---|---|---|---|---|
//! | what | seconds since 1970 | microseconds | random per process | counter |
//!
//! Ids are the keyset for paging, and an execution's id *is* its start time, so neither needs an index.

use chrono::{DateTime, TimeZone, Utc};
use std::{
    fmt,
    str::FromStr,
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
};

/// The 12 bytes behind every id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(pub [u8; 12]);

/// A text that is not 24 hex characters.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("'{0}' is not a valid ObjectId, it must be a 12-byte input or a 24-character hex string")]
pub struct BadObjectId(pub String);

static PROCESS: LazyLock<u32> = LazyLock::new(|| random_u32() & 0xF_FFFF);
static COUNTER: LazyLock<AtomicU32> = LazyLock::new(|| AtomicU32::new(random_u32()));

fn random_u32() -> u32 {
    let mut bytes = [0; 4];
    // A machine without randomness still gets distinct ids from time and counter.
    let _ = getrandom::fill(&mut bytes);
    u32::from_be_bytes(bytes)
}

impl ObjectId {
    /// A new id for a thing that came to be at `at`.
    pub fn at(at: DateTime<Utc>) -> Self {
        let low =
            (u64::from(*PROCESS) << 24) | u64::from(COUNTER.fetch_add(1, Ordering::Relaxed) & 0xFF_FFFF);
        Self::assemble(at, low)
    }

    /// A new id for a thing that comes to be now.
    pub fn generate() -> Self {
        Self::at(crate::clock::now())
    }

    /// The smallest id a thing created at `at` can have: a bound for "created since".
    pub fn lowest_at(at: DateTime<Utc>) -> Self {
        Self::assemble(at, 0)
    }

    fn assemble(at: DateTime<Utc>, low: u64) -> Self {
        let seconds = u32::try_from(at.timestamp()).unwrap_or_default();
        let middle = (u64::from(at.timestamp_subsec_micros().min(999_999)) << 44) | low;
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&seconds.to_be_bytes());
        bytes[4..].copy_from_slice(&middle.to_be_bytes());
        Self(bytes)
    }

    /// When the thing was created, to the microsecond (ids made elsewhere: a moment within that second).
    pub fn timestamp(&self) -> DateTime<Utc> {
        let (seconds, rest) = self.0.split_at(4);
        let seconds = u32::from_be_bytes(seconds.try_into().unwrap_or_default());
        let micros = (u64::from_be_bytes(rest.try_into().unwrap_or_default()) >> 44) as u32;
        Utc.timestamp_opt(i64::from(seconds), micros.min(999_999) * 1000).single().unwrap_or_default()
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 24];
        // The buffer is exactly twice as long, so this cannot fail.
        let _ = hex::encode_to_slice(self.0, &mut text);
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ObjectId {
    type Err = BadObjectId;

    fn from_str(text: &str) -> Result<Self, BadObjectId> {
        let mut bytes = [0; 12];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| BadObjectId(text.to_owned()))?;
        Ok(Self(bytes))
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub ObjectId);

        impl $name {
            /// A new id for a thing that comes to be now.
            pub fn generate() -> Self {
                Self(ObjectId::generate())
            }

            /// The bytes kept in the database.
            pub fn as_bytes(&self) -> &[u8] {
                &self.0.0
            }

            /// Reads the bytes kept in the database.
            pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
                Some(Self(ObjectId(bytes.try_into().ok()?)))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = BadObjectId;

            fn from_str(text: &str) -> Result<Self, BadObjectId> {
                text.parse().map(Self)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl sqlx::Type<sqlx::Postgres> for $name {
            fn type_info() -> sqlx::postgres::PgTypeInfo {
                <[u8] as sqlx::Type<sqlx::Postgres>>::type_info()
            }
        }

        impl sqlx::postgres::PgHasArrayType for $name {
            fn array_type_info() -> sqlx::postgres::PgTypeInfo {
                <&[u8] as sqlx::postgres::PgHasArrayType>::array_type_info()
            }
        }

        impl<'q> sqlx::Encode<'q, sqlx::Postgres> for $name {
            fn encode_by_ref(
                &self,
                buffer: &mut sqlx::postgres::PgArgumentBuffer,
            ) -> Result<sqlx::encode::IsNull, sqlx::error::BoxDynError> {
                <&[u8] as sqlx::Encode<sqlx::Postgres>>::encode(self.as_bytes(), buffer)
            }
        }

        impl<'r> sqlx::Decode<'r, sqlx::Postgres> for $name {
            fn decode(value: sqlx::postgres::PgValueRef<'r>) -> Result<Self, sqlx::error::BoxDynError> {
                let bytes = <&[u8] as sqlx::Decode<sqlx::Postgres>>::decode(value)?;
                Self::from_bytes(bytes).ok_or_else(|| "an id must have 12 bytes".into())
            }
        }
    )*};
}

ids! {
    /// An execution, as users see it.
    ExecutionId,
    /// The order a runner gets; older clients and error texts show it beside the execution's own id.
    LiveActionId,
    /// An action.
    ActionId,
    /// A runner type.
    RunnerTypeId,
    /// A pack.
    PackId,
    /// A pack's configuration schema.
    ConfigSchemaId,
    /// A pack's configuration.
    ConfigId,
    /// A kind of event.
    TriggerTypeId,
    /// A kind of event with parameters.
    TriggerId,
    /// One event.
    TriggerInstanceId,
    /// What a rule made of an event.
    EnforcementId,
    /// A sensor.
    SensorId,
    /// A rule.
    RuleId,
    /// A rule type.
    RuleTypeId,
    /// A policy.
    PolicyId,
    /// A policy type.
    PolicyTypeId,
    /// An action alias.
    AliasId,
    /// A user.
    UserId,
    /// An access token.
    TokenId,
    /// An API key.
    ApiKeyId,
    /// A chunk of an execution's output.
    OutputId,
    /// An entry of the datastore.
    KeyValueId,
    /// A trace.
    TraceId,
    /// A workflow under way; it keeps this id when some of its tasks are run again as another execution.
    WorkflowId,
    /// One run of a task of a workflow.
    TaskId,
}

impl ExecutionId {
    /// When the execution was requested.
    pub fn requested_at(&self) -> DateTime<Utc> {
        self.0.timestamp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_creation_and_tell_it_back() {
        let early = Utc.timestamp_opt(1_700_000_000, 123_456_000).unwrap();
        let later = Utc.timestamp_opt(1_700_000_000, 123_457_000).unwrap();
        let (a, b) = (ObjectId::at(early), ObjectId::at(later));
        assert!(a < b && ObjectId::lowest_at(later) > a && ObjectId::lowest_at(later) <= b);
        assert_eq!((a.timestamp(), b.timestamp()), (early, later));
    }

    #[test]
    fn only_24_hex_characters_are_an_id() {
        assert_eq!(
            "66f0c0ffee0ddba11dead001".parse::<ObjectId>().unwrap().to_string(),
            "66f0c0ffee0ddba11dead001"
        );
        for bad in ["", "66f0", "66f0c0ffee0ddba11dead0zz", "66f0c0ffee0ddba11dead00100"] {
            assert_eq!(bad.parse::<ObjectId>(), Err(BadObjectId(bad.to_owned())));
        }
    }
}
