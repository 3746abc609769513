package job

import (
	"context"

	"dreamlab/store/db"
)

// Nouns are the sorts of things that jobs are made for, by the prefix of their
// ids: whoever keeps such a thing follows its own job here.
type Nouns map[string]Noun

// Noun follows the jobs whose subject is of one sort, in the transactions that
// move them.
type Noun struct {
	// Ended is told that a job has ended, and how.
	Ended func(ctx context.Context, tx *db.Tx, subject, job string, to State) error
	// Reopened is told that an ended job is tried again. ErrConflict means that
	// another of its kind runs meanwhile.
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
