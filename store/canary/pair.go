package canary

import (
	"context"
	"fmt"

	"dreamlab/store/db"
	"dreamlab/store/learn"
)

// Purpose is what the calls for pairs are booked under.
const Purpose = "shadow"

// Pair is a prompt that both models have answered: one to its user, the other to nobody. What was said
// is not kept.
type Pair struct {
	Number  int64         // of its canary, from 1
	Shown   string        // the model whose answer its user got
	Outcome learn.Outcome // for the candidate
	Agreed  bool          // the judge said the same in both orders, or did not need to be asked
}

// AddPairs stores the pairs that were judged for a canary, and numbers them. It must run in a transaction.
func (q *Queries) AddPairs(ctx context.Context, canary string, pairs []Pair) error {
	for _, p := range pairs {
		_, err := q.Exec(ctx, `INSERT INTO canary_pairs (canary, number, shown, outcome, agreed, created)
			SELECT $1, COALESCE(MAX(number), 0) + 1, $2, $3, $4, {now} FROM canary_pairs WHERE canary = $1`,
			canary, p.Shown, string(p.Outcome), p.Agreed)
		if err != nil {
			return fmt.Errorf("keep a judged pair: %w", err)
		}
	}
	return nil
}

// Pairs returns the pairs of a canary behind a number, in their order, at most limit.
func (q *Queries) Pairs(ctx context.Context, canary string, after int64, limit int) ([]Pair, error) {
	var pairs []Pair
	err := q.Each(ctx, `SELECT number, shown, outcome, agreed FROM canary_pairs WHERE canary = $1 AND number > $2
		ORDER BY number LIMIT $3`, []any{canary, after, int64(limit)}, func(r db.Rows) error {
		var p Pair
		err := r.Scan(&p.Number, &p.Shown, &p.Outcome, &p.Agreed)
		pairs = append(pairs, p)
		return err
	})
	return pairs, err
}

// PairSpend sums what a canary's pairs have cost and may yet, nano-dollars.
func (q *Queries) PairSpend(ctx context.Context, c Canary) (int64, error) {
	var nano int64
	err := q.One(ctx, `SELECT CAST(COALESCE(SUM(CASE WHEN e.state IN ('open', 'unknown') THEN e.reserved
		ELSE e.settled END), 0) AS BIGINT)
		FROM tunes t JOIN entries e ON e.root = t.job AND e.root <> e.job AND e.purpose = $3
		WHERE t.tenant = $1 AND t.id = $2`, []any{c.Tenant, c.Tune, Purpose}, &nano)
	return nano, err
}

// Standing counts the canaries that are open, by their states, and all pairs that were judged, by their
// outcomes, of all tenants.
func (q *Queries) Standing(ctx context.Context) (open map[State]int, judged map[learn.Outcome]int, err error) {
	open = map[State]int{Shadow: 0, Running: 0, Paused: 0, Watching: 0}
	judged = map[learn.Outcome]int{learn.Win: 0, learn.Tie: 0, learn.Loss: 0}
	err = q.Each(ctx, `SELECT state, '', COUNT(*) FROM canaries WHERE finished IS NULL GROUP BY state
		UNION ALL SELECT '', outcome, COUNT(*) FROM canary_pairs GROUP BY outcome`, nil, func(r db.Rows) error {
		var state State
		var outcome learn.Outcome
		var n int
		err := r.Scan(&state, &outcome, &n)
		if state != "" {
			open[state] = n
		} else {
			judged[outcome] = n
		}
		return err
	})
	return open, judged, err
}
