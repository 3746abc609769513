package notebook

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"time"

	"dreamlab/store/blob"
	"dreamlab/store/db"
	"dreamlab/store/plainjson"
)

// ErrRefused means that what came from a run can not be taken; its text says why.
var ErrRefused = errors.New("the run is refused")

func refused(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrRefused, fmt.Sprintf(format, args...))
}

// window is how far the time of a message may be from ours.
const window = 5 * time.Minute

// The limits of what a run may leave.
const (
	MaxMessage  = 64 << 10 // bytes
	MaxFile     = 8 << 30  // bytes
	maxMessages = 100_000
	maxHeader   = 100 << 20 // of a file of safetensors, bytes
	maxLog      = 50        // messages that a state holds
)

// Board keeps runs in a bucket.
type Board struct {
	Bucket blob.Bucket
	Now    func() time.Time
}

// Message is what a run told.
type Message struct {
	Kind    string `json:"kind"` // started, heartbeat, checkpoint, paused, stopped, end
	Step    int    `json:"step"`
	Total   int    `json:"total,omitempty"`
	Resumed int    `json:"resumed,omitempty"`
	// Loss is null where it is not known.
	Loss  *float64 `json:"loss,omitempty"`
	File  *File    `json:"file,omitempty"`
	Files []File   `json:"files,omitempty"`
	// Revision is that of the base's weights, where the session could tell it.
	Revision string    `json:"revision,omitempty"`
	At       time.Time `json:"at"` // ours
}

// Text tells the message in a sentence.
func (m Message) Text() string {
	switch m.Kind {
	case "started":
		if m.Resumed > 0 {
			return fmt.Sprintf("a session goes on from step %d", m.Resumed)
		}
		return "a session begins"
	case "heartbeat":
		if m.Loss != nil {
			return fmt.Sprintf("step %d of %d, loss %.4f", m.Step, m.Total, *m.Loss)
		}
		return fmt.Sprintf("step %d of %d", m.Step, m.Total)
	case "checkpoint":
		return fmt.Sprintf("step %d is saved", m.Step)
	case "paused":
		return fmt.Sprintf("the session's time is over at step %d: run the notebook once more", m.Step)
	case "stopped":
		return fmt.Sprintf("the session stopped at step %d, as it was told to", m.Step)
	}
	return fmt.Sprintf("the adapter is here after step %d", m.Step)
}

// File is one that a run left.
type File struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
}

// State is where a run is, as its next session has to know.
type State struct {
	Sequence   int       `json:"sequence"` // of the newest message
	State      string    `json:"state"`    // waiting, running, paused, ended
	Step       int       `json:"step"`
	Total      int       `json:"total,omitempty"` // steps in all; 0 while unknown
	Checkpoint *Saved    `json:"checkpoint"`
	Files      []File    `json:"files,omitempty"` // of the end
	Revision   string    `json:"revision,omitempty"`
	Heard      time.Time `json:"heard,omitzero"`
	// Stop tells the session to end: the run was cancelled.
	Stop bool `json:"stop,omitempty"`
	// Log holds the newest messages, oldest first.
	Log []Message `json:"log,omitempty"`
}

// The states of a run.
const (
	Waiting = "waiting" // for its first session
	Running = "running"
	Paused  = "paused" // its session ended in time; the next goes on
	Ended   = "ended"  // its adapter is here
)

// Saved is the newest checkpoint.
type Saved struct {
	File
	Step int `json:"step"`
}

// Begin makes a run with a key of its own.
func (b Board) Begin(ctx context.Context, r Run) (Run, error) {
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return r, fmt.Errorf("make the key of a run: %w", err)
	}
	r.Key, r.Created = hex.EncodeToString(key), b.Now().UTC()
	if err := b.Bucket.Create(ctx, object(r.ID, "run.json"), bytes.NewReader(plainjson.Of(r))); err != nil {
		return r, fmt.Errorf("keep run %s: %w", r.ID, err)
	}
	return r, nil
}

func object(run, rest string) string { return "runs/" + run + "/" + rest }

// ID is the id of the run of a tune on rows and a base: there is one.
func ID(tune, sha256Hex, base string) string {
	sum := sha256.Sum256([]byte(tune + "\n" + sha256Hex + "\n" + base))
	return "run_" + hex.EncodeToString(sum[:12])
}

// goodRun is the form of a run's id.
var goodRun = regexp.MustCompile(`^run_[0-9A-Za-z_-]{8,64}$`)

// Run finds a run.
func (b Board) Run(ctx context.Context, id string) (r Run, err error) {
	if !goodRun.MatchString(id) {
		return r, refused("there is no such run")
	}
	return r, b.read(ctx, object(id, "run.json"), &r)
}

func (b Board) read(ctx context.Context, name string, out any) error {
	file, err := b.Bucket.Open(ctx, name)
	if err != nil {
		return fmt.Errorf("open %s: %w", name, err)
	}
	defer file.Close()
	if err := json.NewDecoder(io.LimitReader(file, MaxMessage)).Decode(out); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
}

// mac signs with the run's key.
func (r Run) mac(text string) []byte {
	key, err := hex.DecodeString(r.Key)
	if err != nil {
		return nil
	}
	sum := hmac.New(sha256.New, key)
	sum.Write([]byte(text))
	return sum.Sum(nil)
}

// sign makes the query of an address: for what a method may do below a part of the run, and
// until when.
func (r Run) sign(method, part string, now time.Time) string {
	until := strconv.FormatInt(now.Add(addresses).Unix(), 10)
	mac := r.mac(method + "\n" + r.ID + "\n" + part + "\n" + until)
	return url.Values{"until": {until}, "sig": {hex.EncodeToString(mac)}}.Encode()
}

// Allows tells whether an address was signed for a method below a part of the run. What may
// put files may read them.
func (b Board) Allows(r Run, method, part string, query url.Values) bool {
	until, err := strconv.ParseInt(query.Get("until"), 10, 64)
	given, fault := hex.DecodeString(query.Get("sig"))
	if err != nil || fault != nil || b.Now().Unix() >= until {
		return false
	}
	if part == "files" {
		method = "PUT"
	}
	mac := r.mac(method + "\n" + r.ID + "\n" + part + "\n" + query.Get("until"))
	return mac != nil && hmac.Equal(given, mac)
}

// Sealed is a message with its seal, as it came.
type Sealed struct {
	Timestamp, Sequence, Signature string
	Body                           []byte
}

// Receive takes a message: signed by the run's key, of now, and numbered behind all before.
// One that came already is refused, and so is any behind the end.
func (b Board) Receive(ctx context.Context, r Run, s Sealed) (State, error) {
	at, err := strconv.ParseInt(s.Timestamp, 10, 64)
	number, fault := strconv.Atoi(s.Sequence)
	given, broken := hex.DecodeString(s.Signature)
	sum := sha256.Sum256(s.Body)
	mac := r.mac(s.Timestamp + "\n" + s.Sequence + "\n" + hex.EncodeToString(sum[:]))
	switch {
	case errors.Join(err, fault, broken) != nil || mac == nil || !hmac.Equal(given, mac):
		return State{}, refused("the signature does not match")
	case b.Now().Sub(time.Unix(at, 0)).Abs() > window:
		return State{}, refused("the message's time is more than %v from ours: set the clock", window)
	}
	var m Message
	if err := json.Unmarshal(s.Body, &m); err != nil {
		return State{}, refused("the message is no JSON")
	}
	now, err := b.State(ctx, r)
	switch {
	case err != nil:
		return now, err
	case now.State == Ended:
		return now, refused("the run has ended")
	case number <= now.Sequence || number > maxMessages:
		return now, refused("message %d came behind message %d", number, now.Sequence)
	}
	if err := b.check(ctx, r, &m); err != nil {
		return now, err
	}
	m.At = b.Now().UTC()
	now.apply(number, m)
	err = b.Bucket.Create(ctx, messageObject(r.ID, number), bytes.NewReader(plainjson.Of(now)))
	if errors.Is(err, blob.ErrExists) {
		return now, refused("message %d came already", number)
	}
	if err != nil {
		return now, fmt.Errorf("keep a message of %s: %w", r.ID, err)
	}
	return now, nil
}

// messageObject is where the state after a message is kept: the newest is the first of a list.
func messageObject(run string, number int) string {
	return object(run, fmt.Sprintf("messages/%08d.json", maxMessages-number))
}

// State tells where a run is: as its newest message left it, and whether it is to stop.
func (b Board) State(ctx context.Context, r Run) (State, error) {
	state := State{State: Waiting}
	newest, err := b.Bucket.List(ctx, object(r.ID, "messages/"), "", 1)
	if err != nil {
		return state, fmt.Errorf("list the messages of %s: %w", r.ID, err)
	}
	if len(newest) > 0 {
		if err := b.read(ctx, newest[0].Name, &state); err != nil {
			return state, err
		}
	}
	_, err = b.Bucket.Stat(ctx, stopObject(r.ID))
	if err != nil && !errors.Is(err, db.ErrNotFound) {
		return state, fmt.Errorf("look whether %s is to stop: %w", r.ID, err)
	}
	state.Stop = err == nil
	return state, nil
}

func stopObject(run string) string { return object(run, "stop.json") }

// Stop has the run's session end: the answer to its next message says so. Repeating it is harmless.
func (b Board) Stop(ctx context.Context, r Run) error {
	err := b.Bucket.Create(ctx, stopObject(r.ID), bytes.NewReader(plainjson.Of(map[string]time.Time{"at": b.Now().UTC()})))
	if err != nil && !errors.Is(err, blob.ErrExists) {
		return fmt.Errorf("stop %s: %w", r.ID, err)
	}
	return nil
}

// apply brings the state up to a message.
func (s *State) apply(number int, m Message) {
	s.Sequence, s.Heard = number, m.At
	s.Step, s.Total = max(s.Step, m.Step), max(s.Total, m.Total)
	s.Revision = cmp.Or(m.Revision, s.Revision)
	s.Log = append(slices.Clone(s.Log[max(len(s.Log)-maxLog+1, 0):]), m)
	switch m.Kind {
	case "checkpoint":
		s.Checkpoint = &Saved{File: *m.File, Step: m.Step}
		s.State = Running
	case "paused", "stopped":
		s.State = Paused
	case "end":
		s.State, s.Files = Ended, m.Files
	default:
		s.State = Running
	}
}
