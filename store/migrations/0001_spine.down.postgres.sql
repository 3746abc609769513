DROP FUNCTION dreamlab_now();
DROP TABLE clock_offset;
