-- The event that an execution of a rule came of is stored with the event alone: a copy of it was two fifths of the row of a
-- small execution. Rows from before have theirs in `extras`.
--
-- No foreign key and no index: both cost more than the column. So whoever deletes an event has written it to the
-- executions that rule enforcements name with it before.
ALTER TABLE executions ADD COLUMN trigger_instance_id bytea;
