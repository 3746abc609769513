package e2e

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// answered is what `dreamlab chat --json` prints.
type answered struct {
	Text   string
	Served struct {
		Provider, Model string
		Sandbox         bool
	} `json:"dreamlab"`
}

func (st *stack) chat(t *testing.T, text string) answered {
	t.Helper()
	var a answered
	st.read(t, &a, "dreamlab", "chat", "--json", text)
	return a
}

// read runs a command and decodes what it prints.
func (st *stack) read(t *testing.T, into any, args ...string) {
	t.Helper()
	text := st.site.run(t, args...)
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%s printed no object: %v\n%s", strings.Join(args, " "), err, text)
	}
}

func sample(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(root, "cmd/dreamlab/sample/conversations.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoop(t *testing.T) {
	t.Parallel()
	each(t, loop)
}

// loop goes from the first chat to one that is answered by the tuned model.
func loop(t *testing.T, st *stack) {
	// Another question than the later one: a chat is an experience too, and
	// what the base says to it is learned from where nobody objects.
	before := st.chat(t, "Hello")
	if !before.Served.Sandbox || before.Text == "" {
		t.Errorf("before: %+v", before)
	}
	if text := st.site.run(t, "dreamlab", "chat", "Hello"); strings.TrimSpace(text) == "" { // streams
		t.Error("nothing was streamed")
	}
	st.site.run(t, "dreamlab", "import", "--wait", sample(t))
	var dream struct {
		ID     string
		Status string
		Counts struct {
			Kept int `json:"examples_kept"`
		}
	}
	st.read(t, &dream, "dreamlab", "dream", "--json", "--wait")
	if dream.Status != "succeeded" || dream.Counts.Kept < 100 {
		t.Errorf("dream: %+v", dream)
	}
	var tune struct {
		Status, Evaluation string
		Decision           struct {
			Promoted bool
			Reason   string
		}
	}
	st.read(t, &tune, "dreamlab", "tune", "--json", "--wait")
	if !tune.Decision.Promoted || tune.Evaluation == "" {
		t.Errorf("tune: %+v", tune)
	}
	var repeated struct {
		Same             bool
		Stored, Repeated struct{ ID, Decision string }
	}
	st.read(t, &repeated, "dreamlab", "evaluate", tune.Evaluation, "--json")
	if !repeated.Same || repeated.Stored.ID != tune.Evaluation || repeated.Repeated.ID == tune.Evaluation {
		t.Errorf("evaluate: %+v", repeated)
	}
	after := st.chat(t, "My rear tyre is flat, who can repair it?")
	if after.Served.Model == before.Served.Model || !strings.Contains(after.Text, "tyre") {
		t.Errorf("after: %+v", after)
	}
}

// TestLoopTellsNothing goes through the loop with everything logged, and a chat that fails: neither the log nor the
// metrics hold what was said, or a key.
func TestLoopTellsNothing(t *testing.T) {
	t.Parallel()
	st := embeddedAt(t, "debug", "")
	loop(t, st)
	for _, body := range []string{
		`{"model":"none/such","messages":[{"role":"user","content":"marzipan"}]}`,
		`{"model":"assistant","messages":[{"role":"user","content":"marzipan"}],"temprature":1}`,
	} {
		if status := st.post(t, "/v1/chat/completions", body); status < 400 {
			t.Errorf("%s is answered: %d", body, status)
		}
	}
	metrics := st.get(t, "/metrics")
	st.up.stop(t)
	log := st.up.errs.String()
	if !strings.Contains(log, `"level":"debug"`) && !strings.Contains(log, "DBG") || !strings.Contains(metrics, "dreamlab_") {
		t.Fatalf("nothing is told at all: %.2000s", log)
	}
	for _, word := range []string{"tyre", "Hello", "marzipan", st.key} {
		if strings.Contains(metrics, word) {
			t.Errorf("the metrics hold %q", word)
		}
		for line := range strings.Lines(log) {
			if strings.Contains(line, word) {
				t.Errorf("the log holds %q: %s", word, line)
			}
		}
	}
}

// post sends a body, and returns the status of the answer.
func (st *stack) post(t *testing.T, path, body string) int {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, st.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	status, _ := st.send(t, q)
	return status
}

// get returns what is there.
func (st *stack) get(t *testing.T, path string) string {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, st.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, text := st.send(t, q)
	return text
}

func (st *stack) send(t *testing.T, q *http.Request) (status int, text string) {
	t.Helper()
	q.Header.Set("Authorization", "Bearer "+st.key)
	q.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	if err := errors.Join(err, answer.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

// TestWorkerLeaves has one of two workers stop in the middle of a dream: it
// hands back what it has, and nothing is lost or counted as a failure.
func TestWorkerLeaves(t *testing.T) {
	t.Parallel()
	st := production(t)
	st.site.run(t, "dreamlab", "import", "--wait", sample(t))
	var dream struct {
		ID, Status string
		Counts     struct {
			Kept int `json:"examples_kept"`
		}
	}
	st.read(t, &dream, "dreamlab", "dream", "--json")
	st.workers[0].stop(t)
	watched := st.watch(t, dream.ID)
	if watched.Status != "succeeded" || watched.Counts.Kept < 100 {
		t.Errorf("dream: %+v", watched)
	}
}
