// Package learn is the room of what is learned: conversations and their
// experiences, the dreams over them with their lessons, memory and examples, and
// the tunes of these with their datasets, trainings, models and routes.
//
// It is not for the work itself, which is the jobs', nor for what it costs.
package learn

import "dreamlab/store/db"

// Queries are the statements over what is learned.
type Queries struct {
	*db.Tx
	ExperienceQueries
	DreamQueries
	TuneQueries
}

// On returns the statements over a transaction.
func On(tx *db.Tx) Queries {
	return Queries{tx, ExperienceQueries{tx}, DreamQueries{tx}, TuneQueries{tx}}
}

// ExperienceQueries are the statements over conversations and their experiences.
type ExperienceQueries struct{ *db.Tx }

// DreamQueries are the statements over dreams and what they leave: reflections,
// memories, examples.
type DreamQueries struct{ *db.Tx }

// TuneQueries are the statements over tunes, what they are made from, and what they
// make: files, datasets, trainings, evaluations, models, routes.
type TuneQueries struct{ *db.Tx }
