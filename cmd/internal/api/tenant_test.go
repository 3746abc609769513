package api

import (
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dreamlab/store"
	"dreamlab/store/db"
)

// stranger makes an admin of another tenant and returns its key.
func (r *rig) stranger(t *testing.T) string {
	t.Helper()
	tenant, err := r.store.EnsureTenant(t.Context(), "stranger")
	must(t, err)
	secret := store.NewSecret()
	_, err = r.store.CreateKey(t.Context(), store.Key{Tenant: tenant.ID, Scopes: []string{store.ScopeAdmin}}, secret)
	must(t, err)
	return secret
}

// owned returns an id of tenant one's for each path of the document with a parameter, by what
// stands before the parameter.
func (r *rig) owned(t *testing.T, s seeded) map[string]string {
	t.Helper()
	hook := r.do(request{method: "POST", path: "/v1/webhooks", body: `{"url":"https://example.com/"}`, key: r.admin}).text(t, "id")
	must(t, r.store.Tx(t.Context(), db.Synced, func(q *store.Queries) error {
		_, err := q.Announce(t.Context(), s.tenant, "budget.threshold", nil)
		return err
	}))
	key, _ := r.makeKey(t, `{"name":"app"}`)
	own := `{"targets":[{"model":"together/base","weight":1}]}`
	r.do(request{method: "PUT", path: "/v1/routes/private", body: own, key: r.admin}).want(t, 200, "")
	return map[string]string{
		"/v1/models/": s.model, "/v1/files/": s.file, "/v1/batches/": s.batch, "/v1/fine_tuning/jobs/": s.training,
		"/v1/jobs/": s.job, "/v1/experiences/": s.experience, "/v1/conversations/": "chat-7", "/v1/dreams/": s.dream,
		"/v1/reflections/": s.reflection, "/v1/examples/": s.example, "/v1/datasets/": s.dataset, "/v1/tunes/": s.tune,
		"/v1/evaluations/": s.evaluation, "/v1/lineage/": s.experience, "/v1/keys/": key, "/v1/webhooks/": hook,
		"/v1/routes/": "private", "/v1/memory/versions/": "mem_1",
		"/v1/webhooks/deliveries/": r.get("/v1/webhooks/deliveries").text(t, "first_id"),
	}
}

// bodies that routes can read, so that what is refused is the id.
var bodies = map[string]string{
	"PATCH /v1/keys/{id}":                `{"name":"mine"}`,
	"POST /v1/experiences/{id}/feedback": `{"rating":-1}`,
	"POST /v1/examples/{id}/review":      `{"verdict":"reject"}`,
	"POST /v1/routes/{alias}/canary":     `{"action":"pause"}`,
	"PUT /v1/routes/{alias}":             `{"targets":[{"model":"together/base","weight":1}]}`,
}

var parameter = regexp.MustCompile(`\{[a-z]+\}`)

// calls are those of the document with parameters in their paths, each filled with what is owned.
func (d document) calls(t *testing.T, owned map[string]string) []request {
	t.Helper()
	var all []request
	paths, _ := at(d.root, "paths").(map[string]any)
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		before, _, has := strings.Cut(path, "{")
		if !has {
			continue
		}
		id := owned[before]
		if id == "" {
			t.Errorf("%s: add an id of another tenant's to the walk", path)
		}
		methods, _ := paths[path].(map[string]any)
		for _, method := range slices.Sorted(maps.Keys(methods)) {
			if method == "parameters" {
				continue
			}
			name := strings.ToUpper(method) + " " + path
			all = append(all, request{method: strings.ToUpper(method), body: bodies[name],
				path: parameter.ReplaceAllString(path, url.PathEscape(id))})
		}
	}
	return all
}

// walk makes calls with a stranger's key or token: nothing is there, and nothing is changed.
func (r *rig) walk(t *testing.T, calls []request, stranger string) {
	t.Helper()
	before := r.views(t, calls)
	for _, q := range calls {
		q.key = stranger
		if q.method == "PUT" && strings.HasPrefix(q.path, "/v1/routes/") {
			continue // an alias is a word: it makes one of its own by that name
		}
		if a := r.do(q); a.status != 404 {
			t.Errorf("%s %s: status %d: %s", q.method, q.path, a.status, a.body)
		}
	}
	for path, now := range r.views(t, calls) {
		if now != before[path] {
			t.Errorf("%s was %s, and is %s", path, before[path], now)
		}
	}
}

// TestOtherTenant walks every route of the document with another tenant's ids, in the path, as a
// cursor, as a filter and in the body: nothing is there, and nothing is changed.
func TestOtherTenant(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	s := r.seed()
	owned, stranger := r.owned(t, s), r.stranger(t)
	r.walk(t, r.document.calls(t, owned), stranger)
	r.lists(t, s, owned, stranger)
	for name, q := range map[string]request{
		"a file to train on": {path: "/v1/fine_tuning/jobs", body: `{"model":"together/base","training_file":"` + s.file + `"}`},
		"a file of requests": {path: "/v1/batches",
			body: `{"input_file_id":"` + s.requests + `","endpoint":"/v1/chat/completions","completion_window":"24h"}`},
		"a budget": {method: "PUT", path: "/v1/budgets", body: `{"data":[{"key":"` + owned["/v1/keys/"] + `","usd":1,"per":"day"}]}`},
		"a limit":  {method: "PUT", path: "/v1/limits", body: `{"data":[{"key":"` + owned["/v1/keys/"] + `","requests_per_minute":1}]}`},
		"a model":  {path: "/v1/chat/completions", body: strings.Replace(askWhole, "assistant", s.model, 1)},
	} {
		q.key = stranger
		if q.method == "" {
			q.method = "POST"
		}
		if a := r.do(q); a.status != 404 {
			t.Errorf("%s: status %d: %s", name, a.status, a.body)
		}
	}
}

// views reads what tenant one sees of everything that is walked over.
func (r *rig) views(t *testing.T, calls []request) map[string]string {
	t.Helper()
	seen := map[string]string{}
	for _, q := range calls {
		// A stream has no end, and the addresses in a notebook hold the time at which they end.
		if q.method == "GET" && !strings.HasSuffix(q.path, "/stream") && !strings.Contains(q.path, "/notebook") {
			q.key = r.admin
			seen[q.path] = string(r.do(q).body)
		}
	}
	return seen
}

// lists asks every list of the document for what another tenant owns.
func (r *rig) lists(t *testing.T, s seeded, owned map[string]string, stranger string) {
	t.Helper()
	paths, _ := at(r.document.root, "paths").(map[string]any)
	for path, methods := range paths {
		if strings.Contains(path, "{") || !strings.HasPrefix(path, "/v1/") || at(methods, "get") == nil {
			continue
		}
		if path == "/v1/events" {
			continue // a stream without an end; what it shows of others is asked in its own test
		}
		a := r.do(request{path: path, key: stranger})
		for of, id := range owned {
			if strings.Contains(string(a.body), `"`+id+`"`) {
				t.Errorf("%s shows %s of %s", path, id, of)
			}
		}
		if id := owned[path+"/"]; id != "" && strings.ContainsAny(id, "_-") && a.value("has_more") != nil {
			if a := r.do(request{path: path + "?after=" + url.QueryEscape(id), key: stranger}); a.status != 404 {
				t.Errorf("%s after %s: status %d: %s", path, id, a.status, a.body)
			}
		}
	}
	for _, path := range []string{"/v1/reflections?dream=" + s.dream, "/v1/examples?dream=" + s.dream, "/v1/experiences?job=" + s.job,
		"/v1/experiences?dream=" + s.dream, "/v1/experiences?conversation=chat-7", "/v1/jobs?conversation_id=chat-7",
		"/v1/jobs?key=" + owned["/v1/keys/"]} {
		a := r.do(request{path: path, key: stranger})
		if list, isList := a.value("data").([]any); a.status != 404 && (!isList || len(list) > 0) {
			t.Errorf("%s: status %d: %s", path, a.status, a.body)
		}
	}
}
