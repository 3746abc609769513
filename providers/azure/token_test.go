package azure_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/azure"
	"dreamlab/providers/azure/emulator"
	"dreamlab/providers/providertest"
	"dreamlab/providers/sandbox/lab"
)

// entra is a driver that asks Entra ID for its tokens, and what stands behind it.
type entra struct {
	providers.Driver
	lab    *lab.Lab
	asked  atomic.Int64  // for tokens
	given  chan struct{} // one for each that was answered
	broken atomic.Pointer[http.HandlerFunc]
}

// newEntra starts one on a clock that only the test moves.
func newEntra(t *testing.T, secret string) *entra {
	t.Helper()
	began := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	l, err := lab.New(lab.Options{Credential: providertest.Key, Now: func() time.Time { return began }})
	if err != nil {
		t.Fatal(err)
	}
	e := &entra{lab: l, given: make(chan struct{}, 64)}
	emulated := emulator.New(l)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler := emulated
		if strings.Contains(r.URL.Path, "/oauth2/") {
			e.asked.Add(1)
			defer func() { e.given <- struct{}{} }()
			if broken := e.broken.Load(); broken != nil {
				handler = *broken
			}
		}
		handler.ServeHTTP(w, r)
	}))
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		server.Close()
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	e.Driver, err = azure.Vendor.Open(providers.Config{
		HTTP: &http.Client{Transport: transport}, Now: l.Now,
		Values: map[string]string{
			"AZURE_OPENAI_ENDPOINT": server.URL, "AZURE_TENANT_ID": emulator.Tenant, "AZURE_CLIENT_ID": emulator.Client,
			"AZURE_CLIENT_SECRET": secret, "AZURE_AUTHORITY_HOST": server.URL,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func (e *entra) chat(t *testing.T) error {
	_, err := e.Chat(t.Context(), request("gpt-5-nano"), nil)
	return err
}

// Many calls share one token, and it is asked for once.
func TestOneTokenForAll(t *testing.T) {
	t.Parallel()
	e := newEntra(t, providertest.Key)
	var wait sync.WaitGroup
	for range 16 {
		wait.Go(func() {
			if err := e.chat(t); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if n := e.asked.Load(); n != 1 {
		t.Errorf("%d tokens were asked for", n)
	}
}

// A token is renewed before it ends, while calls go out with the old one; one that has
// ended is not sent.
func TestTokenIsRenewed(t *testing.T) {
	t.Parallel()
	e := newEntra(t, providertest.Key)
	seen := int64(0)
	for step, c := range []struct {
		after time.Duration
		asked int64
	}{{0, 1}, {50 * time.Minute, 1}, {6 * time.Minute, 2}, {time.Hour, 3}} {
		e.lab.Advance(c.after)
		if err := e.chat(t); err != nil {
			t.Fatalf("step %d: %v", step, err)
		}
		for ; seen < c.asked; seen++ { // a renewal runs beside the call
			<-e.given
		}
		if err := e.chat(t); err != nil || e.asked.Load() != c.asked {
			t.Errorf("step %d: %d tokens were asked for, want %d: %v", step, e.asked.Load(), c.asked, err)
		}
	}
}

// What the host of the tokens answers is no charge and one kind, and its words hide the
// secret.
func TestTokenRefused(t *testing.T) {
	t.Parallel()
	const wrong = "wr0ng-secret-9f8e7d6c5b4a"
	e := newEntra(t, wrong)
	for name, c := range map[string]struct {
		broken http.HandlerFunc
		kind   providers.Kind
		wait   time.Duration
	}{
		"wrong secret": {nil, providers.KindAuth, 0},
		"no such application": {answer(400, nil, `{"error":"unauthorized_client","error_description":"AADSTS700016: not found"}`),
			providers.KindAuth, 0},
		"too many": {answer(429, map[string]string{"Retry-After": "9"}, `{"error":"temporarily_unavailable"}`),
			providers.KindRateLimit, 9 * time.Second},
		"away":     {answer(503, nil, `<html>`), providers.KindCapacity, 0},
		"empty":    {answer(200, nil, `{}`), providers.KindUnreadable, 0},
		"repeated": {answer(401, nil, `{"error":{"message":"`+wrong+`"}}`), providers.KindAuth, 0},
	} {
		e.broken.Store(nil)
		if c.broken != nil {
			e.broken.Store(&c.broken)
		}
		var got *providers.Error
		err := e.chat(t)
		if !errors.As(err, &got) || got.Kind != c.kind || got.RetryAfter != c.wait || got.Charge != providers.ChargeNone ||
			got.Model != "gpt-5-nano" || strings.Contains(got.Message+got.Error(), wrong) {
			t.Errorf("%s: %+v, want %s after %v", name, got, c.kind, c.wait)
		}
	}
	if payments := e.lab.Payments(); len(payments) > 0 {
		t.Errorf("paid %+v", payments)
	}
}

// A token that the resource refuses is not used again.
func TestRefusedTokenIsDropped(t *testing.T) {
	t.Parallel()
	e := newEntra(t, providertest.Key)
	if err := e.chat(t); err != nil {
		t.Fatal(err)
	}
	once := 1
	if err := e.lab.AddFault(lab.Fault{Vendor: "azure", Route: "/chat/", Kind: lab.FaultStatus, Status: 401, Times: &once}); err != nil {
		t.Fatal(err)
	}
	if err := e.chat(t); providers.KindOf(err) != providers.KindAuth {
		t.Errorf("got %v", err)
	}
	if err := e.chat(t); err != nil || e.asked.Load() != 2 {
		t.Errorf("%d tokens were asked for: %v", e.asked.Load(), err)
	}
}
