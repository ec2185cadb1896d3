-- The local forge's own data. A migration that was released is never changed; each sets the version it leads to.
-- Times are milliseconds since 1970. AUTOINCREMENT: the number of a proposal is never given out again.
PRAGMA application_id = 1195790162;

-- head: the head of the branch as it was seen last. base_head: where the base stood at that look; head and every
-- commit of merge_try are known not to be in it. NULL: not known.
CREATE TABLE proposal (
    number     INTEGER PRIMARY KEY AUTOINCREMENT,
    branch     TEXT NOT NULL,
    base       TEXT NOT NULL,
    head       TEXT NOT NULL,
    base_head  TEXT,
    release    TEXT NOT NULL,
    title      TEXT NOT NULL,
    body       TEXT NOT NULL,
    opened_ms  INTEGER NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('open', 'merged', 'closed')),
    ended_ms   INTEGER,
    ended_by   TEXT,
    by_gantry  INTEGER NOT NULL DEFAULT 0,
    reason     TEXT NOT NULL DEFAULT '',
    merged_as  TEXT,
    CHECK ((state = 'open') = (ended_ms IS NULL)),
    CHECK ((state = 'open') = (ended_by IS NULL)),
    CHECK ((state = 'merged') = (merged_as IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX proposal_one_open ON proposal (branch) WHERE state = 'open';
CREATE INDEX proposal_ended ON proposal (ended_ms) WHERE ended_ms IS NOT NULL;

CREATE TABLE approval (
    proposal INTEGER NOT NULL REFERENCES proposal (number),
    head     TEXT NOT NULL,
    person   TEXT NOT NULL,
    at_ms    INTEGER NOT NULL,
    PRIMARY KEY (proposal, head, person)
) STRICT, WITHOUT ROWID;

CREATE TABLE status (
    proposal    INTEGER NOT NULL REFERENCES proposal (number),
    head        TEXT NOT NULL,
    context     TEXT NOT NULL,
    state       TEXT NOT NULL,
    description TEXT NOT NULL,
    PRIMARY KEY (proposal, head, context)
) STRICT, WITHOUT ROWID;

CREATE TABLE comment (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    proposal  INTEGER NOT NULL REFERENCES proposal (number),
    person    TEXT NOT NULL,
    at_ms     INTEGER NOT NULL,
    text      TEXT NOT NULL
) STRICT;
CREATE INDEX comment_proposal ON comment (proposal, id);

-- Merges that were begun and whose end is not known: written before the push, removed when the push is known to
-- have changed nothing. at_ms is the committer's time, so that a merge begun again makes the very same commit;
-- it makes another one where the bot's name was changed in the settings meanwhile, and both are remembered.
CREATE TABLE merge_try (
    proposal  INTEGER NOT NULL REFERENCES proposal (number),
    head      TEXT NOT NULL,
    base_head TEXT NOT NULL,
    becomes   TEXT NOT NULL,
    at_ms     INTEGER NOT NULL,
    PRIMARY KEY (proposal, head, base_head, becomes)
) STRICT, WITHOUT ROWID;

PRAGMA user_version = 1;
