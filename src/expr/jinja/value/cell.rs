//! Shared containers: lists and dictionaries that can change, tuples that cannot.
//!
//! A chain of containers may be as long as the budget lets a template make it, so they are taken apart
//! by a loop when they are dropped: one inside the other would use up the stack.

use std::{mem, sync::Arc};

use parking_lot::RwLock;

use super::{Map, Value};

/// A list; clones share the items.
#[derive(Clone)]
pub struct List(Arc<ListCell>);

/// A dictionary; clones share the entries.
#[derive(Clone)]
pub struct Dict(Arc<DictCell>);

/// A tuple.
#[derive(Clone)]
pub struct Tuple(Arc<TupleCell>);

struct ListCell(RwLock<Vec<Value>>);
struct DictCell(RwLock<Map>);
struct TupleCell {
    items: Vec<Value>,
    /// The member names of a named tuple, as `groupby` gives them.
    names: &'static [&'static str],
}

impl List {
    pub(in super::super) fn new(items: Vec<Value>) -> Self {
        Self(Arc::new(ListCell(RwLock::new(items))))
    }

    pub(in super::super) fn len(&self) -> usize {
        self.0.0.read_recursive().len()
    }

    pub(in super::super) fn get(&self, index: usize) -> Option<Value> {
        self.0.0.read_recursive().get(index).cloned()
    }

    /// The items as they are now.
    pub(in super::super) fn items(&self) -> Vec<Value> {
        self.0.0.read_recursive().clone()
    }

    /// Changes the items; `change` must not look at any container.
    pub(in super::super) fn change<T>(&self, change: impl FnOnce(&mut Vec<Value>) -> T) -> T {
        change(&mut self.0.0.write())
    }

    pub(in super::super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Dict {
    pub(in super::super) fn new(entries: Map) -> Self {
        Self(Arc::new(DictCell(RwLock::new(entries))))
    }

    pub(in super::super) fn len(&self) -> usize {
        self.0.0.read_recursive().len()
    }

    /// The value of a text key.
    pub(in super::super) fn get_str(&self, key: &str) -> Option<Value> {
        self.0.0.read_recursive().get(&super::key::Text(key)).cloned()
    }

    /// Reads the entries; `read` must not change any container.
    pub(in super::super) fn read<T>(&self, read: impl FnOnce(&Map) -> T) -> T {
        read(&self.0.0.read_recursive())
    }

    /// Changes the entries; `change` must not look at any container.
    pub(in super::super) fn change<T>(&self, change: impl FnOnce(&mut Map) -> T) -> T {
        change(&mut self.0.0.write())
    }

    /// The entries as they are now.
    pub(in super::super) fn entries(&self) -> Vec<(Value, Value)> {
        self.read(|map| map.iter().map(|(key, value)| (key.value().clone(), value.clone())).collect())
    }

    pub(in super::super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Tuple {
    pub(in super::super) fn new(items: Vec<Value>) -> Self {
        Self::named(items, &[])
    }

    pub(in super::super) fn named(items: Vec<Value>, names: &'static [&'static str]) -> Self {
        Self(Arc::new(TupleCell { items, names }))
    }

    pub(in super::super) fn items(&self) -> &[Value] {
        &self.0.items
    }

    pub(in super::super) fn is_named(&self) -> bool {
        !self.0.names.is_empty()
    }

    /// The member of a named tuple.
    pub(in super::super) fn member(&self, name: &str) -> Option<&Value> {
        let at = self.0.names.iter().position(|member| *member == name)?;
        self.0.items.get(at)
    }

    pub(in super::super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Drop for ListCell {
    fn drop(&mut self) {
        take_apart(mem::take(self.0.get_mut()));
    }
}

impl Drop for TupleCell {
    fn drop(&mut self) {
        take_apart(mem::take(&mut self.items));
    }
}

impl Drop for DictCell {
    fn drop(&mut self) {
        take_apart(entries_of(self));
    }
}

fn entries_of(cell: &mut DictCell) -> Vec<Value> {
    let entries = mem::take(cell.0.get_mut());
    entries.into_iter().flat_map(|(key, value)| [key.into_value(), value]).filter(holds_values).collect()
}

fn holds_values(value: &Value) -> bool {
    matches!(value, Value::List(_) | Value::Tuple(_) | Value::Dict(_) | Value::Object(_))
}

/// Drops values one after the other, each after its contents were taken out.
pub(super) fn take_apart(mut pile: Vec<Value>) {
    while let Some(value) = pile.pop() {
        match value {
            Value::List(list) => {
                if let Some(mut cell) = Arc::into_inner(list.0) {
                    pile.extend(mem::take(cell.0.get_mut()).into_iter().filter(holds_values));
                }
            }
            Value::Tuple(tuple) => {
                if let Some(mut cell) = Arc::into_inner(tuple.0) {
                    pile.extend(mem::take(&mut cell.items).into_iter().filter(holds_values));
                }
            }
            Value::Dict(dict) => {
                if let Some(mut cell) = Arc::into_inner(dict.0) {
                    pile.extend(entries_of(&mut cell));
                }
            }
            Value::Object(mut object) => {
                if let Some(object) = Arc::get_mut(&mut object) {
                    pile.extend(object.take_values());
                }
            }
            _ => {}
        }
    }
}
