//! Values with behaviour of their own.

use super::{Dict, Value, repr};
use crate::expr::jinja::{
    args::Args,
    budget::Budget,
    error::{Error, Result},
    render::{Each, Item, Run},
};

/// A value that is neither a number, nor text, nor a container.
///
/// Every method but the name has a default that says: this is not supported.
pub trait Object: Send + Sync {
    /// The name of its class.
    fn type_name(&self) -> &'static str;

    /// How messages about missing members name it: with its module if it has one.
    fn described(&self) -> String {
        format!("{} object", self.type_name())
    }

    /// `repr()` of it.
    fn repr(&self, _budget: &mut Budget) -> Result<String> {
        Ok(format!("<{} object at 0x7f0000000000>", self.type_name()))
    }

    /// `str()` of it.
    fn str(&self, budget: &mut Budget) -> Result<String> {
        self.repr(budget)
    }

    /// An attribute, if it has one of this name.
    fn attribute(&self, _name: &str, _run: &mut Run) -> Result<Option<Value>> {
        Ok(None)
    }

    /// An attribute that is told without running anything.
    fn plain_attribute(&self, _name: &str) -> Option<Value> {
        None
    }

    /// An item, if it can be subscribed and has one for this key.
    fn item(&self, _key: &Value, _run: &mut Run) -> Result<Option<Value>> {
        Ok(None)
    }

    /// Calls it.
    fn call(&self, _args: Args, _run: &mut Run) -> Result<Value> {
        Err(Error::of_type(format!("'{}' object is not callable", self.type_name())))
    }

    /// The names of its methods.
    fn method_names(&self) -> &'static [&'static str] {
        &[]
    }

    /// Calls a method; `None` if it has none of this name.
    fn method(&self, _name: &str, _args: Args, _run: &mut Run) -> Option<Result<Value>> {
        None
    }

    /// Whether it can be called.
    fn is_callable(&self) -> bool {
        false
    }

    /// How many items it has, if that is known without looking.
    fn length(&self, _run: &mut Run) -> Result<Option<usize>> {
        Ok(None)
    }

    /// Its items, if it has such. They may be taken now.
    fn items(&self, _run: &mut Run) -> Result<Option<Vec<Value>>> {
        Ok(None)
    }

    /// Whether it contains an item, if that is told by other means than by looking at them all.
    fn contains(&self, _item: &Value, _budget: &mut Budget) -> Option<Result<bool>> {
        None
    }

    /// Whether it equals another object, if that is more than being the same one.
    fn equals(&self, _other: &dyn Object, _budget: &mut Budget) -> Option<Result<bool>> {
        None
    }

    /// The dictionary whose entries it shows.
    fn shown_dict(&self) -> Option<Dict> {
        None
    }

    /// Whether [`Object::next`] gives its items one by one; it is its own iterator then.
    fn is_iterator(&self) -> bool {
        false
    }

    /// The next item of an iterator.
    fn next(&self, _run: &mut Run) -> Result<Option<Value>> {
        Ok(None)
    }

    /// Hands out all items that are left, one after the other. It is at its end then, also when that failed.
    fn drain(&self, run: &mut Run, each: &mut Each<'_>) -> Result<()> {
        while let Some(item) = self.next(run)? {
            run.budget.pay(1)?;
            each(run, Item::Own(item))?;
        }
        Ok(())
    }

    /// Whether it counts as true.
    fn is_true(&self, run: &mut Run) -> Result<bool> {
        Ok(self.length(run)?.is_none_or(|length| length > 0))
    }

    /// Whether attributes can be set: namespaces only.
    fn can_set_attributes(&self) -> bool {
        false
    }

    /// Sets an attribute.
    fn set_attribute(&self, _name: &str, _value: Value) {}

    /// `int()` and `float()` of it, where it has them.
    fn number(&self, _budget: &mut Budget) -> Option<Result<f64>> {
        None
    }

    /// The object as its own type, for the few that look at each other.
    fn as_any(&self) -> Option<&dyn std::any::Any> {
        None
    }

    /// Takes out the values it holds, so that dropping it cannot go deep.
    fn take_values(&mut self) -> Vec<Value> {
        Vec::new()
    }

    /// The values it holds, so that no container can be put into itself.
    fn held_values(&self) -> Vec<Value> {
        Vec::new()
    }
}

/// `repr()` of an object that shows one value.
pub(in super::super) fn shown(
    before: &str,
    value: &Value,
    after: &str,
    budget: &mut Budget,
) -> Result<String> {
    Ok(format!("{before}{}{after}", repr::repr(value, budget)?))
}
