//! Expressions that would run, grow or nest without end are refused, on the small stack of a thread.

use super::{Context, Expression, NoHost, Options};

fn class_of(text: &str) -> &'static str {
    let options = Options { limit_iterators: None, sets_to_lists: false, now: crate::clock::now() };
    match Expression::parse(text).and_then(|parsed| parsed.evaluate(&Context::root(), options, &NoHost)) {
        Ok(_) => "answered",
        Err(error) => error.class,
    }
}

#[test]
fn hostile_expressions_end_with_an_error() {
    let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    let long = format!("1{}", " + 1".repeat(5000));
    let cases = [
        "range(1000000000).sum()",
        "sequence().toList()",
        "range(1000000000).select(range(1000000000).select($)).selectMany($).len()",
        "'a' * 1000000000",
        "[1] * 1000000000",
        "pow(10, 1000000000)",
        "shiftBitsLeft(1, 1000000000)",
        "range(100000).aggregate([$1], [])",
        "range(100000).aggregate($1.select($), [1])",
        "range(100).aggregate([$1, $1], [1])",
        "range(100).aggregate($1 + $1, abc)",
        "range(100).aggregate($1 * $1, 10)",
        "range(100000).aggregate(let(x => $1), let())",
        "def(f, f($)) -> f(1)",
        "[1].cycle().toSet()",
        "1.repeat().toList()",
        &deep,
        &long,
    ];
    for case in cases {
        let class = class_of(case);
        let shown: String = case.chars().take(60).collect();
        assert_ne!(class, "answered", "{shown}");
        println!("{shown}: {class}");
    }
}
