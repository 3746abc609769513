// Package openai is the client for everything that speaks OpenAI's dialect of
// HTTP: the chat, model and embedding routes that most vendors share. What a
// vendor does differently it states in a [Dialect].
//
// A client makes one attempt per call. It knows nothing of retries, prices or
// fail-over, which belong to the router, and of no vendor by name.
package openai

import (
	"net"
	"net/http"
	"strings"
	"time"

	"dreamlab/providers"
)

// Dialect is what sets a vendor apart. Only Provider and Base are required.
type Dialect struct {
	Provider string
	Base     string // "https://host/v1": the routes stand below it
	Key      string // sent as a bearer token where there is one, and never shown

	// Authorize puts the credential into a request, for vendors that do not take
	// the Key as a bearer token. Defaults to that.
	Authorize func(*http.Request) error
	// Secrets returns what must not be shown beside the Key, such as the tokens of the
	// moment. Defaults to nothing.
	Secrets func() []string
	// URL returns where a route is served for a model, which is "" where the route is
	// about none. Defaults to the route below Base.
	URL func(route, model string) string
	// Wire asks and understands a vendor whose chats are not in OpenAI's form. It
	// stands in place of the URL of chats, Translate, Encode, Options and Members.
	Wire *Wire
	// Translate returns what puts one answer into OpenAI's form: the object that came
	// whole, or the events of a stream, which are objects, one after the other. Nil
	// leaves an event out. It is called with nil once a stream has ended in due form,
	// and returns what is still to be said. Defaults to leaving them as they are.
	Translate func(req *providers.Request) func(object []byte) []byte
	// Encode puts the request into the vendor's words, or refuses what the
	// vendor does not have. Defaults to leaving the body as it is.
	Encode func(req *providers.Request, body *Body) error
	// InOnePiece tells which requests the vendor can not stream. Defaults to none.
	InOnePiece func(req *providers.Request) bool
	// Prefill tells how a model is told to go on from the last message, "" where it can
	// not. Defaults to no model's being able to.
	Prefill func(model string) providers.Prefill
	// Tiers are the vendor's tiers of service; others are not sent. A tier is true where
	// it turns calls away when it is full, though the usual one may take them. Defaults to
	// passing on all, where Options have them.
	Tiers map[string]bool
	// PooledTiers says that calls of all tiers count towards the same limits. Defaults to
	// limits of each tier.
	PooledTiers bool
	// Options names the parameters that the vendor takes beside OpenAI's. Others are
	// refused by their names.
	Options []string
	// Members names the members of messages that the vendor takes beside OpenAI's, as
	// the reasoning of earlier turns. Others are left out.
	Members []string
	// TakesExtra passes all members of messages and tools on that OpenAI does not
	// have, for servers that ignore what they do not know or ask to have it back.
	TakesExtra bool
	// Hidden names members of answers that say nothing to a client: they are left out
	// beside the choices, in them, and in what they say.
	Hidden []string
	// Words are the vendor's own for what it refuses; they outrank the general ones.
	Words Words
	// Classify corrects what the general rules made of a failure.
	Classify func(f Failure, e *providers.Error)
	// Extension is the key of the vendor's own object in a chunk, which may
	// hold "usage", and "error" as a plain string ("x_groq").
	Extension string
}

// The routes, as they stand below the base of OpenAI's own API.
const (
	RouteChat       = "/chat/completions"
	RouteEmbeddings = "/embeddings"
	RouteModels     = "/models"
)

// Client speaks one dialect. It is safe for concurrent use.
type Client struct {
	dialect Dialect
	http    *http.Client
	now     func() time.Time
}

// Limits of what is read from a vendor.
const (
	maxBody  = 16 << 20 // a whole answer
	maxError = 64 << 10 // the body of an error
	maxLine  = maxBody  // one event of a stream

	streamBuffer = 4 << 10 // what is read of a stream at once: some events, of 200 to 700 bytes each
)

// New returns a client for the dialect. It takes the HTTP client and the clock
// of config; redirects are never followed, so that no key travels elsewhere.
func New(dialect Dialect, config providers.Config) *Client {
	carrier := config.HTTP
	if carrier == nil {
		carrier = NewHTTP()
	}
	still := *carrier
	still.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	now := config.Now
	if now == nil {
		now = time.Now
	}
	if config.Prefill != "" {
		dialect.Prefill = func(string) providers.Prefill { return config.Prefill }
	}
	if config.InOnePiece {
		dialect.InOnePiece = func(*providers.Request) bool { return true }
	}
	dialect.Base = strings.TrimRight(dialect.Base, "/")
	return &Client{dialect: dialect, http: &still, now: now}
}

// NewHTTP returns the HTTP client that vendors use where they are given none.
// It bounds connecting at what the router's limit for it may be set to, and leaves
// the time of an answer to the router.
func NewHTTP() *http.Client {
	dialer := &net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Client{Transport: &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    30 * time.Second,
		IdleConnTimeout:        90 * time.Second,
		MaxIdleConns:           256,
		MaxIdleConnsPerHost:    64,
		MaxResponseHeaderBytes: 64 << 10,
	}}
}
