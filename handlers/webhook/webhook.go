// Package webhook is the room of webhooks: when a job has ended it posts one signed
// event to the job's webhook_url, and events of the tenant's to the webhooks that are
// registered for them. The delivery is a job of its own, made in the transaction of
// what it tells of, so that a crash loses none. An event may arrive twice, with the
// same webhook-id.
//
// It does not decide what has a delivery (the store does), and it follows no
// redirect.
package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"dreamlab/store/backoff"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/tasks"
)

// Options set up deliveries. The zero value works.
type Options struct {
	// Rules say where webhooks may go. Defaults to public addresses alone.
	Rules tasks.WebhookRules
	// Timeout bounds one delivery. Defaults to 10 seconds.
	Timeout time.Duration
	// AtOnce bounds the deliveries that one process makes at a time, so that slow
	// receivers leave places for the lane's other work. A tenant has a third of them,
	// and so has a host, at least one each. Defaults to 6.
	AtOnce int
	// Transport makes the connections. Defaults to one that checks each address when it
	// connects, after the name was resolved.
	Transport http.RoundTripper
	// Now tells the time that is signed. Defaults to time.Now.
	Now func() time.Time
}

// deliverer posts events.
type deliverer struct {
	rules  tasks.WebhookRules
	http   *http.Client
	places *places
	now    func() time.Time
}

// Deliver returns the handler of webhook.deliver.
func Deliver(o Options) tasks.Handler {
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Second
	}
	if o.AtOnce <= 0 {
		o.AtOnce = 6
	}
	if o.Transport == nil {
		o.Transport = transport(o.Rules, o.Timeout)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	d := &deliverer{
		rules: o.Rules, places: newPlaces(o.AtOnce, o.Now), now: o.Now,
		http: &http.Client{Transport: o.Transport, Timeout: o.Timeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
	return d.deliver
}

// message is an event on its way.
type message struct {
	url     string
	event   event
	secrets [][]byte // sign it
}

func (d *deliverer) deliver(ctx context.Context, run *tasks.Run) (*tasks.End, error) {
	var in job.Delivery
	if err := run.Decode(&in); err != nil {
		return nil, err
	}
	m, err := d.message(ctx, run, in)
	if err != nil {
		return nil, err
	}
	if err := d.rules.Check(m.url); err != nil {
		return nil, tasks.Fail("invalid_request", "%v", err)
	}
	return d.send(ctx, run, m)
}

// message gathers what is told, where, and what signs it.
func (d *deliverer) message(ctx context.Context, run *tasks.Run, in job.Delivery) (message, error) {
	m := message{event: newEvent(run.Job, in)}
	if in.Webhook != "" {
		err := d.registered(ctx, run, in.Webhook, &m)
		return m, err
	}
	j, err := run.Store.Job(ctx, run.Job.Tenant, in.Job)
	if errors.Is(err, db.ErrNotFound) {
		return m, tasks.Fail("not_found", "the job %s is gone: there is nothing to tell", in.Job)
	}
	if err != nil {
		return m, fmt.Errorf("read the job of a webhook: %w", err)
	}
	m.url, m.event = j.WebhookURL, m.event.about(j, in.Status)
	m.secrets, err = run.Store.KeySigns(ctx, j.KeyID)
	if errors.Is(err, db.ErrNotFound) {
		return m, tasks.Fail("forbidden", "the key that made the job was revoked: its webhooks can not be signed any more")
	}
	return m, err
}

// registered fills in where a registered webhook is and what signs for it.
func (d *deliverer) registered(ctx context.Context, run *tasks.Run, id string, m *message) error {
	hook, err := run.Store.Webhook(ctx, run.Job.Tenant, id)
	if err == nil {
		m.url = hook.URL
		m.secrets, err = run.Store.WebhookSigns(ctx, id)
	}
	if errors.Is(err, db.ErrNotFound) {
		return tasks.Fail("not_found", "the webhook %s was deleted: there is nobody to tell", id)
	}
	return err
}

// send posts the event if there is a place for it. Otherwise the job waits in the
// database, which counts as no attempt.
func (d *deliverer) send(ctx context.Context, run *tasks.Run, m message) (*tasks.End, error) {
	host := hostOf(m.url)
	pause, ok := d.places.enter(run.Job.Tenant, host)
	if !ok {
		return &tasks.End{State: job.StateWaiting, After: backoff.Spread(pause), Unrecorded: true}, nil
	}
	status, err := d.post(ctx, m)
	d.places.leave(run.Job.Tenant, host, !isMute(err))
	if err != nil {
		return nil, d.failed(ctx, run.Job.Attempt, err)
	}
	return &tasks.End{Result: json.RawMessage(fmt.Sprintf(`{"status":%d}`, status))}, nil
}

func hostOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "" // the rules have refused it before
	}
	return u.Host
}

// failed returns when a delivery is tried again. Where the context has ended it
// returns its cause, which the engine handles.
func (d *deliverer) failed(ctx context.Context, attempts int, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	var refused *refusal
	if !errors.As(err, &refused) {
		refused = &refusal{code: "vendor_unavailable", text: "the webhook could not be delivered: check its server"}
	}
	return &tasks.Failure{
		Code: refused.code, Message: refused.text, Final: refused.final,
		After: max(refused.after, pauseAfter(attempts+1)), Err: refused.cause,
	}
}
