package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// goneKey is a sorted set of models, by the millisecond in which they were reported.
const goneKey = "dreamlab:{models}:gone"

// Bounds of what is kept: a report holds for a day, after which the vendor is asked
// again, since it may have been mistaken.
const (
	goneFor = 24 * time.Hour
	maxGone = 1000
)

// Gone shares between processes of which models their vendors say that they have them no
// more. It is advice: if it is lost, a vendor is asked once more.
type Gone struct{ redis redis.UniversalClient }

// NewGone returns what a queue's processes share.
func NewGone(client redis.UniversalClient) *Gone { return &Gone{redis: client} }

// Report notes a model. The first report of a day counts.
func (g *Gone) Report(ctx context.Context, model string, at time.Time) error {
	pipe := g.redis.TxPipeline()
	pipe.ZRemRangeByScore(ctx, goneKey, "-inf", dayBefore(at))
	pipe.ZAddNX(ctx, goneKey, redis.Z{Score: float64(at.UnixMilli()), Member: model})
	pipe.ZRemRangeByRank(ctx, goneKey, 0, -maxGone-1)
	pipe.Expire(ctx, goneKey, goneFor)
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("report that %s is gone: %w", model, err)
	}
	return nil
}

// Models returns the models that were reported in the day before a time, and when.
func (g *Gone) Models(ctx context.Context, at time.Time) (map[string]time.Time, error) {
	found, err := g.redis.ZRangeByScoreWithScores(ctx, goneKey, &redis.ZRangeBy{Min: dayBefore(at), Max: "+inf"}).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("read which models are gone: %w", err)
	}
	gone := make(map[string]time.Time, len(found))
	for _, z := range found {
		if name, ok := z.Member.(string); ok {
			gone[name] = time.UnixMilli(int64(z.Score)).UTC()
		}
	}
	return gone, nil
}

func dayBefore(at time.Time) string { return strconv.FormatInt(at.Add(-goneFor).UnixMilli(), 10) }
