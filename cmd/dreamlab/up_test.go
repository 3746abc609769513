package main

import (
	"encoding/json"
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
	kept, err := os.ReadFile(filepath.Join(dir, "admin.key"))
	if err != nil || strings.TrimSpace(string(kept)) != key {
		t.Fatalf("the key that is kept is not the one that is shown: %v", err)
	}
	t.Cleanup(func() {
		if strings.Contains(errs.String(), key) {
			t.Error("the log shows the key")
		}
	})
	return map[string]string{"DREAMLAB_URL": url, "DREAMLAB_DATA": dir}
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
	if status, _ := fetch(t, http.MethodGet, env["DREAMLAB_URL"]+"/healthz", "", ""); status != http.StatusOK {
		t.Errorf("health: %d", status)
	}
}

func TestImportsOfEveryKind(t *testing.T) {
	t.Parallel()
	env := running(t)
	sums := writeFile(t, "sums.jsonl", `{"question":"What is 2 and 3?","answer":"2+3=5\n#### 5"}`+"\n\n"+
		`{"question":"What is 2 and 4?","answer":"2+4=6\n#### 6"}`+"\n")
	asked := writeFile(t, "asked.jsonl", `{"question_id":81,"turns":["Hello","Thank you"]}`)
	got := invoke(t, env, "import", "--wait", "--json", "sample/conversations.jsonl", sums, asked)
	var printed struct{ Files []imported }
	if err := json.Unmarshal([]byte(got.out), &printed); err != nil || len(printed.Files) != 3 {
		t.Fatalf("import: %v %+v", err, got)
	}
	if f := printed.Files[0]; f.Result == nil || f.Result.Accepted < 200 || len(f.Result.Rejected) != 0 {
		t.Errorf("conversations: %+v", f)
	}
	if f := printed.Files[1]; f.Result == nil || f.Result.Accepted != 2 {
		t.Errorf("questions: %+v", f)
	}
	if f := printed.Files[2]; f.Asked != 2 {
		t.Errorf("turns: %+v", f)
	}
	again := invoke(t, env, "import", "--wait", sums)
	if again.code != exitOK || !strings.Contains(again.out, "0 accepted, 2 known already, 0 rejected") {
		t.Errorf("again: %+v", again)
	}
	bad := invoke(t, env, "import", "--wait", writeFile(t, "bad.jsonl",
		`{"messages":[{"role":"user","content":"x"}]}`+"\n"+
			`{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}`))
	if !strings.Contains(bad.out, "1 accepted") || !strings.Contains(bad.errs, "line 1: ") {
		t.Errorf("bad row: %+v", bad)
	}
}

func TestImportFaults(t *testing.T) {
	t.Parallel()
	env := running(t)
	cases := map[string]string{
		"it holds no row":              "\n",
		"line 1: it is no JSON object": "hello",
		"line 2: it is no JSON object": `{"question":"a","answer":"b"}` + "\n{",
		`line 2: give "messages"`:      `{"question":"a","answer":"b"}` + "\n{}",
		"line 2: it has no turns":      `{"turns":["Hello"]}` + "\n" + `{"question":"a","answer":"b"}`,
	}
	for want, text := range cases {
		got := invoke(t, env, "import", writeFile(t, "rows.jsonl", text))
		if got.code != exitFailed || !strings.Contains(got.errs, want) {
			t.Errorf("%q: %+v", text, got)
		}
	}
	if got := invoke(t, env, "import", "nowhere.jsonl"); got.code != exitFailed {
		t.Errorf("a file that is not there: %+v", got)
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
	if few.code != exitOK || !strings.Contains(few.out, "not promoted; too few examples") {
		t.Errorf("tune: %+v", few)
	}
	dear := invoke(t, env, "tune", "--wait", "--json", "--budget", "100")
	var tune client.Tune
	err := json.Unmarshal([]byte(dear.out), &tune)
	if err != nil || !strings.HasPrefix(tune.Decision.Reason, "refused: hosting") {
		t.Errorf("tune --budget 100: %v %+v", err, dear)
	}
	status := invoke(t, env, "status")
	for _, part := range []string{"ready (sandbox)", "database", "queue", "drm_", "tun_", "critique", "in all"} {
		if !strings.Contains(status.out, part) {
			t.Errorf("status does not show %q:\n%s", part, status.out)
		}
	}
}

func TestClientsWithoutAKey(t *testing.T) {
	t.Parallel()
	env := map[string]string{"DREAMLAB_DATA": t.TempDir()}
	keyless := invoke(t, env, "chat", "Hello")
	if keyless.code != exitFailed || !strings.Contains(keyless.errs, "DREAMLAB_KEY") {
		t.Errorf("without a key: %+v", keyless)
	}
	env = map[string]string{"DREAMLAB_URL": "http://127.0.0.1:1", "DREAMLAB_KEY": "dl-secret"}
	got := invoke(t, env, "status")
	told := strings.Contains(got.errs, "is Dream Lab running")
	if got.code != exitFailed || !told || strings.Contains(got.errs, "dl-secret") {
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
