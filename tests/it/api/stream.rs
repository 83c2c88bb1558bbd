//! The stream over HTTP. Events are put on the bus by hand: how they come to be is the engine's business.

use super::{
    executions::{print, put, row},
    server::{Server, start, start_with},
};
use bytes::Bytes;
use chrono::TimeDelta;
use serde_json::{Value, json};
use sqlx::PgPool;
use st2d::{
    bus::{Announcement, Change, Event, ExecutionEvent, OutputEvent, OutputKind},
    model::{Execution, ExecutionId, ExecutionStatus},
    store::executions::query,
};
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A client of an event stream.
pub(super) struct Client {
    response: reqwest::Response,
    text: String,
}

impl Client {
    pub(super) async fn open(st2: &Server, path: &str) -> Self {
        Self::open_with(st2, path, None).await
    }

    async fn open_with(st2: &Server, path: &str, last: Option<&str>) -> Self {
        let mut request = st2.request("GET", &format!("{}{path}", st2.stream));
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        for (name, value) in [
            ("content-type", "text/event-stream; charset=UTF-8"),
            ("cache-control", "no-cache"),
            ("x-accel-buffering", "no"),
        ] {
            assert_eq!(response.headers()[name], value);
        }
        assert!(response.headers().contains_key("x-request-id"));
        Self { response, text: String::new() }
    }

    /// Reads more; `false` at the end of the stream.
    async fn more(&mut self) -> bool {
        let chunk =
            tokio::time::timeout(PATIENCE, self.response.chunk()).await.expect("nothing came").unwrap();
        let Some(chunk) = chunk else { return false };
        self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        true
    }

    /// The first newline of a stream of everything: from then on it listens.
    pub(super) async fn ready(mut self) -> Self {
        while self.text.is_empty() {
            assert!(self.more().await);
        }
        assert!(self.text.starts_with('\n'));
        self.text.remove(0);
        self
    }

    /// The next event: name and data.
    pub(super) async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let block: String = self.text.drain(..end + 2).collect();
                let field = |name: &str| {
                    block
                        .lines()
                        .find_map(|line| line.strip_prefix(name))
                        .map(|value| value.trim().to_owned())
                };
                if let Some(name) = field("event:") {
                    let data = field("data:").unwrap();
                    return Some((name, serde_json::from_str(&data).unwrap_or(Value::String(data))));
                }
                continue;
            }
            if !self.more().await {
                return None;
            }
        }
    }

    async fn names(&mut self, count: usize) -> Vec<String> {
        let mut names = Vec::new();
        for _ in 0..count {
            names.push(self.next().await.unwrap().0);
        }
        names
    }

    /// Texts of the lines that came, to the end of the stream.
    async fn lines(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some((name, data)) = self.next().await {
            if name == "EOF" {
                lines.push("EOF".to_owned());
                assert_eq!((data, self.next().await), (json!("''"), None));
                break;
            }
            lines.push(data["data"].as_str().unwrap().to_owned());
        }
        lines
    }
}

async fn seeded(st2: &Server, pool: &PgPool, action: &'static str) -> Arc<Execution> {
    let row = row(TimeDelta::minutes(1), action, "running");
    put(pool, &row).await;
    assert!(st2.app.is_ready());
    query::find(pool, row.id).await.unwrap().unwrap().execution
}

fn changed(execution: &Execution, status: ExecutionStatus) -> Event {
    let mut execution = execution.clone();
    execution.status = status;
    let event =
        ExecutionEvent { change: Change::Update, execution: Arc::new(execution), frames: OnceLock::new() };
    Event::Execution(Arc::new(event))
}

fn printed(id: ExecutionId, line: u64, text: &str, kind: OutputKind) -> Event {
    Event::Output(Arc::new(OutputEvent {
        execution_id: id,
        action_ref: "core.local".into(),
        runner_ref: "local-shell-cmd".into(),
        line,
        timestamp: id.requested_at(),
        kind,
        data: Bytes::copy_from_slice(text.as_bytes()),
        frame: OnceLock::new(),
    }))
}

async fn end_row(pool: &PgPool, id: ExecutionId) {
    sqlx::query("UPDATE executions SET status = 'succeeded', ended_at = now() WHERE id = $1")
        .bind(id.as_bytes())
        .execute(pool)
        .await
        .unwrap();
}

#[sqlx::test]
async fn filters_choose_by_name_action_and_execution(pool: PgPool) {
    let st2 = start(pool.clone()).await;
    let one = seeded(&st2, &pool, "core.local").await;
    let other = seeded(&st2, &pool, "core.echo").await;
    let mut everything = Client::open(&st2, "/v1/stream").await.ready().await;
    let mut updates = Client::open(&st2, "/stream/stream?events=st2.execution__*&action_refs=core.echo")
        .await
        .ready()
        .await;
    let by_id = format!("/stream?events=*&execution_ids={}", one.id);
    let mut by_id = Client::open(&st2, &by_id).await.ready().await;
    let mut nothing = Client::open(&st2, "/v1/stream?events=nope").await.ready().await;

    let bus = &st2.app.bus;
    bus.publish(changed(&one, ExecutionStatus::Running));
    bus.publish(printed(one.id, 0, "a\n", OutputKind::Stdout));
    bus.publish(changed(&other, ExecutionStatus::Running));
    bus.publish(Event::Announcement(Arc::new(Announcement {
        route: "chatops".to_owned(),
        payload: json!({"channel": "ops"}),
        trace_context: Value::Null,
        frame: OnceLock::new(),
    })));
    let (execution, liveaction) = ("st2.execution__update", "st2.liveaction__update");
    assert_eq!(
        everything.names(5).await,
        [execution, liveaction, execution, liveaction, "st2.announcement__chatops"]
    );
    let (name, data) = updates.next().await.unwrap();
    assert_eq!((name.as_str(), &data["id"]), (execution, &json!(other.id.to_string())));
    assert_eq!(data["parameters"]["token"], "********");
    assert_eq!(by_id.names(2).await, [execution, "st2.execution.output__create"]);
    // Nothing came before this: it is the first that `nothing` would have seen.
    assert!(nothing.text.is_empty() && updates.text.is_empty());
    st2.app.closing.request();
    assert_eq!((nothing.next().await, by_id.next().await), (None, None));
}

#[sqlx::test]
async fn an_end_ends_the_stream_even_if_it_came_before(pool: PgPool) {
    let st2 = start(pool.clone()).await;
    let it = seeded(&st2, &pool, "core.local").await;
    let path = format!(
        "/v1/stream?end_event=st2.execution__update&end_execution_id={}&events=st2.execution__update%2Cst2.execution.output__create",
        it.id
    );
    let mut client = Client::open(&st2, &path).await.ready().await;
    let (update, output) = ("st2.execution__update", "st2.execution.output__create");
    st2.app.bus.publish(changed(&it, ExecutionStatus::Running));
    let (name, running) = client.next().await.unwrap();
    assert_eq!((name.as_str(), &running["status"]), (update, &json!("running")));
    // What is printed is stored before the end is told, also when both happen at once.
    print(&pool, it.id, &[("a\n", "o")]).await;
    st2.app.bus.publish(printed(it.id, 0, "a\n", OutputKind::Stdout));
    st2.app.bus.publish(changed(&it, ExecutionStatus::Succeeded));
    st2.app.bus.publish(printed(it.id, 1, "late\n", OutputKind::Stdout));
    let mut told = Vec::new();
    while let Some((name, data)) = client.next().await {
        told.push((name, data["status"].clone(), data["data"].clone()));
    }
    // Once each, in this order, and nothing after the end.
    let printed_line = (output.to_owned(), Value::Null, json!("a\n"));
    let ended = (update.to_owned(), json!("succeeded"), Value::Null);
    assert_eq!(told, [printed_line, ended]);

    end_row(&pool, it.id).await;
    let mut late = Client::open(&st2, &path).await.ready().await;
    let mut told = Vec::new();
    while let Some((name, data)) = late.next().await {
        told.push((name, data));
    }
    assert!(told.iter().any(|(name, data)| name == output && data["data"] == "a\n"), "{told:?}");
    let (name, data) = told.last().unwrap();
    assert_eq!((name.as_str(), &data["status"]), (update, &json!("succeeded")));
}

#[sqlx::test]
async fn an_idle_stream_shows_signs_of_life(pool: PgPool) {
    let st2 = start_with(pool, |config| config.stream.heartbeat = 1).await;
    let mut client = Client::open(&st2, "/v1/stream?events=nope").await.ready().await;
    assert!(client.more().await);
    assert_eq!(client.text, "\n");
}

#[sqlx::test]
async fn output_is_replayed_and_followed_without_gap_or_double(pool: PgPool) {
    let st2 = start(pool.clone()).await;
    let it = seeded(&st2, &pool, "core.local").await;
    print(&pool, it.id, &[("0\n", "o"), ("1\n", "e")]).await;
    let path = format!("/v1/executions/{}/output", it.id);
    let mut all = Client::open(&st2, &path).await;
    let mut errors = Client::open(&st2, &format!("{path}?output_type=stderr")).await;
    let mut resumed = Client::open_with(&st2, &format!("/stream{path}"), Some("0")).await;
    assert_eq!(all.next().await.unwrap().1["data"], "0\n");
    assert!(all.text.starts_with("event: "), "no sign of life before or between");

    let bus = &st2.app.bus;
    // Stored before it was told; told again; and one that was told while nobody listened and is stored later.
    print(&pool, it.id, &[("2\n", "o")]).await;
    bus.publish(printed(it.id, 1, "1\n", OutputKind::Stderr));
    bus.publish(printed(it.id, 2, "2\n", OutputKind::Stdout));
    bus.publish(printed(it.id, 4, "4\n", OutputKind::Stderr));
    print(&pool, it.id, &[("3\n", "o"), ("4\n", "e")]).await;
    bus.publish(printed(it.id, 5, "5\n", OutputKind::Stdout));
    print(&pool, it.id, &[("5\n", "o")]).await;
    end_row(&pool, it.id).await;
    bus.publish(changed(&it, ExecutionStatus::Succeeded));
    assert_eq!(all.lines().await, ["1\n", "2\n", "3\n", "4\n", "5\n", "EOF"]);
    assert_eq!(errors.lines().await, ["1\n", "4\n", "EOF"]);
    assert_eq!(resumed.lines().await, ["1\n", "2\n", "3\n", "4\n", "5\n", "EOF"]);

    let mut ended = Client::open(&st2, &path).await;
    assert_eq!(ended.lines().await.len(), 7);
    let mut last = Client::open(&st2, "/executions/last/output?after=4").await;
    assert_eq!(last.lines().await, ["5\n", "EOF"]);
}

#[sqlx::test]
async fn an_end_that_nobody_told_is_found_in_the_rows(pool: PgPool) {
    let st2 = start(pool.clone()).await;
    let it = seeded(&st2, &pool, "core.local").await;
    let mut client = Client::open(&st2, &format!("/v1/executions/{}/output", it.id)).await;
    print(&pool, it.id, &[("from another node\n", "o")]).await;
    end_row(&pool, it.id).await;
    assert_eq!(client.lines().await, ["from another node\n", "EOF"]);
}

#[sqlx::test]
async fn a_client_that_does_not_read_is_cut_off_and_nobody_waits(pool: PgPool) {
    let st2 = start_with(pool.clone(), |config| config.stream.client_buffer_bytes = 200_000).await;
    let it = seeded(&st2, &pool, "core.local").await;
    let path = "/v1/stream?events=st2.execution.output__create";
    let mut slow = Client::open(&st2, path).await.ready().await;
    let mut quick = Client::open(&st2, path).await.ready().await;
    let text = "x".repeat(10_000) + "\n";
    // Far more than sockets and buffers hold.
    for line in 0..2000 {
        st2.app.bus.publish(printed(it.id, line, &text, OutputKind::Stdout));
        assert_eq!(quick.next().await.unwrap().1["data"], text);
    }
    let mut got = 0;
    while slow.next().await.is_some() {
        got += 1;
    }
    assert!(got < 2000, "it got everything");
}

#[sqlx::test]
async fn wrong_requests_are_answered_as_json_before_anything_streams(pool: PgPool) {
    let st2 = start(pool).await;
    let stream = |path: &str| format!("{}{path}", st2.stream);
    let answer = st2.get(&stream("/v1/executions/000000000000000000000000/output")).await;
    assert_eq!(answer.fault(), (404, "Unable to identify resource with id \"000000000000000000000000\"."));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let answer = st2.get(&stream("/executions/last/output")).await;
    assert_eq!(answer.fault(), (400, "No executions found in the database"));
    let answer = super::server::send(st2.bare("GET", &stream("/v1/stream"))).await;
    assert_eq!(answer.fault(), (401, "Unauthorized - One of Token or API key required."));
    let token = super::server::send(st2.bare("GET", &stream("/v1/stream?x-auth-token=nope"))).await;
    assert_eq!(token.fault(), (401, "Unauthorized"));
}
