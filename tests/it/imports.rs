//! Imports point down: a module uses only what stands above it in `src/lib.rs`.

use std::{collections::HashMap, fs, path::Path};

/// Modules in reading order, as `src/lib.rs` has them.
fn order() -> HashMap<String, usize> {
    let map = include_str!("../../src/lib.rs");
    map.lines()
        .filter_map(|line| line.strip_prefix("pub mod "))
        .filter_map(|rest| rest.split(';').next())
        .enumerate()
        .map(|(place, name)| (name.to_owned(), place))
        .collect()
}

fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("the source folder is there").flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("sources are UTF-8");
            found.push((path.display().to_string(), text));
        }
    }
}

#[test]
fn no_module_uses_what_stands_below_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let order = order();
    assert!(order.len() > 10, "the map in src/lib.rs was not understood");
    let mut found = Vec::new();
    sources(&root, &mut found);
    let mut upward = Vec::new();
    for (path, text) in &found {
        let relative = Path::new(path).strip_prefix(&root).expect("below src").to_owned();
        let own = relative.components().next().expect("a file").as_os_str().to_string_lossy();
        let Some(place) = order.get(own.trim_end_matches(".rs")) else { continue };
        for used in used_modules(text) {
            if order.get(used).is_some_and(|other| other > place) {
                upward.push(format!("{} uses crate::{used}", relative.display()));
            }
        }
    }
    for line in &upward {
        println!("{line}");
    }
    assert!(upward.is_empty(), "{} imports point up", upward.len());
}

/// The first words of every `crate::…` path, braces one level deep included.
fn used_modules(text: &str) -> Vec<&str> {
    let mut used = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        if let Some(inner) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut start = 0;
            for (index, letter) in inner.char_indices() {
                match letter {
                    '{' => depth += 1,
                    '}' if depth == 0 => {
                        used.push(first_word(&inner[start..index]));
                        break;
                    }
                    '}' => depth -= 1,
                    ',' if depth == 0 => {
                        used.push(first_word(&inner[start..index]));
                        start = index + 1;
                    }
                    _ => {}
                }
            }
        } else {
            used.push(first_word(rest));
        }
    }
    used
}

fn first_word(text: &str) -> &str {
    let text = text.trim_start();
    let end = text.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(text.len());
    &text[..end]
}
