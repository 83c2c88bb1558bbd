-- An action and its runner type.
SELECT
    a.id            AS "id: ActionId",
    a.pack,
    a.name,
    a.description,
    a.enabled,
    a.runner_type,
    a.entry_point,
    a.parameters    AS "parameters: Json<Map<String, Value>>",
    a.output_schema AS "output_schema: Json<Value>",
    a.tags          AS "tags: Json<Vec<Value>>",
    a.notify        AS "notify: Json<Map<String, Value>>",
    a.metadata_file,
    r.id                AS "runner_id: RunnerTypeId",
    r.description       AS runner_description,
    r.enabled           AS runner_enabled,
    r.runner_package,
    r.runner_module,
    r.runner_parameters AS "runner_parameters: Json<Map<String, Value>>",
    r.output_key        AS runner_output_key,
    r.output_schema     AS "runner_output_schema: Json<Value>"
FROM actions AS a
JOIN runner_types AS r ON r.name = a.runner_type
WHERE a.ref = $1
