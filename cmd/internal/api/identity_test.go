package api

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"dreamlab/cmd/internal/api/token"
	"dreamlab/cmd/internal/api/token/tokentest"
)

// issued is a rig that takes the tokens of an issuer: tenant one's as in the claim tenant, and those of
// all others for the tenant stranger.
func issued(t *testing.T, clock *time.Time) (*rig, *tokentest.Issuer) {
	t.Helper()
	now := func() time.Time { return *clock }
	issuer := tokentest.New(t, now)
	r := newRig(t, func(o *Options) {
		o.Now = now
		o.Tokens = token.New([]token.Issuer{{
			Source:      token.Source{Issuer: issuer.URL, Audience: tokentest.Audience, Now: now},
			TenantClaim: "tenant", ScopesClaim: "scope", Models: []string{"assistant"},
			Tenants: map[string]string{"acme": "one", token.Any: "stranger"},
			Scopes:  map[string]string{"lab:use": "use", "lab:admin": "admin"},
		}})
	})
	return r, issuer
}

// TestTokenAsks has a token ask like a key: within its scopes and models, under one key in the books
// and the audit log for all tokens of an identity, until it is disabled or the token ends.
func TestTokenAsks(t *testing.T) {
	t.Parallel()
	clock := time.Now()
	r, issuer := issued(t, &clock)
	raw := issuer.Token(nil)
	r.do(request{method: "POST", path: "/v1/chat/completions", body: askWhole, key: raw}).want(t, 200, "")
	other := strings.Replace(askWhole, "assistant", "other", 1)
	r.do(request{method: "POST", path: "/v1/chat/completions", body: other, key: raw}).want(t, 403, "forbidden")
	r.do(request{path: "/v1/keys", key: raw}).want(t, 403, "forbidden")
	r.do(request{method: "POST", path: "/v1/jobs", key: raw,
		body: `{"kind":"dream","webhook_url":"https://example.com/x"}`}).want(t, 400, "invalid_request")
	clock = clock.Add(2 * time.Minute)
	boss := issuer.Token(map[string]any{"scope": "lab:admin"})
	id := r.do(request{path: "/v1/jobs", key: boss}).want(t, 200, "").identity(t, r)
	path := "/v1/keys/" + id
	shown := r.do(request{path: path, key: boss}).want(t, 200, "")
	if shown.value("identity", "subject") != "user-1" || shown.value("identity", "issuer") != issuer.URL ||
		fmt.Sprint(shown.value("scopes")) != "[admin]" {
		t.Errorf("it is shown as %s", shown.body)
	}
	limit := `{"data":[{"key":"` + id + `","requests_per_minute":600}]}`
	r.do(request{method: "PUT", path: "/v1/limits", body: limit, key: boss}).want(t, 200, "")
	r.do(request{method: "PATCH", path: path, body: `{"scopes":["view"]}`, key: r.admin}).want(t, 400, "invalid_request")
	r.do(request{method: "POST", path: path + "/rotate", key: r.admin}).want(t, 400, "invalid_request")
	if audit := r.do(request{path: "/v1/audit", key: r.admin}).want(t, 200, ""); !strings.Contains(string(audit.body), id) {
		t.Errorf("it changed limits, and the audit log says %s", audit.body)
	}
	r.do(request{method: "PATCH", path: path, body: `{"disabled":true}`, key: r.admin}).want(t, 200, "")
	clock = clock.Add(time.Second)
	r.do(request{path: "/v1/models", key: boss}).want(t, 401, "invalid_api_key")
	r.do(request{method: "PATCH", path: path, body: `{"disabled":false}`, key: r.admin}).want(t, 200, "")
	clock = clock.Add(time.Second)
	r.do(request{path: "/v1/models", key: boss}).want(t, 200, "")
	clock = clock.Add(time.Hour + token.Skew)
	r.do(request{path: "/v1/models", key: boss}).want(t, 401, "invalid_api_key")
	if strings.Contains(r.log.String(), raw[:40]) || strings.Contains(r.log.String(), "user-1") {
		t.Error("the log holds a token or a subject")
	}
}

// identity returns the only key of tenant one that stands for an identity.
func (a answer) identity(t *testing.T, r *rig) string {
	t.Helper()
	keys := r.do(request{path: "/v1/keys", key: r.admin}).want(t, 200, "")
	list, _ := keys.value("data").([]any)
	var ids []string
	for _, one := range list {
		if key, _ := one.(map[string]any); key["identity"] != nil {
			ids = append(ids, key["id"].(string))
		}
	}
	if len(ids) != 1 {
		t.Fatalf("the identity has the keys %v", ids)
	}
	return ids[0]
}

// TestOtherTenantByToken walks every route with a token of another tenant.
func TestOtherTenantByToken(t *testing.T) {
	t.Parallel()
	clock := time.Now()
	r, issuer := issued(t, &clock)
	calls := r.document.calls(t, r.owned(t, r.seed()))
	r.walk(t, calls, issuer.Token(map[string]any{"tenant": "elsewhere", "scope": "lab:admin"}))
}

// TestTokensRefused tells why a token gives no rights, and asks neither the issuer nor the database
// for each.
func TestTokensRefused(t *testing.T) {
	t.Parallel()
	clock := time.Now()
	r, issuer := issued(t, &clock)
	ask := func(raw string) answer { return r.do(request{path: "/v1/models", key: raw}) }
	issuer.Fail(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	away := ask(issuer.Token(nil)).want(t, 503, "internal")
	if away.header.Get("Retry-After") == "" || strings.Contains(r.log.String(), issuer.URL) {
		t.Errorf("the issuer is down: %v, and the log is %s", away.header, r.log)
	}
	issuer.Fail(nil)
	clock = clock.Add(time.Minute)
	ask(issuer.Token(nil)).want(t, 200, "")
	ask(issuer.Token(map[string]any{"exp": clock.Add(-time.Hour).Unix()})).want(t, 401, "invalid_api_key")
	ask(issuer.Token(map[string]any{"scope": "x"})).want(t, 403, "forbidden")
	ask(issuer.Token(nil)+"x").want(t, 401, "invalid_api_key")
	asked := issuer.Asked.Load()
	for range 5 {
		ask(issuer.Token(map[string]any{"scope": "x"})).want(t, 403, "forbidden")
	}
	if n := issuer.Asked.Load() - asked; n != 0 {
		t.Errorf("the issuer was asked %d times", n)
	}
}
