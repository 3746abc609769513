package job

import (
	"context"

	"dreamlab/store/db"
)

// Nouns are the things that jobs are made for, by the prefix of their ids. The package that
// stores such a thing updates it here when its job moves.
type Nouns map[string]Noun

// Noun is called for the jobs whose subject has one prefix, in the transactions that move them.
type Noun struct {
	// Ended is called when a job has ended, with its final state.
	Ended func(ctx context.Context, tx *db.Tx, subject, job string, to State) error
	// Reopened is called when an ended job is retried. ErrConflict means that another job of
	// the subject's kind is running.
	Reopened func(ctx context.Context, tx *db.Tx, subject, job string) error
}

func (n Nouns) ended(ctx context.Context, tx *db.Tx, s stub, to State) error {
	noun, known := n[db.NounOf(s.Subject)]
	if !known {
		return nil
	}
	return noun.Ended(ctx, tx, s.Subject, s.ID, to)
}

func (n Nouns) reopened(ctx context.Context, tx *db.Tx, s stub) error {
	noun, known := n[db.NounOf(s.Subject)]
	if !known {
		return nil
	}
	return noun.Reopened(ctx, tx, s.Subject, s.ID)
}
