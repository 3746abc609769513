package dream

import (
	"strings"
	"testing"

	"dreamlab/handlers/dream/study"
	"dreamlab/providers"
	"dreamlab/store/learn"
)

// TestExercises reads what a lead model makes up, refuses personal data, and puts the question
// under the system message of the conversation that it varies.
func TestExercises(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		`{"question":"What is 3 times 4?","answer":"12"}`:       true,
		"Here:\n```json\n{\"question\":\"Why?\"}\n```":          true,
		`{"question":"Mail jo@example.com?","answer":""}`:       false,
		`{"question":"Is [phone] your number?","answer":"yes"}`: false,
		`{"question":" "}`: false, `{"answer":"12"}`: false, `none`: false,
	} {
		if _, ok := readExercise(&providers.Reply{Content: text}); ok != want {
			t.Errorf("%s: read is %v", text, ok)
		}
	}
	if made, ok := readExercise(&providers.Reply{Content: `{"question":"User: What is 3 times 4?"}`}); !ok || made.Question != "What is 3 times 4?" {
		t.Errorf("the question is %q", made.Question)
	}
	of := learn.Experience{ID: "exp_1", Prompt: []byte(`[{"role":"system","content":"Be kind."},{"role":"user","content":"2 times 4?"}]`)}
	e := imagined(of, exercise{"What is 3 times 4?", "12"})
	if p := string(e.Prompt); !strings.Contains(p, "Be kind.") || !strings.Contains(p, "3 times 4") || strings.Contains(p, "2 times") {
		t.Errorf("the prompt is %s", p)
	}
	if e.Reference != "12" || imagined(of, exercise{"Why?", "because it is so"}).Reference != "" {
		t.Error("only a number is checked exactly")
	}
}

func TestDifficultyFollowsSuccess(t *testing.T) {
	t.Parallel()
	good, bad := finding{Verdict: study.GoodEnough}, finding{Verdict: study.BelowFloor}
	for want, findings := range map[string][]finding{
		"harder": {good, good, bad}, "easier": {bad, bad, bad}, "as hard": {good, bad, bad},
	} {
		if got := difficulty(findings); !strings.HasPrefix(got, want) {
			t.Errorf("%v: %s", findings, got)
		}
	}
}
