-- Who may come in: users, their tokens and API keys, and the secrets this installation keeps for itself.

CREATE TABLE users (
    id            bytea PRIMARY KEY CHECK (length(id) = 12),
    name          text    NOT NULL UNIQUE,
    -- May ask for tokens of other users.
    is_service    boolean NOT NULL DEFAULT false,
    -- Argon2 (PHC text); NULL when the password is kept elsewhere or there is none.
    password_hash text,
    -- Chat name by origin.
    nicknames     json    NOT NULL DEFAULT '{}'
);

-- Tokens people asked for. Those of actions and sensors are signed instead and have no row.
CREATE TABLE tokens (
    id         bytea PRIMARY KEY CHECK (length(id) = 12),
    -- SHA-256 of the token: a copy of this table opens nothing.
    hash       bytea       NOT NULL UNIQUE,
    user_name  text        NOT NULL REFERENCES users (name) ON UPDATE CASCADE ON DELETE CASCADE,
    expires_at timestamptz NOT NULL,
    service    boolean     NOT NULL DEFAULT false,
    metadata   json        NOT NULL DEFAULT '{}'
);
CREATE INDEX tokens_by_expiry ON tokens (expires_at);
CREATE INDEX tokens_by_user ON tokens (user_name);

CREATE TABLE api_keys (
    id         bytea PRIMARY KEY CHECK (length(id) = 12),
    -- SHA-512 of salt and key, lower-case hex, as StackStorm writes it: hashes of its database stay valid.
    key_hash   text        NOT NULL UNIQUE,
    user_name  text        NOT NULL REFERENCES users (name) ON UPDATE CASCADE ON DELETE CASCADE,
    metadata   json        NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    enabled    boolean     NOT NULL DEFAULT true
);
CREATE INDEX api_keys_by_user ON api_keys (user_name);

-- Keys made at random on the first start and shared by all nodes, such as the one that signs service tokens.
CREATE TABLE installation_secrets (
    name  text PRIMARY KEY,
    value bytea NOT NULL
);
