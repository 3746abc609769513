package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"

	"dreamlab/store"
	"dreamlab/store/db"
)

// bounds are the flags for what a key may be used for, and from where.
type bounds struct {
	Model   []string       `placeholder:"NAME" help:"the NAME of a model it may ask, a * at the end for any rest, with commas between"`
	Network []netip.Prefix `placeholder:"RANGE" help:"a RANGE that it may be used from, as 10.0.0.0/8, with commas between"`
}

// check refuses names that no model has.
func (r bounds) check() error {
	for _, name := range r.Model {
		if name == "" || len(name) > 256 || strings.ContainsFunc(name, unicode.IsSpace) {
			return errors.New("--model names an alias or provider/model; a * at the end stands for any rest")
		}
	}
	return nil
}

// apply gives a key the models and the networks that were named.
func (r bounds) apply(k *store.Key) {
	if len(r.Model) > 0 {
		k.Models = r.Model
	}
	if len(r.Network) > 0 {
		k.Networks = nil
	}
	for _, p := range r.Network {
		k.Networks = append(k.Networks, p.Masked())
	}
}

// keySetVerb changes a key.
type keySetVerb struct {
	keeping
	bounds
	Disable bool           `xor:"disable" help:"have the key taken no more, until it is enabled again"`
	Enable  bool           `xor:"disable" help:"have a disabled key taken again"`
	Expires *time.Duration `placeholder:"DURATION" help:"how long it holds from now on, a DURATION; 0s for ever"`
	ID      string         `arg:"" name:"id" help:"the key: dreamlab key list shows their ids"`
}

// Validate refuses a change of nothing.
func (v *keySetVerb) Validate() error {
	if v.Expires != nil && *v.Expires < 0 {
		return errors.New("--expires can not be negative")
	}
	if !v.Disable && !v.Enable && v.Expires == nil && len(v.Model)+len(v.Network) == 0 {
		return errors.New("say what changes: --disable, --enable, --expires, --model or --network")
	}
	return v.check()
}

// Run changes the key; every process goes by it within a second.
func (v *keySetVerb) Run(ctx context.Context, sh shell) error {
	err := v.inStore(ctx, sh, func(s *store.Store) error {
		return s.Tx(ctx, db.Synced, func(q *store.Queries) error {
			k, err := keyOf(ctx, q, v.ID)
			if err == nil {
				v.change(&k, time.Now().UTC())
				err = q.SetKey(ctx, k)
			}
			return unknownKey("set", v.ID, err)
		})
	})
	if err != nil {
		return err
	}
	if v.asJSON() {
		return json.NewEncoder(sh.out).Encode(map[string]any{"id": v.ID, "set": true})
	}
	fmt.Fprintf(sh.out, "%s is changed\n", v.ID)
	return nil
}

func (v *keySetVerb) change(k *store.Key, now time.Time) {
	v.apply(k)
	switch {
	case v.Enable:
		k.Disabled = time.Time{}
	case v.Disable && k.Disabled.IsZero():
		k.Disabled = now
	}
	if v.Expires == nil {
		return
	}
	if k.Expires = (time.Time{}); *v.Expires > 0 {
		k.Expires = now.Add(*v.Expires)
	}
}

// keyOf finds a key of any tenant.
func keyOf(ctx context.Context, q *store.Queries, id string) (store.Key, error) {
	found, _, err := q.Keys(ctx, "", db.Filter{Text: id}, db.Page{})
	if err != nil {
		return store.Key{}, err
	}
	at := slices.IndexFunc(found, func(k store.Key) bool { return k.ID == id })
	if at < 0 {
		return store.Key{}, db.ErrNotFound
	}
	return found[at], nil
}
