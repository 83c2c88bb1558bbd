use super::*;
use crate::{expr::jinja, workflow::action_chain::Chain};
use std::sync::Arc;

struct Keys;

impl jinja::Datastore for Keys {
    fn system(&self, key: &str) -> Result<Option<String>, String> {
        Ok((key == "colour").then(|| "blue".to_owned()))
    }

    fn user(&self, key: &str) -> Result<Option<String>, String> {
        Ok((key == "colour").then(|| "green".to_owned()))
    }

    fn decrypt(&self, _: &str) -> Result<String, String> {
        Err("no key".to_owned())
    }
}

fn scope(parameters: Value) -> Scope {
    Scope {
        parameters: parameters.as_object().cloned().unwrap(),
        datastore: Arc::new(Keys),
        parent: json!({"execution_id": "65a1", "user": "ann"}).as_object().cloned().unwrap(),
        config: json!({"host": "h1"}),
    }
}

fn chain(text: &str) -> Chain {
    Chain::of(&crate::yaml::load(text).unwrap(), "it").unwrap()
}

fn child(id: &str, status: ExecutionStatus, result: Value) -> Child {
    Child {
        execution_id: id.to_owned(),
        liveaction_id: format!("l{id}"),
        created_at: "t1".to_owned(),
        updated_at: "t2".to_owned(),
        status,
        result,
    }
}

use ExecutionStatus::{Abandoned, Canceled, Failed, Paused, Pending, Succeeded, Timeout};

/// Runs a chain; nodes end as `give` says, by name and parameters. Saved and restored before every step.
fn drive(
    chain: &Chain,
    scope: &Scope,
    mut give: impl FnMut(&str, &Map<String, Value>) -> (ExecutionStatus, Value),
) -> (Step, Map<String, Value>) {
    let mut run = match Run::new(chain, scope, true) {
        Ok(run) => run,
        Err(failed) => return (Step::End(Failed), failed.result()),
    };
    let mut rows = std::collections::BTreeMap::new();
    let mut step = run.begin(chain);
    let mut number = 0;
    while let Step::Start(name) = step {
        rows.extend(run.changes());
        let again = Run::restore(rows.iter().map(|(key, text)| (key.as_str(), text.as_str()))).unwrap();
        assert_eq!(again, run, "saving and loading changes nothing");
        run = again;
        number += 1;
        let node = chain.node(&name).unwrap();
        step = match run.parameters(node, scope) {
            Ok(parameters) => {
                let (status, result) = give(&name, &parameters);
                run.update(chain, node, &child(&number.to_string(), status, result), scope)
            }
            Err(end) => end,
        };
    }
    (step, run.result())
}

#[test]
fn results_variables_and_parameters_reach_later_nodes() {
    let chain = chain(
        "
        vars: {prefix: 'p-{{ name }}-{{ st2kv.user.colour }}'}
        chain:
          - {name: one, ref: x.y, parameters: {cmd: 'echo {{ prefix }}'}, publish: {said: '{{ one.stdout }}', n: 5}, on-success: two}
          - {name: two, ref: x.y, on-success: three, parameters: {
              text: '{{ said }}/{{ one.stdout }}/{{ __results.one.stdout }}/{{ system.colour }}/{{ st2kv.system.colour }}',
              who: '{{ action_context.parent.user }} {{ config_context.host }} {{ __context.name }}',
              list: ['{{ said }}', 1, true], map: {a: '{{ n }}'}, same: [1, {b: null}], flag: true, number: 7, none: null}}
          - {name: three, ref: x.y}
        ",
    );
    let mut seen = Vec::new();
    let (end, result) = drive(&chain, &scope(json!({"name": "N"})), |name, parameters| {
        seen.push((name.to_owned(), parameters.clone()));
        (Succeeded, json!({"stdout": format!("out of {name}")}))
    });
    assert_eq!(end, Step::End(Succeeded));
    assert_eq!(Value::Object(seen[0].1.clone()), json!({"cmd": "echo p-N-green"}));
    assert_eq!(
        Value::Object(seen[1].1.clone()),
        json!({"text": "out of one/out of one/out of one/blue/blue", "who": "ann h1 N", "list": ["out of one", 1, true],
            "map": {"a": "5"}, "same": [1, {"b": null}], "flag": true, "number": 7, "none": null})
    );
    assert_eq!(result["published"], json!({"said": "out of one", "n": 5}));
    let names: Vec<&str> =
        result["tasks"].as_array().unwrap().iter().map(|task| task["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["one", "two", "three"]);
    assert_eq!(
        result["tasks"][0],
        json!({"id": "one", "name": "one", "execution_id": "1", "liveaction_id": "l1", "workflow": null,
            "created_at": "t1", "updated_at": "t2", "state": "succeeded", "result": {"stdout": "out of one"}})
    );
    assert!(!result.contains_key("error"));
}

#[test]
fn the_last_node_that_ran_decides_how_the_chain_ends() {
    let chain = chain("chain: [{name: a, ref: x.y, on-failure: b}, {name: b, ref: x.y}]");
    for (first, second, end) in [
        (Failed, Succeeded, Succeeded),
        (Failed, Timeout, Timeout),
        (Timeout, Failed, Failed),
        (Abandoned, Abandoned, Failed),
        (Timeout, Canceled, Canceled),
    ] {
        let (step, _) =
            drive(&chain, &scope(json!({})), |name, _| (if name == "a" { first } else { second }, json!({})));
        assert_eq!(step, Step::End(end), "{first} {second}");
    }
    let (step, result) = drive(&chain, &scope(json!({})), |_, _| (Succeeded, json!({})));
    assert_eq!((step, result["tasks"].as_array().unwrap().len()), (Step::End(Succeeded), 1));
}

#[test]
fn errors_are_told_in_the_words_people_know() {
    let error = |text: &str| {
        let (step, result) =
            drive(&chain(text), &scope(json!({"p": 1})), |_, _| (Succeeded, json!({"x": 1})));
        (step, result.get("error").and_then(Value::as_str).unwrap_or_default().to_owned())
    };
    let failed = |text: &str| (Step::End(Failed), text.to_owned());
    assert_eq!(
        error("{vars: {v: '{{ nope }}'}, chain: [{name: a, ref: x.y}]}"),
        failed("Failed initializing ``vars`` in chain.. 'nope' is undefined")
    );
    assert_eq!(
        error("chain: [{name: c1, ref: x.y, parameters: {p: '{{s1}}'}}]"),
        failed(
            "Failed to run task \"c1\". Parameter rendering failed.. Failed rendering value for action parameter \"p\" \
             in task \"c1\" (template string={{s1}}): 's1' is undefined"
        )
    );
    assert_eq!(
        error("chain: [{name: c1, ref: x.y, on-success: '{{ x }}'}]"),
        failed("Failed to get next node \"c1\".. Unable to find node with name \"{{ x }}\".")
    );
    let broken = "Failed rendering value for publish parameter \"v\" in task \"c1\" (template string={{ c1.y }}): \
                  'dict object' has no attribute 'y'";
    assert_eq!(
        error("chain: [{name: c1, ref: x.y, publish: {v: '{{ c1.y }}'}}]").0,
        Step::Broken(broken.to_owned())
    );
    assert_eq!(
        error("{default: '{{ x }}', chain: [{name: c1, ref: x.y}]}"),
        (Step::End(Succeeded), String::new())
    );
    let one = chain("chain: [{name: c1, ref: x.y, on-failure: c2}, {name: c2, ref: x.y}]");
    let mut run = Run::new(&one, &scope(json!({})), false).unwrap();
    let node = one.node("c1").unwrap();
    assert_eq!(run.refused(&one, node, "no", "t"), Step::Start("c2".to_owned()));
    let expected = json!({"tasks": [{"id": "c1", "name": "c1", "execution_id": null, "liveaction_id": null,
        "workflow": null, "created_at": "t", "updated_at": "t", "state": "failed",
        "result": {"error": "Failed running task \"c1\".. no", "traceback": ""}}]});
    assert_eq!(Value::Object(run.result()), expected);
    assert_eq!(run.no_action(node), Step::End(Failed));
    assert_eq!(
        run.result()["error"],
        "Failed to run task \"c1\". Action with reference \"x.y\" doesn't exist.. Task :: c1 - Action with ref x.y not \
         registered."
    );
}

#[test]
fn a_node_that_waits_is_told_of_again() {
    let chain =
        chain("chain: [{name: a, ref: x.y, publish: {v: '{{ a.r }}'}, on-success: b}, {name: b, ref: x.y}]");
    let scope = scope(json!({}));
    let node = chain.node("a").unwrap();
    let mut run = Run::new(&chain, &scope, true).unwrap();
    for waiting in [Pending, Paused] {
        assert_eq!(run.update(&chain, node, &child("1", waiting, json!({})), &scope), Step::Rest);
        assert_eq!(run.after_last(&chain), Step::Rest);
        assert_eq!(run.result()["tasks"][0]["state"], json!(waiting));
    }
    let ended = child("1", Succeeded, json!({"r": 9}));
    assert_eq!(run.update(&chain, node, &ended, &scope), Step::Start("b".to_owned()));
    assert_eq!(run.result()["tasks"].as_array().unwrap().len(), 1);
    assert_eq!(Value::Object(run.vars().clone()), json!({"v": "9"}));
    assert_eq!(run.after_last(&chain), Step::Start("b".to_owned()));
}

#[test]
fn a_chain_may_go_round_until_a_node_fails() {
    let chain =
        chain("chain: [{name: a, ref: x.y, on-success: a, parameters: {n: '{{ __results | length }}'}}]");
    let mut rounds = 0;
    let (step, result) = drive(&chain, &scope(json!({})), |_, _| {
        rounds += 1;
        (if rounds == 4 { Failed } else { Succeeded }, json!(rounds))
    });
    assert_eq!(step, Step::End(Failed));
    assert_eq!(result["tasks"].as_array().unwrap().len(), 4);
}
