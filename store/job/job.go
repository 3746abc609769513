// Package job stores jobs: the job rows, the moves between their states, the fair choice of the
// next jobs of a lane, and the webhook deliveries of their ends. One table holds the allowed
// moves, and one function makes them.
//
// It knows the meaning of one kind only, [DeliveryKind], whose jobs it makes itself. The owners
// of other things that jobs are made for register [Nouns].
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

// moves is the only table of allowed moves.
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

// Job is a unit of work. The row is the job; an Asynq task is only a wake-up for it.
type Job struct {
	ID       string
	Tenant   string
	KeyID    string
	Kind     string // a task kind, such as chat.run
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
	Gen         int64 // incremented by each dispatch, so that a stale wake-up claims nothing
	Epoch       int64 // incremented by each claim, so that a stale worker's writes are refused
	Wake        string
	LeaseOwner  string // the worker that holds it, or whose attempt succeeded
	LeaseUntil  time.Time
	ClaimedAt   time.Time // start of the running or the successful attempt
	CancelAt    time.Time // when its cancellation was requested

	Created  time.Time
	Started  time.Time
	Finished time.Time
}

// Tries counts the attempts that failed, and the one that is running or succeeded.
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
	RetryAfter time.Duration `json:"retry_after,omitempty"` // nanoseconds; 0 where it is unknown
}

// Error returns code and message.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// NewJob describes a job to insert.
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
	// Conversation is the client's id of the conversation that a chat belongs to. Forgetting
	// the conversation reaches the job by it.
	Conversation string
	Attached     bool
	WebhookURL   string
	// Private has the request and the answer cleared: the input once the job ended without an
	// answer, everything once the answer was delivered, or some time after the job's end.
	Private     bool
	Trace       string
	RunAt       time.Time     // zero: at once
	ExpiresIn   time.Duration // zero: never
	MaxAttempts int           // Defaults to 5.
	// Bundle is how many jobs of its kind may share its wake-up. Defaults to 1.
	Bundle int
	// Waiting inserts the job in the state waiting, for its children.
	Waiting bool
	// Cites are the experiences that its input names. Forgetting one of them reaches the job by
	// it.
	Cites []string
	// Alias and Route are the alias that the job uses and its version, as the caller read them.
	// Where another version is in force now, the job is not inserted; without a Route any
	// version will do. "" means that it uses no alias.
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
