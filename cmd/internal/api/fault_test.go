package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"dreamlab/providers/sandbox/lab"
)

// fault is what goes wrong at the first of two vendors, and what is to come of it.
type fault struct {
	name    string
	script  lab.Fault
	times   int    // how often it is played; 0 for ever
	safe    bool   // a stream that was shown in part ends with an error, and is not whole
	refused string // the code with which every form of answer is refused
	first   int    // how often the first vendor is asked
	second  int    // how often the second one is, where the answer is not shown in part
}

const (
	tooLong  = `{"error":{"message":"maximum context length is 10 tokens","code":"context_length_exceeded"}}`
	filtered = `{"error":{"message":"the content was filtered","code":"content_filter"}}`
)

// vendorFaults are those of a public comparison of gateways, but for two that are tests of
// their own: an outage of a minute, and a second vendor that takes no prefill.
func vendorFaults() []fault {
	status := func(code int, body string) lab.Fault {
		return lab.Fault{Kind: lab.FaultStatus, Status: code, Body: json.RawMessage(body)}
	}
	limit := func(after int) lab.Fault { return lab.Fault{Kind: lab.FaultRateLimit, RetryAfter: after} }
	return []fault{
		{name: "429 for two seconds, once", script: limit(2), times: 1, first: 2},
		{name: "429 for ever", script: limit(30), first: 1, second: 1},
		{name: "500 once", script: status(500, `{}`), times: 1, first: 2},
		{name: "503 for ever", script: status(503, `{}`), first: 2, second: 1},
		{name: "reset", script: lab.Fault{Kind: lab.FaultDrop}, times: 1, first: 2},
		{name: "silent", script: lab.Fault{Kind: lab.FaultHang}, first: 1, second: 1},
		{name: "late first token", script: lab.Fault{Kind: lab.FaultDelay, MS: 60_000}, first: 1, second: 1},
		{name: "cut", script: lab.Fault{Kind: lab.FaultTruncate, Chunks: 2}, safe: true, first: 1, second: 1},
		{name: "stalled", script: lab.Fault{Kind: lab.FaultStall, Chunks: 2}, safe: true, first: 1, second: 1},
		{name: "malformed chunk", script: lab.Fault{Kind: lab.FaultBadChunk, Chunks: 2}, first: 1},
		{name: "no mark of the end", script: lab.Fault{Kind: lab.FaultNoMark}, first: 1},
		{name: "too long", script: status(400, tooLong), first: 1, second: 1},
		{name: "filtered", script: status(400, filtered), refused: "content_filter", first: 1},
		{name: "cut, and no prefill", script: lab.Fault{Kind: lab.FaultTruncate, Chunks: 2}, safe: true, first: 1, second: 1},
		{name: "accounting", script: status(503, `{}`), first: 2, second: 1},
	}
}

// mode is a form of answer with what is to become of a broken stream.
type mode struct {
	streamed bool
	recovery string
}

func (m mode) String() string {
	form := "whole"
	if m.streamed {
		form = "streamed"
	}
	return form + " " + m.recovery
}

func modes() []mode {
	return []mode{{false, "error"}, {false, "hold"}, {true, "error"}, {true, "hold"}}
}

// TestSixteenFaults plays every fault against the API, the worker and the router, and
// looks at what the client gets and at how often the vendors are asked. No answer that
// was cut looks whole, no call hangs, and no vendor is asked again and again.
func TestSixteenFaults(t *testing.T) {
	t.Parallel()
	for _, m := range modes() {
		t.Run(m.String(), func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			routeTo(t, r, "first/small", "second/large")
			passed := 0
			for _, f := range vendorFaults() {
				t.Run(f.name, func(t *testing.T) {
					if f.play(t, r, m) {
						passed++
					}
				})
			}
			t.Run("outage of a minute", func(t *testing.T) {
				outage(t, r, m)
				passed++
			})
			want := 16
			if m.streamed && m.recovery == "error" {
				want = 13
			}
			if passed != want {
				t.Errorf("%d faults pass, want %d", passed, want)
			}
		})
	}
}

// play tells whether the client got what it asked for, where it is not a fault of the test.
func (f *fault) play(t *testing.T, r *rig, m mode) (passed bool) {
	p := newPair(t, r, "")
	whole := p.ask(t, false, "error")
	f.script.Vendor, f.script.Method = "*", http.MethodPost
	if f.times > 0 {
		f.script.Times = &f.times
	}
	must(t, p.first.AddFault(f.script))
	p.first.asked.Store(0)
	got := p.ask(t, m.streamed, m.recovery)
	broken := f.safe && m.streamed && m.recovery == "error"
	second := f.second
	if broken {
		second = 0
	}
	if a, b := int(p.first.asked.Load()), int(p.second.asked.Load()); a != f.first || b != second {
		t.Errorf("the vendors were asked %d and %d times, want %d and %d", a, b, f.first, second)
	}
	if p.prefilled.Load() {
		t.Error("a vendor was asked to go on from another's answer")
	}
	switch {
	case f.refused != "":
		if got.code != f.refused || got.ended {
			t.Errorf("told %q, want %q: %s", got.code, f.refused, got.body)
		}
		return true
	case broken:
		if got.code != "stream_interrupted" || got.ended || got.text == "" || !strings.HasPrefix(whole.text, got.text) {
			t.Errorf("a cut answer ends with %q, whole %v: %s", got.code, got.ended, got.body)
		}
		return false
	}
	f.accounts(t, got, whole.text)
	return true
}

// accounts holds an answer to who gave it, after how many calls.
func (f *fault) accounts(t *testing.T, got outcome, small string) {
	t.Helper()
	model, vendor := "first/small", "first"
	if f.second > 0 {
		model, vendor = "second/large", "second"
	}
	if !got.ended || got.code != "" || got.model != model || got.vendor != vendor || got.calls != float64(f.first+f.second) {
		t.Errorf("answered by %s after %v calls, whole %v, %q, want %s after %d: %s",
			got.model, got.calls, got.ended, got.code, model, f.first+f.second, got.body)
	}
	if got.text == "" || f.second == 0 && got.text != small {
		t.Errorf("the answer is %q, want %q", got.text, small)
	}
	wantHeaders(t, got.header, map[string]string{
		"X-Dreamlab-Provider": vendor, "X-Dreamlab-Model": strings.TrimPrefix(model, vendor+"/"),
		"X-Dreamlab-Calls": fmt.Sprint(f.first + f.second),
	})
}

// outage has the first vendor be away for a minute, with a chat every four seconds.
func outage(t *testing.T, r *rig, m mode) {
	p := newPair(t, r, "")
	must(t, p.first.AddFault(lab.Fault{Vendor: "*", Kind: lab.FaultStatus, Status: 503, Body: json.RawMessage(`{}`)}))
	start := p.slept.Load()
	elapsed := func() time.Duration { return time.Duration(p.slept.Load() - start) }
	var back time.Duration
	for range 20 {
		if elapsed() >= time.Minute {
			p.first.ClearFaults()
		}
		got := p.ask(t, m.streamed, m.recovery)
		if !got.ended || got.code != "" {
			t.Fatalf("no answer: %s", got.body)
		}
		if got.vendor == "first" && back == 0 {
			back = elapsed()
			if n := p.first.asked.Load(); n > 10 {
				t.Errorf("the vendor was asked %d times before it was back", n)
			}
		}
		p.slept.Add(int64(4 * time.Second))
	}
	if back < time.Minute || back > 80*time.Second {
		t.Errorf("the first vendor answers again after %v, want within 16 s of a minute", back)
	}
}
