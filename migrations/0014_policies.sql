-- Policies at work, ends of executions that something follows from, and traces.

-- The trace that begins with an execution or a trigger instance: its id, with one byte turned round. So no row is
-- needed for a trace, and membership is a column of the member: nothing is ever appended to.
CREATE FUNCTION trace_begun_by(id bytea) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS
    'SELECT set_byte(id, 7, 255 - get_byte(id, 7))';

ALTER TABLE executions
    -- The trace it was put into. NULL: the one that begins with it or with the first of its parents.
    ADD COLUMN trace_id  bytea,
    -- What somebody called that trace.
    ADD COLUMN trace_tag text,
    -- Whether something follows from its end: NULL is asked when it ends.
    ADD COLUMN follow_up boolean;
CREATE INDEX executions_by_trace ON executions (trace_id, id) WHERE trace_id IS NOT NULL;
CREATE INDEX executions_by_trace_tag ON executions (trace_tag, id) WHERE trace_id IS NULL AND trace_tag IS NOT NULL;

-- An action whose executions are limited in number. Whoever admits one of them holds this row's lock.
CREATE TABLE policy_gates (
    action_ref text COLLATE "C" PRIMARY KEY,
    -- The limits as they were applied last: when they differ from the policies, everybody is looked at again.
    limits     text NOT NULL
);

-- Executions that wait at a gate. They are in no other queue, so that they cost the others nothing.
CREATE TABLE policy_waiting (
    execution_id bytea PRIMARY KEY,
    action_ref   text COLLATE "C" NOT NULL,
    due_at       timestamptz NOT NULL,
    number       bigint NOT NULL,
    -- The attributes it is counted by, hashed; NULL: nobody has looked at it yet.
    key          text COLLATE "C"
);
CREATE INDEX policy_waiting_new ON policy_waiting (action_ref, due_at, number) WHERE key IS NULL;
CREATE INDEX policy_waiting_in_order ON policy_waiting (action_ref, key, due_at, number) WHERE key IS NOT NULL;

-- Who is canceled while it waits at a gate waits no more.
CREATE FUNCTION leave_gate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM policy_waiting WHERE execution_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER executions_that_leave_a_gate AFTER UPDATE ON executions FOR EACH ROW
    WHEN (NEW.ended_at IS NOT NULL AND OLD.ended_at IS NULL AND OLD.queue_no IS NULL AND OLD.node_id IS NULL)
    EXECUTE FUNCTION leave_gate();

-- Executions that were let through. One that has ended counts no more, whether or not its row is still here.
CREATE TABLE policy_slots (
    execution_id bytea PRIMARY KEY,
    action_ref   text COLLATE "C" NOT NULL,
    key          text COLLATE "C" NOT NULL
);
CREATE INDEX policy_slots_by_action ON policy_slots (action_ref);

-- Executions that have ended and from whose end something follows that is not done yet: notifications, retries, the
-- event of the end itself. Written in the transaction of the end, whoever ends it; removed in that of what follows.
CREATE TABLE execution_ends (
    execution_id bytea PRIMARY KEY
);
CREATE FUNCTION note_end_of_execution() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.follow_up
        OR (NEW.status IN ('failed', 'timeout') AND NEW.parent_id IS NULL AND EXISTS (
            SELECT FROM policies WHERE resource_ref = NEW.action_ref AND policy_type = 'action.retry' AND enabled))
        OR EXISTS (SELECT FROM rules WHERE trigger = 'core.st2.generic.actiontrigger' AND enabled)
    THEN
        INSERT INTO execution_ends (execution_id) VALUES (NEW.id) ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER executions_that_end AFTER UPDATE ON executions FOR EACH ROW
    WHEN (NEW.ended_at IS NOT NULL AND OLD.ended_at IS NULL AND NEW.follow_up IS DISTINCT FROM false)
    EXECUTE FUNCTION note_end_of_execution();
CREATE TRIGGER executions_that_begin_ended AFTER INSERT ON executions FOR EACH ROW
    WHEN (NEW.ended_at IS NOT NULL AND NEW.follow_up IS DISTINCT FROM false)
    EXECUTE FUNCTION note_end_of_execution();

-- Traces as a list shows them: what begins one, and what it is called. The last columns are names to filter by.
CREATE VIEW traces AS
    SELECT trace_begun_by(id) AS id, id AS begun_by,
        coalesce(trace_tag, 'execution-' || encode(liveaction_id, 'hex')) AS trace_tag,
        NULL::text AS execution, NULL::text AS rule, NULL::text AS trigger_instance
    FROM executions WHERE trace_id IS NULL AND parent_id IS NULL
    UNION ALL
    SELECT trace_begun_by(id), id, coalesce(trace_tag, 'trigger_instance-' || encode(id, 'hex')), NULL, NULL, NULL
    FROM trigger_instances WHERE trace_id IS NULL;
CREATE INDEX trigger_instances_by_trace ON trigger_instances (trace_id, id) WHERE trace_id IS NOT NULL;
-- Tags that sources make up begin like these, differ from event to event, and are not looked for by hand.
CREATE INDEX trigger_instances_by_trace_tag ON trigger_instances (trace_tag, id)
    WHERE trace_id IS NULL AND trace_tag !~ '^(webhook-|st2\.)';
