-- Everything that was registered from a file, with the place of its pack.
SELECT kind AS "kind!", content.pack AS "pack!", content.ref AS "reference!", metadata_file AS "file!",
    packs.path AS "path?"
FROM (
    SELECT 'trigger' AS kind, pack, ref, metadata_file FROM trigger_types
    UNION ALL SELECT 'sensor', pack, ref, metadata_file FROM sensors
    UNION ALL SELECT 'action', pack, ref, metadata_file FROM actions
    UNION ALL SELECT 'rule', pack, ref, metadata_file FROM rules
    UNION ALL SELECT 'alias', pack, ref, metadata_file FROM aliases
    UNION ALL SELECT 'policy', pack, ref, metadata_file FROM policies
) AS content
LEFT JOIN packs ON packs.ref = content.pack
WHERE metadata_file <> ''
ORDER BY content.ref
