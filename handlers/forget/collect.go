package forget

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"dreamlab/handlers"
	"dreamlab/store"
	"dreamlab/store/blob"
)

const (
	// spare is how long an object is left alone that no row needs: an upload has its
	// object first and its row moments later, and an import that failed may be tried
	// again.
	spare = time.Hour
	// pageSize is how many objects are listed, and asked for, at once.
	pageSize = 500
	// maxRound bounds one round, so that a bucket that hangs does not stop all later rounds.
	maxRound = 10 * time.Minute
)

// Collector removes objects that no row needs: the lines of imports that have ended,
// however they did, and uploads and datasets whose row was never written or is gone.
// It has a clock of its own. Any number may run. Store and Bucket are required.
type Collector struct {
	Store  *store.Store
	Bucket blob.Bucket
	// Experiences is how long the files are kept in which dreams sealed them. Defaults to for ever.
	Experiences time.Duration
	// Dreams is how long the files of lessons and memories are kept at least whose rows are gone. Defaults to for ever.
	Dreams time.Duration
	// Every is the pause between rounds. Defaults to ten minutes.
	Every time.Duration
	// Now tells how old objects are. Defaults to time.Now.
	Now func() time.Time
	Log zerolog.Logger
}

// Run makes rounds until ctx ends. Failures are logged, and tried again by the next round.
func (c *Collector) Run(ctx context.Context) error {
	every := c.Every
	if every <= 0 {
		every = 10 * time.Minute
	}
	return handlers.Repeat(ctx, every, maxRound, c.round)
}

func (c *Collector) round(ctx context.Context) {
	removed, err := c.Collect(ctx)
	if err != nil && !errors.Is(ctx.Err(), context.Canceled) {
		c.Log.Warn().Err(err).Msg("removed objects that no row needs, but not all of them; the next round tries again")
	}
	if removed > 0 {
		c.Log.Info().Int("objects", removed).Msg("removed objects that no row needs")
	}
}

// sort is a sort of objects: what they begin with, and which of them are needed.
type sort struct {
	prefix string
	spare  time.Duration // they are left alone for so long
	needed func(ctx context.Context, names []string) (map[string]bool, error)
}

// sorts are those that are collected.
func (c *Collector) sorts() []sort {
	list := []sort{
		{"imports/", spare, c.neededImports}, {"files/", spare, c.neededFiles}, {"datasets/", spare, c.Store.DatasetObjectsUsed},
	}
	if c.Experiences > 0 {
		list = append(list, sort{"experiences/", max(spare, c.Experiences), c.neededBatches})
	}
	if c.Dreams > 0 {
		old := max(spare, c.Dreams)
		list = append(list, sort{"dreams/", old, c.neededLessons}, sort{"memory/", old, c.neededMemories})
	}
	return list
}

// Collect makes one round and tells how many objects it removed. One that can not
// be removed does not keep the others from being so.
func (c *Collector) Collect(ctx context.Context) (removed int, err error) {
	var faults []error
	for _, s := range c.sorts() {
		n, err := c.collect(ctx, s)
		removed += n
		if err != nil {
			faults = append(faults, fmt.Errorf("collect %s: %w", s.prefix, err))
		}
	}
	return removed, errors.Join(faults...)
}

// collect goes through the objects of one sort, page by page.
func (c *Collector) collect(ctx context.Context, s sort) (removed int, err error) {
	var faults []error
	for after := ""; ; {
		page, err := c.Bucket.List(ctx, s.prefix, after, pageSize)
		if err != nil {
			return removed, errors.Join(append(faults, err)...)
		}
		n, err := c.collectPage(ctx, s, page)
		removed += n
		faults = append(faults, err)
		if len(page) < pageSize || ctx.Err() != nil {
			return removed, errors.Join(faults...)
		}
		after = page[len(page)-1].Name
	}
}

func (c *Collector) collectPage(ctx context.Context, s sort, page []blob.Object) (removed int, err error) {
	now := time.Now
	if c.Now != nil {
		now = c.Now
	}
	var old []string
	for _, o := range page {
		if now().Sub(o.Created) > s.spare {
			old = append(old, o.Name)
		}
	}
	needed, err := s.needed(ctx, old)
	if err != nil {
		return 0, err
	}
	var faults []error
	for _, name := range old {
		if needed[name] {
			continue
		}
		if err := remove(ctx, c.Bucket, name); err != nil {
			faults = append(faults, err)
			continue
		}
		removed++
	}
	return removed, errors.Join(faults...)
}

// neededImports finds those whose job has not ended, or may still be tried again.
func (c *Collector) neededImports(ctx context.Context, names []string) (map[string]bool, error) {
	return byID(names, blob.ImportObject("*"), func(jobs []string) (map[string]bool, error) {
		return c.Store.JobsNeeded(ctx, jobs, spare)
	})
}

// neededFiles finds those that a client can ask for.
func (c *Collector) neededFiles(ctx context.Context, names []string) (map[string]bool, error) {
	return byID(names, blob.FileObject("*"), func(files []string) (map[string]bool, error) {
		return c.Store.FilesKnown(ctx, files)
	})
}

// neededBatches finds those that a dream which runs has sealed.
func (c *Collector) neededBatches(ctx context.Context, names []string) (map[string]bool, error) {
	return byLast(names, ".jsonl", func(dreams []string) (map[string]bool, error) {
		return c.Store.DreamsRunning(ctx, dreams)
	})
}

// neededLessons finds those of dreams that there are.
func (c *Collector) neededLessons(ctx context.Context, names []string) (map[string]bool, error) {
	return byID(names, blob.ReflectionsObject("*"), func(dreams []string) (map[string]bool, error) {
		return c.Store.DreamsKnown(ctx, dreams)
	})
}

// neededMemories finds those of versions that there are.
func (c *Collector) neededMemories(ctx context.Context, names []string) (map[string]bool, error) {
	return byLast(names, ".md", func(versions []string) (map[string]bool, error) {
		return c.Store.VersionsKnown(ctx, versions)
	})
}

// byLast asks for the ids in which names end, but for a suffix. A name of another form is not ours to judge: it
// counts as needed.
func byLast(names []string, suffix string, ask func(ids []string) (map[string]bool, error)) (map[string]bool, error) {
	named := make(map[string]string, len(names))
	needed := make(map[string]bool, len(names))
	for _, name := range names {
		id, ours := strings.CutSuffix(path.Base(name), suffix)
		if needed[name] = !ours; ours {
			named[id] = name
		}
	}
	known, err := ask(slices.Collect(maps.Keys(named)))
	for id := range known {
		needed[named[id]] = true
	}
	return needed, err
}

// byID asks for the ids that stand in names in the place of the pattern's star. A
// name of another form is not ours to judge: it counts as needed.
func byID(names []string, pattern string, ask func(ids []string) (map[string]bool, error)) (map[string]bool, error) {
	before, behind, _ := strings.Cut(pattern, "*")
	needed := make(map[string]bool, len(names))
	ids := make([]string, 0, len(names))
	for _, name := range names {
		id, prefixed := strings.CutPrefix(name, before)
		id, suffixed := strings.CutSuffix(id, behind)
		if needed[name] = !prefixed || !suffixed; !needed[name] {
			ids = append(ids, id)
		}
	}
	known, err := ask(ids)
	for id := range known {
		needed[before+id+behind] = true
	}
	return needed, err
}
