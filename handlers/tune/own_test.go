package tune

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"dreamlab/handlers"
	"dreamlab/providers"
	"dreamlab/providers/catalog"
	"dreamlab/providers/colab"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/vllm"
	vllmemulator "dreamlab/providers/vllm/emulator"
	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/store/storetest"
	"dreamlab/tasks"
	"dreamlab/tasks/notebook"
	"dreamlab/tasks/notebook/runs"
)

const ownBase = "vllm/" + vllmemulator.Base

// place is a vendor that serves what is trained on a machine of one's own.
type place struct {
	vendor   providers.Vendor
	emulator func(*lab.Lab) http.Handler
	base     string // the vendor's
	weights  string // the same on Hugging Face
	values   map[string]string
}

// ownServer is a server of one's own.
func ownServer(t *testing.T) place {
	return place{vllm.Vendor, vllmemulator.New, vllmemulator.Base, vllmemulator.Base,
		map[string]string{"VLLM_ADAPTERS": filepath.Join(t.TempDir(), "adapters")}}
}

// home is a bench whose base answers at some place, and is trained on a machine of one's own.
type home struct {
	*bench
	board notebook.Board
	url   string // where the runs report to
}

func newHome(t *testing.T) *home {
	t.Helper()
	return newHomeAt(t, storetest.SQLite(t), ownServer(t))
}

func newHomeAt(t *testing.T, s *store.Store, at place) *home {
	t.Helper()
	b := newBenchOn(t, s, Settings{MinExamples: 20})
	h := &home{bench: b, board: notebook.Board{Bucket: b.deps.Bucket, Now: time.Now}}
	training, err := colab.Vendor.Open(providers.Config{
		Values: map[string]string{"COLAB_BASES": at.weights}, Runs: runs.New(b.deps.Bucket, nil), Now: b.deps.Now,
	})
	b.must(err)
	b.serveAt(at, map[string]providers.Driver{"colab": training})
	front := httptest.NewServer(http.HandlerFunc(h.serve))
	b.Cleanup(front.Close)
	h.url = front.URL
	return h
}

// serveAt has a place serve what the bench trains, which other vendors may do.
func (b *bench) serveAt(at place, others map[string]providers.Driver) {
	b.Helper()
	usual, err := b.deps.Vendors.(*providers.Router).Driver(b.vendor.Name)
	b.must(err)
	drivers := map[string]providers.Driver{b.vendor.Name: usual, at.vendor.Name: b.open(at)}
	maps.Copy(drivers, others)
	prices, err := catalog.Load(nil)
	b.must(err)
	prices.Register(catalog.Free("vllm"))
	prices.Register(catalog.Free("colab"))
	router := providers.NewRouter(providers.RouterOptions{
		Drivers: drivers, Prices: prices, Now: b.deps.Now, Sleep: func(context.Context, time.Duration) error { return nil },
	})
	b.base = at.vendor.Name + "/" + at.base
	b.deps.Vendors, b.deps.Prices, b.deps.Settings.Base = router, prices, b.base
	b.deps.Caller = handlers.NewCaller(handlers.CallerOptions{Router: router, Prices: prices})
	b.work = Handlers(b.deps)
}

// open opens the place that serves, on the wires of the bench.
func (b *bench) open(at place) providers.Driver {
	b.Helper()
	server := httptest.NewServer(at.emulator(b.lab))
	b.Cleanup(server.Close)
	values := at.vendor.Sandbox(server.URL, b.lab.Credential())
	maps.Copy(values, at.values)
	driver, err := at.vendor.Open(providers.Config{
		Values: values, HTTP: &http.Client{Transport: b.wires, CheckRedirect: noRedirect}, Now: b.deps.Now,
	})
	b.must(err)
	return driver
}

// serve is the part of the API that a run needs.
func (h *home) serve(w http.ResponseWriter, r *http.Request) {
	_, path, _ := strings.Cut(r.URL.Path, "/runs/")
	id, rest, _ := strings.Cut(path, "/")
	part, name, _ := strings.Cut(rest, "/")
	run, err := h.board.Run(r.Context(), id)
	answer := []byte("{}")
	switch {
	case err != nil:
	case r.Method == http.MethodPost:
		answer, err = h.receive(r, run)
	case !h.board.Allows(run, r.Method, part, r.URL.Query()):
		err = errors.New("the address is not signed")
	case part == "data":
		answer, err = h.object(r, run.Data)
	case part == "files" && r.Method == http.MethodPut:
		err = h.board.Put(r.Context(), run, name, r.Body)
	case part == "files":
		if name, err = run.Object(name); err == nil {
			answer, err = h.object(r, name)
		}
	default:
		var now notebook.State
		now, err = h.board.State(r.Context(), run)
		answer = plainjson.Of(now)
	}
	if err != nil {
		w.WriteHeader(http.StatusConflict)
		answer = []byte(err.Error())
	}
	if _, err := w.Write(answer); err != nil {
		panic(http.ErrAbortHandler)
	}
}

func (h *home) receive(r *http.Request, run notebook.Run) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	now, err := h.board.Receive(r.Context(), run, notebook.Sealed{
		Timestamp: r.Header.Get("X-Dreamlab-Timestamp"), Sequence: r.Header.Get("X-Dreamlab-Sequence"),
		Signature: r.Header.Get("X-Dreamlab-Signature"), Body: body,
	})
	return plainjson.Of(now), err
}

func (h *home) object(r *http.Request, name string) ([]byte, error) {
	file, err := h.board.Bucket.Open(r.Context(), name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(file)
}

// pinned are the packages that a script would install.
var pinned = regexp.MustCompile(`"packages":\[[^\]]*\]`)

// session runs the script of a tune's run with a trainer that needs no GPU, and returns its exit
// code and the steps that it trained.
func (h *home) session(run string, env ...string) (code int, steps string) {
	h.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		storetest.Require(h.T, "python", err)
	}
	r, err := h.board.Run(h.ctx, run)
	h.must(err)
	dir := h.TempDir()
	script, trace := filepath.Join(dir, "run.py"), filepath.Join(dir, "trace")
	h.must(os.WriteFile(script, pinned.ReplaceAll([]byte(r.Script(h.url, time.Now())), []byte(`"packages":[]`)), 0o600))
	stubs, err := filepath.Abs("../../tasks/notebook/testdata")
	h.must(err)
	cmd := exec.CommandContext(h.ctx, python, script)
	cmd.Env = append(os.Environ(), "PYTHONPATH="+stubs, "DREAMLAB_TRAINER=stub_trainer", "STUB_TRACE="+trace,
		"DREAMLAB_WORK="+dir, "PYTHONDONTWRITEBYTECODE=1", "no_proxy=*")
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.CombinedOutput()
	var exited *exec.ExitError
	if err != nil && !errors.As(err, &exited) {
		h.Fatal(err)
	}
	if code = cmd.ProcessState.ExitCode(); code == 1 {
		h.Logf("%s", out)
	}
	trained, err := os.ReadFile(trace)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		h.Fatal(err)
	}
	return code, strings.TrimSpace(string(trained))
}

// begin brings a tune to where it waits for the first session of its run.
func (h *home) begin() (tune, run string) {
	h.Helper()
	h.teach(48, 40)
	made := h.tune(tasks.TuneInput{})
	h.run(h.phase(made.ID, phaseTrain))
	training := h.training(made.ID)
	if training.Provider != "colab" || !strings.HasPrefix(training.VendorID, "run_") {
		h.Fatalf("training %s at %s", training.VendorID, training.Provider)
	}
	return made.ID, training.VendorID
}

// A tune is trained by somebody's own machine, whose session dies between two checkpoints and is
// resumed, is served by somebody's own server, and is promoted by its exam.
func TestTuneOnOwnMachines(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	id, run := h.begin()
	if code, steps := h.session(run, "STUB_DIES_AT=5"); code != 9 || steps != "1 2 3 4 5" {
		t.Fatalf("the first session ended with %d after the steps %s", code, steps)
	}
	looks := 0
	h.run(func() bool { looks++; return looks > 20 })
	h.wantWaiting(id)
	if code, steps := h.session(run); code != 0 || steps != "5 6 7 8 9 10" {
		t.Fatalf("the second ended with %d after the steps %s", code, steps)
	}
	h.run(nil)
	tune, decision := h.decided(id)
	if !decision.Promoted {
		t.Fatalf("decision %+v, report %+v", decision, h.report(tune))
	}
	training := h.training(id)
	model, err := h.store.Model(h.ctx, h.tenant, training.Model)
	h.must(err)
	if model.Provider != "vllm" || model.Base != ownBase || model.State != learn.ModelServing || training.Cost != 0 {
		t.Errorf("model %+v of training %+v", model, training)
	}
	route, err := h.store.Route(h.ctx, h.tenant, learn.DefaultAlias)
	h.must(err)
	if route.Targets[0].Model != model.Name || route.Targets[1].Model != ownBase {
		t.Errorf("route %+v", route)
	}
	h.wantArchived(run, tune)
	h.wantBooksClosed()
}

// wantWaiting looks at a training between two sessions: it goes on waiting, tells what its first
// session told, and no worker is held.
func (h *home) wantWaiting(id string) {
	h.Helper()
	training := h.training(id)
	spec := decode[tasks.TrainingSpec](h.bench, training.Spec)
	kinds := map[string]int{}
	for _, e := range spec.Events {
		kinds[e.Type]++
	}
	if training.Status != statusRunning || kinds["started"] != 1 || kinds["checkpoint"] != 2 || len(spec.Checkpoints) != 1 {
		h.Errorf("training %s, events %+v, checkpoints %+v", training.Status, spec.Events, spec.Checkpoints)
	}
	jobs, _, err := h.store.Jobs(h.ctx, h.tenant, job.Filter{Parent: training.Job}, db.Page{Limit: 10})
	h.must(err)
	if len(jobs) != 1 || jobs[0].State == job.StateRunning {
		h.Errorf("the training is followed by %+v", jobs)
	}
}

// wantArchived reads the manifest of a run's adapter.
func (h *home) wantArchived(run string, tune learn.Tune) {
	h.Helper()
	file, err := h.board.Bucket.Open(h.ctx, "runs/"+run+"/files/manifest.json")
	h.must(err)
	defer file.Close()
	var m notebook.Manifest
	h.must(json.NewDecoder(file).Decode(&m))
	data, err := h.store.Dataset(h.ctx, h.tenant, tune.Dataset)
	h.must(err)
	if m.Base != vllmemulator.Base || m.Revision != "a1b2c3" || m.RowsSHA256 != data.SHA256 || m.Rank != 8 || len(m.Files) != 4 {
		h.Errorf("manifest %+v", m)
	}
	config, err := h.board.Bucket.Open(h.ctx, "runs/"+run+"/files/adapter_config.json")
	h.must(err)
	defer config.Close()
	var described map[string]any
	h.must(json.NewDecoder(config).Decode(&described))
	if described["base_model_name_or_path"] != vllmemulator.Base {
		h.Errorf("the adapter is described as %v", described)
	}
}

// A tune that is cancelled while its run trains has the session stop, and leaves nothing open.
func TestCancelledOnOwnMachine(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	id, run := h.begin()
	if code, _ := h.session(run, "STUB_DIES_AT=3"); code != 9 {
		t.Fatalf("the session ended with %d", code)
	}
	tune, err := h.store.Tune(h.ctx, h.tenant, id)
	h.must(err)
	h.cancel(tune)
	h.run(nil)
	h.reap(3)
	if code, steps := h.session(run); code != 1 || steps != "" {
		t.Errorf("another session ended with %d after the steps %q", code, steps)
	}
	if training := h.training(id); training.Status != learn.TrainingCancelled {
		t.Errorf("training %+v", training)
	}
	h.wantBooksClosed()
}

// The plan names who trains and who serves, and what neither costs.
func TestPlanOnOwnMachines(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	id, _ := h.begin()
	tune, err := h.store.Tune(h.ctx, h.tenant, id)
	h.must(err)
	offers := decode[state](h.bench, tune.State).Plan
	if best := offers[0]; best.Trainer != "colab" || best.Place != "vllm" || best.Training != 0 || best.Hosting != 0 || !best.Chosen {
		t.Errorf("the plan begins with %+v", best)
	}
	if err := Tunable(h.ctx, h.deps.Vendors, "vllm", vllmemulator.Base, tasks.MethodSFT); err != nil {
		t.Errorf("tunable: %v", err)
	}
	if err := Tunable(h.ctx, h.deps.Vendors, "vllm", "nobody/none", tasks.MethodSFT); !handlers.Failed(err, "model_not_found") {
		t.Errorf("tunable is what nobody trains: %v", err)
	}
}

// The plan names the weights by which another vendor trains a place's base, and what the tokens cost there.
func TestPlanNamesTheWeights(t *testing.T) {
	t.Parallel()
	h := newHomeAt(t, storetest.SQLite(t), ownWays()[1].place(t))
	h.teach(48, 40)
	id := h.tune(tasks.TuneInput{DryRun: true}).ID
	h.run(nil)
	tune, err := h.store.Tune(h.ctx, h.tenant, id)
	h.must(err)
	plan := decode[state](h.bench, tune.State).Plan
	best := plan[0]
	if best.Trainer != "colab" || best.Place != "cloudflare" || best.Weights != "google/gemma-3-12b-it" || !best.PerToken ||
		best.PerHour != 0 || best.Forbidden != "" {
		t.Errorf("the plan begins with %+v", best)
	}
	if err := Tunable(h.ctx, h.deps.Vendors, "cloudflare", "@cf/google/gemma-3-12b-it", tasks.MethodSFT); err != nil {
		t.Errorf("tunable: %v", err)
	}
	if err := Tunable(h.ctx, h.deps.Vendors, "cloudflare", "@cf/openai/gpt-oss-120b", tasks.MethodSFT); !handlers.Failed(err, "model_not_found") {
		t.Errorf("tunable is a base that takes no adapters: %v", err)
	}
}
