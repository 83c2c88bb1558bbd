//! The pack `chatops`: from what somebody types to what is said back, and what a bot sees on the way.

use super::python::virtualenv;
use crate::support::daemon::{Home, TestDaemon};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// Listens to the stream as hubot does, with its key in the address.
async fn listening(st2: &TestDaemon) -> reqwest::Response {
    let stream = st2.addresses().stream.as_deref().unwrap();
    let url = format!("{stream}/v1/stream?st2-api-key={}", st2.api_key());
    let mut stream = reqwest::get(url).await.unwrap();
    // The first byte says that it listens.
    stream.chunk().await.unwrap();
    stream
}

/// The data of the next event of this name.
async fn heard(stream: &mut reqwest::Response, name: &str) -> Value {
    let mut text = String::new();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    loop {
        let chunk = tokio::time::timeout_at(deadline, stream.chunk()).await.expect("nothing came");
        text.push_str(std::str::from_utf8(&chunk.unwrap().expect("the stream ended")).unwrap());
        let begin = format!("event: {name}\ndata: ");
        if let Some((_, rest)) = text.split_once(&begin)
            && let Some((data, _)) = rest.split_once("\n\n")
        {
            return serde_json::from_str(data).unwrap();
        }
    }
}

/// Takes the rule away that answers in the chat: what is looked at here ends before that would.
async fn without_answers(st2: &TestDaemon) {
    let gone = st2.request(Method::DELETE, "/v1/rules/chatops.notify").send().await.unwrap();
    assert_eq!(gone.status(), 204);
}

async fn make(st2: &TestDaemon, name: &str, more: Value) {
    let mut alias = json!({"name": name, "pack": "default", "action_ref": "core.local"});
    for (name, value) in more.as_object().unwrap() {
        alias[name] = value.clone();
    }
    st2.post("/v1/actionalias", alias).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_is_matched_and_run_to_its_end() {
    let st2 = TestDaemon::start().await;
    without_answers(&st2).await;
    make(&st2, "say", json!({"formats": ["say {{ cmd=echo nothing }}"]})).await;
    let matched = st2.run("chatops.match", json!({"text": "say 'echo hi'"})).await;
    let alias = json!({"name": "say", "pack": "default", "action_ref": "core.local"});
    let expected = json!({"alias": alias, "representation": "say {{ cmd=echo nothing }}"});
    assert_eq!(matched["result"]["result"], expected, "{matched:#}");

    let text = json!({"text": "say 'sleep 0.2; echo hi'", "source_channel": "ops", "user": "ann"});
    let ran = st2.run("chatops.match_and_execute", text).await;
    let id = ran["result"]["result"].as_str().unwrap_or_else(|| panic!("{ran:#}"));
    let execution = st2.get(&format!("/v1/executions/{id}")).await.expect(200);
    assert_eq!((&execution["status"], &execution["result"]["stdout"]), (&json!("succeeded"), &json!("hi")));
    assert_eq!(execution["context"]["source_channel"], "ops");

    let lost = st2.run("chatops.match", json!({"text": "walk"})).await;
    assert_eq!(lost["status"], "failed");
    let stderr = lost["result"]["stderr"].as_str().unwrap();
    assert!(stderr.contains("Command 'walk' matched no patterns"), "{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_reaches_the_bots_that_listen_to_its_route() {
    let st2 = TestDaemon::start().await;
    let mut stream = listening(&st2).await;
    let message = json!({"channel": "ops", "message": "done", "user": "ann", "context": {"id": "m1"}});
    let posted = st2.run("chatops.post_message", message).await;
    assert_eq!(posted["status"], "succeeded", "{posted:#}");
    let event = heard(&mut stream, "st2.announcement__chatops").await;
    let payload = json!({
        "channel": "ops", "message": "done", "user": "ann", "whisper": false, "context": {"id": "m1"}, "extra": null,
    });
    assert_eq!(event, json!({"payload": payload, "trace_context": null}));
    st2.run("chatops.post_message", json!({"channel": "c", "message": "m", "route": "errbot"})).await;
    assert_eq!(heard(&mut stream, "st2.announcement__errbot").await["payload"]["channel"], "c");
}

/// The requests of hubot-stackstorm, in its order and with what it sends.
#[tokio::test(flavor = "multi_thread")]
async fn hubot_is_answered_as_it_expects() {
    let st2 = TestDaemon::start().await;
    without_answers(&st2).await;
    let ack = json!({"format": "On it: {{ execution.parameters.cmd }}", "append_url": false});
    make(
        &st2,
        "say",
        json!({"formats": [{"display": "say <x>", "representation": ["say {{ cmd }}"]}], "ack": ack}),
    )
    .await;
    let commands = st2.get("/v1/actionalias?limit=-1&offset=0").await.expect(200);
    let say = commands.as_array().unwrap().iter().find(|it| it["name"] == "say").unwrap();
    assert_eq!(say["formats"], json!([{"display": "say <x>", "representation": ["say {{ cmd }}"]}]));
    assert_eq!(say["enabled"], true);

    let envelope = json!({
        "user": {"id": "U1", "name": "ann", "room": "ops"}, "text": "hubot say 'echo hi'", "id": "m1", "done": false,
        "room": "ops",
    });
    let request = json!({
        "name": "say", "format": "say {{ cmd }}", "command": "say 'echo hi'", "user": "ann", "source_channel": "ops",
        "source_context": envelope, "notification_route": "hubot",
    });
    let answer = st2.post("/v1/aliasexecution", request).await.expect(201);
    assert_eq!(answer["message"], "On it: echo hi");
    assert_eq!(answer["actionalias"]["ack"]["append_url"], false);
    let execution = &answer["execution"];
    let id = execution["id"].as_str().unwrap();
    assert!(execution["web_url"].as_str().unwrap().ends_with(&format!("/#/history/{id}/general")));
    let ended = st2.wait_for_end(id).await;
    assert_eq!(ended["result"]["stdout"], "hi");
    let data = json!({"user": "ann", "source_channel": "ops", "source_context": envelope});
    assert_eq!(ended["liveaction"]["notify"], json!({"on-complete": {"data": data, "routes": ["hubot"]}}));

    let unknown = st2
        .post(
            "/v1/aliasexecution",
            json!({"name": "nope", "format": "f", "command": "c",
        "user": "ann", "source_channel": "ops"}),
        )
        .await
        .expect(404);
    assert_eq!(unknown["faultstring"], "Unable to find the ActionAliasDB instance. {'name': 'nope'}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_is_said_as_its_alias_wants_it() {
    let Some(home) = with_templates() else {
        return;
    };
    let st2 = TestDaemon::start().with_home(&home).await;
    without_answers(&st2).await;
    let result = json!({
        "format": "{{ execution.parameters.cmd }} said {{ execution.result.stdout }}{{ execution.nope }}",
        "extra": {"color": "{{ alias.name }}"},
    });
    make(&st2, "say", json!({"formats": ["say {{ cmd }}"], "result": result})).await;
    make(&st2, "hush", json!({"formats": ["hush {{ cmd }}"], "result": {"enabled": false}})).await;
    make(&st2, "plain", json!({"formats": ["plain {{ cmd }}"]})).await;
    let said = async |text: &str| {
        let ran = st2.run("chatops.match_and_execute", json!({"text": text})).await;
        let id = ran["result"]["result"].clone();
        let formatted = st2.run("chatops.format_execution_result", json!({"execution_id": id})).await;
        assert_eq!(formatted["status"], "succeeded", "{formatted:#}");
        formatted["result"]["result"].clone()
    };
    let expected = json!({"enabled": true, "message": "echo hi said hi", "extra": {"color": "say"}});
    assert_eq!(said("say 'echo hi'").await, expected);
    assert_eq!(said("hush 'echo hi'").await["enabled"], false);
    let plain = said("plain 'echo hi; exit 3'").await;
    let message = plain["message"].as_str().unwrap();
    assert!(message.starts_with("Action core.local completed.\nstatus: failed\nexecution: "), "{message}");
    assert!(message.contains("\nstdout: hi\nreturn_code: 3\n"), "{message}");
}

/// From hubot's request to what hubot is told: the notification, the rule of its route and the workflow that posts.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_chat_asked_for_is_answered_there() {
    let Some(home) = with_templates() else {
        return;
    };
    let st2 = TestDaemon::start().with_home(&home).await;
    make(&st2, "hush", json!({"formats": ["hush {{ cmd }}"], "result": {"enabled": false}})).await;
    make(
        &st2,
        "say",
        json!({"formats": ["say {{ cmd }}"], "result": {"format": "{{ execution.result.stdout }}"}}),
    )
    .await;
    let mut stream = listening(&st2).await;
    for text in ["hush 'echo quiet'", "say 'echo loud'"] {
        let name = text.split(' ').next().unwrap();
        let request = json!({
            "name": name, "format": format!("{name} {{{{ cmd }}}}"), "command": text, "user": "ann",
            "source_channel": "ops", "source_context": {"id": "m1"}, "notification_route": "hubot",
        });
        st2.post("/v1/aliasexecution", request).await.expect(201);
    }
    // What is hushed was asked for first, so this would be it if it were said at all before the other.
    let event = heard(&mut stream, "st2.announcement__chatops").await;
    let payload = json!({
        "channel": "ops", "message": "loud", "user": "ann", "whisper": false, "context": {"id": "m1"}, "extra": {},
    });
    assert_eq!(event["payload"], payload, "{event:#}");
}

/// A daemon's home whose pack `chatops` has what its templates need; says so when this machine has it not.
fn with_templates() -> Option<Home> {
    let Some(libraries) = libraries() else {
        println!("skipped: python3 has no jinja2 and six here");
        return None;
    };
    let home = Home::new();
    let site = site_of(&home.data_dir());
    for library in libraries {
        symlink(&library, site.join(library.file_name().unwrap())).unwrap();
    }
    Some(home)
}

/// Where this machine has what the templates need, so that nothing is fetched for the test.
fn libraries() -> Option<Vec<PathBuf>> {
    let code = "import jinja2, markupsafe, six\nfor it in (jinja2, markupsafe, six): print(it.__file__)";
    let found = Command::new("python3").args(["-c", code]).output().unwrap();
    let files = String::from_utf8(found.stdout).unwrap();
    let whole = |file: &str| match file.strip_suffix("/__init__.py") {
        Some(package) => PathBuf::from(package),
        None => PathBuf::from(file),
    };
    found.status.success().then(|| files.lines().map(whole).collect())
}

/// A virtualenv for the pack; answers where its libraries go.
fn site_of(data: &Path) -> PathBuf {
    let place = data.join("virtualenvs/chatops");
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    fs::set_permissions(data, fs::Permissions::from_mode(0o700)).unwrap();
    virtualenv(&place);
    let library = fs::read_dir(place.join("lib")).unwrap().next().unwrap().unwrap();
    library.path().join("site-packages")
}
