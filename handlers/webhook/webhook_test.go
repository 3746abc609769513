package webhook_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dreamlab/handlers/handlertest"
	"dreamlab/handlers/webhook"
	"dreamlab/store"
	"dreamlab/store/db"
	"dreamlab/store/job"
	"dreamlab/tasks"
	"dreamlab/tasks/engine"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// here lets webhooks go to this machine.
func here() tasks.WebhookRules {
	return tasks.WebhookRules{Private: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
}

// receiver is a webhook's server that answers as it is told.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	answer []func(http.ResponseWriter) // one a delivery, the last for all after
	got    []delivered
}

type delivered struct {
	header http.Header
	body   []byte
}

func newReceiver(t *testing.T, answer ...func(http.ResponseWriter)) *receiver {
	t.Helper()
	r := &receiver{answer: answer}
	r.Server = httptest.NewServer(http.HandlerFunc(r.take))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) take(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	r.got = append(r.got, delivered{q.Header, body})
	answer := r.answer[min(len(r.got), len(r.answer))-1]
	r.mu.Unlock()
	answer(w)
}

func (r *receiver) all() []delivered {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.got
}

func status(code int) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { w.WriteHeader(code) }
}

// stage is a bench with a key and an engine whose chats end as they are told.
type stage struct {
	*handlertest.Bench
	t      *testing.T
	engine *engine.Engine
	key    string // its id
	secret string
}

func newStage(t *testing.T, deliver tasks.Handler) *stage {
	t.Helper()
	s := &stage{Bench: handlertest.New(t), t: t, secret: store.NewSecret()}
	key, err := s.Store.CreateKey(t.Context(), store.Key{Tenant: s.Tenant, Scopes: []string{"use"}}, s.secret)
	s.must(err)
	s.key = key.ID
	s.engine = s.Engine(t)
	list := map[tasks.Kind]tasks.Handler{}
	for _, kind := range tasks.Kinds() {
		list[kind] = ends
	}
	list[tasks.WebhookDeliver] = deliver
	s.Serve(t, s.engine, list)
	return s
}

// ends does what the input of a job says.
func ends(_ context.Context, run *tasks.Run) (*tasks.End, error) {
	var in struct{ Fail string }
	if err := run.Decode(&in); err != nil {
		return nil, err
	}
	if in.Fail != "" {
		return nil, tasks.Fail("invalid_request", "%s", in.Fail)
	}
	return &tasks.End{Result: json.RawMessage(`{"secret":"answer"}`)}, nil
}

func (s *stage) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// run accepts a job with a webhook and returns it once it has ended.
func (s *stage) run(input, url string) job.Job {
	s.t.Helper()
	job, _, err := s.engine.Accept(s.t.Context(), job.NewJob{
		Tenant: s.Tenant, KeyID: s.key, Kind: string(tasks.ChatRun), Input: json.RawMessage(input),
		WebhookURL: url, Metadata: json.RawMessage(`{"order":"7"}`),
	}, nil)
	s.must(err)
	return s.ended(job.ID)
}

func (s *stage) ended(id string) job.Job {
	s.t.Helper()
	job, err := s.engine.Wait(s.t.Context(), s.Tenant, id, 30*time.Second)
	s.must(err)
	if !job.State.Ended() {
		s.t.Fatalf("%s is still %s", id, job.State)
	}
	return job
}

// deliveries returns the jobs that tell of ends.
func (s *stage) deliveries() []job.Job {
	s.t.Helper()
	told := job.Filter{Noun: "webhook"}
	jobs, _, err := s.Store.Jobs(s.t.Context(), s.Tenant, told, db.Page{Ascending: true})
	s.must(err)
	return jobs
}

func TestDelivers(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, status(http.StatusNoContent))
	s := newStage(t, webhook.Deliver(webhook.Options{Rules: here()}))
	for i, tc := range []struct{ input, kind, fault string }{
		{`{}`, "job.succeeded", ""}, {`{"Fail":"mend it"}`, "job.failed", "mend it"},
	} {
		j := s.run(tc.input, r.URL+"/hook?token=x")
		made := s.deliveries()
		if len(made) != i+1 {
			t.Fatalf("%d deliveries for %d ends", len(made), i+1)
		}
		delivery := s.ended(made[i].ID)
		if delivery.State != job.StateSucceeded || string(delivery.Result) != `{"status":204}` {
			t.Fatalf("the delivery is %s: %v", delivery.State, delivery.Error)
		}
		got := r.all()[i]
		s.signed(got, delivery.ID)
		var e struct {
			ID, Type string
			Data     struct {
				ID, Kind string
				Error    *job.Error
				Metadata json.RawMessage
			}
		}
		s.must(json.Unmarshal(got.body, &e))
		if e.Type != tc.kind || e.Data.ID != j.ID || e.ID != delivery.ID || e.Data.Kind != "chat" ||
			string(e.Data.Metadata) != `{"order":"7"}` || strings.Contains(string(got.body), "answer") {
			t.Errorf("told %s", got.body)
		}
		if (e.Data.Error != nil) != (tc.fault != "") || e.Data.Error != nil && e.Data.Error.Message != tc.fault {
			t.Errorf("told of the error %v", e.Data.Error)
		}
	}
}

// signed checks a delivery as its receiver would, with nothing but the API key.
func (s *stage) signed(got delivered, id string) {
	s.t.Helper()
	derive := hmac.New(sha256.New, []byte(s.secret))
	derive.Write([]byte("webhook"))
	mac := hmac.New(sha256.New, derive.Sum(nil))
	mac.Write([]byte(id + "." + got.header.Get("Webhook-Timestamp") + "." + string(got.body)))
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	if signed := got.header.Get("Webhook-Signature"); signed != want || got.header.Get("Webhook-Id") != id {
		s.t.Errorf("signed %s as %s, want %s", got.header.Get("Webhook-Id"), signed, want)
	}
}

// TestTriesAgain drives the shared clock over the pauses between tries.
func TestTriesAgain(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, status(500), status(404), func(w http.ResponseWriter) {
		w.Header().Set("Retry-After", "60")
		w.WriteHeader(http.StatusTooManyRequests)
	}, status(200))
	s := newStage(t, webhook.Deliver(webhook.Options{Rules: here()}))
	s.run(`{}`, r.URL)
	id := s.deliveries()[0].ID
	for ahead := time.Hour; len(r.all()) < 4; ahead += time.Hour {
		s.must(s.Store.ShiftClock(t.Context(), ahead))
		if _, err := s.engine.Wait(t.Context(), s.Tenant, id, 100*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	if j := s.ended(id); j.State != job.StateSucceeded || j.Tries() != 4 {
		t.Errorf("the delivery is %s after %d tries: %v", j.State, j.Tries(), j.Error)
	}
	for _, got := range r.all() {
		s.signed(got, id)
		if string(got.body) != string(r.all()[0].body) {
			t.Errorf("the event changed: %s", got.body)
		}
	}
}

func TestGivesUp(t *testing.T) {
	t.Parallel()
	elsewhere := newReceiver(t, status(200))
	redirect := newReceiver(t, func(w http.ResponseWriter) {
		w.Header().Set("Location", elsewhere.URL)
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	gone := newReceiver(t, status(http.StatusGone))
	s := newStage(t, webhook.Deliver(webhook.Options{Rules: here()}))
	for url, says := range map[string]string{
		redirect.URL: "redirects are not followed", gone.URL: "answered 410",
		"https://169.254.169.254/": "not public",
	} {
		before := len(s.deliveries())
		s.run(`{}`, url)
		j := s.ended(s.deliveries()[before].ID)
		if j.State != job.StateFailed || j.Tries() != 1 || !strings.Contains(j.Error.Message, says) {
			t.Errorf("%s: %s after %d tries: %v", url, j.State, j.Tries(), j.Error)
		}
	}
	if len(elsewhere.all()) > 0 {
		t.Error("a redirect was followed")
	}
}

// TestSlowReceiversLeaveRoom has one slot, which hangs, and another delivery.
func TestSlowReceiversLeaveRoom(t *testing.T) {
	t.Parallel()
	arrived, stop := make(chan struct{}), make(chan struct{})
	slow := newReceiver(t, func(http.ResponseWriter) { close(arrived); <-stop }, status(200))
	s := newStage(t, webhook.Deliver(webhook.Options{Rules: here(), AtOnce: 1, Timeout: 20 * time.Second}))
	s.run(`{}`, slow.URL)
	<-arrived
	s.run(`{}`, slow.URL)
	id := s.deliveries()[1].ID
	for j := (job.Job{}); j.State != job.StateWaiting; {
		var err error
		j, err = s.engine.Wait(t.Context(), s.Tenant, id, 20*time.Millisecond)
		s.must(err)
		if j.State.Ended() {
			t.Fatalf("the second delivery is %s while the first has the slot", j.State)
		}
	}
	close(stop)
	if j := s.ended(id); j.State != job.StateSucceeded || j.Tries() != 1 {
		t.Errorf("the second delivery is %s after %d tries", j.State, j.Tries())
	}
	if attempts, err := s.Store.Attempts(t.Context(), id); err != nil || len(attempts) != 1 {
		t.Errorf("to wait for a place left %d attempts, %v", len(attempts), err)
	}
}

// TestHangingReceiversHoldUpTheirOwn has one tenant's receivers hang, more than
// there are places: another tenant's is told.
func TestHangingReceiversHoldUpTheirOwn(t *testing.T) {
	t.Parallel()
	stop := make(chan struct{})
	s := newStage(t, webhook.Deliver(webhook.Options{Rules: here(), Timeout: 20 * time.Second}))
	for range 10 {
		slow := newReceiver(t, func(http.ResponseWriter) { <-stop })
		s.run(`{}`, slow.URL)
	}
	defer close(stop)
	good := newReceiver(t, status(http.StatusNoContent))
	other, err := s.Store.EnsureTenant(t.Context(), "other")
	s.must(err)
	s.Tenant = other.ID
	s.run(`{}`, good.URL)
	if j := s.ended(s.deliveries()[0].ID); j.State != job.StateSucceeded {
		t.Errorf("the other tenant's delivery is %s: %v", j.State, j.Error)
	}
}

// TestRevokedKeySignsNothing revokes the key before the job ends.
func TestRevokedKeySignsNothing(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, status(http.StatusNoContent))
	s := newStage(t, webhook.Deliver(webhook.Options{Rules: here()}))
	s.must(s.Store.RevokeKey(t.Context(), s.key))
	s.run(`{}`, r.URL)
	j := s.ended(s.deliveries()[0].ID)
	if j.State != job.StateFailed || j.Error.Code != "forbidden" || len(r.all()) != 0 {
		t.Errorf("the delivery is %s: %v, and %d were told", j.State, j.Error, len(r.all()))
	}
}

// TestSignsWithBothSecrets rotates the key before its job ends: until the grace is over the
// receiver can check with the secret that it has, and with the next.
func TestSignsWithBothSecrets(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, status(http.StatusNoContent))
	s := newStage(t, webhook.Deliver(webhook.Options{Rules: here()}))
	for i, c := range []struct {
		grace time.Duration
		signs int
	}{{time.Hour, 2}, {0, 1}} {
		s.secret = store.NewSecret()
		s.must(s.Store.RotateKey(t.Context(), s.key, s.secret, c.grace))
		s.run(`{}`, r.URL)
		s.ended(s.deliveries()[i].ID)
		got := r.all()[i].header
		signed := strings.Fields(got.Get("Webhook-Signature"))
		if len(signed) != c.signs {
			t.Fatalf("with a grace of %s: signed %d times", c.grace, len(signed))
		}
		got.Set("Webhook-Signature", signed[0])
		s.signed(r.all()[i], s.deliveries()[i].ID)
	}
}

// TestRegisteredWebhookIsTold announces an event, and tells it again by the same id.
func TestRegisteredWebhookIsTold(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, status(http.StatusNoContent))
	s := newStage(t, webhook.Deliver(webhook.Options{Rules: here()}))
	hook, err := s.Store.AddWebhook(t.Context(), store.Webhook{Tenant: s.Tenant, URL: r.URL}, 1, store.SecretOfWebhooks(s.secret))
	s.must(err)
	s.must(s.Store.Tx(t.Context(), db.Synced, func(q *store.Queries) error {
		_, err := q.Announce(t.Context(), s.Tenant, "budget.threshold", map[string]any{"threshold": 80})
		return err
	}))
	first := s.ended(s.deliveries()[0].ID)
	again, _, err := s.engine.Accept(t.Context(), job.NewDelivery(s.Tenant, job.Delivery{Webhook: hook.ID, Type: "budget.threshold",
		Data: []byte(`{"threshold":80}`), Event: first.ID, Made: first.Created.Unix()}), nil)
	s.must(err)
	s.ended(again.ID)
	got := r.all()
	if len(got) != 2 || string(got[0].body) != string(got[1].body) || !strings.Contains(string(got[0].body), `"data":{"threshold":80}`) {
		t.Fatalf("told %s", got)
	}
	s.signed(got[1], first.ID)
	s.must(s.Store.DropWebhook(t.Context(), s.Tenant, hook.ID))
	again, _, err = s.engine.Accept(t.Context(), job.NewDelivery(s.Tenant, job.Delivery{Webhook: hook.ID}), nil)
	s.must(err)
	if j := s.ended(again.ID); j.State != job.StateFailed || j.Error.Code != "not_found" {
		t.Errorf("to one that was deleted: %s, %v", j.State, j.Error)
	}
}
