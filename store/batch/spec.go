package batch

import (
	"encoding/json"
	"time"
)

// Phase is what is to be done next for a batch.
type Phase string

// The phases. After the last order what is left is asked for live, one by one.
const (
	PhaseRead    Phase = "read"    // the file of requests
	PhaseChoose  Phase = "choose"  // who answers
	PhaseSubmit  Phase = "submit"  // an order at the vendor
	PhaseAdopt   Phase = "adopt"   // an order whose answer was lost
	PhasePoll    Phase = "poll"    // the order
	PhaseCollect Phase = "collect" // its answers
	PhaseLive    Phase = "live"
	PhaseWrite   Phase = "write" // the files of answers
)

// Spec is how far a batch is, in its row.
type Spec struct {
	Phase Phase `json:"phase"`
	// Model is what all lines name: an alias or provider/model.
	Model string `json:"model,omitempty"`
	// Provider and Target are the vendor that takes orders of it, and its name for the
	// model. Empty: the queue asks for each line live.
	Provider string `json:"provider,omitempty"`
	Target   string `json:"target,omitempty"`
	MinLines int    `json:"min_lines,omitempty"` // of an order
	MaxLines int    `json:"max_lines,omitempty"`
	MaxBytes int64  `json:"max_bytes,omitempty"`
	// Budget caps what the job Root and its descendants may spend, nano-dollars; nil: no cap.
	Budget *int64 `json:"budget,omitempty"`
	Root   string `json:"root,omitempty"`

	Round    int             `json:"round,omitempty"`  // orders so far
	Intent   time.Time       `json:"intent,omitzero"`  // when the order was asked for
	Handle   json.RawMessage `json:"handle,omitempty"` // the vendor's
	VendorID string          `json:"vendor_id,omitempty"`
	Stopping bool            `json:"stopping,omitempty"` // the vendor was asked to end the order
	Looks    int             `json:"looks,omitempty"`    // how often a lost order was looked for in vain
	Lost     int             `json:"lost,omitempty"`     // calls in a row that got no answer
	Refused  int             `json:"refused,omitempty"`  // orders that the vendor refused
	Output   string          `json:"output,omitempty"`   // ids of the files that are being written
	Errors   string          `json:"errors,omitempty"`
}
