-- Snapshots of actions are never deleted, and the id of one is known only to who has stored it: looking it up again for
-- each new execution, and locking it, costs more than writing the execution's index entries.
ALTER TABLE executions DROP CONSTRAINT executions_snapshot_id_fkey;
