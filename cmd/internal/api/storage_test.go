package api

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dreamlab/cmd/internal/api/happening"
	"dreamlab/tasks"
)

// signer stands in for Google's keys.
type signer struct {
	t     *testing.T
	key   *rsa.PrivateKey
	url   string
	asked atomic.Int32
}

func newSigner(t *testing.T) *signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	s := &signer{t: t, key: key}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.asked.Add(1)
		fmt.Fprintf(w, `{"keys":[{"kid":"k1","kty":"RSA","alg":"RS256","n":%q,"e":"AQAB"}]}`,
			base64.RawURLEncoding.EncodeToString(key.N.Bytes()))
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	if key.E != int(new(big.Int).SetBytes([]byte{1, 0, 1}).Int64()) {
		t.Fatalf("the exponent is %d", key.E)
	}
	return s
}

// token signs the claims of a good token, with changes.
func (s *signer) token(kid string, change map[string]any) string {
	s.t.Helper()
	claims := map[string]any{
		"iss": "https://accounts.google.com", "aud": "https://lab.example", "email": "pump@x.iam.gserviceaccount.com",
		"email_verified": true, "sub": "1", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}
	for name, value := range change {
		claims[name] = value
	}
	encode := func(v any) string {
		text, err := json.Marshal(v)
		must(s.t, err)
		return base64.RawURLEncoding.EncodeToString(text)
	}
	signed := encode(map[string]string{"alg": "RS256", "kid": kid}) + "." + encode(claims)
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, s.key, crypto.SHA256, sum[:])
	must(s.t, err)
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// TestStorageEvents imports an object of the inbox once a generation, by a token of the service
// account alone, and lets events of other objects go by.
func TestStorageEvents(t *testing.T) {
	t.Parallel()
	sign := newSigner(t)
	r := newRig(t, func(o *Options) {
		o.Inbox = Inbox{Bucket: "b", Prefix: "lab/", Signer: happening.Signer{
			Account: "pump@x.iam.gserviceaccount.com", Audience: "https://lab.example", Keys: sign.url,
		}}
	})
	var imported atomic.Value
	r.on(tasks.ExperienceImport, func(_ context.Context, run *tasks.Run) (*tasks.End, error) {
		imported.Store(string(run.Job.Input))
		return &tasks.End{Result: json.RawMessage(`{}`)}, nil
	})
	tenant, err := r.store.EnsureTenant(t.Context(), "one")
	must(t, err)
	good := sign.token("k1", nil)
	send := func(token, name, generation string) answer {
		t.Helper()
		return r.do(request{method: "POST", path: "/v1/events/storage", key: token,
			body:   fmt.Sprintf(`{"bucket":"b","name":%q,"generation":%q,"size":"12"}`, name, generation),
			header: map[string]string{"Ce-Type": "google.cloud.storage.object.v1.finalized"}})
	}
	name := "lab/inbox/" + tenant.ID + "/day 1.jsonl"
	if a := send(good, name, "7").want(t, 202, ""); a.text(t, "kind") != "experience" {
		t.Errorf("%s", a.body)
	}
	first := send(good, name, "7").want(t, 202, "")
	r.finished(first.text(t, "id"))
	if again := send(good, name, "7"); again.text(t, "id") != first.text(t, "id") {
		t.Errorf("one generation made two jobs: %s", again.body)
	}
	if next := send(good, name, "8").want(t, 202, ""); next.text(t, "id") == first.text(t, "id") {
		t.Error("another generation made no job")
	}
	if in, _ := imported.Load().(string); !strings.Contains(in, `"object":"inbox/`+tenant.ID+`/day 1.jsonl"`) {
		t.Errorf("imported %s", in)
	}
	for _, other := range []string{
		"lab/datasets/x/rows.jsonl", "inbox/" + tenant.ID + "/a", "lab/inbox/ten_none/a", "lab/inbox/" + tenant.ID + "/",
		"lab/inbox/" + tenant.ID + "/../x", "lab/inbox/" + tenant.ID,
	} {
		if a := send(good, other, "1").want(t, 200, ""); a.text(t, "object") != "storage.event" {
			t.Errorf("%s: %s", other, a.body)
		}
	}
	structured := r.do(request{method: "POST", path: "/v1/events/storage", key: good,
		body:   fmt.Sprintf(`{"type":"google.cloud.storage.object.v1.finalized","data":{"bucket":"b","name":%q,"generation":"9"}}`, name),
		header: map[string]string{"Content-Type": "application/cloudevents+json"}})
	structured.want(t, 202, "")
	for what, token := range map[string]string{
		"an API key": r.admin, "another account": sign.token("k1", map[string]any{"email": "x@y"}),
		"another audience": sign.token("k1", map[string]any{"aud": "https://other"}),
		"an old one":       sign.token("k1", map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}),
		"another issuer":   sign.token("k1", map[string]any{"iss": "https://evil"}),
		"not verified":     sign.token("k1", map[string]any{"email_verified": false}),
		"an unknown key":   sign.token("k2", nil), "changed": good[:len(good)-8] + "AAAAAAAA", "none": "none",
	} {
		if a := send(token, name, "99"); a.status != 401 {
			t.Errorf("%s: %d %s", what, a.status, a.body)
		}
	}
	if n := sign.asked.Load(); n != 1 {
		t.Errorf("the keys were asked for %d times", n)
	}
	r.do(request{method: "POST", path: "/v1/events/storage", key: good, body: `{`}).want(t, 400, "invalid_request")
}

// TestStorageEventsAreOff takes no token where no account is set.
func TestStorageEventsAreOff(t *testing.T) {
	t.Parallel()
	sign := newSigner(t)
	r := newRig(t)
	r.do(request{method: "POST", path: "/v1/events/storage", body: `{}`, key: sign.token("k1", nil)}).want(t, 401, "invalid_api_key")
}
