-- Takes up to $1 due rows for a node, first due first served; rows that another node is just taking are passed over.
WITH due AS (
    SELECT id FROM executions
    WHERE queue_no IS NOT NULL AND due_at <= $2
    ORDER BY due_at, queue_no
    LIMIT $1
    FOR UPDATE SKIP LOCKED
)
UPDATE executions AS e SET
    status       = 'running',
    log_statuses = e.log_statuses || ARRAY['scheduled', 'running'],
    log_times    = e.log_times || ARRAY[$2, $2]::timestamptz[],
    queue_no     = NULL,
    node_id      = $3,
    node_epoch   = $4
FROM due WHERE e.id = due.id
RETURNING e.id AS "id: ExecutionId"
