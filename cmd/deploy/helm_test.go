package deploy

import (
	"path/filepath"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"sigs.k8s.io/yaml"
)

// render returns the chart's objects by kind and name, under values that are laid
// over its own.
func render(t *testing.T, values map[string]any) map[string]map[string]any {
	t.Helper()
	chart, err := loader.LoadDir(filepath.Join("helm", "dreamlab"))
	if err != nil {
		t.Fatal(err)
	}
	if err := chartutil.ProcessDependencies(chart, values); err != nil {
		t.Fatal(err)
	}
	all, err := chartutil.ToRenderValues(chart, values, chartutil.ReleaseOptions{Name: "lab", Namespace: "ai"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	files, err := engine.Engine{Strict: true}.Render(chart, all)
	if err != nil {
		t.Fatal(err)
	}
	objects := map[string]map[string]any{}
	for file, text := range files {
		for _, part := range strings.Split(text, "\n---") {
			var object map[string]any
			if err := yaml.UnmarshalStrict([]byte(part), &object); err != nil {
				t.Fatalf("%s: %v\n%s", file, err, part)
			}
			if len(object) > 0 {
				objects[object["kind"].(string)+" "+object["metadata"].(map[string]any)["name"].(string)] = object
			}
		}
	}
	return objects
}

// TestChart renders the chart by Helm's engine.
func TestChart(t *testing.T) {
	t.Parallel()
	objects := render(t, map[string]any{})
	for _, want := range []string{
		"Deployment lab-api", "Deployment lab-worker-chat", "Deployment lab-worker-night", "Deployment lab-scheduler",
		"Service lab", "Job lab-migrate", "ConfigMap lab", "ServiceAccount lab", "PodDisruptionBudget lab-api",
	} {
		if objects[want] == nil {
			t.Errorf("the chart makes no %s", want)
		}
	}
	if len(objects) != 9 {
		t.Errorf("the chart makes %d objects by default", len(objects))
	}
}

// TestChartWithAll renders what is off by default, too.
func TestChartWithAll(t *testing.T) {
	t.Parallel()
	objects := render(t, map[string]any{
		"keda":          map[string]any{"enabled": true},
		"monitoring":    map[string]any{"podMonitor": true, "rules": true},
		"networkPolicy": map[string]any{"enabled": true},
		"api":           map[string]any{"ingress": map[string]any{"enabled": true, "host": "ai.example.com"}},
		"config":        map[string]any{"schedules": []any{}},
	})
	for _, want := range []string{
		"ScaledObject lab-worker-chat", "ScaledObject lab-worker-night", "PodMonitor lab", "PrometheusRule lab",
		"NetworkPolicy lab", "Ingress lab",
	} {
		if objects[want] == nil {
			t.Errorf("the chart makes no %s", want)
		}
	}
	for name, least := range map[string]float64{"chat": 2, "night": 0} {
		spec := objects["ScaledObject lab-worker-"+name]["spec"].(map[string]any)
		if spec["minReplicaCount"] != least {
			t.Errorf("workers of %s go down to %v, want %v", name, spec["minReplicaCount"], least)
		}
		if deployment := objects["Deployment lab-worker-"+name]["spec"].(map[string]any); deployment["replicas"] != nil {
			t.Errorf("the chart resets the number of workers of %s, which is the scaler's", name)
		}
	}
	if rules := objects["PrometheusRule lab"]["spec"].(map[string]any); rules["groups"] == nil {
		t.Error("the rules are empty")
	}
}

// TestChartRefuses holds that the schema of the values refuses what makes no sense.
func TestChartRefuses(t *testing.T) {
	t.Parallel()
	chart, err := loader.LoadDir(filepath.Join("helm", "dreamlab"))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range map[string]map[string]any{
		"no secret": {"existingSecret": ""},
		"no lane":   {"workers": []any{map[string]any{"name": "x", "lanes": []any{"sleep"}, "replicas": 1}}},
	} {
		all, err := chartutil.CoalesceValues(chart, values)
		if err != nil {
			t.Fatal(err)
		}
		if err := chartutil.ValidateAgainstSchema(chart, all); err == nil {
			t.Errorf("%s: it is taken", name)
		}
	}
}
