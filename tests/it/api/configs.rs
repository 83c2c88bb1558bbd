//! Configurations of packs: set, masked, and resolved for those who use them.

use super::server::{Server, start_with};
use serde_json::{Value, json};
use sqlx::PgPool;
use st2d::{
    content, datastore,
    model::{ConfigSchema, ConfigSchemaId},
    store,
};

struct Workshop {
    st2: Server,
    folder: tempfile::TempDir,
}

/// A server with the pack `demo`, whose configuration has a schema.
async fn workshop(pool: PgPool) -> Workshop {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    std::fs::create_dir_all(path.join("packs/demo")).unwrap();
    let manifest = "name: demo\ndescription: d\nversion: 1.0.0\nauthor: a\nemail: a@example.com\n";
    std::fs::write(path.join("packs/demo/pack.yaml"), manifest).unwrap();
    datastore::generate(&path.join("key.json"), false).unwrap();
    let st2 = start_with(pool, move |config| {
        config.content.packs_dir = path.join("packs");
        config.content.configs_dir = path.join("configs");
        config.keyvalue.encryption_key_path = path.join("key.json");
    })
    .await;
    content::register_all(&st2.app.store, &st2.app.config).await.unwrap();
    let schema = json!({
        "host": {"type": "string", "default": "localhost"},
        "port": {"type": "integer", "default": 8080},
        "password": {"type": "string", "secret": true},
        "nested": {"type": "object", "properties": {
            "region": {"type": "string", "default": "north"}, "token": {"type": "string", "secret": true}}},
    });
    let attributes = schema.as_object().cloned().unwrap();
    let schema = ConfigSchema { id: ConfigSchemaId::generate(), pack: "demo".to_owned(), attributes };
    let mut tx = st2.app.store.begin().await.unwrap();
    store::configs::upsert_schema(&mut tx, &[schema]).await.unwrap();
    tx.commit().await.unwrap();
    Workshop { st2, folder }
}

impl Workshop {
    async fn set(&self, values: Value) -> Value {
        let answer = self.st2.send("PUT", "/v1/configs/demo", values).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        answer.body
    }

    fn file(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("configs/demo.yaml")).unwrap()
    }

    async fn resolved(&self, user: Option<&str>) -> Result<Value, String> {
        let config = self.st2.app.engine.pack_config("demo", user).await;
        config.map(Value::Object).map_err(|error| error.to_string())
    }

    async fn key(&self, name: &str, body: Value) {
        let answer = self.st2.send("PUT", &format!("/v1/keys/{name}"), body).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
    }
}

#[sqlx::test]
async fn a_configuration_is_a_row_and_a_file_and_hides_its_secrets(pool: PgPool) {
    let it = workshop(pool).await;
    let nothing = (404, "Unable to identify resource with pack_ref \"demo\".");
    assert_eq!(it.st2.get("/v1/configs/demo").await.fault(), nothing);
    let set = it.set(json!({"password": "p", "nested": {"token": "t", "region": "r"}, "bogus": 1})).await;
    let masked = json!({"password": "********", "nested": {"token": "********", "region": "r"}, "bogus": 1});
    assert_eq!((&set["pack"], &set["values"]), (&json!("demo"), &masked));
    assert_eq!(it.file(), "bogus: 1\nnested:\n  region: r\n  token: t\npassword: p\n");
    let clear = it.st2.get("/v1/configs/demo?show_secrets=true").await.body;
    assert_eq!((&clear["id"], &clear["values"]["password"]), (&set["id"], &json!("p")));
    let again = it.set(json!({"host": "h"})).await;
    assert_eq!(
        (&again["id"], &again["values"], it.file().as_str()),
        (&set["id"], &json!({"host": "h"}), "host: h\n")
    );
    let listed = it.st2.get("/v1/configs?limit=5").await;
    assert_eq!((&listed.body, listed.header("x-total-count")), (&json!([again]), Some("1")));
    let schema = it.st2.get("/v1/config_schemas/demo").await.body;
    assert_eq!(schema["attributes"]["port"]["default"], 8080);
    // Packs that come with st2d have schemas too.
    let schemas = it.st2.get("/v1/config_schemas").await.body;
    assert!(schemas.as_array().unwrap().contains(&schema), "{schemas}");
}

#[sqlx::test]
async fn what_does_not_fit_the_schema_changes_nothing(pool: PgPool) {
    let it = workshop(pool).await;
    it.set(json!({"host": "h"})).await;
    let file = it.folder.path().join("configs/demo.yaml");
    let refused = it.st2.send("PUT", "/v1/configs/demo", json!({"port": "x"})).await;
    let (status, fault) = refused.fault();
    let begin = format!(
        "Failed validating attribute \"port\" in config for pack \"demo\" ({}): 'x' is not of type 'integer'",
        file.display()
    );
    assert!(status == 400 && fault.starts_with(&begin), "{fault}");
    let own = json!({"password": "{{ st2kv.system.x | decrypt_kv }}"});
    let (status, fault) = (it.st2.send("PUT", "/v1/configs/demo", own).await.status, it.file());
    assert_eq!((status, fault.as_str()), (400, "host: h\n"));
    assert_eq!(it.st2.send("PUT", "/v1/configs/a.b", json!({})).await.status, 400);

    // The file cannot be written: the row stays too.
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir_all(file.join("in the way")).unwrap();
    let failed = it.st2.send("PUT", "/v1/configs/demo", json!({"host": "h2"})).await;
    assert_eq!(failed.status, 500, "{:?}", failed.body);
    assert_eq!(it.st2.get("/v1/configs/demo").await.body["values"], json!({"host": "h"}));
}

#[sqlx::test]
async fn values_come_from_the_datastore_of_the_user_and_defaults_fill_in(pool: PgPool) {
    let it = workshop(pool).await;
    let user = it.st2.first_start.user.clone();
    it.key("tok", json!({"name": "tok", "value": "own token", "scope": "user", "secret": true})).await;
    it.key("host", json!({"name": "host", "value": "h1"})).await;
    it.set(json!({
        "host": "{{ st2kv.system.host }}:{{ st2kv.system.none }}",
        "password": "",
        "nested": {"token": "{{ st2kv.user.tok }}"},
        "more": ["{{ st2kv.system.none }}", {"x": "{{ st2kv.user.tok | decrypt_kv }}"}],
    }))
    .await;
    assert_eq!(
        it.resolved(Some(&user)).await.unwrap(),
        json!({"host": "h1:", "password": "", "nested": {"token": "own token", "region": "north"},
            "more": [null, {"x": "own token"}], "port": 8080})
    );
    // Somebody else has no such key.
    assert_eq!(
        it.resolved(Some("other")).await.unwrap_err(),
        "Failed to render dynamic configuration value for key \"more.1.x\" with value \"{{ st2kv.user.tok | \
         decrypt_kv }}\" for pack \"demo\" config: <class 'ValueError'> Referenced datastore item \
         \"st2kv.user.tok\" doesn't exist or it contains an empty string "
    );
    it.set(json!({"host": "{{ nope }}"})).await;
    assert_eq!(
        it.resolved(None).await.unwrap_err(),
        "Failed to render dynamic configuration value for key \"host\" with value \"{{ nope }}\" for pack \"demo\" \
         config: <class 'jinja2.exceptions.UndefinedError'> 'nope' is undefined "
    );
    it.key("plain", json!({"name": "plain", "value": "no ciphertext"})).await;
    it.set(json!({"password": "{{ st2kv.system.plain }}"})).await;
    let error = it.resolved(None).await.unwrap_err();
    assert!(error.starts_with("Failed to decrypt the configuration value for key \"password\""), "{error}");
    assert!(!error.contains("no ciphertext"), "{error}");
    it.set(json!({})).await;
    assert_eq!(
        it.resolved(None).await.unwrap(),
        json!({"host": "localhost", "port": 8080, "nested": {"region": "north"}})
    );
}

#[sqlx::test]
async fn a_pack_without_schema_or_configuration_is_configured_with_nothing(pool: PgPool) {
    let it = workshop(pool).await;
    assert_eq!(it.st2.app.engine.pack_config("nowhere", None).await.unwrap(), serde_json::Map::new());
    let loose = it.st2.send("PUT", "/v1/configs/other", json!({"a": [1, "{{ st2kv.system.x }}"]})).await;
    assert_eq!(loose.status, 200, "{:?}", loose.body);
    let resolved = it.st2.app.engine.pack_config("other", None).await.unwrap();
    assert_eq!(Value::Object(resolved), json!({"a": [1, null]}));
}
