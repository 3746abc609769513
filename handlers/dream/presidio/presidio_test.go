package presidio_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dreamlab/handlers/dream/presidio"
)

// capitals are what the service below takes for people.
var capitals = regexp.MustCompile(`\b(Anna|Karl|Yuki) [A-Z][a-z]+`)

// service answers as the analyzer of Presidio 2.2 does.
func service(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Text      string   `json:"text"`
		Language  string   `json:"language"`
		Threshold float64  `json:"score_threshold"`
		Entities  []string `json:"entities"`
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || r.Method != http.MethodPost || r.URL.Path != "/analyze" || r.Header.Get("Content-Type") != "application/json" ||
		json.Unmarshal(body, &asked) != nil {
		http.Error(w, `{"error":"bad request"}`, http.StatusBadRequest)
		return
	}
	if asked.Language != "en" {
		w.WriteHeader(http.StatusInternalServerError)
		io.WriteString(w, `{"error":"No matching recognizers were found to serve the request."}`)
		return
	}
	found := []map[string]any{}
	for _, at := range capitals.FindAllStringIndex(asked.Text, -1) {
		if len(asked.Entities) > 0 && !slices.Contains(asked.Entities, "PERSON") || asked.Threshold > 0.85 {
			continue
		}
		found = append(found, map[string]any{
			"analysis_explanation": nil, "entity_type": "PERSON", "score": 0.85,
			"start": len([]rune(asked.Text[:at[0]])), "end": len([]rune(asked.Text[:at[1]])),
		})
	}
	if err := json.NewEncoder(w).Encode(found); err != nil {
		panic(err)
	}
}

func TestFinds(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(service))
	t.Cleanup(s.Close)
	en := presidio.Analyzer{URL: s.URL + "/", Language: "en", Score: 0.6}
	sure, other := en, en
	sure.Score, other.Entities = 0.9, []string{"IBAN_CODE"}
	for _, c := range []struct {
		of         presidio.Analyzer
		text, want string
	}{
		{en, "Ask Anna Karenina at the bar.", "PERSON"}, {en, "A large latte, please.", ""}, {en, " ", ""},
		{en, "Ask [NAME_1] at the bar.", ""}, {sure, "Ask Anna Karenina.", ""}, {other, "Ask Anna Karenina.", ""},
		{presidio.Analyzer{}, "Ask Anna Karenina.", ""},
	} {
		if got, err := c.of.Finds(t.Context(), c.text); got != c.want || err != nil {
			t.Errorf("%q: %q %v, want %q", c.text, got, err, c.want)
		}
	}
}

// TestUnchecked has a service that is away or answers nonsense: a text is never taken for clean, and no error
// holds its words or the address.
func TestUnchecked(t *testing.T) {
	t.Parallel()
	answers := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			io.WriteString(w, body)
		}
	}
	cut := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		io.WriteString(w, "[")
	}
	for name, answer := range map[string]http.HandlerFunc{
		"500": answers(500, `{"error":"Anna Karenina"}`), "404": answers(404, ""), "html": answers(200, "<html>"),
		"null": answers(200, "null"), "object": answers(200, `{"error":"x"}`),
		"redirect": http.RedirectHandler("https://elsewhere.example/", http.StatusTemporaryRedirect).ServeHTTP,
		"empty":    answers(200, ""), "cut": cut,
		"endless": answers(200, "["+strings.Repeat(" ", 5<<20)+"]"), "another language": service,
	} {
		s := httptest.NewServer(answer)
		a := presidio.Analyzer{URL: s.URL, Language: "xx"}
		kind, err := a.Finds(t.Context(), "Ask Anna Karenina.")
		s.Close()
		if kind != "" || !errors.Is(err, presidio.ErrUnchecked) || strings.Contains(err.Error(), "Anna") ||
			strings.Contains(err.Error(), "127.0.0.1") {
			t.Errorf("%s: %q, %v", name, kind, err)
		}
		if _, err = a.Finds(t.Context(), "Hello"); !errors.Is(err, presidio.ErrUnchecked) || strings.Contains(err.Error(), "127.0.0.1") {
			t.Errorf("%s: nothing listens, %v", name, err)
		}
	}
	a := presidio.Analyzer{URL: "http://127.0.0.1:1"}
	if _, err := a.Finds(t.Context(), strings.Repeat("latte ", 20_000)); !errors.Is(err, presidio.ErrUnchecked) {
		t.Errorf("a text that is too long: %v", err)
	}
}
