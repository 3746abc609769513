package tune

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"dreamlab/handlers"
	"dreamlab/handlers/tune/mix"
	"dreamlab/handlers/tune/planted"
	"dreamlab/providers"
	"dreamlab/store"
	"dreamlab/store/blob"
	"dreamlab/store/db"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// maxHeldOut bounds the held-out experiences that a dataset is compared with, the
// newest first.
const maxHeldOut = 100_000

// curator does the stage that makes a dataset of an alias' examples.
type curator struct {
	bucket      blob.Bucket
	vendors     Vendors
	examiner    *examiner
	method      tasks.Method // of a tune that names none
	hyper       func(m tasks.Method, rows int) tasks.Hyper
	checks      []rowCheck
	minExamples int
	limits      limits
}

func newCurator(d Deps) *curator {
	return &curator{
		bucket: d.Bucket, vendors: d.Vendors, examiner: newExaminer(d), method: d.Settings.Method,
		hyper: d.Settings.hyper, checks: rowChecks(), minExamples: d.Settings.MinExamples,
		limits: limits{rowTokens: d.Settings.MaxRowTokens, mix: mix.Limits{
			Rows: d.Settings.MaxRows, UserShare: d.Settings.UserShare, KeyShare: d.Settings.KeyShare,
			ReplayShare: d.Settings.ReplayShare, Seed: d.Settings.Hyper.Seed,
		}},
	}
}

// curate makes the dataset, unless there is too little to learn.
func (cu *curator) curate(ctx context.Context, c *tuneRun) (*tasks.End, error) {
	made, err := cu.gather(ctx, c)
	if err != nil {
		return nil, err
	}
	c.state.Method, c.state.MethodReason = made.method, made.why
	if made.method != tasks.MethodDPO && c.input.Beta > 0 && made.why == "" {
		return c.decided(false, "refused: method: a beta is for the method dpo, not for %s", made.method)
	}
	if made.blind != "" {
		return c.decided(false, "refused: planted: the filter %s let a planted row through: nothing was trained", made.blind)
	}
	if least := cu.least(c); made.fresh() < least || len(made.rows) == 0 {
		return c.decided(false, "too few examples: %d of %d%s", made.fresh(), least, made.note())
	}
	if err := cu.examiner.draw(ctx, c); err != nil {
		return nil, err
	}
	if why := c.tune.Exam.Undecidable; why != "" {
		return c.decided(false, "refused: exam: it would decide nothing: %s", why)
	}
	m := made.manifest
	c.state.Mix = &m.Mix
	c.state.Rows, c.state.Tokens, c.state.Bytes, c.state.SHA256 = m.Rows, m.Tokens, m.Bytes, m.SHA256
	if c.input.DryRun {
		return c.next(stagePrice), nil
	}
	return cu.freeze(ctx, c, made.filtered)
}

// least is how many new rows are worth a tune.
func (cu *curator) least(c *tuneRun) int { return cmp.Or(c.input.MinExamples, cu.minExamples) }

// gathered is what a tune can learn from, and how.
type gathered struct {
	filtered
	method tasks.Method
	why    string // the method was taken, where it was left to us
}

// fresh is from how many of the rows no examined tune has learned. What a filter removed is not new.
func (g gathered) fresh() int { return g.manifest.Mix.New }

// note says, of too few rows, what is counted.
func (g gathered) note() string {
	if g.method != tasks.MethodDPO {
		return ""
	}
	return " have a worse answer beside the kept one"
}

// gather passes the examples through the filters of the method that is asked for.
func (cu *curator) gather(ctx context.Context, c *tuneRun) (gathered, error) {
	asked := cmp.Or(c.state.Method, c.input.Method, cu.method)
	if asked == tasks.MethodAuto {
		return cu.choose(ctx, c)
	}
	counted := asked
	if c.state.MethodReason != "" {
		counted = "" // it was left to us
	}
	made, err := cu.filterExamples(ctx, c, counted, asked)
	if err != nil {
		return gathered{}, err
	}
	return gathered{made[0], asked, c.state.MethodReason}, nil
}

// choose takes preference pairs where most of the rows are pairs, enough of them are new, and a trainer of the base
// learns from pairs; else all rows.
func (cu *curator) choose(ctx context.Context, c *tuneRun) (gathered, error) {
	made, err := cu.filterExamples(ctx, c, "", tasks.MethodSFT, tasks.MethodDPO)
	if err != nil {
		return gathered{}, err
	}
	rows, pairs := gathered{filtered: made[0], method: tasks.MethodSFT}, gathered{filtered: made[1], method: tasks.MethodDPO}
	count := fmt.Sprintf("%d of %d rows have a worse answer", len(pairs.rows), len(rows.rows))
	switch least := cu.least(c); {
	case 2*len(pairs.rows) < len(rows.rows) || len(pairs.rows) == 0:
		rows.why = "auto: sft, as only " + count
		return rows, nil
	case pairs.fresh() < least:
		rows.why = fmt.Sprintf("auto: sft, as %d new pairs are fewer than %d", pairs.fresh(), least)
		return rows, nil
	}
	trainer, err := cu.pairTrainer(ctx, c)
	if err != nil {
		return gathered{}, err
	}
	if trainer == "" {
		rows.why = "auto: sft, as no trainer of " + c.base.String() + " learns from preference pairs"
		return rows, nil
	}
	pairs.why = "auto: dpo, as " + count + " and " + trainer + " learns from pairs"
	return pairs, nil
}

// pairTrainer names a trainer of the base that learns from preference pairs; "": there is none.
func (cu *curator) pairTrainer(ctx context.Context, c *tuneRun) (string, error) {
	for _, name := range trainers(cu.vendors, c.base.Provider) {
		limits, err := limitsBy(ctx, cu.vendors, name, c.base)
		if err == nil && limits.Pairs != nil {
			return name, nil
		}
		if err == nil {
			continue
		}
		if failure := handlers.Failure(err); !failure.Final {
			return "", failure
		}
	}
	return "", nil
}

// filterExamples passes the alias' standing examples through the filters of each method. New are those that no examined tune
// has learned from by the counted method, or by any where it is "".
func (cu *curator) filterExamples(ctx context.Context, c *tuneRun, counted tasks.Method, methods ...tasks.Method) (
	[]filtered, error,
) {
	x := newHeldOut()
	err := c.held(ctx, maxHeldOut, func(e learn.Experience) error {
		x.add(e)
		return nil
	})
	if err != nil {
		return nil, err
	}
	rows, err := c.plantedRows(ctx)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		if r.HeldOut != nil {
			x.add(*r.HeldOut)
		}
	}
	filters := make([]*rowFilter, len(methods))
	for i, m := range methods {
		filters[i] = newRowFilter(m, cu.limits, x)
		filters[i].checks = cu.checks
		filters[i].plant(rows)
	}
	if err := known(ctx, c, counted, filters); err != nil {
		return nil, err
	}
	err = c.run.Store.TrainingRows(ctx, c.tune.Tenant, c.tune.Alias, func(e learn.Example) error {
		for _, s := range filters {
			s.add(e)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read examples: %w", err)
	}
	made := make([]filtered, len(methods))
	for i, s := range filters {
		made[i] = s.done(c.tune.Alias)
	}
	return made, nil
}

// known tells filters who asked what examples were made of, and which of them were learned from.
func known(ctx context.Context, c *tuneRun, counted tasks.Method, filters []*rowFilter) error {
	err := c.run.Store.ExampleAskers(ctx, c.tune.Tenant, c.tune.Alias, func(a learn.Asker) {
		for _, s := range filters {
			s.askers[a.Experience] = a
		}
	})
	if err != nil {
		return fmt.Errorf("read who asked: %w", err)
	}
	err = c.run.Store.LearnedExamples(ctx, c.tune.Tenant, c.tune.Alias, string(counted), func(example string) {
		for _, s := range filters {
			s.learned[example] = true
		}
	})
	if err != nil {
		return fmt.Errorf("read what was learned: %w", err)
	}
	return nil
}

// plantedRows are the rows of a tune that no filter may let pass.
func (c *tuneRun) plantedRows(ctx context.Context) ([]planted.Row, error) {
	secret, err := c.run.Store.Secret(ctx, planted.Secret)
	if err != nil {
		return nil, err
	}
	return planted.Rows(secret, c.tune.ID), nil
}

// freeze writes the dataset's file and manifest, create-only, and its row.
func (cu *curator) freeze(ctx context.Context, c *tuneRun, made filtered) (*tasks.End, error) {
	m := made.manifest
	m.Hyper = plainjson.Of(c.hyper(cu.hyper, m.Rows))
	object := blob.DatasetObject(m.SHA256)
	if err := blob.Ensure(ctx, cu.bucket, object, bytes.NewReader(made.file)); err != nil {
		return nil, fmt.Errorf("keep dataset: %w", err)
	}
	// The same rows may have been found among others before: the first manifest stands.
	err := cu.bucket.Create(ctx, blob.ManifestObject(m.SHA256), bytes.NewReader(plainjson.Of(m)))
	if err != nil && !errors.Is(err, blob.ErrExists) {
		return nil, fmt.Errorf("keep manifest: %w", err)
	}
	examples := make([]string, len(made.rows))
	for i, r := range made.rows {
		examples[i] = r.Example
	}
	dataset := learn.Dataset{
		ID: db.NewID("ds_"), Tenant: c.tune.Tenant, Alias: c.tune.Alias, SHA256: m.SHA256,
		Manifest: m, Rows: int64(m.Rows), Object: object,
	}
	c.state.Object = object
	end := c.next(stagePrice)
	end.Write = func(ctx context.Context, q *store.Queries) error {
		kept, _, err := q.AddDataset(ctx, dataset, examples)
		if err != nil {
			return fmt.Errorf("keep dataset: %w", err)
		}
		c.tune.Dataset = kept.ID
		return c.write(ctx, q)
	}
	return end, nil
}

// readMessages reads the messages of an experience; what is no list has none.
func readMessages(raw json.RawMessage) []providers.Message {
	var messages []providers.Message
	if json.Unmarshal(raw, &messages) != nil {
		return nil
	}
	return messages
}

// answerText reads the text of an answer's message.
func answerText(raw json.RawMessage) string {
	var message providers.Message
	if json.Unmarshal(raw, &message) != nil {
		return ""
	}
	return message.Text()
}
