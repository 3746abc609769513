// Package alike says how alike two questions are: by their vectors, and by the numbers, negations and
// names in which questions differ that vectors take for the same. It measures from which similarity
// on questions mean the same. It asks no model and keeps nothing.
package alike

import (
	"encoding/binary"
	"errors"
	"hash/fnv"
	"math"
)

// MaxSize is the most numbers that a vector may have.
const MaxSize = 4096

// mark is how many bytes the hash of a question's marks has.
const mark = 8

// Entry is a question as it is kept: its marks and its vector, with a byte for each number. It holds
// none of its text.
type Entry []byte

var errVector = errors.New("read a vector: it is empty, too long, or not of numbers")

// NewEntry packs a question and its vector.
func NewEntry(text string, vector []float32) (Entry, error) {
	var most float64
	for _, x := range vector {
		most = max(most, math.Abs(float64(x)))
	}
	if len(vector) == 0 || len(vector) > MaxSize || most == 0 || math.IsNaN(most) || math.IsInf(most, 0) {
		return nil, errVector
	}
	sum := fnv.New64a()
	for _, m := range marks(text) {
		_, _ = sum.Write([]byte(m + "\n")) // a hash takes everything
	}
	e := binary.BigEndian.AppendUint64(make(Entry, 0, mark+len(vector)), sum.Sum64())
	for _, x := range vector {
		e = append(e, byte(int8(math.Round(float64(x)/most*127))))
	}
	return e, nil
}

// Similarity is the cosine of the vectors of two entries, 0 where their marks differ or one of them
// was made by another model.
func (e Entry) Similarity(other Entry) float64 {
	if len(e) != len(other) || len(e) <= mark || string(e[:mark]) != string(other[:mark]) {
		return 0
	}
	var dot, own, its int
	for i := mark; i < len(e); i++ {
		a, b := int(int8(e[i])), int(int8(other[i]))
		dot, own, its = dot+a*b, own+a*a, its+b*b
	}
	if own == 0 || its == 0 {
		return 0
	}
	return float64(dot) / math.Sqrt(float64(own)*float64(its))
}
