package study

import (
	"encoding/json"
	"strings"
	"testing"

	"dreamlab/providers/redact"
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
