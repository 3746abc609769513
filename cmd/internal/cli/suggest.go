package cli

import (
	"fmt"
	"strings"
)

// maxTypos bounds the edit distance of a suggested word; for a short word the bound is a third
// of its letters.
const maxTypos = 2

func (c *Command) meantVerb(word string) string {
	var known []string
	for _, verb := range c.Listed() {
		known = append(append(known, verb.Name), verb.Aliases...)
	}
	return meant(word, known)
}

func (c *Command) meantFlag(word string) string {
	var known []string
	c.Walk(func(at *Command) {
		for _, f := range at.Flags {
			known = append(known, f.Name)
		}
	})
	return meant(word, known)
}

// names lists the verbs of a command in a sentence.
func names(c *Command) string {
	var said []string
	for _, verb := range c.Listed() {
		said = append(said, strings.TrimSpace(verb.Name+" "+verb.places()))
	}
	if len(said) < 2 {
		return strings.Join(said, "")
	}
	last := len(said) - 1
	return strings.Join(said[:last], ", ") + " or " + said[last]
}

// meant returns a suggestion of the word that is nearest to another one, "" if none is near.
func meant(word string, words []string) string {
	best, least := "", maxTypos+1
	for _, w := range words {
		if typos := distance(word, w); typos < least && 3*typos <= len(word)+1 {
			best, least = w, typos
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(": did you mean %q?", best)
}

// distance counts the letters to add, drop or change on the way from one word to
// the other (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0] // the value above and to the left
		row[0] = i + 1
		for j := range len(b) {
			change := before
			if a[i] != b[j] {
				change++
			}
			before = row[j+1]
			row[j+1] = min(change, row[j]+1, before+1)
		}
	}
	return row[len(b)]
}
