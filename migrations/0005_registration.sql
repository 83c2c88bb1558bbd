-- What packs bring besides actions: trigger types, sensors, rules, aliases, policies and their configuration.
-- References between them are texts without foreign keys: packs come and go in any order, and a rule outlives the
-- trigger type it waits for, as in StackStorm.

-- What a pack can be configured with, and with what it is.
CREATE TABLE config_schemas (
    id         bytea PRIMARY KEY CHECK (length(id) = 12),
    pack       text COLLATE "C" NOT NULL UNIQUE,
    -- Name to schema, as written in `config.schema.yaml`.
    attributes json NOT NULL
);
CREATE TABLE configs (
    id       bytea PRIMARY KEY CHECK (length(id) = 12),
    pack     text COLLATE "C" NOT NULL UNIQUE,
    -- As written: defaults come in when an action asks.
    given    json NOT NULL
);

CREATE TABLE trigger_types (
    id                bytea PRIMARY KEY CHECK (length(id) = 12),
    pack              text COLLATE "C" NOT NULL CHECK (strpos(pack, '.') = 0),
    name              text COLLATE "C" NOT NULL,
    ref               text COLLATE "C" NOT NULL GENERATED ALWAYS AS (pack || '.' || name) STORED UNIQUE,
    description       text,
    payload_schema    json NOT NULL,
    parameters_schema json NOT NULL,
    -- `[{name, value}]`, as written.
    tags              json NOT NULL,
    -- Relative to the pack; NULL for those of the program and of the API.
    metadata_file     text
);
CREATE INDEX trigger_types_by_pack_and_name ON trigger_types (pack, name);

-- A trigger type with parameters. A type that takes none has one of its own name from the start.
CREATE TABLE triggers (
    id              bytea PRIMARY KEY CHECK (length(id) = 12),
    pack            text COLLATE "C" NOT NULL CHECK (strpos(pack, '.') = 0),
    name            text COLLATE "C" NOT NULL,
    ref             text COLLATE "C" NOT NULL GENERATED ALWAYS AS (pack || '.' || name) STORED UNIQUE,
    type            text COLLATE "C" NOT NULL,
    parameters      json NOT NULL,
    -- MD5 of the parameters with sorted keys, hex: the end of the trigger's uid.
    parameters_hash text COLLATE "C" NOT NULL,
    description     text,
    -- Made for rules: rules that ask for the same share it, and it goes with the last of them.
    for_rules       boolean NOT NULL
);
CREATE UNIQUE INDEX triggers_for_rules ON triggers (type, parameters_hash) WHERE for_rules;
CREATE INDEX triggers_by_type ON triggers (type, parameters_hash);

CREATE TABLE sensors (
    id            bytea PRIMARY KEY CHECK (length(id) = 12),
    pack          text COLLATE "C" NOT NULL CHECK (strpos(pack, '.') = 0),
    -- The name of its class.
    name          text COLLATE "C" NOT NULL,
    ref           text COLLATE "C" NOT NULL GENERATED ALWAYS AS (pack || '.' || name) STORED UNIQUE,
    description   text,
    -- `file://` and the absolute path of its source.
    artifact_uri  text    NOT NULL,
    -- Dotted path within the pack and the class, as clients see it.
    entry_point   text    NOT NULL,
    enabled       boolean NOT NULL,
    -- References of what it may send.
    trigger_types text[]  NOT NULL,
    -- Seconds; NULL for a sensor that does not poll.
    poll_interval integer,
    metadata_file text    NOT NULL,
    -- When its source was changed: a sensor is restarted when this or anything above differs.
    source_changed_at timestamptz NOT NULL
);
CREATE INDEX sensors_by_pack_and_name ON sensors (pack, name);

CREATE TABLE rule_types (
    id          bytea PRIMARY KEY CHECK (length(id) = 12),
    name        text COLLATE "C" NOT NULL UNIQUE,
    description text    NOT NULL,
    enabled     boolean NOT NULL,
    parameters  json    NOT NULL
);

CREATE TABLE rules (
    id                 bytea PRIMARY KEY CHECK (length(id) = 12),
    pack               text COLLATE "C" NOT NULL CHECK (strpos(pack, '.') = 0),
    name               text COLLATE "C" NOT NULL,
    ref                text COLLATE "C" NOT NULL GENERATED ALWAYS AS (pack || '.' || name) STORED UNIQUE,
    description        text,
    enabled            boolean NOT NULL,
    -- `standard` or `backstop`.
    type               text COLLATE "C" NOT NULL,
    type_parameters    json NOT NULL,
    -- Reference of a trigger, not of its type.
    trigger            text COLLATE "C" NOT NULL,
    -- In the order written, which is the order they are looked at.
    criteria           json NOT NULL,
    action             text COLLATE "C" NOT NULL,
    action_parameters  json NOT NULL,
    action_description text,
    -- `user`: who wrote it last; empty for rules of packs.
    context            json NOT NULL,
    tags               json NOT NULL,
    metadata_file      text NOT NULL
);
CREATE INDEX rules_by_pack_and_name ON rules (pack, name);
CREATE INDEX rules_by_trigger ON rules (trigger);
CREATE INDEX rules_by_action ON rules (action);

CREATE TABLE policy_types (
    id            bytea PRIMARY KEY CHECK (length(id) = 12),
    resource_type text COLLATE "C" NOT NULL CHECK (strpos(resource_type, '.') = 0),
    name          text COLLATE "C" NOT NULL,
    ref           text COLLATE "C" NOT NULL GENERATED ALWAYS AS (resource_type || '.' || name) STORED UNIQUE,
    description   text    NOT NULL,
    enabled       boolean NOT NULL,
    module        text    NOT NULL,
    parameters    json    NOT NULL
);

CREATE TABLE policies (
    id            bytea PRIMARY KEY CHECK (length(id) = 12),
    pack          text COLLATE "C" NOT NULL CHECK (strpos(pack, '.') = 0),
    name          text COLLATE "C" NOT NULL,
    ref           text COLLATE "C" NOT NULL GENERATED ALWAYS AS (pack || '.' || name) STORED UNIQUE,
    description   text,
    enabled       boolean NOT NULL,
    resource_ref  text COLLATE "C" NOT NULL,
    policy_type   text COLLATE "C" NOT NULL,
    -- With the defaults of the policy type.
    parameters    json NOT NULL,
    metadata_file text NOT NULL,
    -- One policy of a type for each action. Checked at the end, so that a pack may rename its policy.
    CONSTRAINT policies_policy_type_resource_ref_key UNIQUE (policy_type, resource_ref) DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX policies_by_resource ON policies (resource_ref);
CREATE INDEX policies_by_pack_and_name ON policies (pack, name);

CREATE TABLE aliases (
    id                   bytea PRIMARY KEY CHECK (length(id) = 12),
    pack                 text COLLATE "C" NOT NULL CHECK (strpos(pack, '.') = 0),
    name                 text COLLATE "C" NOT NULL,
    ref                  text COLLATE "C" NOT NULL GENERATED ALWAYS AS (pack || '.' || name) STORED UNIQUE,
    description          text,
    enabled              boolean NOT NULL,
    action_ref           text COLLATE "C" NOT NULL,
    -- Texts, and objects `{display, representation, match_multiple}`.
    formats              json NOT NULL,
    ack                  json NOT NULL,
    result               json NOT NULL,
    extra                json NOT NULL,
    immutable_parameters json NOT NULL,
    metadata_file        text NOT NULL
);
CREATE INDEX aliases_by_pack_and_name ON aliases (pack, name);
-- Alias executions name an alias without its pack.
CREATE INDEX aliases_by_name ON aliases (name);
