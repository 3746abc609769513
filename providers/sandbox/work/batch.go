package work

import (
	"cmp"
	"encoding/json"
	"net/http"
	"time"

	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/sandbox/model"
)

// Batch is an order of many requests, which are answered later and for less. What
// becomes of each line is decided when it is ordered; how many are answered is read
// off the lab's clock.
type Batch struct {
	ID      string          `json:"id"`
	Name    string          `json:"name"`              // by which its customer finds it, where the vendor has such names
	Model   string          `json:"model"`             // that answers; payments go by it
	File    string          `json:"file"`              // that its lines were read from, where there was one
	Percent int64           `json:"percent"`           // of the live price; 0 is 100
	Window  time.Duration   `json:"window"`            // after which it expires; 0 is never
	Request json.RawMessage `json:"request,omitempty"` // what the vendor was asked, in its own words

	Lines     int          `json:"lines"`
	Bad       []BatchFault `json:"bad,omitempty"` // what is wrong with it: it fails when it is checked
	Created   time.Time    `json:"created"`
	Started   time.Time    `json:"started"`
	Answered  time.Time    `json:"answered"` // when the last line is
	Ends      time.Time    `json:"ends"`
	Ending    BatchState   `json:"ending"`             // that nobody disturbs
	Most      int          `json:"most"`               // of its lines that are ever answered
	Cancelled time.Time    `json:"cancelled,omitzero"` // when that was asked for

	// What follows is known once the batch is over.
	Delivered bool   `json:"delivered,omitempty"` // it is billed, and its answers can be fetched
	Good      int    `json:"good"`                // lines answered
	Wrong     int    `json:"wrong"`               // lines that failed
	Output    string `json:"output,omitempty"`    // file of the answers; empty where there is none
	Errors    string `json:"errors,omitempty"`    // file of the lines that failed; empty where none did
}

// BatchFault is what is wrong with the order of a batch.
type BatchFault struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Param   string `json:"param,omitempty"`
	Line    int    `json:"line,omitempty"` // counted from 1; 0 is none
}

// BatchLine is one request of a batch.
type BatchLine struct {
	ID   string // as its customer calls it
	Body json.RawMessage
}

// BatchSaid is how a vendor answers a line.
type BatchSaid struct {
	Body  any // the object that a live call would be answered with
	Usage model.Usage
}

// BatchOrder is what a batch is made of. Of the Batch all before Lines is given.
type BatchOrder struct {
	Batch
	Requests []BatchLine
	Faults   []BatchFault // what the vendor found wrong when it read the lines
	// Answer answers one line as the vendor does a live call, without a bill.
	Answer func(line json.RawMessage) (BatchSaid, *lab.Failure)
}

// BatchResult is what became of one line.
type BatchResult struct {
	ID      string          `json:"id"`
	Body    json.RawMessage `json:"body,omitempty"` // the vendor's object of an answer
	Failure *lab.Failure    `json:"failure,omitempty"`
	Usage   model.Usage     `json:"usage"`
	Missed  bool            `json:"-"` // the batch was over before the line's turn came
}

// Dressing is how a vendor hands over the results of its batches.
type Dressing struct {
	// Line makes a line of the files that hold the answers and the failures; nil
	// results leave the line out. Defaults to no files.
	Line func(Batch, BatchResult) any
	// Deliver puts the results where the customer fetches them, for a vendor that has
	// no files. It must not call the account. Defaults to nothing.
	Deliver func(*Batch, []BatchResult) error
}

// Batches are the batches of an account.
type Batches struct {
	*holdings
	dressing Dressing
}

// Dress says how results are handed over. It is called once, before any order.
func (bs *Batches) Dress(dressing Dressing) { bs.dressing = dressing }

// Order makes a batch. It plays the faults of batches.
func (bs *Batches) Order(r *http.Request, order BatchOrder) (Batch, *lab.Failure) {
	target := bs.target(r, order.Model)
	results := order.results(bs.spoilt(target))
	if err := bs.lab.Shelf.Save(resultsOf(order.ID), results); err != nil {
		return Batch{}, lab.NotKept(err)
	}
	made := order.Batch
	refused := bs.change(func(now time.Time) *lab.Failure {
		if len(bs.state.Batches) >= maxBatches {
			return lab.Invalid("", "the account holds %d batches already", maxBatches)
		}
		made.Lines, made.Bad, made.Created = len(order.Requests), order.Faults, now
		bs.plan(&made, target)
		kept := made
		bs.state.Batches[made.ID] = &kept
		return nil
	})
	return made, refused
}

// resultsOf is where the results of a batch are kept.
func resultsOf(id string) string { return "results-" + id }

// results answers all lines, in an order of its own. Where spoilt is not nil, it
// is the failure of a share of them.
func (o *BatchOrder) results(spoilt *lab.Failure, share float64) []BatchResult {
	results := make([]BatchResult, 0, len(o.Requests))
	for i, line := range o.Requests {
		result := BatchResult{ID: line.ID}
		switch {
		case len(o.Faults) > 0: // nothing of it is answered
		case spoilt != nil && int(float64(i+1)*share) > int(float64(i)*share):
			result.Failure = spoilt
		default:
			result.ask(o.Answer, line.Body)
		}
		results = append(results, result)
	}
	for i := range len(results) / 2 { // no vendor keeps the order of the lines
		results[2*i], results[2*i+1] = results[2*i+1], results[2*i]
	}
	return results
}

func (r *BatchResult) ask(answer func(json.RawMessage) (BatchSaid, *lab.Failure), line json.RawMessage) {
	said, failure := answer(line)
	if failure != nil {
		r.Failure = failure
		return
	}
	body, err := json.Marshal(said.Body)
	if err != nil { // what the emulators answer always marshals
		panic(err)
	}
	r.Body, r.Usage = body, said.Usage
}

// spoilt plays the fault of single lines: the failure and the share that has it.
func (bs *Batches) spoilt(target lab.Target) (*lab.Failure, float64) {
	fault, found := bs.lab.TakeFault(target, lab.FaultFailLines)
	if !found {
		return nil, 0
	}
	status := cmp.Or(fault.Status, http.StatusInternalServerError)
	return &lab.Failure{Status: status, Message: fault.Message}, cmp.Or(fault.Share, 1)
}

// batch finds a batch. It is called with the lock held.
func (bs *Batches) batch(id string) (*Batch, *lab.Failure) {
	if b := bs.state.Batches[id]; b != nil {
		return b, nil
	}
	return nil, lab.Absent("Batch", id)
}

// Batch returns a batch.
func (bs *Batches) Batch(id string) (Batch, *lab.Failure) {
	if refused := bs.Settle(); refused != nil {
		return Batch{}, refused
	}
	bs.mu.Lock()
	defer bs.mu.Unlock()
	b, refused := bs.batch(id)
	if refused != nil {
		return Batch{}, refused
	}
	return *b, nil
}

// List lists the batches, the oldest first.
func (bs *Batches) List() ([]Batch, *lab.Failure) {
	if refused := bs.Settle(); refused != nil {
		return nil, refused
	}
	bs.mu.Lock()
	defer bs.mu.Unlock()
	return copies(bs.state.Batches,
		func(b *Batch) time.Time { return b.Created }, func(b *Batch) string { return b.ID }), nil
}

// Results lists what became of the lines of a batch that is over; those whose turn
// never came are Missed.
func (bs *Batches) Results(id string) ([]BatchResult, *lab.Failure) {
	b, refused := bs.Batch(id)
	switch {
	case refused != nil:
		return nil, refused
	case !b.Delivered:
		return nil, lab.Conflict("batch %s is %s", id, b.State(bs.lab.Now()))
	}
	results, err := bs.results(&b)
	if err != nil {
		return nil, lab.NotKept(err)
	}
	return results, nil
}

// results reads what becomes of a batch's lines. Those behind the last that was done
// are missed.
func (bs *Batches) results(b *Batch) ([]BatchResult, error) {
	var results []BatchResult
	if _, err := bs.lab.Shelf.Load(resultsOf(b.ID), &results); err != nil {
		return nil, err
	}
	for i := b.Done(bs.lab.Now()); i < len(results); i++ {
		results[i] = BatchResult{ID: results[i].ID, Missed: true}
	}
	return results, nil
}

// Cancel asks a batch to end. One that is over is refused.
func (bs *Batches) Cancel(id string) (Batch, *lab.Failure) {
	var after Batch
	refused := bs.change(func(now time.Time) *lab.Failure {
		b, refused := bs.batch(id)
		switch {
		case refused != nil:
			return refused
		case b.State(now).Ended():
			return lab.Conflict("Batch %s is %s and cannot be cancelled", id, b.State(now))
		}
		if b.Cancelled.IsZero() {
			b.Cancelled = now
		}
		after = *b
		return nil
	})
	return after, refused
}
