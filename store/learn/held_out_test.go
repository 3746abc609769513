package learn_test

import (
	"fmt"
	"testing"

	"dreamlab/store/learn"
)

func begun(external, first, more string) learn.Experience {
	return learn.Experience{External: external, Prompt: fmt.Appendf(nil, `[{"role":"system","content":"Be kind."},
		{"role":"user","content":%q}%s]`, first, more)}
}

// Who is held out follows from the secret and from what was asked, and not from an id that the
// client chooses.
func TestHeldOut(t *testing.T) {
	t.Parallel()
	held, greeted, moved := 0, 0, 0
	for i := range 2_000 {
		first := fmt.Sprintf("Where is my order number %d?", i)
		side := learn.HeldOut("one", begun("", first, ""))
		for _, same := range []learn.Experience{
			begun("a", first, ""), begun("b", "  "+first+" ", ""),
			begun("", first, `,{"role":"assistant","content":"Soon."},{"role":"user","content":"When exactly is that?"}`),
			{Prompt: fmt.Appendf(nil, `[{"role":"user","content":[{"type":"text","text":%q}]}]`, first)},
		} {
			if learn.HeldOut("one", same) != side {
				t.Fatalf("%s is on the other side of %s", same.Prompt, first)
			}
		}
		for _, is := range []struct {
			yes bool
			n   *int
		}{{side, &held}, {learn.HeldOut("one", begun(first, "Hello", "")), &greeted},
			{learn.HeldOut("two", begun("", first, "")) != side, &moved}} {
			if is.yes {
				*is.n++
			}
		}
	}
	if held < 330 || held > 470 || greeted < 330 || greeted > 470 || moved < 500 {
		t.Errorf("of 2,000: %d held out, %d that begin with hello, %d moved by another secret", held, greeted, moved)
	}
}
