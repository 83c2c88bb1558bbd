-- Registers rules: new ones get the id that came along, those there keep theirs. Rows that would not change are
-- left alone and not returned. Columns of type json have no equality, so they are compared as text.
INSERT INTO rules AS old (
    id, pack, name, description, enabled, type, type_parameters, trigger, criteria, action, action_parameters,
    action_description, context, tags, metadata_file
)
SELECT *
FROM unnest(
    $1::bytea[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::text[], $7::text[]::json[], $8::text[],
    $9::text[]::json[], $10::text[], $11::text[]::json[], $12::text[], $13::text[]::json[],
    $14::text[]::json[], $15::text[]
)
ON CONFLICT (ref) DO UPDATE SET
    description        = excluded.description,
    enabled            = excluded.enabled,
    type               = excluded.type,
    type_parameters    = excluded.type_parameters,
    trigger            = excluded.trigger,
    criteria           = excluded.criteria,
    action             = excluded.action,
    action_parameters  = excluded.action_parameters,
    action_description = excluded.action_description,
    context            = excluded.context,
    tags               = excluded.tags,
    metadata_file      = excluded.metadata_file
WHERE (
    old.description, old.enabled, old.type, old.type_parameters::text, old.trigger, old.criteria::text,
    old.action, old.action_parameters::text, old.action_description, old.context::text, old.tags::text,
    old.metadata_file
) IS DISTINCT FROM (
    excluded.description, excluded.enabled, excluded.type, excluded.type_parameters::text, excluded.trigger,
    excluded.criteria::text, excluded.action, excluded.action_parameters::text, excluded.action_description,
    excluded.context::text, excluded.tags::text, excluded.metadata_file
)
-- An inserted row has no deleter yet.
RETURNING (old.xmax = 0) AS "inserted!"
