package exam

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"math"
	"slices"
	"strings"

	"dreamlab/handlers/tune/near"
)

// Candidate is a held-out prompt that can be a paper.
type Candidate struct {
	Experience   string
	Conversation string
	User         string // who asked; "" where that is not known
	Turn         int    // the number of questions in it
	First        string // the first question
	Context      string // all that was said before the answer
}

// Draw says how papers are drawn.
type Draw struct {
	Seed  int64
	Limit int
	// UserShare is how much of the papers one user may make up, in ten-thousandths.
	UserShare int64
}

// Papers draws at most as many papers as the limit says, one a conversation, none of a
// conversation that is like another, in proportion to the turns and topics of them all, and no
// more of one user than the share. It depends on nothing but the seed and the candidates.
func (d Draw) Papers(candidates []Candidate) []Candidate {
	papers := d.oneEach(candidates)
	d.stratify(papers)
	limit := Cap(usersOf(papers), d.UserShare, d.Limit)
	taken, by := make([]Candidate, 0, min(len(papers), d.Limit)), map[string]int{}
	for _, p := range papers {
		if len(taken) == d.Limit {
			break
		}
		if p.User != "" && by[p.User] >= limit {
			continue
		}
		by[p.User]++
		taken = append(taken, p)
	}
	return taken
}

func usersOf(papers []Candidate) []string {
	users := make([]string, len(papers))
	for i, p := range papers {
		users[i] = p.User
	}
	return users
}

// oneEach draws one turn of each conversation, and of conversations that are alike the first in
// the order of their keys.
func (d Draw) oneEach(candidates []Candidate) []Candidate {
	talks := map[string][]Candidate{}
	for _, c := range candidates {
		talks[c.Conversation] = append(talks[c.Conversation], c)
	}
	names := slices.SortedFunc(maps.Keys(talks), func(a, b string) int { return cmp.Compare(d.key(a), d.key(b)) })
	seen := near.NewIndex()
	var papers []Candidate
	for _, name := range names {
		turns := talks[name]
		longest := slices.MaxFunc(turns, func(a, b Candidate) int {
			return cmp.Or(cmp.Compare(len(a.Context), len(b.Context)), cmp.Compare(b.Experience, a.Experience))
		})
		if seen.Add(near.Text{Main: near.Of(longest.Context)}) {
			papers = append(papers, d.first(turns))
		}
	}
	return papers
}

// first is the turn whose key comes first.
func (d Draw) first(turns []Candidate) Candidate {
	return slices.MinFunc(turns, func(a, b Candidate) int { return cmp.Compare(d.key(a.Experience), d.key(b.Experience)) })
}

// key orders by a hash of the seed, so that the order is random and can be had again.
func (d Draw) key(id string) uint64 {
	sum := sha256.Sum256(append(binary.BigEndian.AppendUint64(nil, uint64(d.Seed)), id...))
	return binary.BigEndian.Uint64(sum[:])
}

// stratum is what papers have in common.
type stratum struct {
	turns int // the number of questions, in powers of two
	topic string
}

// stratify orders papers so that any beginning of the list holds each stratum in proportion:
// the papers of a stratum are spread evenly over the list.
func (d Draw) stratify(papers []Candidate) {
	topics := topicsOf(papers)
	strata := map[stratum][]Candidate{}
	for _, p := range papers {
		s := stratum{int(math.Log2(float64(max(p.Turn, 1)))), topics(p.First)}
		strata[s] = append(strata[s], p)
	}
	place := map[string]float64{}
	for _, list := range strata {
		slices.SortFunc(list, func(a, b Candidate) int { return cmp.Compare(d.key(a.Experience), d.key(b.Experience)) })
		for i, p := range list {
			within := float64(d.key("place "+p.Experience)) / math.MaxUint64
			place[p.Experience] = (float64(i) + within) / float64(len(list))
		}
	}
	slices.SortFunc(papers, func(a, b Candidate) int {
		return cmp.Or(cmp.Compare(place[a.Experience], place[b.Experience]), cmp.Compare(a.Experience, b.Experience))
	})
}

// shortWord is how many letters a word has that names no topic.
const shortWord = 3

// topicsOf returns what names the topic of a question: its word that most questions share, but
// for words that more than a quarter of all have.
func topicsOf(papers []Candidate) func(question string) string {
	shared := map[string]int{}
	for _, p := range papers {
		for word := range wordsOf(p.First) {
			shared[word]++
		}
	}
	return func(question string) string {
		topic := ""
		for word := range wordsOf(question) {
			n := shared[word]
			if 4*n > len(papers) || n < 2 {
				continue
			}
			if topic == "" || n > shared[topic] || n == shared[topic] && word < topic {
				topic = word
			}
		}
		return topic
	}
}

func wordsOf(text string) map[string]bool {
	words := map[string]bool{}
	for _, word := range strings.Fields(near.Canonical(text)) {
		if word = strings.Trim(word, `.,;:!?"'()`); len(word) > shortWord {
			words[word] = true
		}
	}
	return words
}

// Cap is how many of at most limit things one user may have, so that none has more than a share
// of all that are taken; "" is nobody, and each such thing counts for itself. A user who is the
// only one has them all.
func Cap(users []string, userShare int64, limit int) int {
	counts := map[string]int{}
	for _, user := range users {
		counts[user]++
	}
	nobody := counts[""]
	delete(counts, "")
	if nobody+len(counts) <= 1 {
		return limit
	}
	userShare = max(userShare, int64(math.Ceil(whole/float64(nobody+len(counts)))))
	best := 1
	for k := 2; k <= limit && k <= len(users); k++ {
		if !fits(counts, nobody, k, userShare, limit) {
			break
		}
		best = k
	}
	return best
}

// fits tells whether k are no more than the share of what is taken where nobody has more than k.
func fits(counts map[string]int, nobody, k int, userShare int64, limit int) bool {
	taken := nobody
	for _, n := range counts {
		taken += min(n, k)
	}
	return int64(k)*whole <= userShare*int64(min(taken, limit))
}
