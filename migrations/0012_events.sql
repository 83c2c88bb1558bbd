-- Events: what happened (trigger instances), and what rules made of it (enforcements).

-- One occurrence of a trigger.
CREATE TABLE trigger_instances (
    id          bytea PRIMARY KEY CHECK (length(id) = 12),
    -- Reference of the trigger, which may be gone.
    trigger     text COLLATE "C" NOT NULL,
    payload     json        NOT NULL,
    occurred_at timestamptz NOT NULL,
    -- The rules engine moves an instance from the first to one of the last in the transaction that writes what
    -- followed from it.
    status      text        NOT NULL CHECK (status IN ('pending', 'processing', 'processed', 'processing_failed')),
    -- Where in which trace it belongs, as far as whoever sent it said.
    trace_id    bytea,
    trace_tag   text,
    -- What a source names an event by that must come once, whoever sends it and how often.
    once        text COLLATE "C"
) WITH (fillfactor = 90);
CREATE INDEX trigger_instances_waiting ON trigger_instances (id) WHERE status IN ('pending', 'processing');
CREATE INDEX trigger_instances_by_trigger ON trigger_instances (trigger, id);
CREATE UNIQUE INDEX trigger_instances_once ON trigger_instances (once) WHERE once IS NOT NULL;

-- What one rule made of one trigger instance: an execution, or the reason why there is none. `number` tells several
-- of one pair apart: 0 is the enforcement, the others are criteria that could not be compared. It makes a second
-- writing of the same an error.
CREATE TABLE rule_enforcements (
    id                  bytea PRIMARY KEY CHECK (length(id) = 12),
    trigger_instance_id bytea NOT NULL,
    rule_id             bytea NOT NULL,
    number              integer NOT NULL,
    rule_ref            text COLLATE "C" NOT NULL,
    execution_id        bytea,
    failure_reason      text,
    status              text NOT NULL CHECK (status IN ('succeeded', 'failed')),
    enforced_at         timestamptz NOT NULL,
    UNIQUE (trigger_instance_id, rule_id, number)
);
CREATE INDEX rule_enforcements_by_rule ON rule_enforcements (rule_ref, id);
CREATE INDEX rule_enforcements_by_execution ON rule_enforcements (execution_id) WHERE execution_id IS NOT NULL;
