package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"dreamlab/cmd/internal/boot"
	"dreamlab/providers/catalog"
)

// vendorChanges is what a vendor's list says and the catalogue does not.
type vendorChanges struct {
	Vendor  string   `json:"vendor"`
	Listed  int      `json:"listed"`
	New     []string `json:"new"`
	Changed []string `json:"changed"`
	Gone    []string `json:"gone"`
}

// modelsRefreshVerb asks the vendors for their lists.
type modelsRefreshVerb struct {
	settings
	printing
	Out string `placeholder:"FILE" help:"the FILE to write what was found to, for catalog to name"`
}

// Help tells what is done with the lists.
func (*modelsRefreshVerb) Help() string {
	return `It asks the configured vendors for their lists and says what is new there, what has other
limits, and what is gone: missing in a list that names all of a vendor's models. A model
that is gone is reported to the running workers when they share a Redis. In the file of
--out, prices have to be added by hand.`
}

// Run compares the vendors' lists with the catalogue.
func (l *modelsRefreshVerb) Run(ctx context.Context, sh shell) error {
	c, err := l.load(sh)
	if err != nil {
		return err
	}
	known, err := boot.OpenCatalog(c)
	if err != nil {
		return err
	}
	now := time.Now().UTC()
	listed, fault := boot.ListModels(ctx, c, known)
	var all []vendorChanges
	var found, gone []catalog.Model
	for _, vendor := range slices.Sorted(maps.Keys(listed)) {
		changes := known.Compare(vendor, listed[vendor], now)
		all = append(all, vendorChanges{
			vendor, len(listed[vendor]), idsOf(changes.New), idsOf(changes.Changed), idsOf(changes.Gone),
		})
		found = slices.Concat(found, changes.New, changes.Changed, changes.Gone)
		gone = append(gone, changes.Gone...)
	}
	return errors.Join(fault, boot.ReportGone(ctx, c, gone, now), l.keep(found), l.tell(sh, all))
}

func idsOf(models []catalog.Model) []string {
	ids := []string{}
	for _, m := range models {
		ids = append(ids, m.ID)
	}
	return ids
}

// keep writes the models as a file of the catalogue where one is named. One that is there
// is replaced when the new one is whole.
func (l *modelsRefreshVerb) keep(models []catalog.Model) error {
	if l.Out == "" {
		return nil
	}
	part := l.Out + ".part"
	file, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return fmt.Errorf("write the file of --out: %w", err)
	}
	err = errors.Join(catalog.Write(file, models), file.Close())
	if err == nil {
		err = os.Rename(part, l.Out)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write the file of --out: %w", err), os.Remove(part))
	}
	return nil
}

func (l *modelsRefreshVerb) tell(sh shell, all []vendorChanges) error {
	if l.asJSON() {
		return json.NewEncoder(sh.out).Encode(map[string]any{"vendors": append([]vendorChanges{}, all...)})
	}
	for _, v := range all {
		fmt.Fprintf(sh.out, "%s: %s listed, %d new, %d changed, %d gone\n",
			v.Vendor, plural(int64(v.Listed), "model"), len(v.New), len(v.Changed), len(v.Gone))
		for _, group := range []struct {
			word string
			ids  []string
		}{{"new", v.New}, {"changed", v.Changed}, {"gone", v.Gone}} {
			for _, id := range group.ids {
				fmt.Fprintf(sh.out, "  %-8s %s/%s\n", group.word, v.Vendor, id)
			}
		}
	}
	return nil
}
