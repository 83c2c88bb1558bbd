//! `keys()`, `values()` and `items()` of a dictionary: what is in it when one looks.

use crate::expr::jinja::{
    args::Args,
    budget::Budget,
    error::Result,
    render::Run,
    value::{self, Dict, Key, Map, Object, Value},
};

/// The view of this name.
pub(super) fn view(dict: Dict, name: &str) -> Value {
    Value::object(match name {
        "keys" => View { dict, kind: "dict_keys" },
        "values" => View { dict, kind: "dict_values" },
        _ => View { dict, kind: "dict_items" },
    })
}

struct View {
    dict: Dict,
    kind: &'static str,
}

impl View {
    fn list(&self) -> Vec<Value> {
        let entries = self.dict.entries().into_iter();
        match self.kind {
            "dict_keys" => entries.map(|(key, _)| key).collect(),
            "dict_values" => entries.map(|(_, value)| value).collect(),
            _ => entries.map(|(key, value)| Value::tuple(vec![key, value])).collect(),
        }
    }
}

impl Object for View {
    fn type_name(&self) -> &'static str {
        self.kind
    }

    fn repr(&self, budget: &mut Budget) -> Result<String> {
        budget.make_items(self.dict.len())?;
        value::shown(&format!("{}(", self.kind), &Value::list(self.list()), ")", budget)
    }

    fn attribute(&self, name: &str, _run: &mut Run) -> Result<Option<Value>> {
        Ok((name == "mapping").then(|| Value::Dict(self.dict.clone())))
    }

    fn method_names(&self) -> &'static [&'static str] {
        if self.kind == "dict_values" { &[] } else { &["isdisjoint"] }
    }

    fn method(&self, _name: &str, args: Args, run: &mut Run) -> Option<Result<Value>> {
        Some(self.is_disjoint(args, run))
    }

    fn shown_dict(&self) -> Option<Dict> {
        Some(self.dict.clone())
    }

    fn length(&self, _run: &mut Run) -> Result<Option<usize>> {
        Ok(Some(self.dict.len()))
    }

    fn items(&self, run: &mut Run) -> Result<Option<Vec<Value>>> {
        run.budget.make_items(self.dict.len())?;
        Ok(Some(self.list()))
    }

    fn contains(&self, item: &Value, budget: &mut Budget) -> Option<Result<bool>> {
        match self.kind {
            "dict_keys" => {
                let found = |key| self.dict.read(|map| map.contains_key(&key));
                Some(Key::new(item.clone()).map(found))
            }
            "dict_items" => Some(self.has_entry(item, budget)),
            _ => None,
        }
    }

    fn equals(&self, other: &dyn Object, budget: &mut Budget) -> Option<Result<bool>> {
        let other: &Self = other.as_any()?.downcast_ref()?;
        if self.kind == "dict_values" || other.kind == "dict_values" {
            return None;
        }
        if self.dict.len() != other.dict.len() {
            return Some(Ok(false));
        }
        // Two views are equal as sets are.
        for item in self.list() {
            match other.contains(&item, budget) {
                Some(Ok(true)) => {}
                answer => return answer,
            }
        }
        Some(Ok(true))
    }

    fn as_any(&self) -> Option<&dyn std::any::Any> {
        Some(self)
    }

    fn held_values(&self) -> Vec<Value> {
        vec![Value::Dict(self.dict.clone())]
    }

    fn take_values(&mut self) -> Vec<Value> {
        vec![Value::Dict(std::mem::replace(&mut self.dict, Dict::new(Map::default())))]
    }
}

impl View {
    fn has_entry(&self, item: &Value, budget: &mut Budget) -> Result<bool> {
        let Value::Tuple(entry) = item else { return Ok(false) };
        let [key, value] = entry.items() else { return Ok(false) };
        let key = Key::new(key.clone())?;
        match self.dict.read(|map| map.get(&key).cloned()) {
            Some(found) => value::eq(&found, value, budget),
            None => Ok(false),
        }
    }

    fn is_disjoint(&self, args: Args, run: &mut Run) -> Result<Value> {
        let mut found = false;
        let own = Value::list(self.list());
        for other in args.unnamed("isdisjoint")? {
            for item in run.items(&other)? {
                found |= run.contains(&own, &item)?;
            }
        }
        Ok(Value::Bool(!found))
    }
}
