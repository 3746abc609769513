package store

// What the tests of package store_test reach into, on both databases.
var (
	CopyRows  = (*Queries).copyRows
	CopyNew   = (*Queries).copyNew
	CheckText = checkText
	Clause    = Page.clause
	IDAt      = idAt
)

// Statements whose plans are looked at.
var (
	NewConversation = newConversation.query
	NewExperience   = newExperience.query
	KnownRows       = knownRows
)
