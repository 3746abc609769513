package work

import (
	"errors"
	"hash/fnv"
	"strings"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
)

// How much is kept in memory of what trainings have learnt.
const (
	maxPairs  = 20_000 // of one training
	maxBrains = 8
	maxChain  = 8 // trainings that go on from each other
)

// errChain says that a training goes on from too many others.
var errChain = errors.New("the tune goes on from more than 8 others: tune the base model anew")

// Learnt returns the model that a training made.
func (ts *Trainings) Learnt(id string) (*model.Model, *lab.Failure) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	brain, err := ts.learnt(id, maxChain)
	if err != nil {
		return nil, lab.NotKept(err)
	}
	return brain, nil
}

// learnt returns the model that a training made, which is made once. It is called
// with the lock held.
func (ts *Trainings) learnt(id string, chain int) (*model.Model, error) {
	if brain := ts.brains[id]; brain != nil {
		return brain, nil
	}
	t := ts.state.Trainings[id]
	switch {
	case t == nil:
		return nil, lab.ErrAbsent
	case chain == 0:
		return nil, errChain
	}
	brain, err := ts.before(t, chain)
	if err != nil {
		return nil, err
	}
	pairs, err := ts.rows(t)
	if err != nil {
		return nil, err
	}
	brain = brain.Learn(pairs)
	ts.remember(id, brain)
	return brain, nil
}

// before is the model that a training begins with.
func (ts *Trainings) before(t *Training, chain int) (*model.Model, error) {
	if t.Parent != "" {
		return ts.learnt(t.Parent, chain-1)
	}
	if base := ts.options.Brain(t.Base); base != nil {
		return base, nil
	}
	return nil, lab.ErrAbsent
}

// rows reads what a training's file teaches, spoilt and mixed with other rows where the script said so.
func (ts *Trainings) rows(t *Training) ([]model.Pair, error) {
	body, err := ts.lab.Shelf.Open(t.File)
	if err != nil {
		return nil, err
	}
	content, _ := unmarked(body)
	pairs, err := model.ReadPairs(content, maxPairs)
	if err = errors.Join(err, body.Close()); err != nil {
		return nil, err
	}
	if t.Corrupt > 0 {
		sum := fnv.New64a()
		sum.Write([]byte(t.ID))
		pairs = model.Corrupt(pairs, t.Corrupt, sum.Sum64())
	}
	mixed, err := model.ReadPairs(strings.NewReader(t.Mixed), maxPairs)
	if err != nil {
		return nil, err
	}
	return append(pairs, mixed...), nil
}

// remember keeps a model, and forgets another where there are too many.
func (ts *Trainings) remember(id string, brain *model.Model) {
	for old := range ts.brains {
		if len(ts.brains) < maxBrains {
			break
		}
		delete(ts.brains, old)
	}
	ts.brains[id] = brain
}
