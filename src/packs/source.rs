//! What people write to name a pack: `<source>[=<ref>]`. Pure.
//!
//! Nothing of it ever becomes the argument of a program, and only addresses of known kinds pass: a helper of git
//! (`ext::…`) would run commands, and a word that begins with a dash would be a flag elsewhere.

use std::path::PathBuf;

/// Kinds of addresses that are fetched from.
const SCHEMES: [&str; 4] = ["https", "http", "ssh", "git"];

/// Where a pack comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The index knows it by this name.
    Index(String),
    /// A repository.
    Repository(String),
    /// A directory of this machine, a repository or not.
    Directory(PathBuf),
}

/// What is no source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{given}\" cannot be installed: {why}")]
pub struct Refused {
    given: String,
    why: String,
}

impl Source {
    /// Reads `<source>[=<ref>]`.
    ///
    /// # Errors
    /// It is no source that could be fetched from safely.
    pub fn parse(given: &str) -> Result<(Self, Option<String>), Refused> {
        let refused = |why: &str| Refused { given: given.to_owned(), why: why.to_owned() };
        // At the last one, unlike StackStorm, which cuts addresses that hold one themselves.
        let (source, reference) = match given.rsplit_once('=') {
            Some((source, reference)) => (source, Some(reference.to_owned())),
            None => (given, None),
        };
        if source.is_empty() {
            return Err(refused("it names no pack"));
        }
        if reference.as_deref().is_some_and(|reference| reference.is_empty() || !is_plain(reference)) {
            return Err(refused("what follows the = is no version, branch, tag or commit"));
        }
        if !is_plain(source) {
            return Err(refused(
                "a source does not begin with a dash and has no blanks or control characters",
            ));
        }
        Ok((Self::of(source).map_err(|why| refused(&why))?, reference))
    }

    fn of(source: &str) -> Result<Self, String> {
        if let Some(path) = source.strip_prefix("file://") {
            return directory(path);
        }
        if let Some((scheme, rest)) = source.split_once("://") {
            if !SCHEMES.contains(&scheme) {
                return Err(format!(
                    "packs are not fetched by \"{scheme}\". Use {} or file.",
                    SCHEMES.join(", ")
                ));
            }
            return with_host(rest.split('/').next().unwrap_or_default(), source.to_owned());
        }
        if source.contains("::") {
            return Err("git's remote helpers are not used, as they run commands".to_owned());
        }
        if source.starts_with('/') {
            return directory(source);
        }
        if let Some((host, path)) = source.split_once(':') {
            // git@host:path
            if !host.contains('@') || host.contains('/') || path.is_empty() {
                return Err("it is neither the name of a pack nor the address of a repository".to_owned());
            }
            if path.starts_with('-') {
                return Err("its path begins with a dash".to_owned());
            }
            // `/./` marks a path that is relative to the home directory there.
            let path = path.strip_prefix('/').map_or_else(|| format!("./{path}"), str::to_owned);
            return with_host(host, format!("ssh://{host}/{path}"));
        }
        match source.split('/').collect::<Vec<_>>().as_slice() {
            [name] if is_word(name) => Ok(Self::Index((*name).to_owned())),
            [owner, name] if is_word(owner) && is_word(name) => {
                Ok(Self::Repository(format!("https://github.com/{owner}/{name}")))
            }
            _ => Err("it is neither the name of a pack nor the address of a repository".to_owned()),
        }
    }

    /// Whether it lies on this machine.
    pub fn is_local(&self) -> bool {
        matches!(self, Self::Directory(_))
    }
}

fn directory(path: &str) -> Result<Source, String> {
    let path = PathBuf::from(path);
    if path.is_absolute() {
        Ok(Source::Directory(path))
    } else {
        Err("the path of a local directory has to be absolute, as in file:///srv/my_pack".to_owned())
    }
}

fn with_host(authority: &str, url: String) -> Result<Source, String> {
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if host.is_empty() || host.starts_with('-') || authority.starts_with('-') {
        return Err("it names no host".to_owned());
    }
    Ok(Source::Repository(url))
}

fn is_plain(text: &str) -> bool {
    !text.starts_with('-') && !text.chars().any(|c| c.is_control() || c.is_whitespace())
}

/// A name of GitHub.
fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_source_is_understood() {
        let repository = |url: &str| Source::Repository(url.to_owned());
        let table = [
            ("email", Source::Index("email".to_owned()), None),
            ("email=1.2.0", Source::Index("email".to_owned()), Some("1.2.0")),
            ("a/b", repository("https://github.com/a/b"), None),
            ("https://h/p.git=v1", repository("https://h/p.git"), Some("v1")),
            ("https://h/p?a=b=v1", repository("https://h/p?a=b"), Some("v1")),
            ("git@h:a/b.git", repository("ssh://git@h/./a/b.git"), None),
            ("git@h:/a/b.git", repository("ssh://git@h/a/b.git"), None),
            ("ssh://git@h:2222/a=main", repository("ssh://git@h:2222/a"), Some("main")),
            ("file:///srv/p=v1", Source::Directory("/srv/p".into()), Some("v1")),
            ("/srv/p", Source::Directory("/srv/p".into()), None),
        ];
        for (given, source, reference) in table {
            assert_eq!(Source::parse(given), Ok((source, reference.map(str::to_owned))), "{given}");
        }
    }

    #[test]
    fn hostile_sources_are_refused() {
        for given in [
            "",
            "=v1",
            "pack=",
            "ext::sh -c touch% /tmp/x",
            "ext::sh",
            "fd::17/foo",
            "-u",
            "--upload-pack=touch /tmp/x",
            "--upload-pack",
            "https://h/p=--upload-pack",
            "ssh://-oProxyCommand=touch/x",
            "ssh://-oProxyCommand/x=v1",
            "ssh://git@-oProxyCommand/x",
            "git@-oProxyCommand:x",
            "git@-oProxyCommand=x:y",
            "git@h:-u",
            "https://h/a b",
            "https://h/a\nb",
            "ftp://h/p",
            "file://relative/dir",
            "a/b/c",
            "../x",
            "./x",
            "https:///x",
        ] {
            assert!(Source::parse(given).is_err(), "{given:?}");
        }
    }
}
