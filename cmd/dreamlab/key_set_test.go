package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	"dreamlab/cmd/internal/boot"
	"dreamlab/cmd/internal/config"
	"dreamlab/store"
)

// TestKeySet disables a key, has it taken again, and changes when it ends, what it may ask and from where.
func TestKeySet(t *testing.T) {
	t.Parallel()
	env := map[string]string{"DREAMLAB_DATA": t.TempDir()}
	invoke(t, env, "migrate")
	made := invoke(t, env, "key", "create", "--json", "--model", "assistant,groq/*", "--network", "10.1.2.3/8")
	var key struct{ ID string }
	if err := json.Unmarshal([]byte(made.out), &key); err != nil {
		t.Fatalf("create: %+v, %v", made, err)
	}
	kept := func() store.Key {
		var found store.Key
		c := config.Default()
		c.Data = env["DREAMLAB_DATA"]
		s, err := boot.OpenStore(t.Context(), c)
		if err == nil {
			found, err = keyOf(t.Context(), s.Queries, key.ID)
			err = errors.Join(err, s.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if k := kept(); !slices.Equal(k.Models, []string{"assistant", "groq/*"}) || fmt.Sprint(k.Networks) != "[10.0.0.0/8]" {
		t.Errorf("made with %v from %v", k.Models, k.Networks)
	}
	for _, step := range []struct {
		flags []string
		right func(store.Key) bool
	}{
		{[]string{"--disable", "--expires", "1h"}, func(k store.Key) bool { return !k.Disabled.IsZero() && !k.Expires.IsZero() }},
		{[]string{"--enable"}, func(k store.Key) bool { return k.Disabled.IsZero() && !k.Expires.IsZero() && len(k.Models) == 2 }},
		{[]string{"--expires", "0s", "--model", "*", "--network", "::1/128"}, func(k store.Key) bool {
			return k.Expires.IsZero() && len(k.Models) == 1 && k.Networks[0].String() == "::1/128"
		}},
	} {
		got := invoke(t, env, append([]string{"key", "set", key.ID}, step.flags...)...)
		if k := kept(); got.code != exitOK || !step.right(k) {
			t.Errorf("%v: %+v, %+v", step.flags, got, k)
		}
	}
	for _, wrong := range [][]string{{}, {"--disable", "--enable"}, {"--network", "here"}, {"--expires", "-1h"}, {"--model", "a b"}} {
		if got := invoke(t, env, append([]string{"key", "set", key.ID}, wrong...)...); got.code != exitUsage {
			t.Errorf("%v: %+v", wrong, got)
		}
	}
	if got := invoke(t, env, "key", "set", "key_none", "--disable"); got.code != exitFailed {
		t.Errorf("a key that is none: %+v", got)
	}
}
