//! Sequences whose items are made when they are asked for.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use super::{
    error::{Error, Result},
    lambda::Lambda,
    ops,
    runtime::{Runtime, too_large},
    value::{MAX_DEPTH, Value},
};

/// What makes items: called until it answers nothing or fails.
type Source = Box<dyn FnMut(&Runtime<'_>) -> Result<Option<Value>>>;

/// An iterator: every item comes once, to whoever asks first.
#[derive(Clone)]
pub struct Iter(Rc<Inner>);

struct Inner {
    source: RefCell<Option<Source>>,
    depth: u32,
}

impl std::fmt::Debug for Iter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Iter")
    }
}

/// An iterator over `of`'s items or made from them; `of` is named so that chains do not grow without end.
pub(super) fn lazy(
    of: &[&Value],
    source: impl FnMut(&Runtime<'_>) -> Result<Option<Value>> + 'static,
) -> Result<Iter> {
    let depth = of.iter().map(|value| value.depth()).max().unwrap_or(0) + 1;
    if depth > MAX_DEPTH {
        return Err(Error::limit(format!("the expression chains more than {MAX_DEPTH} iterators")));
    }
    Ok(Iter(Rc::new(Inner { source: RefCell::new(Some(Box::new(source))), depth })))
}

/// The same, as a value.
pub(super) fn lazy_value(
    of: &[&Value],
    source: impl FnMut(&Runtime<'_>) -> Result<Option<Value>> + 'static,
) -> Result<Value> {
    lazy(of, source).map(Value::Iter)
}

impl Iter {
    /// The next item, or nothing at the end and ever after.
    pub(super) fn next(&self, rt: &Runtime<'_>) -> Result<Option<Value>> {
        rt.pay(1)?;
        let Ok(mut guard) = self.0.source.try_borrow_mut() else {
            return Err(Error::value("generator already executing"));
        };
        let Some(source) = guard.as_mut() else { return Ok(None) };
        let item = rt.deeper(|| source(rt));
        if !matches!(item, Ok(Some(_))) {
            *guard = None;
        }
        item
    }

    pub(super) fn depth(&self) -> u32 {
        self.0.depth
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

/// An iterator over any iterable.
///
/// # Errors
/// Python's, for what has no items.
pub(super) fn iter(value: &Value) -> Result<Iter> {
    match value {
        Value::Tuple(list) | Value::List(list) => {
            let list = Rc::clone(list);
            let mut at = 0;
            lazy(&[value], move |_| {
                at += 1;
                Ok(list.items.get(at - 1).cloned())
            })
        }
        Value::Set(set) => {
            let set = Rc::clone(set);
            let mut at = 0;
            lazy(&[value], move |_| {
                at += 1;
                Ok(set.items.get_index(at - 1).map(|key| key.get().clone()))
            })
        }
        Value::Dict(dict) => {
            let dict = Rc::clone(dict);
            let mut at = 0;
            lazy(&[value], move |_| {
                at += 1;
                Ok(dict.items.get_index(at - 1).map(|(key, _)| key.get().clone()))
            })
        }
        Value::Str(text) => {
            let chars: Vec<char> = text.chars().collect();
            let mut at = 0;
            lazy(&[], move |_| {
                at += 1;
                Ok(chars.get(at - 1).map(|c| Value::text(c.to_string())))
            })
        }
        Value::Iter(iter) => Ok(iter.clone()),
        Value::Memo(memo) => {
            let memo = Rc::clone(memo);
            let mut at = 0;
            lazy(&[value], move |rt| {
                at += 1;
                memo.at(rt, at - 1)
            })
        }
        Value::Ordered(ordered) => {
            let ordered = Rc::clone(ordered);
            let mut at = 0;
            lazy(&[value], move |rt| {
                at += 1;
                Ok(ordered.sorted(rt)?.get(at - 1).cloned())
            })
        }
        other => Err(Error::kind(format!("'{}' object is not iterable", other.type_name()))),
    }
}

/// All items at once.
pub(super) fn collect(rt: &Runtime<'_>, value: &Value) -> Result<Vec<Value>> {
    if let Some(items) = value.items() {
        rt.pay(items.len() as u64)?;
        return Ok(items.to_vec());
    }
    let iter = iter(value)?;
    let mut items = Vec::new();
    while let Some(item) = iter.next(rt)? {
        items.push(item);
    }
    Ok(items)
}

/// The iterable as functions see it: never longer than the limit allows.
pub(super) fn limited(rt: &Runtime<'_>, value: Value) -> Result<Value> {
    match &value {
        Value::Tuple(list) | Value::List(list) => rt.check_size(list.items.len()).map(|()| value),
        Value::Set(set) => rt.check_size(set.items.len()).map(|()| value),
        _ => {
            let Some(limit) = rt.options.limit_iterators else { return iter(&value).map(Value::Iter) };
            let inner = iter(&value)?;
            let mut count = 0;
            lazy_value(&[&value], move |rt| {
                let item = inner.next(rt)?;
                if item.is_some() {
                    count += 1;
                    if count > limit {
                        return Err(too_large(limit));
                    }
                }
                Ok(item)
            })
        }
    }
}

/// An iterator that keeps what it has given, so that everyone may start anew.
#[derive(Debug)]
pub struct Memo {
    inner: Iter,
    kept: RefCell<Vec<Value>>,
}

impl Memo {
    pub(super) fn new(inner: Iter) -> Self {
        Self { inner, kept: RefCell::default() }
    }

    /// The item at a place, made if it is not there yet.
    pub(super) fn at(&self, rt: &Runtime<'_>, index: usize) -> Result<Option<Value>> {
        if let Some(item) = self.kept.borrow().get(index) {
            return Ok(Some(item.clone()));
        }
        let item = self.inner.next(rt)?;
        if let Some(item) = &item {
            self.kept.borrow_mut().push(item.clone());
        }
        Ok(item)
    }

    pub(super) fn depth(&self) -> u32 {
        self.inner.depth() + 1
    }
}

/// Items to be sorted by one or more keys when first asked for.
#[derive(Debug)]
pub struct Ordered {
    source: Value,
    /// What to sort by, and whether upwards; `thenBy` adds.
    pub(super) order: RefCell<Vec<(Rc<Lambda>, bool)>>,
    sorted: RefCell<Option<Rc<Vec<Value>>>>,
    depth: Cell<u32>,
}

impl Ordered {
    pub(super) fn new(source: Value, by: Rc<Lambda>, upwards: bool) -> Self {
        let depth = Cell::new(source.depth().max(by.depth()) + 1);
        Self { source, order: RefCell::new(vec![(by, upwards)]), sorted: RefCell::default(), depth }
    }

    pub(super) fn depth(&self) -> u32 {
        self.depth.get()
    }

    /// Sorts further where the keys so far are equal.
    pub(super) fn then(&self, by: Rc<Lambda>, upwards: bool) {
        self.depth.set(self.depth.get().max(by.depth() + 1));
        self.order.borrow_mut().push((by, upwards));
    }

    fn sorted(&self, rt: &Runtime<'_>) -> Result<Rc<Vec<Value>>> {
        if let Some(done) = self.sorted.borrow().as_ref() {
            return Ok(Rc::clone(done));
        }
        let items = collect(rt, &self.source)?;
        let order = self.order.borrow().clone();
        let compare = |left: &Value, right: &Value| -> Result<std::cmp::Ordering> {
            for (by, upwards) in &order {
                let (a, b) =
                    (by.call(rt, std::slice::from_ref(left))?, by.call(rt, std::slice::from_ref(right))?);
                let found = if ops::binary(rt, "<", a.clone(), b.clone())?.truthy() {
                    std::cmp::Ordering::Less
                } else if ops::binary(rt, ">", a, b)?.truthy() {
                    std::cmp::Ordering::Greater
                } else {
                    continue;
                };
                return Ok(if *upwards { found } else { found.reverse() });
            }
            Ok(std::cmp::Ordering::Equal)
        };
        let sorted = Rc::new(merge_sort(items, &compare)?);
        *self.sorted.borrow_mut() = Some(Rc::clone(&sorted));
        Ok(sorted)
    }
}

/// A stable sort whose comparison may fail, which the standard one cannot.
fn merge_sort(
    mut items: Vec<Value>,
    compare: &impl Fn(&Value, &Value) -> Result<std::cmp::Ordering>,
) -> Result<Vec<Value>> {
    if items.len() < 2 {
        return Ok(items);
    }
    let right = items.split_off(items.len() / 2);
    let left = merge_sort(items, compare)?;
    let right = merge_sort(right, compare)?;
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let from = if compare(b, a)?.is_lt() { &mut right } else { &mut left };
        merged.extend(from.next());
    }
    merged.extend(left);
    merged.extend(right);
    Ok(merged)
}
