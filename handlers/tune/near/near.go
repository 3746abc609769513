// Package near finds texts that are almost the same, by the Jaccard likeness of their word
// shingles. Candidates are found by MinHash in bands
// (https://doi.org/10.1109/SEQUEN.1997.666900), as in datatrove's 14 bands of 8, and then
// compared in full.
package near

import (
	"hash/fnv"
	"math"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

const (
	shingleWords = 3
	bands        = 14
	bandRows     = 8
)

// Alike is the likeness from which on two texts are near-duplicates.
const Alike = 0.8

// Canonical folds what does not make a text another one: Unicode's compatibility forms, case and
// white space.
func Canonical(text string) string {
	return strings.Join(strings.Fields(strings.ToLower(norm.NFKC.String(text))), " ")
}

// Shingles are hashes of a text's runs of words.
type Shingles map[uint64]bool

// Of returns the shingles of a text. A text of fewer words than a shingle has one.
func Of(text string) Shingles {
	words := strings.Fields(Canonical(text))
	out := Shingles{}
	for i := 0; i == 0 || i+shingleWords <= len(words); i++ {
		sum := fnv.New64a()
		sum.Write([]byte(strings.Join(words[i:min(i+shingleWords, len(words))], " "))) // never fails
		out[sum.Sum64()] = true
	}
	return out
}

// Like tells whether two texts are near-duplicates.
func (s Shingles) Like(o Shingles) bool { return s.likeness(o) >= Alike }

// likeness is the share of shingles that two texts have in common.
func (s Shingles) likeness(o Shingles) float64 {
	common := 0
	for x := range s {
		if o[x] {
			common++
		}
	}
	return float64(common) / float64(len(s)+len(o)-common)
}

// bandKeys are a text's MinHash bands: texts that are alike share one of them very probably.
func (s Shingles) bandKeys() [bands]uint64 {
	var keys [bands]uint64
	for band := range keys {
		for i := range bandRows {
			least, salt := uint64(math.MaxUint64), mix(uint64(band*bandRows+i))
			for x := range s {
				least = min(least, mix(x^salt))
			}
			keys[band] = mix(keys[band] ^ least)
		}
	}
	return keys
}

// mix is the finalizer of SplitMix64 (https://doi.org/10.1145/2660193.2660195).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Text is a text in an index, with another that has to be alike too, or nil.
type Text struct{ Main, Beside Shingles }

func (t Text) like(o Text) bool {
	return t.Main.Like(o.Main) && (t.Beside == nil || o.Beside == nil || t.Beside.Like(o.Beside))
}

// Index finds the texts that are like a given one.
type Index struct{ taken map[[2]uint64][]Text }

// NewIndex returns an empty index.
func NewIndex() *Index { return &Index{taken: map[[2]uint64][]Text{}} }

// Add puts a text in, unless one like it is there, and tells whether it did.
func (x *Index) Add(t Text) bool {
	keys := t.Main.bandKeys()
	if x.find(keys, t) {
		return false
	}
	for band, key := range keys {
		at := [2]uint64{uint64(band), key}
		x.taken[at] = append(x.taken[at], t)
	}
	return true
}

// Has tells whether a text like the given one is in the index.
func (x *Index) Has(t Text) bool { return x.find(t.Main.bandKeys(), t) }

func (x *Index) find(keys [bands]uint64, t Text) bool {
	for band, key := range keys {
		if slices.ContainsFunc(x.taken[[2]uint64{uint64(band), key}], t.like) {
			return true
		}
	}
	return false
}
