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
				first, last := fmt.Sprint(1, " ", at("cheap")[0], " at 0"), fmt.Sprint(3, " ", at("dear")[0], " at 0")
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

// TestHeldStreamShowsNothingOfWhatBrokeOff has the first target break off after it said
// something: it is paid, and the next one's answer is shown alone.
func TestHeldStreamShowsNothingOfWhatBrokeOff(t *testing.T) {
	t.Parallel()
	cut := &providers.Error{Kind: providers.KindTruncated, Charge: providers.ChargeUnknown}
	w := newWorld(t, map[string][]step{
		"cheap": {shows(cut, "role", "WORD", strings.Repeat("Y", 100<<10))}, "dear": {shows(nil, "role", "TEXT", "end")},
	})
	var seen []string
	answer, err := w.router.Chat(t.Context(), providers.Call{
		Tiers: [][]providers.Target{at("cheap", "dear")}, Ledger: w.books, Hold: true,
		Began: func(target providers.Target, try int) { seen = append(seen, fmt.Sprint(try, target)) },
		Sink: func(chunk providers.Chunk) error {
			seen = append(seen, string(chunk.Data))
			return nil
		},
	})
	if err != nil || !answer.Reply.Shown || answer.Target.Provider != "dear" {
		t.Fatalf("got %+v, %v", answer, err)
	}
	if got := strings.Join(seen, ","); got != "2 dear/m,role,TEXT,end" {
		t.Errorf("handed over %.100s", got)
	}
	if len(w.books.outcomes) != 1 || w.books.outcomes[0].Charge != providers.ChargeUnknown {
		t.Errorf("books %+v, want what broke off as unknown", w.books.outcomes)
	}
}

// TestBrokenOffIsNotBoughtTwiceAtOneTarget has a target break off an answer that nobody
// was shown.
func TestBrokenOffIsNotBoughtTwiceAtOneTarget(t *testing.T) {
	t.Parallel()
	cut := &providers.Error{Kind: providers.KindTruncated, Charge: providers.ChargeUnknown}
	w := newWorld(t, map[string][]step{"cheap": {shows(cut, "role", "WORD")}, "dear": {says("d")}})
	answer, err := w.ask(t.Context(), at("cheap"), at("dear"))
	if err != nil || answer.Tries != 2 || w.vendors["cheap"].calls != 1 {
		t.Errorf("%+v, %v after %d calls of the first, want one", answer, err, w.vendors["cheap"].calls)
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
	cases := map[string]*limitCase{
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
			for _, sink := range []providers.Sink{nil, func(providers.Chunk) error { return nil }} {
				synctest.Test(t, func(t *testing.T) { c.hold(t, limits, sink) })
			}
		})
	}
}

func (c *limitCase) hold(t *testing.T, limits providers.Limits, sink providers.Sink) {
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
	err, took := askOver(t, network.dial, limits, sink)
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
}

// limitCase is a vendor that is slow.
type limitCase struct {
	sends []string // with a pause after each
	pause time.Duration
	limit string
	took  time.Duration
}

// TestLimitOfConnecting has a vendor that can not be reached: nothing was sent that it
// could charge.
func TestLimitOfConnecting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		err, took := askOver(t, dial, providers.Limits{Connect: 2 * time.Second, Tries: 1}, nil)
		var slow *providers.LimitError
		var e *providers.Error
		if !errors.As(err, &slow) || slow.Limit != "connect" || took != 2*time.Second {
			t.Errorf("got %v after %v, want the limit for connect after 2 s", err, took)
		}
		if !errors.As(err, &e) || e.Kind != providers.KindTimeout || e.Charge != providers.ChargeNone {
			t.Errorf("got %+v, want a timeout that costs nothing", e)
		}
	})
}

// TestLimitOfAnAnswerInOnePiece asks a vendor that can not stream.
func TestLimitOfAnAnswerInOnePiece(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := func(ctx context.Context, _ providers.Sink) (*providers.Reply, error) {
			<-ctx.Done()
			return nil, &providers.Error{Kind: providers.KindTimeout, Charge: providers.ChargeUnknown, Err: context.Cause(ctx)}
		}
		router := providers.NewRouter(providers.RouterOptions{
			Drivers: map[string]providers.Driver{"cheap": unstreamed{&actor{script: []step{slow}}}}, Prices: loadPrices(t),
			Limits: map[string]providers.Limits{"cheap": {Headers: time.Second, Whole: 20 * time.Second}},
		})
		start := time.Now()
		_, err := router.Chat(t.Context(), providers.Call{Tiers: [][]providers.Target{at("cheap")}, Ledger: &books{}})
		var limit *providers.LimitError
		if !errors.As(err, &limit) || limit.Limit != "whole answer" || time.Since(start) != 20*time.Second {
			t.Errorf("got %v after %v, want the limit for the whole answer after 20 s", err, time.Since(start))
		}
	})
}

// unstreamed is a vendor that answers in one piece.
type unstreamed struct{ *actor }

func (unstreamed) Streams(*providers.Request) bool { return false }

func manyTimes(s string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = s
	}
	return all
}

func askOver(t *testing.T, dial dialing, limits providers.Limits, sink providers.Sink) (error, time.Duration) {
	transport := &http.Transport{DialContext: dial}
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
		Sink: sink,
	})
	return err, time.Since(start)
}

type dialing func(ctx context.Context, network, address string) (net.Conn, error)

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
