package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve answers with a handler and returns a client of it.
func serve(t *testing.T, answer http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(answer)
	c := New(server.URL+"/v1/", "dl-key")
	t.Cleanup(func() { c.Close(); server.Close() })
	return c
}

func chunk(text string) string {
	return `{"choices":[{"delta":{"content":"` + text + `"}}]}`
}

const lastChunk = `{"choices":[{"delta":{},"finish_reason":"stop"}],` +
	`"dreamlab":{"job":"job_1","provider":"p","model":"m","cost_usd":0.000000001}}`

// A stream that breaks is taken up behind its last event, and shown once.
func TestStreamResumes(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("X-Dreamlab-Job", "job_1")
		switch {
		case r.Method == "POST":
			if r.Header.Get("Authorization") != "Bearer dl-key" || r.Header.Get("Idempotency-Key") == "" {
				t.Errorf("headers %v", r.Header)
			}
			fmt.Fprintf(w, "id: 1-1\ndata: %s\n\n", chunk("he"))
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
			panic(http.ErrAbortHandler)
		case r.URL.Path == "/v1/jobs/job_1/stream" && r.Header.Get("Last-Event-ID") == "1-1":
			fmt.Fprintf(w, ": still at work\n\nid: 1-2\ndata: %s\n\ndata: %s\n\ndata: [DONE]\n\n", chunk("llo"),
				lastChunk)
		default:
			t.Errorf("asked %s behind %q", r.URL, r.Header.Get("Last-Event-ID"))
		}
	})
	var pieces []string
	answer, err := c.Stream(t.Context(), ChatRequest{Model: "assistant"},
		func(piece string) { pieces = append(pieces, piece) })
	if err != nil || answer.Text != "hello" || answer.Finish != "stop" || strings.Join(pieces, "|") != "he|llo" {
		t.Errorf("%+v, pieces %v, %v", answer, pieces, err)
	}
	if answer.Served.CostUSD != "0.000000001" {
		t.Errorf("the cost is %s: it went through a float", answer.Served.CostUSD)
	}
}

// A stream that breaks again and again is given up.
func TestStreamGivesUp(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.Header().Set("X-Dreamlab-Job", "job_1")
		fmt.Fprintf(w, "id: 1-1\ndata: %s\n\n", chunk("x"))
	})
	_, err := c.Stream(t.Context(), ChatRequest{}, func(string) {})
	if !errors.Is(err, errBroken) || asked.Load() != resumes {
		t.Errorf("%d times asked, %v", asked.Load(), err)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status     int
		body, code string
	}{
		"refused": {429, `{"error":{"message":"wait","code":"rate_limit_exceeded"}}`, "rate_limit_exceeded"},
		"a proxy": {502, `<html>`, ""},
		"stream": {200, "event: error\ndata: " +
			"{\"error\":{\"message\":\"broke\",\"code\":\"stream_interrupted\"}}\n\n", "stream_interrupted"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tc.status)
				if _, err := io.WriteString(w, tc.body); err != nil {
					t.Error(err)
				}
			})
			_, err := c.Stream(t.Context(), ChatRequest{}, func(string) {})
			var told *Error
			if !errors.As(err, &told) || told.Code != tc.code || strings.Contains(err.Error(), "dl-key") {
				t.Errorf("error %v", err)
			}
		})
	}
}

// Watching shows what goes on, ends with the job, and with the context.
func TestWatch(t *testing.T) {
	t.Parallel()
	var looks atomic.Int32
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Prefer") != "wait=1" {
			t.Errorf("Prefer is %q", r.Header.Get("Prefer"))
		}
		status := "running"
		if r.URL.Path == "/v1/dreams/drm_1" && looks.Add(1) == 3 {
			status = "succeeded"
		}
		fmt.Fprintf(w, `{"id":"drm_1","status":%q}`, status)
	})
	var seen []string
	d, err := c.WatchDream(t.Context(), "drm_1", func(d Dream) { seen = append(seen, d.Status) })
	if err != nil || !d.Ended() || strings.Join(seen, " ") != "running running succeeded" {
		t.Errorf("saw %v, %v", seen, err)
	}
	ctx, stop := context.WithCancel(t.Context())
	_, err = c.WatchJob(ctx, "job_1", func(Job) { stop() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a watch that was stopped gives %v", err)
	}
}

func TestImportStreams(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || string(body) != "{}\n" || r.Header.Get("Content-Type") != "application/x-ndjson" {
			t.Errorf("%q, %v", body, err)
		}
		fmt.Fprint(w, `{"id":"job_1","status":"succeeded",`+
			`"result":{"accepted":1,"rejected":[{"line":2,"reason":"no"}]}}`)
	})
	job, err := c.Import(t.Context(), strings.NewReader("{}\n"))
	if err != nil {
		t.Fatal(err)
	}
	result, err := job.Imported()
	if err != nil || result.Accepted != 1 || len(result.Rejected) != 1 {
		t.Errorf("%+v, %v", result, err)
	}
}

// A request that the queue could not take is sent again twice, whole, and then told.
func TestQueueThatWasAway(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		away, asked int32
		code        string
		fails       bool
	}{
		"for a moment":  {away: 2, asked: 3, code: "queue_unavailable"},
		"for longer":    {away: 9, asked: 3, code: "queue_unavailable", fails: true},
		"not the queue": {away: 9, asked: 1, code: "vendor_unavailable", fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int32
			c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if text, err := io.ReadAll(r.Body); err != nil || !strings.Contains(string(text), "Hello") {
					t.Errorf("the body is %q, %v", text, err)
				}
				if asked.Add(1) <= test.away {
					w.Header().Set("Retry-After", "0")
					w.WriteHeader(http.StatusServiceUnavailable)
					fmt.Fprintf(w, `{"error":{"code":%q,"message":"try again"}}`, test.code)
					return
				}
				fmt.Fprint(w, `{}`)
			})
			err := c.post(t.Context(), "/v1/x", map[string]string{"text": "Hello"}, &struct{}{})
			if (err != nil) != test.fails || asked.Load() != test.asked {
				t.Errorf("asked %d times: %v", asked.Load(), err)
			}
		})
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/jobs" || r.URL.Query().Get("q") != "a b&c" {
			t.Errorf("asked %s", r.URL)
		}
		fmt.Fprint(w, `{"object":"list","data":[{"id":"job_1"}],"has_more":true,"first_id":"job_1","last_id":"job_1"}`)
	})
	page, err := c.List(t.Context(), "jobs", url.Values{"q": {"a b&c"}})
	if err != nil || len(page.Data) != 1 || !page.HasMore || page.LastID != "job_1" {
		t.Errorf("%+v, %v", page, err)
	}
}

// TestReviewAndMemory asks as the routes are asked.
func TestReviewAndMemory(t *testing.T) {
	t.Parallel()
	var asked []string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		asked = append(asked, r.Method+" "+r.URL.RequestURI()+" "+string(body))
		fmt.Fprint(w, `{"id":"exm_1","review":{"status":"kept","reason":null},"data":[{"id":"mem_1","dream":null}]}`)
	})
	if e, err := c.Review(t.Context(), "exm_1", Verdict{Verdict: "keep"}); err != nil || e.Review.Status != "kept" {
		t.Errorf("%+v, %v", e, err)
	}
	_, err := c.UndoReview(t.Context(), "exm_1")
	versions, err2 := c.MemoryVersions(t.Context())
	_, err3 := c.MemoryVersion(t.Context(), "mem_1", "previous")
	_, err4 := c.RestoreMemory(t.Context(), "mem_1")
	if err := errors.Join(err, err2, err3, err4); err != nil || len(versions) != 1 {
		t.Errorf("%v, %v", versions, err)
	}
	want := `POST /v1/examples/exm_1/review {"verdict":"keep"}|DELETE /v1/examples/exm_1/review |` +
		`GET /v1/memory/versions?limit=100 |GET /v1/memory/versions/mem_1?diff=previous |POST /v1/memory/versions/mem_1/restore {}`
	if got := strings.Join(asked, "|"); got != want {
		t.Errorf("asked\n%s, want\n%s", got, want)
	}
}

// A chat that may be answered from the cache is sent without a key, under which a job would be looked for; another
// one has a key of its own.
func TestChatThatMayBeCachedHasNoKey(t *testing.T) {
	t.Parallel()
	for cache, keyed := range map[string]bool{"auto": false, "only": false, "off": true, "": true} {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if got := r.Header.Get("Idempotency-Key") != ""; got != keyed {
				t.Errorf("cache %q: the chat has a key: %v", cache, got)
			}
			fmt.Fprint(w, `{"choices":[{"message":{"content":"hello"}}],"dreamlab":{"cache":"hit"}}`)
		})
		ask := ChatRequest{Model: "assistant"}
		if cache != "" {
			ask.Own = &ChatOptions{Cache: cache}
		}
		answer, err := c.Chat(t.Context(), ask)
		if err != nil || answer.Text != "hello" || answer.Served.Asked() {
			t.Errorf("cache %q: %+v, %v", cache, answer, err)
		}
	}
}
