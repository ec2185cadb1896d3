-- Read by SQLite and by PostgreSQL alike, so: no booleans, times as milliseconds since 1970 in BIGINT, JSON in TEXT.
-- A migration that was released is never changed; its checksum is verified at each start.

-- Numbers are drawn here, in the transaction that uses them, and not from a sequence: the row lock makes the
-- order of the numbers the order of the commits, so that a reader who goes on from the last number it saw
-- misses nothing.
CREATE TABLE counter (
    name TEXT PRIMARY KEY,
    last BIGINT NOT NULL
);
INSERT INTO counter (name, last) VALUES ('inbox', 0), ('audit', 0), ('probe', 0);

CREATE TABLE inbox (
    id BIGINT PRIMARY KEY,
    kind TEXT NOT NULL,
    request_key TEXT,
    owner TEXT NOT NULL,
    payload TEXT NOT NULL,
    received_ms BIGINT NOT NULL,
    finished_ms BIGINT,
    outcome TEXT,
    UNIQUE (kind, owner, request_key)
);
CREATE INDEX inbox_pending ON inbox (id) WHERE finished_ms IS NULL;
CREATE INDEX inbox_finished ON inbox (finished_ms) WHERE finished_ms IS NOT NULL;

CREATE TABLE artifact (
    image TEXT NOT NULL,
    digest TEXT NOT NULL,
    built_ms BIGINT,
    revision TEXT,
    source TEXT,
    described BIGINT NOT NULL,
    PRIMARY KEY (image, digest)
);

-- state: 0 reported by CI, 1 listed by the registry, 2 gone from its list.
CREATE TABLE tag (
    image TEXT NOT NULL,
    tag TEXT NOT NULL,
    digest TEXT,
    state BIGINT NOT NULL,
    seen_ms BIGINT NOT NULL,
    PRIMARY KEY (image, tag)
);

-- entry: the inbox number of the report, which orders reports.
CREATE TABLE build (
    image TEXT NOT NULL,
    digest TEXT NOT NULL,
    check_name TEXT NOT NULL,
    tag TEXT NOT NULL,
    status TEXT NOT NULL,
    url TEXT,
    at_ms BIGINT NOT NULL,
    entry BIGINT NOT NULL,
    PRIMARY KEY (image, digest, check_name)
);

CREATE TABLE audit (
    id BIGINT PRIMARY KEY,
    entry_key TEXT NOT NULL UNIQUE,
    at_ms BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    repository TEXT NOT NULL,
    application TEXT,
    environment TEXT,
    release_id TEXT,
    body TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX audit_place ON audit (application, environment, id);
CREATE INDEX audit_at ON audit (at_ms);

CREATE TABLE lease (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    expires_ms BIGINT NOT NULL
);
