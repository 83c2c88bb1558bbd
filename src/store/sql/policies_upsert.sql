-- Registers policies: new ones get the id that came along, those there keep theirs. Rows that would not change are
-- left alone and not returned. Columns of type json have no equality, so they are compared as text.
INSERT INTO policies AS old (
    id, pack, name, description, enabled, resource_ref, policy_type, parameters, metadata_file
)
SELECT *
FROM unnest(
    $1::bytea[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::text[], $7::text[], $8::text[]::json[],
    $9::text[]
)
ON CONFLICT (ref) DO UPDATE SET
    description   = excluded.description,
    enabled       = excluded.enabled,
    resource_ref  = excluded.resource_ref,
    policy_type   = excluded.policy_type,
    parameters    = excluded.parameters,
    metadata_file = excluded.metadata_file
WHERE (
    old.description, old.enabled, old.resource_ref, old.policy_type, old.parameters::text, old.metadata_file
) IS DISTINCT FROM (
    excluded.description, excluded.enabled, excluded.resource_ref, excluded.policy_type,
    excluded.parameters::text, excluded.metadata_file
)
-- An inserted row has no deleter yet.
RETURNING (old.xmax = 0) AS "inserted!"
