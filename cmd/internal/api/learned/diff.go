package learned

import (
	"strings"

	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store/learn"
)

// diffView is what changed from one version of the memory to another.
type diffView struct {
	ID      string       `json:"id"`
	Object  string       `json:"object"`
	From    *string      `json:"from"` // null: from nothing
	Added   []Lesson     `json:"added"`
	Removed []Lesson     `json:"removed"`
	Changed []changeView `json:"changed"`
}

type changeView struct {
	From  Lesson     `json:"from"`
	To    Lesson     `json:"to"`
	Words []wordView `json:"words"`
}

// wordView is a run of words that both texts have, or one of them.
type wordView struct {
	Op   string `json:"op"` // same, removed, added
	Text string `json:"text"`
}

func viewDiff(from, to learn.Memory) diffView {
	d := learn.DiffMemories(from, to)
	view := diffView{
		ID: to.ID, Object: "memory.diff", From: wire.OrNull(from.ID), Added: ViewLessons(learn.Memory{Lessons: d.Added}),
		Removed: ViewLessons(learn.Memory{Lessons: d.Removed}), Changed: make([]changeView, len(d.Changed)),
	}
	for i, c := range d.Changed {
		view.Changed[i] = changeView{viewLesson(c.From), viewLesson(c.To), compareWords(c.From.Full(), c.To.Full())}
	}
	return view
}

// maxCompared bounds the words of a text that are compared one by one: the comparison takes
// room for the product of both numbers.
const maxCompared = 1000

// compareWords tells which words stayed: the longest common subsequence of both texts.
func compareWords(from, to string) []wordView {
	a, b := strings.Fields(from), strings.Fields(to)
	if len(a) > maxCompared || len(b) > maxCompared {
		return []wordView{{"removed", from}, {"added", to}}
	}
	common := commonLengths(a, b)
	var runs []wordView
	add := func(op, word string) {
		if n := len(runs); n > 0 && runs[n-1].Op == op {
			runs[n-1].Text += " " + word
			return
		}
		runs = append(runs, wordView{op, word})
	}
	for len(a) > 0 || len(b) > 0 {
		at := common[len(a)][len(b)]
		switch {
		case len(a) > 0 && len(b) > 0 && a[0] == b[0]:
			add("same", a[0])
			a, b = a[1:], b[1:]
		case len(a) > 0 && common[len(a)-1][len(b)] == at:
			add("removed", a[0])
			a = a[1:]
		default:
			add("added", b[0])
			b = b[1:]
		}
	}
	return wire.Some(runs)
}

// commonLengths returns how many words the last i of a and the last j of b have in common.
func commonLengths(a, b []string) [][]int {
	lengths := make([][]int, len(a)+1)
	lengths[0] = make([]int, len(b)+1)
	for i := 1; i <= len(a); i++ {
		lengths[i] = make([]int, len(b)+1)
		for j := 1; j <= len(b); j++ {
			if a[len(a)-i] == b[len(b)-j] {
				lengths[i][j] = lengths[i-1][j-1] + 1
				continue
			}
			lengths[i][j] = max(lengths[i-1][j], lengths[i][j-1])
		}
	}
	return lengths
}
