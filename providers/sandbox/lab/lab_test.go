package lab_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
	"dreamlab/providers/sandbox/sandboxtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// acme is the plainest vendor there could be.
func acme(l *lab.Lab) http.Handler {
	dialect := &lab.Dialect{
		Vendor: lab.Vendor{Name: "acme", Fail: func(w http.ResponseWriter, f lab.Failure) {
			if f.RetryAfter != "" {
				w.Header().Set("Retry-After", f.RetryAfter)
			}
			lab.WriteJSON(w, f.Status, map[string]any{"acme": f.Message})
		}},
		Whole:  lab.WholeOpenAI,
		Chunk:  lab.ChunkOpenAI,
		Broken: func(*lab.Answer) map[string]any { return map[string]any{"acme": "broken"} },
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /chat", func(w http.ResponseWriter, r *http.Request) {
		var ask model.Ask
		if err := lab.ReadJSON(r, &ask); err != nil {
			dialect.Vendor.Fail(w, lab.Failure{Status: http.StatusBadRequest, Message: err.Error()})
			return
		}
		l.Chat(w, r, dialect, &lab.Answer{Model: ask.Model, Ask: &ask}, l.Small)
	})
	return l.Serve(dialect.Vendor, mux)
}

func hello(stream bool) map[string]any {
	return map[string]any{
		"model": "m1", "stream": stream,
		"messages": []any{map[string]string{"role": "user", "content": "Hello"}},
	}
}

func prices(string, string) (in, out, cached int64) { return 1_000_000, 2_000_000, 500_000 }

func start(t testing.TB) *sandboxtest.Rig {
	return sandboxtest.Start(t, acme, lab.Options{Price: prices})
}

func TestChatIsMarkedBilledAndLogged(t *testing.T) {
	t.Parallel()
	rig := start(t)
	answer := rig.Want(rig.Do("POST", "/chat", hello(false)), 200)
	if answer.Header.Get(lab.Header) != "true" || answer.Header.Get("x-request-id") == "" {
		t.Errorf("headers: %v", answer.Header)
	}
	paid := rig.Payment("acme", "m1")
	want := lab.Payment{Vendor: "acme", Model: "m1", Calls: 1, TokensIn: 6, TokensOut: 8, NanoUSD: 6 + 16}
	if paid != want {
		t.Errorf("paid %+v, want %+v", paid, want)
	}
	logged := rig.Lab.Requests()[0]
	if logged.Status != 200 || logged.Model != "m1" || logged.Path != "/chat" || logged.ID == "" {
		t.Errorf("logged %+v", logged)
	}
}

func TestKeyIsChecked(t *testing.T) {
	t.Parallel()
	rig := start(t)
	for _, header := range []string{"", "sandbox", "Bearer ", "Bearer wrong", "Basic sandbox"} {
		if got := rig.DoAs(header, "POST", "/chat", hello(false)); got.Status != 401 {
			t.Errorf("%q got %d", header, got.Status)
		}
	}
	if paid := rig.Payment("acme", "m1"); paid.Calls != 0 {
		t.Errorf("billed %d calls without a key", paid.Calls)
	}
}

func TestFaultsOfAnyRoute(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		fault  lab.Fault
		status int // 0: no answer
		body   string
		header string
		calls  int64
	}{
		{
			"status in the vendor's form",
			lab.Fault{Kind: "status", Status: 503, Message: "full"},
			503,
			`{"acme":"full"}`,
			"",
			0,
		},
		{
			"status with a JSON body",
			lab.Fault{Kind: "status", Status: 402, Body: json.RawMessage(`{"x":1}`)},
			402,
			`{"x":1}`,
			"",
			0,
		},
		{
			"status with a text",
			lab.Fault{Kind: "status", Status: 502, Body: json.RawMessage(`"<html>"`)},
			502,
			`<html>`,
			"",
			0,
		},
		{
			"retry after",
			lab.Fault{Kind: "status", Status: 429, RetryAfter: 7},
			429,
			`{"acme":""}`,
			"7",
			0,
		},
		{"rate limit", lab.Fault{Kind: "rate_limit"}, 429, `{"acme":""}`, "2", 0},
		{
			"rate limit in words",
			lab.Fault{Kind: "rate_limit", RetryAfter: "Mon, 02 Mar 2026 09:00:07 GMT"},
			429,
			`{"acme":""}`,
			"Mon, 02 Mar 2026 09:00:07 GMT",
			0,
		},
		{"capacity", lab.Fault{Kind: "capacity"}, 503, `{"acme":""}`, "", 0},
		{"garbage", lab.Fault{Kind: "garbage"}, 200, `{"choices":[{"message":{"conte`, "", 0},
		{"drop", lab.Fault{Kind: "drop"}, 0, "", "", 0},
		{"drop after", lab.Fault{Kind: "drop_after"}, 0, "", "", 1},
		{"delay", lab.Fault{Kind: "delay", MS: 1}, 200, "", "", 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			rig := start(t)
			test.fault.Vendor, test.fault.Times = "acme", sandboxtest.Once()
			rig.Fault(test.fault)
			got := rig.Do("POST", "/chat", hello(false))
			if got.Status != test.status || (got.Err != nil) != (test.status == 0) {
				t.Fatalf("got %d (%v), want %d", got.Status, got.Err, test.status)
			}
			if test.body != "" && strings.TrimSpace(string(got.Body)) != test.body {
				t.Errorf("got %s, want %s", got.Body, test.body)
			}
			if got.Header.Get("Retry-After") != test.header {
				t.Errorf("retry-after %q, want %q", got.Header.Get("Retry-After"), test.header)
			}
			if paid := rig.Payment("acme", "m1"); paid.Calls != test.calls {
				t.Errorf("billed %d calls, want %d", paid.Calls, test.calls)
			}
			if logged := rig.Lab.Requests()[0]; logged.Billed != (test.calls == 1) {
				t.Errorf("logged %+v", logged)
			}
			rig.Want(rig.Do("POST", "/chat", hello(false)), 200)
		})
	}
}

func TestFaultsOfStreams(t *testing.T) {
	t.Parallel()
	tests := []struct {
		kind   string
		chunks int
		events int
		cut    bool
	}{
		{"truncate", 0, 0, true},
		{"truncate", 3, 3, true},
		{"stream_error", 2, 3, false},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.kind, test.chunks), func(t *testing.T) {
			t.Parallel()
			rig := start(t)
			rig.Fault(
				lab.Fault{Vendor: "*", Kind: test.kind, Chunks: test.chunks, Times: sandboxtest.Once()},
			)
			got := rig.Do("POST", "/chat", hello(true))
			events, done := got.Events(t)
			if done || len(events) != test.events || (got.Err != nil) != test.cut {
				t.Errorf("got %d events, done %v, error %v", len(events), done, got.Err)
			}
			if paid := rig.Payment("acme", "m1"); paid.Calls != 1 {
				t.Errorf("billed %d calls, want 1", paid.Calls)
			}
			if logged := rig.Lab.Requests()[0]; logged.Fault != test.kind {
				t.Errorf("logged %+v", logged)
			}
			events, done = rig.Do("POST", "/chat", hello(true)).Events(t)
			if !done || len(events) < 4 {
				t.Errorf("the next stream has %d events, done %v", len(events), done)
			}
		})
	}
}

// A client that leaves ends a request that would hang, and a stream that fell
// silent.
func TestClientLeaves(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"hang", "stall"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			rig := start(t)
			rig.Client.Timeout = 50 * time.Millisecond
			rig.Fault(lab.Fault{Vendor: "acme", Kind: kind, Chunks: 1})
			if got := rig.Do("POST", "/chat", hello(true)); got.Err == nil {
				t.Errorf("got %d %s", got.Status, got.Body)
			}
		})
	}
}

func TestFaultsChooseTheirRequests(t *testing.T) {
	t.Parallel()
	rig := start(t)
	two := 2
	rig.Fault(lab.Fault{Vendor: "other", Kind: "drop"})
	rig.Fault(lab.Fault{Vendor: "acme", Model: "m2", Kind: "drop"})
	rig.Fault(lab.Fault{Vendor: "acme", Route: "/elsewhere", Kind: "drop"})
	rig.Fault(lab.Fault{Vendor: "acme", Method: "GET", Kind: "drop"})
	rig.Want(rig.Do("POST", "/chat", hello(false)), 200)
	rig.Fault(
		lab.Fault{
			Vendor: "acme",
			Route:  "/ch",
			Method: "post",
			Model:  "m1",
			Kind:   "status",
			Status: 500,
			Times:  &two,
		},
	)
	rig.Want(rig.Do("POST", "/chat", hello(false)), 500)
	rig.Want(rig.Do("POST", "/chat", hello(false)), 500)
	rig.Want(rig.Do("POST", "/chat", hello(false)), 200)
	if two != 2 {
		t.Error("the script counted in the caller's variable")
	}
}

func TestAdmin(t *testing.T) {
	t.Parallel()
	rig := start(t)
	before := rig.Lab.Now()
	rig.Want(rig.Do("POST", "/_sandbox/clock", `{"advance":"2h"}`), 200)
	if moved := rig.Lab.Now().Sub(before); moved != 2*time.Hour {
		t.Errorf("the clock moved by %v", moved)
	}
	rig.Want(rig.Do("POST", "/_sandbox/clock", `{"speed":3600}`), 200)
	if got := rig.Do("GET", "/_sandbox/clock", nil).Text("speed"); got != "3600" {
		t.Errorf("speed %s", got)
	}
	posted := rig.Do("POST", "/_sandbox/faults", `{"vendor":"acme","fault":"status","status":500,"times":1}`)
	if rig.Want(posted, 200).Text("data.0.fault") != "status" {
		t.Errorf("faults: %s", posted.Body)
	}
	rig.Want(rig.Do("DELETE", "/_sandbox/faults", nil), 200)
	rig.Want(rig.Do("POST", "/chat", hello(false)), 200)
	if got := rig.Do("GET", "/_sandbox/payments", nil).Text("data.0.nano_usd"); got != "22" {
		t.Errorf("paid %s nano-dollars", got)
	}
	if got := rig.Do("GET", "/_sandbox/requests", nil); got.Text("data.0.vendor") != "acme" {
		t.Errorf("requests: %s", got.Body)
	}
}

func TestAdminRefuses(t *testing.T) {
	t.Parallel()
	rig := start(t)
	tests := []struct{ path, body, says string }{
		{"faults", `{"vendor":"acme","fault":"explode"}`, "use one of"},
		{"faults", `{"fault":"drop"}`, `"vendor" is missing`},
		{"faults", `{"vendor":"acme","fault":"status"}`, `"status" must be`},
		{"faults", `{"vendor":"acme","fault":"delay"}`, `"ms" must be`},
		{"faults", `{"vendor":"acme","fault":"drop","times":0}`, `"times" must be`},
		{"faults", `{"vendor":"acme","fault":"corrupt_training","share":2}`, `"share" must be`},
		{"faults", `{"vendor":"acme","fault":"mix_rows"}`, `"body" must be`},
		{"faults", `{"vendor":"acme","fault":"mix_rows","body":"hello"}`, `"body" must be`},
		{"faults", `{"vendor":"acme","fault":"drop","wehn":1}`, "unknown field"},
		{"faults", `nonsense`, "read the body"},
		{"clock", `{}`, "give \"advance\""},
		{"clock", `{"advance":"-2h"}`, "duration ahead"},
		{"clock", `{"advance":"soon"}`, "duration ahead"},
		{"clock", `{"speed":-1}`, `"speed" must be`},
	}
	for _, test := range tests {
		got := rig.Do("POST", "/_sandbox/"+test.path, test.body)
		if got.Status != 400 || !strings.Contains(got.Text("error.message"), test.says) {
			t.Errorf("%s: got %d %s, want one that says %q", test.body, got.Status, got.Body, test.says)
		}
	}
	if len(rig.Lab.Faults()) != 0 {
		t.Errorf("%d bad faults were kept", len(rig.Lab.Faults()))
	}
}

func TestTraceIsLogged(t *testing.T) {
	t.Parallel()
	rig := start(t)
	request, err := http.NewRequestWithContext(t.Context(), "GET", rig.URL+"/nowhere", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Traceparent", "00-1-2-01")
	rig.Send(request)
	if logged := rig.Lab.Requests()[0]; logged.Trace != "00-1-2-01" {
		t.Errorf("logged %+v", logged)
	}
}

// TestFaultAtTheEndOfAPath has a fault that waits for one route among those
// whose paths begin alike.
func TestFaultAtTheEndOfAPath(t *testing.T) {
	t.Parallel()
	rig := start(t)
	rig.Fault(lab.Fault{Vendor: "acme", Kind: "status", Status: 418, Route: "/things$"})
	for path, want := range map[string]int{"/things/9": 404, "/things": 418} {
		rig.Want(rig.Do("GET", path, nil), want)
	}
}

func TestRequestLogIsBounded(t *testing.T) {
	t.Parallel()
	rig := start(t)
	for range 1010 {
		rig.Do("GET", "/nowhere", nil)
	}
	rig.Do("POST", "/chat", hello(false))
	list := rig.Lab.Requests()
	if len(list) != 1000 || list[999].Path != "/chat" || list[998].Path != "/nowhere" {
		t.Errorf("%d requests, the last %+v", len(list), list[len(list)-1])
	}
}

func TestBodyIsBounded(t *testing.T) {
	t.Parallel()
	rig := start(t)
	got := rig.Do("POST", "/chat", `{"model":"`+strings.Repeat("x", 33<<20)+`"}`)
	if got.Err == nil && got.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("got %d", got.Status)
	}
}

// BenchmarkChat asks over HTTP from as many clients as there are processors.
func BenchmarkChat(b *testing.B) {
	rig := start(b)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if got := rig.Do("POST", "/chat", hello(false)); got.Status != http.StatusOK {
				b.Error(got.Status, got.Err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "chats/s")
}
