package providertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"dreamlab/providers"
)

// kinds are what statuses mean at every vendor, whatever the body says.
var kinds = map[int]providers.Kind{
	400: providers.KindInvalid,
	401: providers.KindAuth,
	402: providers.KindBilling,
	403: providers.KindPermission,
	404: providers.KindModelGone,
	408: providers.KindTimeout,
	413: providers.KindTooLarge,
	429: providers.KindRateLimit,
	498: providers.KindCapacity,
	500: providers.KindServer,
	502: providers.KindServer,
	503: providers.KindCapacity,
	504: providers.KindTimeout,
	520: providers.KindServer,
	524: providers.KindTimeout,
	529: providers.KindCapacity,
}

// shapes are the bodies that come with an error.
var shapes = []string{
	`{"error":{"message":"words","type":"t","param":null,"code":null}}`,
	`{"error":"words"}`,
	`{"message":"words","type":"t"}`,
	`{"errors":[{"message":"words","code":1}],"success":false}`,
	`[{"error":{"message":"words","status":"S"}}]`,
	`<html>words</html>`,
	``,
}

func (h Harness) statuses(t *testing.T) {
	r := h.rig(t)
	for status := 300; status < 600; status++ {
		for _, body := range shapes {
			r.during(answering(status, nil, body), func() {
				_, err := r.driver.Chat(t.Context(), r.request(question), nil)
				e := asError(t, err)
				if want, known := kinds[status]; known && e.Kind != want {
					t.Errorf("%d %s is %s, want %s", status, body, e.Kind, want)
				}
				if e.Status != status || (status >= 500 && !e.Kind.Retryable()) {
					t.Errorf("%d %s: %+v", status, body, e)
				}
			})
			if _, known := kinds[status]; !known {
				break // one shape is enough where only the absence of a crash counts
			}
		}
	}
}

func (h Harness) retryAfter(t *testing.T) {
	r := h.rig(t)
	cases := []struct {
		header map[string]string
		body   string
		want   time.Duration
	}{
		{map[string]string{"retry-after": "2"}, "", 2 * time.Second},
		{map[string]string{"retry-after": "0.25"}, "", 250 * time.Millisecond},
		{map[string]string{"retry-after-ms": "1500", "retry-after": "9"}, "", 1500 * time.Millisecond},
		{nil, "try again in 7.5s.", 7500 * time.Millisecond},
		{nil, "retry after 22 seconds.", 22 * time.Second},
		{map[string]string{"x-ratelimit-reset-tokens": "2m59.56s"}, "", 2*time.Minute + 59560*time.Millisecond},
		{map[string]string{"x-ratelimit-reset": "3"}, "", 3 * time.Second},
	}
	for _, c := range cases {
		body := fmt.Sprintf(`{"error":{"message":%q}}`, "Please "+c.body)
		r.during(answering(429, c.header, body), func() {
			_, err := r.driver.Chat(t.Context(), r.request(question), nil)
			if e := asError(t, err); e.RetryAfter != c.want || e.Kind != providers.KindRateLimit {
				t.Errorf("%v %q: %s after %v, want %v", c.header, c.body, e.Kind, e.RetryAfter, c.want)
			}
		})
	}
	date := time.Now().Add(time.Minute).UTC().Format(http.TimeFormat)
	r.during(answering(503, map[string]string{"retry-after": date}, ""), func() {
		_, err := r.driver.Chat(t.Context(), r.request(question), nil)
		if e := asError(t, err); e.RetryAfter < 50*time.Second || e.RetryAfter > time.Minute {
			t.Errorf("a date a minute away: %v", e.RetryAfter)
		}
	})
}

// secret has the vendor repeat what it was sent wherever it can.
func (h Harness) secret(t *testing.T) {
	r := h.rig(t)
	echo := func(status int) fault {
		return func(w http.ResponseWriter, req *http.Request, _ http.Handler) bool {
			said := strings.Join(req.Header["Authorization"], "") + req.Header.Get("Api-Key") + " " + Key
			w.Header().Set("X-Echo", said)
			w.WriteHeader(status)
			object := map[string]string{"message": said, "code": said, "param": said}
			encoded, err := json.Marshal(map[string]any{"error": object})
			if err == nil {
				_, err = w.Write(encoded)
			}
			return err == nil
		}
	}
	for _, status := range []int{200, 302, 400, 401, 403, 404, 429, 500} {
		r.during(echo(status), func() {
			_, whole := r.driver.Chat(t.Context(), r.request(question), nil)
			_, streamed := r.driver.Chat(t.Context(), r.request(question), func(providers.Chunk) error { return nil })
			_, models := r.driver.Models(t.Context())
			for _, err := range []error{whole, streamed, models} {
				if shown := fmt.Sprintf("%v %+v", err, err); err != nil && strings.Contains(shown, Key) {
					t.Errorf("%d shows the key: %s", status, shown)
				}
				var e *providers.Error
				if errors.As(err, &e) && strings.Contains(e.Code+e.Param+e.Message+e.RequestID, Key) {
					t.Errorf("%d keeps the key: %+v", status, *e)
				}
			}
		})
	}
}

// gone waits for the client to hang up, which the server only notices once it
// has read the request.
func gone(req *http.Request) bool {
	_, err := io.Copy(io.Discard, req.Body)
	<-req.Context().Done()
	return err == nil
}

func (h Harness) time(t *testing.T) {
	r := h.rig(t)
	slow, expire := context.WithCancelCause(t.Context())
	expired := func(_ http.ResponseWriter, req *http.Request, _ http.Handler) bool {
		expire(&providers.LimitError{Limit: "headers", After: time.Second})
		return gone(req)
	}
	r.during(expired, func() {
		_, err := r.driver.Chat(slow, r.request(question), nil)
		if e := asError(t, err); e.Kind != providers.KindTimeout || e.Charge != providers.ChargeUnknown {
			t.Errorf("got %v charged %s, want a timeout of unknown charge", e, e.Charge)
		}
	})
	late, stop := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer stop()
	_, err := r.driver.Chat(late, r.request(question), nil)
	if e := asError(t, err); e.Kind != providers.KindTimeout || e.Charge != providers.ChargeNone {
		t.Errorf("got %v charged %s, want a timeout before it was sent", e, e.Charge)
	}
	ctx, cancel := context.WithCancel(t.Context())
	arrived := func(_ http.ResponseWriter, req *http.Request, _ http.Handler) bool {
		cancel()
		return gone(req)
	}
	r.during(arrived, func() {
		_, err := r.driver.Chat(ctx, r.request(question), func(providers.Chunk) error { return nil })
		if e := asError(t, err); e.Kind != providers.KindCancelled || e.Charge != providers.ChargeUnknown {
			t.Errorf("got %v charged %s, want cancelled at unknown charge", e, e.Charge)
		}
	})
	_, err = r.driver.Chat(ctx, r.request(question), nil)
	if e := asError(t, err); e.Kind != providers.KindCancelled || e.Charge != providers.ChargeNone {
		t.Errorf("got %v charged %s, want cancelled before it was sent", e, e.Charge)
	}
}

func (h Harness) connection(t *testing.T) {
	r := h.rig(t)
	drop := func(http.ResponseWriter, *http.Request, http.Handler) bool { panic(http.ErrAbortHandler) }
	r.during(drop, func() {
		_, err := r.driver.Chat(t.Context(), r.request(question), nil)
		if e := asError(t, err); e.Kind != providers.KindServer || e.Charge != providers.ChargeUnknown {
			t.Errorf("got %v charged %s, want a failure of unknown charge", e, e.Charge)
		}
	})
	all := func(*http.Request) bool { return true }
	r.during(lost(all), func() {
		_, err := r.driver.Chat(t.Context(), r.request(question), nil)
		if e := asError(t, err); !e.Kind.Retryable() || e.Charge != providers.ChargeUnknown {
			t.Errorf("a lost answer: got %v charged %s", e, e.Charge)
		}
	})
	half := func(w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", "1000")
		return !(&cutter{w, 20}).pass(`{"choices":[{"message":`)
	}
	r.during(half, func() {
		_, err := r.driver.Chat(t.Context(), r.request(question), nil)
		if e := asError(t, err); e.Kind != providers.KindTruncated || e.Charge != providers.ChargeUnknown {
			t.Errorf("half an answer: got %v charged %s", e, e.Charge)
		}
	})
}

// cutter passes on the first bytes of an answer.
type cutter struct {
	http.ResponseWriter
	left int
}

func (c *cutter) Write(p []byte) (int, error) {
	if len(p) > c.left {
		if _, err := c.ResponseWriter.Write(p[:c.left]); err == nil {
			c.Flush()
		}
		panic(http.ErrAbortHandler)
	}
	c.left -= len(p)
	return c.ResponseWriter.Write(p)
}

// pass writes a text that is longer than what is left.
func (c *cutter) pass(text string) bool {
	_, err := c.Write([]byte(text))
	return err == nil
}

func (c *cutter) Flush() {
	if flusher, ok := c.ResponseWriter.(http.Flusher); ok {
		flusher.Flush()
	}
}

func (h Harness) truncated(t *testing.T) {
	r := h.rig(t)
	for _, after := range []int{0, 1, 40, 300, 600} {
		cut := func(w http.ResponseWriter, req *http.Request, next http.Handler) bool {
			next.ServeHTTP(&cutter{w, after}, req)
			return true
		}
		r.during(cut, func() {
			var got deltas
			reply, err := r.driver.Chat(t.Context(), r.request(question), got.sink)
			e := asError(t, err)
			if e.Kind != providers.KindTruncated && e.Kind != providers.KindServer {
				t.Errorf("after %d bytes: got %v", after, e)
			}
			if got.count > 0 && (reply == nil || reply.Content != got.text.String()) {
				t.Errorf("after %d bytes: what arrived is lost: %+v", after, reply)
			}
			if e.Charge == providers.ChargeNone {
				t.Errorf("after %d bytes: nothing is charged", after)
			}
		})
	}
}

func (h Harness) garbage(t *testing.T) {
	r := h.rig(t)
	bodies := []string{"", "null", "<html>", `{"a":1}`, `{"choices":null}`, `{"choices":[{}]}`, "\x00\xff"}
	for _, body := range bodies {
		r.during(answering(200, nil, body), func() {
			_, err := r.driver.Chat(t.Context(), r.request(question), nil)
			if e := asError(t, err); !e.Kind.Retryable() || e.Charge != providers.ChargeUnknown {
				t.Errorf("whole %q: got %v charged %s", body, e, e.Charge)
			}
		})
		stream := map[string]string{"Content-Type": "text/event-stream"}
		r.during(answering(200, stream, "data: "+body+"\n\ndata: [DONE]\n\n"), func() {
			var got deltas
			reply, err := r.driver.Chat(t.Context(), r.request(question), got.sink)
			if err == nil && (body != `{"choices":[{}]}` || reply.Content != "") {
				t.Errorf("streamed %q: no error", body)
			}
		})
	}
}

func (h Harness) tooBig(t *testing.T) {
	r := h.rig(t)
	const much = 64 << 20
	flood := func(kind string) fault {
		return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
			w.Header().Set("Content-Type", kind)
			part := []byte(strings.Repeat("data: x", 4<<10))
			for sent := 0; sent < much; sent += len(part) {
				if _, err := w.Write(part); err != nil {
					break // the driver has had enough
				}
			}
			return true
		}
	}
	r.during(flood("application/json"), func() {
		_, err := r.driver.Chat(t.Context(), r.request(question), nil)
		asError(t, err)
	})
	r.during(flood("text/event-stream"), func() {
		_, err := r.driver.Chat(t.Context(), r.request(question), func(providers.Chunk) error { return nil })
		asError(t, err)
	})
	r.during(flood("application/json"), func() {
		_, err := r.driver.Models(t.Context())
		asError(t, err)
	})
}
