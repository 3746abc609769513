package config

import (
	"time"

	"dreamlab/providers"
)

// Limits bound how long vendors are waited for, and how often they are asked, for one
// answer. What is not set takes the server's, else the default.
type Limits struct {
	Connect    time.Duration `yaml:"connect,omitempty"`     // until a connection is made. Defaults to 10 s.
	Headers    time.Duration `yaml:"headers,omitempty"`     // until the headers of the answer. Defaults to 30 s.
	FirstToken time.Duration `yaml:"first_token,omitempty"` // until the first chunk. Defaults to 60 s.
	Silence    time.Duration `yaml:"silence,omitempty"`     // between two chunks. Defaults to 30 s.
	Whole      time.Duration `yaml:"whole,omitempty"`       // for an answer that can not be streamed. Defaults to 60 s.
	// Total is for all calls of one answer together; of an alias alone. Defaults to 10 minutes.
	Total time.Duration `yaml:"total,omitempty"`
	// Tries is how often vendors are asked for one answer, or the server is. Defaults to 4.
	Tries int `yaml:"tries,omitempty"`
}

// The largest values that are taken.
const (
	maxConnect = 30 * time.Second
	maxLimit   = time.Hour
	maxTries   = 10
)

// Calls returns the limits as the router takes them.
func (l Limits) Calls() providers.Limits {
	return providers.Limits{
		Connect: l.Connect, Headers: l.Headers, FirstToken: l.FirstToken, Silence: l.Silence,
		Whole: l.Whole, Total: l.Total, Tries: l.Tries,
	}
}

func (l *loader) checkLimits() {
	for _, alias := range sorted(l.Limits) {
		l.checkLimit("limits."+alias, l.Limits[alias])
	}
}

func (l *loader) checkLimit(key string, limits Limits) {
	for _, one := range []struct {
		name        string
		value, most time.Duration
	}{
		{"connect", limits.Connect, maxConnect}, {"headers", limits.Headers, maxLimit},
		{"first_token", limits.FirstToken, maxLimit}, {"silence", limits.Silence, maxLimit},
		{"whole", limits.Whole, maxLimit}, {"total", limits.Total, maxLimit},
	} {
		if one.value < 0 || one.value > one.most {
			l.fault("%s.%s: %v is out of range: give up to %v, or leave it out", key, one.name, one.value, one.most)
		}
	}
	if limits.Tries < 0 || limits.Tries > maxTries {
		l.fault("%s.tries: %d is out of range: give 1 to %d, or leave it out", key, limits.Tries, maxTries)
	}
}
