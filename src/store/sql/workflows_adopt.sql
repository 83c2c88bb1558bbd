-- Those of these workflows ($1) whose nodes are gone (their leases ran out, or they came back under a newer epoch) go to
-- another node as they stand: their state is in rows, and what their children did meanwhile is too.
WITH lost AS (
    SELECT e.id
    FROM executions e
    LEFT JOIN nodes n ON n.id = e.node_id
    WHERE e.id = ANY ($1) AND e.ended_at IS NULL AND e.node_id IS NOT NULL
      AND (n.id IS NULL OR NOT n.active OR e.node_epoch < n.epoch OR n.heartbeat_at < now() - make_interval(secs => $2))
    FOR UPDATE OF e SKIP LOCKED
)
UPDATE executions AS e SET node_id = $3, node_epoch = $4
FROM lost WHERE e.id = lost.id
