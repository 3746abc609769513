package learn

import (
	"context"

	"dreamlab/store/db"
	"dreamlab/store/job"
)

type wordRow struct {
	Tenant string `json:"x_tenant"`
	Word   string `json:"x_word"`
	ID     string `json:"x_id"`
}

// newWord adds a word of an experience, unless that was a duplicate.
var newWord = db.Bulk{Query: `INSERT INTO words (tenant, word, id)
	SELECT x_tenant, x_word, x_id FROM {rows $1: x_tenant text, x_word text, x_id text}
	JOIN experiences e ON e.id = x_id WHERE TRUE ON CONFLICT (tenant, word, id) DO NOTHING`}

// addWords makes an experience found by the words of its metadata.
func (q *ExperienceQueries) addWords(ctx context.Context, e Experience) error {
	for _, word := range job.TextWords(e.Metadata) {
		if err := q.Add(ctx, newWord, "", wordRow{e.Tenant, word, e.ID}); err != nil {
			return err
		}
	}
	return nil
}
