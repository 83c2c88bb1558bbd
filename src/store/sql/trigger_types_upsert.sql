-- Registers trigger types: new ones get the id that came along, those there keep theirs. Rows that would not change are
-- left alone and not returned. Columns of type json have no equality, so they are compared as text.
INSERT INTO trigger_types AS old (
    id, pack, name, description, payload_schema, parameters_schema, tags, metadata_file
)
SELECT *
FROM unnest(
    $1::bytea[], $2::text[], $3::text[], $4::text[], $5::text[]::json[], $6::text[]::json[],
    $7::text[]::json[], $8::text[]
)
ON CONFLICT (ref) DO UPDATE SET
    description       = excluded.description,
    payload_schema    = excluded.payload_schema,
    parameters_schema = excluded.parameters_schema,
    tags              = excluded.tags,
    metadata_file     = excluded.metadata_file
WHERE (
    old.description, old.payload_schema::text, old.parameters_schema::text, old.tags::text, old.metadata_file
) IS DISTINCT FROM (
    excluded.description, excluded.payload_schema::text, excluded.parameters_schema::text, excluded.tags::text,
    excluded.metadata_file
)
-- An inserted row has no deleter yet.
RETURNING (old.xmax = 0) AS "inserted!"
