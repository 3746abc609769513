package schedule

import (
	"strings"
	"testing"
	"time"
)

func TestDecide(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	night := time.Date(2026, 5, 4, 3, 0, 0, 0, time.UTC)
	ago := func(d time.Duration, kept int, cost int64) outcome { return outcome{noon.Add(-d), kept, cost} }
	barren := []outcome{ago(time.Hour, 0, 5), ago(2*time.Hour, 0, 5), ago(3*time.Hour, 0, 5)}
	dearer := []outcome{ago(time.Hour, 1, 90), ago(2*time.Hour, 1, 60), ago(3*time.Hour, 1, 30)}
	steady := []outcome{ago(time.Hour, 1, 30), ago(2*time.Hour, 1, 30), ago(3*time.Hour, 1, 30)}
	tests := []struct {
		name   string
		change func(*facts)
		start  bool
		reason string
	}{
		{"idle", func(*facts) {}, true, "idle"},
		{"off-peak though busy", func(f *facts) { f.Now, f.Load.Chats = night, 9 }, true, "off-peak"},
		{"busy", func(f *facts) { f.Load.Chats = 9 }, false, "busy"},
		{"slow", func(f *facts) { f.Load.Wait = time.Second }, false, "busy"},
		{"running", func(f *facts) { f.Running = true }, false, "running"},
		{"few", func(f *facts) { f.Fresh = 99 }, false, "too few experiences: 99 of 100"},
		{"no money", func(f *facts) { f.Capped = true }, false, "budget"},
		{"money", func(f *facts) { f.Capped, f.Left = true, 1 }, true, "idle"},
		{"starts", func(f *facts) { f.Starts = 24 }, false, "breaker: 24"},
		{"no yield", func(f *facts) { f.Recent = barren }, false, "breaker: the last dreams kept nothing"},
		{"two are no series", func(f *facts) { f.Recent = barren[:2] }, true, "idle"},
		{"cooled down", func(f *facts) { f.Recent, f.Now = barren, noon.Add(23*time.Hour) }, true, "idle"},
		{"rising cost", func(f *facts) { f.Recent = dearer }, false, "breaker: each kept example costs more"},
		{"steady cost", func(f *facts) { f.Recent = steady }, true, "idle"},
	}
	for _, test := range tests {
		f := facts{Now: noon, Fresh: 100}
		test.change(&f)
		start, reason := decide(f, Settings{}.filled())
		if start != test.start || !strings.HasPrefix(reason, test.reason) {
			t.Errorf("%s: got %v, %q", test.name, start, reason)
		}
	}
}

func TestOffPeak(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	overnight := Settings{From: 22 * time.Hour, To: 5 * time.Hour, Zone: berlin}
	tests := []struct {
		at   string
		want bool
	}{
		{"2026-07-01T20:30:00Z", true}, // 22:30 in summer
		{"2026-07-01T19:30:00Z", false},
		{"2026-01-01T21:30:00Z", true}, // 22:30 in winter
		{"2026-01-01T20:30:00Z", false},
		{"2026-01-01T03:59:00Z", true},
		{"2026-01-01T04:00:00Z", false},
	}
	for _, test := range tests {
		at, err := time.Parse(time.RFC3339, test.at)
		if err != nil {
			t.Fatal(err)
		}
		if wait := overnight.Until(at); (wait == 0) != test.want || wait < 0 || !overnight.offPeak(at.Add(wait)) {
			t.Errorf("from %s it is %v to the window", at, wait)
		}
		if got := overnight.offPeak(at); got != test.want {
			t.Errorf("%s: got %v", test.at, got)
		}
	}
}
