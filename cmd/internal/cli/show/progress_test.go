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

// Work whose end is not known shows how much is done, ten times a second at most.
func TestProgressWithoutATotal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	now := time.Unix(0, 0)
	p := NewProgress(&out, true, func() time.Time { return now })
	for rows := range 1001 {
		p.Show(Step{Stage: "send", Done: rows, Noun: "rows"})
		now = now.Add(2 * time.Millisecond)
	}
	lines := strings.Split(out.String(), "\r\x1b[K")
	if last := lines[len(lines)-1]; len(lines) != 22 || last != "… send 1000 rows, 500.0/s" {
		t.Errorf("%d lines, the last %q", len(lines), last)
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
