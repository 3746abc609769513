package boot

import (
	"net"
	"strings"
	"testing"

	"dreamlab/cmd/internal/config"
	"dreamlab/cmd/internal/status"
	"dreamlab/store/storetest"
)

// found is the finding of that name.
func found(t *testing.T, c *config.Config, name string) status.Finding {
	t.Helper()
	for _, f := range Examine(t.Context(), c) {
		if f.Name == name {
			return f
		}
	}
	t.Fatalf("nothing was found about %s", name)
	return status.Finding{}
}

func TestExamineEmbedded(t *testing.T) {
	t.Parallel()
	c := config.Default()
	c.Data = t.TempDir()
	for _, f := range Examine(t.Context(), c) {
		if !f.OK || f.Mend != "" || f.Detail == "" {
			t.Errorf("%+v", f)
		}
	}
}

// closed is an address at which nothing listens.
func closed(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func TestExamineFaults(t *testing.T) {
	t.Parallel()
	away := closed(t)
	cases := map[string]func(*config.Config){
		"database": func(c *config.Config) { c.Database = "postgres://u:hunter2@" + away + "/db" },
		"queue":    func(c *config.Config) { c.Redis = "redis://:hunter2@" + away },
		"objects":  func(c *config.Config) { c.Bucket = "file:///proc/nowhere" },
		"prices":   func(c *config.Config) { c.Team.Lead = "groq/unheard-of" },
		"groq": func(c *config.Config) {
			c.Vendors = map[string]map[string]string{
				"groq": {"GROQ_API_KEY": "hunter2", "GROQ_BASE_URL": "http://" + away},
			}
		},
	}
	for name, spoil := range cases {
		c := config.Default()
		c.Data = t.TempDir()
		spoil(c)
		f := found(t, c, name)
		if f.OK || f.Mend == "" || f.Detail == "" || strings.Contains(f.Detail+f.Mend, "hunter2") {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

func TestExamineRealServers(t *testing.T) {
	t.Parallel()
	c := config.Default()
	c.Data, c.Redis = t.TempDir(), storetest.Redis(t)
	if f := found(t, c, "queue"); !f.OK || !strings.HasPrefix(f.Detail, "Redis ") {
		t.Errorf("%+v", f)
	}
	c.Database, c.Redis = storetest.Postgres(t), ""
	if f := found(t, c, "database"); f.OK || !strings.Contains(f.Detail, "dreamlab migrate") {
		t.Errorf("without a schema: %+v", f)
	}
	s, err := OpenStore(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Driver().Migrate(t.Context(), -1); err != nil {
		t.Fatal(err)
	}
	if f := found(t, c, "database"); !f.OK {
		t.Errorf("with its schema: %+v", f)
	}
}

func TestExamineVendorAndBucket(t *testing.T) {
	t.Parallel()
	c := config.Default()
	c.Bucket = "file://" + t.TempDir()
	c.Vendors = map[string]map[string]string{
		"groq": {"GROQ_API_KEY": SandboxKey, "GROQ_BASE_URL": sandboxed(t).URL + "/groq"},
	}
	for _, name := range []string{"groq", "objects"} {
		if f := found(t, c, name); !f.OK {
			t.Errorf("%+v", f)
		}
	}
}

func TestAtLeast(t *testing.T) {
	t.Parallel()
	cases := map[string]bool{"7.0.15": true, "6.2": true, "6.0.9": false, "10": true, "": false, "6.x": false}
	for version, want := range cases {
		if got := atLeast(version, 6, 2); got != want {
			t.Errorf("%q: %v", version, got)
		}
	}
}
