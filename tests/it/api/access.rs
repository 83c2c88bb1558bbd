//! Logging in, and every way to prove who one is.

use super::server::{Server, send, start, start_with};
use serde_json::{Value, json};
use sqlx::PgPool;
use st2d::model::ExecutionId;

async fn login(st2: &Server, body: Value) -> super::server::Answer {
    let (user, password) = (&st2.first_start.user, &st2.first_start.password);
    send(st2.bare("POST", &format!("{}/tokens", st2.auth)).basic_auth(user, Some(password)).json(&body)).await
}

async fn token(st2: &Server) -> String {
    login(st2, json!({})).await.body["token"].as_str().unwrap().to_owned()
}

#[sqlx::test]
async fn a_password_buys_a_token_that_opens(pool: PgPool) {
    let st2 = start(pool).await;
    let answer = login(&st2, json!({"ttl": 60})).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("x-api-url"), Some(st2.api.as_str()));
    let token = answer.body["token"].as_str().unwrap();
    assert_eq!((token.len(), &answer.body["service"]), (32, &json!(false)));

    let who = send(st2.bare("GET", "/v1/user").header("x-auth-token", token)).await;
    assert_eq!(who.body["username"], "st2admin");
    assert_eq!(who.body["authentication"]["method"], "authentication token");
    let cookie = who.header("set-cookie").unwrap();
    assert!(cookie.starts_with(&format!("auth-token={token}; Max-Age=")), "{cookie}");
    assert!(cookie.ends_with("; secure; HttpOnly; SameSite=lax"), "{cookie}");
}

#[sqlx::test]
async fn logins_are_refused_in_the_words_clients_know(pool: PgPool) {
    let st2 = start(pool).await;
    let url = format!("{}/v1/tokens", st2.auth);
    let bad = (401, "Invalid or missing credentials");
    assert_eq!(send(st2.bare("POST", &url)).await.fault(), bad);
    assert_eq!(send(st2.bare("POST", &url).basic_auth("st2admin", Some("no"))).await.fault(), bad);
    assert_eq!(send(st2.bare("POST", &url).basic_auth("nobody", Some("no"))).await.fault(), bad);
    assert_eq!(send(st2.bare("POST", &url).bearer_auth("x")).await.fault(), bad);
    for (body, fault) in [
        (json!({"ttl": 0}), "0 is less than the minimum of 1"),
        (json!({"ttl": "x"}), "'x' is not of type 'integer', 'null'"),
        (json!({"ttl": 1.5}), "1.5 is not of type 'integer', 'null'"),
        (json!({"ttl": 86_401}), "TTL specified 86401 is greater than max allowed 86400."),
        (json!({"user": "other"}), "Current user is not a service and cannot request impersonated tokens"),
        (
            json!({"impersonate_user": "x"}),
            "Current user is not a service and cannot request impersonated tokens",
        ),
    ] {
        assert_eq!(login(&st2, body).await.fault(), (400, fault));
    }
}

#[sqlx::test]
async fn service_accounts_get_tokens_of_others(pool: PgPool) {
    let st2 = start(pool.clone()).await;
    sqlx::query("UPDATE users SET is_service = true").execute(&pool).await.unwrap();
    sqlx::query(
        "INSERT INTO users (id, name, nicknames) VALUES ('\\x000000000000000000000001', 'ann', '{\"slack\": \"an\"}')",
    )
    .execute(&pool)
    .await
    .unwrap();
    assert_eq!(login(&st2, json!({"user": "bob"})).await.body["user"], "bob");
    let named = |origin: Value| login(&st2, json!({"impersonate_user": "an", "nickname_origin": origin}));
    assert_eq!(named(json!("slack")).await.body["user"], "ann");
    assert_eq!(named(json!("irc")).await.fault(), (400, "Could not locate user an@irc"));
    assert_eq!(named(Value::Null).await.fault(), (400, "Nickname origin is not provided for nickname 'an'"));
}

#[sqlx::test]
async fn the_first_credential_decides(pool: PgPool) {
    let st2 = start(pool).await;
    let token = token(&st2).await;
    let key = st2.key.clone();
    let none = (401, "Unauthorized - One of Token or API key required.");
    let get = |query: String, headers: Vec<(&'static str, String)>| {
        let request = st2.bare("GET", &format!("/v1/user{query}"));
        send(headers.into_iter().fold(request, |request, (name, value)| request.header(name, value)))
    };
    assert_eq!(get(String::new(), vec![]).await.fault(), none);
    assert_eq!(get(String::new(), vec![("X-Auth-Token", String::new())]).await.fault(), none);
    assert_eq!(get("?x-auth-token=".to_owned(), vec![]).await.fault(), none);
    assert_eq!(get(String::new(), vec![("Authorization", format!("ApiKey {key}"))]).await.fault(), none);

    let by_query = get(format!("?x-auth-token={token}"), vec![]).await;
    assert_eq!(by_query.body["authentication"]["location"], "query");
    assert!(by_query.header("set-cookie").is_some());
    let by_key = get(format!("?st2-api-key={key}"), vec![]).await;
    assert_eq!(by_key.body["authentication"], json!({"method": "API key", "location": "query"}));
    assert!(by_key.header("set-cookie").is_none());
    let by_cookie = get(String::new(), vec![("Cookie", format!("other=1; auth-token={token}"))]).await;
    assert_eq!(by_cookie.body["authentication"]["location"], "header");
    assert!(by_cookie.header("set-cookie").is_none());

    let bad_token = (401, "Unauthorized");
    assert_eq!(
        get(String::new(), vec![("X-Auth-Token", "bad".to_owned()), ("St2-Api-Key", key.clone())])
            .await
            .fault(),
        bad_token
    );
    assert_eq!(get(String::new(), vec![("Cookie", "auth-token=bad".to_owned())]).await.fault(), bad_token);
    assert_eq!(get("?x-auth-token=bad".to_owned(), vec![("St2-Api-Key", key)]).await.status, 200);
    let bad_key = get(format!("?x-auth-token={token}"), vec![("St2-Api-Key", "bad".to_owned())]).await;
    assert!(bad_key.fault().1.starts_with("Unauthorized - ApiKey with key_hash="), "{bad_key:?}");
}

#[sqlx::test]
async fn an_unknown_path_is_not_found_and_everything_else_asks_who_you_are(pool: PgPool) {
    let st2 = start(pool).await;
    let refused = (401, "Unauthorized - One of Token or API key required.");
    for (method, path) in
        [("GET", "/"), ("GET", "/v1/user"), ("GET", "/v1/apikeys?limit=abc"), ("DELETE", "/v1/apikeys/x")]
    {
        assert_eq!(send(st2.bare(method, path)).await.fault(), refused, "{method} {path}");
    }
    let bad_body = st2.bare("POST", "/v1/apikeys").header("Content-Type", "application/json").body("{bad");
    assert_eq!(send(bad_body).await.fault(), refused);
    assert_eq!(send(st2.bare("POST", &format!("{}/tokens/validate", st2.auth))).await.fault(), refused);
    assert_eq!(send(st2.bare("GET", "/v1/nope")).await.status, 404);
}

#[sqlx::test]
async fn expired_tokens_say_so(pool: PgPool) {
    let st2 = start(pool.clone()).await;
    let token = token(&st2).await;
    sqlx::query("UPDATE tokens SET expires_at = now() - interval '1 second'").execute(&pool).await.unwrap();
    let answer = send(st2.bare("GET", "/v1/user").header("X-Auth-Token", &token)).await;
    assert_eq!(answer.fault(), (401, "Unauthorized - Token has expired."));
    let validate = format!("{}/tokens/validate", st2.auth);
    assert_eq!(st2.send("POST", &validate, json!({"token": token})).await.body, json!({"valid": false}));
}

#[sqlx::test]
async fn only_hashes_of_tokens_and_keys_are_kept(pool: PgPool) {
    let st2 = start(pool.clone()).await;
    let token = token(&st2).await;
    let rows: Vec<String> = sqlx::query_scalar(
        "SELECT t::text FROM tokens t UNION ALL SELECT k::text FROM api_keys k UNION ALL SELECT u::text FROM users u",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert_eq!(rows.len(), 3);
    for secret in [&token, &st2.key, &st2.first_start.password] {
        assert!(rows.iter().all(|row| !row.contains(secret.as_str())));
    }
}

#[sqlx::test]
async fn api_keys_are_made_changed_and_deleted(pool: PgPool) {
    let st2 = start(pool).await;
    let made =
        st2.send("POST", "/v1/apikeys", json!({"user": "ci", "metadata": {"used_by": "pipeline"}})).await;
    assert_eq!(made.status, 201);
    let (id, key) = (made.body["id"].as_str().unwrap(), made.body["key"].as_str().unwrap());
    let path = format!("/v1/apikeys/{id}");
    let with_key = || send(st2.bare("GET", "/v1/user").header("St2-Api-Key", key));
    assert_eq!(with_key().await.body["username"], "ci");

    let masked = st2.get(&path).await.body;
    assert_eq!((&masked["key_hash"], &masked["uid"]), (&json!("********"), &json!("********")));
    let shown = st2.get(&format!("/v1/apikeys/{key}?show_secrets=true")).await.body;
    assert_eq!(shown["uid"], made.body["uid"]);
    let hash = shown["key_hash"].as_str().unwrap();

    let refused = st2.send("PUT", &path, json!({"user": "ci", "key_hash": "other"})).await;
    assert_eq!(refused.fault(), (400, "Update of key_hash is not allowed."));
    let off = st2.send("PUT", &path, json!({"user": "ci", "key_hash": "********", "enabled": false})).await;
    assert_eq!((off.status, &off.body["enabled"]), (200, &json!(false)));
    assert_eq!(with_key().await.fault(), (401, "Unauthorized - API key is disabled."));
    assert_eq!(st2.send("PUT", &path, json!({"user": "ci", "key_hash": hash})).await.status, 200);
    assert_eq!(with_key().await.status, 200);

    let twice = st2.send("POST", "/v1/apikeys", json!({"user": "ci", "key_hash": hash})).await;
    assert_eq!((twice.status, twice.body["conflict-id"].as_str()), (409, Some(id)));
    assert!(twice.fault().1.starts_with("Tried to save duplicate unique keys"));

    assert_eq!(st2.send("DELETE", &path, json!({})).await.status, 204);
    assert_eq!(with_key().await.status, 401);
    assert_eq!(
        st2.get(&path).await.fault().1,
        format!("ApiKey matching {id} for reference and id not found.")
    );
    assert_eq!(
        st2.send("DELETE", &path, json!({})).await.fault(),
        (404, format!("ApiKey with key or id={id} not found.").as_str())
    );
}

#[sqlx::test]
async fn service_tokens_open_without_a_row_and_end_with_their_execution(pool: PgPool) {
    let st2 = start(pool.clone()).await;
    let who = |token: String| send(st2.bare("GET", "/v1/user").header("X-Auth-Token", token));
    assert_eq!(
        who(st2.app.access.service_token("sensors_container", None)).await.body["username"],
        "sensors_container"
    );

    let running = ExecutionId::generate();
    let token = st2.app.access.service_token("ann", Some(running));
    assert_eq!(who(token.clone()).await.fault(), (401, "Unauthorized"));
    sqlx::query("INSERT INTO action_snapshots (hash, action, runner) VALUES ('x', '{}', '{}')")
        .execute(&pool)
        .await
        .unwrap();
    sqlx::query(
        "INSERT INTO executions (id, liveaction_id, snapshot_id, action_ref, runner, status, parameters, context,
             log_statuses, log_times)
         SELECT $1, $1, id, 'a.b', 'noop', 'running', '{}', '{}', '{}', '{}' FROM action_snapshots",
    )
    .bind(running.as_bytes())
    .execute(&pool)
    .await
    .unwrap();
    assert_eq!(who(token.clone()).await.body["username"], "ann");
    sqlx::query("UPDATE executions SET status = 'succeeded', ended_at = now()").execute(&pool).await.unwrap();
    st2.app.access.forget_verified();
    assert_eq!(who(token).await.fault(), (401, "Unauthorized"));
}

#[sqlx::test]
async fn without_authentication_everybody_is_the_system_user_but_logins_stay_checked(pool: PgPool) {
    let st2 = start_with(pool, |config| {
        config.auth.enable = false;
        config.system_user.user = "robot".to_owned();
    })
    .await;
    let who = send(st2.bare("GET", "/v1/user")).await;
    assert_eq!((who.status, &who.body["username"]), (200, &json!("robot")));
    assert_eq!(send(st2.bare("POST", "/v1/apikeys").json(&json!({}))).await.body["user"], "robot");
    assert_eq!(send(st2.bare("POST", &format!("{}/tokens", st2.auth))).await.status, 401);
    assert_eq!(send(st2.bare("POST", &format!("{}/tokens/validate", st2.auth))).await.status, 401);
}

#[sqlx::test]
async fn a_proxy_is_believed_in_proxy_mode_only(pool: PgPool) {
    let st2 = start_with(pool, |config| config.auth.mode = "proxy".to_owned()).await;
    let url = format!("{}/tokens", st2.auth);
    let vouched = send(st2.bare("POST", &url).header("X-Forwarded-User", "eve")).await;
    assert_eq!((vouched.status, &vouched.body["user"]), (201, &json!("eve")));
    assert_eq!(send(st2.bare("POST", &url).basic_auth("adam", Some("any"))).await.body["user"], "adam");
    assert_eq!(send(st2.bare("POST", &url)).await.status, 401);
}

#[sqlx::test]
async fn the_users_of_an_htpasswd_file_may_log_in(pool: PgPool) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "ann:{SHA}oJD9V3fotHH1GDMevi3L+r2lPJ4=\n").unwrap();
    let st2 = start_with(pool, |config| config.auth.htpasswd_file = file.path().to_owned()).await;
    let url = format!("{}/tokens", st2.auth);
    assert_eq!(send(st2.bare("POST", &url).basic_auth("ann", Some("annpw"))).await.body["user"], "ann");
    assert_eq!(send(st2.bare("POST", &url).basic_auth("ann", Some("st2"))).await.status, 401);
    assert_eq!(login(&st2, json!({})).await.status, 201);
}

#[sqlx::test]
async fn the_first_start_leaves_files_only_their_owner_reads(pool: PgPool) {
    use std::os::unix::fs::MetadataExt;
    let st2 = start(pool).await;
    for file in [&st2.first_start.password_file, &st2.first_start.api_key_file] {
        assert_eq!(std::fs::metadata(file).unwrap().mode() & 0o777, 0o600);
    }
    let password = std::fs::read_to_string(&st2.first_start.password_file).unwrap();
    assert_eq!(password.trim(), st2.first_start.password);
    let again = st2d::access::bootstrap(&st2.app.store, std::path::Path::new("/nowhere")).await.unwrap();
    assert!(again.is_none());
}

#[sqlx::test]
async fn settings_that_would_lock_everybody_out_are_refused_at_start(pool: PgPool) {
    use st2d::{access::Access, bus::Bus, config::Config, store::Store};
    let store = Store::new(pool, Bus::default());
    let refused = |change: fn(&mut Config)| {
        let (mut config, store) = (Config::default(), store.clone());
        change(&mut config);
        async move { Access::open(&store, &config).await.err().map(|error| error.to_string()).unwrap_or_default() }
    };
    assert_eq!(
        refused(|config| config.auth.mode = "magic".to_owned()).await,
        "magic is not a valid auth mode"
    );
    let none = refused(|config| {
        config.api.auth_cookie_same_site = "none".to_owned();
        config.api.auth_cookie_secure = false;
    });
    assert_eq!(none.await, "api.auth_cookie_same_site = \"none\" needs api.auth_cookie_secure = true");
    assert!(!refused(|config| config.api.auth_cookie_same_site = "Lax".to_owned()).await.is_empty());
    assert!(refused(|config| config.api.auth_cookie_same_site = "unset".to_owned()).await.is_empty());
}
