package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"dreamlab/cmd/internal/api/wire"
	"dreamlab/cmd/internal/web/held"
	"dreamlab/store"
	"dreamlab/store/plainjson"
)

// visit is one request for a page.
type visit struct {
	*Pages
	w       http.ResponseWriter
	r       *http.Request
	key     store.Key
	session string
	status  int
}

// visit looks who comes.
func (p *Pages) visit(w http.ResponseWriter, r *http.Request) *visit {
	v := &visit{Pages: p, w: w, r: r, status: http.StatusOK}
	cookie, err := r.Cookie(wire.SessionCookie)
	if err != nil {
		return v
	}
	if v.key, err = p.Sessions.KeyBySession(r.Context(), cookie.Value); err == nil {
		v.session = cookie.Value
	}
	return v
}

func (v *visit) signedIn() bool { return v.session != "" }

// refusal is what the API, or a page, answers instead.
type refusal struct {
	Status  int    `json:"-"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Error returns the message.
func (r *refusal) Error() string { return r.Message }

// askWithin bounds a question to the API.
const askWithin = 30 * time.Second

// get reads what the API shows.
func (v *visit) get(path string, query url.Values, into any) error {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return v.ask(http.MethodGet, path, nil, into)
}

// ask asks the API in the visitor's name and reads its answer.
func (v *visit) ask(method, path string, body, into any) error {
	answer, err := v.answer(method, path, body)
	if err != nil {
		return err
	}
	if text, is := into.(*string); is {
		*text = string(answer)
		return nil
	}
	if into == nil {
		return nil
	}
	return decode(answer, into)
}

func decode(answer []byte, into any) error {
	if err := json.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("read the API's answer: %w", err)
	}
	return nil
}

func (v *visit) answer(method, path string, body any) ([]byte, error) {
	ctx, cancel := context.WithTimeout(v.r.Context(), askWithin)
	defer cancel()
	ask, err := v.question(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	got := held.New()
	v.api.ServeHTTP(got, ask)
	if got.Status >= http.StatusBadRequest {
		return nil, refused(got)
	}
	return got.Bytes(), nil
}

// question is a request to the API in the visitor's name.
func (v *visit) question(ctx context.Context, method, path string, body any) (*http.Request, error) {
	var text []byte
	if body != nil {
		text = plainjson.Of(body)
	}
	ask, err := http.NewRequestWithContext(ctx, method, path, bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("ask the API: %w", err)
	}
	ask.RemoteAddr, ask.Host, ask.RequestURI = v.r.RemoteAddr, v.r.Host, path
	ask.Header.Set("Authorization", "Bearer "+v.session)
	ask.Header.Set("Accept", "application/json")
	if body != nil {
		ask.Header.Set("Content-Type", "application/json")
	}
	return ask, nil
}

func refused(h *held.Answer) *refusal {
	var told struct{ Error refusal }
	if json.Unmarshal(h.Bytes(), &told) != nil || told.Error.Message == "" {
		told.Error.Message = "The API answered with status " + strconv.Itoa(h.Status) + "."
	}
	told.Error.Status = h.Status
	return &told.Error
}

// frame is what every page has around it.
type frame struct {
	Title   string
	Page    string // the template's name
	Section string // the entry of the menu that it belongs to
	Theme   string // light, dark or "", the system's
	Key     *store.Key
	Sandbox bool
	Note    string // what was just done
	Here    string // the page's own path and query, below /app/
	Base    string // where the API answers, for lines to copy
	Body    any
}

// show answers with a page.
func (v *visit) show(page, title string, body any) error {
	f := frame{Title: title, Page: page, Section: sectionOf(v.r.URL.Path), Theme: themeOf(v.r), Sandbox: v.Sandbox,
		Note: notes[v.r.URL.Query().Get("note")], Here: v.here(), Base: v.base(), Body: body}
	if v.signedIn() {
		f.Key = &v.key
	}
	var out bytes.Buffer
	if err := v.templates[page].ExecuteTemplate(&out, "frame", f); err != nil {
		return fmt.Errorf("show the page %s: %w", page, err)
	}
	return wire.Write(v.w, v.status, "text/html; charset=utf-8", out.Bytes())
}

func sectionOf(path string) string {
	section, _, _ := strings.Cut(strings.TrimPrefix(path, "/app/"), "/")
	return section
}

// here returns the address of the page without what was said once.
func (v *visit) here() string {
	query := v.r.URL.Query()
	query.Del("note")
	at := strings.TrimPrefix(v.r.URL.Path, "/app/")
	if v.r.Method != http.MethodGet || at == "signin" {
		return ""
	}
	if len(query) > 0 {
		at += "?" + query.Encode()
	}
	return at
}

func (v *visit) base() string {
	scheme := "http"
	if secure(v.r) {
		scheme = "https"
	}
	return scheme + "://" + v.r.Host + v.Prefix
}

// notes are what pages say once after something was done.
var notes = map[string]string{
	"cancelled": "Cancelled: it stops within seconds.", "retried": "Queued again.",
	"started": "Started.", "undone": "Undone: what it taught is withdrawn.",
	"forgetting": "Forgetting has begun: the job below says when it is done.",
	"thanks":     "Kept as feedback.", "canary-moved": "Done: the canary is as it stands here.",
	"rolled-back": "Rolled back: the targets of before answer from now on.",
	"revoked":     "Revoked: the key stops working within a second.", "saved": "Saved.", "reviewed": "Decided.",
	"taken-back": "Taken back: it is open again.",
	"signed-out": "Signed out.", "bulk": "Accepted: the job below counts what it did.",
	"restored": "Restored as a new version.",
}

// done leads to a page after a form did its work.
func (v *visit) done(page, note string) error {
	if note != "" {
		mark := "?"
		if strings.Contains(page, "?") {
			mark = "&"
		}
		page += mark + "note=" + note
	}
	http.Redirect(v.w, v.r, v.Prefix+"/app/"+page, http.StatusSeeOther)
	return nil
}

// entered returns what a form asks of the API: its texts, its numbers, and whether it is only to be
// planned. What is no number is left as it is, so that the API refuses it by its name.
func entered(r *http.Request, texts []string, numbers ...string) map[string]any {
	ask := map[string]any{}
	for _, name := range append(texts, numbers...) {
		if text := r.PostFormValue(name); text != "" {
			ask[name] = text
		}
	}
	for _, name := range numbers {
		if n, err := strconv.Atoi(r.PostFormValue(name)); err == nil {
			ask[name] = n
		}
	}
	if r.PostFormValue("dry_run") != "" {
		ask["dry_run"] = true
	}
	return ask
}

// backTo returns the page that a form names as the one to return to, never another site.
func backTo(r *http.Request) string {
	back := r.PostFormValue("back")
	if at, err := url.Parse(back); err != nil || at.IsAbs() || at.Host != "" || strings.HasPrefix(back, "/") ||
		strings.ContainsAny(back, "\\\r\n") {
		return ""
	}
	return back
}
