package redact

import (
	"hash/fnv"
	"regexp"
	"slices"
	"strings"
)

// invented are the names that stand for those of people where a text is to be learned from: a placeholder
// would be learned, too. They are no words and next to nobody's names, so that they can be told from real ones.
var invented = strings.Fields(`Abrelin Ansvale Belmoor Brethany Calvorin Cendrake Corvane Dalbrin Darrowen Elvaris Fenwyke
Galdery Harvelow Ilvarin Jorvale Kelbrine Lorvane Marvelin Melbrook Norvale Olberin Orlenby Pelwarden Quenby Rendrake
Rosvale Selbrine Sorvane Tamsford Thorvale Ulbrine Velbrook Verandry Welbrine Wexvale Yarvane Yelbrook Zelvarin`)

var inventedName = regexp.MustCompile(`(?i)\b(?:` + strings.Join(invented, "|") + `)\b`)

// Renaming returns a masker for a conversation that is learned from: it gives people invented names in the place
// of "[NAME_1]", each person another, so that answers that address them can be learned. All else gets placeholders.
// Conversations with other seeds get other names.
func Renaming(seed string) *Masker {
	m := New()
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(seed)) // never fails
	start := int(sum.Sum32() % uint32(len(invented)))
	m.fresh = slices.Concat(invented[start:], invented[:start])
	return m
}

// Invented tells whether a text has a name that [Renaming] gave.
func Invented(text string) bool { return inventedName.MatchString(text) }
