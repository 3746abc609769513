// Package choose is the room of what a dream looks at first: what its money may not last for comes last.
package choose

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"dreamlab/handlers/dream/study"
	"dreamlab/store/learn"
)

// Order collects the experiences of a dream, and puts them into the order in which they are studied.
type Order struct {
	all    []candidate
	shared map[string]int // in how many first questions a word stands
}

type candidate struct {
	id        string
	wrong     bool
	checkable bool
	words     map[string]bool
}

// Add takes an experience in.
func (o *Order) Add(e learn.Experience) {
	words := wordsOf(study.Opening(e.Prompt))
	o.all = append(o.all, candidate{e.ID, e.Wrong(), e.Reference != "", words})
	if o.shared == nil {
		o.shared = map[string]int{}
	}
	for word := range words {
		o.shared[word]++
	}
}

// IDs returns what users found wrong first, then what can be checked, then what is of a rare topic, then the rest, each
// as it was added.
func (o *Order) IDs() []string {
	ranked := slices.Clone(o.all)
	slices.SortStableFunc(ranked, func(a, b candidate) int { return cmp.Compare(o.rank(a), o.rank(b)) })
	ids := make([]string, len(ranked))
	for i, c := range ranked {
		ids[i] = c.id
	}
	return ids
}

func (o *Order) rank(c candidate) int {
	switch {
	case c.wrong:
		return 0
	case c.checkable:
		return 1
	case o.rare(c):
		return 2
	}
	return 3
}

// A word that more than one in tellingPart of the questions have names no topic; a topic is rare that no more than
// one in rarePart share.
const (
	tellingPart = 4
	rarePart    = 50
)

// rare tells whether the topic of a first question is rare. Its topic is its telling word that most questions share.
func (o *Order) rare(c candidate) bool {
	most := 0
	for word := range c.words {
		if n := o.shared[word]; n*tellingPart <= len(o.all) {
			most = max(most, n)
		}
	}
	return most > 0 && most*rarePart <= len(o.all)
}

// shortWord is how many letters a word has that names no topic.
const shortWord = 3

func wordsOf(text string) map[string]bool {
	words := map[string]bool{}
	for _, word := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.Is(unicode.M, r)
	}) {
		if len([]rune(word)) > shortWord {
			words[word] = true
		}
	}
	return words
}
