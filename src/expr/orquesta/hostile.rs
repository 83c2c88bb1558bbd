//! Texts that would run, grow or nest without end: each is refused, whichever language it speaks.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::{Current, Data, Problem, Row, Scope, evaluate};

/// Variables, and no run around them.
struct Variables(Map<String, Value>);

impl Data for Variables {
    fn var(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.0.get(name).map(Cow::Borrowed)
    }

    fn vars(&self) -> Map<String, Value> {
        self.0.clone()
    }

    fn has_private(&self, _name: &str) -> bool {
        false
    }

    fn task(&self) -> Option<Current<'_>> {
        None
    }

    fn item(&self) -> Option<&Value> {
        None
    }

    fn find_task(&self, _task: &str, _route: i64) -> Result<Option<(usize, &'static str)>, Problem> {
        Ok(None)
    }

    fn task_execution(&self, _task: &str, _route: usize) -> Result<Option<Row>, Problem> {
        Ok(None)
    }

    fn key(&self, _scope: Scope<'_>, _name: &str, _decrypt: bool) -> Result<Option<Value>, Problem> {
        Ok(None)
    }

    fn now(&self) -> chrono::DateTime<chrono::Utc> {
        crate::clock::now()
    }
}

fn error_of(text: &str) -> Option<String> {
    let variables = json!({
        "y": "<% ctx(y) %>", "j": "{{ ctx('j') }}", "yy": "<% ctx(yy) %> <% ctx(yy) %>",
        "jj": "{{ ctx('jj') }}{{ ctx('jj') }}", "a": "a".repeat(3_000),
        "list": (0..2_000).collect::<Vec<_>>(),
    });
    let Value::Object(variables) = variables else { return None };
    evaluate(&json!(text), &Variables(variables)).err().map(|error| error.to_string())
}

#[test]
fn hostile_texts_end_with_an_error() {
    let deep_yaql = format!("<% {}1{} %>", "(".repeat(3_000), ")".repeat(3_000));
    let deep_jinja = format!("{{{{ {}1{} }}}}", "(".repeat(3_000), ")".repeat(3_000));
    let many = "<% range(1000).sum() %>".to_owned() + &"<% ctx(list).select($ * 2).sum() %> ".repeat(600);
    for text in [
        // Without end.
        "<% range(1000000000).sum() %>",
        "{{ range(1000000000) | sum }}",
        "<% ctx(list).select(ctx(list).select($ + 1)).selectMany($).len() %>",
        "{% for a in ctx('list') %}{% for b in ctx('list') %}{{ a * b }}{% endfor %}{% endfor %}",
        "<% sequence().select($ + 1).last() %>",
        // Too large.
        "<% 'x' * 1000000000 %>",
        "{{ 'x' * 1000000000 }}",
        "<% ctx(list) * 1000000 %>",
        "{{ ctx('list') * 1000000 }}",
        "<% pow(9, pow(9, 9)) %>",
        "{{ 9 ** (9 ** 9) }}",
        // Searches that go back and forth.
        "<% regex('(a|aa)+$b').search(ctx(a)) %>",
        "{{ ctx('a') | regex_search('(a|aa)+$b') }}",
        "<% ctx(a) =~ '(?=(a+)+b)(a|a)*c' %>",
        // Too deep.
        &deep_yaql,
        &deep_jinja,
        "<% def(f, f($)) -> f(1) %>",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        // Texts that give themselves.
        "<% ctx(y) %>",
        "{{ ctx('j') }}",
        "<% ctx(yy) %>",
        "{{ ctx('jj') }}",
        // Little steps, many of them.
        &many,
    ] {
        let shown: String = text.chars().take(70).collect();
        assert!(error_of(text).is_some(), "{shown} was answered");
    }
}

#[test]
fn what_is_refused_says_why() {
    for (text, reason) in
        [("<% range(1000000000).sum() %>", "Limit"), ("{{ 'x' * 1000000000 }}", "LimitExceeded")]
    {
        let error = error_of(text).unwrap();
        assert!(error.contains(reason), "{error}");
    }
}
