//! One format: the regular expression it stands for, and the parameters a command gives under it.

use super::{Command, Error, anchors, command::KEY};
use crate::pytext::{
    regex,
    search::{Found, Manner, Search, TooManySteps},
};
use serde_json::{Map, Value};
use std::sync::LazyLock;

/// A hole with a default. Groups: name, and the default in double quotes, single quotes, braces, or plain.
fn with_default() -> String {
    format!(r#"{{{{{KEY}\s*=\s*(?:""|''|"(.+?)"|'(.+?)'|({{.+?}})|(.+?))\s*}}}}"#)
}

/// Holes with defaults, for their defaults; these may hold line breaks.
static DEFAULTS: LazyLock<Search> = LazyLock::new(|| pattern(&format!("(?s){}", with_default())));
/// The same with the white space before them, for replacing them.
static OPTIONAL: LazyLock<Search> = LazyLock::new(|| pattern(&format!(r"(\s*){}", with_default())));
static REQUIRED: LazyLock<Search> = LazyLock::new(|| pattern(&format!(r"(\s*){{{{{KEY}}}}}")));

/// A pattern of ours.
pub(super) fn pattern(text: &str) -> Search {
    Search::new(text).expect("our own patterns are right")
}

/// A format, ready to be matched.
#[derive(Debug)]
pub struct Format {
    text: String,
    pattern: String,
    search: Search,
    /// Holes with defaults.
    defaults: Vec<(String, String)>,
}

impl Format {
    /// Reads a format.
    ///
    /// # Errors
    /// [`Error::Broken`], [`Error::Endless`].
    pub fn compile(text: &str) -> Result<Self, Error> {
        let endless = |_: TooManySteps| Error::Endless { command: String::new(), format: text.to_owned() };
        let broken = |cause| Error::Broken { format: text.to_owned(), cause };
        let mut defaults = Vec::new();
        for hole in DEFAULTS.find_all(text).map_err(endless)? {
            let group = |index| hole.get(index).unwrap_or("");
            defaults.push((group(1).to_owned(), [group(2), group(3), group(4), group(5)].concat()));
        }
        let optional = replace(&OPTIONAL, text, |hole| format!("(?:{hole})?")).map_err(endless)?;
        let holes = replace(&REQUIRED, &optional, |hole| hole).map_err(endless)?;
        // Read before anchors are added, as flags are fine at the beginning only.
        regex::rewrite(&holes, false).map_err(broken)?;
        let found = anchors::find(&holes);
        let begin = if found.begin { "" } else { r"^\s*" };
        let end = if found.end { "" } else { r"\s*$" };
        let pattern = format!("{begin}{holes}{end}");
        let manner = Manner { dot_all: true, ..Manner::default() };
        let search = Search::of(&pattern, manner).map_err(broken)?;
        Ok(Self { text: text.to_owned(), pattern, search, defaults })
    }

    /// The regular expression it stands for, in Python's syntax.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// The parameters that a command gives.
    ///
    /// # Errors
    /// [`Error::Mismatch`], [`Error::Nothing`], [`Error::Endless`].
    pub fn extract(&self, command: &Command) -> Result<Map<String, Value>, Error> {
        let found = self.search.find(&command.padded).map_err(|_| self.endless(command))?;
        let found = found.ok_or_else(|| Error::Mismatch {
            command: command.text().to_owned(),
            format: self.text.clone(),
        })?;
        self.parameters(command, &found)
    }

    /// The parameters of every place in a command that fits; none is no error.
    ///
    /// # Errors
    /// [`Error::Nothing`], [`Error::Endless`].
    pub fn extract_all(&self, command: &Command) -> Result<Vec<Map<String, Value>>, Error> {
        let all = self.search.find_all(&command.padded).map_err(|_| self.endless(command))?;
        all.iter().map(|found| self.parameters(command, found)).collect()
    }

    fn parameters(&self, command: &Command, found: &Found<'_>) -> Result<Map<String, Value>, Error> {
        let mut parameters = Map::new();
        for (group, name) in self.search.names().iter().enumerate() {
            let Some(name) = name else { continue };
            parameters.insert(name.clone(), found.get(group).map_or(Value::Null, Value::from));
        }
        for (name, default) in &self.defaults {
            let given = parameters.get(name).and_then(Value::as_str);
            if given.is_none_or(str::is_empty) {
                parameters.insert(name.clone(), default.as_str().into());
            }
        }
        for (name, value) in &command.pairs {
            parameters.insert(name.clone(), value.as_str().into());
        }
        let says_something = parameters.values().any(|value| value.as_str().is_some_and(|it| !it.is_empty()));
        if !self.text.is_empty() && !says_something && command.padded.trim().is_empty() {
            return Err(Error::Nothing);
        }
        Ok(parameters)
    }

    fn endless(&self, command: &Command) -> Error {
        Error::Endless { command: command.text().to_owned(), format: self.text.clone() }
    }
}

/// The text with every hole replaced by the group that takes its value: in quotes, in braces, or as little as will do.
/// White space before a hole stays before the group.
fn replace(holes: &Search, text: &str, dress: impl Fn(String) -> String) -> Result<String, TooManySteps> {
    let mut out = String::new();
    let mut end = 0;
    for hole in holes.find_all(text)? {
        let group = |index| hole.get(index).unwrap_or("");
        let (space, name) = (group(1), group(2));
        out.push_str(&text[end..hole.start()]);
        out.push_str(&dress(format!(
            r#"{space}["\']?(?P<{name}>(?:(?<=\').+?(?=\')|(?<=").+?(?=")|{{.+?}}|.+?))["\']?"#
        )));
        end = hole.end();
    }
    out.push_str(&text[end..]);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn given(format: &str, command: &str) -> Value {
        let command = Command::read(command).unwrap();
        Format::compile(format).unwrap().extract(&command).map_or(Value::Null, Value::Object)
    }

    #[test]
    fn holes_take_what_stands_there_or_their_default() {
        let format = r"(run|execute) {{cmd}}( on {{hosts=localhost}})?[!.]?";
        assert_eq!(given(format, "execute uptime on web1!"), json!({"cmd": "uptime", "hosts": "web1"}));
        assert_eq!(given(format, "run uptime"), json!({"cmd": "uptime", "hosts": "localhost"}));
        assert_eq!(given("q {{a}}", "q x=1"), Value::Null);
        assert_eq!(given("say {{msg}}", "say hello\nworld"), json!({"msg": "hello\nworld"}));
    }

    #[test]
    fn a_format_that_takes_forever_is_given_up() {
        let format = Format::compile(r"((a|a|aa)+(?<=a))+ {{ x }} end").unwrap();
        let command = Command::read(&"a".repeat(60)).unwrap();
        assert!(matches!(format.extract(&command), Err(Error::Endless { .. } | Error::Mismatch { .. })));
    }
}
