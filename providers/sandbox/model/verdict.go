package model

import (
	"cmp"
	"slices"
)

// What a judge is swayed by: parts within tie of each other are equal to it,
// and the part shown first seems a little better than it is.
const (
	tie       = 0.02
	firstSeen = 0.02
	rounding  = 1e-9
)

// candidate is a part of the object that an enum names.
type candidate struct {
	name     string
	text     string
	likeness float64
	at       *value
	order    int // of appearance in the object
	listed   int // among the parts that the enum names
}

// verdict is what an object says about the values of one enum.
type verdict struct {
	ranked  []candidate // the part most like the rest first
	neither string      // the enum's value that names no part
	open    bool        // there is such a value
}

// judge ranks the parts that an enum names by their likeness to the object's
// texts that no value of the enum names.
func judge(object *value, enum []*value) *verdict {
	v := &verdict{}
	named := map[*value]bool{}
	for _, option := range enum {
		name := option.str()
		found := locate(object, name)
		if found == nil {
			if !v.open && option.kind == '"' {
				v.neither, v.open = name, true
			}
			continue
		}
		named[found] = true
		v.ranked = append(v.ranked, candidate{name: name, at: found, listed: len(v.ranked)})
	}
	v.weigh(object, named)
	return v
}

// locate finds the part that a name stands for: the value of a key, else the
// object that holds the name as an id beside its other fields, else the name
// itself in a list of names.
func locate(object *value, name string) *value {
	if name == "" {
		return nil
	}
	if part := object.get(name); part != nil {
		return part
	}
	var byKey, byID, listed *value
	object.walk("", nil, func(key string, v, parent *value) bool {
		if key == name && byKey == nil {
			byKey = v
		}
		if v.kind != '"' || v.text != name || parent == object {
			return true
		}
		if parent.kind == '{' && byID == nil {
			byID = parent
		}
		if parent.kind == '[' && listed == nil {
			listed = v
		}
		return true
	})
	for _, found := range []*value{byKey, byID} {
		if found != nil {
			return found
		}
	}
	return listed
}

func (v *verdict) weigh(object *value, named map[*value]bool) {
	rest := words(object.texts(named))
	places := order(object, named)
	for i := range v.ranked {
		c := &v.ranked[i]
		c.text = c.body()
		c.order = places[c.at]
		others := rest
		if len(rest) == 0 {
			others = words(object.texts(map[*value]bool{c.at: true}))
		}
		c.likeness = overlap(words(c.text), others)
	}
	v.favourFirst()
	slices.SortStableFunc(v.ranked, func(a, b candidate) int {
		return cmp.Or(-cmp.Compare(a.likeness, b.likeness), cmp.Compare(a.order, b.order))
	})
}

func (v *verdict) favourFirst() {
	first := -1
	for i, c := range v.ranked {
		if first < 0 || c.order < v.ranked[first].order {
			first = i
		}
	}
	if first >= 0 {
		v.ranked[first].likeness = min(v.ranked[first].likeness+firstSeen, 1)
	}
}

// body is a part's text without the id that names it.
func (c *candidate) body() string {
	without := map[*value]bool{}
	if c.at.kind == '{' {
		for _, item := range c.at.items {
			if item.str() == c.name {
				without[item] = true
			}
		}
	}
	return c.at.texts(without)
}

// order numbers the named parts as they are shown.
func order(object *value, named map[*value]bool) map[*value]int {
	places := map[*value]int{}
	object.walk("", nil, func(_ string, v, _ *value) bool {
		if named[v] {
			places[v] = len(places)
		}
		return true
	})
	return places
}

// choice is the enum's value that wins: the most like part, or the value that
// names none where the best two are too close to call.
func (v *verdict) choice() string {
	if len(v.ranked) == 0 {
		return v.neither
	}
	even := len(v.ranked) > 1 && v.ranked[0].likeness-v.ranked[1].likeness <= tie+rounding
	if even && v.open {
		return v.neither
	}
	return v.ranked[0].name
}

// likeness is that of the best part, 0 where there is none.
func (v *verdict) likeness() float64 {
	if len(v.ranked) == 0 {
		return 0
	}
	return v.ranked[0].likeness
}

// worth counts the parts that are at least half as like as the best.
func (v *verdict) worth() int {
	n := 0
	for _, c := range v.ranked {
		if c.likeness*2 >= v.likeness() {
			n++
		}
	}
	return n
}

// around lists the nth part and then the others, the one most like it first,
// and tells how many share half of their words with it, itself included.
func (v *verdict) around(nth int) (list []candidate, near int) {
	centre := v.ranked[nth%len(v.ranked)]
	likeness := map[string]float64{centre.name: 2} // before all others
	for _, c := range v.ranked {
		if c.name != centre.name {
			likeness[c.name] = Likeness(c.text, centre.text)
		}
		if likeness[c.name] >= 0.5 {
			near++
		}
	}
	list = slices.Clone(v.ranked)
	slices.SortStableFunc(list, func(a, b candidate) int {
		return -cmp.Compare(likeness[a.name], likeness[b.name])
	})
	return list, near
}
