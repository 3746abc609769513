-- Fails a transaction if one of its statements changed fewer rows than it had to, so that the
-- commit can be sent without waiting for the number of rows.
CREATE FUNCTION dreamlab_want(touched BIGINT, wanted BIGINT) RETURNS BOOLEAN LANGUAGE plpgsql AS $$
BEGIN
  IF touched < wanted THEN
    RAISE EXCEPTION 'touched % rows, not %', touched, wanted USING ERRCODE = 'DL001';
  END IF;
  RETURN TRUE;
END $$;

-- The one clock that processes share. Only tests put another number than 0 in
-- it: a table of it would have to be read for each statement, and a function
-- that reads one is planned anew each time. (A double holds these microseconds
-- exactly until the year 2106, and is far quicker than extract's numeric.)
CREATE FUNCTION dreamlab_now() RETURNS BIGINT LANGUAGE sql STABLE PARALLEL SAFE AS
  'SELECT (date_part(''epoch'', statement_timestamp()) * 1000000)::bigint + 0';

-- What only this installation knows, made once: which conversations are held out, and what
-- tunes plant among their rows, follows from it.
CREATE TABLE secrets (name TEXT PRIMARY KEY, value TEXT NOT NULL);
INSERT INTO secrets SELECT 'held_out', replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '');
INSERT INTO secrets SELECT 'planted', replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '');

-- Room in each page, where a claim writes the job's row anew, and the end of a call its entry's.
ALTER TABLE jobs SET (fillfactor = 60);
ALTER TABLE entries SET (fillfactor = 70);
