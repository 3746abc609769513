package web

import (
	"html/template"
	"slices"
	"strings"

	"dreamlab/cmd/internal/site"
)

// docsView is one page of the documentation, or all of them.
type docsView struct {
	Name  string      // of the page, "" with all
	Menu  []site.Page // all pages
	Shown []site.Page
}

// firstDocument leads to the first page. The pages link each other by names, which only hold below
// the folder.
func firstDocument(v *visit) error { return v.done("docs/index.html", "") }

func documentPage(v *visit) error {
	all, err := v.documents()
	if err != nil {
		return err
	}
	name := v.r.PathValue("name")
	at := slices.IndexFunc(all, func(p site.Page) bool { return p.Name == name })
	if at < 0 {
		return noPage(v)
	}
	return v.show("docs", all[at].Title, docsView{name, all, all[at : at+1]})
}

// allDocuments shows all pages in one, for a browser to search. A heading's name begins with that of
// its page there, since two pages may use one name.
func allDocuments(v *visit) error {
	all, err := v.documents()
	if err != nil {
		return err
	}
	shown := slices.Clone(all)
	for i, p := range shown {
		page := strings.TrimSuffix(p.Name, ".html")
		shown[i].Body = template.HTML(strings.ReplaceAll(string(p.Body), ` id="`, ` id="`+page+`--`))
	}
	return v.show("docs", "Documentation", docsView{Menu: all, Shown: shown})
}
