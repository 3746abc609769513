package web

import (
	"net/url"
	"strings"
)

// searchView is what a search found.
type searchView struct {
	Query  string
	Models []string
	Routes []string
}

// searchPage leads to the page of an id, an alias, a conversation or a model; else it lists what has
// the text in its name.
func searchPage(v *visit) error {
	body := searchView{Query: strings.TrimSpace(v.r.URL.Query().Get("q"))}
	id := strings.TrimPrefix(body.Query, "chatcmpl-")
	if id != body.Query {
		id = "job_" + id
	}
	if place := placeOf(id); place != "" {
		return v.done(place+"/"+url.PathEscape(id), "")
	}
	if body.Query == "" {
		return v.show("search", "Search", body)
	}
	turns, err := v.turns(body.Query)
	if err != nil && !missing(err) {
		return err
	}
	if len(turns) > 0 {
		return v.done("conversations/"+url.PathEscape(body.Query), "")
	}
	models, err := v.models()
	if err != nil {
		return err
	}
	for _, m := range models {
		if !strings.Contains(m.ID, body.Query) {
			continue
		}
		if m.Ours.Kind == "alias" {
			body.Routes = append(body.Routes, m.ID)
		} else {
			body.Models = append(body.Models, m.ID)
		}
	}
	return v.show("search", "Search", body)
}
