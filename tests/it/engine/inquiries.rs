//! Inquiries: a question waits, one answer counts, and whoever may not answer is told why.

use crate::support::{
    daemon::{Answer, TestDaemon},
    executions::history,
};
use reqwest::Method;
use serde_json::{Value, json};

async fn ask(st2: &TestDaemon, parameters: Value) -> String {
    let id = st2.request_action("core.ask", parameters).await;
    st2.wait_for(&id, &["pending"]).await;
    id
}

async fn respond(st2: &TestDaemon, id: &str, response: Value) -> Answer {
    st2.put(&format!("/v1/inquiries/{id}"), json!({"id": id, "response": response})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_ends_the_execution_and_is_kept_with_the_question() {
    let st2 = TestDaemon::start().await;
    let schema = json!({"type": "object", "properties": {
        "go": {"type": "boolean", "required": true}, "pin": {"type": "string", "secret": true},
    }});
    let id = ask(&st2, json!({"schema": schema, "route": "ops", "ttl": 5})).await;
    let question = json!({"id": id, "route": "ops", "ttl": 5, "users": [], "roles": [], "schema": schema});
    assert_eq!(st2.get(&format!("/v1/inquiries/{id}")).await.expect(200), question);
    let list = st2.get("/v1/inquiries").await;
    assert_eq!(list.headers["x-total-count"], "1");
    assert_eq!(list.expect(200), json!([question]));
    let narrow = st2.get("/v1/inquiries?include_attributes=ttl").await.expect(200);
    assert_eq!(narrow, json!([{"id": id, "ttl": 5}]));

    let refusal = respond(&st2, &id, json!({"pin": "1"})).await.expect(400);
    let text = refusal["faultstring"].as_str().unwrap();
    let expected =
        format!("Response for inquiry \"{id}\" did not pass schema validation. 'go' is a required property");
    assert!(text.starts_with(&expected), "{text}");

    let answer = json!({"go": true, "pin": "1234"});
    let accepted = respond(&st2, &id, answer.clone()).await.expect(200);
    assert_eq!(accepted, json!({"id": id, "response": answer}));
    let ended = st2.wait_for_end(&id).await;
    assert_eq!(history(&ended), ["requested", "scheduled", "running", "pending", "succeeded"]);
    assert_eq!(ended["result"]["response"], json!({"go": true, "pin": "********"}));
    let bare = st2.get(&format!("/v1/executions/{id}?show_secrets=true")).await.expect(200);
    assert_eq!(bare["result"]["response"], answer);
    assert_eq!(bare["result"]["schema"], schema);

    let late = respond(&st2, &id, json!({"go": false})).await.expect(400);
    assert_eq!(late["faultstring"], format!("Inquiry \"{id}\" has already been responded to."));
    assert_eq!(st2.get("/v1/inquiries").await.expect(200), json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_answers_at_once_exactly_one_counts() {
    let st2 = TestDaemon::start().await;
    for round in 0..5 {
        let id = ask(&st2, json!({})).await;
        let answers = (0..8).map(|number| respond(&st2, &id, json!({"continue": true, "number": number})));
        let answers = futures_util::future::join_all(answers).await;
        let accepted: Vec<Value> =
            answers.iter().filter(|answer| answer.status == 200).map(Answer::json).collect();
        assert_eq!(accepted.len(), 1, "round {round}: {answers:?}");
        for refused in answers.iter().filter(|answer| answer.status != 200) {
            let text = format!("Inquiry \"{id}\" has already been responded to.");
            assert_eq!((refused.status, &refused.json()["faultstring"]), (400, &json!(text)));
        }
        let ended = st2.wait_for_end(&id).await;
        assert_eq!(ended["result"]["response"], accepted[0]["response"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_not_asked_cannot_answer() {
    let st2 = TestDaemon::start().await;
    let id = ask(&st2, json!({"users": ["ann", "bob"]})).await;
    let refusal = respond(&st2, &id, json!({"continue": true})).await.expect(403);
    let text = format!("User \"st2admin\" does not have permission to respond to inquiry \"{id}\".");
    assert_eq!(refusal["faultstring"], text);
    let key = st2.post("/v1/apikeys", json!({"user": "bob"})).await.expect(201);
    let answer = st2
        .bare(Method::PUT, &format!("/v1/inquiries/{id}"))
        .header("St2-Api-Key", key["key"].as_str().unwrap())
        .json(&json!({"id": id, "response": {"continue": false}}));
    Answer::of(answer).await.expect(200);
    assert_eq!(st2.wait_for_end(&id).await["status"], "succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_open_inquiry_says_so() {
    let st2 = TestDaemon::start().await;
    let noop = st2.run("core.noop", json!({})).await;
    let id = noop["id"].as_str().unwrap();
    let other = format!("Action execution \"{id}\" is not an inquiry.");
    assert_eq!(respond(&st2, id, json!({})).await.expect(400)["faultstring"], other);
    assert_eq!(st2.get(&format!("/v1/inquiries/{id}")).await.expect(400)["faultstring"], other);
    for unknown in ["000000000000000000000000", "nonsense"] {
        let missing = st2.get(&format!("/v1/inquiries/{unknown}")).await.expect(404);
        assert_eq!(missing["faultstring"], "The resource could not be found.");
    }
    let asked = ask(&st2, json!({})).await;
    for (body, complaint) in [
        (json!({}), "'id' is a required property"),
        (json!({"id": asked}), "'response' is a required property"),
        (json!({"id": asked, "response": 5}), "5 is not of type 'object'"),
    ] {
        let refusal = st2.put(&format!("/v1/inquiries/{asked}"), body).await.expect(400);
        assert_eq!(refusal["faultstring"], complaint);
    }
    let wrong = respond(&st2, &asked, json!({"continue": "x"})).await.expect(400);
    let text = wrong["faultstring"].as_str().unwrap();
    assert!(text.contains("'x' is not of type 'boolean'\n\nFailed validating 'type' in schema"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_outlives_the_daemon_that_asked_it() {
    let mut st2 = TestDaemon::start().with_private_postgres().await;
    let id = ask(&st2, json!({})).await;
    let home = st2.home();
    st2.kill();
    drop(st2);
    let st2 = TestDaemon::start().with_private_postgres().with_home(&home).await;
    assert_eq!(st2.get("/v1/inquiries").await.expect(200)[0]["id"], json!(id));
    respond(&st2, &id, json!({"continue": true})).await.expect(200);
    assert_eq!(st2.wait_for_end(&id).await["status"], "succeeded");
}
