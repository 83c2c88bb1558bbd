//! The datastore as clients meet it: scopes, secrets, lives, and what templates see.

use super::server::{Server, send, start, start_with};
use serde_json::{Value, json};
use sqlx::PgPool;
use st2d::{
    content, datastore,
    expr::jinja::{self, Datastore},
    model::KeyName,
};
use std::sync::Arc;

/// A server with a datastore key.
async fn with_key(pool: PgPool) -> (Server, tempfile::TempDir) {
    let keys = tempfile::tempdir().unwrap();
    let path = keys.path().join("key.json");
    datastore::generate(&path, false).unwrap();
    (start_with(pool, move |config| config.keyvalue.encryption_key_path = path).await, keys)
}

async fn put(st2: &Server, name: &str, more: Value) -> Value {
    let mut body = json!({"name": name, "value": "v"});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    let answer = st2.send("PUT", &format!("/v1/keys/{name}"), body).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    answer.body
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap()).collect()
}

#[sqlx::test]
async fn an_entry_keeps_its_id_until_it_is_deleted(pool: PgPool) {
    let st2 = start(pool).await;
    let first = put(&st2, "a.b", json!({"value": "1", "id": "a.b", "description": "d"})).await;
    let id = first["id"].as_str().unwrap().to_owned();
    assert_eq!(
        first,
        json!({"uid": "key_value_pair:st2kv.system:a.b", "scope": "st2kv.system", "name": "a.b",
            "description": "d", "value": "1", "secret": false, "id": id, "encrypted": false})
    );
    let again = put(&st2, "a.b", json!({"value": "2\u{0}", "id": "66f0c0ffee0ddba11dead001"})).await;
    assert_eq!((&again["id"], &again["value"]), (&json!(id), &json!("2\u{0}")));
    assert_eq!(st2.get("/v1/keys/a.b").await.body, again);
    let other = put(&st2, "c", json!({"id": "66f0c0ffee0ddba11dead001"})).await;
    assert_eq!(other["id"], "66f0c0ffee0ddba11dead001");
    let taken = json!({"name": "d", "value": "v", "id": "66f0c0ffee0ddba11dead001"});
    assert_eq!(st2.send("PUT", "/v1/keys/d", taken).await.status, 409);

    assert_eq!(st2.send("DELETE", "/v1/keys/a.b", json!({})).await.status, 204);
    let gone = (404, "The key \"a.b\" does not exist in the StackStorm datastore.");
    assert_eq!(st2.get("/v1/keys/a.b").await.fault(), gone);
    assert_eq!(st2.send("DELETE", "/v1/keys/a.b", json!({})).await.fault(), gone);
}

#[sqlx::test]
async fn scopes_do_not_meet(pool: PgPool) {
    let st2 = start(pool).await;
    let user = st2.first_start.user.clone();
    put(&st2, "k", json!({"value": "system"})).await;
    let own = put(&st2, "k", json!({"value": "user", "scope": "user"})).await;
    assert_eq!(own["uid"], format!("key_value_pair:st2kv.user:{user}:k"));
    assert_eq!((&own["user"], &own["name"]), (&json!(user), &json!("k")));
    for (query, value) in [
        ("", "system"),
        ("?scope=all", "system"),
        ("?scope=st2kv.user", "user"),
        (&format!("?user={user}"), "user"),
    ] {
        assert_eq!(st2.get(&format!("/v1/keys/k{query}")).await.body["value"], value, "{query}");
    }
    put(&st2, "l", json!({})).await;
    let lists =
        [("", vec!["k", "l"]), ("?scope=user", vec!["k"]), ("?scope=all&sort=-name", vec!["l", "k", "k"])];
    for (query, expected) in lists {
        assert_eq!(names(&st2.get(&format!("/v1/keys{query}")).await.body), expected, "{query}");
    }
    let counted = st2.get("/v1/keys?scope=all&limit=1").await;
    assert_eq!((names(&counted.body), counted.header("x-total-count")), (vec!["k", "k"], Some("3")));
    let refused = (403, "\"user\" attribute can only be provided by admins when RBAC is enabled");
    assert_eq!(st2.get("/v1/keys?user=other").await.fault(), refused);
    assert_eq!(st2.get("/v1/keys/k?user=other").await.fault(), refused);
    let body = json!({"name": "k", "value": "v", "scope": "user", "user": "other"});
    assert_eq!(st2.send("PUT", "/v1/keys/k", body).await.fault(), refused);
    let allowed =
        "Scope st2kv.x is not in allowed scopes list: ['system', 'user', 'st2kv.system', 'st2kv.user'].";
    assert_eq!(st2.get("/v1/keys/k?scope=x").await.fault(), (400, allowed));
    assert_eq!(st2.get("/v1/keys?scope=x").await.fault(), (400, "Invalid scope: st2kv.x"));
    assert_eq!(st2.send("DELETE", "/v1/keys/k?scope=user", json!({})).await.status, 204);
    assert_eq!(st2.get("/v1/keys/k").await.status, 200);
}

#[sqlx::test]
async fn prefixes_are_texts_and_not_patterns(pool: PgPool) {
    let st2 = start(pool).await;
    for name in ["a%", "a_b", "ab", "b", "\u{10ffff}x"] {
        put(&st2, name, json!({})).await;
    }
    for (prefix, expected) in [
        ("a", vec!["a%", "a_b", "ab"]),
        ("a%25", vec!["a%"]),
        ("a_", vec!["a_b"]),
        ("%F4%8F%BF%BF", vec!["\u{10ffff}x"]),
    ] {
        assert_eq!(names(&st2.get(&format!("/v1/keys?prefix={prefix}")).await.body), expected, "{prefix}");
    }
}

#[sqlx::test]
async fn bad_entries_are_refused_and_change_nothing(pool: PgPool) {
    let (st2, _keys) = with_key(pool).await;
    put(&st2, "k", json!({"value": "kept"})).await;
    let long = "n".repeat(1025);
    for (name, body, fault) in [
        ("k", json!({"value": "v"}), "'name' is a required property".to_owned()),
        ("k", json!({"name": "k"}), "'value' is a required property".to_owned()),
        ("k", json!({"name": "k", "value": {"a": 1}}), "{'a': 1} is not of type 'string'".to_owned()),
        ("k", json!({"name": "k", "value": "v", "ttl": "1"}), "'1' is not of type 'integer'".to_owned()),
        (
            "k",
            json!({"name": "k", "value": "v", "ttl": 99_999_999_999_i64}),
            "ttl may be 3153600000 seconds at most, got 99999999999.".to_owned(),
        ),
        (
            "k",
            json!({"name": "k", "value": "00", "encrypted": true}),
            "Failed to verify the integrity of the provided value for key \"k\". Ensure that the value is encrypted \
             with the correct key and not corrupted."
                .to_owned(),
        ),
        (
            long.as_str(),
            json!({"name": "k", "value": "v"}),
            "The name of a key may have 1024 bytes at most, this one has 1025.".to_owned(),
        ),
        (
            "a%00b",
            json!({"name": "k", "value": "v"}),
            "Names cannot hold a NUL character.".to_owned(),
        ),
    ] {
        let answer = st2.send("PUT", &format!("/v1/keys/{name}"), body.clone()).await;
        assert_eq!(answer.fault(), (400, fault.as_str()), "{body}");
    }
    assert_eq!(st2.get("/v1/keys/k").await.body["value"], "kept");
    assert_eq!(names(&st2.get("/v1/keys").await.body), ["k"]);
}

#[sqlx::test]
async fn secrets_are_ciphertext_until_somebody_asks(pool: PgPool) {
    let (st2, keys) = with_key(pool.clone()).await;
    let made = put(&st2, "s", json!({"value": "hush", "secret": true})).await;
    let cipher = made["value"].as_str().unwrap().to_owned();
    assert!(cipher.len() > 90 && !cipher.contains("hush"));
    assert_eq!((&made["secret"], &made["encrypted"]), (&json!(true), &json!(true)));
    let clear = st2.get("/v1/keys/s?decrypt=true").await.body;
    assert_eq!((&clear["value"], &clear["encrypted"]), (&json!("hush"), &json!(false)));
    // It travels as it is, and implies secret.
    let moved = put(&st2, "t", json!({"value": cipher, "encrypted": true})).await;
    assert_eq!((&moved["value"], &moved["secret"]), (&json!(cipher), &json!(true)));
    let listed = st2.get("/v1/keys?decrypt=1").await.body;
    assert_eq!((&listed[0]["value"], &listed[1]["value"]), (&json!("hush"), &json!("hush")));

    // Another key: the values stay, and say what they are.
    drop(st2);
    datastore::generate(&keys.path().join("key.json"), true).unwrap();
    sqlx::query("DELETE FROM users").execute(&pool).await.unwrap();
    let path = keys.path().join("key.json");
    let st2 = start_with(pool, move |config| config.keyvalue.encryption_key_path = path).await;
    let listed = st2.get("/v1/keys?decrypt=1").await;
    assert_eq!((listed.status, &listed.body[0]["value"]), (200, &json!(cipher)));
    assert_eq!(
        st2.get("/v1/keys/s?decrypt=true").await.fault(),
        (400, "Failed to decrypt the value of key \"s\": Signature did not match digest.")
    );
}

#[sqlx::test]
async fn without_a_key_file_secrets_are_refused_by_name(pool: PgPool) {
    let st2 =
        start_with(pool, |config| config.keyvalue.encryption_key_path = "/nowhere/key.json".into()).await;
    let body = json!({"name": "k", "value": "v", "secret": true, "scope": "user"});
    let fault = format!(
        "Crypto key not found in /nowhere/key.json. Unable to encrypt / decrypt value for key {}:k.",
        st2.first_start.user
    );
    assert_eq!(st2.send("PUT", "/v1/keys/k", body).await.fault(), (400, fault.as_str()));
    put(&st2, "k", json!({})).await;
}

#[sqlx::test]
async fn what_has_expired_is_gone_at_once_and_for_everybody(pool: PgPool) {
    let st2 = start(pool.clone()).await;
    let entry = put(&st2, "k", json!({"ttl": 3600})).await;
    let stamp = entry["expire_timestamp"].as_str().unwrap();
    assert!(stamp.ends_with("000Z") && stamp.len() == 27, "{stamp}");
    assert_eq!(st2.get("/v1/keys/k").await.body, entry);
    sqlx::query("UPDATE key_values SET expires_at = now() - interval '1 millisecond'")
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(st2.get("/v1/keys/k").await.status, 404);
    assert_eq!(st2.get("/v1/keys").await.body, json!([]));
    assert_eq!(st2.send("DELETE", "/v1/keys/k", json!({})).await.status, 404);

    put(&st2, "k", json!({"ttl": -5})).await;
    assert_eq!(st2.get("/v1/keys/k").await.status, 404);
    let lookups = st2.app.engine.datastore().for_templates(None, ["{{ st2kv.system.k }}"]).await.unwrap();
    assert_eq!(Datastore::system(&*lookups, "k"), Ok(None));
    // A new entry of the same name is another one; without a ttl it stays.
    let fresh = put(&st2, "k", json!({})).await;
    assert!(fresh["id"] != entry["id"] && fresh.get("expire_timestamp").is_none());
    put(&st2, "l", json!({"ttl": -5})).await;
    let mut tx = st2.app.store.begin().await.unwrap();
    let now = st2d::clock::now();
    assert_eq!(st2d::store::keys::delete_expired(&mut tx, now, 10).await.unwrap(), 1);
    tx.commit().await.unwrap();
    assert_eq!(names(&st2.get("/v1/keys").await.body), ["k"]);
}

#[sqlx::test]
async fn writers_of_one_key_leave_one_entry(pool: PgPool) {
    let st2 = start(pool).await;
    let writes = (0..20).map(|value| put(&st2, "k", json!({"value": value.to_string()})));
    let written = futures_util::future::join_all(writes).await;
    let ids: std::collections::HashSet<&str> = written.iter().map(|it| it["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(names(&st2.get("/v1/keys").await.body), ["k"]);
}

/// Events about keys so far: what happened, and what it brought, oldest first.
async fn events(st2: &Server) -> Vec<(String, Value)> {
    let sql = "SELECT replace(trigger, 'core.st2.key_value_pair.', ''), payload::text FROM trigger_instances ORDER BY id";
    let rows = sqlx::query_as::<_, (String, String)>(sql).fetch_all(st2.app.store.pool()).await.unwrap();
    rows.into_iter().map(|(what, payload)| (what, serde_json::from_str(&payload).unwrap())).collect()
}

#[sqlx::test]
async fn whatever_happens_to_a_key_is_an_event_that_brings_the_entry(pool: PgPool) {
    let (st2, _keys) = with_key(pool).await;
    content::register_all(&st2.app.store, &st2.app.config).await.unwrap();
    let first = put(&st2, "a.b", json!({"value": "1", "description": "d"})).await;
    let same = put(&st2, "a.b", json!({"value": "1", "ttl": 100})).await;
    let secret = put(&st2, "a.b", json!({"value": "hush", "secret": true})).await;
    let again = put(&st2, "a.b", json!({"value": "hush", "secret": true})).await;
    let user = put(&st2, "k", json!({"scope": "user"})).await;
    assert_eq!(st2.send("DELETE", "/v1/keys/a.b", json!({})).await.status, 204);
    assert_eq!(st2.send("DELETE", "/v1/keys/a.b", json!({})).await.status, 404);
    let event = |what: &str, payload: Value| (what.to_owned(), payload);
    let change =
        |old: &Value, new: &Value| event("value_change", json!({"old_object": old, "new_object": new}));
    assert_eq!(
        events(&st2).await,
        [
            event("create", json!({"object": first})),
            event("update", json!({"object": same})),
            event("update", json!({"object": secret})),
            change(&same, &secret),
            // The same secret has another ciphertext each time.
            event("update", json!({"object": again})),
            change(&secret, &again),
            event("create", json!({"object": user})),
            event("delete", json!({"object": again})),
        ]
    );
    for (fields, secret) in [(&first, false), (&secret, true)] {
        let names: Vec<&str> = fields.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(
            names,
            ["uid", "scope", "name", "description", "value", "secret", "id", "encrypted"][..]
                .iter()
                .filter(|name| !(secret && **name == "description"))
                .copied()
                .collect::<Vec<_>>()
        );
        assert_eq!((&fields["secret"], &fields["encrypted"]), (&json!(secret), &json!(secret)));
        assert_ne!(fields["value"], "hush");
    }
    assert_eq!(same["value"], "1");
    assert!(same["expire_timestamp"].is_string());
}

#[sqlx::test]
async fn a_key_that_expired_is_made_anew(pool: PgPool) {
    let st2 = start(pool).await;
    content::register_all(&st2.app.store, &st2.app.config).await.unwrap();
    let first = put(&st2, "k", json!({"ttl": -1})).await;
    let second = put(&st2, "k", json!({"value": "w"})).await;
    assert_ne!(first["id"], second["id"]);
    let what: Vec<String> = events(&st2).await.into_iter().map(|(what, _)| what).collect();
    assert_eq!(what, ["create", "create"]);
}

#[sqlx::test]
async fn of_many_writers_of_one_key_one_makes_it_and_each_other_sees_the_one_before(pool: PgPool) {
    const WRITERS: usize = 20;
    let st2 = start(pool).await;
    content::register_all(&st2.app.store, &st2.app.config).await.unwrap();
    let writes = (0..WRITERS).map(|value| put(&st2, "k", json!({"value": value.to_string()})));
    futures_util::future::join_all(writes).await;
    let events = events(&st2).await;
    let of =
        |wanted: &str| events.iter().filter(|(what, _)| what == wanted).map(|(_, it)| it).collect::<Vec<_>>();
    let [made] = of("create")[..] else { panic!("{events:?}") };
    assert_eq!(of("update").len(), WRITERS - 1);
    // Each change begins where another one ended: they are one chain, from the first value to the last.
    let mut steps: std::collections::HashMap<&Value, &Value> = std::collections::HashMap::new();
    for change in of("value_change") {
        assert!(
            steps.insert(&change["old_object"]["value"], &change["new_object"]["value"]).is_none(),
            "{events:?}"
        );
    }
    let mut value = &made["object"]["value"];
    for _ in 1..WRITERS {
        value = steps[value];
    }
    assert_eq!(value, &st2.get("/v1/keys/k").await.body["value"]);
}

#[sqlx::test]
async fn templates_see_the_datastore(pool: PgPool) {
    let (st2, _keys) = with_key(pool).await;
    put(&st2, "host", json!({"value": "h1"})).await;
    put(&st2, "a.b", json!({"value": "dotted"})).await;
    put(&st2, "pw", json!({"value": "hush", "secret": true})).await;
    put(&st2, "mine", json!({"value": "own", "scope": "user"})).await;
    let user = st2.first_start.user.clone();
    let template = "{{ st2kv.system.host }} {{ st2kv.system.a.b }} {{ st2kv['user']['mine'] }} [{{ st2kv.system.no }}] \
                    {{ st2kv.system.pw | decrypt_kv }} {{ st2kv.system[name] }}";
    let render = |user: Option<String>| {
        let datastore = st2.app.engine.datastore().clone();
        async move {
            let lookups = datastore.for_templates(user.as_deref(), [template]).await.unwrap();
            let lookups: Arc<dyn jinja::Datastore> = lookups;
            let rendering = tokio::task::spawn_blocking(move || {
                use st2d::expr::jinja::{Template, Value, st2kv, to_value};
                let context: Value =
                    [("st2kv", st2kv(&lookups)), ("name", to_value(&json!("host")))].into_iter().collect();
                Template::parse(template).unwrap().render(&context).map_err(|error| error.to_string())
            });
            rendering.await.unwrap()
        }
    };
    assert_eq!(render(Some(user)).await.unwrap(), "h1 dotted own [] hush h1");
    assert_eq!(render(None).await.unwrap(), "h1 dotted  [] hush h1");
    send(st2.request("DELETE", "/v1/keys/pw")).await;
    assert_eq!(
        render(None).await.unwrap_err(),
        "Referenced datastore item \"st2kv.system.pw\" doesn't exist or it contains an empty string"
    );
    assert!(st2.app.engine.datastore().find(&KeyName::system("pw")).await.unwrap().is_none());
}
