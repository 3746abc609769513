package api

import (
	"encoding/base64"
	"strings"
	"testing"

	"dreamlab/store"
	"dreamlab/store/db"
)

// TestWebhooks makes one, sees what it was told, sends it again, rotates its secret and ends it.
func TestWebhooks(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	asAdmin := func(method, path, body string) answer {
		return r.do(request{method: method, path: path, body: body, key: r.admin})
	}
	made := asAdmin("POST", "/v1/webhooks", `{"url":"https://example.com/hook","events":["budget","route.promoted","budget"]}`).want(t, 200, "")
	id, secret := made.text(t, "id"), made.text(t, "secret")
	if raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_")); err != nil || len(raw) != 32 {
		t.Errorf("the secret is %s: %v", secret, err)
	}
	listed := asAdmin("GET", "/v1/webhooks", "").want(t, 200, "")
	if strings.Contains(string(listed.body), secret) || !strings.Contains(string(listed.body), `"events":["budget","route.promoted"]`) {
		t.Errorf("listed %s", listed.body)
	}
	tenant, err := r.store.EnsureTenant(t.Context(), "one")
	must(t, err)
	must(t, r.store.Tx(t.Context(), db.Synced, func(q *store.Queries) error {
		for _, event := range []string{"budget.threshold", "dream.succeeded"} { // the second is not wanted
			if _, err := q.Announce(t.Context(), tenant.ID, event, map[string]int{"threshold": 50}); err != nil {
				return err
			}
		}
		return nil
	}))
	first := r.get("/v1/webhooks/deliveries").want(t, 200, "")
	if n := len(first.field(t, "data").([]any)); n != 1 {
		t.Fatalf("%d deliveries: %s", n, first.body)
	}
	told := first.text(t, "first_id")
	again := r.post("/v1/webhooks/deliveries/"+told+"/redeliver", "").want(t, 202, "")
	if again.text(t, "event") != told || again.text(t, "id") == told || again.text(t, "webhook") != id {
		t.Errorf("sent again: %s", again.body)
	}
	r.do(request{method: "POST", path: "/v1/webhooks/deliveries/" + told + "/redeliver", key: r.other}).want(t, 404, "not_found")
	chat := r.post("/v1/jobs", `{"kind":"chat","input":`+askWhole+`}`).want(t, 202, "").text(t, "id")
	r.post("/v1/webhooks/deliveries/"+chat+"/redeliver", "").want(t, 404, "not_found")
	if rotated := asAdmin("POST", "/v1/webhooks/"+id+"/rotate", `{"grace":60}`).want(t, 200, "").text(t, "secret"); rotated == secret {
		t.Error("the secret is what it was")
	}
	signs, err := r.store.WebhookSigns(t.Context(), id)
	if err != nil || len(signs) != 2 {
		t.Errorf("%d secrets sign, %v", len(signs), err)
	}
	asAdmin("DELETE", "/v1/webhooks/"+id, "").want(t, 200, "")
	asAdmin("DELETE", "/v1/webhooks/"+id, "").want(t, 404, "not_found")
	for name, body := range map[string]string{
		"inside":       `{"url":"https://10.0.0.1/"}`,
		"unknown":      `{"url":"https://example.com/","events":["rain"]}`,
		"nothing":      `{}`,
		"plain":        `{"url":"http://example.com/"}`,
		"another word": `{"url":"https://example.com/","secret":"mine"}`,
	} {
		if got := asAdmin("POST", "/v1/webhooks", body); got.status != 400 {
			t.Errorf("%s: status %d: %s", name, got.status, got.body)
		}
	}
	r.do(request{method: "POST", path: "/v1/webhooks", body: `{"url":"https://example.com/"}`}).want(t, 403, "forbidden")
}

// TestWebhooksAreBounded makes as many as a tenant may have, and one more.
func TestWebhooksAreBounded(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for i := range 21 {
		a := r.do(request{method: "POST", path: "/v1/webhooks", body: `{"url":"https://example.com/"}`, key: r.admin})
		if want := map[bool]int{true: 200, false: 400}[i < 20]; a.status != want {
			t.Fatalf("webhook %d: status %d: %s", i+1, a.status, a.body)
		}
	}
}

// TestEndsAreAnnounced ends a dream, of which those that want it are told.
func TestEndsAreAnnounced(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.do(request{method: "POST", path: "/v1/webhooks", body: `{"url":"https://example.com/","events":["dream"]}`, key: r.admin})
	dream := r.do(request{method: "POST", path: "/v1/dreams", body: `{}`, header: map[string]string{"Prefer": "wait=20"}}).want(t, 200, "")
	told := r.get("/v1/webhooks/deliveries").want(t, 200, "")
	if !strings.Contains(string(told.body), `"type":"dream.succeeded"`) {
		t.Errorf("of %s was told %s", dream.text(t, "id"), told.body)
	}
}

// restOfWebhooks has a webhook told, and told again.
func (r *rig) restOfWebhooks(t *testing.T, s seeded, call func(request, ...int) answer) {
	t.Helper()
	hook := call(request{method: "POST", path: "/v1/webhooks", body: `{"url":"https://example.com/"}`, key: r.admin}).text(t, "id")
	must(t, r.store.Tx(t.Context(), db.Synced, func(q *store.Queries) error {
		_, err := q.Announce(t.Context(), s.tenant, "budget.threshold", nil)
		return err
	}))
	delivery := call(request{path: "/v1/webhooks/deliveries"}).text(t, "first_id")
	call(request{method: "POST", path: "/v1/webhooks/deliveries/" + delivery + "/redeliver"})
	call(request{method: "POST", path: "/v1/webhooks/" + hook + "/rotate", key: r.admin})
	call(request{method: "DELETE", path: "/v1/webhooks/" + hook, key: r.admin})
}
