package model

import "bytes"

// listDefault is how long a list is that may be of any length.
const listDefault = 3

// fillArray makes each item speak of the next part.
func (f *filler) fillArray(out *bytes.Buffer, schema *value, at *focus) {
	item := schema.get("items")
	if item == nil {
		out.WriteString("[]")
		return
	}
	item = f.resolve(item)
	if cases := f.cases(item); len(cases) > 0 {
		f.fillCases(out, item, cases)
		return
	}
	if names := f.names(schema, item, at); len(names) > 0 {
		writeNames(out, names)
		return
	}
	n := bounded(schema, f.length(item))
	out.WriteByte('[')
	for i := range n {
		if i > 0 {
			out.WriteByte(',')
		}
		next := &focus{nth: at.nth + i, item: true}
		if typeOf(item) == "string" {
			next = &focus{nth: at.nth, given: i} // one part's sentences, one after the other
		}
		f.fill(out, item, next)
	}
	out.WriteByte(']')
}

// length is how many items a list gets when there is something to say of each.
func (f *filler) length(item *value) int {
	n := len(sentences(f.whole))
	if v := f.telling(item, 0); v != nil {
		n = len(v.ranked)
	}
	return min(max(n, 1), listDefault)
}

// bounded keeps a length within minItems..maxItems.
func bounded(schema *value, n int) int {
	n = max(n, int(min(schema.get("minItems").number(0), maxList)))
	return max(min(n, int(min(schema.get("maxItems").number(maxList), maxList))), 0)
}

// names lists the parts that a list of an enum's values names: those that are
// at least half as like as the best; in an item of another list the part that
// the item speaks of and those that are much like that one.
func (f *filler) names(schema, item *value, at *focus) []string {
	enum := item.get("enum")
	if enum == nil {
		return nil
	}
	v := f.verdict(enum)
	if len(v.ranked) == 0 {
		return nil
	}
	list := v.ranked
	n := v.worth()
	if at.item {
		list, n = v.around(at.nth)
	}
	n = min(bounded(schema, max(n, 1)), len(list))
	names := make([]string, n)
	for i := range names {
		names[i] = list[i].name
	}
	return names
}

func writeNames(out *bytes.Buffer, names []string) {
	out.WriteByte('[')
	for i, name := range names {
		if i > 0 {
			out.WriteByte(',')
		}
		quote(out, name)
	}
	out.WriteByte(']')
}

// cases are the parts that a list's items are about by name: those that are objects of their own, and that all
// values of an enum among an item's fields name.
func (f *filler) cases(item *value) []string {
	properties := item.get("properties")
	if properties == nil {
		return nil
	}
	for _, property := range properties.items {
		enum := f.resolve(property).get("enum")
		if enum == nil || len(enum.items) == 0 || len(enum.items) > maxList {
			continue
		}
		var names []string
		for _, option := range enum.items {
			if part := f.object.get(option.str()); part == nil || part.kind != '{' {
				return nil
			}
			names = append(names, option.str())
		}
		return names
	}
	return nil
}

// fillCases writes an item for each case, from the case and from what stands beside all of them, as if the others
// were not there.
func (f *filler) fillCases(out *bytes.Buffer, item *value, cases []string) {
	other := map[string]bool{}
	for _, name := range cases {
		other[name] = true
	}
	out.WriteByte('[')
	for i, name := range cases {
		if i > 0 {
			out.WriteByte(',')
		}
		own := &value{kind: '{'}
		for at, key := range f.object.keys {
			if !other[key] {
				own.keys, own.items = append(own.keys, key), append(own.items, f.object.items[at])
			}
		}
		part := f.object.get(name)
		own.keys, own.items = append(own.keys, part.keys...), append(own.items, part.items...)
		about := f.of(own, item, name)
		about.fill(out, item, &focus{})
		f.nodes = about.nodes
	}
	out.WriteByte(']')
}
