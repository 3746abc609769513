package chat

import "context"

// Replies are the streams on which clients wait for their answers.
type Replies interface {
	// Open returns the writer of a job's reply under an epoch.
	Open(job string, epoch int64) Reply
	// Begun tells whether the job's reply holds data already.
	Begun(ctx context.Context, job string) (bool, error)
}

// Reply writes one job's reply. Its errors wrap store.ErrFenced where a later
// epoch has written.
type Reply interface {
	// Data appends events that became ready together, each the bytes of one
	// event's data, as one entry.
	Data(ctx context.Context, events [][]byte) error
	// End closes a reply that is complete.
	End(ctx context.Context) error
	// Fail closes a reply with an error.
	Fail(ctx context.Context, code, message string) error
}

// discard is the reply of a job that nobody waits on.
type discard struct{}

func (discard) Data(context.Context, [][]byte) error       { return nil }
func (discard) End(context.Context) error                  { return nil }
func (discard) Fail(context.Context, string, string) error { return nil }
