package boot

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dreamlab/cmd/internal/config"
	"dreamlab/providers"
	"dreamlab/providers/catalog"
	"dreamlab/store"
	"dreamlab/store/storetest"
)

func TestLockIsForOne(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new")
	first, err := LockData(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := LockData(dir); err == nil || !strings.Contains(err.Error(), "another `dreamlab up` uses "+dir) {
		t.Errorf("second lock: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := LockData(dir)
	if err != nil {
		t.Fatalf("after the first ended: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

func TestRefuseEmbedded(t *testing.T) {
	t.Parallel()
	c := config.Default()
	err := RefuseEmbedded(c)
	for _, part := range []string{"DATABASE_URL", "REDIS_URL", "BUCKET_URL", "GROQ_API_KEY", "dreamlab up"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not name %s", err, part)
		}
	}
	c.Database, c.Redis, c.Bucket = "postgres://x", "redis://x", "gs://x"
	c.Vendors = map[string]map[string]string{"groq": {}}
	if err := RefuseEmbedded(c); err != nil {
		t.Errorf("nothing embedded: %v", err)
	}
}

func TestAdminKeyIsKept(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		dir := t.TempDir()
		secret, fresh, err := AdminKey(t.Context(), s, dir)
		if err != nil || !fresh || !strings.HasPrefix(secret, "dl-") {
			t.Fatalf("first: %v, fresh %v", err, fresh)
		}
		key, err := s.KeyBySecret(t.Context(), secret)
		if err != nil || !key.Has(store.ScopeAdmin) {
			t.Fatalf("look it up: %v %v", key, err)
		}
		info, err := os.Stat(filepath.Join(dir, config.KeyFile))
		if err != nil || info.Mode().Perm() != fs.FileMode(0o600) {
			t.Errorf("file: %v %v", info.Mode(), err)
		}
		again, fresh, err := AdminKey(t.Context(), s, dir)
		if err != nil || fresh || again != secret {
			t.Errorf("second: fresh %v, same %v, %v", fresh, again == secret, err)
		}
		if err := s.RevokeKey(t.Context(), key.ID); err != nil {
			t.Fatal(err)
		}
		if next, fresh, err := AdminKey(t.Context(), s, dir); err != nil || !fresh || next == secret {
			t.Errorf("after its end: fresh %v, same %v, %v", fresh, next == secret, err)
		}
	})
}

func TestMigrated(t *testing.T) {
	t.Parallel()
	c := config.Default()
	c.Data = filepath.Join(t.TempDir(), "d")
	s, err := OpenStore(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := Migrated(t.Context(), s); err == nil || !strings.Contains(err.Error(), "dreamlab migrate") {
		t.Errorf("before: %v", err)
	}
	if err := s.Driver().Migrate(t.Context(), -1); err != nil {
		t.Fatal(err)
	}
	if err := Migrated(t.Context(), s); err != nil {
		t.Errorf("after: %v", err)
	}
}

// sandboxed runs a sandbox for the test.
func sandboxed(t *testing.T) *Sandbox {
	t.Helper()
	known, err := OpenCatalog(config.Default())
	if err != nil {
		t.Fatal(err)
	}
	s, err := OpenSandbox(t.Context(), SandboxOptions{}, known)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-ended, s.Close()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestDriversReachTheSandbox(t *testing.T) {
	t.Parallel()
	s := sandboxed(t)
	c := config.Default()
	vendors, err := openDrivers(c, s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, model := range []string{c.Team.Lead, c.Team.Base} {
		provider, name, _ := strings.Cut(model, "/")
		reply, err := vendors.drivers[provider].Chat(t.Context(), &providers.Request{
			Model: name, Messages: []providers.Message{providers.TextMessage("user", "Hello")},
		}, nil)
		if err != nil || reply.Content == "" || !reply.Sandbox {
			t.Errorf("%s: %+v, %v", model, reply, err)
		}
	}
	for _, path := range []string{"/_sandbox/payments", "/openai/v1/models"} {
		if status := get(t, s.URL+path); status != http.StatusOK {
			t.Errorf("%s: status %d", path, status)
		}
	}
}

func get(t *testing.T, url string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+SandboxKey)
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode
}

func TestServersAreFree(t *testing.T) {
	t.Parallel()
	c := config.Default()
	c.Servers = []config.Server{{Name: "ollama", BaseURL: "http://127.0.0.1:1/v1", Models: []string{"m"}}}
	known, err := OpenCatalog(c)
	if err != nil {
		t.Fatal(err)
	}
	price, err := known.Price("ollama", "m", time.Now())
	if err != nil || price.In != 0 || price.Out != 0 {
		t.Errorf("price %v, %v", price, err)
	}
	vendors, err := openDrivers(c, "", nil)
	if err != nil || len(vendors.drivers) != 1 || len(vendors.accounts) != 0 {
		t.Errorf("opened %+v, %v", vendors, err)
	}
}

// TestKeysAreOpened opens a vendor and a server that have several keys.
func TestKeysAreOpened(t *testing.T) {
	t.Parallel()
	c := config.Default()
	none := 0
	c.Vendors = map[string]map[string]string{"groq": {"GROQ_API_KEY": "one"}}
	c.Accounts = map[string][]config.Account{"groq": {{Name: "second", Values: map[string]string{"GROQ_API_KEY": "two"}}}}
	c.Servers = []config.Server{{Name: "own", BaseURL: "http://127.0.0.1:1/v1", Models: []string{"m"}, Keys: []config.ServerKey{
		{KeyEnv: "A", Key: "a", Weight: &none}, {KeyEnv: "B", Key: "b"},
	}}}
	vendors, err := openDrivers(c, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, vendor := range []string{"groq", "own"} {
		for _, a := range vendors.accounts[vendor] {
			got = append(got, fmt.Sprintf("%s:%d", accountName(vendor, a.Name), a.Weight))
		}
	}
	if all := strings.Join(got, " "); all != "groq:100 groq@second:100 own@A:0 own@B:100" || len(vendors.drivers) != 2 {
		t.Errorf("accounts %s, drivers %v", all, vendors.drivers)
	}
}

func TestNamesAreBounded(t *testing.T) {
	t.Parallel()
	s := storetest.SQLite(t)
	for _, name := range []string{strings.Repeat("x", 129), "two\nlines", "\xff"} {
		_, _, err := NewKey(t.Context(), s, name, store.Key{})
		if err == nil || !strings.Contains(err.Error(), "at most 128 bytes") {
			t.Errorf("tenant %q: %v", name, err)
		}
		if _, _, err := NewKey(t.Context(), s, "acme", store.Key{Name: name}); err == nil {
			t.Errorf("a key was named %q", name)
		}
	}
	if _, _, err := NewKey(t.Context(), s, strings.Repeat("x", 128), store.Key{}); err != nil {
		t.Error(err)
	}
}

// TestSlowerTiersAreKnownToDrivers holds the catalogue against the drivers: where a model's slower tier of service costs
// less than the usual one, its driver has to know what that does when it is full, or no call would take it.
func TestSlowerTiersAreKnownToDrivers(t *testing.T) {
	t.Parallel()
	vendors, err := openDrivers(config.Default(), "http://127.0.0.1:1", nil)
	if err != nil {
		t.Fatal(err)
	}
	models, err := catalog.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, m := range models.Models() {
		for _, price := range m.Prices {
			if price.Slower() == nil {
				continue
			}
			found++
			if tiered, able := vendors.drivers[m.Provider].(providers.Tiered); !able || !tiered.Spares("flex") {
				t.Errorf("%s/%s has a price of flex, and its driver does not know the tier", m.Provider, m.ID)
			}
		}
	}
	if found == 0 {
		t.Error("the catalogue has no slower tier")
	}
}
