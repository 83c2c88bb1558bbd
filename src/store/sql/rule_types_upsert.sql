-- Registers rule types: new ones get the id that came along, those there keep theirs. Rows that would not change are
-- left alone and not returned. Columns of type json have no equality, so they are compared as text.
INSERT INTO rule_types AS old (
    id, name, description, enabled, parameters
)
SELECT *
FROM unnest(
    $1::bytea[], $2::text[], $3::text[], $4::boolean[], $5::text[]::json[]
)
ON CONFLICT (name) DO UPDATE SET
    description = excluded.description,
    enabled     = excluded.enabled,
    parameters  = excluded.parameters
WHERE (
    old.description, old.enabled, old.parameters::text
) IS DISTINCT FROM (
    excluded.description, excluded.enabled, excluded.parameters::text
)
-- An inserted row has no deleter yet.
RETURNING (old.xmax = 0) AS "inserted!"
