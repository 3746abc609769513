package redis

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"dreamlab/store/rate"
)

// StreamLease is how long a stream counts as open that is not renewed: what a process held
// that died is free after it.
const StreamLease = 30 * time.Second

// Streams counts what is open in all processes on one Redis: each is a member of a sorted
// set with the end of its lease by Redis' own time. It is safe for concurrent use.
type Streams struct{ redis redis.UniversalClient }

// NewStreams returns the streams that are counted on a Redis.
func NewStreams(client redis.UniversalClient) *Streams { return &Streams{client} }

// openStream counts a stream under all names, where each has room or it is only renewed. It
// returns 0, or which name is full.
var openStream = redis.NewScript(`
local clock = redis.call("TIME")
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local id, lease, renews = ARGV[1], tonumber(ARGV[2]), ARGV[3] == "renew"
for i, key in ipairs(KEYS) do
	redis.call("ZREMRANGEBYSCORE", key, "-inf", now)
	if not renews and redis.call("ZCARD", key) >= tonumber(ARGV[3 + i]) then
		return i
	end
end
for _, key in ipairs(KEYS) do
	redis.call("ZADD", key, now + lease, id)
	redis.call("PEXPIRE", key, lease)
end
return 0`)

// Open counts a stream under every bound at once, for StreamLease. Where one is full it is
// counted under none, and full is its index; else full is -1.
func (s *Streams) Open(ctx context.Context, id string, bounds []rate.Open) (full int, err error) {
	at, err := s.run(ctx, id, "open", bounds)
	if err != nil {
		return -1, fmt.Errorf("count an open stream: %w", err)
	}
	return at - 1, nil
}

// Renew counts a stream for another StreamLease, whether or not there is room.
func (s *Streams) Renew(ctx context.Context, id string, bounds []rate.Open) error {
	if _, err := s.run(ctx, id, "renew", bounds); err != nil {
		return fmt.Errorf("renew an open stream: %w", err)
	}
	return nil
}

func (s *Streams) run(ctx context.Context, id, verb string, bounds []rate.Open) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, rateTimeout)
	defer cancel()
	args := []any{id, StreamLease.Milliseconds(), verb}
	for _, b := range bounds {
		args = append(args, b.Most)
	}
	return openStream.Run(ctx, s.redis, streamKeys(bounds), args...).Int()
}

var closeStream = redis.NewScript(`
for _, key in ipairs(KEYS) do
	redis.call("ZREM", key, ARGV[1])
end
return 1`)

// Close counts a stream no more.
func (s *Streams) Close(ctx context.Context, id string, bounds []rate.Open) error {
	ctx, cancel := context.WithTimeout(ctx, rateTimeout)
	defer cancel()
	if err := closeStream.Run(ctx, s.redis, streamKeys(bounds), id).Err(); err != nil {
		return fmt.Errorf("count a stream no more: %w", err)
	}
	return nil
}

var countStreams = redis.NewScript(`
local clock = redis.call("TIME")
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
return redis.call("ZCOUNT", KEYS[1], "(" .. now, "+inf")`)

// Count returns how many streams are open.
func (s *Streams) Count(ctx context.Context, bound rate.Open) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, rateTimeout)
	defer cancel()
	n, err := countStreams.Run(ctx, s.redis, streamKeys([]rate.Open{bound})).Int64()
	if err != nil {
		return 0, fmt.Errorf("count open streams: %w", err)
	}
	return n, nil
}

func streamKeys(bounds []rate.Open) []string {
	keys := make([]string, len(bounds))
	for i, b := range bounds {
		keys[i] = "dreamlab:{streams}:" + b.Name
	}
	return keys
}
