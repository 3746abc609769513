package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
)

// What bounds a schema that refers to itself, or asks for too much.
const (
	schemaDepth = 16
	schemaNodes = 10_000
	maxList     = 200
	maxExtract  = 2000 // characters of an extract
)

// Fill answers in the form of a JSON schema from the JSON object in a message.
// It reads the schema and the object, never the words around them:
//
//   - an enum that names parts of the object takes the part most like the
//     object's other texts (token F1), or the value that names no part where
//     the best two are within 0.02; the part shown first has 0.02 added;
//   - numbers are marks for that likeness, scaled into minimum..maximum (0..1); where
//     there are as many as parts that the enum names, each is about one, in its order;
//   - booleans are whether it is over a half;
//   - strings are extracts of that part;
//   - the nth item of a list is about the nth part;
//   - a list whose items have an enum that names objects in the object gets an item for each
//     of them, filled from it as if the others were not there.
//
// It fails when the schema is not a JSON object.
func Fill(schema json.RawMessage, message string) (json.RawMessage, error) {
	root, err := parseValue(string(schema))
	if err != nil || root.kind != '{' {
		return nil, errors.New("the schema is not a JSON object")
	}
	f := (&filler{root: root, nodes: schemaNodes}).of(findObject(message), root, "")
	f.nodes = schemaNodes
	var out bytes.Buffer
	f.fill(&out, root, &focus{})
	return out.Bytes(), nil
}

// filler fills one schema from one object.
type filler struct {
	object *value
	root   *value
	name   string      // of the case that the object is; "" where it is the whole
	whole  string      // all the object's texts
	ranked []candidate // the parts that the schema's first telling enum names, the best first

	general float64 // likeness where the schema names no part

	verdicts map[*value]*verdict // by enum
	extracts map[string][]string // by text
	depth    int
	nodes    int // that may still be visited
}

// of is a filler of the same schema, or of what it says of a case, from an object.
func (f *filler) of(object, schema *value, name string) *filler {
	own := &filler{
		object: object, root: f.root, nodes: f.nodes, depth: f.depth, name: name,
		verdicts: map[*value]*verdict{}, extracts: map[string][]string{},
	}
	own.whole = object.texts(nil)
	if v := own.telling(schema, 0); v != nil {
		own.ranked = v.ranked
	}
	own.general = own.unnamed()
	return own
}

// focus is what is being spoken of: the nth best part, and how many extracts
// of it were given already.
type focus struct {
	nth   int
	given int
	item  bool // of a list
}

// resolve follows references and takes the first form that is not null.
func (f *filler) resolve(schema *value) *value {
	for range schemaDepth {
		next := f.referred(schema)
		if next == nil {
			return schema
		}
		schema = next
	}
	return schema
}

func (f *filler) referred(schema *value) *value {
	if path, ok := strings.CutPrefix(schema.get("$ref").str(), "#"); ok {
		at := f.root
		for key := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
			if key != "" {
				at = at.get(key)
			}
		}
		return at
	}
	for _, key := range []string{"anyOf", "oneOf", "allOf"} {
		forms := schema.get(key)
		if forms == nil {
			continue
		}
		for _, form := range forms.items {
			if typeOf(form) != "null" {
				return form
			}
		}
	}
	return nil
}

// typeOf returns the schema's type, the first that is not null of several.
func typeOf(schema *value) string {
	t := schema.get("type")
	if t != nil && t.kind == '[' {
		for _, option := range t.items {
			if option.str() != "null" {
				return option.str()
			}
		}
	}
	switch {
	case t.str() != "":
		return t.str()
	case schema.get("properties") != nil:
		return "object"
	case schema.get("items") != nil:
		return "array"
	}
	return "string"
}

func (f *filler) fill(out *bytes.Buffer, schema *value, at *focus) {
	f.depth++
	defer func() { f.depth-- }()
	schema = f.resolve(schema)
	if f.nodes--; f.depth > schemaDepth || f.nodes < 0 {
		out.WriteString("null")
		return
	}
	if fixed := schema.get("const"); fixed != nil {
		writeScalar(out, fixed)
		return
	}
	if enum := schema.get("enum"); enum != nil && len(enum.items) > 0 {
		f.pick(out, enum, at)
		return
	}
	f.fillType(out, schema, at)
}

func (f *filler) fillType(out *bytes.Buffer, schema *value, at *focus) {
	switch typeOf(schema) {
	case "object":
		f.fillObject(out, schema, at)
	case "array":
		f.fillArray(out, schema, at)
	case "number":
		out.WriteString(strconv.FormatFloat(f.scaled(schema, at), 'g', 6, 64))
	case "integer":
		out.WriteString(strconv.FormatFloat(math.Round(f.scaled(schema, at)), 'f', 0, 64))
	case "boolean":
		out.WriteString(strconv.FormatBool(f.likeness(at) > 0.5))
	case "null":
		out.WriteString("null")
	default:
		quote(out, f.extract(schema, at))
	}
}

func writeScalar(out *bytes.Buffer, v *value) {
	switch v.kind {
	case '"':
		quote(out, v.text)
	case '0', 't':
		out.WriteString(v.text)
	default:
		out.WriteString("null")
	}
}

func (f *filler) fillObject(out *bytes.Buffer, schema *value, at *focus) {
	out.WriteByte('{')
	if properties := schema.get("properties"); properties != nil {
		about := f.about(properties, at)
		for i, key := range properties.keys {
			if i > 0 {
				out.WriteByte(',')
			}
			quote(out, key)
			out.WriteByte(':')
			f.fill(out, properties.items[i], about[i])
		}
	}
	out.WriteByte('}')
}

// about returns what each property is about. Where there are as many numbers as parts
// that the enum names, each number is about one part, in the enum's order, whatever the
// two are called.
func (f *filler) about(properties *value, at *focus) []*focus {
	about := make([]*focus, len(properties.items))
	var numbers []int
	for i, property := range properties.items {
		about[i] = at
		if kind := typeOf(f.resolve(property)); kind == "number" || kind == "integer" {
			numbers = append(numbers, i)
		}
	}
	if at.item || len(numbers) < 2 || len(numbers) != len(f.ranked) {
		return about
	}
	for rank, c := range f.ranked {
		about[numbers[c.listed]] = &focus{nth: rank, given: at.given}
	}
	return about
}

// verdict judges an enum once.
func (f *filler) verdict(enum *value) *verdict {
	v := f.verdicts[enum]
	if v == nil {
		v = judge(f.object, enum.items)
		f.verdicts[enum] = v
	}
	return v
}

// telling returns the verdict on the first enum in a schema that names parts of
// the object, nil where none does.
func (f *filler) telling(schema *value, depth int) *verdict {
	schema = f.resolve(schema)
	if f.nodes--; depth > schemaDepth || f.nodes < 0 {
		return nil
	}
	if enum := schema.get("enum"); enum != nil {
		if v := f.verdict(enum); len(v.ranked) > 0 {
			return v
		}
		return nil
	}
	for _, below := range parts(schema) {
		if v := f.telling(below, depth+1); v != nil {
			return v
		}
	}
	return nil
}

// parts returns the schemas right below a schema.
func parts(schema *value) []*value {
	var below []*value
	if properties := schema.get("properties"); properties != nil {
		below = append(below, properties.items...)
	}
	if item := schema.get("items"); item != nil {
		below = append(below, item)
	}
	return below
}

// part returns the part that is spoken of, and whether there is one.
func (f *filler) part(at *focus) (candidate, bool) {
	if len(f.ranked) == 0 {
		return candidate{}, false
	}
	return f.ranked[at.nth%len(f.ranked)], true
}

// likeness is that of the part spoken of.
func (f *filler) likeness(at *focus) float64 {
	if part, found := f.part(at); found {
		return part.likeness
	}
	return f.general
}

// unnamed is the likeness of an object of which the schema names no part: that
// of its first part to the others.
func (f *filler) unnamed() float64 {
	if len(f.object.items) == 0 {
		return 0
	}
	first := f.object.items[0]
	rest := f.object.texts(map[*value]bool{first: true})
	return Likeness(first.texts(nil), rest)
}

// halfMarks is the likeness that gets half of the marks: a right answer of ordinary
// length shares about a fifth of its words with a conversation, a stray one few.
const halfMarks = 0.1

// marks turns a likeness into a score as judges give it.
func marks(likeness float64) float64 { return likeness * (1 + halfMarks) / (likeness + halfMarks) }

func (f *filler) scaled(schema *value, at *focus) float64 {
	low := schema.get("minimum").number(0)
	high := schema.get("maximum").number(max(low, 0) + 1)
	scaled := low + marks(f.likeness(at))*(high-low)
	if math.IsInf(scaled, 0) || math.IsNaN(scaled) {
		return low
	}
	return scaled
}

// pick writes the value of an enum.
func (f *filler) pick(out *bytes.Buffer, enum *value, at *focus) {
	if f.name != "" && slices.ContainsFunc(enum.items, func(option *value) bool { return option.str() == f.name }) {
		quote(out, f.name)
		return
	}
	v := f.verdict(enum)
	if len(v.ranked) > 0 {
		if at.nth == 0 {
			quote(out, v.choice())
			return
		}
		quote(out, v.ranked[at.nth%len(v.ranked)].name)
		return
	}
	step := int(f.likeness(at) * float64(len(enum.items)))
	writeScalar(out, enum.items[min(step, len(enum.items)-1)])
}

// extract returns the next sentence of the part spoken of.
func (f *filler) extract(schema *value, at *focus) string {
	text := f.whole
	if part, found := f.part(at); found && strings.TrimSpace(part.text) != "" {
		text = part.text
	}
	list, cut := f.extracts[text]
	if !cut {
		list = extracts(text, f.whole)
		f.extracts[text] = list
	}
	if len(list) == 0 {
		return ""
	}
	said := list[at.given%len(list)]
	at.given++
	return clip(said, int(schema.get("maxLength").number(maxExtract)))
}
