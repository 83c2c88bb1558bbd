//! Which argument is for which parameter, in the words of each language when it does not fit.

/// The parameters of a function that sees the context.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parameters {
    /// The function's name in Python's messages.
    python: &'static str,
    names: &'static [&'static str],
    required: usize,
    /// Takes any other argument by name.
    open: bool,
}

/// The parameters of each function but `json` and `zip`.
pub(super) fn of(function: &str) -> Option<Parameters> {
    let (python, names, required, open): (_, &[_], _, _) = match function {
        "completed" => ("completed_", &[], 0, false),
        "ctx" => ("ctx_", &["key"], 0, false),
        "failed" => ("failed_", &[], 0, false),
        "item" => ("item_", &["key"], 0, false),
        "result" => ("result_", &[], 0, false),
        "st2kv" => ("st2kv_", &["key"], 1, true),
        "succeeded" => ("succeeded_", &[], 0, false),
        "task" => ("task", &["task_id", "route"], 0, false),
        "task_status" => ("task_status_", &["task_id", "route"], 1, false),
        _ => return None,
    };
    Some(Parameters { python, names, required, open })
}

/// Arguments in the order of the parameters, and those by other names.
#[derive(Debug)]
pub(super) struct Bound<V> {
    pub(super) values: Vec<Option<V>>,
    pub(super) others: Vec<(String, V)>,
}

impl Parameters {
    /// Puts arguments where they belong; `spell` tells how the language spells a parameter.
    ///
    /// # Errors
    /// Python's text for what does not fit.
    pub(super) fn bind<V>(
        &self,
        positional: Vec<Option<V>>,
        named: Vec<(String, V)>,
        spell: fn(&str) -> String,
    ) -> Result<Bound<V>, String> {
        let (function, most) = (self.python, self.names.len());
        if positional.len() > most {
            // Python counts the context that goes before.
            let (least, given, most) = (self.required + 1, positional.len() + 1, most + 1);
            let takes = if least == most { most.to_string() } else { format!("from {least} to {most}") };
            let plural = if most == 1 { "" } else { "s" };
            return Err(format!(
                "{function}() takes {takes} positional argument{plural} but {given} were given"
            ));
        }
        let mut values = positional;
        values.resize_with(most, || None);
        let mut others = Vec::new();
        for (name, value) in named {
            match self.names.iter().position(|known| spell(known) == name) {
                Some(at) if values[at].is_some() => {
                    return Err(format!("{function}() got multiple values for argument '{name}'"));
                }
                Some(at) => values[at] = Some(value),
                None if self.open => others.push((name, value)),
                None => return Err(format!("{function}() got an unexpected keyword argument '{name}'")),
            }
        }
        if let Some(at) = (0..self.required).find(|at| values[*at].is_none()) {
            let name = self.names[at];
            return Err(format!("{function}() missing 1 required positional argument: '{name}'"));
        }
        Ok(Bound { values, others })
    }
}

/// As Python spells a parameter.
pub(super) fn snake(name: &str) -> String {
    name.to_owned()
}

/// As YAQL spells a parameter of a function written in Python.
pub(super) fn camel(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut raised = false;
    for (at, c) in name.chars().enumerate() {
        match c {
            '_' if at > 0 => raised = true,
            c if raised => {
                out.extend(c.to_uppercase());
                raised = false;
            }
            c => out.push(c),
        }
    }
    out
}
