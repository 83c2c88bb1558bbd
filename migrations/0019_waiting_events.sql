-- Which events wait for the rules is a table of its own, small however many there have been. A status in the event's own
-- row made each of them two: the index of those that wait names the status, so no update could stay on its page, and each
-- wrote the payload anew. And since that index was the smallest way into the table, PostgreSQL went through all of it, dead
-- entries too, for every batch that was done.
--
-- No foreign key: to look each event up again costs more than the entry. Who deletes events deletes their entries first.
CREATE TABLE waiting_events (
    trigger_instance_id bytea PRIMARY KEY
);
INSERT INTO waiting_events SELECT id FROM trigger_instances WHERE status IN ('pending', 'processing');

-- The engine failed, not a rule. Of few events.
ALTER TABLE trigger_instances ADD COLUMN failed boolean NOT NULL DEFAULT false;
UPDATE trigger_instances SET failed = true WHERE status = 'processing_failed';
DROP INDEX trigger_instances_waiting;
ALTER TABLE trigger_instances DROP COLUMN status;
-- Rows are written once now.
ALTER TABLE trigger_instances RESET (fillfactor);

-- The same tags as before, told apart without a pattern: it was tried on each new event.
DROP INDEX trigger_instances_by_trace_tag;
CREATE INDEX trigger_instances_by_trace_tag ON trigger_instances (trace_tag, id)
    WHERE trace_id IS NULL AND NOT starts_with(trace_tag, 'webhook-') AND NOT starts_with(trace_tag, 'st2.');
