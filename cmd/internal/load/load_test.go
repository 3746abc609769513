package load

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dreamlab/cmd/internal/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestLoads runs a small part of every load on embedded parts.
func TestLoads(t *testing.T) {
	t.Parallel()
	for _, l := range Loads() {
		told := 0
		figures, err := Run(t.Context(), config.Default(), Options{
			Only: l.Name, Part: 0.01, Tell: func([]Figure) error { told++; return nil },
		})
		if err != nil {
			t.Fatalf("%s: %v", l.Name, err)
		}
		if len(figures) == 0 || told != 1 {
			t.Errorf("%s: %d figures, told %d times", l.Name, len(figures), told)
		}
		for _, f := range figures {
			lossless := f.Name == "answers without a row" || f.Name == "broken"
			if f.Load != l.Name || f.Unit == "" && f.Name != "Redis connections" || lossless && f.Value != 0 {
				t.Errorf("%s: %+v", l.Name, f)
			}
		}
	}
}

func TestUnknownLoad(t *testing.T) {
	t.Parallel()
	_, err := Run(t.Context(), config.Default(), Options{Only: "nothing"})
	if err == nil || !strings.Contains(err.Error(), "use one of [durable") {
		t.Errorf("error %v", err)
	}
}

func TestWrite(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	err := Write(&out, []Figure{
		atLeast("a", "fast", 1234.5, "jobs/s", 2000), atMost("b", "slow", 1.25, "ms", 2), plain("c", "seen", 3, "jobs"),
	})
	want := []string{"1234 jobs/s", "≥ 2000", "MISSED", "1.25 ms", "< 2", "3 jobs"}
	for _, part := range want {
		if !strings.Contains(out.String(), part) {
			t.Errorf("%q is missing (%v):\n%s", part, err, out.String())
		}
	}
	if strings.Count(out.String(), "MISSED") != 1 {
		t.Errorf("one target is missed:\n%s", out.String())
	}
}

func TestQuantile(t *testing.T) {
	t.Parallel()
	times := []time.Duration{4, 1, 3, 2}
	for share, want := range map[float64]time.Duration{0: 1, 0.5: 3, 0.99: 4, 1: 4} {
		if got := quantile(times, share); got != want {
			t.Errorf("%v: %d instead of %d", share, got, want)
		}
	}
	if quantile(nil, 0.5) != 0 {
		t.Error("nothing has no quantile")
	}
}

// TestFaultsAreTold holds that a load does not count what went wrong.
func TestFaultsAreTold(t *testing.T) {
	t.Parallel()
	url, stop := Vendor()
	_, err := Chats(t.Context(), url+"/chat/completions", nil, 10, 2)
	if err != nil {
		t.Error(err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if _, err := Chats(t.Context(), url, http.Header{}, 4, 2); err == nil || !strings.Contains(err.Error(), "4 of 4") {
		t.Errorf("error %v", err)
	}
	c := newCounter(1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
