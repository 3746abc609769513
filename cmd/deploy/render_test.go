package deploy

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// blueprint is what Render takes of what our files use
// (https://render.com/docs/blueprint-spec).
type blueprint struct {
	Previews  struct{ Generation string }
	Services  []service
	Databases []struct {
		Name, Plan           string
		PostgresMajorVersion string   `yaml:"postgresMajorVersion"`
		IPAllowList          []string `yaml:"ipAllowList"`
	}
}

type service struct {
	Type, Name, Runtime, Plan string
	DockerCommand             string     `yaml:"dockerCommand"`
	PreDeployCommand          string     `yaml:"preDeployCommand"`
	HealthCheckPath           string     `yaml:"healthCheckPath"`
	MaxShutdownDelaySeconds   int        `yaml:"maxShutdownDelaySeconds"`
	AutoDeployTrigger         string     `yaml:"autoDeployTrigger"`
	MaxmemoryPolicy           string     `yaml:"maxmemoryPolicy"`
	IPAllowList               []string   `yaml:"ipAllowList"`
	EnvVars                   []variable `yaml:"envVars"`
	BuildCommand              string     `yaml:"buildCommand"`
	StaticPublishPath         string     `yaml:"staticPublishPath"`
	Headers                   []struct{ Path, Name, Value string }
}

type variable struct {
	Key, Value   string
	Sync         *bool
	FromDatabase *struct{ Name, Property string }       `yaml:"fromDatabase"`
	FromService  *struct{ Name, Type, Property string } `yaml:"fromService"`
}

// monthly are Render's prices of the plans, dollars a month
// (https://render.com/pricing, 2026-11).
var monthly = map[string]float64{
	"web starter": 7, "worker starter": 7, "keyvalue free": 0, "keyvalue starter": 10, "database basic-256mb": 6,
}

func readBlueprint(t *testing.T, file string) blueprint {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var b blueprint
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&b); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return b
}

func (b blueprint) price(t *testing.T) (sum float64) {
	t.Helper()
	add := func(plan string) {
		usd, known := monthly[plan]
		if !known {
			t.Errorf("the price of %s is not known", plan)
		}
		sum += usd
	}
	for _, s := range b.Services {
		if s.Runtime == "static" { // which costs nothing, and has no plan
			continue
		}
		add(s.Type + " " + s.Plan)
	}
	for _, d := range b.Databases {
		add("database " + d.Plan)
	}
	return sum
}

// TestRender holds that each blueprint names only what it makes, gives running work
// time to end, lets nothing in from outside but the API, and costs what it says.
func TestRender(t *testing.T) {
	t.Parallel()
	for file, most := range map[string]float64{
		filepath.Join("..", "..", "render.yaml"): 40, "render-small.yaml": 14,
	} {
		b := readBlueprint(t, file)
		if usd := b.price(t); usd > most {
			t.Errorf("%s costs $%v a month, want at most %v", file, usd, most)
		}
		for _, d := range b.Databases {
			if d.IPAllowList == nil || len(d.IPAllowList) > 0 {
				t.Errorf("%s: the database is open to the outside", file)
			}
		}
		for _, s := range b.Services {
			b.check(t, file, s)
		}
	}
}

func (b blueprint) check(t *testing.T, file string, s service) {
	t.Helper()
	if s.Type == "keyvalue" {
		if s.MaxmemoryPolicy != "noeviction" || s.IPAllowList == nil || len(s.IPAllowList) > 0 {
			t.Errorf("%s: %s evicts or is open to the outside", file, s.Name)
		}
		return
	}
	if s.Runtime == "static" {
		built := "go run ./cmd/dreamlab site --out " + s.StaticPublishPath
		if s.Type != "web" || s.Plan != "" || s.StaticPublishPath == "" || s.BuildCommand != built || len(s.EnvVars) > 0 {
			t.Errorf("%s: %s is built by %q into %q, with %v", file, s.Name, s.BuildCommand, s.StaticPublishPath, s.EnvVars)
		}
		return
	}
	if s.MaxShutdownDelaySeconds < 30 || !strings.HasPrefix(s.DockerCommand, "dreamlab ") {
		t.Errorf("%s: %s has %d s to stop and runs %q", file, s.Name, s.MaxShutdownDelaySeconds, s.DockerCommand)
	}
	if s.Type == "web" && s.HealthCheckPath != "/healthz" {
		t.Errorf("%s: %s has no health check that outlives an outage of the queue", file, s.Name)
	}
	for _, v := range s.EnvVars {
		if of := v.FromService; of != nil && !slices.ContainsFunc(b.Services, func(s service) bool {
			return s.Name == of.Name && s.Type == of.Type
		}) {
			t.Errorf("%s: %s takes %s of %s, which is not there", file, s.Name, v.Key, of.Name)
		}
		if of := v.FromDatabase; of != nil && b.Databases[0].Name != of.Name {
			t.Errorf("%s: %s takes %s of %s, which is not there", file, s.Name, v.Key, of.Name)
		}
	}
}
