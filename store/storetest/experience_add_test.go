package storetest_test

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/learn"
	"dreamlab/store/storetest"
)

// said is an experience of a conversation that the client names, or of none.
func said(external string, text int) learn.Experience {
	e := learn.Experience{
		Tenant: "ten_1", External: external, Alias: learn.DefaultAlias,
		Origin: learn.OriginImport, Prompt: fmt.Appendf(nil, `[{"role":"user","content":"%d"}]`, text),
		Answer: []byte(`{"role":"assistant","content":"Yes."}`),
	}
	e.Seal()
	return e
}

func addAll(t testing.TB, s *store.Store, batch ...learn.Experience) (added []bool) {
	t.Helper()
	err := s.Tx(t.Context(), db.Synced, func(q *store.Queries) (err error) {
		added, err = q.AddExperiences(t.Context(), batch)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return added
}

// books are what has to be kept, told row by row.
type books struct {
	seen          map[string]bool // contents and identities
	conversations map[string]bool
	kept          []string // identities
}

func (b *books) add(e learn.Experience) bool {
	if b.seen[e.Identity] {
		return false
	}
	b.seen[e.Identity], b.seen[e.Content] = true, true
	b.kept = append(b.kept, e.Identity)
	if e.External != "" {
		b.conversations[e.External] = true
	} else {
		b.conversations[e.Content] = true
	}
	return true
}

// check compares the books with the tables.
func (b *books) check(t *testing.T, s *store.Store) {
	t.Helper()
	rows, _, err := s.Experiences(t.Context(), "ten_1", learn.ExperienceFilter{}, db.Page{Limit: 100})
	must(t, err)
	var kept []string
	sides := map[string]bool{}
	for _, e := range rows {
		kept = append(kept, e.Identity)
		if e.External == e.Conversation {
			e.External = ""
		}
		if e.External == "" && e.HeldOut != learn.HeldOut(storetest.Secret, e) {
			t.Errorf("%s: held out %t", e.Prompt, e.HeldOut)
		}
		if side, known := sides[e.Conversation]; known && side != e.HeldOut {
			t.Errorf("conversation %s is on both sides", e.External)
		}
		sides[e.Conversation] = e.HeldOut
	}
	slices.Reverse(kept)
	if !slices.Equal(kept, b.kept) {
		t.Errorf("kept %d experiences, want %d in the order of the rows", len(kept), len(b.kept))
	}
	if got := count(t, s, "conversations"); got != fmt.Sprint(len(b.conversations)) {
		t.Errorf("kept %s conversations, want %d", got, len(b.conversations))
	}
}

func random(seed uint64, n int) []learn.Experience {
	from := rand.New(rand.NewPCG(seed, 0))
	batch := make([]learn.Experience, n)
	for i := range batch {
		batch[i] = said([]string{"", "", "a", "b", "<c>"}[from.IntN(5)], from.IntN(20))
	}
	return batch
}

// TestAddedAsInOrder adds the same rows one by one and in batches: what counts
// is the order of the rows, also within a batch.
func TestAddedAsInOrder(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for seed := range uint64(6) {
			single, batched := newBooks(), newBooks()
			for n := range uint64(4) {
				batch := random(100*seed+n, 25)
				for _, e := range batch {
					single.add(e)
					must(t, s.AddExperience(t.Context(), e))
				}
			}
			single.check(t, s)
			empty(t, s)
			for n := range uint64(4) {
				batch := random(100*seed+n, 25)
				for i, got := range addAll(t, s, batch...) {
					if want := batched.add(batch[i]); got != want {
						t.Errorf("seed %d, batch %d, row %d: new %t, want %t", seed, n, i, got, want)
					}
				}
			}
			batched.check(t, s)
			empty(t, s)
		}
	})
}

func newBooks() *books { return &books{seen: map[string]bool{}, conversations: map[string]bool{}} }

func empty(t *testing.T, s *store.Store) {
	t.Helper()
	exec(t, s.Driver(), "DELETE FROM experiences")
	exec(t, s.Driver(), "DELETE FROM conversations")
}

// TestTenantsAreApart brings the same rows for two tenants, in one batch.
func TestTenantsAreApart(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		batch := []learn.Experience{said("", 1), said("a", 1), said("", 1), said("a", 1)}
		batch[2].Tenant, batch[3].Tenant = "ten_2", "ten_2"
		if got := addAll(t, s, batch...); fmt.Sprint(got) != "[true true true true]" {
			t.Errorf("new: %v", got)
		}
		if got := addAll(t, s, batch...); fmt.Sprint(got) != "[false false false false]" {
			t.Errorf("new again: %v", got)
		}
		if got := count(t, s, "conversations"); got != "4" {
			t.Errorf("%s conversations", got)
		}
	})
}

// TestAddedAtOnce brings the same rows from several transactions at once, each
// in another order: none fails, and each row is new to one of them.
func TestAddedAtOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const rows = 300
		sums := atOnce(4, func(n int) (sum int) {
			var batch []learn.Experience
			for i := range rows {
				batch = append(batch, said([]string{"", fmt.Sprint("talk ", i%7)}[i%2], i))
			}
			from := rand.New(rand.NewPCG(uint64(n), 0))
			from.Shuffle(rows, func(i, j int) { batch[i], batch[j] = batch[j], batch[i] })
			for _, added := range addAll(t, s, batch...) {
				if added {
					sum++
				}
			}
			return sum
		})
		if sum := sums[0] + sums[1] + sums[2] + sums[3]; sum != rows {
			t.Errorf("%v were new of %d", sums, rows)
		}
		for table, want := range map[string]int{"experiences": rows, "conversations": rows/2 + 7} {
			if got := count(t, s, table); got != fmt.Sprint(want) {
				t.Errorf("%s %s, want %d", got, table, want)
			}
		}
	})
}

// meeting is a driver that lets another come in between the look for what is
// known and the first row of a batch.
type meeting struct {
	db.Driver
	other func()
}

func (m *meeting) Tx(ctx context.Context, durability db.Durability, fn func(db.Conn) error) error {
	return m.Driver.Tx(ctx, durability, func(conn db.Conn) error { return fn(met{conn, m}) })
}

type met struct {
	db.Conn
	*meeting
}

func (m met) Query(ctx context.Context, query string, args ...any) (db.Rows, error) {
	return m.Conn.Query(ctx, query, args...)
}

func (m met) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	if strings.HasPrefix(query, "CREATE TEMPORARY TABLE staged_conversations") {
		m.other()
	}
	return m.Conn.Exec(ctx, query, args...)
}

func (m met) Copy(
	ctx context.Context, table string, columns []string, rows iter.Seq2[[]any, error],
) (int64, error) {
	return m.Conn.(db.Copier).Copy(ctx, table, columns, rows)
}

// TestAnotherComesBetween brings a batch of which another transaction keeps a
// part after it was looked for. SQLite has one writer, which nobody comes between.
func TestAnotherComesBetween(t *testing.T) {
	t.Parallel()
	s := storetest.PostgreSQL(t)
	others := []learn.Experience{said("", 1), said("a", 2), said("b", 3)}
	between := store.Open(&meeting{s.Driver(), func() { addAll(t, s, others...) }})
	got := addAll(t, between, said("", 1), said("a", 2), said("a", 4), said("", 5), said("c", 6))
	if fmt.Sprint(got) != "[false false true true true]" {
		t.Errorf("new: %v", got)
	}
	for table, want := range map[string]string{"experiences": "6", "conversations": "5"} {
		if n := count(t, s, table); n != want {
			t.Errorf("%s %s, want %s", n, table, want)
		}
	}
}

// Turns without a client's id are tied together by their beginning, of one tenant and one user, and not by a greeting.
func TestThreads(t *testing.T) {
	t.Parallel()
	const (
		hello  = `{"role":"user","content":"Hello"},{"role":"assistant","content":"Hi, what can I do?"}`
		asked  = `{"role":"user","content":"Which bus goes to the airport?"}`
		answer = `{"role":"assistant","content":"The 380."}`
	)
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		add := func(tenant, user, prompt, answer string) string {
			t.Helper()
			e := learn.Experience{ID: db.NewID("exp_"), Tenant: tenant, Prompt: []byte("[" + prompt + "]"), Answer: []byte(answer)}
			if user != "" {
				e.Metadata = []byte(`{"user":"` + user + `"}`)
			}
			e.Seal()
			must(t, s.Tx(t.Context(), db.Synced, func(q *store.Queries) error { return q.AddExperience(t.Context(), e) }))
			got, err := s.Experience(t.Context(), tenant, e.ID)
			if err != nil {
				return ""
			}
			if got.External != got.Conversation {
				t.Errorf("it has the id %s that no client gave", got.External)
			}
			return got.Conversation
		}
		first := add("ten_1", "", asked, answer)
		later := `{"role":"user","content":"When?"}`
		spaced := `{"role":"system","content":"be brief"},` + asked + `,{"role":"assistant","content":" The  380. "},` + later
		if second := add("ten_1", "", spaced, `{"role":"assistant","content":"At 9."}`); second != first || first == "" {
			t.Errorf("the second turn is in %q, the first in %q", second, first)
		}
		third := asked + "," + answer + "," + later + `,{"role":"assistant","content":"At 9."},` + later
		if other := add("ten_1", "ada", third, answer); other == first || other == "" {
			t.Errorf("another user's is in %q", other)
		}
		if other := add("ten_2", "", third, answer); other == first || other == "" {
			t.Errorf("another tenant's is in %q", other)
		}
		if again := add("ten_1", "", asked, answer); again != "" {
			t.Errorf("a duplicate is in %q", again)
		}
		one := add("ten_1", "", hello+","+asked, answer)
		if two := add("ten_1", "", hello+`,{"role":"user","content":"How do I get to the zoo?"}`, answer); one == two {
			t.Errorf("a greeting ties two conversations together: %s", one)
		}
		if batch := add("ten_1", "", hello[:strings.Index(hello, "},")+1], answer); batch == one {
			t.Errorf("the greeting alone is in %s", batch)
		}
	})
}

// The rows of one batch are tied together, and to what is stored; forgotten threads are not taken up again.
func TestThreadsOfBatches(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		turn := func(n int) learn.Experience {
			prompt := `{"role":"user","content":"Which bus goes to the airport?"}`
			for i := range n {
				prompt += fmt.Sprintf(`,{"role":"assistant","content":"answer %d"},{"role":"user","content":"and %d?"}`, i, i)
			}
			e := learn.Experience{Tenant: "ten_1", Prompt: []byte("[" + prompt + "]")}
			e.Answer = fmt.Appendf(nil, `{"role":"assistant","content":"answer %d"}`, n)
			e.Seal()
			return e
		}
		add := func(rows ...learn.Experience) (added int) {
			must(t, s.Tx(t.Context(), db.Synced, func(q *store.Queries) error {
				fresh, err := q.AddExperiences(t.Context(), rows)
				for _, new := range fresh {
					if new {
						added++
					}
				}
				return err
			}))
			return added
		}
		if n := add(turn(0), turn(1), turn(1)); n != 2 {
			t.Errorf("%d were added", n)
		}
		if n := add(turn(1), turn(2)); n != 1 || count(t, s, "conversations") != "1" || count(t, s, "experiences") != "3" {
			t.Errorf("%d were added: %s conversations of %s", n, count(t, s, "conversations"), count(t, s, "experiences"))
		}
		traces, err := s.Traces(t.Context(), "ten_1", learn.ThreadID(turn(2)), learn.Kinds{})
		must(t, err)
		must(t, s.Tx(t.Context(), db.Synced, func(q *store.Queries) error { return q.Forget(t.Context(), "ten_1", traces, learn.Kinds{}) }))
		if n := add(turn(1), turn(3)); n != 0 || len(traces.Experiences) != 3 {
			t.Errorf("%d of a forgotten conversation of %d turns were added", n, len(traces.Experiences))
		}
	})
}
