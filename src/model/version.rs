//! Semantic versions, and the ranges packs ask for.
//!
//! As Python's `semver` reads and compares them: three numbers without leading zeros, then `-rc.1` and
//! `+build`, of which the latter does not count in comparisons.

use std::{cmp::Ordering, fmt, str::FromStr};

/// The version StackStorm clients and packs are told.
pub const STACKSTORM_VERSION: &str = "3.9.0";

/// Why a version or a range of versions cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// Not a version.
    #[error("{0} is not valid SemVer string")]
    Version(String),
    /// Not a comparison; here in Python's quotes.
    #[error(
        "match_expr parameter should be in format <op><ver>, where <op> is one of \
         ['<', '>', '==', '<=', '>=', '!=']. You provided: {0}"
    )]
    Comparison(String),
}

/// A semantic version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Major, minor and patch, as text: they may be longer than any integer.
    numbers: [String; 3],
    prerelease: Vec<String>,
    build: Option<String>,
}

impl Version {
    /// Whether a text is a version.
    pub fn is_valid(text: &str) -> bool {
        text.parse::<Self>().is_ok()
    }

    /// Compares by precedence; the build does not count.
    pub fn precedence(&self, other: &Self) -> Ordering {
        let numbers = |version: &Self| version.numbers.clone().map(|number| (number.len(), number));
        numbers(self).cmp(&numbers(other)).then_with(|| {
            match (self.prerelease.is_empty(), other.prerelease.is_empty()) {
                (true, true) => Ordering::Equal,
                // A release comes after all of its pre-releases.
                (true, false) => Ordering::Greater,
                (false, true) => Ordering::Less,
                (false, false) => self.compare_prerelease(other),
            }
        })
    }

    fn compare_prerelease(&self, other: &Self) -> Ordering {
        let pairs = self.prerelease.iter().zip(&other.prerelease);
        let first = pairs.map(|(a, b)| compare_part(a, b)).find(|order| order.is_ne());
        first.unwrap_or_else(|| self.prerelease.len().cmp(&other.prerelease.len()))
    }
}

/// Numbers by value and before words, words by their text.
fn compare_part(a: &str, b: &str) -> Ordering {
    match (is_number(a), is_number(b)) {
        (true, true) => (a.len(), a).cmp(&(b.len(), b)),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => a.cmp(b),
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit())
}

/// A number without leading zeros.
fn is_plain_number(text: &str) -> bool {
    is_number(text) && (text == "0" || !text.starts_with('0'))
}

fn is_identifier(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let read = || {
            let (rest, build) = match text.split_once('+') {
                Some((rest, build)) => (rest, Some(build)),
                None => (text, None),
            };
            if build.is_some_and(|build| !build.split('.').all(is_identifier)) {
                return None;
            }
            let (core, prerelease) = match rest.split_once('-') {
                Some((core, prerelease)) => (core, prerelease.split('.').map(str::to_owned).collect()),
                None => (rest, Vec::new()),
            };
            let fits = |part: &String| is_identifier(part) && (!is_number(part) || is_plain_number(part));
            if !prerelease.iter().all(fits) {
                return None;
            }
            let numbers: Vec<_> = core.split('.').map(str::to_owned).collect();
            let numbers: [String; 3] = numbers.try_into().ok()?;
            let build = build.map(str::to_owned);
            numbers.iter().all(|number| is_plain_number(number)).then_some(Self {
                numbers,
                prerelease,
                build,
            })
        };
        read().ok_or_else(|| VersionError::Version(text.to_owned()))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.numbers.join("."))?;
        if !self.prerelease.is_empty() {
            write!(f, "-{}", self.prerelease.join("."))?;
        }
        match &self.build {
            Some(build) => write!(f, "+{build}"),
            None => Ok(()),
        }
    }
}

/// Whether a version fits one comparison, such as `>=3.0.0`; a bare version must be equal.
pub fn matches_comparison(version: &str, comparison: &str) -> Result<bool, VersionError> {
    let version: Version = version.parse()?;
    let operators = [">=", "<=", "==", "!=", ">", "<"];
    let (operator, wanted) = match operators.iter().find_map(|op| Some((*op, comparison.strip_prefix(op)?))) {
        Some(found) => found,
        None if comparison.starts_with(|c: char| c.is_ascii_digit()) => ("==", comparison),
        None => return Err(VersionError::Comparison(quoted(comparison))),
    };
    let order = version.precedence(&wanted.parse()?);
    Ok(match operator {
        ">=" => order.is_ge(),
        "<=" => order.is_le(),
        "==" => order.is_eq(),
        "!=" => order.is_ne(),
        ">" => order.is_gt(),
        _ => order.is_lt(),
    })
}

/// Whether a version fits what a pack asks for: `all`, one comparison, or several with commas between
/// them, all of which must fit.
pub fn matches_range(version: &str, range: &str) -> Result<bool, VersionError> {
    if range == "all" {
        return Ok(true);
    }
    if !range.contains(',') {
        return matches_comparison(version, range);
    }
    for part in range.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        if !matches_comparison(version, part)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn quoted(text: &str) -> String {
    crate::pytext::repr_str(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_have_an_order() {
        let ordered = [
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "1.0.1",
            "1.2.0",
            "1.10.0",
            "2.0.0",
        ];
        for pair in ordered.windows(2) {
            let [a, b] = [pair[0], pair[1]].map(|text| text.parse::<Version>().unwrap());
            assert_eq!(a.precedence(&b), Ordering::Less, "{a} < {b}");
            assert_eq!(a.to_string(), pair[0]);
        }
        let [a, b] = ["1.0.0+a", "1.0.0+b"].map(|text| text.parse::<Version>().unwrap());
        assert_eq!(a.precedence(&b), Ordering::Equal);
    }

    #[test]
    fn only_semantic_versions_are_versions() {
        for text in
            ["", "1", "1.0", "01.0.0", "1.0.0-", "1.0.0-01", "1.0.0+", "v1.0.0", "1.0.0 ", "1.0.0-a..b"]
        {
            assert!(!Version::is_valid(text), "{text}");
        }
        assert!(Version::is_valid("1.0.0-0a.x-y+001"));
    }

    #[test]
    fn ranges_are_compared_part_by_part() {
        assert_eq!(matches_range("3.9.0", ">=3.0.0, <4.0.0,"), Ok(true));
        assert_eq!(matches_range("3.9.0-dev", "<3.9.0"), Ok(true));
        assert_eq!(matches_range("x", "all"), Ok(true));
        let fault = matches_range("3.9.0", "~3").unwrap_err().to_string();
        assert!(fault.ends_with("You provided: '~3'"), "{fault}");
    }
}
