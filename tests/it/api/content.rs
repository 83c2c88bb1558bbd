//! Runner types, actions and packs: lists, single things, and what clients can choose of them.

use super::server::{Server, start};
use serde_json::{Map, Value, json};
use sqlx::PgPool;
use st2d::{
    model::{NewAction, Pack, PackId, RunnerType, RunnerTypeId},
    store,
};

fn object(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

/// A pack with two actions and a runner.
async fn furnish(st2: &Server) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(directory.path().join("actions")).unwrap();
    std::fs::write(directory.path().join("actions/go.py"), "print('go')\n").unwrap();
    std::fs::write(directory.path().join("secret.txt"), "inside the pack").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", directory.path().join("actions/link.py")).unwrap();
    let mut tx = st2.app.store.begin().await.unwrap();
    let runner = RunnerType {
        id: RunnerTypeId::generate(),
        name: "noop".to_owned(),
        description: "does nothing".to_owned(),
        enabled: true,
        runner_package: "noop_runner".to_owned(),
        runner_module: "noop_runner".to_owned(),
        runner_parameters: object(json!({"depth": {"type": "integer", "default": 1, "immutable": true}})),
        output_key: None,
        output_schema: json!({}),
    };
    store::runner_types::upsert(&mut tx, &[runner]).await.unwrap();
    let pack = Pack {
        id: PackId::generate(),
        reference: "demo".to_owned(),
        manifest: object(json!({"name": "demo", "version": "1.0.0", "odd": 1})),
        path: directory.path().to_str().unwrap().to_owned(),
        files: vec!["actions/go.py".to_owned()],
    };
    store::packs::upsert(&mut tx, &pack).await.unwrap();
    for (name, entry_point) in
        [("go", "go.py"), ("away", "../../../../etc/passwd"), ("link", "link.py"), ("up", "../secret.txt")]
    {
        let spec = NewAction {
            pack: "demo".to_owned(),
            name: name.to_owned(),
            enabled: true,
            runner_type: "noop".to_owned(),
            entry_point: entry_point.to_owned(),
            parameters: object(json!({"depth": {"default": 5}, "what": {"type": "string"}})),
            output_schema: json!({}),
            tags: vec![json!({"name": format!("tag-{name}"), "value": "1"})],
            ..NewAction::default()
        };
        store::actions::insert(&mut tx, spec).await.unwrap();
    }
    tx.commit().await.unwrap();
    directory
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect()
}

#[sqlx::test]
async fn lists_are_filtered_sorted_and_narrowed(pool: PgPool) {
    let st2 = start(pool).await;
    let _pack = furnish(&st2).await;
    let get = |query: &str| {
        let path = format!("/v1/actions?{query}");
        let st2 = &st2;
        async move { st2.get(&path).await }
    };
    let all = get("").await;
    assert_eq!(names(&all.body), ["away", "go", "link", "up"]);
    assert_eq!((all.header("x-total-count"), all.header("x-limit")), (Some("4"), None));
    assert_eq!(names(&get("sort=-name&limit=2").await.body), ["up", "link"]);
    assert_eq!(names(&get("sort=nonsense,-name&offset=3").await.body), ["away"]);
    assert_eq!(names(&get("name=go").await.body), ["go"]);
    assert_eq!(names(&get("name=go&pack=other").await.body), Vec::<&str>::new());
    assert_eq!(names(&get("tags=tag-go").await.body), ["go"]);
    assert_eq!(get("name=null").await.body, json!([]));
    assert_eq!(names(&get("name=").await.body).len(), 4);

    let id = get("name=go").await.body[0]["id"].as_str().unwrap().to_owned();
    let other = get("name=up").await.body[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(names(&get(&format!("id={other},{id}")).await.body), ["go", "up"]);
    assert_eq!(
        get("name=go&include_attributes=name,parameters.depth.default").await.body,
        json!([{"id": id, "ref": "demo.go", "name": "go", "parameters": {"depth": {"default": 5}}}])
    );
    let without = get("name=go&exclude_attributes=parameters,notify").await;
    assert!(without.body[0].get("parameters").is_none() && without.body[0]["uid"] == "action:demo:go");

    let many = format!("id={}", vec![id.as_str(); 101].join(","));
    for (query, fault) in [
        ("include_attributes=nope", "Invalid or unsupported include attribute specified: nope"),
        ("exclude_attributes=nope", "Invalid or unsupported exclude attribute specified: nope"),
        ("exclude_attributes=description", "Invalid or unsupported exclude attribute specified: description"),
        (
            "include_attributes=id&exclude_attributes=notify",
            "exclude_fields and include_fields arguments are mutually exclusive. \
             You need to provide either one or another, but not both.",
        ),
        (
            "id=nonsense",
            "'nonsense' is not a valid ObjectId, it must be a 12-byte input or a 24-character hex string",
        ),
        (&many, "Maximum of 100 items can be provided for a query parameter value"),
    ] {
        assert_eq!(get(query).await.fault(), (400, fault), "{query}");
    }
}

#[sqlx::test]
async fn actions_and_packs_are_found_by_reference_and_id(pool: PgPool) {
    let st2 = start(pool).await;
    let _pack = furnish(&st2).await;
    let action = st2.get("/v1/actions/demo.go").await.body;
    assert_eq!(st2.get(&format!("/v1/actions/{}", action["id"].as_str().unwrap())).await.body, action);
    let pack = st2.get("/v1/packs/demo").await.body;
    assert_eq!((&pack["uid"], &pack["keywords"], &pack["odd"]), (&json!("pack:demo"), &json!([]), &json!(1)));
    assert_eq!(st2.get(&format!("/v1/packs/{}", pack["id"].as_str().unwrap())).await.body, pack);
    for (path, fault) in [
        ("/v1/actions/demo.nope", "Resource with a reference or id \"demo.nope\" not found"),
        (
            "/v1/actions/000000000000000000000000",
            "Resource with a reference or id \"000000000000000000000000\" not found",
        ),
        ("/v1/actions/a%20b", "Resource with a reference or id \"a b\" not found"),
        ("/v1/packs/nope", "Resource with a ref or id \"nope\" not found"),
        ("/v1/packs/views", "The resource could not be found."),
        ("/v1/packs/index2", "The resource could not be found."),
        ("/v1/runnertypes/nope", "Resource with a name or id \"nope\" not found"),
        (
            "/v1/actions/views/parameters/nonsense",
            "Database lookup for id=\"nonsense\" resulted in exception. 'nonsense' is not a valid ObjectId, it must \
             be a 12-byte input or a 24-character hex string",
        ),
    ] {
        assert_eq!(st2.get(path).await.fault(), (404, fault), "{path}");
    }
}

#[sqlx::test]
async fn views_show_merged_parameters_and_sources_inside_the_pack_only(pool: PgPool) {
    let st2 = start(pool).await;
    let _pack = furnish(&st2).await;
    let merged =
        json!({"depth": {"type": "integer", "default": 5, "immutable": true}, "what": {"type": "string"}});
    assert_eq!(st2.get("/v1/actions/views/parameters/demo.go").await.body, json!({"parameters": merged}));
    assert_eq!(st2.get("/v1/actions/views/overview/demo.go").await.body["parameters"], merged);
    assert_eq!(st2.get("/v1/actions/views/overview?name=go").await.body[0]["parameters"], merged);

    let source = st2.get("/v1/actions/views/entry_point/demo.go").await;
    assert_eq!(
        (source.header("content-type"), &source.body),
        (Some("text/x-python"), &json!("print('go')\n"))
    );
    assert_eq!(st2.get("/v1/actions/views/entry_point/demo.up").await.body, json!("inside the pack"));
    for name in ["away", "link"] {
        let fault = format!("Action ref_or_id=demo.{name} has no entry_point to output");
        assert_eq!(
            st2.get(&format!("/v1/actions/views/entry_point/demo.{name}")).await.fault(),
            (404, fault.as_str())
        );
    }
}

#[sqlx::test]
async fn files_of_a_pack_are_shown_unless_the_client_has_them(pool: PgPool) {
    let st2 = start(pool).await;
    let pack = furnish(&st2).await;
    let path = "/v1/packs/views/file/demo/actions/go.py";
    let first = st2.get(path).await;
    assert_eq!((first.status, &first.body), (200, &json!("print('go')\n")));
    assert_eq!(first.header("content-type"), Some("text/x-python"));
    let (tag, date) = (first.header("etag").unwrap(), first.header("last-modified").unwrap());
    assert!(tag.parse::<f64>().is_ok() && date.ends_with(" GMT"), "{tag} {date}");
    for (name, value, status) in [
        ("If-None-Match", tag, 304),
        ("If-Modified-Since", date, 304),
        ("If-None-Match", "1.5", 200),
        ("If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT", 200),
    ] {
        let again = super::server::send(st2.request("GET", path).header(name, value)).await;
        assert_eq!((again.status, again.header("etag")), (status, Some(tag)), "{name}: {value}");
    }

    std::fs::write(pack.path().join("large.txt"), vec![b'a'; 500_001]).unwrap();
    std::fs::write(pack.path().join("binary.txt"), b"a\0b").unwrap();
    let file = |name: &str| format!("/v1/packs/views/file/demo/{name}");
    for (name, status, fault) in [
        ("nope.py", 404, "File \"nope.py\" not found"),
        ("actions", 404, "File \"actions\" not found"),
        ("actions/link.py", 404, "File \"actions/link.py\" not found"),
        ("large.txt", 400, "File large.txt exceeds maximum allowed file size (500000 bytes)"),
    ] {
        assert_eq!(st2.get(&file(name)).await.fault(), (status, fault), "{name}");
    }
    let outside = st2.get(&file("actions/..%2F..%2Fetc")).await;
    assert_eq!(outside.status, 400);
    assert!(outside.fault().1.starts_with("Invalid file path: \"actions/../../etc\"."), "{outside:?}");
    let mut tx = st2.app.store.begin().await.unwrap();
    let more = ["large.txt", "binary.txt", "gone.txt", "actions/link.py"].map(str::to_owned);
    store::packs::add_files(&mut tx, "demo", &more).await.unwrap();
    tx.commit().await.unwrap();
    let all = st2.get("/v1/packs/views/files/demo").await;
    assert_eq!(all.body, json!([{"file_path": "actions/go.py", "content": "print('go')\n"}]));
}

#[sqlx::test]
async fn runner_types_can_be_switched_off_and_nothing_else(pool: PgPool) {
    let st2 = start(pool).await;
    let _pack = furnish(&st2).await;
    let off =
        st2.send("PUT", "/v1/runnertypes/noop", json!({"id": null, "enabled": false, "name": "other"})).await;
    assert_eq!((off.status, &off.body["enabled"], &off.body["name"]), (200, &json!(false), &json!("noop")));
    assert_eq!(st2.get("/v1/runnertypes?name=noop,x").await.body, json!([off.body]));
    // A list of names that is empty names one, the empty one.
    for (filter, found) in [("name=", 0), ("name", 0), ("id=", 1)] {
        let answer = st2.get(&format!("/v1/runnertypes?{filter}")).await.body;
        assert_eq!(answer.as_array().map(Vec::len), Some(found), "{filter}: {answer}");
    }
    let refused = st2.send("PUT", "/v1/runnertypes/noop", json!({"enabled": "no"})).await;
    assert_eq!(refused.fault(), (400, "'no' is not of type 'boolean'"));
    assert_eq!(st2.send("PUT", "/v1/runnertypes/noop", json!({"enabled": true})).await.body["enabled"], true);
}

#[sqlx::test]
async fn the_interface_describes_itself(pool: PgPool) {
    let st2 = start(pool).await;
    let document = super::server::send(st2.bare("GET", "/api/openapi.json")).await;
    assert!(document.body["paths"]["/api/v1/actions/{ref_or_id}"]["get"].is_object());
    for path in ["/api/docs/", "/docs/index.html", "/api/docs"] {
        let page = super::server::send(st2.bare("GET", path)).await;
        assert_eq!((page.status, page.header("content-type")), (200, Some("text/html")), "{path}");
    }
    let settings = super::server::send(st2.bare("GET", "/api/docs/swagger-initializer.js")).await;
    assert!(settings.body.as_str().unwrap().contains("../openapi.json"));
    assert_eq!(super::server::send(st2.bare("GET", "/api/docs/nope")).await.status, 404);
}
