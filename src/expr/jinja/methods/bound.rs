//! A method that was named and not called.

use super::call;
use crate::expr::jinja::{
    args::Args,
    budget::Budget,
    error::Result,
    render::Run,
    value::{self, Object, Value},
};

/// The method `name` of `receiver` as a value.
pub(in super::super) fn bound(receiver: Value, name: &str) -> Value {
    Value::object(Method { receiver, name: name.to_owned() })
}

struct Method {
    receiver: Value,
    name: String,
}

impl Method {
    /// The sandbox puts a function of its own in the place of these two.
    fn is_wrapped(&self) -> bool {
        self.receiver.as_str().is_some() && matches!(self.name.as_str(), "format" | "format_map")
    }
}

impl Object for Method {
    fn type_name(&self) -> &'static str {
        match &self.receiver {
            _ if self.is_wrapped() => "function",
            Value::Object(_) | Value::Markup(_) => "method",
            _ => "builtin_function_or_method",
        }
    }

    fn repr(&self, budget: &mut Budget) -> Result<String> {
        let (name, kind) = (&self.name, self.receiver.type_name());
        if self.is_wrapped() {
            return Ok(format!("<function {kind}.{name} at 0x7f0000000000>"));
        }
        if let Value::Object(_) | Value::Markup(_) = &self.receiver {
            let receiver = value::repr(&self.receiver, budget)?;
            return Ok(format!("<bound method {kind}.{name} of {receiver}>"));
        }
        Ok(format!("<built-in method {name} of {kind} object at 0x7f0000000000>"))
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn call(&self, args: Args, run: &mut Run) -> Result<Value> {
        call(&self.receiver, &self.name, args, run)
    }

    fn held_values(&self) -> Vec<Value> {
        vec![self.receiver.clone()]
    }

    fn take_values(&mut self) -> Vec<Value> {
        vec![std::mem::replace(&mut self.receiver, Value::None)]
    }
}
