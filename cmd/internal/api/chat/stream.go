package chat

import (
	"context"
	"iter"
	"net/http"
	"time"

	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store/job"
	"dreamlab/store/redis"
	"dreamlab/tasks"
)

// Replies are the streams on which answers come back. *redis.Reader of the chat
// lane is one; it has to run.
type Replies interface {
	// Follow yields a reply's entries from the one after an id, see redis.Reader.
	Follow(ctx context.Context, job, after string) iter.Seq2[redis.Event, error]
	// Arrive and Leave tell the other processes that a client resumed a job's
	// reply here, and that it left; Present asks whether any is there.
	Arrive(ctx context.Context, job string) error
	Leave(ctx context.Context, job string) error
	Present(ctx context.Context, job string) (bool, error)
	// Following tells the other processes that clients follow these jobs here.
	Following(ctx context.Context, jobs ...string) error
	// Cancelled ends the reply of a job that was cancelled while no worker had it.
	Cancelled(ctx context.Context, job string, epoch int64) error
}

// Stream resumes a chat's reply behind Last-Event-ID, or shows it from its
// beginning.
func (s *Chats) Stream(w http.ResponseWriter, c *wire.Call, job job.Job) error {
	if job.Kind != string(tasks.ChatRun) {
		return wire.Invalid("id", "Only chats have a stream: GET /v1/jobs/%s for this one.", job.ID)
	}
	from, err := placeOf(c.Header.Get("Last-Event-ID"))
	if err != nil {
		return err
	}
	input, err := inputOf(job)
	if err != nil {
		return err
	}
	if !job.Attached && !input.Stream {
		return &wire.Fault{Status: http.StatusConflict, Code: "invalid_request", Param: "id",
			Message: "This chat was asked for without a stream: GET /v1/jobs/" + job.ID + " for its result."}
	}
	closed, err := s.Gate.OpenStream(c, input.Model())
	if err != nil {
		return err
	}
	defer closed()
	if err := s.Replies.Arrive(c.Context(), job.ID); err != nil {
		return &wire.Fault{Status: http.StatusServiceUnavailable, Code: "queue_unavailable", Err: err,
			Message: "The queue does not answer: resume again in a few seconds."}
	}
	w.Header().Set("X-Dreamlab-Job", job.ID)
	t := &turn{chats: s, call: c, job: job, input: input, began: time.Now()}
	if from.id == "" && job.State.Ended() {
		from.id = "0-0" // a stream that has vanished is told as such, not played again
	}
	err = t.stream(w, from)
	s.left(c, job.ID)
	return err
}

// left counts the client out. Where that fails the chat merely goes on
// to its end without a client.
func (s *Chats) left(c *wire.Call, job string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Context()), 2*time.Second)
	defer cancel()
	if err := s.Replies.Leave(ctx, job); err != nil {
		s.Log.Warn().Err(err).Str("job", job).Msg("could not decrement follower count")
	}
}
