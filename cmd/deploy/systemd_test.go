package deploy

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/coreos/go-systemd/v22/unit"
)

// TestUnits has systemd's unit format read, and holds that the units give running
// work time to end and no more rights than they need.
func TestUnits(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("systemd", "*.service"))
	if err != nil || len(files) != 4 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		text, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		options, err := unit.Deserialize(text)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if err := text.Close(); err != nil {
			t.Fatal(err)
		}
		found := map[string]string{}
		for _, o := range options {
			found[o.Section+" "+o.Name] = o.Value
		}
		for name, want := range map[string]string{
			"Service DynamicUser": "yes", "Service NoNewPrivileges": "yes", "Service ProtectSystem": "strict",
			"Install WantedBy": "multi-user.target",
		} {
			if found[name] != want {
				t.Errorf("%s: %s is %q, want %q", file, name, found[name], want)
			}
		}
		if found["Service Type"] != "oneshot" && found["Service TimeoutStopSec"] != "40" {
			t.Errorf("%s: it is killed after %q", file, found["Service TimeoutStopSec"])
		}
	}
}
