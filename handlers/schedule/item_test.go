package schedule_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"dreamlab/handlers/handlertest"
	"dreamlab/handlers/schedule"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
)

// uneven is a bench with two tenants: the facts of the first can not be read, and
// for the second a dream is due.
func uneven(t *testing.T) (b *handlertest.Bench, deps schedule.Deps, run *tasks.Run, bad string) {
	t.Helper()
	b = handlertest.New(t)
	e := b.Start(t, nil)
	bad = b.Tenant
	good, err := b.Store.EnsureTenant(t.Context(), "later")
	if err != nil {
		t.Fatal(err)
	}
	b.Tenant = good.ID
	b.Import(t, e, []byte(`{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}]}`+"\n"))
	input, err := json.Marshal(tasks.TickInput{Schedule: "dreams", Tick: time.Now().UTC()})
	if err != nil {
		t.Fatal(err)
	}
	run = &tasks.Run{Job: job.Job{ID: "job_tick", Input: input}}
	run.Store = storetest.Faulty(b.Store, &storetest.Fault{Before: func(query string, args []any) error {
		if strings.Contains(query, "experiences") && slices.Contains(args, any(bad)) {
			return errors.New("broken row")
		}
		return nil
	}})
	return b, schedule.Deps{
		Caller: b.Caller(), Accept: e.Accept, Settings: schedule.Settings{Threshold: 1},
		Load: func(context.Context) (schedule.Load, error) { return schedule.Load{}, nil },
	}, run, bad
}

// TestTickServesTheOthers has one tenant whose facts can not be read: the next
// one's dream is started, and the error names the first.
func TestTickServesTheOthers(t *testing.T) {
	t.Parallel()
	b, deps, run, bad := uneven(t)
	if _, err := schedule.Tick(deps)(t.Context(), run); err == nil || !strings.Contains(err.Error(), bad) {
		t.Errorf("tick: %v", err)
	}
	if dreams, _, err := b.Store.Dreams(t.Context(), b.Tenant, db.Filter{}, db.Page{}); err != nil || len(dreams) != 1 {
		t.Errorf("%d dreams of the other tenant, %v", len(dreams), err)
	}
}
