package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dreamlab/cmd/internal/client"
)

// capitals are questions that the sandbox's lead model answers well. A fifth of them, or so, is held out.
func capitals() (all []string) {
	for _, country := range []string{
		"Germany", "Italy", "Spain", "Portugal", "Japan", "China", "Canada", "Australia", "Brazil", "Egypt", "Kenya", "France",
	} {
		all = append(all, "What is the capital of "+country+"?")
	}
	return all
}

// badly is a file of conversations in which each question was put twice, and answered badly.
func badly(t *testing.T, questions []string) string {
	t.Helper()
	var lines bytes.Buffer
	for i, question := range append(questions, questions...) {
		err := json.NewEncoder(&lines).Encode(map[string]any{
			"conversation_id": string(rune('A' + i)), "messages": []map[string]string{
				{"role": "user", "content": question}, {"role": "assistant", "content": "I do not know."},
			},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "asked.jsonl")
	if err := os.WriteFile(path, lines.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// hit is what a chat says of itself that was answered from the cache.
type hit struct {
	Choices  []struct{ Message struct{ Content string } }
	Dreamlab struct {
		Cache, Anticipated string
		CostUSD            json.Number `json:"cost_usd"`
	}
}

// cached asks for an answer that is in the cache, and tells whether there is one.
func (st *stack) cached(t *testing.T, question string) (h hit, found bool) {
	t.Helper()
	raw, err := st.do(t, http.MethodPost, "/v1/chat/completions", map[string]any{
		"model": "assistant", "temperature": 0, "dreamlab": map[string]string{"cache": "only"},
		"messages": []map[string]string{{"role": "user", "content": question}},
	})
	if err != nil {
		if !strings.Contains(err.Error(), "not_found") {
			t.Fatal(err)
		}
		return h, false
	}
	if err := json.Unmarshal(raw, &h); err != nil {
		t.Fatal(err)
	}
	return h, true
}

func (st *stack) do(t *testing.T, method, path string, body any) (json.RawMessage, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := client.New(st.url, st.key)
	defer c.Close()
	return c.Do(ctx, method, path, body)
}

// experiences counts what was harvested.
func (st *stack) experiences(t *testing.T) int {
	t.Helper()
	var list struct{ Data []json.RawMessage }
	raw, err := st.do(t, http.MethodGet, "/v1/experiences?limit=100", nil)
	if err == nil {
		err = json.Unmarshal(raw, &list)
	}
	if err != nil {
		t.Fatal(err)
	}
	return len(list.Data)
}

// TestAnticipation has a dream answer what is asked again, a chat answered from the cache for nothing, without an
// experience of it, what that saved shown beside what it cost, and the dream undone, which takes the answer out again.
func TestAnticipation(t *testing.T) {
	t.Parallel()
	st := embeddedWith(t, "dream: {anticipate: 1}\ncache: {ttl: 1h}\n")
	questions := capitals()
	st.site.run(t, "dreamlab", "import", "--wait", badly(t, questions))
	var dream client.Dream
	st.read(t, &dream, "dreamlab", "dream", "--json", "--wait")
	if dream.Status != "succeeded" || dream.Counts.Anticipated == 0 {
		t.Fatalf("dream: %+v", dream)
	}
	before := st.experiences(t)
	var asked string
	for _, question := range questions {
		answer, found := st.cached(t, question)
		if !found {
			continue
		}
		asked = question
		country := strings.TrimSuffix(strings.TrimPrefix(question, "What is the capital of "), "?")
		if answer.Dreamlab.Cache != "hit" || answer.Dreamlab.Anticipated != dream.ID || answer.Dreamlab.CostUSD != "0" ||
			len(answer.Choices) != 1 || !strings.Contains(answer.Choices[0].Message.Content, country) {
			t.Errorf("%s: %+v", question, answer)
		}
	}
	if after := st.experiences(t); asked == "" || after != before {
		t.Fatalf("%q was answered from the cache; %d experiences, %d before", asked, after, before)
	}
	st.showsAnticipation(t)
	st.site.run(t, "dreamlab", "dream", "undo", dream.ID, "--yes")
	if answer, found := st.cached(t, asked); found {
		t.Errorf("after the undo: %+v", answer)
	}
}

// showsAnticipation waits for the usage to tell of a hit, which is stored a little later.
func (st *stack) showsAnticipation(t *testing.T) {
	t.Helper()
	var usage struct {
		Anticipation struct {
			Answers, Hits int
			CostUSD       json.Number `json:"cost_usd"`
			SavedUSD      json.Number `json:"saved_usd"`
		}
	}
	for late := time.Now().Add(patience); usage.Anticipation.Hits == 0; {
		st.read(t, &usage, "dreamlab", "usage", "--json")
		if time.Now().After(late) {
			t.Fatalf("no hit is shown: %+v", usage)
		}
	}
	is := usage.Anticipation
	table := st.site.run(t, "dreamlab", "usage")
	if is.Answers == 0 || is.CostUSD == "0" || is.SavedUSD == "0" || !strings.Contains(table, is.CostUSD.String()) ||
		!strings.Contains(table, is.SavedUSD.String()) {
		t.Errorf("%+v, and as a table\n%s", usage, table)
	}
}
