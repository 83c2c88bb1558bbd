//! Actions made, changed, deleted and cloned by clients, and what that does to the files of their packs.

use super::server::{Answer, Server, start_with};
use serde_json::{Value, json};
use sqlx::PgPool;
use st2d::{content, store};
use std::path::PathBuf;

/// A server with two packs of its own on disk, `demo` and `other`, and all runners.
async fn workshop(pool: PgPool) -> (Server, tempfile::TempDir) {
    let packs = tempfile::tempdir().unwrap();
    for name in ["demo", "other", "bare"] {
        let actions = packs.path().join(name).join("actions");
        if name != "bare" {
            std::fs::create_dir_all(&actions).unwrap();
        }
        std::fs::create_dir_all(packs.path().join(name)).unwrap();
        let manifest =
            format!("name: {name}\ndescription: d\nversion: 1.0.0\nauthor: a\nemail: a@example.com\n");
        std::fs::write(packs.path().join(name).join("pack.yaml"), manifest).unwrap();
    }
    let directory = packs.path().to_owned();
    let st2 = start_with(pool, move |config| {
        // Start-up writes more than packs there.
        config.data_dir = directory.join(".data");
        config.content.packs_dir = directory;
    })
    .await;
    content::register_all(&st2.app.store, &st2.app.config).await.unwrap();
    (st2, packs)
}

async fn make(st2: &Server, more: Value) -> Answer {
    let mut body = json!({"name": "go", "pack": "demo", "runner_type": "local-shell-script"});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    st2.send("POST", "/v1/actions", body).await
}

#[sqlx::test]
async fn an_action_is_made_replaced_renamed_and_deleted_with_its_file(pool: PgPool) {
    let (st2, packs) = workshop(pool).await;
    let file: PathBuf = packs.path().join("demo/actions/lib/go.sh");
    let bring = |text: &str| json!([{"file_path": "lib/go.sh", "content": text}]);
    let made = make(&st2, json!({"entry_point": "lib/go.sh", "data_files": bring("echo 1")})).await;
    assert_eq!((made.status, &made.body["ref"]), (201, &json!("demo.go")));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "echo 1");
    let pack = st2.get("/v1/packs/demo").await;
    assert!(pack.body["files"].as_array().unwrap().contains(&json!("actions/lib/go.sh")));

    let id = made.body["id"].as_str().unwrap();
    let twice = make(&st2, json!({})).await;
    assert_eq!((twice.status, twice.body["conflict-id"].as_str()), (409, Some(id)));

    let body = json!({"name": "went", "runner_type": "local-shell-script", "entry_point": "lib/go.sh",
        "data_files": bring("echo 2")});
    let renamed = st2.send("PUT", "/v1/actions/demo.go", body).await;
    assert_eq!(
        (renamed.status, &renamed.body["ref"], &renamed.body["id"]),
        (200, &json!("demo.went"), &json!(id))
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "echo 2");
    assert_eq!(st2.get("/v1/actions/demo.go").await.status, 404);

    let path = format!("/v1/actions/{id}");
    let extra = st2.send("DELETE", &path, json!({"more": 1})).await;
    assert_eq!(extra.fault(), (400, "Additional properties are not allowed ('more' was unexpected)"));
    assert_eq!(st2.send("DELETE", &path, json!({"remove_files": true})).await.status, 204);
    assert!(!file.exists());
    assert_eq!(super::server::send(st2.request("DELETE", &path)).await.status, 404);
}

#[sqlx::test]
async fn each_file_that_comes_with_an_action_is_an_event(pool: PgPool) {
    let (st2, packs) = workshop(pool).await;
    let files = |names: &[&str]| {
        let files = names.iter().map(|name| json!({"file_path": name, "content": "x"}));
        json!(files.collect::<Vec<_>>())
    };
    make(&st2, json!({"data_files": files(&["a.sh", "lib/b.sh"])})).await;
    make(&st2, json!({"name": "other"})).await;
    assert_eq!(make(&st2, json!({"data_files": files(&["c.sh"])})).await.status, 409);
    let body = json!({"name": "went", "runner_type": "local-shell-script", "data_files": files(&["a.sh"])});
    assert_eq!(st2.send("PUT", "/v1/actions/demo.go", body).await.status, 200);
    let sql = "SELECT payload::text FROM trigger_instances WHERE trigger = 'core.st2.action.file_written' ORDER BY id";
    let told = sqlx::query_scalar::<_, String>(sql).fetch_all(st2.app.store.pool()).await.unwrap();
    let told: Vec<Value> = told.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    let host = json!({"hostname": hostname::get().unwrap().to_string_lossy()});
    let actions = packs.path().canonicalize().unwrap().join("demo/actions");
    let event = |action: &str, file: &str| json!({"ref": action, "file_path": actions.join(file).display().to_string(), "host_info": host});
    assert_eq!(told, [event("demo.go", "a.sh"), event("demo.go", "lib/b.sh"), event("demo.went", "a.sh")]);
}

#[sqlx::test]
async fn what_cannot_be_an_action_is_refused_and_leaves_nothing(pool: PgPool) {
    let (st2, packs) = workshop(pool).await;
    let base = packs.path().display();
    let no_pack = |name: &str| {
        format!(
            "Content pack \"{name}\" is not found or doesn't contain actions directory. Searched in: {base}"
        )
    };
    let table = [
        (json!({"name": 5}), "5 is not of type 'string'".to_owned()),
        (json!({"more": 1}), "Additional properties are not allowed ('more' was unexpected)".to_owned()),
        (json!({"pack": "nope"}), no_pack("nope")),
        (json!({"pack": "../demo"}), no_pack("../demo")),
        (json!({"pack": "bare"}), no_pack("bare")),
        (
            json!({"pack": "core"}),
            "Resources belonging to system level packs can't be manipulated".to_owned(),
        ),
        (json!({"parameters": {"a": 5}, "description": 12}), "12 is not of type 'string'".to_owned()),
        (json!({"parameters": {"a": 5}, "tags": 12}), "5 is not of type 'object'".to_owned()),
        (
            json!({"parameters": {"a": {"position": 0}, "b": {"position": 0}}}),
            "Parameters b and a have same position 0. Position values have to be unique.".to_owned(),
        ),
    ];
    for (body, fault) in table {
        assert_eq!(make(&st2, body.clone()).await.fault(), (400, fault.as_str()), "{body}");
    }
    let runner = make(&st2, json!({"runner_type": "nope"})).await;
    assert!(runner.fault().1.starts_with("RunnerType nope is not found."), "{runner:?}");
    for path in ["../../evil.sh", "/tmp/evil.sh", ""] {
        let files = json!([{"file_path": "fine.sh", "content": ""}, {"file_path": path, "content": "x"}]);
        let answer = make(&st2, json!({"data_files": files})).await;
        assert_eq!(answer.status, 400, "{path}");
        assert!(answer.fault().1.starts_with("Invalid file path: "), "{answer:?}");
    }
    assert!(!packs.path().join("demo/actions/fine.sh").exists());
    let none = store::actions::find(st2.app.store.pool(), "demo.go").await.unwrap();
    assert!(none.is_none());
}

#[sqlx::test]
async fn notifications_of_an_action_are_looked_at_before_its_model(pool: PgPool) {
    let (st2, _packs) = workshop(pool).await;
    for (part, expected) in [
        (json!(5), "5 is not of type 'object'"),
        (json!(null), "None is not of type 'object'"),
        (json!({"message": null}), "None is not of type 'string'"),
        (json!({"data": "x"}), "'x' is not of type 'object'"),
        (json!({"routes": "x"}), "'x' is not of type 'array'"),
        (json!({"routes": ["x", 5]}), "5 is not of type 'string'"),
        (json!({"text": "x"}), "Additional properties are not allowed ('text' was unexpected)"),
    ] {
        let answer = make(&st2, json!({"runner_type": "noop", "notify": {"on-success": part}})).await;
        assert_eq!(answer.fault(), (400, expected));
    }
    let notify = json!({"on-success": {"message": "m", "routes": ["a", null]}});
    assert_eq!(make(&st2, json!({"runner_type": "noop", "notify": notify})).await.status, 201);
}

#[sqlx::test]
async fn a_clone_has_files_of_its_own(pool: PgPool) {
    let (st2, packs) = workshop(pool).await;
    let files = json!([{"file_path": "lib/go.sh", "content": "echo 1"}]);
    make(
        &st2,
        json!({"entry_point": "lib/go.sh", "data_files": files, "parameters": {"a": {"type": "string"}}}),
    )
    .await;
    let clone = |body: Value| st2.send("POST", "/v1/actions/demo.go/clone", body);
    let made = clone(json!({"dest_pack": "other", "dest_action": "copy"})).await;
    assert_eq!((made.status, &made.body["entry_point"]), (201, &json!("lib/copy.sh")));
    let actions = packs.path().join("other/actions");
    assert_eq!(std::fs::read_to_string(actions.join("lib/copy.sh")).unwrap(), "echo 1");
    let metadata = std::fs::read_to_string(actions.join("copy.yaml")).unwrap();
    let read = st2d::yaml::load(&metadata).unwrap();
    assert_eq!((&read["name"], &read["parameters"]), (&json!("copy"), &json!({"a": {"type": "string"}})));

    for (body, fault) in [
        (json!({}), "'dest_pack' is a required property"),
        (json!({"dest_pack": "other"}), "'dest_action' is a required property"),
        (json!({"dest_pack": "nope", "dest_action": "x"}), "Destination pack 'nope' doesn't exist"),
        (
            json!({"dest_pack": "packs", "dest_action": "x"}),
            "Resources belonging to system level packs can't be manipulated",
        ),
        (
            json!({"dest_pack": "other", "dest_action": "copy"}),
            "The requested destination action already exists",
        ),
        (json!({"dest_pack": "other", "dest_action": "../x"}), "Invalid name of an action: \"../x\""),
    ] {
        assert_eq!(clone(body.clone()).await.fault(), (400, fault), "{body}");
    }
    let over = clone(json!({"dest_pack": "other", "dest_action": "copy", "overwrite": true})).await;
    assert_eq!(over.status, 201);
    assert_ne!(over.body["id"], made.body["id"]);
    let gone = st2.send("DELETE", "/v1/actions/other.copy", json!({"remove_files": true})).await;
    assert_eq!(gone.status, 204);
    assert_eq!(std::fs::read_dir(actions.join("lib")).unwrap().count(), 0);
    assert!(!actions.join("copy.yaml").exists());
}

#[sqlx::test]
async fn packs_are_registered_on_request(pool: PgPool) {
    let (st2, _packs) = workshop(pool).await;
    let register = |body: Value| {
        let st2 = &st2;
        async move { st2.send("POST", "/v1/packs/register", body).await }
    };
    let all = register(json!({"packs": ["core"]})).await;
    assert_eq!(all.status, 200);
    let names: Vec<_> = all.body.as_object().unwrap().keys().collect();
    assert_eq!(
        names,
        [
            "runners",
            "rule_types",
            "policy_types",
            "triggers",
            "sensors",
            "actions",
            "rules",
            "aliases",
            "policies",
            "configs"
        ]
    );
    let some = register(json!({"packs": ["core"], "types": ["sensor", "actions"]})).await;
    assert_eq!(some.body.as_object().unwrap().keys().collect::<Vec<_>>(), ["runners", "sensors", "actions"]);
    let nowhere = register(json!({"packs": ["nope_zz"]})).await;
    let (status, fault) = nowhere.fault();
    assert_eq!(status, 400);
    assert!(fault.starts_with("Pack \"nope_zz\" not found on disk: Directory \""), "{fault}");
    assert!(fault.ends_with("/nope_zz\" doesn't exist"), "{fault}");
    let of_the_program = register(json!({"packs": ["nope_zz"], "types": ["runner", "policy_type"]})).await;
    assert_eq!(of_the_program.body, json!({"runners": 14, "policy_types": 3}));
    for (body, expected) in [
        (json!({"types": "action", "packs": 5}), "5 is not of type 'array'"),
        (json!({"types": null}), "None is not of type 'array'"),
        (json!({"fail_on_failure": null}), "None is not of type 'boolean'"),
    ] {
        assert_eq!(register(body).await.fault(), (400, expected));
    }
    let unknown = register(json!({"types": ["policies", "conform"]})).await;
    assert!(
        unknown.fault().1.starts_with("'conform' is not one of ['all', 'runner', "),
        "{:?}",
        unknown.body
    );
}
