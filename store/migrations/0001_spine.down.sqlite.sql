DROP TABLE secrets;
DROP VIEW clock;
DROP TABLE clock_offset;
