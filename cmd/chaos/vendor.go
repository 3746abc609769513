package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"dreamlab/cmd/internal/boot"
)

// payment is the number of calls that a vendor's emulator has billed for a model.
type payment struct {
	Vendor string `json:"vendor"`
	Model  string `json:"model"`
	Calls  int    `json:"calls"`
	Nano   int64  `json:"nano_usd"`

	// Of these, for the lines of batches.
	Lines    int   `json:"batch_lines"`
	LineNano int64 `json:"batch_nano_usd"`
}

// training tells whether it is for trainings.
func (p payment) training() bool { return strings.HasPrefix(p.Model, "fine-tune:") }

// visit is a request as an emulator saw it.
type visit struct {
	ID     string `json:"request_id"`
	Vendor string `json:"vendor"`
	Path   string `json:"path"`
	Model  string `json:"model"`
	Trace  string `json:"trace"`
	Fault  string `json:"fault"`
	Billed bool   `json:"billed"`
	Nano   int64  `json:"nano_usd"`
}

func (v visit) chat() bool {
	return strings.HasSuffix(v.Path, "/chat/completions") && !elsewhere(v.Vendor)
}

// adapted begins Groq's names of models that answer by an adapter, which it bills as their base. Whether one is there yet is
// seen by asking it, beside the books.
const adapted = "ft:"

// booked tells whether it is a chat that has a line in the books.
func (v visit) booked() bool { return v.chat() && !strings.HasPrefix(v.Model, adapted) }

// billedAs is the vendor and the model that it is billed as.
func (v visit) billedAs() string {
	model, found := strings.CutPrefix(v.Model, adapted)
	if found {
		model, _, _ = strings.Cut(model, ":")
	}
	return v.Vendor + "/" + model
}

// made is a training or an endpoint at a vendor.
type made struct {
	ID          string `json:"id"`
	Suffix      string `json:"suffix"` // of a training
	Name        string `json:"name"`   // of an endpoint
	Deployments []struct {
		ID string `json:"id"`
	} `json:"deployments"`
}

type listing[T any] struct {
	Data []T    `json:"data"`
	Next string `json:"next_cursor"`
}

// payments reads the vendors' counts.
func (l *lab) payments(ctx context.Context) ([]payment, error) {
	var answer listing[payment]
	err := l.sandbox(ctx, http.MethodGet, "/_sandbox/payments", "", &answer)
	return answer.Data, err
}

// trainings lists the trainings at the vendor.
func (l *lab) trainings(ctx context.Context) ([]made, error) {
	var answer listing[made]
	err := l.sandbox(ctx, http.MethodGet, "/together/v1/fine-tunes", "", &answer)
	return answer.Data, err
}

// endpoints lists our endpoints at the vendor.
func (l *lab) endpoints(ctx context.Context) ([]made, error) {
	var owner struct {
		Project string `json:"project_id"`
	}
	if err := l.sandbox(ctx, http.MethodGet, "/together/v1/whoami", "", &owner); err != nil {
		return nil, err
	}
	var all []made
	for cursor := "0"; cursor != ""; {
		var page listing[made]
		path := "/together/v2/projects/" + owner.Project + "/endpoints?after=" + cursor
		if err := l.sandbox(ctx, http.MethodGet, path, "", &page); err != nil {
			return nil, err
		}
		all, cursor = append(all, page.Data...), page.Next
	}
	return all, nil
}

// script adds faults to the vendors' script.
func (l *lab) script(ctx context.Context, faults ...string) error {
	for _, fault := range faults {
		if err := l.sandbox(ctx, http.MethodPost, "/_sandbox/faults", fault, nil); err != nil {
			return err
		}
	}
	return nil
}

// clearScript removes the faults that were not injected yet.
func (l *lab) clearScript(ctx context.Context) error {
	return l.sandbox(ctx, http.MethodDelete, "/_sandbox/faults", "", nil)
}

func (l *lab) sandbox(ctx context.Context, method, path, body string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	ask, err := http.NewRequestWithContext(ctx, method, l.vendor+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	ask.Header.Set("Authorization", "Bearer "+boot.SandboxKey)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(ask)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("the sandbox answers %s to %s %s", answer.Status, method, path)
	} else if into != nil {
		err = json.NewDecoder(answer.Body).Decode(into)
	}
	return errors.Join(err, answer.Body.Close())
}

const (
	lookEvery = 500 * time.Millisecond
	// lookServed is shorter than the life of an endpoint that is not promoted.
	lookServed = 100 * time.Millisecond
	// logSize is the number of requests that the vendors' log holds.
	logSize = 1000
)

// witness collects the vendors' log, which keeps only the last requests, and their endpoints,
// which are stopped when they are not in use.
type witness struct {
	mu     sync.Mutex
	seen   map[string]bool
	all    []visit
	served map[string]made
}

func newWitness() *witness { return &witness{seen: map[string]bool{}, served: map[string]made{}} }

// watch reads the log until ctx ends, and once more after that.
func (w *witness) watch(ctx context.Context, l *lab) error {
	for going := true; going; {
		going = pause(ctx, lookEvery)
		if err := w.look(context.WithoutCancel(ctx), l); err != nil {
			return fmt.Errorf("watch the vendors: %w", err)
		}
	}
	return nil
}

func (w *witness) look(ctx context.Context, l *lab) error {
	var answer listing[visit]
	if err := l.sandbox(ctx, http.MethodGet, "/_sandbox/requests", "", &answer); err != nil {
		return err
	}
	return w.take(answer.Data)
}

// watchServed reads the endpoints until ctx ends.
func (w *witness) watchServed(ctx context.Context, l *lab) error {
	for pause(ctx, lookServed) {
		served, err := l.endpoints(context.WithoutCancel(ctx))
		if err != nil {
			return fmt.Errorf("watch what the vendors serve: %w", err)
		}
		w.takeServed(served)
	}
	return nil
}

// takeServed stores each endpoint with the greatest number of deployments that it had.
func (w *witness) takeServed(served []made) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range served {
		if before, known := w.served[m.ID]; !known || len(m.Deployments) > len(before.Deployments) {
			w.served[m.ID] = m
		}
	}
}

// endpoints returns all endpoints that ever existed.
func (w *witness) endpoints() []made {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Collect(maps.Values(w.served))
}

// take adds new requests, and fails where requests may be missing between this log and the
// previous one.
func (w *witness) take(log []visit) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(log) >= logSize && len(w.seen) > 0 && !w.seen[log[0].ID] {
		return errors.New("their log ran ahead of its reader: run with a lower --rate")
	}
	for _, v := range log {
		if !w.seen[v.ID] {
			w.seen[v.ID] = true
			w.all = append(w.all, v)
		}
	}
	return nil
}

func (w *witness) visits() []visit {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.all
}
