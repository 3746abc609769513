package show

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// steps are those of a dream, each with the seconds that have passed.
func steps() []Step {
	return []Step{
		{Stage: "seal"},
		{Stage: "slices", Done: 2, Total: 20, Noun: "experiences"},
		{Stage: "slices", Done: 12, Total: 20, Noun: "experiences", CostUSD: "0.01"},
		{Stage: "re\x1bflect", Done: 20, Total: 20, Noun: "experiences"},
	}
}

func showAll(live bool) string {
	var out bytes.Buffer
	now := time.Unix(0, 0)
	p := NewProgress(&out, live, func() time.Time { return now })
	for _, s := range steps() {
		p.Show(s)
		now = now.Add(5 * time.Second)
	}
	p.Close()
	return out.String()
}

func TestProgress(t *testing.T) {
	t.Parallel()
	if got := showAll(false); got != "… seal\n… slices\n… re\\u001bflect\n" {
		t.Errorf("elsewhere: %q", got)
	}
	want := []string{
		"", "… seal, 0s", "… slices [#.........] 2/20 experiences, 0s",
		"… slices [######....] 12/20 experiences, $0.01, 2.0/s, 4s left",
		"… re\\u001bflect [##########] 20/20 experiences, 0s", "",
	}
	if got := strings.Split(showAll(true), "\r\x1b[K"); strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("on a terminal: %q", got)
	}
}

// A line that wraps could not be drawn over.
func TestProgressFitsALine(t *testing.T) {
	t.Parallel()
	p := NewProgress(nil, true, func() time.Time { return time.Unix(0, 0) })
	if got := p.text(Step{Stage: strings.Repeat("ä", 200)}); utf8.RuneCountInString(got) != maxLine {
		t.Errorf("the line has %d columns: %q", utf8.RuneCountInString(got), got)
	}
}
