package engine

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/rs/zerolog"

	"dreamlab/store"
	"dreamlab/store/book"
	"dreamlab/store/job"
	"dreamlab/store/sqlite"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
)

// TestStanding reads from a scrape what the database knows, whichever process
// did the work.
func TestStanding(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		narrow := Options{Lanes: map[tasks.Lane]LaneConfig{tasks.Chat: {Window: 2, TenantCap: 2}}}
		r := newRig(t, narrow, s, storetest.EmbeddedQueue(t).Client)
		running := r.claim(r.accept(job.NewJob{}))
		r.accept(job.NewJob{})
		r.accept(job.NewJob{})
		r.accept(job.NewJob{Kind: "dream.plan", RunAt: time.Now().Add(time.Hour)})
		for _, e := range []book.Entry{
			{Step: "paid again", State: book.EntryUnknown, Cause: "server: one"},
			{Step: "not again", State: book.EntryUnknown, Cause: "server: two"},
			{Step: "not again", State: book.EntryVoid}, {Step: "paid again", State: book.EntrySettled},
		} {
			id, err := s.OpenEntry(r.ctx, book.Entry{Job: running.ID, Step: e.Step, Epoch: running.Epoch,
				Purpose: "chat"})
			r.must(err)
			e.ID = id
			r.must(s.EndEntry(r.ctx, e))
		}
		r.must(s.ShiftClock(r.ctx, time.Minute))
		at := newStanding(s, zerolog.Nop())
		told := scrape(t, at)
		for want, text := range map[string]string{
			"chat queued":     `dreamlab_jobs_open{lane="chat",state="queued"} 1`,
			"chat dispatched": `dreamlab_jobs_open{lane="chat",state="dispatched"} 1`,
			"chat running":    `dreamlab_jobs_open{lane="chat",state="running"} 1`,
			"dream queued":    `dreamlab_jobs_open{lane="dream",state="queued"} 1`,
			"oldest chat":     `dreamlab_jobs_oldest_seconds{lane="chat"} 6`,
			"oldest dream":    `dreamlab_jobs_oldest_seconds{lane="dream"} 0`,
			"lost":            `dreamlab_calls_lost_total{cause="server",lane="chat"} 2`,
			"repaid":          `dreamlab_calls_repaid_total{cause="server",lane="chat"} 1`,
			"counted":         "dreamlab_jobs_counted 1",
			"canaries":        `dreamlab_canaries_open{state="shadow"} 0`,
			"pairs":           `dreamlab_canary_pairs_total{outcome="loss"} 0`,
		} {
			if !strings.Contains(told, text) {
				t.Errorf("%s: there is no %s in\n%s", want, text, told)
			}
		}
	})
}

// scrape returns what Prometheus would be told.
func scrape(t *testing.T, c prometheus.Collector) string {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(c); err != nil {
		t.Fatal(err)
	}
	answer := httptest.NewRecorder()
	ask := httptest.NewRequest("GET", "/metrics", nil)
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(answer, ask)
	if answer.Code != 200 {
		t.Fatalf("the scrape is answered %d: %s", answer.Code, answer.Body)
	}
	return answer.Body.String()
}

// TestStandingWithoutDatabase still answers the scrape: there is no schema.
func TestStandingWithoutDatabase(t *testing.T) {
	t.Parallel()
	driver, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "empty.db"))
	if err != nil {
		t.Fatal(err)
	}
	s := store.Open(driver)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	var log bytes.Buffer
	at := newStanding(s, zerolog.New(&log))
	told := scrape(t, at)
	if !strings.Contains(told, "dreamlab_jobs_counted 0") || strings.Contains(told, "dreamlab_jobs_open") ||
		!strings.Contains(log.String(), "count the work") {
		t.Errorf("the log has %q, and told is\n%s", log.String(), told)
	}
}

// TestDashboard holds the dashboard and the metrics together: what it shows is
// there, and what is there it shows.
func TestDashboard(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../cmd/deploy/dashboards/jobs.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	name := regexp.MustCompile(`dreamlab_[a-z_]+`)
	for _, panel := range board.Panels {
		if len(panel.Targets) == 0 {
			t.Errorf("panel %q shows nothing", panel.Title)
		}
		for _, target := range panel.Targets {
			for _, found := range name.FindAllString(target.Expr, -1) {
				shown[strings.TrimSuffix(found, "_bucket")] = true
			}
		}
	}
	for there := range described(t) {
		if !shown[there] {
			t.Errorf("no panel shows %s", there)
		}
		delete(shown, there)
	}
	for missing := range shown {
		t.Errorf("a panel shows %s, which is no metric", missing)
	}
}

// described returns the names of all metrics of the engine.
func described(t *testing.T) map[string]bool {
	t.Helper()
	m, err := newMetrics(Options{})
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	quoted := regexp.MustCompile(`fqName: "([^"]+)"`)
	for _, c := range append(m.all(), newStanding(nil, zerolog.Nop())) {
		descs := make(chan *prometheus.Desc, 16)
		c.Describe(descs)
		close(descs)
		for d := range descs {
			names[quoted.FindStringSubmatch(d.String())[1]] = true
		}
	}
	return names
}
