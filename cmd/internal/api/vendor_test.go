package api

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dreamlab/handlers"
	"dreamlab/handlers/chat"
	"dreamlab/providers"
	"dreamlab/providers/catalog"
	"dreamlab/providers/openai"
	"dreamlab/store/learn"
	"dreamlab/tasks"
)

// failing is the API in front of one vendor that answers as it is told, with the
// real handler and router between, which sleep on a clock that leaps.
func failing(t *testing.T, answer http.HandlerFunc) (r *rig, calls *atomic.Int64) {
	t.Helper()
	r, calls = newRig(t), &atomic.Int64{}
	vendor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		calls.Add(1)
		answer(w, q)
	}))
	t.Cleanup(vendor.Close)
	transport := &http.Transport{ResponseHeaderTimeout: 200 * time.Millisecond}
	t.Cleanup(transport.CloseIdleConnections)
	driver, err := openai.Compatible("own", vendor.URL+"/v1", "").
		Open(providers.Config{HTTP: &http.Client{Transport: transport}})
	must(t, err)
	prices, err := catalog.Load(nil)
	must(t, err)
	prices.Register(catalog.Free("own"))
	var slept atomic.Int64
	router := providers.NewRouter(providers.RouterOptions{
		Drivers: map[string]providers.Driver{"own": driver}, Prices: prices,
		Now: func() time.Time { return time.Now().Add(time.Duration(slept.Load())) },
		Sleep: func(ctx context.Context, wait time.Duration) error {
			slept.Add(int64(wait))
			return ctx.Err()
		},
	})
	caller := handlers.NewCaller(handlers.CallerOptions{Router: router})
	r.on(tasks.ChatRun, chat.New(chat.Options{Caller: caller, Replies: r.replies}))
	_, err = r.store.SetRoute(t.Context(), learn.Route{Alias: "assistant", Version: 1, Author: "config",
		Targets: []learn.RouteTarget{{Model: "own/m", Weight: 1}}})
	must(t, err)
	return r, calls
}

func says(status int, header, value, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if header != "" {
			w.Header().Set(header, value)
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body)) // the client may have gone
	}
}

// TestVendorsFailureIsTold has a vendor fail in every way, for a whole answer and
// for a stream: the client hears the vendor's cause, and after how many calls.
func TestVendorsFailureIsTold(t *testing.T) {
	t.Parallel()
	const reason = `{"error":{"message":"SECRET-PROMPT is why","type":"t"}}`
	hang := func(_ http.ResponseWriter, q *http.Request) {
		_, _ = io.Copy(io.Discard, q.Body) // only then is it seen that the caller has gone
		<-q.Context().Done()
	}
	drop := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	inAnHour := func(w http.ResponseWriter, q *http.Request) {
		says(429, "Retry-After", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat), reason)(w, q)
	}
	tests := map[string]struct {
		answer http.HandlerFunc
		status int
		code   string
		after  int // Retry-After, seconds at least; 0: none
		calls  int64
	}{
		"500":               {says(500, "", "", reason), 502, "vendor_unavailable", 1, 4},
		"503":               {says(503, "", "", reason), 502, "vendor_unavailable", 1, 4},
		"503 for a minute":  {says(503, "Retry-After", "60", reason), 502, "vendor_unavailable", 60, 1},
		"dropped":           {drop, 502, "vendor_unavailable", 1, 4},
		"silent":            {hang, 504, "vendor_timeout", 0, 1},
		"408":               {says(408, "", "", reason), 504, "vendor_timeout", 1, 4},
		"429":               {says(429, "", "", reason), 429, "rate_limit_exceeded", 1, 4},
		"429 for a second":  {says(429, "Retry-After", "1", reason), 429, "rate_limit_exceeded", 1, 4},
		"429 in ms":         {says(429, "Retry-After-Ms", "120000", reason), 429, "rate_limit_exceeded", 119, 1},
		"429 for an hour":   {says(429, "Retry-After", "3600", reason), 429, "rate_limit_exceeded", 3590, 1},
		"429 until a date":  {inAnHour, 429, "rate_limit_exceeded", 3500, 1},
		"a key that is bad": {says(401, "", "", reason), 502, "vendor_unavailable", 0, 1},
		"no money":          {says(402, "", "", reason), 502, "vendor_unavailable", 0, 1},
		"moderation":        {says(403, "", "", reason), 502, "vendor_unavailable", 0, 1},
		"gone":              {says(404, "", "", reason), 404, "model_not_found", 0, 1},
		"refused":           {says(400, "", "", reason), 400, "invalid_request", 0, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, body := range []string{askWhole, askStream} {
				r, calls := failing(t, test.answer)
				a := r.post("/v1/chat/completions", body).want(t, test.status, test.code)
				after, _ := strconv.Atoi(a.header.Get("Retry-After"))
				if after < test.after || test.after == 0 && after != 0 {
					t.Errorf("Retry-After is %q, want %d", a.header.Get("Retry-After"), test.after)
				}
				if n := calls.Load(); n != test.calls {
					t.Errorf("the vendor was asked %d times, want %d", n, test.calls)
				}
				if strings.Contains(r.log.String(), "SECRET-PROMPT") {
					t.Errorf("the log holds the vendor's words: %s", r.log.String())
				}
			}
		})
	}
}

// TestOnePromptClosesNoModel has a vendor refuse what one tenant sends.
func TestOnePromptClosesNoModel(t *testing.T) {
	t.Parallel()
	for _, status := range []int{401, 402, 403, 404} {
		r, _ := failing(t, func(w http.ResponseWriter, q *http.Request) {
			body, err := io.ReadAll(q.Body)
			if err != nil {
				t.Error(err)
			}
			if bytes.Contains(body, []byte("BAD")) {
				says(status, "", "", `{"error":{"message":"no"}}`)(w, q)
				return
			}
			says(200, "", "", `{"id":"x","object":"chat.completion","model":"m","choices":[{"index":0,"message":`+
				`{"role":"assistant","content":"yes"},"finish_reason":"stop"}]}`)(w, q)
		})
		for range 6 {
			bad := strings.Replace(askWhole, "hi", "BAD", 1)
			if a := r.post("/v1/chat/completions", bad); a.status < 400 {
				t.Errorf("%d became %d", status, a.status)
			}
		}
		r.do(request{method: "POST", path: "/v1/chat/completions", body: askWhole, key: r.other}).want(t, 200, "")
	}
}
