package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"text/tabwriter"
	"time"

	"dreamlab/cmd/internal/boot"
	"dreamlab/store"
)

// keyOptions are the flags of `key`.
type keyOptions struct {
	settings
	tenant, name, scope string
	expires             time.Duration
	json                bool
}

func keyVerb() verb {
	return verb{
		name: "key", args: "create | list | revoke ID",
		help: "make, list or end API keys, in the database itself",
		make: func(flags *flag.FlagSet) action {
			var o keyOptions
			o.declare(flags)
			flags.StringVar(&o.tenant, "tenant", boot.FirstTenant, "the `NAME` of the tenant, made if missing")
			flags.StringVar(&o.name, "name", "", "what the key is for, a `TEXT`")
			flags.StringVar(&o.scope, "scope", store.ScopeUse, "the key's `SCOPE`: use or admin")
			flags.DurationVar(&o.expires, "expires", 0, "how long it holds, a `DURATION`; for ever without it")
			flags.BoolVar(&o.json, "json", false, "print one JSON object")
			return o.run
		},
	}
}

func (o *keyOptions) run(ctx context.Context, sh shell, args []string) (err error) {
	work, err := o.choose(args)
	if err != nil {
		return err
	}
	c, err := o.load(sh)
	if err != nil {
		return err
	}
	s, err := boot.OpenStore(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := boot.Migrated(ctx, s); err != nil {
		return err
	}
	return work(ctx, sh, s)
}

// choose finds what is to be done before anything is opened.
func (o *keyOptions) choose(args []string) (func(context.Context, shell, *store.Store) error, error) {
	switch {
	case len(args) == 1 && args[0] == "create":
		if o.scope != store.ScopeUse && o.scope != store.ScopeAdmin {
			return nil, misuse("--scope is use or admin, not %q", o.scope)
		}
		if o.expires < 0 || o.tenant == "" {
			return nil, misuse("--expires can not be negative, nor --tenant empty")
		}
		return o.create, nil
	case len(args) == 1 && args[0] == "list":
		return o.list, nil
	case len(args) == 2 && args[0] == "revoke":
		return func(ctx context.Context, sh shell, s *store.Store) error {
			return revoke(ctx, sh, s, args[1])
		}, nil
	}
	return nil, misuse("say create, list or revoke ID")
}

func (o *keyOptions) create(ctx context.Context, sh shell, s *store.Store) error {
	fresh := store.Key{Name: o.name, Scopes: []string{o.scope}}
	if o.expires > 0 {
		fresh.Expires = time.Now().Add(o.expires).UTC()
	}
	key, secret, err := boot.NewKey(ctx, s, o.tenant, fresh)
	if err != nil {
		return err
	}
	if o.json {
		return json.NewEncoder(sh.out).Encode(struct {
			ID     string `json:"id"`
			Key    string `json:"key"`
			Tenant string `json:"tenant"`
		}{key.ID, secret, o.tenant})
	}
	fmt.Fprintf(sh.out, "%s\n", secret)
	fmt.Fprintf(sh.errs, "key %s of tenant %s; it is not shown again\n", key.ID, o.tenant)
	return nil
}

func (o *keyOptions) list(ctx context.Context, sh shell, s *store.Store) error {
	table := tabwriter.NewWriter(sh.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tTENANT\tNAME\tSCOPES\tCREATED\tEXPIRES\tREVOKED")
	for page := (store.Page{Limit: 100}); ; {
		keys, more, err := s.Keys(ctx, "", page)
		if err != nil {
			return fmt.Errorf("list keys: %w", err)
		}
		for _, k := range keys {
			fmt.Fprintf(table, "%s\t%s\t%s\t%v\t%s\t%s\t%s\n",
				k.ID, k.Tenant, k.Name, k.Scopes, day(k.Created), day(k.Expires), day(k.Revoked))
		}
		if !more {
			return table.Flush()
		}
		page.After = keys[len(keys)-1].ID
	}
}

func day(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02T15:04Z")
}

func revoke(ctx context.Context, sh shell, s *store.Store, id string) error {
	err := s.RevokeKey(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("revoke: there is no key %s that holds: `dreamlab key list` shows them", id)
	}
	if err != nil {
		return fmt.Errorf("revoke: %w", err)
	}
	fmt.Fprintf(sh.out, "%s is revoked\n", id)
	return nil
}
