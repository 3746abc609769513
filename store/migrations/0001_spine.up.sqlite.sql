CREATE TABLE clock_offset (us BIGINT NOT NULL);
INSERT INTO clock_offset VALUES (0);
-- The one clock that processes share. Only tests move the offset.
CREATE VIEW clock AS
  SELECT CAST(unixepoch('subsec') * 1000000 AS INTEGER) + us AS us FROM clock_offset;

-- What only this installation knows, made once: which conversations are held out, and what
-- tunes plant among their rows, follows from it.
CREATE TABLE secrets (name TEXT PRIMARY KEY, value TEXT NOT NULL);
INSERT INTO secrets SELECT 'held_out', lower(hex(randomblob(32)));
INSERT INTO secrets SELECT 'planted', lower(hex(randomblob(32)));
