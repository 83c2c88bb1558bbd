-- The datastore: values by key, those of the system and those of each user.

CREATE TABLE key_values (
    id          bytea PRIMARY KEY CHECK (length(id) = 12),
    -- Whose it is; empty for keys of the system.
    owner       text  COLLATE "C" NOT NULL,
    name        text  COLLATE "C" NOT NULL,
    -- UTF-8, or ciphertext when secret. Bytes, since a text may hold NUL.
    value       bytea NOT NULL,
    description text,
    secret      boolean NOT NULL,
    -- From then on it counts as absent, collected or not.
    expires_at  timestamptz,
    UNIQUE (owner, name)
);
CREATE INDEX key_values_by_expiry ON key_values (expires_at) WHERE expires_at IS NOT NULL;
