-- A node that left or was given up keeps its row: executions of the past say where they ran.
ALTER TABLE nodes ADD COLUMN active boolean NOT NULL DEFAULT true;
