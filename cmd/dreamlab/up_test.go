package main

import (
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dreamlab/cmd/internal/client"
)

// running starts `dreamlab up` and returns the environment of its clients.
func running(t *testing.T) map[string]string {
	t.Helper()
	dir := t.TempDir()
	env := map[string]string{"DREAMLAB_ADDR": "127.0.0.1:0", "DREAMLAB_DATA": dir, "DREAMLAB_LOG": "warn"}
	out, errs := background(t, env, "up")
	url := out.await(t, `answers at (\S+)/v1`)[1]
	key := out.await(t, `first key: (dl-\S+) `)[1]
	out.await(t, `its pages: http`) // the last that it says: all has begun
	kept, err := os.ReadFile(filepath.Join(dir, "admin.key"))
	if err != nil || strings.TrimSpace(string(kept)) != key {
		t.Fatalf("the key that is kept is not the one that is shown: %v", err)
	}
	t.Cleanup(func() {
		if strings.Contains(errs.String(), key) {
			t.Error("the log shows the key")
		}
	})
	at, err := os.ReadFile(filepath.Join(dir, "api.url"))
	if err != nil || strings.TrimSpace(string(at)) != url {
		t.Fatalf("the address that is kept is not the one that is shown: %v", err)
	}
	return map[string]string{"DREAMLAB_DATA": dir}
}

// addressOf is where the `up` of an environment answers.
func addressOf(t *testing.T, env map[string]string) string {
	t.Helper()
	at, err := os.ReadFile(filepath.Join(env["DREAMLAB_DATA"], "api.url"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(at))
}

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestUp(t *testing.T) {
	t.Parallel()
	env := running(t)
	second := invoke(t, env, "up")
	told := strings.Contains(second.errs, "another `dreamlab up` uses "+env["DREAMLAB_DATA"])
	if second.code != exitFailed || !told {
		t.Errorf("second up: %+v", second)
	}
	streamed := invoke(t, env, "chat", "Hello")
	if streamed.code != exitOK || streamed.out == "\n" || !strings.Contains(streamed.errs, "(sandbox)") {
		t.Errorf("chat: %+v", streamed)
	}
	var answer client.ChatAnswer
	whole := invoke(t, env, "chat", "--json", "--conversation", "c1", "Hello")
	if err := json.Unmarshal([]byte(whole.out), &answer); err != nil || answer.Text+"\n" != streamed.out {
		t.Errorf("chat --json: %v %+v, streamed %q", err, whole, streamed.out)
	}
	if status, _ := fetch(t, http.MethodGet, addressOf(t, env)+"/healthz", "", ""); status != http.StatusOK {
		t.Errorf("health: %d", status)
	}
}

func TestDreamTuneStatus(t *testing.T) {
	t.Parallel()
	env := running(t)
	if got := invoke(t, env, "import", "--wait", "sample/conversations.jsonl"); got.code != exitOK {
		t.Fatalf("import: %+v", got)
	}
	dreamt := invoke(t, env, "dream", "--wait")
	if !strings.Contains(dreamt.out, "succeeded") || !strings.Contains(dreamt.errs, "… done") {
		t.Errorf("dream: %+v", dreamt)
	}
	few := invoke(t, env, "tune", "--wait", "--min-examples", "100000")
	if few.code != exitRefused || !strings.Contains(few.out, "not promoted; too few examples") {
		t.Errorf("tune: %+v", few)
	}
	dear := invoke(t, env, "tune", "--wait", "--json", "--budget", "100")
	var tune client.Tune
	err := json.Unmarshal([]byte(dear.out), &tune)
	if err != nil || !strings.HasPrefix(tune.Decision.Reason, "refused: hosting") {
		t.Errorf("tune --budget 100: %v %+v", err, dear)
	}
	if dear.code != exitRefused {
		t.Errorf("tune --budget 100 ended with %d", dear.code)
	}
	tunesOnPairs(t, env)
	wrong := maps.Clone(env)
	wrong["DREAMLAB_KEY"] = "dl-wrong"
	if got := invoke(t, wrong, "dream"); got.code != exitKey {
		t.Errorf("a wrong key: %+v", got)
	}
	status := invoke(t, env, "status")
	for _, part := range []string{"ready (sandbox)", "database", "queue", "drm_", "tun_", "critique", "in all"} {
		if !strings.Contains(status.out, part) {
			t.Errorf("status does not show %q:\n%s", part, status.out)
		}
	}
}

// tunesOnPairs tunes on the pairs that a dream made, up to an examined model.
func tunesOnPairs(t *testing.T, env map[string]string) {
	t.Helper()
	planned := invoke(t, env, "tune", "--plan", "--method", "auto", "--min-examples", "20")
	if planned.code != exitOK || !strings.Contains(planned.out, "preference pairs by dpo (auto: dpo, as ") {
		t.Errorf("tune --plan --method auto: %+v", planned)
	}
	var tune client.Tune
	paired := invoke(t, env, "tune", "--wait", "--json", "--method", "dpo", "--beta", "0.2", "--min-examples", "20")
	if err := json.Unmarshal([]byte(paired.out), &tune); err != nil || tune.Method != "dpo" || tune.Evaluation == "" {
		t.Errorf("tune --method dpo: %v %+v", err, paired)
	}
}

func TestClientsWithoutAKey(t *testing.T) {
	t.Parallel()
	env := map[string]string{"DREAMLAB_DATA": t.TempDir()}
	keyless := invoke(t, env, "chat", "Hello")
	if keyless.code != exitKey || !strings.Contains(keyless.errs, "DREAMLAB_KEY") {
		t.Errorf("without a key: %+v", keyless)
	}
	env = map[string]string{"DREAMLAB_URL": "http://127.0.0.1:1", "DREAMLAB_KEY": "dl-secret"}
	got := invoke(t, env, "status")
	told := strings.Contains(got.errs, "is Dream Lab running")
	if got.code != exitUnreachable || !told || strings.Contains(got.errs, "dl-secret") {
		t.Errorf("nobody there: %+v", got)
	}
}

func TestProcessesRefuseEmbeddedParts(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"api", "worker", "scheduler"} {
		got := invoke(t, nil, name)
		told := strings.Contains(got.errs, "DATABASE_URL") && strings.Contains(got.errs, "REDIS_URL")
		if got.code != exitFailed || !told {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
