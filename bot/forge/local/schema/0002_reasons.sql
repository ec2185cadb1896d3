ALTER TABLE approval ADD COLUMN reason TEXT NOT NULL DEFAULT '';

PRAGMA user_version = 2;
