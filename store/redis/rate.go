package redis

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"dreamlab/store/rate"
)

// rateTimeout bounds one look at rates: a request waits for it.
const rateTimeout = 250 * time.Millisecond

// Rates are shared by all processes on one Redis.
type Rates struct{ redis redis.UniversalClient }

// NewRates returns the rates that are kept on a Redis.
func NewRates(client redis.UniversalClient) *Rates { return &Rates{client} }

// takeRates asks all rates at Redis' own time: where one has too little, nothing is
// taken of any. It answers remaining units, and microseconds to reset and to wait.
var takeRates = redis.NewScript(`
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local out, fulls, wait = {}, {}, false
for i, key in ipairs(KEYS) do
	local each, burst, cost = 60000000 / ARGV[3 * i - 2], tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i])
	local full = math.max(now, tonumber(redis.call('GET', key) or '0'))
	local after = full + cost * each
	local over = after - now - burst * each
	if over > 0.5 then
		wait = true
	else
		over = 0
	end
	fulls[i] = {full, after, each, burst, over}
end
for i, key in ipairs(KEYS) do
	local full, after, each, burst, over = unpack(fulls[i])
	if not wait and after > full then
		redis.call('SET', key, string.format('%.3f', after), 'PX', math.ceil((after - now) / 1000) + 1)
		full = after
	end
	out[#out + 1] = math.floor(math.max(0, burst - (full - now) / each) + 0.000001)
	out[#out + 1] = math.ceil(full - now)
	out[#out + 1] = math.ceil(over)
end
return out`)

// Take asks all rates at once, in their order: where one has too little, nothing is
// taken of any.
func (r *Rates) Take(ctx context.Context, rates []rate.Rate) ([]rate.Granted, error) {
	ctx, cancel := context.WithTimeout(ctx, rateTimeout)
	defer cancel()
	keys, args := make([]string, len(rates)), make([]any, 0, 3*len(rates))
	for i, one := range rates {
		keys[i] = "dreamlab:{rates}:" + one.Name
		args = append(args, one.PerMinute, one.Burst, one.Cost)
	}
	found, err := takeRates.Run(ctx, r.redis, keys, args...).Int64Slice()
	if err != nil {
		return nil, fmt.Errorf("ask the rates: %w", err)
	}
	if len(found) != 3*len(rates) {
		return nil, fmt.Errorf("ask the rates: %d answers for %d", len(found), len(rates))
	}
	granted := make([]rate.Granted, len(rates))
	for i := range rates {
		of := found[3*i:]
		granted[i] = rate.Granted{
			Remaining: of[0], Reset: time.Duration(of[1]) * time.Microsecond, Wait: time.Duration(of[2]) * time.Microsecond,
		}
	}
	return granted, nil
}
