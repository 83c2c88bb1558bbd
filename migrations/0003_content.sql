-- Packs and what they register: runner types and actions.

-- What was registered last, so that a start registers only what changed on disk. A subject is `runners`, or
-- `pack:` and a pack's ref; the fingerprint covers the files and what of this program reads them.
CREATE TABLE content_fingerprints (
    subject     text  COLLATE "C" PRIMARY KEY,
    fingerprint bytea NOT NULL
);

CREATE TABLE packs (
    id       bytea PRIMARY KEY CHECK (length(id) = 12),
    ref      text  COLLATE "C" NOT NULL UNIQUE,
    -- `json`, not `jsonb`, here and below: people see their metadata in the order they wrote it.
    manifest json   NOT NULL,
    name     text   COLLATE "C" NOT NULL GENERATED ALWAYS AS (manifest ->> 'name') STORED,
    path     text   NOT NULL,
    files    text[] NOT NULL
);

CREATE TABLE runner_types (
    id                bytea PRIMARY KEY CHECK (length(id) = 12),
    name              text    COLLATE "C" NOT NULL UNIQUE,
    description       text    NOT NULL,
    enabled           boolean NOT NULL,
    runner_package    text    NOT NULL,
    runner_module     text    NOT NULL,
    runner_parameters json    NOT NULL,
    output_key        text,
    output_schema     json    NOT NULL
);

CREATE TABLE actions (
    id            bytea PRIMARY KEY CHECK (length(id) = 12),
    -- No foreign key: packs may go while actions made through the API stay, as in StackStorm.
    pack          text    COLLATE "C" NOT NULL CHECK (strpos(pack, '.') = 0),
    name          text    COLLATE "C" NOT NULL,
    ref           text    COLLATE "C" NOT NULL GENERATED ALWAYS AS (pack || '.' || name) STORED UNIQUE,
    description   text,
    enabled       boolean NOT NULL,
    runner_type   text    COLLATE "C" NOT NULL REFERENCES runner_types (name),
    entry_point   text    NOT NULL,
    parameters    json    NOT NULL,
    output_schema json    NOT NULL,
    -- `[{name, value}]`, as written.
    tags          json    NOT NULL,
    notify        json    NOT NULL,
    metadata_file text    NOT NULL
);

CREATE INDEX actions_by_pack_and_name ON actions (pack, name);
