package storetest_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"dreamlab/store"
	"dreamlab/store/batch"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/storetest"
)

const planted = "a planted phrase"

// sealedNouns is how many texts sayAll stores.
const sealedNouns = 18

// sayAll stores a phrase in every place that holds what was said.
func sayAll(t *testing.T, s *store.Store) (ran job.Job, exp learn.Experience) {
	t.Helper()
	said := []byte(`[{"role":"user","content":"` + planted + `"}]`)
	exp = learn.Experience{ID: db.NewID("exp_"), Tenant: "ten_1", External: "c", Alias: "assistant", Origin: "live",
		Prompt: said, Answer: said, Reference: planted, Comment: planted, Correction: planted}
	exp.Seal()
	must(t, s.Tx(t.Context(), db.Synced, func(q *store.Queries) error { return q.AddExperience(t.Context(), exp) }))
	must(t, s.Tx(t.Context(), db.Synced, func(q *store.Queries) error {
		made, err := q.AcceptJobs(t.Context(), []job.NewJob{{Tenant: "ten_1", Kind: "chat.run", Lane: "chat", Input: said}}, nil)
		if err != nil {
			return err
		}
		ran = made[0].Job
		if err := q.AddEffect(t.Context(), book.Effect{Job: ran.ID, Step: "answer", Response: said}); err != nil {
			return err
		}
		line := batch.Line{Batch: "batch_1", Number: 7, Request: said, Response: said}
		if err := q.AddLines(t.Context(), []batch.Line{line}); err != nil {
			return err
		}
		line.State = batch.LineAnswered
		if err := q.MoveLines(t.Context(), batch.LineWaiting, []batch.Line{line}); err != nil {
			return err
		}
		return learnAll(t, q, exp)
	}))
	exec(t, s.Driver(), `UPDATE jobs SET result = input WHERE id = '`+ran.ID+`'`)
	return ran, exp
}

func learnAll(t *testing.T, q *store.Queries, exp learn.Experience) error {
	err := q.AddReflection(t.Context(), learn.Reflection{ID: "rfl_1", Tenant: "ten_1", Dream: "drm_1", Title: planted,
		Applies: planted, Lesson: planted})
	if err == nil {
		err = q.AddMemory(t.Context(), learn.Memory{ID: "mem_1", Tenant: "ten_1", Lessons: []learn.Lesson{{Text: planted}}})
	}
	if err == nil {
		err = q.AddExample(t.Context(), learn.Example{ID: "exm_1", Tenant: "ten_1", Alias: "assistant", Dream: "drm_1",
			Experience: exp.ID, Messages: exp.Prompt, Rejected: planted})
	}
	if err == nil {
		err = q.ReviewExample(t.Context(), "ten_1", "exm_1", learn.Review{Verdict: learn.ReviewKept, Reviewer: "key_1"}, planted)
	}
	if err == nil {
		err = q.AddComparison(t.Context(), "ten_1", "evl_1", learn.Comparison{Experience: exp.ID,
			Said: &learn.Said{Candidate: planted}})
	}
	return err
}

// saysAll reads back what sayAll stored.
func saysAll(t *testing.T, s *store.Store, ran job.Job, exp learn.Experience) {
	t.Helper()
	var all []string
	add := func(err error, texts ...string) {
		t.Helper()
		must(t, err)
		all = append(all, texts...)
	}
	j, err := s.AnyJob(t.Context(), ran.ID)
	add(err, string(j.Input), string(j.Result))
	effect, err := s.Effect(t.Context(), ran.ID, "answer")
	add(err, string(effect.Response))
	e, err := s.Experience(t.Context(), "ten_1", exp.ID)
	add(err, string(e.Prompt), string(e.Answer), e.Reference, e.Comment, e.Correction)
	r, err := s.Reflection(t.Context(), "ten_1", "rfl_1")
	add(err, r.Title, r.Applies, r.Lesson)
	m, err := s.MemoryVersion(t.Context(), "ten_1", "mem_1")
	add(err, m.Markdown())
	x, err := s.Example(t.Context(), "ten_1", "exm_1")
	add(err, string(x.Messages), x.Rejected)
	c, err := s.Comparison(t.Context(), "ten_1", "evl_1", exp.ID)
	add(err, fmt.Sprint(c.Said))
	lines, err := s.Lines(t.Context(), "batch_1", "", 0, 9)
	add(err, string(lines[0].Request), string(lines[0].Response))
	for i, text := range all {
		if !strings.Contains(text, planted) {
			t.Errorf("text %d is %q", i, text)
		}
	}
}

func holdsCounts(t *testing.T, s *store.Store, want map[string]int64) {
	t.Helper()
	got, err := s.SealCounts(t.Context())
	must(t, err)
	if !maps.Equal(got, want) {
		t.Errorf("the texts are of the keys %v, want %v", got, want)
	}
}

// TestReseal seals what was plain, and all again after a rotation; each process that has both keys
// reads all of it at any time, and one without a key says which it misses.
func TestReseal(t *testing.T) {
	t.Parallel()
	storetest.EachDriver(t, func(t *testing.T, open func() db.Driver) {
		driver := open()
		must(t, driver.Migrate(t.Context(), -1))
		with := func(keys ...string) *store.Store { return store.OpenSealed(driver, storetest.Vault(t, keys...)) }
		plain, first, both, second := with(), with("one"), with("two", "one"), with("two")
		ran, exp := sayAll(t, plain)
		saysAll(t, first, ran, exp)
		holdsCounts(t, plain, map[string]int64{"": sealedNouns})
		_, err := plain.Reseal(t.Context())
		want(t, err, store.ErrNoSealing)
		for _, s := range []*store.Store{first, both} {
			n, err := s.Reseal(t.Context())
			must(t, err)
			if n != sealedNouns {
				t.Errorf("%d texts were sealed, want %d", n, sealedNouns)
			}
			saysAll(t, both, ran, exp)
		}
		holdsCounts(t, second, map[string]int64{"two": sealedNouns})
		if n, err := both.Reseal(t.Context()); n != 0 || err != nil {
			t.Errorf("nothing is left, but %d, %v", n, err)
		}
		saysAll(t, second, ran, exp)
		for _, s := range []*store.Store{plain, first} {
			_, err = s.Experience(t.Context(), "ten_1", exp.ID)
			want(t, err, db.ErrNoKey)
			if err == nil || !strings.Contains(err.Error(), `"two"`) || strings.Contains(err.Error(), planted) {
				t.Errorf("it says %v", err)
			}
		}
		_, err = first.Reseal(t.Context())
		want(t, err, db.ErrNoKey)
	})
}

// TestSealedTextsStayInTheirRow opens no text that was put into another row, or changed.
func TestSealedTextsStayInTheirRow(t *testing.T) {
	t.Parallel()
	s := storetest.Sealed(t)
	ran, exp := sayAll(t, s)
	saysAll(t, s, ran, exp)
	exec(t, s.Driver(), `UPDATE reflections SET title = (SELECT comment FROM experiences)`)
	if r, err := s.Reflection(t.Context(), "ten_1", "rfl_1"); err == nil {
		t.Errorf("it is %q", r.Title)
	}
	exec(t, s.Driver(), `UPDATE experiences SET answer = substr(answer, 1, 60) || 'AAAA' || substr(answer, 65)`)
	if e, err := s.Experience(t.Context(), "ten_1", exp.ID); err == nil {
		t.Errorf("it is %q", e.Answer)
	}
	for _, kept := range []*store.Store{s, storetest.SQLite(t)} { // what looks sealed and is not
		odd := exp
		odd.ID, odd.External, odd.Comment = "exp_odd", "odd", "\x01sealed:now.............AAAA"
		odd.Seal()
		must(t, kept.Tx(t.Context(), db.Synced, func(q *store.Queries) error { return q.AddExperience(t.Context(), odd) }))
		if e, err := kept.Experience(t.Context(), "ten_1", "exp_odd"); err != nil || e.Comment != odd.Comment {
			t.Errorf("a comment is %q, %v", e.Comment, err)
		}
	}
}
