package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// The pages of an alias whose canary is in its shadow say that nobody is shown its answers, and how they were judged.
func TestShadowOnItsPages(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	const route = `{"alias":"assistant","version":3,"targets":[{"model":"groq/old","weight":1}],"canary":{
		"model":"together/new","share":0,"id":"can_1","champion":"groq/old","status":"shadow","reason":"it passed its exam",
		"steps":[5,50],"step":0,"pairs":{"judged":6,"wins":3,"ties":2,"losses":1,"shadow":50,"budget_usd":1,"spent_usd":0.02}}}`
	s.says = map[string]string{"/v1/routes/assistant": route, "/v1/routes": `{"data":[` + route + `]}`}
	_, key := s.key("admin")
	s.send("/app/signin", url.Values{"key": {key}})
	for path, parts := range map[string][]string{
		"/app/routes":           {"<td>shadow</td>"},
		"/app/routes/assistant": {"shown to nobody", "3 won, 2 even, 1 lost", `value="pause"`, `value="promote"`},
	} {
		reply, page := s.send(path, nil)
		for _, part := range parts {
			if reply.StatusCode != http.StatusOK || !strings.Contains(page, part) {
				t.Errorf("%s: %d, no %q in %s", path, reply.StatusCode, part, page)
			}
		}
	}
}
