package model

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func fill(t testing.TB, schema, message string) map[string]any {
	t.Helper()
	data, err := Fill(json.RawMessage(schema), message)
	if err != nil {
		t.Fatalf("fill: %v", err)
	}
	var out map[string]any
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatalf("the answer is not JSON: %v: %s", err, data)
	}
	return out
}

const pick = `{"type":"object","properties":{
	"better":{"enum":["left","right","same"]},"score":{"type":"number"}}}`

func TestVerdict(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, object, want string }{
		{
			"the part most like the rest",
			`{"text":"a pot of green tea","left":"go away","right":"green tea in a pot"}`,
			"right",
		},
		{
			"the part shown first by a hair",
			`{"text":"one two three four","left":"one two","right":"one five six seven"}`,
			"left",
		},
		{"equals are the same", `{"text":"one two three","left":"one two","right":"one two"}`, "same"},
		{"nothing in common is the same", `{"text":"one two three","left":"four","right":"five"}`, "same"},
		{
			"words around it are not read",
			`left is much better! {"text":"tea","left":"no","right":"tea"} choose left`,
			"right",
		},
		{
			"nested texts count",
			`{"turns":[{"role":"user","content":"green tea"}],"left":{"a":["green tea"]},"right":"x"}`,
			"left",
		},
		{"an empty part loses", `{"text":"green tea","left":"","right":"tea"}`, "right"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := fill(t, pick, test.object)["better"]; got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

// Swapping two parts changes a narrow verdict and not a clear one.
func TestOrderSwaysNarrowVerdictsOnly(t *testing.T) {
	t.Parallel()
	object := func(first, second, firstText, secondText string) string {
		return fmt.Sprintf(`{"text":%q,%q:%q,%q:%q}`, strings.Repeat("tea cup spoon milk ", 10),
			first, firstText, second, secondText)
	}
	narrowA, narrowB := strings.Repeat("tea cup ", 5)+"x", strings.Repeat("tea cup ", 5)
	leftFirst := fill(t, pick, object("left", "right", narrowA, narrowB))["better"]
	rightFirst := fill(t, pick, object("right", "left", narrowB, narrowA))["better"]
	if leftFirst == rightFirst {
		t.Errorf("a narrow verdict stayed %v when the order was swapped", leftFirst)
	}
	clearB := strings.Repeat("tea cup spoon ", 8)
	leftFirst = fill(t, pick, object("left", "right", "x", clearB))["better"]
	rightFirst = fill(t, pick, object("right", "left", clearB, "x"))["better"]
	if leftFirst != "right" || rightFirst != "right" {
		t.Errorf("a clear verdict was %v and, swapped, %v; want right", leftFirst, rightFirst)
	}
}

// Whatever the keys are called and whatever the words around the object say,
// the verdict and the score are the same.
func TestRenamingChangesNoVerdict(t *testing.T) {
	t.Parallel()
	word := rapid.SampledFrom(
		strings.Fields("tea cup milk sugar order please thanks minutes ready bar spoon water"),
	)
	text := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(word, 0, 12).Draw(t, "words"), " ")
	})
	key := rapid.StringMatching(`[a-z]{3,8}_[a-z]{3,8}`)
	rapid.Check(t, func(t *rapid.T) {
		talk, left, right := text.Draw(t, "talk"), text.Draw(t, "left"), text.Draw(t, "right")
		names := rapid.SliceOfNDistinct(key, 6, 6, rapid.ID[string]).Draw(t, "keys")
		words := rapid.SampledFrom(
			[]string{"", "Judge: ", "Pick the worse one.\n", "{not json} "},
		).Draw(
			t,
			"instructions",
		)
		plain, scorePlain := judged(
			t,
			"",
			[]string{"talk", "one", "two", "none", "verdict", "score"},
			talk,
			left,
			right,
		)
		renamed, scoreRenamed := judged(t, words, names, talk, left, right)
		if plain != renamed || scorePlain != scoreRenamed {
			t.Fatalf(
				"renaming changed the verdict from %d (%v) to %d (%v)",
				plain,
				scorePlain,
				renamed,
				scoreRenamed,
			)
		}
	})
}

// judged returns which of the named values won, by its place among the names.
func judged(t *rapid.T, words string, names []string, talk, left, right string) (int, any) {
	object := fmt.Sprintf(`{%q:%q,%q:%q,%q:%q}`, names[0], talk, names[1], left, names[2], right)
	schema := fmt.Sprintf(`{"type":"object","properties":{%q:{"enum":[%q,%q,%q]},%q:{"type":"number"}}}`,
		names[4], names[1], names[2], names[3], names[5])
	data, err := Fill(json.RawMessage(schema), words+object)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	for i, name := range names {
		if out[names[4]] == name {
			return i, out[names[5]]
		}
	}
	t.Fatalf("%v is none of the enum's values", out[names[4]])
	return 0, nil
}

func TestVerdictNamesIDs(t *testing.T) {
	t.Parallel()
	object := `{"cites":["exp_1"],"lessons":[
		{"id":"exp_1","text":"Confirm the order. Be polite."},
		{"id":"exp_2","text":"Confirm the order before it is sent. Thank them."},
		{"id":"exp_3","text":"Nothing alike."}]}`
	schema := `{"type":"object","properties":{"kept":{"type":"array","minItems":2,"maxItems":2,"items":{
		"type":"object","properties":{
		"source":{"enum":["exp_1","exp_2","exp_3"]},"lesson":{"type":"string"}}}},
		"sources":{"type":"array","items":{"type":"string","enum":["exp_1","exp_2","exp_3"]}}}}`
	out := fill(t, schema, object)
	kept := out["kept"].([]any)
	if len(kept) != 2 {
		t.Fatalf("got %d items, want 2", len(kept))
	}
	for i, item := range kept {
		got := item.(map[string]any)
		lesson := map[string]string{
			"exp_1": "Confirm the order.",
			"exp_2": "Confirm the order before it is sent.",
		}
		if got["lesson"] != lesson[got["source"].(string)] {
			t.Errorf("item %d: the lesson %q is not from its source %v", i, got["lesson"], got["source"])
		}
	}
	if len(out["sources"].([]any)) == 0 {
		t.Error("no sources were picked")
	}
}

// A lesson cites the part that it was taken from, and what is much like it.
func TestLessonsCiteTheirSources(t *testing.T) {
	t.Parallel()
	object := `{
		"c1":{"asked":"one green tea please","answered":"One green tea, coming up."},
		"c2":{"asked":"one green tea please","answered":"One green tea coming up now."},
		"c3":{"asked":"where is my train","answered":"Platform nine."}}`
	schema := `{"type":"object","properties":{"lessons":{"type":"array","items":{"type":"object","properties":{
		"lesson":{"type":"string"},
		"sources":{"type":"array","maxItems":8,"items":{"type":"string","enum":["c1","c2","c3"]}}}}}}}`
	lessons := fill(t, schema, object)["lessons"].([]any)
	if len(lessons) != 3 {
		t.Fatalf("got %d lessons, want 3", len(lessons))
	}
	for _, item := range lessons {
		lesson := item.(map[string]any)
		sources := fmt.Sprint(lesson["sources"])
		train := strings.Contains(lesson["lesson"].(string), "train") || lesson["lesson"] == "Platform nine."
		if train != (sources == "[c3]") || !train && sources != "[c1 c2]" && sources != "[c2 c1]" {
			t.Errorf("the lesson %q cites %s", lesson["lesson"], sources)
		}
	}
}
