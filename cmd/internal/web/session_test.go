package web

import (
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/storetest"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// rig is the pages over an API that answers every question with an empty list, unless told otherwise.
type rig struct {
	t     *testing.T
	store *store.Store
	pages *Pages
	url   string
	asked func(*http.Request) // told of what the API is asked
	says  map[string]string   // what the API answers, by path
	// missing are the paths that the API does not know.
	missing map[string]bool
	client  *http.Client
}

func newSite(t *testing.T, prefix string) *rig {
	t.Helper()
	s := &rig{t: t, store: storetest.SQLite(t), asked: func(*http.Request) {}}
	pages, err := New(Options{Sessions: s.store, Prefix: prefix})
	must(t, err)
	s.pages = pages
	pages.Over(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked(r)
		if s.missing[r.URL.Path] {
			must(t, wire.Write(w, http.StatusNotFound, "application/json", []byte(`{"error":{"message":"none"}}`)))
			return
		}
		answer, known := s.says[r.URL.Path]
		if !known {
			answer = `{"data":[]}`
		}
		must(t, wire.Write(w, http.StatusOK, "application/json", []byte(answer)))
	}))
	server := httptest.NewServer(http.StripPrefix(prefix, pages))
	t.Cleanup(server.Close)
	jar, err := cookiejar.New(nil)
	must(t, err)
	s.url = server.URL + prefix
	s.client = &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return s
}

func (s *rig) key(scopes ...string) (store.Key, string) {
	s.t.Helper()
	tenant, err := s.store.EnsureTenant(s.t.Context(), "acme")
	must(s.t, err)
	secret := store.NewSecret()
	key, err := s.store.CreateKey(s.t.Context(), store.Key{Tenant: tenant.ID, Name: "mine", Scopes: scopes}, secret)
	must(s.t, err)
	return key, secret
}

// send asks for a page, or sends a form, and returns the answer without its body, and the body.
func (s *rig) send(path string, form url.Values, headers ...string) (*http.Response, string) {
	s.t.Helper()
	method, body := http.MethodGet, ""
	if form != nil {
		method, body = http.MethodPost, form.Encode()
	}
	ask, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(body))
	must(s.t, err)
	ask.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(headers); i += 2 {
		ask.Header.Set(headers[i], headers[i+1])
	}
	answer, err := s.client.Do(ask)
	must(s.t, err)
	text, err := io.ReadAll(answer.Body)
	must(s.t, errors.Join(err, answer.Body.Close()))
	return answer, string(text)
}

// A key signs in; the session asks the API in the key's name, and ends by signing out.
func TestSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	_, secret := s.key(store.ScopeView)
	if got, body := s.send("/app/requests", nil); got.StatusCode != 401 || !strings.Contains(body, `value="requests"`) {
		t.Errorf("without a session: %d, %s", got.StatusCode, body)
	}
	if got, body := s.send("/app/signin", url.Values{"key": {"dl-wrong"}}); got.StatusCode != 401 || !strings.Contains(body, "unknown") {
		t.Errorf("a wrong key: %d, %s", got.StatusCode, body)
	}
	got, _ := s.send("/app/signin", url.Values{"key": {" " + secret + " "}, "back": {"requests?kind=chat"}})
	if got.StatusCode != 303 || got.Header.Get("Location") != "/app/requests?kind=chat" {
		t.Errorf("a key: %d, %s", got.StatusCode, got.Header)
	}
	cookie := got.Cookies()[0]
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.MaxAge != 12*60*60 || strings.Contains(cookie.Value, secret) {
		t.Errorf("the cookie is %s", cookie)
	}
	bearer := ""
	s.asked = func(r *http.Request) { bearer = r.Header.Get("Authorization") }
	if got, body := s.send("/app/requests", nil); got.StatusCode != 200 || bearer != "Bearer "+cookie.Value ||
		strings.Contains(body, cookie.Value) {
		t.Errorf("%d, asked as %q", got.StatusCode, bearer)
	}
	if got, _ := s.send("/app/signout", url.Values{}); got.StatusCode != 303 {
		t.Errorf("signing out: %d", got.StatusCode)
	}
	if _, err := s.store.KeyBySession(t.Context(), cookie.Value); err == nil {
		t.Error("the session lives on")
	}
}

// A link signs in once.
func TestEnterByLink(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	key, _ := s.key(store.ScopeAdmin)
	ticket, err := s.store.NewTicket(t.Context(), key.ID, time.Hour)
	must(t, err)
	if got, _ := s.send("/app/enter?ticket="+ticket, nil); got.StatusCode != 303 || len(got.Cookies()) != 1 {
		t.Errorf("the link gives %d", got.StatusCode)
	}
	if got, body := s.send("/app/enter?ticket="+ticket, nil); got.StatusCode != 401 || !strings.Contains(body, "used before") {
		t.Errorf("the link gives %d again: %s", got.StatusCode, body)
	}
}

// A session ends with its time and with its key, and says so.
func TestSessionEnds(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	key, secret := s.key(store.ScopeView)
	s.send("/app/signin", url.Values{"key": {secret}})
	must(t, s.store.RevokeKey(t.Context(), key.ID))
	if got, body := s.send("/app/dreams", nil); got.StatusCode != 401 || !strings.Contains(body, "session has ended") {
		t.Errorf("with a revoked key: %d, %s", got.StatusCode, body)
	}
}

// What a page of another origin makes a browser send is refused.
func TestForeignForms(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	_, secret := s.key(store.ScopeAdmin)
	s.send("/app/signin", url.Values{"key": {secret}})
	s.asked = func(r *http.Request) {
		if r.Method != http.MethodGet {
			t.Errorf("the API was asked %s %s", r.Method, r.URL)
		}
	}
	for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"}} {
		if got, _ := s.send("/app/dreams", url.Values{"limit": {"1"}}, header...); got.StatusCode != 403 {
			t.Errorf("%v: %d", header, got.StatusCode)
		}
	}
}

// Each page is refused to a key without the scope that it needs.
func TestScopesOfPages(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	_, secret := s.key(store.ScopeView)
	s.send("/app/signin", url.Values{"key": {secret}})
	for path, want := range map[string]int{"/app/keys": 403, "/app/chat": 403, "/app/requests": 200, "/app/routes/a/rollback": 403, "/app/no": 404} {
		if got, _ := s.send(path, nil); got.StatusCode != want {
			t.Errorf("%s: %d", path, got.StatusCode)
		}
	}
	if got, _ := s.send("/app/dreams", url.Values{}); got.StatusCode != 403 {
		t.Errorf("a reader starts a dream: %d", got.StatusCode)
	}
}

// All addresses of a page begin with the prefix, and so do cookies and redirects.
func TestPrefix(t *testing.T) {
	t.Parallel()
	s := newSite(t, "/a/b")
	_, secret := s.key(store.ScopeAdmin)
	got, _ := s.send("/app/signin", url.Values{"key": {secret}})
	if got.Header.Get("Location") != "/a/b/app/" || got.Cookies()[0].Path != "/a/b/" {
		t.Errorf("it leads to %s", got.Header)
	}
	for _, path := range []string{"/app/requests", "/app/keys", "/app/datasets"} {
		_, body := s.send(path, nil)
		for _, attribute := range []string{"href", "src", "action"} {
			for at := range strings.SplitSeq(body, attribute+`="`) {
				if strings.HasPrefix(at, "/") && !strings.HasPrefix(at, "/a/b/") {
					t.Errorf("%s leads to %.40s", path, at)
				}
			}
		}
	}
}

// A form can name a page to go to afterwards, and no other site.
func TestBackTo(t *testing.T) {
	t.Parallel()
	for back, want := range map[string]string{
		"requests?kind=chat": "requests?kind=chat", "//evil.example": "", "https://evil.example": "", "/etc": "", "javascript:alert(1)": "",
		"\\\\evil.example": "", "a\r\nb": "", "": "",
	} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(url.Values{"back": {back}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if got := backTo(r); got != want {
			t.Errorf("%q leads to %q", back, got)
		}
	}
}
