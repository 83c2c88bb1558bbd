//! The things permissions are asked on, by their uid.

use crate::model::{Action, ApiKey, KeyName, Pack, RunnerType, uid};
use std::borrow::Cow;

/// A thing a permission may be asked on.
pub trait Resource {
    /// Its uid, such as `action:core:local`. Asked for only when rules have to be looked at.
    fn uid(&self) -> Cow<'_, str>;
}

impl Resource for str {
    fn uid(&self) -> Cow<'_, str> {
        Cow::Borrowed(self)
    }
}

impl Resource for Action {
    fn uid(&self) -> Cow<'_, str> {
        Cow::Owned(self.spec.uid())
    }
}

impl Resource for RunnerType {
    fn uid(&self) -> Cow<'_, str> {
        Cow::Owned(uid("runner_type", &[&self.name]))
    }
}

impl Resource for Pack {
    fn uid(&self) -> Cow<'_, str> {
        Cow::Owned(uid("pack", &[&self.reference]))
    }
}

impl Resource for ApiKey {
    fn uid(&self) -> Cow<'_, str> {
        Cow::Owned(uid("api_key", &[&self.key_hash]))
    }
}

impl Resource for KeyName {
    fn uid(&self) -> Cow<'_, str> {
        Cow::Owned(Self::uid(self))
    }
}
