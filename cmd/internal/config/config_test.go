package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"dreamlab/providers"
)

var testVendors = []providers.Vendor{
	{Name: "groq", Settings: []providers.Setting{
		{Env: "GROQ_API_KEY", Secret: true, Required: true}, {Env: "GROQ_BASE_URL", Default: "https://x"},
	}},
	{Name: "together", Settings: []providers.Setting{{Env: "TOGETHER_API_KEY", Secret: true, Required: true}}},
	{Name: "cloudflare", Settings: []providers.Setting{
		{Env: "CLOUDFLARE_API_TOKEN", Secret: true, Required: true},
		{Env: "CLOUDFLARE_ACCOUNT_ID", Required: true},
		{Env: "PROXY_ID", Shared: true},
	}},
}

func env(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

// load reads a configuration of a file's text and of variables alone.
func load(t *testing.T, text string, pairs ...string) (*Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "dreamlab.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(Options{File: path, Vendors: testVendors, Lookup: env(pairs...)})
}

func TestDefaultIsTheSandbox(t *testing.T) {
	t.Parallel()
	for _, c := range []*Config{Default(), must(load(t, ""))} {
		if !c.Sandbox() || c.Addr != "127.0.0.1:8080" || c.Poll.Training != 200*time.Millisecond {
			t.Errorf("default: sandbox %v, addr %s, poll %v", c.Sandbox(), c.Addr, c.Poll.Training)
		}
		if got := c.Routes["assistant"]; len(got) != 1 || got[0] != (Target{"together/openai/gpt-oss-20b", 100, 0}) {
			t.Errorf("assistant goes to %v", got)
		}
	}
}

func must(c *Config, err error) *Config {
	if err != nil {
		panic(err)
	}
	return c
}

func TestPrecedenceAndOrigins(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "f.yaml")
	text := "addr: 0.0.0.0:1\ndata: from-file\nlog: warn\ntune:\n  min_examples: 7\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(Options{
		File: path, Flags: map[string]string{"addr": "127.0.0.1:3"},
		Lookup: env("DREAMLAB_ADDR", "127.0.0.1:2", "DREAMLAB_DATA", "from-env", "REDIS_URL", " "),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][2]string{
		"addr": {"127.0.0.1:3", "--addr"}, "data": {"from-env", "DREAMLAB_DATA"},
		"log": {"warn", path + ":3"}, "tune.min_examples": {"7", path + ":5"},
		"tune.papers": {"200", "default"}, "redis_url": {"", "default"},
	}
	values, err := c.Values()
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range values {
		if w, listed := want[v.Key]; listed {
			delete(want, v.Key)
			if v.Value != w[0] || v.Origin != w[1] {
				t.Errorf("%s is %q from %q, want %v", v.Key, v.Value, v.Origin, w)
			}
		}
	}
	if len(want) > 0 {
		t.Errorf("not listed: %v", want)
	}
}

func TestAllFaultsAtOnce(t *testing.T) {
	t.Parallel()
	text := `adr: 127.0.0.1:1
log: loud
database_url: mysql://user:hunter2@db/x
team:
  laed: groq/x
  base: gpt
lanes: {fast: {concurrency: -1}}
tenants: [{name: acme, weight: -1}, {name: acme}]
models: {solo: {concurrency: 2}, groq/x: {}}
dream:
  threshold: many
  off_peak: {from: "25:00", to: "06:00", zone: Mars/Base}
tune: {margin: 0.7, method: rlhf, beta: 3, replay_share: 0, hosting_hours: {days: [mon, moon], from: "8", to: "20:00", zone: Moon}}
budgets: [{purpose: fun, usd: -3, per: week}]
schedules: [{id: a, cron: "* *", zone: UTC}, {id: a, cron: "@daily", misfire: all, overlap: maybe}]
servers: [{name: groq, base_url: localhost, key_env: NOT_SET, prefill: yes,
  limits: {connect: 1m, total: 1m, tries: 11}}]
accounts: {groq: [{name: b, env: {GROQ_API_KEY: X}}], cloudflare: []}
policies: {ghost: {order: cheapest}, lead: {order: random}, base: {hedge: 1ms}}
limits: {ghost: {headers: 1s}, lead: {silence: -1s}, base: {first_token: 2h}}
`
	_, err := load(t, text, "CLOUDFLARE_API_TOKEN", "t0ken", "DREAMLAB_ADDR", "nowhere", "DREAMLAB_PREFIX", "lab/?")
	var faults Faults
	if !errors.As(err, &faults) {
		t.Fatalf("got %v", err)
	}
	for _, part := range []string{
		`dreamlab.yaml:1: unknown key "adr"`, `unknown key "laed" at team`, "dreamlab.yaml:11: ",
		`addr (DREAMLAB_ADDR): "nowhere"`, `prefix (DREAMLAB_PREFIX): "lab/?"`, `"loud" is no level`, "database_url",
		"cloudflare needs CLOUDFLARE_ACCOUNT_ID too", `"gpt" is no model`, "lanes.fast: there is no such lane",
		"lanes.fast: nothing in it", "tenants[0]: weight", "tenants[1]: name", `models: "solo" is no model`, "models.groq/x.concurrency: 0 is too few", `"25:00" is no time`, "Mars/Base", "0.7 is out of range", `"rlhf" is no method`, "tune.beta", "tune.replay_share: 0", `"moon" is no day`, `"8" is no time`, `"Moon" is no time zone`,
		`"fun" is no purpose`, "write a plain decimal", `per is "week"`, `cron "* *"`, "schedules[1]: id",
		`misfire is "all"`, `overlap is "maybe"`,
		"servers[0]: name", "servers[0]: base_url", "servers[0]: name the models",
		"servers[0].limits.connect: 1m0s is out of range", "servers[0].limits.tries: 11", "servers[0].limits.total",
		"accounts.groq: this vendor is not configured",
		`policies.lead.order: "random" is no order`, "policies.base.hedge: 1ms is out of range",
		`servers[0]: prefill is "yes"`,
		"limits.lead.silence: -1s", "limits.base.first_token: 2h0m0s is out of range",
		"NOT_SET, which is not set",
	} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("no fault says %q", part)
		}
	}
	for _, secret := range []string{"hunter2", "t0ken"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the faults show %q", secret)
		}
	}
	if t.Failed() {
		t.Log(err)
	}
}

// A variable that other programs read, too, says nothing of a vendor by itself.
func TestSharedVariables(t *testing.T) {
	t.Parallel()
	for _, pairs := range [][]string{
		{"PROXY_ID", "7"},
		{"PROXY_ID", "7", "CLOUDFLARE_API_TOKEN", "t", "CLOUDFLARE_ACCOUNT_ID", "a"},
	} {
		c, err := load(t, "", append(pairs, "GROQ_API_KEY", "g", "TOGETHER_API_KEY", "t")...)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Vendors["cloudflare"]; (len(pairs) > 2) != (got["PROXY_ID"] == "7") {
			t.Errorf("%v configures %v", pairs, got)
		}
	}
}

func TestOneFaultOfTheFile(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"addr: [\n":            "dreamlab.yaml:1: ",
		"addr: a:1\n---\nb: 2": "more than one document",
		"- 1":                  "dreamlab.yaml:1: ",
		"addr: x:1\naddr: y:1": "dreamlab.yaml:2: ",
		"grace: soon":          "dreamlab.yaml:1: ",
		"budgets:\n  - {purpose: chat, usd: 1, per: day}\n  - {purpose: chat, usd: 2, per: day}": "keep one",
		"routes: {a: [{model: x/y, weight: -1}]}":                                                "can not be negative",
	}
	for text, want := range cases {
		_, err := load(t, text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
	if _, err := Load(Options{File: "/nowhere/x.yaml", Lookup: env()}); err == nil {
		t.Error("a named file that is not there is no fault")
	}
}

func TestVendors(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		text  string
		pairs []string
		want  string // of the fault; none where empty
	}{
		"both":            {pairs: []string{"GROQ_API_KEY", "a", "TOGETHER_API_KEY", "b"}},
		"one of the team": {pairs: []string{"GROQ_API_KEY", "a"}, want: "together is not configured"},
		"address alone":   {pairs: []string{"GROQ_BASE_URL", "http://x"}, want: "groq needs GROQ_API_KEY too"},
		"server of one's own": {
			text: "servers: [{name: ollama, base_url: 'http://127.0.0.1:11434/v1', models: [m], key_env: K}]\n" +
				"team: {lead: ollama/m, base: ollama/m}\n",
			pairs: []string{"K", "k"},
		},
		"route to nobody": {
			text:  "routes: {fast: [{model: nobody/m}]}",
			pairs: []string{"GROQ_API_KEY", "a", "TOGETHER_API_KEY", "b"},
			want:  "nobody is not configured",
		},
	}
	for name, c := range cases {
		got, err := load(t, c.text, c.pairs...)
		switch {
		case c.want == "" && err != nil, c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		case err == nil && (got.Sandbox() || got.Poll.Training != 30*time.Second):
			t.Errorf("%s: sandbox %v, poll %v", name, got.Sandbox(), got.Poll.Training)
		}
	}
}

func TestValuesShowNoSecret(t *testing.T) {
	t.Parallel()
	c := must(load(t, "redis_url: redis://u:hunter2@h:6379/0\n",
		"GROQ_API_KEY", "gsk-secret", "TOGETHER_API_KEY", "tok-secret", "GROQ_BASE_URL", "http://127.0.0.1:9/groq",
		"DATABASE_URL", "postgres://u:hunter2@h/db?sslpassword=hunter2"))
	values, err := c.Values()
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]Value{}
	for _, v := range values {
		shown[v.Key] = v
		if strings.Contains(v.Value, "secret") || strings.Contains(v.Value, "hunter2") {
			t.Errorf("%s shows %s", v.Key, v.Value)
		}
	}
	if got := shown["GROQ_BASE_URL"].Value; got != "http://127.0.0.1:9/groq" {
		t.Errorf("GROQ_BASE_URL shown as %q", got)
	}
	if got := shown["budgets[0].usd"].Value; got != "50" {
		t.Errorf("budget shown as %q", got)
	}
	if got := shown["redis_url"]; !strings.Contains(got.Value, "u:xxxxx@h:6379") || !strings.HasSuffix(got.Origin, ":1") {
		t.Errorf("redis_url shown as %v", got)
	}
}

func TestClient(t *testing.T) {
	t.Parallel()
	c := Default()
	c.Data, c.Addr = t.TempDir(), "0.0.0.0:99"
	_, err := c.Client(Options{Lookup: env()})
	if !errors.Is(err, ErrNoKey) || !strings.Contains(err.Error(), "DREAMLAB_KEY") {
		t.Errorf("without a key: %v", err)
	}
	if err := os.WriteFile(filepath.Join(c.Data, KeyFile), []byte("dl-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		pairs []string
		kept  string // the address that an `up` left
		addr  string // --addr, which c.Addr follows
		want  Client
	}{
		{nil, "", "", Client{"http://127.0.0.1:99", "dl-file"}},
		{[]string{"DREAMLAB_KEY", "dl-env"}, "", "", Client{"http://127.0.0.1:99", "dl-env"}},
		{[]string{"DREAMLAB_URL", "https://x", "DREAMLAB_KEY", "dl-env"}, "http://127.0.0.1:7\n", "", Client{"https://x", "dl-env"}},
		{[]string{"DREAMLAB_URL", "http://localhost:7/"}, "http://127.0.0.1:7\n", "", Client{"http://localhost:7/", "dl-file"}},
		{[]string{"DREAMLAB_URL", "http://127.0.0.1:99"}, "", "", Client{"http://127.0.0.1:99", "dl-file"}},
		{nil, "http://127.0.0.1:7\n", "", Client{"http://127.0.0.1:7", "dl-file"}},
		{nil, "http://127.0.0.1:7\n", "0.0.0.0:99", Client{"http://127.0.0.1:99", "dl-file"}},
	}
	for _, tc := range cases {
		if err := os.WriteFile(filepath.Join(c.Data, AddressFile), []byte(tc.kept), 0o600); err != nil {
			t.Fatal(err)
		}
		o := Options{Lookup: env(tc.pairs...), Flags: map[string]string{"addr": tc.addr}}
		if got, err := c.Client(o); err != nil || got != tc.want {
			t.Errorf("%+v: got %v, %v", tc, got, err)
		}
	}
}

// TestKeptKeyStays sends the key of the data directory to no server but its own.
func TestKeptKeyStays(t *testing.T) {
	t.Parallel()
	c := Default()
	c.Data = t.TempDir()
	for name, text := range map[string]string{KeyFile: "dl-file", AddressFile: "http://127.0.0.1:7"} {
		if err := os.WriteFile(filepath.Join(c.Data, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, other := range []string{
		"https://lab.example", "http://lab.example:7", "http://127.0.0.1:8", "https://127.0.0.1:7", "127.0.0.1:7",
		"http://127.0.0.1:7@lab.example", "http://127.0.0.1.lab.example:7", "http://[::1]:7", "http://127.0.0.1:7%",
	} {
		got, err := c.Client(Options{Lookup: env("DREAMLAB_URL", other)})
		if !errors.Is(err, ErrNoKey) || got.Key != "" || !strings.Contains(err.Error(), "DREAMLAB_KEY") {
			t.Errorf("%s: got the key %q, %v", other, got.Key, err)
		}
	}
}

func TestUSD(t *testing.T) {
	t.Parallel()
	c := must(load(t, "budgets: [{purpose: all, usd: 12.345, per: month}]"))
	if got := c.Budgets[0].USD; got != 12_345_000_000 || got.String() != "12.345" {
		t.Errorf("got %d, %s", got, got)
	}
}

func TestWhatServersArePassed(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"all": 1, "[top_k, num_ctx]": 2, "[]": 0} {
		var server Server
		if err := yaml.Unmarshal([]byte("pass: "+text), &server); err != nil || len(server.Pass) != want {
			t.Errorf("%s: got %q, %v", text, server.Pass, err)
		}
	}
}

// TestAccountsAreRead has a vendor with three accounts and a server with two keys.
func TestAccountsAreRead(t *testing.T) {
	t.Parallel()
	text := "accounts: {groq: [{name: second, env: {GROQ_API_KEY: KEY_2}}, {name: spare, weight: 0, env: {GROQ_API_KEY: KEY_3}}]}\n" +
		"servers: [{name: own, base_url: 'http://127.0.0.1:1/v1', models: [m], keys: [{key_env: KEY_2, weight: 3}, {key_env: KEY_3}]}]\n" +
		"team: {lead: groq/openai/gpt-oss-120b, base: own/m}\n"
	c, err := load(t, text, "GROQ_API_KEY", "secret-1", "KEY_2", "secret-2", "KEY_3", "secret-3")
	if err != nil {
		t.Fatal(err)
	}
	accounts, keys := c.Accounts["groq"], c.Servers[0].Keys
	if accounts[0].Values["GROQ_API_KEY"] != "secret-2" || accounts[1].Values["GROQ_API_KEY"] != "secret-3" ||
		Share(accounts[0].Weight) != 100 || Share(accounts[1].Weight) != 0 || c.Vendors["groq"]["GROQ_API_KEY"] != "secret-1" {
		t.Errorf("accounts %+v", accounts)
	}
	if len(keys) != 2 || keys[0].Key != "secret-2" || Share(keys[0].Weight) != 3 || keys[1].Key != "secret-3" {
		t.Errorf("keys %+v", keys)
	}
	values, err := c.Values()
	if shown := fmt.Sprint(values); err != nil || strings.Contains(shown, "secret-") {
		t.Errorf("%v, shown: %s", err, shown)
	}
	text = strings.NewReplacer("second", "spare", "GROQ_API_KEY: KEY_2", "NO_SUCH: KEY_2", "weight: 3", "weight: -3",
		"models: [m]", "models: [m], key_env: KEY_2").Replace(text)
	_, err = load(t, text, "GROQ_API_KEY", "secret-1", "KEY_2", "secret-2", "KEY_3", "")
	for _, part := range []string{
		`no setting "NO_SUCH"`, `accounts.groq[1]: name "spare"`, "spare takes GROQ_API_KEY from KEY_3, which is not set",
		"own takes its key from KEY_3, which is not set", "servers[0]: give key_env or keys", "servers[0].keys[0]: weight",
	} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("no fault says %q: %v", part, err)
		}
	}
}

func TestPoliciesAreRead(t *testing.T) {
	t.Parallel()
	c, err := load(t, "policies: {assistant: {order: fastest}, lead: {order: cheapest, sticky: false}}\n")
	if err != nil {
		t.Fatal(err)
	}
	assistant, lead := c.Policies["assistant"], c.Policies["lead"]
	if assistant.Order != "fastest" || assistant.Sticky != nil || lead.Order != "cheapest" || lead.Sticky == nil || *lead.Sticky {
		t.Errorf("assistant %+v, lead %+v", assistant, lead)
	}
}

func TestLimitsAreRead(t *testing.T) {
	t.Parallel()
	c, err := load(t, "servers: [{name: own, base_url: 'http://127.0.0.1:1/v1', models: [m], in_one_piece: true,\n"+
		"  limits: {whole: 5m, tries: 2}}]\nteam: {lead: own/m, base: own/m}\n"+
		"limits: {assistant: {connect: 2s, headers: 5s, first_token: 14s, silence: 10s, total: 1m, tries: 3}}\n")
	if err != nil {
		t.Fatal(err)
	}
	want := providers.Limits{
		Connect: 2 * time.Second, Headers: 5 * time.Second, FirstToken: 14 * time.Second, Silence: 10 * time.Second,
		Total: time.Minute, Tries: 3,
	}
	if got := c.Limits["assistant"].Calls(); got != want {
		t.Errorf("the alias has %+v, want %+v", got, want)
	}
	if got := c.Servers[0].Limits.Calls(); got != (providers.Limits{Whole: 5 * time.Minute, Tries: 2}) || !c.Servers[0].InOnePiece {
		t.Errorf("the server has %+v, in one piece: %v", got, c.Servers[0].InOnePiece)
	}
}
