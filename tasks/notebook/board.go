package notebook

import (
	"bytes"
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
	"strconv"
	"time"

	"dreamlab/store/blob"
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
)

// Board keeps runs in a bucket.
type Board struct {
	Bucket blob.Bucket
	Now    func() time.Time
}

// Message is what a run told.
type Message struct {
	Kind    string `json:"kind"` // started, heartbeat, checkpoint, paused, end
	Step    int    `json:"step"`
	Total   int    `json:"total,omitempty"`
	Resumed int    `json:"resumed,omitempty"`
	// Loss is null where it is not known.
	Loss  *float64  `json:"loss,omitempty"`
	File  *File     `json:"file,omitempty"`
	Files []File    `json:"files,omitempty"`
	At    time.Time `json:"at"` // ours
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
	Checkpoint *Saved    `json:"checkpoint"`
	Files      []File    `json:"files,omitempty"` // of the end
	Heard      time.Time `json:"heard,omitzero"`
}

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
	case now.State == "ended":
		return now, refused("the run has ended")
	case number <= now.Sequence || number > maxMessages:
		return now, refused("message %d came behind message %d", number, now.Sequence)
	}
	if err := b.check(ctx, r, &m); err != nil {
		return now, err
	}
	m.At = b.Now().UTC()
	err = b.Bucket.Create(ctx, object(r.ID, fmt.Sprintf("messages/%08d.json", number)), bytes.NewReader(plainjson.Of(m)))
	if errors.Is(err, blob.ErrExists) {
		return now, refused("message %d came already", number)
	}
	if err != nil {
		return now, fmt.Errorf("keep a message of %s: %w", r.ID, err)
	}
	now.apply(number, m)
	return now, nil
}

// State reads the messages of a run in their order.
func (b Board) State(ctx context.Context, r Run) (State, error) {
	state := State{State: "waiting"}
	prefix := object(r.ID, "messages/")
	for after := ""; ; {
		page, err := b.Bucket.List(ctx, prefix, after, 1000)
		if err != nil {
			return state, fmt.Errorf("list the messages of %s: %w", r.ID, err)
		}
		for _, o := range page {
			after = o.Name
			var m Message
			if err := b.read(ctx, o.Name, &m); err != nil {
				return state, err
			}
			number, err := strconv.Atoi(o.Name[len(prefix) : len(o.Name)-len(".json")])
			if err != nil {
				return state, fmt.Errorf("read %s: %w", o.Name, err)
			}
			state.apply(number, m)
		}
		if len(page) < 1000 {
			return state, nil
		}
	}
}

// apply brings the state up to a message.
func (s *State) apply(number int, m Message) {
	s.Sequence, s.Heard = number, m.At
	s.Step = max(s.Step, m.Step)
	switch m.Kind {
	case "checkpoint":
		s.Checkpoint = &Saved{File: *m.File, Step: m.Step}
		s.State = "running"
	case "paused":
		s.State = "paused"
	case "end":
		s.State, s.Files = "ended", m.Files
	default:
		s.State = "running"
	}
}
