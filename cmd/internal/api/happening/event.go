// Package happening tells clients what happens to a tenant's jobs, dreams, tunes and routes, as a
// stream of server-sent events, and takes in what a bucket tells of new objects.
//
// The events are read from the database while a client listens: nothing is written for them, and
// none is lost with Redis.
package happening

import (
	"time"

	"dreamlab/store/job"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// event is one thing that happened, as clients see it.
type event struct {
	Type    string `json:"type"` // job.ended, dream.stage, tune.stage, route.changed
	ID      string `json:"id"`   // of the job, the dream or the tune; an alias
	At      int64  `json:"at"`   // unix seconds
	Kind    string `json:"kind,omitempty"`
	Status  string `json:"status,omitempty"`
	Subject string `json:"subject,omitempty"` // what the job worked for
	Code    string `json:"code,omitempty"`    // of the job's error
	Stage   string `json:"stage,omitempty"`
	Version int64  `json:"version,omitempty"`
	Reason  string `json:"reason,omitempty"`

	when time.Time
}

func ofJob(j job.Job) event {
	e := event{
		Type: "job.ended", ID: j.ID, Kind: tasks.Kind(j.Kind).Noun(), Status: string(j.State), Subject: j.Subject,
		when: j.Finished,
	}
	if j.Error != nil {
		e.Code = j.Error.Code
	}
	return e
}

func ofStage(s learn.Stage, now time.Time) event {
	kind := "dream.stage"
	if s.ID[:4] == "tun_" {
		kind = "tune.stage"
	}
	return event{Type: kind, ID: s.ID, Stage: s.Stage, when: now}
}

func ofRoute(r learn.Route) event {
	return event{Type: "route.changed", ID: r.Alias, Version: r.Version, Reason: r.Reason, when: r.Created}
}

// key tells events apart.
func (e event) key() string {
	return e.Type + " " + e.ID + " " + e.Stage + " " + e.when.Format(time.RFC3339Nano)
}

func (e event) body() []byte {
	e.At = e.when.Unix()
	return plainjson.Of(e)
}
