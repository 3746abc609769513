package lab

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"dreamlab/providers/sandbox/model"
)

// The faults that a script may hold. The first group is played on any route,
// the second on streams, the third by what trains and hosts models, the fourth by
// batches, when they are ordered.
const (
	FaultStatus    = "status"     // answer Status with Body, else the vendor's own error form
	FaultDelay     = "delay"      // wait MS milliseconds, then go on
	FaultHang      = "hang"       // answer nothing until the client leaves
	FaultDrop      = "drop"       // cut the connection before the request is looked at
	FaultDropAfter = "drop_after" // do all of it and bill it, then cut: the answer is lost
	FaultGarbage   = "garbage"    // answer 200 with what is not JSON
	FaultRateLimit = "rate_limit" // the vendor's own 429, with RetryAfter
	FaultCapacity  = "capacity"   // the vendor's own word for being full
	FaultFilter    = "filter"     // the vendor's own refusal of what the prompt says
	FaultUsedUp    = "used_up"    // answer, and say that others have used up a Share of the limits

	FaultTruncate    = "truncate"     // cut the stream after Chunks
	FaultStreamError = "stream_error" // the vendor's own error in mid-stream, after Chunks
	FaultStall       = "stall"        // fall silent after Chunks until the client leaves
	FaultBadChunk    = "bad_chunk"    // an event that is no JSON, after Chunks; the stream goes on
	FaultNoMark      = "no_mark"      // the stream ends without the mark of its end
	FaultBadJSON     = "bad_json"     // structured output that breaks off

	FaultCorrupt      = "corrupt_training" // a Share of the rows is learnt as gibberish
	FaultMixRows      = "mix_rows"         // the rows of Body, a text of JSON lines, are learnt beside the file's
	FaultInvalidFile  = "invalid_file"     // the file fails validation
	FaultFailTraining = "fail_training"    // the training ends as the vendor's error
	FaultUserError    = "user_error"       // the training ends as the user's error
	FaultSlowCapacity = "slow_capacity"    // hardware comes six hours late, also to a batch
	FaultInterrupt    = "interrupt"        // spot hardware is taken away half-way, for an hour

	FaultFailLines   = "fail_lines"   // a Share of the lines fail, with Status or 500
	FaultFailBatch   = "fail_batch"   // the batch is refused when it is checked
	FaultExpireBatch = "expire_batch" // a Share of the lines is answered, half by default, then it expires
)

func kindsOfFault() []string {
	return []string{
		FaultStatus, FaultDelay, FaultHang, FaultDrop, FaultDropAfter, FaultGarbage, FaultRateLimit,
		FaultCapacity, FaultFilter, FaultUsedUp, FaultTruncate, FaultStreamError, FaultStall, FaultBadChunk, FaultNoMark,
		FaultBadJSON, FaultCorrupt, FaultMixRows, FaultInvalidFile, FaultFailTraining, FaultUserError, FaultSlowCapacity,
		FaultInterrupt,
		FaultFailLines, FaultFailBatch, FaultExpireBatch,
	}
}

// Fault is a line of the script.
type Fault struct {
	Vendor string `json:"vendor"`           // the emulator's name, or "*" for all
	Method string `json:"method,omitempty"` // such as POST; empty is every method
	Route  string `json:"route,omitempty"`  // a part of the path, its end where a $ follows; empty is every path
	Model  string `json:"model,omitempty"`  // the request's model; empty is every model
	Tier   string `json:"tier,omitempty"`   // the request's tier of service; empty is every tier
	Kind   string `json:"fault"`
	Times  *int   `json:"times,omitempty"` // how often it is played; omitted is for ever

	Status     int               `json:"status,omitempty"`
	Body       json.RawMessage   `json:"body,omitempty"` // a string is sent as it is, anything else as JSON
	Headers    map[string]string `json:"headers,omitempty"`
	RetryAfter any               `json:"retry_after,omitempty"` // seconds, or any text to send as the header
	MS         int               `json:"ms,omitempty"`          // milliseconds
	Chunks     int               `json:"chunks,omitempty"`
	Share      float64           `json:"share,omitempty"` // 0 to 1. Defaults to 1.
	Message    string            `json:"message,omitempty"`
}

// retryAfter returns the header's text, empty where there is none.
func (f Fault) retryAfter() string {
	if f.RetryAfter == nil {
		return ""
	}
	return fmt.Sprint(f.RetryAfter)
}

// Text is a Body that is a text, else "".
func (f Fault) Text() string {
	var text string
	if json.Unmarshal(f.Body, &text) != nil {
		return ""
	}
	return text
}

// teaches tells whether a text has rows of a training file.
func teaches(rows string) bool {
	pairs, err := model.ReadPairs(strings.NewReader(rows), 1)
	return err == nil && len(pairs) > 0
}

func (f Fault) check() error {
	switch {
	case f.Vendor == "":
		return errors.New(`"vendor" is missing: name an emulator, or "*" for all`)
	case !slices.Contains(kindsOfFault(), f.Kind):
		return fmt.Errorf("unknown fault %q: use one of %s", f.Kind, strings.Join(kindsOfFault(), ", "))
	case f.Times != nil && *f.Times < 1:
		return errors.New(`"times" must be 1 or more; leave it out for a fault that stays`)
	case f.Kind == FaultStatus && (f.Status < 200 || f.Status > 599):
		return errors.New(`"status" must be from 200 to 599`)
	case f.Kind == FaultDelay && (f.MS < 1 || f.MS > 600_000):
		return errors.New(`"ms" must be from 1 to 600000`)
	case f.Kind == FaultMixRows && !teaches(f.Text()):
		return errors.New(`"body" must be a text: the rows to be learnt, a line of JSON each`)
	case f.Share < 0 || f.Share > 1:
		return errors.New(`"share" must be from 0 to 1`)
	}
	return nil
}

// Target is what a fault is matched with.
type Target struct {
	Vendor, Method, Path, Model, Tier string
}

func (f Fault) matches(t Target) bool {
	return (f.Vendor == "*" || f.Vendor == t.Vendor) &&
		(f.Method == "" || strings.EqualFold(f.Method, t.Method)) &&
		onRoute(t.Path, f.Route) &&
		(f.Model == "" || f.Model == t.Model) &&
		(f.Tier == "" || f.Tier == t.Tier)
}

func onRoute(path, route string) bool {
	if end, anchored := strings.CutSuffix(route, "$"); anchored {
		return strings.HasSuffix(path, end)
	}
	return strings.Contains(path, route)
}

// script is the faults that are still to be played.
type script struct {
	mu     sync.Mutex
	faults []Fault
}

// maxFaults bounds the script.
const maxFaults = 1000

func (s *script) add(f Fault) error {
	if err := f.check(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.faults) >= maxFaults {
		return fmt.Errorf("the script holds %d faults already: clear it first", maxFaults)
	}
	if f.Times != nil {
		times := *f.Times
		f.Times = &times
	}
	s.faults = append(s.faults, f)
	return nil
}

func (s *script) list() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := slices.Clone(s.faults)
	for i, f := range out {
		if f.Times != nil {
			times := *f.Times
			out[i].Times = &times
		}
	}
	return out
}

func (s *script) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// take plays the oldest fault that matches and is of one of the kinds.
func (s *script) take(target Target, kinds ...string) (Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.faults {
		if !slices.Contains(kinds, f.Kind) || !f.matches(target) {
			continue
		}
		if f.Times != nil {
			if *f.Times--; *f.Times == 0 {
				s.faults = slices.Delete(s.faults, i, i+1)
			}
		}
		return f, true
	}
	return Fault{}, false
}

// AddFault puts a fault at the end of the script.
func (l *Lab) AddFault(f Fault) error { return l.script.add(f) }

// Faults lists the faults that are still to be played.
func (l *Lab) Faults() []Fault { return l.script.list() }

// ClearFaults empties the script.
func (l *Lab) ClearFaults() { l.script.clear() }

// TakeFault plays the oldest fault of these kinds that a request matches, and
// tells whether there was one. An emulator asks for the faults of its own
// routes with it; those of any route are played by Serve.
func (l *Lab) TakeFault(target Target, kinds ...string) (Fault, bool) {
	return l.script.take(target, kinds...)
}

// UsedUp returns how much of a limit others have used up, 0 where no fault says so.
func (l *Lab) UsedUp(target Target, limit int64) int64 {
	f, found := l.TakeFault(target, FaultUsedUp)
	if !found {
		return 0
	}
	return int64(cmp.Or(f.Share, 1) * float64(limit))
}

// CorruptShare returns the share of a training's rows to be spoilt, 0 for none.
func (l *Lab) CorruptShare(target Target) float64 {
	f, found := l.TakeFault(target, FaultCorrupt)
	switch {
	case !found:
		return 0
	case f.Share == 0:
		return 1
	}
	return f.Share
}
