package vertex_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/completion"
	"dreamlab/providers/providertest"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/vertex"
	"dreamlab/providers/vertex/emulator"
)

// google is an emulator on a server that counts what it gives out.
type google struct {
	*httptest.Server
	lab    *lab.Lab
	tokens atomic.Int64
	broken atomic.Pointer[http.HandlerFunc] // stands in for the tokens
	client *http.Client
}

func serve(t *testing.T) *google {
	t.Helper()
	g := &google{lab: newLab(t, lab.Options{}), client: &http.Client{Transport: &http.Transport{}}}
	emulated := emulator.New(g.lab)
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/token") {
			g.tokens.Add(1)
			if broken := g.broken.Load(); broken != nil {
				(*broken)(w, r)
				return
			}
		}
		emulated.ServeHTTP(w, r)
	}))
	t.Cleanup(g.client.CloseIdleConnections)
	t.Cleanup(g.Close)
	return g
}

func (g *google) open(t *testing.T, values map[string]string, now func() time.Time) providers.Driver {
	t.Helper()
	driver, err := vertex.Vendor.Open(providers.Config{Values: values, HTTP: g.client, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return driver
}

func request() *providers.Request {
	return &providers.Request{
		Model: flash, Messages: []providers.Message{providers.TextMessage("user", "hello")},
		Settings: completion.Settings{MaxTokens: 50},
	}
}

func ask(t *testing.T, driver providers.Driver) (*providers.Reply, *providers.Error) {
	t.Helper()
	reply, err := driver.Chat(t.Context(), request(), nil)
	if err == nil {
		return reply, nil
	}
	var e *providers.Error
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	return reply, e
}

// newKey has the emulator make the key of a service account, as IAM would.
func newKey(t *testing.T, g *google) []byte {
	t.Helper()
	token, err := http.PostForm(g.URL+"/token", map[string][]string{
		"grant_type": {"refresh_token"}, "refresh_token": {providertest.Key},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer token.Body.Close()
	var given struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(token.Body).Decode(&given); err != nil {
		t.Fatal(err)
	}
	where := g.URL + "/v1/projects/dreamlab-sandbox/serviceAccounts/tester@dreamlab-sandbox.iam.gserviceaccount.com/keys"
	made, err := http.NewRequestWithContext(t.Context(), http.MethodPost, where, nil)
	if err != nil {
		t.Fatal(err)
	}
	made.Header.Set("Authorization", "Bearer "+given.Token)
	response, err := g.client.Do(made)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var key struct {
		Data string `json:"privateKeyData"`
	}
	if err := json.NewDecoder(response.Body).Decode(&key); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%d, %v", response.StatusCode, err)
	}
	http.DefaultClient.CloseIdleConnections()
	file, err := base64.StdEncoding.DecodeString(key.Data)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func file(t *testing.T, text []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "credentials.json")
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// without is the settings with other credentials than those of the sandbox.
func without(g *google, name, value string) map[string]string {
	values := settings(g.URL)
	delete(values, "GOOGLE_CREDENTIALS")
	values[name] = value
	return values
}

func TestKeyOfAServiceAccount(t *testing.T) {
	t.Parallel()
	g := serve(t)
	key := newKey(t, g)
	driver := g.open(t, without(g, "GOOGLE_APPLICATION_CREDENTIALS", file(t, key)), nil)
	if reply, e := ask(t, driver); e != nil || reply.Content == "" {
		t.Errorf("%+v, %v", reply, e)
	}
	other := serve(t) // knows nothing of the key
	forged := strings.ReplaceAll(string(key), g.URL, other.URL)
	_, e := ask(t, other.open(t, without(other, "GOOGLE_CREDENTIALS", forged), nil))
	if e == nil || e.Kind != providers.KindAuth || e.Code != "invalid_grant" || e.Charge != providers.ChargeNone {
		t.Errorf("got %+v, want a key that is not known", e)
	}
}

func TestTokenOfTheMachine(t *testing.T) {
	t.Parallel()
	g := serve(t)
	t.Run("metadata", func(t *testing.T) {
		values := without(g, "GCE_METADATA_HOST", strings.TrimPrefix(g.URL, "http://"))
		values["GOOGLE_APPLICATION_CREDENTIALS"] = ""
		if reply, e := ask(t, g.open(t, values, nil)); e != nil || reply.Content == "" {
			t.Errorf("%+v, %v", reply, e)
		}
	})
	t.Run("none", func(t *testing.T) {
		_, e := ask(t, g.open(t, without(g, "GCE_METADATA_HOST", "127.0.0.1:1"), nil))
		if e == nil || e.Kind != providers.KindAuth || !strings.Contains(e.Message, "GOOGLE_APPLICATION_CREDENTIALS") {
			t.Errorf("got %+v, want an error that names the setting", e)
		}
	})
}

// clock is a time that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// A token is kept, is replaced before it ends, and one that is about to end is used on
// where no other can be had.
func TestTokenIsReplacedBeforeItEnds(t *testing.T) {
	t.Parallel()
	g, c := serve(t), &clock{now: time.Now()}
	driver := g.open(t, settings(g.URL), c.read)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if _, e := ask(t, driver); e != nil {
				t.Error(e)
			}
		})
	}
	wait.Wait()
	if g.tokens.Load() != 1 {
		t.Errorf("%d tokens for eight calls at once, want 1", g.tokens.Load())
	}
	c.advance(57 * time.Minute)
	down := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	g.broken.Store(&down)
	if _, e := ask(t, driver); e != nil || g.tokens.Load() != 2 {
		t.Errorf("%d tokens asked for, %v: want the old one used on", g.tokens.Load(), e)
	}
	g.broken.Store(nil)
	if _, e := ask(t, driver); e != nil || g.tokens.Load() != 3 {
		t.Errorf("%d tokens asked for, %v: want a new one", g.tokens.Load(), e)
	}
}

// A token that the vendor takes no more is replaced, and the request that was turned
// away is sent once more.
func TestTokenThatIsRefused(t *testing.T) {
	t.Parallel()
	g := serve(t)
	driver := g.open(t, settings(g.URL), nil)
	if _, e := ask(t, driver); e != nil {
		t.Fatal(e)
	}
	g.lab.Advance(2 * time.Hour) // by the vendor's clock it has ended
	if _, e := ask(t, driver); e != nil || g.tokens.Load() != 2 {
		t.Errorf("%d tokens asked for, %v", g.tokens.Load(), e)
	}
	refuse := lab.Fault{Vendor: "vertex", Kind: lab.FaultStatus, Status: http.StatusUnauthorized, Route: "chat"}
	if err := g.lab.AddFault(refuse); err != nil {
		t.Fatal(err)
	}
	for i, tokens := range []int64{3, 3, 3} { // the third was never taken
		_, e := ask(t, driver)
		if e == nil || e.Kind != providers.KindAuth || g.tokens.Load() != tokens {
			t.Errorf("call %d: got %v, %d tokens asked for, want %d", i, e, g.tokens.Load(), tokens)
		}
	}
}

func TestFailuresOfTheTokenEndpoint(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		kind   providers.Kind
	}{
		"revoked": {400, `{"error":"invalid_grant","error_description":"` + providertest.Key + `"}`, providers.KindAuth},
		"client":  {401, `{"error":"invalid_client"}`, providers.KindAuth},
		"limited": {429, `{}`, providers.KindRateLimit},
		"down":    {503, `<html>`, providers.KindServer},
		"garbage": {200, `{}`, providers.KindServer},
		"no JSON": {200, `<html>`, providers.KindServer},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := serve(t)
			answer := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(c.status)
				if _, err := io.WriteString(w, c.body); err != nil {
					t.Error(err)
				}
			})
			g.broken.Store(&answer)
			_, e := ask(t, g.open(t, settings(g.URL), nil))
			if e == nil || e.Kind != c.kind || e.Charge != providers.ChargeNone ||
				strings.Contains(e.Error()+e.Message, providertest.Key) {
				t.Errorf("got %+v, want %s at no charge and without the key", e, c.kind)
			}
		})
	}
}

// A call that waits for a token ends with its context, whoever asks for the token.
func TestWaitForATokenEndsWithTheCall(t *testing.T) {
	t.Parallel()
	g := serve(t)
	key := string(newKey(t, g))
	arrived := make(chan struct{}, 4)
	hang := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			t.Error(err)
		}
		arrived <- struct{}{}
		<-r.Context().Done()
	})
	g.broken.Store(&hang)
	for name, values := range map[string]map[string]string{
		"a user":            settings(g.URL),
		"a service account": without(g, "GOOGLE_CREDENTIALS", key),
		"the machine":       without(g, "GCE_METADATA_HOST", strings.TrimPrefix(g.URL, "http://")),
	} {
		driver := g.open(t, values, nil)
		ctx, cancel := context.WithCancel(t.Context())
		first, second := make(chan error, 1), make(chan error, 1)
		go func() { _, err := driver.Chat(ctx, request(), nil); first <- err }()
		<-arrived
		go func() { _, err := driver.Chat(ctx, request(), nil); second <- err }() // waits for the first
		cancel()
		for _, ended := range []chan error{first, second} {
			err := <-ended
			var e *providers.Error
			if !errors.As(err, &e) || e.Kind != providers.KindCancelled || e.Charge != providers.ChargeNone {
				t.Errorf("%s: got %v, want a call that was cancelled at no charge", name, err)
			}
		}
	}
}
