-- When a commit was first seen on a branch: from when it counts, where nothing that can be trusted says it.
CREATE TABLE first_seen (
    repository TEXT NOT NULL,
    branch TEXT NOT NULL,
    commit_id TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (repository, branch, commit_id)
);
