package book

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"dreamlab/store/db"
)

// microsADay is the length of a day in microseconds.
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
	sums, err := q.CommittedOf(ctx, []Commitment{{Tenant: tenant, Purpose: purpose, Since: since.UTC()}})
	if err != nil {
		return 0, err
	}
	return sums[0], nil
}

// Commitment selects what Committed sums. Empty texts stand for all.
type Commitment struct {
	Tenant   string
	Key      string
	Purpose  string
	Besides  string // a purpose that is left out
	Provider string
	Since    time.Time // the day, in its own zone
}

// sumOf reads what is committed of a row's tenant, key, purpose, provider and days.
const sumOf = `(SELECT CAST(coalesce(sum(s.committed), 0) AS BIGINT) FROM spending s
	WHERE s.tenant = x.tenant AND s.day >= x.day AND (x.purpose = '' OR s.purpose = x.purpose)
		AND s.purpose <> x.besides AND (x.key_id = '' OR s.key_id = x.key_id)
		AND (x.provider = '' OR s.provider = x.provider))`

// commitmentColumns are those of the rows that sumOf reads.
const commitmentColumns = `tenant text, key_id text, purpose text, besides text, provider text, day bigint`

type commitmentRow struct {
	At       int    `json:"at"`
	Tenant   string `json:"tenant"`
	Key      string `json:"key_id"`
	Purpose  string `json:"purpose"`
	Besides  string `json:"besides"`
	Provider string `json:"provider"`
	Day      int64  `json:"day"`
	Most     int64  `json:"most"`
}

func (c Commitment) row(at int, most int64) commitmentRow {
	return commitmentRow{at, c.Tenant, c.Key, c.Purpose, c.Besides, c.Provider, dayNumber(c.Since), most}
}

// dayNumber counts days since 1970 in the zone of an instant.
func dayNumber(at time.Time) int64 {
	_, ahead := at.Zone()
	return (at.UnixMicro() + int64(ahead)*int64(time.Second/time.Microsecond)) / microsADay
}

// CommittedOf is Committed for many, in one statement and in their order.
func (q *Queries) CommittedOf(ctx context.Context, asked []Commitment) ([]int64, error) {
	rows := make([]commitmentRow, len(asked))
	for i, c := range asked {
		rows[i] = c.row(i, 0)
	}
	sums := make([]int64, len(asked))
	err := q.Each(ctx, `SELECT x.at, `+sumOf+` FROM {rows $1: at bigint, `+commitmentColumns+`}`,
		[]any{db.RowsOf(rows)}, func(r db.Rows) error {
			var at, sum int64
			if err := r.Scan(&at, &sum); err != nil {
				return err
			}
			sums[at] = sum
			return nil
		})
	return sums, err
}

// CommittedByPurpose is Committed by purposes.
func (q *Queries) CommittedByPurpose(ctx context.Context, tenant string, since time.Time) (map[string]int64, error) {
	sums := map[string]int64{}
	err := q.Each(ctx, `SELECT purpose, CAST(sum(committed) AS BIGINT) FROM spending WHERE tenant = $1 AND day >= $2 GROUP BY purpose`,
		[]any{tenant, dayNumber(since)}, func(r db.Rows) error {
			var purpose string
			var sum int64
			err := r.Scan(&purpose, &sum)
			sums[purpose] = sum
			return err
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
	return q.LaterThen(ctx, db.Statement{Args: []any{db.RowsOf(rows)}, Want: int64(len(rows)), Missing: ErrOverBudget,
		Query: `SELECT 1 FROM {rows $1: ` + commitmentColumns + `, most bigint} WHERE ` + sumOf + ` <= x.most`})
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

// Close adds the entries to the sums by tenant, day, purpose, key and provider. Budgets are checked
// against these sums at each call: adding up all entries would take longer each time. A call writes
// or ends a single entry, so the statement has only those parts that have something to add.
func (b *books) Close(ctx context.Context, tx *db.Tx) error {
	var parts []string
	var args []any
	add := func(ids []string, change string) {
		if len(ids) == 0 {
			return
		}
		args = append(args, db.RowsOf(ids))
		parts = append(parts, fmt.Sprintf(`SELECT tenant, day, purpose, key_id, provider, %s AS change
			FROM entries WHERE id IN ({list $%d})`, change, len(args)))
	}
	add(b.written, `FALSE AS ends, CASE WHEN state IN ('open', 'unknown') THEN reserved ELSE settled END`)
	add(b.ended, `TRUE AS ends, CASE WHEN state = 'unknown' THEN 0 WHEN aged THEN settled ELSE settled - reserved END`)
	add(b.aged, `TRUE AS ends, -reserved`)
	if len(parts) == 0 {
		return nil
	}
	return tx.Later(ctx, `INSERT INTO spending (tenant, day, purpose, key_id, provider, ends, committed)
		SELECT tenant, day, purpose, coalesce(key_id, ''), provider, ends, CAST(sum(change) AS BIGINT)
		FROM (`+strings.Join(parts, " UNION ALL ")+`) AS changes
		GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6
		ON CONFLICT (tenant, day, purpose, key_id, provider, ends) DO UPDATE SET committed = spending.committed + excluded.committed`,
		args...)
}
