package token

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"go.uber.org/goleak"

	"dreamlab/cmd/internal/api/token/tokentest"
	"dreamlab/cmd/internal/api/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is one that the test drives.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

type rig struct {
	*tokentest.Issuer
	*clock
	verifier *Verifier
}

func newRig(t *testing.T) *rig {
	t.Helper()
	c := &clock{at: time.Unix(1_700_000_000, 0)}
	i := tokentest.New(t, c.now)
	return &rig{i, c, NewVerifier(Source{Issuer: i.URL, Audience: tokentest.Audience, Now: c.now})}
}

// want checks a token and holds the fault to a status and a word of its message; 0 is none.
func (r *rig) want(t *testing.T, raw string, status int, word string) {
	t.Helper()
	_, err := r.verifier.Verify(t.Context(), raw)
	var f *wire.Fault
	switch {
	case status == 0 && err == nil:
	case !errors.As(err, &f) || f.Status != status || !strings.Contains(f.Message, word):
		t.Errorf("got %v, want %d and %q", err, status, word)
	case f.Status == http.StatusServiceUnavailable && f.After <= 0:
		t.Error("503 without a time to try again")
	}
}

// TestClaims takes a token of now for this audience and names what is wrong with each other.
func TestClaims(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	at := func(d time.Duration) int64 { return r.now().Add(d).Unix() }
	for name, c := range map[string]struct {
		changes map[string]any
		status  int
		word    string
	}{
		"good":                    {},
		"one of two audiences":    {changes: map[string]any{"aud": []string{"x", tokentest.Audience}}},
		"other audience":          {map[string]any{"aud": "x"}, 401, "audience"},
		"no audience":             {map[string]any{"aud": nil}, 401, "audience"},
		"other issuer":            {map[string]any{"iss": "https://evil.example"}, 401, "not configured"},
		"expired":                 {map[string]any{"exp": at(-time.Hour)}, 401, "expired"},
		"expired within the skew": {changes: map[string]any{"exp": at(-Skew / 2)}},
		"no end":                  {map[string]any{"exp": nil}, 401, "no end"},
		"not yet":                 {map[string]any{"nbf": at(2 * Skew)}, 401, "not valid yet"},
		"not yet within the skew": {changes: map[string]any{"nbf": at(Skew / 2)}},
		"issued in the future":    {map[string]any{"iat": at(2 * Skew)}, 401, "not valid yet"},
		"no subject":              {map[string]any{"sub": nil}, 401, "subject"},
		"a subject too long":      {map[string]any{"sub": strings.Repeat("x", 256)}, 401, "subject"},
		"a huge token":            {map[string]any{"x": strings.Repeat("x", maxToken)}, 401, "too long"},
		"claims of other kinds":   {map[string]any{"exp": "soon"}, 401, ""},
	} {
		raw := r.Token(c.changes)
		if !Is(raw) {
			t.Errorf("%s: it does not look like a token", name)
		}
		t.Run(name, func(t *testing.T) { r.want(t, raw, c.status, c.word) })
	}
	if n := r.Asked.Load(); n != 1 {
		t.Errorf("the keys were asked for %d times", n)
	}
}

// TestForged refuses what the issuer did not sign.
func TestForged(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	public, err := x509.MarshalPKIXPublicKey(r.Public())
	must(t, err)
	encode := base64.RawURLEncoding.EncodeToString
	none := encode([]byte(`{"alg":"none","kid":"k1"}`)) + "." + encode(r.Payload(nil)) + "."
	good := strings.Split(r.Token(nil), ".")
	changed := good[0] + "." + encode(r.Payload(map[string]any{"sub": "root"})) + "." + good[2]
	r.want(t, r.Signed(jose.RS256, stranger, "k1", nil), 401, "signature")
	r.want(t, r.Signed(jose.HS256, public, "k1", nil), 401, "algorithm")
	r.want(t, none, 401, "algorithm")
	r.want(t, changed, 401, "signature")
	r.want(t, good[0]+"."+good[1]+".", 401, "signature")
	r.want(t, "eyJ.x.y", 401, "read")
	r.want(t, r.Signed(jose.RS512, r.verifierKey(t), "k1", nil), 401, "signature")
}

// verifierKey is a key that has nothing to do with the issuer's.
func (r *rig) verifierKey(t *testing.T) any {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	return key
}

// TestAlgorithms takes tokens of other asymmetric keys, and no key that is weak or for another use.
func TestAlgorithms(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	for _, key := range []jose.JSONWebKey{
		{Key: curve, KeyID: "ec", Algorithm: "ES256"}, {Key: edwards, KeyID: "ed", Algorithm: "EdDSA"},
	} {
		r.Publish(key)
		r.want(t, r.Token(nil), 0, "")
		r.pass(keysPause)
	}
	r.Publish(jose.JSONWebKey{Key: curve, KeyID: "enc", Algorithm: "ES256", Use: "enc"})
	r.want(t, r.Token(nil), 401, "publish")
	r.want(t, r.Signed(jose.PS256, r.verifierKey(t), "ed", nil), 401, "another algorithm")
}

// TestRotation asks for a new key once, and for a key that nobody has at most once in a pause.
func TestRotation(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	before := r.Token(nil)
	r.want(t, before, 0, "")
	r.Rotate("k2")
	r.want(t, r.Token(nil), 401, "publish") // within the pause
	r.pass(keysPause)
	r.want(t, r.Token(nil), 0, "")
	r.want(t, before, 0, "")
	asked := r.Asked.Load()
	var all sync.WaitGroup
	r.pass(keysPause)
	junk := r.Signed(jose.RS256, r.verifierKey(t), "junk", nil)
	for range 50 {
		all.Go(func() { r.want(t, junk, 401, "publish") })
	}
	all.Wait()
	if n := r.Asked.Load() - asked; n != 1 {
		t.Errorf("50 tokens of nobody's key asked the issuer %d times", n)
	}
	r.Rotate("k3")
	r.Rotate("k4") // k2 is published no more
	r.pass(keysPause)
	r.want(t, r.Token(nil), 0, "")
	r.want(t, before, 401, "publish")
}

// TestIssuerAway serves by the keys that are known for a day, and says so where none is.
func TestIssuerAway(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]http.HandlerFunc{
		"500":      func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
		"moved":    func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Location", "/x"); w.WriteHeader(302) },
		"nonsense": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"issuer":"x","keys":[]}`)) },
		"cut":      func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"endless":  func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(strings.Repeat(" ", 2*maxKeys))) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.Fail(fault)
			r.want(t, r.Token(nil), 503, "identity provider")
			r.want(t, r.Token(nil), 503, "identity provider")
			r.Fail(nil)
			r.want(t, r.Token(nil), 503, "identity provider") // within the pause
			r.pass(keysPause)
			r.want(t, r.Token(nil), 0, "")
			r.Fail(fault)
			r.pass(keysFor - time.Second)
			r.want(t, r.Token(nil), 0, "")
			r.settle()
			r.pass(keysPause)
			r.want(t, r.Token(nil), 503, "identity provider")
		})
	}
}

// settle waits until no request for keys runs.
func (r *rig) settle() {
	k := r.verifier.keys
	k.mu.Lock()
	running := k.running
	k.mu.Unlock()
	if running != nil {
		<-running
	}
}

// TestSlowIssuer holds up nobody whose key is known, and a waiting client no longer than it waits.
func TestSlowIssuer(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.want(t, r.Token(nil), 0, "")
	gate := make(chan struct{})
	r.Fail(func(w http.ResponseWriter, _ *http.Request) { <-gate; w.WriteHeader(500) })
	r.pass(keysFresh)
	r.want(t, r.Token(nil), 0, "")
	junk := r.Signed(jose.RS256, r.verifierKey(t), "junk", nil)
	ctx, leave := context.WithCancel(t.Context())
	leave()
	if _, err := r.verifier.Verify(ctx, junk); err == nil {
		t.Error("a token of an unknown key was taken")
	}
	close(gate)
	r.settle()
}

// TestIdentify maps claims to tenants and scopes.
func TestIdentify(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	source := r.verifier.Source
	other := source
	other.Audience = "other"
	all := New([]Issuer{
		{Source: other, Tenants: map[string]string{Any: "everybody"}, Scopes: map[string]string{Any: "view"}},
		{Source: source, TenantClaim: "tenant", ScopesClaim: "scope",
			Tenants: map[string]string{"acme": "acme-lab", "b": "b-lab"}, Scopes: map[string]string{"lab:use": "use", "lab:admin": "admin"}},
		{Source: Source{Issuer: r.URL, Audience: "nested", Now: r.now}, TenantClaim: "org.id", ScopesClaim: "realm_access.roles",
			Tenants: map[string]string{"7": "seven"}, Scopes: map[string]string{"boss": "admin", "https://x.y/z": "use"}},
	})
	for name, c := range map[string]struct {
		changes map[string]any
		tenant  string
		scopes  string
		status  int
	}{
		"mapped":          {tenant: "acme-lab", scopes: "use"},
		"two scopes":      {changes: map[string]any{"scope": "lab:use lab:admin lab:use x"}, tenant: "acme-lab", scopes: "admin use"},
		"no tenant":       {changes: map[string]any{"tenant": "x"}, status: 403},
		"two tenants":     {changes: map[string]any{"tenant": []string{"acme", "b"}}, status: 403},
		"no scope":        {changes: map[string]any{"scope": "openid"}, status: 403},
		"the mark itself": {changes: map[string]any{"tenant": Any}, status: 403},
		"any":             {changes: map[string]any{"aud": "other", "tenant": nil}, tenant: "everybody", scopes: "view"},
		"nested": {changes: map[string]any{"aud": "nested", "org": map[string]any{"id": "7"},
			"realm_access": map[string]any{"roles": []string{"boss", "https://x.y/z"}}}, tenant: "seven", scopes: "admin use"},
		"another audience": {changes: map[string]any{"aud": "x"}, status: 401},
	} {
		who, err := all.Identify(t.Context(), r.Token(c.changes))
		var f *wire.Fault
		if errors.As(err, &f); c.status != 0 && (f == nil || f.Status != c.status) || c.status == 0 && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if who.Tenant != c.tenant || strings.Join(who.Scopes, " ") != c.scopes {
			t.Errorf("%s: %+v", name, who)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
