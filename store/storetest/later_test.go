package storetest_test

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"dreamlab/store"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/store/storetest"
)

// keep is a statement that keeps a tenant.
func keep(name string) db.Statement {
	return db.Statement{
		Query: `INSERT INTO tenants (id, name, created) VALUES ($1, $1, 0)`, Args: []any{name},
	}
}

func tenants(t *testing.T, conn db.Conn) []string {
	t.Helper()
	var names []string
	must(t, db.RunNow(t.Context(), conn, db.Statement{
		Query: `SELECT id FROM tenants ORDER BY id`,
		Each: func(r db.Rows) error {
			var name string
			err := r.Scan(&name)
			names = append(names, name)
			return err
		},
	}))
	return names
}

// TestLater has statements wait for each other: they run in order, each is
// answered, and one that is asked sees those before it.
func TestLater(t *testing.T) {
	t.Parallel()
	for _, durability := range []db.Durability{db.Synced, db.Relaxed} {
		storetest.Each(t, func(t *testing.T, s *store.Store) {
			var counted int64
			var seen []string
			must(t, s.Driver().Tx(t.Context(), durability, func(c db.Conn) error {
				first := keep("a")
				first.Want, first.Missing = 1, errors.New("nothing was kept")
				must(t, c.Later(t.Context(), first))
				touched, err := c.Exec(t.Context(), `UPDATE tenants SET name = name`)
				if err != nil || touched != 1 {
					t.Errorf("touched %d, %v", touched, err)
				}
				must(t, c.Later(t.Context(), keep("b")))
				seen = tenants(t, c)
				must(t, c.Later(t.Context(), keep("c")))
				must(t, c.Later(t.Context(), db.Statement{Query: `SELECT count(*) FROM tenants`,
					Each: func(r db.Rows) error { return r.Scan(&counted) }}))
				return c.Later(t.Context(), keep("d"))
			}))
			if counted != 3 || !slices.Equal(seen, []string{"a", "b"}) {
				t.Errorf("counted %d, seen %v", counted, seen)
			}
			if got := tenants(t, s.Driver()); !slices.Equal(got, []string{"a", "b", "c", "d"}) {
				t.Errorf("kept %v", got)
			}
		})
	}
}

// TestLaterManyStatements puts off more than a transaction lets gather.
func TestLaterManyStatements(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const many = 1000
		must(t, s.Driver().Tx(t.Context(), db.Synced, func(c db.Conn) error {
			for i := range many {
				must(t, c.Later(t.Context(), keep(strconv.Itoa(i))))
			}
			return nil
		}))
		if n := len(tenants(t, s.Driver())); n != many {
			t.Errorf("kept %d", n)
		}
	})
}

// TestLaterFails holds that what goes wrong later, or is refused, takes the whole
// transaction with it, and that the connection is good for another.
func TestLaterFails(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		must(t, db.RunNow(t.Context(), s.Driver(), keep("a")))
		for name, broken := range map[string]struct {
			db.Statement
			want error
		}{
			"twice":   {keep("a"), db.ErrConflict},
			"too few": {db.Statement{Query: `DELETE FROM tenants`, Want: 9, Missing: refused}, refused},
			"too few found": {db.Statement{Query: `SELECT id FROM tenants WHERE id = $1`, Args: []any{"a"},
				Want: 2, Missing: refused}, refused},
			"looked at": {db.Statement{Query: `SELECT id FROM tenants`,
				Each: func(db.Rows) error { return refused }}, refused},
		} {
			for _, asked := range []bool{false, true} {
				err := s.Driver().Tx(t.Context(), db.Synced, func(c db.Conn) error {
					for _, one := range []db.Statement{keep("b"), broken.Statement, keep("c")} {
						if err := c.Later(t.Context(), one); err != nil {
							return err
						}
					}
					if !asked {
						return nil
					}
					_, err := c.Exec(t.Context(), `DELETE FROM tenants`)
					return err
				})
				if !errors.Is(err, broken.want) {
					t.Errorf("%s: got %v", name, err)
				}
				if got := tenants(t, s.Driver()); !slices.Equal(got, []string{"a"}) {
					t.Errorf("%s: kept %v", name, got)
				}
			}
		}
	})
}

// TestSumsOfSpending writes and ends entries in every way: the sums that budgets
// are checked against are what the entries come to.
func TestSumsOfSpending(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		job := running(t, s, "ten_1", "")
		open := func(purpose string) string {
			id, err := s.OpenEntry(t.Context(), book.Entry{
				Tenant: "ten_1", Job: job.ID, Step: "answer", Epoch: job.Epoch, Number: 1, Purpose: purpose,
				Provider: "groq", Model: "small", Reserved: 1000,
			})
			must(t, err)
			return id
		}
		ways := [][]book.EntryState{
			nil, {book.EntrySettled}, {book.EntryVoid}, {book.EntryUnknown},
			{book.EntryUnknown, book.EntrySettled}, {book.EntryUnknown, book.EntryVoid},
		}
		for i, way := range ways {
			id := open([]string{"chat", "replay"}[i%2])
			for _, state := range way {
				end := book.Entry{ID: id, State: state}
				if state == book.EntrySettled {
					end.Settled = 300
				}
				must(t, s.Tx(t.Context(), db.Synced, func(q *store.Queries) error {
					if i%2 == 0 {
						return q.SettleEntry(t.Context(), end)
					}
					return q.EndEntry(t.Context(), end)
				}))
				want(t, s.EndEntry(t.Context(), book.Entry{ID: id, State: book.EntryUnknown}), db.ErrConflict)
			}
		}
		must(t, s.AddEntry(t.Context(), book.Entry{Tenant: "ten_1", Step: "hour", Purpose: "host", Provider: "groq",
			Model: "small", State: book.EntrySettled, Settled: 77}))
		undone := errors.New("undone")
		err := s.Tx(t.Context(), db.Synced, func(q *store.Queries) error {
			_, err := q.OpenEntry(t.Context(), book.Entry{Tenant: "ten_1", Job: job.ID, Epoch: job.Epoch,
				Purpose: "chat", Reserved: 5})
			must(t, err)
			got, err := q.Committed(t.Context(), "ten_1", "chat", job.Created)
			if err != nil || got != 1300 {
				t.Errorf("before the transaction %d, %v", got, err)
			}
			return undone
		})
		want(t, err, undone)
		sums, err := s.CommittedOf(t.Context(), []book.Commitment{
			{Tenant: "ten_1", Purpose: "host", Since: job.Created}, {Tenant: "ten_2", Since: job.Created},
			{Tenant: "ten_1", Since: job.Created}, {Tenant: "ten_1", Since: job.Created.Add(48 * time.Hour)},
		})
		if wanted := []int64{77, 0, 2677, 0}; err != nil || !slices.Equal(sums, wanted) {
			t.Errorf("committed %v, want %v, %v", sums, wanted, err)
		}
		// chat: open 1000, void 0, then unknown and settled 300, hence 1,300; replay:
		// settled 300, unknown 1000, then unknown and void 0.
		for purpose, wanted := range map[string]int64{"chat": 1300, "replay": 1300, "host": 77, "": 2677} {
			got, err := s.Committed(t.Context(), "ten_1", purpose, job.Created)
			if err != nil || got != wanted {
				t.Errorf("committed %d for %q, want %d, %v", got, purpose, wanted, err)
			}
		}
		var sum string
		must(t, db.RunNow(t.Context(), storetest.Bare(s.Driver()), db.Statement{
			Query: `SELECT CAST(sum(CASE WHEN state IN ('open', 'unknown') THEN reserved ELSE settled END) AS text) FROM entries`,
			Each:  func(r db.Rows) error { return r.Scan(&sum) },
		}))
		if sum != fmt.Sprint(2677) {
			t.Errorf("the entries come to %s", sum)
		}
	})
}
