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
		{"tunes", url.Values{"model": {"vllm/dl-1"}, "host": {"groq"}}, `{"host":"groq","model":"vllm/dl-1"}`},
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
	for _, part := range []string{"be trained and served", "$0.06", "$3,952.80", "<strong>chosen</strong>", "1 way is refused",
		"what it trained itself"} {
		if reply.StatusCode != http.StatusOK || !strings.Contains(page, part) {
			t.Errorf("%d, no %q in %s", reply.StatusCode, part, page)
		}
	}
}

// An estimate of a dream is on its page, which has nothing else to tell then; a plan is neither promoted nor refused.
func TestEstimatesAndPlans(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	_, key := s.key(store.ScopeView, store.ScopeUse)
	s.send("/app/signin", url.Values{"key": {key}})
	const tune = `{"id":"tun_1","status":"succeeded","stage":"done","finished_at":1,"decision":{"promoted":false,"reason":"dry run: 9 pairs"}}`
	s.says = map[string]string{
		"/v1/dreams/drm_1": `{"id":"drm_1","status":"succeeded","dry_run":true,"finished_at":1,"result":{"dry_run":{"experiences":274,
			"held_out":62,"screened":3,"calls":900,"cost_usd":0.5,"expected_usd":0.02}}}`,
		"/v1/dreams":      `{"data":[{"id":"drm_1","status":"succeeded","dry_run":true,"finished_at":1}]}`,
		"/v1/tunes/tun_1": tune, "/v1/tunes": `{"data":[` + tune + `]}`,
	}
	s.shows("/app/dreams/drm_1", "274 answers", "62 are held out", "about <strong>$0.02</strong>", "at most $0.5", "900 calls")
	_, page := s.send("/app/dreams/drm_1", nil)
	for _, part := range []string{"Undo", "What it refused", "Some of its examples", "It kept"} {
		if strings.Contains(page, part) {
			t.Errorf("an estimate shows %q", part)
		}
	}
	s.shows("/app/dreams", `<span class="dim">estimate</span>`)
	s.shows("/app/tunes/tun_1", "Planned:")
	s.shows("/app/tunes", "Planned <span")
}

// A vendor's model has a page, which leads to what it was asked; a name that is none has not.
func TestLineageOfAVendorsModel(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	_, key := s.key(store.ScopeView)
	s.send("/app/signin", url.Values{"key": {key}})
	s.missing = map[string]bool{"/v1/lineage/groq/openai/a": true, "/v1/lineage/groq/none": true}
	s.says = map[string]string{"/v1/models": `{"data":[{"id":"groq/openai/a"}]}`}
	s.shows("/app/lineage/groq%2Fopenai%2Fa", "not trained here", `/app/requests?model=groq%2fopenai%2fa"`)
	if reply, _ := s.send("/app/lineage/groq%2Fnone", nil); reply.StatusCode != http.StatusNotFound {
		t.Errorf("a model that is none: %d", reply.StatusCode)
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
