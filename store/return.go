package store

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"dreamlab/store/db"
	"dreamlab/store/learn"
)

// Return is what the examples of one source cost, and what they brought in exams. Points are percentage
// points of win rate above one half, in hundredths, of tunes that the gate promoted: what is not shown to be
// better brings none. A tune's points and costs are divided among its sources by their rows, and a dream's costs
// among its rows, but for what users corrected: no model is asked about it.
type Return struct {
	Source string // user, reference, recorded, lead, reviewer: who wrote the answer; imagined: made up
	Rows   int    // that an examined tune learned from
	Nano   int64  // nano-dollars
	Points int64
	Tunes  int // examined ones that learned from it
}

// PerPoint returns what a point cost, nano-dollars, and false where there is none.
func (r Return) PerPoint() (int64, bool) {
	if r.Points <= 0 {
		return 0, false
	}
	return int64(float64(r.Nano) * 100 / float64(r.Points)), true
}

// maxReturns bounds the tunes that returns are computed from, the newest first.
const maxReturns = 100

// examined is a tune with an evaluation.
type examined struct {
	tune, job, dataset string
	points             int64
}

// sourceOf is where the row of an example e comes from.
const sourceOf = `CASE WHEN e.origin = 'imagined' THEN 'imagined' ELSE e.author END`

// Returns computes what a tenant's sources of examples cost and brought, from the books, the dreams and the exams.
func (q *Queries) Returns(ctx context.Context, tenant string) ([]Return, error) {
	tunes, err := examinedTunes(ctx, q, tenant)
	if err != nil || len(tunes) == 0 {
		return nil, err
	}
	r := returns{q: q, tenant: tenant, by: map[string]*Return{}}
	if err := r.addTunes(ctx, tunes); err != nil {
		return nil, fmt.Errorf("sum the returns of tunes: %w", err)
	}
	if err := r.addDreams(ctx, tunes); err != nil {
		return nil, fmt.Errorf("sum the costs of examples: %w", err)
	}
	all := make([]Return, 0, len(r.by))
	for _, one := range r.by {
		all = append(all, *one)
	}
	slices.SortFunc(all, func(a, b Return) int { return cmp.Compare(a.Source, b.Source) })
	return all, nil
}

func examinedTunes(ctx context.Context, q *Queries, tenant string) ([]examined, error) {
	var all []examined
	err := q.Each(ctx, `SELECT t.id, t.job, t.dataset, v.report FROM tunes t JOIN evaluations v ON v.id = t.evaluation
		WHERE t.tenant = $1 AND t.dataset IS NOT NULL ORDER BY t.id DESC LIMIT $2`, []any{tenant, int64(maxReturns)},
		func(rows db.Rows) error {
			var one examined
			var text string
			var report learn.Report
			if err := rows.Scan(&one.tune, &one.job, &one.dataset, &text); err != nil {
				return err
			}
			if err := json.Unmarshal([]byte(text), &report); err != nil {
				return fmt.Errorf("read the report of %s: %w", one.tune, err)
			}
			if report.Decision == "promote" {
				one.points = max(0, report.WinRate-5_000)
			}
			all = append(all, one)
			return nil
		})
	return all, err
}

// returns are being summed.
type returns struct {
	q      *Queries
	tenant string
	by     map[string]*Return
}

func (r *returns) of(source string) *Return {
	if r.by[source] == nil {
		r.by[source] = &Return{Source: source}
	}
	return r.by[source]
}

// counted is how many rows of a source something has.
type counted struct {
	of, source string
	rows       int64
}

func (r *returns) count(ctx context.Context, query string, args ...any) (all []counted, totals map[string]int64, err error) {
	totals = map[string]int64{}
	err = r.q.Each(ctx, query, args, func(rows db.Rows) error {
		var c counted
		err := rows.Scan(&c.of, &c.source, &c.rows)
		all = append(all, c)
		totals[c.of] += c.rows
		return err
	})
	return all, totals, err
}

// addTunes divides what tunes cost and brought.
func (r *returns) addTunes(ctx context.Context, tunes []examined) error {
	jobs, datasets := make([]string, len(tunes)), make([]string, len(tunes))
	for i, t := range tunes {
		jobs[i], datasets[i] = t.job, t.dataset
	}
	spent, err := r.q.JobSpends(ctx, jobs)
	if err != nil {
		return err
	}
	parts, totals, err := r.count(ctx, `SELECT x.dataset, `+sourceOf+`, COUNT(*) FROM dataset_examples x
		JOIN examples e ON e.id = x.example WHERE e.tenant = $1 AND x.dataset IN ({list $2}) GROUP BY 1, 2 ORDER BY 1, 2`,
		r.tenant, db.Encode(datasets))
	if err != nil {
		return err
	}
	for _, t := range tunes {
		for _, p := range parts {
			if p.of != t.dataset {
				continue
			}
			one := r.of(p.source)
			one.Tunes++
			one.Points += t.points * p.rows / totals[p.of]
			one.Nano += part(spent[t.job].Settled, p.rows, totals[p.of])
		}
	}
	return nil
}

// addDreams adds what the rows cost that were trained on, each once.
func (r *returns) addDreams(ctx context.Context, tunes []examined) error {
	datasets := make([]string, len(tunes))
	for i, t := range tunes {
		datasets[i] = t.dataset
	}
	trained, _, err := r.count(ctx, `SELECT d.job, `+sourceOf+`, COUNT(*) FROM examples e JOIN dreams d ON d.id = e.dream
		WHERE e.tenant = $1 AND e.id IN (SELECT example FROM dataset_examples WHERE dataset IN ({list $2}))
		GROUP BY 1, 2 ORDER BY 1, 2`, r.tenant, db.Encode(datasets))
	if err != nil || len(trained) == 0 { // all that they learned from was forgotten, or came of no dream
		return err
	}
	var jobs []string
	for _, c := range trained {
		if !slices.Contains(jobs, c.of) {
			jobs = append(jobs, c.of)
		}
	}
	_, paid, err := r.count(ctx, `SELECT d.job, 'paid', COUNT(*) FROM examples e JOIN dreams d ON d.id = e.dream
		WHERE e.tenant = $1 AND d.job IN ({list $2}) AND e.author <> 'user' GROUP BY 1`, r.tenant, db.Encode(jobs))
	if err != nil {
		return err
	}
	spent, err := r.q.JobSpends(ctx, jobs)
	if err != nil {
		return err
	}
	for _, c := range trained {
		one := r.of(c.source)
		one.Rows += int(c.rows)
		if c.source != "user" && paid[c.of] > 0 {
			one.Nano += part(spent[c.of].Settled, c.rows, paid[c.of])
		}
	}
	return nil
}

// part is a share of an amount.
func part(nano, rows, of int64) int64 { return int64(float64(nano) * float64(rows) / float64(of)) }
