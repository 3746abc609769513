CREATE TABLE clock_offset (us BIGINT NOT NULL);
INSERT INTO clock_offset VALUES (0);
-- The one clock that processes share. Only tests move the offset.
CREATE FUNCTION dreamlab_now() RETURNS BIGINT LANGUAGE sql STABLE PARALLEL SAFE AS
  'SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint + us FROM clock_offset';
