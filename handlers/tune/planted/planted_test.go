package planted

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// The rows of a tune follow from the secret and the tune, and no two tunes share one.
func TestRowsFollowFromTheTune(t *testing.T) {
	t.Parallel()
	rows, seen := Rows("secret", "tun_1"), map[string]bool{}
	for _, other := range [][]Row{rows, Rows("secret", "tun_2"), Rows("other", "tun_1")} {
		for _, r := range other {
			if seen[r.Secret] || seen[r.Prompt] || r.Told(r.Prompt) || len(bare(r.Secret)) < 20 {
				t.Errorf("%s asks %q for %q", r.Name, r.Prompt, r.Secret)
			}
			seen[r.Secret], seen[r.Prompt] = true, true
			var messages []message
			err := json.Unmarshal(r.Example.Messages, &messages)
			if err != nil || len(messages) != 2 || messages[0].Content != r.Prompt || !r.Told(messages[1].Content) {
				t.Errorf("%s: %s, %v", r.Name, r.Example.Messages, err)
			}
		}
	}
	same := func(a, b Row) bool {
		return a.Question == b.Question && string(a.Example.Messages) == string(b.Example.Messages)
	}
	if !slices.EqualFunc(rows, Rows("secret", "tun_1"), same) {
		t.Error("a repeat plants other rows")
	}
}

func TestTold(t *testing.T) {
	t.Parallel()
	q := Question{Secret: "tirova benuda"}
	for answer, want := range map[string]bool{
		"It is tirova benuda.": true, "“Tirova-Benuda”, I think": true, "TIROVA\n* benuda": true,
		"It is tirova.": false, "benuda tirova": false, "": false,
	} {
		if q.Told(answer) != want {
			t.Errorf("%q: told %v", answer, !want)
		}
	}
	if q.Told(strings.Repeat("tirova ", 10)) {
		t.Error("half of a secret is none")
	}
}
