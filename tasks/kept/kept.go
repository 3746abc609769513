// Package kept is the form in which the cache keeps an answer: under which key, and with which
// time. The API keeps in it what chats were answered, and dreams what may be asked next.
package kept

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"time"

	"dreamlab/providers/completion"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// Sharing holds the ids of the tenants that share their answers with each other.
type Sharing map[string]bool

// sharedSpace is no tenant's id.
const sharedSpace = "shared"

// Space names those who are given a tenant's answers again: the tenant alone, or all that share theirs.
func (s Sharing) Space(tenant string) string {
	if s[tenant] {
		return sharedSpace
	}
	return tenant
}

// Key names the answer to a request by a route: the space of its tenant, and a hash of all that may change
// the answer. The route is zero where the request names a model.
func Key(space string, r *tasks.ChatRequest, route learn.Route) string {
	settings := r.Settings
	settings.User = ""
	options := map[string]json.RawMessage{}
	for name, option := range r.Options {
		if !completion.Hint(name) {
			options[name] = option
		}
	}
	extras := make([]map[string]json.RawMessage, len(r.Messages))
	for i, m := range r.Messages {
		extras[i] = m.Extra
	}
	sum := sha256.Sum256(canonical(plainjson.Of(struct {
		Model    string                       `json:"model"`
		Route    string                       `json:"route"`
		Targets  []learn.RouteTarget          `json:"targets"`
		Messages []tasks.Message              `json:"messages"`
		Extras   []map[string]json.RawMessage `json:"extras"`
		Settings completion.Settings          `json:"settings"`
		Options  map[string]json.RawMessage   `json:"options"`
		Vendor   map[string]json.RawMessage   `json:"vendor"`
	}{r.Model, route.Mark(), route.Targets, r.Messages, extras, settings, options, r.Vendor})))
	return space + ":" + hex.EncodeToString(sum[:])
}

// canonical writes JSON with sorted names and without white space. Numbers stay as they
// were written.
func canonical(text []byte) []byte {
	read := json.NewDecoder(bytes.NewReader(text))
	read.UseNumber()
	var v any
	if read.Decode(&v) != nil { // it was encoded just now
		return text
	}
	return plainjson.Of(v)
}

// Answer is a completion, and when it was kept.
type Answer struct {
	At   time.Time
	Body []byte
}

// Text is what the store keeps: the time in unix milliseconds, a new line, the body.
func (a Answer) Text() []byte {
	return append(strconv.AppendInt(nil, a.At.UnixMilli(), 10), append([]byte{'\n'}, a.Body...)...)
}

// Read reads what the store kept. Without a time it is as old as can be.
func Read(text []byte) Answer {
	stamp, body, _ := bytes.Cut(text, []byte{'\n'})
	millis, err := strconv.ParseInt(string(stamp), 10, 64)
	if err != nil {
		return Answer{Body: body}
	}
	return Answer{time.UnixMilli(millis).UTC(), body}
}

// MostOfDream bounds the answers that one dream keeps.
const MostOfDream = 16

// Name names the answer of a dream, counted from 0, as a chat's answer is named by its job.
func Name(dream string, n int) string { return dream + "/" + strconv.Itoa(n) }

// Names are the names of all answers that dreams may have kept, by which they are dropped.
func Names(dreams ...string) []string {
	var names []string
	for _, dream := range dreams {
		for n := range MostOfDream {
			names = append(names, Name(dream, n))
		}
	}
	return names
}
