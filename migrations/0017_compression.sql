-- What may be large is compressed by LZ4 from now on: a quarter of the time that PostgreSQL's own way takes, and for rows of
-- executions and events that is a good part of what it takes to write them. A server that was built without it goes on
-- as before.
DO $$
BEGIN
    ALTER TABLE executions
        ALTER COLUMN parameters SET COMPRESSION lz4,
        ALTER COLUMN context SET COMPRESSION lz4,
        ALTER COLUMN extras SET COMPRESSION lz4,
        ALTER COLUMN result SET COMPRESSION lz4;
    ALTER TABLE trigger_instances ALTER COLUMN payload SET COMPRESSION lz4;
    ALTER TABLE workflow_pieces ALTER COLUMN value SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    RAISE NOTICE 'This PostgreSQL knows no LZ4: large values are compressed in its own, slower way.';
END $$;
