package dream_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"dreamlab/handlers/handlertest"
	"dreamlab/store/db"
	"dreamlab/store/learn"
)

var vocabulary = strings.Fields(`the kettle lid water order shop day bread price list gives each large small green blue
	table chair paint wall door key room light lamp road bridge river boat sail wind cloud rain coat shoe street market
	apple pear plum seed tree leaf stone brick house garden fence gate path field horse sheep wool cotton cloth needle
	thread button sleeve collar mirror frame glass bottle cork wine cheese butter milk cream sugar flour oven plate spoon
	fork knife bowl cup tea coffee bean roast grind filter paper ink pen letter stamp post parcel weight scale metre
	half third quarter hour minute week month season spring summer autumn winter morning noon evening`)

// prose is about so many tokens of four characters, in sentences of twelve words that say nothing.
func prose(r *rand.Rand, tokens int) string {
	var words []string
	for n := 0; n < 4*tokens; {
		words = append(words, vocabulary[r.IntN(len(vocabulary))])
		n += len(words[len(words)-1]) + 1
	}
	return sentences(words)
}

func sentences(words []string) string {
	var all []string
	for some := range slices.Chunk(words, 12) {
		all = append(all, strings.Join(some, " ")+".")
	}
	return strings.Join(all, " ")
}

// asked are conversations whose prompts have about so many tokens, of which some are the same in so many of them,
// before the question and a few behind it.
func asked(n, same, share, own, answer int) []byte {
	var lines bytes.Buffer
	r := rand.New(rand.NewPCG(7, 7))
	before := ""
	for i := range n {
		if i%share == 0 {
			before = prose(r, same)
		}
		question := prose(r, own)
		prompt := question
		if same > 0 {
			prompt = before + "\n\n" + question + "\nAnswer in whole sentences, and say which part of the text above it rests on."
		}
		said, words := strings.Fields(question), []string{} // the answer is more like the question than what the base says
		for len(strings.Join(words, " ")) < 4*answer {
			words = append(words, said[r.IntN(len(said))], vocabulary[r.IntN(len(vocabulary))], said[r.IntN(len(said))])
		}
		lines.Write(line(i, false, prompt, sentences(words), nil))
	}
	return lines.Bytes()
}

// A night costs no more in batches than such a share of what the same night costs live, under kills, and what it would
// have cost live is what it costs live. It finds the same. What is sent once weighs: the judges' instructions, and what
// prompts have in common; of long prompts without anything in common, half of the live price is most of what is left.
func TestNightByPrompts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		prompts                          string
		n, same, share, own, answer, per int // thousandths
	}{
		{"40 tokens", 60, 0, 1, 40, 50, 350},
		{"340 tokens, the same words around each question", 24, 300, 24, 40, 60, 350},
		{"1,000 tokens, a document that six ask about", 12, 960, 6, 40, 100, 350},
		{"340 tokens, nothing in common", 18, 0, 1, 340, 80, 400},
		{"1,000 tokens, nothing in common", 12, 0, 1, 1000, 150, 450},
	} {
		t.Run(c.prompts, func(t *testing.T) {
			t.Parallel()
			content := asked(c.n, c.same, c.share, c.own, c.answer)
			live := newNight(t, handlertest.New(t), "live", content)
			want := live.through(t)
			n := newNight(t, handlertest.New(t), "batch", content)
			n.moments.every = 3
			got := n.through(t)
			_, price := live.Paid()
			_, nano := n.Paid()
			if got.Counts.Kept != want.Counts.Kept || !maps.Equal(got.Counts.Rejected, want.Counts.Rejected) ||
				!slices.Equal(n.kept(t), live.kept(t)) || len(n.kept(t)) == 0 || n.live > 0 {
				t.Errorf("found %+v, live %+v", got.Counts, want.Counts)
			}
			if want.LiveCost != price || 100*max(price-got.LiveCost, got.LiveCost-price) > price {
				t.Errorf("live it costs %d, said to be %d, and %d in batches", price, want.LiveCost, got.LiveCost)
			}
			if 1000*nano > int64(c.per)*price || n.moments.deaths < 3 {
				t.Errorf("it costs %.1f %% of %d; %d deaths", 100*float64(nano)/float64(price), price, n.moments.deaths)
			}
			t.Logf("%.1f %% of %d", 100*float64(nano)/float64(price), price)
		})
	}
}

// kept are the contents of the rows that the night kept.
func (n *nightShift) kept(t *testing.T) []string {
	t.Helper()
	rows, more, err := n.Store.Examples(t.Context(), n.Tenant, db.Filter{Dream: n.dream}, db.Page{Limit: 1000})
	if err != nil || more {
		t.Fatal(err, more)
	}
	var all []string
	for _, row := range rows {
		all = append(all, fmt.Sprint(row.Origin == learn.ExampleImagined, row.Content))
	}
	slices.Sort(all)
	return all
}
