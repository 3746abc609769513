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

// On returns the statements over a transaction. The given nouns are updated when their jobs
// move.
func On(tx *db.Tx, nouns Nouns) Queries {
	return Queries{tx, ReadQueries{tx}, ScheduleQueries{tx}, TurnQueries{tx}, LeaseQueries{tx},
		UpkeepQueries{tx}, nouns}
}

// ReadQueries are the statements that read jobs and change none.
type ReadQueries struct{ *db.Tx }

// ScheduleQueries are the statements over schedules.
type ScheduleQueries struct{ *db.Tx }

// TurnQueries are the statements that choose which jobs go next.
type TurnQueries struct{ *db.Tx }

// LeaseQueries are the statements by which a worker claims jobs and keeps its leases.
type LeaseQueries struct{ *db.Tx }

// UpkeepQueries are the statements that find stuck, expired and lost jobs, and those that may
// be deleted.
type UpkeepQueries struct{ *db.Tx }
