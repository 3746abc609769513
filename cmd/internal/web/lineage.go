package web

import (
	"net/url"
	"slices"
	"sort"
	"strings"

	"dreamlab/cmd/internal/web/draw"
	"dreamlab/cmd/internal/web/say"
)

// lineageView is what a thing came from, and what came of it.
type lineageView struct {
	ID      string        `json:"id"`
	From    []lineageStep `json:"from"`
	To      []lineageStep `json:"to"`
	HasMore bool          `json:"has_more"`
	LastID  *string       `json:"last_id"`
}

type lineageStep struct {
	ID   string `json:"id"`
	Step string `json:"step"`
	Of   string `json:"of"`
	Hops int    `json:"hops"`
}

// Models returns the models that learned from the thing.
func (l lineageView) Models() []string { return l.of("model") }

func (l lineageView) of(sort string) []string {
	var ids []string
	for _, step := range l.To {
		if columns[columnOf(step.ID)] == sort {
			ids = append(ids, step.ID)
		}
	}
	return ids
}

// columns are the sorts of things, from the conversation to the model.
var columns = []string{"conversation", "request", "experience", "dream", "lesson", "example", "memory", "dataset", "tune",
	"training", "evaluation", "model"}

var columnNouns = map[string]int{"conv_": 0, "job_": 1, "exp_": 2, "drm_": 3, "rfl_": 4, "exm_": 5, "mem_": 6, "ds_": 7,
	"tun_": 8, "ftjob-": 9, "file-": 7, "evl_": 10}

func columnOf(id string) int {
	for noun, column := range columnNouns {
		if strings.HasPrefix(id, noun) {
			return column
		}
	}
	return len(columns) - 1 // a model, by its name
}

// lineagePageView is the graph of a thing.
type lineagePageView struct {
	ID      string
	Lineage lineageView
	Graph   draw.Graph
	Heads   []string
	Left    int  // things of each sort that the graph leaves out
	Bought  bool // it is a model of a vendor, which comes from nothing here
	Next    string
}

// fullColumn is how many things of one sort the graph shows.
const fullColumn = 8

func lineagePage(v *visit) error {
	body := lineagePageView{ID: v.r.PathValue("id")}
	if body.ID == "" {
		if id := strings.TrimSpace(v.r.URL.Query().Get("id")); id != "" {
			return v.done("lineage/"+url.PathEscape(id), "")
		}
		return v.show("lineage", "Lineage", body)
	}
	query := url.Values{}
	if after := v.r.URL.Query().Get("after"); after != "" {
		query.Set("after", after)
	}
	err := v.get("/v1/lineage/"+escaped(body.ID), query, &body.Lineage)
	if missing(err) {
		body.Bought, err = bought(v, body.ID, err)
	}
	if err != nil {
		return err
	}
	if body.Lineage.HasMore && body.Lineage.LastID != nil {
		body.Next = "?" + url.Values{"after": {*body.Lineage.LastID}}.Encode()
	}
	body.draw()
	return v.show("lineage", "Lineage of "+say.Brief(body.ID), body)
}

// bought tells whether an id without a lineage is a vendor's model, or returns the error that there is
// none.
func bought(v *visit, id string, none error) (bool, error) {
	models, err := v.models()
	if err != nil {
		return false, err
	}
	if slices.ContainsFunc(models, func(m modelView) bool { return m.ID == id }) {
		return true, nil
	}
	return false, none
}

// escaped escapes an id that may be a model's name, whose slashes are parts of the API's path.
func escaped(id string) string {
	parts := strings.Split(id, "/")
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	return strings.Join(parts, "/")
}

// draw lays the graph out, the nearest things of each sort.
func (b *lineagePageView) draw() {
	steps := slices.Concat(b.Lineage.From, b.Lineage.To)
	sort.SliceStable(steps, func(i, j int) bool { return steps[i].Hops < steps[j].Hops })
	nodes, count := []draw.Node{{ID: b.ID, Column: columnOf(b.ID)}}, map[int]int{columnOf(b.ID): 1}
	var edges []draw.Edge
	for _, step := range steps {
		column := columnOf(step.ID)
		if count[column]++; count[column] > fullColumn {
			b.Left++
			continue
		}
		nodes = append(nodes, draw.Node{ID: step.ID, Column: column})
		edges = append(edges, draw.Edge{From: step.Of, To: step.ID, Name: step.Step})
	}
	b.Graph = draw.NewGraph(nodes, edges)
	for _, head := range b.Graph.Columns {
		b.Heads = append(b.Heads, columns[head.Column])
	}
}
