-- Workflows under way and those that have ended: what the engine keeps of them beside their executions.

-- Definitions as they were read when a workflow began: an edited file cannot change one that runs. One row per text,
-- however many workflows use it.
CREATE TABLE workflow_definitions (
    hash     bytea PRIMARY KEY,
    language text NOT NULL,
    source   text NOT NULL
);

-- One run of a definition.
CREATE TABLE workflows (
    id           bytea PRIMARY KEY CHECK (length(id) = 12),
    -- The execution it runs as. Running some of its tasks again gives it another one.
    execution_id bytea   NOT NULL UNIQUE,
    -- All it has run as, the first first.
    executions   bytea[] NOT NULL,
    definition   bytea   NOT NULL REFERENCES workflow_definitions (hash),
    -- How many workflows it stands in, itself included.
    depth        integer NOT NULL
);

-- The state of a workflow, in pieces: a step writes what it changed. Which pieces there are is the business of the
-- language. No foreign key: a step writes dozens of them, and a check of each would cost more than its row.
CREATE TABLE workflow_pieces (
    workflow_id bytea NOT NULL,
    key         text  NOT NULL,
    value       json  NOT NULL,
    PRIMARY KEY (workflow_id, key)
) WITH (fillfactor = 80);
