//! What a pack may be called, which versions it may have, and where it may come from.

use std::sync::LazyLock;

use fancy_regex::Regex;

/// Where packs given as `owner/name` are looked for.
const SHORT_SOURCE: &str = "https://github.com/";

/// Whether a text can be the `ref` of a pack: small letters, digits and underscores.
pub fn is_pack_ref(text: &str) -> bool {
    let text = without_line_end(text);
    !text.is_empty() && text.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_')
}

/// Whether a text can be the version of a pack: semantic, small letters only, zeros allowed in front of
/// the numbers of a pre-release.
pub fn is_pack_version(text: &str) -> bool {
    static FORM: LazyLock<Regex> = LazyLock::new(|| {
        let number = r"(?:0|[1-9]\d*)";
        let parts = r"[\da-z\-]+(?:\.[\da-z\-]+)*";
        form(&format!(r"{number}\.{number}\.{number}(?:-{parts})?(?:\+{parts})?"))
    });
    matches(&FORM, text)
}

/// Whether a text can be the range of StackStorm versions a pack asks for.
pub fn is_version_range(text: &str) -> bool {
    static FORM: LazyLock<Regex> =
        LazyLock::new(|| form(r"(?:(?:>?>|>=|=|<=|<?<)\s*[0-9]+\.[0-9]+\.[0-9]+(?:\s*,)?\s*)+"));
    matches(&FORM, text)
}

fn form(pattern: &str) -> Regex {
    Regex::new(&format!("^(?:{pattern})$")).expect("the pattern is our own")
}

fn matches(form: &Regex, text: &str) -> bool {
    form.is_match(without_line_end(text)).unwrap_or(false)
}

/// Python's `$` also matches before a line break at the very end.
fn without_line_end(text: &str) -> &str {
    text.strip_suffix('\n').unwrap_or(text)
}

/// A pack's version with three numbers, where it was given two: YAML reads `0.1` as a number.
pub fn full_version(version: &str) -> String {
    if version.matches('.').count() == 1 { format!("{version}.0") } else { version.to_owned() }
}

/// The address of a pack's repository: `owner/name` is short for one at GitHub.
///
/// `None` for an empty one.
pub fn repository_url(source: &str) -> Option<String> {
    if source.is_empty() {
        return None;
    }
    let with_user = source.contains("git@") || source.contains("gitlab@");
    let short = !source.starts_with("file://") && source.matches('/').count() == 1 && !with_user;
    Some(if short { format!("{SHORT_SOURCE}{source}") } else { source.to_owned() })
}

/// What to say of a pack that only runs on Python 2.
pub fn python_warning(name: &str, python_versions: &[&str]) -> Option<String> {
    (python_versions == ["2"]).then(|| {
        format!(
            "DEPRECATION WARNING: Pack {name} only supports Python 2.x. Python 2 support has been removed since st2 \
             v3.4.0. Please update your packs to work with Python 3.x"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_versions_have_their_forms() {
        assert!(is_pack_ref("ok_1") && is_pack_ref("ok\n"));
        assert!(!is_pack_ref("") && !is_pack_ref("Ok") && !is_pack_ref("a-b") && !is_pack_ref("a\n\n"));
        assert!(is_pack_version("1.0.0-01.x+b") && !is_pack_version("1.0.0-RC1") && !is_pack_version("1.0"));
        assert!(is_version_range(">=1.8.0, <2.2.0") && is_version_range("> 1.8.0"));
        assert!(!is_version_range("1.8.0") && !is_version_range("==1.8.0"));
        assert_eq!(full_version("0.1"), "0.1.0");
        assert_eq!(full_version("1"), "1");
    }

    #[test]
    fn short_sources_are_repositories_at_github() {
        assert_eq!(repository_url("a/b").as_deref(), Some("https://github.com/a/b"));
        for source in ["core", "a/b/c", "git@github.com:a/b.git", "file://relative"] {
            assert_eq!(repository_url(source).as_deref(), Some(source));
        }
        assert_eq!(repository_url(""), None);
    }
}
