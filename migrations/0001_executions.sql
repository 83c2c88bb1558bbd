-- Nodes, executions and their output.

-- A daemon on this database. Rows in work carry (node, epoch); a write with a stale epoch changes nothing.
CREATE TABLE nodes (
    id           integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Stays the same over restarts of one data directory, so that a restarted daemon takes over its own row.
    name         text        NOT NULL UNIQUE,
    epoch        bigint      NOT NULL DEFAULT 1,
    hostname     text        NOT NULL,
    pid          integer     NOT NULL,
    version      text        NOT NULL,
    started_at   timestamptz NOT NULL DEFAULT now(),
    -- Renewed on the database's clock; past its lease the node counts as lost.
    heartbeat_at timestamptz NOT NULL DEFAULT now()
);

-- An action and its runner type as they were when executions were requested: one row per version of the pair.
CREATE TABLE action_snapshots (
    id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hash   bytea NOT NULL UNIQUE,
    action json  NOT NULL,
    runner json  NOT NULL
);

CREATE SEQUENCE execution_queue_seq;

-- One row is both of StackStorm's records, LiveAction and ActionExecution. `json`, not `jsonb`: order of keys
-- matters (script arguments follow it), and values may hold NUL characters.
CREATE TABLE executions (
    id            bytea PRIMARY KEY CHECK (length(id) = 12),
    liveaction_id bytea    NOT NULL,
    snapshot_id   bigint   NOT NULL REFERENCES action_snapshots (id),
    action_ref    text     NOT NULL,
    runner        text     NOT NULL,
    status        text     NOT NULL CHECK (status IN ('requested', 'scheduled', 'delayed', 'running', 'succeeded',
        'failed', 'timeout', 'abandoned', 'canceling', 'canceled', 'pending', 'pausing', 'paused', 'resuming')),
    user_name     text,
    parameters    json     NOT NULL,
    context       json     NOT NULL,
    -- What few executions have: notify, callback, trigger, rule. NULL when there is none.
    extras        json,
    delay_ms      bigint   NOT NULL DEFAULT 0,
    parent_id     bytea,
    -- The statuses it had, and when: kept side by side, appended together.
    log_statuses  text[]        NOT NULL,
    log_times     timestamptz[] NOT NULL,
    ended_at      timestamptz,
    result        json,
    result_bytes  integer  NOT NULL DEFAULT 0,
    -- Set while it waits for a node; NULL from the moment a node holds it. It is a column of its own, so that
    -- transitions touch no indexed column but the end.
    queue_no      bigint,
    due_at        timestamptz,
    node_id       integer,
    node_epoch    bigint,
    CHECK ((ended_at IS NOT NULL) = (status IN ('succeeded', 'failed', 'timeout', 'abandoned', 'canceled')))
) WITH (fillfactor = 80);

-- What waits, in the order it is due: claims cost nothing for history, nor for what others hold.
CREATE INDEX executions_waiting ON executions (due_at, queue_no) WHERE queue_no IS NOT NULL;
-- What is alive: recovery, and lists of the rare statuses.
CREATE INDEX executions_alive ON executions (id) WHERE ended_at IS NULL;
CREATE INDEX executions_by_parent ON executions (parent_id, id) WHERE parent_id IS NOT NULL;
CREATE INDEX executions_by_action ON executions (action_ref, id);

-- A terminal row is final, whoever writes.
CREATE FUNCTION refuse_change_of_ended_execution() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'execution % has ended (%) and cannot become %', encode(OLD.id, 'hex'), OLD.status, NEW.status;
END $$;
CREATE TRIGGER executions_are_final BEFORE UPDATE ON executions FOR EACH ROW
    WHEN (OLD.ended_at IS NOT NULL) EXECUTE FUNCTION refuse_change_of_ended_execution();

-- A retried POST with the same key answers with the same execution.
CREATE TABLE idempotency_keys (
    user_name    text        NOT NULL,
    key          text        NOT NULL,
    execution_id bytea       NOT NULL,
    request_hash bytea       NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_name, key)
);

-- Output in chunks of many lines, found by the byte they begin at: a poller pays for what is new.
-- Partitioned by day, so that the garbage collector drops files instead of deleting rows.
CREATE TABLE execution_output (
    execution_id bytea   NOT NULL,
    -- Bytes of all output of this execution before this chunk.
    byte_from    bigint  NOT NULL,
    day          date    NOT NULL,
    -- Number of the chunk's first line within the execution.
    line_from    bigint  NOT NULL,
    data         bytea   NOT NULL,
    -- For each line: where it ends in `data`, which stream it came from (one byte), when (us since 1970).
    line_ends    integer[] NOT NULL,
    line_kinds   bytea     NOT NULL,
    line_stamps  bigint[]  NOT NULL,
    PRIMARY KEY (execution_id, byte_from, day)
) PARTITION BY RANGE (day);
-- Days without a partition of their own (the collector makes them ahead of time) land here.
CREATE TABLE execution_output_default PARTITION OF execution_output DEFAULT;
