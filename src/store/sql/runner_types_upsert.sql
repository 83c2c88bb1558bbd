-- Registers runner types. `enabled` is the administrator's once the row is there.
INSERT INTO runner_types (
    id, name, description, enabled, runner_package, runner_module, runner_parameters, output_key, output_schema
)
SELECT *
FROM unnest(
    $1::bytea[], $2::text[], $3::text[], $4::boolean[], $5::text[], $6::text[], $7::text[]::json[], $8::text[],
    $9::text[]::json[]
)
ON CONFLICT (name) DO UPDATE SET
    description       = excluded.description,
    runner_package    = excluded.runner_package,
    runner_module     = excluded.runner_module,
    runner_parameters = excluded.runner_parameters,
    output_key        = excluded.output_key,
    output_schema     = excluded.output_schema
