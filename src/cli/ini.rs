//! The client's configuration file: INI as Python's `ConfigParser` reads it.
//!
//! Left out: interpolation (`%(name)s`), which the Python client reads raw too, and `DEFAULT`
//! sections, which nobody writes here.

use std::fmt::Write as _;

/// A file's sections and options, in order, with their text.
#[derive(Debug, Default)]
pub(crate) struct Ini {
    lines: Vec<Line>,
}

#[derive(Debug)]
enum Line {
    Section(String),
    Option { section: String, name: String, value: String },
    Other(String),
}

impl Ini {
    /// Reads a file's text.
    ///
    /// # Errors
    /// What is wrong with it, and in which line.
    pub(crate) fn parse(text: &str) -> Result<Ini, String> {
        let mut lines: Vec<Line> = Vec::new();
        let mut section: Option<String> = None;
        for (number, raw) in text.lines().enumerate() {
            let line = raw.trim();
            if line.is_empty() || line.starts_with(['#', ';']) {
                lines.push(Line::Other(raw.to_owned()));
            } else if raw.starts_with([' ', '\t'])
                && let Some(Line::Option { value, .. }) = lines.last_mut()
            {
                // An indented line goes on with the value before it.
                value.push('\n');
                value.push_str(line);
            } else if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
                section = Some(name.0.to_owned());
                lines.push(Line::Section(name.0.to_owned()));
            } else {
                let Some(section) = &section else {
                    return Err(format!("line {}: an option before the first [section]", number + 1));
                };
                let at = line.find(['=', ':']);
                let Some(at) = at else {
                    return Err(format!("line {}: neither a [section] nor an option = value", number + 1));
                };
                lines.push(Line::Option {
                    section: section.clone(),
                    name: line[..at].trim().to_lowercase(),
                    value: line[at + 1..].trim().to_owned(),
                });
            }
        }
        Ok(Ini { lines })
    }

    /// The value of an option; the last one counts.
    pub(crate) fn get(&self, section: &str, name: &str) -> Option<&str> {
        self.lines.iter().rev().find_map(|line| match line {
            Line::Option { section: s, name: n, value } if s == section && n == name => Some(value.as_str()),
            _ => None,
        })
    }

    /// Sets an option, behind the others of its section.
    pub(crate) fn set(&mut self, section: &str, name: &str, value: &str) {
        self.remove(section, name);
        let option =
            Line::Option { section: section.to_owned(), name: name.to_owned(), value: value.to_owned() };
        let last = self.lines.iter().rposition(|line| match line {
            Line::Section(s) | Line::Option { section: s, .. } => s == section,
            Line::Other(_) => false,
        });
        if let Some(at) = last {
            self.lines.insert(at + 1, option);
        } else {
            self.lines.push(Line::Section(section.to_owned()));
            self.lines.push(option);
        }
    }

    /// Removes an option.
    pub(crate) fn remove(&mut self, section: &str, name: &str) {
        self.lines.retain(
            |line| !matches!(line, Line::Option { section: s, name: n, .. } if s == section && n == name),
        );
    }

    /// The file's text; comments stay.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for line in &self.lines {
            match line {
                Line::Section(name) => {
                    if !text.is_empty() && !text.ends_with("\n\n") {
                        text.push('\n');
                    }
                    let _ = write!(text, "[{name}]");
                }
                Line::Option { name, value, .. } => {
                    let _ = write!(text, "{name} = {}", value.replace('\n', "\n\t"));
                }
                Line::Other(raw) => text.push_str(raw),
            }
            text.push('\n');
        }
        text
    }
}

/// A yes or no as configuration files say it.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "1" | "yes" | "true" | "on" => Some(true),
        "0" | "no" | "false" | "off" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "# mine\n[general]\nBase_URL = http://st2\n\n[credentials]\nusername: ann\npassword = a%b = c\n  d\n";

    #[test]
    fn options_are_found_whatever_their_form() {
        let ini = Ini::parse(TEXT).unwrap();
        assert_eq!(ini.get("general", "base_url"), Some("http://st2"));
        assert_eq!(ini.get("credentials", "username"), Some("ann"));
        assert_eq!(ini.get("credentials", "password"), Some("a%b = c\nd"));
        assert_eq!(ini.get("api", "url"), None);
    }

    #[test]
    fn changes_keep_the_rest() {
        let mut ini = Ini::parse(TEXT).unwrap();
        ini.remove("credentials", "password");
        ini.set("credentials", "username", "bob");
        ini.set("cli", "debug", "true");
        let text = ini.text();
        assert_eq!(
            text,
            "# mine\n\n[general]\nbase_url = http://st2\n\n[credentials]\nusername = bob\n\n[cli]\ndebug = true\n"
        );
    }

    #[test]
    fn broken_files_name_the_line() {
        assert!(Ini::parse("a = b").unwrap_err().contains("line 1"));
        assert!(Ini::parse("[x]\nnothing here").unwrap_err().contains("line 2"));
    }
}
