//! Upper and lower case, as Python counts them.

/// `text.capitalize()`: the first character in title case, the others in lower case.
pub(in super::super) fn capitalize(text: &str) -> String {
    if text.is_ascii() {
        let mut text = text.to_owned();
        capitalize_ascii(&mut text);
        return text;
    }
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => {
            // Lower case depends on the letters before, so the first one is lowered with the others.
            let begin: usize = first.to_lowercase().map(char::len_utf8).sum();
            title_char(first) + text.to_lowercase().get(begin..).unwrap_or_default()
        }
        None => String::new(),
    }
}

/// The same of text that is nothing but ASCII.
pub(in super::super) fn capitalize_ascii(text: &mut str) {
    text.make_ascii_lowercase();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
}

/// `text.title()`: each run of letters begins with a capital.
pub(super) fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut in_word = false;
    for (at, c) in text.char_indices() {
        if in_word {
            lower_char(text, at, c, &mut out);
        } else {
            out.push_str(&title_char(c));
        }
        in_word = is_cased(c);
    }
    out
}

/// A character in title case: upper case, but for the few with a form of their own.
fn title_char(c: char) -> String {
    match c {
        'Ǆ' | 'ǅ' | 'ǆ' => "ǅ".to_owned(),
        'Ǉ' | 'ǈ' | 'ǉ' => "ǈ".to_owned(),
        'Ǌ' | 'ǋ' | 'ǌ' => "ǋ".to_owned(),
        'Ǳ' | 'ǲ' | 'ǳ' => "ǲ".to_owned(),
        // One character becomes several: only the first of them is a capital.
        c if c.to_uppercase().len() > 1 => {
            let mut upper = c.to_uppercase();
            upper.next().into_iter().chain(upper.flat_map(char::to_lowercase)).collect()
        }
        c => c.to_uppercase().collect(),
    }
}

/// `text.swapcase()`.
pub(super) fn swap(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        if c.is_uppercase() {
            lower_char(text, at, c, &mut out);
        } else {
            out.extend(c.to_uppercase());
        }
    }
    out
}

/// A character in lower case; a sigma that ends a word has a form of its own.
fn lower_char(text: &str, at: usize, c: char, out: &mut String) {
    let ends_word = |rest: &str| !rest.chars().next().is_some_and(is_cased);
    let follows = text[..at].chars().next_back().is_some_and(is_cased);
    if c == 'Σ' && follows && ends_word(&text[at + c.len_utf8()..]) {
        out.push('ς');
    } else {
        out.extend(c.to_lowercase());
    }
}

fn is_title(c: char) -> bool {
    matches!(c, 'ǅ' | 'ǈ' | 'ǋ' | 'ǲ')
}

fn is_cased(c: char) -> bool {
    c.is_uppercase() || c.is_lowercase() || is_title(c)
}

/// `text.isupper()`: there are letters with case, and all are capitals.
pub(in super::super) fn is_upper(text: &str) -> bool {
    text.chars().any(char::is_uppercase) && !text.chars().any(|c| c.is_lowercase() || is_title(c))
}

/// `text.islower()`.
pub(in super::super) fn is_lower(text: &str) -> bool {
    text.chars().any(char::is_lowercase) && !text.chars().any(|c| c.is_uppercase() || is_title(c))
}

/// `text.istitle()`: capitals follow only what has no case, small letters only what has.
pub(super) fn is_title_text(text: &str) -> bool {
    let (mut in_word, mut found) = (false, false);
    for c in text.chars() {
        let is_capital = c.is_uppercase() || is_title(c);
        if is_capital == in_word && (is_capital || c.is_lowercase()) {
            return false;
        }
        in_word = is_cased(c);
        found |= in_word;
    }
    found
}

/// `text.casefold()`: lower case, with the letters spelt out that have no other case.
pub(super) fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            'ß' | 'ẞ' => out.push_str("ss"),
            'ς' => out.push('σ'),
            'ſ' => out.push('s'),
            // Characters that only have an upper case made of several are folded by way of it.
            c if c.is_lowercase() && c.to_uppercase().len() > 1 => {
                out.extend(c.to_uppercase().flat_map(char::to_lowercase));
            }
            c => out.extend(c.to_lowercase()),
        }
    }
    out
}
