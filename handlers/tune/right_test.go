package tune

import (
	"testing"

	"dreamlab/store/learn"
)

// TestRightAnswer holds an exam's answers against what is known to be right, the surest first.
func TestRightAnswer(t *testing.T) {
	t.Parallel()
	up, down := int64(1), int64(-1)
	said := []byte(`{"role":"assistant","content":"At the bar."}`)
	for name, c := range map[string]struct {
		e    learn.Experience
		want string
	}{
		"nobody said":      {learn.Experience{Answer: said}, ""},
		"it was disliked":  {learn.Experience{Answer: said, Rating: &down}, ""},
		"it was liked":     {learn.Experience{Answer: said, Rating: &up}, "At the bar."},
		"it was corrected": {learn.Experience{Answer: said, Rating: &up, Correction: "At the desk."}, "At the desk."},
		"a reference":      {learn.Experience{Answer: said, Correction: "At the desk.", Reference: "In the hall."}, "In the hall."},
	} {
		if got := rightAnswer(c.e); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if got := caseOf(c.e, &learn.Said{}).Reference; got != c.want {
			t.Errorf("%s: the judge is shown %q", name, got)
		}
	}
}
