package job

import "dreamlab/store/db"

// Queries are the statements over jobs.
type Queries struct {
	*db.Tx
	ReadQueries
	ScheduleQueries
	TurnQueries
	LeaseQueries
	UpkeepQueries
	nouns Nouns
}

// On returns the statements over a transaction's jobs, whose subjects are of the
// given nouns.
func On(tx *db.Tx, nouns Nouns) Queries {
	return Queries{tx, ReadQueries{tx}, ScheduleQueries{tx}, TurnQueries{tx}, LeaseQueries{tx},
		UpkeepQueries{tx}, nouns}
}

// ReadQueries are the statements that show jobs and change none.
type ReadQueries struct{ *db.Tx }

// ScheduleQueries are the statements over what fires by the clock.
type ScheduleQueries struct{ *db.Tx }

// TurnQueries are the statements that choose which jobs go next.
type TurnQueries struct{ *db.Tx }

// LeaseQueries are the statements by which a worker takes jobs and keeps them.
type LeaseQueries struct{ *db.Tx }

// UpkeepQueries are the statements that find what nobody looks after, and what may go.
type UpkeepQueries struct{ *db.Tx }
