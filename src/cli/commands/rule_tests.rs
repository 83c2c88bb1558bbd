//! `st2 rule why` and `st2 rule test`: what a rule makes of an event, criterion by criterion.

use crate::cli::args::Matches;
use crate::cli::console;
use crate::cli::failure::Failure;
use crate::cli::http::encode;
use crate::cli::metafile;
use crate::cli::render::{Format, doc};
use crate::cli::session::Session;
use serde_json::{Map, Value, json};

/// Why a rule took up an event, or did not.
pub(crate) fn why(session: &mut Session, values: &Matches) -> Result<(), Failure> {
    let (rule, event) = (values.text("rule").unwrap_or_default(), values.text("event").unwrap_or_default());
    let path = format!("/rules/{}/why/{}", encode(rule), encode(event));
    let told = session.client.get(&path)?.json()?;
    show(&told, values);
    Ok(())
}

/// What a rule would make of an event. It exits with 1 if nothing.
pub(crate) fn test(session: &mut Session, values: &Matches) -> Result<(), Failure> {
    let mut body = Map::new();
    let file = |option: &str| values.filled(option).map(|path| metafile::load(path).map_err(Failure::new));
    match (file("rule"), values.filled("rule_ref")) {
        (Some(rule), None) => body.insert("rule".to_owned(), rule?),
        (None, Some(name)) => body.insert("rule_ref".to_owned(), json!(name)),
        _ => return Err(Failure::new("Say which rule: --rule FILE or --rule-ref pack.name.")),
    };
    match (file("trigger_instance"), values.filled("trigger_instance_id")) {
        (Some(event), None) => body.insert("trigger_instance".to_owned(), event?),
        (None, Some(id)) => body.insert("trigger_instance_id".to_owned(), json!(id)),
        _ => {
            return Err(Failure::new(
                "Say which event: --trigger-instance FILE (with trigger and payload) or --trigger-instance-id ID.",
            ));
        }
    };
    let told = session.client.post("/rules/test", &Value::Object(body))?.json()?;
    show(&told, values);
    if told["matches"] == true { Ok(()) } else { Err(Failure::silent(1)) }
}

fn show(told: &Value, values: &Matches) {
    match Format::of(values) {
        Format::Json => console::say(&doc::json(told)),
        Format::Yaml => console::say(&doc::yaml(told)),
        Format::Plain => tell(told),
    }
}

fn tell(told: &Value) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |name: &str| told[name].as_array().into_iter().flatten().cloned().collect::<Vec<_>>();
    let verdict = if told["matches"] == true { "MATCHES" } else { "DOES NOT MATCH" };
    console::say(&format!("=== RULE {verdict} ===  {}", text(&told["rule"])));
    for reason in list("reasons") {
        console::say(&format!("  because {}", text(&reason)));
    }
    let trigger = &told["trigger"];
    console::say(&format!("  {}  trigger  {}", mark(&trigger["fits"]), text(&trigger["event"])));
    for it in list("criteria") {
        let (key, kind) = (text(&it["key"]), text(&it["type"]));
        console::say(&format!("  {}  {key}  {kind}", mark(&it["fits"])));
        console::say(&format!("         value    {}", it["value"]));
        console::say(&format!("         pattern  {}", it["pattern"]));
        if let Some(failure) = it["failure"].as_str() {
            console::say(&format!("         {failure}"));
        }
    }
    let action = &told["action"];
    if let Some(parameters) = action["parameters"].as_object() {
        console::say(&format!("Action {} would get:", text(&action["ref"])));
        for (name, value) in parameters {
            console::say(&format!("  {name}: {value}"));
        }
    }
    if let Some(failure) = action["failure"].as_str() {
        console::say(&format!("Action {} cannot run: {failure}", text(&action["ref"])));
    }
    let Some(made) = told["enforcements"].as_array() else { return };
    let status = text(&told["trigger_instance_status"]);
    console::say(&format!("What the rule made of the event, which is {status}:"));
    if made.is_empty() {
        console::say("  nothing");
    }
    for it in made {
        match it["execution_id"].as_str() {
            Some(id) => console::say(&format!("  execution {id}\n  > st2 execution why {id}")),
            None => console::say(&format!("  failed: {}", text(&it["failure_reason"]))),
        }
    }
}

fn mark(fits: &Value) -> &'static str {
    if *fits == true { "yes" } else { "NO " }
}
