package check

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"errors"
	"fmt"
)

//go:generate gzip -9nkf pairs.jsonl

// packed holds pairs.jsonl, which would be three times as large in the program.
//
//go:embed pairs.jsonl.gz
var packed []byte

// Own returns 200 pairs of our own writing: what a judge of a dream must not be taken in by. The worse answers of a
// category have one fault; those of the category good differ in quality alone.
func Own() ([]Pair, error) {
	text, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("unpack the pairs: %w", err)
	}
	pairs, err := Read(text)
	return pairs, errors.Join(err, text.Close())
}
