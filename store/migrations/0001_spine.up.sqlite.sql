CREATE TABLE clock_offset (us BIGINT NOT NULL);
INSERT INTO clock_offset VALUES (0);
-- The one clock that processes share. Only tests move the offset.
CREATE VIEW clock AS
  SELECT CAST(unixepoch('subsec') * 1000000 AS INTEGER) + us AS us FROM clock_offset;
