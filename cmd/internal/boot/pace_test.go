package boot

import (
	"context"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"dreamlab/cmd/internal/config"
	"dreamlab/providers"
	"dreamlab/providers/choose"
	"dreamlab/store/redis"
	"dreamlab/store/storetest"
)

// pacedAnswer counts calls and says what is left of the requests.
type pacedAnswer struct {
	calls, left int64
	fault       *providers.Error
}

func (d *pacedAnswer) Chat(ctx context.Context, _ *providers.Request, _ providers.Sink) (*providers.Reply, error) {
	d.calls++
	providers.Heard(ctx, []providers.Allowance{{Unit: providers.Requests, Limit: 3, Left: d.left - d.calls, Reset: time.Hour}})
	if d.fault != nil {
		return nil, d.fault
	}
	return &providers.Reply{Content: "x", Finish: "stop"}, nil
}

func (d *pacedAnswer) Models(context.Context) ([]providers.ModelInfo, error) { return nil, nil }

// entries is a ledger that keeps nothing.
type entries struct{}

func (entries) Reserve(context.Context, providers.Try) (string, error) { return "e", nil }
func (entries) End(context.Context, string, providers.Outcome) error   { return nil }

// process is a router as a process of its own has it, sharing the queue.
func process(t *testing.T, queue *redis.Queue, driver providers.Driver) func(model string) error {
	t.Helper()
	known, err := OpenCatalog(config.Default())
	if err != nil {
		t.Fatal(err)
	}
	chooser, _ := newChooser(known, queue, zerolog.Nop())
	router := providers.NewRouter(providers.RouterOptions{
		Drivers: map[string]providers.Driver{"groq": driver}, Prices: known, Order: chooser.Order,
		Pace: newPace(queue, zerolog.Nop()), Circuits: newCircuits(queue, zerolog.Nop()),
	})
	return func(model string) error {
		_, err := router.Chat(t.Context(), providers.Call{
			Tiers: [][]providers.Target{{{Provider: "groq", Model: model}}}, Ledger: entries{},
			Limits: providers.Limits{Tries: 1},
		})
		return err
	}
}

// TestTwoProcessesKeepOneBudget lets two processes send what is left, and no more.
func TestTwoProcessesKeepOneBudget(t *testing.T) {
	t.Parallel()
	storetest.EachQueue(t, func(t *testing.T, queue *redis.Queue) {
		vendor := &pacedAnswer{left: 3}
		here, there := process(t, queue, vendor), process(t, queue, vendor)
		refused := 0
		for range 4 {
			for _, ask := range []func(string) error{here, there} {
				if err := ask("openai/gpt-oss-20b"); providers.KindOf(err) == providers.KindRateLimit && err != nil {
					refused++
				}
			}
		}
		if vendor.calls != 3 || refused != 5 {
			t.Errorf("%d calls were sent of 3, %d were refused of 5", vendor.calls, refused)
		}
	})
}

// TestTwoProcessesShareANotBefore has one process told to wait: the other does, too.
func TestTwoProcessesShareANotBefore(t *testing.T) {
	t.Parallel()
	storetest.EachQueue(t, func(t *testing.T, queue *redis.Queue) {
		full := &providers.Error{Kind: providers.KindRateLimit, RetryAfter: time.Hour, Charge: providers.ChargeNone}
		mine, other := &pacedAnswer{left: 100, fault: full}, &pacedAnswer{left: 100}
		here, there := process(t, queue, mine), process(t, queue, other)
		if err := here("openai/gpt-oss-20b"); providers.KindOf(err) != providers.KindRateLimit {
			t.Fatalf("got %v", err)
		}
		if err := there("openai/gpt-oss-20b"); err == nil || other.calls != 0 {
			t.Errorf("the other process asked all the same: %d calls, %v", other.calls, err)
		}
		if err := there("openai/gpt-oss-120b"); err != nil {
			t.Errorf("another model waits, too: %v", err)
		}
	})
}

// TestTwoProcessesShareHomes keeps a conversation at its target, whoever works on it, and
// goes by the process's own memory where Redis is away.
func TestTwoProcessesShareHomes(t *testing.T) {
	t.Parallel()
	queue := storetest.EmbeddedQueue(t)
	shared := func() *homes {
		return &homes{shared: redis.NewHomes(queue.Client, choose.HomeAge), own: choose.NewMemory(nil), log: zerolog.Nop()}
	}
	here, there, both := shared(), shared(), []string{"a", "b"}
	if home := here.Home(t.Context(), "talk", both, "b"); home != "b" {
		t.Errorf("at home at %s", home)
	}
	if home := there.Home(t.Context(), "talk", both, "a"); home != "b" {
		t.Errorf("for the other process at %s", home)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if home := there.Home(gone, "talk", both, "a"); home != "b" {
		t.Errorf("without Redis at %s", home)
	}
}
