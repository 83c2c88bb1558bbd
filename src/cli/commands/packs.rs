//! `st2 pack`: what the index offers, what is installed, and how it is configured.

use super::form;
use super::objects::{self, attributes};
use super::view;
use super::wait::{self, COMPLETED, status};
use crate::cli::args::Matches;
use crate::cli::console;
use crate::cli::failure::Failure;
use crate::cli::http::{Stream, encode};
use crate::cli::metafile;
use crate::cli::render::{Format, Look, coloured_status, doc, property};
use crate::cli::resource::Resource;
use crate::cli::session::Session;
use crate::cli::settings::{Process, home_directory};
use crate::cli::sse::Events;
use crate::cli::terminal;
use serde_json::{Map, Value, json};

/// The columns of an installed pack.
const SHOWN: &[&str] = &["ref", "name", "description", "version", "author"];

const EVENTS: [&str; 2] = ["st2.execution__create", "st2.execution__update"];

/// Prints what came of a request about packs; whatever goes wrong, the exit code is 2.
fn answer(result: Result<Value, Failure>, values: &Matches) -> Result<(), Failure> {
    let object = result.map_err(objects::refused)?;
    if object.as_object().is_none_or(Map::is_empty) {
        console::say("No matching items found");
    } else {
        objects::print_whole(&object, values);
    }
    Ok(())
}

/// `show`: one pack of the index.
pub(crate) fn show(session: &mut Session, values: &Matches) -> Result<(), Failure> {
    let found = in_index(session, values.text("pack").unwrap_or_default());
    answer(found, values)
}

fn in_index(session: &mut Session, pack: &str) -> Result<Value, Failure> {
    Ok(session.client.post("/packs/index/search", &json!({ "pack": pack }))?.json()?)
}

/// `search`: packs of the index.
pub(crate) fn search(
    session: &mut Session,
    resource: &'static Resource,
    values: &Matches,
) -> Result<(), Failure> {
    let body = json!({ "query": values.text("query").unwrap_or_default() });
    let found = session.client.post("/packs/index/search", &body)?.json()?;
    let items = found.as_array().cloned().unwrap_or_default();
    let shown = attributes(values, &["name", "description", "version", "author"]);
    objects::print_list(session, resource, values, items, &shown)?;
    Ok(())
}

/// `register`: reads the files of packs again.
pub(crate) fn register(session: &mut Session, values: &Matches) -> Result<(), Failure> {
    let mut body = Map::new();
    for dest in ["types", "packs"] {
        if !values.texts(dest).is_empty() {
            body.insert(dest.into(), values.texts(dest).into());
        }
    }
    let reply = session.client.post("/packs/register", &Value::Object(body)).and_then(|reply| reply.json());
    answer(reply.map_err(Failure::from), values)
}

/// `install`.
pub(crate) fn install(session: &mut Session, values: &Matches) -> Result<(), Failure> {
    let packs = values.texts("packs");
    if Format::of(values) == Format::Plain {
        announce(session, packs);
    }
    let body = json!({
        "packs": packs, "force": values.flag("force"), "skip_dependencies": values.flag("skip_dependencies"),
    });
    let execution = carry_out(session, "/packs/install", &body, values)?;
    let output = &execution["result"]["output"];
    let installed: Vec<String> =
        output["packs_list"].as_array().into_iter().flatten().map(crate::pytext::str).collect();
    if let [one] = installed.as_slice() {
        match session.client.find(&format!("/packs/{}", encode(one)))? {
            Some(pack) => objects::print_object(&pack, &attributes(values, SHOWN), SHOWN, Format::of(values)),
            None => console::say("No matching items found"),
        }
    } else {
        let all = all_packs(session)?;
        print_several(&all, &installed, values);
    }
    for warning in output["warning_list"].as_array().into_iter().flatten() {
        console::say(&crate::pytext::str(warning));
    }
    Ok(())
}

fn all_packs(session: &mut Session) -> Result<Vec<Value>, Failure> {
    Ok(session.client.list("/packs")?.0)
}

fn is_one_of(pack: &Value, names: &[String]) -> bool {
    names.iter().any(|name| pack["name"] == name.as_str() || pack["ref"] == name.as_str())
}

fn print_several(all: &[Value], names: &[String], values: &Matches) {
    let chosen: Vec<Value> = all.iter().filter(|pack| is_one_of(pack, names)).cloned().collect();
    if chosen.is_empty() {
        console::say("No matching items found");
        return;
    }
    objects::print_rows(
        &chosen,
        &attributes(values, SHOWN),
        values.ints("width"),
        Format::of(values),
        &Look::PLAIN,
    );
}

/// Says how much content is about to come, as far as the index knows.
fn announce(session: &mut Session, packs: &[String]) {
    let kinds = ["actions", "rules", "sensors", "aliases", "triggers"];
    let mut counts = [0; 5];
    let mut known = false;
    for pack in packs {
        if pack.starts_with("file://") {
            return;
        }
        // Not being in the index is fine: a URL of a repository is not.
        let Ok(found) = in_index(session, pack) else { continue };
        for (count, kind) in counts.iter_mut().zip(kinds) {
            *count += found["content"][kind]["count"].as_i64().unwrap_or(0);
        }
        known |= found["content"].as_object().is_some_and(|content| !content.is_empty());
    }
    if !known {
        return;
    }
    let noun = if packs.len() == 1 { "pack" } else { "packs" };
    console::say(&format!(
        "\nFor the \"{}\" {noun}, the following content will be registered:\n",
        packs.join(", ")
    ));
    for (kind, count) in kinds.iter().zip(counts) {
        console::say(&format!("{kind:<10}|  {count}"));
    }
    console::say("\nInstallation may take a while for packs with many items.");
}

/// `remove`.
pub(crate) fn remove(session: &mut Session, values: &Matches) -> Result<(), Failure> {
    let packs = values.texts("packs");
    let before = all_packs(session)?;
    carry_out(session, "/packs/uninstall", &json!({ "packs": packs }), values)?;
    let after = all_packs(session)?;
    for pack in packs {
        if after.iter().any(|left| is_one_of(left, std::slice::from_ref(pack))) {
            console::note(&format!("Pack {pack} has not been removed properly"));
            return Err(Failure::silent(2));
        }
    }
    if let [one] = packs {
        match before.iter().find(|pack| is_one_of(pack, std::slice::from_ref(one))) {
            Some(pack) => objects::print_object(pack, &attributes(values, SHOWN), SHOWN, Format::of(values)),
            None => console::say("No matching items found"),
        }
    } else {
        print_several(&before, packs, values);
    }
    Ok(())
}

/// Sends a request that an execution carries out, and shows its tasks until it has ended.
fn carry_out(session: &mut Session, path: &str, body: &Value, values: &Matches) -> Result<Value, Failure> {
    // Opened first: what the execution does right after the request would be missed otherwise.
    let stream = session.client.events(&EVENTS, None)?;
    let id = session.client.post(path, body)?.json()?["execution_id"].as_str().unwrap_or_default().to_owned();
    if id.is_empty() {
        return Err(Failure::new("Server did not create instance."));
    }
    let mut stages = Stages { shown: false, quiet: Format::of(values) != Format::Plain };
    let mut stream = Some(stream);
    let execution = loop {
        if let Some(stream) = stream.take() {
            follow(stream, &id, &mut stages);
        }
        let execution = wait::fetch(session, &id)?;
        if COMPLETED.contains(&status(&execution)) {
            break execution;
        }
        // The stream broke before the end; the next one is closed by the server.
        wait::pause();
        stream = Some(session.client.events(&EVENTS, Some(&id))?);
    };
    stages.close();
    if status(&execution) == "failed" {
        view::show_workflow(session, execution, values, 1)?;
        return Err(Failure::silent(1));
    }
    Ok(execution)
}

fn follow(stream: Stream, id: &str, stages: &mut Stages) {
    for event in Events::new(stream.body) {
        let Ok(text) = event else { return };
        let Ok(event) = serde_json::from_str::<Value>(&text) else { continue };
        let status = status(&event);
        if event["id"] == id && COMPLETED.contains(&status) {
            return;
        }
        if event["parent"] == id {
            let context = &event["context"];
            let name = if context["orquesta"].is_null() {
                &context["chain"]["name"]
            } else {
                &context["orquesta"]["task_name"]
            };
            stages.show(status, name.as_str().unwrap_or("unknown"));
        }
    }
}

/// Lines of tasks, rewritten in place as they go on.
struct Stages {
    shown: bool,
    quiet: bool,
}

impl Stages {
    fn show(&mut self, status: &str, name: &str) {
        let lead = match status {
            "scheduled" => "\n",
            "running" => "\r",
            status if COMPLETED.contains(&status) => "\r",
            _ => return,
        };
        if !self.quiet {
            console::show(&format!("{lead}\t[{:^20}] {name}", coloured_status(status)));
            self.shown = true;
        }
    }

    fn close(&self) {
        if self.shown {
            console::show("\n");
        }
    }
}

/// `config`: asks for everything a pack can be told.
pub(crate) fn config(session: &mut Session, values: &Matches) -> Result<(), Failure> {
    let result = configure(session, values.text("name").unwrap_or_default());
    let config = result.map_err(objects::refused)?;
    objects::print_object(&config, &[], property::ORDER, Format::of(values));
    Ok(())
}

fn configure(session: &mut Session, name: &str) -> Result<Value, Failure> {
    let schema = session.client.find(&format!("/config_schemas/{}", encode(name)))?.ok_or_else(|| {
        Failure::new(format!("Pack \"{name}\" doesn't exist or doesn't have a config schema defined."))
    })?;
    if !terminal::is_interactive() {
        return Err(Failure::new("Questions can only be asked on a terminal."));
    }
    let mut config = form::fill(&schema["attributes"]).map_err(Failure::new)?;
    let preview = "---\nDo you want to preview the config in an editor before saving? [y]: ";
    if form::yes(preview).map_err(Failure::new)? {
        config = edit(&config)?;
    }
    if !form::yes("---\nDo you want me to save it? [y]: ").map_err(Failure::new)? {
        return Err(Failure::new("Interrupted"));
    }
    Ok(session.client.put(&format!("/configs/{}", encode(name)), &config)?.json()?)
}

/// Lets the user's editor have a look.
fn edit(config: &Value) -> Result<Value, Failure> {
    crate::cli::tokens::make_home()?;
    let path = home_directory(&Process).join(format!("edit-{}.yaml", std::process::id()));
    crate::cli::tokens::write(&path, &doc::yaml(config))?;
    let editor = std::env::var("VISUAL").or_else(|_| std::env::var("EDITOR")).unwrap_or_else(|_| "vi".into());
    let mut words = editor.split_whitespace();
    let outcome = std::process::Command::new(words.next().unwrap_or("vi")).args(words).arg(&path).status();
    let edited =
        outcome.map_err(|error| Failure::new(format!("Cannot start the editor \"{editor}\": {error}")));
    let edited = edited.and_then(|_| metafile::load(&path.display().to_string()).map_err(Failure::new));
    // It may hold secrets, so it must not stay.
    std::fs::remove_file(&path)?;
    edited
}
