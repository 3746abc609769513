package redis

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Cancelled appends as the end that the job was cancelled.
func (w *Writer) Cancelled(ctx context.Context) error { return w.add(ctx, entry{kind: Cancelled}) }

// Cancelled ends the reply of a job that was cancelled while no worker had it,
// and whose last epoch is the given one. Its place is before the first entry of
// the epoch that a retry begins.
func (r *Reader) Cancelled(ctx context.Context, job string, epoch int64) error {
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	key := replyKey(r.lane, job)
	pipe := r.redis.Pipeline()
	added := pipe.XAdd(ctx, &redis.XAddArgs{Stream: key, ID: fmt.Sprintf("%d-0", epoch+1),
		Values: []any{fieldType, string(Cancelled)}})
	pipe.Expire(ctx, key, keep)
	_, err := pipe.Exec(ctx)
	if added.Err() != nil && strings.Contains(added.Err().Error(), "equal or smaller") {
		return nil // it was written before
	}
	if err != nil {
		return fmt.Errorf("end the reply of %s: %w", job, err)
	}
	return nil
}
