package nights

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/rs/zerolog"

	"dreamlab/cmd/internal/boot"
	"dreamlab/cmd/internal/client"
	"dreamlab/cmd/internal/config"
	"dreamlab/store"
)

// place is a Dream Lab of a run's own.
type place struct {
	stack  *boot.Stack
	client *client.Client
	tenant string
}

// setup says how it is opened.
type setup struct {
	log    io.Writer
	now    func() time.Time     // Defaults to time.Now.
	change func(*config.Config) // Defaults to nothing.
}

// within does work on a Dream Lab of its own, which is gone afterwards.
func within(ctx context.Context, s setup, work func(context.Context, place) error) (err error) {
	dir, err := os.MkdirTemp("", "dreamlab-nights-")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	stack, err := open(ctx, dir, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stack.Close()) }()
	mine := store.Key{Name: "nights", Scopes: []string{store.ScopeUse}}
	made, key, err := boot.NewKey(ctx, stack.Store, boot.FirstTenant, mine)
	if err != nil {
		return err
	}
	front, processes, err := stack.Whole(ctx)
	if err != nil {
		return err
	}
	c := client.New(front.URL, key)
	defer c.Close()
	run := func(ctx context.Context) error { return work(ctx, place{stack, c, made.Tenant}) }
	return boot.Until(ctx, stack.Log, boot.Process{Name: "nights", Run: run}, processes...)
}

// speed lets a day of the vendors pass in a second: a tune waits for training and serving.
const speed = 24 * 3600

// maxPapers lets an exam ask all that is held out: the more, the smaller a difference it can tell.
const maxPapers = 1000

// open opens Dream Lab with settings that have it start tunes when told to, by its own rules.
func open(ctx context.Context, dir string, s setup) (*boot.Stack, error) {
	c := config.Default()
	c.Data, c.Addr, c.Schedules = dir, "127.0.0.1:0", nil
	c.Tune.Clock = false // its pauses are those of real days
	c.Tune.Papers = maxPapers
	if s.change != nil {
		s.change(c)
	}
	return boot.Open(ctx, c, boot.StackOptions{
		Log:     zerolog.New(zerolog.SyncWriter(s.log)).Level(zerolog.ErrorLevel),
		Migrate: true, Speed: speed, Now: s.now,
	})
}
