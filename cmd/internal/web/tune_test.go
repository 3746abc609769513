package web

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"dreamlab/store"
)

// The forms of tunes and dreams ask the API for all that they offer, and leave wrong numbers to be refused by it.
func TestFormsOfTunesAndDreams(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	_, key := s.key(store.ScopeUse, store.ScopeView)
	s.send("/app/signin", url.Values{"key": {key}})
	asked := ""
	s.asked = func(r *http.Request) {
		if r.Method == http.MethodPost {
			text, err := io.ReadAll(r.Body)
			must(t, err)
			asked = string(text)
		}
	}
	s.says = map[string]string{"/v1/tunes": `{"id":"tun_1"}`, "/v1/dreams": `{"id":"drm_1"}`}
	for _, c := range []struct {
		path string
		form url.Values
		want string
	}{
		{"tunes", url.Values{"alias": {"assistant"}, "method": {"dpo"}, "min_examples": {"7"}, "budget_usd": {"2.50"}, "dry_run": {"1"}},
			`{"alias":"assistant","budget_usd":"2.50","dry_run":true,"method":"dpo","min_examples":7}`},
		{"tunes", url.Values{"method": {""}, "min_examples": {"many"}}, `{"min_examples":"many"}`},
		{"dreams", url.Values{"mode": {"batch"}, "limit": {"20"}, "budget_usd": {"1"}}, `{"budget_usd":"1","limit":20,"mode":"batch"}`},
	} {
		if got, _ := s.send("/app/"+c.path, c.form); got.StatusCode != http.StatusSeeOther || asked != c.want {
			t.Errorf("%s %v: %d, asked %s", c.path, c.form, got.StatusCode, asked)
		}
	}
}

// The page of a tune shows its plan: what each way costs, which one was chosen, and why others are refused.
func TestPlanOnThePageOfATune(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	_, key := s.key(store.ScopeView)
	s.send("/app/signin", url.Values{"key": {key}})
	s.says = map[string]string{"/v1/tunes/tun_1": `{"id":"tun_1","status":"succeeded","stage":"price","alias":"assistant","base":"a/b","plan":[
		{"trainer":"together","place":"together","base":"a/b","training_usd":0.06,"hosting_usd":3952.8,"latency":"warm","chosen":true},
		{"trainer":"together","place":"azure","base":"a/b","forbidden":"azure serves what it trained itself"}]}`}
	reply, page := s.send("/app/tunes/tun_1", nil)
	for _, part := range []string{"be trained and served", "$0.06", "$3,952.80", "<strong>chosen</strong>", "1 way is refused", "what it trained itself"} {
		if reply.StatusCode != http.StatusOK || !strings.Contains(page, part) {
			t.Errorf("%d, no %q in %s", reply.StatusCode, part, page)
		}
	}
}

// A page without rows says whether there are none at all or a filter leaves them out.
func TestEmptyPagesSayWhy(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	_, key := s.key(store.ScopeView)
	s.send("/app/signin", url.Values{"key": {key}})
	for path, want := range map[string]string{
		"requests": "Nothing was asked yet", "requests?live=off": "Nothing was asked yet", "requests?q=tyre": "fits these filters",
		"requests?model=a": "fits these filters", "conversations": "No answer is kept yet", "conversations?q=tyre": "fits these filters",
	} {
		if _, page := s.send("/app/"+path, nil); !strings.Contains(page, want) {
			t.Errorf("%s does not say %q", path, want)
		}
	}
}

// The menu and the list of keys lead to nothing that the key may not see.
func TestMenuByScopes(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	for scope, has := range map[string]bool{store.ScopeView: false, store.ScopeAdmin: true} {
		_, key := s.key(scope)
		s.send("/app/signin", url.Values{"key": {key}})
		_, page := s.send("/app/requests", nil)
		for _, entry := range []string{`href="/app/keys"`, `href="/app/chat"`, "Keys, budgets</dd>"} {
			if strings.Contains(page, entry) != has {
				t.Errorf("%s with the scope %s: %t", entry, scope, !has)
			}
		}
	}
}
