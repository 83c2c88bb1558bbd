-- When timers fire next, and how sensors are doing.

-- A timer: a trigger of a timer's type that an enabled rule waits for.
CREATE TABLE timers (
    trigger_id bytea PRIMARY KEY REFERENCES triggers (id) ON DELETE CASCADE,
    -- NULL: never again. Every due time becomes one trigger instance, or is passed over, before the next stands here.
    due_at     timestamptz
) WITH (fillfactor = 70);

-- A sensor's process, as whoever holds it sees it; the row of one that nobody holds says how it ended.
CREATE TABLE sensor_states (
    sensor_id   bytea PRIMARY KEY REFERENCES sensors (id) ON DELETE CASCADE,
    -- The node that runs it and the node's epoch; a lease that ends with the node's. NULL: nobody.
    node_id     integer,
    node_epoch  bigint,
    state       text        NOT NULL,
    since       timestamptz NOT NULL,
    pid         integer,
    -- Failures in a row.
    failures    integer     NOT NULL DEFAULT 0,
    last_error  text,
    exit_code   integer,
    -- When it is tried again.
    retry_at    timestamptz,
    -- The last lines it printed or logged.
    log         text[]      NOT NULL DEFAULT '{}'
) WITH (fillfactor = 50);
