-- Registers action aliases: new ones get the id that came along, those there keep theirs. Rows that would not change are
-- left alone and not returned. Columns of type json have no equality, so they are compared as text.
INSERT INTO aliases AS old (
    id, pack, name, description, enabled, action_ref, formats, ack, result, extra, immutable_parameters,
    metadata_file
)
SELECT *
FROM unnest(
    $1::bytea[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::text[], $7::text[]::json[],
    $8::text[]::json[], $9::text[]::json[], $10::text[]::json[], $11::text[]::json[], $12::text[]
)
ON CONFLICT (ref) DO UPDATE SET
    description          = excluded.description,
    enabled              = excluded.enabled,
    action_ref           = excluded.action_ref,
    formats              = excluded.formats,
    ack                  = excluded.ack,
    result               = excluded.result,
    extra                = excluded.extra,
    immutable_parameters = excluded.immutable_parameters,
    metadata_file        = excluded.metadata_file
WHERE (
    old.description, old.enabled, old.action_ref, old.formats::text, old.ack::text, old.result::text,
    old.extra::text, old.immutable_parameters::text, old.metadata_file
) IS DISTINCT FROM (
    excluded.description, excluded.enabled, excluded.action_ref, excluded.formats::text, excluded.ack::text,
    excluded.result::text, excluded.extra::text, excluded.immutable_parameters::text, excluded.metadata_file
)
-- An inserted row has no deleter yet.
RETURNING id AS "id: AliasId", pack, name, (old.xmax = 0) AS "inserted!"
