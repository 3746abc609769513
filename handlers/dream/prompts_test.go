package dream

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dreamlab/providers"
	"dreamlab/providers/sandbox/model"
	"dreamlab/store/plainjson"
)

// talk is a conversation of the sample that the program ships.
type talk struct {
	Messages []providers.Message `json:"messages"`
}

// talks reads our sample, or the coffee shop's conversations where
// DREAMLAB_SHARED names the folder that holds them.
func talks(t *testing.T) []talk {
	t.Helper()
	path := "../../cmd/dreamlab/sample/conversations.jsonl"
	if dir := os.Getenv("DREAMLAB_SHARED"); dir != "" {
		path = filepath.Join(dir, "taskmaster4-coffee.jsonl")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all []talk
	for line := range strings.Lines(string(text)) {
		var one talk
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatal(err)
		}
		all = append(all, one)
	}
	return all
}

// lessonsOf asks the sandbox for lessons in the words of a request.
func lessonsOf(t *testing.T, m *model.Model, r providers.Request) string {
	t.Helper()
	var ask model.Ask
	wire := plainjson.Of(map[string]any{"messages": r.Messages, "response_format": r.ResponseFormat})
	if err := json.Unmarshal(wire, &ask); err != nil {
		t.Fatal(err)
	}
	done, err := m.Complete(&ask)
	if err != nil {
		t.Fatal(err)
	}
	return done.Text
}

// TestOtherWordsChangeNoLesson asks for lessons in our words and in others:
// other ids, other keys, another instruction. What is learned from what stays.
func TestOtherWordsChangeNoLesson(t *testing.T) {
	t.Parallel()
	all, model := talks(t), model.NewModel(model.StockPairs("large"))
	var rename []string
	for _, word := range []string{"said", "answered", "judged", "lessons", "lesson", "sources", "title", "when"} {
		rename = append(rename, `"`+word+`":`, `"k`+word[1:2]+word[:1]+`_`+fmt.Sprint(len(word))+`":`)
	}
	for part := range slices.Chunk(all, perQuestion) {
		material, ids := map[string]shown{}, []string{}
		renamed := slices.Clone(rename)
		for i, one := range part {
			id, last := fmt.Sprintf("exp_%03d", i), len(one.Messages)-1
			material[id] = shown{
				Said: one.Messages[0].Text(), Answered: one.Messages[last].Text(), Judged: "kept: judged",
			}
			ids = append(ids, id)
			renamed = append(renamed, `"`+id+`"`, fmt.Sprintf(`"talk-%03d"`, i))
		}
		request, others := reflectRequest(reflectInstruction, material, ids), strings.NewReplacer(renamed...)
		other := request
		other.Messages = []providers.Message{
			providers.TextMessage("system", "Say something else."),
			providers.TextMessage("user", others.Replace(request.Messages[1].Text())),
		}
		other.ResponseFormat = json.RawMessage(others.Replace(string(request.ResponseFormat)))
		ours, theirs := lessonsOf(t, model, request), lessonsOf(t, model, other)
		if raw, ok := parseLessons(&providers.Reply{Content: ours, Finish: "stop"}); !ok || len(raw) == 0 {
			t.Fatalf("there are no lessons in %s", ours)
		}
		if theirs == ours || others.Replace(ours) != theirs {
			t.Errorf("in our words %s, in others %s", ours, theirs)
		}
	}
}

// TestLessonsAreInTheUsersLanguage keeps models from answering in the language of the
// instruction.
func TestLessonsAreInTheUsersLanguage(t *testing.T) {
	t.Parallel()
	request := reflectRequest(reflectInstruction, map[string]shown{"exp_1": {Said: "Wie?"}}, []string{"exp_1"})
	if !strings.Contains(request.Messages[0].Text(), "in the language of these conversations") {
		t.Errorf("the instruction is %s", request.Messages[0].Text())
	}
}
