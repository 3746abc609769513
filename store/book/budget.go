package book

import (
	"context"
	"errors"
	"time"

	"dreamlab/store/db"
)

// microsADay is the length of a UTC day in microseconds.
const microsADay = int64(24 * time.Hour / time.Microsecond)

// HoldTenant locks the tenant until the transaction ends, so that two transactions that check
// its budgets at once cannot both reserve the rest.
func (q *Queries) HoldTenant(ctx context.Context, tenant string) error {
	return q.Later(ctx, `SELECT id FROM tenants WHERE id = $1 {lock}`, tenant)
}

// Committed returns, in nano-dollars, what a tenant has spent or reserved since
// the day of an instant (UTC), for one purpose or for all (""), without lost tries
// that have aged (see AgeEntries) and what the transaction itself has written.
func (q *Queries) Committed(ctx context.Context, tenant, purpose string, since time.Time) (int64, error) {
	sums, err := q.CommittedOf(ctx, []Commitment{{tenant, purpose, since}})
	if err != nil {
		return 0, err
	}
	return sums[0], nil
}

// Commitment selects what Committed sums.
type Commitment struct {
	Tenant  string
	Purpose string // "": all
	Since   time.Time
}

// sumOf reads what is committed of a row's tenant, purpose and day.
const sumOf = `(SELECT CAST(coalesce(sum(s.committed), 0) AS BIGINT) FROM spending s
	WHERE s.tenant = x.tenant AND s.day >= x.day AND (x.purpose = '' OR s.purpose = x.purpose))`

type commitmentRow struct {
	At      int    `json:"at"`
	Tenant  string `json:"tenant"`
	Purpose string `json:"purpose"`
	Day     int64  `json:"day"`
	Most    int64  `json:"most"`
}

func (c Commitment) row(at int, most int64) commitmentRow {
	return commitmentRow{at, c.Tenant, c.Purpose, c.Since.UnixMicro() / microsADay, most}
}

// CommittedOf is Committed for many, in one statement and in their order.
func (q *Queries) CommittedOf(ctx context.Context, asked []Commitment) ([]int64, error) {
	rows := make([]commitmentRow, len(asked))
	for i, c := range asked {
		rows[i] = c.row(i, 0)
	}
	sums := make([]int64, len(asked))
	err := q.Each(ctx, `SELECT x.at, `+sumOf+` FROM {rows $1: at bigint, tenant text, purpose text, day bigint}`,
		[]any{db.Encode(rows)}, func(r db.Rows) error {
			var at, sum int64
			if err := r.Scan(&at, &sum); err != nil {
				return err
			}
			sums[at] = sum
			return nil
		})
	return sums, err
}

// ErrOverBudget says that more is committed than a transaction allows.
var ErrOverBudget = errors.New("more is committed than the budget allows")

// WithinBudgets fails the transaction with ErrOverBudget, in a later statement or
// the commit, where one of the commitments is more than so many nano-dollars.
func (q *Queries) WithinBudgets(ctx context.Context, most map[Commitment]int64) error {
	if len(most) == 0 {
		return nil
	}
	rows := make([]commitmentRow, 0, len(most))
	for c, nano := range most {
		rows = append(rows, c.row(len(rows), nano))
	}
	return q.LaterThen(ctx, db.Statement{Args: []any{db.Encode(rows)}, Want: int64(len(rows)), Missing: ErrOverBudget,
		Query: `SELECT 1 FROM {rows $1: tenant text, purpose text, day bigint, most bigint} WHERE ` + sumOf + ` <= x.most`})
}

// books are the entries that a transaction has written or ended. They are added to
// the sums of spending last, just before the commit, since other transactions of the
// tenant wait for the lock on a sum. A sum has one row for reserving and one for
// settling, so that the two do not wait for each other.
type books struct{ written, ended, aged []string }

type booksKey struct{}

// books returns the transaction's books. It fails outside of a transaction.
func (q *Queries) books() (*books, error) {
	kept, ok := q.BeforeCommit(booksKey{}, func() db.Closing { return &books{} })
	if !ok {
		return nil, errAlone
	}
	return kept.(*books), nil
}

// errAlone means that an entry was written outside of a transaction.
var errAlone = errors.New("entries are written in a transaction")

// Close adds the entries to the sums by tenant, purpose and day. Budgets are checked
// against these sums at each call: adding up all entries would take longer each time.
func (b *books) Close(ctx context.Context, tx *db.Tx) error {
	if len(b.written)+len(b.ended)+len(b.aged) == 0 {
		return nil
	}
	written, ended, aged := db.Encode(some(b.written)), db.Encode(some(b.ended)), db.Encode(some(b.aged))
	return tx.Later(ctx, `INSERT INTO spending (tenant, purpose, day, ends, committed)
		SELECT tenant, purpose, created / $3, ends, CAST(sum(change) AS BIGINT) FROM (
			SELECT tenant, purpose, created, FALSE AS ends,
				CASE WHEN state IN ('open', 'unknown') THEN reserved ELSE settled END AS change
			FROM entries WHERE id IN ({list $1})
			UNION ALL SELECT tenant, purpose, created, TRUE AS ends,
				CASE WHEN state = 'unknown' THEN 0 WHEN aged THEN settled ELSE settled - reserved END
			FROM entries WHERE id IN ({list $2})
			UNION ALL SELECT tenant, purpose, created, TRUE AS ends, -reserved
			FROM entries WHERE id IN ({list $4})) AS changes
		GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
		ON CONFLICT (tenant, day, purpose, ends) DO UPDATE SET committed = spending.committed + excluded.committed`,
		written, ended, microsADay, aged)
}

// some returns an empty list in place of nil.
func some(ids []string) []string { return append([]string{}, ids...) }
