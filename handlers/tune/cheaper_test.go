package tune

import (
	"strings"
	"testing"

	"dreamlab/store"
	"dreamlab/store/book"
	"dreamlab/tasks"
)

// A candidate that costs less than what serves only must not be worse, where the alias has a margin for it: the plan and
// the evaluation say so. Tuned models are served by the hour, so that it takes traffic for one to be cheaper.
func TestCheaperCandidates(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		margin, tokens int64
		says           string
		cheaper        bool
	}{
		"no margin":      {0, 1_000_000_000, "", false},
		"no traffic":     {500, 0, "which is no less: it has to be better", false},
		"much traffic":   {500, 1_000_000_000, "may be 5.00 points below one half", true},
		"little traffic": {500, 1_000_000, "which is no less: it has to be better", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, Settings{MinExamples: 20, HostingHours: 1, Cheaper: map[string]int64{"assistant": c.margin}})
			b.teach(48, 40)
			b.tx(func(q *store.Queries) error {
				return q.AddEntry(b.ctx, book.Entry{
					Tenant: b.tenant, Step: "chat", Number: 1, Purpose: "chat", Provider: "together", Model: "openai/gpt-oss-20b",
					State: book.EntrySettled,
				})
			})
			_, err := b.store.Driver().Exec(b.ctx, "UPDATE entries SET input = $1 WHERE step = 'chat'", c.tokens)
			b.must(err)
			id := b.tune(tasks.TuneInput{DryRun: true}).ID
			b.run(nil)
			planned, decision := b.decided(id)
			if !strings.Contains(decision.Reason, c.says) || (c.says == "") != (planned.Exam.Cheaper == nil) {
				t.Errorf("the plan is %+v: %s", planned.Exam.Cheaper, decision.Reason)
			}
			id = b.tune(tasks.TuneInput{}).ID
			b.run(nil)
			tune, _ := b.decided(id)
			if got := b.report(tune).Cheaper; got != c.margin && c.cheaper || got != 0 && !c.cheaper {
				t.Errorf("the evaluation's margin for cheaper models is %d", got)
			}
		})
	}
}
