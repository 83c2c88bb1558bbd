//! Patterns that would search for hours, in expressions and in formats of chat commands: they end, and say so.

use crate::support::evil;
use serde_json::json;
use st2d::{
    alias,
    expr::{jinja, yaql},
};

/// A fifth of them: every search, and every shape.
fn evil() -> impl Iterator<Item = String> {
    let all = evil::patterns().into_iter().enumerate();
    all.filter(|(at, _)| at / evil::SHAPES % evil::SHAPES == at % evil::SHAPES).map(|(_, pattern)| pattern)
}

const GIVEN_UP: &str = "the regular expression takes too many steps on this value";

#[test]
fn templates_give_evil_patterns_up() {
    let text = "a".repeat(20_000);
    let mut given_up = 0;
    for pattern in evil() {
        let data = jinja::to_value(&json!({"t": text, "p": pattern}));
        for template in ["{{ t | regex_replace(p, 'x') == t }}", "{{ t | regex_search(p) }}"] {
            let rendered = jinja::Template::parse(template).unwrap().render(&data);
            match rendered {
                Ok(answer) => assert_eq!(answer == "True", template.contains("=="), "{pattern}"),
                Err(error) if error.to_string() == GIVEN_UP => given_up += 1,
                Err(error) => assert!(error.to_string().contains("open group"), "{pattern}: {error}"),
            }
        }
    }
    assert!((10..30).contains(&given_up), "{given_up}");
}

#[test]
fn queries_give_evil_patterns_up() {
    let text = "a".repeat(20_000);
    let mut given_up = 0;
    for pattern in evil() {
        for query in ["regex($.p).replace($.t, x) = $.t", "regex($.p).searchAll($.t).len() = 0"] {
            let context = yaql::Context::root();
            context.set("$", yaql::from_json(&json!({"t": text, "p": pattern})).unwrap()).unwrap();
            let options =
                yaql::Options { limit_iterators: None, sets_to_lists: false, now: st2d::clock::now() };
            let answer = yaql::Expression::parse(query).unwrap().evaluate(&context, options, &yaql::NoHost);
            match answer {
                Ok(answer) => assert!(matches!(answer, yaql::Value::Bool(true)), "{pattern}"),
                Err(error) if error.message == GIVEN_UP => given_up += 1,
                Err(error) => assert!(error.message.contains("open group"), "{pattern}: {error}"),
            }
        }
    }
    assert!((10..30).contains(&given_up), "{given_up}");
}

#[test]
fn commands_of_chats_are_not_held_against_evil_formats_for_ever() {
    let command = alias::Command::read(&"a".repeat(20_000)).unwrap();
    let (mut mismatches, mut given_up) = (0, 0);
    for pattern in evil() {
        let Ok(format) = alias::Format::compile(&pattern) else { continue };
        match format.extract(&command) {
            Err(alias::Error::Mismatch { .. }) => mismatches += 1,
            Err(alias::Error::Endless { .. }) => given_up += 1,
            other => assert!(other.is_ok(), "{pattern}: {other:?}"),
        }
    }
    assert!(mismatches > 3 && given_up > 3, "{mismatches} do not fit, {given_up} given up");
}
