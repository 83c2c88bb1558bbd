//! Text: case, blanks, replacing, formatting, cutting.

use super::{Filter, Table};
use crate::{
    expr::jinja::{
        args::{Args, Bound, Signature},
        budget::Budget,
        error::{Class, Error, Result},
        filters::html,
        format, methods,
        operators::repeat_text,
        render::Run,
        value::{Key, Map, Value},
    },
    pytext::is_space,
};

const fn of_text(name: &'static str) -> Signature {
    Signature::new(name, 1, &["s"])
}

pub(super) const FILTERS: Table = &[
    ("upper", Filter::case("do_upper", Case { ascii: str::make_ascii_uppercase, any: str::to_uppercase })),
    ("lower", Filter::case("do_lower", Case { ascii: str::make_ascii_lowercase, any: str::to_lowercase })),
    (
        "capitalize",
        Filter::case("do_capitalize", Case { ascii: methods::capitalize_ascii, any: methods::capitalize }),
    ),
    (
        "title",
        Filter::new(of_text("do_title"), |run, mut args| Ok(Value::str(title(&run.text(&args.take(0))?)))),
    ),
    ("string", Filter::new(of_text("soft_str"), |run, mut args| string(&args.take(0), run))),
    ("trim", Filter::new(Signature::new("do_trim", 1, &["value", "chars"]), trim)),
    ("center", Filter::new(Signature::new("do_center", 1, &["value", "width"]), center)),
    ("replace", Filter::new(Signature::new("do_replace", 3, &["s", "old", "new", "count"]), replace)),
    ("format", Filter::free(formatted)),
    (
        "truncate",
        Filter::new(
            Signature::new("do_truncate", 1, &["s", "length", "killwords", "end", "leeway"]),
            truncate,
        ),
    ),
    (
        "wordcount",
        Filter::new(of_text("do_wordcount"), |run, mut args| {
            let text = run.text(&args.take(0))?;
            Ok(Value::count(
                text.split(|c: char| c != '_' && !c.is_alphanumeric())
                    .filter(|word| !word.is_empty())
                    .count(),
            ))
        }),
    ),
];

/// Text as it is, HTML or not; everything else as its text.
fn string(value: &Value, run: &mut Run) -> Result<Value> {
    match value {
        Value::Str(_) | Value::Markup(_) => Ok(value.clone()),
        other => Ok(Value::str(run.str(other)?)),
    }
}

/// A new text of the same kind: what is made from HTML stays HTML.
fn like(value: &Value, text: &str) -> Value {
    if matches!(value, Value::Markup(_)) { Value::Markup(text.into()) } else { Value::str(text) }
}

/// Puts text into another case.
#[derive(Clone, Copy)]
pub(in super::super) struct Case {
    /// Changes text that is nothing but ASCII in its place.
    ascii: fn(&mut str),
    any: fn(&str) -> String,
}

impl Case {
    /// The value's text in the other case.
    pub(in super::super) fn apply(self, run: &mut Run, value: &Value) -> Result<Value> {
        let text = run.text(value)?;
        run.with_text(|run, written| {
            self.write(&text, &mut run.budget, written)?;
            Ok(like(value, written))
        })
    }

    /// Writes text in the other case.
    pub(in super::super) fn write(self, text: &str, budget: &mut Budget, out: &mut String) -> Result<()> {
        budget.pay_text(text.len())?;
        let begin = out.len();
        if text.is_ascii() {
            out.push_str(text);
            (self.ascii)(&mut out[begin..]);
        } else {
            out.push_str(&(self.any)(text));
        }
        Ok(())
    }
}

/// Words begin with a capital, wherever a blank, a dash or an opening bracket stands before them.
fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut begins = true;
    for c in text.chars() {
        let is_border = is_space(c) || matches!(c, '-' | '(' | '{' | '[' | '<');
        if is_border {
            out.push(c);
        } else if begins {
            out.extend(c.to_uppercase());
        } else {
            out.extend(c.to_lowercase());
        }
        begins = is_border;
    }
    out
}

fn trim(run: &mut Run, mut args: Bound) -> Result<Value> {
    let (value, chars) = (args.take(0), args.some(1));
    let text = run.text(&value)?;
    let chars = match &chars {
        Some(chars) => Some(chars.as_str().ok_or_else(|| Error::of_type("strip arg must be None or str"))?),
        None => None,
    };
    Ok(like(&value, methods::strip(&text, chars, true, true)))
}

fn center(run: &mut Run, mut args: Bound) -> Result<Value> {
    let value = args.take(0);
    let text = run.text(&value)?;
    let width = int(args.optional(1), 80)?.max(0) as usize;
    let missing = width.saturating_sub(text.chars().count());
    let left = methods::centered(missing, width);
    let before = repeat_text(" ", left, &mut run.budget)?;
    let after = repeat_text(" ", missing - left, &mut run.budget)?;
    Ok(like(&value, &format!("{before}{text}{after}")))
}

/// An integer argument with a default.
pub(super) fn int(value: Option<Value>, default: i64) -> Result<i64> {
    match value {
        None => Ok(default),
        Some(value) => value.as_int().ok_or_else(|| {
            Error::of_type(format!("'{}' object cannot be interpreted as an integer", value.type_name()))
        }),
    }
}

fn replace(run: &mut Run, mut args: Bound) -> Result<Value> {
    let (value, old, new) = (args.take(0), args.take(1), args.take(2));
    let count = int(args.some(3), -1)?;
    if !run.escaping {
        let (text, old, new) = (run.text(&value)?, run.text(&old)?, run.text(&new)?);
        return Ok(Value::str(methods::replace(&text, &old, &new, count, run)?));
    }
    let is_html = |value: &Value| matches!(value, Value::Markup(_));
    let becomes_html = is_html(&value) || is_html(&old) || is_html(&new);
    let text = if becomes_html { html::escape(&value, run)? } else { run.text(&value)? };
    let (old, new) = (run.text(&old)?, if becomes_html { html::escape(&new, run)? } else { run.text(&new)? });
    let replaced = methods::replace(&text, &old, &new, count, run)?;
    Ok(if becomes_html { Value::Markup(replaced.into()) } else { Value::str(replaced) })
}

/// `value % args`.
fn formatted(run: &mut Run, args: Args) -> Result<Value> {
    let mut positional = args.positional.into_iter();
    let value = positional.next().unwrap_or(Value::None);
    let positional: Vec<_> = positional.collect();
    if !positional.is_empty() && !args.named.is_empty() {
        return Err(Error::new(
            Class::FilterArgumentError,
            "can't handle positional and keyword arguments at the same time",
        ));
    }
    let values = if args.named.is_empty() {
        Value::tuple(positional)
    } else {
        let entries = args.named.into_iter().map(|(name, value)| (Key::text(name.to_string()), value));
        Value::dict(entries.collect::<Map>())
    };
    let template = string(&value, run)?;
    format::percent(&template, &values, run)
}

fn truncate(run: &mut Run, mut args: Bound) -> Result<Value> {
    const LEEWAY: i64 = 5;
    let value = args.take(0);
    let length = int(args.optional(1), 255)?;
    let kills_words = args.optional(2).map_or(Ok(false), |flag| run.is_true(&flag))?;
    let end = args.optional(3).unwrap_or_else(|| Value::str("..."));
    let leeway = int(args.some(4), LEEWAY)?;
    let Some(end) = end.as_str() else {
        return Err(Error::of_type(format!("object of type '{}' has no len()", end.type_name())));
    };
    let end_length = end.chars().count() as i64;
    if length < end_length {
        return Err(Error::new(
            Class::AssertionError,
            format!("expected length >= {end_length}, got {length}"),
        ));
    }
    if leeway < 0 {
        return Err(Error::new(Class::AssertionError, format!("expected leeway >= 0, got {leeway}")));
    }
    if run.len(&value)? as i64 <= length + leeway {
        return Ok(value);
    }
    let Some(text) = value.as_str() else {
        return Err(match &value {
            Value::List(_) | Value::Tuple(_) if kills_words => {
                let kind = value.type_name();
                Error::of_type(format!("can only concatenate {kind} (not \"str\") to {kind}"))
            }
            Value::Dict(_) => Error::of_type("unhashable type: 'slice'"),
            other => methods::no_method(other, "rsplit"),
        });
    };
    let kept = (length - end_length) as usize;
    let cut = text.char_indices().nth(kept).map_or(text, |(at, _)| &text[..at]);
    let cut = if kills_words { cut } else { cut.rsplit_once(' ').map_or(cut, |(before, _)| before) };
    if matches!(value, Value::Markup(_)) {
        return Ok(Value::Markup([cut, &html::escape_text(end)].concat().into()));
    }
    Ok(Value::str([cut, end].concat()))
}
