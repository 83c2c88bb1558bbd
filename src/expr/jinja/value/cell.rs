//! Shared containers: lists and dictionaries that can change, tuples that cannot.
//!
//! A chain of containers may be as long as the budget lets a template make it, so they are taken apart
//! by a loop when they are dropped: one inside the other would use up the stack.

use std::{
    mem,
    sync::{Arc, OnceLock},
};

use parking_lot::RwLock;

use super::{Hint, Map, Value};

/// A list; clones share the items.
#[derive(Clone)]
pub struct List(Arc<ListCell>);

/// A dictionary; clones share the entries.
#[derive(Clone)]
pub struct Dict(Arc<DictCell>);

/// A tuple.
#[derive(Clone)]
pub struct Tuple(Arc<TupleCell>);

struct ListCell(Changing<Vec<Value>>);
struct DictCell(Changing<Map>);
struct TupleCell {
    items: Vec<Value>,
    /// The member names of a named tuple, as `groupby` gives them.
    names: &'static [&'static str],
}

/// Something that most templates only read: what it was first is read without a lock, as long as nobody changed it.
struct Changing<T> {
    first: T,
    changed: OnceLock<Box<RwLock<T>>>,
}

impl<T: Clone + Default> Changing<T> {
    fn new(first: T) -> Self {
        Self { first, changed: OnceLock::new() }
    }

    /// What it is, if nobody has changed it.
    #[inline]
    fn unchanged(&self) -> Option<&T> {
        if self.changed.get().is_none() { Some(&self.first) } else { None }
    }

    #[inline]
    fn read<R>(&self, read: impl FnOnce(&T) -> R) -> R {
        match self.changed.get() {
            None => read(&self.first),
            Some(changed) => read(&changed.read_recursive()),
        }
    }

    fn change<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        let changed = self.changed.get_or_init(|| Box::new(RwLock::new(self.first.clone())));
        change(&mut changed.write())
    }

    /// Whether something can be said of what it was or of what it is.
    fn looked_at(&mut self, look: impl Fn(&T) -> bool) -> bool {
        look(&self.first) || self.changed.get_mut().is_some_and(|changed| look(changed.get_mut()))
    }

    /// Takes out what it was and what it is.
    fn take(&mut self) -> (T, Option<T>) {
        (mem::take(&mut self.first), self.changed.take().map(|changed| changed.into_inner()))
    }
}

impl List {
    pub(in super::super) fn new(items: Vec<Value>) -> Self {
        Self(Arc::new(ListCell(Changing::new(items))))
    }

    pub(in super::super) fn len(&self) -> usize {
        self.0.0.read(Vec::len)
    }

    pub(in super::super) fn get(&self, index: usize) -> Option<Value> {
        self.0.0.read(|items| items.get(index).cloned())
    }

    /// An item as it was first; it stays where it is also when the list is changed.
    #[inline]
    pub(in super::super) fn first(&self, at: usize) -> Option<&Value> {
        self.0.0.first.get(at)
    }

    /// The items, if nobody has changed them.
    #[inline]
    pub(in super::super) fn unchanged(&self) -> Option<&[Value]> {
        self.0.0.unchanged().map(Vec::as_slice)
    }

    /// The items as they are now.
    pub(in super::super) fn items(&self) -> Vec<Value> {
        self.0.0.read(Vec::clone)
    }

    /// Changes the items; `change` must not look at any container.
    pub(in super::super) fn change<T>(&self, change: impl FnOnce(&mut Vec<Value>) -> T) -> T {
        self.0.0.change(change)
    }

    pub(in super::super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Dict {
    pub(in super::super) fn new(entries: Map) -> Self {
        Self(Arc::new(DictCell(Changing::new(entries))))
    }

    pub(in super::super) fn len(&self) -> usize {
        self.0.0.read(Map::len)
    }

    /// The value of a text key.
    pub(in super::super) fn get_str(&self, key: &str) -> Option<Value> {
        self.0.0.read(|map| map.get(&super::key::Text(key)).cloned())
    }

    /// The entries, if nobody has changed them.
    pub(super) fn unchanged(&self) -> Option<&Map> {
        self.0.0.unchanged()
    }

    /// The value of a text key where nobody has changed the entries.
    pub(in super::super) fn seen(&self, key: &str) -> Option<&Value> {
        self.0.0.unchanged()?.get(&super::key::Text(key))
    }

    /// The same, looked for where it was last.
    #[inline]
    pub(in super::super) fn peek(&self, key: &str, hint: &Hint) -> Option<&Value> {
        hint.find(self.0.0.unchanged()?, key)
    }

    /// The value of a text key, looked for where it was last.
    #[inline]
    pub(in super::super) fn find_str(&self, key: &str, hint: &Hint) -> Option<Value> {
        self.0.0.read(|map| hint.find(map, key).cloned())
    }

    /// Reads the entries; `read` must not change any container.
    pub(in super::super) fn read<T>(&self, read: impl FnOnce(&Map) -> T) -> T {
        self.0.0.read(read)
    }

    /// Changes the entries; `change` must not look at any container.
    pub(in super::super) fn change<T>(&self, change: impl FnOnce(&mut Map) -> T) -> T {
        self.0.0.change(change)
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
        if self.0.looked_at(|items| items.iter().any(holds_values)) {
            take_apart(items_of(self));
        }
    }
}

impl Drop for TupleCell {
    fn drop(&mut self) {
        if self.items.iter().any(holds_values) {
            take_apart(mem::take(&mut self.items));
        }
    }
}

impl Drop for DictCell {
    fn drop(&mut self) {
        if self.0.looked_at(|entries| {
            entries.iter().any(|(key, value)| holds_values(value) || holds_values(key.value()))
        }) {
            take_apart(entries_of(self));
        }
    }
}

/// What has to be taken apart of a list.
fn items_of(cell: &mut ListCell) -> Vec<Value> {
    let (mut items, changed) = cell.0.take();
    items.extend(changed.into_iter().flatten());
    items
}

/// What has to be taken apart of a dictionary. A key holds no other values but those of tuples.
fn entries_of(cell: &mut DictCell) -> Vec<Value> {
    let (first, changed) = cell.0.take();
    let entries = first.into_iter().chain(changed.into_iter().flatten());
    entries.flat_map(|(key, value)| [key.into_value(), value]).filter(holds_values).collect()
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
                    pile.extend(items_of(&mut cell));
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
