//! Reading on a real database, held against the plainest query that gives the same answer.

use super::*;
use crate::{
    bus::Bus,
    clock,
    model::{ObjectId, TraceContext, TriggerInstance, TriggerInstanceStatus},
    store::{Store, origins, trigger_instances},
};
use chrono::TimeDelta;
use serde_json::{json, value::to_raw_value};

/// A row to be.
#[derive(Clone)]
struct Seed {
    id: ExecutionId,
    status: &'static str,
    action: &'static str,
    parent: Option<ExecutionId>,
    extras: Option<Value>,
    origin: Option<i64>,
    event: Option<TriggerInstanceId>,
}

impl Seed {
    fn at(age: TimeDelta, status: &'static str, action: &'static str) -> Self {
        let id = ExecutionId(ObjectId::at(clock::now() - age));
        Self { id, status, action, parent: None, extras: None, origin: None, event: None }
    }
}

async fn snapshot(pool: &PgPool) -> i64 {
    let action = json!({"id": ObjectId::generate().to_string(), "pack": "core", "name": "echo",
        "runner_type": "local-shell-cmd", "parameters": {"message": {"type": "string"}}});
    let runner = json!({"id": ObjectId::generate().to_string(), "name": "local-shell-cmd"});
    sqlx::query_scalar("INSERT INTO action_snapshots (hash, action, runner) VALUES ($1, $2, $3) RETURNING id")
        .bind(ObjectId::generate().0.as_slice())
        .bind(action)
        .bind(runner)
        .fetch_one(pool)
        .await
        .unwrap()
}

async fn insert(pool: &PgPool, seeds: &[Seed]) {
    let snapshot = snapshot(pool).await;
    let all = || seeds.iter();
    sqlx::query(
        "INSERT INTO executions (id, liveaction_id, snapshot_id, action_ref, runner, status, user_name, parameters,
             context, parent_id, extras, origin_id, trigger_instance_id, log_statuses, log_times, ended_at, result, result_bytes)
         SELECT id, id, $1, action, 'local-shell-cmd', status, 'ann', '{\"message\": \"\\u0000m\", \"n\": 5}',
             '{\"user\": \"ann\", \"own\": \"x\"}', parent, extras::json, origin, event,
             ARRAY['requested', status], ARRAY[now(), now()],
             CASE WHEN status IN ('succeeded', 'failed') THEN now() END, '{\"a\": 1.0}', 10
         FROM unnest($2::bytea[], $3::text[], $4::text[], $5::bytea[], $6::text[],
             $7::bigint[], $8::bytea[]) AS t (id, action, status, parent, extras, origin, event)",
    )
    .bind(snapshot)
    .bind(all().map(|s| s.id.as_bytes().to_vec()).collect::<Vec<_>>())
    .bind(all().map(|s| s.action).collect::<Vec<_>>())
    .bind(all().map(|s| s.status).collect::<Vec<_>>())
    .bind(all().map(|s| s.parent.map(|id| id.as_bytes().to_vec())).collect::<Vec<_>>())
    .bind(all().map(|s| s.extras.as_ref().map(Value::to_string)).collect::<Vec<_>>())
    .bind(all().map(|s| s.origin).collect::<Vec<_>>())
    .bind(all().map(|s| s.event.map(|id| id.as_bytes().to_vec())).collect::<Vec<_>>())
    .execute(pool)
    .await
    .unwrap();
}

fn is(column: Column, text: &str) -> Vec<Condition> {
    vec![Condition::Is(column, text.to_owned())]
}

#[sqlx::test]
async fn rows_read_back_with_snapshot_children_and_result(pool: PgPool) {
    let origin = json!({"origin": {"rule": {"name": "r"}, "trigger_instance": {"payload": "\0"}}, "notify": {"on-complete": {}}});
    let parent = Seed { extras: Some(origin), ..Seed::at(TimeDelta::hours(1), "succeeded", "core.echo") };
    let child = Seed { parent: Some(parent.id), ..Seed::at(TimeDelta::minutes(5), "running", "core.echo") };
    insert(&pool, &[parent.clone(), child.clone()]).await;

    let rows =
        find_rows(&pool, &[child.id, ExecutionId::generate(), parent.id], Extent::NO_RESULT).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.execution.id).collect::<Vec<_>>(), [child.id, parent.id]);
    assert!(rows[0].execution.result.is_none() && rows[0].result_bytes == 10);
    let bare = find_rows(&pool, &[parent.id], Extent::STATE).await.unwrap().remove(0).execution;
    assert!(bare.parameters.is_empty() && bare.context.is_empty() && bare.children.is_empty());
    assert!(bare.origin.is_empty() && bare.notify.is_empty() && bare.result.is_none());
    assert_eq!((bare.status, bare.log.len()), (ExecutionStatus::Succeeded, 2));
    let full = find(&pool, parent.id).await.unwrap().unwrap().execution;
    assert_eq!(full.result.as_ref().unwrap().get(), r#"{"a": 1.0}"#);
    assert_eq!(full.children, [child.id]);
    assert_eq!(full.parameters["message"], "\0m");
    assert_eq!((full.origin.get("rule").unwrap().get(), full.notify.len()), (r#"{"name":"r"}"#, 1));
    assert_eq!(full.log.len(), 2);
    assert_eq!(full.snapshot.action.spec.name, "echo");
    assert!(Arc::ptr_eq(&full.snapshot, &rows[0].execution.snapshot));
    assert_eq!(last(&pool).await.unwrap(), Some(child.id));
    assert!(exists(&pool, child.id).await.unwrap() && !exists(&pool, ExecutionId::generate()).await.unwrap());

    let history = History::default();
    let found = |filter: Vec<Condition>| {
        let (pool, history) = (&pool, &history);
        async move { list(pool, history, &Query { filter, ..Query::default() }).await.unwrap().ids }
    };
    let path = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let json = |document, names: &[&str], value: &str| {
        vec![Condition::Json(document, path(names), value.to_owned())]
    };
    let (p, c) = (parent.id, child.id);
    assert_eq!(found(is(Column::Status, "running")).await, [c]);
    assert_eq!(found(is(Column::Status, "nope")).await, []);
    assert_eq!(found(vec![Condition::IsNull(Column::Parent)]).await, [p]);
    assert_eq!(found(vec![Condition::Parent(p)]).await, [c]);
    assert_eq!(found(vec![Condition::HasChild(c)]).await, [p]);
    assert_eq!(found(vec![Condition::Liveaction(LiveActionId(p.0))]).await, [p]);
    assert_eq!(found(vec![Condition::Had("running".to_owned())]).await, [c]);
    assert_eq!(found(json(Document::Origin, &["rule", "name"], "r")).await, [p]);
    assert_eq!(found(vec![Condition::NoJson(Document::Origin, path(&["rule"]))]).await, [c]);
    assert_eq!(found(json(Document::Context, &["own"], "x")).await, [c, p]);
    assert_eq!(found(json(Document::Parameters, &["n"], "5")).await, [c, p]);
    assert_eq!(found(json(Document::Action, &["pack"], "core")).await, [c, p]);
    assert_eq!(found(json(Document::Runner, &["name"], "noop")).await, []);
    assert_eq!(found(vec![Condition::after(p.requested_at())]).await, [c]);
    assert_eq!(found(vec![Condition::before(c.requested_at())]).await, [p]);
    assert_eq!(found(Condition::between(p.requested_at(), c.requested_at()).to_vec()).await, [c, p]);
    assert_eq!(found(vec![Condition::Never]).await, []);
}

#[sqlx::test]
async fn orders_put_equals_in_the_order_of_asking(pool: PgPool) {
    let seeds: Vec<Seed> = [("b.b", "failed"), ("a.a", "succeeded"), ("b.b", "succeeded")]
        .into_iter()
        .enumerate()
        .map(|(age, (action, status))| Seed::at(TimeDelta::seconds(100 - age as i64), status, action))
        .collect();
    insert(&pool, &seeds).await;
    let ids = |order: &[usize]| order.iter().map(|place| seeds[*place].id).collect::<Vec<_>>();
    let history = History::default();
    let sorted = |keys: &[(SortKey, bool)]| {
        let order =
            keys.iter().map(|(key, descending)| Sort { key: key.clone(), descending: *descending }).collect();
        let (pool, history) = (&pool, &history);
        async move { list(pool, history, &Query { order, ..Query::default() }).await.unwrap().ids }
    };
    let action = SortKey::Column(Column::ActionRef);
    assert_eq!(sorted(&[]).await, ids(&[2, 1, 0]));
    assert_eq!(sorted(&[(SortKey::Id, false)]).await, ids(&[0, 1, 2]));
    assert_eq!(sorted(&[(action.clone(), true)]).await, ids(&[0, 2, 1]));
    assert_eq!(sorted(&[(action, false), (SortKey::Id, true)]).await, ids(&[1, 2, 0]));
    assert_eq!(sorted(&[(SortKey::Column(Column::Status), false)]).await, ids(&[0, 1, 2]));
    let rule = SortKey::Json(Document::Origin, vec!["rule".to_owned(), "name".to_owned()]);
    assert_eq!(sorted(&[(rule, false), (SortKey::Id, true)]).await, ids(&[2, 1, 0]));
}

#[sqlx::test]
async fn descendants_come_depth_first(pool: PgPool) {
    let mut seeds: Vec<Seed> =
        (0..5).map(|age| Seed::at(TimeDelta::seconds(100 - age), "succeeded", "a.a")).collect();
    for (child, parent) in [(1, 0), (2, 0), (3, 1), (4, 3)] {
        seeds[child].parent = Some(seeds[parent].id);
    }
    insert(&pool, &seeds).await;
    let ids = |order: &[usize]| order.iter().map(|place| seeds[*place].id).collect::<Vec<_>>();
    let below = |depth| descendants(&pool, seeds[0].id, depth);
    assert_eq!(below(Depth::All).await.unwrap(), ids(&[1, 3, 4, 2]));
    assert_eq!(below(Depth::Levels(1)).await.unwrap(), ids(&[1, 2]));
    assert_eq!(below(Depth::Levels(2)).await.unwrap(), ids(&[1, 3, 2]));
}

/// Every page and every count, also deep ones, must be what a plain look at all rows gives, while old rows that were
/// alive end and new ones come.
#[sqlx::test]
async fn deep_pages_and_counts_stay_exact_while_rows_change(pool: PgPool) {
    let mut seeds: Vec<Seed> = (0..6000)
        .map(|number| {
            let status = match number % 500 {
                7 | 8 => "running",
                place if place % 3 == 0 => "failed",
                _ => "succeeded",
            };
            Seed::at(TimeDelta::hours(2) - TimeDelta::milliseconds(number), status, "a.a")
        })
        .collect();
    insert(&pool, &seeds).await;
    let history = History::default();
    let filters = [vec![], is(Column::Status, "failed"), is(Column::Status, "running")];
    for round in 0..3 {
        for filter in &filters {
            let plain = |descending| {
                let mut ids: Vec<ExecutionId> = seeds
                    .iter()
                    .filter(|seed| {
                        filter.iter().all(|c| *c == Condition::Is(Column::Status, seed.status.to_owned()))
                    })
                    .map(|seed| seed.id)
                    .collect();
                ids.sort_unstable();
                if descending {
                    ids.reverse();
                }
                ids
            };
            for descending in [true, false] {
                let all = plain(descending);
                for offset in [0, 10, 999, 1001, 1500, 1999, 2003, 4711, 5990, 6100, 9999] {
                    let order = vec![Sort { key: SortKey::Id, descending }];
                    let query = Query { filter: filter.clone(), order, offset, limit: Some(50) };
                    let page = list(&pool, &history, &query).await.unwrap();
                    let expected: Vec<_> = all.iter().skip(offset as usize).take(50).copied().collect();
                    assert_eq!(page.ids, expected, "round {round}, {filter:?}, offset {offset}");
                    assert_eq!(page.total, all.len() as u64, "round {round}, {filter:?}, offset {offset}");
                }
            }
            assert_eq!(history.count(&pool, filter).await.unwrap(), plain(true).len() as u64);
            // From now on the past is remembered, and what is rare comes from memory.
            history.remember_next_time(filter);
        }
        // Some that were alive end, and new ones come.
        let ended: Vec<Vec<u8>> = seeds
            .iter_mut()
            .filter(|seed| seed.status == "running")
            .step_by(2)
            .map(|seed| {
                seed.status = "failed";
                seed.id.as_bytes().to_vec()
            })
            .collect();
        sqlx::query("UPDATE executions SET status = 'failed', ended_at = now() WHERE id = ANY ($1)")
            .bind(ended)
            .execute(&pool)
            .await
            .unwrap();
        let new: Vec<Seed> = (0..30).map(|_| Seed::at(TimeDelta::zero(), "failed", "a.a")).collect();
        insert(&pool, &new).await;
        seeds.extend(new);
    }
}

#[sqlx::test]
async fn what_rules_have_in_common_is_shown_searched_and_sorted_by(pool: PgPool) {
    let fact = |name: &'static str, value: Value| (name.into(), to_raw_value(&value).unwrap().into());
    let rule = |name: &str| {
        vec![fact("trigger", json!({"name": "t\0"})), fact("rule", json!({"name": name, "tags": ["\0"]}))]
    };
    let one = origins::intern(&pool, rule("r1")).await.unwrap();
    assert_eq!(origins::intern(&pool, rule("r1")).await.unwrap().id, one.id);
    let other = origins::intern(&pool, rule("r2")).await.unwrap();
    assert_ne!(other.id, one.id);
    let event = |id: &str| Some(json!({"origin": {"trigger_instance": {"id": id}}}));
    let old = json!({"origin": {"rule": {"name": "r0"}, "trigger_instance": {"id": "0"}}});
    let at = |minutes| Seed::at(TimeDelta::minutes(minutes), "succeeded", "core.echo");
    let seeds = [
        Seed { extras: event("2"), origin: Some(other.id), ..at(4) },
        Seed { extras: event("1"), origin: Some(one.id), ..at(3) },
        Seed { extras: Some(old), ..at(2) },
        at(1),
    ];
    insert(&pool, &seeds).await;
    let [second, first, older, none] = seeds.map(|seed| seed.id);

    let origin = find(&pool, first).await.unwrap().unwrap().execution.origin.clone();
    assert_eq!(origin.shared().unwrap().id, one.id);
    assert_eq!(origin.get("rule").unwrap().get(), r#"{"name":"r1","tags":["\u0000"]}"#);
    assert_eq!(origin.get("trigger_instance").unwrap().get(), r#"{"id": "1"}"#.replace(' ', ""));
    let bare = find_rows(&pool, &[first], Extent::STATE).await.unwrap().remove(0).execution;
    assert!(bare.origin.is_empty());

    let path = |names: [&str; 2]| names.map(str::to_owned).to_vec();
    let history = History::default();
    let found = |filter: Condition, order: Vec<Sort>| {
        let (pool, history) = (&pool, &history);
        let query = Query { filter: vec![filter], order, ..Query::default() };
        async move { list(pool, history, &query).await.unwrap().ids }
    };
    let is = |names, value: &str| Condition::Json(Document::Origin, path(names), value.to_owned());
    for (name, id) in [("r0", older), ("r1", first), ("r2", second)] {
        assert_eq!(found(is(["rule", "name"], name), Vec::new()).await, [id]);
    }
    assert_eq!(found(is(["trigger_instance", "id"], "1"), Vec::new()).await, [first]);
    assert_eq!(found(is(["trigger_instance", "id"], "0"), Vec::new()).await, [older]);
    let without = Condition::NoJson(Document::Origin, path(["rule", "name"]));
    assert_eq!(found(without, Vec::new()).await, [none]);
    let by_rule = Sort { key: SortKey::Json(Document::Origin, path(["rule", "name"])), descending: true };
    let all = Condition::Had("succeeded".to_owned());
    assert_eq!(found(all, vec![by_rule]).await, [second, first, older, none]);
    let facets = history.facets(&pool).await.unwrap();
    assert_eq!(facets.rule.into_iter().collect::<Vec<_>>(), ["r0", "r1", "r2"]);
}

#[sqlx::test]
async fn an_event_is_shown_searched_and_sorted_by_where_it_is_stored(pool: PgPool) {
    let event = async |payload: Value| {
        let instance = TriggerInstance {
            id: TriggerInstanceId::generate(),
            trigger: "p.t".to_owned(),
            payload,
            occurred_at: "2026-03-01T10:00:00.123456Z".parse().unwrap(),
            status: TriggerInstanceStatus::Pending,
            trace: TraceContext::default(),
        };
        let id = instance.id;
        let mut tx = Store::new(pool.clone(), Bus::default()).begin().await.unwrap();
        trigger_instances::insert(&mut tx, &[trigger_instances::New::of(instance, None)]).await.unwrap();
        tx.commit().await.unwrap();
        Some(id)
    };
    let at = |minutes| Seed::at(TimeDelta::minutes(minutes), "succeeded", "core.echo");
    let old = json!({"origin": {"trigger_instance": {"id": "0", "trigger": "p.older"}}});
    let seeds = [
        Seed { event: event(json!({"n": 1.0, "nul": "\0"})).await, ..at(3) },
        Seed { event: event(json!({"n": 2})).await, ..at(2) },
        Seed { extras: Some(old), ..at(1) },
        at(0),
    ];
    insert(&pool, &seeds).await;
    let [first, second, older, none] = seeds.map(|seed| (seed.id, seed.event));

    let origin = find(&pool, first.0).await.unwrap().unwrap().execution.origin.clone();
    let id = first.1.unwrap();
    let shown = format!(
        r#"{{"trigger":"p.t","occurrence_time":"2026-03-01T10:00:00.123000Z","status":"processing","id":"{id}","payload":{{"n":1.0,"nul":"\u0000"}}}}"#
    );
    assert_eq!(origin.get("trigger_instance").unwrap().get(), shown);
    assert_eq!(origin.event().unwrap().id, id);
    let bare = find_rows(&pool, &[first.0], Extent::STATE).await.unwrap().remove(0).execution;
    assert!(bare.origin.is_empty());

    let path = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    let history = History::default();
    let found = |filter: Condition, order: Vec<Sort>| {
        let (pool, history) = (&pool, &history);
        let query = Query { filter: vec![filter], order, ..Query::default() };
        async move { list(pool, history, &query).await.unwrap().ids }
    };
    let is = |names: &[&str], value: &str| Condition::Json(Document::Origin, path(names), value.to_owned());
    let of = ["trigger_instance", "id"];
    assert_eq!(found(is(&of, &id.to_string()), Vec::new()).await, [first.0]);
    assert_eq!(found(is(&of, "0"), Vec::new()).await, [older.0]);
    assert_eq!(found(is(&["trigger_instance", "payload", "n"], "2"), Vec::new()).await, [second.0]);
    assert_eq!(found(is(&["trigger_instance", "payload", "n"], "1.0"), Vec::new()).await, [first.0]);
    let time = "2026-03-01T10:00:00.123000Z";
    let by_number = SortKey::Json(Document::Origin, path(&["trigger_instance", "payload", "n"]));
    let by_number = vec![Sort { key: by_number, descending: true }];
    let then = is(&["trigger_instance", "occurrence_time"], time);
    assert_eq!(found(then, by_number).await, [second.0, first.0]);
    let without = Condition::NoJson(Document::Origin, path(&of));
    assert_eq!(found(without, Vec::new()).await, [none.0]);
}

#[sqlx::test]
async fn menus_offer_what_there_was_and_what_there_is(pool: PgPool) {
    let rule = json!({"origin": {"rule": {"name": "r1"}, "trigger_type": {"name": "core.st2.webhook"}}});
    insert(
        &pool,
        &[
            Seed::at(TimeDelta::hours(1), "succeeded", "a.a"),
            Seed { extras: Some(rule), ..Seed::at(TimeDelta::hours(1), "running", "a.b") },
        ],
    )
    .await;
    let history = History::default();
    let words = |facets: &std::collections::BTreeSet<String>| facets.iter().cloned().collect::<Vec<_>>();
    let facets = history.facets(&pool).await.unwrap();
    assert_eq!(words(&facets.action), ["a.a", "a.b"]);
    assert_eq!(words(&facets.rule), ["r1"]);
    assert_eq!(words(&facets.trigger_type), ["core.st2.webhook"]);
    insert(&pool, &[Seed::at(TimeDelta::zero(), "failed", "a.c")]).await;
    let facets = history.facets(&pool).await.unwrap();
    assert_eq!(words(&facets.status), ["failed", "running", "succeeded"]);
    assert_eq!(words(&facets.user), ["ann"]);
}
