package dream_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dreamlab/handlers"
	"dreamlab/handlers/all"
	"dreamlab/handlers/handlertest"
	"dreamlab/providers"
	"dreamlab/providers/pace"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/tasks"
)

// paced has the bench's calls go by what its vendors say is left of their limits, on a clock that is driven.
func paced(t *testing.T, b *handlertest.Bench) (forward func(time.Duration)) {
	t.Helper()
	var ahead atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	drivers := map[string]providers.Driver{}
	for _, name := range b.Router.Names() {
		driver, err := b.Router.Driver(name)
		if err != nil {
			t.Fatal(err)
		}
		drivers[name] = driver
	}
	b.Router = providers.NewRouter(providers.RouterOptions{Drivers: drivers, Prices: b.Prices, Pace: pace.New(nil, now), Now: now})
	return func(by time.Duration) {
		t.Helper()
		if err := b.Store.ShiftClock(t.Context(), time.Duration(ahead.Add(int64(by)))); err != nil {
			t.Fatal(err)
		}
	}
}

// chatWith has a client's chat ask a model, in whose answer the vendor says that others have used up so much of its
// limit of tokens.
func chatWith(t *testing.T, b *handlertest.Bench, lane tasks.Kind, model string, usedUp float64) {
	t.Helper()
	vendor, _, _ := strings.Cut(model, "/")
	b.Fault(t, lab.Fault{Vendor: vendor, Kind: lab.FaultUsedUp, Share: usedUp}, 1)
	run := b.Claim(t, job.NewJob{ID: db.NewID("job_"), Kind: string(lane)}, map[string]any{})
	caller := b.Caller()
	tiers, err := caller.Resolve(t.Context(), b.Store.Queries, b.Tenant, model, "")
	if err != nil {
		t.Fatal(err)
	}
	request := providers.Request{Messages: []providers.Message{providers.TextMessage("user", "Hello?")}}
	if _, err := caller.Ask(t.Context(), run, handlers.Step{Name: "chat", Purpose: "chat", Request: request, Tiers: tiers}); err != nil {
		t.Fatal(err)
	}
	b.Finish(t, run, &tasks.End{})
}

// TestDreamsLeaveVendorsRoomToChats hands a dream's slice back where a chat has asked the lead of late and little is
// left of what its vendor allows, asks it nothing until the vendor has said that there is room again, and goes on
// then. Where no chat asks that model, or enough is left, it waits for nothing.
func TestDreamsLeaveVendorsRoomToChats(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		by     tasks.Kind
		model  string
		usedUp float64
		waits  bool
	}{
		"little is left":         {tasks.ChatRun, handlertest.Lead, 0.9, true},
		"enough is left":         {tasks.ChatRun, handlertest.Lead, 0.5, false},
		"of another model":       {tasks.ChatRun, "groq/openai/gpt-oss-20b", 0.9, false},
		"and nobody waits there": {tasks.DreamSlice, handlertest.Lead, 0.9, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := handlertest.New(t)
			forward := paced(t, b)
			e, ends := b.Engine(t), make(chan *tasks.End, 16)
			list, err := all.Handlers(b.Deps(e))
			if err != nil {
				t.Fatal(err)
			}
			slice := list[tasks.DreamSlice]
			list[tasks.DreamSlice] = func(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
				end, err := slice(ctx, run)
				if err == nil {
					then := end.Then
					end.Then = func(ctx context.Context) error { // it is stored
						ends <- end
						if then == nil {
							return nil
						}
						return then(ctx)
					}
				}
				return end, err
			}
			b.Serve(t, e, list)
			b.Import(t, e, orders(4))
			chatWith(t, b, test.by, test.model, test.usedUp)
			asked := calls(b, handlertest.Lead)
			begun := b.Begin(t, e, tasks.DreamInput{}, nil)
			end := <-ends
			if waits := end.State == job.StateQueued; waits != test.waits {
				t.Fatalf("the slice is handed back: %v, after %v", waits, end.After)
			}
			if test.waits {
				if more := calls(b, handlertest.Lead) - asked; more != 0 || end.After < time.Second || end.After > time.Minute {
					t.Errorf("%d calls of the lead, to go on after %v", more, end.After)
				}
				forward(end.After)
			}
			ended, err := e.Wait(t.Context(), b.Tenant, begun.ID, 5*time.Minute)
			if err != nil || ended.State != job.StateSucceeded || calls(b, handlertest.Lead) == asked {
				t.Errorf("the dream is %s: %v, %v", ended.State, ended.Error, err)
			}
		})
	}
}

// calls counts those that a model has answered.
func calls(b *handlertest.Bench, model string) (n int64) {
	for _, p := range b.Lab.Payments() {
		if p.Vendor+"/"+p.Model == model {
			n += p.Calls
		}
	}
	return n
}
