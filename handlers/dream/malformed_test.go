package dream_test

import (
	"fmt"
	"strings"
	"testing"

	"dreamlab/handlers/all"
	"dreamlab/handlers/handlertest"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/store/job"
	"dreamlab/tasks"
)

// TestDreamWithoutAReadableVerdictFails says what to do, and leaves what it could not
// judge to another dream.
func TestDreamWithoutAReadableVerdictFails(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	e := b.Start(t, nil)
	b.Import(t, e, orders(3))
	b.Fault(t, lab.Fault{Vendor: "groq", Kind: lab.FaultBadJSON}, 0)
	d, j := b.Dream(t, e, tasks.DreamInput{}, nil)
	if j.State != job.StateFailed || j.Error == nil || !strings.Contains(j.Error.Message, `alias "lead"`) {
		t.Fatalf("job %s %v", j.State, j.Error)
	}
	if d.Counts.Kept != 0 || d.Counts.Rejected["malformed"] != 3 || d.LiveCost == 0 {
		t.Errorf("counts %+v, live cost %d", d.Counts, d.LiveCost)
	}
	if n, err := b.Store.FreshCount(t.Context(), b.Tenant, 100); err != nil || n != 3 {
		t.Errorf("%d experiences wait for another dream, %v", n, err)
	}
	b.SetRoute(t, "lead", "together/openai/gpt-oss-20b")
	if d, j = b.Dream(t, e, tasks.DreamInput{}, nil); j.State != job.StateSucceeded || d.Counts.Kept != 3 {
		t.Errorf("once verdicts can be read: job %s %v, counts %+v", j.State, j.Error, d.Counts)
	}
}

// TestSliceWithoutAReadableVerdictStopsTheOthers pays for the slices that have begun,
// and for no other.
func TestSliceWithoutAReadableVerdictStopsTheOthers(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	e := b.Start(t, func(d *all.Deps) { d.Dream.SliceSize = 1 })
	const n = 40
	b.Import(t, e, orders(n))
	b.Fault(t, lab.Fault{Vendor: "groq", Kind: lab.FaultBadJSON}, 0)
	d, j := b.Dream(t, e, tasks.DreamInput{}, nil)
	malformed, stopped := d.Counts.Rejected["malformed"], d.Counts.Rejected["stopped"]
	if j.State != job.StateFailed || malformed == 0 || stopped == 0 || malformed+stopped != n {
		t.Errorf("job %s %v, counts %+v", j.State, j.Error, d.Counts)
	}
	if told := fmt.Sprintf("verdicts on %d ", malformed); j.Error == nil || !strings.Contains(j.Error.Message, told) {
		t.Errorf("the job says %v", j.Error)
	}
	if fresh, err := b.Store.FreshCount(t.Context(), b.Tenant, 100); err != nil || fresh != n {
		t.Errorf("%d experiences wait for another dream, %v", fresh, err)
	}
}

// TestOneReadableVerdictIsEnough counts what was malformed and goes on.
func TestOneReadableVerdictIsEnough(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	e := b.Start(t, nil)
	b.Import(t, e, orders(3))
	b.Fault(t, lab.Fault{Vendor: "groq", Kind: lab.FaultBadJSON}, 4)
	d, j := b.Dream(t, e, tasks.DreamInput{}, nil)
	if j.State != job.StateSucceeded || d.Counts.Judged == 0 || d.Counts.Rejected["malformed"] == 0 {
		t.Errorf("job %s %v, counts %+v", j.State, j.Error, d.Counts)
	}
}

// TestTooManyMalformedVerdictsStopTheDream says how many could be read, and leaves the others to another dream.
func TestTooManyMalformedVerdictsStopTheDream(t *testing.T) {
	t.Parallel()
	b := handlertest.New(t)
	e := b.Start(t, func(d *all.Deps) { d.Dream.SliceSize = 40 })
	b.Import(t, e, orders(40))
	b.Fault(t, lab.Fault{Vendor: "groq", Kind: lab.FaultBadJSON}, 64)
	d, j := b.Dream(t, e, tasks.DreamInput{}, nil)
	malformed := d.Counts.Rejected["malformed"]
	if j.State != job.StateFailed || malformed < 10 || d.Counts.Judged == 0 {
		t.Errorf("job %s %v, counts %+v", j.State, j.Error, d.Counts)
	}
	told := fmt.Sprintf("verdicts on %d experiences could not be read, and those on %d could", malformed, d.Counts.Judged)
	if j.Error == nil || !strings.Contains(j.Error.Message, told) {
		t.Errorf("the job says %v", j.Error)
	}
	if fresh, err := b.Store.FreshCount(t.Context(), b.Tenant, 100); err != nil || fresh < malformed {
		t.Errorf("%d experiences wait for another dream, %v", fresh, err)
	}
}
