//! Macros, and the bodies `{% call %}` passes to them.

use std::sync::Arc;

use super::{Run, scope::ScopeId};
use crate::{
    expr::jinja::{
        args::Args,
        budget::Budget,
        error::{Error, Result},
        syntax::ast::Macro,
        value::{Key, Map, Object, Undefined, Value},
    },
    pytext::repr_str,
};

/// A macro where it is defined.
struct Defined {
    definition: Arc<Macro>,
    scope: ScopeId,
}

/// The value of a macro defined in the current scope.
pub(super) fn define(run: &mut Run, definition: &Arc<Macro>) -> Value {
    Value::object(Defined { definition: definition.clone(), scope: run.scopes.capture() })
}

impl Object for Defined {
    fn type_name(&self) -> &'static str {
        "Macro"
    }

    fn described(&self) -> String {
        "jinja2.runtime.Macro object".to_owned()
    }

    fn repr(&self, _budget: &mut Budget) -> Result<String> {
        let name =
            self.definition.name.as_ref().map_or_else(|| "anonymous".to_owned(), |name| repr_str(name));
        Ok(format!("<Macro {name}>"))
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn attribute(&self, name: &str, _run: &mut Run) -> Result<Option<Value>> {
        let Macro { name: own_name, params, uses, .. } = &*self.definition;
        Ok(Some(match name {
            "name" => own_name.as_ref().map_or(Value::None, |name| Value::Str(name.clone())),
            "arguments" => Value::tuple(params.iter().cloned().map(Value::Str).collect()),
            "catch_kwargs" => Value::Bool(uses.kwargs),
            "catch_varargs" => Value::Bool(uses.varargs),
            "caller" => Value::Bool(uses.caller),
            _ => return Ok(None),
        }))
    }

    fn call(&self, args: Args, run: &mut Run) -> Result<Value> {
        let before = run.scopes.open_in(self.scope);
        let written = self.bind(args, run).and_then(|()| run.captured(&self.definition.body));
        run.scopes.close(before);
        written
    }
}

impl Defined {
    /// Gives the parameters their values in the macro's own scope.
    fn bind(&self, args: Args, run: &mut Run) -> Result<()> {
        let Macro { params, defaults, uses, .. } = &*self.definition;
        let shown = self.definition.name.as_ref().map_or_else(|| "None".to_owned(), |name| repr_str(name));
        let Args { positional, mut named } = args;
        let mut positional = positional.into_iter();
        let mut values = Vec::with_capacity(params.len());
        for param in params {
            values.push(positional.next().or_else(|| {
                let at = named.iter().position(|(name, _)| name == param)?;
                Some(named.remove(at).1)
            }));
        }
        if uses.caller {
            let caller = named.iter().position(|(name, _)| **name == *"caller").map(|at| named.remove(at).1);
            let caller =
                caller.unwrap_or_else(|| Undefined::value("No caller defined".to_owned(), run.is_strict()));
            run.scopes.set(&"caller".into(), caller);
        }
        if uses.kwargs {
            let named: Map =
                named.into_iter().map(|(name, value)| (Key::text(name.to_string()), value)).collect();
            run.scopes.set(&"kwargs".into(), Value::dict(named));
        } else if let Some((name, _)) = named.first() {
            if named.iter().any(|(name, _)| **name == *"caller") {
                return Err(Error::of_type(format!(
                    "macro {shown} was invoked with two values for the special caller argument. This is most likely a \
                     bug."
                )));
            }
            return Err(Error::of_type(format!(
                "macro {shown} takes no keyword argument {}",
                repr_str(name)
            )));
        }
        let rest: Vec<_> = positional.collect();
        if uses.varargs {
            run.scopes.set(&"varargs".into(), Value::tuple(rest));
        } else if !rest.is_empty() {
            let count = params.len();
            return Err(Error::of_type(format!("macro {shown} takes not more than {count} argument(s)")));
        }
        let first_default = params.len() - defaults.len();
        for (at, (param, value)) in params.iter().zip(values).enumerate() {
            let value = match (value, at.checked_sub(first_default)) {
                (Some(value), _) => value,
                (None, Some(default)) => run.eval(&defaults[default])?,
                (None, None) => run.undefined(format!("parameter {} was not provided", repr_str(param))),
            };
            run.scopes.set(param, value);
        }
        Ok(())
    }
}
