//! The names every template has: `range`, `dict`, `namespace`, `cycler`, `joiner`, `lipsum`.

use std::sync::Arc;

use parking_lot::Mutex;

use super::{
    args::{Args, Signature},
    budget::Budget,
    error::{Class, Error, Result},
    render::Run,
    value::{self, Dict, Key, Map, Object, Range, Value},
};

/// The names, sorted.
pub(super) const NAMES: [&str; 6] = ["cycler", "dict", "joiner", "lipsum", "namespace", "range"];

/// The most numbers a range may have.
const MAX_RANGE: usize = 100_000;

/// The value of a global name.
pub(super) fn find(name: &str) -> Option<Value> {
    let global = match name {
        "range" => Global { name: "safe_range", module: "", call: range },
        "dict" => Global { name: "dict", module: "class", call: dict },
        "cycler" => Global { name: "jinja2.utils.Cycler", module: "class", call: cycler },
        "joiner" => Global { name: "jinja2.utils.Joiner", module: "class", call: joiner },
        "namespace" => Global { name: "jinja2.utils.Namespace", module: "class", call: namespace },
        "lipsum" => Global { name: "generate_lorem_ipsum", module: "", call: lipsum },
        // The template itself, with its blocks.
        "self" => return Some(Value::object(Blocks)),
        _ => return None,
    };
    Some(Value::object(global))
}

struct Global {
    name: &'static str,
    /// `class` for classes, empty for functions.
    module: &'static str,
    call: fn(Args, &mut Run) -> Result<Value>,
}

impl Object for Global {
    fn type_name(&self) -> &'static str {
        if self.module.is_empty() { "function" } else { "type" }
    }

    fn repr(&self, _budget: &mut Budget) -> Result<String> {
        let name = self.name;
        Ok(if self.module.is_empty() {
            format!("<function {name} at 0x7f0000000000>")
        } else {
            format!("<class '{name}'>")
        })
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn call(&self, args: Args, run: &mut Run) -> Result<Value> {
        (self.call)(args, run)
    }

    fn is_true(&self, _run: &mut Run) -> Result<bool> {
        Ok(true)
    }
}

fn range(args: Args, _run: &mut Run) -> Result<Value> {
    let args = args.unnamed("range")?;
    let bounds = args.iter().map(range_bound).collect::<Result<Vec<_>>>()?;
    let (start, stop, step) = match bounds[..] {
        [] => return Err(Error::of_type("range expected at least 1 argument, got 0")),
        [stop] => (0, stop, 1),
        [start, stop] => (start, stop, 1),
        [start, stop, step] => (start, stop, step),
        _ => {
            let count = bounds.len();
            return Err(Error::of_type(format!("range expected at most 3 arguments, got {count}")));
        }
    };
    if step == 0 {
        return Err(Error::of_value("range() arg 3 must not be zero"));
    }
    let range = Range { start, stop, step };
    if range.len() > MAX_RANGE {
        return Err(Error::new(
            Class::OverflowError,
            format!("Range too big. The sandbox blocks ranges larger than MAX_RANGE ({MAX_RANGE})."),
        ));
    }
    Ok(Value::Range(Box::new(range)))
}

fn range_bound(value: &Value) -> Result<i64> {
    match value {
        Value::Big(int) => Ok(if int.sign() == num_bigint::Sign::Minus { i64::MIN } else { i64::MAX }),
        Value::Undefined(undefined) => Err(Error::of_type(format!(
            "'{}' object cannot be interpreted as an integer",
            undefined.type_name()
        ))),
        other => other.as_int().ok_or_else(|| {
            Error::of_type(format!("'{}' object cannot be interpreted as an integer", other.type_name()))
        }),
    }
}

/// The entries `dict(…)` would have.
pub(super) fn entries(function: &str, args: Args, run: &mut Run) -> Result<Map> {
    let Args { mut positional, named } = args;
    if positional.len() > 1 {
        let count = positional.len();
        return Err(Error::of_type(format!("{function} expected at most 1 argument, got {count}")));
    }
    let mut map = Map::default();
    match positional.pop() {
        None => {}
        Some(Value::Dict(dict)) => {
            run.budget.make_items(dict.len())?;
            map = dict.read(Map::clone);
        }
        Some(pairs) => {
            for (at, pair) in run.items(&pairs)?.iter().enumerate() {
                let Some(_) = run.iterate_if_possible(pair)? else {
                    return Err(Error::of_type(format!(
                        "cannot convert dictionary update sequence element #{at} to a sequence"
                    )));
                };
                let items = run.items(pair)?;
                let count = items.len();
                let Ok([key, value]) = <[Value; 2]>::try_from(items) else {
                    return Err(Error::of_value(format!(
                        "dictionary update sequence element #{at} has length {count}; 2 is required"
                    )));
                };
                map.insert(Key::new(key)?, value);
            }
        }
    }
    for (name, value) in named {
        map.insert(Key::text(name.to_string()), value);
    }
    Ok(map)
}

fn dict(args: Args, run: &mut Run) -> Result<Value> {
    Ok(Value::dict(entries("dict", args, run)?))
}

fn cycler(args: Args, _run: &mut Run) -> Result<Value> {
    let items = args.unnamed("Cycler.__init__")?;
    if items.is_empty() {
        return Err(Error::new(Class::RuntimeError, "at least one item has to be provided"));
    }
    Ok(Value::object(Cycler { items, at: Mutex::new(0) }))
}

fn joiner(args: Args, _run: &mut Run) -> Result<Value> {
    const SIGNATURE: Signature = Signature::new("Joiner.__init__", 0, &["sep"]);
    let separator = SIGNATURE.bind(args)?.optional(0).unwrap_or_else(|| Value::str(", "));
    Ok(Value::object(Joiner { separator, is_used: Mutex::new(false) }))
}

fn namespace(args: Args, run: &mut Run) -> Result<Value> {
    let entries = entries("dict", args, run)?;
    Ok(Value::object(Namespace(Dict::new(entries))))
}

/// Words without sense, as paragraphs; the words are always the same, as nothing here may be random.
fn lipsum(args: Args, run: &mut Run) -> Result<Value> {
    const SIGNATURE: Signature = Signature::new("generate_lorem_ipsum", 0, &["n", "html", "min", "max"]);
    const TEXT: &str = "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt \
                        ut labore et dolore magna aliqua.";
    let mut args = SIGNATURE.bind(args)?;
    let count = args.optional(0).and_then(|count| count.as_int()).unwrap_or(5).max(0) as usize;
    let as_html = match args.optional(1) {
        Some(flag) => run.is_true(&flag)?,
        None => true,
    };
    run.budget.make_text(count.saturating_mul(TEXT.len() + 8))?;
    if as_html {
        return Ok(Value::Markup(vec![format!("<p>{TEXT}</p>"); count].join("\n").into()));
    }
    Ok(Value::str(vec![TEXT; count].join("\n\n")))
}

/// Gives its items in turn.
struct Cycler {
    items: Vec<Value>,
    at: Mutex<usize>,
}

impl Object for Cycler {
    fn type_name(&self) -> &'static str {
        "Cycler"
    }

    fn described(&self) -> String {
        "jinja2.utils.Cycler object".to_owned()
    }

    fn repr(&self, _budget: &mut Budget) -> Result<String> {
        Ok("<jinja2.utils.Cycler object at 0x7f0000000000>".to_owned())
    }

    fn attribute(&self, name: &str, _run: &mut Run) -> Result<Option<Value>> {
        Ok(match name {
            "current" => Some(self.items[*self.at.lock()].clone()),
            "pos" => Some(Value::count(*self.at.lock())),
            "items" => Some(Value::tuple(self.items.clone())),
            _ => None,
        })
    }

    fn method_names(&self) -> &'static [&'static str] {
        &["next", "reset"]
    }

    fn method(&self, name: &str, _args: Args, _run: &mut Run) -> Option<Result<Value>> {
        let mut at = self.at.lock();
        match name {
            "next" => {
                let item = self.items[*at].clone();
                *at = (*at + 1) % self.items.len();
                Some(Ok(item))
            }
            "reset" => {
                *at = 0;
                Some(Ok(Value::None))
            }
            _ => None,
        }
    }

    fn held_values(&self) -> Vec<Value> {
        self.items.clone()
    }

    fn take_values(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.items)
    }
}

/// Gives its separator from the second call on.
struct Joiner {
    separator: Value,
    is_used: Mutex<bool>,
}

impl Object for Joiner {
    fn type_name(&self) -> &'static str {
        "Joiner"
    }

    fn described(&self) -> String {
        "jinja2.utils.Joiner object".to_owned()
    }

    fn repr(&self, _budget: &mut Budget) -> Result<String> {
        Ok("<jinja2.utils.Joiner object at 0x7f0000000000>".to_owned())
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn attribute(&self, name: &str, _run: &mut Run) -> Result<Option<Value>> {
        Ok(match name {
            "sep" => Some(self.separator.clone()),
            "used" => Some(Value::Bool(*self.is_used.lock())),
            _ => None,
        })
    }

    fn call(&self, _args: Args, _run: &mut Run) -> Result<Value> {
        let was_used = std::mem::replace(&mut *self.is_used.lock(), true);
        Ok(if was_used { self.separator.clone() } else { Value::str("") })
    }

    fn held_values(&self) -> Vec<Value> {
        vec![self.separator.clone()]
    }

    fn take_values(&mut self) -> Vec<Value> {
        vec![std::mem::replace(&mut self.separator, Value::None)]
    }
}

/// Holds names that can be set from inside a loop.
struct Namespace(Dict);

impl Object for Namespace {
    fn type_name(&self) -> &'static str {
        "Namespace"
    }

    fn described(&self) -> String {
        // The class answers for its own module by the same look-up as for any name.
        "jinja2.utils.Namespace object".to_owned()
    }

    fn repr(&self, budget: &mut Budget) -> Result<String> {
        let entries = value::repr(&Value::Dict(self.0.clone()), budget)?;
        Ok(format!("<Namespace {entries}>"))
    }

    fn attribute(&self, name: &str, _run: &mut Run) -> Result<Option<Value>> {
        Ok(self.0.get_str(name))
    }

    fn can_set_attributes(&self) -> bool {
        true
    }

    fn set_attribute(&self, name: &str, value: Value) {
        self.0.change(|entries| entries.insert(Key::text(name.to_owned()), value));
    }

    fn held_values(&self) -> Vec<Value> {
        vec![Value::Dict(self.0.clone())]
    }

    fn take_values(&mut self) -> Vec<Value> {
        let entries = std::mem::replace(&mut self.0, Dict::new(Map::default()));
        vec![Value::Dict(entries)]
    }
}

/// `self` in a template: its blocks, to be written again.
struct Blocks;

impl Object for Blocks {
    fn type_name(&self) -> &'static str {
        "TemplateReference"
    }

    fn described(&self) -> String {
        "jinja2.runtime.TemplateReference object".to_owned()
    }

    fn repr(&self, _budget: &mut Budget) -> Result<String> {
        Ok("<TemplateReference None>".to_owned())
    }

    fn item(&self, key: &Value, run: &mut Run) -> Result<Option<Value>> {
        let Some(name) = key.as_str() else { return Ok(None) };
        Ok(run.find_block(name).map(|_| Value::object(BlockReference(name.into()))))
    }
}

struct BlockReference(Arc<str>);

impl Object for BlockReference {
    fn type_name(&self) -> &'static str {
        "BlockReference"
    }

    fn described(&self) -> String {
        "jinja2.runtime.BlockReference object".to_owned()
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn call(&self, _args: Args, run: &mut Run) -> Result<Value> {
        let mut out = String::new();
        if let Some(block) = run.find_block(&self.0) {
            run.block(&block, &mut out)?;
        }
        Ok(run.written(out))
    }
}
