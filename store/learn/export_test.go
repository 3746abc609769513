package learn

// Statements whose plans are looked at.
var (
	NewConversation = newConversation.Query
	NewExperience   = newExperience.Query
	KnownRows       = knownRows
)

// Fresh are the statements by which a batch is chosen, by the index that each goes through.
func Fresh() map[string][]string {
	all := map[string][]string{}
	for _, u := range []queue{ofWrong, ofCheckable, ofAll} {
		for _, chosen := range []string{oldest, newest, from, behind} {
			all[u.index] = append(all[u.index], u.query(chosen))
		}
	}
	return all
}
