package e2e

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"dreamlab/store/storetest"
)

// TestLoopOnCluster runs the whole loop, every process by itself, on a cluster
// of three Redis masters, and looks at it as an operator does.
func TestLoopOnCluster(t *testing.T) {
	t.Parallel()
	st := productionOn(t, storetest.RedisCluster(t))
	loop(t, st)
	st.looked(t)
}

// TestLoopBehindSentinel does so behind a sentinel, whose master is lost before
// the loop begins.
func TestLoopBehindSentinel(t *testing.T) {
	t.Parallel()
	url, failover := storetest.RedisSentinel(t)
	st := productionOn(t, url)
	st.chat(t, "Hello")
	failover()
	ids := st.accepted(t, 5)
	st.answersAgain(t) // until then a chat that waits is refused, with a Retry-After
	loop(t, st)
	st.recovered(t, ids)
	st.looked(t)
}

// answersAgain asks, as clients do that are told to try again, until three chats in a
// row are answered: a failover takes each connection to the old master with it.
func (st *stack) answersAgain(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for answered := 0; answered < 3; {
		switch r := st.ask(t, "POST", "/v1/chat/completions", chat); r.status {
		case http.StatusOK:
			answered++
			continue
		case http.StatusServiceUnavailable:
			answered = 0
		default:
			t.Fatalf("after the failover: %d %+v", r.status, r.Error)
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatal("no chat is answered after the failover")
		}
	}
}

// looked reads what shows an operator how the queues stand.
func (st *stack) looked(t *testing.T) {
	t.Helper()
	if r := st.ask(t, "GET", "/readyz", ""); r.Status != "ready" {
		t.Errorf("readyz: %+v", r)
	}
	idle := regexp.MustCompile(`/\d+ +(chat|dream|tune|system) +0 `)
	if screen := st.site.run(t, "dreamlab", "status"); len(idle.FindAllString(screen, -1)) < 2*3 {
		t.Errorf("status does not show two idle workers:\n%s", screen)
	}
	admin := strings.TrimSpace(st.site.run(t, "dreamlab", "key", "create", "--tenant", "acme", "--scope", "admin"))
	queues := st.page(t, admin, "/queues/api/queues")
	for _, lane := range []string{"chat", "dream", "tune"} {
		if !strings.Contains(queues, `"queue":"`+lane+`"`) {
			t.Errorf("asynqmon does not show %s: %s", lane, queues)
		}
	}
	st.shows(t, admin, "/queues/api/scheduler_entries", "schedule.tick")
	for _, path := range []string{"servers", "redis_info", "queue_stats", "queues/chat/pending_tasks"} {
		if text := st.page(t, admin, "/queues/api/"+path); !json.Valid([]byte(text)) {
			t.Errorf("%s: %s", path, text)
		}
	}
}

// shows reads a page until it has a text: Asynq tells asynqmon of its periodic
// tasks at each of its heartbeats.
func (st *stack) shows(t *testing.T, key, path, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	again := time.NewTicker(250 * time.Millisecond)
	defer again.Stop()
	for {
		page := st.page(t, key, path)
		if strings.Contains(page, text) {
			return
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatalf("%s does not show %s: %s", path, text, page)
		}
	}
}

// page returns what an operator's key is shown.
func (st *stack) page(t *testing.T, key, path string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, "GET", st.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+key)
	q.Close = true
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	if err != nil || a.StatusCode != http.StatusOK {
		t.Errorf("%s: %d %s, %v", path, a.StatusCode, text, err)
	}
	return string(text)
}
