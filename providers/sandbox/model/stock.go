package model

import (
	"embed"
	"strings"
)

// stock holds what a model knows before it is trained: small talk, the phrases
// of any help desk, and, for a large one, general knowledge. One pair a line,
// prompt and answer with a tab between; lines that begin with # are not read.
//
//go:embed stock/*.tsv
var stock embed.FS

// StockPairs returns what a model of a size knows: "small", or "large", which
// knows all that a small one does and more.
func StockPairs(size string) []Pair {
	pairs := readStock("stock/small.tsv")
	if size == "large" {
		pairs = append(pairs, readStock("stock/large.tsv")...)
	}
	return pairs
}

func readStock(name string) []Pair {
	data, err := stock.ReadFile(name)
	if err != nil { // the file is part of the program
		panic(err)
	}
	var pairs []Pair
	for line := range strings.Lines(string(data)) {
		prompt, answer, found := strings.Cut(strings.TrimSpace(line), "\t")
		if !found || strings.HasPrefix(prompt, "#") {
			continue
		}
		turns := []Turn{{Role: "user", Content: Text(prompt)}}
		pairs = append(pairs, Pair{Prompt: turns, Answer: answer})
	}
	return pairs
}
