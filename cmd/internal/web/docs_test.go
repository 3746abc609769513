package web

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"dreamlab/cmd/internal/site"
	"dreamlab/store"
)

var linked = regexp.MustCompile(` (id|href)="([^"]*)"`)

// The documentation is the site's own, and each link of it leads to a page and a heading.
func TestDocs(t *testing.T) {
	t.Parallel()
	s := newSite(t, "/a")
	if got, _ := s.send("/app/docs/index.html", nil); got.StatusCode != 401 {
		t.Errorf("without a session: %d", got.StatusCode)
	}
	_, secret := s.key(store.ScopeView)
	s.send("/app/signin", url.Values{"key": {secret}})
	if got, _ := s.send("/app/docs", nil); got.Header.Get("Location") != "/a/app/docs/index.html" {
		t.Errorf("it leads to %s", got.Header.Get("Location"))
	}
	if got, _ := s.send("/app/docs/none.html", nil); got.StatusCode != 404 {
		t.Errorf("a page that is not there: %d", got.StatusCode)
	}
	pages, err := site.Pages(site.Source{})
	must(t, err)
	_, all := s.send("/app/docs/all", nil)
	for _, page := range pages {
		got, body := s.send("/app/docs/"+page.Name, nil)
		if got.StatusCode != 200 || !strings.Contains(body, string(page.Body)) || !strings.Contains(body, "<title>"+page.Title) {
			t.Errorf("%s is not shown: %d", page.Name, got.StatusCode)
		}
		for _, a := range linked.FindAllStringSubmatch(string(page.Body), -1) {
			if a[1] == "id" && !strings.Contains(all, `id="`+strings.TrimSuffix(page.Name, ".html")+"--"+a[2]+`"`) {
				t.Errorf("the page with all of them lacks %s of %s", a[2], page.Name)
			}
		}
	}
}
