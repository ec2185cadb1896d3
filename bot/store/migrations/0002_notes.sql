-- What was found out about things that never change, such as commits, so that it is found out once.
CREATE TABLE note (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
