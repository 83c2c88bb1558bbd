//! The settings as text: `st2.toml` with every default in a comment, and `st2d config show`.

use super::{Config, Loaded, Origin, registry::Key};
use std::fmt::Write;

/// Opening of `st2.toml`.
const HEAD: &str = "\
# Settings of st2d. Every line that begins with `#key =` shows a default; take the `#` away to change it.
# Looked for in: --config FILE, ./st2.toml, /etc/st2/st2.toml. The environment (ST2_<SECTION>__<KEY>) and the flags
# come after the file. `st2d config check` says what is wrong, `st2d config show` what holds and why.
";

/// The text of `st2.toml`: all settings, their comments and defaults.
pub fn example() -> String {
    let config = Config::default();
    let mut text = HEAD.to_owned();
    for key in config.top_keys() {
        text.push('\n');
        example_key(&mut text, &key);
    }
    for (name, doc, section) in config.sections() {
        let _ = write!(text, "\n\n");
        comment(&mut text, doc);
        let _ = writeln!(text, "[{name}]");
        for key in section.keys() {
            text.push('\n');
            example_key(&mut text, &key);
        }
    }
    text
}

fn example_key(text: &mut String, key: &Key) {
    comment(text, key.doc);
    let value = key.value.as_ref().map_or_else(|| "\"\"".to_owned(), ToString::to_string);
    let _ = writeln!(text, "#{} = {value}", key.name);
}

fn comment(text: &mut String, doc: &[&str]) {
    for line in doc {
        let _ = writeln!(text, "#{line}");
    }
}

/// The settings in force, each with the place it was given. A password in `database.url` is not shown.
pub fn show(loaded: &Loaded) -> String {
    let mut text = String::new();
    let file = loaded.file.as_ref().map_or_else(|| "none".to_owned(), |file| file.display().to_string());
    let _ = writeln!(text, "# file: {file}");
    for key in loaded.config.top_keys() {
        show_key(&mut text, loaded, key.name, &key);
    }
    for (name, _, section) in loaded.config.sections() {
        let _ = writeln!(text, "\n[{name}]");
        for key in section.keys() {
            show_key(&mut text, loaded, &format!("{name}.{}", key.name), &key);
        }
    }
    text
}

fn show_key(text: &mut String, loaded: &Loaded, full: &str, key: &Key) {
    let value = match &key.value {
        Some(toml::Value::String(url)) if full == "database.url" => {
            toml::Value::String(without_password(url)).to_string()
        }
        Some(value) => value.to_string(),
        None => "\"\"".to_owned(),
    };
    let _ = match loaded.origins.get(full) {
        None | Some(Origin::Default) => writeln!(text, "{} = {value}", key.name),
        Some(origin) => writeln!(text, "{} = {value}  # {origin}", key.name),
    };
}

/// A URL whose password, if any, is replaced.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let authority_end = rest.find(['/', '?']).unwrap_or(rest.len());
    match rest[..authority_end].rfind('@').map(|at| (at, rest[..at].find(':'))) {
        Some((at, Some(colon))) => format!("{scheme}://{}:********{}", &rest[..colon], &rest[at..]),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load;
    use std::path::Path;

    /// `ST2D_WRITE_EXAMPLE=1 cargo test example_file` writes it anew.
    #[test]
    fn the_example_file_in_the_repository_is_current() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("st2.toml");
        if std::env::var_os("ST2D_WRITE_EXAMPLE").is_some() {
            std::fs::write(&path, example()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), example());
    }

    #[test]
    fn the_example_holds_the_defaults_when_its_comments_are_opened() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("st2.toml");
        let opened: Vec<String> = example()
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(rest) if !rest.starts_with(' ') => rest.to_owned(),
                _ => line.to_owned(),
            })
            .collect();
        std::fs::write(&path, opened.join("\n")).unwrap();
        let loaded = load(Some(&path), [], &[]).unwrap();
        let defaults = load(Some(Path::new("/dev/null")), [], &[]).unwrap();
        assert_eq!(loaded.config, defaults.config);
        assert_eq!(loaded.origins.len(), Config::default().all_keys().len());
    }

    #[test]
    fn a_password_in_the_url_is_not_shown() {
        assert_eq!(
            without_password("postgres://me:p@ss@db/st2?x=a:b@c"),
            "postgres://me:********@db/st2?x=a:b@c"
        );
        assert_eq!(without_password("postgres://me@db/st2"), "postgres://me@db/st2");
        assert_eq!(without_password("postgres:///st2?host=/run"), "postgres:///st2?host=/run");
    }
}
