package sqlite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"dreamlab/store/db"
)

func numbers(t *testing.T, n int) *Driver {
	t.Helper()
	d := open(t, filepath.Join(t.TempDir(), "x.db"))
	for _, query := range []string{
		"CREATE TABLE numbers (n INTEGER PRIMARY KEY, name TEXT UNIQUE)",
		fmt.Sprintf(`WITH RECURSIVE up (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM up WHERE n < %d)
			INSERT INTO numbers SELECT n, 'number ' || n FROM up`, n),
	} {
		if _, err := d.Exec(t.Context(), query); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// count reads the numbers from one on and calls fn for each.
func count(ctx context.Context, c db.Conn, from int, fn func(n int) error) (err error) {
	rows, err := c.Query(ctx, "SELECT n FROM numbers WHERE n >= $1 ORDER BY n", from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Err(), rows.Close()) }()
	for rows.Next() {
		var n int
		if err := rows.Scan(&n); err != nil {
			return err
		}
		if err := fn(n); err != nil {
			return err
		}
	}
	return nil
}

// TestStatementInsideItself reads by a statement while its own rows are being read: each sees all
// of its rows, in a transaction and beside it.
func TestStatementInsideItself(t *testing.T) {
	t.Parallel()
	d := numbers(t, 20)
	triangle := func(c db.Conn) error {
		pairs := 0
		err := count(t.Context(), c, 1, func(n int) error {
			return count(t.Context(), c, n, func(int) error { pairs++; return nil })
		})
		if pairs != 20*21/2 {
			t.Errorf("counted %d pairs", pairs)
		}
		return err
	}
	for range 2 {
		if err := errors.Join(triangle(d), d.Tx(t.Context(), db.Relaxed, triangle)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestStatementAfterItsError runs a statement that failed, and one whose reader went away, again.
func TestStatementAfterItsError(t *testing.T) {
	t.Parallel()
	d := numbers(t, 5000)
	add := func(n int, name string) error {
		_, err := d.Exec(t.Context(), "INSERT INTO numbers VALUES ($1, $2)", n, name)
		return err
	}
	if err := add(5001, "number 1"); !errors.Is(err, db.ErrConflict) {
		t.Errorf("a name that is taken: %v", err)
	}
	if err := add(5001, "number 5001"); err != nil {
		t.Error(err)
	}
	for range 3 {
		gone, cancel := context.WithCancel(t.Context())
		err := count(gone, d, 1, func(n int) error {
			if n == 10 {
				cancel()
			}
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("a reader that went away: %v", err)
		}
		left := errors.New("left")
		if err := count(t.Context(), d, 1, func(int) error { return left }); !errors.Is(err, left) {
			t.Errorf("a reader that left: %v", err)
		}
		found := 0
		if err := count(t.Context(), d, 1, func(int) error { found++; return nil }); err != nil || found != 5001 {
			t.Errorf("afterwards: %d rows, %v", found, err)
		}
	}
}

// TestStatementOfAChangedTable reads a table that has a column more than when its statement was compiled.
func TestStatementOfAChangedTable(t *testing.T) {
	t.Parallel()
	d := numbers(t, 1)
	scan := func(columns int) error {
		rows, err := d.Query(t.Context(), "SELECT * FROM numbers")
		if err != nil {
			return err
		}
		got := make([]any, columns)
		for i := range got {
			got[i] = new(any)
		}
		for rows.Next() {
			err = errors.Join(err, rows.Scan(got...))
		}
		return errors.Join(err, rows.Err(), rows.Close())
	}
	if err := scan(2); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Exec(t.Context(), "ALTER TABLE numbers ADD COLUMN more TEXT"); err != nil {
		t.Fatal(err)
	}
	if err := scan(3); err != nil || scan(2) == nil {
		t.Errorf("read three columns: %v; two: %v", err, scan(2))
	}
}

// TestMoreStatementsThanAreKept runs all of them, from several goroutines.
func TestMoreStatementsThanAreKept(t *testing.T) {
	t.Parallel()
	d := numbers(t, 1)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := range compiledMax + 100 {
				rows, err := d.Query(t.Context(), fmt.Sprintf("SELECT n + %d FROM numbers", i))
				if err != nil {
					t.Error(err)
					return
				}
				if n, err := firstInt(rows); err != nil || n != 1+i {
					t.Errorf("got %d, %v", n, err)
				}
			}
		})
	}
	all.Wait()
	if n := len(d.reads.known); n > compiledMax+4 {
		t.Errorf("%d statements are kept", n)
	}
}
