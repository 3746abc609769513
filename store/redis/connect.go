package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// connect parses the URL. Its errors do not show it: it may hold a password.
// Commands end with their context, so that a server that hangs delays its
// caller no longer than the caller's own timeout.
func connect(url string) (redis.UniversalClient, error) {
	scheme, rest, _ := strings.Cut(url, "://")
	base, form, _ := strings.Cut(scheme, "+")
	var client redis.UniversalClient
	var err error
	switch form {
	case "":
		var o *redis.Options
		if o, err = redis.ParseURL(url); err == nil {
			o.ContextTimeoutEnabled = true
			o.Dialer = dialer(o.DialTimeout, o.TLSConfig)
			client = redis.NewClient(o)
		}
	case "sentinel":
		var o *redis.FailoverOptions
		if o, err = redis.ParseFailoverURL(base + "://" + rest); err == nil {
			o.ContextTimeoutEnabled = true
			o.Dialer = dialer(o.DialTimeout, o.TLSConfig)
			client = redis.NewFailoverClient(o)
		}
	case "cluster":
		var o *redis.ClusterOptions
		if o, err = redis.ParseClusterURL(base + "://" + rest); err == nil {
			o.ContextTimeoutEnabled = true
			o.Dialer = dialer(o.DialTimeout, o.TLSConfig)
			client = redis.NewClusterClient(o)
		}
	default:
		err = errors.New("unknown form")
	}
	if err != nil {
		return nil, errors.New("read the queue's URL: use redis://host:6379/0, redis+sentinel://… or " +
			"redis+cluster://…, and write what is special in the password (such as @ / ? # %) as %XX")
	}
	return client, nil
}

// dialTimeout is how long a connection may take, where the URL does not say.
const dialTimeout = 5 * time.Second

// dialer dials, and reports errors without the address: where a password holds a
// character that should have been escaped, a part of it is parsed as the host.
func dialer(timeout time.Duration, secure *tls.Config) func(context.Context, string, string) (net.Conn, error) {
	if timeout <= 0 {
		timeout = dialTimeout
	}
	plain := &net.Dialer{Timeout: timeout, KeepAlive: 5 * time.Minute}
	dial := plain.DialContext
	if secure != nil {
		dial = (&tls.Dialer{NetDialer: plain, Config: secure}).DialContext
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, &dialError{err}
		}
		return conn, nil
	}
}

// dialError is why there is no connection, in words of our own.
type dialError struct{ cause error }

// Error names no address.
func (e *dialError) Error() string {
	var name *net.DNSError
	var network net.Error
	var certificate *tls.CertificateVerificationError
	reason := "the connection broke off"
	switch {
	case errors.As(e.cause, &name):
		reason = "the name of its host is not known"
	case errors.Is(e.cause, syscall.ECONNREFUSED), errors.Is(e.cause, fs.ErrNotExist):
		reason = "nothing listens at its address"
	case errors.As(e.cause, &certificate):
		reason = "its certificate is not trusted"
	case errors.Is(e.cause, context.DeadlineExceeded), errors.As(e.cause, &network) && network.Timeout():
		reason = "no answer before the deadline"
	}
	return fmt.Sprintf("connect to Redis: %s: is it up, is REDIS_URL right?", reason)
}

// Unwrap returns the cause.
func (e *dialError) Unwrap() error { return e.cause }
