package cache

import (
	"context"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"dreamlab/store/learn"
	"dreamlab/tasks"
	"dreamlab/tasks/kept"
)

// Question is a chat as the cache sees it.
type Question struct {
	Tenant  string
	Request *tasks.ChatRequest
	// Route is the one in force of an alias; zero where the client named a model.
	Route learn.Route
	// Header is the HTTP request's.
	Header http.Header
	// Vector turns a text into a vector, as a paid call of the tenant. Defaults to no look for questions
	// that mean the same.
	Vector func(ctx context.Context, text string) ([]float32, error)
}

// Cacheable tells whether the cache has anything to say to the question; else Enter
// need not be asked.
func (q Question) Cacheable() bool { w := wishOf(q, wish{}); return w.only || w.mode != never }

// mode is what is to be done for a question.
type mode int

const (
	never mode = iota // neither look nor keep
	look              // look, and keep what is asked
	anew              // ask, and keep
)

// forever is longer than anything is kept.
const forever = time.Duration(math.MaxInt64 / 2)

// wish is what a client wants of the cache.
type wish struct {
	mode  mode
	only  bool          // nothing is asked where nothing is there
	age   time.Duration // the oldest answer that is fresh
	stale time.Duration // for how long after it one is given, and asked anew
}

// wishOf reads a client's wish, from dreamlab.cache before Cache-Control. What it leaves open is
// as in the standard wish. Without one an answer is looked for and kept where the temperature is 0. What is not to be kept, or
// rests on a memory that changes, is not cached, whatever is asked; nor is a request with
// an Idempotency-Key, which has to find its job again.
func wishOf(q Question, standard wish) wish {
	r := q.Request
	if r.Temperature != nil && *r.Temperature == 0 {
		standard.mode = look
	}
	w := standard.controlled(q.Header.Get("Cache-Control"))
	switch r.Cache {
	case tasks.CacheAuto:
		w = wish{mode: look, age: w.age, stale: w.stale}
	case tasks.CacheOff:
		w = wish{}
	case tasks.CacheRefresh:
		w = wish{mode: anew}
	case tasks.CacheOnly:
		w = wish{mode: look, only: true, age: w.age, stale: w.stale}
	}
	keyed := q.Header.Get("Idempotency-Key") != "" && !w.only
	if !r.Keep || r.Memory || keyed {
		w.mode = never
	}
	return w
}

// controlled reads a Cache-Control header
// (https://www.rfc-editor.org/rfc/rfc9111#name-request-directives), with the window of
// stale-while-revalidate (https://www.rfc-editor.org/rfc/rfc5861#section-3) as a request's
// directive, too. Many clients send no-cache without a thought of ours, so that it only sets
// aside an answer that would be looked for without it.
func (w wish) controlled(header string) wish {
	age, stale := unsaid, unsaid
	for directive := range strings.SplitSeq(strings.ToLower(header), ",") {
		name, argument, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch name {
		case "no-store":
			return wish{age: w.age, stale: w.stale}
		case "no-cache":
			w = w.anew()
		case "only-if-cached":
			w.mode, w.only = look, true
		case "max-age":
			age = secondsOr(age, argument)
		case "stale-while-revalidate":
			stale = secondsOr(stale, argument)
		}
	}
	return w.bounded(age, stale)
}

// unsaid is a time that a client did not give.
const unsaid = time.Duration(-1)

// secondsOr reads a number of seconds; what is none says nothing.
func secondsOr(before time.Duration, text string) time.Duration {
	n, err := strconv.ParseInt(strings.Trim(text, `"`), 10, 32)
	if err != nil || n < 0 {
		return before
	}
	return time.Duration(n) * time.Second
}

// bounded holds the wish to the times that a client gave. One that gives an age takes nothing
// older, unless it gives a window of staleness, too.
func (w wish) bounded(age, stale time.Duration) wish {
	if age != unsaid {
		fresh := min(age, w.age)
		w.age, w.stale = fresh, min(w.stale, age-fresh)
	}
	if stale != unsaid {
		w.stale = stale
	}
	switch {
	case age == 0 && w.stale == 0:
		return w.anew()
	case w.mode == never && (age > 0 || stale > 0):
		w.mode = look
	}
	return w
}

// anew sets aside what is there.
func (w wish) anew() wish {
	if w.mode == look && !w.only {
		w.mode = anew
	}
	return w
}

// key names the answer.
func (q Question) key(s kept.Sharing) string {
	return kept.Key(s.Space(q.Tenant), q.Request, q.Route)
}
