package shared

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Most is how many questions are asked together at most. Models answer a handful of questions in one request as well
// as each alone, and grow worse beyond (https://arxiv.org/abs/2301.08721).
const Most = 6

// mostBytes bounds what all objects of a request have together.
const mostBytes = 48 << 10

// Question is a question as far as its grouping goes.
type Question struct {
	Key   string // of [Key], with what else has to be the same; "" where it is asked alone
	About string // of the questions about one thing each is in another request; "" for none
	Size  int64  // of [Size]
	Text  string // of [Text]: those that begin alike share requests
}

// leastAlike is from how many bytes on that objects begin with, they share requests with each other alone: that saves
// more than a few others that would share the instruction.
const leastAlike = 1200

// beginning is what an object begins with.
func (q Question) beginning() string { return q.Key + "\n" + q.Text[:min(len(q.Text), leastAlike)] }

// kinds are the questions' keys, apart for those that begin alike: of two conversations at least, since those of
// one are not asked together.
func kinds(all []Question) []string {
	about := map[string]map[string]bool{}
	for i, q := range all {
		if len(q.Text) >= leastAlike {
			beginning := q.beginning()
			if about[beginning] == nil {
				about[beginning] = map[string]bool{}
			}
			about[beginning][cmp.Or(q.About, strconv.Itoa(i))] = true
		}
	}
	keys := make([]string, len(all))
	for i, q := range all {
		keys[i] = q.Key
		if q.Key != "" && len(about[q.beginning()]) > 1 {
			keys[i] = q.beginning()
		}
	}
	return keys
}

// Groups divides questions, by their place, into those that are asked together, in their order and as evenly as
// they can be. It makes at least as many groups as fewest, where there are as many questions.
func Groups(all []Question, fewest int) [][]int {
	byKey := map[string][]int{}
	var keys []string
	var groups [][]int
	for i, key := range kinds(all) {
		switch known := byKey[key]; {
		case key == "":
			groups = append(groups, []int{i})
		case len(known) == 0:
			keys = append(keys, key)
			fallthrough
		default:
			byKey[key] = append(known, i)
		}
	}
	size := min(Most, max(1, len(all)/max(fewest, 1)))
	for _, key := range keys {
		some := byKey[key]
		if key != all[some[0]].Key { // they begin alike: some may be so for longer
			slices.SortStableFunc(some, func(a, b int) int { return cmp.Compare(all[a].Text, all[b].Text) })
		}
		groups = append(groups, divided(all, some, size)...)
	}
	return groups
}

// divided puts questions of one key into groups of at most size.
func divided(all []Question, some []int, size int) [][]int {
	var groups []*group
	for range (len(some) + size - 1) / size {
		groups = append(groups, &group{about: map[string]bool{}})
	}
	even := (len(some) + len(groups) - 1) / len(groups)
	for _, i := range some {
		groups = put(groups, all[i], i, even)
	}
	var out [][]int
	for _, g := range groups {
		if len(g.places) > 0 {
			out = append(out, g.places)
		}
	}
	return out
}

// group are questions that are asked together.
type group struct {
	places []int
	texts  []string
	about  map[string]bool
	bytes  int64
}

// put adds a question to the first group that has room for it, or to one of its own.
func put(groups []*group, q Question, place, size int) []*group {
	for _, g := range groups {
		fits := len(g.places) == 0 || g.bytes+q.Size <= mostBytes
		if fits && len(g.places) < size && (q.About == "" || !g.about[q.About]) && !g.tells(q.Text) {
			g.add(q, place)
			return groups
		}
	}
	own := &group{about: map[string]bool{}}
	own.add(q, place)
	return append(groups, own)
}

// tells tells whether one conversation goes on where another ends: it may hold the answer that is judged there.
func (g *group) tells(text string) bool {
	return slices.ContainsFunc(g.texts, func(other string) bool {
		return strings.HasPrefix(text, other+",") || strings.HasPrefix(other, text+",")
	})
}

func (g *group) add(q Question, place int) {
	g.places, g.bytes = append(g.places, place), g.bytes+q.Size
	g.texts, g.about[q.About] = append(g.texts, q.Text), true
}
