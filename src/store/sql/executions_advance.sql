-- What happens to executions in work: chunks of their output, and guarded changes, any number of each, at most one
-- change per execution. A row whose guard fails stays as it is and is not returned. One statement, so that a batch is
-- one round trip and one commit.
WITH appended AS (
    INSERT INTO execution_output (execution_id, byte_from, day, line_from, data, line_ends, line_kinds, line_stamps)
    SELECT o.execution_id, o.byte_from, o.day, o.line_from, o.data, o.line_ends::integer[], o.line_kinds,
        o.line_stamps::bigint[]
    FROM unnest($11::bytea[], $12::bigint[], $13::date[], $14::bigint[], $15::bytea[], $16::text[], $17::bytea[],
        $18::text[])
        AS o (execution_id, byte_from, day, line_from, data, line_ends, line_kinds, line_stamps)
    ON CONFLICT (execution_id, byte_from, day) DO NOTHING
)
UPDATE executions AS e SET
    status       = coalesce(t.status, e.status),
    log_statuses = e.log_statuses || string_to_array(t.log, ','),
    log_times    = e.log_times || array_fill(t.at, ARRAY[coalesce(cardinality(string_to_array(t.log, ',')), 0)]),
    ended_at     = t.ended_at,
    result       = coalesce(t.result::json, e.result),
    result_bytes = coalesce(octet_length(t.result), e.result_bytes),
    context      = coalesce(t.context::json, e.context),
    queue_no     = CASE WHEN t.ended_at IS NULL THEN e.queue_no END
FROM unnest($1::bytea[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::text[],
    $8::text[], $9::integer[], $10::bigint[])
    AS t (id, guard, status, log, at, ended_at, result, context, node_id, node_epoch)
WHERE e.id = t.id
  AND e.status = ANY (string_to_array(t.guard, ','))
  AND (t.node_id IS NULL OR (e.node_id = t.node_id AND e.node_epoch = t.node_epoch))
RETURNING e.id AS "id: ExecutionId"
