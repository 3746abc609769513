// Package shared is the room of requests that ask several questions of one form together, so that their
// instructions are sent and paid for once, and of the answers to them.
//
// It knows the form of a question (an instruction, one JSON object as the last message, and the schema of an
// object as the answer), and not what it asks. What may be asked together is its caller's to decide.
package shared

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"dreamlab/providers"
	"dreamlab/store/plainjson"
)

// Standard is the field of an object that is sent once, before the cases, where it is the object's first and the same
// in all of them.
const Standard = "standard"

// perCase is how many tokens an answer may have for each case beside the first. Six cases stay below the 4096 that
// some models can write at most.
const perCase = 400

// What is added to an instruction for one object, with what is said of the fields before the list of cases.
const forMany = `

Here the last message holds several such objects, by name ("case_1", "case_2" ...)%s. Do with each what is said above, by ` +
	`itself, as if the others were not there. Answer with one JSON object: {"answers": [...]}, with an object of the form ` +
	`above for each case, in this order, that gives the case's name in "case" before its other fields.`

// What is said of a standard.
const besideStandard = `; "` + Standard + `" beside them belongs to each`

var errForm = errors.New("it has another form than an instruction, an object and the schema of an object")

// Name is what the case at a place is called, from 0.
func Name(at int) string { return "case_" + strconv.Itoa(at+1) }

// Join makes one request of several with the same [Key].
func Join(requests []providers.Request) (providers.Request, error) {
	joined := requests[0]
	form, err := listForm(joined.ResponseFormat, len(requests))
	if err != nil {
		return joined, fmt.Errorf("ask questions together: %w", err)
	}
	standard, beside := standardOf(joined), ""
	var object strings.Builder
	object.WriteByte('{')
	if standard != "" {
		object.WriteString(quoted(Standard) + ":" + standard + ",")
		beside = besideStandard
	}
	cases := make([]string, len(requests))
	for i, r := range requests {
		cases[i] = caseOf(r)
	}
	same, cases := alike(cases)
	object.WriteString(same.fields())
	for i, one := range cases {
		if i > 0 {
			object.WriteByte(',')
		}
		object.WriteString(quoted(Name(i)) + ":" + one)
	}
	object.WriteByte('}')
	joined.ResponseFormat = form
	joined.Messages = []providers.Message{
		providers.TextMessage("system", joined.Messages[0].Text()+fmt.Sprintf(forMany, beside+same.told())),
		providers.TextMessage("user", object.String()),
	}
	joined.MaxTokens += perCase * (len(requests) - 1)
	return joined, nil
}

// Key is the same for requests that can be joined: those with the same instruction, settings and standard. It is
// "" where a request has another form.
func Key(r providers.Request) string {
	if _, err := listForm(r.ResponseFormat, 1); err != nil || len(r.Messages) != 2 || r.Messages[0].Role != "system" {
		return ""
	}
	if !json.Valid([]byte(r.Messages[1].Text())) || !strings.HasPrefix(r.Messages[1].Text(), "{") {
		return ""
	}
	return string(plainjson.Of([]any{r.Messages[0], r.Settings, standardOf(r)}))
}

// Size is what a request says, in bytes of text. The form of its answer is left out: not all vendors count it.
func Size(r providers.Request) int64 {
	size := 0
	for _, m := range r.Messages {
		if text := m.Text(); text != "" {
			size += len(text)
		} else {
			size += len(m.Content)
		}
	}
	return int64(size)
}

// Text is what the messages of a request with a [Key] say, one after the other, or all of its object where that has none.
func Text(r providers.Request) string {
	rest := caseOf(r)
	if messages, _ := cutFirst(rest, Conversation); messages != "" {
		return strings.TrimSuffix(messages, "]")
	}
	return rest
}

// caseOf is the object of a request without its standard.
func caseOf(r providers.Request) string {
	_, rest := cutFirst(r.Messages[1].Text(), Standard)
	return rest
}

func standardOf(r providers.Request) string {
	standard, _ := cutFirst(r.Messages[1].Text(), Standard)
	return standard
}

// cutFirst takes a field out of an object, where that is its first, and returns the value as it stands there.
func cutFirst(object, field string) (first, rest string) {
	decoder := json.NewDecoder(strings.NewReader(object))
	for _, want := range []json.Token{json.Delim('{'), field} {
		if token, err := decoder.Token(); err != nil || token != want {
			return "", object
		}
	}
	var value json.RawMessage
	if err := decoder.Decode(&value); err != nil {
		return "", object
	}
	rest = strings.TrimPrefix(strings.TrimSpace(object[decoder.InputOffset():]), ",")
	return string(value), "{" + rest
}

// listForm is the form of a list of answers, of the form of one. The fields of an answer keep their order: models
// fill them in it.
func listForm(form json.RawMessage, cases int) (json.RawMessage, error) {
	var one struct {
		Type   string `json:"type"`
		Schema struct {
			Name   string `json:"name"`
			Strict bool   `json:"strict"`
			Schema struct {
				Required   []string        `json:"required"`
				Properties json.RawMessage `json:"properties"`
			} `json:"schema"`
		} `json:"json_schema"`
	}
	err := json.Unmarshal(form, &one)
	fields, isObject := strings.CutPrefix(string(one.Schema.Schema.Properties), "{")
	if err != nil || one.Type != "json_schema" || !isObject || len(one.Schema.Schema.Required) == 0 {
		return nil, errForm
	}
	names := make([]string, cases)
	for i := range names {
		names[i] = Name(i)
	}
	name := plainjson.Of(schema{"type": "string", "enum": names})
	item := object([]string{"case"}, one.Schema.Schema.Required, json.RawMessage(`{"case":`+string(name)+`,`+fields))
	list := object([]string{"answers"}, nil, plainjson.Of(schema{"answers": schema{"type": "array", "items": item}}))
	return plainjson.Of(schema{"type": "json_schema", "json_schema": schema{
		"name": one.Schema.Name + "_list", "strict": one.Schema.Strict, "schema": list,
	}}), nil
}

type schema map[string]any

func object(required, more []string, properties json.RawMessage) schema {
	return schema{
		"type": "object", "additionalProperties": false,
		"required": append(required, more...), "properties": properties,
	}
}

func quoted(text string) string { return string(plainjson.Of(text)) }
