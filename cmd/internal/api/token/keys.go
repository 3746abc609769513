package token

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"dreamlab/cmd/internal/api/wire"
)

// Bounds of asking an issuer for its keys.
const (
	keysFresh   = 15 * time.Minute // after it they are asked for beside the requests
	keysFor     = 24 * time.Hour   // how long they serve while the issuer is down
	keysPause   = 10 * time.Second // between two requests, whatever key is missing
	keysTimeout = 5 * time.Second
	maxKeys     = 1 << 20 // bytes of an answer
	minRSA      = 2048    // bits
)

// keySet holds an issuer's signing keys. A key that is not among them is asked for once in a pause,
// by one request at a time, so that callers who are nobody make no load there.
type keySet struct {
	source Source
	client *http.Client

	mu      sync.Mutex
	known   map[string]jose.JSONWebKey // by id
	fetched time.Time                  // when these were
	tried   time.Time                  // when the last request ended
	err     error                      // of the last request
	running chan struct{}              // closed when the request that runs ends; nil without one
}

func newKeySet(s Source) *keySet {
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.DisableKeepAlives = true // a request in 15 minutes
	return &keySet{source: s, client: &http.Client{
		Transport: bounded{base},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return errors.New("it redirects: configure the address where it is")
		},
	}}
}

// find returns the key of an id, "" for the only one. It waits for the issuer where it has to.
func (k *keySet) find(ctx context.Context, id string) (jose.JSONWebKey, error) {
	key, wait, err := k.look(id, false)
	if wait == nil {
		return key, err
	}
	select {
	case <-wait:
	case <-ctx.Done():
		return key, fmt.Errorf("wait for the signing keys: %w", context.Cause(ctx))
	}
	key, _, err = k.look(id, true)
	return key, err
}

// look returns the key, or what to wait for, or why there is none. It has the keys asked for where
// they are old or the key is not among them.
func (k *keySet) look(id string, waited bool) (key jose.JSONWebKey, wait <-chan struct{}, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.source.Now()
	age := now.Sub(k.fetched)
	key, known := k.pick(id)
	if known && age < keysFresh {
		return key, nil, nil
	}
	if k.running == nil && !waited && now.Sub(k.tried) >= keysPause {
		k.running = make(chan struct{})
		go k.refresh()
	}
	switch {
	case known && age < keysFor:
		return key, nil, nil
	case k.running != nil && !waited:
		return key, k.running, nil
	case k.err != nil:
		return key, nil, away(k.err, k.tried.Add(keysPause).Sub(now))
	}
	fault := refused("The token is signed by a key that its issuer does not publish: ask for a new one. " +
		"Where the issuer has changed its keys just now, try again in some seconds.")
	fault.After = max(time.Second, k.tried.Add(keysPause).Sub(now))
	return key, nil, fault
}

func (k *keySet) pick(id string) (jose.JSONWebKey, bool) {
	if id == "" && len(k.known) == 1 {
		for _, only := range k.known {
			return only, true
		}
	}
	key, known := k.known[id]
	return key, known
}

// away is the fault of a token that can not be checked now.
func away(err error, after time.Duration) *wire.Fault {
	return &wire.Fault{
		Status: http.StatusServiceUnavailable, Code: "internal", Err: err, After: max(time.Second, after),
		Message: "The identity provider does not give its signing keys, so that the token can not be checked: try again in some seconds.",
	}
}

// refresh asks for the keys and tells those that wait. Where it fails the keys before serve on.
func (k *keySet) refresh() {
	ctx, cancel := context.WithTimeout(context.Background(), keysTimeout)
	defer cancel()
	known, err := k.fetch(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.tried, k.err = k.source.Now(), err
	if err == nil {
		k.known, k.fetched = known, k.tried
	}
	close(k.running)
	k.running = nil
}

func (k *keySet) fetch(ctx context.Context) (map[string]jose.JSONWebKey, error) {
	address, err := k.address(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask for the discovery document of an issuer: %w", plain(err))
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, errors.New("ask for the signing keys of an issuer: their address is no URL")
	}
	answer, err := k.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask for the signing keys of an issuer: %w", plain(err))
	}
	text, err := io.ReadAll(answer.Body)
	if err = errors.Join(err, answer.Body.Close()); err != nil {
		return nil, fmt.Errorf("read the signing keys of an issuer: %w", err)
	}
	return readKeys(text)
}

// address is where the keys are. One of an issuer with TLS has TLS, too.
func (k *keySet) address(ctx context.Context) (string, error) {
	if k.source.Keys != "" {
		return k.source.Keys, nil
	}
	provider, err := oidc.NewProvider(oidc.ClientContext(ctx, k.client), k.source.Issuer)
	if err != nil {
		return "", err
	}
	var document struct {
		Keys string `json:"jwks_uri"`
	}
	if err := provider.Claims(&document); err != nil {
		return "", err
	}
	if !strings.HasPrefix(document.Keys, "https://") && strings.HasPrefix(k.source.Issuer, "https://") {
		return "", errors.New("its jwks_uri does not begin with https://")
	}
	return document.Keys, nil
}

// plain takes the address out of an error.
func plain(err error) error {
	var asked *url.Error
	if errors.As(err, &asked) {
		return asked.Err
	}
	return err
}

// readKeys reads a JSON Web Key Set (RFC 7517). Keys of other uses and kinds are left out.
func readKeys(text []byte) (map[string]jose.JSONWebKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if json.Unmarshal(text, &set) != nil {
		return nil, errors.New("read the signing keys of an issuer: they are no JSON, or longer than 1 MiB")
	}
	known := make(map[string]jose.JSONWebKey, len(set.Keys))
	for _, one := range set.Keys {
		var key jose.JSONWebKey
		if json.Unmarshal(one, &key) == nil && signs(key) {
			known[key.KeyID] = key
		}
	}
	if len(known) == 0 {
		return nil, errors.New("read the signing keys of an issuer: there is none that can be used")
	}
	return known, nil
}

// signs tells whether tokens may be signed by a key: it is a public one, for signatures, and strong.
func signs(key jose.JSONWebKey) bool {
	if short, ok := key.Key.(*rsa.PublicKey); ok && short.N.BitLen() < minRSA {
		return false
	}
	return key.IsPublic() && key.Valid() && (key.Use == "" || key.Use == "sig")
}

// bounded refuses answers other than 200, and cuts those that are too long.
type bounded struct{ http.RoundTripper }

// RoundTrip asks once.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode >= http.StatusBadRequest {
		return nil, errors.Join(fmt.Errorf("HTTP %d", answer.StatusCode), answer.Body.Close())
	}
	answer.Body = cut{io.LimitReader(answer.Body, maxKeys), answer.Body}
	return answer, nil
}

type cut struct {
	io.Reader
	io.Closer
}
