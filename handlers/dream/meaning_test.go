package dream_test

import (
	"encoding/json"
	"strings"
	"testing"

	"dreamlab/handlers/all"
	"dreamlab/handlers/handlertest"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/tasks"
)

const embedder = "together/intfloat/multilingual-e5-large-instruct"

// consolidated merges a lesson into a memory that holds another one, and returns the memory and by what they
// were told apart.
func consolidated(t *testing.T, b *handlertest.Bench, model string, budget *int64, old, fresh string) (learn.Memory, string, job.Job) {
	t.Helper()
	e := b.Engine(t)
	deps := b.Deps(e)
	deps.Dream.Embedder = model
	list, err := all.Handlers(deps)
	if err != nil {
		t.Fatal(err)
	}
	earlier := learn.MemoryID(db.NewID("drm_"))
	d := learn.Dream{ID: db.NewID("drm_"), Tenant: b.Tenant, Job: db.NewID("job_"), Mode: "live", Stage: "consolidate", Budget: budget}
	experience := learn.Experience{
		ID: db.NewID("exp_"), Tenant: b.Tenant, Alias: learn.DefaultAlias, Origin: learn.OriginImport,
		Prompt: []byte(`[{"role":"user","content":"Where is it?"}]`), Answer: []byte(`{"role":"assistant","content":"There."}`),
	}
	experience.Seal()
	if err := b.Store.AddExperience(t.Context(), experience); err != nil {
		t.Fatal(err)
	}
	err = b.Store.Tx(t.Context(), db.Synced, func(q *store.Queries) error {
		first := learn.Memory{ID: earlier, Tenant: b.Tenant, Dream: "drm_before", Object: "memories/before.md", Lessons: []learn.Lesson{
			{Text: old, Weight: 1000, Reflections: []string{"rfl_old"}, Sources: []string{experience.ID}},
		}}
		if err := q.AddMemory(t.Context(), first); err != nil {
			return err
		}
		return q.AddReflection(t.Context(), learn.Reflection{
			ID: db.NewID("rfl_"), Tenant: b.Tenant, Dream: d.ID, Lesson: fresh, Sources: []string{experience.ID}, Score: 900,
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Store.AddDream(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	b.Claim(t, job.NewJob{ID: d.Job, Kind: string(tasks.DreamPlan), Subject: d.ID}, tasks.DreamInput{})
	run := b.Claim(t, job.NewJob{ID: db.NewID("job_"), Parent: d.Job, Kind: string(tasks.DreamConsolidate), Subject: d.ID}, tasks.DreamPart{Dream: d.ID})
	end, err := list[tasks.DreamConsolidate](t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	ended := b.Finish(t, run, end)
	var result struct{ Merged string }
	if err := json.Unmarshal(ended.Result, &result); err != nil {
		t.Fatal(err)
	}
	memory, err := b.Store.Memory(t.Context(), b.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	if memory.Dream != d.ID {
		t.Fatalf("the memory %s is not of the dream", memory.ID)
	}
	return memory, result.Merged, ended
}

// Two lessons that are one by their vectors, which count how often a word is said, and two by their words.
var (
	said      = strings.Repeat("order number, ", 8) + "please ask first"
	saidAgain = strings.Repeat("order number, ", 8) + "kindly say always"
)

const unrelated = "Never promise a date of delivery."

// TestLessonsAreMergedByTheirVectors pays for the vectors out of the dream's books, once.
func TestLessonsAreMergedByTheirVectors(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	memory, how, ended := consolidated(t, b, embedder, nil, said, saidAgain)
	if len(memory.Lessons) != 1 || how != "by the vectors of "+embedder {
		t.Errorf("merged %s: %+v", how, memory.Lessons)
	}
	entries := b.Entries(t, ended.ID)
	if len(entries) != 1 || entries[0].Purpose != "reflect" || entries[0].Model != strings.TrimPrefix(embedder, "together/") {
		t.Errorf("booked %+v", entries)
	}
	other := handlertest.New(t)
	if memory, how, _ := consolidated(t, other, embedder, nil, said, unrelated); len(memory.Lessons) != 2 {
		t.Errorf("merged %s: %+v", how, memory.Lessons)
	}
}

// TestWordsDecideWithoutVectors merges a memory all the same where the vendor fails, money is short or no model is set.
func TestWordsDecideWithoutVectors(t *testing.T) {
	t.Parallel()
	nothing := int64(0)
	for name, test := range map[string]struct {
		model  string
		budget *int64
		fault  *lab.Fault
	}{
		"no model":            {model: ""},
		"an unknown model":    {model: "nobody/nothing"},
		"no embeddings there": {model: "groq/openai/gpt-oss-120b"},
		"no money":            {model: embedder, budget: &nothing},
		"the vendor fails":    {model: embedder, fault: &lab.Fault{Vendor: "together", Route: "embeddings", Kind: lab.FaultStatus, Status: 500}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := handlertest.New(t)
			if test.fault != nil {
				b.Fault(t, *test.fault, 0)
			}
			memory, how, ended := consolidated(t, b, test.model, test.budget, said, said+" now")
			if ended.State != job.StateSucceeded || !strings.HasPrefix(how, "by words: ") || len(memory.Lessons) != 1 {
				t.Errorf("%s, merged %s: %+v", ended.State, how, memory.Lessons)
			}
		})
	}
}
