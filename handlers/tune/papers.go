package tune

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"dreamlab/handlers/tune/exam"
	"dreamlab/store/db"
	"dreamlab/store/learn"
)

// examiner draws the papers of an exam, and tells beforehand what they can decide.
type examiner struct {
	gate      exam.Gate
	costs     *costs
	limit     int
	userShare int64 // ten-thousandths
	now       func() time.Time
}

func newExaminer(d Deps) *examiner {
	s := d.Settings
	return &examiner{gate: s.Gate, costs: newCosts(d), limit: s.MaxQuestions, userShare: s.UserShare, now: d.Now}
}

// regressionPart is the part of the papers, and of the held-out conversations, that the
// regression set grows to at most: one in so many.
const regressionPart = 4

// draw chooses the papers: fresh ones, and the regression set, which every exam of the alias has.
func (x *examiner) draw(ctx context.Context, c *tuneRun) error {
	kept, err := c.run.Store.RegressionPapers(ctx, c.tune.Tenant, c.tune.Alias)
	if err != nil {
		return fmt.Errorf("read the regression set: %w", err)
	}
	fixed := map[string]bool{}
	c.state.Regression = nil
	for _, p := range kept {
		fixed[p.Conversation] = true
		c.state.Regression = append(c.state.Regression, p.Experience)
	}
	var pool []exam.Candidate
	err = c.held(ctx, maxHeldOut, func(e learn.Experience) error {
		if askable(e) && !fixed[e.Conversation] {
			pool = append(pool, candidate(e))
		}
		return nil
	})
	if err != nil {
		return err
	}
	c.state.Seed = seedOf(c.tune.ID)
	draw := exam.Draw{Seed: c.state.Seed, Limit: x.limit, UserShare: x.userShare}
	c.state.Papers = nil
	for _, p := range draw.Papers(pool) {
		c.state.Papers = append(c.state.Papers, p.Experience)
	}
	return x.plan(ctx, c)
}

// plan tells what the papers can decide at this look.
func (x *examiner) plan(ctx context.Context, c *tuneRun) error {
	last, err := c.run.Store.LastEvaluation(ctx, c.tune.Tenant, c.tune.Alias)
	if err != nil && !errors.Is(err, db.ErrNotFound) {
		return fmt.Errorf("find the last evaluation: %w", err)
	}
	look := exam.NextLook(last.Report.Look, last.Report.Decision == exam.Promote, x.now())
	cheaper, err := x.costs.compare(ctx, c)
	if err != nil {
		return err
	}
	gate := x.gate
	if cheaper.NotWorse() {
		gate.Margin = -cheaper.Margin
	}
	plan := gate.Plan(len(c.state.Papers), look)
	if cheaper.Margin > 0 {
		plan.Cheaper = &cheaper
	}
	c.tune.Exam = &plan
	return nil
}

// seedOf is the seed of a tune's draw. Nobody chooses it, and it can be had again.
func seedOf(tune string) int64 {
	sum := sha256.Sum256([]byte("papers of " + tune))
	return int64(binary.BigEndian.Uint64(sum[:8]) >> 1)
}

func candidate(e learn.Experience) exam.Candidate {
	p := exam.Candidate{Experience: e.ID, Conversation: e.Conversation, User: learn.UserOf(e.Metadata)}
	turns := dialogue(textTurns(e.Prompt))
	for _, t := range turns {
		if t.Role != "user" {
			continue
		}
		if p.Turn++; p.Turn == 1 {
			p.First = t.Content
		}
	}
	p.Context = spoken(turns)
	return p
}

// spoken writes turns as one text, without the marks of roles, which make texts alike.
func spoken(turns []turn) string {
	texts := make([]string, len(turns))
	for i, t := range turns {
		texts[i] = t.Content
	}
	return strings.Join(texts, "\n")
}

// askable tells whether a held-out experience can be asked again as it was: without memory, cache
// or dream in it, and with no tool calls.
func askable(e learn.Experience) bool {
	if e.Origin != learn.OriginLive && e.Origin != learn.OriginImport {
		return false
	}
	messages := readMessages(e.Prompt)
	for _, m := range messages {
		if m.ToolCallID != "" || len(m.ToolCalls) > 0 {
			return false
		}
	}
	return len(messages) > 0
}

// kept are the papers of an exam that the regression set gets: the first of the draw, as many as
// a tenth of it, while the set is small against all that is held out.
func (c *tuneRun) kept(limit int) []string {
	all := len(c.state.Papers) + len(c.state.Regression)
	room := min(limit, all)/regressionPart - len(c.state.Regression)
	return c.state.Papers[:max(min(room, (len(c.state.Papers)+9)/10), 0)]
}
