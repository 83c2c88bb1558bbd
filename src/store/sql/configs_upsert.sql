-- Registers configurations: new ones get the id that came along, those there keep theirs. Rows that would not change are
-- left alone and not returned. Columns of type json have no equality, so they are compared as text.
INSERT INTO configs AS old (
    id, pack, given
)
SELECT *
FROM unnest(
    $1::bytea[], $2::text[], $3::text[]::json[]
)
ON CONFLICT (pack) DO UPDATE SET
    given = excluded.given
WHERE (
    old.given::text
) IS DISTINCT FROM (
    excluded.given::text
)
-- An inserted row has no deleter yet.
RETURNING (old.xmax = 0) AS "inserted!"
