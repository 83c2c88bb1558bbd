//! Looking at executions over HTTP. Rows are put in by hand: how they come to be is the engine's business.

use super::server::{Server, start};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use sqlx::PgPool;
use st2d::model::{ExecutionId, ObjectId};

/// A row to be, ended an hour ago unless changed.
pub(super) struct Row {
    pub(super) id: ExecutionId,
    action: &'static str,
    status: &'static str,
    parameters: Value,
    result: Option<String>,
    extras: Option<Value>,
    parent: Option<ExecutionId>,
}

fn at(age: TimeDelta) -> DateTime<Utc> {
    st2d::clock::now() - age
}

pub(super) fn row(age: TimeDelta, action: &'static str, status: &'static str) -> Row {
    Row {
        id: ExecutionId(ObjectId::at(at(age))),
        action,
        status,
        parameters: json!({"message": "m", "token": "t0p"}),
        result: Some(r#"{"stdout":"out","return_code":0,"big":12345678901234567890123}"#.to_owned()),
        extras: None,
        parent: None,
    }
}

pub(super) async fn put(pool: &PgPool, row: &Row) {
    let (pack, name) = row.action.split_once('.').unwrap();
    let action = json!({"id": ObjectId::generate().to_string(), "pack": pack, "name": name, "ref": row.action,
        "uid": format!("action:{pack}:{name}"), "enabled": true, "entry_point": "", "runner_type": "local-shell-cmd",
        "parameters": {"message": {"type": "string"}, "token": {"type": "string", "secret": true}},
        "output_schema": {}, "tags": [], "notify": {}, "metadata_file": ""});
    let runner = json!({"id": ObjectId::generate().to_string(), "name": "local-shell-cmd", "enabled": true,
        "runner_parameters": {"cwd": {"type": "string"}}});
    let snapshot: i64 = sqlx::query_scalar(
        "INSERT INTO action_snapshots (hash, action, runner) VALUES ($1, $2, $3) RETURNING id",
    )
    .bind(ObjectId::generate().0.as_slice())
    .bind(action)
    .bind(runner)
    .fetch_one(pool)
    .await
    .unwrap();
    let ended = ["succeeded", "failed"].contains(&row.status);
    sqlx::query(
        "INSERT INTO executions (id, liveaction_id, snapshot_id, action_ref, runner, status, user_name, parameters,
             context, extras, parent_id, log_statuses, log_times, ended_at, result, result_bytes)
         VALUES ($1, $1, $2, $3, 'local-shell-cmd', $4, 'ann', $5, $6, $7::text::json, $8, $9, $10, $11, $12::text::json, $13)",
    )
    .bind(row.id.as_bytes())
    .bind(snapshot)
    .bind(row.action)
    .bind(row.status)
    .bind(&row.parameters)
    .bind(json!({"user": "ann", "pack": pack, "own": "x1"}))
    .bind(row.extras.as_ref().map(Value::to_string))
    .bind(row.parent.map(|id| id.as_bytes().to_vec()))
    .bind(["requested", row.status])
    .bind([at(TimeDelta::zero()); 2])
    .bind(ended.then(|| row.id.requested_at() + TimeDelta::milliseconds(1500)))
    .bind(&row.result)
    .bind(row.result.as_ref().map_or(0, |result| result.len() as i32))
    .execute(pool)
    .await
    .unwrap();
}

/// One chunk of output: line, kind.
pub(super) async fn print(pool: &PgPool, id: ExecutionId, lines: &[(&str, &str)]) {
    let (bytes, count): (i64, i64) = sqlx::query_as(
        "SELECT coalesce(sum(length(data)), 0)::bigint, coalesce(sum(cardinality(line_ends)), 0)::bigint
         FROM execution_output WHERE execution_id = $1",
    )
    .bind(id.as_bytes())
    .fetch_one(pool)
    .await
    .unwrap();
    let data: String = lines.iter().map(|(line, _)| *line).collect();
    let ends: Vec<i32> = lines
        .iter()
        .scan(0, |end, (line, _)| {
            *end += line.len() as i32;
            Some(*end)
        })
        .collect();
    let kinds: Vec<u8> = lines.iter().map(|(_, kind)| kind.as_bytes()[0]).collect();
    sqlx::query(
        "INSERT INTO execution_output (execution_id, byte_from, day, line_from, data, line_ends, line_kinds, line_stamps)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(id.as_bytes())
    .bind(bytes)
    .bind(id.requested_at().date_naive())
    .bind(count)
    .bind(data.as_bytes())
    .bind(&ends)
    .bind(kinds)
    .bind(vec![id.requested_at().timestamp_micros(); lines.len()])
    .execute(pool)
    .await
    .unwrap();
}

async fn ids(st2: &Server, query: &str) -> Vec<String> {
    let answer = st2.get(&format!("/v1/executions?include_attributes=id&{query}")).await;
    assert_eq!(answer.status, 200, "{query}: {:?}", answer.body);
    answer.body.as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect()
}

#[sqlx::test]
async fn one_execution_is_shown_masked_narrowed_and_without_a_large_result(pool: PgPool) {
    let st2 = start(pool.clone()).await;
    assert_eq!(st2.get("/v1/executions/last").await.fault(), (400, "No executions found in the database"));
    let it = row(TimeDelta::hours(1), "core.local", "succeeded");
    put(&pool, &it).await;
    let path = format!("/v1/executions/{}", it.id);
    let all = st2.get(&path).await.body;
    assert_eq!(all["parameters"], json!({"message": "m", "token": "********"}));
    assert_eq!((&all["elapsed_seconds"], &all["result_size"]), (&json!(1.5), &json!(62)));
    assert_eq!(all["result"]["big"].to_string(), "12345678901234567890123");
    assert_eq!(st2.get("/v1/actionexecutions/last").await.body, all);
    let open = st2.get(&format!("{path}?show_secrets=true")).await.body;
    assert_eq!(open["liveaction"]["parameters"]["token"], "t0p");
    assert_eq!(
        st2.get(&format!("{path}?include_attributes=status")).await.body,
        json!({"status": "succeeded", "id": it.id.to_string()})
    );
    assert!(st2.get(&format!("{path}?max_result_size=1")).await.body.get("result").is_none());
    for (query, words) in [
        ("max_result_size=99999999", "max_result_size query parameter must be smaller than 14 MB"),
        ("max_result_size=-1", "max_result_size must be a positive number"),
        ("max_result_size=x", "Parameter \"max_result_size\" is not of type integer"),
        ("show_secrets=x", "Parameter \"show_secrets\" is not of type boolean"),
        (
            "include_attributes=nope",
            "Invalid or unsupported include attribute specified: Cannot resolve field \"nope\"",
        ),
        (
            "include_attributes=result.stdout",
            "Invalid or unsupported include attribute specified: Cannot resolve subfield or operator stdout on the field result",
        ),
        ("exclude_attributes=action", "Invalid or unsupported exclude attribute specified: action"),
        (
            "include_attributes=status&exclude_attributes=result",
            "exclude_attributes and include_attributes arguments are mutually exclusive. You need to provide either one or another, but not both.",
        ),
    ] {
        assert_eq!(st2.get(&format!("{path}?{query}")).await.fault(), (400, words), "{query}");
    }
    for id in ["000000000000000000000000", "nonsense", "no.such", "a%20b"] {
        let shown = id.replace("%20", " ");
        let words = format!("Unable to identify resource with id \"{shown}\".");
        assert_eq!(st2.get(&format!("/v1/executions/{id}")).await.fault(), (404, words.as_str()));
    }
}

#[sqlx::test]
async fn a_result_is_served_alone_in_every_dress(pool: PgPool) {
    let st2 = start(pool.clone()).await;
    let it = row(TimeDelta::hours(1), "core.local", "succeeded");
    put(&pool, &it).await;
    let path = format!("/v1/executions/{}", it.id);
    let text = it.result.clone().unwrap();
    let plain = st2.request("GET", &format!("{path}/result")).send().await.unwrap();
    assert_eq!(plain.headers()["content-type"], "text/json");
    assert_eq!(plain.text().await.unwrap(), text);
    let pretty = st2.request("GET", &format!("{path}/result?pretty_format=1")).send().await.unwrap();
    assert!(pretty.text().await.unwrap().starts_with("{\n  \"stdout\": \"out\""));
    let packed = st2.request("GET", &format!("{path}/result?download=1&compress=1")).send().await.unwrap();
    let name = format!("attachment; filename=execution_{}_result.json.gz", it.id);
    assert_eq!(packed.headers()["content-disposition"], name.as_str());
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    let mut unpacked = String::new();
    let bytes = packed.bytes().await.unwrap();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&bytes[..]), &mut unpacked).unwrap();
    assert_eq!(unpacked, text);

    assert_eq!(st2.get(&format!("{path}/attribute/status")).await.body, json!("succeeded"));
    assert_eq!(st2.get(&format!("{path}/attribute/trigger_instance")).await.body, json!({}));
    assert_eq!(st2.get(&format!("{path}/attribute/result")).await.body["stdout"], "out");
    assert_eq!(
        st2.get(&format!("{path}/attribute/action")).await.fault(),
        (
            400,
            "Invalid attribute \"action\" specified. Valid attributes are: result, trigger_instance, status"
        )
    );
    let bad = "'last' is not a valid ObjectId, it must be a 12-byte input or a 24-character hex string";
    for sub in ["result", "attribute/status"] {
        assert_eq!(st2.get(&format!("/v1/executions/last/{sub}")).await.fault(), (400, bad));
        let unknown = st2.get(&format!("/v1/executions/000000000000000000000000/{sub}")).await;
        assert_eq!(unknown.fault(), (404, "The resource could not be found."));
    }
}

#[sqlx::test]
async fn lists_filter_sort_page_and_count(pool: PgPool) {
    let st2 = start(pool.clone()).await;
    let rule = json!({"origin": {"rule": {"name": "r1", "ref": "demo.r1"}, "trigger_instance": {"id": "5", "payload": "\0"}}});
    let mut rows = vec![
        row(TimeDelta::minutes(50), "core.echo", "succeeded"),
        Row { extras: Some(rule), ..row(TimeDelta::minutes(40), "core.local", "failed") },
        row(TimeDelta::minutes(30), "core.echo", "running"),
        row(TimeDelta::minutes(20), "core.echo", "succeeded"),
    ];
    rows[3].parent = Some(rows[2].id);
    for row in &rows {
        put(&pool, row).await;
    }
    let places = |order: &[usize]| order.iter().map(|place| rows[*place].id.to_string()).collect::<Vec<_>>();
    let hour = |age: i64| at(TimeDelta::minutes(age)).format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
    let parent = rows[2].id;
    for (query, order) in [
        (String::new(), &[3, 2, 1, 0][..]),
        ("limit=2".to_owned(), &[3, 2]),
        ("limit=2&offset=1".to_owned(), &[2, 1]),
        ("offset=9".to_owned(), &[]),
        ("sort=id".to_owned(), &[0, 1, 2, 3]),
        ("sort=-action".to_owned(), &[1, 0, 2, 3]),
        ("sort=status,-id".to_owned(), &[1, 2, 3, 0]),
        ("sort=start_timestamp".to_owned(), &[3, 2, 1, 0]),
        ("sort_asc=True".to_owned(), &[0, 1, 2, 3]),
        ("sort_asc=".to_owned(), &[3, 2, 1, 0]),
        ("status=running".to_owned(), &[2]),
        ("status=nope".to_owned(), &[]),
        ("action=core.echo&status=succeeded".to_owned(), &[3, 0]),
        ("parent=null".to_owned(), &[2, 1, 0]),
        (format!("parent={parent}"), &[3]),
        ("user=nobody".to_owned(), &[]),
        ("rule=r1".to_owned(), &[1]),
        ("rule=null".to_owned(), &[3, 2, 0]),
        ("trigger_instance=5".to_owned(), &[1]),
        (format!("liveaction={parent}"), &[2]),
        (format!("timestamp_gt={}", hour(35)), &[2, 3]),
        (format!("timestamp_lt={}", hour(35)), &[1, 0]),
        (format!("timestamp={}..{}", hour(45), hour(25)), &[1, 2]),
        (format!("timestamp={}..{}", hour(25), hour(45)), &[2, 1]),
        ("filter=status:failed%20action.ref:core.local".to_owned(), &[1]),
        ("filter=context.own:x1".to_owned(), &[3, 2, 1, 0]),
        ("filter=rule.ref:demo.r1".to_owned(), &[1]),
        (format!("id={},{}", rows[0].id, rows[1].id), &[1, 0]),
        ("nonsense=1".to_owned(), &[3, 2, 1, 0]),
    ] {
        assert_eq!(ids(&st2, &query).await, places(order), "{query}");
    }
    let counted = st2.get("/v1/executions?limit=1&status=succeeded").await;
    assert_eq!((counted.header("x-total-count"), counted.header("x-limit")), (Some("2"), Some("1")));
    assert_eq!(counted.body[0]["children"], Value::Null);
    let everything = st2.get("/v1/executions?limit=-1").await;
    assert_eq!((everything.header("x-total-count"), everything.header("x-limit")), (Some("4"), None));
    for (query, words) in [
        ("id=bad", "'bad' is not a valid ObjectId, it must be a 12-byte input or a 24-character hex string"),
        ("timestamp_gt=2020-01-01", "Datetime value does not match expected format."),
        ("filter=nope", "invalid format for filter \"nope\""),
        ("filter=nope.x:1", "Cannot resolve field \"nope\""),
        ("include_attributes=nope_x", "Invalid or unsupported include attribute specified: nope_x"),
    ] {
        assert_eq!(st2.get(&format!("/v1/executions?{query}")).await.fault(), (400, words), "{query}");
    }

    let below = st2.get(&format!("/v1/executions/{parent}/children?depth=-1")).await;
    assert_eq!(below.body.as_array().unwrap().len(), 1);
    assert_eq!(st2.get(&format!("/v1/executions/{parent}")).await.body["children"], json!(places(&[3])));
    assert_eq!(
        st2.get("/v1/executions/views/filters?types=action,rule").await.body,
        json!({"action": ["core.echo", "core.local"], "rule": ["r1"]})
    );
}

#[sqlx::test]
async fn output_is_read_whole_by_kind_and_from_where_a_poller_stopped(pool: PgPool) {
    let st2 = start(pool.clone()).await;
    let it = row(TimeDelta::minutes(1), "core.local", "running");
    put(&pool, &it).await;
    let path = format!("/v1/executions/{}/output", it.id);
    let get = |query: &str| {
        let request = st2.request("GET", &format!("{path}?{query}"));
        async move {
            let response = request.send().await.unwrap();
            assert_eq!(response.headers()["content-type"], "text/plain; charset=UTF-8");
            let header = |name| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
            let place = (header("x-output-offset"), header("x-output-line"), header("x-output-complete"));
            (response.text().await.unwrap(), place)
        }
    };
    let place = |offset: &str, line: Option<&str>| {
        (Some(offset.to_owned()), line.map(str::to_owned), Some("false".to_owned()))
    };
    assert_eq!(get("").await, (String::new(), place("0", None)));
    print(&pool, it.id, &[("a\n", "o"), ("err\n", "e")]).await;
    assert_eq!(get("").await, ("a\nerr\n".to_owned(), place("6", Some("1"))));
    print(&pool, it.id, &[("b\n", "o"), ("step\n", "p")]).await;
    assert_eq!(get("output_type=all").await.0, "a\nerr\nb\nstep\n");
    assert_eq!(get("output_type=stdout").await.0, "a\nb\n");
    assert_eq!(get("output_type=output").await.0, "step\n");
    assert_eq!(get("output_type=other").await.0, "");
    assert_eq!(get("offset=6").await, ("b\nstep\n".to_owned(), place("13", Some("3"))));
    assert_eq!(get("offset=7").await.0, "\nstep\n");
    assert_eq!(get("offset=13").await.0, "");
    assert_eq!(get("offset=99").await.0, "");
    assert_eq!(get("after=1").await.0, "b\nstep\n");
    assert_eq!(get("after=0&output_type=stdout").await.0, "b\n");
    let large = "x".repeat(40_000) + "\n";
    for _ in 0..20 {
        print(&pool, it.id, &[(&large, "o")]).await;
    }
    let all = get("").await.0;
    assert_eq!(all.len(), 13 + 20 * 40_001);
    assert_eq!(get("offset=100000").await.0, all[100_000..]);
    let last = st2.request("GET", "/v1/executions/last/output?offset=13").send().await.unwrap();
    assert_eq!(last.text().await.unwrap().len(), 20 * 40_001);
    assert_eq!(
        st2.get(&format!("{path}?offset=-1")).await.fault(),
        (400, "\"offset\" must be zero or more.")
    );
}

#[sqlx::test]
async fn a_long_list_comes_whole(pool: PgPool) {
    let st2 = start(pool.clone()).await;
    let rows: Vec<Row> = (0..450).map(|_| row(TimeDelta::minutes(5), "core.echo", "succeeded")).collect();
    for row in &rows {
        put(&pool, row).await;
    }
    let all = st2.get("/v1/executions?limit=-1&include_attributes=id&sort=id").await;
    assert_eq!(
        (all.header("x-total-count"), all.header("content-type")),
        (Some("450"), Some("application/json"))
    );
    let ids: Vec<_> =
        all.body.as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect();
    let mut expected: Vec<_> = rows.iter().map(|row| row.id.to_string()).collect();
    expected.sort_unstable();
    assert_eq!(ids, expected);
}
