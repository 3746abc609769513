package model

import (
	"cmp"
	"math"
	"slices"
)

// How much a turn weighs: the last one 1, each earlier one a part of the next,
// the system's little, since it is the same in every conversation.
const (
	turnDecay    = 0.55
	turnFloor    = 0.1
	systemWeight = 0.2
	roleWeight   = 0.2
	pairWeight   = 0.6 // of two words that follow each other
)

// posting says how much a term weighs in one document.
type posting struct {
	doc    int32
	weight float32
}

// index finds the nearest document by tf-idf cosine (Salton and Buckley 1988,
// https://doi.org/10.1016/0306-4573(88)90021-0). It is built once and then only
// read.
type index struct {
	terms    map[string]int32
	idf      []float32
	postings [][]posting
	docs     int
}

// features weighs the terms of a conversation.
func features(turns []Turn) map[string]float64 {
	terms := map[string]float64{}
	for i, turn := range turns {
		weight := max(math.Pow(turnDecay, float64(len(turns)-1-i)), turnFloor)
		if turn.Role == "system" || turn.Role == "developer" {
			weight = systemWeight * turnFloor
		}
		terms["\x00"+turn.Role] += weight * roleWeight
		previous := ""
		for _, word := range words(string(turn.Content)) {
			terms[word] += weight
			if previous != "" {
				terms[previous+" "+word] += weight * pairWeight
			}
			previous = word
		}
	}
	for term, weight := range terms {
		terms[term] = math.Log1p(weight)
	}
	return terms
}

func newIndex(docs []map[string]float64) *index {
	x := &index{terms: map[string]int32{}, docs: len(docs)}
	for doc, terms := range docs {
		for term, weight := range terms {
			id, found := x.terms[term]
			if !found {
				id = int32(len(x.postings))
				x.terms[term] = id
				x.postings = append(x.postings, nil)
			}
			x.postings[id] = append(x.postings[id], posting{int32(doc), float32(weight)})
		}
	}
	x.weigh()
	return x
}

// weigh turns term frequencies into tf-idf of unit length.
func (x *index) weigh() {
	x.idf = make([]float32, len(x.postings))
	squares := make([]float64, x.docs)
	for id, list := range x.postings {
		idf := math.Log1p(float64(x.docs) / float64(len(list)))
		x.idf[id] = float32(idf)
		for i := range list {
			list[i].weight *= float32(idf)
			squares[list[i].doc] += float64(list[i].weight) * float64(list[i].weight)
		}
	}
	for _, list := range x.postings {
		for i := range list {
			list[i].weight /= float32(math.Sqrt(squares[list[i].doc]))
		}
	}
}

// term is one weighed term of a query.
type term struct {
	id     int32
	weight float32
}

// query returns the known terms in a fixed order, so that sums of floats come
// out the same each time, and the length of all of them.
func (x *index) query(terms map[string]float64) ([]term, float64) {
	unknown := math.Log1p(float64(x.docs))
	list := make([]term, 0, len(terms))
	squares := 0.0
	for name, weight := range terms {
		id, found := x.terms[name]
		if !found {
			continue
		}
		list = append(list, term{id, float32(weight) * x.idf[id]})
	}
	slices.SortFunc(list, func(a, b term) int { return cmp.Compare(a.id, b.id) })
	for _, t := range list {
		squares += float64(t.weight) * float64(t.weight)
	}
	return list, squares + x.strange(terms)*unknown*unknown
}

// strange is how much of a query is words that no document has: the more of
// them, the less alike is anything.
func (x *index) strange(terms map[string]float64) float64 {
	weights := make([]float64, 0, len(terms))
	for name, weight := range terms {
		if _, found := x.terms[name]; !found {
			weights = append(weights, weight*weight)
		}
	}
	slices.Sort(weights)
	sum := 0.0
	for _, weight := range weights {
		sum += weight
	}
	return sum
}

// nearest returns the document most like the query, the last of equals, since
// what was learnt last counts, and its likeness from 0 to 1; -1 where there is
// none.
func (x *index) nearest(terms map[string]float64) (doc int, likeness float64) {
	list, squares := x.query(terms)
	if len(list) == 0 || x.docs == 0 {
		return -1, 0
	}
	scores := make([]float32, x.docs)
	for _, t := range list {
		for _, p := range x.postings[t.id] {
			scores[p.doc] += t.weight * p.weight
		}
	}
	best := 0
	for i, score := range scores {
		if score >= scores[best] {
			best = i
		}
	}
	return best, float64(scores[best]) / math.Sqrt(squares)
}
