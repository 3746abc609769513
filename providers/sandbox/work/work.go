// Package work is the long work that vendors do: it checks uploaded files, trains
// models on them, serves models on hardware and answers batches of requests. Each thing is a machine on the
// lab's clock: what it will do is decided when it is made, and its state is read
// off the time whenever somebody asks.
//
// The words are no vendor's. An emulator gives what is here its vendor's names,
// paths and bodies.
package work

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
)

// How many things of a kind an account may have.
const (
	maxFiles     = 1000
	maxTrainings = 1000
	maxEndpoints = 100
	maxDeployed  = 20 // of one endpoint
	maxBatches   = 1000
)

// Options say whose account it is.
type Options struct {
	// Vendor is the emulator's name: what the account has is kept under it, and
	// payments and faults go by it.
	Vendor string
	// Brain returns what a base model knows, nil where there is no such model.
	Brain func(base string) *model.Model
	// Hour is what an hour of hardware costs, in nano-dollars.
	Hour func(hardware string) int64
}

// Account is what a vendor holds for its one customer; it outlives the process.
// What the methods of its parts return are copies. They are safe for concurrent use.
type Account struct {
	Files     *Files
	Trainings *Trainings
	Hosting   *Hosting
	Batches   *Batches

	holdings *holdings
}

// holdings is what all parts of an account share.
type holdings struct {
	lab     *lab.Lab
	options Options

	mu    sync.Mutex
	state state
}

type state struct {
	Files     map[string]*File     `json:"files"`
	Trainings map[string]*Training `json:"trainings"`
	Endpoints map[string]*Endpoint `json:"endpoints"`
	Batches   map[string]*Batch    `json:"batches"`
}

// Open opens a vendor's account, as an earlier run left it. The lab bills what
// its trainings and deployments use.
func Open(l *lab.Lab, options Options) (*Account, error) {
	hs := &holdings{lab: l, options: options, state: state{
		Files: map[string]*File{}, Trainings: map[string]*Training{}, Endpoints: map[string]*Endpoint{},
		Batches: map[string]*Batch{},
	}}
	if _, err := l.Shelf.Load(hs.kept(), &hs.state); err != nil {
		return nil, err
	}
	trainings := &Trainings{holdings: hs, brains: map[string]*model.Model{}}
	a := &Account{
		Files: &Files{hs}, Trainings: trainings, Hosting: &Hosting{holdings: hs, trainings: trainings},
		Batches: &Batches{holdings: hs}, holdings: hs,
	}
	l.AddMeter(a.settle)
	return a, nil
}

// kept is the name under which the state is kept.
func (hs *holdings) kept() string { return hs.options.Vendor + ".json" }

// change lets fn change the state, and keeps what came of it.
func (hs *holdings) change(fn func(now time.Time) *lab.Failure) *lab.Failure {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if refused := fn(hs.lab.Now()); refused != nil {
		return refused
	}
	if err := hs.lab.Shelf.Save(hs.kept(), hs.state); err != nil {
		return lab.NotKept(err)
	}
	return nil
}

// settle bills what is billed by time, and gives back what was not used.
func (a *Account) settle(now time.Time) error {
	if refused := a.Batches.Settle(); refused != nil {
		return errors.New(refused.Message)
	}
	a.holdings.mu.Lock()
	defer a.holdings.mu.Unlock()
	changed := false
	for _, t := range a.holdings.state.Trainings {
		changed = a.Trainings.settle(t, now) || changed
	}
	for _, e := range a.holdings.state.Endpoints {
		for _, d := range e.Deployments {
			changed = a.Hosting.settle(d, now) || changed
		}
	}
	if !changed {
		return nil
	}
	return a.holdings.lab.Shelf.Save(a.holdings.kept(), a.holdings.state)
}

// target is what the faults of a request are found by.
func (hs *holdings) target(r *http.Request, model string) lab.Target {
	return lab.Target{Vendor: hs.options.Vendor, Method: r.Method, Path: r.URL.Path, Model: model}
}

// copies lists what is in a map, the oldest first.
func copies[T any](of map[string]*T, made func(*T) time.Time, id func(*T) string) []T {
	list := make([]T, 0, len(of))
	for _, one := range of {
		list = append(list, *one)
	}
	slices.SortFunc(list, func(x, y T) int {
		return cmp.Or(made(&x).Compare(made(&y)), cmp.Compare(id(&x), id(&y)))
	})
	return list
}
