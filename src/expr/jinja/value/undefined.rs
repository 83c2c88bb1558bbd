//! What a missing name, member or item evaluates to.

use super::Value;
use crate::expr::jinja::error::{Class, Error};

/// Something undefined. It fails where it is used; a lenient one prints as nothing and counts as false.
#[derive(Debug)]
pub struct Undefined {
    message: String,
    class: Class,
    strict: bool,
}

impl Undefined {
    pub(in super::super) fn value(message: String, strict: bool) -> Value {
        Self { message, class: Class::UndefinedError, strict }.into_value()
    }

    /// An undefined value whose use is refused for the safety of the sandbox.
    pub(in super::super) fn unsafe_access(message: String, strict: bool) -> Value {
        Self { message, class: Class::SecurityError, strict }.into_value()
    }

    /// What nothing could be made of while a template was compiled: using it fails as making it would.
    pub(in super::super) fn failed(error: &Error, strict: bool) -> Value {
        Self { message: error.to_string(), class: error.class(), strict }.into_value()
    }

    fn into_value(self) -> Value {
        Value::Undefined(std::sync::Arc::new(self))
    }

    /// What using it raises.
    pub(in super::super) fn error(&self) -> Error {
        Error::new(self.class, self.message.clone())
    }

    pub(in super::super) fn is_strict(&self) -> bool {
        self.strict
    }

    pub(in super::super) fn type_name(&self) -> &'static str {
        if self.strict { "StrictUndefined" } else { "Undefined" }
    }
}
