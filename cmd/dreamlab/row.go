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

// asked are the fields of rows that have no answer yet and are sent to the model.
type asked struct {
	Question string          `json:"question"`
	Answer   string          `json:"answer"`
	ID       json.RawMessage `json:"question_id"`
	Turns    []string        `json:"turns"`
	Messages json.RawMessage `json:"messages"` // with these it is a complete conversation
}

// rows reads a file.
type rows struct {
	from     *lenient.Rows
	rejected []client.Rejected // what is too long to be sent
}

func newRows(file io.Reader) *rows { return &rows{from: lenient.NewRows(file, tasks.MaxLine)} }

// next returns the next row, or io.EOF. Empty lines count as rows, and so do lines that are too
// long, which come without their text: the other rows keep their numbers.
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

// first returns the first row that is not empty.
func (r *rows) first() (row, error) {
	for {
		read, err := r.next()
		if err != nil || len(read.text) > 0 {
			return read, err
		}
	}
}

// asks tells whether the row holds turns to send to the model.
func (r row) asks() bool { return r.Messages == nil && len(r.Turns) > 0 }

// line returns the row as one line for the API: a question with its answer as a conversation,
// any other row unchanged, because the API reports what is wrong with it.
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

// referenceOf returns the text after "####" in the last line, as in GSM8K
// (https://github.com/openai/grade-school-math).
func referenceOf(answer string) string {
	lines := strings.Split(strings.TrimSpace(answer), "\n")
	reference, found := strings.CutPrefix(lines[len(lines)-1], "####")
	if !found {
		return ""
	}
	return strings.TrimSpace(reference)
}
