package main

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"dreamlab/cmd/internal/boot"
	"dreamlab/cmd/internal/config"
)

func migrateVerb() verb {
	return verb{
		name: "migrate", help: "bring the database's schema to the version of this program",
		make: func(flags *flag.FlagSet) action {
			var s settings
			s.declare(flags)
			version := flags.Int("to", -1, "the `VERSION` to go to, forwards or back; -1 is the newest")
			return func(ctx context.Context, sh shell, args []string) error {
				if err := nothing(args); err != nil {
					return err
				}
				c, err := s.load(sh)
				if err != nil {
					return err
				}
				return migrate(ctx, sh, c, *version)
			}
		},
	}
}

func migrate(ctx context.Context, sh shell, c *config.Config, version int) (err error) {
	s, err := boot.OpenStore(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.Driver().Migrate(ctx, version); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	have, newest, err := s.Driver().Version(ctx)
	if err != nil {
		return fmt.Errorf("read the schema's version: %w", err)
	}
	fmt.Fprintf(sh.out, "schema at version %d of %d\n", have, newest)
	return nil
}
