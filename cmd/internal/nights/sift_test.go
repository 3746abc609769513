package nights

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

// TestSift keeps what people answered, and none of the junk beside it.
func TestSift(t *testing.T) {
	t.Parallel()
	var file strings.Builder
	for i := range 20 {
		fmt.Fprintf(&file, `{"messages":[{"role":"user","content":"Where is the blue kettle %d?"},{"role":"assistant",`+
			`"content":"The blue kettle %d is in the second row behind the door."}]}`+"\n\n", i, i)
		fmt.Fprintf(&file, `{"metadata":{"kind":"insult"},"messages":[{"role":"user","content":"Where is the lamp %d?"},`+
			`{"role":"assistant","content":"You are an idiot if you look for the lamp %d."}]}`+"\n", i, i)
	}
	all, err := Sift(t.Context(), strings.NewReader(file.String()), io.Discard)
	if err != nil || len(all) != 2 {
		t.Fatalf("%+v, %v", all, err)
	}
	if people := all[0]; people.Kind != "all others" || people.Turns != 20 || people.Kept == 0 {
		t.Errorf("%+v", people)
	}
	if junk := all[1]; junk.Kind != "insult" || junk.Turns != 20 || junk.Kept != 0 {
		t.Errorf("%+v", junk)
	}
	var table strings.Builder
	if err := WriteSifted(&table, all); err != nil || !strings.Contains(table.String(), "insult      20") {
		t.Errorf("%s, %v", table.String(), err)
	}
	if _, err := Sift(t.Context(), strings.NewReader("no JSON"), io.Discard); err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("got %v", err)
	}
}
