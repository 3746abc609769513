package web

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"dreamlab/cmd/internal/config"
	"dreamlab/cmd/internal/status"
	"dreamlab/store"
	"dreamlab/store/job"
)

// stood is how a program stands in these tests.
type stood struct{ tenant string }

func (s stood) Work(context.Context) (*status.Work, error) {
	return &status.Work{
		Workers: []status.Worker{
			{Worker: "alpha/7/v1.4.0/x", Lane: "chat", Jobs: 3, Oldest: 1.2345678, Lease: 28.5},
			{Worker: "beta/8/v1.3.0/y", Lane: "dream", Jobs: 1, Lease: -2}, {Worker: "gamma/9", Lane: "tune"},
		},
		Tenants: []job.Queue{{Tenant: "ten_rival", Lane: "chat", Queued: 40}, {Tenant: "ten_other", Lane: "chat", Held: 2},
			{Tenant: s.tenant, Lane: "chat", Queued: 5}},
		Stuck: []status.Stuck{{ID: "job_rival"}},
	}, nil
}

func (stood) Examine(context.Context) (*status.Examination, error) {
	return &status.Examination{
		Settings: []config.Value{{Key: "DREAMLAB_LOG", Value: "warn", Origin: "own.yaml:1"}},
		Findings: []status.Finding{{Name: "database", OK: true, Detail: "it takes writes"},
			{Name: "queue", Detail: "it is <b>Redis 5</b>", Mend: "start Redis 6.2"}},
	}, nil
}

// shows tells which of the parts a page does not show.
func (s *rig) shows(path string, parts ...string) {
	s.t.Helper()
	reply, page := s.send(path, nil)
	for _, part := range parts {
		if reply.StatusCode != http.StatusOK || !strings.Contains(page, part) {
			s.t.Errorf("%s: %d, no %q in %s", path, reply.StatusCode, part, page)
		}
	}
}

// Operators see workers with version and lease, and what is queued of their own tenant beside all others, unnamed.
func TestWorkersAndTenants(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	key, secret := s.key(store.ScopeAdmin)
	s.pages.Standing = stood{key.Tenant}
	s.send("/app/signin", url.Values{"key": {secret}})
	s.shows("/app/queues", "alpha/7</td><td>v1.4.0", "1.23 s", "28.5 s left", "<strong>over</strong>", `idle`,
		`<td>this tenant</td><td>chat</td><td class="n">5</td>`,
		`<td>2 other tenants</td><td>chat</td><td class="n">40</td><td class="n">2</td>`, "1 job stands still")
	if _, page := s.send("/app/queues", nil); strings.Contains(page, "rival") {
		t.Errorf("another tenant is named in %s", page)
	}
}

// Operators see in the browser what doctor tells.
func TestDoctorInTheBrowser(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	s.pages.Standing = stood{}
	s.says = map[string]string{"/readyz": `{"status":"ready"}`}
	_, secret := s.key(store.ScopeAdmin)
	s.send("/app/signin", url.Values{"key": {secret}})
	s.shows("/app/status", `href="/app/status/doctor"`)
	s.shows("/app/status/doctor", "1 of 2 dependencies need mending", "it takes writes", "&lt;b&gt;Redis 5", "start Redis 6.2",
		"DREAMLAB_LOG", "own.yaml:1")
}

// Who is no operator sees neither.
func TestStandingIsForOperators(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	s.pages.Standing = stood{}
	s.says = map[string]string{"/readyz": `{"status":"ready"}`}
	_, secret := s.key(store.ScopeView, store.ScopeUse)
	s.send("/app/signin", url.Values{"key": {secret}})
	s.shows("/app/status", "shown to admin keys")
	if _, page := s.send("/app/queues", nil); strings.Contains(page, "alpha") || strings.Contains(page, "other tenant") {
		t.Errorf("workers are shown in %s", page)
	}
	if reply, _ := s.send("/app/status/doctor", nil); reply.StatusCode != http.StatusForbidden {
		t.Errorf("the examination: %d", reply.StatusCode)
	}
}
