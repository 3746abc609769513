package wire

import (
	"net/http"
	"regexp"
)

// Call is a request that is being answered, with its tenant and what will be logged.
type Call struct {
	*http.Request
	ID     string                  // x-request-id
	Tenant string                  // of the key; "" where the route needs no key
	Key    string                  // the id of the key, not its secret
	Asks   func(model string) bool // tells whether the key may ask a model; nil: any
	// Identity tells that a token asks, and the key has no secret.
	Identity bool
	Job      string      // the job that it made or looked at
	Reply    http.Header // of the answer
	Once     string      // what ids made for its Idempotency-Key end in; "" without one
	// Charged tells that the call was taken from the limits of its tenant.
	Charged bool
	// Release gives back the room that the body took, once nothing of it is held
	// any more. It may be called again; nil does nothing.
	Release func()
}

// MayAsk refuses a model that the key is not for: 403.
func (c *Call) MayAsk(model string) error {
	if c.Asks == nil || c.Asks(model) {
		return nil
	}
	return &Fault{Status: http.StatusForbidden, Code: "forbidden", Param: "model",
		Message: "The API key may not ask this model: use one of its models, or another key."}
}

// BodyDone tells that the body is not held any more, while the call goes on.
func (c *Call) BodyDone() {
	if c.Release != nil {
		c.Release()
	}
}

// Handler answers a call, or returns the error that its client is told.
type Handler func(w http.ResponseWriter, c *Call) error

// SessionCookie holds the secret of a browser's session with the pages. Routes of clients take
// no cookies, or any page of the web could ask them in its visitors' name.
const SessionCookie = "dreamlab_session"

var tidyTrace = regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)

// Trace returns the W3C traceparent, "" where it is none.
func (c *Call) Trace() string {
	if parent := c.Header.Get("Traceparent"); tidyTrace.MatchString(parent) {
		return parent
	}
	return ""
}
