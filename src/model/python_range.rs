//! Which versions of Python a pack asks for: the `requires_python` of its `pack.yaml`, written as in Python packages.

use std::fmt;

/// A range of versions: all of its parts hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PythonRange {
    parts: Vec<Part>,
    text: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    operator: Operator,
    version: Vec<u32>,
    /// Any version that begins so.
    is_prefix: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    Unequal,
    AtLeast,
    AtMost,
    Above,
    Below,
    /// At least this, and the same but for the last number.
    Compatible,
}

impl PythonRange {
    /// Reads a range like `>=3.9, <3.12`, or `3.9`, which means any 3.9.
    ///
    /// # Errors
    /// In words for the author of the pack.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts: Option<Vec<Part>> = text.split(',').map(|part| Part::parse(part.trim())).collect();
        let parts = parts.ok_or_else(|| {
            format!("\"{text}\" is no range of Python versions. Write it like \">=3.9, <3.12\" or \"3.9\".")
        })?;
        Ok(Self { parts, text: text.trim().to_owned() })
    }

    /// All versions.
    pub fn any() -> Self {
        Self { parts: vec![], text: String::new() }
    }

    /// Whether a version is in it.
    pub fn contains(&self, version: [u32; 3]) -> bool {
        self.parts.iter().all(|part| part.holds(version))
    }
}

impl fmt::Display for PythonRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Part {
    fn parse(text: &str) -> Option<Self> {
        const OPERATORS: [(&str, Operator); 7] = [
            ("==", Operator::Equal),
            ("!=", Operator::Unequal),
            (">=", Operator::AtLeast),
            ("<=", Operator::AtMost),
            ("~=", Operator::Compatible),
            (">", Operator::Above),
            ("<", Operator::Below),
        ];
        let given = OPERATORS.iter().find_map(|(sign, operator)| Some((text.strip_prefix(sign)?, *operator)));
        let (rest, operator) = given.unwrap_or((text, Operator::Equal));
        let rest = rest.trim();
        let (numbers, has_star) = rest.strip_suffix(".*").map_or((rest, false), |numbers| (numbers, true));
        let version: Option<Vec<u32>> = numbers
            .split('.')
            .map(|number| number.bytes().all(|byte| byte.is_ascii_digit()).then(|| number.parse().ok())?)
            .collect();
        let version = version.filter(|version| version.len() <= 3)?;
        let may_have_star = matches!(operator, Operator::Equal | Operator::Unequal);
        let is_long_enough = operator != Operator::Compatible || version.len() > 1;
        // `3.9` alone names all of them; `==3.9` is 3.9.0, as in Python packages.
        let is_prefix = has_star || (given.is_none() && version.len() < 3);
        ((may_have_star || !has_star) && is_long_enough).then_some(Self { operator, version, is_prefix })
    }

    fn holds(&self, version: [u32; 3]) -> bool {
        let mut own = [0; 3];
        own[..self.version.len()].copy_from_slice(&self.version);
        let begins = |length: usize| version[..length] == own[..length];
        match self.operator {
            Operator::Equal if self.is_prefix => begins(self.version.len()),
            Operator::Unequal if self.is_prefix => !begins(self.version.len()),
            Operator::Equal => version == own,
            Operator::Unequal => version != own,
            Operator::AtLeast => version >= own,
            Operator::AtMost => version <= own,
            Operator::Above => version > own,
            Operator::Below => version < own,
            Operator::Compatible => version >= own && begins(self.version.len() - 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_in_the_ranges_that_python_packages_would_put_them_in() {
        for (range, inside, outside) in [
            ("3.9", [3, 9, 18], [3, 10, 0]),
            ("3", [3, 13, 0], [2, 7, 18]),
            ("3.9.18", [3, 9, 18], [3, 9, 17]),
            ("==3.9", [3, 9, 0], [3, 9, 1]),
            ("==3.9.*", [3, 9, 1], [3, 8, 9]),
            ("!=3.9.*", [3, 10, 0], [3, 9, 1]),
            ("!=3.9.1", [3, 9, 0], [3, 9, 1]),
            (">=3.9, <3.12", [3, 11, 9], [3, 12, 0]),
            (">= 3.9,<=3.12", [3, 12, 0], [3, 12, 1]),
            (">3.9", [3, 9, 1], [3, 9, 0]),
            ("~=3.9", [3, 13, 0], [4, 0, 0]),
            ("~=3.9.2", [3, 9, 2], [3, 10, 0]),
        ] {
            let read = PythonRange::parse(range).unwrap();
            assert!(read.contains(inside) && !read.contains(outside), "{range}");
        }
        assert_eq!(PythonRange::parse(" >=3.9 ").unwrap().to_string(), ">=3.9");
        for wrong in
            ["", "three", ">=3.9,", "=>3.9", "3.9.1.2", ">=3.*", "~=3", "3.x", "+3.9", "3..9", "99999999999"]
        {
            let said = PythonRange::parse(wrong).unwrap_err();
            assert!(said.starts_with(&format!("\"{wrong}\" is no range of Python versions.")), "{said}");
        }
    }
}
