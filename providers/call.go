package providers

import (
	"context"
	"time"
)

// Target is one model at one vendor.
type Target struct {
	Provider string `json:"provider"`
	Model    string `json:"model"` // the vendor's own name
	// Priced overrides the catalogue's lookup key where the vendor's name is
	// not in it: a tuned model is billed as its deployment says.
	Priced string `json:"priced,omitempty"`
	// Hosted means that its vendor bills it by the hour, and nothing by the token.
	Hosted bool `json:"hosted,omitempty"`
	// Account names whose key is used, where a vendor has several; "" is its first.
	Account string `json:"account,omitempty"`
	// Service is the vendor's tier of service that the call asks for; "" for the usual.
	Service string `json:"service,omitempty"`
	// Standby is why the target is known not to answer at the moment, in a word: its
	// deployment does not run. It is passed over at once. "" where it may be asked.
	Standby string `json:"-"`
}

// plain is the target without what it costs, as all who ask for it know it.
func (t Target) plain() Target {
	return Target{Provider: t.Provider, Model: t.Model, Account: t.Account, Service: t.Service}
}

// String returns "provider/model".
func (t Target) String() string { return t.Provider + "/" + t.Model }

// Key names what a vendor counts its limits for: a model for an account in a tier of
// service.
func (t Target) Key() string {
	key := t.String()
	if t.Account != "" {
		key += "@" + t.Account
	}
	if t.Service != "" {
		key += "+" + t.Service
	}
	return key
}

// Call is one answer to be had, from any of its targets.
type Call struct {
	Request Request // its Model is set from the target of each try
	// Tiers are tried in order; within a tier, targets go by the policy, and those whose
	// circuit is open or that must wait come last.
	Tiers [][]Target
	// Policy says which targets of a tier are preferred. Defaults to Cheapest.
	Policy Policy
	// Conversation keeps calls that have it in common at one target of a tier, by any
	// name that no other has. Defaults to none.
	Conversation string
	// Resume has another target go on with a streamed answer that broke off after a part
	// of it was shown, where one can. Defaults to ending it with an error.
	Resume bool
	// Tenant tells who asks from others, by any name: what one prompt of one tenant
	// brings about closes no target for the others.
	Tenant string
	// Sink takes the chunks of a streamed answer; nil for a whole one. Vendors are asked
	// to stream in both cases: a stream tells early that its vendor is at work.
	Sink Sink
	// Hold gives the sink nothing before the answer is whole, so that any target may
	// still answer after one that broke off. Defaults to giving each chunk as it comes.
	Hold bool
	// Recall puts the tenant's memory in front of a request. It is called once, when a model of the
	// catalogue is about to be asked in the place of a tuned one. Defaults to changing nothing.
	Recall func(ctx context.Context, request Request) (Request, error)
	// Began is told whose chunks the sink is about to be given, and which try that is,
	// 1 for the first. It is told again where another target answers after one that
	// showed nothing. Defaults to nothing.
	Began func(target Target, try int)
	// Hedge is for how long the first target may show nothing before another is asked
	// beside it. Who first shows something answers, and the other is cancelled: both are
	// paid for, and stand in the books. Defaults to never.
	Hedge time.Duration
	// Live says that somebody waits for the answer. Others leave room for it: see
	// [Router.Room]. Defaults to work that nobody waits for.
	Live bool
	// Thrifty has each target asked in its vendor's slower tier of service, where that costs
	// less and the driver knows what it does when it is full: nobody waits for the answer. What
	// is reserved is the usual price, since the usual tier may answer. Defaults to the tier that
	// the request names.
	Thrifty bool
	// Ledger keeps the books of the tries. Required.
	Ledger Ledger
	Limits Limits
}

// Limits bound a call, or each call of a vendor. Zero fields take the defaults.
type Limits struct {
	Connect    time.Duration // until a connection is made, TLS included. Defaults to 10 s.
	Headers    time.Duration // until the vendor's headers. Defaults to 30 s.
	FirstToken time.Duration // until the first chunk, all before it included. Defaults to 60 s.
	Silence    time.Duration // between chunks. Defaults to 30 s.
	Whole      time.Duration // for an answer that its vendor can not stream. Defaults to 60 s.
	Begin      time.Duration // since the call's start, after which no further try begins. Defaults to 60 s.
	Total      time.Duration // all tries together. Defaults to 10 minutes.
	Tries      int           // calls in all, or at the vendor. Defaults to 4.
}

// Try is one attempt at one vendor: a line of spend.
type Try struct {
	Target       Target
	Number       int   // 1 for the call's first try
	ReservedNano int64 // what it is reserved at, nano-dollars: see [Pricer]
	// Priced is from when the price holds that it is reckoned by.
	Priced time.Time
}

// Tried is a try that has ended, for those who count. Its usage and money are what the
// books hold, zero where the try failed and was not charged by its usage.
type Tried struct {
	Target Target
	Took   time.Duration
	First  time.Duration // until the first chunk that shows something; 0 where none came
	Kind   Kind          // why it failed, "" where it answered
	Status int           // HTTP status of a failure, 0 where none came
	Model  string        // as the vendor named it in the answer
	Finish string        // why the answer ended
	// Skipped counts the events of an answer's stream that were no chunks.
	Skipped int
	Usage   Usage
	Nano    int64 // nano-dollars
}

// Outcome is how a try ended.
type Outcome struct {
	Charge Charge // what a failed try cost
	Nano   int64  // with ChargeUsage, nano-dollars
	Usage  Usage
	Err    error // nil when the try answered
}

// Ledger keeps the books of a call's tries. The router writes each try before
// it calls, and ends each that failed; the entry of the try that answered is
// left open for the caller, who settles it in the same transaction that
// stores the answer.
type Ledger interface {
	// Reserve writes an open entry and returns its id. An error stops the
	// call before the vendor is asked (no budget, lease lost).
	Reserve(ctx context.Context, try Try) (entry string, err error)
	// End closes the entry of a try that failed.
	End(ctx context.Context, entry string, outcome Outcome) error
}

// Answer is what a call came to.
type Answer struct {
	Reply  *Reply
	Target Target
	Entry  string // the open entry of the try that answered
	Nano   int64  // its cost by usage and price, nano-dollars; an estimate when Usage.Missing
	Live   int64  // what it would have cost in the usual tier of service, or Nano where that is more
	Tries  int    // vendor calls made, the last included
	// Disputed is set where the vendor counted more than the call can have used:
	// the count is not believed, and Usage.Missing.
	Disputed bool
	// Seams are where other targets went on: Target gave what is behind the last.
	Seams []Seam
	// Ladder are the call's targets in the order in which they were preferred, where it has
	// several tiers.
	Ladder []Rung
}
