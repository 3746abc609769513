package providers

import (
	"context"
	"errors"
	"iter"
	"time"
)

// Batches is a driver whose vendor answers many requests later, for less.
type Batches interface{ Batcher() Batcher }

// Batcher answers many requests of one model in one order. Long work is two calls:
// the one that starts it returns a plain handle, the others take it. As with
// [Driver], each method is one attempt, fails with an [*Error] and is safe for
// concurrent use.
type Batcher interface {
	// Batchable tells what one batch of the model may hold. It fails with
	// KindModelGone where the vendor takes no batch of it.
	Batchable(ctx context.Context, model string) (BatchLimits, error)
	// Submit orders a batch. It is never called twice for one spec without a Find
	// between: a vendor may have no idempotency key. A line with a parameter that the
	// vendor does not have is left out, and then has no answer; where no line is left,
	// it fails with KindUnsupported. Of an order that the vendor declines no file is left.
	Submit(ctx context.Context, spec BatchSpec) (Batch, error)
	// Find lists the vendor's batches and returns the one that has the spec's name
	// and was made at notBefore or later, the oldest of several. It fails with
	// KindUnsupported where the vendor lists none: then a batch whose order is in doubt
	// counts as made and lost.
	Find(ctx context.Context, spec BatchSpec, notBefore time.Time) (batch Batch, found bool, err error)
	// Poll tells how far a batch is. A handle that Submit never gave is KindInvalid.
	Poll(ctx context.Context, handle Handle) (Batch, error)
	// Results hands over the answers of a batch that is over, in any order, each line at
	// most once, and stops with the error that each returns. A batch that was cancelled
	// or has expired holds those lines that were answered, and billed, before; one that
	// failed holds none. Lines without an answer are left out, or come with an error
	// that is charged nothing.
	Results(ctx context.Context, handle Handle, each func(BatchAnswer) error) error
	// Cancel asks for the end; lines that are under way may still be answered and
	// billed. A batch that is over is no error. It fails with KindUnsupported where the
	// vendor can not cancel.
	Cancel(ctx context.Context, handle Handle) (Batch, error)
	// Delete removes what stands of a batch that is over at the vendor, or in the bucket that it
	// reads and writes: its requests and its answers, which no call reads from then on. What is gone already is no
	// error, nor is a vendor that keeps nothing.
	Delete(ctx context.Context, handle Handle) error
}

// Declined tells whether a vendor has answered that it does not do what it was asked for: nothing was made,
// and nothing is billed.
func Declined(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Charge == ChargeNone && e.Status != 0
}

// BatchLimits bounds one batch.
type BatchLimits struct {
	MinLines int           // fewer are refused; 0 where one is enough
	MaxLines int           // requests
	MaxBytes int64         // of the file of requests; 0 where only lines are counted
	Window   time.Duration // within which the vendor promises to end
}

// BatchSpec is all that defines a batch.
type BatchSpec struct {
	Name   string        // unique; at most 60 of a-z, 0-9 and "-": Find goes by it
	Model  string        // the vendor's name of the model
	Lines  int           // how many Requests hands over
	Window time.Duration // within which the answers are wanted
	// Requests hands over the lines, the same ones each time that it is ranged over.
	Requests iter.Seq2[BatchLine, error]
}

// BatchLine is one request of a batch.
type BatchLine struct {
	ID      string // unique in the batch; at most 64 of a-z, A-Z, 0-9, "_" and "-"
	Request *Request
}

// BatchAnswer is what became of one line: a reply or an error.
type BatchAnswer struct {
	ID    string
	Reply *Reply
	Err   *Error
}

// BatchState is the state of a batch, whatever the vendor calls it.
type BatchState string

// The states. A vendor's unknown word is BatchRunning: never an end.
const (
	BatchQueued    BatchState = "queued"
	BatchRunning   BatchState = "running"
	BatchEnded     BatchState = "ended" // each line is answered or has failed
	BatchExpired   BatchState = "expired"
	BatchFailed    BatchState = "failed" // refused as a whole; nothing is billed
	BatchCancelled BatchState = "cancelled"
)

// Over tells whether the state is final.
func (s BatchState) Over() bool {
	switch s {
	case BatchEnded, BatchExpired, BatchFailed, BatchCancelled:
		return true
	case BatchQueued, BatchRunning:
	}
	return false
}

// Batch is a batch at the vendor, as of now.
type Batch struct {
	ID      string     `json:"id"` // as people see it
	Name    string     `json:"name"`
	Handle  Handle     `json:"handle"`
	State   BatchState `json:"state"`
	Status  string     `json:"status"` // the vendor's own word
	Reason  string     `json:"reason,omitempty"`
	Lines   int        `json:"lines"`  // 0 while unknown, and where the vendor does not count
	Done    int        `json:"done"`   // lines answered
	Failed  int        `json:"failed"` // lines failed
	Created time.Time  `json:"created"`
	Ended   time.Time  `json:"ended"`
}

// CountBatched returns what an answer of a batch used: what the vendor counted, or an
// estimate that is marked as Missing where it counted nothing, or more than the request
// can have used of a model that takes so many tokens (0: not known).
func CountBatched(req *Request, reply *Reply, context int) (usage Usage, disputed bool) {
	received := len(reply.Body) + len(reply.Content) + len(reply.Message)
	switch {
	case reply.Usage.Missing:
	case believable(req, received, context, reply.Usage):
		return reply.Usage, false
	default:
		disputed = true
	}
	return EstimateUsage(req, reply), disputed
}
