-- What a sensor has sent since its holder took it.
ALTER TABLE sensor_states
    ADD COLUMN sent         bigint NOT NULL DEFAULT 0,
    ADD COLUMN refused      bigint NOT NULL DEFAULT 0,
    ADD COLUMN last_sent_at timestamptz;
