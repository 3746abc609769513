package web

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"dreamlab/store"
)

// All that match the filters of the page of requests are retried by one job, and a filter that can not
// be read lets nothing happen.
func TestBulkByAllFilters(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	_, secret := s.key(store.ScopeUse, store.ScopeView)
	s.send("/app/signin", url.Values{"key": {secret}})
	listed, asked := "", ""
	s.says = map[string]string{"/v1/jobs/bulk": `{"id":"job_1"}`}
	s.asked = func(r *http.Request) {
		switch {
		case r.Method == http.MethodPost:
			text, err := io.ReadAll(r.Body)
			must(t, err)
			asked = string(text)
		case r.URL.Path == "/v1/jobs" && r.URL.Query().Get("limit") == "100":
			listed = r.URL.RawQuery
		}
	}
	s.shows("/app/requests?status=failed&q=tyre&created_after=2026-11-29T08:00",
		`queues/bulk?action=retry&amp;created_after=2026-11-29T08%3A00&amp;q=tyre&amp;status=failed"`, "Cancel all that match…")
	s.shows("/app/queues/bulk?action=retry&status=failed&q=tyre&created_after=2026-11-29T08:00",
		"0 requests match status failed, q tyre, created after 2026-11-29T08:00 now", `name="q" value="tyre"`)
	if listed != "created_after=1795939200&limit=100&q=tyre&status=failed" {
		t.Errorf("the list is %s", listed)
	}
	form := url.Values{"action": {"retry"}, "status": {"failed"}, "q": {"tyre"}, "created_after": {"2026-11-29T08:00"}}
	reply, _ := s.send("/app/queues/bulk", form)
	want := `{"action":"retry","filter":{"created_after":1795939200,"q":"tyre","status":"failed"}}`
	if reply.StatusCode != http.StatusSeeOther || asked != want {
		t.Errorf("%d, asked %s", reply.StatusCode, asked)
	}
	asked = ""
	for _, wrong := range []url.Values{{"action": {"retry"}}, {"action": {"retry"}, "created_after": {"yesterday"}}, {"action": {"no"}, "q": {"a"}}} {
		if reply, _ := s.send("/app/queues/bulk", wrong); reply.StatusCode != http.StatusBadRequest || asked != "" {
			t.Errorf("%v: %d, asked %s", wrong, reply.StatusCode, asked)
		}
	}
	if _, page := s.send("/app/requests", nil); strings.Contains(page, "all that match") {
		t.Error("a list without filters offers to retry everything")
	}
}
