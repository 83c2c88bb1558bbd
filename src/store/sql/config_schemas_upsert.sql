-- Registers configuration schemas: new ones get the id that came along, those there keep theirs. Rows that would not change are
-- left alone and not returned. Columns of type json have no equality, so they are compared as text.
INSERT INTO config_schemas AS old (
    id, pack, attributes
)
SELECT *
FROM unnest(
    $1::bytea[], $2::text[], $3::text[]::json[]
)
ON CONFLICT (pack) DO UPDATE SET
    attributes = excluded.attributes
WHERE (
    old.attributes::text
) IS DISTINCT FROM (
    excluded.attributes::text
)
-- An inserted row has no deleter yet.
RETURNING (old.xmax = 0) AS "inserted!"
