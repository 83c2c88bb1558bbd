//! What Jinja2 3.1.6 answered to small templates of every kind, in StackStorm's environment.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::json;

use super::{Class, Datastore, Error, Missing, Template, render_values, st2kv, to_value};

fn render(template: &str) -> Result<String, Error> {
    let context = json!({
        "n": 5,
        "l": [3, 1, 2],
        "d": {"b": 1, "a": "x"},
        "recs": [{"name": "joe", "age": 30}, {"name": "Ann", "age": 25}],
        "s": "Hello World",
        "html": "<b>&</b>",
    });
    Template::parse(template)?.render(&to_value(&context))
}

#[test]
fn whitespace_goes_as_the_marks_say() {
    for (template, expected) in [
        ("a\n  {% if n %}\n  b\n  {% endif %}\nc", "a\n  b\nc"),
        ("a {%- if n -%} b {%- endif -%} c", "abc"),
        ("a\n  {%+ if n %}b{% endif +%}\nc", "a\n  b\nc"),
        ("x {# c #}\n  {#- d -#} y", "x y"),
        ("{% raw -%} {{ x }} {%- endraw %}\nz", "{{ x }}z"),
        ("{{- n -}}  x", "5x"),
        ("a{% raw %}{{ b }}{% endraw %}c\n", "a{{ b }}c"),
    ] {
        assert_eq!(render(template).as_deref(), Ok(expected), "{template}");
    }
}

#[test]
fn scopes_end_where_they_should() {
    for (template, expected) in [
        ("{% set x = 1 %}{% for i in l %}{% set x = i %}{% endfor %}{{ x }}", "1"),
        ("{% set ns = namespace(x=1) %}{% for i in l %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}", "7"),
        ("{% if n %}{% set x = 2 %}{% endif %}{{ x }}", "2"),
        ("{% with x = 1, y = n %}{{ x }}{{ y }}{% endwith %}{{ x is defined }}", "15False"),
        ("{% macro m(a, b=a) %}{{ a }}{{ b }}{{ n }}{% endmacro %}{{ m(1) }}{{ m(1, 2) }}", "115125"),
        ("{% macro m() %}[{{ caller(2) }}]{% endmacro %}{% call(v) m() %}{{ v + n }}{% endcall %}", "[7]"),
        ("{% block b %}{{ n }}{% endblock %}{{ self.b() }}", "55"),
        ("{% set x | upper %}a{{ n }}{% endset %}{{ x }}", "A5"),
        ("{% filter replace('l', 'L') %}{{ s }}{% endfilter %}", "HeLLo WorLd"),
    ] {
        assert_eq!(render(template).as_deref(), Ok(expected), "{template}");
    }
}

#[test]
fn loops_know_where_they_are() {
    for (template, expected) in [
        (
            "{% for i in l %}{{ loop.index }}{{ loop.revindex0 }}{{ loop.last }} {% endfor %}",
            "12False 21False 30True ",
        ),
        ("{% for i in l if i > 1 %}{{ i }}/{{ loop.length }} {% else %}none{% endfor %}", "3/2 2/2 "),
        ("{% for i in [] %}x{% else %}none{% endfor %}", "none"),
        ("{% for i in [1, [2, [3]]] recursive %}{{ loop(i) if i is iterable else i }}{% endfor %}", "123"),
        (
            "{% for i in l %}{{ loop.cycle('a', 'b') }}{{ loop.previtem|default('-') }}{{ loop.changed(i > 1) }}{% endfor %}",
            "a-Trueb3Truea1True",
        ),
        ("{% for k, v in d|dictsort %}{{ k }}={{ v }};{% endfor %}", "a=x;b=1;"),
        (
            "{% for i in l|map('string') if i > '1' %}{{ i }}{{ loop.nextitem|default('-') }}{% endfor %}",
            "322-",
        ),
        ("{% for i in l if i > 1 %}{{ i if loop.first }}{{ loop.depth }}{% else %}x{% endfor %}", "311"),
    ] {
        assert_eq!(render(template).as_deref(), Ok(expected), "{template}");
    }
}

#[test]
fn constants_that_cannot_be_sliced_fail_where_they_are_used() {
    assert_eq!(render("{{ 2[1:] is defined }}{{ {}[1:]|default('-') }}").as_deref(), Ok("False-"));
    for (template, expected) in [
        ("{{ 2[1::-1] }}", "'int' object is not subscriptable"),
        ("{{ {'a': 1}[1:] }}", "unhashable type: 'slice'"),
        ("{{ '{:>5}'.format(missing) }}", "unsupported format string passed to StrictUndefined.__format__"),
    ] {
        let error = render(template).expect_err(template);
        assert_eq!((error.class(), error.to_string().as_str()), (Class::TypeError, expected), "{template}");
    }
}

#[test]
fn what_a_body_does_is_seen_by_the_next_turn() {
    for (template, expected) in [
        (
            "{% set seen = [] %}{% for i in [1, 1, 2, 1] if i not in seen %}{{ i }}{{ seen.append(i) or '' }}{% endfor %}",
            "12",
        ),
        (
            "{% set seen = [] %}{% for i in [1, 1, 2] if i not in seen %}{{ loop.index }}{{ i }}{{ seen.append(i) or ' ' }}{% endfor %}",
            "11 22 ",
        ),
        (
            "{% set seen = [] %}{% for i in [1, 1, 2] if i not in seen %}{{ loop.last }}{{ i }}{{ seen.append(i) or ' ' }}{% endfor %}",
            "False1 False1 True2 ",
        ),
        (
            "{% set seen = [] %}{% for a, b in [[1, 2], [1, 3], [2, 3]] if a not in seen %}{{ b }}{{ seen.append(a) or '' }}{% endfor %}",
            "23",
        ),
        ("{% for i in l %}{{ l.pop() if loop.first }}{{ i }} {% endfor %}{{ l }}", "23 1 [3, 1]"),
        ("{% for i in l %}{{ l.append(9) or '' if l|length < 6 }}{{ i }}{% endfor %}", "312999"),
        ("{% for i in l %}{{ l.clear() or '' }}{{ i }}{% endfor %}", "3"),
        ("{% for i in l %}{% set i = i + 1 %}{{ i }}{% endfor %}", "423"),
        ("{% for i in l %}{% macro m() %}{{ i }}{% endmacro %}{{ m() }}{% endfor %}", "312"),
    ] {
        assert_eq!(render(template).as_deref(), Ok(expected), "{template}");
    }
}

#[test]
fn values_behave_as_in_python() {
    for (template, expected) in [
        (
            "{{ 7 // -2 }} {{ 7 % -2 }} {{ 7 / 2 }} {{ 2 ** 70 }} {{ 2 ** -1 }}",
            "-4 -1 3.5 1180591620717411303424 0.5",
        ),
        (
            "{{ [1, 2.0, none, true, 'it\\'s', (1,), {1: 2}] }}",
            "[1, 2.0, None, True, \"it's\", (1,), {1: 2}]",
        ),
        ("{{ 1 == 1.0 == true }} {{ [1, 'a'] < [1, 'b'] }} {{ 2 in l }}", "True True True"),
        ("{{ s[::-1] }} {{ l[-1] }} {{ s[1:4] }} {{ l[5] is defined }}", "dlroW olleH 2 ell False"),
        (
            "{{ d.items() }} {{ d.keys()|list }} {{ range(3) }}",
            "dict_items([('b', 1), ('a', 'x')]) ['b', 'a'] range(0, 3)",
        ),
        ("{{ '%s|%05.2f|%x' % ('a', 2.5, 255) }}", "a|02.50|ff"),
        ("{{ '{:>6}|{:,}'.format('a', 1234567) }}", "     a|1,234,567"),
        ("{{ l.append(4) or l }} {{ d.pop('b') }} {{ d }}", "[3, 1, 2, 4] 1 {'a': 'x'}"),
        (
            "{{ s.split('o') }} {{ ','.join(['a', 'b']) }} {{ s.swapcase() }}",
            "['Hell', ' W', 'rld'] a,b hELLO wORLD",
        ),
    ] {
        assert_eq!(render(template).as_deref(), Ok(expected), "{template}");
    }
}

#[test]
fn filters_do_what_jinja2_does() {
    for (template, expected) in [
        ("{{ recs|map(attribute='name')|sort|join(', ') }}", "Ann, joe"),
        ("{{ recs|groupby('age')|map('first')|list }}", "[25, 30]"),
        ("{{ recs|selectattr('age', 'gt', 26)|map(attribute='name')|first }}", "joe"),
        ("{{ 'x'|int(7) }} {{ '3.9'|int }} {{ 2.5|round }} {{ 42.55|round(1, 'floor') }}", "7 3 2.0 42.5"),
        ("{{ html|e }} {{ html|safe|e }} {{ html|striptags }}", "&lt;b&gt;&amp;&lt;/b&gt; <b>&</b> &"),
        (
            "{{ d|tojson }} {{ nope|default('z') }} {{ l|batch(2, 0)|list }}",
            "{\"a\": \"x\", \"b\": 1} z [[3, 1], [2, 0]]",
        ),
        (
            "{{ 'a b'|urlencode }} {{ 1500|filesizeformat }} {{ s|truncate(8, true, '~', 0) }}",
            "a%20b 1.5 kB Hello W~",
        ),
        (
            "{{ [s * 9, s]|pprint }}",
            "['Hello WorldHello WorldHello WorldHello WorldHello WorldHello WorldHello '\n 'WorldHello WorldHello World',\n 'Hello World']",
        ),
    ] {
        assert_eq!(render(template).as_deref(), Ok(expected), "{template}");
    }
}

#[test]
fn messages_are_those_of_jinja2() {
    for (template, expected) in [
        ("{{ nope }}", "'nope' is undefined"),
        ("{{ d.nope.x }}", "'dict object' has no attribute 'nope'"),
        ("{{ l[9] }}", "list object has no element 9"),
        ("{{ nope.a }}", "'nope' is undefined"),
        ("{{ n.__class__ }}", "access to attribute '__class__' of 'int' object is unsafe."),
        ("{{ l|first.x }}", "No filter named 'first.x'."),
        ("{% for %}", "Expected an expression, got 'end of statement block'"),
        (
            "{% if n %}",
            "Unexpected end of template. Jinja was looking for the following tags: 'elif' or 'else' or 'endif'. The innermost block that needs to be closed is 'if'.",
        ),
        ("{{ a b }}", "expected token 'end of print statement', got 'b'"),
        ("{{ 'a }}", "unexpected char \"'\" at 3"),
        ("{{ 1 + 'a' }}", "unsupported operand type(s) for +: 'int' and 'str'"),
        ("{{ {}[l] }}", "dict object has no element [3, 1, 2]"),
        ("{% endif %}", "Encountered unknown tag 'endif'."),
        ("{{ n|nosuch }}", "No filter named 'nosuch'."),
        ("{{ ''|first }}", "No first item, sequence was empty."),
        ("{{ d() }}", "'dict' object is not callable"),
    ] {
        assert_eq!(render(template).unwrap_err().to_string(), expected, "{template}");
    }
}

#[test]
fn names_from_the_context_are_found() {
    for (template, names) in [
        ("{{ a }}{{ b.c }}", "a b"),
        ("{% set a = 1 %}{{ a }}", ""),
        ("{% if x %}{% set a = 1 %}{% endif %}{{ a }}", "a x"),
        ("{% for i in l %}{{ i }}{{ loop.index }}{{ y }}{% endfor %}{{ i }}", "i l y"),
        ("{% macro m(p, q=z) %}{{ p }}{{ caller() }}{{ w }}{% endmacro %}{{ m(1) }}", "w z"),
        ("{{ range(n) }}{{ dict() }}", "n"),
        ("{% with a = b %}{{ a }}{% endwith %}", "b"),
        ("{% set ns.x = 1 %}", "ns"),
        ("{% block b %}{{ q }}{% endblock %}{{ self.b() }}", "q"),
        ("{{ x|default(y) }}{{ 1 is divisibleby(z) }}", "x y z"),
        ("{% for i in l if i in m %}{% else %}{{ e }}{% endfor %}", "e l m"),
        ("plain", ""),
    ] {
        let found = Template::parse(template).unwrap().undeclared().join(" ");
        assert_eq!(found, names, "{template}");
    }
}

#[test]
fn lenient_templates_print_nothing_for_what_is_missing() {
    let context = to_value(&json!({"d": {}}));
    let cases = [("[{{ nope }}{{ d.x }}]", "[]"), ("{{ nope or 1 }}", "1"), ("{{ [nope] }}", "[Undefined]")];
    for (template, expected) in cases {
        assert_eq!(Template::parse(template).unwrap().render_lax(&context).as_deref(), Ok(expected));
    }
    let error = Template::parse("{{ nope.x }}").unwrap().render_lax(&context).unwrap_err();
    assert_eq!(error.class(), Class::UndefinedError);
}

#[test]
fn mappings_keep_the_types_of_what_holds_no_template() {
    let mapping = json!({"a": 1, "b": "{{ n }}", "c": ["{{ n }}", 2], "d": null, "e": "{{ __context }}"});
    let context = to_value(&json!({"n": 5}));
    let rendered = render_values(mapping.as_object().unwrap(), &context, Missing::Refused).unwrap();
    let expected = json!({"a": 1, "b": "5", "c": ["5", 2], "d": null, "e": "{'n': 5}"});
    assert_eq!(json!(rendered), expected);
}

/// A datastore in which encrypting is reversing.
struct Kept(BTreeMap<&'static str, &'static str>);

impl Datastore for Kept {
    fn system(&self, key: &str) -> Result<Option<String>, String> {
        if key == "forbidden" {
            return Err("you may not see this".to_owned());
        }
        Ok(self.0.get(key).map(|value| (*value).to_owned()))
    }

    fn user(&self, key: &str) -> Result<Option<String>, String> {
        self.system(&format!("joe:{key}"))
    }

    fn decrypt(&self, value: &str) -> Result<String, String> {
        Ok(value.chars().rev().collect())
    }
}

#[test]
fn the_datastore_is_looked_up_by_dotted_names() {
    let kept =
        [("a", "top"), ("a.b", "dotted"), ("joe:color", "blue"), ("secret", "terces"), ("num", "42.7")];
    let datastore: Arc<dyn Datastore> = Arc::new(Kept(kept.into()));
    let context = [("st2kv", st2kv(&datastore))].into_iter().collect();
    let render = |template: &str| Template::parse(template)?.render(&context);
    for (template, expected) in [
        ("{{ st2kv.system.a }} {{ st2kv.system.a.b }} {{ st2kv.system['a.b'] }}", "top dotted dotted"),
        ("{{ st2kv.user.color }}[{{ st2kv.user.nope }}]", "blue[]"),
        ("{{ st2kv.system.secret | decrypt_kv }}", "secret"),
        ("{{ st2kv.system.num | int + 1 }}", "43"),
    ] {
        assert_eq!(render(template).as_deref(), Ok(expected), "{template}");
    }
    for (template, expected) in [
        ("{{ st2kv.system.forbidden }}", "you may not see this"),
        (
            "{{ st2kv.user.x.y | decrypt_kv }}",
            "Referenced datastore item \"st2kv.user.x.y\" doesn't exist or it contains an empty string",
        ),
        (
            "{% for c in st2kv.system.a %}{% endfor %}",
            "a value of the datastore has no items; its text is `| string`",
        ),
    ] {
        assert_eq!(render(template).unwrap_err().to_string(), expected, "{template}");
    }
}
