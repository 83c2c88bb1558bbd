-- The state of workflows after their steps, any number of workflows at once: the rows of those that begin, and the pieces
-- that changed. Answers the executions that are held as their steps expect, and locks their rows until the commit; of the
-- other steps nothing is stored. $4: an execution that has ended counts too, for its end may be of this very step.
WITH held AS (
    SELECT e.id FROM executions e
    JOIN unnest($1::bytea[], $2::integer[], $3::bigint[]) AS t (id, node_id, node_epoch) ON e.id = t.id
    WHERE e.node_id = t.node_id AND e.node_epoch = t.node_epoch AND (e.ended_at IS NULL OR $4)
    ORDER BY e.id FOR UPDATE OF e
), begun AS (
    SELECT t.* FROM unnest($5::bytea[], $6::bytea[], $7::text[], $8::bytea[], $9::text[], $10::text[], $11::integer[])
        AS t (id, execution_id, executions, hash, language, source, depth)
    WHERE t.execution_id IN (SELECT id FROM held)
), definition AS (
    INSERT INTO workflow_definitions (hash, language, source) SELECT hash, language, source FROM begun
    ON CONFLICT (hash) DO NOTHING
), workflow AS (
    INSERT INTO workflows (id, execution_id, executions, definition, depth)
    SELECT id, execution_id, string_to_array(executions, ',')::bytea[], hash, depth FROM begun
    ON CONFLICT (id) DO UPDATE SET execution_id = excluded.execution_id, executions = excluded.executions,
        depth = excluded.depth
), gone AS (
    DELETE FROM workflow_pieces p USING unnest($16::bytea[], $17::bytea[], $18::text[]) AS t (execution_id, workflow_id, key)
    WHERE p.workflow_id = t.workflow_id AND p.key = t.key AND t.execution_id IN (SELECT id FROM held)
), kept AS (
    INSERT INTO workflow_pieces (workflow_id, key, value)
    SELECT t.workflow_id, t.key, t.value::json
    FROM unnest($12::bytea[], $13::bytea[], $14::text[], $15::text[]) AS t (execution_id, workflow_id, key, value)
    WHERE t.execution_id IN (SELECT id FROM held)
    ON CONFLICT (workflow_id, key) DO UPDATE SET value = excluded.value
)
SELECT id AS "id: ExecutionId" FROM held
