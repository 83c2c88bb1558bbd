//! Patterns that would search for hours.

/// How many patterns there are of each search.
pub(crate) const SHAPES: usize = 5;

/// Twenty ways to search for ever, each in five shapes.
pub(crate) fn patterns() -> Vec<String> {
    let cores = [
        "(a+)+",
        "(a*)*",
        "(a|a)*",
        "(a|aa)+",
        "([a-z]+)*",
        "(a?){30}a{30}",
        "(.*)*",
        "(a+a+)+",
        "(\\w+\\s?)+",
        "(.*?,){20}",
        "^(([a-z])+.)+[A-Z]([a-z])+",
        "(x+x+)+y",
        "(?:a|b|ab)*c",
        "((a+)*)+",
        "(?=(a+))\\1+b",
        "(a+)+\\1",
        "(?<!b)(a+)+",
        "(a{1,10}){1,10}",
        "(\\d|\\w)*!",
        "(a|[^b]|\\w)*z",
    ];
    let shapes = |core: &str| -> [String; SHAPES] {
        [
            format!("{core}$!"),
            format!("^{core}!$"),
            format!("{core}[^a]{core}"),
            format!("({core})\\1!"),
            format!("(?:{core})(?=!)"),
        ]
    };
    cores.into_iter().flat_map(shapes).collect()
}
