package databricks

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dreamlab/providers"
	"dreamlab/store/storetest"
)

// play runs the command of a training with stubs of what it imports, and returns its events,
// what it registered, and whether it ended well.
func play(t *testing.T, rows string, env ...string) (events []event, registered string, ok bool) {
	t.Helper()
	bash, err := exec.LookPath("bash")
	if err != nil {
		storetest.Require(t, "python", err)
	}
	if _, err := exec.LookPath("python3"); err != nil {
		storetest.Require(t, "python", err)
	}
	dir := t.TempDir()
	at := trainer{place: &place{volume: dir, schema: "main.lab", weights: map[string]string{"base": "system.ai.base"}}}
	spec := providers.TrainSpec{
		Base: "base", File: filepath.Join(dir, "rows.jsonl"), Suffix: "dl-1", Epochs: 2, Checkpoints: 2, LearningRate: 1e-4, Rank: 16,
		Alpha: 32, Seed: 1,
	}
	stubs, err := filepath.Abs("testdata/stubs")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(spec.File, []byte(rows), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), bash)
	cmd.Stdin = strings.NewReader(at.script(spec))
	noted := filepath.Join(dir, "registered")
	cmd.Env = append(os.Environ(), "PYTHONPATH="+stubs, "PYTHONDONTWRITEBYTECODE=1", "STUB_REGISTERED="+noted)
	cmd.Env = append(cmd.Env, env...)
	out, failed := cmd.CombinedOutput()
	told, err := os.ReadFile(filepath.Join(at.left(spec.Suffix), "events.jsonl"))
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for line := range strings.Lines(string(told)) {
		var e event
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Created.IsZero() {
			t.Errorf("event %s: %v", line, err)
		}
		events = append(events, e)
	}
	if said, err := os.ReadFile(noted); err == nil {
		registered = string(said)
	}
	return events, registered, failed == nil
}

const goodRow = `{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}` + "\n"

// The program trains, tells of its steps and checkpoints, and registers what was merged.
func TestProgramTrains(t *testing.T) {
	t.Parallel()
	events, registered, ok := play(t, goodRow+goodRow)
	want := `{"name": "main.lab.dreamlab_dl_1", "registry": "databricks-uc", "task": "llm/v1/chat", "model": "merged"}`
	if !ok || registered != want {
		t.Errorf("registered %s (%v), want %s", registered, ok, want)
	}
	saved, final := 0, 0
	for _, e := range events {
		if e.Type == "checkpoint" {
			saved++
		}
		if e.Final {
			final = e.Step
		}
	}
	if last := events[len(events)-1]; saved != 3 || final != 10 || last.Type != "registered" {
		t.Errorf("events %+v", events)
	}
}

// A bad row, or a training that breaks, ends the program with a failure that is told, and
// nothing is registered.
func TestProgramFails(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ rows, env, want string }{
		{goodRow + `{"messages":[{"content":"a"}]}` + "\n", "", "Line 2"},
		{goodRow, "STUB_BREAKS=7", "out of memory"},
	} {
		events, registered, ok := play(t, c.rows, c.env)
		last := events[len(events)-1]
		if ok || registered != "" || last.Type != "failed" || last.Level != "error" || !strings.Contains(last.Message, c.want) {
			t.Errorf("%s: %+v, registered %q", c.want, last, registered)
		}
	}
}
