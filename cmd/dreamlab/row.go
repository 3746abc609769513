package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"dreamlab/cmd/internal/client"
	"dreamlab/tasks"
	"dreamlab/tasks/lenient"
)

// row is a line or an item of a file to import.
type row struct {
	number int64 // counted from 1
	text   []byte
	asked
}

// asked are the rows that the API does not take as they are.
type asked struct {
	Question string          `json:"question"`
	Answer   string          `json:"answer"`
	ID       json.RawMessage `json:"question_id"`
	Turns    []string        `json:"turns"`
	Messages json.RawMessage `json:"messages"` // with these it is a conversation all the same
}

// rows reads a file.
type rows struct {
	from     *lenient.Rows
	rejected []client.Rejected // what is too long to be sent
}

func newRows(file io.Reader) *rows { return &rows{from: lenient.NewRows(file, tasks.MaxLine)} }

// next returns the next row, or io.EOF. An empty line is a row, too, and so is one
// that is too long, without its text: the others keep their numbers.
func (r *rows) next() (row, error) {
	text, err := r.from.Next()
	read := row{number: r.from.Number(), text: text}
	switch {
	case errors.Is(err, lenient.ErrLong):
		r.rejected = append(r.rejected, client.Rejected{
			Line: read.number, Reason: "it is longer than 4 MiB: split the conversation",
		})
		return read, nil
	case err != nil:
		return read, err
	}
	if json.Unmarshal(text, &read.asked) != nil {
		read.asked = asked{} // the API says what is wrong with it
	}
	return read, nil
}

// first returns the first row that holds something.
func (r *rows) first() (row, error) {
	for {
		read, err := r.next()
		if err != nil || len(read.text) > 0 {
			return read, err
		}
	}
}

// asks tells whether the row holds turns to put to the assistant.
func (r row) asks() bool { return r.Messages == nil && len(r.Turns) > 0 }

// line returns the row as the API takes it, on one line: a question and its answer
// as a conversation, everything else as it is, for the API says what is wrong with
// it.
func (r row) line() ([]byte, error) {
	if r.Messages == nil && r.Question != "" && r.Answer != "" {
		return json.Marshal(client.Conversation{
			Messages: []client.Message{
				{Role: "user", Content: r.Question}, {Role: "assistant", Content: r.Answer},
			},
			Reference: referenceOf(r.Answer),
		})
	}
	var line bytes.Buffer
	if json.Compact(&line, r.text) == nil {
		return line.Bytes(), nil
	}
	return bytes.Map(func(c rune) rune {
		if c == '\n' || c == '\r' {
			return ' '
		}
		return c
	}, r.text), nil
}

// referenceOf returns what stands behind "####" in the last line, as in GSM8K
// (https://github.com/openai/grade-school-math).
func referenceOf(answer string) string {
	lines := strings.Split(strings.TrimSpace(answer), "\n")
	reference, found := strings.CutPrefix(lines[len(lines)-1], "####")
	if !found {
		return ""
	}
	return strings.TrimSpace(reference)
}
