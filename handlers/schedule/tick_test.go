package schedule_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dreamlab/handlers/all"
	"dreamlab/handlers/handlertest"
	"dreamlab/handlers/schedule"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/tasks"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTickStartsOneDream(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	e := b.Start(t, nil)
	var lines bytes.Buffer
	for i := range 3 {
		fmt.Fprintf(&lines, `{"messages":[{"role":"user","content":"q%d"},{"role":"assistant","content":"a%d"}]}`+"\n", i, i)
	}
	b.Import(t, e, lines.Bytes())
	deps := b.Deps(e)
	deps.Schedule = schedule.Settings{Threshold: 3}
	list, err := all.Handlers(deps)
	if err != nil {
		t.Fatal(err)
	}
	in := tasks.TickInput{Schedule: "dreams", Tick: time.Now().UTC()}
	first := tick(t, b, list, in)
	if !first.Started || first.Dream == "" {
		t.Fatalf("got %+v", first)
	}
	dream, err := b.Store.Dream(t.Context(), b.Tenant, first.Dream)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Wait(t.Context(), b.Tenant, dream.Job, 20*time.Second); err != nil {
		t.Fatal(err)
	}
	if again := tick(t, b, list, in); again.Started {
		t.Errorf("the tick started another: %+v", again)
	}
	dreams, _, err := b.Store.Dreams(t.Context(), b.Tenant, db.Filter{}, db.Page{})
	if err != nil || len(dreams) != 1 {
		t.Errorf("%d dreams, %v", len(dreams), err)
	}
}

type decision struct {
	Tenant, Reason, Dream string
	Started               bool
}

// tick runs the handler and returns what it decided on the only tenant.
func tick(t *testing.T, b *handlertest.Bench, list map[tasks.Kind]tasks.Handler, in tasks.TickInput) decision {
	t.Helper()
	input, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	run := &tasks.Run{Store: b.Store, Job: job.Job{ID: "job_tick", Input: input}}
	end, err := list[tasks.ScheduleTick](t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	var result struct{ Decisions []decision }
	if err := json.Unmarshal(end.Result, &result); err != nil || len(result.Decisions) != 1 {
		t.Fatalf("got %s, %v", end.Result, err)
	}
	return result.Decisions[0]
}
