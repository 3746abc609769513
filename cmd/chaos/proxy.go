package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// proxy stands between the fleet and a server, and injects network faults. A refused client
// gets a connection that is closed at once.
type proxy struct {
	listener net.Listener
	target   string

	mu    sync.Mutex
	away  bool
	lost  float64 // the share of requests whose answer is lost after they were carried out
	conns map[net.Conn]bool
	work  sync.WaitGroup
}

func openProxy(ctx context.Context, target string) (*proxy, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open a proxy: %w", err)
	}
	p := &proxy{listener: listener, target: target, conns: map[net.Conn]bool{}}
	ctx = context.WithoutCancel(ctx) // close ends it
	p.work.Go(func() { p.accept(ctx) })
	return p, nil
}

func (p *proxy) addr() string { return p.listener.Addr().String() }

func (p *proxy) accept(ctx context.Context) {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		p.work.Go(func() { p.serve(ctx, client) })
	}
}

func (p *proxy) serve(ctx context.Context, client net.Conn) {
	defer p.drop(client)
	if !p.admit(client) {
		return
	}
	server, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", p.target)
	if err != nil {
		return // the server is away
	}
	defer p.drop(server)
	if !p.admit(server) {
		return
	}
	var back sync.WaitGroup
	back.Go(func() { p.carry(server, client, true) })
	p.carry(client, server, false)
	back.Wait()
}

// carry copies until either side closes, and then closes both. A lost answer closes the
// connection in place of the answer.
func (p *proxy) carry(from, to net.Conn, answers bool) {
	defer from.Close()
	defer to.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && answers && p.loses() {
			return
		}
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (p *proxy) loses() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lost > 0 && rand.Float64() < p.lost
}

// gone tells whether the server is out of reach now.
func (p *proxy) gone() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.away
}

func (p *proxy) admit(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns[c] = true
	return !p.away
}

func (p *proxy) drop(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
	c.Close()
}

// leave closes the open connections and refuses new ones for a while.
func (p *proxy) leave(ctx context.Context, d time.Duration) {
	p.set(true, 0)
	pause(ctx, d)
	p.set(false, 0)
}

// lose drops a share of the answers for a while.
func (p *proxy) lose(ctx context.Context, share float64, d time.Duration) {
	p.set(false, share)
	pause(ctx, d)
	p.set(false, 0)
}

func (p *proxy) set(away bool, lost float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.away, p.lost = away, lost
	if !away {
		return
	}
	for c := range p.conns {
		c.Close()
	}
}

func (p *proxy) close() error {
	err := p.listener.Close()
	p.set(true, 0)
	p.work.Wait()
	return err
}
