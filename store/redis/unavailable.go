package redis

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"
)

// refusals begin the errors by which a server says that it does not write just
// now (https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors).
var refusals = []string{
	"READONLY",    // a replica: a fail-over is under way
	"LOADING",     // it reads its data back
	"MASTERDOWN",  // a replica without its master
	"CLUSTERDOWN", // a slot is served by nobody
	"TRYAGAIN",    // a slot is being moved
	"NOREPLICAS",  // too few replicas are there to write to
	"OOM",         // its memory is full
	"MISCONF",     // it can not save to its disk
	"BUSY",        // a script holds it up
	"max number of clients reached",
}

// Unavailable tells that Redis is not reached, or answers that it can not do this
// now. Nothing is wrong with what was asked.
func Unavailable(err error) bool {
	if err == nil || errors.Is(err, redis.Nil) || errors.Is(err, context.Canceled) {
		return false
	}
	for _, prefix := range refusals {
		if redis.HasErrorPrefix(err, prefix) {
			return true
		}
	}
	var dial *dialError
	return errors.As(err, &dial) || errors.Is(err, redis.ErrClosed) || errors.Is(err, redis.ErrPoolTimeout)
}
