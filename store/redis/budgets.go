package redis

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"dreamlab/store/db"
)

// turnLease is how long a turn that is never ended counts as under way.
const turnLease = 10 * time.Minute

// budgetAge is how long an account is kept that no vendor says anything of.
const budgetAge = 2 * time.Hour

// Budgets count what all processes send to an account, and what its vendor says is left
// of its two limits, by the rules of providers/pace: no more may be sent than was left
// when the vendor counted a call, less what that count may lack.
type Budgets struct {
	redis  redis.UniversalClient
	window time.Duration // of a limit of which the vendor does not say when it is reset
}

// Left is what a vendor says is left of one limit.
type Left struct {
	Unit        int // which of the two
	Limit, Left int64
	Reset       time.Duration // until all of it is there again
	Refills     bool          // little by little
}

// NewBudgets returns the budgets that a queue's processes share.
func NewBudgets(client redis.UniversalClient, window time.Duration) *Budgets {
	return &Budgets{redis: client, window: window}
}

func budgetKeys(account string) []string {
	return []string{"dreamlab:{budgets}:" + account, "dreamlab:{budgets}:turns:" + account}
}

// budgetCommon reads the clock and ends turns whose lease is over. The hash has for each
// unit: sent, done, most, limit, left, heard, reset, refills; and live, when somebody last
// waited for a call.
const budgetCommon = `
local t = redis.call("TIME")
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local function get(unit, field)
	return tonumber(redis.call("HGET", KEYS[1], unit .. field) or "0")
end
local function done(turn)
	local need = {string.match(turn, "^[^:]*:(%d+):(%d+)")}
	if redis.call("EXISTS", KEYS[1]) == 1 then
		redis.call("HINCRBY", KEYS[1], "0done", need[1])
		redis.call("HINCRBY", KEYS[1], "1done", need[2])
	end
	redis.call("ZREM", KEYS[2], turn)
end
for _, turn in ipairs(redis.call("ZRANGEBYSCORE", KEYS[2], "-inf", now, "LIMIT", 0, 100)) do
	done(turn)
end
local function wait_for(unit, need, window)
	local limit, reset = get(unit, "limit"), get(unit, "reset")
	if reset > 0 and now >= reset then
		reset = limit > 0 and now + window or 0
		redis.call("HSET", KEYS[1], unit .. "most", get(unit, "done") + limit, unit .. "left", limit,
			unit .. "heard", now, unit .. "reset", reset, unit .. "refills", 0)
	end
	if reset == 0 then
		return 0
	end
	local heard, used, back = get(unit, "heard"), limit - get(unit, "left"), 0
	local refills = get(unit, "refills") == 1 and used > 0
	if refills then
		back = math.floor(used * (now - heard) / (reset - heard))
	end
	local short = get(unit, "sent") + need - get(unit, "most") - back
	if short <= 0 then
		return 0
	end
	if refills then
		return math.min(reset - now, math.ceil(short * (reset - heard) / used) + 1)
	end
	return reset - now
end
`

// takeBudget counts a call where there is room for it. It returns what was done before
// it, or how long to wait; nothing where nothing is known of the account.
var takeBudget = redis.NewScript(budgetCommon + `
if redis.call("EXISTS", KEYS[1]) == 0 then
	return {}
end
if ARGV[7] == "1" then
	redis.call("HSET", KEYS[1], "live", now)
end
local need, wait, before = {tonumber(ARGV[2]), tonumber(ARGV[3])}, 0, {}
for unit = 0, 1 do
	local limit, of = get(unit, "limit"), unit + 1
	before[of] = get(unit, "done")
	if limit > 0 then
		need[of] = math.min(need[of], limit)
	end
	wait = math.max(wait, wait_for(unit, need[of], tonumber(ARGV[5])))
end
if wait > 0 then
	return {wait}
end
local turn = ARGV[1] .. ":" .. need[1] .. ":" .. need[2]
redis.call("ZADD", KEYS[2], now + ARGV[4], turn)
redis.call("PEXPIRE", KEYS[2], ARGV[6])
redis.call("HINCRBY", KEYS[1], "0sent", need[1])
redis.call("HINCRBY", KEYS[1], "1sent", need[2])
return {0, turn, before[1] + need[1], before[2] + need[2]}`)

// Take counts a call that needs so much of each unit. It returns a turn, by which
// [Budgets.Heard] ends it, or how long to wait for room; neither where nothing is known
// of the account. Live is noted for [Budgets.Room].
func (b *Budgets) Take(ctx context.Context, account string, need [2]int64, live bool) (
	turn string, wait time.Duration, err error,
) {
	noted := 0
	if live {
		noted = 1
	}
	found, err := takeBudget.Run(ctx, b.redis, budgetKeys(account), db.NewID("turn_"), need[0], need[1],
		turnLease.Milliseconds(), b.window.Milliseconds(), budgetAge.Milliseconds(), noted).Slice()
	if err != nil {
		return "", 0, fmt.Errorf("take from the budget of %s: %w", account, err)
	}
	if len(found) == 0 {
		return "", 0, nil
	}
	if ms, _ := found[0].(int64); ms > 0 {
		return "", time.Duration(ms) * time.Millisecond, nil
	}
	return fmt.Sprintf("%v|%v|%v", found[1], found[2], found[3]), 0, nil
}

// roomOfBudget returns how long to wait until a share of each limit is left, 0 where no live
// call was counted of late.
var roomOfBudget = redis.NewScript(budgetCommon + `
local live, wait = tonumber(redis.call("HGET", KEYS[1], "live") or "0"), 0
if now - live >= tonumber(ARGV[2]) then
	return 0
end
for unit = 0, 1 do
	local need = math.floor(get(unit, "limit") * tonumber(ARGV[1]))
	wait = math.max(wait, wait_for(unit, need, tonumber(ARGV[3])))
end
return wait`)

// Room returns how long to wait until such a share of each of an account's limits is left:
// 0 where it is, where nothing is known of them, and where no live call was counted within
// the given time.
func (b *Budgets) Room(ctx context.Context, account string, share float64, within time.Duration) (time.Duration, error) {
	wait, err := roomOfBudget.Run(ctx, b.redis, budgetKeys(account), share, within.Milliseconds(), b.window.Milliseconds()).Int64()
	if err != nil {
		return 0, fmt.Errorf("ask for room in the budget of %s: %w", account, err)
	}
	return time.Duration(wait) * time.Millisecond, nil
}

// hearBudget ends a turn and takes in what the vendor says is left. Of a call that was
// not counted, all that was done since it was sent is taken to be in the vendor's count.
var hearBudget = redis.NewScript(budgetCommon + `
if ARGV[1] ~= "" and redis.call("ZSCORE", KEYS[2], ARGV[1]) then
	done(ARGV[1])
end
for i = 5, #ARGV, 5 do
	local unit, limit, left, reset, refills = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]
	local covered = get(unit, "done")
	if ARGV[1] ~= "" then
		covered = tonumber(ARGV[2 + unit])
	end
	redis.call("HSET", KEYS[1], unit .. "most", left + covered, unit .. "limit", limit, unit .. "left", left,
		unit .. "heard", now, unit .. "reset", now + reset, unit .. "refills", refills)
	redis.call("PEXPIRE", KEYS[1], ARGV[4])
end
return 1`)

// Heard ends a turn, "" for one that was not counted, and takes in what the vendor says
// is left.
func (b *Budgets) Heard(ctx context.Context, account, turn string, left []Left) error {
	name, first, second := splitTurn(turn)
	args := []any{name, first, second, budgetAge.Milliseconds()}
	for _, l := range left {
		refills := 0
		if l.Refills {
			refills = 1
		}
		args = append(args, l.Unit, l.Limit, l.Left, max(1, l.Reset.Milliseconds()), refills)
	}
	if err := hearBudget.Run(ctx, b.redis, budgetKeys(account), args...).Err(); err != nil {
		return fmt.Errorf("note what is left of the budget of %s: %w", account, err)
	}
	return nil
}

func splitTurn(turn string) (name, first, second string) {
	name, covered, _ := strings.Cut(turn, "|")
	first, second, _ = strings.Cut(covered, "|")
	if _, err := strconv.ParseInt(first, 10, 64); err != nil {
		return name, "0", "0"
	}
	return name, first, second
}
