package redis

import (
	"net"
	"sync"
	"time"
)

// memoryConn is the client's end of a connection in memory. Such a connection
// has no buffers: a client that writes a long pipeline, and a server that
// answers its first command meanwhile, would wait for each other. So writes
// are buffered here, and sent by a goroutine that Close joins.
type memoryConn struct {
	net.Conn
	sending sync.WaitGroup

	mu     sync.Mutex
	more   sync.Cond
	buffer []byte
	broken error
}

func newMemoryConn(raw net.Conn) *memoryConn {
	c := &memoryConn{Conn: raw}
	c.more.L = &c.mu
	c.sending.Go(c.send)
	return c
}

// Write buffers; it fails when an earlier write could not be sent.
func (c *memoryConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken != nil {
		return 0, c.broken
	}
	c.buffer = append(c.buffer, b...)
	c.more.Signal()
	return len(b), nil
}

func (c *memoryConn) send() {
	for {
		c.mu.Lock()
		for len(c.buffer) == 0 && c.broken == nil {
			c.more.Wait()
		}
		ready, broken := c.buffer, c.broken
		c.buffer = nil
		c.mu.Unlock()
		if broken != nil {
			return
		}
		if _, err := c.Conn.Write(ready); err != nil {
			c.fail(err)
		}
	}
}

func (c *memoryConn) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken == nil {
		c.broken = err
	}
	c.more.Signal()
}

// SetDeadline sets the deadline of reads: writes do not wait.
func (c *memoryConn) SetDeadline(t time.Time) error { return c.Conn.SetReadDeadline(t) }

// SetWriteDeadline does nothing: writes do not wait.
func (c *memoryConn) SetWriteDeadline(time.Time) error { return nil }

// Close closes both ends.
func (c *memoryConn) Close() error {
	c.fail(net.ErrClosed)
	err := c.Conn.Close()
	c.sending.Wait()
	return err
}
