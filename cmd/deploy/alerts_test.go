package deploy

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

// rulesFile holds the alerts.
var rulesFile = filepath.Join("alerts", "dreamlab.rules.yaml")

// metric finds the names of series of Dream Lab.
var metric = regexp.MustCompile(`dreamlab_[a-z_]+`)

// TestAlerts has Prometheus' own parsers read the rules and the scraping.
func TestAlerts(t *testing.T) {
	t.Parallel()
	groups, faults := rulefmt.ParseFile(rulesFile, false, model.UTF8Validation, parser.NewParser(parser.Options{}),
		slog.New(slog.DiscardHandler))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	for _, rule := range groups.Groups[0].Rules {
		if rule.Annotations["summary"] == "" || rule.Annotations["action"] == "" || rule.Labels["severity"] == "" {
			t.Errorf("%s: it has no summary, action or severity", rule.Alert)
		}
		known(t, rule.Alert, rule.Expr)
	}
	text, err := os.ReadFile(filepath.Join("alerts", "prometheus.yml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, new(config.Config)); err != nil {
		t.Error(err)
	}
}

// TestDashboards has Prometheus' parser read what the panels ask for.
func TestDashboards(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("dashboards", "*.json"))
	if err != nil || len(files) < 3 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var board struct {
			Title  string
			Panels []struct {
				Title   string
				Targets []struct{ Expr string }
			}
		}
		if err := json.Unmarshal(text, &board); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, panel := range board.Panels {
			for _, target := range panel.Targets {
				expr := strings.ReplaceAll(target.Expr, "$lane", ".*")
				if _, err := parser.NewParser(parser.Options{}).ParseExpr(expr); err != nil {
					t.Errorf("%s, %s: %v", board.Title, panel.Title, err)
				}
				known(t, board.Title+", "+panel.Title, expr)
			}
		}
	}
}

// known refuses a series that README does not list and no Go file of the engine,
// the gateway or the vendors' counters names.
func known(t *testing.T, where, expr string) {
	t.Helper()
	for _, name := range metric.FindAllString(expr, -1) {
		name = strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_sum")
		if !told[name] {
			t.Errorf("%s asks for %s, which is no metric", where, name)
		}
	}
}

// told are the names under which the processes register their metrics: each is
// written as Subsystem and Name in the code.
var told = registered(
	"../../tasks/engine/metrics.go", "../../tasks/engine/metrics_standing.go", "../../cmd/internal/boot/tries.go",
	"../../cmd/internal/boot/dispute.go", "../../cmd/internal/api/gate/traffic.go",
)

var (
	subsystem = regexp.MustCompile(`Subsystem: "([a-z]+)"`)
	quoted    = regexp.MustCompile(`"([a-z_]+)"`)
	whole     = regexp.MustCompile(`"(dreamlab_[a-z_]+)"`)
)

func registered(files ...string) map[string]bool {
	names := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(filepath.FromSlash(file))
		if err != nil {
			panic(err)
		}
		for _, found := range whole.FindAllSubmatch(text, -1) {
			names[string(found[1])] = true
		}
		for _, of := range subsystem.FindAllSubmatch(text, -1) {
			for _, word := range quoted.FindAllSubmatch(text, -1) {
				names["dreamlab_"+string(of[1])+"_"+string(word[1])] = true
			}
		}
	}
	return names
}
