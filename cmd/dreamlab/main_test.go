package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rogpeppe/go-internal/testscript"

	"dreamlab/cmd/internal/cli"
)

func TestMain(m *testing.M) {
	redis.SetLogger(clientLog{newLog(io.Discard, "error")}) // as main does for the verbs
	testscript.Main(checked{m}, map[string]func(){"dreamlab": main})
}

// screen is what a verb writes, while it still writes.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
	news chan struct{}
}

func newScreen() *screen { return &screen{news: make(chan struct{}, 1)} }

// Write adds to the screen.
func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.news <- struct{}{}:
	default:
	}
	return s.text.Write(p)
}

// String returns what was written so far.
func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// await returns the first match on the screen, as soon as it is there.
func (s *screen) await(t *testing.T, pattern string) []string {
	t.Helper()
	wanted := regexp.MustCompile(pattern)
	late := time.After(time.Minute)
	for {
		if found := wanted.FindStringSubmatch(s.String()); found != nil {
			return found
		}
		select {
		case <-s.news:
		case <-late:
			t.Fatalf("%q did not appear in a minute:\n%s", pattern, s)
		}
	}
}

// variables is an environment of these alone.
func variables(pairs map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, set := pairs[name]
		return value, set
	}
}

// ran is what a verb did.
type ran struct {
	code      int
	out, errs string
}

// invoke runs a verb to its end, with a data directory of its own unless env
// names one.
func invoke(t *testing.T, env map[string]string, args ...string) ran {
	t.Helper()
	t.Log("dreamlab " + strings.Join(args, " "))
	out, errs := newScreen(), newScreen()
	sh := shell{in: strings.NewReader(""), out: out, errs: errs, lookup: variables(env)}
	code := run(t.Context(), sh, args)
	return ran{code, out.String(), errs.String()}
}

// background runs a verb until the test ends.
func background(t *testing.T, env map[string]string, args ...string) (out, errs *screen) {
	t.Helper()
	out, errs = newScreen(), newScreen()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, shell{in: strings.NewReader(""), out: out, errs: errs, lookup: variables(env)}, args)
	}()
	t.Cleanup(func() {
		stop()
		if code := <-ended; code != exitOK {
			t.Errorf("dreamlab %s ended with %d:\n%s", strings.Join(args, " "), code, errs)
		}
	})
	return out, errs
}

// golden returns what stands in a file of testdata, after writing it anew where
// DREAMLAB_GOLDEN=write asks for that.
func golden(t *testing.T, name, now string) string {
	t.Helper()
	path := filepath.Join("testdata", filepath.FromSlash(name))
	if os.Getenv("DREAMLAB_GOLDEN") == "write" {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(now), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestHelp(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"help"}, {"-h"}} {
		got := invoke(t, nil, args...)
		if want := golden(t, "help.txt", got.out); got.code != exitOK || got.out != want {
			t.Errorf("%v: code %d, the text differs from testdata/help.txt:\n%s", args, got.code, got.out)
		}
	}
	root, err := commands()
	if err != nil {
		t.Fatal(err)
	}
	root.Walk(func(c cli.Command) {
		path := strings.Fields(c.Path())[1:]
		if len(path) == 0 {
			return
		}
		got := invoke(t, nil, append(path, "-h")...)
		name := "help/" + strings.Join(path, "-") + ".txt"
		if want := golden(t, name, got.out); got.code != exitOK || got.out != want {
			t.Errorf("%s: code %d, the text differs from testdata/%s:\n%s", c.Path(), got.code, name, got.out)
		}
		if len(c.Help) > 76 || strings.HasSuffix(c.Help, ".") {
			t.Errorf("%s: its line of help is too long or ends with a stop", c.Path())
		}
		if _, runs := c.Verb().(verb); !runs && len(c.Children) == 0 {
			t.Errorf("%s: it can not be run", c.Path())
		}
	})
}

func TestMisuse(t *testing.T) {
	t.Parallel()
	env := map[string]string{"DREAMLAB_DATA": t.TempDir()}
	cases := map[string][]string{
		`unexpected argument dance (dreamlab -h shows`: {"dance"},
		`did you mean "import"?`:                       {"imprt", "x"},
		"unknown flag --louder (dreamlab migrate -h":   {"migrate", "--louder"},
		`--dryrun, did you mean "--dry-run"?`:          {"dream", "--dryrun"},
		"unknown flag --addr":                          {"worker", "--addr", "x"},
		"--timeout bounds a --wait":                    {"dream", "--timeout", "1s"},
		"--part is more than 0":                        {"bench", "--part", "7"},
		"--part is more than 0 and":                    {"bench", "--part", "NaN"},
		"--speed is at least 0":                        {"sandbox", "--speed", "-1"},
		"dreamlab migrate: unexpected argument x":      {"migrate", "x"},
		"dreamlab key: unexpected argument make":       {"key", "make"},
		`one of "list", "use", "remove"`:               {"context"},
		`one of "view","use","review","admin" but`:     {"key", "create", "--scope", "use,root"},
		"--jq: read the jq expression: unexpected EOF": {"job", "list", "--jq", ".data["},
		"--jq: compile the jq expression: function no": {"job", "show", "job_1", "--jq", "nothing"},
		"--jq takes JSON: leave out -o csv":            {"job", "list", "--jq", ".", "-o", "csv"},
		"is no level":                                  {"migrate", "--log", "shout"},
	}
	for want, args := range cases {
		if got := invoke(t, env, args...); got.code != exitUsage || !strings.Contains(got.errs, want) {
			t.Errorf("%v: code %d, %s", args, got.code, got.errs)
		}
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	env := map[string]string{"DREAMLAB_DATA": t.TempDir()}
	early := invoke(t, env, "key", "create")
	if early.code != exitFailed || !strings.Contains(early.errs, "dreamlab migrate") {
		t.Errorf("without a schema: code %d, %s", early.code, early.errs)
	}
	if got := invoke(t, env, "migrate"); !strings.HasPrefix(got.out, "schema at version ") {
		t.Fatalf("migrate: %+v", got)
	}
	made := invoke(t, env, "key", "create", "--tenant", "acme", "--json", "--expires", "1h")
	var key struct{ ID, Key, Tenant string }
	if err := json.Unmarshal([]byte(made.out), &key); err != nil || made.code != exitOK {
		t.Fatalf("create: %+v, %v", made, err)
	}
	if key.Tenant != "acme" || !strings.HasPrefix(key.Key, "dl-") || !strings.HasPrefix(key.ID, "key_") {
		t.Errorf("create printed %+v", key)
	}
	if got := invoke(t, env, "key", "create"); got.code != exitOK || !strings.HasPrefix(got.out, "dl-") {
		t.Errorf("create: %+v", got)
	}
	if got := invoke(t, env, "key", "revoke", key.ID); got.code != exitOK {
		t.Errorf("revoke: %+v", got)
	}
	if got := invoke(t, env, "key", "revoke", key.ID); got.code != exitFailed {
		t.Errorf("revoke again: %+v", got)
	}
	var listed struct{ Keys []keyRow }
	asJSON := invoke(t, env, "key", "list", "--json", "--tenant", "acme")
	if err := json.Unmarshal([]byte(asJSON.out), &listed); err != nil || len(listed.Keys) != 1 ||
		listed.Keys[0].ID != key.ID || listed.Keys[0].Tenant != "acme" || listed.Keys[0].Revoked == nil {
		t.Errorf("list --json: %v %+v", err, asJSON)
	}
	if got := invoke(t, env, "key", "list", "--tenant", "nobody"); got.code != exitFailed {
		t.Errorf("list of nobody: %+v", got)
	}
	list := invoke(t, env, "key", "list")
	if strings.Count(list.out, "key_") != 2 || !strings.Contains(list.out, "  acme  ") || strings.Contains(list.out, key.Key) {
		t.Errorf("list: %+v", list)
	}
}

func TestSandbox(t *testing.T) {
	t.Parallel()
	out, _ := background(t, nil, "sandbox", "--addr", "127.0.0.1:0")
	url := out.await(t, `sandbox at (\S+):`)[1]
	for _, path := range []string{
		"/groq/openai/v1/models", "/together/v1/models", "/openai/v1/models", "/_sandbox/faults",
	} {
		status, body := fetch(t, http.MethodGet, url+path, "sandbox", "")
		if status != http.StatusOK || !json.Valid(body) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
}

// fetch asks by HTTP and closes the connection.
func fetch(t *testing.T, method, url, key, body string) (int, []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+key)
	request.Header.Set("Content-Type", "application/json")
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, text
}

func TestVersion(t *testing.T) {
	t.Parallel()
	var b build
	got := invoke(t, nil, "version", "--json")
	if err := json.Unmarshal([]byte(got.out), &b); err != nil || b.Schema < 1 || !strings.HasPrefix(b.Go, "go1.") {
		t.Errorf("version --json: %v %+v", err, got)
	}
	for _, args := range [][]string{{"version"}, {"--version"}} {
		told := invoke(t, nil, args...)
		if told.code != exitOK || !strings.HasPrefix(told.out, "dreamlab ") || !strings.Contains(told.out, ", schema ") {
			t.Errorf("%v: %+v", args, told)
		}
	}
}
