-- Settles what nodes held that are gone: their leases ran out, or they came back under a newer epoch.
-- A cancel that was under way counts as done; everything else that had begun is abandoned, with the reason. Workflows
-- ($3) are neither: another node goes on with them.
WITH lost AS (
    SELECT e.id, CASE WHEN e.status = 'canceling' THEN e.result ELSE json_build_object('error', format(
        'Execution abandoned: the node %s on %s that ran it stopped without finishing it. It was settled at %s.',
        coalesce(n.name, '(removed)'), coalesce(n.hostname, 'unknown host'),
        to_char($2::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))) END AS result
    FROM executions e
    LEFT JOIN nodes n ON n.id = e.node_id
    WHERE e.ended_at IS NULL AND e.node_id IS NOT NULL
      AND (n.id IS NULL OR NOT n.active OR e.node_epoch < n.epoch OR n.heartbeat_at < now() - make_interval(secs => $1))
      AND e.runner <> ALL ($3)
      AND e.status IN ('scheduled', 'running', 'canceling', 'pausing', 'resuming')
    FOR UPDATE OF e SKIP LOCKED
)
UPDATE executions AS e SET
    status       = CASE WHEN e.status = 'canceling' THEN 'canceled' ELSE 'abandoned' END,
    log_statuses = array_append(e.log_statuses, CASE WHEN e.status = 'canceling' THEN 'canceled' ELSE 'abandoned' END),
    log_times    = array_append(e.log_times, $2::timestamptz),
    ended_at     = $2::timestamptz,
    queue_no     = NULL,
    result       = lost.result,
    result_bytes = coalesce(octet_length(lost.result::text), 0)
FROM lost WHERE e.id = lost.id
RETURNING e.id AS "id: ExecutionId"
