package boot

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"dreamlab/cmd/internal/config"
	"dreamlab/providers/catalog"
	"dreamlab/store"
	"dreamlab/store/blob"
	"dreamlab/store/blob/gcs"
	"dreamlab/store/db"
	"dreamlab/store/postgres"
	"dreamlab/store/sqlite"
)

// Embedded lists what the configuration leaves to embedded parts, each with the
// setting that names the real one.
func Embedded(c *config.Config) []string {
	var parts []string
	if c.Database == "" {
		parts = append(parts, "the database: set DATABASE_URL=postgres://…")
	}
	if c.Redis == "" {
		parts = append(parts, "the queue: set REDIS_URL=redis://…")
	}
	if c.Bucket == "" {
		parts = append(parts, "the objects: set BUCKET_URL=gs://… (or file:///… on a shared disk)")
	}
	if c.Sandbox() {
		parts = append(parts,
			"the vendors: set "+keyNames()+", or name servers in "+config.DefaultFile)
	}
	return parts
}

// RefuseEmbedded fails where a process that is one of several would be left
// with a part that the others can not see.
func RefuseEmbedded(c *config.Config) error {
	parts := Embedded(c)
	if len(parts) == 0 {
		return nil
	}
	return fmt.Errorf("start: this process is one of several, which all need to reach\n  %s\n"+
		"or run `dreamlab up`, which has all in one process", strings.Join(parts, "\n  "))
}

// databaseFile is the embedded database, in the data directory.
const databaseFile = "dreamlab.db"

// FindStore opens the database where there is one: the configured one, or the
// file that `up` has made, and says which. It makes none, and returns no store
// where there is none.
func FindStore(ctx context.Context, c *config.Config) (s *store.Store, where string, err error) {
	where = "DATABASE_URL"
	if c.Database == "" {
		where = filepath.Join(c.Data, databaseFile)
		if _, err := os.Stat(where); errors.Is(err, os.ErrNotExist) {
			return nil, "", nil
		}
	}
	if s, err = OpenStore(ctx, c); err != nil {
		return nil, "", err
	}
	if err := Migrated(ctx, s); err != nil {
		return nil, "", errors.Join(err, s.Close())
	}
	return s, where, nil
}

// OpenStore opens the database without touching its schema.
func OpenStore(ctx context.Context, c *config.Config) (*store.Store, error) {
	vault, err := vaultOf(c.Encryption)
	if err != nil {
		return nil, err
	}
	if c.Database != "" {
		driver, err := postgres.Open(ctx, c.Database)
		if err != nil {
			return nil, fmt.Errorf("open the database (DATABASE_URL): %w", err)
		}
		return store.OpenSealed(driver, vault), nil
	}
	if err := ownData(c.Data); err != nil {
		return nil, err
	}
	path := filepath.Join(c.Data, databaseFile)
	if err := makeDatabase(path); err != nil {
		return nil, err
	}
	driver, err := sqlite.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	return store.OpenSealed(driver, vault), nil
}

// vaultOf returns what seals by the configured keys; nil without one.
func vaultOf(e config.Encryption) (*db.Vault, error) {
	keys := make([]db.SealKey, len(e.Keys))
	for i, key := range e.Keys {
		keys[i] = db.SealKey{ID: key.ID, Secret: key.Secret}
	}
	vault, err := db.NewVault(keys)
	if err != nil {
		return nil, fmt.Errorf("encryption.keys: %w", err)
	}
	return vault, nil
}

// Migrated fails unless the schema is the one that this program works with.
func Migrated(ctx context.Context, s *store.Store) error {
	have, newest, err := s.Driver().Version(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("read the schema's version: %w", err)
	case have < newest:
		return fmt.Errorf("the schema is at version %d of %d: run `dreamlab migrate`", have, newest)
	case have > newest:
		return fmt.Errorf("the schema is at version %d, this program knows %d: start a newer one", have, newest)
	}
	return nil
}

// Bucket is an open bucket.
type Bucket interface {
	blob.Bucket
	Close() error
}

// OpenBucket opens what BUCKET_URL names, or a directory in the data directory.
func OpenBucket(ctx context.Context, c *config.Config) (Bucket, error) {
	location, err := url.Parse(c.Bucket)
	if err != nil {
		return nil, errors.New("open the bucket: BUCKET_URL is no URL")
	}
	switch location.Scheme {
	case "gs":
		bucket, err := gcs.Open(ctx, c.Bucket)
		if err != nil {
			return nil, fmt.Errorf("open the bucket (BUCKET_URL): %w", err)
		}
		return bucket, nil
	case "file":
		return openDirectory(c.Bucket)
	}
	return openDirectory(filepath.Join(c.Data, "objects"))
}

func openDirectory(location string) (Bucket, error) {
	bucket, err := blob.Directory(location)
	if err != nil {
		return nil, fmt.Errorf("open the bucket (BUCKET_URL): %w", err)
	}
	return bucket, nil
}

// OpenCatalog reads what is known of models and prices.
func OpenCatalog(c *config.Config) (*catalog.Catalog, error) {
	known, err := catalog.Open(c.Catalog...)
	if err != nil {
		return nil, err
	}
	addServers(known, c.Servers)
	return known, nil
}

// NewestSchema is the newest version of the database's schema that this program
// knows.
func NewestSchema() (int, error) {
	all, err := db.Migrations(db.SQLite)
	if err != nil {
		return 0, err
	}
	return all[len(all)-1].Version, nil
}
