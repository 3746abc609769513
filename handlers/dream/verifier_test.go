package dream_test

import (
	"testing"

	"dreamlab/handlers/all"
	"dreamlab/handlers/handlertest"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/tasks"
)

// TestAnotherModelVerifies names a model for the second judgement: it gets all of these and nothing else.
func TestAnotherModelVerifies(t *testing.T) {
	t.Parallel()
	const verifier = "openai/gpt-oss-120b"
	b := handlertest.New(t)
	e := b.Start(t, func(d *all.Deps) { d.Dream.Verifier = "together/" + verifier })
	b.Import(t, e, orders(6))
	d, _ := b.Dream(t, e, tasks.DreamInput{}, nil)
	jobs, _, err := b.Store.Jobs(t.Context(), b.Tenant, job.Filter{Parent: d.Job}, db.Page{Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	verified := 0
	for _, j := range jobs {
		for _, entry := range b.Entries(t, j.ID) {
			second := entry.Provider == "together" && entry.Model == verifier
			if second != (entry.Purpose == "verify") {
				t.Errorf("%s %s was asked of %s/%s", entry.Purpose, entry.Step, entry.Provider, entry.Model)
			}
			verified += map[bool]int{true: 1}[second]
		}
	}
	if verified == 0 || d.Counts.Kept == 0 {
		t.Errorf("%d judgements were verified, counts %+v", verified, d.Counts)
	}
}
