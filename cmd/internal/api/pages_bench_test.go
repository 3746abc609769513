package api

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/storetest"
)

// pagesAsked are the pages that are measured, by name.
var pagesAsked = []struct{ name, path string }{
	{"home", ""}, {"log", "requests"}, {"alias", "requests?alias=assistant"}, {"noAlias", "requests?alias=none"},
	{"key", "requests?key=key_77"}, {"noKey", "requests?key=key_none"}, {"failed", "requests?status=failed"},
	{"running", "requests?status=running"}, {"cancelledChats", "requests?status=cancelled&kind=chat"},
	{"rareWord", "requests?q=7777"}, {"commonWord", "requests?q=shop"}, {"twoWords", "requests?q=shop+7777"},
	{"noWord", "requests?q=none"}, {"model", "requests?provider=groq&model=openai/gpt-oss-20b"},
	{"noModel", "requests?provider=groq&model=none"}, {"modelOfAlias", "requests?alias=assistant&provider=groq&model=none"},
	{"failedOfAlias", "requests?alias=assistant&status=failed"},
	{"tunes", "requests?kind=tune"}, {"lastPage", "requests?after=job_000000100"},
	{"span", "requests?created_after=2020-01-01T00:00&created_before=2020-02-01T00:00"},
	{"request", "requests/job_000007777"}, {"peek", "requests?peek=job_000007777"}, {"queues", "queues"},
	{"cost", "cost"}, {"costByModel", "cost?group_by=model"}, {"costByKey", "cost?group_by=key&days=90"},
	{"costToday", "cost?days=1"}, {"conversations", "conversations"},
	{"conversationsOfAlias", "conversations?alias=none"}, {"conversationsOfModel", "conversations?provider=groq&model=none"},
	{"conversationsOfVendor", "conversations?provider=none"}, {"conversationsOfOrigin", "conversations?origin=cache"},
	{"conversationsOfWord", "conversations?q=none"}, {"conversation", "conversations/conv_777"}, {"lineage", "lineage/conv_777"},
	{"jobLineage", "lineage/job_000007777"},
}

// BenchmarkPages shows pages to the one tenant that has a million jobs; DREAMLAB_ROWS sets another
// number. It reports how long 95 of a hundred took at most.
func BenchmarkPages(b *testing.B) {
	r, session := largeRig(b)
	server := httptest.NewServer(r.server.Handler())
	b.Cleanup(func() { server.Close(); r.server.Close() })
	for _, page := range pagesAsked {
		b.Run(page.name, func(b *testing.B) {
			ask, err := http.NewRequestWithContext(b.Context(), http.MethodGet, server.URL+"/app/"+page.path, nil)
			must(b, err)
			ask.AddCookie(&http.Cookie{Name: wire.SessionCookie, Value: session})
			var took []time.Duration
			for b.Loop() {
				began := time.Now()
				showPage(b, server.Client(), ask)
				took = append(took, time.Since(began))
			}
			reportMost(b, took)
		})
	}
}

// reportMost tells how long 95 of a hundred took at most.
func reportMost(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	b.ReportMetric(float64(took[(len(took)-1)*95/100].Microseconds())/1000, "p95-ms")
}

// largeRig is a rig whose key is that of the one tenant with a million jobs, and a session of that key.
func largeRig(b *testing.B) (r *rig, session string) {
	s := storetest.PostgreSQL(b)
	r = stillRig(b, s)
	tenant, err := s.EnsureTenant(b.Context(), "one")
	must(b, err)
	fill(b, s, tenant.ID)
	r.key = store.NewSecret()
	key, err := s.CreateKey(b.Context(), store.Key{Tenant: tenant.ID, Name: "browser", Scopes: []string{store.ScopeAdmin}}, r.key)
	must(b, err)
	session, err = s.NewSession(b.Context(), key.ID, time.Hour)
	must(b, err)
	return r, session
}

// fill gives a tenant the traffic of ninety days, in which each chat has a word in common and whose usage
// is summed as upkeep sums it.
func fill(b *testing.B, s *store.Store, tenant string) {
	b.Helper()
	rows := 1_000_000
	if text := os.Getenv("DREAMLAB_ROWS"); text != "" {
		var err error
		rows, err = strconv.Atoi(text)
		must(b, err)
	}
	must(b, storetest.Fill(b.Context(), s.Driver(), storetest.Traffic{Rows: rows, Tenant: tenant, Until: time.Now()}))
	for more := true; more; {
		must(b, s.Tx(b.Context(), db.Relaxed, func(q *store.Queries) (err error) {
			more, err = q.SumUsage(b.Context(), tenant)
			return err
		}))
	}
	for _, statement := range []string{`INSERT INTO words (tenant, word, id) SELECT tenant, 'shop', id FROM words`, "VACUUM ANALYZE"} {
		_, err := s.Driver().Exec(b.Context(), statement)
		must(b, err)
	}
}

func showPage(b *testing.B, client *http.Client, ask *http.Request) {
	b.Helper()
	res, err := client.Do(ask)
	must(b, err)
	body, err := io.ReadAll(res.Body)
	must(b, err)
	must(b, res.Body.Close())
	if res.StatusCode != http.StatusOK {
		b.Fatalf("%s: %d %s", ask.URL, res.StatusCode, body)
	}
}
