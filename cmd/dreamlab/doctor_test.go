package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dreamlab/cmd/internal/status"
	"dreamlab/store/storetest"
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
	var found status.Examination
	printed := invoke(t, env, "doctor", "--json")
	if err := json.Unmarshal([]byte(printed.out), &found); err != nil || len(found.Findings) < 5 {
		t.Errorf("--json: %v %+v", err, printed)
	}
}

// TestDoctorKnowsProduction has everything but vendors: the processes would not start.
func TestDoctorKnowsProduction(t *testing.T) {
	t.Parallel()
	env := map[string]string{
		"DREAMLAB_DATA": t.TempDir(), "DATABASE_URL": storetest.Postgres(t), "BUCKET_URL": "file://" + t.TempDir(),
	}
	if got := invoke(t, env, "migrate"); got.code != exitOK {
		t.Fatal(got.errs)
	}
	got := invoke(t, env, "doctor")
	for _, part := range []string{"max_connections is 200", "→ api, worker and scheduler need vendors"} {
		if got.code != exitOK || !strings.Contains(got.out, part) {
			t.Errorf("code %d, %q is not shown:\n%s", got.code, part, got.out)
		}
	}
	for line := range strings.Lines(got.out) {
		if strings.HasPrefix(line, "each process") {
			t.Errorf("a detail stands outside of its column:\n%s", got.out)
		}
	}
	env["REDIS_URL"] = storetest.Redis(t)
	if got := invoke(t, env, "doctor"); got.code != exitFailed || !strings.Contains(got.out, "refuse to start without") {
		t.Errorf("code %d:\n%s", got.code, got.out)
	}
}

// TestDoctorSaysThingsOnce has a database that is away.
func TestDoctorSaysThingsOnce(t *testing.T) {
	t.Parallel()
	env := map[string]string{"DREAMLAB_DATA": t.TempDir(), "DATABASE_URL": "postgres://app:hunter2@127.0.0.1:1/x"}
	got := invoke(t, env, "doctor")
	if got.code != exitFailed || strings.Count(got.out, "open the database") != 1 ||
		!strings.Contains(got.out, "nothing listens") || strings.Contains(got.out, "is busy") {
		t.Errorf("code %d:\n%s", got.code, got.out)
	}
}

// TestClientsNeedNoServerSettings runs a client verb where the server's settings
// are half there.
func TestClientsNeedNoServerSettings(t *testing.T) {
	t.Parallel()
	env := map[string]string{
		"DREAMLAB_DATA": t.TempDir(), "GROQ_BASE_URL": "http://127.0.0.1:1", "DATABASE_URL": "nonsense",
		"DREAMLAB_URL": "http://127.0.0.1:1", "DREAMLAB_KEY": "dl-x",
	}
	if got := invoke(t, env, "dream"); strings.Contains(got.errs, "GROQ_API_KEY") || strings.Contains(got.errs, "configuration") {
		t.Errorf("got %s", got.errs)
	}
}

func TestDoctorTellsHowToMend(t *testing.T) {
	t.Parallel()
	env := map[string]string{"DREAMLAB_DATA": t.TempDir(), "REDIS_URL": "redis://:hunter2@127.0.0.1:1/0"}
	got := invoke(t, env, "doctor")
	if got.code != exitFailed || !strings.Contains(got.errs, "1 of 8 dependencies need mending") {
		t.Errorf("code %d: %s", got.code, got.errs)
	}
	if !strings.Contains(got.out, "→ start the server, or mend REDIS_URL") || strings.Contains(got.out, "hunter2") {
		t.Errorf("%s", got.out)
	}
}
