package model

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
)

// maxLine bounds a row of a training file, in bytes.
const maxLine = 8 << 20

// row is a line of a training file in any of the forms that vendors take.
type row struct {
	Messages   []Turn  `json:"messages"`
	Prompt     *string `json:"prompt"`
	Completion *string `json:"completion"`
	Text       *string `json:"text"`
	Input      *struct {
		Messages []Turn `json:"messages"`
	} `json:"input"`
	Preferred    []Turn `json:"preferred_output"`
	NonPreferred []Turn `json:"non_preferred_output"`
}

// ReadPairs reads what a training file (JSONL) teaches: each assistant turn is
// the answer to what stands before it, except where its weight is 0; of a
// preference the preferred output, with the other one as the worse. It stops after limit pairs.
func ReadPairs(r io.Reader, limit int) ([]Pair, error) {
	var pairs []Pair
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 64<<10), maxLine)
	for n := 1; lines.Scan() && len(pairs) < limit; n++ {
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		var line row
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return nil, fmt.Errorf("read line %d: %w", n, err)
		}
		pairs = append(pairs, line.pairs()...)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read training rows: %w", err)
	}
	return pairs[:min(len(pairs), limit)], nil
}

func (r row) pairs() []Pair {
	switch {
	case r.Prompt != nil && r.Completion != nil:
		return []Pair{{Prompt: []Turn{{Role: "user", Content: Text(*r.Prompt)}}, Answer: *r.Completion}}
	case r.Input != nil && len(r.Preferred) > 0:
		pair := Pair{Prompt: r.Input.Messages, Answer: string(r.Preferred[0].Content)}
		if len(r.NonPreferred) > 0 {
			pair.Worse = string(r.NonPreferred[0].Content)
		}
		return []Pair{pair}
	case r.Text != nil:
		return []Pair{{Answer: *r.Text}}
	}
	var pairs []Pair
	for i, turn := range r.Messages {
		learnt := turn.Role == "assistant" && (turn.Weight == nil || *turn.Weight > 0)
		if learnt && turn.Content != "" {
			pairs = append(pairs, Pair{Prompt: r.Messages[:i], Answer: string(turn.Content)})
		}
	}
	return pairs
}

// Corrupt spoils a share of the pairs, from 0 to 1: the letters of their
// answers are shuffled. The seed decides which, and how.
func Corrupt(pairs []Pair, share float64, seed uint64) []Pair {
	dice := rand.New(rand.NewPCG(seed, 2))
	out := make([]Pair, len(pairs))
	for i, pair := range pairs {
		if dice.Float64() < share {
			pair.Answer = gibberish(pair.Answer, dice)
		}
		out[i] = pair
	}
	return out
}

func gibberish(text string, dice *rand.Rand) string {
	letters := []rune(strings.ReplaceAll(text, " ", ""))
	dice.Shuffle(len(letters), func(i, j int) { letters[i], letters[j] = letters[j], letters[i] })
	var out strings.Builder
	for i, letter := range letters {
		if i > 0 && dice.IntN(5) == 0 {
			out.WriteByte(' ')
		}
		out.WriteRune(letter)
	}
	return out.String()
}
