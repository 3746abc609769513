package model

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestFillTypes(t *testing.T) {
	t.Parallel()
	object := `{"question":"Is green tea healthy? Some say so.",
		"answer":"Green tea is healthy, so some say."}`
	tests := []struct{ name, schema, want string }{
		{"number", `{"type":"number"}`, ""},
		{"integer in bounds", `{"type":"integer","minimum":3,"maximum":3}`, "3"},
		{"boolean", `{"type":"boolean"}`, "true"},
		{"nullable", `{"type":["null","boolean"]}`, "true"},
		{"const", `{"const":"v1"}`, `"v1"`},
		{"string is an extract", `{"type":"string"}`, `"Green tea is healthy, so some say."`},
		{"string is clipped", `{"type":"string","maxLength":9}`, `"Green tea"`},
		{"reference", `{"$ref":"#/$defs/b"}`, "true"},
		{"any of", `{"anyOf":[{"type":"null"},{"type":"boolean"}]}`, "true"},
		{"ordinal enum", `{"enum":["low","high"]}`, `"high"`},
		{
			"list of strings",
			`{"type":"array","items":{"type":"string"},"maxItems":1}`,
			`["Green tea is healthy, so some say."]`,
		},
		{"list of nothing", `{"type":"array"}`, `[]`},
		{
			"list at least",
			`{"type":"array","items":{"type":"boolean"},"minItems":4}`,
			`[true,true,true,true]`,
		},
		{"null", `{"type":"null"}`, `null`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			schema := `{"type":"object","properties":{"x":` + test.schema +
				`},"$defs":{"b":{"type":"boolean"}}}`
			data, err := Fill(json.RawMessage(schema), object)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.TrimSuffix(strings.TrimPrefix(string(data), `{"x":`), "}")
			if test.want != "" && got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
			if !json.Valid(data) {
				t.Errorf("not JSON: %s", data)
			}
		})
	}
}

func TestFillOddSchemas(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, schema, message string }{
		{"it refers to itself", `{"type":"object","properties":{"next":{"$ref":"#"}}}`, `{"a":"b"}`},
		{"it refers to nothing", `{"type":"object","properties":{"x":{"$ref":"#/nowhere"}}}`, `{"a":"b"}`},
		{"there is no object", `{"type":"object","properties":{"x":{"type":"string"}}}`, "plain words."},
		{
			"the message is empty",
			`{"type":"object","properties":{"x":{"type":"string"},"n":{"type":"number"}}}`,
			"",
		},
		{"the object is cut", `{"type":"object","properties":{"x":{"type":"string"}}}`, `{"a":"b`},
		{"many braces", `{"type":"object","properties":{"x":{"type":"string"}}}`, strings.Repeat("{", 5000)},
		{"deep object", `{"type":"object","properties":{"x":{"type":"string"}}}`,
			strings.Repeat(`{"a":`, 200) + `1` + strings.Repeat("}", 200)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			data, err := Fill(json.RawMessage(test.schema), test.message)
			if err != nil {
				t.Fatal(err)
			}
			if !json.Valid(data) {
				t.Errorf("not JSON: %s", data)
			}
		})
	}
	for _, schema := range []string{``, `[]`, `{"type":`, `"x"`} {
		if _, err := Fill(json.RawMessage(schema), "{}"); err == nil {
			t.Errorf("the schema %q was taken", schema)
		}
	}
}

func TestFillKeepsTheSchemasOrder(t *testing.T) {
	t.Parallel()
	schema := `{"type":"object","properties":{"z":{"type":"null"},"a":{"type":"null"},"m":{"type":"null"}}}`
	data, err := Fill(json.RawMessage(schema), "{}")
	if err != nil {
		t.Fatal(err)
	}
	if string(data) != `{"z":null,"a":null,"m":null}` {
		t.Errorf("got %s", data)
	}
}

// Whatever the schema and the message, the answer is JSON and comes soon.
func FuzzFill(f *testing.F) {
	f.Add(`{"type":"object","properties":{"x":{"enum":["a","b"]},"n":{"type":"number"}}}`, `{"a":"b","b":"c"}`)
	f.Add(`{"type":"array","items":{"$ref":"#"},"minItems":1000000000}`, `{"a":1}`)
	f.Add(`{"properties":{"a":{"$ref":"#"},"b":{"$ref":"#"},"c":{"$ref":"#"},"d":{"$ref":"#"}}}`, "")
	f.Add(`{"type":"array","items":{"enum":["a"]},"maxItems":-1}`, `{"a":"x"}`)
	f.Add(`{"type":"number","minimum":-1e308,"maximum":1e308}`, `{"a":"x","b":"x"}`)
	f.Add(`{"type":"string","maxLength":-5}`, `{"a":"\u0000. \ud800!"}`)
	f.Add(`{"anyOf":[{"type":"null"}],"items":true}`, `[{"a":{}}]`)
	f.Fuzz(func(t *testing.T, schema, message string) {
		data, err := Fill(json.RawMessage(schema), message)
		if err == nil && !json.Valid(data) {
			t.Errorf("not JSON: %.500s", data)
		}
	})
}

func BenchmarkFill(b *testing.B) {
	object := `{"conversation":"` + strings.Repeat("I would like a cup of tea please. ", 30) +
		`","first":"A cup of tea, right away.","second":"We have no tea."}`
	schema := json.RawMessage(`{"type":"object","properties":{"better":{"enum":["first","second","equal"]},
		"confidence":{"type":"number"},"reason":{"type":"string"}}}`)
	for b.Loop() {
		if _, err := Fill(schema, object); err != nil {
			b.Fatal(err)
		}
	}
}

// A list whose items name objects gets an item for each, and says of each what it would say of it alone, whatever
// stands beside it.
func TestFillCases(t *testing.T) {
	t.Parallel()
	one := `"better":{"enum":["left","right","same"]},"why":{"type":"string"},"l":{"type":"number"},"r":{"type":"number"}`
	parts := []string{
		`"text":"a pot of green tea","left":"go away","right":"green tea in a pot"`,
		`"text":"where is my train","left":"Your train is here.","right":"green tea in a pot"`,
		`"text":"one","left":"two","right":"three"`,
	}
	list := `{"type":"object","properties":{"all":{"type":"array","items":{"type":"object","properties":{` +
		`"of":{"enum":["x1","x2","x3"]},` + one + `}}}}}`
	data, err := Fill(json.RawMessage(list), `{"rule":"be brief","x1":{`+parts[0]+`},"x2":{`+parts[1]+`},"x3":{`+parts[2]+`}}`)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for i, part := range parts {
		alone, err := Fill(json.RawMessage(`{"type":"object","properties":{`+one+`}}`), `{"rule":"be brief",`+part+`}`)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, fmt.Sprintf(`{"of":"x%d",%s`, i+1, alone[1:]))
	}
	if got := string(data); got != `{"all":[`+strings.Join(want, ",")+`]}` {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
