package web

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dreamlab/cmd/internal/web/held"
)

// tailing is a browser that follows an API whose list has one job more at each look.
type tailing struct {
	looks   int
	happens chan string // what the stream of events tells; nothing is told without it
	got     *held.Answer
}

func (f *tailing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/v1/jobs" {
		f.looks++
		_, _ = w.Write([]byte(`{"data":[` + strings.Repeat(`{"id":"job_x"},`, f.looks) + `{"id":"job_1"}]}`))
		return
	}
	for {
		select {
		case <-r.Context().Done():
			return
		case event, open := <-f.happens:
			if !open {
				return
			}
			_, _ = w.Write([]byte(event))
		}
	}
}

// follow follows until the browser goes away, or has to connect again.
func (f *tailing) follow(t *testing.T, ctx context.Context, last string) {
	t.Helper()
	pages, err := New(Options{})
	must(t, err)
	pages.Over(f)
	f.got = held.New()
	ask := httptest.NewRequestWithContext(ctx, http.MethodGet, "/app/requests/tail?status=failed", nil)
	ask.Header.Set("Last-Event-ID", last)
	must(t, tailRequests(&visit{Pages: pages, w: f.got, r: ask}))
}

const jobEnded = "id: 1\nevent: job.ended\ndata: {}\n\n"

// TestTail sends the list at first and when jobs have ended, however many, once in a second.
func TestTail(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &tailing{happens: make(chan string)}
		go func() {
			for range 400 { // for two seconds
				f.happens <- jobEnded
				time.Sleep(5 * time.Millisecond)
			}
			time.Sleep(5 * time.Second)
			f.happens <- "id: 2\nevent: dream.stage\ndata: {}\n\n"
		}()
		began := time.Now()
		f.follow(t, t.Context(), "")
		if took := time.Since(began); took != tailLife {
			t.Errorf("it followed for %s", took)
		}
		text := string(f.got.Bytes())
		if lists := strings.Count(text, "id: "); f.looks != 3 || lists != 3 || !strings.Contains(text, "<tr data-row") {
			t.Errorf("after %d looks it sent %d lists:\n%s", f.looks, lists, text)
		}
	})
}

// TestTailPauses asks nothing any more when the browser goes away.
func TestTailPauses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &tailing{happens: make(chan string)}
		ctx, leave := context.WithTimeout(t.Context(), 3*time.Second)
		defer leave()
		f.follow(t, ctx, "")
		select {
		case f.happens <- jobEnded:
			t.Error("the events are still listened to")
		default:
		}
		if f.looks != 1 {
			t.Errorf("it looked %d times", f.looks)
		}
	})
}

// TestTailWithoutEvents looks once where the API tells nothing, and sends no list that the browser has.
func TestTailWithoutEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &tailing{happens: make(chan string)}
		close(f.happens)
		f.follow(t, t.Context(), "")
		id, _, _ := strings.Cut(strings.TrimPrefix(string(f.got.Bytes()), "id: "), "\n")
		f.looks = 0
		f.follow(t, t.Context(), id)
		if text := string(f.got.Bytes()); f.looks != 1 || strings.Contains(text, "data:") || text == "" {
			t.Errorf("after %d looks it sent %q", f.looks, text)
		}
	})
}
