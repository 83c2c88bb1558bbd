-- What executions of a rule came of, apart from the event: the trigger, its type and the rule as they were. Stored once per
-- version, as snapshots of actions are: it is two thirds of the row of a small execution otherwise. Rows from before, and
-- what workflows note about their tasks, have it in `extras`.
CREATE TABLE origins (
    id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hash  bytea NOT NULL UNIQUE,
    facts json  NOT NULL
);

ALTER TABLE executions ADD COLUMN origin_id bigint;
