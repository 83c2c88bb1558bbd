-- New executions, any number at once, and the keys under which retried requests find them: a key that was just used
-- fails the statement, and no execution of it exists. Rows that are due get the next numbers of the queue, or wait at
-- the gate of their action; the others are held by the node that inserts them. One that was asked for by another is in
-- the trace of that one. One statement, so that a batch is one round trip and one commit.
WITH keys AS (
    INSERT INTO idempotency_keys (user_name, key, execution_id, request_hash)
    SELECT * FROM unnest($20::text[], $21::text[], $22::bytea[], $23::bytea[])
), waiting AS (
    INSERT INTO policy_waiting (execution_id, action_ref, due_at, number)
    SELECT w.id, w.action_ref, w.due_at, nextval('execution_queue_seq')
    FROM unnest($29::bytea[], $30::text[], $31::timestamptz[]) AS w (id, action_ref, due_at)
    ON CONFLICT (execution_id) DO NOTHING
)
INSERT INTO executions (id, liveaction_id, snapshot_id, action_ref, runner, status, user_name, parameters, context,
    extras, delay_ms, parent_id, log_statuses, log_times, ended_at, result, result_bytes, queue_no, due_at, node_id,
    node_epoch, trace_id, trace_tag, follow_up, origin_id, trigger_instance_id)
SELECT t.id, t.liveaction_id, t.snapshot_id, t.action_ref, t.runner, t.status, t.user_name, t.parameters::json,
    t.context::json, t.extras::json, t.delay_ms, t.parent_id, string_to_array(t.log, ','),
    array_fill(t.started_at, ARRAY[cardinality(string_to_array(t.log, ',')) - 1]) || coalesce(t.ended_at, t.started_at),
    t.ended_at, t.result::json,
    coalesce(octet_length(t.result), 0),
    CASE WHEN t.due_at IS NOT NULL AND NOT t.gated THEN nextval('execution_queue_seq') END,
    t.due_at, t.node_id, t.node_epoch,
    coalesce(t.trace_id, p.trace_id, CASE WHEN p.trace_tag IS NOT NULL THEN trace_begun_by(p.id) END),
    coalesce(t.trace_tag, p.trace_tag),
    CASE WHEN coalesce(t.trace_tag, p.trace_tag) IS NULL THEN t.follow_up ELSE true END,
    t.origin_id, t.trigger_instance_id
FROM unnest($1::bytea[], $2::bytea[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
    $9::text[], $10::text[], $11::bigint[], $12::bytea[], $13::text[], $14::timestamptz[], $15::timestamptz[],
    $16::text[], $17::timestamptz[], $18::integer[], $19::bigint[], $24::bytea[], $25::text[], $26::boolean[],
    $27::boolean[], $28::bigint[], $32::bytea[])
    AS t (id, liveaction_id, snapshot_id, action_ref, runner, status, user_name, parameters, context, extras,
        delay_ms, parent_id, log, started_at, ended_at, result, due_at, node_id, node_epoch, trace_id, trace_tag,
        follow_up, gated, origin_id, trigger_instance_id)
LEFT JOIN executions p ON p.id = t.parent_id
