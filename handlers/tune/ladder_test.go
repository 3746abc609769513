package tune

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"dreamlab/handlers"
	"dreamlab/handlers/tune/hosting"
	"dreamlab/providers"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/store/book"
	"dreamlab/store/learn"
	"dreamlab/tasks"
)

// ladderBench is a bench whose alias was promoted to a tuned model.
type ladderBench struct {
	*bench
	model    string
	recalled int
}

func newLadderBench(t *testing.T) *ladderBench {
	t.Helper()
	b := newBench(t, Settings{MinExamples: 20})
	b.teach(48, 40)
	tune := b.tune(tasks.TuneInput{})
	b.run(nil)
	if _, decision := b.decided(tune.ID); !decision.Promoted {
		t.Fatal(decision)
	}
	return &ladderBench{bench: b, model: b.training(tune.ID).Model}
}

// noBooks are the books of calls that are made for a test alone.
type noBooks struct{}

func (noBooks) Reserve(context.Context, providers.Try) (string, error) { return "entry", nil }
func (noBooks) End(context.Context, string, providers.Outcome) error   { return nil }

// chat asks the alias as a chat does.
func (l *ladderBench) chat() *providers.Answer {
	l.Helper()
	tiers, err := l.deps.Caller.Resolve(l.ctx, l.store.Queries, l.tenant, learn.DefaultAlias, "talk")
	l.must(err)
	answer, err := l.deps.Vendors.(*providers.Router).Chat(l.ctx, providers.Call{
		Request: providers.Request{Messages: []providers.Message{providers.TextMessage("user", "Where is my parcel?")}},
		Tiers:   tiers, Ledger: noBooks{}, Conversation: "talk", Tenant: l.tenant,
		Recall: func(_ context.Context, r providers.Request) (providers.Request, error) {
			l.recalled++
			return r, nil
		},
	})
	l.must(err)
	return answer
}

// wantRung checks who answers, and why those before did not.
func (l *ladderBench) wantRung(what string, at int, passed string) {
	l.Helper()
	answer, models := l.chat(), []string{l.model, baseModel, leadModel}
	if len(answer.Ladder) != len(models) || answer.Target.String() != models[at] {
		l.Fatalf("%s: %s answers, the ladder is %+v", what, answer.Target, answer.Ladder)
	}
	for i, rung := range answer.Ladder {
		want := ""
		if i < at {
			want = passed
		}
		if rung.Target.String() != models[i] || rung.Answered != (i == at) || rung.Passed != want {
			l.Errorf("%s: rung %d is %+v, want passed %q", what, i, rung, want)
		}
		if (rung.Nano > 0) != (i > 0) {
			l.Errorf("%s: the answer would cost %d at %s", what, rung.Nano, rung.Target)
		}
	}
}

func (l *ladderBench) state() string {
	l.Helper()
	m, err := l.store.Model(l.ctx, l.tenant, l.model)
	l.must(err)
	return m.State
}

// advance lets time pass everywhere, and has the reaper look every few minutes.
func (l *ladderBench) advance(d time.Duration) {
	l.Helper()
	for end := l.ahead + d; l.ahead < end; {
		l.ahead += 4 * time.Minute
		l.lab.Advance(4 * time.Minute)
		l.must(l.store.ShiftClock(l.ctx, l.ahead))
		_, err := Reap(l.ctx, l.store, l.deps)
		l.must(err)
	}
}

// hours are the lines of hosting in the books.
func (l *ladderBench) hours() (n int) {
	l.Helper()
	m, err := l.store.Model(l.ctx, l.tenant, l.model)
	l.must(err)
	sums, err := l.store.Spending(l.ctx, l.tenant, "purpose", time.Unix(0, 0), time.Now().Add(10_000*time.Hour))
	l.must(err)
	for _, sum := range sums {
		if sum.Group == hosting.Purpose {
			n = int(sum.Settled / m.NanoPerHour)
		}
	}
	return n
}

// openFor are hours of hosting that are open now, and for a while.
func (l *ladderBench) openFor(d time.Duration) hosting.Hours {
	now, err := l.store.Now(l.ctx)
	l.must(err)
	clock := now.UTC().Sub(now.UTC().Truncate(24 * time.Hour))
	return hosting.Hours{From: (clock + 22*time.Hour) % (24 * time.Hour), To: (clock + d) % (24 * time.Hour), Zone: time.UTC}
}

// Outside the hours of hosting the base answers, and no hour is booked; the deployment is started ahead
// of the next hours, and the tuned model answers in them.
func TestTheLadderAnswersOutsideTheHoursOfHosting(t *testing.T) {
	t.Parallel()
	l := newLadderBench(t)
	l.wantRung("in service", 0, "")
	l.deps.Settings.Hours = l.openFor(time.Hour)
	l.advance(30 * time.Minute)
	l.wantRung("in its hours", 0, "")
	l.advance(time.Hour)
	if got := l.state(); got != learn.ModelAsleep {
		t.Fatalf("behind its hours the model is %s", got)
	}
	booked := l.hours()
	l.wantRung("asleep", 1, learn.ModelAsleep)
	if l.recalled != 1 {
		t.Errorf("the memory was recalled %d times", l.recalled)
	}
	l.advance(19 * time.Hour)
	if got := l.hours(); got != booked || l.state() != learn.ModelAsleep {
		t.Fatalf("asleep it is %s, with %d hours booked, and was with %d", l.state(), got, booked)
	}
	l.advance(time.Hour + 22*time.Minute) // some minutes before they begin
	if got := l.state(); got != learn.ModelStarting {
		t.Fatalf("ahead of its hours it is %s", got)
	}
	l.wantRung("being started", 1, learn.ModelStarting)
	l.advance(30 * time.Minute)
	l.wantRung("awake again", 0, "")
	if got := l.hours(); got != booked+1 {
		t.Errorf("%d hours are booked, want one more than %d", got, booked)
	}
}

// While a tuned model's endpoint is down the base answers at once, and the model itself when it is back.
func TestTheLadderAnswersWhileAnEndpointIsDown(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status int
		passed string
	}{"down": {http.StatusInternalServerError, "server"}, "cold": {http.StatusServiceUnavailable, "cold"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLadderBench(t)
			_, model, _ := strings.Cut(l.model, "/")
			l.fault(lab.Fault{Kind: lab.FaultStatus, Status: tc.status, Model: model})
			l.wantRung(name, 1, tc.passed)
			l.lab.ClearFaults()
			l.ahead += time.Minute
			l.wantRung("back", 0, "")
		})
	}
}

// A deployment that its vendor has ended is started again.
func TestAnEndedDeploymentIsStartedAgain(t *testing.T) {
	t.Parallel()
	l := newLadderBench(t)
	m, err := l.store.Model(l.ctx, l.tenant, l.model)
	l.must(err)
	host, err := l.deps.Vendors.Host(m.Provider)
	l.must(err)
	_, err = host.Stop(l.ctx, m.Handle)
	l.must(err)
	l.advance(4 * time.Minute)
	l.wantRung("ended", 1, l.state())
	l.advance(time.Hour)
	l.wantRung("back", 0, "")
}

// Where the budget of hosting has no further hour the deployment is stopped; it comes back with the
// next month.
func TestTheLadderAnswersOverTheBudgetOfHosting(t *testing.T) {
	t.Parallel()
	l := newLadderBench(t)
	m, err := l.store.Model(l.ctx, l.tenant, l.model)
	l.must(err)
	l.deps.Caller = handlers.NewCaller(handlers.CallerOptions{
		Router: l.deps.Vendors.(*providers.Router), Prices: l.deps.Prices, Now: l.deps.Now,
		Budgets: []book.Budget{{Purpose: hosting.Purpose, Monthly: true, Hard: true, Nano: 3*m.NanoPerHour + 1}},
	})
	l.advance(4 * time.Hour)
	if got := l.state(); got != learn.ModelCapped || l.hours() != 3 {
		t.Fatalf("the model is %s, with %d hours booked", got, l.hours())
	}
	l.wantRung("over budget", 1, learn.ModelCapped)
	now, err := l.store.Now(l.ctx)
	l.must(err)
	next := time.Date(now.Year(), now.Month()+1, 1, 1, 0, 0, 0, time.UTC)
	l.ahead += next.Sub(now)
	l.lab.Advance(next.Sub(now))
	l.advance(time.Hour)
	l.wantRung("in the next month", 0, "")
}
