//! Links made of the addresses in a text.

use std::{fmt::Write, sync::OnceLock};

use fancy_regex::Regex;

use super::{Filter, Table, text::int};
use crate::{
    expr::jinja::{
        args::{Bound, Signature},
        error::{Class, Error, Result},
        filters::html,
        render::Run,
        value::Value,
    },
    pytext::{is_space, repr_str},
};

pub(super) const FILTERS: Table = &[(
    "urlize",
    Filter::new(
        Signature::new(
            "do_urlize",
            1,
            &["value", "trim_url_limit", "nofollow", "target", "rel", "extra_schemes"],
        ),
        urlize,
    ),
)];

/// Words a text may have: each is matched against patterns.
const MAX_WORDS: usize = 100_000;

fn urlize(run: &mut Run, mut args: Bound) -> Result<Value> {
    let value = args.take(0);
    let limit = args.some(1).map(|limit| int(Some(limit), 0)).transpose()?;
    let nofollow = args.optional(2).map_or(Ok(false), |flag| run.is_true(&flag))?;
    let target = args.some(3);
    let rel = args.some(4);
    let schemes = match args.some(5) {
        Some(schemes) => {
            run.items(&schemes)?.iter().map(|scheme| run.text(scheme)).collect::<Result<Vec<_>>>()?
        }
        None => Vec::new(),
    };
    for scheme in &schemes {
        if !is_scheme(scheme) {
            let message = format!("{} is not a valid URI scheme prefix.", repr_str(scheme));
            return Err(Error::new(Class::FilterArgumentError, message));
        }
    }
    let mut rels: Vec<String> = match &rel {
        Some(rel) => run.text(rel)?.split_whitespace().map(ToOwned::to_owned).collect(),
        None => Vec::new(),
    };
    if nofollow {
        rels.push("nofollow".to_owned());
    }
    rels.push("noopener".to_owned());
    rels.sort();
    rels.dedup();
    let mut attributes = format!(" rel=\"{}\"", html::escape_text(&rels.join(" ")));
    if let Some(target) = target {
        _ = write!(attributes, " target=\"{}\"", html::escape(&target, run)?);
    }
    let text = html::escape(&value, run)?;
    let linker = Linker { limit, attributes, schemes: schemes.iter().map(ToString::to_string).collect() };
    let mut out = String::new();
    for (at, word) in words(&text).into_iter().enumerate() {
        if at > MAX_WORDS {
            return Err(Error::limit("the text has too many words"));
        }
        run.budget.pay_items(word.len() * 4 + 20)?;
        let linked = linker.word(word);
        run.write(&linked, &mut out)?;
    }
    Ok(run.written(out))
}

fn is_scheme(scheme: &str) -> bool {
    let Some((name, slashes)) = scheme.split_once(':') else { return false };
    matches!(slashes, "" | "/" | "//")
        && name.chars().count() >= 2
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '+' | '-'))
}

/// Words and the blanks between them, in turn.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text;
    let mut is_blank = false;
    while !rest.is_empty() {
        let end = rest.find(|c| is_space(c) != is_blank).unwrap_or(rest.len());
        words.push(&rest[..end]);
        rest = &rest[end..];
        is_blank = !is_blank;
    }
    words
}

struct Linker {
    limit: Option<i64>,
    attributes: String,
    schemes: Vec<String>,
}

impl Linker {
    fn word(&self, word: &str) -> String {
        let (head, middle) = split_head(word);
        let (middle, tail) = split_tail(middle);
        let (middle, tail) = balanced(middle, tail);
        format!("{head}{}{tail}", self.link(&middle))
    }

    fn link(&self, middle: &str) -> String {
        let attributes = &self.attributes;
        if is_http(middle) {
            let shown = self.trimmed(middle);
            let has_scheme = middle.starts_with("https://") || middle.starts_with("http://");
            let scheme = if has_scheme { "" } else { "https://" };
            return format!("<a href=\"{scheme}{middle}\"{attributes}>{shown}</a>");
        }
        if let Some(address) = middle.strip_prefix("mailto:").filter(|address| is_email(address)) {
            return format!("<a href=\"{middle}\">{address}</a>");
        }
        let looks_like_mail = middle.contains('@')
            && !middle.starts_with("www.")
            && !middle.starts_with('@')
            && !middle.contains(':');
        if looks_like_mail && is_email(middle) {
            return format!("<a href=\"mailto:{middle}\">{middle}</a>");
        }
        let known = self.schemes.iter().any(|scheme| middle != scheme && middle.starts_with(scheme.as_str()));
        if known { format!("<a href=\"{middle}\"{attributes}>{middle}</a>") } else { middle.to_owned() }
    }

    fn trimmed(&self, url: &str) -> String {
        match self.limit {
            Some(limit) if url.chars().count() as i64 > limit => {
                let kept: String = url.chars().take(limit.max(0) as usize).collect();
                format!("{kept}...")
            }
            _ => url.to_owned(),
        }
    }
}

/// Opening brackets before an address are no part of it.
fn split_head(word: &str) -> (&str, &str) {
    let mut rest = word;
    while let Some(after) = ["(", "<", "&lt;"].iter().find_map(|bracket| rest.strip_prefix(bracket)) {
        rest = after;
    }
    word.split_at(word.len() - rest.len())
}

/// Punctuation after an address is no part of it.
fn split_tail(word: &str) -> (&str, &str) {
    let mut rest = word;
    while let Some(before) =
        [")", ">", ".", ",", "\n", "&gt;"].iter().find_map(|mark| rest.strip_suffix(mark))
    {
        rest = before;
    }
    word.split_at(rest.len())
}

/// Brackets that were opened in the address are closed in it.
fn balanced(middle: &str, tail: &str) -> (String, String) {
    let (mut middle, mut tail) = (middle.to_owned(), tail.to_owned());
    for (open, close) in [("(", ")"), ("<", ">"), ("&lt;", "&gt;")] {
        let opened = middle.matches(open).count();
        if opened <= middle.matches(close).count() {
            continue;
        }
        for _ in 0..opened.min(tail.matches(close).count()) {
            let Some(at) = tail.find(close) else { break };
            let rest = tail.split_off(at + close.len());
            middle.push_str(&tail);
            tail = rest;
        }
    }
    (middle, tail)
}

fn is_http(text: &str) -> bool {
    static PATTERN: OnceLock<Option<Regex>> = OnceLock::new();
    const ADDRESS: &str = r"(?xi) ^
        (?:
            (?:https?://|www\.) (?:[\w%-]+\.)* (?:[a-z]{2,63} | xn--[\w%]{2,59})
          | (?:[\w%-]{2,63}\.)+ (?:com|net|int|edu|gov|org|info|mil)
          | https?:// (?: \d{1,3}(?:\.\d{1,3}){3} | \[(?:[\da-f]{0,4}:){2}(?:[\da-f]{0,4}:?){1,6}\] )
        )
        (?::\d{1,5})? (?:[/?\#]\S*)? $";
    matches(&PATTERN, ADDRESS, text)
}

fn is_email(text: &str) -> bool {
    static PATTERN: OnceLock<Option<Regex>> = OnceLock::new();
    matches(&PATTERN, r"^\S+@\w[\w.-]*\.\w+$", text)
}

fn matches(cell: &'static OnceLock<Option<Regex>>, pattern: &str, text: &str) -> bool {
    let regex = cell.get_or_init(|| Regex::new(pattern).ok());
    regex.as_ref().is_some_and(|regex| regex.is_match(text).unwrap_or(false))
}
