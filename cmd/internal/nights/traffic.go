package nights

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// town is what customers of a made-up shop may ask, and what is right to answer. All of it is drawn
// from a seed, so that no model can know it before.
type town struct {
	dice   *rand.Rand
	topics []topic // what is asked most, first
	weight float64 // of all topics
}

// topic is one thing that is asked in several words.
type topic struct {
	asks   []string
	answer string
	small  bool // any model knows the answer
}

// turn is a question with the right answer.
type turn struct {
	ask, answer string
	small       bool
}

// What questions and answers are made of. A product has a name of its own, of two words.
var (
	forms = []string{
		"Where do I find the %s?", "How much is the %s?", "I would like to buy a %s, what do I have to do?", "Do you sell the %s?",
	}
	words = strings.Fields("amber bridge copper dahlia ebony falcon gallery hazel ivory jasmine kiosk lilac maple " +
		"north olive pillar quartz river silver tulip velvet violet willow yellow zinc anchor birch canal door elm")
	// small are pleasantries: a model without any training answers them well.
	small = []topic{
		{asks: []string{"Hello!", "Hello there!"}, answer: "Hello! How can I help you today?", small: true},
		{asks: []string{"Thank you!", "Thank you so much!"}, answer: "You are welcome! Anything else?", small: true},
	}
)

const (
	products  = 240
	greetings = 0.1 // share of pleasantries
	openings  = 4
	flatness  = 40 // the first topic is asked twice as often as the one so many later
)

// newTown draws a town from a seed.
func newTown(seed uint64) *town {
	t := &town{dice: rand.New(rand.NewPCG(seed, 10))}
	for i, first := range words {
		for _, second := range words[i+1:] {
			t.topics = append(t.topics, t.product(first+second))
		}
	}
	t.dice.Shuffle(len(t.topics), func(i, j int) { t.topics[i], t.topics[j] = t.topics[j], t.topics[i] })
	t.topics = t.topics[:products]
	for i := range t.topics {
		t.weight += rarity(i)
	}
	return t
}

// product draws where a product is, what it costs and how long it is under warranty.
func (t *town) product(name string) topic {
	asks := make([]string, len(forms))
	for i, form := range forms {
		asks[i] = fmt.Sprintf(form, name)
	}
	word := func() string { return words[t.dice.IntN(len(words))] }
	return topic{asks: asks, answer: fmt.Sprintf(
		"The %s is in the %s %s behind the %s %s, ask for %s: it costs %d francs and has a warranty of %d months.",
		name, word(), word(), word(), word(), word(), 2+t.dice.IntN(90), 2+t.dice.IntN(90))}
}

// rarity is how often the nth topic is asked: Zipf's law, softened.
func rarity(n int) float64 { return 1 / float64(n+flatness) }

// draw returns what the next customer asks.
func (t *town) draw() turn {
	chosen := small[t.dice.IntN(len(small))]
	if t.dice.Float64() >= greetings {
		chosen = t.topics[t.ranked()]
	}
	ask := chosen.asks[t.dice.IntN(len(chosen.asks))]
	if opening := t.dice.IntN(openings); opening > 0 && !chosen.small {
		ask = []string{"", "Hello, ", "Excuse me: ", "Good day. "}[opening] + ask
	}
	return turn{ask, chosen.answer, chosen.small}
}

func (t *town) ranked() int {
	at := t.dice.Float64() * t.weight
	for i := range t.topics {
		if at -= rarity(i); at < 0 {
			return i
		}
	}
	return len(t.topics) - 1
}
