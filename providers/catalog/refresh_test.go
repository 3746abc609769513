package catalog_test

import (
	"bytes"
	"reflect"
	"testing"

	"dreamlab/providers"
	"dreamlab/providers/catalog"
)

const refreshed = `{"vendor": "p", "whole_list": true, "models":[
 {"id":"kept","context":1000}, {"id":"grown","context":1000,"max_output":10,"prices":[{"input":"1","output":"2"}]},
 {"id":"away","replacement":"kept"}, {"id":"over","status":"retired"}, {"vendor":"q","id":"other"}]}`

func ids(models []catalog.Model) (ids []string) {
	for _, m := range models {
		ids = append(ids, m.ID)
	}
	return ids
}

// TestCompare holds the catalogue against what a vendor lists.
func TestCompare(t *testing.T) {
	t.Parallel()
	c := load(t, refreshed)
	at := day("2026-11-29")
	listed := []providers.ModelInfo{{ID: "kept"}, {ID: "grown", ContextLength: 2000}, {ID: "young", ContextLength: 5}}
	changes := c.Compare("p", listed, at)
	for what, pair := range map[string][2][]string{
		"new": {ids(changes.New), {"young"}}, "changed": {ids(changes.Changed), {"grown"}}, "gone": {ids(changes.Gone), {"away"}},
	} {
		if !reflect.DeepEqual(pair[0], pair[1]) {
			t.Errorf("%s: %v, want %v", what, pair[0], pair[1])
		}
	}
	if grown := changes.Changed[0]; grown.Context != 2000 || grown.MaxOutput != 10 || len(grown.Prices) != 1 {
		t.Errorf("the changed model is %+v", grown)
	}
	if gone := c.Compare("p", nil, at).Gone; len(gone) > 0 {
		t.Errorf("an empty list says that %v are gone", ids(gone))
	}
	if gone := c.Compare("q", listed, at).Gone; len(gone) > 0 {
		t.Errorf("a list that is not whole says that %v are gone", ids(gone))
	}
}

// TestWrittenModelsReadBack writes every built-in model and those of a comparison, and
// reads the file as an operator's.
func TestWrittenModelsReadBack(t *testing.T) {
	t.Parallel()
	c := load(t, refreshed)
	changes := c.Compare("p", []providers.ModelInfo{{ID: "kept"}}, day("2026-11-29"))
	all := append(c.Models(), changes.Gone...)
	var file bytes.Buffer
	if err := catalog.Write(&file, all); err != nil {
		t.Fatal(err)
	}
	again := load(t, file.String())
	for _, m := range all {
		got, ok := again.Find(m.Provider, m.ID)
		if m.Provider == "p" && m.GoneAt.IsZero() && m.ID != "kept" {
			continue // the row behind it, which says that it is gone, holds
		}
		if !ok || !reflect.DeepEqual(got, m) {
			t.Errorf("written %+v\nread    %+v", m, got)
		}
	}
}
