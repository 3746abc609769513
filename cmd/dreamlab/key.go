package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"dreamlab/cmd/internal/boot"
	"dreamlab/store"
	"dreamlab/store/db"
)

// keyOptions are the flags of `key`.
type keyOptions struct {
	settings
	tenant, name, scope string
	expires, grace      time.Duration
	json                bool
}

func keyVerb() verb {
	return verb{
		name: "key", args: "create | list | rotate ID | revoke ID",
		help: "make, list or end API keys, in the database itself",
		make: func(flags *flag.FlagSet) action {
			var o keyOptions
			o.declare(flags)
			flags.StringVar(&o.tenant, "tenant", "", "create: the `NAME` of the tenant, "+boot.FirstTenant+" without it; list: of it alone")
			flags.StringVar(&o.name, "name", "", "what the key is for, a `TEXT`")
			flags.StringVar(&o.scope, "scope", store.ScopeUse, "the key's `SCOPE`: view, use, review or admin, with commas between")
			flags.DurationVar(&o.grace, "grace", time.Hour, "rotate: how long the secret before is taken, a `DURATION`")
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

// choose determines what to do before anything is opened.
func (o *keyOptions) choose(args []string) (func(context.Context, shell, *store.Store) error, error) {
	switch {
	case len(args) == 1 && args[0] == "create":
		for scope := range strings.SplitSeq(o.scope, ",") {
			if !slices.Contains(store.Scopes(), scope) {
				return nil, misuse("--scope is view, use, review or admin, not %q", scope)
			}
		}
		if o.expires < 0 {
			return nil, misuse("--expires can not be negative")
		}
		return o.create, nil
	case len(args) == 1 && args[0] == "list":
		return o.list, nil
	case len(args) == 2 && args[0] == "rotate":
		if o.grace < 0 {
			return nil, misuse("--grace can not be negative")
		}
		return func(ctx context.Context, sh shell, s *store.Store) error { return o.rotate(ctx, sh, s, args[1]) }, nil
	case len(args) == 2 && args[0] == "revoke":
		return func(ctx context.Context, sh shell, s *store.Store) error {
			return revoke(ctx, sh, s, args[1])
		}, nil
	}
	return nil, misuse("say create, list, rotate ID or revoke ID")
}

func (o *keyOptions) create(ctx context.Context, sh shell, s *store.Store) error {
	fresh := store.Key{Name: o.name, Scopes: strings.Split(o.scope, ",")}
	if o.expires > 0 {
		fresh.Expires = time.Now().Add(o.expires).UTC()
	}
	tenant := cmp.Or(o.tenant, boot.FirstTenant)
	key, secret, err := boot.NewKey(ctx, s, tenant, fresh)
	if err != nil {
		return err
	}
	if o.json {
		return json.NewEncoder(sh.out).Encode(struct {
			ID     string `json:"id"`
			Key    string `json:"key"`
			Tenant string `json:"tenant"`
		}{key.ID, secret, tenant})
	}
	fmt.Fprintf(sh.out, "%s\n", secret)
	fmt.Fprintf(sh.errs, "key %s of tenant %s; it is not shown again\n", key.ID, tenant)
	return nil
}

// keyRow is a key as `key list --json` shows it.
type keyRow struct {
	ID       string     `json:"id"`
	Tenant   string     `json:"tenant"` // its name
	TenantID string     `json:"tenant_id"`
	Name     string     `json:"name"`
	Scopes   []string   `json:"scopes"`
	Created  time.Time  `json:"created"`
	Expires  *time.Time `json:"expires"`
	Revoked  *time.Time `json:"revoked"`
}

func (o *keyOptions) list(ctx context.Context, sh shell, s *store.Store) error {
	names, err := tenantNames(ctx, s)
	if err != nil {
		return err
	}
	tenant, err := names.find(o.tenant)
	if err != nil {
		return err
	}
	rows := []keyRow{}
	for page := (db.Page{Limit: 100}); ; {
		keys, more, err := s.Keys(ctx, tenant, page)
		if err != nil {
			return fmt.Errorf("list keys: %w", err)
		}
		for _, k := range keys {
			rows = append(rows, keyRow{k.ID, names.of(k.Tenant), k.Tenant, k.Name, k.Scopes, k.Created.UTC(),
				optional(k.Expires), optional(k.Revoked)})
		}
		if !more {
			return o.writeKeys(sh, rows)
		}
		page.After = keys[len(keys)-1].ID
	}
}

func (o *keyOptions) writeKeys(sh shell, rows []keyRow) error {
	if o.json {
		return json.NewEncoder(sh.out).Encode(map[string]any{"keys": rows})
	}
	table := tabwriter.NewWriter(sh.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tTENANT\tNAME\tSCOPES\tCREATED\tEXPIRES\tREVOKED")
	for _, k := range rows {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, k.Tenant, cmp.Or(k.Name, "-"),
			strings.Join(k.Scopes, " "), day(k.Created), dayOr(k.Expires), dayOr(k.Revoked))
	}
	return table.Flush()
}

// optional returns nil for the zero time.
func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return new(t.UTC())
}

func dayOr(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return day(*t)
}

func day(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02T15:04Z")
}

// rotate gives a key another secret, whose tenant it has.
func (o *keyOptions) rotate(ctx context.Context, sh shell, s *store.Store, id string) error {
	secret := store.NewSecret()
	err := s.RotateKey(ctx, id, secret, o.grace)
	if errors.Is(err, db.ErrNotFound) {
		return fmt.Errorf("rotate: there is no key %s that holds: `dreamlab key list` shows them", id)
	}
	if err != nil {
		return fmt.Errorf("rotate: %w", err)
	}
	if o.json {
		return json.NewEncoder(sh.out).Encode(map[string]string{"id": id, "key": secret})
	}
	fmt.Fprintf(sh.out, "%s\n", secret)
	fmt.Fprintf(sh.errs, "the key %s has this secret now; the one before is taken for %s\n", id, o.grace)
	return nil
}

func revoke(ctx context.Context, sh shell, s *store.Store, id string) error {
	err := s.RevokeKey(ctx, id)
	if errors.Is(err, db.ErrNotFound) {
		return fmt.Errorf("revoke: there is no key %s that holds: `dreamlab key list` shows them", id)
	}
	if err != nil {
		return fmt.Errorf("revoke: %w", err)
	}
	fmt.Fprintf(sh.out, "%s is revoked\n", id)
	return nil
}
