package deploy

import (
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/api/run/v1"
	"sigs.k8s.io/yaml"
)

// TestCloudRun reads the files into the types of Cloud Run's own API, which know all fields, and starts
// verbs that there are.
func TestCloudRun(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]string{"api": "Service", "worker": "WorkerPool", "scheduler": "WorkerPool"} {
		text, err := os.ReadFile(filepath.Join("cloudrun", name+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		var head struct{ Kind string }
		var containers []*run.Container
		switch err = yaml.Unmarshal(text, &head); head.Kind {
		case "Service":
			var s run.Service
			err = yaml.UnmarshalStrict(text, &s)
			containers = s.Spec.Template.Spec.Containers
		case "WorkerPool":
			var p run.WorkerPool
			err = yaml.UnmarshalStrict(text, &p)
			containers = p.Spec.Template.Spec.Containers
		}
		if err != nil || head.Kind != kind {
			t.Errorf("%s is a %s: %v", name, head.Kind, err)
			continue
		}
		if len(containers) != 1 || len(containers[0].Args) == 0 || containers[0].Args[0] != name {
			t.Errorf("%s starts %+v", name, containers)
		}
	}
}
