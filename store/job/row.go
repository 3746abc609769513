package job

import (
	"encoding/json"
	"strings"
	"time"

	"dreamlab/store/db"
)

const jobColumns = `id, tenant, key_id, kind, lane, state, priority, input, result, error_code,
 error_message, metadata, idem_key, idem_hash, parent, subject, open_children, attached, webhook_url,
 trace, run_at, expires_at, attempt, max_attempts, crashes, gen, epoch, wake, lease_owner, lease_until,
 claimed_at, cancel_at, created, started, finished`

// briefColumns are the same without input and result.
var briefColumns = strings.Replace(jobColumns, "input, result", "'' AS input, NULL AS result", 1)

// jobTexts and jobTimes hold the columns that may be NULL while a row is read.
type jobTexts struct {
	key, result, code, message, metadata, idemKey, idemHash *string
	parent, subject, webhook, trace, wake, owner            *string
}

type jobTimes struct {
	expires, lease, claimed, cancel, started, finished *int64
}

func scanJob(rows db.Rows) (Job, error) {
	var (
		j              Job
		state, input   string
		t              jobTexts
		u              jobTimes
		runAt, created int64
	)
	err := rows.Scan(&j.ID, &j.Tenant, &t.key, &j.Kind, &j.Lane, &state, &j.Priority,
		db.Opened(&input, &j.ID), db.Opened(&t.result, &j.ID),
		&t.code, &t.message, &t.metadata, &t.idemKey, &t.idemHash, &t.parent, &t.subject, &j.OpenChildren,
		&j.Attached, &t.webhook, &t.trace, &runAt, &u.expires, &j.Attempt, &j.MaxAttempts, &j.Crashes,
		&j.Gen, &j.Epoch, &t.wake, &t.owner, &u.lease, &u.claimed, &u.cancel, &created, &u.started, &u.finished)
	if err != nil {
		return Job{}, err
	}
	j.State, j.Input = State(state), json.RawMessage(input)
	j.fillTexts(t)
	j.fillTimes(u)
	j.Created = time.UnixMicro(created).UTC()
	if runAt != forever {
		j.RunAt = time.UnixMicro(runAt).UTC()
	}
	return j, nil
}

func (j *Job) fillTexts(t jobTexts) {
	j.KeyID, j.Parent, j.Subject = db.Deref(t.key), db.Deref(t.parent), db.Deref(t.subject)
	j.IdemKey, j.IdemHash = db.Deref(t.idemKey), db.Deref(t.idemHash)
	j.WebhookURL, j.Trace = db.Deref(t.webhook), db.Deref(t.trace)
	j.Wake, j.LeaseOwner = db.Deref(t.wake), db.Deref(t.owner)
	j.Result, j.Metadata = rawOf(t.result), rawOf(t.metadata)
	if t.code != nil {
		j.Error = &Error{Code: *t.code, Message: db.Deref(t.message)}
	}
}

func (j *Job) fillTimes(u jobTimes) {
	j.ExpiresAt, j.LeaseUntil, j.ClaimedAt = db.TimeOf(u.expires), db.TimeOf(u.lease), db.TimeOf(u.claimed)
	j.CancelAt, j.Started, j.Finished = db.TimeOf(u.cancel), db.TimeOf(u.started), db.TimeOf(u.finished)
}

func rawOf(s *string) json.RawMessage {
	if s == nil {
		return nil
	}
	return json.RawMessage(*s)
}

// errorTexts returns the two columns of an error, NULL where there is none.
func errorTexts(e *Error) (code, message any) {
	if e == nil {
		return nil, nil
	}
	return e.Code, e.Message
}
