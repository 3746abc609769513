package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDoctor(t *testing.T) {
	t.Parallel()
	env := map[string]string{"DREAMLAB_DATA": t.TempDir()}
	file := filepath.Join(t.TempDir(), "own.yaml")
	if err := os.WriteFile(file, []byte("log: warn\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := invoke(t, env, "doctor", "--config", file)
	for _, part := range []string{"DREAMLAB_DATA", file + ":1", "default", "embedded", "the sandbox", "prices"} {
		if got.code != exitOK || !strings.Contains(got.out, part) {
			t.Errorf("code %d, %q is not shown:\n%s", got.code, part, got.out)
		}
	}
	var found examination
	printed := invoke(t, env, "doctor", "--json")
	if err := json.Unmarshal([]byte(printed.out), &found); err != nil || len(found.Findings) < 5 {
		t.Errorf("--json: %v %+v", err, printed)
	}
}

func TestDoctorTellsHowToMend(t *testing.T) {
	t.Parallel()
	env := map[string]string{"DREAMLAB_DATA": t.TempDir(), "REDIS_URL": "redis://:hunter2@127.0.0.1:1/0"}
	got := invoke(t, env, "doctor")
	if got.code != exitFailed || !strings.Contains(got.errs, "1 of 5 dependencies need mending") {
		t.Errorf("code %d: %s", got.code, got.errs)
	}
	if !strings.Contains(got.out, "→ start the server, or mend REDIS_URL") || strings.Contains(got.out, "hunter2") {
		t.Errorf("%s", got.out)
	}
}
