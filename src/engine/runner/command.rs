//! Command lines for shells: quoting, script arguments, `sudo`, exported variables.
//!
//! Text only. What a shell runs is decided here, so everything that comes from a user is quoted here and nowhere
//! else; the command of a `cmd` parameter is the exception, as it is shell code by its nature.

use super::arguments::Arguments;
use crate::pytext;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// What stands for a password in logs.
const MASK: &str = "********";

/// Quotes a text so that a POSIX shell reads it as one word.
pub fn quote_unix(text: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if text.is_empty() {
        Cow::Borrowed("''")
    } else if text.chars().all(is_plain) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(format!("'{}'", text.replace('\'', "'\"'\"'")))
    }
}

/// Quotes a text so that a Windows program with Microsoft's C runtime reads it as one argument.
pub fn quote_windows(text: &str) -> String {
    let needs_quotes = text.is_empty() || text.contains([' ', '\t']);
    let mut quoted = String::with_capacity(text.len() + 2);
    let mut backslashes = 0;
    if needs_quotes {
        quoted.push('"');
    }
    for c in text.chars() {
        match c {
            '\\' => backslashes += 1,
            '"' => {
                // Backslashes only need doubling in front of a quotation mark.
                quoted.extend(std::iter::repeat_n('\\', backslashes * 2 + 1));
                quoted.push('"');
                backslashes = 0;
            }
            c => {
                quoted.extend(std::iter::repeat_n('\\', backslashes));
                quoted.push(c);
                backslashes = 0;
            }
        }
    }
    quoted.extend(std::iter::repeat_n('\\', backslashes));
    if needs_quotes {
        quoted.extend(std::iter::repeat_n('\\', backslashes));
        quoted.push('"');
    }
    quoted
}

/// Who a local command runs as.
#[derive(Clone, Copy, Debug)]
pub struct RunAs<'a> {
    /// The user who should run it.
    pub user: &'a str,
    /// The user who runs the daemon: no `sudo` is needed to become them.
    pub own_user: &'a str,
    /// Run it as root.
    pub sudo: bool,
    /// Given to `sudo` on its standard input.
    pub sudo_password: Option<&'a str>,
}

impl RunAs<'_> {
    /// The command line that runs `command` as this user.
    pub fn wrap<'a>(&self, command: &'a str) -> Cow<'a, str> {
        let options = sudo_options(self.sudo_password);
        if self.sudo {
            Cow::Owned(format!("sudo {options} -- bash -c {}", quote_unix(command)))
        } else if !self.user.is_empty() && self.user != self.own_user {
            let user = quote_unix(self.user);
            Cow::Owned(format!("sudo {options} -H -u {user} -- bash -c {}", quote_unix(command)))
        } else {
            Cow::Borrowed(command)
        }
    }

    /// The command line for a local script.
    pub fn wrap_script(&self, path: &str, arguments: &str) -> String {
        // Inside `bash -c` StackStorm leaves the path as it is, which splits paths with spaces. Quoting gives the
        // same text for every other path.
        let wrapped = self.wrap("");
        if wrapped.is_empty() {
            return join(&quote_unix(path), arguments);
        }
        self.wrap(&join(path, arguments)).into_owned()
    }

    /// The line as logs may show it.
    pub fn logged(&self, line: &str) -> String {
        match self.sudo_password {
            Some(password) if !password.is_empty() => format!("echo -e '{MASK}\n' | {line}"),
            _ => line.to_owned(),
        }
    }
}

/// The arguments of a script as one text: the named ones, then the positional ones.
///
/// `prefix` goes before names, usually `--`. A named argument that is null, empty or false is left out, and true is
/// the name alone.
pub fn script_arguments(arguments: &Arguments, prefix: &str) -> String {
    let mut parts = vec![];
    for (name, value) in &arguments.named {
        let name = format!("{prefix}{name}");
        match value {
            Value::Null | Value::Bool(false) => {}
            Value::String(text) if text.is_empty() => {}
            // Not quoted, unlike the others: parameter names hold no marks, but the prefix is the action's choice.
            Value::Bool(true) => parts.push(name),
            value => parts.push(format!("{}={}", quote_unix(&name), quote_unix(&pytext::str(value)))),
        }
    }
    parts.extend(arguments.positional.iter().map(|text| quote_unix(text).into_owned()));
    parts.join(" ")
}

/// A command on another host.
#[derive(Clone, Copy, Debug)]
pub struct Remote<'a> {
    /// Directory to run in.
    pub cwd: &'a str,
    /// Variables to export first.
    pub env: &'a Map<String, Value>,
    /// Run it as root.
    pub sudo: bool,
    /// Given to `sudo` by a pipe on that host.
    pub sudo_password: Option<&'a str>,
}

/// Where a script is put on another host.
///
/// The name is quoted here already, and the path again in the command: so the file itself gets the quotes. Odd, but
/// both sides agree, and plain names stay plain.
pub fn remote_script_path(directory: &str, name: &str) -> String {
    format!("{}/{}", directory.trim_end_matches('/'), quote_unix(name))
}

/// A variable is no text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected string or bytes-like object, got '{0}'")]
pub struct NotText(&'static str);

impl Remote<'_> {
    /// The line for a command, which is shell code and stays as it is; so does `cwd` here.
    ///
    /// # Errors
    /// A variable is no text.
    pub fn command(&self, command: &str) -> Result<String, NotText> {
        self.line(self.cwd, command)
    }

    /// The line for a script that was copied to `path`.
    ///
    /// # Errors
    /// A variable is no text.
    pub fn script(&self, path: &str, arguments: &str) -> Result<String, NotText> {
        self.line(&quote_unix(self.cwd), &join(&quote_unix(path), arguments))
    }

    fn line(&self, cwd: &str, command: &str) -> Result<String, NotText> {
        let exports = self.exports()?;
        let inner = if exports.is_empty() {
            format!("cd {cwd} && {command}")
        } else {
            format!("{exports} && cd {cwd} && {command}")
        };
        if !self.sudo {
            return Ok(inner);
        }
        let line = format!("sudo {} -- bash -c {}", sudo_options(self.sudo_password), quote_unix(&inner));
        Ok(match password(self.sudo_password) {
            // The password is on a command line here; at least no shell history keeps it.
            Some(password) => {
                format!("set +o history ; echo -e {} | {line}", quote_unix(&format!("{password}\n")))
            }
            None => line,
        })
    }

    fn exports(&self) -> Result<String, NotText> {
        let mut variables = vec![];
        for (name, value) in self.env {
            let Value::String(value) = value else { return Err(NotText(pytext::type_name(value))) };
            variables.push((name.as_str(), value.as_str()));
        }
        if variables.is_empty() {
            return Ok(String::new());
        }
        if self.sudo && password(self.sudo_password).is_some() {
            variables.retain(|(name, _)| !["HISTFILE", "HISTSIZE"].contains(name));
            variables.extend([("HISTFILE", "/dev/null"), ("HISTSIZE", "0")]);
        }
        variables.sort_unstable();
        let pairs: Vec<_> = variables
            .iter()
            .map(|(name, value)| format!("{}={}", quote_unix(name), quote_unix(value)))
            .collect();
        Ok(format!("export {}", pairs.join(" ")))
    }
}

fn password(password: Option<&str>) -> Option<&str> {
    password.filter(|password| !password.is_empty())
}

fn sudo_options(sudo_password: Option<&str>) -> &'static str {
    // -E keeps the variables of the execution; -S reads the password from standard input.
    if password(sudo_password).is_some() { "-S -E" } else { "-E" }
}

fn join(command: &str, arguments: &str) -> String {
    if arguments.is_empty() { command.to_owned() } else { format!("{command} {arguments}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_windows_double_backslashes_before_quotation_marks_only() {
        assert_eq!(quote_windows(r"a\b"), r"a\b");
        assert_eq!(quote_windows(r"a b\"), r#""a b\\""#);
        assert_eq!(quote_windows(r#"a\"b"#), r#"a\\\"b"#);
    }

    #[test]
    fn an_empty_password_is_none() {
        let root = RunAs { user: "x", own_user: "x", sudo: true, sudo_password: Some("") };
        assert_eq!(root.wrap("date"), "sudo -E -- bash -c date");
        assert_eq!(root.logged("x"), "x");
    }
}
