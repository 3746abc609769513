package boot

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dreamlab/cmd/internal/config"
	"dreamlab/store"
	"dreamlab/store/postgres"
)

func examineStore(ctx context.Context, c *config.Config) (detail string, err error) {
	if c.Database == "" {
		path := filepath.Join(c.Data, databaseFile)
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			return "embedded SQLite, made by `dreamlab up` in " + c.Data, nil
		}
	}
	s, err := OpenStore(ctx, c)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	room, err := examineRoom(ctx, s)
	if err == nil {
		err = Migrated(ctx, s)
	}
	if err == nil {
		err = s.Writable(ctx)
	}
	if err != nil {
		return "", err
	}
	return string(s.Dialect()) + ", its schema is up to date, and it takes writes" + room, nil
}

// productionProcesses are those of the smallest installation: one of each.
const productionProcesses = 3

// examineRoom compares what the processes may open with what the server gives.
func examineRoom(ctx context.Context, s *store.Store) (string, error) {
	driver, is := s.Driver().(*postgres.Driver)
	if !is {
		return "", nil
	}
	server, err := driver.Server(ctx)
	if err != nil {
		return "", err
	}
	room := server.Most - server.Reserved
	text := fmt.Sprintf("\neach process opens up to %d connections; max_connections is %d, of which %d are reserved",
		server.Pool, server.Most, server.Reserved)
	if server.Pooled {
		return text + "\na pooler stands before the server: statements go without names, settings with each transaction", nil
	}
	if room/server.Pool < productionProcesses {
		text += fmt.Sprintf(adviceMark+"%d processes would wait for each other's connections: raise max_connections to %d, or "+
			"add pool_max_conns=%d to DATABASE_URL", productionProcesses, productionProcesses*server.Pool+server.Reserved,
			max(2, room/productionProcesses))
	}
	return text, nil
}

// examineSealing counts the texts that each key sealed. One whose key is not configured can not be
// read.
func examineSealing(ctx context.Context, c *config.Config) (detail string, err error) {
	s, _, err := FindStore(ctx, c)
	if err != nil || s == nil { // the database's own examination tells what is wrong with it
		return sealingOf(c.Encryption) + "; without a database nothing is counted", nil
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	counts, err := s.SealCounts(ctx)
	if err != nil {
		return "", err
	}
	return sealedBy(s, sealingOf(c.Encryption), counts)
}

func sealingOf(e config.Encryption) string {
	if len(e.Keys) == 0 {
		return "off: what was said is stored as it is"
	}
	return "what was said is sealed with the key " + e.Keys[0].ID
}

// sealedBy tells the counts of each key, and what is to be done about those that are left.
func sealedBy(s *store.Store, detail string, counts map[string]int64) (string, error) {
	opens, seals := s.SealingKeys()
	var missing []string
	left := int64(0)
	for _, id := range slices.Sorted(maps.Keys(counts)) {
		n := counts[id]
		switch {
		case id == "":
			detail += fmt.Sprintf("\n%d texts are plain", n)
		case !opens[id]:
			missing = append(missing, fmt.Sprintf("%s (%d texts)", id, n))
		default:
			detail += fmt.Sprintf("\n%d texts are sealed with %s", n, id)
		}
		if id != seals {
			left += n
		}
	}
	if len(missing) > 0 {
		return "", fmt.Errorf("no key is configured that opens what was sealed with %s", strings.Join(missing, ", "))
	}
	if seals != "" && left > 0 {
		detail += adviceMark + fmt.Sprintf("seal the other %d texts with %s by `dreamlab migrate --reseal`", left, seals)
	}
	return detail, nil
}
