// Package book stores costs: the answers that were paid for (effects), one entry for every call
// of a vendor, and the budgets.
package book

import "dreamlab/store/db"

// Queries are the statements over effects, entries and budgets.
type Queries struct{ *db.Tx }

// On returns the statements over a transaction.
func On(tx *db.Tx) Queries { return Queries{tx} }
