-- Registers sensors: new ones get the id that came along, those there keep theirs. Rows that would not change are
-- left alone and not returned. Columns of type json have no equality, so they are compared as text.
INSERT INTO sensors AS old (
    id, pack, name, description, artifact_uri, entry_point, enabled, trigger_types, poll_interval,
    metadata_file, source_changed_at
)
SELECT
    id, pack, name, description, artifact_uri, entry_point, enabled, string_to_array(trigger_types, chr(10)),
    poll_interval, metadata_file, source_changed_at
FROM unnest(
    $1::bytea[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::boolean[], $8::text[],
    $9::integer[], $10::text[], $11::timestamptz[]
) AS new (
    id, pack, name, description, artifact_uri, entry_point, enabled, trigger_types, poll_interval,
    metadata_file, source_changed_at
)
ON CONFLICT (ref) DO UPDATE SET
    description       = excluded.description,
    artifact_uri      = excluded.artifact_uri,
    entry_point       = excluded.entry_point,
    enabled           = excluded.enabled,
    trigger_types     = excluded.trigger_types,
    poll_interval     = excluded.poll_interval,
    metadata_file     = excluded.metadata_file,
    source_changed_at = excluded.source_changed_at
WHERE (
    old.description, old.artifact_uri, old.entry_point, old.enabled, old.trigger_types, old.poll_interval,
    old.metadata_file, old.source_changed_at
) IS DISTINCT FROM (
    excluded.description, excluded.artifact_uri, excluded.entry_point, excluded.enabled,
    excluded.trigger_types, excluded.poll_interval, excluded.metadata_file, excluded.source_changed_at
)
-- An inserted row has no deleter yet.
RETURNING (old.xmax = 0) AS "inserted!"
