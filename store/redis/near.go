package redis

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// The keys of the questions that an answer is found by whose words are others. They share the slot
// of the answers.
const (
	nearPrefix = "dreamlab:{cache}:near:"       // a hash by context: the question's entry by the key of its answer
	nearOrders = "dreamlab:{cache}:near-order:" // a sorted set by tenant: context and key by the millisecond of their storage
	nearJobs   = "dreamlab:{cache}:near-job:"   // the context and key of the question that a job answered
)

// maxNear bounds the questions of a tenant, the oldest making room for new ones. With vectors of 1,536
// numbers a lookup reads 1.5 MB at most.
const maxNear = 1000

// Near returns the entries of a context's questions, by the keys of their answers.
func (c *Cache) Near(ctx context.Context, within string) (map[string]string, error) {
	entries, err := c.redis.HGetAll(ctx, nearPrefix+within).Result()
	if err != nil {
		return nil, fmt.Errorf("look up questions of a context: %w", err)
	}
	return entries, nil
}

const takeNear = `
local function takeNear(member)
	local within, key = string.match(member, "^(%S+) (%S+)$")
	if key then
		redis.call("HDEL", ARGV[1] .. within, key)
		redis.call("ZREM", ARGV[2] .. string.match(within, "^[^:]*"), member)
	end
end`

// putNear keeps a question. What has expired leaves, at most 100 at once.
var putNear = redis.NewScript(takeNear + `
local within, key, entry, ttl, most = ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7])
local time = redis.call("TIME")
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local member = within .. " " .. key
redis.call("ZREM", KEYS[2], member)
for _, old in ipairs(redis.call("ZRANGEBYSCORE", KEYS[2], "-inf", now - ttl, "LIMIT", 0, 100)) do
	takeNear(old)
end
for i = 1, 100 do
	if redis.call("ZCARD", KEYS[2]) < most then
		break
	end
	takeNear(redis.call("ZRANGE", KEYS[2], 0, 0)[1])
end
redis.call("HSET", KEYS[1], key, entry)
redis.call("ZADD", KEYS[2], now, member)
redis.call("SET", KEYS[3], member, "PX", ttl)
redis.call("PEXPIRE", KEYS[1], ttl)
redis.call("PEXPIRE", KEYS[2], ttl)
return 1`)

// PutNear keeps the entry of a question in its context, whose answer a job gave and is kept under a
// key. A context begins with its tenant and a colon.
func (c *Cache) PutNear(ctx context.Context, within, key, job string, entry []byte) error {
	tenant, _, _ := strings.Cut(within, ":")
	keys := []string{nearPrefix + within, nearOrders + tenant, nearJobs + job}
	err := putNear.Run(ctx, c.redis, keys, nearPrefix, nearOrders, within, key, entry, c.TTL.Milliseconds(), maxNear).Err()
	if err != nil {
		return fmt.Errorf("keep a question for others like it: %w", err)
	}
	return nil
}

var dropNear = redis.NewScript(takeNear + `
for i = 1, #KEYS do
	local member = redis.call("GET", KEYS[i])
	if member then
		redis.call("DEL", KEYS[i])
		takeNear(member)
	end
end
return 1`)

// dropQuestions removes the questions that these jobs answered.
func (c *Cache) dropQuestions(ctx context.Context, jobs []string) error {
	keys := make([]string, len(jobs))
	for i, job := range jobs {
		keys[i] = nearJobs + job
	}
	if err := dropNear.Run(ctx, c.redis, keys, nearPrefix, nearOrders).Err(); err != nil {
		return fmt.Errorf("drop questions of cached answers: %w", err)
	}
	return nil
}
