package db

// What the tests of package db_test reach into, on both databases.
var (
	CheckText = checkText
	NewIDAt   = idAt
)
