//! Which names Python's types have, so that what exists, what is hidden and what is missing differ.

use crate::expr::jinja::value::Value;

const STR: &[&str] = &[
    "capitalize",
    "casefold",
    "center",
    "count",
    "encode",
    "endswith",
    "expandtabs",
    "find",
    "format",
    "format_map",
    "index",
    "isalnum",
    "isalpha",
    "isascii",
    "isdecimal",
    "isdigit",
    "isidentifier",
    "islower",
    "isnumeric",
    "isprintable",
    "isspace",
    "istitle",
    "isupper",
    "join",
    "ljust",
    "lower",
    "lstrip",
    "maketrans",
    "partition",
    "removeprefix",
    "removesuffix",
    "replace",
    "rfind",
    "rindex",
    "rjust",
    "rpartition",
    "rsplit",
    "rstrip",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "swapcase",
    "title",
    "translate",
    "upper",
    "zfill",
];
const MARKUP: &[&str] = &["escape", "striptags", "unescape"];
const BYTES: &[&str] = &["count", "decode", "endswith", "find", "hex", "startswith"];
const LIST: &[&str] =
    &["append", "clear", "copy", "count", "extend", "index", "insert", "pop", "remove", "reverse", "sort"];
const FIXED: &[&str] = &["count", "index"];
const DICT: &[&str] = &[
    "clear",
    "copy",
    "fromkeys",
    "get",
    "items",
    "keys",
    "pop",
    "popitem",
    "setdefault",
    "update",
    "values",
];
const INT: &[&str] = &["as_integer_ratio", "bit_count", "bit_length", "conjugate", "from_bytes", "to_bytes"];
const FLOAT: &[&str] = &["as_integer_ratio", "conjugate", "fromhex", "hex", "is_integer"];

/// Types by whether they have a method of some name, one bit for each.
#[derive(Clone, Copy)]
pub(in super::super) struct Kinds(u16);

const TABLES: [&[&str]; 7] = [STR, BYTES, LIST, FIXED, DICT, INT, FLOAT];
const OF_MARKUP: u16 = 1 << TABLES.len();
/// No name of a method, but one that templates may not see everywhere.
const UNDERLINED: u16 = 1 << (TABLES.len() + 1);

impl Kinds {
    /// The types with a method of this name.
    pub(in super::super) fn with_method(name: &str) -> Self {
        let with = TABLES.iter().enumerate().filter(|(_, names)| names.contains(&name));
        let mut kinds = with.fold(0, |kinds, (at, _)| kinds | 1 << at);
        if STR.contains(&name) || MARKUP.contains(&name) {
            kinds |= OF_MARKUP;
        }
        if name.starts_with('_') {
            kinds |= UNDERLINED;
        }
        Self(kinds)
    }

    /// Whether a dictionary can only mean one of its entries by the name.
    #[inline]
    pub(in super::super) fn is_entry(self) -> bool {
        self.0 & (1 << 4 | UNDERLINED) == 0
    }

    /// Whether the value, which is asked for `name`, is of one of the types.
    #[inline]
    pub(in super::super) fn include(self, value: &Value, name: &str) -> bool {
        let kind = match value {
            Value::Str(_) => 1,
            Value::Bytes(_) => 1 << 1,
            Value::List(_) => 1 << 2,
            Value::Tuple(_) | Value::Range(_) => 1 << 3,
            Value::Dict(_) => 1 << 4,
            Value::Int(_) | Value::Big(_) | Value::Bool(_) => 1 << 5,
            Value::Float(_) => 1 << 6,
            Value::Markup(_) => OF_MARKUP,
            Value::Object(object) => return object.method_names().contains(&name),
            Value::None | Value::Undefined(_) => return false,
        };
        self.0 & kind != 0
    }
}

/// Whether the value has a method of this name.
pub(in super::super) fn has(value: &Value, name: &str) -> bool {
    let names = match value {
        Value::Str(_) => STR,
        Value::Markup(_) => return STR.contains(&name) || MARKUP.contains(&name),
        Value::Bytes(_) => BYTES,
        Value::List(_) => LIST,
        Value::Tuple(_) | Value::Range(_) => FIXED,
        Value::Dict(_) => DICT,
        Value::Int(_) | Value::Big(_) | Value::Bool(_) => INT,
        Value::Float(_) => FLOAT,
        Value::Object(object) => object.method_names(),
        Value::None | Value::Undefined(_) => return false,
    };
    names.contains(&name)
}

/// What every object has.
const OBJECT: &[&str] = &[
    "__class__",
    "__delattr__",
    "__dir__",
    "__doc__",
    "__eq__",
    "__format__",
    "__ge__",
    "__getattribute__",
    "__getstate__",
    "__gt__",
    "__hash__",
    "__init__",
    "__init_subclass__",
    "__le__",
    "__lt__",
    "__ne__",
    "__new__",
    "__reduce__",
    "__reduce_ex__",
    "__repr__",
    "__setattr__",
    "__sizeof__",
    "__str__",
    "__subclasshook__",
];
const SEQUENCE: &[&str] =
    &["__add__", "__contains__", "__getitem__", "__iter__", "__len__", "__mul__", "__rmul__"];
const TEXT: &[&str] = &["__getnewargs__", "__mod__", "__rmod__"];
const NUMBER: &[&str] = &[
    "__abs__",
    "__add__",
    "__bool__",
    "__ceil__",
    "__divmod__",
    "__float__",
    "__floor__",
    "__floordiv__",
    "__getnewargs__",
    "__int__",
    "__mod__",
    "__mul__",
    "__neg__",
    "__pos__",
    "__pow__",
    "__radd__",
    "__rdivmod__",
    "__rfloordiv__",
    "__rmod__",
    "__rmul__",
    "__round__",
    "__rpow__",
    "__rsub__",
    "__rtruediv__",
    "__sub__",
    "__truediv__",
    "__trunc__",
];
const INTEGER: &[&str] = &[
    "__and__",
    "__index__",
    "__invert__",
    "__lshift__",
    "__or__",
    "__rand__",
    "__rlshift__",
    "__ror__",
    "__rrshift__",
    "__rshift__",
    "__rxor__",
    "__xor__",
];
const MUTABLE: &[&str] = &["__class_getitem__", "__delitem__", "__reversed__", "__setitem__"];
const FUNCTION: &[&str] = &[
    "__annotations__",
    "__builtins__",
    "__call__",
    "__closure__",
    "__code__",
    "__defaults__",
    "__dict__",
    "__get__",
    "__globals__",
    "__kwdefaults__",
    "__module__",
    "__name__",
    "__qualname__",
];
const VIEW: &[&str] = &["__contains__", "__iter__", "__len__", "__reversed__"];
const INSTANCE: &[&str] = &["__dict__", "__module__", "__weakref__"];

/// Whether the value has an attribute of this name that no template may see.
pub(in super::super) fn is_hidden(value: &Value, name: &str) -> bool {
    if !name.starts_with("__") {
        return false;
    }
    let more: &[&[&str]] = match value {
        Value::Str(_) => &[SEQUENCE, TEXT],
        Value::Markup(_) => {
            &[SEQUENCE, TEXT, &["__html__", "__html_format__", "__module__", "__radd__", "__slots__"]]
        }
        Value::Bytes(_) => &[SEQUENCE, TEXT, &["__bytes__"]],
        Value::List(_) => &[SEQUENCE, MUTABLE, &["__iadd__", "__imul__"]],
        Value::Tuple(_) => &[SEQUENCE, &["__class_getitem__", "__getnewargs__"]],
        Value::Range(_) => &[VIEW, &["__bool__", "__getitem__"]],
        Value::Dict(_) => &[
            MUTABLE,
            &["__contains__", "__getitem__", "__ior__", "__iter__", "__len__", "__or__", "__ror__"],
        ],
        Value::Int(_) | Value::Big(_) | Value::Bool(_) => &[NUMBER, INTEGER],
        Value::Float(_) => &[NUMBER, &["__getformat__"]],
        Value::None => &[&["__bool__"]],
        Value::Object(object) => match object.type_name() {
            "function" => &[FUNCTION],
            "builtin_function_or_method" => {
                &[&["__call__", "__module__", "__name__", "__qualname__", "__self__"]]
            }
            "dict_keys" | "dict_values" | "dict_items" => &[VIEW],
            "generator" => &[&["__del__", "__iter__", "__name__", "__next__", "__qualname__"]],
            _ => &[INSTANCE],
        },
        // An undefined value raises for every other name.
        Value::Undefined(_) => {
            &[SEQUENCE, NUMBER, &["__bool__", "__call__", "__complex__", "__getattr__", "__slots__"]]
        }
    };
    OBJECT.contains(&name) || more.iter().any(|names| names.contains(&name))
}
