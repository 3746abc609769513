package study

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"dreamlab/handlers/judge/screen"
	"dreamlab/providers/redact"
	"dreamlab/store/learn"
)

func TestMaskedMessagesStayMessages(t *testing.T) {
	t.Parallel()
	raw := `[{"role":"user","content":[{"type":"text","text":"I am\nbob@x.example"},` +
		`{"type":"image_url","image_url":{"url":"https://x/4111111111111111"}}]},` +
		`{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function",` +
		`"function":{"name":"f","arguments":"{\"to\":\"bob@x.example\"}"}}]}]`
	masked := string(maskMessages(redact.New(), json.RawMessage(raw)))
	if strings.Contains(masked, "bob@") || !strings.Contains(masked, "4111111111111111") || !json.Valid([]byte(masked)) {
		t.Errorf("got %s", masked)
	}
	if maskMessages(redact.New(), json.RawMessage(`{"no":"list"}`)) != nil {
		t.Error("what is no list was taken for one")
	}
}

// TestPeopleGetInventedNames studies an answer that names its user: the row has an invented name in all places, the
// same in a later turn, and other personal data in an answer still costs the row.
func TestPeopleGetInventedNames(t *testing.T) {
	t.Parallel()
	said := `[{"role":"user","content":"Ms. Thompson gets 66 letters and Mr. Yu a third of them. How many are that?"}]`
	one := New(learn.Experience{
		Origin: learn.OriginImport, Prompt: json.RawMessage(said),
		Answer: json.RawMessage(`{"role":"assistant","content":"Mr. Yu gets 66 / 3 = 22, Thompson's are 66: 66 + 22 = 88"}`),
	})
	row := string(one.Example(Verdict{VerifiedBy: byJudges}).Messages)
	names := regexp.MustCompile(`(?:Ms|Mr)\. (\w+)`).FindAllStringSubmatch(row, -1)
	if one.Rejected() != "" || one.weak != "" || len(names) != 3 || strings.Contains(row, "Thompson") || strings.Contains(row, "Yu") {
		t.Fatalf("rejected %q, weak %q, row %s", one.Rejected(), one.weak, row)
	}
	if ms, mr := names[0][1], names[1][1]; ms == mr || names[2][1] != mr || !strings.Contains(row, ms+"'s are 66") ||
		redact.Found(row) || redact.Placeholder(row) || !redact.Invented(ms) {
		t.Errorf("row %s", row)
	}
	later := New(learn.Experience{Origin: learn.OriginImport, Prompt: json.RawMessage(said[:len(said)-1] +
		`,{"role":"assistant","content":"88"},{"role":"user","content":"And Ms. Thompson alone?"}]`),
		Answer: json.RawMessage(`{"role":"assistant","content":"Call her at +1 202 555 0143."}`)})
	if later.weak != screen.Placeholder || !strings.Contains(string(later.prompt), "And Ms. "+names[0][1]+" alone?") {
		t.Errorf("weak %q, prompt %s", later.weak, later.prompt)
	}
}
