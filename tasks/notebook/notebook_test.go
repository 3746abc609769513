package notebook

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dreamlab/store/blob"
	"dreamlab/store/plainjson"
	"dreamlab/store/storetest"
)

const rows = `{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}` + "\n"

// desk is a board with one run, served over HTTP as the API serves it.
type desk struct {
	Board
	run  Run
	url  string
	lose atomic.Bool            // the answer to the next message
	once atomic.Pointer[func()] // is done before the next message is taken
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	bucket, err := blob.Directory(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{Board: Board{Bucket: bucket, Now: time.Now}}
	sum := sha256.Sum256([]byte(rows))
	d.run, err = d.Begin(t.Context(), Run{
		ID: "run_12345678", Tune: "tun_1", SHA256: hex.EncodeToString(sum[:]), Base: "unsloth/Llama-3.1-8B-Instruct",
		Epochs: 3, BatchSize: 2, LearningRate: 2e-4, Rank: 16, Alpha: 32, Seed: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(d.serve))
	t.Cleanup(server.Close)
	d.url = server.URL
	return d
}

func (d *desk) serve(w http.ResponseWriter, r *http.Request) {
	rest := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, d.run.Path()), "/")
	part, name, _ := strings.Cut(rest, "/")
	answer, err := []byte(nil), error(nil)
	switch {
	case r.Method == http.MethodPost && rest == "":
		if do := d.once.Swap(nil); do != nil {
			(*do)()
		}
		answer, err = io.ReadAll(r.Body)
		if err == nil {
			var now State
			now, err = d.Receive(r.Context(), d.run, Sealed{
				r.Header.Get("X-Dreamlab-Timestamp"), r.Header.Get("X-Dreamlab-Sequence"), r.Header.Get("X-Dreamlab-Signature"), answer,
			})
			answer = plainjson.Of(now)
		}
		if d.lose.CompareAndSwap(true, false) {
			panic(http.ErrAbortHandler)
		}
	case !d.Allows(d.run, r.Method, part, r.URL.Query()):
		err = refused("the address is not signed")
	case part == "data":
		answer = []byte(rows)
	case part == "files" && r.Method == http.MethodPut:
		err = d.Put(r.Context(), d.run, name, r.Body)
	case part == "files":
		var file io.ReadCloser
		if file, err = d.Open(r.Context(), d.run, name); err == nil {
			answer, err = io.ReadAll(file)
		}
	default:
		var now State
		if now, err = d.State(r.Context(), d.run); err == nil {
			answer, err = json.Marshal(now)
		}
	}
	if err != nil {
		w.WriteHeader(http.StatusForbidden)
		answer = []byte(err.Error())
	}
	if _, err := w.Write(answer); err != nil {
		panic(http.ErrAbortHandler)
	}
}

func (d *desk) state(t *testing.T) State {
	t.Helper()
	now, err := d.State(t.Context(), d.run)
	if err != nil {
		t.Fatal(err)
	}
	return now
}

// python finds the interpreter. Without one the test is left out, unless DREAMLAB_REQUIRE
// lists python.
func python(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("python3")
	if err != nil {
		storetest.Require(t, "python", err)
	}
	return path
}

// play runs the script with the stub trainer and returns its exit code and the steps that
// were trained.
func (d *desk) play(t *testing.T, p parameters, env ...string) (code int, steps string) {
	t.Helper()
	p.Packages, p.RetrySeconds = []string{}, 0
	dir := t.TempDir()
	script, trace := filepath.Join(dir, "run.py"), filepath.Join(dir, "trace")
	if err := os.WriteFile(script, []byte(fill(p)), 0o600); err != nil {
		t.Fatal(err)
	}
	stubs, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python(t), script)
	cmd.Env = append(os.Environ(), "PYTHONPATH="+stubs, "DREAMLAB_TRAINER=stub_trainer", "STUB_TRACE="+trace,
		"DREAMLAB_WORK="+dir, "PYTHONDONTWRITEBYTECODE=1", "no_proxy=*")
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.CombinedOutput()
	var exited *exec.ExitError
	if err != nil && !errors.As(err, &exited) {
		t.Fatal(err)
	}
	if exited != nil {
		t.Logf("%s", out)
	}
	trained, err := os.ReadFile(trace)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), strings.TrimSpace(string(trained))
}

// A run that is killed between two checkpoints goes on from the last one, and what it trained
// arrives whole, without what could hold code.
func TestKilledRunResumes(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	p := d.run.parameters(d.url, time.Now())
	if code, steps := d.play(t, p, "STUB_DIES_AT=5"); code != 9 || steps != "1 2 3 4 5" {
		t.Fatalf("the first session ended with %d after the steps %s", code, steps)
	}
	if now := d.state(t); now.State != "running" || now.Checkpoint == nil || now.Checkpoint.Step != 4 {
		t.Fatalf("after it: %+v", now)
	}
	if code, steps := d.play(t, p); code != 0 || steps != "5 6 7 8 9 10" {
		t.Fatalf("the second ended with %d after the steps %s", code, steps)
	}
	now := d.state(t)
	if now.State != "ended" || len(now.Files) != 4 || now.Step != 10 || now.Files[0].Name != weights {
		t.Errorf("the end: %+v", now)
	}
	if code, steps := d.play(t, p); code == 0 && steps != "" {
		t.Errorf("a third session trained %s after the end", steps)
	}
}

// Near the end of its session a run saves, stops and says that it is paused.
func TestRunStopsBeforeItsSessionEnds(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	p := d.run.parameters(d.url, time.Now())
	p.Session = p.StopBefore
	if code, steps := d.play(t, p); code != 0 || steps != "1" {
		t.Fatalf("it ended with %d after the steps %s", code, steps)
	}
	if now := d.state(t); now.State != "paused" || now.Checkpoint == nil || now.Checkpoint.Step != 1 {
		t.Errorf("it left %+v", now)
	}
}

// A run that was cancelled hears of it with the answer to its next message, and stops; another
// session does not begin.
func TestCancelledRunStops(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	p := d.run.parameters(d.url, time.Now())
	if code, _ := d.play(t, p, "STUB_DIES_AT=5"); code != 9 {
		t.Fatalf("the first session ended with %d", code)
	}
	d.running(t, p, func() {
		for range 2 {
			if err := d.Stop(t.Context(), d.run); err != nil {
				t.Fatal(err)
			}
		}
	})
	now := d.state(t)
	if !now.Stop || now.State != Paused || now.Step >= 10 || len(now.Files) != 0 {
		t.Errorf("it left %+v", now)
	}
	if code, steps := d.play(t, p); code != 1 || steps != "" {
		t.Errorf("another session ended with %d after the steps %q", code, steps)
	}
}

// running plays a session whose first message has something done.
func (d *desk) running(t *testing.T, p parameters, do func()) {
	t.Helper()
	d.once.Store(&do)
	if code, steps := d.play(t, p); code != 0 || steps != "5" {
		t.Errorf("it ended with %d after the steps %s", code, steps)
	}
}

// A message whose answer was lost is not told twice, and does not end the training.
func TestLostAnswerIsNoEnd(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.lose.Store(true)
	if code, steps := d.play(t, d.run.parameters(d.url, time.Now())); code != 0 || !strings.HasSuffix(steps, "10") {
		t.Fatalf("it ended with %d after the steps %s", code, steps)
	}
	if now := d.state(t); now.State != Ended || now.Log[0].Kind != "started" || now.Log[1].Kind != "heartbeat" {
		t.Errorf("told was %+v", now.Log)
	}
}

// An adapter of a session that died before it could tell is replaced by the next one's, and none
// once the run has ended.
func TestUntoldAdapterIsReplaced(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, name := range []string{weights, settings} {
		if err := d.Put(t.Context(), d.run, name, strings.NewReader("half of an earlier session's")); err != nil {
			t.Fatal(err)
		}
	}
	if code, _ := d.play(t, d.run.parameters(d.url, time.Now())); code != 0 || d.state(t).State != Ended {
		t.Fatalf("it ended with %d: %+v", code, d.state(t))
	}
	if err := d.Put(t.Context(), d.run, weights, strings.NewReader("x")); !errors.Is(err, ErrRefused) {
		t.Errorf("the adapter was replaced after the end: %v", err)
	}
	for range 2 {
		m, err := d.Archive(t.Context(), d.run)
		if err != nil || m.Base != d.run.Base || m.Revision != "a1b2c3" || m.RowsSHA256 != d.run.SHA256 || len(m.Files) != 4 {
			t.Errorf("the manifest %+v, %v", m, err)
		}
	}
}

// Rows that were changed on the way are not trained on.
func TestChangedRowsAreRefused(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	p := d.run.parameters(d.url, time.Now())
	p.SHA256 = strings.Repeat("0", 64)
	if code, steps := d.play(t, p); code != 1 || steps != "" {
		t.Errorf("it ended with %d after the steps %q", code, steps)
	}
}

// compiles looks at a notebook's form, and compiles each of its cells.
const compiles = `
import json, sys
book = json.load(sys.stdin)
assert (book["nbformat"], book["nbformat_minor"]) == (4, 5) and book["metadata"]["accelerator"] == "GPU"
ids = [cell["id"] for cell in book["cells"]]
assert len(set(ids)) == len(ids) == 9, ids
for cell in book["cells"]:
    if cell["cell_type"] == "code":
        assert cell["outputs"] == [] and cell["execution_count"] is None
        compile("".join(cell["source"]), cell["id"], "exec")
parameters = json.loads("".join(book["cells"][1]["source"]).split('"""')[1])
assert parameters["rank"] == 16 and all("==" in package for package in parameters["packages"])
`

func TestEachCellCompiles(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	book, err := d.run.Notebook(d.url, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python(t), "-c", compiles)
	cmd.Stdin = bytes.NewReader(book)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// sealed signs a message as the script does.
func (d *desk) sealed(at time.Time, number int, body string) Sealed {
	stamp, sequence := strconv.FormatInt(at.Unix(), 10), strconv.Itoa(number)
	sum := sha256.Sum256([]byte(body))
	mac := d.run.mac(stamp + "\n" + sequence + "\n" + hex.EncodeToString(sum[:]))
	return Sealed{stamp, sequence, hex.EncodeToString(mac), []byte(body)}
}

// What is not signed, not of now, not behind the last message, or not what it says is refused.
func TestRefusedMessages(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	now := time.Now()
	good := d.sealed(now, 5, `{"kind":"heartbeat","step":1}`)
	if _, err := d.Receive(t.Context(), d.run, good); err != nil {
		t.Fatal(err)
	}
	changed := d.sealed(now, 6, `{"kind":"heartbeat","step":2}`)
	changed.Body = []byte(`{"kind":"heartbeat","step":9}`)
	if err := d.Put(t.Context(), d.run, weights, strings.NewReader("\x80\x04pickle of some kind")); err != nil {
		t.Fatal(err)
	}
	if err := d.Put(t.Context(), d.run, settings, strings.NewReader("{}")); err != nil {
		t.Fatal(err)
	}
	empty := sha256.Sum256([]byte("{}"))
	for name, s := range map[string]Sealed{
		"a replay": good, "an older number": d.sealed(now, 4, `{"kind":"heartbeat"}`), "another's body": changed,
		"an old time":     d.sealed(now.Add(-6*time.Minute), 7, `{"kind":"heartbeat"}`),
		"a time to come":  d.sealed(now.Add(6*time.Minute), 7, `{"kind":"heartbeat"}`),
		"an unknown kind": d.sealed(now, 7, `{"kind":"reward"}`), "no JSON": d.sealed(now, 7, `kind`),
		"an end without weights":         d.sealed(now, 7, `{"kind":"end","files":[]}`),
		"a checkpoint that is not there": d.sealed(now, 7, `{"kind":"checkpoint","file":{"name":"checkpoint-1-0123456789ab.tar"}}`),
		"a pickle": d.sealed(now, 7, `{"kind":"end","files":[{"name":"adapter_model.safetensors"},{"name":"adapter_config.json",`+
			`"sha256":"`+hex.EncodeToString(empty[:])+`"}]}`),
		"a file that may hold code": d.sealed(now, 7, `{"kind":"end","files":[{"name":"adapter_config.json"},`+
			`{"name":"adapter_model.safetensors"},{"name":"training_args.bin"}]}`),
	} {
		if _, err := d.Receive(t.Context(), d.run, s); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := d.Put(t.Context(), d.run, "../key", strings.NewReader("x")); !errors.Is(err, ErrRefused) {
		t.Errorf("a name that leads elsewhere: %v", err)
	}
	if now := d.state(t); now.Sequence != 5 {
		t.Errorf("a refused message was kept: %+v", now)
	}
}

// An address is good for its method and its part alone, and for a week.
func TestSignedAddresses(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	query := func(signed string) map[string][]string {
		values := map[string][]string{}
		for pair := range strings.SplitSeq(signed, "&") {
			key, value, _ := strings.Cut(pair, "=")
			values[key] = []string{value}
		}
		return values
	}
	now := time.Now()
	data := query(d.run.sign("GET", "data", now))
	if !d.Allows(d.run, "GET", "data", data) || d.Allows(d.run, "GET", "files", data) || d.Allows(d.run, "PUT", "data", data) {
		t.Error("the address of the rows is good for something else")
	}
	if d.Allows(d.run, "GET", "data", query(d.run.sign("GET", "data", now.Add(-8*24*time.Hour)))) {
		t.Error("an address of last week is good")
	}
	if other := (Run{ID: d.run.ID}); d.Allows(other, "GET", "data", data) {
		t.Error("a run without a key allows what another's key signed")
	}
}
