package redis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"dreamlab/store/db"
)

// The keys of the cache. They share a slot of a cluster, since one script writes several.
const (
	cachePrefix = "dreamlab:{cache}:answer:" // an answer, by its key
	cacheLeases = "dreamlab:{cache}:lease:"  // who asks for an answer, by its key
	cacheJobs   = "dreamlab:{cache}:job:"    // the key of the answer that a job gave
	cacheOrder  = "dreamlab:{cache}:order"   // a sorted set of keys by the millisecond of their storage
	cacheSizes  = "dreamlab:{cache}:sizes"   // a hash of bytes by key
	cacheBytes  = "dreamlab:{cache}:bytes"   // their sum
)

const (
	// maxCached bounds one answer, in bytes.
	maxCached = 1 << 20
	// CacheLease is how long a lease holds that is not renewed.
	CacheLease = 10 * time.Second
)

// CacheOptions bound a Cache. Both are required.
type CacheOptions struct {
	TTL      time.Duration // of an answer
	MaxBytes int64         // of all answers: the oldest make room for new ones
}

// Cache keeps answers for all processes, and tells who asks for one that is missing. If
// it is lost, answers are asked for again. It is safe for concurrent use.
type Cache struct {
	redis redis.UniversalClient
	CacheOptions
}

// NewCache returns the cache that a queue's processes share.
func NewCache(client redis.UniversalClient, o CacheOptions) *Cache { return &Cache{client, o} }

// Get returns an answer, or fails with [db.ErrNotFound].
func (c *Cache) Get(ctx context.Context, key string) ([]byte, error) {
	value, err := c.redis.Get(ctx, cachePrefix+key).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, db.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("look up a cached answer: %w", err)
	}
	return value, nil
}

// leadCache returns the answer, and else whether the caller has the lease.
var leadCache = redis.NewScript(`
local value = redis.call("GET", KEYS[1])
if value then
	return {value, 0}
end
if redis.call("SET", KEYS[2], ARGV[1], "NX", "PX", ARGV[2]) then
	return {"", 1}
end
return {"", 0}`)

// Lead returns an answer that is there by now. Where it is not, it tells whether the
// caller is now the one who asks for it; else another is.
func (c *Cache) Lead(ctx context.Context, key, who string) (value []byte, leads bool, err error) {
	got, err := leadCache.Run(ctx, c.redis, []string{cachePrefix + key, cacheLeases + key}, who,
		CacheLease.Milliseconds()).Slice()
	if err != nil {
		return nil, false, fmt.Errorf("take the lease of a cached answer: %w", err)
	}
	if text, _ := got[0].(string); text != "" {
		value = []byte(text)
	}
	return value, got[1] == int64(1), nil
}

var (
	renewLease = redis.NewScript(`
if redis.call("GET", KEYS[1]) == ARGV[1] then
	return redis.call("PEXPIRE", KEYS[1], ARGV[2])
end
return 0`)
	releaseLease = redis.NewScript(`
if redis.call("GET", KEYS[1]) == ARGV[1] then
	return redis.call("DEL", KEYS[1])
end
return 0`)
)

// Claim takes a lease that nobody has, whatever answer is there.
func (c *Cache) Claim(ctx context.Context, key, who string) (held bool, err error) {
	held, err = c.redis.SetNX(ctx, cacheLeases+key, who, CacheLease).Result()
	if err != nil {
		return false, fmt.Errorf("take the lease of a cached answer: %w", err)
	}
	return held, nil
}

// Renew lets the caller's lease hold on. It does nothing to one that has passed to another.
func (c *Cache) Renew(ctx context.Context, key, who string) error {
	err := renewLease.Run(ctx, c.redis, []string{cacheLeases + key}, who, CacheLease.Milliseconds()).Err()
	if err != nil {
		return fmt.Errorf("renew the lease of a cached answer: %w", err)
	}
	return nil
}

// Release gives the caller's lease back.
func (c *Cache) Release(ctx context.Context, key, who string) error {
	if err := releaseLease.Run(ctx, c.redis, []string{cacheLeases + key}, who).Err(); err != nil {
		return fmt.Errorf("release the lease of a cached answer: %w", err)
	}
	return nil
}

// takeOut removes an answer from the account of sizes.
const takeOut = `
local function takeOut(key)
	local size = redis.call("HGET", KEYS[2], key)
	if size then
		redis.call("DECRBY", KEYS[3], size)
		redis.call("HDEL", KEYS[2], key)
	end
	redis.call("ZREM", KEYS[1], key)
end`

// putCache stores an answer. Expired answers leave the account, and at most 1,000 of the
// oldest make room, so that Redis is not held up; without room nothing is stored.
var putCache = redis.NewScript(takeOut + `
local key, value, ttl, most, prefix = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]
local time = redis.call("TIME")
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
takeOut(key)
for _, old in ipairs(redis.call("ZRANGEBYSCORE", KEYS[1], "-inf", now - ttl, "LIMIT", 0, 1000)) do
	takeOut(old)
end
local size = #value + #key
for i = 1, 1000 do
	local oldest = redis.call("ZRANGE", KEYS[1], 0, 0)[1]
	if not oldest or tonumber(redis.call("GET", KEYS[3]) or "0") + size <= most then
		break
	end
	redis.call("DEL", prefix .. oldest)
	takeOut(oldest)
end
if tonumber(redis.call("GET", KEYS[3]) or "0") + size > most then
	redis.call("DEL", KEYS[4])
	return 0
end
redis.call("SET", KEYS[4], value, "PX", ttl)
redis.call("SET", KEYS[5], key, "PX", ttl)
redis.call("ZADD", KEYS[1], now, key)
redis.call("HSET", KEYS[2], key, size)
redis.call("INCRBY", KEYS[3], size)
for i = 1, 3 do
	redis.call("PEXPIRE", KEYS[i], ttl)
end
return 1`)

// Put stores an answer that a job gave. It tells whether there was room: one answer has
// at most 1 MiB.
func (c *Cache) Put(ctx context.Context, key, job string, value []byte) (stored bool, err error) {
	if len(value) > maxCached {
		return false, nil
	}
	keys := []string{cacheOrder, cacheSizes, cacheBytes, cachePrefix + key, cacheJobs + job}
	stored, err = putCache.Run(ctx, c.redis, keys, key, value, c.TTL.Milliseconds(), c.MaxBytes, cachePrefix).Bool()
	if err != nil {
		return false, fmt.Errorf("store an answer in the cache: %w", err)
	}
	return stored, nil
}

var dropCache = redis.NewScript(takeOut + `
for i = 4, #KEYS do
	local key = redis.call("GET", KEYS[i])
	if key then
		redis.call("DEL", KEYS[i], ARGV[1] .. key)
		takeOut(key)
	end
end
return 1`)

// Drop removes the answers that these jobs gave.
func (c *Cache) Drop(ctx context.Context, jobs []string) error {
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	for some := range slices.Chunk(jobs, maxDropped) {
		keys := []string{cacheOrder, cacheSizes, cacheBytes}
		for _, job := range some {
			keys = append(keys, cacheJobs+job)
		}
		if err := dropCache.Run(ctx, c.redis, keys, cachePrefix).Err(); err != nil {
			return fmt.Errorf("drop cached answers: %w", err)
		}
		if err := c.dropQuestions(ctx, some); err != nil {
			return err
		}
	}
	return nil
}
