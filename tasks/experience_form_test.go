package tasks_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"dreamlab/store/plainjson"
	"dreamlab/tasks"
)

// formFile is a row of another form, and the conversation that it holds.
type formFile struct {
	Row            json.RawMessage
	ConversationID string `json:"conversation_id"`
	Messages       []any
}

func formFiles(t testing.TB) map[string]formFile {
	t.Helper()
	names, err := filepath.Glob("testdata/forms/*.json")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	files := map[string]formFile{}
	for _, name := range names {
		var file formFile
		text, err := os.ReadFile(name)
		if err == nil {
			err = json.Unmarshal(text, &file)
		}
		if err != nil {
			t.Fatal(name, err)
		}
		files[filepath.Base(name)] = file
	}
	return files
}

// What other programs write is taken as the conversation that it holds.
func TestParseConversationTakesForms(t *testing.T) {
	t.Parallel()
	for name, file := range formFiles(t) {
		c, err := tasks.ParseConversation(file.Row)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []any
		if err := json.Unmarshal(plainjson.Of(c.Messages), &got); err != nil {
			t.Fatal(err)
		}
		if c.ConversationID != file.ConversationID || !reflect.DeepEqual(got, file.Messages) {
			t.Errorf("%s: %q %s", name, c.ConversationID, plainjson.Of(c.Messages))
		}
	}
}

// A row of a form that holds no conversation is refused, and told what is missing.
func TestParseConversationNamesForms(t *testing.T) {
	t.Parallel()
	for row, want := range map[string]string{
		`{"messages":[` + turn + `,{"role":"assistant","content":"x","weight":0}]}`:         "no answer to learn from",
		`{"messages":[{"role":"system","content":"x"},{"role":"assistant","content":"x"}]}`: "no answer to learn from",
		`{"messages":[` + turn + `,{"role":"assistant","content":"x"}],"weight":0}`:         "weight: it is 0",
		`{"uuid":"x","chat_messages":[]}`:                                                   "Claude's export",
		`{"prompt":"x","chosen":"a","rejected":"b"}`:                                        "preferences",
		`{"question":"x","answer":"y"}`:                                                     "dreamlab import",
		`{"turns":["x"]}`:                                                                   "dreamlab import",
		`{"custom_id":"x","method":"POST","url":"/v1/x","body":{}}`:                         "batch",
		`{"title":"x","mapping":{},"current_node":"n"}`:                                     "ChatGPT's export",
		`{"mapping":{"a":{"parent":"a"}},"current_node":"a"}`:                               "messages: at least",
		`{"mapping":7}`:  "mapping: it is a number: it has to be an object",
		`{"mapping":{}}`: "current_node: ",
		`{"conversations":[{"from":"human","value":"x"}]}`:                      "messages: at least",
		`{"conversations":[{"from":"parrot","value":"x"}]}`:                     "conversations[0].from: must be",
		`{"conversations":[{"from":"function_call","value":"f("}]}`:             "conversations[0].value: a call",
		`{"conversations":[{"value":"x"}]}`:                                     "conversations[0].role",
		`{"conversations":{}}`:                                                  "conversations: it is an object: it has to be an array",
		`{"instruction":7,"output":"y"}`:                                        "instruction: it is a number: it has to be a string",
		`{"instruction":"x","output":"y","history":"z"}`:                        "history: it is a string: it has to be an array",
		`{"prompt":7,"completion":"y"}`:                                         "prompt: it is a number: it has to be a string",
		`{"conversation_a":[],"conversation_b":[],"winner":"tie"}`:              "battle of LMArena",
		`{"conversation_a":[],"conversation_b":[]}`:                             "winner: ",
		`{"conversation":"conv_1"}`:                                             "messages: it is a string: it has to be an array",
		`{"request":{"model":"x"},"response":{}}`:                               "request: this is a log",
		`{"request":{"messages":[]},"response":{"error":{}}}`:                   "response: this is a log",
		`{"request":7,"response":{}}`:                                           "request: it is a number: it has to be an object",
		`{"request":{"messages":[]},"response":"data: {}"}`:                     "response: it is not JSON",
		`{"request":{"messages":[]},"response":{"choices":[{"message":null}]}}`: "messages[0]: it is null: it has to be an object",
	} {
		if _, err := tasks.ParseConversation([]byte(row)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", row, err)
		}
	}
}

// FuzzParseConversation takes any row without a panic: it is refused with words, or
// its messages, which end with an answer, can be read again.
func FuzzParseConversation(f *testing.F) {
	for _, file := range formFiles(f) {
		f.Add([]byte(file.Row))
	}
	f.Fuzz(func(t *testing.T, row []byte) {
		c, err := tasks.ParseConversation(row)
		if err != nil {
			var fault *tasks.InputError
			if !errors.As(err, &fault) || fault.Message == "" {
				t.Fatalf("got %v", err)
			}
			return
		}
		again := plainjson.Of(map[string]any{"messages": c.Messages})
		second, err := tasks.ParseConversation(again)
		if err != nil || string(plainjson.Of(second.Messages)) != string(plainjson.Of(c.Messages)) {
			t.Fatalf("%s: %v", again, err)
		}
	})
}
