package wire

import (
	"fmt"
	"io"
	"net/http"
	"time"
)

// Patience bounds in time how a body comes in, so that no client holds a
// connection by sending slowly, or nothing.
type Patience struct {
	// Idle is how long a client may pause. Defaults to 30 seconds.
	Idle time.Duration
	// Whole is how long a body may take that is no upload; an upload may take
	// longer while it keeps up with slowestUpload. Defaults to 2 minutes.
	Whole time.Duration
	// Linger is how long a body still comes in that was answered without being
	// read: closing at once would lose the answer on its way. Defaults to a second.
	Linger time.Duration
}

// slowestUpload is the pace of an upload, in bytes a second, that is waited for.
const slowestUpload = 4 << 10

// Filled returns the patience with its defaults.
func (p Patience) Filled() Patience {
	set := func(at *time.Duration, otherwise time.Duration) {
		if *at <= 0 {
			*at = otherwise
		}
	}
	set(&p.Idle, 30*time.Second)
	set(&p.Whole, 2*time.Minute)
	set(&p.Linger, time.Second)
	return p
}

// Incoming is a body that comes in within its patience.
type Incoming struct {
	body     io.ReadCloser
	control  *http.ResponseController
	patience Patience
	upload   bool
	began    time.Time
	got      int64
	over     bool
	broken   error // why it could not be read to its end
}

// NewIncoming returns the body of a request.
func NewIncoming(w http.ResponseWriter, r *http.Request, p Patience, upload bool) *Incoming {
	return &Incoming{
		body: r.Body, control: http.NewResponseController(w), patience: p, upload: upload, began: time.Now(),
		over: r.Body == nil || r.Body == http.NoBody,
	}
}

// Read reads within the patience.
func (i *Incoming) Read(p []byte) (int, error) {
	if err := i.control.SetReadDeadline(i.deadline()); err != nil {
		return 0, fmt.Errorf("set read deadline: %w", err)
	}
	n, err := i.body.Read(p)
	i.got += int64(n)
	if err != io.EOF {
		i.broken = err
		return n, err
	}
	i.over = true
	// From here on the connection is read only to notice that the client left.
	if err := i.control.SetReadDeadline(time.Time{}); err != nil {
		return n, fmt.Errorf("clear read deadline: %w", err)
	}
	return n, io.EOF
}

func (i *Incoming) deadline() time.Time {
	whole := i.patience.Whole
	if i.upload {
		whole += time.Duration(i.got) * time.Second / slowestUpload
	}
	idle, last := time.Now().Add(i.patience.Idle), i.began.Add(whole)
	if last.Before(idle) {
		return last
	}
	return idle
}

// Broken returns why the body could not be read to its end, and nil where that did
// not happen. The server then ends the request's context, so that whatever else the
// handler did fails, too, though the client is there.
func (i *Incoming) Broken() error {
	if i.broken == nil {
		return nil
	}
	return ReadFault(i.broken)
}

// Close closes the body.
func (i *Incoming) Close() error { return i.body.Close() }

// Unread tells whether more of the body may come. The server reads it up before
// it answers, however long that takes, unless the connection is to be closed.
func (i *Incoming) Unread() bool { return !i.over }

// Abandon lets an unread body come in for a moment more.
func (i *Incoming) Abandon() error {
	if i.over {
		return nil
	}
	if err := i.control.SetReadDeadline(time.Now().Add(i.patience.Linger)); err != nil {
		return fmt.Errorf("set read deadline: %w", err)
	}
	return nil
}
