//! `'…{}…'.format(values)`, with members looked up as safely as anywhere in a template.

use super::{percent::ascii, spec::format_value};
use crate::expr::jinja::{
    args::Args,
    error::{Class, Error, Result},
    filters::html,
    render::Run,
    value::{self, Key, Value},
};

/// The template with its fields replaced. `mapping` takes the place of named arguments.
pub(in super::super) fn format_fields(
    template: &Value,
    args: &Args,
    mapping: Option<&Value>,
    run: &mut Run,
) -> Result<Value> {
    let escapes = matches!(template, Value::Markup(_));
    let text = template.as_str().unwrap_or_default();
    let mut formatter = Formatter { args, mapping, run, automatic: Some(0), escapes };
    let out = formatter.format(text, 2)?;
    Ok(if escapes { Value::Markup(out.into()) } else { Value::str(out) })
}

struct Formatter<'a, 'h> {
    args: &'a Args,
    mapping: Option<&'a Value>,
    run: &'a mut Run<'h>,
    /// The number of the next field without one; `None` once a field had one.
    automatic: Option<usize>,
    escapes: bool,
}

impl Formatter<'_, '_> {
    fn format(&mut self, text: &str, depth: u32) -> Result<String> {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            out.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            let after = &rest[at + 1..];
            if let Some(after) = after.strip_prefix(brace) {
                out.push_str(brace);
                rest = after;
                continue;
            }
            if brace == "}" || after.is_empty() {
                return Err(Error::of_value(format!("Single '{brace}' encountered in format string")));
            }
            let field = parse_field(after)?;
            rest = &after[field.length..];
            out.push_str(&self.field(&field, depth)?);
            self.run.budget.make_text(out.len())?;
        }
        out.push_str(rest);
        Ok(out)
    }

    fn field(&mut self, field: &Field<'_>, depth: u32) -> Result<String> {
        let value = self.value(field.name)?;
        let value = match field.conversion {
            None => value,
            Some('s') => Value::Str(self.run.text(&value)?),
            Some('r') => Value::str(value::repr(&value, &mut self.run.budget)?),
            Some('a') => Value::str(ascii(&value::repr(&value, &mut self.run.budget)?)),
            Some(other) => return Err(Error::of_value(format!("Unknown conversion specifier {other}"))),
        };
        if depth == 0 {
            return Err(Error::of_value("Max string recursion exceeded"));
        }
        let spec = self.format(field.spec, depth - 1)?;
        let text = format_value(&value, &spec, self.run)?;
        let escapes = self.escapes && !matches!(value, Value::Markup(_));
        Ok(if escapes { html::escape_text(&text) } else { text.to_string() })
    }

    fn value(&mut self, name: &str) -> Result<Value> {
        const SWITCH: &str = "cannot switch from manual field specification to automatic field numbering";
        let first = name.find(['.', '[']).unwrap_or(name.len());
        let (first, rest) = name.split_at(first);
        let index = if name.is_empty() {
            let next = self.automatic.as_mut().ok_or_else(|| Error::of_value(SWITCH))?;
            *next += 1;
            Some(*next - 1)
        } else if !name.chars().all(|c| c.is_ascii_digit()) {
            first.parse().ok()
        } else if self.automatic.is_some_and(|next| next > 0) {
            return Err(Error::of_value(SWITCH));
        } else {
            self.automatic = None;
            first.parse().ok()
        };
        let value = match index {
            Some(index) => self.args.positional.get(index).cloned().ok_or_else(out_of_range)?,
            None => self.named(first)?,
        };
        self.members(value, rest)
    }

    fn named(&mut self, name: &str) -> Result<Value> {
        let key = Value::str(name);
        match self.mapping {
            Some(Value::Dict(dict)) => dict.read(|map| map.get(&Key::text(name.to_owned())).cloned()),
            Some(other) => Some(self.run.item(other, &key)?),
            None => {
                self.args.named.iter().find(|(known, _)| **known == *name).map(|(_, value)| value.clone())
            }
        }
        .ok_or_else(|| value::missing_key(&key, &mut self.run.budget))
    }

    /// `.member` and `[item]` behind a field's name.
    fn members(&mut self, mut value: Value, mut rest: &str) -> Result<Value> {
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('.') {
                let end = after.find(['.', '[']).unwrap_or(after.len());
                if end == 0 {
                    return Err(Error::of_value("Empty attribute in format string"));
                }
                value = self.run.attribute(&value, &after[..end])?;
                rest = &after[end..];
            } else if let Some(after) = rest.strip_prefix('[') {
                let Some(end) = after.find(']') else {
                    return Err(Error::of_value("Missing ']' in format string"));
                };
                if end == 0 {
                    return Err(Error::of_value("Empty attribute in format string"));
                }
                let key = &after[..end];
                let key = key.parse::<i64>().map_or_else(|_| Value::str(key), Value::Int);
                value = self.run.item(&value, &key)?;
                rest = &after[end + 1..];
            } else {
                return Err(Error::of_value("Only '.' or '[' may follow ']' in format field specifier"));
            }
        }
        Ok(value)
    }
}

/// One field of a template: what stands between its braces.
struct Field<'a> {
    name: &'a str,
    conversion: Option<char>,
    spec: &'a str,
    /// Bytes up to the brace that closes it, that brace included.
    length: usize,
}

/// Reads a field from behind its opening brace.
fn parse_field(text: &str) -> Result<Field<'_>> {
    let mut in_brackets = false;
    let end = text.char_indices().find(|(_, c)| {
        match c {
            '[' => in_brackets = true,
            ']' => in_brackets = false,
            _ => {}
        }
        *c == '{' || (matches!(c, '}' | ':' | '!') && !in_brackets)
    });
    let (end, mark) = end.ok_or_else(|| Error::of_value("expected '}' before end of string"))?;
    let name = &text[..end];
    let mut at = end + 1;
    let mut conversion = None;
    match mark {
        '{' => return Err(Error::of_value("unexpected '{' in field name")),
        '}' => return Ok(Field { name, conversion, spec: "", length: at }),
        '!' => {
            let mut rest = text[at..].chars();
            let missing = || Error::of_value("end of string while looking for conversion specifier");
            conversion = Some(rest.next().ok_or_else(missing)?);
            match rest.next() {
                None => return Err(unmatched()),
                Some('}') => {
                    return Ok(Field {
                        name,
                        conversion,
                        spec: "",
                        length: text.len() - rest.as_str().len(),
                    });
                }
                Some(':') => at = text.len() - rest.as_str().len(),
                Some(_) => return Err(Error::of_value("expected ':' after conversion specifier")),
            }
        }
        _ => {}
    }
    let mut open = 1;
    for (offset, c) in text[at..].char_indices() {
        match c {
            '{' => open += 1,
            '}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Ok(Field { name, conversion, spec: &text[at..at + offset], length: at + offset + 1 });
        }
    }
    Err(unmatched())
}

fn unmatched() -> Error {
    Error::of_value("unmatched '{' in format spec")
}

fn out_of_range() -> Error {
    Error::new(Class::IndexError, "tuple index out of range")
}
