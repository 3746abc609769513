-- The one clock that processes share. Only tests put another number than 0 in
-- it: a table of it would have to be read for each statement, and a function
-- that reads one is planned anew each time.
CREATE FUNCTION dreamlab_now() RETURNS BIGINT LANGUAGE sql STABLE PARALLEL SAFE AS
  'SELECT (extract(epoch FROM statement_timestamp()) * 1000000)::bigint + 0';
