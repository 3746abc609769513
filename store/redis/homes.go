package redis

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// Homes share between processes where something is at home, such as a conversation at
// one of several models. It is advice: if it is lost, another home is found.
type Homes struct {
	redis redis.UniversalClient
	age   time.Duration
}

// NewHomes returns the homes that a queue's processes share. One that is not asked for
// within age is forgotten.
func NewHomes(client redis.UniversalClient, age time.Duration) *Homes {
	return &Homes{redis: client, age: age}
}

// homeKey does not show who it is that is at home: clients name their conversations.
func homeKey(who string) string {
	sum := sha256.Sum256([]byte(who))
	return "dreamlab:{homes}:" + hex.EncodeToString(sum[:16])
}

// findHome returns the home that is known, if it is among the names, and else sets one.
var findHome = redis.NewScript(`
local home = redis.call("GET", KEYS[1])
for i = 3, #ARGV do
	if ARGV[i] == home then
		redis.call("PEXPIRE", KEYS[1], ARGV[1])
		return home
	end
end
redis.call("SET", KEYS[1], ARGV[2], "PX", ARGV[1])
return ARGV[2]`)

// Home returns where who is at home, if that is among the names, and else makes first
// the home and returns that.
func (h *Homes) Home(ctx context.Context, who string, names []string, first string) (string, error) {
	args := []any{h.age.Milliseconds(), first}
	for _, name := range names {
		args = append(args, name)
	}
	home, err := findHome.Run(ctx, h.redis, []string{homeKey(who)}, args...).Text()
	if err != nil {
		return "", fmt.Errorf("find a home: %w", err)
	}
	return home, nil
}
