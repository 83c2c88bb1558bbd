//! Templates that mean harm: each ends with an error, soon, and without taking the process with it.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use proptest::prelude::*;
use serde_json::json;

use super::{Class, Error, Template, to_value};

/// How long a hostile template may keep a thread busy.
///
/// Steps are what is limited; the time they take depends on how the program was built.
const PATIENCE: Duration =
    if cfg!(debug_assertions) { Duration::from_secs(8) } else { Duration::from_millis(200) };

fn render(template: &str) -> Result<String, Error> {
    let deep = (0..90).fold(json!("x"), |inner, _| json!([inner]));
    let context = json!({"l": (0..1000).collect::<Vec<_>>(), "a": "a".repeat(10_000), "deep": deep});
    Template::parse(template)?.render(&to_value(&context))
}

fn ends_in_time(template: &str) -> Result<String, Error> {
    // Processor time: how busy the machine is otherwise tells nothing.
    let now = || Duration::from(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap());
    let begun = now();
    let outcome = render(template);
    let took = now().saturating_sub(begun);
    assert!(took < PATIENCE, "{template:.80} took {took:?}");
    outcome
}

#[test]
fn templates_that_do_too_much_are_stopped() {
    for template in [
        "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
        "{% for a in range(100000) %}{% for b in l %}{{ b }}{% endfor %}{% endfor %}",
        "{{ 'x' * 10 ** 9 }}",
        "{{ [0] * 10 ** 9 }}",
        "{{ (l * 10000)|length }}",
        "{{ 'x'.center(10 ** 9) }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ '{:1000000000}'.format(1) }}",
        "{{ '%*d' % (10 ** 9, 1) }}",
        "{{ 'x'|center(10 ** 9) }}",
        "{{ 'x\ny'|indent(10 ** 9) }}",
        "{{ l|tojson(10 ** 9) }}",
        "{{ l|to_json_string(indent=10 ** 9) }}",
        "{{ l|batch(10 ** 9, 'x')|list }}",
        "{{ l|slice(10 ** 9)|list }}",
        "{{ lipsum(10 ** 9) }}",
        "{{ 10 ** (10 ** 9) }}",
        "{{ 9 ** (9 ** 9) }}",
        "{% set ns = namespace(x=7) %}{% for i in range(1000) %}{% set ns.x = ns.x * ns.x %}{% endfor %}{{ ns.x }}",
        "{% set ns = namespace(x='x') %}{% for i in range(1000) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
        "{% set ns = namespace(x=l) %}{% for i in range(1000) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
        "{% set x = [0] %}{% for i in x %}{% set _ = x.append(i) %}{% endfor %}",
        "{% for i in range(100000) %}{{ a.replace('a', a) }}{% endfor %}",
        "{{ a.replace('a', a) }}",
        "{{ a.join(l|map('string')|list * 1000) }}",
        "{% for i in range(100000) %}{{ l|sort|join }}{% endfor %}",
        "{% for i in range(100000) %}{% if l == l|list %}{% endif %}{% endfor %}",
        "{% for i in range(100000) %}{% if a == a ~ '' %}{% endif %}{{ a[-1] }}{{ a|length }}{% endfor %}",
        "{% for i in range(100000) %}{{ {a: 1}[a ~ ''] }}{% endfor %}",
        "{% for i in range(100000) %}{{ a.split('a')|length }}{% endfor %}",
        "{% for i in range(100000) %}{% set x = a ~ i %}{{ x.upper() }}{% endfor %}",
        "{% for i in range(100000) %}{{ a|regex_search('(a*)*$') }}{% endfor %}",
        "{{ a|regex_search('(a|aa)+$b') }}",
        "{{ (a ~ '!')|regex_match('^(a|a|aa)+(?<=a)$') }}{{ (a ~ '!')|regex_match('^((a+)+)+\\\\1$') }}",
        "{% for i in range(100000) %}{{ (a ~ i)|regex_replace('(?=(a+))\\\\1b', '') }}{% endfor %}",
        "{% for i in range(100000) %}{{ deep|jsonpath_query('$..*..*..[*]..[*]') }}{% endfor %}",
        "{% for i in range(100000) %}{{ l|to_yaml_string|from_yaml_string|length }}{% endfor %}",
        "{% for i in range(100000) %}{{ l|pprint }}{% endfor %}",
        "{% for i in range(100000) %}{{ a|urlize }}{{ a|wordwrap(1) }}{% endfor %}",
        "{% for i in range(100000) %}{{ a|version_compare('1.0.0') }}{% endfor %}",
        "{% for i in range(100000) %}{{ cycler(*l).next() }}{% endfor %}",
        "{{ range(100000)|list|sum(start=[]) }}",
        "{% set x = 'a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f]' %}{{ x|from_yaml_string }}",
    ] {
        assert!(ends_in_time(template).is_err(), "{template:.80} was rendered");
    }
}

#[test]
fn templates_that_nest_too_deeply_are_stopped() {
    let many = |part: &str| part.repeat(100_000);
    let nested = [
        format!("{{{{ {}1{} }}}}", many("("), many(")")),
        format!("{{{{ {}1{} }}}}", many("["), many("]")),
        format!("{{{{ {}1 }}}}", many("not ")),
        format!("{{{{ {}1 }}}}", many("-")),
        format!("{{{{ {}1 }}}}", many("1 if 1 else ")),
        many("{% if 1 %}"),
        many("{% for i in l %}"),
        format!("{{{{ {} }}}}", many("l[")),
        format!("{{{{ {} }}}}", many("{1:")),
        format!("{{{{ {} }}}}", many("f(")),
        format!("{{{{ 1 is {} }}}}", many("in ((")),
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}".to_owned(),
        "{% macro m(x) %}{{ caller() }}{% endmacro %}{% macro n() %}{% call m(1) %}{{ n() }}{% endcall %}{% endmacro %}{{ n() }}".to_owned(),
        "{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}".to_owned(),
        "{% block b %}{{ self.b() }}{% endblock %}".to_owned(),
        "{% set ns = namespace(x=l) %}{% for i in range(90000) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}".to_owned(),
        "{% set ns = namespace(x=l) %}{% for i in range(90000) %}{% set ns.x = {1: ns.x} %}{% endfor %}{{ ns.x == ns.x|list }}{{ ns.x|tojson }}".to_owned(),
        "{% set ns = namespace(x=1) %}{% for i in range(90000) %}{% set ns.x = (ns.x,) %}{% endfor %}{{ {ns.x: 1} }}".to_owned(),
        "{% set ns = namespace(x=l) %}{% for i in range(90000) %}{% set ns.x = ns.x|map('abs') %}{% endfor %}{{ ns.x|list }}".to_owned(),
    ];
    for template in nested {
        assert!(ends_in_time(&template).is_err(), "{template:.80} was rendered");
    }
}

#[test]
fn what_is_long_but_flat_is_rendered() {
    let chain = |part: &str| format!("{{{{ 1{} }}}}", part.repeat(2000));
    for (template, expected) in [
        (chain(" + 1"), "2001".to_owned()),
        (chain(" ~ 1"), "1".repeat(2001)),
        (chain("|abs"), "1".to_owned()),
        (chain(" and 1"), "1".to_owned()),
        (format!("{}{{% endif %}}", "{% if 0 %}".to_owned() + &"{% elif 0 %}".repeat(2000)), String::new()),
    ] {
        assert_eq!(ends_in_time(&template), Ok(expected));
    }
}

#[test]
fn chains_of_values_are_dropped_without_going_deep() {
    for (begin, grow) in [
        ("[]", "{% set next = [] %}{% set _ = ns.last.append(next) %}"),
        ("[]", "{% set next = [] %}{% set _ = ns.last.append((next, 1)) %}"),
        ("{}", "{% set next = {} %}{% set _ = ns.last.update(k=next) %}"),
        ("namespace()", "{% set next = namespace() %}{% set l = ns.last %}{% set l.x = next %}"),
        ("[]", "{% set next = [] %}{% set _ = ns.last.append(next|map('abs')) %}"),
        ("[]", "{% set next = [] %}{% set _ = ns.last.append(next.append) %}"),
    ] {
        let template = format!(
            "{{% set first = {begin} %}}{{% set ns = namespace(last=first) %}}{{% for i in range(90000) %}}{grow}\
             {{% set ns.last = next %}}{{% endfor %}}ok"
        );
        assert_eq!(render(&template), Ok("ok".to_owned()), "{template}");
    }
}

#[test]
fn no_container_gets_into_itself() {
    for template in [
        "{% set x = [] %}{{ x.append(x) }}",
        "{% set x = [[]] %}{{ x[0].append({'k': x}) }}",
        "{% set x = {} %}{{ x.update(k=[x]) }}",
        "{% set x = {} %}{{ x.setdefault('k', x.items()) }}",
        "{% set x = namespace() %}{% set x.y = [x] %}",
        "{% set x = [] %}{{ x.append(x.append) }}",
        "{% set x = [] %}{{ x.append(x|map('abs')) }}",
        "{% set x = namespace() %}{% for i in [x] %}{% set x.l = loop %}{% endfor %}",
    ] {
        let error = render(template).unwrap_err();
        assert_eq!(error.class(), Class::ValueError, "{template}: {error}");
    }
}

#[test]
fn a_legitimate_report_of_some_size_is_rendered() {
    let template = "{% for i in range(20000) %}{{ '%05d' % i }}: {{ l[i % 1000] }} {{ 'x' if i is even else 'y' }}\n{% endfor %}";
    assert_eq!(ends_in_time(template).map(|text| text.lines().count()), Ok(20_000));
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in ".{0,60}") {
        let _ = Template::parse(&text);
        let _ = Template::parse(&format!("{{{{ {text} }}}}"));
    }

    #[test]
    fn no_template_panics(parts in prop::collection::vec(prop::sample::select(PARTS), 0..25)) {
        let text = parts.concat();
        let _ = render(&text);
        let _ = render(&format!("{{{{ {text} }}}}"));
        let _ = Template::parse(&text).map(|template| template.undeclared());
    }
}

const PARTS: &[&str] = &[
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    "-",
    "+",
    " ",
    "\n",
    "if ",
    "else ",
    "elif ",
    "endif ",
    "for ",
    "in ",
    "endfor ",
    "set ",
    "= ",
    "l",
    "a",
    "deep",
    "nope",
    "'é'",
    "\"",
    "'",
    "[",
    "]",
    "(",
    ")",
    ":",
    ",",
    ".",
    "|",
    "~",
    "*",
    "**",
    "//",
    "%",
    "is ",
    "not ",
    "odd ",
    "upper ",
    "list ",
    "sort ",
    "macro m(",
    "endmacro ",
    "call ",
    "0",
    "1",
    "-1",
    "1.5",
    "e9",
    "9999999999",
    "raw ",
    "endraw ",
    "block b ",
    "with ",
    "{",
    "}",
    "\\",
    "format",
    "pop",
    "0x",
    "_",
    "loop",
    "range(3)",
];
