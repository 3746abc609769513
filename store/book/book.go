// Package book is the room of money: the answers that were paid for, a line of
// spend for every try at a vendor, and what budgets leave.
package book

import "dreamlab/store/db"

// Queries are the statements over effects, entries and budgets.
type Queries struct{ *db.Tx }

// On returns the statements over a transaction.
func On(tx *db.Tx) Queries { return Queries{tx} }
