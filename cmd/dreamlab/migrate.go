package main

import (
	"context"
	"errors"
	"fmt"

	"dreamlab/cmd/internal/boot"
	"dreamlab/store"
)

// migrateVerb changes the schema's version.
type migrateVerb struct {
	settings
	confirming
	To int `default:"-1" placeholder:"VERSION" help:"the VERSION to go to, forwards or back; -1 is the newest"`
	// Reseal follows a change of encryption.keys.
	Reseal bool `help:"seal all that was said with the first of encryption.keys; the API and workers may run meanwhile"`
}

// Run opens the database and migrates it.
func (v *migrateVerb) Run(ctx context.Context, sh shell) (err error) {
	c, err := v.load(sh)
	if err != nil {
		return err
	}
	s, err := boot.OpenStore(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := v.confirmDown(ctx, sh, s); err != nil {
		return err
	}
	if err := s.Driver().Migrate(ctx, v.To); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	have, newest, err := s.Driver().Version(ctx)
	if err != nil {
		return fmt.Errorf("read the schema's version: %w", err)
	}
	fmt.Fprintf(sh.out, "schema at version %d of %d\n", have, newest)
	if !v.Reseal {
		return nil
	}
	sealed, err := s.Reseal(ctx)
	fmt.Fprintf(sh.out, "sealed %d texts\n", sealed)
	return err
}

// confirmDown asks before a step back, which deletes what the later schema holds.
func (v *migrateVerb) confirmDown(ctx context.Context, sh shell, s *store.Store) error {
	have, _, err := s.Driver().Version(ctx)
	if err != nil {
		return fmt.Errorf("read the schema's version: %w", err)
	}
	if v.To < 0 || v.To >= have {
		return nil
	}
	return v.confirm(sh, fmt.Sprintf("go back from version %d to %d, which deletes data", have, v.To))
}
