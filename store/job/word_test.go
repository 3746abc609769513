package job_test

import (
	"slices"
	"testing"
	"time"

	"dreamlab/store"
	"dreamlab/store/book"
	"dreamlab/store/db"
	"dreamlab/store/job"
)

// TestJobsByFilter finds jobs by each thing that they can be found by, page by page.
func TestJobsByFilter(t *testing.T) {
	onEach(t, func(b bench) {
		chat := b.run(job.NewJob{
			Alias: "assistant", KeyID: "key_1", Conversation: "c1", Metadata: []byte(`{"customer":"ACME Corp","order":42}`),
		})
		b.run(job.NewJob{Parent: chat.ID, KeyID: "key_1", Metadata: []byte(`{"customer":"acme"}`)})
		dream := b.run(job.NewJob{Kind: "chat.run", Lane: "chat", Subject: "drm_1"})
		done := b.run(job.NewJob{Alias: "other", KeyID: "key_1"})
		b.finish(done, job.Finish{To: job.StateSucceeded})
		other := b.run(job.NewJob{Alias: "other", KeyID: "key_2", Metadata: []byte(`{"customer":"acme"}`)})
		b.ask(chat, "groq", "maker/small")
		b.ask(other, "groq", "large")
		for name, test := range map[string]struct {
			filter job.Filter
			want   []string
		}{
			"alias":         {job.Filter{Alias: "assistant"}, []string{chat.ID}},
			"key":           {job.Filter{Key: "key_1"}, []string{chat.ID, done.ID}},
			"open or ended": {job.Filter{Alias: "other"}, []string{done.ID, other.ID}},
			"with children": {job.Filter{Key: "key_1", Children: true}, []string{chat.ID, done.ID}},
			"both":          {job.Filter{Alias: "assistant", Key: "key_2"}, nil},
			"conversation":  {job.Filter{Conversation: "c1"}, []string{chat.ID}},
			"vendor":        {job.Filter{Provider: "groq"}, []string{chat.ID, other.ID}},
			"model":         {job.Filter{Provider: "groq", Model: "maker/small"}, []string{chat.ID}},
			"no such model": {job.Filter{Provider: "together", Model: "large"}, nil},
			"a word":        {job.Filter{Text: "acme"}, []string{chat.ID, other.ID}},
			"words":         {job.Filter{Text: "Corp, 42"}, []string{chat.ID}},
			"part of one":   {job.Filter{Text: "acm"}, nil},
			"no word":       {job.Filter{Text: "%_-"}, nil},
			"an id":         {job.Filter{Text: dream.ID}, []string{dream.ID}},
			"its beginning": {job.Filter{Text: other.ID[:len(other.ID)-1]}, []string{other.ID}},
			"a subject":     {job.Filter{Text: "drm_1"}, []string{dream.ID}},
		} {
			if got := b.found(test.filter); !slices.Equal(got, test.want) {
				b.t.Errorf("%s: found %v, want %v", name, got, test.want)
			}
		}
		if got, _, err := b.Jobs(ctx, "ten_b", job.Filter{Text: "acme"}, db.Page{}); err != nil || len(got) > 0 {
			b.t.Errorf("another tenant found %v, %v", got, err)
		}
	})
}

// ask has a job call a model.
func (b bench) ask(j job.Job, provider, model string) {
	b.t.Helper()
	_, err := b.OpenEntry(ctx, book.Entry{
		Tenant: "ten_a", Job: j.ID, Epoch: j.Epoch, Step: "a", Number: 1, Purpose: "chat", Provider: provider, Model: model,
	})
	b.must(err)
}

// found gathers the ids that a filter finds, oldest first, in pages of one.
func (b bench) found(f job.Filter) (ids []string) {
	b.t.Helper()
	for page := (db.Page{Limit: 1, Ascending: true}); ; page.After = ids[len(ids)-1] {
		rows, more, err := b.Jobs(ctx, "ten_a", f, page)
		b.must(err)
		for _, j := range rows {
			ids = append(ids, j.ID)
		}
		if !more {
			return ids
		}
	}
}

// TestWordsOfARefusedJob keeps no word of a job that was not made, and none of one that is gone.
func TestWordsOfARefusedJob(t *testing.T) {
	onEach(t, func(b bench) {
		count := func(when string, want int) {
			b.t.Helper()
			var words []string
			b.must(b.Words(ctx, &words, `SELECT word FROM words WHERE tenant = 'ten_a'`))
			if len(words) != want {
				b.t.Errorf("%s: the words are %v, want %d", when, words, want)
			}
		}
		keyed := job.NewJob{IdemKey: "k", IdemHash: "h", Metadata: []byte(`{"customer":"acme"}`)}
		j := b.run(keyed)
		keyed.Metadata = []byte(`{"customer":"other"}`)
		b.accept(keyed)
		count("after a repeated request", 2)
		b.finish(j, job.Finish{To: job.StateSucceeded})
		b.must(b.ShiftClock(ctx, 48*time.Hour))
		b.tx(func(q *store.Queries) error { _, err := q.PruneJobs(ctx, 24*time.Hour); return err })
		count("after the job was removed", 0)
	})
}
