package tune

import (
	"hash/fnv"
	"maps"
	"math"
	"slices"
	"strings"
)

// Near-duplicates: rows whose prompts and whose answers are both alike, by the
// Jaccard likeness of their word shingles. Candidates are found by MinHash in
// bands (https://doi.org/10.1109/SEQUEN.1997.666900), as in datatrove's 14 bands
// of 8, and then compared in full. The same prompt with another good answer is
// diversity and stays, and so does the same answer to another prompt.
const (
	shingleWords = 3
	bands        = 14
	bandRows     = 8
	alike        = 0.8
)

// shingles are hashes of a text's runs of words.
type shingles map[uint64]bool

func shinglesOf(text string) shingles {
	words := strings.Fields(canonical(text))
	out := shingles{}
	for i := 0; i == 0 || i+shingleWords <= len(words); i++ {
		sum := fnv.New64a()
		sum.Write([]byte(strings.Join(words[i:min(i+shingleWords, len(words))], " "))) // never fails
		out[sum.Sum64()] = true
	}
	return out
}

// likeness is the share of shingles that two texts have in common.
func (s shingles) likeness(o shingles) float64 {
	common := 0
	for x := range s {
		common += one(o[x])
	}
	return float64(common) / float64(len(s)+len(o)-common)
}

// bandKeys are a text's MinHash bands: texts that are alike share one of them
// very probably.
func (s shingles) bandKeys() [bands]uint64 {
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

// sketch is what rows are compared by.
type sketch struct{ prompt, answer shingles }

func (s sketch) like(o sketch) bool {
	return s.prompt.likeness(o.prompt) >= alike && s.answer.likeness(o.answer) >= alike
}

// dropNear leaves of rows that are alike the best one: rows are taken the best
// first, and one that is like a row taken before goes. It returns how many went.
func dropNear(rows map[digest]row) int {
	taken := map[[2]uint64][]sketch{} // by band and key
	gone := 0
	for _, r := range slices.SortedFunc(maps.Values(rows), better) {
		s := sketch{shinglesOf(r.prompt), shinglesOf(r.answer)}
		keys := s.prompt.bandKeys()
		if known(taken, keys, s) {
			delete(rows, r.key)
			gone++
			continue
		}
		for band, key := range keys {
			at := [2]uint64{uint64(band), key}
			taken[at] = append(taken[at], s)
		}
	}
	return gone
}

func known(taken map[[2]uint64][]sketch, keys [bands]uint64, s sketch) bool {
	for band, key := range keys {
		if slices.ContainsFunc(taken[[2]uint64{uint64(band), key}], s.like) {
			return true
		}
	}
	return false
}
