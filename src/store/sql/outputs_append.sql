-- Output chunks, any number at once.
INSERT INTO execution_output (execution_id, byte_from, day, line_from, data, line_ends, line_kinds, line_stamps)
SELECT t.execution_id, t.byte_from, t.day, t.line_from, t.data, t.line_ends::integer[], t.line_kinds,
    t.line_stamps::bigint[]
FROM unnest($1::bytea[], $2::bigint[], $3::date[], $4::bigint[], $5::bytea[], $6::text[], $7::bytea[], $8::text[])
    AS t (execution_id, byte_from, day, line_from, data, line_ends, line_kinds, line_stamps)
ON CONFLICT (execution_id, byte_from, day) DO NOTHING
