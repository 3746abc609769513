package show

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// maxLine keeps the line of progress within one line of a terminal, in columns: one that wraps can
// not be drawn over.
const maxLine = 79

// drawEvery keeps what is done thousands of times a second from being drawn as often.
const drawEvery = 100 * time.Millisecond

// Step is how far some work is.
type Step struct {
	Stage       string
	Done, Total int    // Total 0: not known
	Noun        string // what is counted, in the plural
	CostUSD     string // so far, "" where it is not known
}

// Progress shows how far work is: on a terminal one line that is drawn over, elsewhere a line for
// each stage. Its zero value shows nothing.
type Progress struct {
	out   io.Writer
	live  bool
	now   func() time.Time
	began time.Time // of the stage
	from  int       // what was done when it began
	drawn time.Time // when the line was last drawn
	stage string
}

// NewProgress shows progress by a clock.
func NewProgress(out io.Writer, live bool, now func() time.Time) *Progress {
	return &Progress{out: out, live: live, now: now}
}

// Show shows a step.
func (p *Progress) Show(s Step) {
	if s.Stage == "" || p.out == nil {
		return
	}
	fresh := s.Stage != p.stage
	if fresh {
		p.stage, p.began, p.from = s.Stage, p.now(), s.Done
	}
	switch {
	case p.live && (fresh || p.now().Sub(p.drawn) >= drawEvery):
		p.drawn = p.now()
		fmt.Fprintf(p.out, "\r\x1b[K%s", p.text(s))
	case p.live:
	case fresh:
		fmt.Fprintf(p.out, "… %s\n", line(s.Stage))
	}
}

// Close takes the line off a terminal.
func (p *Progress) Close() {
	if p.live && p.stage != "" {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}

func (p *Progress) text(s Step) string {
	text := "… " + line(s.Stage)
	switch {
	case s.Total > 0:
		text += fmt.Sprintf(" %s %d/%d %s", bar(s.Done, s.Total), s.Done, s.Total, s.Noun)
	case s.Done > 0:
		text += fmt.Sprintf(" %d %s", s.Done, s.Noun)
	}
	if s.CostUSD != "" {
		text += ", $" + line(s.CostUSD)
	}
	spent := p.now().Sub(p.began)
	if done := s.Done - p.from; done > 0 && spent >= time.Second {
		rate := float64(done) / spent.Seconds()
		left := time.Duration(float64(max(s.Total-s.Done, 0)) / rate * float64(time.Second))
		text += fmt.Sprintf(", %.1f/s", rate)
		if s.Total > 0 {
			text += fmt.Sprintf(", %s left", left.Round(time.Second))
		}
	} else {
		text += fmt.Sprintf(", %s", spent.Round(time.Second))
	}
	for utf8.RuneCountInString(text) > maxLine {
		_, last := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-last]
	}
	return text
}

// bar draws a share in ten pieces.
func bar(done, total int) string {
	const wide = 10
	full := min(max(done*wide/total, 0), wide)
	return "[" + strings.Repeat("#", full) + strings.Repeat(".", wide-full) + "]"
}
