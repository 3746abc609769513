package web

import (
	"html/template"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"dreamlab/cmd/internal/markdown"
	"dreamlab/cmd/internal/web/say"
	"dreamlab/store"
)

// functions are what templates can call. Every link is made here, so that all have the prefix.
func (p *Pages) functions() template.FuncMap {
	return template.FuncMap{
		"page": p.address, "asset": p.assetPath, "of": p.pageOf, "root": func() string { return p.Prefix },
		"when": say.When, "usd": say.Exact, "cost": say.Short, "pct": say.Percent, "num": say.Number, "count": say.Count,
		"brief": say.Brief, "words": say.Words, "took": say.Took, "pretty": say.Pretty,
		"menu": menu, "hasPrefix": strings.HasPrefix, "join": strings.Join, "field": newField,
		"seconds": say.Seconds, "markdown": markdown.Answer, "digit": func(i int) string { return strconv.Itoa(i + 1) },
	}
}

// address returns the address of a page below /app/, of parts that are escaped.
func (p *Pages) address(parts ...string) string {
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	return p.Prefix + "/app/" + strings.Join(parts, "/")
}

func (p *Pages) assetPath(name string) string {
	return p.Prefix + "/app/assets/" + p.assets.Path(name)
}

// places are the pages of ids, by their nouns.
var places = map[string]string{
	"job_": "requests", "exp_": "experiences", "conv_": "conversations", "drm_": "dreams", "rfl_": "lessons", "exm_": "review",
	"ds_": "datasets", "tun_": "tunes", "evl_": "evaluations", "key_": "keys", "mem_": "memory", "ftjob-": "lineage",
	"file-": "lineage", "batch_": "requests",
}

// placeOf returns the page of an id, "" where it is of no noun.
func placeOf(id string) string {
	for noun, place := range places {
		if strings.HasPrefix(id, noun) {
			return place
		}
	}
	return ""
}

// pageOf returns the address of the page of an id; that of its lineage where it has no page.
func (p *Pages) pageOf(id string) string {
	if place := placeOf(id); place != "" {
		return p.address(place, id)
	}
	return p.address("lineage", id)
}

// entry is a line of the menu. Scope is what its page needs beyond looking.
type entry struct{ Page, Name, Key, Scope string }

// group is a part of the menu.
type group struct {
	Name    string
	Entries []entry
}

// menu returns the pages that a key may see, each with the letter that leads there after g.
func menu(key *store.Key) []group {
	groups := []group{
		{"Traffic", []entry{{"", "Home", "h", ""}, {"requests", "Requests", "r", ""}, {"chat", "Chat", "c", store.ScopeUse},
			{"conversations", "Conversations", "v", ""}, {"queues", "Queues", "q", ""}}},
		{"Learning", []entry{{"dreams", "Dreams", "d", ""}, {"review", "Review", "w", ""}, {"memory", "Memory", "m", ""},
			{"datasets", "Datasets", "a", ""}, {"tunes", "Tunes", "t", ""}, {"evaluations", "Evaluations", "e", ""}}},
		{"Serving", []entry{{"routes", "Routes", "o", ""}, {"models", "Models", "l", ""}, {"lineage", "Lineage", "n", ""}}},
		{"House", []entry{{"cost", "Cost", "u", ""}, {"keys", "Keys, budgets", "k", store.ScopeAdmin}, {"status", "Status", "s", ""},
			{"docs", "Documentation", "i", ""}}},
	}
	for i := range groups {
		groups[i].Entries = slices.DeleteFunc(groups[i].Entries, func(e entry) bool {
			return e.Scope != "" && (key == nil || !key.Has(e.Scope))
		})
	}
	return groups
}

// field is a choice of a filter.
type field struct {
	Name, Label, Value string
	Options            []string
}

func newField(name, label, value string, options ...string) field {
	return field{name, label, value, options}
}
