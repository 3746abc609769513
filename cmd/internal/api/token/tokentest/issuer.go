// Package tokentest is an emulated issuer of OpenID Connect for tests: discovery, signing keys that
// rotate, faults, and tokens that it signs as it should or should not.
package tokentest

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Audience is what good tokens are made for.
const Audience = "https://lab.example"

// Issuer is safe for concurrent use.
type Issuer struct {
	URL   string
	Asked atomic.Int32 // how often its signing keys were asked for

	t     testing.TB
	now   func() time.Time
	mu    sync.Mutex
	keys  []jose.JSONWebKey // private; the first signs
	fault http.HandlerFunc  // answers in its place
}

// New starts an issuer with a key k1, which ends with the test.
func New(t testing.TB, now func() time.Time) *Issuer {
	t.Helper()
	i := &Issuer{t: t, now: now}
	i.Rotate("k1")
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", i.discovery)
	mux.HandleFunc("GET /keys", i.published)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	i.URL = server.URL
	return i
}

// KeysURL is where the signing keys are.
func (i *Issuer) KeysURL() string { return i.URL + "/keys" }

// Rotate signs with a new key of that id. The one before stays published.
func (i *Issuer) Rotate(id string) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		i.t.Fatal(err)
	}
	i.Publish(jose.JSONWebKey{Key: private, KeyID: id, Use: "sig"})
}

// Publish signs with a key of the test's own.
func (i *Issuer) Publish(key jose.JSONWebKey) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = append([]jose.JSONWebKey{key}, i.keys...)
	i.keys = i.keys[:min(2, len(i.keys))]
}

// Fail has every request answered by fault, nil by the issuer again.
func (i *Issuer) Fail(fault http.HandlerFunc) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.fault = fault
}

func (i *Issuer) failed(w http.ResponseWriter, r *http.Request) bool {
	i.mu.Lock()
	fault := i.fault
	i.mu.Unlock()
	if fault != nil {
		fault(w, r)
	}
	return fault != nil
}

func (i *Issuer) discovery(w http.ResponseWriter, r *http.Request) {
	if !i.failed(w, r) {
		i.write(w, map[string]string{"issuer": i.URL, "jwks_uri": i.KeysURL()})
	}
}

func (i *Issuer) published(w http.ResponseWriter, r *http.Request) {
	i.Asked.Add(1)
	if i.failed(w, r) {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	var set jose.JSONWebKeySet
	for _, key := range i.keys {
		set.Keys = append(set.Keys, key.Public())
	}
	i.write(w, set)
}

func (i *Issuer) write(w http.ResponseWriter, v any) {
	if err := json.NewEncoder(w).Encode(v); err != nil {
		i.t.Error(err)
	}
}

// Token signs the claims of a good token, with changes; nil leaves a claim out.
func (i *Issuer) Token(changes map[string]any) string {
	i.mu.Lock()
	key := i.keys[0]
	i.mu.Unlock()
	return i.Signed(algorithm(key), key.Key, key.KeyID, changes)
}

func algorithm(key jose.JSONWebKey) jose.SignatureAlgorithm {
	if key.Algorithm != "" {
		return jose.SignatureAlgorithm(key.Algorithm)
	}
	return jose.RS256
}

// Signed signs by an algorithm and a key of the test's own.
func (i *Issuer) Signed(by jose.SignatureAlgorithm, key any, id string, changes map[string]any) string {
	i.t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: by, Key: key},
		(&jose.SignerOptions{}).WithHeader("kid", id))
	if err != nil {
		i.t.Fatal(err)
	}
	signed, err := signer.Sign(i.Payload(changes))
	if err != nil {
		i.t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		i.t.Fatal(err)
	}
	return text
}

// Payload is the claims of a good token, with changes.
func (i *Issuer) Payload(changes map[string]any) []byte {
	now := i.now()
	claims := map[string]any{
		"iss": i.URL, "aud": Audience, "sub": "user-1", "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		"tenant": "acme", "scope": "openid lab:use",
	}
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	text, err := json.Marshal(claims)
	if err != nil {
		i.t.Fatal(err)
	}
	return text
}

// Public returns the public key that signs now, in PEM's DER.
func (i *Issuer) Public() *rsa.PublicKey {
	i.mu.Lock()
	defer i.mu.Unlock()
	return &i.keys[0].Key.(*rsa.PrivateKey).PublicKey
}
