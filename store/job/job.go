// Package job is the room of work: the row that is a job, every move that it can
// make, whose turn it is, and what is to be told of it. One table of moves says
// what may follow what, and one place moves.
//
// It knows no kind of work but the one that it makes itself ([DeliveryKind]), and
// nothing of what a job is made for: who keeps that gives [Nouns].
package job

import (
	"encoding/json"
	"time"
)

// State is where a job stands. See CanMove for what may follow what.
type State string

// The states of a job.
const (
	StateQueued     State = "queued"     // waits to be dispatched, from RunAt on
	StateDispatched State = "dispatched" // a wake-up is on its way; shown as queued
	StateRunning    State = "running"    // held by a worker under a lease
	StateWaiting    State = "waiting"    // for RunAt, or for its children
	StateSucceeded  State = "succeeded"
	StateFailed     State = "failed"
	StateCancelled  State = "cancelled"
	StateExpired    State = "expired"
)

// Ended tells whether the state is final, until someone retries the job.
func (s State) Ended() bool {
	return s == StateSucceeded || s == StateFailed || s == StateCancelled || s == StateExpired
}

// moves is the one table of allowed moves.
var moves = map[State][]State{
	StateQueued:     {StateDispatched, StateCancelled, StateExpired},
	StateDispatched: {StateRunning, StateQueued, StateCancelled, StateExpired},
	StateRunning:    {StateSucceeded, StateFailed, StateCancelled, StateWaiting, StateQueued},
	StateWaiting:    {StateQueued, StateCancelled, StateExpired},
	StateFailed:     {StateQueued},
	StateCancelled:  {StateQueued},
	StateExpired:    {StateQueued},
}

// CanMove tells whether a job may go from one state to another.
func CanMove(from, to State) bool {
	for _, next := range moves[from] {
		if next == to {
			return true
		}
	}
	return false
}

// Job is a unit of work. The row is the job: an Asynq task only says that there
// is one.
type Job struct {
	ID       string
	Tenant   string
	KeyID    string
	Kind     string // a task kind: chat.run
	Lane     string // the queue that delivers it: chat
	State    State
	Priority int // 0–9, 9 first

	Input    json.RawMessage
	Result   json.RawMessage
	Error    *Error
	Metadata json.RawMessage

	IdemKey  string
	IdemHash string // sha256 of the request that came with the key

	Parent       string // the job that waits for this one
	Subject      string // the noun it works for: drm_…, tun_…, ftjob-…
	OpenChildren int
	Attached     bool // a client waits on its reply stream
	WebhookURL   string
	Trace        string // W3C traceparent

	RunAt       time.Time
	ExpiresAt   time.Time // zero: never
	Attempt     int       // attempts that failed; see Tries
	MaxAttempts int
	Crashes     int
	Gen         int64 // rises with each dispatch: a stale wake-up does not fit
	Epoch       int64 // rises with each claim: a stale worker does not fit
	Wake        string
	LeaseOwner  string // the worker that holds it, or whose attempt succeeded
	LeaseUntil  time.Time
	ClaimedAt   time.Time // when the attempt under way began, or the one that succeeded
	CancelAt    time.Time // when its end was asked for

	Created  time.Time
	Started  time.Time
	Finished time.Time
}

// Tries counts the attempts that were begun in earnest: those that failed, and
// the one that is under way or succeeded.
func (j Job) Tries() int {
	if j.State == StateRunning || j.State == StateSucceeded {
		return j.Attempt + 1
	}
	return j.Attempt
}

// Error is why a job, or an attempt at it, did not succeed.
type Error struct {
	Code    string `json:"code"` // of the closed set in the public contract
	Message string `json:"message"`
	// Param and RetryAfter travel with the reply to a waiting client; a row keeps
	// neither (a failed job's RunAt says when to try again).
	Param      string        `json:"param,omitempty"`       // the request's parameter that is at fault
	RetryAfter time.Duration `json:"retry_after,omitempty"` // nanoseconds; 0 where nobody knows
}

// Error returns code and message.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// NewJob is what it takes to make a job.
type NewJob struct {
	ID       string // NewID("job_"). Defaults to a fresh one.
	Tenant   string
	KeyID    string
	Kind     string
	Lane     string
	Priority int
	Input    json.RawMessage
	Metadata json.RawMessage
	IdemKey  string
	IdemHash string
	Parent   string
	Subject  string
	// Conversation is the client's id of the one that a chat belongs to: to forget it
	// reaches the job.
	Conversation string
	Attached     bool
	WebhookURL   string
	// Private has what was said cleared: the input once the job ended without an
	// answer, all of it once the answer was delivered, or some time after its end.
	Private     bool
	Trace       string
	RunAt       time.Time     // zero: at once
	ExpiresIn   time.Duration // zero: never
	MaxAttempts int           // Defaults to 5.
	// Bundle is how many jobs of its kind may share its wake-up. Defaults to 1.
	Bundle int
	// Waiting makes it wait for its children from the start.
	Waiting bool
	// Cites are the experiences that its input names: to forget one reaches it.
	Cites []string
	// Alias and Route are the one that the job goes by and its version, as they
	// were seen: where another is in force by now the job is not made. "": it goes
	// by none.
	Alias string
	Route string
}

// Attempt is the end of one attempt at a job.
type Attempt struct {
	Job     string
	Epoch   int64
	Worker  string
	Started time.Time
	Ended   time.Time
	Outcome string // succeeded, failed, cancelled, waiting, handed_back, crashed
	Error   *Error
}
