-- Executions by id, each with its children and the process that ran it. Results may be large, so they are read only up
-- to a size of $2 bytes; `result_bytes` tells their size all the same.
SELECT
    e.id              AS "id: ExecutionId",
    e.liveaction_id   AS "liveaction_id: LiveActionId",
    e.snapshot_id,
    s.hash            AS snapshot_hash,
    e.status          AS "status: ExecutionStatus",
    e.parameters::text AS "parameters!",
    e.context::text   AS "context!",
    e.extras::text    AS extras,
    e.delay_ms,
    e.parent_id       AS "parent_id: ExecutionId",
    ARRAY(SELECT c.id FROM executions c WHERE c.parent_id = e.id ORDER BY c.id) AS "children!: Vec<ExecutionId>",
    e.log_statuses    AS "log_statuses: Vec<ExecutionStatus>",
    e.log_times,
    e.ended_at,
    CASE WHEN e.result_bytes <= $2 THEN e.result::text END AS result,
    e.result_bytes,
    e.node_id,
    e.node_epoch,
    n.hostname        AS "hostname?",
    n.pid             AS "pid?"
FROM executions e
JOIN action_snapshots s ON s.id = e.snapshot_id
LEFT JOIN nodes n ON n.id = e.node_id
WHERE e.id = ANY ($1)
