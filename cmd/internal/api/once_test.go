package api

import (
	"strings"
	"testing"

	"dreamlab/cmd/internal/api/gate"
	"dreamlab/store"
	"dreamlab/store/db"
)

// TestKeyIsMadeOnce sends the making of a key again: the same reply, secret included, to the key
// that asked, and to nobody else.
func TestKeyIsMadeOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	make := func(secret, idem, body string) request {
		return request{method: "POST", path: "/v1/keys", body: body, key: secret, header: map[string]string{"Idempotency-Key": idem}}
	}
	first := r.do(make(r.admin, "k-1", `{"name":"app"}`)).want(t, 200, "")
	again := r.do(make(r.admin, "k-1", `{"name":"app"}`)).want(t, 200, "")
	if string(again.body) != string(first.body) || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("first %s, then %s", first.body, again.body)
	}
	r.do(make(r.admin, "k-1", `{"name":"other"}`)).want(t, 409, "idempotency_conflict")
	_, admin := r.makeKey(t, `{"scopes":["admin"]}`)
	r.do(make(admin, "k-1", `{"name":"app"}`)).want(t, 409, "idempotency_conflict")
	if a := r.do(make(r.stranger(t), "k-1", `{"name":"app"}`)).want(t, 200, ""); a.text(t, "id") == first.text(t, "id") {
		t.Error("another tenant got the key")
	}
	r.do(make(r.admin, "k-2", `{"name":7}`)).want(t, 400, "invalid_request")
	r.do(make(r.admin, "k-2", `{"name":"mended"}`)).want(t, 200, "") // what was refused holds no key
	id, rotated := first.text(t, "id"), request{method: "POST", body: "{}", key: r.admin, header: map[string]string{"Idempotency-Key": "k-3"}}
	rotated.path = "/v1/keys/" + id + "/rotate"
	if one, two := r.do(rotated).text(t, "key"), r.do(rotated).text(t, "key"); one != two {
		t.Error("it was rotated twice")
	}
}

// TestReplyIsNotInTheDatabase looks for a secret that was shown once, and asks for it after the
// secret that it was sealed with was rotated.
func TestReplyIsNotInTheDatabase(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	q := request{method: "POST", path: "/v1/keys", body: `{}`, header: map[string]string{"Idempotency-Key": "k"}}
	id, secret := r.makeKey(t, `{"scopes":["admin"]}`)
	q.key = secret
	made := r.do(q).want(t, 200, "")
	var body string
	must(t, r.store.One(t.Context(), `SELECT body FROM replies`, nil, &body))
	if body == "" || strings.Contains(body, made.text(t, "key")) || strings.Contains(body, "scopes") {
		t.Errorf("the reply is kept as %s", body)
	}
	fresh := store.NewSecret()
	must(t, r.store.RotateKey(t.Context(), id, fresh, 0))
	q.key = fresh
	if a := r.do(q).want(t, 409, "idempotency_conflict"); !strings.Contains(a.text(t, "error", "message"), "was replaced since") {
		t.Errorf("told %s", a.body)
	}
}

// TestDeadRequestsAreGoneOnWith has a process die after it made a key and before it could answer:
// the same request makes no second one.
func TestDeadRequestsAreGoneOnWith(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	q := request{method: "POST", path: "/v1/keys", body: `{"name":"app"}`, key: r.admin, header: map[string]string{"Idempotency-Key": "k"}}
	first := r.do(q).want(t, 200, "")
	_, err := r.store.Exec(t.Context(), `UPDATE replies SET status = 0, body = ''`)
	must(t, err)
	r.do(q).want(t, 409, "idempotency_conflict") // it may still be at work
	_, err = r.store.Exec(t.Context(), `UPDATE replies SET taken = taken - 61000000`)
	must(t, err)
	then := r.do(q).want(t, 200, "")
	if then.text(t, "id") != first.text(t, "id") || then.text(t, "key") == first.text(t, "key") {
		t.Errorf("first %s, then %s", first.body, then.body)
	}
	_, err = r.store.Exec(t.Context(), `UPDATE replies SET created = created - 86400000001`)
	must(t, err)
	must(t, r.store.Tx(t.Context(), db.Relaxed, func(q *store.Queries) error {
		_, err := q.PruneReplies(t.Context()) // the upkeep of the rig may have come first
		return err
	}))
	if a := r.do(q).want(t, 200, ""); a.text(t, "id") == first.text(t, "id") {
		t.Error("a key holds for more than a day")
	}
}

// TestEveryPostTakesAnIdempotencyKey holds each POST of the table to one of the two ways in which
// a reply is given again.
func TestEveryPostTakesAnIdempotencyKey(t *testing.T) {
	t.Parallel()
	jobs := []string{"chat/completions", "completions", "responses", "messages", "embeddings", "files", "batches", "fine_tuning/jobs",
		"jobs", "jobs/bulk", "experiences", "dreams", "tunes", "evaluations/{id}/repeat", "webhooks/deliveries/{id}/redeliver"}
	makesJob := map[string]bool{
		"POST /api/dream_lab/trigger_dream": true, "POST /api/dream_lab/solve": true, "POST /app/": true,
		// These carry no key, and say what they are told again of: a number in order, and a generation.
		"POST /v1/tunes/{id}/runs/{run}": true, "POST /v1/events/storage": true,
	}
	for _, path := range jobs {
		makesJob["POST /v1/"+path] = true
	}
	r := newRig(t)
	for _, line := range routes(r.options, gate.New(gate.Options{}), nil) {
		if strings.HasPrefix(line.Name, "POST ") && line.Once == makesJob[line.Name] {
			t.Errorf("%s: once is %v", line.Name, line.Once)
		}
	}
}
