package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"dreamlab/cmd/internal/boot"
	"dreamlab/cmd/internal/config"
)

// upVerb runs everything in one process.
type upVerb struct {
	settings
	address
}

// Run locks the data directory, opens everything and runs it.
func (v *upVerb) Run(ctx context.Context, sh shell) (err error) {
	c, err := v.loadAt(sh, v.address)
	if err != nil {
		return err
	}
	lock, err := boot.LockData(c.Data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	stack, err := boot.Open(ctx, c, boot.StackOptions{Log: newLog(sh.log, c.Log), Migrate: true, Verbs: sh.root})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stack.Close()) }()
	key, fresh, err := boot.AdminKey(ctx, stack.Store, c.Data)
	if err != nil {
		return err
	}
	front, processes, err := stack.Whole(ctx)
	if err != nil {
		return err
	}
	forget, err := boot.KeepAddress(c.Data, front.URL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, forget()) }()
	greet(sh, c, front.URL, key, fresh)
	link, err := boot.SignInLink(ctx, stack.Store, front.URL+c.Prefix, key)
	if err != nil {
		return err
	}
	fmt.Fprintf(sh.out, "its pages: %s (this link signs in once, within an hour)\n", link)
	return stack.Run(ctx, processes...)
}

func greet(sh shell, c *config.Config, url, key string, fresh bool) {
	fmt.Fprintf(sh.out, "Dream Lab answers at %s/v1\n", url)
	kept := filepath.Join(c.Data, config.KeyFile)
	if fresh {
		fmt.Fprintf(sh.out, "first key: %s (kept in %s)\n", key, kept)
	} else {
		fmt.Fprintf(sh.out, "the key is in %s\n", kept)
	}
	if c.Sandbox() {
		fmt.Fprintln(sh.out, "no vendor has a key: all models are the sandbox, whose answers are not real")
	}
}
