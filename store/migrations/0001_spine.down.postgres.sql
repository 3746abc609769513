DROP TABLE secrets;
DROP FUNCTION dreamlab_want(BIGINT, BIGINT);
DROP FUNCTION dreamlab_now();
