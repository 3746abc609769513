package main

import (
	"context"
	"encoding/json"
	"fmt"

	"dreamlab/cmd/internal/cli/show"
	"dreamlab/cmd/internal/client"
)

// lineageVerb shows what a thing came from and what came of it.
type lineageVerb struct {
	ID string `arg:"" name:"id" help:"the id of a conversation, a job, a dream, a dataset, a tune, a model ..."`
	reaching
	listing
}

// step is a neighbour on the way.
type step struct {
	Way  string `json:"way"` // from: it came from that; to: that came of it
	ID   string `json:"id"`
	Step string `json:"step"`
	Of   string `json:"of"`
	Hops int    `json:"hops"`
}

// lineageView is a page of the API.
type lineageView struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	From    []step `json:"from"`
	To      []step `json:"to"`
	HasMore bool   `json:"has_more"`
	LastID  string `json:"last_id"`
}

// Run walks to the ends.
func (v *lineageVerb) Run(ctx context.Context, sh shell) error {
	c, err := v.open(sh)
	if err != nil {
		return err
	}
	defer c.Close()
	all := lineageView{ID: v.ID, Object: "lineage", HasMore: true}
	for all.HasMore {
		raw, err := c.Raw(ctx, client.Path("/v1/lineage", v.ID)+"?limit=100&after="+all.LastID)
		if err != nil {
			return err
		}
		var page lineageView
		if err := json.Unmarshal(raw, &page); err != nil {
			return fmt.Errorf("read the lineage: %w", err)
		}
		all.From, all.To = append(all.From, page.From...), append(all.To, page.To...)
		all.HasMore, all.LastID = page.HasMore, page.LastID
	}
	return show.Write(v.sink(sh), all, all.steps(), []show.Column[step]{
		{Head: "WAY", Of: func(s step) string { return s.Way }},
		{Head: "HOPS", Of: func(s step) string { return fmt.Sprint(s.Hops) }},
		{Head: "ID", Of: func(s step) string { return s.ID }},
		{Head: "STEP", Of: func(s step) string { return s.Step }},
		{Head: "OF", Of: func(s step) string { return s.Of }},
	})
}

// steps returns both ways in one list.
func (l *lineageView) steps() []step {
	all := []step{}
	for way, steps := range map[string][]step{"from": l.From, "to": l.To} {
		for i := range steps {
			steps[i].Way = way
		}
	}
	return append(append(all, l.From...), l.To...)
}
