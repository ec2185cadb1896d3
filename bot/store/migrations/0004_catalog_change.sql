-- The last change of each image's rows in artifact, tag or build, in the order of the commits: who holds the
-- catalog in memory reads again what has a higher number than the last one that it saw.
CREATE TABLE catalog_change (
    image TEXT PRIMARY KEY,
    change_number BIGINT NOT NULL
);
CREATE INDEX catalog_change_number ON catalog_change (change_number);
INSERT INTO counter (name, last) VALUES ('catalog', 0);
