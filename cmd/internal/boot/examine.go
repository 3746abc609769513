package boot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"dreamlab/cmd/internal/api/token"
	"dreamlab/cmd/internal/config"
	"dreamlab/cmd/internal/status"
	"dreamlab/providers"
	"dreamlab/store/db"
	"dreamlab/store/redis"
)

// examinePatience bounds each examination.
const examinePatience = 15 * time.Second

// examination looks at one dependency. Its error says what is wrong; mend says
// what to do about it.
type examination struct {
	name, mend string
	look       func(context.Context) (detail string, err error)
}

// adviceMark stands in the detail of a dependency that is well before what may be
// done for it all the same.
const adviceMark = "\n→"

// Diagnose lists the settings and tests everything that they name.
func Diagnose(ctx context.Context, c *config.Config) (*status.Examination, error) {
	values, err := c.Values()
	if err != nil {
		return nil, err
	}
	return &status.Examination{Settings: values, Findings: Examine(ctx, c)}, nil
}

// Examine tests everything that the configuration names, all at once. It
// changes nothing but a probe in the bucket, which it removes again.
func Examine(ctx context.Context, c *config.Config) []status.Finding {
	all := examinations(c)
	findings := make([]status.Finding, len(all))
	var wait sync.WaitGroup
	for i, e := range all {
		wait.Go(func() { findings[i] = e.run(ctx) })
	}
	wait.Wait()
	return findings
}

func (e examination) run(ctx context.Context) status.Finding {
	ctx, cancel := context.WithTimeout(ctx, examinePatience)
	defer cancel()
	detail, err := e.look(ctx)
	if err != nil {
		return status.Finding{Name: e.name, Detail: err.Error(), Mend: e.mend}
	}
	detail, advice, _ := strings.Cut(detail, adviceMark)
	return status.Finding{Name: e.name, OK: true, Detail: detail, Mend: advice}
}

func examinations(c *config.Config) []examination {
	all := []examination{
		{"database", "start the server, or mend DATABASE_URL; `dreamlab migrate` mends an old schema",
			func(ctx context.Context) (string, error) { return examineStore(ctx, c) }},
		{"encryption", "add the missing keys to `encryption.keys` in " + config.DefaultFile + ", or restore the database",
			func(ctx context.Context) (string, error) { return examineSealing(ctx, c) }},
		{"queue", "start the server, or mend REDIS_URL; it has to be Redis 6.2 or later, with noeviction",
			func(ctx context.Context) (string, error) { return examineQueue(ctx, c) }},
		{"objects", "make the bucket, mend BUCKET_URL, or let GOOGLE_APPLICATION_CREDENTIALS create and delete",
			func(ctx context.Context) (string, error) { return examineBucket(ctx, c) }},
		{"prices", "add the price to a file that `catalog` names in " + config.DefaultFile,
			func(context.Context) (string, error) { return examinePrices(c) }},
		{"models", "name a model that is served in the team and the routes of " + config.DefaultFile,
			func(ctx context.Context) (string, error) { return examineLives(ctx, c, time.Now()) }},
	}
	all = append(all, examination{"settings", "", func(context.Context) (string, error) { return examineSettings(c), nil }})
	return append(append(all, examineIssuers(c)...), examineVendors(c)...)
}

// examineIssuers asks each issuer of tokens for its signing keys.
func examineIssuers(c *config.Config) (all []examination) {
	for _, o := range c.OIDC {
		all = append(all, examination{"issuer " + o.Issuer, "mend its URL under `oidc` in " + config.DefaultFile + ", or the way to it",
			func(ctx context.Context) (string, error) {
				n, err := token.NewVerifier(sourceOf(o)).Reach(ctx)
				return fmt.Sprintf("it publishes %d signing keys", n), err
			}})
	}
	return all
}

// examineSettings warns of what works but is weak.
func examineSettings(c *config.Config) string {
	weak := c.Weak()
	if len(weak) == 0 {
		return "none of them is known to be weak"
	}
	return fmt.Sprintf("%d of them are weak", len(weak)) + adviceMark + strings.Join(weak, "; ")
}

func examineQueue(ctx context.Context, c *config.Config) (detail string, err error) {
	if c.Redis == "" {
		return "embedded, in the process", nil
	}
	queue, err := redis.Open(c.Redis)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, queue.Close()) }()
	text, err := queue.Client.Info(ctx, "server", "memory").Result()
	if err != nil {
		return "", fmt.Errorf("ask Redis: %w", err)
	}
	info := parseInfo(text)
	version, policy := info["redis_version"], info["maxmemory_policy"]
	if !atLeast(version, 6, 2) {
		return "", fmt.Errorf("it is Redis %s", version)
	}
	if policy != "" && policy != "noeviction" {
		return "", fmt.Errorf("its maxmemory-policy is %s, which drops wake-ups in silence", policy)
	}
	return "Redis " + version, nil
}

// parseInfo reads the answer of INFO (https://redis.io/commands/info).
func parseInfo(text string) map[string]string {
	info := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, found := strings.Cut(strings.TrimSpace(line), ":"); found {
			info[name] = value
		}
	}
	return info
}

// atLeast compares the first two numbers of a version.
func atLeast(version string, major, minor int) bool {
	numbers := append(strings.Split(version, "."), "0", "0")
	first, errFirst := strconv.Atoi(numbers[0])
	second, errSecond := strconv.Atoi(numbers[1])
	return errFirst == nil && errSecond == nil && (first > major || first == major && second >= minor)
}

func examineBucket(ctx context.Context, c *config.Config) (detail string, err error) {
	if c.Bucket == "" {
		return "embedded, a directory in " + c.Data, nil
	}
	bucket, err := OpenBucket(ctx, c)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, bucket.Close()) }()
	name := "doctor/" + db.NewID("probe_")
	if err := bucket.Create(ctx, name, strings.NewReader("probe")); err != nil {
		return "", err
	}
	object, err := bucket.Open(ctx, name)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(object)
	if err := errors.Join(err, object.Close(), bucket.Delete(ctx, name)); err != nil {
		return "", err
	}
	if string(text) != "probe" {
		return "", errors.New("what was written is not what was read")
	}
	return "an object was written, read and removed", nil
}

func examineVendors(c *config.Config) []examination {
	if c.Sandbox() {
		return []examination{{
			name: "vendors", mend: "set " + keyNames() + ", or name servers in " + config.DefaultFile,
			look: func(context.Context) (string, error) { return examineSandbox(c) },
		}}
	}
	vendors, err := openDrivers(c, "", nil)
	all := []examination{}
	if err != nil {
		all = append(all, examination{"vendors", "mend the variable that is named",
			func(context.Context) (string, error) { return "", err }})
	}
	drivers := maps.Clone(vendors.drivers)
	for vendor, accounts := range vendors.accounts {
		for _, account := range accounts {
			drivers[accountName(vendor, account.Name)] = account.Driver
		}
	}
	for _, name := range slices.Sorted(maps.Keys(drivers)) {
		all = append(all, examination{name, "check the key and the address of " + name,
			func(ctx context.Context) (string, error) { return examineDriver(ctx, drivers[name]) }})
	}
	return all
}

// examineSandbox tells a machine to try things on from production without keys.
func examineSandbox(c *config.Config) (string, error) {
	const none = "none is configured: all of them are the sandbox, whose answers are not real"
	switch {
	case c.Database != "" && c.Redis != "" && c.Bucket != "":
		return "", errors.New("none is configured, and api, worker and scheduler refuse to start without")
	case c.Database != "" || c.Redis != "" || c.Bucket != "":
		return none + adviceMark + "api, worker and scheduler need vendors, too: set " + keyNames(), nil
	}
	return none, nil
}

func examineDriver(ctx context.Context, driver providers.Driver) (string, error) {
	models, err := driver.Models(ctx)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("it answers and serves %d models", len(models)), nil
}
