package main

import (
	"flag"
	"fmt"
	"strings"
)

// maxTypos bounds the edit distance of a suggested word; for a short word the bound is a third
// of its letters.
const maxTypos = 2

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

// flagFault adds a suggestion to the error of an unknown flag.
func flagFault(flags *flag.FlagSet, err error) error {
	name, unknown := strings.CutPrefix(err.Error(), "flag provided but not defined: -")
	if !unknown {
		return usageError{err}
	}
	var names []string
	flags.VisitAll(func(f *flag.Flag) { names = append(names, f.Name) })
	return misuse("there is no flag --%s%s", name, meant(name, names))
}
