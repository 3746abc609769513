package learn

// Statements whose plans are looked at.
var (
	NewConversation = newConversation.Query
	NewExperience   = newExperience.Query
	KnownRows       = knownRows
)
