package providers_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/openai"
)

// shows streams the chunks, of which those in capitals show something, and
// then fails.
func shows(e *providers.Error, chunks ...string) step {
	return func(_ context.Context, sink providers.Sink) (*providers.Reply, error) {
		for _, data := range chunks {
			chunk := providers.Chunk{Data: []byte(data), Shows: strings.ToUpper(data) == data}
			if err := sink(chunk); err != nil {
				return &providers.Reply{}, err
			}
		}
		if e == nil {
			return &providers.Reply{Usage: providers.Usage{Input: 1, Output: 1}}, nil
		}
		return &providers.Reply{Content: "so far"}, e
	}
}

func TestStreamIsContinuedOnlyWhileNothingShowed(t *testing.T) {
	t.Parallel()
	cut := &providers.Error{Kind: providers.KindTruncated, Charge: providers.ChargeUnknown}
	cases := map[string]struct {
		first    step
		want     string
		answered bool
	}{
		"before anything":   {shows(cut), "role,TEXT", true},
		"after a role":      {shows(cut, "lost"), "role,TEXT", true},
		"after a word":      {shows(cut, "role", "WORD"), "role,WORD", false},
		"nothing ever":      {shows(nil, "role", "end"), "role,end", true},
		"late words":        {shows(nil, "a", "b", "C", "d"), "a,b,C,d", true},
		"a very long start": {shows(cut, strings.Repeat("x", 100<<10)), "", false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, map[string][]step{"cheap": {c.first}, "dear": {shows(nil, "role", "TEXT")}})
				var seen, began []string
				answer, err := w.router.Chat(t.Context(), providers.Call{
					Tiers: [][]providers.Target{at("cheap", "dear")}, Ledger: w.books,
					Began: func(target providers.Target, try int) {
						began = append(began, fmt.Sprint(try, " ", target, " at ", len(seen)))
					},
					Sink: func(chunk providers.Chunk) error {
						seen = append(seen, string(chunk.Data))
						return nil
					},
				})
				if c.want == "" { // what did not fit into the gate was handed over
					if len(seen) == 0 || len(seen[0]) != 100<<10 {
						t.Errorf("handed over %d chunks", len(seen))
					}
					return
				}
				first, last := fmt.Sprint(1, " ", at("cheap")[0], " at 0"), fmt.Sprint(2, " ", at("dear")[0], " at 0")
				if got := strings.Join(began, ","); got != first && got != last {
					t.Errorf("told of %s, want the one who answers before its first chunk", got)
				}
				if got := strings.Join(seen, ","); got != c.want {
					t.Errorf("handed over %s, want %s", got, c.want)
				}
				if (err == nil) != c.answered {
					t.Errorf("error %v, want answered %v", err, c.answered)
				}
				if !c.answered && (answer == nil || !answer.Reply.Shown) {
					t.Errorf("what was shown is not in the answer: %+v", answer)
				}
			})
		})
	}
}

func TestStreamEndsWithTheSinksError(t *testing.T) {
	t.Parallel()
	full := errors.New("reader is gone")
	w := newWorld(t, map[string][]step{"cheap": {shows(nil, "role", "TEXT")}, "dear": {says("d")}})
	_, err := w.router.Chat(t.Context(), providers.Call{
		Tiers: [][]providers.Target{at("cheap", "dear")}, Ledger: w.books,
		Sink: func(providers.Chunk) error { return full },
	})
	if !errors.Is(err, full) || w.vendors["dear"].calls != 0 {
		t.Errorf("got %v after %d more calls, want %v and none", err, w.vendors["dear"].calls, full)
	}
	if w.books.outcomes[0].Charge != providers.ChargeUnknown {
		t.Errorf("charged %s, want unknown", w.books.outcomes[0].Charge)
	}
}

// pipes is a network within the process, which a test's clock can drive.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	conn, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}
func (p pipes) Close() error   { return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p pipes) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	p <- far
	return near, nil
}

// serve answers each connection's first request by the handler.
func (p pipes) serve(handle func(conn net.Conn)) {
	for {
		conn, err := p.Accept()
		if err != nil {
			return
		}
		if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
			handle(conn)
		}
		conn.Close()
	}
}

func TestLimitsOfATry(t *testing.T) {
	t.Parallel()
	const head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
	const word = `data: {"choices":[{"index":0,"delta":{"content":"x"}}]}` + "\n\n"
	limits := providers.Limits{
		Headers: 2 * time.Second, FirstToken: 3 * time.Second, Silence: 4 * time.Second,
		Total: 30 * time.Second, Tries: 1,
	}
	cases := map[string]struct {
		sends []string // with a pause after each
		pause time.Duration
		limit string
		took  time.Duration
	}{
		"headers":     {nil, time.Minute, "headers", 2 * time.Second},
		"first token": {[]string{head}, time.Minute, "first token", 3 * time.Second},
		"keep-alives": {[]string{head, ": ping\n\n", ": ping\n\n"}, 2 * time.Second, "first token",
			3 * time.Second},
		"silence": {[]string{head + word, word}, 3500 * time.Millisecond, "", 7 * time.Second},
		"silent":  {[]string{head + word}, time.Minute, "silence", 4 * time.Second},
		"total": {append([]string{head}, manyTimes(word, 20)...), 2500 * time.Millisecond, "total",
			30 * time.Second},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				network := make(pipes)
				var served sync.WaitGroup
				defer served.Wait()
				defer close(network)
				served.Go(func() {
					network.serve(func(conn net.Conn) {
						for _, part := range c.sends {
							fmt.Fprint(conn, part)
							time.Sleep(c.pause) // the bubble's clock
						}
						if len(c.sends) == 0 {
							time.Sleep(c.pause)
						}
					})
				})
				err, took := askOver(t, network, limits)
				var slow *providers.LimitError
				if c.limit == "" {
					if providers.KindOf(err) != providers.KindTruncated {
						t.Fatalf("got %v, want a stream that broke off by itself", err)
					}
				} else if !errors.As(err, &slow) || slow.Limit != c.limit ||
					providers.KindOf(err) != providers.KindTimeout {
					t.Fatalf("got %v, want the limit for %s", err, c.limit)
				}
				if took != c.took {
					t.Errorf("took %v, want %v", took, c.took)
				}
			})
		})
	}
}

func manyTimes(s string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = s
	}
	return all
}

func askOver(t *testing.T, network pipes, limits providers.Limits) (error, time.Duration) {
	transport := &http.Transport{DialContext: network.dial}
	defer transport.CloseIdleConnections()
	driver, err := openai.Compatible("cheap", "http://vendor/v1", "").
		Open(providers.Config{HTTP: &http.Client{Transport: transport}})
	if err != nil {
		t.Fatal(err)
	}
	router := providers.NewRouter(providers.RouterOptions{
		Drivers: map[string]providers.Driver{"cheap": driver}, Prices: loadPrices(t),
	})
	start := time.Now()
	_, err = router.Chat(t.Context(), providers.Call{
		Tiers: [][]providers.Target{at("cheap")}, Ledger: &books{}, Limits: limits,
		Sink: func(providers.Chunk) error { return nil },
	})
	return err, time.Since(start)
}

func TestCallerCancels(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hang := func(ctx context.Context, _ providers.Sink) (*providers.Reply, error) {
			<-ctx.Done()
			return nil, ctx.Err() // a driver that does not keep the contract
		}
		w := newWorld(t, map[string][]step{"cheap": {hang}, "dear": {says("d")}})
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errors.New("job cancelled"))
		defer cancel()
		_, err := w.ask(ctx, at("cheap", "dear"))
		if providers.KindOf(err) != providers.KindCancelled || w.vendors["dear"].calls != 0 {
			t.Errorf("got %v after %d more calls, want cancelled and none", err, w.vendors["dear"].calls)
		}
		if len(w.books.outcomes) != 1 || w.books.outcomes[0].Charge != providers.ChargeUnknown {
			t.Errorf("outcomes %+v, want one of unknown charge", w.books.outcomes)
		}
	})
}
