DROP FUNCTION dreamlab_now();
