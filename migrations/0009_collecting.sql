-- The collector removes the keys of retried requests with the executions they stand for.
CREATE INDEX idempotency_keys_by_execution ON idempotency_keys (execution_id);
