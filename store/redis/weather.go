package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// Weather shares between processes which targets are to be left alone until
// when. It is advice: what is lost costs a needless call.
type Weather struct{ redis redis.UniversalClient }

// NewWeather returns the weather report of a queue.
func NewWeather(client redis.UniversalClient) *Weather { return &Weather{redis: client} }

func weatherKey(target string) string { return "dreamlab:{weather}:" + target }

// longest bounds how long a report holds.
const longest = 24 * time.Hour

// later sets a time unless a later one is set.
var later = redis.NewScript(`
local known = tonumber(redis.call("GET", KEYS[1]) or "0")
if known < tonumber(ARGV[1]) then
	redis.call("SET", KEYS[1], ARGV[1], "PX", ARGV[2])
end
return 1`)

// SetNotBefore reports that a target is not to be called before a time. The
// latest report holds; one of more than a day is cut.
func (w *Weather) SetNotBefore(ctx context.Context, target string, until time.Time) error {
	left := min(time.Until(until), longest)
	if left <= 0 {
		return nil
	}
	at := time.Now().Add(left).UnixMilli()
	err := later.Run(ctx, w.redis, []string{weatherKey(target)}, at, max(1, left.Milliseconds())).Err()
	if err != nil {
		return fmt.Errorf("report on %s: %w", target, err)
	}
	return nil
}

// NotBefore returns until when each of the targets is to be left alone; those
// that may be called are absent.
func (w *Weather) NotBefore(ctx context.Context, targets ...string) (map[string]time.Time, error) {
	if len(targets) == 0 {
		return nil, nil
	}
	keys := make([]string, len(targets))
	for i, target := range targets {
		keys[i] = weatherKey(target)
	}
	values, err := w.redis.MGet(ctx, keys...).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("ask for the weather: %w", err)
	}
	now := time.Now()
	closed := map[string]time.Time{}
	for i, value := range values {
		text, _ := value.(string)
		ms, err := strconv.ParseInt(text, 10, 64)
		if until := time.UnixMilli(ms).UTC(); err == nil && until.After(now) {
			closed[targets[i]] = until
		}
	}
	return closed, nil
}
