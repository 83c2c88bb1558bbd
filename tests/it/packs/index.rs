//! The index: found, merged, searched, and what is said when it cannot be.

use crate::support::daemon::TestDaemon;
use serde_json::{Value, json};

fn pack(name: &str, description: &str, keywords: &[&str]) -> Value {
    json!({"name": name, "ref": name, "description": description, "keywords": keywords, "version": "1.0.0",
        "author": "Somebody", "email": "mail@example.com", "repo_url": format!("https://example.com/{name}")})
}

async fn with_indexes(documents: &[(&str, &str)]) -> (TestDaemon, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let urls = documents.iter().map(|(name, text)| {
        let path = directory.path().join(name);
        if !text.is_empty() {
            std::fs::write(&path, text).unwrap();
        }
        format!("\"file://{}\"", path.display())
    });
    let config = format!("[content]\nindex_url = [{}]", urls.collect::<Vec<_>>().join(", "));
    (TestDaemon::start().with_config(&config).await, directory)
}

#[tokio::test]
async fn packs_are_listed_shown_and_searched_best_matches_first() {
    let first = json!({"packs": {
        "late": pack("late", "about mail", &[]),
        "tagged": pack("tagged", "x", &["mail"]),
        "mailer": pack("mailer", "y", &[]),
    }});
    let second =
        json!({"packs": {"late": pack("late", "hidden by the first", &[]), "more": pack("more", "z", &[])}});
    let (st2, _files) = with_indexes(&[("a", &first.to_string()), ("b", &second.to_string())]).await;

    let index = st2.get("/v1/packs/index").await.expect(200);
    assert_eq!(index["index"]["late"]["description"], "about mail");
    assert_eq!(index["index"].as_object().unwrap().len(), 4);
    let statuses = index["status"].as_array().unwrap();
    assert!(statuses.iter().all(|status| status["message"] == "Success." && status["error"].is_null()));

    let names = async |body: Value| {
        let found = st2.post("/v1/packs/index/search", body).await.expect(200);
        let found = found.as_array().unwrap().iter().map(|pack| pack["name"].as_str().unwrap().to_owned());
        found.collect::<Vec<_>>()
    };
    assert_eq!(names(json!({"query": "MAIL"})).await, ["mailer", "tagged", "late"]);
    // Addresses are not searched.
    assert!(names(json!({"query": "example.com"})).await.is_empty());
    let search = async |body: Value| st2.post("/v1/packs/index/search", body).await;
    assert_eq!(search(json!({"pack": "mailer"})).await.expect(200)["description"], "y");
    assert_eq!(search(json!({"pack": "nothing"})).await.expect(200), json!([]));
    assert_eq!(search(json!({"query": 5})).await.expect(400)["faultstring"], "5 is not of type 'string'");
    assert_eq!(search(json!({})).await.expect(400)["faultstring"], "Query must be specified.");

    // The action minds capitals.
    let ran = st2.run("packs.search", json!({"query": "MAIL"})).await;
    assert_eq!((&ran["status"], &ran["result"]["result"]), (&json!("succeeded"), &json!([])));
    let ran = st2.run("packs.show", json!({"pack": "more"})).await;
    assert_eq!(ran["result"]["result"]["pack"]["name"], "more");
    let missing = st2.run("packs.download", json!({"packs": ["nothing"]})).await;
    let text = missing["result"]["stderr"].as_str().unwrap();
    assert!(text.contains("No record of the \"nothing\" pack in the index."), "{text}");
}

#[tokio::test]
async fn an_index_that_cannot_be_used_is_told_by_kind() {
    let good = json!({"packs": {"one": pack("one", "x", &[])}}).to_string();
    let documents = [("good", good.as_str()), ("empty", "{}"), ("list", "[]"), ("other", "{\"a\": 1}")];
    let broken = [("broken", "{"), ("gone", "")];
    let (st2, _files) = with_indexes(&[documents.as_slice(), &broken].concat()).await;
    let health = st2.get("/v1/packs/index/health").await.expect(200);
    assert_eq!(health["packs"], json!({"count": 1}));
    let indexes = &health["indexes"];
    assert_eq!(
        (&indexes["count"], &indexes["valid"], &indexes["invalid"]),
        (&json!(6), &json!(1), &json!(5))
    );
    assert_eq!(indexes["errors"], json!({"empty": 1, "malformed": 3, "unresponsive": 1}));
    let status = |name: &str| {
        let all = indexes["status"].as_array().unwrap();
        all.iter().find(|status| status["url"].as_str().unwrap().ends_with(name)).unwrap()["message"].clone()
    };
    assert_eq!(status("/empty"), "The index URL returned an empty object.");
    assert_eq!(status("/list"), "Expected an index object, got a list instead.");
    assert_eq!(status("/other"), "Index object is missing \"packs\" attribute.");

    let (st2, _files) = with_indexes(&[("empty", "{}")]).await;
    let answer = st2.post("/v1/packs/index/search", json!({"query": "x"})).await.expect(400);
    let fault = answer["faultstring"].as_str().unwrap();
    assert!(fault.starts_with("No results from the index: tried file://"), "{fault}");
    assert!(fault.contains(".\nStatus: [\n  {\n"), "{fault}");
}
