package e2e

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fsouza/fake-gcs-server/fakestorage"
	"gopkg.in/yaml.v3"

	"dreamlab/store/storetest"
)

// stack is a running Dream Lab, and where its clients are called.
type stack struct {
	site    *site // with DREAMLAB_URL and DREAMLAB_KEY
	url     string
	key     string
	up      *program // embedded alone
	workers []*program
}

// embedded is `dreamlab up` alone.
func embedded(t *testing.T) *stack {
	t.Helper()
	return embeddedWith(t, "")
}

// embeddedWith is the same with a configuration.
func embeddedWith(t *testing.T, settings string) *stack {
	t.Helper()
	return embeddedAt(t, "warn", settings)
}

// embeddedAt is the same with a level of the log.
func embeddedAt(t *testing.T, level, settings string) *stack {
	t.Helper()
	s := newSite(t, "DREAMLAB_ADDR=127.0.0.1:0", "DREAMLAB_LOG="+level)
	if err := os.WriteFile(filepath.Join(s.dir, "dreamlab.yaml"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	up := s.start(t, "dreamlab", "up")
	st := &stack{site: s, up: up, url: up.await(t, `answers at (\S+)/v1`), key: up.await(t, `first key: (dl-\S+)`)}
	s.env = append(s.env, "DREAMLAB_URL="+st.url, "DREAMLAB_KEY="+st.key)
	return st
}

// service is what a test needs of a service of docker-compose.yml.
type service struct {
	Image       string            `yaml:"image"`
	Command     []string          `yaml:"command"`
	Environment map[string]string `yaml:"environment"`
	DependsOn   map[string]any    `yaml:"depends_on"`
}

// composed reads docker-compose.yml.
func composed(t *testing.T) map[string]service {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docker-compose.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Services map[string]service }
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	return file.Services
}

// commandOf is a service's command, on a free port of this machine.
func commandOf(t *testing.T, services map[string]service, name string) []string {
	t.Helper()
	found, is := services[name]
	if !is {
		t.Fatalf("docker-compose.yml has no service %s", name)
	}
	command := slices.Clone(found.Command)
	for i, word := range command {
		if strings.HasPrefix(word, "0.0.0.0:") {
			command[i] = "127.0.0.1:0"
		}
	}
	return append([]string{"dreamlab"}, command...)
}

// production is every process by itself, as docker-compose.yml starts them, on
// real servers.
func production(t *testing.T) *stack {
	t.Helper()
	return productionOn(t, storetest.Redis(t))
}

// productionOn is the same with a queue of one's own choice.
func productionOn(t *testing.T, queue string) *stack {
	t.Helper()
	services := composed(t)
	s := newSite(t, "DATABASE_URL="+storetest.Postgres(t), "REDIS_URL="+queue,
		"BUCKET_URL=gs://dreamlab/objects", "STORAGE_EMULATOR_HOST="+objects(t), "DREAMLAB_LOG=warn")
	quick := "poll: {training: 200ms, deployment: 200ms}\n" +
		"tune: {budget_usd: 5000}\n" + // the plan's $100 a month hold no endpoint that is paid by the hour
		"models: {groq/openai/gpt-oss-120b: {concurrency: 3}}\n" // less than the dreams would take
	if err := os.WriteFile(filepath.Join(s.dir, "dreamlab.yaml"), []byte(quick), 0o600); err != nil {
		t.Fatal(err)
	}
	vendors := s.start(t, commandOf(t, services, "sandbox")...).await(t, `sandbox at (\S+):`)
	s.env = append(s.env, vendorsAt(vendors)...)
	s.run(t, commandOf(t, services, "migrate")...)
	st := &stack{site: s, key: strings.TrimSpace(s.run(t, "dreamlab", "key", "create", "--tenant", "acme"))}
	for range 2 {
		worker := s.start(t, commandOf(t, services, "worker")...)
		worker.await(t, `worker (started)`)
		st.workers = append(st.workers, worker)
	}
	s.start(t, commandOf(t, services, "scheduler")...).await(t, `scheduler (started)`)
	st.url = s.start(t, commandOf(t, services, "api")...).await(t, `answers at (\S+)/v1`)
	s.env = append(s.env, "DREAMLAB_URL="+st.url, "DREAMLAB_KEY="+st.key)
	return st
}

// vendorsAt are the settings of the vendors at the address of a sandbox.
func vendorsAt(sandbox string) []string {
	return []string{
		"GROQ_API_KEY=sandbox", "GROQ_BASE_URL=" + sandbox + "/groq",
		"TOGETHER_API_KEY=sandbox", "TOGETHER_BASE_URL=" + sandbox + "/together/v1",
	}
}

// objects starts a stand-in for Google Cloud Storage and returns its host.
func objects(t *testing.T) string {
	t.Helper()
	front := httptest.NewUnstartedServer(nil)
	host := front.Listener.Addr().String()
	server, err := fakestorage.NewServerWithOptions(fakestorage.Options{NoListener: true, PublicHost: host})
	if err != nil {
		t.Fatal(err)
	}
	server.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: "dreamlab"})
	front.Config.Handler = server.HTTPHandler()
	front.Start()
	t.Cleanup(front.Close)
	return host
}

// each runs a test on both ways to run Dream Lab.
func each(t *testing.T, test func(t *testing.T, st *stack)) {
	t.Helper()
	for name, open := range map[string]func(*testing.T) *stack{"embedded": embedded, "production": production} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}
