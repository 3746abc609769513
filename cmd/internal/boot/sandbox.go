package boot

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"dreamlab/providers/catalog"
	"dreamlab/providers/sandbox/lab"
)

// SandboxKey is the credential that every emulator takes.
const SandboxKey = "sandbox"

// sandboxSpeed lets an hour of fine-tuning pass in a second.
const sandboxSpeed = 3600

// Sandbox is the server of the vendors' emulators.
type Sandbox struct {
	URL string // http://127.0.0.1:port

	lab      *lab.Lab
	listener net.Listener
	server   *http.Server
}

// SandboxOptions say where the emulators are served and what they keep.
type SandboxOptions struct {
	Addr  string  // Defaults to a free port of the loopback.
	Dir   string  // Defaults to memory alone.
	Speed float64 // lab seconds per second. Defaults to 1.
}

// OpenSandbox listens, and answers once Run is called.
func OpenSandbox(ctx context.Context, o SandboxOptions, prices *catalog.Catalog) (*Sandbox, error) {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	l, err := lab.New(lab.Options{
		Dir: o.Dir, Speed: o.Speed, Credential: SandboxKey, Price: priceOf(prices),
	})
	if err != nil {
		return nil, err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.Addr)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen for the sandbox: %w", err), l.Close())
	}
	return &Sandbox{
		URL: "http://" + listener.Addr().String(), lab: l, listener: listener,
		server: &http.Server{
			Handler: Emulators(l), ReadHeaderTimeout: 10 * time.Second, Protocols: plainProtocols(),
		},
	}, nil
}

// Run serves until ctx ends.
func (s *Sandbox) Run(ctx context.Context) error {
	return serve(ctx, s.server, s.listener, time.Second)
}

// Close frees the address and writes what the emulators keep.
func (s *Sandbox) Close() error {
	err := s.listener.Close()
	if errors.Is(err, net.ErrClosed) { // Run has closed it
		err = nil
	}
	return errors.Join(err, s.lab.Close())
}

// serve serves until ctx ends, and gives requests the grace to finish.
func serve(ctx context.Context, server *http.Server, listener net.Listener, grace time.Duration) error {
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	err := server.Shutdown(late)
	if errors.Is(err, context.DeadlineExceeded) {
		err = server.Close() // the requests that still wait have had their time
	}
	<-ended
	return err
}

// priceOf lets the emulators bill what the catalogue says. A model that it does
// not know (a tuned one is billed by the hour) costs nothing by the token.
func priceOf(prices *catalog.Catalog) lab.Price {
	return func(vendor, model string) (in, out, cached int64) {
		price, err := prices.Price(vendor, model, time.Now())
		if err != nil {
			return 0, 0, 0
		}
		return price.In, price.Out, price.CachedIn
	}
}

// plainProtocols are HTTP/1.1 and, without TLS, HTTP/2: AWS's client for Node begins
// with the latter.
func plainProtocols() *http.Protocols {
	both := &http.Protocols{}
	both.SetHTTP1(true)
	both.SetUnencryptedHTTP2(true)
	return both
}
