//! Versions, as Python's `semver` 3 compares and bumps them.

use std::cmp::Ordering;

use num_bigint::BigUint;

use super::{Filter, Table};
use crate::{
    expr::jinja::{
        args::{Bound, Signature},
        error::{Error, Result},
        render::Run,
        value::Value,
    },
    pytext,
};

const fn pair(name: &'static str) -> Signature {
    Signature::new(name, 2, &["value", "pattern"])
}

const fn single(name: &'static str) -> Signature {
    Signature::new(name, 1, &["value"])
}

pub(super) const FILTERS: Table = &[
    (
        "version_compare",
        Filter::new(pair("version_compare"), |run, args| {
            Ok(Value::Int(match compare(run, args)? {
                Ordering::Less => -1,
                Ordering::Equal => 0,
                Ordering::Greater => 1,
            }))
        }),
    ),
    (
        "version_more_than",
        Filter::new(pair("version_more_than"), |run, args| Ok(Value::Bool(compare(run, args)?.is_gt()))),
    ),
    (
        "version_less_than",
        Filter::new(pair("version_less_than"), |run, args| Ok(Value::Bool(compare(run, args)?.is_lt()))),
    ),
    (
        "version_equal",
        Filter::new(pair("version_equal"), |run, args| Ok(Value::Bool(compare(run, args)?.is_eq()))),
    ),
    ("version_match", Filter::new(pair("version_match"), matches)),
    (
        "version_bump_major",
        Filter::new(single("version_bump_major"), |run, mut args| {
            let version = Version::of(&args.take(0), run)?;
            Ok(Value::str(format!("{}.0.0", version.major + 1u32)))
        }),
    ),
    (
        "version_bump_minor",
        Filter::new(single("version_bump_minor"), |run, mut args| {
            let version = Version::of(&args.take(0), run)?;
            Ok(Value::str(format!("{}.{}.0", version.major, version.minor + 1u32)))
        }),
    ),
    (
        "version_bump_patch",
        Filter::new(single("version_bump_patch"), |run, mut args| {
            let version = Version::of(&args.take(0), run)?;
            Ok(Value::str(format!("{}.{}.{}", version.major, version.minor, version.patch + 1u32)))
        }),
    ),
    (
        "version_strip_patch",
        Filter::new(single("version_strip_patch"), |run, mut args| {
            let version = Version::of(&args.take(0), run)?;
            Ok(Value::str(format!("{}.{}", version.major, version.minor)))
        }),
    ),
];

/// A version; what is built from it does not count when versions are compared.
struct Version {
    major: BigUint,
    minor: BigUint,
    patch: BigUint,
    prerelease: Option<String>,
}

impl Version {
    fn of(value: &Value, run: &mut Run) -> Result<Self> {
        let Some(text) = value.as_str() else {
            // Also one that is not defined: only its class is looked at.
            let module = if value.is_undefined() { "jinja2.runtime." } else { "" };
            let kind = value.type_name();
            return Err(Error::of_type(format!("not expecting type '<class '{module}{kind}'>'")));
        };
        run.budget.pay_items(text.len())?;
        Self::parse(text).ok_or_else(|| Error::of_value(format!("{text} is not valid SemVer string")))
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.strip_suffix('\n').unwrap_or(text);
        let (rest, build) = text.split_once('+').map_or((text, None), |(rest, build)| (rest, Some(build)));
        let (core, prerelease) = rest.split_once('-').map_or((rest, None), |(core, part)| (core, Some(part)));
        let is_word = |word: &str| {
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if build.is_some_and(|build| !build.split('.').all(is_word)) {
            return None;
        }
        let has_number_form = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
        let fits = |word: &str| is_word(word) && (!has_number_form(word) || number(word).is_some());
        if prerelease.is_some_and(|part| !part.split('.').all(fits)) {
            return None;
        }
        let mut numbers = core.split('.').map(number);
        let version = Self {
            major: numbers.next()??,
            minor: numbers.next()??,
            patch: numbers.next()??,
            prerelease: prerelease.map(ToOwned::to_owned),
        };
        numbers.next().is_none().then_some(version)
    }

    fn order(&self, other: &Self) -> Ordering {
        let numbers = |version: &Self| (version.major.clone(), version.minor.clone(), version.patch.clone());
        numbers(self).cmp(&numbers(other)).then_with(|| match (&self.prerelease, &other.prerelease) {
            (None, None) => Ordering::Equal,
            // A version comes after everything before it.
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(a), Some(b)) => order_parts(a, b),
        })
    }
}

/// A number without zeros in front.
fn number(text: &str) -> Option<BigUint> {
    let is_clean = text == "0" || (!text.starts_with('0') && !text.is_empty());
    (is_clean && text.len() <= 4300 && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| BigUint::parse_bytes(text.as_bytes(), 10))
        .flatten()
}

fn order_parts(a: &str, b: &str) -> Ordering {
    for (a, b) in a.split('.').zip(b.split('.')) {
        let order = match (number(a), number(b)) {
            (Some(a), Some(b)) => a.cmp(&b),
            // Numbers come before words.
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => a.cmp(b),
        };
        if order.is_ne() {
            return order;
        }
    }
    a.split('.').count().cmp(&b.split('.').count())
}

fn compare(run: &mut Run, mut args: Bound) -> Result<Ordering> {
    let (value, other) = (args.take(0), args.take(1));
    let version = Version::of(&value, run)?;
    if other.as_str().is_none() && !other.is_undefined() {
        let kind = other.type_name();
        return Err(Error::of_type(format!(
            "Expected str, bytes, dict, tuple, list, or Version instance, but got <class '{kind}'>"
        )));
    }
    Ok(version.order(&Version::of(&other, run)?))
}

fn matches(run: &mut Run, mut args: Bound) -> Result<Value> {
    let (value, expression) = (args.take(0), args.take(1));
    let version = Version::of(&value, run)?;
    let Some(text) = expression.as_str() else {
        if let Value::Undefined(undefined) = &expression {
            return Err(undefined.error());
        }
        let kind = expression.type_name();
        return Err(Error::of_type(format!("'{kind}' object is not subscriptable")));
    };
    type Fits = fn(Ordering) -> bool;
    let operators: [(&str, Fits); 6] = [
        (">=", Ordering::is_ge),
        ("<=", Ordering::is_le),
        ("==", Ordering::is_eq),
        ("!=", Ordering::is_ne),
        (">", Ordering::is_gt),
        ("<", Ordering::is_lt),
    ];
    let found = operators.iter().find_map(|(operator, fits)| Some((text.strip_prefix(operator)?, *fits)));
    let is_bare = text.starts_with(|c: char| c.is_ascii_digit());
    let (other, fits) = match found {
        Some(found) => found,
        None if is_bare => (text, Ordering::is_eq as Fits),
        None => {
            return Err(Error::of_value(format!(
                "match_expr parameter should be in format <op><ver>, where <op> is one of ['<', '>', '==', '<=', \
                 '>=', '!=']. You provided: {}",
                pytext::repr_str(text)
            )));
        }
    };
    let other = Version::of(&Value::str(other), run)?;
    Ok(Value::Bool(fits(version.order(&other))))
}
