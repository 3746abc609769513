// Package providertest is the suite that every vendor's driver has to pass. A
// vendor's test states a [Harness] and calls [Run]; the suite starts the
// vendor's emulator on loopback, stands between the two, and breaks what can
// break.
//
// It tests the contract of package providers, not what a vendor does
// differently: that is the vendor's own test.
package providertest

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/bill"
	"dreamlab/providers/completion"
	"dreamlab/providers/sandbox/lab"
)

// Key is the credential that the emulator has to ask for. It must never show.
const Key = "tk_providertest_5b1f0c7a9e3d4288"

// Harness tells the suite how to reach a vendor. Fields without "optional" are
// required.
type Harness struct {
	Vendor providers.Vendor
	// Start returns a fresh emulator that takes Key, and what moves its clock.
	Start func(t testing.TB) (emulator http.Handler, advance func(time.Duration))
	// Settings returns the vendor's settings with Key, for an emulator at base.
	// A vendor that has its base and key from elsewhere leaves it out and
	// states Open.
	Settings func(base string) map[string]string
	// Open returns the vendor at base. Optional.
	Open func(base, key string) providers.Vendor
	// Token tells requests for an access token from the others: no fault stands in for
	// their answers. Optional.
	Token func(*http.Request) bool
	// Model answers chats.
	Model string
	// Lacks holds what makes a request one that the vendor has no parameter
	// for, by the parameter's name.
	Lacks map[string]func(*providers.Request)
	// Embeddings is a model that makes vectors. Optional.
	Embeddings string
	// Tuning tells how the vendor fine-tunes and hosts. Optional: without it the vendor
	// does neither.
	Tuning *Tuning
	// Importing tells how the vendor serves what others trained. Optional: without it the vendor
	// does not.
	Importing *Importing
	// Quotas are those that bound trainings and what is served. Optional: without them the vendor tells none.
	Quotas []Quota
	// Batch is a model that takes batches. Optional: without it the vendor has none.
	// The emulator has to be one that the lab's Serve made, and play the faults of
	// batches.
	Batch string
	// Bills returns what tells the vendor's bills, of a driver at base with a key. Optional: without
	// it the vendor tells none. The emulator has to be one that the lab's Serve made.
	Bills func(driver providers.Driver, base, key string, config providers.Config) (bill.Biller, error)
}

// Tuning is what a vendor's fine-tunes and deployments are tested with.
type Tuning struct {
	// Base can be trained and hosted; Unhostable can only be trained.
	Base, Unhostable string
	// Start matches the request that creates a training.
	Start func(*http.Request) bool
	// Uploads are the requests of one upload, in order.
	Uploads []UploadStep
	// Deploys match the requests that create something for a deployment, the deployment's
	// own last.
	Deploys []func(*http.Request) bool
	// Checks says that the vendor checks each row before a training: it counts the rows and
	// names a bad one.
	Checks bool
}

// UploadStep is a request of an upload.
type UploadStep struct {
	Name string
	Is   func(*http.Request) bool
	// Found says that the file can be found once the step was taken, its answer lost.
	Found bool
}

// Asks matches the requests of a method whose path ends so.
func Asks(method, end string) func(*http.Request) bool {
	return func(r *http.Request) bool { return r.Method == method && strings.HasSuffix(r.URL.Path, end) }
}

// Run runs the whole suite.
func Run(t *testing.T, h Harness) {
	t.Run("chat", h.chat)
	t.Run("stream", h.stream)
	t.Run("paid", h.paid)
	t.Run("models", h.models)
	t.Run("concurrent", h.concurrent)
	t.Run("unsupported", h.unsupported)
	t.Run("options", h.options)
	t.Run("unknown model", h.unknownModel)
	t.Run("wrong key", h.wrongKey)
	t.Run("statuses", h.statuses)
	t.Run("retry after", h.retryAfter)
	t.Run("secret", h.secret)
	t.Run("time", h.time)
	t.Run("connection", h.connection)
	t.Run("truncated", h.truncated)
	t.Run("garbage", h.garbage)
	t.Run("too big", h.tooBig)
	t.Run("scripted", h.scripted)
	if h.Embeddings != "" {
		t.Run("embeddings", h.embeddings)
	}
	if h.Bills != nil {
		t.Run("bill", h.bill)
		t.Run("bill errors", h.billErrors)
	}
	if h.Batch != "" {
		t.Run("batch", h.batch)
		t.Run("batch lost", h.batchLost)
		t.Run("batch lines failed", h.batchLinesFailed)
		t.Run("batch failed", h.batchFailed)
		t.Run("batch expired", h.batchExpired)
		t.Run("batch cancelled", h.batchCancelled)
		t.Run("batch left out", h.batchLeftOut)
		t.Run("batch handle", h.batchHandle)
		t.Run("batch deleted", h.batchDeleted)
		t.Run("batch declined", h.batchDeclined)
		t.Run("batch errors", h.batchErrors)
	}
	if h.Importing != nil {
		t.Run("import", h.imports)
		t.Run("import lost", h.importLost)
		t.Run("import refused", h.importRefused)
	}
	if h.Quotas != nil {
		t.Run("quota", h.quotas)
		t.Run("quota refused", h.quotasRefused)
		t.Run("quota unread", h.quotasUnread)
	}
	if h.Tuning != nil {
		t.Run("train", h.train)
		t.Run("train lost", h.trainLost)
		t.Run("train invalid", h.trainInvalid)
		t.Run("train cancel", h.trainCancel)
		t.Run("train cancelled", h.trainCancelled)
		t.Run("train pairs", h.trainPairs)
		t.Run("upload lost", h.uploadLost)
		t.Run("host", h.host)
		t.Run("host lost", h.hostLost)
	}
}

// fault stands in for the emulator, which is next, when it returns true.
type fault func(w http.ResponseWriter, r *http.Request, next http.Handler) bool

// rig is a driver, its emulator, and the suite between them.
type rig struct {
	harness  Harness
	driver   providers.Driver
	emulator http.Handler
	advance  func(time.Duration)
	fault    atomic.Pointer[fault]
	calls    atomic.Int64
	base     string
	client   *http.Client
}

func (h Harness) rig(t *testing.T) *rig {
	t.Helper()
	t.Parallel()
	r := &rig{harness: h}
	emulator, advance := h.Start(t)
	r.emulator, r.advance = emulator, advance
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if h.Token != nil && h.Token(req) {
			emulator.ServeHTTP(w, req)
			return
		}
		r.calls.Add(1)
		if broken := r.fault.Load(); broken != nil && (*broken)(w, req, emulator) {
			return
		}
		emulator.ServeHTTP(w, req)
	}))
	transport := &http.Transport{}
	r.base, r.client = server.URL, &http.Client{Transport: transport}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		server.Close()
	})
	r.driver = r.open(t, Key)
	return r
}

func (r *rig) vendor(key string) providers.Vendor {
	if r.harness.Open != nil {
		return r.harness.Open(r.base, key)
	}
	return r.harness.Vendor
}

func (r *rig) open(t *testing.T, key string) providers.Driver {
	t.Helper()
	vendor, settings := r.vendor(key), map[string]string{}
	if r.harness.Settings != nil {
		settings = r.harness.Settings(r.base)
	}
	for name, value := range settings {
		settings[name] = strings.ReplaceAll(value, Key, key)
	}
	driver, err := vendor.Open(providers.Config{Values: settings, HTTP: r.client})
	if err != nil {
		t.Fatalf("open %s: %v", vendor.Name, err)
	}
	return driver
}

// during runs do while the fault stands in.
func (r *rig) during(broken fault, do func()) {
	r.fault.Store(&broken)
	defer r.fault.Store(nil)
	do()
}

// answering is the fault of a vendor that gives a fixed answer.
func answering(status int, header map[string]string, body string) fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
		w.Header().Set("Content-Type", "application/json")
		for name, value := range header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		_, err := w.Write([]byte(body))
		if err != nil && !errors.Is(err, http.ErrBodyNotAllowed) {
			panic(http.ErrAbortHandler) // the client has left
		}
		return true
	}
}

// lost is the fault of an answer that never arrives: the emulator does what it
// is asked, once, where match says so, and then the connection is cut.
func lost(match func(*http.Request) bool) fault {
	var once sync.Once
	return func(_ http.ResponseWriter, r *http.Request, next http.Handler) bool {
		if !match(r) {
			return false
		}
		cut := false
		once.Do(func() { cut = true })
		if !cut {
			return false
		}
		next.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	}
}

func (r *rig) request(text string) *providers.Request {
	return &providers.Request{
		Model: r.harness.Model, Settings: completion.Settings{MaxTokens: 64},
		Messages: []providers.Message{providers.TextMessage("user", text)},
	}
}

// OnLab returns the Start of a Harness: an emulator on a fresh lab that takes Key.
func OnLab(emulator func(*lab.Lab) http.Handler) func(testing.TB) (http.Handler, func(time.Duration)) {
	return func(t testing.TB) (http.Handler, func(time.Duration)) {
		l, err := lab.New(lab.Options{Credential: Key})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		})
		return emulator(l), l.Advance
	}
}
