package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"dreamlab/store/db"
)

// sealedTable is a table with columns that hold what was said.
type sealedTable struct {
	name    string
	key     []string // the columns that name a row
	columns []string
}

// sealedTables are all of them.
func sealedTables() []sealedTable {
	id := []string{"id"}
	return []sealedTable{
		{"jobs", id, []string{"input", "result"}},
		{"effects", []string{"job", "step"}, []string{"response"}},
		{"experiences", id, []string{"prompt", "answer", "reference", "comment", "correction"}},
		{"reflections", id, []string{"title", "applies", "lesson"}},
		{"memories", id, []string{"lessons"}},
		{"examples", id, []string{"messages", "rejected", "before"}},
		{"comparisons", []string{"evaluation", "experience"}, []string{"said"}},
		{"batch_lines", []string{"batch", "number"}, []string{"request", "response"}},
	}
}

// keptPlain is a condition for texts that say nothing, and are not sealed.
const keptPlain = ` IN ('', '{}')`

// SealCounts counts the texts that were sealed with each key, by its id; those of "" are plain. A
// row with several texts counts for each. It reads every row, page by page.
func (s *Store) SealCounts(ctx context.Context) (map[string]int64, error) {
	counts := map[string]int64{}
	for _, t := range sealedTables() {
		query := t.page(countPage, func(column string) string {
			return `CASE WHEN NOT ` + column + keptPlain + ` THEN ` + db.SealedWith(column) + ` END`
		})
		for after := t.beginning(); after != nil; {
			rows, err := t.read(ctx, s.Queries, query, after)
			if err != nil {
				return nil, fmt.Errorf("count the sealed texts of %s: %w", t.name, err)
			}
			after = lastOf(rows)
			for _, row := range rows {
				row.count(counts)
			}
		}
	}
	return counts, nil
}

// countPage is how many rows are counted by one statement.
const countPage = 2000

// ErrNoSealing means that no key is configured that could seal.
var ErrNoSealing = errors.New("no key is configured: set encryption.keys")

// resealPage is how many rows are sealed in one transaction.
const resealPage = 200

// Reseal seals every text with the key that seals now, plain ones too, while other processes may
// work, and returns how many texts it changed. It can be broken off and begun again.
func (s *Store) Reseal(ctx context.Context) (changed int64, err error) {
	if !s.Seals() {
		return 0, ErrNoSealing
	}
	for _, t := range sealedTables() {
		for after := t.beginning(); after != nil; {
			var n int64
			var last []string
			err := s.Tx(ctx, db.Synced, func(q *Queries) (err error) {
				n, last, err = t.reseal(ctx, q, after)
				return err
			})
			if err != nil {
				return changed, fmt.Errorf("seal the texts of %s: %w", t.name, err)
			}
			changed, after = changed+n, last
		}
	}
	if err := s.Scrub(ctx); err != nil { // what was plain must not stay in free pages
		return changed, fmt.Errorf("scrub the database: %w", err)
	}
	return changed, nil
}

// beginning is a key before all others.
func (t sealedTable) beginning() []string {
	first := make([]string, len(t.key))
	if t.name == "batch_lines" {
		first[1] = "0"
	}
	return first
}

// value is a parameter of a key's column. The number of a line is the only one that is no text.
func (t sealedTable) value(at int) string {
	if t.key[at] == "number" {
		return fmt.Sprintf("CAST($%d AS BIGINT)", at+1)
	}
	return fmt.Sprintf("$%d", at+1)
}

// page selects the rows behind a key: the key as texts, and of each column what shown makes of it.
func (t sealedTable) page(size int, shown func(column string) string) string {
	names, values := make([]string, len(t.key)), make([]string, len(t.key))
	for i, column := range t.key {
		names[i], values[i] = "CAST("+column+" AS TEXT)", t.value(i)
	}
	for _, column := range t.columns {
		names = append(names, shown(column))
	}
	return `SELECT ` + strings.Join(names, ", ") + ` FROM ` + t.name +
		` WHERE (` + strings.Join(t.key, ", ") + `) > (` + strings.Join(values, ", ") + `) ORDER BY ` +
		strings.Join(t.key, ", ") + fmt.Sprintf(` LIMIT %d`, size)
}

// stored shows a column as it is.
func stored(column string) string { return column }

// update stores a text in place of the one that was read, unless that has changed meanwhile.
func (t sealedTable) update(column string) string {
	var where strings.Builder
	for i, key := range t.key {
		where.WriteString(key + ` = ` + t.value(i) + ` AND `)
	}
	n := len(t.key)
	return fmt.Sprintf(`UPDATE %s SET %s = $%d WHERE %s%s = $%d`, t.name, column, n+1, where.String(), column, n+2)
}

// sealedRow is a row's key and its texts as they are stored.
type sealedRow struct {
	key   []string
	texts []*string
}

// read returns a page of rows behind a key.
func (t sealedTable) read(ctx context.Context, q *Queries, query string, after []string) (rows []sealedRow, err error) {
	err = q.Each(ctx, query, anyOf(after), func(r db.Rows) error {
		row := sealedRow{make([]string, len(t.key)), make([]*string, len(t.columns))}
		into := make([]any, 0, len(t.key)+len(t.columns))
		for i := range row.key {
			into = append(into, &row.key[i])
		}
		for i := range row.texts {
			into = append(into, &row.texts[i])
		}
		rows = append(rows, row)
		return r.Scan(into...)
	})
	return rows, err
}

// count adds the texts of a row, of which the keys were read.
func (r sealedRow) count(counts map[string]int64) {
	for _, key := range r.texts {
		if key != nil {
			counts[strings.TrimRight(*key, ".")]++
		}
	}
}

// lastOf returns the key of the last row, nil of none.
func lastOf(rows []sealedRow) []string {
	if len(rows) == 0 {
		return nil
	}
	return rows[len(rows)-1].key
}

// reseal seals a page of rows behind a key, and returns the last key; nil behind the last page.
func (t sealedTable) reseal(ctx context.Context, q *Queries, after []string) (changed int64, last []string, err error) {
	rows, err := t.read(ctx, q, t.page(resealPage, stored), after)
	if err != nil {
		return 0, nil, err
	}
	for _, row := range rows {
		n, err := t.resealRow(ctx, q, row)
		if err != nil {
			return 0, nil, err
		}
		changed += n
	}
	return changed, lastOf(rows), nil
}

func (t sealedTable) resealRow(ctx context.Context, q *Queries, row sealedRow) (changed int64, err error) {
	key := anyOf(row.key)
	for i, column := range t.columns {
		if row.texts[i] == nil || *row.texts[i] == "{}" {
			continue
		}
		text, change, err := q.Reseal(*row.texts[i], key...)
		if err != nil {
			return changed, err
		}
		if !change {
			continue
		}
		n, err := q.Exec(ctx, t.update(column), append(anyOf(row.key), text, *row.texts[i])...)
		if err != nil {
			return changed, err
		}
		changed += n
	}
	return changed, nil
}

func anyOf(texts []string) []any {
	all := make([]any, len(texts))
	for i, text := range texts {
		all[i] = text
	}
	return all
}
