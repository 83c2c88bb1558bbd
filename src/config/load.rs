//! Reading the layers: file, environment, flags, each over the one before.

use super::{Config, Origin, Problem, Problems, Refused, check, problem::nearest, setting::Input};
use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
};
use toml::{Value, de::DeTable};

/// Where the file is looked for when none is named.
const USUAL_FILES: [&str; 2] = ["st2.toml", "/etc/st2/st2.toml"];

/// A setting given on the command line.
#[derive(Clone, Debug)]
pub struct Flag {
    /// The flag, for messages.
    pub name: &'static str,
    /// What it sets: `section.key`, or a key above all sections.
    pub key: &'static str,
    /// Its value.
    pub value: String,
}

/// The settings and where each was given.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings, with the defaults that depend on the system filled in.
    pub config: Config,
    /// The file that was read.
    pub file: Option<PathBuf>,
    /// Where each setting that is not a default was given, by `section.key`.
    pub origins: BTreeMap<String, Origin>,
}

/// Reads and checks the settings. `file` is the file named by the user: it must exist.
pub fn load(
    file: Option<&Path>,
    env: impl IntoIterator<Item = (OsString, OsString)>,
    flags: &[Flag],
) -> Result<Loaded, Problems> {
    let mut loading = Loading { config: Config::default(), origins: BTreeMap::new(), problems: Vec::new() };
    let file =
        file.map(Path::to_owned).or_else(|| USUAL_FILES.iter().map(PathBuf::from).find(|path| path.exists()));
    if let Some(file) = &file {
        loading.read_file(file);
    }
    loading.read_env(env);
    for flag in flags {
        let (section, key) = split(flag.key);
        loading.set(section, key, Input::Text(&flag.value), Origin::Flag(flag.name));
    }
    check::check(&mut loading.config, &loading.origins, &mut loading.problems);
    if loading.problems.is_empty() {
        Ok(Loaded { config: loading.config, file, origins: loading.origins })
    } else {
        Err(Problems(loading.problems))
    }
}

struct Loading {
    config: Config,
    origins: BTreeMap<String, Origin>,
    problems: Vec<Problem>,
}

impl Loading {
    fn read_file(&mut self, path: &Path) {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                let text = format!("could not be read: {error}");
                return self.problem(Origin::File(path.to_owned(), 1), text);
            }
        };
        let line = |start: usize| {
            // Counted from one: the line that holds `start` follows as many ends of lines as there are before it.
            let before = text.get(..start).unwrap_or(&text);
            Origin::File(path.to_owned(), before.matches('\n').count() + 1)
        };
        // Twice, because each way of reading keeps only half of what we need: the values, and their places.
        let (values, places) = match (toml::from_str::<toml::Table>(&text), DeTable::parse(&text)) {
            (Ok(values), Ok(places)) => (values, places.into_inner()),
            (Err(error), _) | (_, Err(error)) => {
                let start = error.span().map_or(0, |span| span.start);
                return self.problem(line(start), format!("not valid TOML: {}", error.message()));
            }
        };
        let base = std::path::absolute(path).ok().and_then(|path| path.parent().map(Path::to_owned));
        let base = base.unwrap_or_default();
        for (name, place) in &places {
            let (name, start) = (name.get_ref().as_ref(), name.span().start);
            let value = &values[name];
            match (value, place.get_ref().as_table()) {
                (Value::Table(section), Some(keys)) => {
                    if self.config.section_mut(name).is_none() {
                        self.unknown_section(name, line(start));
                        continue;
                    }
                    for key in keys.keys() {
                        let origin = line(key.span().start);
                        let key = key.get_ref().as_ref();
                        self.set(Some(name), key, Input::Toml(&section[key], &base), origin);
                    }
                }
                _ => self.set(None, name, Input::Toml(value, &base), line(start)),
            }
        }
    }

    /// Reads `ST2_<SECTION>__<KEY>`, and `ST2_<KEY>` for what stands above all sections. Other variables that begin
    /// with `ST2_` belong to the client or to actions.
    fn read_env(&mut self, env: impl IntoIterator<Item = (OsString, OsString)>) {
        let mut variables: Vec<(String, OsString)> = env
            .into_iter()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .filter(|(name, _)| name.starts_with("ST2_"))
            .collect();
        variables.sort();
        for (name, value) in variables {
            let rest = name["ST2_".len()..].to_ascii_lowercase();
            let (section, key) = match rest.split_once("__") {
                // StackStorm's name for what stands above all sections.
                Some(("default", key)) => (None, key),
                Some((section, key)) => (Some(section), key),
                None if self.config.top_keys().iter().any(|key| key.name == rest) => (None, rest.as_str()),
                None => continue,
            };
            let origin = Origin::Env(name.clone());
            let Some(value) = value.to_str() else {
                self.problem(origin, "is not valid UTF-8".to_owned());
                continue;
            };
            if let Some(section) = section
                && self.config.section_mut(section).is_none()
            {
                self.unknown_section(section, origin);
                continue;
            }
            self.set(section, key, Input::Text(value), origin);
        }
    }

    fn set(&mut self, section: Option<&str>, key: &str, input: Input<'_>, origin: Origin) {
        let full = section.map_or_else(|| key.to_owned(), |section| format!("{section}.{key}"));
        match self.config.set(section, key, input) {
            Ok(()) => {
                self.origins.insert(full, origin);
            }
            Err(Refused::Kind(kind)) => {
                self.problem(origin, format!("`{full}` is {}, expected {kind}", describe(input)));
            }
            Err(Refused::Unknown) => self.unknown_key(section, key, &full, origin),
        }
    }

    fn unknown_key(&mut self, section: Option<&str>, key: &str, full: &str, origin: Origin) {
        let all = self.config.all_keys();
        let siblings: Vec<&str> = match section {
            Some(section) => {
                all.iter().filter_map(|name| name.strip_prefix(section)?.strip_prefix('.')).collect()
            }
            None => all.iter().map(String::as_str).filter(|name| !name.contains('.')).collect(),
        };
        // A near miss within the section, else the same key where it does exist.
        let meant = nearest(key, siblings.iter().copied())
            .map(|near| section.map_or_else(|| near.to_owned(), |section| format!("{section}.{near}")))
            .or_else(|| all.iter().find(|name| split(name).1 == key).cloned());
        let meant = meant.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
        let allowed = match section {
            Some(section) => format!("[{section}] has: {}", siblings.join(", ")),
            None => {
                format!("allowed here: {}, and the sections {}", siblings.join(", "), self.section_names())
            }
        };
        self.problem(origin, format!("unknown key `{full}`{meant} ({allowed})"));
    }

    fn unknown_section(&mut self, name: &str, origin: Origin) {
        let known: Vec<&str> = self.config.sections().into_iter().map(|(name, ..)| name).collect();
        let meant = nearest(name, known).map(|near| format!("; did you mean [{near}]?")).unwrap_or_default();
        let text = format!("unknown section [{name}]{meant} (there are: {})", self.section_names());
        self.problem(origin, text);
    }

    fn section_names(&self) -> String {
        let names: Vec<&str> = self.config.sections().into_iter().map(|(name, ..)| name).collect();
        names.join(", ")
    }

    fn problem(&mut self, origin: Origin, text: String) {
        self.problems.push(Problem { origin, text });
    }
}

/// `section.key` apart.
fn split(full: &str) -> (Option<&str>, &str) {
    match full.split_once('.') {
        Some((section, key)) => (Some(section), key),
        None => (None, full),
    }
}

/// The value in a message.
fn describe(input: Input<'_>) -> String {
    match input {
        Input::Text(text) => format!("\"{text}\""),
        Input::Toml(Value::String(text), _) => format!("the text \"{text}\""),
        Input::Toml(Value::Table(_), _) => "a table".to_owned(),
        Input::Toml(value, _) => value.to_string(),
    }
}
