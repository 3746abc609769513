// Package learn stores what Dream Lab learns: conversations and their experiences; dreams with
// their reflections, memories and examples; tunes with their datasets, trainings, evaluations,
// models and routes.
//
// Jobs are stored by package job, and costs by package book.
package learn

import "dreamlab/store/db"

// Queries are the statements of this package.
type Queries struct {
	*db.Tx
	ExperienceQueries
	DreamQueries
	TuneQueries
	PauseQueries
	EvaluationQueries
}

// On returns the statements over a transaction.
func On(tx *db.Tx) Queries {
	return Queries{tx, ExperienceQueries{tx}, DreamQueries{tx}, TuneQueries{tx}, PauseQueries{tx}, EvaluationQueries{tx}}
}

// ExperienceQueries are the statements over conversations and their experiences.
type ExperienceQueries struct{ *db.Tx }

// DreamQueries are the statements over dreams and their results: reflections, memories,
// examples.
type DreamQueries struct{ *db.Tx }

// TuneQueries are the statements over tunes, their inputs and their results: files, datasets,
// trainings, models, routes.
type TuneQueries struct{ *db.Tx }

// PauseQueries are the statements that pause trainings and resume them.
type PauseQueries struct{ *db.Tx }

// EvaluationQueries are the statements over evaluations: their reports, their comparisons and the
// papers that each of an alias has.
type EvaluationQueries struct{ *db.Tx }
