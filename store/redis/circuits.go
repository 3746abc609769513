package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// Circuits shares between processes which targets are not to be called until
// when. It is advice: if it is lost, a vendor is called once more than necessary.
type Circuits struct{ redis redis.UniversalClient }

// NewCircuits returns the circuits that a queue's processes share.
func NewCircuits(client redis.UniversalClient) *Circuits { return &Circuits{redis: client} }

func circuitKey(target string) string { return "dreamlab:{circuits}:" + target }

// maxOpen bounds how long a circuit stays open.
const maxOpen = 24 * time.Hour

// later sets a time unless a later one is set.
var later = redis.NewScript(`
local known = tonumber(redis.call("GET", KEYS[1]) or "0")
if known < tonumber(ARGV[1]) then
	redis.call("SET", KEYS[1], ARGV[1], "PX", ARGV[2])
end
return 1`)

// SetNotBefore reports that a target is not to be called before a time. The
// latest report holds; one of more than a day is cut.
func (c *Circuits) SetNotBefore(ctx context.Context, target string, until time.Time) error {
	left := min(time.Until(until), maxOpen)
	if left <= 0 {
		return nil
	}
	at := time.Now().Add(left).UnixMilli()
	err := later.Run(ctx, c.redis, []string{circuitKey(target)}, at, max(1, left.Milliseconds())).Err()
	if err != nil {
		return fmt.Errorf("open the circuit of %s: %w", target, err)
	}
	return nil
}

// NotBefore returns until when each of the targets is not to be called; those
// that may be called are absent.
func (c *Circuits) NotBefore(ctx context.Context, targets ...string) (map[string]time.Time, error) {
	if len(targets) == 0 {
		return nil, nil
	}
	keys := make([]string, len(targets))
	for i, target := range targets {
		keys[i] = circuitKey(target)
	}
	values, err := c.redis.MGet(ctx, keys...).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("read circuits: %w", err)
	}
	now := time.Now()
	open := map[string]time.Time{}
	for i, value := range values {
		text, _ := value.(string)
		ms, err := strconv.ParseInt(text, 10, 64)
		if until := time.UnixMilli(ms).UTC(); err == nil && until.After(now) {
			open[targets[i]] = until
		}
	}
	return open, nil
}
