//! Action aliases over HTTP: changed by clients, found by what is typed, and run.

use super::{
    server::{Answer, Server, start},
    stream::Client,
};
use serde_json::{Value, json};
use sqlx::PgPool;
use st2d::content;

async fn with_content(pool: PgPool) -> Server {
    let st2 = start(pool).await;
    content::register_all(&st2.app.store, &st2.app.config).await.unwrap();
    st2
}

async fn make(st2: &Server, pack: &str, name: &str, formats: Value, more: Value) -> Answer {
    let mut body = json!({"name": name, "pack": pack, "action_ref": "core.noop", "formats": formats});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    let made = st2.send("POST", "/v1/actionalias", body).await;
    assert_eq!(made.status, 201, "{made:?}");
    made
}

async fn run(st2: &Server, name: &str, format: &str, command: &str) -> Answer {
    let body =
        json!({"name": name, "format": format, "command": command, "user": "ann", "source_channel": "ops"});
    st2.send("POST", "/v1/aliasexecution", body).await
}

#[sqlx::test]
async fn stream_clients_who_ask_hear_of_changed_aliases(pool: PgPool) {
    let st2 = with_content(pool).await;
    let mut client = Client::open(&st2, "/v1/stream?events=st2.actionalias__*").await.ready().await;
    let made = make(&st2, "demo", "go", json!(["go {{ x }}"]), json!({})).await;
    let path = format!("/v1/actionalias/{}", made.body["id"].as_str().unwrap());
    let body = json!({"name": "went", "pack": "demo", "action_ref": "core.noop", "formats": []});
    assert_eq!(st2.send("PUT", &path, body).await.status, 200);
    assert_eq!(st2.send("DELETE", &path, json!({})).await.status, 204);
    for (name, reference) in [("create", "demo.go"), ("update", "demo.went"), ("delete", "demo.went")] {
        let (event, data) = client.next().await.unwrap();
        assert_eq!((event, &data["ref"]), (format!("st2.actionalias__{name}"), &json!(reference)));
        assert_eq!(data["id"], made.body["id"]);
    }
}

#[sqlx::test]
async fn a_broken_format_is_named_and_hides_no_other(pool: PgPool) {
    let st2 = with_content(pool).await;
    make(&st2, "demo", "bad", json!(["go ["]), json!({})).await;
    make(&st2, "demo", "good", json!(["walk {{ x }}"]), json!({})).await;
    let find = |command: &str| st2.send("POST", "/v1/actionalias/match", json!({"command": command}));
    assert_eq!(find("walk home").await.body["actionalias"]["ref"], "demo.good");
    let fault = find("go home").await;
    assert_eq!(fault.status, 400);
    assert!(
        fault.fault().1.starts_with("The format \"go [\" of the action alias \"demo.bad\" is no"),
        "{fault:?}"
    );
}

#[sqlx::test]
async fn a_name_in_two_packs_means_the_alias_that_knows_the_format(pool: PgPool) {
    let st2 = with_content(pool).await;
    make(&st2, "demo", "go", json!(["go there"]), json!({})).await;
    let second = make(&st2, "other", "go", json!(["go home"]), json!({})).await;
    let answer = run(&st2, "go", "go home", "go home").await;
    assert_eq!((answer.status, &answer.body["actionalias"]["id"]), (201, &second.body["id"]));
    let answer = run(&st2, "go", "go away", "go away").await;
    assert_eq!(answer.fault(), (400, "Format string \"go away\" is not available on the alias \"go\""));
}

#[sqlx::test]
async fn what_is_typed_is_cast_completed_and_acknowledged(pool: PgPool) {
    let st2 = with_content(pool).await;
    let ack = json!({
        "format": "{{ actionalias.name }}: {{ execution.parameters.message }}",
        "extra": {"color": "{{ message }}"},
    });
    let more = json!({"action_ref": "core.announcement", "ack": ack,
        "immutable_parameters": {"route": "{{ source_channel }}-{{ user }}"}});
    make(&st2, "demo", "tell", json!(["tell {{ message }}"]), more).await;
    let answer = run(&st2, "tell", "tell {{ message }}", "tell {\"text\": \"hello\"}").await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let execution = &answer.body["execution"];
    assert_eq!(execution["parameters"]["message"], json!({"text": "hello"}));
    let user = execution["context"]["user"].as_str().unwrap();
    assert_eq!(execution["parameters"]["route"], format!("ops-{user}"));
    assert_eq!(execution["context"]["api_user"], "ann");
    let notify = json!({"on-complete": {
        "data": {"user": "ann", "source_channel": "ops", "source_context": null}, "routes": [null],
    }});
    assert_eq!(execution["liveaction"]["notify"], notify);
    assert_eq!(answer.body["message"], "tell: {'text': 'hello'}");
    assert_eq!(answer.body["extra"], json!({"color": "tell: {'text': 'hello'}"}));

    let taken = run(&st2, "tell", "tell {{ message }}", "tell {\"text\": \"hello\"} route=x").await;
    assert_eq!(taken.fault(), (400, "Immutable arguments cannot be overriden: route"));
    let unfit = run(&st2, "tell", "tell {{ message }}", "tell hello").await;
    assert!(
        unfit.fault().1.starts_with(
            "Failed to cast value \"hello\" (type: str) for parameter \"message\" of type \"object\": "
        ),
        "{unfit:?}"
    );
}

#[sqlx::test]
async fn an_acknowledgement_that_cannot_be_rendered_says_so(pool: PgPool) {
    let st2 = with_content(pool).await;
    for (name, format, message) in [
        ("a", "{{ nope }}", "'nope' is undefined"),
        (
            "b",
            "{{ execution.nope }}",
            "'st2common.models.api.execution.ActionExecutionAPI object' has no attribute 'nope'",
        ),
    ] {
        make(&st2, "demo", name, json!([name]), json!({"ack": {"format": format}})).await;
        let answer = run(&st2, name, name, name).await;
        assert_eq!(answer.status, 201);
        let expected = format!("Cannot render \"format\" in field \"ack\" for alias. {message}");
        assert_eq!(answer.body["message"], expected);
    }
}

#[sqlx::test]
async fn an_alias_of_an_action_that_is_not_there_runs_nothing(pool: PgPool) {
    let st2 = with_content(pool).await;
    make(&st2, "demo", "go", json!(["go"]), json!({"action_ref": "demo.nope"})).await;
    assert_eq!(run(&st2, "go", "go", "go").await.fault(), (404, "Action with ref \"demo.nope\" not found "));
    assert_eq!(st2.get("/v1/executions").await.body, json!([]));
}

#[sqlx::test]
async fn help_lists_what_can_be_typed(pool: PgPool) {
    let st2 = with_content(pool).await;
    make(
        &st2,
        "demo",
        "go",
        json!(["go {{ x }}", {"display": "Walk", "representation": ["walk"]}]),
        json!({}),
    )
    .await;
    make(&st2, "demo", "off", json!(["off"]), json!({"enabled": false})).await;
    let help = st2.get("/v1/actionalias/help?pack=demo&filter=WALK|go&limit=1").await;
    let line = json!({"pack": "demo", "display": "go {{ x }}", "description": null});
    assert_eq!((help.status, help.body), (200, json!({"available": 2, "helpstrings": [line]})));
    assert_eq!(st2.get("/v1/actionalias/help?filter=[").await.status, 400);
}
