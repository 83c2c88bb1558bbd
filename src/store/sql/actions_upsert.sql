-- Registers actions: new ones get the id that came along, those there keep theirs. Rows that would not change are
-- left alone and not returned. Columns of type json have no equality, so they are compared as text.
INSERT INTO actions AS old (
    id, pack, name, description, enabled, runner_type, entry_point,
    parameters, output_schema, tags, notify, metadata_file
)
SELECT *
FROM unnest(
    $1::bytea[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::text[], $7::text[],
    $8::text[]::json[], $9::text[]::json[], $10::text[]::json[], $11::text[]::json[], $12::text[]
)
ON CONFLICT (ref) DO UPDATE SET
    description   = excluded.description,
    enabled       = excluded.enabled,
    runner_type   = excluded.runner_type,
    entry_point   = excluded.entry_point,
    parameters    = excluded.parameters,
    output_schema = excluded.output_schema,
    tags          = excluded.tags,
    notify        = excluded.notify,
    metadata_file = excluded.metadata_file
WHERE (
    old.description, old.enabled, old.runner_type, old.entry_point, old.metadata_file,
    old.parameters::text, old.output_schema::text, old.tags::text, old.notify::text
) IS DISTINCT FROM (
    excluded.description, excluded.enabled, excluded.runner_type, excluded.entry_point, excluded.metadata_file,
    excluded.parameters::text, excluded.output_schema::text, excluded.tags::text, excluded.notify::text
)
-- An inserted row has no deleter yet.
RETURNING (old.xmax = 0) AS "inserted!"
