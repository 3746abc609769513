package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"dreamlab/cmd/internal/boot"
	"dreamlab/cmd/internal/cli/show"
	"dreamlab/store"
	"dreamlab/store/db"
)

// keyVerb works with the keys in the database.
type keyVerb struct {
	Create keyCreateVerb `cmd:"" help:"make a key and print it once"`
	List   keyListVerb   `cmd:"" default:"1" help:"list the keys, without their secrets"`
	Set    keySetVerb    `cmd:"" help:"disable or enable a key, change when it ends, what it may ask and from where"`
	Rotate keyRotateVerb `cmd:"" help:"give a key another secret"`
	Revoke keyRevokeVerb `cmd:"" help:"end a key"`
}

// keeping are the flags of the verbs that work in the database itself.
type keeping struct {
	settings
	printing
}

// inStore opens the database, which has to be migrated, for some work.
func (s *settings) inStore(ctx context.Context, sh shell, work func(*store.Store) error) (err error) {
	c, err := s.load(sh)
	if err != nil {
		return err
	}
	kept, err := boot.OpenStore(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, kept.Close()) }()
	if err := boot.Migrated(ctx, kept); err != nil {
		return err
	}
	return work(kept)
}

// keyCreateVerb makes a key.
type keyCreateVerb struct {
	keeping
	bounds
	Tenant  string        `default:"default" placeholder:"NAME" help:"the NAME of the tenant, which is made where there is none"`
	Name    string        `placeholder:"TEXT" help:"what the key is for, a TEXT"`
	Scope   []string      `default:"use" enum:"view,use,review,admin" placeholder:"SCOPE" help:"the key's SCOPE, with commas between"`
	Expires time.Duration `placeholder:"DURATION" help:"how long it holds, a DURATION; for ever without it"`
}

// Validate refuses keys that have ended when they are made.
func (v *keyCreateVerb) Validate() error {
	if v.Expires < 0 {
		return errors.New("--expires can not be negative")
	}
	return v.check()
}

// Run makes the key and prints it.
func (v *keyCreateVerb) Run(ctx context.Context, sh shell) error {
	fresh := store.Key{Name: v.Name, Scopes: v.Scope}
	v.apply(&fresh)
	if v.Expires > 0 {
		fresh.Expires = time.Now().Add(v.Expires).UTC()
	}
	return v.inStore(ctx, sh, func(s *store.Store) error {
		key, secret, err := boot.NewKey(ctx, s, v.Tenant, fresh)
		if err != nil {
			return err
		}
		if v.asJSON() {
			return json.NewEncoder(sh.out).Encode(struct {
				ID     string `json:"id"`
				Key    string `json:"key"`
				Tenant string `json:"tenant"`
			}{key.ID, secret, v.Tenant})
		}
		fmt.Fprintf(sh.out, "%s\n", secret)
		fmt.Fprintf(sh.errs, "key %s of tenant %s; it is not shown again\n", key.ID, v.Tenant)
		return nil
	})
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
	Disabled *time.Time `json:"disabled"`
	Revoked  *time.Time `json:"revoked"`
}

// keyListVerb lists keys.
type keyListVerb struct {
	settings
	listing
	Tenant string `placeholder:"NAME" help:"the NAME of the tenant, all without it"`
}

// Run lists all of them.
func (v *keyListVerb) Run(ctx context.Context, sh shell) error {
	return v.inStore(ctx, sh, func(s *store.Store) error { return v.list(ctx, sh, s) })
}

func (v *keyListVerb) list(ctx context.Context, sh shell, s *store.Store) error {
	names, err := tenantNames(ctx, s)
	if err != nil {
		return err
	}
	tenant, err := names.find(v.Tenant)
	if err != nil {
		return err
	}
	rows := []keyRow{}
	for page := (db.Page{Limit: 100}); ; {
		keys, more, err := s.Keys(ctx, tenant, db.Filter{}, page)
		if err != nil {
			return fmt.Errorf("list keys: %w", err)
		}
		for _, k := range keys {
			rows = append(rows, keyRow{k.ID, names.of(k.Tenant), k.Tenant, k.Name, k.Scopes, k.Created.UTC(),
				optional(k.Expires), optional(k.Disabled), optional(k.Revoked)})
		}
		if !more {
			return v.write(sh, rows)
		}
		page.After = keys[len(keys)-1].ID
	}
}

func (v *keyListVerb) write(sh shell, rows []keyRow) error {
	return show.Write(v.sink(sh), map[string]any{"keys": rows}, rows, []show.Column[keyRow]{
		{Head: "ID", Of: func(k keyRow) string { return k.ID }},
		{Head: "TENANT", Of: func(k keyRow) string { return k.Tenant }},
		{Head: "NAME", Of: func(k keyRow) string { return k.Name }},
		{Head: "SCOPES", Of: func(k keyRow) string { return strings.Join(k.Scopes, " ") }},
		{Head: "CREATED", Of: func(k keyRow) string { return day(k.Created) }},
		{Head: "EXPIRES", Of: func(k keyRow) string { return dayOr(k.Expires) }},
		{Head: "DISABLED", Of: func(k keyRow) string { return dayOr(k.Disabled) }},
		{Head: "REVOKED", Of: func(k keyRow) string { return dayOr(k.Revoked) }},
	})
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
		return ""
	}
	return day(*t)
}

func day(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02T15:04Z")
}

// keyRotateVerb gives a key another secret.
type keyRotateVerb struct {
	keeping
	Grace time.Duration `default:"1h" placeholder:"DURATION" help:"how long the secret before is taken, a DURATION"`
	ID    string        `arg:"" name:"id" help:"the key: dreamlab key list shows their ids"`
}

// Validate refuses a grace that is over already.
func (v *keyRotateVerb) Validate() error {
	if v.Grace < 0 {
		return errors.New("--grace can not be negative")
	}
	return nil
}

// Run gives the key a new secret and prints it.
func (v *keyRotateVerb) Run(ctx context.Context, sh shell) error {
	secret := store.NewSecret()
	err := v.inStore(ctx, sh, func(s *store.Store) error {
		return unknownKey("rotate", v.ID, s.RotateKey(ctx, v.ID, secret, v.Grace))
	})
	if err != nil {
		return err
	}
	if v.asJSON() {
		return json.NewEncoder(sh.out).Encode(map[string]string{"id": v.ID, "key": secret})
	}
	fmt.Fprintf(sh.out, "%s\n", secret)
	fmt.Fprintf(sh.errs, "the key %s has this secret now; the one before is taken for %s\n", v.ID, v.Grace)
	return nil
}

// unknownKey says how the keys are found that there are.
func unknownKey(work, id string, err error) error {
	if errors.Is(err, db.ErrNotFound) {
		return fmt.Errorf("%s: there is no key %s that holds: `dreamlab key list` shows them", work, id)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", work, err)
	}
	return nil
}

// keyRevokeVerb ends a key.
type keyRevokeVerb struct {
	keeping
	confirming
	ID string `arg:"" name:"id" help:"the key: dreamlab key list shows their ids"`
}

// Run ends the key. It asks at a terminal alone: a script that ends a stolen key has to go through.
func (v *keyRevokeVerb) Run(ctx context.Context, sh shell) error {
	if sh.asks {
		if err := v.confirm(sh, fmt.Sprintf("revoke %s, which can not be taken back", v.ID)); err != nil {
			return err
		}
	}
	err := v.inStore(ctx, sh, func(s *store.Store) error { return unknownKey("revoke", v.ID, s.RevokeKey(ctx, v.ID)) })
	if err != nil {
		return err
	}
	if v.asJSON() {
		return json.NewEncoder(sh.out).Encode(map[string]any{"id": v.ID, "revoked": true})
	}
	fmt.Fprintf(sh.out, "%s is revoked\n", v.ID)
	return nil
}
