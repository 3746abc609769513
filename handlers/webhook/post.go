package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"dreamlab/store/backoff"
	"dreamlab/tasks"
)

// errNotPublic means that a name resolved to an address that is not permitted.
var errNotPublic = errors.New("the webhook's name leads to an address that is not public")

// transport connects to permitted addresses alone. The address is checked when the
// connection is made, after DNS was asked: a name that resolves differently at each
// question (DNS rebinding) does not pass. No proxy is used.
func transport(rules tasks.WebhookRules, timeout time.Duration) *http.Transport {
	dialer := &net.Dialer{Timeout: timeout, Control: func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil || !rules.Permits(to.Addr()) {
			return errNotPublic
		}
		return nil
	}}
	return &http.Transport{
		DialContext: dialer.DialContext, TLSHandshakeTimeout: timeout, ResponseHeaderTimeout: timeout,
		DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10, ForceAttemptHTTP2: true,
	}
}

// refusal is a delivery that was not taken. Its text holds no URL: the path
// may hold what is secret.
type refusal struct {
	code  string
	text  string
	final bool
	mute  bool          // the host did not answer
	after time.Duration // the earliest next try
	cause error
}

// Error returns code and text.
func (r *refusal) Error() string { return r.code + ": " + r.text }

// Unwrap returns the cause.
func (r *refusal) Unwrap() error { return r.cause }

// maxAnswer bounds what is read of an answer, in bytes. The text is discarded.
const maxAnswer = 64 << 10

// post sends an event and returns the status of the answer; an error is a
// refusal.
func (d *deliverer) post(ctx context.Context, m message) (int, error) {
	body, err := json.Marshal(m.event)
	if err != nil {
		return 0, fmt.Errorf("write the event: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, m.url, bytes.NewReader(body))
	if err != nil {
		return 0, &refusal{code: "invalid_request", text: "the webhook's URL is no URL", final: true}
	}
	at := d.now()
	request.Header = http.Header{
		"Content-Type": {"application/json"}, "User-Agent": {"dreamlab/1"},
		"Webhook-Id": {m.event.ID}, "Webhook-Timestamp": {strconv.FormatInt(at.Unix(), 10)},
		"Webhook-Signature": {signature(m.secrets, m.event.ID, at, body)},
	}
	answer, err := d.http.Do(request)
	if err != nil {
		return 0, unreachable(err)
	}
	_, err = io.CopyN(io.Discard, answer.Body, maxAnswer)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if err := errors.Join(err, answer.Body.Close()); err != nil {
		return 0, unreachable(err)
	}
	return answer.StatusCode, judge(answer)
}

func unreachable(err error) *refusal {
	if errors.Is(err, errNotPublic) {
		return &refusal{code: "invalid_request", final: true, cause: errNotPublic,
			text: errNotPublic.Error() + ": the operator may allow its network by webhooks.private"}
	}
	var about *url.Error
	if errors.As(err, &about) {
		err = about.Err // without the URL
	}
	var slow net.Error
	if errors.As(err, &slow) && slow.Timeout() {
		return &refusal{code: "vendor_timeout", mute: true, cause: err,
			text: "the webhook's server did not answer in time"}
	}
	return &refusal{code: "vendor_unavailable", mute: true, cause: err,
		text: "the webhook's server could not be reached"}
}

// judge tells whether an answer takes the delivery: any 2xx does. 410 ends
// the deliveries, and redirects are not followed; everything else is tried again.
func judge(answer *http.Response) error {
	status := answer.StatusCode
	r := &refusal{code: "vendor_unavailable", text: fmt.Sprintf("the webhook's server answered %d", status)}
	switch {
	case status >= 200 && status < 300:
		return nil
	case status >= 300 && status < 400:
		r.code, r.final = "invalid_request", true
		r.text += ": redirects are not followed, give the URL where they end"
	case status == http.StatusGone:
		r.code, r.final = "invalid_request", true
	}
	r.after = retryAfter(answer.Header.Get("Retry-After"))
	return r
}

// maxPause bounds the pause between two tries, so that the 12 tries of a
// delivery take about a day.
const maxPause = 6 * time.Hour

// retryAfter reads seconds, as Retry-After may have them.
func retryAfter(header string) time.Duration {
	n, err := strconv.Atoi(header)
	if err != nil || n < 0 {
		return 0
	}
	return min(time.Duration(min(n, 1<<20))*time.Second, maxPause)
}

// pauseAfter is the pause after so many failed tries: from five seconds on it
// is four times as long each time, up to six hours, and half of it is chance.
func pauseAfter(failed int) time.Duration {
	bound := 5 * time.Second << min(2*(failed-1), 20)
	return backoff.Spread(min(bound, maxPause))
}
