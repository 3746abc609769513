package api

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"dreamlab/store"
	"dreamlab/store/learn"
)

// makeKey makes a key over HTTP and returns its id and secret.
func (r *rig) makeKey(t *testing.T, body string) (id, secret string) {
	t.Helper()
	made := r.do(request{method: "POST", path: "/v1/keys", body: body, key: r.admin}).want(t, 200, "")
	return made.text(t, "id"), made.text(t, "key")
}

// TestKeyLife makes a key, looks at it, changes it, rotates it and revokes it.
func TestKeyLife(t *testing.T) {
	t.Parallel()
	clock := time.Now()
	r := newRig(t, func(o *Options) { o.Now = func() time.Time { return clock } })
	later := func() { clock = clock.Add(time.Second) } // longer than a key is believed
	id, secret := r.makeKey(t, `{"name":"app","scopes":["use"]}`)
	ask := func(secret string, want int) {
		t.Helper()
		later()
		if got := r.do(request{path: "/v1/models", key: secret}); got.status != want {
			t.Errorf("status %d, want %d: %s", got.status, want, got.body)
		}
	}
	ask(secret, 200)
	shown := r.do(request{path: "/v1/keys/" + id, key: r.admin}).want(t, 200, "")
	if strings.Contains(string(shown.body), secret) || shown.field(t, "last_used_at") == nil {
		t.Errorf("the key is shown as %s", shown.body)
	}
	change := func(body string, want int) {
		t.Helper()
		if got := r.do(request{method: "PATCH", path: "/v1/keys/" + id, body: body, key: r.admin}); got.status != want {
			t.Errorf("%s: status %d, want %d: %s", body, got.status, want, got.body)
		}
	}
	change(`{"disabled":true}`, 200)
	ask(secret, 401)
	change(`{"disabled":false}`, 200)
	ask(secret, 200)
	fresh := r.do(request{method: "POST", path: "/v1/keys/" + id + "/rotate", body: `{"grace":3600}`, key: r.admin}).text(t, "key")
	ask(fresh, 200)
	ask(secret, 200)
	last := r.do(request{method: "POST", path: "/v1/keys/" + id + "/rotate", body: `{"grace":0}`, key: r.admin}).text(t, "key")
	ask(last, 200)
	ask(fresh, 401)
	ask(secret, 401)
	r.do(request{method: "DELETE", path: "/v1/keys/" + id, key: r.admin}).want(t, 200, "")
	ask(last, 401)
	change(`{"name":"x"}`, 404)
	r.do(request{method: "DELETE", path: "/v1/keys/" + id, key: r.admin}).want(t, 404, "not_found")
	actions := r.do(request{path: "/v1/audit", key: r.admin}).want(t, 200, "")
	for _, action := range []string{"POST /v1/keys", "PATCH /v1/keys/{id}", "POST /v1/keys/{id}/rotate", "DELETE /v1/keys/{id}"} {
		if !strings.Contains(string(actions.body), fmt.Sprintf(`"action":%q`, action)) {
			t.Errorf("%s was not written down: %s", action, actions.body)
		}
	}
}

// TestKeyBounds holds what keys may do by scope, model and network, and what a body
// may say.
func TestKeyBounds(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	_, viewer := r.makeKey(t, `{"scopes":["view"]}`)
	_, narrow := r.makeKey(t, `{"models":["other","together/*"]}`)
	_, far := r.makeKey(t, `{"ip_ranges":["192.0.2.0/24"]}`)
	_, near := r.makeKey(t, `{"ip_ranges":["127.0.0.0/8","::1/128"]}`)
	other := strings.Replace(askWhole, "assistant", "other", 1)
	for name, c := range map[string]struct {
		q    request
		want int
	}{
		"a viewer reads":              {request{path: "/v1/jobs", key: viewer}, 200},
		"a viewer does not ask":       {request{method: "POST", path: "/v1/chat/completions", body: askWhole, key: viewer}, 403},
		"a user makes no keys":        {request{method: "POST", path: "/v1/keys", body: `{}`, key: r.key}, 403},
		"a user lists no keys":        {request{path: "/v1/keys", key: r.key}, 403},
		"a model of the key":          {request{method: "POST", path: "/v1/chat/completions", body: other, key: narrow}, 200},
		"another model":               {request{method: "POST", path: "/v1/chat/completions", body: askWhole, key: narrow}, 403},
		"another model in background": {request{method: "POST", path: "/v1/jobs", body: `{"kind":"chat","input":` + askWhole + `}`, key: narrow}, 403},
		"from elsewhere":              {request{path: "/v1/models", key: far}, 403},
		"from here":                   {request{path: "/v1/models", key: near}, 200},
		"an unknown scope":            {request{method: "POST", path: "/v1/keys", body: `{"scopes":["root"]}`, key: r.admin}, 400},
		"no scope":                    {request{method: "POST", path: "/v1/keys", body: `{"scopes":[]}`, key: r.admin}, 400},
		"no range":                    {request{method: "POST", path: "/v1/keys", body: `{"ip_ranges":["10.0.0.1"]}`, key: r.admin}, 400},
		"expired already":             {request{method: "POST", path: "/v1/keys", body: `{"expires_at":5}`, key: r.admin}, 400},
		"a long grace":                {request{method: "POST", path: "/v1/keys/key_x/rotate", body: `{"grace":99999999}`, key: r.admin}, 400},
	} {
		if got := r.do(c.q); got.status != c.want {
			t.Errorf("%s: status %d, want %d: %s", name, got.status, c.want, got.body)
		}
	}
}

// TestKeysOfAnother holds that an admin of another tenant sees and changes nothing.
func TestKeysOfAnother(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	id, _ := r.makeKey(t, `{}`)
	tenant, err := r.store.EnsureTenant(t.Context(), "two")
	must(t, err)
	stranger := store.NewSecret()
	_, err = r.store.CreateKey(t.Context(), store.Key{Tenant: tenant.ID, Scopes: []string{store.ScopeAdmin}}, stranger)
	must(t, err)
	for _, q := range []request{
		{path: "/v1/keys/" + id}, {method: "PATCH", path: "/v1/keys/" + id, body: `{"name":"x"}`},
		{method: "DELETE", path: "/v1/keys/" + id}, {method: "POST", path: "/v1/keys/" + id + "/rotate"},
	} {
		q.key = stranger
		r.do(q).want(t, 404, "not_found")
	}
	for _, path := range []string{"/v1/keys", "/v1/audit"} {
		if got := r.do(request{path: path, key: stranger}); strings.Contains(string(got.body), id) {
			t.Errorf("%s shows another tenant's: %s", path, got.body)
		}
	}
}

// keys makes the keys of the tenants, and the routes.
func (r *rig) keys() {
	for _, k := range []struct {
		tenant, scope string
		secret        *string
	}{{"one", store.ScopeUse, &r.key}, {"one", store.ScopeAdmin, &r.admin}, {"two", store.ScopeUse, &r.other}} {
		tenant, err := r.store.EnsureTenant(r.t.Context(), k.tenant)
		must(r.t, err)
		*k.secret = store.NewSecret()
		_, err = r.store.CreateKey(r.t.Context(), store.Key{Tenant: tenant.ID, Name: "test",
			Scopes: []string{k.scope}}, *k.secret)
		must(r.t, err)
	}
	for _, alias := range []string{"assistant", "other"} {
		_, err := r.store.SetRoute(r.t.Context(), learn.Route{
			Alias: alias, Targets: []learn.RouteTarget{{Model: "together/base", Weight: 1}}, Reason: "start",
			Author: "config",
		})
		must(r.t, err)
	}
}
