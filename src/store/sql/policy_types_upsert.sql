-- Registers policy types: new ones get the id that came along, those there keep theirs. Rows that would not change are
-- left alone and not returned. Columns of type json have no equality, so they are compared as text.
INSERT INTO policy_types AS old (
    id, resource_type, name, description, enabled, module, parameters
)
SELECT *
FROM unnest(
    $1::bytea[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::text[], $7::text[]::json[]
)
ON CONFLICT (ref) DO UPDATE SET
    description = excluded.description,
    enabled     = excluded.enabled,
    module      = excluded.module,
    parameters  = excluded.parameters
WHERE (
    old.description, old.enabled, old.module, old.parameters::text
) IS DISTINCT FROM (
    excluded.description, excluded.enabled, excluded.module, excluded.parameters::text
)
-- An inserted row has no deleter yet.
RETURNING (old.xmax = 0) AS "inserted!"
