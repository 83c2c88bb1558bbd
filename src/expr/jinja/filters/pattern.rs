//! StackStorm's filters for regular expressions.

use std::sync::Arc;

use super::{Filter, Table};
use crate::{
    expr::jinja::{
        args::{Bound, Signature},
        error::{Class, Error, Result},
        render::{Run, index_in},
        value::Value,
    },
    pytext::search::{Found, Manner, Search, TooManySteps},
};

pub(super) const FILTERS: Table = &[
    (
        "regex_match",
        Filter::new(Signature::new("regex_match", 2, &["value", "pattern", "ignorecase"]), regex_match),
    ),
    (
        "regex_search",
        Filter::new(Signature::new("regex_search", 2, &["value", "pattern", "ignorecase"]), regex_search),
    ),
    (
        "regex_replace",
        Filter::new(
            Signature::new("regex_replace", 3, &["value", "pattern", "replacement", "ignorecase"]),
            regex_replace,
        ),
    ),
    (
        "regex_substring",
        Filter::new(
            Signature::new("regex_substring", 2, &["value", "pattern", "result_index", "ignorecase"]),
            regex_substring,
        ),
    ),
];

/// Steps of a search that count as one here.
const STEPS_PER_STEP: usize = 4;

/// Steps that it takes to compile a pattern, and each byte of it.
const COMPILING: (u64, u64) = (500, 25);

/// Runs a search within the limits of the rendering, and pays for its steps.
fn paid<T>(
    run: &mut Run,
    search: impl FnOnce(&mut usize) -> std::result::Result<T, TooManySteps>,
) -> Result<T> {
    let given = run.budget.steps().saturating_mul(STEPS_PER_STEP);
    let mut left = given;
    let found = search(&mut left);
    run.budget.pay(((given - left) / STEPS_PER_STEP) as u64)?;
    found.map_err(|error| Error::limit(error.to_string()))
}

fn failed(message: impl std::fmt::Display) -> Error {
    Error::new(Class::PatternError, message.to_string())
}

/// The compiled pattern.
fn compiled(run: &mut Run, pattern: &Value, ignores_case: bool, at_start: bool) -> Result<Arc<Search>> {
    if let Value::Undefined(undefined) = pattern {
        return Err(undefined.error());
    }
    let Some(pattern) = pattern.as_str() else {
        return Err(Error::of_type("first argument must be string or compiled pattern"));
    };
    let manner = Manner { ignores_case, at_start, ..Manner::default() };
    if let Some(known) = run.patterns.find(pattern, manner) {
        return Ok(known);
    }
    run.budget.pay(COMPILING.0 + COMPILING.1 * pattern.len() as u64)?;
    run.patterns.add(pattern, manner).map_err(failed)
}

fn flag(run: &mut Run, value: Option<Value>) -> Result<bool> {
    value.map_or(Ok(false), |flag| run.is_true(&flag))
}

fn regex_match(run: &mut Run, args: Bound) -> Result<Value> {
    is_match(run, args, true)
}

fn regex_search(run: &mut Run, args: Bound) -> Result<Value> {
    is_match(run, args, false)
}

fn is_match(run: &mut Run, mut args: Bound, at_start: bool) -> Result<Value> {
    let (value, pattern, ignores_case) = (args.take(0), args.take(1), args.optional(2));
    let ignores_case = flag(run, ignores_case)?;
    let text = run.text(&value)?;
    let regex = compiled(run, &pattern, ignores_case, at_start)?;
    paid(run, |steps| regex.is_match_within(&text, steps)).map(Value::Bool)
}

/// Every match.
fn matches<'t>(run: &mut Run, regex: &Search, text: &'t str) -> Result<Vec<Found<'t>>> {
    paid(run, |steps| regex.find_all_within(text, usize::MAX, steps))
}

fn regex_replace(run: &mut Run, mut args: Bound) -> Result<Value> {
    let (value, pattern, replacement) = (args.take(0), args.take(1), args.take(2));
    let ignores_case = args.optional(3);
    let ignores_case = flag(run, ignores_case)?;
    let text = run.text(&value)?;
    let regex = compiled(run, &pattern, ignores_case, false)?;
    if let Value::Undefined(undefined) = &replacement {
        return Err(undefined.error());
    }
    let Some(template) = replacement.as_str() else {
        let kind = replacement.type_name();
        return Err(Error::of_type(format!("decoding to str: need a bytes-like object, {kind} found")));
    };
    let parts = parse_template(template, &regex)?;
    let mut out = String::new();
    let mut copied = 0;
    for found in matches(run, &regex, &text)? {
        run.write(&text[copied..found.start()], &mut out)?;
        copied = found.end();
        for part in &parts {
            match part {
                Part::Text(text) => run.write(text, &mut out)?,
                Part::Group(index) => run.write(found.get(*index).unwrap_or(""), &mut out)?,
            }
        }
    }
    run.write(&text[copied..], &mut out)?;
    Ok(Value::str(out))
}

/// A piece of a replacement.
enum Part {
    Text(String),
    Group(usize),
}

fn parse_template(template: &str, regex: &Search) -> Result<Vec<Part>> {
    let chars: Vec<char> = template.chars().collect();
    let groups = regex.names().len();
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut at = 0;
    let group = |index: usize, position: usize| {
        if index < groups {
            Ok(Part::Group(index))
        } else {
            Err(failed(format!("invalid group reference {index} at position {position}")))
        }
    };
    while at < chars.len() {
        let c = chars[at];
        at += 1;
        if c != '\\' {
            text.push(c);
            continue;
        }
        let Some(escape) = chars.get(at).copied() else {
            return Err(failed(format!("bad escape (end of pattern) at position {}", at - 1)));
        };
        at += 1;
        let is_octal = |at: usize| chars.get(at).is_some_and(|c| matches!(c, '0'..='7'));
        let part = match escape {
            'g' => {
                let (name, end) = group_name(&chars, at)?;
                let index = name.parse().ok().or_else(|| regex.group(&name));
                let index = index
                    .ok_or_else(|| Error::new(Class::IndexError, format!("unknown group name '{name}'")))?;
                let part = group(index, at + 1)?;
                at = end;
                part
            }
            '0' => {
                let mut code = 0;
                for _ in 0..2 {
                    let Some(digit) = chars.get(at).filter(|_| is_octal(at)).and_then(|c| c.to_digit(8))
                    else {
                        break;
                    };
                    code = code * 8 + digit;
                    at += 1;
                }
                text.push(char::from_u32(code).unwrap_or('\0'));
                continue;
            }
            '1'..='9' => {
                let begin = at - 1;
                if chars.get(at).is_some_and(char::is_ascii_digit) {
                    let is_code = matches!(escape, '1'..='7') && is_octal(at) && is_octal(at + 1);
                    if is_code {
                        let digits: String = chars[begin..begin + 3].iter().collect();
                        let code = u32::from_str_radix(&digits, 8).unwrap_or(0);
                        if code > 0o377 {
                            return Err(failed(format!(
                                "octal escape value \\{digits} outside of range 0-0o377 at position {}",
                                begin - 1
                            )));
                        }
                        text.push(char::from_u32(code).unwrap_or('\0'));
                        at += 2;
                        continue;
                    }
                    at += 1;
                }
                let digits: String = chars[begin..at].iter().collect();
                group(digits.parse().unwrap_or(usize::MAX), begin)?
            }
            'a' => {
                text.push('\u{7}');
                continue;
            }
            'b' => {
                text.push('\u{8}');
                continue;
            }
            'f' => {
                text.push('\u{c}');
                continue;
            }
            'n' => {
                text.push('\n');
                continue;
            }
            'r' => {
                text.push('\r');
                continue;
            }
            't' => {
                text.push('\t');
                continue;
            }
            'v' => {
                text.push('\u{b}');
                continue;
            }
            '\\' => {
                text.push('\\');
                continue;
            }
            letter if letter.is_ascii_alphabetic() => {
                return Err(failed(format!("bad escape \\{letter} at position {}", at - 2)));
            }
            other => {
                text.push('\\');
                text.push(other);
                continue;
            }
        };
        if !text.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut text)));
        }
        parts.push(part);
    }
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
    Ok(parts)
}

/// The name in `\g<name>`, and where it ends.
fn group_name(chars: &[char], at: usize) -> Result<(String, usize)> {
    if chars.get(at) != Some(&'<') {
        return Err(failed(format!("missing < at position {at}")));
    }
    let Some(length) = chars[at + 1..].iter().position(|c| *c == '>') else {
        return Err(failed(format!("missing >, unterminated name at position {}", at + 1)));
    };
    let name: String = chars[at + 1..at + 1 + length].iter().collect();
    if name.is_empty() {
        return Err(failed(format!("missing group name at position {}", at + 1)));
    }
    let is_number = name.chars().all(|c| c.is_ascii_digit());
    let is_name = name.chars().all(|c| c == '_' || c.is_alphanumeric())
        && !name.starts_with(|c: char| c.is_ascii_digit());
    if !is_number && !is_name {
        return Err(failed(format!("bad character in group name '{name}' at position {}", at + 1)));
    }
    Ok((name, at + length + 2))
}

fn regex_substring(run: &mut Run, mut args: Bound) -> Result<Value> {
    let (value, pattern, index, ignores_case) =
        (args.take(0), args.take(1), args.optional(2), args.optional(3));
    let ignores_case = flag(run, ignores_case)?;
    let text = run.text(&value)?;
    let regex = compiled(run, &pattern, ignores_case, false)?;
    let found = matches(run, &regex, &text)?;
    let index = match index {
        None => 0,
        Some(index) => index.as_int().ok_or_else(|| {
            let kind = index.type_name();
            Error::of_type(format!("list indices must be integers or slices, not {kind}"))
        })?,
    };
    let Some(at) = index_in(index, found.len()) else {
        return Err(Error::new(Class::IndexError, "list index out of range"));
    };
    let group = |index: usize| Value::str(found[at].get(index).unwrap_or(""));
    Ok(match regex.names().len() {
        1 => group(0),
        2 => group(1),
        count => Value::tuple((1..count).map(group).collect()),
    })
}
