//! Keys that a template names plainly, so that they can be read in one query before it is rendered.
//!
//! It reads text, not the language: a name in a comment counts, one that is put together does not. The first costs
//! nothing, the second a query of its own later.

use crate::model::KeyName;

/// What templates call the datastore.
const ROOT: &str = "st2kv";

/// The keys `text` names, as `user` sees them. `st2kv.system.a.b` asks for `a` and then for `a.b`.
pub(super) fn keys(text: &str, user: &str) -> Vec<KeyName> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices(ROOT) {
        let mut steps = Steps(&text[at + ROOT.len()..]);
        let owner = match steps.next() {
            Some("system") => "",
            Some("user") => user,
            _ => continue,
        };
        let mut name = String::new();
        for step in steps {
            if !name.is_empty() {
                name.push('.');
            }
            name.push_str(step);
            found.push(KeyName::user(owner, name.clone()));
        }
    }
    found
}

/// The names behind a name: `.a`, `['a']` and `["a"]`.
struct Steps<'a>(&'a str);

impl<'a> Iterator for Steps<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.0;
        let (step, rest) = if let Some(rest) = rest.strip_prefix('.') {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            rest.split_at(end)
        } else {
            let rest = rest.strip_prefix('[')?.trim_start();
            let quote = rest.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
            let (step, rest) = rest[1..].split_once(quote)?;
            (step, rest.trim_start().strip_prefix(']')?)
        };
        self.0 = rest;
        Some(step).filter(|step| !step.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        keys(text, "ann").iter().map(KeyName::reference).collect()
    }

    #[test]
    fn plain_names_are_seen() {
        assert_eq!(
            names("{{ st2kv.system.a.b_1 | upper }} {{st2kv['user'][ \"x y\" ].z}}"),
            ["a", "a.b_1", "ann:x y", "ann:x y.z"]
        );
        assert_eq!(
            names("st2kv.system['it'] st2kv.system['un' st2kv.other.x st2kv.system[name] st2kv.user. st2kv"),
            ["it"]
        );
    }
}
